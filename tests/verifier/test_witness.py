"""The witness: it remembers, it raises alarms that stay, and a verifier that requires it believes no chain without."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import ValidationError
from typer.testing import CliRunner, Result

from licence.canonical import base64url
from licence.reasons import Reason
from licence.witness import LIFE, AlarmKind
from scripts import seeding
from scripts.main import app as command_line
from scripts.stack import ROOT, Ports
from tests.nodes.nodes import anvil_node, ask
from tests.registry.office import Office, open_office
from tests.verifier.witnessing import Scene, serving
from verifier.notebook import Notebook, NotebookError
from verifier.settings import Required, Settings, SettingsError, read_settings
from verifier.trust import Heard
from verifier.witness_key import WitnessKey, WitnessKeyError
from verifier.witnesses import Listener


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Office, str]]:
    with anvil_node() as url:
        home = tmp_path_factory.mktemp("w") / "home"
        with open_office(home, url, seeding.applicants()[:1]) as office:
            yield office, url


@pytest.fixture
def scene(town: tuple[Office, str], tmp_path: Path) -> Iterator[Scene]:
    made = Scene(*town, tmp_path)
    yield made
    made.stack.close()


def test_a_witness_and_a_verifier_that_see_the_same_agree(scene: Scene) -> None:
    row = scene.issue()
    scene.follower.look()
    assert scene.reason(row) is Reason.WITNESS_SILENT, "nothing is judged before the witness has spoken"
    assert scene.look() == ()
    scene.hear()
    assert scene.reason(row) is None
    said = scene.said()
    assert said.alarms == ()
    assert said.heads == scene.trust.index.heads()
    assert said.digest == scene.trust.index.digest_at(said.block.number)
    later = scene.issue()
    assert scene.look() == ()
    scene.hear()
    assert [scene.reason(each) for each in (row, later)] == [None, None]
    assert scene.said().heads[0].anchors == said.heads[0].anchors + 1


def test_a_witness_that_falls_silent_is_missed_within_a_minute(scene: Scene) -> None:
    row = scene.issue()
    scene.look()
    scene.hear()
    scene.late = LIFE - 2
    assert scene.reason(row) is None
    scene.late = LIFE + 1
    assert scene.reason(row) is Reason.WITNESS_SILENT
    scene.listener.look()  # what it says is still signed, and too old now
    assert "of this minute" in scene.words()
    scene.late = 0
    scene.hear()
    assert scene.reason(row) is None


def test_a_witness_whose_node_is_away_says_nothing_new(scene: Scene) -> None:
    scene.look()
    before = scene.said()

    def away(method: str, params: list[Any], result: Any) -> Any:
        raise AssertionError("nonsense")

    time.sleep(1.1)
    assert scene.look(away) == ()
    assert scene.said().iat == before.iat
    assert scene.look() == ()
    assert scene.said().iat > before.iat


def whole(scene: Scene) -> bool:
    scene.look()
    scene.hear()
    return scene.trust.reason is None


def test_a_rollback_is_an_alarm_that_stays_until_a_person_gives_a_reason(scene: Scene) -> None:
    row = scene.issue()
    scene.look()
    scene.hear()
    assert scene.reason(row) is None
    scene.roll_back(3)
    assert scene.look() == ("rollback", "disappearance")
    assert "of department 1" in next(each.en for each in scene.notebook.alarms() if "anchor" in each.en)
    scene.hear()
    scene.follower.look()
    assert scene.reason(row) is Reason.CHAIN_WENT_BACK
    scene.office.settle()  # the same root again
    scene.settle_until(lambda: whole(scene))
    assert scene.kinds() == ("rollback", "disappearance")
    assert scene.reason(row) is Reason.WITNESS_DISAGREES
    assert "alarm: rollback" in scene.words()
    for alarm in scene.notebook.open_alarms():
        with pytest.raises(NotebookError, match="reason"):
            scene.notebook.acknowledge(alarm.number, " ok ", 1)
        scene.notebook.acknowledge(alarm.number, "restored from a snapshot, roots are there again", 1)
        with pytest.raises(NotebookError, match="no open alarm"):
            scene.notebook.acknowledge(alarm.number, "once more", 1)
    assert scene.look() == ()
    scene.hear()
    assert scene.reason(row) is None
    assert [each.reason for each in scene.notebook.alarms()] == [
        "restored from a snapshot, roots are there again"
    ] * 2


def test_an_alarm_closed_while_the_chain_still_lacks_something_is_raised_again(scene: Scene) -> None:
    scene.issue()
    scene.look()
    scene.roll_back(2)
    assert scene.look() == ("rollback", "disappearance")
    for alarm in scene.notebook.open_alarms():
        scene.notebook.acknowledge(alarm.number, "I close my eyes", 1)
    ask(scene.url, "evm_mine")
    assert "disappearance" in scene.look()
    scene.office.settle()


def test_a_replaced_block_is_a_fork_even_if_nothing_is_lost(scene: Scene) -> None:
    for _ in range(4):
        ask(scene.url, "evm_mine")
    scene.look()
    scene.reorganise(3)
    ask(scene.url, "evm_mine")
    assert scene.look() == ("fork",)
    assert "has another hash" in scene.notebook.alarms()[0].en
    head = scene.said().block
    ask(scene.url, "evm_mine")
    scene.look()
    assert scene.said().block.number > head.number, "it follows on, and its alarm stays"
    assert scene.kinds() == ("fork",)


def test_below_its_depth_a_block_may_be_replaced(town: tuple[Office, str], tmp_path: Path) -> None:
    scene = Scene(*town, tmp_path, depth=4)
    for _ in range(5):
        ask(scene.url, "evm_mine")
    assert scene.look() == ()
    newest = int(ask(scene.url, "eth_blockNumber"), 16)
    assert scene.said().block.number <= newest - 3
    scene.reorganise(2)
    assert scene.look() == ()
    scene.reorganise(newest - scene.said().block.number + 3)
    assert scene.look() == ("fork",)
    scene.stack.close()


def hiding(method: str, params: list[Any], result: Any) -> Any:
    return [] if method == "eth_getLogs" else result


def test_a_gap_told_twice_is_an_alarm(scene: Scene) -> None:
    scene.look()
    scene.issue()
    assert scene.look(hiding) == (), "a block may arrive between two questions"
    assert scene.look(hiding) == ("gap",)
    assert scene.look() == ("gap",), "the node tells it all now; the alarm stays"


def test_what_happened_while_it_was_stopped_is_seen_from_its_file(scene: Scene) -> None:
    scene.issue()
    scene.look()
    anchors = scene.said().heads[0].anchors
    scene.roll_back(3)
    scene.notebook, scene.witness = scene.new_witness()
    assert scene.look() == ("rollback", "disappearance")
    told = [each.en for each in scene.notebook.alarms()]
    assert f"to {anchors} of department 1" in told[1]
    scene.office.settle()


def test_started_again_on_the_same_chain_it_goes_on(scene: Scene) -> None:
    scene.issue()
    scene.look()
    before = scene.said()
    scene.notebook, scene.witness = scene.new_witness()
    assert scene.look() == ()
    after = scene.said()
    assert after.block.number >= before.block.number
    assert after.heads == before.heads


def test_another_root_for_a_number_is_a_fork(scene: Scene) -> None:
    scene.issue()
    scene.look()
    scene.notebook._db.execute("UPDATE anchor SET root = ? WHERE seq = 1", (b"\1" * 32,))
    scene.notebook, scene.witness = scene.new_witness()
    assert scene.look() == ("fork",)
    assert scene.notebook.alarms()[0].en == "anchor 1 of department 1 has another root"
    assert scene.notebook.alarms()[0].zh == "部门 1 的上链存证 1的根不同"


def test_a_node_that_hid_the_past_under_the_same_block_is_a_fork(scene: Scene) -> None:
    scene.look()
    ask(scene.url, "evm_mine")
    scene.notebook._db.execute("UPDATE head SET digest = ?", (b"\1" * 32,))
    scene.notebook, scene.witness = scene.new_witness()
    assert scene.look() == ("fork",)
    assert "is the same, its events are not" in scene.notebook.alarms()[0].en


Wrong = Callable[[Scene, int], None]


def other_block(scene: Scene, number: int) -> None:
    head = scene.trust.index.head
    assert head is not None
    scene.trust.index.head = replace(head, hash=b"\1" * 32)


def other_events(scene: Scene, number: int) -> None:
    scene.trust.index.marks[-1] = (scene.trust.index.marks[-1][0], b"\1" * 32)


def other_root(scene: Scene, number: int) -> None:
    known = scene.trust.index.anchors[1]
    known[-1] = replace(known[-1], root=b"\1" * 32)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (other_block, "is another there"),
        (other_events, "events up to block"),
        (other_root, "department 1 has other anchors"),
    ],
)
def test_a_verifier_that_was_told_another_chain_is_held_up(scene: Scene, wrong: Wrong, words: str) -> None:
    row = scene.issue()
    paper = scene.office.show(row)
    assert paper
    scene.look()
    scene.hear()
    assert scene.reason(row) is None
    scene.look()
    scene.follower.look()
    wrong(scene, scene.said().block.number)
    scene.listener.look()
    assert words in scene.words()
    assert scene.trust.plight(int(time.time())).reason is Reason.WITNESS_DISAGREES  # type: ignore[union-attr]


def test_a_witness_that_is_ahead_is_waited_for(scene: Scene) -> None:
    scene.follower.look()
    ask(scene.url, "evm_mine")
    scene.look()
    scene.listener.look()
    assert "nothing new" in scene.words()
    scene.follower.look()
    scene.listener.look()
    assert scene.trust.plight(int(time.time())) is None


def test_a_statement_shown_again_says_nothing_about_now(scene: Scene) -> None:
    scene.look()
    scene.hear()
    old = scene.witness._statement
    heard = scene.trust.witnesses[scene.door]
    time.sleep(1.1)
    scene.look()
    scene.hear()
    newer = scene.trust.witnesses[scene.door]
    assert newer.until > heard.until
    scene.witness._statement = old
    scene.listener.look()
    assert scene.trust.witnesses[scene.door] == newer


def test_a_chain_that_stands_still_is_no_news(scene: Scene) -> None:
    scene.look()
    scene.follower.look()
    scene.trust.max_age = -1
    scene.listener.look()
    assert "stands still" in scene.words()


async def _answer(send: Any, status: int, body: bytes, *headers: tuple[bytes, bytes]) -> None:
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})
    await send({"type": "http.response.body", "body": body})


App = Callable[[Any, Any, Any], Awaitable[None]]


def lying_doors(scene: Scene) -> dict[str, App]:
    """Doors that are not a witness's."""
    good = scene.witness.statement() or ""
    there = scene.door.encode()

    async def elsewhere(scope: Any, receive: Any, send: Any) -> None:
        await _answer(send, 302, b"", (b"location", there))

    async def endless(scope: Any, receive: Any, send: Any) -> None:
        await _answer(send, 200, b"A" * (2**20 + 1))

    async def packed(scope: Any, receive: Any, send: Any) -> None:
        await _answer(send, 200, good.encode(), (b"content-encoding", b"gzip"))

    async def broken(scope: Any, receive: Any, send: Any) -> None:
        await _answer(send, 500, good.encode())

    async def foreign(scope: Any, receive: Any, send: Any) -> None:
        await _answer(send, 200, good[:-8].encode() + "见证".encode())

    async def altered(scope: Any, receive: Any, send: Any) -> None:
        await _answer(send, 200, good[:-8].encode() + b"AAAAAAAA")

    made = [elsewhere, endless, broken, foreign, altered, packed]
    return {app.__name__: app for app in made}


