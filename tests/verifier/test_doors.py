"""The verifier over HTTP: what its description says it does, many at once, and wallets asked for a proof."""

import asyncio
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from contracts.deployment import Deployment
from licence.facts import Asked
from registry import presenting
from tests.licence.wallet import HOLDER, proof
from tests.registry.office import Office
from verifier.app import App
from verifier.trust import Trust

LABELS = [
    *("POST /api/v1/verify", "POST /api/v1/verify-batch", "POST /api/v1/decode", "POST /api/v1/forge"),
    *("GET /healthz", "GET /readyz", "GET /metrics", "GET /api/v1/network"),
]
# What a picture or a licence must hold is beyond what a description can say; a chain may be away.
UPLOADS = {"POST /api/v1/decode", "POST /api/v1/forge"}


@pytest.fixture(scope="module")
def trust(office: Office, tmp_path_factory: pytest.TempPathFactory) -> Trust:
    office.issue()
    office.settle()
    return office.trust(tmp_path_factory.mktemp("trust"))


@pytest.fixture(scope="module")
def operations(trust: Trust) -> dict[str, Any]:
    schema = schemathesis.openapi.from_asgi("/openapi.json", App(trust))
    return {found.ok().label: found.ok() for found in cast(Any, schema.get_all_operations())}


def test_every_door_is_described(operations: dict[str, Any]) -> None:
    assert set(operations) == set(LABELS)


@pytest.mark.parametrize("mode", list(GenerationMode), ids=[mode.value for mode in GenerationMode])
@pytest.mark.parametrize("label", LABELS)
def test_every_door_does_what_it_says(label: str, mode: GenerationMode, operations: dict[str, Any]) -> None:
    @settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(case=operations[label].as_strategy(generation_mode=mode))
    def asked(case: Any) -> None:
        case.call_and_validate(excluded_checks=[positive_data_acceptance] if label in UPLOADS else [])

    try:
        asked()
    except Unsatisfiable:
        assert mode is GenerationMode.NEGATIVE


def post(trust: Trust, path: str, body: object) -> httpx.Response:
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(App(trust))
        async with httpx.AsyncClient(transport=transport, base_url="http://verifier") as client:
            return await client.post(path, json=body)

    return asyncio.run(ask())


def test_a_batch_is_answered_in_its_order(office: Office, tmp_path: Path) -> None:
    row = office.issue()
    office.settle()
    trust, text = office.trust(tmp_path), office.show(row).paper()
    questions = [{"presentation": each} for each in (text, "nothing", text[:-6])]
    found = post(trust, "/api/v1/verify-batch", {"questions": questions})
    assert found.status_code == 200
    assert [each["verdict"] for each in found.json()["answers"]] == ["VALID", "UNDETERMINED", "INVALID"]


@pytest.mark.parametrize("questions", [[], [{"presentation": "x"}] * 101, "x", [1]])
def test_a_batch_of_none_or_too_many_is_an_error_of_use(trust: Trust, questions: object) -> None:
    assert post(trust, "/api/v1/verify-batch", {"questions": questions}).status_code == 422


def test_without_a_chain_a_batch_is_503(office: Office) -> None:
    fresh = Trust(cast(Deployment, office.house.chain.deployment), 60)
    row = office.issue()
    office.settle()
    body = {"questions": [{"presentation": office.show(row).paper()}]}
    assert post(fresh, "/api/v1/verify-batch", body).status_code == 503


def test_a_wallet_is_asked_and_answers(office: Office, tmp_path: Path) -> None:
    """Issued by the registry, bound to the wallet's key, verified over HTTP with the nonce that was asked."""
    row = office.issue()
    office.settle()
    with office.house.store.read() as session:
        text = presenting.credential(
            office.house, session, office.again(row), names=["entName"], holder=HOLDER.public
        )
    trust, asked = office.trust(tmp_path), Asked("https://counter.example", "n-77")
    shown = text + proof(text, office.house.now, to=asked)
    body = {"presentation": shown, "audience": asked.audience, "nonce": asked.nonce}
    found = post(trust, "/api/v1/verify", body).json()
    assert (found["verdict"], found["holder_binding"], found["form"]) == ("VALID", "device", "sd-jwt")
    assert [field["name"] for field in found["fields"]] == ["entName"]
    other = post(trust, "/api/v1/verify", {**body, "nonce": "n-78"}).json()
    assert (other["verdict"], other["reason"]) == ("INVALID", "WRONG_AUDIENCE")
    half = post(trust, "/api/v1/verify", {"presentation": shown, "nonce": "n-77"})
    assert half.status_code == 422
