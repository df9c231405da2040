"""Figures: each is described in the operations page and nothing else is; they tell the truth, and of nobody."""

import asyncio
import re
import time
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from doors.counting import Counts
from doors.doorway import Doorway
from registry.errors import RegistryError
from registry.leases import Leases
from registry.main import create_app
from registry.tables import Hold
from scripts.stack import ROOT, Ports
from tests.doors.running import BUSINESS, Process, Running, company, issue
from tests.registry.office import Office
from verifier.app import App

PAGE = (ROOT / "docs" / "operations.md").read_text("utf-8")


def samples(text: str) -> dict[str, float]:
    """Every sample, by its name and labels as they are written."""
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


def names(counts: Counts) -> set[str]:
    """The metrics of a registry of counts, as Prometheus names their families."""
    found = set()
    for family in counts.registry.collect():
        found.add(family.name + ("_total" if family.type == "counter" else ""))
    return found


def test_the_page_describes_every_metric_and_no_other(office: Office, tmp_path: Path) -> None:
    doorways = [Doorway(), Doorway()]
    create_app(office.house, doorways[0])
    App(office.trust(tmp_path), doorway=doorways[1], home=tmp_path)
    served = names(doorways[0].counts) | names(doorways[1].counts)
    described = set(re.findall(r"^\| `((?:elicence|process)_\w+)`", PAGE, re.MULTILINE))
    assert described == served


def test_queue_lag_leases_and_holds_are_told_as_they_are(office: Office) -> None:
    office.settle()
    before = samples(office.call("GET", "/metrics").text)
    assert before["elicence_ready"] == 1
    assert (before["elicence_unanchored_licences"], before["elicence_anchor_lag_seconds"]) == (0, 0)
    assert (before["elicence_departments"], before["elicence_leases_held"]) == (7, 0)
    assert before["elicence_chain_age_seconds"] < 60
    office.issue()
    with office.house.store.write() as session:
        session.add(Hold(department=6, since=1, missing="anchor 9"))
    held = Leases(office.house)
    held.tend()
    time.sleep(1.1)  # a look is kept for a second
    after = samples(office.call("GET", "/metrics").text)
    told = office.call("GET", "/readyz").json()
    held.release()
    with office.house.store.write() as session:
        session.delete(session.get_one(Hold, 6))
    assert (after["elicence_unanchored_licences"], after["elicence_leases_held"]) == (1, 7)
    assert (after["elicence_holds"], after["elicence_part_ok{part=holds}"]) == (1, 0)
    assert told["status"] == "ready"  # the six others issue
    assert next(part for part in told["parts"] if part["name"] == "holds")["en"] == "read-only departments: 6"
    office.settle()


def test_routes_are_told_by_their_template_and_refusals_by_their_code(web: Process, office: Office) -> None:
    licence = issue(web, office, "metrics-1").json()["id"]
    httpx.get(f"{web.url}/api/v1/licences/{licence}", headers=office.headers())
    httpx.get(f"{web.url}/api/v1/licences/{licence}/file", headers=office.headers())
    httpx.get(f"{web.url}/{licence}")
    text = httpx.get(f"{web.url}/metrics").text
    told = samples(text)
    route = "/api/v1/licences/{licence_id}"
    assert told[f"elicence_requests_total{{method=GET,route={route},status=200}}"] == 1
    assert told["elicence_requests_total{method=GET,route=other,status=404}"] == 1
    assert told["elicence_refusals_total{code=not_anchored}"] == 1
    assert licence not in text
    office.settle()


def test_no_metric_health_or_log_line_holds_a_value_of_a_licence(web: Process, office: Office) -> None:
    office.number += 1
    canaries = {"creditCode": company(office.number), "entName": "演示（示例市）金丝雀有限公司"}
    values = office.business(**canaries)
    body = {"type": BUSINESS, "values": values}
    url, headers = f"{web.url}/api/v1/licences", office.headers(1, "canary")
    assert httpx.post(url, json=body, headers=headers).status_code == 202
    httpx.post(url, json={**body, "values": {**values, "estDate": "x"}}, headers=office.headers(1, "c2"))
    httpx.get(f"{url}/{canaries['creditCode']}?name={canaries['entName']}", headers=office.headers())
    shown = "".join(httpx.get(f"{web.url}{path}").text for path in ("/metrics", "/readyz", "/healthz"))
    for canary in (*canaries.values(), office.tokens[1]):
        assert canary not in shown + web.text
    office.settle()


def test_while_the_chain_is_away_the_registry_is_ready_and_says_that_it_is_away(
    house: Running, office: Office
) -> None:
    nobody = f"http://127.0.0.1:{Ports.free().chain}"
    web = house.web(ELICENCE_CHAIN_URL=nobody)
    assert issue(web, office, "away").status_code == 202
    told = httpx.get(f"{web.url}/readyz", timeout=10)
    assert (told.status_code, told.json()["status"]) == (200, "ready")
    chain = next(part for part in told.json()["parts"] if part["name"] == "chain")
    assert (chain["ok"], chain["needed"]) == (False, False)
    assert "does not answer" in chain["en"]
    assert samples(httpx.get(f"{web.url}/metrics").text)["elicence_part_ok{part=chain}"] == 0
    web.stop()
    office.settle()


def test_without_its_signer_the_registry_is_not_ready(house: Running, office: Office) -> None:
    path = office.stack.settings.socket
    aside = path.with_suffix(".away")
    path.rename(aside)
    try:
        web = house.web()
        told = httpx.get(f"{web.url}/readyz", timeout=10)
        words = httpx.get(f"{web.url}/readyz", headers={"accept": "text/plain"}).text
        assert told.status_code == 503
        assert words.startswith("未就绪 · not ready\n")
        assert "✗ signer: 签名服务暂不可用" in words
    finally:
        aside.rename(path)
    web.stop()


def test_every_refusal_has_a_code_that_is_fit_for_a_label() -> None:
    kinds, found = [RegistryError], set()
    while kinds:
        kind = kinds.pop()
        kinds += kind.__subclasses__()
        found.add(kind.code)
    assert all(re.fullmatch(r"[a-z_]{3,30}", code) for code in found)
    assert len(found) < 40


def test_a_verifier_counts_its_verdicts(office: Office, tmp_path: Path) -> None:
    app = App(office.trust(tmp_path))

    async def ask() -> str:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://verifier") as client:
            await client.post("/api/v1/verify", json={"presentation": "nothing"})
            return (await client.get("/metrics")).text

    told = samples(asyncio.run(ask()))
    assert told["elicence_verdicts_total{reason=NOT_OUR_CODE,verdict=UNDETERMINED}"] == 1
    assert told["elicence_ready"] == 1


@pytest.mark.parametrize("promise", ["When it is too much", "Stopping", "Health and metrics"])
def test_the_page_says_what_an_operator_must_know(promise: str) -> None:
    assert f"## {promise}" in PAGE