@pytest.mark.parametrize("name", ["elsewhere", "endless", "broken", "foreign", "altered"])
def test_nothing_but_a_small_signed_answer_is_heard(scene: Scene, name: str) -> None:
    scene.look()
    scene.follower.look()
    scene.trust.witnesses.clear()
    with serving(lying_doors(scene)[name]) as url:
        listener = Listener(scene.trust, scene.node, replace(scene.required, url=url))
        listener.look()
        listener.close()
    plight = scene.trust.plight(int(time.time()))
    assert plight is not None
    assert plight.reason is Reason.WITNESS_SILENT


def test_every_required_witness_must_agree(scene: Scene) -> None:
    row = scene.issue()
    scene.look()
    scene.hear()
    assert scene.reason(row) is None
    scene.trust.witnesses["http://127.0.0.1:1/witness"] = Heard(None)
    assert scene.reason(row) is Reason.WITNESS_SILENT


def test_the_key_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "w.key"
    first = WitnessKey.open(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert WitnessKey.open(path).public == first.public
    path.chmod(0o640)
    with pytest.raises(WitnessKeyError, match="mode 600"):
        WitnessKey.open(path)
    path.chmod(0o600)
    path.write_text("no key", "utf-8")
    with pytest.raises(WitnessKeyError, match="PEM"):
        WitnessKey.open(path)


def test_a_file_of_another_network_is_not_written_over(tmp_path: Path) -> None:
    Notebook(tmp_path / "w.db", "one").close()
    with pytest.raises(NotebookError, match="another network"):
        Notebook(tmp_path / "w.db", "two")


def test_an_alarm_of_a_kind_is_raised_once_while_it_is_open(tmp_path: Path) -> None:
    notebook = Notebook(tmp_path / "w.db", "one")
    assert notebook.raise_alarm(AlarmKind.GAP, 1, 2, zh="甲", en="a")
    assert not notebook.raise_alarm(AlarmKind.GAP, 2, 3, zh="乙", en="b")
    assert notebook.raise_alarm(AlarmKind.FORK, 2, 3, zh="乙", en="b")
    notebook.acknowledge(1, "looked at", 9)
    assert notebook.raise_alarm(AlarmKind.GAP, 3, 4, zh="丙", en="c")
    assert [alarm.number for alarm in notebook.open_alarms()] == [2, 3]
    notebook.close()


PIN, KEY = base64url(b"\1" * 32), base64url(b"\2" * 32)


def test_required_witnesses_are_read_with_their_pins(monkeypatch: pytest.MonkeyPatch) -> None:
    found = Settings(witnesses=f"{PIN}@https://w.example, {KEY}@http://127.0.0.1:8703/other").required
    assert found == (
        Required(PIN, "https://w.example/witness"),
        Required(KEY, "http://127.0.0.1:8703/other"),
    )
    assert Settings().required == ()
    for wrong in (
        "https://w.example",
        f"{PIN}@ftp://w.example",
        f"{PIN}@https://u:p@w.example",
        "x@https://w.example",
        f"{PIN}@https://w.example,{PIN}@https://v.example",
        f"{PIN}@https://w.example,{KEY}@https://w.example",
    ):
        with pytest.raises(ValidationError):
            Settings(witnesses=wrong)
    monkeypatch.setenv("ELICENCE_WITNESSES", "nobody")
    with pytest.raises(SettingsError, match="ELICENCE_WITNESSES"):
        read_settings()


def test_the_command_runs_is_asked_and_closes_an_alarm(town: tuple[Office, str], tmp_path: Path) -> None:
    office, url = town
    port, file = Ports.free().verifier, tmp_path / "w.db"
    told = ["--home", str(office.stack.home), "--chain", url, "--file", str(file)]
    command = [sys.executable, "-m", "scripts.main", "witness", "--port", str(port), *told]
    with (
        (tmp_path / "log").open("w") as log,
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True) as process,
    ):
        assert process.stdout is not None
        pin = process.stdout.readline().removeprefix("ready ").split("@")[0]
        demand_door(f"http://127.0.0.1:{port}")
        fine = asked("--check", "--json", *told)
        assert fine.exit_code == 0, fine.stderr
        assert json.loads(fine.stdout)["pin"] == pin
        ask(url, "anvil_rollback", 1)
        number = await_alarm(office, file)
        assert asked("--check", *told).exit_code == 1
        closing = ["--acknowledge", str(number), "--json", *told]
        assert "reason" in asked(*closing).stderr
        closed = json.loads(asked(*closing, "--reason", "a test took a block back").stdout)
        assert closed["alarms"][number - 1]["reason"] == "a test took a block back"
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) in (0, -signal.SIGTERM)
    assert "ALARM" in (tmp_path / "log").read_text("utf-8")


