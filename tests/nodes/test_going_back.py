"""The chain goes back after final, on a real anvil: noticed, doubted, anchored again once, then all is as before."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from sqlmodel import select

from contracts.events import Anchored
from licence.reasons import Reason, Verdict
from licence.status import Act
from registry import acts, anchoring, checking, worker
from registry.acts import Ask
from registry.leases import Leases
from registry.tables import ActState, Batch, Licence, StatusAct
from scripts import seeding
from scripts.stack import Ports
from tests.nodes.nodes import anvil_node, ask
from tests.registry.office import Disk, Office, open_office
from verifier.chain import Node
from verifier.follower import Follower
from verifier.memory import Memory
from verifier.trust import Trust
from verifier.verifying import answer, look_at

NOTICED, RECOVERED = 30.0, 10.0


@dataclass
class Watch:
    """A verifier that follows the node in a thread of its own, and forgets nothing when it is stopped."""

    trust: Trust
    follower: Follower
    stack: ExitStack

    def close(self) -> None:
        self.stack.close()


def watch(office: Office, url: str, folder: Path, *, running: bool = True) -> Watch:
    pins, stack = office.house.chain.demand_pins(), ExitStack()
    trust, node, memory = Trust(pins, 60), Node(url, pins), Memory(folder / "index.db", pins.network_id)
    stack.callback(memory.close)
    stack.callback(node.close)
    follower = Follower(trust, node, Disk(office.house.settings.public), memory)
    if running:
        stop = threading.Event()
        thread = threading.Thread(target=follower.run, args=(stop, 0.2))
        thread.start()
        stack.callback(thread.join, 20)
        stack.callback(stop.set)
    return Watch(trust, follower, stack)


class Town:
    """A registry with its worker running, a verifier following, on one anvil; the truth is asked of the node."""

    def __init__(self, office: Office, url: str, folder: Path) -> None:
        self.office, self.url, self.folder = office, url, folder
        self.watch = watch(office, url, folder)
        self._stop, self._thread = threading.Event(), threading.Thread()

    def work(self) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=worker.run, args=(self.office.house, self._stop))
        self._thread.start()

    def rest(self) -> None:
        self._stop.set()
        self._thread.join(20)

    def revoke(self, row: Licence) -> None:
        with self.office.house.store.write() as session:
            found = session.get(Licence, row.row)
            assert found is not None
            deed = Ask(Act.REVOKED, [found], "演示", "test")
            acts.record(self.office.house, session, self.office.department(session), deed)

    def reason(self, text: str) -> Reason | None:
        return look_at(self.watch.trust, text, int(time.time())).reason

    def await_reason(self, text: str, wanted: Reason | None, seconds: float = 30) -> float:
        """Waits for it, and gives how long it took."""
        start = time.monotonic()
        while (found := self.reason(text)) is not wanted:
            late = f"{found} after {seconds} s; {self.watch.trust.doubt}"
            assert time.monotonic() < start + seconds, late
            time.sleep(0.05)
        return time.monotonic() - start

    def back(self, way: str, row: Licence) -> None:
        """Takes back every block from the one on that holds the licence's batch."""
        head, block = int(ask(self.url, "eth_blockNumber"), 16), self.batch(row).block
        assert block is not None
        depth = head - block + 1
        ask(self.url, way, *([depth, []] if way == "anvil_reorg" else [depth]))

    def batch(self, row: Licence) -> Batch:
        with self.office.house.store.read() as session:
            return session.exec(select(Batch).where(Batch.id == self.office.again(row).batch)).one()

    def anchored(self, row: Licence) -> list[Anchored]:
        found = anchoring.anchored(self.office.house, 1)
        return [event for event in found if event.root == self.batch(row).root]


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    home = tmp_path_factory.mktemp("t") / "home"
    with anvil_node() as url, open_office(home, url, seeding.applicants()[:1]) as office:
        quick = office.house.settings.model_copy(update={"seal_after": 0.1})
        office = replace(office, house=replace(office.house, settings=quick))
        made = Town(office, url, home)
        made.work()
        yield made
        made.watch.close()
        made.rest()


@pytest.mark.parametrize("way", ["anvil_reorg", "anvil_rollback"])
def test_what_the_chain_took_back_is_anchored_again_once_and_papers_still_verify(
    town: Town, way: str
) -> None:
    good, bad = town.office.issue(), town.office.issue()
    worker.wait_idle(town.office.house)
    town.revoke(bad)
    worker.wait_idle(town.office.house)
    papers = [town.office.show(good).paper(), town.office.show(good).file().decode()]
    revoked = town.office.show(bad).paper()
    town.await_reason(papers[0], None)
    town.await_reason(revoked, Reason.REVOKED)
    root = town.batch(good).root
    said: set[Verdict] = set()

    town.back(way, good)
    start = time.monotonic()
    while town.anchored(good) == [] or not worker.is_idle(town.office.house):
        assert time.monotonic() < start + NOTICED, "not anchored again in time"
        said.add(look_at(town.watch.trust, revoked, int(time.time())).verdict)
        time.sleep(0.1)
    assert town.await_reason(papers[0], None, RECOVERED) < RECOVERED
    assert said <= {Verdict.UNDETERMINED, Verdict.INVALID}, "a revocation was seen valid again"
    assert Verdict.UNDETERMINED in said, "nobody noticed"
    assert [event.root for event in town.anchored(good)] == [root]
    assert [town.reason(text) for text in papers] == [None, None]
    town.await_reason(revoked, Reason.REVOKED, RECOVERED)


