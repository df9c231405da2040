"""Legal acts on licences: suspended, reinstated, withdrawn, revoked, cancelled; renewed and changed by a successor.

An act is *recorded* when it is stored, and *effective* when the chain has it: recorded → prepared → effective.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import structlog
from eth_utils import keccak
from sqlalchemy import func
from sqlmodel import Session, col, select

from contracts import artifacts
from contracts.events import StatusChanged, decode
from licence.status import Act, Status, lawful
from registry import trail
from registry.errors import ConflictError, InvalidError
from registry.house import House
from registry.leases import Leases
from registry.store import demand_open, department_by_id
from registry.tables import ActState, Department, Licence, StatusAct, StatusActLicence

log = structlog.get_logger("acts")
AT_ONCE = 1_000
_GAS = 10_000_000


@dataclass(frozen=True, slots=True)
class Ask:
    """An act on a department's own licences, its legal basis, and who asks."""

    act: Act
    licences: Sequence[Licence]
    legal_basis: str
    actor: str


def record(house: House, session: Session, department: Department, ask: Ask) -> str:
    """Stores an act in the caller's transaction; the worker makes it effective. Gives the request's id.

    Raises:
        InvalidError: no licences, or no legal basis.
        ConflictError: the act is not lawful for one of them; nothing is stored.
    """
    if not ask.licences or not ask.legal_basis.strip():
        raise InvalidError("请选择证照并填写法律依据", "licences and a legal basis are needed")
    demand_open(session, department.id)
    for licence in ask.licences:
        if not lawful(coming_status(session, licence), ask.act.status):
            raise ConflictError(
                f"证照 {licence.id[:8]}… 的当前状态不允许此操作",
                f"licence {licence.id}: not lawful from its present status",
            )
    request = secrets.token_hex(16)
    ordered = sorted(ask.licences, key=lambda licence: (licence.status_list, licence.status_index))
    for list_, members in groupby(ordered, key=lambda licence: licence.status_list):
        rows = list(members)
        for start in range(0, len(rows), AT_ONCE):
            _store(house, session, request, ask, (list_, rows[start : start + AT_ONCE]))
    deed, note = ask.act.name.lower(), f"{len(ordered)} licences, request {request}"
    trail.note(house, session, department.id, actor=ask.actor, deed=deed, object=note)
    return request


def _store(
    house: House, session: Session, request: str, ask: Ask, part: tuple[int, Sequence[Licence]]
) -> None:
    list_, rows = part
    act = StatusAct(
        request=request,
        department=list_ >> 32,
        list=list_,
        act=int(ask.act),
        legal_basis=ask.legal_basis.strip(),
        recorded_at=house.now,
    )
    session.add(act)
    session.flush()
    session.add_all(StatusActLicence(act=act.id or 0, licence=licence.row or 0) for licence in rows)


def coming_status(session: Session, licence: Licence) -> Status:
    """The status once every recorded act is effective."""
    wanted = (
        select(StatusAct.act)
        .join(StatusActLicence, col(StatusActLicence.act) == col(StatusAct.id))
        .where(StatusActLicence.licence == licence.row)
        .where(col(StatusAct.state).in_([ActState.RECORDED, ActState.PREPARED]))
        .order_by(col(StatusAct.id).desc())
    )
    pending = session.exec(wanted).first()
    return Status(licence.status) if pending is None else Act(pending).status


def open_acts(house: House) -> list[StatusAct]:
    """The oldest act of each department that is not effective. One at a time: order is the law's."""
    with house.store.read() as session:
        wanted = select(StatusAct).where(StatusAct.state != ActState.EFFECTIVE).order_by(col(StatusAct.id))
        oldest: dict[int, StatusAct] = {}
        for act in session.exec(wanted):
            oldest.setdefault(act.department, act)
    return [act for act in oldest.values() if act.state is not ActState.QUARANTINED]


