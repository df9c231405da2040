"""What the chain tells, read once up to a block: who may issue, what was anchored, which statuses were changed.

Held as small as can be: a few hundred bytes for each anchor and act, 4 for each status that ever changed.
"""

from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from contracts.events import (
    AccountBound,
    Anchored,
    DepartmentDescribed,
    Event,
    KeyAdded,
    KeyEnded,
    ListCreated,
    Place,
    StatusChanged,
    TypePermitted,
    decode,
)
from registry.chain import Chain
from registry.errors import ChainUnreachableError
from registry.fsck.scene import Progress

_SPAN = 5_000
_CONTRACTS = ("IssuerRegistry", "AnchorLog", "StatusList")


@dataclass(frozen=True, slots=True)
class Change:
    """One act as the chain has it."""

    place: Place
    change: int
    act: int
    status: int
    indices: "array[int]"


@dataclass(slots=True)
class Told:
    """The chain's facts up to `head`. `before` is the head before the database's moment: what stands there the
    database must know; what came later it need not."""

    before: int
    head: int
    revisions: int = 0
    departments: dict[int, DepartmentDescribed] = field(default_factory=dict)
    keys: dict[str, KeyAdded] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)
    types: dict[tuple[int, str, int], TypePermitted] = field(default_factory=dict)
    accounts: dict[str, AccountBound] = field(default_factory=dict)
    lists: dict[int, ListCreated] = field(default_factory=dict)
    anchors: dict[int, dict[int, Anchored]] = field(default_factory=dict)
    changes: dict[int, dict[int, Change]] = field(default_factory=dict)

    def known_before(self, place: Place) -> bool:
        """Whether it stood on the chain before the database's moment."""
        return place.block <= self.before


def read(chain: Chain, before: int, progress: Progress) -> Told:
    """Everything that the three contracts logged.

    Raises:
        ChainUnreachableError: the node does not answer, or what it answers cannot be so.
        PinError: another network's.
    """
    start, told = chain.demand_pins().block, Told(before, chain.head())
    for first in range(start, told.head + 1, _SPAN):
        last = min(first + _SPAN - 1, told.head)
        for contract in _CONTRACTS:
            for entry in chain.logs(contract, [], first, last):
                _take(told, _decoded(entry))
        progress("chain", last - start, told.head - start)
    return told


def _decoded(entry: Mapping[str, Any]) -> Event | None:
    try:
        return decode(entry)
    except ValueError as error:
        raise ChainUnreachableError(str(error)) from error


def _take(told: Told, event: Event | None) -> None:
    told.revisions += 1 if hasattr(event, "revision") else 0
    match event:
        case DepartmentDescribed():
            told.departments[event.department] = event
        case KeyAdded():
            told.keys[event.kid.hex()] = event
        case KeyEnded():
            told.ended.add(event.kid.hex())
        case TypePermitted():
            told.types[event.department, event.type, event.version] = event
        case AccountBound():
            told.accounts[event.account.lower()] = event
        case ListCreated():
            told.lists[event.list] = event
        case Anchored():
            told.anchors.setdefault(event.department, {})[event.seq] = event
        case StatusChanged():
            change = Change(event.place, event.change, event.reason, event.status, array("I", event.indices))
            told.changes.setdefault(event.list, {})[event.change] = change
