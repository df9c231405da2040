"""Anchoring and acts: killed at any point, nothing is anchored twice, lost, or said before it is so."""

import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from eth_utils import keccak
from sqlmodel import select

from contracts import artifacts
from contracts.deployment import PinError
from licence.reasons import Reason
from licence.status import Act
from registry import acts, anchoring, worker
from registry.acts import Ask
from registry.chain import Chain
from registry.errors import ChainUnreachableError, ConflictError, InvalidError, ReadOnlyError
from registry.house import House
from registry.issuing import issue
from registry.leases import LeaseLostError, Leases
from registry.signer import SigningError
from registry.tables import ActState, Batch, BatchState, Hold, Licence, StatusAct
from scripts import seeding
from scripts.stack import Ports
from tests.localchain.node import Node, account
from tests.registry.office import Office, invented
from tests.stores.places import await_, working


class Killed(BaseException):
    """The process ends here."""


def last_batch(office: Office) -> Batch:
    with office.house.store.read() as session:
        return session.exec(select(Batch).where(Batch.department == 1).order_by("id")).all()[-1]


def anchors_on_chain(office: Office) -> int:
    seq: int = office.house.chain.call("AnchorLog", "head", 1)[0]
    return seq


POINTS = ["publish", "sign", "before-send", "after-send", "before-final"]