def test_what_is_missing_is_named_in_both_languages_and_over_a_restart(town: Town, tmp_path: Path) -> None:
    row = town.office.issue()
    worker.wait_idle(town.office.house)
    first = watch(town.office, town.url, tmp_path, running=False)
    first.follower.look()
    paper, seq = town.office.show(row).paper(), town.batch(row).seq
    assert look_at(first.trust, paper, int(time.time())).reason is None
    town.rest()
    town.back("anvil_rollback", row)
    ask(town.url, "evm_mine")
    for _ in range(2):
        first.follower.look()
    found = answer(first.trust, paper, int(time.time()))
    assert (found["verdict"], found["reason"]) == ("UNDETERMINED", "CHAIN_WENT_BACK")
    assert f"anchors {seq} to {seq} of department 1" in found["text"]["en"]
    assert f"部门 1 的上链存证 {seq} 至 {seq}" in found["text"]["zh"]
    first.close()

    second = watch(town.office, f"http://127.0.0.1:{Ports.free().chain}", tmp_path, running=False)
    second.follower.look()  # over a node that is away: only what the file remembers
    assert look_at(second.trust, paper, int(time.time())).verdict is Verdict.UNDETERMINED
    second.close()

    town.work()
    third = watch(town.office, town.url, tmp_path, running=False)
    third.follower.look()
    end = time.monotonic() + NOTICED
    while look_at(third.trust, paper, int(time.time())).reason is not None:
        assert time.monotonic() < end, third.trust.doubt
        third.follower.look()
        time.sleep(0.2)
    third.close()
    fourth = watch(town.office, town.url, tmp_path, running=False)
    assert fourth.trust.doubt == "the chain has not been read yet"
    assert fourth.trust.index.anchors == third.trust.index.anchors
    assert list(fourth.trust.index.marks) == list(third.trust.index.marks)
    fourth.close()


def _record(town: Town, row: Licence, act: Act) -> StatusAct:
    with town.office.house.store.write() as session:
        found = session.get_one(Licence, row.row)
        request = acts.record(
            town.office.house, session, town.office.department(session), Ask(act, [found], "演示", "test")
        )
        return session.exec(select(StatusAct).where(StatusAct.request == request)).one()


def _now(town: Town, act: StatusAct) -> StatusAct:
    with town.office.house.store.read() as session:
        return session.get_one(StatusAct, act.id)


def _back_to(town: Town, act: StatusAct) -> None:
    """Takes back every block from the act's on."""
    block, head = _now(town, act).block, int(ask(town.url, "eth_blockNumber"), 16)
    assert block is not None
    ask(town.url, "anvil_rollback", head - block + 1)


def test_an_act_waits_until_the_act_before_it_is_on_the_chain_again(town: Town) -> None:
    town.rest()
    row = town.office.issue()
    _record(town, row, Act.SUSPENDED)
    reinstated = _record(town, row, Act.REINSTATED)
    worker.run_until_idle(town.office.house)
    last = _record(town, row, Act.SUSPENDED)
    _back_to(town, reinstated)

    leases = Leases(town.office.house)
    leases.tend()
    for _ in range(5):  # between the rollback and the next look at what is final
        worker.round_(leases)
    assert _now(town, last).state is ActState.RECORDED
    leases.release()
    worker.run_until_idle(town.office.house)
    assert [_now(town, act).state for act in (reinstated, last)] == [ActState.EFFECTIVE] * 2
    status = town.office.house.chain.status(row.status_list, row.status_index)
    assert (status, town.office.again(row).status) == (2, 2)


def test_however_many_acts_the_chain_took_back_they_are_sent_again_in_their_order(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    town.rest()
    monkeypatch.setattr(checking, "LAST", 3)
    row = town.office.issue()
    made = [_record(town, row, act) for act in (Act.SUSPENDED, Act.REINSTATED) * 5]
    worker.run_until_idle(town.office.house)
    _back_to(town, made[0])
    worker.run_until_idle(town.office.house)
    changes = [_now(town, act).change for act in made]
    assert changes == list(range(changes[0] or 0, (changes[0] or 0) + 10))
    assert town.office.house.chain.status(row.status_list, row.status_index) == 0