def advance(leases: Leases, act: StatusAct) -> None:
    """Takes an act one step on its way. Sending it twice is harmless: the same status again changes nothing.

    Raises:
        ChainUnreachableError, SignerUnreachableError: nothing is lost; the next round goes on.
        LeaseLostError: another process works for the department.
    """
    house = leases.house
    if not _stands(house, act):
        log.warning(
            "the act before it is no longer on the chain: waits", department=act.department, act=act.id
        )
        return
    if act.raw_transaction is None:
        _prepare(leases, act)
        return
    receipt = house.chain.receipt(act.transaction_hash or "")
    if receipt is None:
        _send_again(leases, act)
    elif _deep(house, receipt):
        _judge(leases, act, receipt)


def _stands(house: House, act: StatusAct) -> bool:
    """Whether the department's effective act before this one is still where it was. If not, checking.py sends it again,
    and first: the order of acts is the law's."""
    wanted = (
        select(StatusAct)
        .where(StatusAct.department == act.department, StatusAct.state == ActState.EFFECTIVE)
        .where(col(StatusAct.id) < act.id, col(StatusAct.block_hash).is_not(None))
        .order_by(col(StatusAct.id).desc())
    )
    with house.store.read() as session:
        before = session.exec(wanted).first()
    if before is None or before.block is None:
        return True
    return before.block <= house.chain.head() and house.chain.block(before.block).hash == before.block_hash


def _prepare(leases: Leases, act: StatusAct) -> None:
    house = leases.house
    with house.store.read() as session:
        account = department_by_id(session, act.department).status_account
        indices = sorted(licence.status_index for licence in _licences(session, act))
    leads_to = Act(act.act).status
    data = artifacts.calldata("StatusList", "change", act.list, int(leads_to), act.act, indices)
    target = house.chain.try_out(account, "StatusList", data)
    nonce = house.chain.nonce(account)
    transaction = house.chain.transaction(data, nonce, to=target, gas=_GAS)
    raw = house.signer.sign_transaction(account, transaction)
    with leases.writing(act.department) as session:
        stored = _stored(session, act)
        stored.raw_transaction, stored.transaction_hash = raw, "0x" + keccak(raw).hex()
        stored.nonce, stored.state = nonce, ActState.PREPARED
    house.chain.send(raw)


def _send_again(leases: Leases, act: StatusAct) -> None:
    house = leases.house
    with house.store.read() as session:
        account = department_by_id(session, act.department).status_account
    nonce = house.chain.nonce(account)
    if nonce == act.nonce:
        house.chain.send(act.raw_transaction or b"")
    elif nonce < (act.nonce or 0) or house.chain.receipt(act.transaction_hash or "") is None:
        # Below ours nothing of ours is under way: it would wait for ever.
        _sign_anew(leases, act)


def _sign_anew(leases: Leases, act: StatusAct) -> None:
    with leases.writing(act.department) as session:
        _stored(session, act).raw_transaction = None


def _deep(house: House, receipt: Mapping[str, Any]) -> bool:
    """Whether the receipt's block is the chain's own at that height, with `depth` blocks on top."""
    number = int(receipt["blockNumber"], 16)
    if house.chain.head() < number + house.settings.depth:
        return False
    return bool(house.chain.block(number).hash == receipt["blockHash"])


def _judge(leases: Leases, act: StatusAct, receipt: Mapping[str, Any]) -> None:
    """A receipt alone is a node's word: the act is effective once its event, or the statuses, stand on the chain."""
    event = find(leases.house, act)
    nothing = event is None and _changed_nothing(leases.house, act)
    if event is not None or (nothing and _has_come(leases.house, act)):
        _finish(leases, act, receipt, event)
    elif nothing or int(receipt["status"], 16) != 1:
        # Mined and without effect: reverted, or it came before an act that was sent again after it.
        _sign_anew(leases, act)


