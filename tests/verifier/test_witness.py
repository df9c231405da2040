"""The witness: it remembers, it raises alarms that stay, and a verifier that requires it believes no chain without."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from licence.reasons import Reason
from licence.witness import LIFE
from tests.nodes.nodes import ask
from tests.registry.office import Office
from tests.verifier.witnessing import Scene, serving
from verifier.notebook import NotebookError
from verifier.trust import Heard
from verifier.witnesses import Listener


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
    scene.roll_back(4)
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
    scene.roll_back(4)
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
    scene.roll_back(4)
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


def test_an_older_block_with_another_hash_is_found_by_chance_soon(scene: Scene) -> None:
    scene.look()
    first = scene.said().block.number
    ask(scene.url, "evm_mine")
    scene.look()
    scene.notebook._db.execute("UPDATE block SET hash = ? WHERE number = ?", (b"\1" * 32, first))
    assert any(scene.look() == ("fork",) for _ in range(20))
    assert f"block {first} has another hash" in scene.notebook.alarms()[0].en


def test_another_network_behind_its_node_is_a_fork(scene: Scene) -> None:
    scene.look()
    scene.notebook, scene.witness = scene.new_witness()

    def elsewhere(method: str, params: list[Any], result: Any) -> Any:
        return "0x1" if method == "eth_chainId" else result

    assert scene.look(elsewhere) == ("fork",)
    assert "another network" in scene.notebook.alarms()[0].en


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

    async def dripping(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for letter in good[:30]:
            await send({"type": "http.response.body", "body": letter.encode(), "more_body": True})
            await asyncio.sleep(0.1)
        await send({"type": "http.response.body", "body": good[30:].encode()})

    async def broken(scope: Any, receive: Any, send: Any) -> None:
        await _answer(send, 500, good.encode())

    async def foreign(scope: Any, receive: Any, send: Any) -> None:
        await _answer(send, 200, good[:-8].encode() + "见证".encode())

    async def altered(scope: Any, receive: Any, send: Any) -> None:
        await _answer(send, 200, good[:-8].encode() + b"AAAAAAAA")

    made = [elsewhere, endless, broken, foreign, altered, dripping]
    return {app.__name__: app for app in made}


@pytest.mark.parametrize("name", ["elsewhere", "endless", "broken", "foreign", "altered", "dripping"])
def test_nothing_but_a_small_soon_signed_answer_is_heard(
    scene: Scene, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("verifier.fetching.PATIENCE", 1.0)
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
