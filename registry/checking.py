"""Looks again at what was called final, and at what the chain has beyond the store. The worker does it every 10 s.

A block that was replaced sends its anchors and acts back on their way. A chain that knows more than the store means an
old backup: the department is held up, and what is missing is named, until the store is whole.
"""

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from sqlmodel import Session, col, select

from registry import trail
from registry.comparing import UNFINISHED, ends_on_chain, missing_of
from registry.house import House
from registry.issuing import close_list
from registry.leases import Leases
from registry.tables import ActState, Batch, BatchState, Hold, SigningKey, StatusAct, StatusList

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
        _look_at_keys(leases, department)
        _look_at_anchors(leases, department)
        _look_at_acts(leases, department)
        _look_beyond(leases, department)


def _look_at_keys(leases: Leases, department: int) -> None:
    """A key that the council ended, or that was called stolen, signs nothing more here either."""
    with leases.house.store.read() as session:
        living = select(SigningKey).where(
            SigningKey.department == department, SigningKey.ends > leases.house.now
        )
        keys = session.exec(living).all()
    for key in keys:
        ends = ends_on_chain(leases.house, key)
        if ends < key.ends:
            with leases.writing(department) as session:
                session.get_one(SigningKey, key.kid).ends = ends
            log.error("a key has ended on the chain", department=department, kid=key.kid)


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
    replaced = _replaced(leases.house, last)
    if not replaced:
        return
    ids = [row.id for row in _all_replaced(leases, department, replaced)]
    with leases.writing(department) as session:  # all at once: the oldest goes first
        for row in session.exec(select(StatusAct).where(col(StatusAct.id).in_(ids))):
            row.state = ActState.PREPARED
    log.error("the chain went back: acting again", department=department, acts=len(ids))


def _all_replaced(leases: Leases, department: int, newest: Sequence[StatusAct]) -> list[StatusAct]:
    """A chain goes back from its end: older acts are looked at until a whole page of them stands."""
    found, page = list(newest), list(newest)
    while page:
        oldest = min(row.id or 0 for row in page)
        with leases.house.store.read() as session:
            older = (
                select(StatusAct)
                .where(StatusAct.department == department, StatusAct.state == ActState.EFFECTIVE)
                .where(col(StatusAct.id) < oldest)
                .order_by(col(StatusAct.id).desc())
            )
            page = _replaced(leases.house, session.exec(older.limit(LAST)).all())
        found += page
    return found


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
        if hold is not None and hold.missing.startswith(UNFINISHED):
            return
        missing = "; ".join(missing_of(leases.house, session, department, whole=hold is not None))
    if missing == (hold.missing if hold else ""):
        return
    sizes = {} if missing else leases.house.chain.lists(department)
    with leases.writing(department) as session:
        if hold is not None:
            session.delete(session.get_one(Hold, department))
            session.flush()
        if missing:
            session.add(Hold(department=department, since=leases.house.now, missing=missing))
        else:
            close_lists(leases.house, session, sizes)
    if missing:
        log.error("held up", department=department, missing=missing)
    else:
        log.info("released", department=department)


def close_lists(house: House, session: Session, sizes: Mapping[int, int]) -> None:
    """Lists that the chain has and the store has not: whoever opened them may have given positions out."""
    for list_, size in sizes.items():
        if session.get(StatusList, list_) is None:
            unknown = StatusList(id=list_, department=list_ >> 32, size=size)
            session.add(unknown)
            session.flush()
            close_list(session, unknown)
            note = {"actor": "worker", "deed": "list", "object": str(list_)}
            trail.note(house, session, unknown.department, **note)