def asked(*arguments: str) -> Result:
    return CliRunner().invoke(command_line, ["witness", *arguments])


def demand_door(address: str) -> None:
    """Waits for a statement, and tries what else the door is asked for."""
    end = time.monotonic() + 30
    while (status := _status(f"{address}/witness")) != 200:
        assert time.monotonic() < end, status
        time.sleep(0.1)
    assert httpx.get(f"{address}/witness").text.count(".") == 2
    assert httpx.get(f"{address}/healthz").status_code == 200
    assert httpx.get(f"{address}/secret").status_code == 404
    assert httpx.post(f"{address}/witness").status_code == 405


def _status(url: str) -> int:
    try:
        return httpx.get(url).status_code
    except httpx.TransportError:
        return 0


def await_alarm(office: Office, file: Path) -> int:
    """The number of the first open alarm."""
    pins = office.house.chain.demand_pins()
    notebook = Notebook(file, f"{pins.network_id} {pins.genesis_hash} {pins.issuer_registry}")
    end = time.monotonic() + 30
    while not notebook.open_alarms():
        assert time.monotonic() < end
        time.sleep(0.1)
    number = notebook.open_alarms()[0].number
    notebook.close()
    return number


def test_a_file_that_never_was_is_no_witness(town: tuple[Office, str], tmp_path: Path) -> None:
    told = ["--home", str(town[0].stack.home), "--file", str(tmp_path / "w.db")]
    assert "no witness ever ran" in asked("--check", *told).stderr
    assert not (tmp_path / "w.db").exists()
