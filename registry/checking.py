"""Looks again at what was called final, and at what the chain has beyond the store. The worker does it every 10 s.

A block that was replaced sends its anchors and acts back on their way. A chain that knows more than the store means an
old backup: the department is held up, and what is missing is named, until the store is whole.
"""

import secrets
from collections.abc import Sequence
from typing import Any

import structlog
from sqlalchemy import func
from sqlmodel import Session, col, select

from registry.anchoring import anchored
from registry.house import House
from registry.leases import Leases
from registry.tables import ActState, Batch, BatchState, Hold, StatusAct, StatusList

log = structlog.get_logger("checking")
LAST = 32
SAMPLE = 4


def check(leases: Leases) -> None:
    """Looks at every department whose lease is held.

    Raises:
        ChainUnreachableError, UnreachableError: nothing could be found out.
        LeaseLostError: another process works for a department.
    """
    leases.house.chain.demand_pins()
    number, newest = leases.house.chain.newest()
    leases.house.pace.saw(number, newest.time)
    for department in list(leases.held):
        _look_at_anchors(leases, department)
        _look_at_acts(leases, department)
        _look_beyond(leases, department)


def _look_at_anchors(leases: Leases, department: int) -> None:
    with leases.house.store.read() as session:
        final = select(Batch).where(Batch.department == department, Batch.state == BatchState.FINAL)
        last = session.exec(final.order_by(col(Batch.seq).desc()).limit(LAST)).all()
        newest = last[0].seq if last else 0
        older = [secrets.randbelow(newest) + 1 for _ in range(SAMPLE if newest > LAST else 0)]
        sample = session.exec(final.where(col(Batch.seq).in_(older))).all()
    for batch in _replaced(leases.house, [*last, *sample]):
        with leases.writing(department) as session:
            session.get_one(Batch, batch.id).state = BatchState.PREPARED
        log.error("the chain went back: anchoring again", department=department, anchor=batch.seq)


def _look_at_acts(leases: Leases, department: int) -> None:
    with leases.house.store.read() as session:
        done = select(StatusAct).where(
            StatusAct.department == department, StatusAct.state == ActState.EFFECTIVE
        )
        last = session.exec(done.order_by(col(StatusAct.id).desc()).limit(LAST)).all()
    for act in _replaced(leases.house, last):
        with leases.writing(department) as session:
            session.get_one(StatusAct, act.id).state = ActState.PREPARED
        log.error("the chain went back: acting again", department=department, request=act.request)


def _replaced(house: House, rows: Sequence[Any]) -> list[Any]:
    """Those whose block is no longer the chain's."""
    head = house.chain.head()
    hashes = {
        number: house.chain.block(number).hash for number in {row.block for row in rows} if number <= head
    }
    return [row for row in rows if hashes.get(row.block) != row.block_hash]


def _look_beyond(leases: Leases, department: int) -> None:
    with leases.house.store.read() as session:
        hold = session.get(Hold, department)
        missing = "; ".join(missing_of(leases.house, session, department))
    if missing == (hold.missing if hold else ""):
        return
    with leases.writing(department) as session:
        if hold is not None:
            session.delete(session.get_one(Hold, department))
            session.flush()
        if missing:
            session.add(Hold(department=department, since=leases.house.now, missing=missing))
    log.error("held up" if missing else "released", department=department, missing=missing)


def missing_of(house: House, session: Session, department: int) -> list[str]:
    """What the chain has of a department and this store has not, in words.

    Raises:
        ChainUnreachableError: the node does not answer.
    """
    return [*_missing_anchors(house, session, department), *_missing_acts(house, session, department)]


def _missing_anchors(house: House, session: Session, department: int) -> list[str]:
    seq, root = house.chain.call("AnchorLog", "head", department)
    known = select(Batch.root).where(Batch.department == department, Batch.seq == seq)
    if not seq or session.exec(known).first() == root:
        return []
    ours = session.exec(select(Batch.root).where(Batch.department == department)).all()
    return [
        f"anchor {event.seq} of {event.size} licences in block {event.place.block}"
        for event in anchored(house, department)
        if event.root not in ours
    ] or [f"anchor {seq}"]


def _missing_acts(house: House, session: Session, department: int) -> list[str]:
    missing = []
    for number in range(1, house.chain.call("StatusList", "lists", department)[0] + 1):
        list_ = department << 32 | number
        changes = house.chain.call("StatusList", "listOf", list_)[1]
        if changes > _known_changes(session, list_) and not _under_way(session, list_):
            missing.append(f"acts on status list {number}: {changes} on the chain")
        if session.get(StatusList, list_) is None and changes:
            missing.append(f"status list {number}")
    return missing


def _known_changes(session: Session, list_: int) -> int:
    """The newest change we made; acts of release 0.1.0 have no number: they are counted."""
    effective = (StatusAct.list == list_, StatusAct.state == ActState.EFFECTIVE)
    newest = session.exec(select(func.max(StatusAct.change)).where(*effective)).one()
    return newest or session.exec(select(func.count()).select_from(StatusAct).where(*effective)).one()


def _under_way(session: Session, list_: int) -> bool:
    wanted = select(StatusAct.id).where(StatusAct.list == list_, StatusAct.state == ActState.PREPARED)
    return session.exec(wanted).first() is not None