@pytest.mark.parametrize("point", POINTS)
def test_killed_at_any_point_a_batch_is_anchored_exactly_once(
    office: Office, point: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    office.settle()
    before = anchors_on_chain(office)
    row = office.issue()

    def die(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        if point == "publish":
            patch.setattr("registry.publishing.Publisher.leaves", die)
        elif point == "sign":
            patch.setattr(office.house.signer, "sign_transaction", die)
        elif point == "before-send":
            patch.setattr(Chain, "send", die)
        elif point == "after-send":
            real = Chain.send

            def send_then_die(chain: Chain, raw: bytes) -> None:
                real(chain, raw)
                raise Killed

            patch.setattr(Chain, "send", send_then_die)
        else:
            patch.setattr(anchoring, "_finish", die)
        with pytest.raises(Killed):
            office.settle()
    office.settle()
    assert anchors_on_chain(office) == before + 1
    assert last_batch(office).state is BatchState.FINAL
    assert office.reason(row, tmp_path) is None


def test_what_another_registry_anchored_holds_the_department_up(office: Office) -> None:
    """The department's account anchors something else: as if another registry, or an older backup, were running."""
    office.settle()
    head = office.house.chain.call("AnchorLog", "head", 5)
    with office.house.store.read() as session:
        account = office.department(session, 5).anchor_account
    data = artifacts.calldata("AnchorLog", "anchor", head[1], b"\x77" * 32, 1)
    target = office.house.chain.demand_pins().addresses["AnchorLog"]
    nonce = office.house.chain.nonce(account)
    told = office.house.chain.transaction(data, nonce, to=target, gas=150_000)
    raw = office.house.signer.sign_transaction(account, told)
    office.house.chain.send(raw)
    office.house.chain.wait(["0x" + keccak(raw).hex()])
    office.settle()
    with office.house.store.read() as session:
        assert "anchor 1 of 1 licences" in session.get_one(Hold, 5).missing
    with pytest.raises(ReadOnlyError, match="anchor 1 of 1 licences"):
        seeding.issue_invented(office.house, invented("hygiene"))
    assert office.house.chain.call("AnchorLog", "head", 5)[0] == 1


def test_a_licence_is_never_in_a_batch_without_its_leaf_file(office: Office) -> None:
    office.issue()
    office.settle()
    batch = last_batch(office)
    data = (office.house.settings.public / "1" / "leaves" / f"{batch.root.hex()}.bin").read_bytes()
    assert len(data) == 32 * batch.size


def test_two_workers_do_not_work_for_one_department(office: Office) -> None:
    other = Leases(replace(office.house, settings=office.house.settings.model_copy(update={"lease": 0.5})))
    other.tend()
    alive, stop = threading.Event(), threading.Event()

    def live() -> None:
        while not stop.wait(0.05):
            other.tend()
            alive.set()

    thread = threading.Thread(target=live)
    thread.start()
    alive.wait(5)
    try:
        with pytest.raises(ConflictError, match="another worker"):
            worker.run_until_idle(other.house)
    finally:
        stop.set()
        thread.join()
        other.release()


def test_a_dead_workers_lease_is_taken_over_and_its_late_writes_fail(office: Office) -> None:
    settings = office.house.settings.model_copy(update={"lease": 0.5})
    dead, heir = (Leases(replace(office.house, settings=settings)) for _ in range(2))
    dead.tend()
    assert dead.held
    started = time.monotonic()
    while not heir.held:
        heir.tend()
        assert time.monotonic() - started < 3
        time.sleep(0.02)
    assert time.monotonic() - started >= 0.4
    with pytest.raises(LeaseLostError), dead.writing(1):
        pass
    with heir.writing(1):
        pass
    heir.release()


def record(office: Office, act: Act, *rows: Licence, basis: str = "演示依据") -> str:
    with office.house.store.write() as session:
        found = [session.get(Licence, row.row) for row in rows]
        ask = Ask(act, [row for row in found if row is not None], basis, "test")
        return acts.record(office.house, session, office.department(session), ask)


def test_an_act_is_recorded_then_effective_and_never_otherwise_again(office: Office, tmp_path: Path) -> None:
    row = office.issue()
    office.settle()
    request = record(office, Act.SUSPENDED, row)
    assert office.again(row).status == 0
    office.settle()
    with office.house.store.read() as session:
        act = session.exec(select(StatusAct).where(StatusAct.request == request)).one()
    assert (act.state, office.again(row).status) == (ActState.EFFECTIVE, 2)
    assert office.reason(row, tmp_path) is Reason.SUSPENDED
    record(office, Act.REINSTATED, row)
    office.settle()
    assert office.reason(row, tmp_path) is None
    record(office, Act.REVOKED, row)
    office.settle()
    assert office.reason(row, tmp_path) is Reason.REVOKED


def test_what_the_law_does_not_allow_is_refused_at_once(office: Office) -> None:
    row = office.issue()
    record(office, Act.REVOKED, row)
    with pytest.raises(ConflictError, match="not lawful"):
        record(office, Act.REINSTATED, row)
    with pytest.raises(InvalidError, match="legal basis"):
        record(office, Act.SUSPENDED, office.issue(), basis=" ")
    with pytest.raises(InvalidError):
        record(office, Act.SUSPENDED)


def test_many_licences_are_ended_in_one_call_of_the_chain(office: Office) -> None:
    rows = [office.issue() for _ in range(10)]
    office.settle()
    list_ = rows[0].status_list
    before = office.house.chain.call("StatusList", "listOf", list_)[1]
    record(office, Act.CANCELLED, *rows)
    office.settle()
    assert office.house.chain.call("StatusList", "listOf", list_)[1] == before + 1
    assert {office.again(row).act for row in rows} == {int(Act.CANCELLED)}


def test_an_act_killed_after_sending_is_effective_once(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = office.issue()
    office.settle()
    before = office.house.chain.call("StatusList", "listOf", row.status_list)[1]
    record(office, Act.SUSPENDED, row)
    real = Chain.send

    def send_then_die(chain: Chain, raw: bytes) -> None:
        real(chain, raw)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Chain, "send", send_then_die)
        with pytest.raises(Killed):
            office.settle()
    office.settle()
    assert office.house.chain.call("StatusList", "listOf", row.status_list)[1] == before + 1


def _over(office: Office, url: str) -> House:
    return replace(office.house, chain=Chain(url, office.house.chain.deployment))


@pytest.mark.parametrize("away", ["registry/objects", "public"])
def test_while_a_store_of_objects_is_away_acts_become_effective(office: Office, away: str) -> None:
    office.settle()
    row = office.issue()
    office.settle()
    waiting = office.issue()
    record(office, Act.REVOKED, row)
    folder = office.house.settings.home / away
    folder.rename(folder.with_name("away"))
    try:
        with working(office.house):
            await_(lambda: office.again(row).status == 1, 15)
    finally:
        folder.with_name("away").rename(folder)
    office.settle()
    assert office.again(waiting).batch is not None
    assert last_batch(office).state is BatchState.FINAL


def test_a_chain_that_is_down_loses_nothing(office: Office) -> None:
    row = office.issue()
    away = _over(office, f"http://127.0.0.1:{Ports.free().chain}")
    with pytest.raises(ChainUnreachableError, match="is it running"):
        worker.run_until_idle(away)
    office.settle()
    assert office.show(row).paper()


def test_while_the_chain_is_down_licences_are_issued_and_wait(office: Office) -> None:
    away = _over(office, f"http://127.0.0.1:{Ports.free().chain}")
    with pytest.raises(ChainUnreachableError):
        away.chain.demand_pins()
    with away.store.write() as session:
        row = issue(away, session, office.department(session), office.order(office.business()))
    assert row.batch is None
    office.settle()
    assert office.show(row).paper()


def test_another_chain_is_never_written_to(office: Office, tmp_path: Path) -> None:
    office.settle()
    other = Node(tmp_path)
    other.init(account("owner"))
    other.start()
    try:
        office.issue()
        with pytest.raises(PinError, match="another network"):
            worker.run_until_idle(_over(office, other.url))
        assert int(other.ask("eth_blockNumber"), 16) == 0
    finally:
        other.kill()
    office.settle()


def test_the_signer_signs_for_nobody_else(office: Office) -> None:
    signer, chain = office.house.signer, office.house.chain
    with office.house.store.read() as session:
        account = office.department(session).anchor_account
    stolen = chain.transaction(b"", 0, to="0x" + "11" * 20, gas=21_000, value=1)
    with pytest.raises(SigningError, match="none of the three contracts"):
        signer.sign_transaction(account, stolen)
    with pytest.raises(SigningError, match="chain"):
        signer.sign_transaction(account, {**stolen, "chainId": 1})
    with pytest.raises(SigningError, match="no account"):
        signer.sign_transaction("0x" + "22" * 20, stolen)
