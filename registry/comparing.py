"""What the chain has of a department and this store has not: anchors, acts, status lists, keys, permitted types.

A store that lacks something is older than the chain: a backup was restored, or rows are gone. Nothing is changed here.
"""

from collections.abc import Sequence
from typing import TypeVar

from eth_utils import keccak
from sqlalchemy import ColumnElement, func
from sqlmodel import Session, col, select

from contracts import artifacts
from contracts.events import (
    Anchored,
    DepartmentAdmitted,
    Event,
    KeyAdded,
    KeyCompromised,
    KeyEnded,
    StatusChanged,
    TypePermitted,
    decode,
)
from licence.keys import Usage
from licence.status import Act
from registry import acts
from registry.anchoring import anchored
from registry.house import House
from registry.tables import (
    ActState,
    Batch,
    Department,
    Licence,
    Permission,
    SigningKey,
    StatusAct,
    StatusActLicence,
    StatusList,
)

# How a hold begins that restoring.py sets: not finished, then not compared. The first is never lifted here.
UNFINISHED = "a restore is not finished: run `elicence restore` again"
NOT_COMPARED = "not compared with the chain yet"
_TOLD = 20
_Event = TypeVar("_Event", bound=Event)


def missing_of(house: House, session: Session, department: int, *, whole: bool = False) -> list[str]:
    """What is missing of a department, in words; with `whole` also what the council did for it.

    That is told only of a store known to be restored: a command that was killed between chain and store leaves a key
    that nobody has used, and must not stop a department.

    Raises:
        ChainUnreachableError: the node does not answer.
    """
    found = [*_anchor_words(house, session, department), *_act_words(house, session, department)]
    if whole:
        found += [told(key) for key in missing_keys(house, session, department)]
        found += [told(kind) for kind in missing_types(house, session, department)]
    return found


def missing_anchors(house: House, session: Session, department: int) -> list[Anchored]:
    """The anchorings that no batch of ours stands for, in their order. A node may hide some.

    Raises:
        ChainUnreachableError: the node does not answer.
    """
    ours = {bytes(one) for one in session.exec(select(Batch.root).where(Batch.department == department))}
    found = sorted(anchored(house, department), key=lambda event: event.seq)
    return [event for event in found if event.root not in ours]


def changes_since(house: House, session: Session, list_: int) -> list[tuple[StatusChanged, int | None]]:
    """The changes of a list after the newest that we know, in their order, each with the number of our act that it is,
    on its way or just come; None: no act of ours. A node may hide some.

    Raises:
        ChainUnreachableError: the node does not answer.
    """
    known, ours = acts.known_changes(session, list_), _unnumbered(session, list_)
    found = _events(house, "StatusList", [None, _topic(list_)], acts.known_block(session, list_))
    changes = [event for event in found if isinstance(event, StatusChanged) and event.change > known]
    pairs = []
    for event in sorted(changes, key=lambda event: event.change):
        waiting = ours.get((event.reason, tuple(event.indices)), [])
        pairs.append((event, waiting.pop(0) if waiting else None))  # each act of ours stands for one change
    return pairs


def missing_keys(house: House, session: Session, department: int) -> list[KeyAdded]:
    """The keys that the council admitted and the store does not know.

    Raises:
        ChainUnreachableError: the node does not answer.
    """
    ours = set(session.exec(select(SigningKey.kid).where(SigningKey.department == department)))
    found = _registered(house, KeyAdded, department)
    return [event for event in found if event.kid.hex() not in ours]


def missing_types(house: House, session: Session, department: int) -> list[TypePermitted]:
    """The type versions that the council permitted and the store does not know.

    Raises:
        ChainUnreachableError: the node does not answer.
    """
    wanted = select(Permission.code, Permission.version).where(Permission.department == department)
    ours = {tuple(row) for row in session.exec(wanted)}
    found = _registered(house, TypePermitted, department)
    return [event for event in found if (event.type, event.version) not in ours]


def strangers(house: House, session: Session) -> list[int]:
    """The departments on the chain that this store does not know: another registry's, or admitted after the backup.

    Raises:
        ChainUnreachableError: the node does not answer.
    """
    ours = set(session.exec(select(Department.id)))
    return sorted({event.department for event in _registered(house, DepartmentAdmitted)} - ours)


def told(event: Event) -> str:
    """An event of the chain in words."""
    where = f"in block {event.place.block}"
    if isinstance(event, Anchored):
        return f"anchor {event.seq} of {event.size} licences {where}"
    if isinstance(event, StatusChanged):
        act = Act(event.reason).name if event.reason else "unknown"
        return f"act {act} on {len(event.indices)} licences of status list {event.list & 0xFFFFFFFF} {where}"
    if isinstance(event, KeyAdded):
        return f"{Usage(event.usage).name.lower()} key {event.kid.hex()} {where}"
    if isinstance(event, TypePermitted):
        return f"type {event.type} version {event.version} {where}"
    return f"{type(event).__name__} {where}"


