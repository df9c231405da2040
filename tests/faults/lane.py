"""One registry and one verifier behind a proxy, over a real chain that is also asked directly: the truth."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from eth_utils import keccak
from sqlmodel import Session, col, select

from contracts import artifacts
from contracts.events import Anchored, decode
from licence.reasons import Reason, Verdict
from licence.status import Act
from registry import worker
from registry.chain import Chain
from registry.tables import ActState, Batch, BatchState, Licence, StatusAct, StatusActLicence
from scripts import seeding
from tests.faults.kinds import KINDS
from tests.faults.proxy import Proxy
from tests.registry.office import Disk, Office, open_office
from verifier.chain import Node
from verifier.follower import Follower
from verifier.memory import Memory
from verifier.trust import Trust
from verifier.verifying import look_at

BUSINESS = seeding.definitions()["business"].code
FAULT, RECOVERY = 1.5, 10.0


class Lane:
    """Plays one kind after another. Every claim of the registry and the verifier is compared with the truth."""

    def __init__(self, office: Office, proxy: Proxy, trust: Trust) -> None:
        self.office, self.proxy, self.trust = office, proxy, trust
        self.truth = Chain(office.stack.settings.chain_url, office.house.chain.deployment)
        self._deeds = 0
        self.good = self.issue()
        self._await(lambda: self._unsettled(self.good, None), 30)

    def play(self, name: str) -> None:
        """Plays a kind: meanwhile a licence is issued and another suspended; afterwards all is as it should be."""
        before = self.good
        self.proxy.play(*KINDS[name])
        after = self.issue()
        self.suspend(before)
        self._endure()
        met = +self.proxy.met
        self.proxy.end()
        self._await(lambda: self._unsettled(after, before), RECOVERY)
        self.demand_once()
        assert met, "the fault was never met"
        self.good = after

    def issue(self) -> Licence:
        body = {"type": BUSINESS, "values": self.office.business()}
        answer = self.office.call(
            "POST", "/api/v1/licences", json=body, headers=self.office.headers(1, self._key())
        )
        assert answer.status_code == 202, answer.text
        with self.office.house.store.read() as session:
            return session.exec(select(Licence).where(Licence.id == answer.json()["id"])).one()

    def suspend(self, row: Licence) -> None:
        body = {"act": "SUSPENDED", "licences": [row.id], "legal_basis": "演示依据"}
        answer = self.office.call(
            "POST", "/api/v1/status-acts", json=body, headers=self.office.headers(1, self._key())
        )
        assert answer.status_code == 202, answer.text

    def _key(self) -> str:
        self._deeds += 1
        return f"deed-{self._deeds}"

    def _endure(self) -> None:
        start = time.monotonic()
        while time.monotonic() < start + FAULT or (
            not self.proxy.met and time.monotonic() < start + 6 * FAULT
        ):
            self.demand_true()
            time.sleep(0.1)

    def _await(self, unsettled: Callable[[], str | None], seconds: float) -> None:
        end = time.monotonic() + seconds
        while (why := unsettled()) is not None:
            assert time.monotonic() < end, f"after {seconds:.0f} s: {why}"
            self.demand_true()
            time.sleep(0.1)

    def demand_true(self) -> None:
        """Nothing is called final, effective or valid that the real chain does not hold."""
        with self.office.house.store.read() as session:
            batches = session.exec(select(Batch).where(Batch.state == BatchState.FINAL)).all()[-3:]
            acts = session.exec(select(StatusAct).where(StatusAct.state == ActState.EFFECTIVE)).all()[-3:]
            rows = session.exec(select(Licence)).all()[-2:]
            touched = {act.id: _licences_of(session, act) for act in acts}
        for batch in batches:
            seq, size, _, _ = self.truth.call("AnchorLog", "anchorOf", 1, batch.root)
            assert (seq, size) == (batch.seq, batch.size), (
                f"batch {batch.seq} is called final and is not there"
            )
        for act in acts:
            for row in touched[act.id]:
                found = self.truth.status(row.status_list, row.status_index)
                assert found == Act(act.act).status, (
                    f"act {act.id} is called effective, the chain says {found}"
                )
        for row in rows:
            self._demand_true_verdict(row)

    def _demand_true_verdict(self, row: Licence) -> None:
        head = self.trust.index.head
        if head is None or self._verdict(row) != (Verdict.VALID, None):
            return
        with self.office.house.store.read() as session:
            batch = session.get(Batch, row.batch)
        assert batch is not None
        assert self.truth.call("AnchorLog", "anchorOf", 1, batch.root)[0], "VALID, and not anchored"
        word = self.truth.call("StatusList", "statusOf", row.status_list, row.status_index, block=head.number)
        assert word == (0,), f"VALID as of block {head.number}, where its status is {word}"

    def _verdict(self, row: Licence) -> tuple[Verdict, Reason | None] | None:
        """None: it cannot be shown yet."""
        fresh = self.office.again(row)
        if fresh.batch is None:
            return None
        with self.office.house.store.read() as session:
            batch = session.get(Batch, fresh.batch)
        if batch is None or batch.state is not BatchState.FINAL:
            return None
        found = look_at(self.trust, self.office.show(row).paper(), int(time.time()))
        return found.verdict, found.reason

    def _unsettled(self, valid: Licence, suspended: Licence | None) -> str | None:
        """What is not yet as it should be; None: everything is."""
        found = self._verdict(valid)
        if found is None:
            return f"the licence is not final; {self._open()}"
        if found != (Verdict.VALID, None):
            return f"the licence is {found}; doubt: {self.trust.doubt}"
        if suspended is not None and not self.office.again(suspended).status:
            return f"the act is not effective; {self._open()}"
        if suspended is not None and self._verdict(suspended) != (Verdict.INVALID, Reason.SUSPENDED):
            return f"the suspended licence is {self._verdict(suspended)}; doubt: {self.trust.doubt}"
        return self.trust.doubt

    def _open(self) -> str:
        with self.office.house.store.read() as session:
            batches = session.exec(select(Batch).where(Batch.state != BatchState.FINAL)).all()
            acts = session.exec(select(StatusAct).where(StatusAct.state != ActState.EFFECTIVE)).all()
        said = [f"batch {batch.seq} {batch.state}: {batch.note}" for batch in batches]
        return "; ".join([*said, *(f"act {act.id} {act.state}: {act.note}" for act in acts)])

    def demand_once(self) -> None:
        """Every batch stands on the real chain once, in order, and every act once."""
        pins = self.truth.demand_pins()
        mark = (
            "0x"
            + keccak(text=artifacts.signature(artifacts.load("AnchorLog").item("event", "Anchored"))).hex()
        )
        logs = self.truth.logs("AnchorLog", [mark], pins.block, self.truth.head())
        events = [event for event in map(decode, logs) if isinstance(event, Anchored)]
        with self.office.house.store.read() as session:
            batches = session.exec(select(Batch).order_by("seq")).all()
            acts = session.exec(select(StatusAct)).all()
        assert [(event.seq, event.root, event.size) for event in events] == [
            (batch.seq, batch.root, batch.size) for batch in batches
        ]
        for list_ in {act.list for act in acts}:
            changes = self.truth.call("StatusList", "listOf", list_)[1]
            assert changes == sum(act.list == list_ for act in acts)


def _licences_of(session: Session, act: StatusAct) -> Sequence[Licence]:
    held = select(StatusActLicence.licence).where(StatusActLicence.act == act.id)
    return session.exec(select(Licence).where(col(Licence.row).in_(held))).all()


@contextmanager
def lane(home: Path) -> Iterator[Lane]:
    """A lane over a folder: real chain, registry, worker and verifier."""
    with ExitStack() as stack:
        office = stack.enter_context(open_office(home, departments=seeding.applicants()[:1]))
        proxy = Proxy(office.stack.settings.chain_url)
        stack.callback(proxy.close)
        chain = Chain(proxy.url, office.house.chain.deployment)
        settings = office.house.settings.model_copy(update={"seal_after": 0.1})
        behind = replace(office, house=replace(office.house, settings=settings, chain=chain))
        stop = threading.Event()
        trust = Trust(chain.demand_pins(), 60)
        node, memory = (
            Node(proxy.url, trust.deployment),
            Memory(home / "index.db", trust.deployment.network_id),
        )
        stack.callback(node.close)
        stack.callback(memory.close)
        follower = Follower(trust, node, Disk(settings.public), memory)
        threads = [
            threading.Thread(target=worker.run, args=(behind.house, stop)),
            threading.Thread(target=follower.run, args=(stop, 0.2)),
        ]
        for thread in threads:
            stack.callback(thread.join, 20)
            thread.start()
        stack.callback(stop.set)
        yield Lane(behind, proxy, trust)
