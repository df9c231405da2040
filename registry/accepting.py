"""Accepts that a newer backup does not exist: what the chain has of a department and this store has not is taken over
from the chain, as far as the chain tells it, and the rest is written down as lost.

Acts, keys and permitted types come back whole. Of an anchor its place comes back, so that the next one follows it; its
licences do not: they stay valid for their holders, and this registry knows nothing of them.
"""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session, col, select

from contracts.events import Anchored, KeyAdded, Place, StatusChanged, TypePermitted
from licence.definition import LicenceType
from licence.keys import NetworkId, PublicKey, Suite, Usage, possession_statement
from licence.status import Act
from registry import comparing, trail
from registry.checking import close_lists
from registry.errors import ConflictError, InvalidError, ObjectMissingError
from registry.house import House
from registry.store import department_by_id
from registry.tables import (
    LOST,
    ActState,
    Batch,
    BatchState,
    Hold,
    Licence,
    Permission,
    SigningKey,
    StatusAct,
    StatusActLicence,
    TypeVersion,
)

MAX_REASON = 200


@dataclass(frozen=True, slots=True)
class Accepted:
    """What was taken over. `licences`: how many the lost anchors hold. `unnamed`: how often the status of a licence
    changed that this store does not know."""

    anchors: int
    licences: int
    acts: int
    unnamed: int
    keys: int
    types: int

    def words(self) -> str:
        """For the audit trail."""
        return (
            f"{self.anchors} anchors of {self.licences} licences lost; taken over: {self.acts} acts, "
            f"{self.keys} keys, {self.types} types"
        )


@dataclass(frozen=True, slots=True)
class _Missing:
    anchors: Sequence[Anchored]
    changes: Sequence[tuple[StatusChanged, int | None]]
    keys: Sequence[KeyAdded]
    types: Sequence[TypePermitted]

    def accepted(self, unnamed: int) -> Accepted:
        return Accepted(
            len(self.anchors),
            sum(event.size for event in self.anchors),
            sum(ours is None for _, ours in self.changes),
            unnamed,
            len(self.keys),
            len(self.types),
        )


def accept_loss(house: House, department: int, reason: str) -> Accepted:
    """Takes over what is missing of a held department, whole or not at all; the worker then lifts the hold.

    Raises:
        InvalidError: no reason, or a long one.
        ConflictError: the department is not held; or the chain and the store contradict each other.
        ChainUnreachableError: the node does not answer, or hides a part.
    """
    if not 0 < len(reason.strip()) <= MAX_REASON:
        raise InvalidError(
            "请说明理由", f"a reason of 1 to {MAX_REASON} characters expected, for the audit trail"
        )
    sizes = house.chain.lists(department)
    with house.store.write(department) as session:
        department_by_id(session, department)
        _demand_held(session, department)
        missing = _missing(house, session, department)
        close_lists(house, session, sizes)
        _take_anchors(house, session, missing.anchors)
        unnamed = sum(
            _take_change(house, session, event, ours, reason=reason) for event, ours in missing.changes
        )
        _take_keys(house, session, missing.keys)
        _take_types(house, session, missing.types)
        session.flush()
        _demand_nothing_missing(house, session, department)
        done = missing.accepted(unnamed)
        note = f"{done.words()}; {reason.strip()}"
        trail.note(house, session, department, actor="operator", deed="accept-loss", object=note)
    return done


def _demand_held(session: Session, department: int) -> None:
    hold = session.get(Hold, department)
    if hold is None or hold.missing.startswith((comparing.UNFINISHED, comparing.NOT_COMPARED)):
        raise ConflictError(
            "该部门没有已确认的缺失",
            f"department {department} is not known to lack anything: let the worker compare it with the chain first",
        )


def _missing(house: House, session: Session, department: int) -> _Missing:
    lists = house.chain.list_ids(department)
    return _Missing(
        comparing.missing_anchors(house, session, department),
        [pair for list_ in lists for pair in comparing.changes_since(house, session, list_)],
        comparing.missing_keys(house, session, department),
        comparing.missing_types(house, session, department),
    )


def _take_anchors(house: House, session: Session, events: Sequence[Anchored]) -> None:
    for event in events:
        taken = select(Batch).where(Batch.department == event.department, Batch.seq == event.seq)
        if session.exec(taken).first() is not None:
            raise ConflictError(
                "数据库与区块链的批次矛盾，须人工处理",
                f"batch {event.seq} of this store has another root than the chain's: a person must find out why",
            )
        session.add(
            Batch(
                department=event.department,
                seq=event.seq,
                prev_root=event.prev_root,
                root=event.root,
                size=event.size,
                state=BatchState.FINAL,
                time=event.time,
                note=f"{LOST}: the licences are not in this store",
                **_place(event.place),
            )
        )
        told = f"batch {event.seq}: {event.size} licences, lost"
        _note(house, session, event.department, deed="anchor", object=told)


