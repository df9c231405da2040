"""I1–I11, looked up afterwards: in the database, on the chain, at the verifier; never in what a process remembers."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby

from sqlmodel import Session, col, select

from contracts.events import Anchored
from licence import merkle
from registry.anchoring import anchored
from registry.fsck.checking import check
from registry.house import House
from registry.tables import (
    ActState,
    Batch,
    BatchState,
    Idempotency,
    Licence,
    StatusAct,
    StatusActLicence,
)
from registry.worker import CHECK_EVERY, SWEPT_AFTER
from tests.kill.clients import Acked, Ledger
from tests.kill.system import System
from tests.kill.watching import paper, verify

_FINAL_ACTS = {"REVOKED", "CANCELLED", "WITHDRAWN"}


def broken(system: System, house: House, ledger: Ledger, wanted: int) -> list[str]:
    """Every invariant that does not hold, in words; empty: all is well."""
    with house.store.read() as session:
        found = [
            *_stored(session, ledger, wanted),
            *_anchored(house, session),
            *_acts(house, session, ledger),
        ]
    return [*ledger.broken, *found, *_files(system), *_checked(system), *_verified(system, ledger)]


def _stored(session: Session, ledger: Ledger, wanted: int) -> Iterator[str]:
    rows = {row.id: row for row in session.exec(select(Licence))}
    answers = {(row.department, row.key): row.answer for row in session.exec(select(Idempotency))}
    for acked in ledger.licences.values():
        if acked.id not in rows:
            yield f"I1: licence {acked.number} ({acked.id}) was acknowledged and is not there"
        elif answers.get((acked.department, f"n-{acked.number}")) != acked.answer:
            yield f"I1: another answer is stored for licence {acked.number}"
    if any(row.batch is None for row in rows.values()):
        yield f"I2: {sum(row.batch is None for row in rows.values())} licences are in no batch"
    if len(rows) != wanted or len({row.number_index for row in rows.values()}) != wanted:
        yield f"I10: {len(rows)} licences of {wanted} requests"


def _anchored(house: House, session: Session) -> Iterator[str]:
    licences = session.exec(select(Licence).order_by(col(Licence.batch), col(Licence.position))).all()
    leaves = {
        batch: [merkle.leaf_hash(row.signed_entry) for row in rows]
        for batch, rows in groupby(licences, key=lambda row: row.batch)
    }
    for department in session.exec(select(Batch.department).distinct()):
        events = anchored(house, department)
        batches = session.exec(
            select(Batch).where(Batch.department == department).order_by(col(Batch.seq))
        ).all()
        yield from _chained(department, events)
        roots = [merkle.root(leaves[batch.id]) for batch in batches]
        if roots != [event.root for event in events]:
            yield f"I5: department {department}: the roots of the rows are not the roots on the chain"
        if sum(event.size for event in events) != sum(len(leaves[batch.id]) for batch in batches):
            yield f"I6: department {department}: counts on the chain and rows differ"
        if any(batch.state is not BatchState.FINAL for batch in batches):
            yield f"I2: department {department}: a batch is not final"


def _chained(department: int, events: Sequence[Anchored]) -> Iterator[str]:
    if [event.seq for event in events] != list(range(1, len(events) + 1)):
        yield f"I3: department {department}: anchors {[event.seq for event in events]}"
    if len({event.root for event in events}) != len(events):
        yield f"I3: department {department}: a root is anchored twice"
    before = bytes(32)
    for event in events:
        if event.prev_root != before:
            yield f"I4: department {department}: anchor {event.seq} does not follow the one before"
        before = event.root


def _acts(house: House, session: Session, ledger: Ledger) -> Iterator[str]:
    """Every acknowledged act is effective, once; the chain's statuses are the rows'."""
    requests = {row.request: row for row in session.exec(select(StatusAct))}
    for request, (id_, act, _) in ledger.acts.items():
        if request not in requests or requests[request].state is not ActState.EFFECTIVE:
            yield f"I11: {act} of {id_} was acknowledged and is not effective"
    for list_ in {row.list for row in requests.values()}:
        changes = sorted(row.change for row in requests.values() if row.list == list_ and row.change)
        counted = house.chain.call("StatusList", "listOf", list_)[1]
        if changes != list(range(1, counted + 1)):
            yield f"I11: list {list_}: {counted} changes on the chain, ours are {changes[:5]}…"
    touched = (
        select(Licence).join(StatusActLicence, col(StatusActLicence.licence) == col(Licence.row)).distinct()
    )
    for row in session.exec(touched):
        if house.chain.status(row.status_list, row.status_index) != row.status:
            yield f"I11: {row.id}: status {row.status} in the store, another on the chain"


def _files(system: System) -> Iterator[str]:
    end = time.monotonic() + SWEPT_AFTER + 2 * CHECK_EVERY
    while (left := list(system.home.rglob(".new/*"))) and time.monotonic() < end:
        time.sleep(1)
    if left:
        yield f"I9: temporary files are left: {left}"


def _checked(system: System) -> Iterator[str]:
    """Rows and their seals, the audit chain, records, files and keys, by `elicence fsck`."""
    for said in check(system.settings, lambda *_: None):
        yield f"I9: fsck: {said}"


def _verified(system: System, ledger: Ledger) -> Iterator[str]:
    ended = {id_: act for id_, act, _ in ledger.acts.values() if act in _FINAL_ACTS}
    paused = {id_ for id_, act, _ in ledger.acts.values() if act == "SUSPENDED"} - set(ended)

    def look(acked: Acked) -> str | None:
        try:
            found = verify(system, paper(system, acked.id, acked.department))
        except LookupError as error:
            return f"I7: licence {acked.number} is not to be had: {error}"
        wanted = "INVALID" if acked.id in {*ended, *paused} else "VALID"
        if found["verdict"] != wanted:
            return (
                f"I7: licence {acked.number}: {wanted} expected, {found['verdict']} ({found.get('reason')})"
            )
        return None

    with ThreadPoolExecutor(4) as pool:
        yield from (said for said in pool.map(look, ledger.licences.values()) if said)
