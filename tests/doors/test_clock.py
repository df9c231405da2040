"""A clock that is wrong by hours or days: nothing is signed with a time that cannot be right, nothing expired passes,
and all goes on as soon as the clock is right again."""

import importlib.util
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from registry.errors import ClockError
from registry.pace import Pace
from scripts.stack import Ports
from tests.doors.running import Process, Running, issue
from tests.registry.office import Office

HOUR, DAY = 3600, 86_400


@pytest.fixture(scope="module")
def dial(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file that says by how much the clocks of the processes under it are wrong."""
    path = tmp_path_factory.mktemp("clock") / "offset"
    path.write_text("+0d\n")
    return path


@pytest.fixture(scope="module")
def wrong(dial: Path) -> dict[str, str]:
    """The environment of a process whose clock follows the dial; its steady ticking is left alone."""
    found = importlib.util.find_spec("libfaketime")
    assert found is not None and found.origin is not None
    library = next(Path(found.origin).parent.rglob("libfaketime.so.1"))
    return {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(dial),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }


@pytest.fixture
def right_again(dial: Path) -> Iterator[None]:
    yield
    dial.write_text("+0d\n")


@pytest.fixture(scope="module")
def web(house: Running, wrong: dict[str, str]) -> Process:
    return house.web(**wrong)


@pytest.fixture(scope="module")
def verifier(house: Running, web: Process, wrong: dict[str, str]) -> Process:
    port = str(Ports.free().verifier)
    more = {"ELICENCE_VERIFIER_PORT": port, "ELICENCE_MIRROR": f"{web.url}/public"}
    return house.start(["verifier"], **more, **wrong)


def verdict(verifier: Process, text: str) -> tuple[str, str | None]:
    found: dict[str, Any] = httpx.post(f"{verifier.url}/api/v1/verify", json={"presentation": text}).json()
    return found["verdict"], found["reason"]


OFFSETS = ["+3d", "-3d", "+1h", "-1h"]


@pytest.mark.parametrize("offset", OFFSETS)
def test_under_a_wrong_clock_nothing_is_issued_and_under_the_right_one_all_goes_on(
    web: Process, office: Office, dial: Path, offset: str, right_again: None
) -> None:
    assert issue(web, office, f"clock-before {offset}").status_code == 202
    dial.write_text(f"{offset}\n")
    refused = issue(web, office, f"clock {offset}")
    assert (refused.status_code, refused.json()["type"]) == (503, "urn:elicence:clock")
    assert "set it" in refused.json()["title"]
    time.sleep(1.1)
    ready = httpx.get(f"{web.url}/readyz", timeout=10)
    assert ready.status_code == 503
    assert [part["name"] for part in ready.json()["parts"] if part["needed"] and not part["ok"]] == ["clock"]
    dial.write_text("+0d\n")
    assert issue(web, office, f"clock {offset}").status_code == 202


@pytest.mark.parametrize("offset", OFFSETS)
def test_under_a_wrong_clock_the_verifier_calls_nothing_valid_and_recovers(
    verifier: Process, office: Office, dial: Path, offset: str, right_again: None
) -> None:
    licence = office.issue()
    office.settle()
    text = office.show(licence).paper()
    end = time.monotonic() + 10
    while verdict(verifier, text) != ("VALID", None):
        assert time.monotonic() < end, verdict(verifier, text)
        time.sleep(0.1)
    dial.write_text(f"{offset}\n")
    assert verdict(verifier, text)[0] != "VALID"
    time.sleep(1.1)
    assert httpx.get(f"{verifier.url}/readyz").status_code == 503
    dial.write_text("+0d\n")
    assert verdict(verifier, text) == ("VALID", None)


def test_a_registry_does_not_start_with_a_clock_behind_what_it_has_stored(
    house: Running, office: Office, wrong: dict[str, str], dial: Path, right_again: None
) -> None:
    office.settle()
    dial.write_text("-3d\n")
    for role in ("web", "worker"):
        with pytest.raises(AssertionError, match="error: the clock is wrong"):
            house.start(["registry", role], ELICENCE_REGISTRY_PORT=str(Ports.free().registry), **wrong)
        assert house.started[-1].popen.wait(10) == 1


def test_what_was_signed_ahead_of_time_is_anchored_when_its_time_has_come_and_is_valid(
    office: Office, tmp_path: Path
) -> None:
    office.settle()
    ahead = replace(office, house=replace(office.house, clock=lambda: time.time() + 66))
    licence = ahead.issue()
    began = time.monotonic()
    office.settle()
    assert time.monotonic() - began > 4
    assert office.reason(licence, tmp_path) is None


class Clocks:
    """A wall clock and a steady one, as a machine has them."""

    def __init__(self) -> None:
        self.wall, self.steady = 1_800_000_000.0, 50.0

    def pass_(self, seconds: float) -> None:
        self.wall += seconds
        self.steady += seconds

    def pace(self) -> Pace:
        return Pace(lambda: self.wall, lambda: self.steady)


def test_a_clock_ahead_from_the_start_is_found_out_by_a_chain_that_goes_on() -> None:
    clocks = Clocks()
    chain = int(clocks.wall) - 3 * DAY
    pace = clocks.pace()
    pace.saw(7, chain)
    assert (
        pace.doubt(chain) is None
    )  # it may be the chain that stands still: issuing goes on, anchoring waits
    assert pace.undecided
    clocks.pass_(15)
    pace.saw(8, chain + 15)
    with pytest.raises(ClockError, match="ahead of the chain, which goes on"):
        pace.demand_sound(chain)


def test_a_chain_that_stands_still_stops_nobody() -> None:
    clocks = Clocks()
    pace = clocks.pace()
    for _ in range(20):
        pace.saw(7, int(clocks.wall) - 3 * DAY)
        clocks.pass_(10)
    assert pace.doubt(0) is None
    assert not pace.undecided


def test_a_node_that_catches_up_is_no_reason_to_doubt_the_clock() -> None:
    clocks = Clocks()
    pace, block = clocks.pace(), int(clocks.wall) - 3 * DAY
    for number in range(1, 6):
        pace.saw(number, block)
        block += 6 * HOUR
        clocks.pass_(10)
    assert pace.doubt(0) is None
    pace.saw(9, int(clocks.wall))
    assert (pace.doubt(0), pace.undecided) == (None, False)


def test_a_jump_that_the_chain_confirms_was_a_correction() -> None:
    clocks = Clocks()
    pace = clocks.pace()
    clocks.wall += HOUR
    with pytest.raises(ClockError, match="jumped by 3600 seconds"):
        pace.demand_sound(0)
    pace.saw(1, int(clocks.wall))
    pace.demand_sound(0)


def test_a_block_of_the_future_is_a_node_s_word_and_stops_nobody() -> None:
    clocks = Clocks()
    pace = clocks.pace()
    pace.saw(1, int(clocks.wall) + DAY)
    assert pace.doubt(0) is None
    assert pace.doubt(int(clocks.wall) + DAY) == f"{DAY} seconds behind a block that is stored"