def _take_change(
    house: House, session: Session, event: StatusChanged, ours: int | None, *, reason: str
) -> int:
    """Makes an act of ours effective, or writes one down that was lost; how many of its licences are not known."""
    wanted = select(Licence).where(
        Licence.status_list == event.list, col(Licence.status_index).in_(event.indices)
    )
    licences = session.exec(wanted).all()
    act = (
        session.get_one(StatusAct, ours)
        if ours
        else _lost_act(house, session, event, licences, reason=reason)
    )
    if act.block is None:
        _note(house, session, act.department, deed="effective", object=f"act {act.id}")
    act.state, act.change = ActState.EFFECTIVE, event.change
    act.time = house.chain.block(event.place.block).time
    for name, value in _place(event.place).items():
        setattr(act, name, value)
    session.add(act)
    for licence in licences:
        licence.status, licence.act = event.status, event.reason
        session.add(licence)
    return len(event.indices) - len(licences)


def _lost_act(
    house: House, session: Session, event: StatusChanged, licences: Sequence[Licence], *, reason: str
) -> StatusAct:
    act = StatusAct(
        request=secrets.token_hex(16),
        department=event.list >> 32,
        list=event.list,
        act=int(Act(event.reason)),
        legal_basis=f"由区块链补录，原始依据已丢失（taken over from the chain, its legal basis is lost）：{reason}",
        recorded_at=0,
        note=f"{LOST}: what the chain does not tell of it",
    )
    session.add(act)
    session.flush()
    session.add_all(StatusActLicence(act=act.id or 0, licence=row.row or 0) for row in licences)
    told = f"{len(licences)} licences, request {act.request}"
    _note(house, session, act.department, deed=Act(event.reason).name.lower(), object=told)
    return act


def _take_keys(house: House, session: Session, events: Sequence[KeyAdded]) -> None:
    network = NetworkId(house.chain.demand_pins().network)
    for event in events:
        key = PublicKey(Suite(event.suite), event.x, event.y)
        statement = possession_statement(network, event.department, Usage(event.usage), key)
        key.verify(statement, event.proof)
        session.add(
            SigningKey(
                kid=event.kid.hex(),
                department=event.department,
                suite=event.suite,
                usage=event.usage,
                x=event.x,
                y=event.y,
                begins=event.begins,
                ends=event.ends,
            )
        )
        _note(house, session, event.department, deed="key", object=event.kid.hex())


def _take_types(house: House, session: Session, events: Sequence[TypePermitted]) -> None:
    for event in events:
        name = f"types/{event.definition.hex()}.json"
        try:
            definition = house.publisher.read(name)
        except ObjectMissingError as error:
            raise ConflictError(
                "缺少类型定义文件",
                f"the definition of type {event.type} version {event.version} is needed: put {name} among the public "
                "files, any mirror of them has it",
            ) from error
        if hashlib.sha256(definition).digest() != event.definition:
            raise ConflictError("类型定义文件与链上不符", f"{name}: another definition than the chain's")
        LicenceType.from_canonical(definition)
        digest = event.definition.hex()
        session.merge(
            TypeVersion(code=event.type, version=event.version, digest=digest, definition=definition)
        )
        session.merge(Permission(department=event.department, code=event.type, version=event.version))
        _note(house, session, event.department, deed="permit", object=f"{event.type} {event.version}")


def _demand_nothing_missing(house: House, session: Session, department: int) -> None:
    """The node may have hidden a part: then nothing is taken over."""
    left = comparing.missing_of(house, session, department, whole=True)
    if left:
        raise ConflictError(
            "区块链节点没有提供全部记录",
            f"the node shows not all of what it counts: {'; '.join(left)}; use another",
        )


def _note(house: House, session: Session, department: int, *, deed: str, object: str) -> None:
    """What is taken over has its row in the trail, as every deed has."""
    trail.note(house, session, department, actor="operator", deed=deed, object=object)


def _place(place: Place) -> dict[str, Any]:
    return {
        "block": place.block,
        "block_hash": "0x" + place.block_hash.hex(),
        "transaction_hash": "0x" + place.transaction.hex(),
    }