def find(house: House, act: StatusAct) -> StatusChanged | None:
    """The event of an act: of its list, reason and licences, after the changes before it; None: the node shows none."""
    with house.store.read() as session:
        indices = tuple(sorted(licence.status_index for licence in _licences(session, act)))
        known, block = _before(session, act)
    start = max(block, house.chain.demand_pins().block)
    for entry in house.chain.logs("StatusList", [None, _topic(act.list)], start, house.chain.head()):
        event = decode(entry)
        if not isinstance(event, StatusChanged) or event.change <= known:
            continue
        if (event.reason, event.indices) == (act.act, indices):
            return event
    return None


def _topic(number: int) -> str:
    return "0x" + number.to_bytes(32, "big").hex()


def _before(session: Session, act: StatusAct) -> tuple[int, int]:
    """The newest change before an act on its list, and its block."""
    wanted = (
        select(StatusAct.change, StatusAct.block)
        .where(StatusAct.list == act.list, col(StatusAct.id) < act.id)
        .where(col(StatusAct.change).is_not(None), StatusAct.state == ActState.EFFECTIVE)
        .order_by(col(StatusAct.id).desc())
    )
    change, block = session.exec(wanted).first() or (0, 0)
    return change or 0, block or 0


def known_changes(session: Session, list_: int) -> int:
    """The newest change of a list that we made; acts of release 0.1.0 have no number: they are counted."""
    effective = (StatusAct.list == list_, StatusAct.state == ActState.EFFECTIVE)
    newest = session.exec(select(func.max(StatusAct.change)).where(*effective)).one()
    return newest or session.exec(select(func.count()).select_from(StatusAct).where(*effective)).one()


def known_block(session: Session, list_: int) -> int:
    """The block of the newest change of a list that we made and know by its number; 0: none."""
    on = (StatusAct.list == list_, StatusAct.state == ActState.EFFECTIVE, col(StatusAct.change).is_not(None))
    return session.exec(select(func.max(StatusAct.block)).where(*on)).one() or 0


def _changed_nothing(house: House, act: StatusAct) -> bool:
    """Whether the chain counts no change that we do not know. If it does, the node hides the act's event for now."""
    with house.store.read() as session:
        known = known_changes(session, act.list)
    return bool(house.chain.call("StatusList", "listOf", act.list)[1] <= known)


def _has_come(house: House, act: StatusAct) -> bool:
    """Whether every status is already what the act makes it: then the chain took it for no change."""
    with house.store.read() as session:
        indices = [licence.status_index for licence in _licences(session, act)]
    leads_to = int(Act(act.act).status)
    words = {index >> 7: 0 for index in indices}
    for place in words:
        words[place] = house.chain.call("StatusList", "word", act.list, place)[0]
    return all(words[index >> 7] >> 2 * (index & 127) & 3 == leads_to for index in indices)


def _finish(leases: Leases, act: StatusAct, receipt: Mapping[str, Any], event: StatusChanged | None) -> None:
    block = int(receipt["blockNumber"], 16)
    house = leases.house
    time = house.chain.block(block).time
    with leases.writing(act.department) as session:
        stored = _stored(session, act)
        deed = "effective-again" if stored.block is not None else "effective"
        trail.note(house, session, act.department, actor="worker", deed=deed, object=f"act {act.id}")
        stored.state, stored.block, stored.block_hash = ActState.EFFECTIVE, block, receipt["blockHash"]
        stored.time = time
        stored.change = event.change if event else None
        for licence in _licences(session, act):
            licence.status, licence.act = int(Act(act.act).status), act.act
            session.add(licence)
    log.info("effective", department=act.department, act=Act(act.act).name, block=block)


def _licences(session: Session, act: StatusAct) -> Sequence[Licence]:
    wanted = (
        select(Licence)
        .join(StatusActLicence, col(StatusActLicence.licence) == col(Licence.row))
        .where(StatusActLicence.act == act.id)
    )
    return session.exec(wanted).all()


def _stored(session: Session, act: StatusAct) -> StatusAct:
    stored = session.get(StatusAct, act.id)
    if stored is None:
        raise LookupError(f"act {act.id} is gone from the store")
    return stored