def _anchor_words(house: House, session: Session, department: int) -> list[str]:
    seq, root = house.chain.call("AnchorLog", "head", department)
    known = select(Batch.root).where(Batch.department == department, Batch.seq == seq)
    if not seq or session.exec(known).first() == root:
        return []
    return _some(missing_anchors(house, session, department)) or [f"anchor {seq}"]


def _act_words(house: House, session: Session, department: int) -> list[str]:
    words = []
    for list_ in house.chain.list_ids(department):
        changes, name = (
            house.chain.call("StatusList", "listOf", list_)[1],
            f"status list {list_ & 0xFFFFFFFF}",
        )
        more = changes - acts.known_changes(session, list_)
        if more > 0:
            pairs = changes_since(house, session, list_)
            missing = [event for event, act in pairs if act is None]
            hidden = not missing and more > max(len(pairs), _count_unnumbered(session, list_))
            words += [f"acts on {name}: {changes} on the chain"] if hidden else _some(missing)
        if changes and session.get(StatusList, list_) is None:
            words.append(name)
    return words


def ends_on_chain(house: House, key: SigningKey) -> int:
    """When a key of ours ends by the chain: never later than we know, earlier if the council ended it or it was stolen.

    What is read here lasts, so a view is not enough: an event must say so too.

    Raises:
        ChainUnreachableError: the node does not answer.
    """
    told = house.chain.call("IssuerRegistry", "keys", bytes.fromhex(key.kid))
    ends = min(told[4], told[5] or told[4])
    if told[0] != key.department or ends >= key.ends:
        return key.ends
    topics = [None, "0x" + key.kid + "00" * 24]
    events = _events(house, "IssuerRegistry", topics)
    return ends if any(isinstance(event, KeyEnded | KeyCompromised) for event in events) else key.ends


def _some(events: Sequence[Event]) -> list[str]:
    more = len(events) - _TOLD
    return [told(event) for event in events[:_TOLD]] + ([f"and {more} more like these"] if more > 0 else [])


def _unnumbered(session: Session, list_: int) -> dict[tuple[int, tuple[int, ...]], list[int]]:
    """The acts of ours that no change of the chain is known for, by what they do, oldest first."""
    wanted = (
        select(StatusAct.id, StatusAct.act, Licence.status_index)
        .join(StatusActLicence, col(StatusActLicence.act) == col(StatusAct.id))
        .join(Licence, col(Licence.row) == col(StatusActLicence.licence))
        .where(_without_change(session, list_))
        .order_by(col(StatusAct.id))
    )
    members: dict[tuple[int, int], list[int]] = {}
    for number, act, index in session.exec(wanted):
        members.setdefault((number or 0, act), []).append(index)
    found: dict[tuple[int, tuple[int, ...]], list[int]] = {}
    for (number, act), indices in members.items():
        found.setdefault((act, tuple(sorted(indices))), []).append(number)
    return found


def _count_unnumbered(session: Session, list_: int) -> int:
    wanted = select(func.count()).select_from(StatusAct).where(_without_change(session, list_))
    return session.exec(wanted).one()


def _without_change(session: Session, list_: int) -> ColumnElement[bool]:
    """The acts on their way, and those that came after the newest numbered one and found nothing to change any more:
    a backup had them on their way, and they had come since."""
    on, has_come = col(StatusAct.list) == list_, col(StatusAct.state) == ActState.EFFECTIVE
    numbered = select(func.max(StatusAct.id)).where(on, has_come, col(StatusAct.change).is_not(None))
    newest = session.exec(numbered).one()
    if newest is None:
        return on & ~has_come
    return on & (~has_come | (col(StatusAct.change).is_(None) & (col(StatusAct.id) > newest)))


def _registered(house: House, kind: type[_Event], department: int | None = None) -> list[_Event]:
    signature = artifacts.signature(artifacts.load("IssuerRegistry").item("event", kind.__name__))
    topics = ["0x" + keccak(text=signature).hex(), *([_topic(department)] if department is not None else [])]
    return [event for event in _events(house, "IssuerRegistry", topics) if isinstance(event, kind)]


def _events(house: House, contract: str, topics: Sequence[str | None], since: int = 0) -> list[Event]:
    start = max(since, house.chain.demand_pins().block)
    logs = house.chain.logs(contract, topics, start, house.chain.head())
    return [event for entry in logs if (event := decode(entry)) is not None]


def _topic(number: int) -> str:
    return "0x" + number.to_bytes(32, "big").hex()
