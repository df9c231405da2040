"""A licence's status and the legal acts that change it. The same table is in contracts/StatusList.sol.

Expired is arithmetic, never a status. The trap: technical revocation is one final status; 撤销, 吊销 and 注销 are
different legal acts that lead to it.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import NewType

ListId = NewType("ListId", int)

MAX_INDEX = 2**32 - 1


class Status(IntEnum):
    """The two bits of an entry, values as in IETF Token Status List §7.1 (3 is application specific)."""

    VALID = 0
    INVALID = 1
    SUSPENDED = 2
    SUPERSEDED = 3


class Act(IntEnum):
    """The legal act behind a change of status, as recorded on the chain."""

    WITHDRAWN = 1
    REVOKED = 2
    CANCELLED = 3
    SUSPENDED = 4
    REINSTATED = 5
    RENEWED = 6
    CHANGED = 7

    @property
    def status(self) -> Status:
        """The status that this act leads to."""
        return _LEADS_TO[self]


_LEADS_TO = {
    Act.WITHDRAWN: Status.INVALID,
    Act.REVOKED: Status.INVALID,
    Act.CANCELLED: Status.INVALID,
    Act.SUSPENDED: Status.SUSPENDED,
    Act.REINSTATED: Status.VALID,
    Act.RENEWED: Status.SUPERSEDED,
    Act.CHANGED: Status.SUPERSEDED,
}

_LAWFUL = {
    Status.VALID: {Status.INVALID, Status.SUSPENDED, Status.SUPERSEDED},
    Status.SUSPENDED: {Status.VALID, Status.INVALID, Status.SUPERSEDED},
    Status.SUPERSEDED: {Status.INVALID},
    Status.INVALID: set(),
}


def lawful(before: Status, after: Status) -> bool:
    """Whether the status may go from `before` to `after` (docs/format.md §8). The same status again is no change."""
    return after in _LAWFUL[before]


def list_id(department: int, number: int) -> ListId:
    """The id of a department's n-th status list: department << 32 | n, so that nobody can name another's list."""
    return ListId(department << 32 | number)


@dataclass(frozen=True, slots=True)
class StatusRef:
    """A licence's place: list id and index in it (0 ≤ index < 2^32)."""

    list: ListId
    index: int

    @property
    def department(self) -> int:
        """The only department that may change this entry."""
        return self.list >> 32
