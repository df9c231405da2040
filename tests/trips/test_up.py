"""`elicence up`, lived with: killed and started again, tampered with, asked by a browser."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from typer.testing import CliRunner

from scripts.main import app
from scripts.stack import Ports
from tests.trips.system import System, elicence, last_json, running, start


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with running(tmp_path_factory.mktemp("up") / "home", "--demo") as made:
        yield made


def verify(system: System, path: Path) -> dict[str, Any]:
    run = elicence("verify", str(path), "--url", system.verifier, "--json")
    return last_json(run.stdout)


def login(system: System, department: int) -> dict[str, str]:
    logins = json.loads((system.home / "demo_logins.json").read_text("utf-8"))
    return {"authorization": f"Bearer {logins[str(department)]}"}


def test_samples_say_what_they_are(system: System) -> None:
    samples = system.home / "samples"
    for name, reason in (("valid", None), ("revoked", "REVOKED"), ("superseded", "SUPERSEDED")):
        for form in ("json", "txt", "png"):
            assert verify(system, samples / f"{name}.{form}")["reason"] == reason


def test_logins_are_readable_by_their_owner_alone(system: System) -> None:
    assert (system.home / "demo_logins.json").stat().st_mode & 0o077 == 0


def test_tampering_is_named_by_the_audit_and_the_verifier_and_can_be_undone(
    system: System, tmp_path: Path
) -> None:
    assert last_json(system.audit().stdout)["differences"] == 0
    said = elicence("demo", "tamper", "--home", str(system.home))
    assert said.returncode == 0, said.stderr
    found = system.audit()
    assert found.returncode == 1
    assert "leaf file of department 1, anchor 1" in found.stderr
    assert "status list 1 of department 7, entry" in found.stderr
    edited = (
        next(line for line in said.stderr.splitlines() if "signed entry edited" in line)
        .split()[2]
        .rstrip(":")
    )
    answer = httpx.get(f"{system.registry}/api/v1/licences/{edited}/file", headers=login(system, 1))
    path = tmp_path / "edited.json"
    path.write_bytes(answer.content)
    assert verify(system, path)["reason"] == "CONTENT_ALTERED"
    again = elicence("demo", "tamper", "--home", str(system.home))
    assert "already" in again.stderr
    assert elicence("demo", "tamper", "--undo", "--home", str(system.home)).returncode == 0
    assert system.audit().returncode == 0


def test_a_port_in_use_is_said_with_the_way_out(system: System, tmp_path: Path) -> None:
    told = ["--home", str(tmp_path / "h"), "--chain-port", str(system.ports.chain)]
    found = elicence("up", *told)
    assert found.returncode == 1
    assert f"port {system.ports.chain} of the chain is in use" in found.stderr
    assert "--chain-port" in found.stderr


def test_commands_work_beside_the_running_system(system: System, tmp_path: Path) -> None:
    environment = {
        "ELICENCE_HOME": str(system.home),
        "ELICENCE_CHAIN_URL": f"http://127.0.0.1:{system.ports.chain}",
        "ELICENCE_REGISTRY_PORT": str(system.ports.registry),
    }
    wrong = tmp_path / "wrong.json"
    wrong.write_text('{"type": "11990000DEF000011Y001", "values": {"entName": ""}}', "utf-8")
    refused = elicence("issue", "1", str(wrong), **environment)
    assert refused.returncode == 1
    assert "creditCode" in refused.stderr
    listed = httpx.get(f"{system.registry}/api/v1/licences?limit=1", headers=login(system, 1)).json()["items"]
    shown = elicence("present", "1", listed[0]["id"], **environment)
    assert shown.stdout.startswith("ELR1:")
    for usage, code in (("present", 0), ("both", 1)):
        assert elicence("department", "renew-key", "1", "--usage", usage, **environment).returncode == code
    credential = tmp_path / "credential.txt"
    out = ["--form", "sd-jwt", "--out", str(credential)]
    assert elicence("present", "1", listed[0]["id"], *out, **environment).returncode == 0
    for _ in range(10):  # until the verifier has read of the new key
        asked = elicence("verify", str(credential), "--url", system.verifier, "--json")
        answer = last_json(asked.stdout)
        if answer["verdict"] == "VALID":
            break
    assert (answer["verdict"], answer["form"], answer["holder_binding"]) == ("VALID", "sd-jwt", "none")
    dry = elicence(
        "import", "7", "scripts/demo_data/business_licences.csv", "--dry-run", "--json", **environment
    )
    assert last_json(dry.stdout)["rejected"] == 0
    assert elicence("department", "renew-key", "1", **environment).returncode == 0
    assert elicence("status", "1", "BURNED", "x", "--basis", "y", **environment).returncode == 1


def test_killed_and_started_again_everything_is_there_and_nothing_is_anchored_twice(tmp_path: Path) -> None:
    ports = Ports.free()
    first = start(tmp_path / "home", ports, "--demo")
    before = last_json(first.audit().stdout)
    first.kill_everything()
    second = start(tmp_path / "home", ports, "--demo")
    try:
        assert "0 issued now" in second.log
        after = last_json(second.audit().stdout)
        names = ("departments", "keys", "anchors", "leaves", "statuses", "differences")
        assert [after[name] for name in names] == [before[name] for name in names]
        assert verify(second, second.home / "samples" / "valid.png")["verdict"] == "VALID"
    finally:
        second.kill_everything()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = subprocess.run(["which", "chromium"], capture_output=True, text=True).stdout.strip()
    if not chromium:
        pytest.skip("NOT RUN: no Chromium here; scripts/test installs it where it may")
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        yield made
        made.close()


@pytest.fixture
def page(browser: Browser, system: System) -> Iterator[Page]:
    context = browser.new_context(locale="zh-CN")
    made = context.new_page()
    problems: list[str] = []
    made.on("pageerror", lambda error: problems.append(str(error)))
    made.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    made.goto(system.verifier)
    yield made
    context.close()
    assert [problem for problem in problems if "422" not in problem] == []


def test_a_picture_of_a_code_is_read_and_judged(page: Page, system: System) -> None:
    page.set_input_files("#file", str(system.home / "samples" / "valid.png"))
    page.wait_for_selector("#verdict.VALID")
    assert page.inner_text("#title") == "真实有效"
    assert page.locator("#checks li").count() == 8
    assert page.locator("#checks li.fail").count() == 0
    assert page.locator("#path svg rect.block").count() == 1
    assert page.locator("#fields tr").count() >= 8


def test_forging_any_field_on_the_page_names_the_failing_check(page: Page, system: System) -> None:
    page.set_input_files("#file", str(system.home / "samples" / "valid.json"))
    page.wait_for_selector("#verdict.VALID")
    count = page.locator("#forgery input").count()
    assert count >= 8
    for place in (0, count // 2, count - 1):
        field = page.locator("#forgery input").nth(place)
        field.fill("伪造")
        page.click("#tamper")
        page.wait_for_selector("#verdict.INVALID[data-reason='CONTENT_ALTERED']")
        assert page.locator("#checks li.fail").first.get_attribute("data-check") == "5"
        page.click("#restore")
        page.wait_for_selector("#verdict.VALID")


def test_the_page_speaks_english_and_says_what_is_wrong(page: Page, system: System) -> None:
    page.click("#language")
    assert page.inner_text("h1") == "Licence check"
    page.click("#check")
    assert "Paste" in page.inner_text("#problem")
    page.fill("#text", (system.home / "samples" / "revoked.txt").read_text("utf-8"))
    page.click("#check")
    page.wait_for_selector("#verdict.INVALID[data-reason='REVOKED']")
    assert page.inner_text("#title") == "Revoked"
    page.fill("#text", "https://example.cn/")
    page.click("#check")
    page.wait_for_selector("#verdict.UNDETERMINED[data-reason='NOT_OUR_CODE']")


def test_a_picture_without_a_code_is_said_so(page: Page, tmp_path: Path) -> None:
    from PIL import Image

    path = tmp_path / "grey.png"
    Image.new("L", (200, 200), 128).save(path)
    page.set_input_files("#file", str(path))
    page.wait_for_selector("#problem:not([hidden])")
    assert "没有二维码" in page.inner_text("#problem")


def test_the_page_is_accessible(page: Page, system: System) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page.set_input_files("#file", str(system.home / "samples" / "valid.png"))
    page.wait_for_selector("#verdict.VALID")
    # The page's own policy forbids foreign scripts, so the examiner is brought in by the test's own hand.
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("value", ["1.5", "[[]]", "null", '"\\ud800"', "{}"])
def test_what_cannot_be_forged_is_a_problem_not_a_crash(system: System, value: str) -> None:
    text = json.dumps((system.home / "samples" / "valid.json").read_text("utf-8"))
    body = f'{{"presentation": {text}, "values": {{"entName": {value}}}}}'
    found = httpx.post(f"{system.verifier}/api/v1/forge", content=body)
    assert found.status_code in (200, 422)
    if found.status_code == 200:
        again = httpx.post(f"{system.verifier}/api/v1/verify", json=found.json())
        assert again.json()["verdict"] == "INVALID"


def test_the_policy_lets_nothing_foreign_in(system: System) -> None:
    headers = httpx.get(system.verifier).headers
    assert "script-src 'self'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"", 413), (b"GIF89a", 422), (b"\x89PNG broken", 422), (b"x" * (12 * 2**20 + 1), 413)],
)
def test_what_is_no_picture_is_refused(system: System, body: bytes, status: int) -> None:
    assert httpx.post(f"{system.verifier}/api/v1/decode", content=body).status_code == status


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 422),
        (b"{}", 422),
        (b'{"presentation": 7}', 422),
        (b'{"presentation": "' + b"x" * 150_000 + b'"}', 413),
    ],
)
def test_misuse_of_the_verifier_is_a_problem_not_a_verdict(system: System, body: bytes, status: int) -> None:
    found = httpx.post(f"{system.verifier}/api/v1/verify", content=body)
    assert (found.status_code, found.headers["content-type"]) == (status, "application/problem+json")


def test_the_commands_that_take_a_home_read_it_from_the_environment_too(tmp_path: Path) -> None:
    found = CliRunner().invoke(app, ["audit"], env={"ELICENCE_HOME": str(tmp_path / "elsewhere")})
    assert found.exit_code == 1
    assert str(tmp_path / "elsewhere" / "deployment.json") in found.output
