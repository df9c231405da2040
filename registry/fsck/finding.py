"""What fsck says: each bad item by its exact name, what was expected, what was found. Never a value of a record."""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from licence.errors import LicenceError
from registry.errors import RegistryError

# What reading a row or file that somebody altered may raise.
UNREADABLE = (LicenceError, RegistryError, ValueError, TypeError, LookupError, ArithmeticError)


class Kind(StrEnum):
    """What is wrong with an item."""

    ALTERED = "altered"
    MISSING = "missing"
    FOREIGN = "foreign"
    CONTRADICTS = "contradicts"


@dataclass(frozen=True, slots=True)
class Finding:
    """A bad item: `where` is a table, "file" or "object", `item` its key or path."""

    kind: Kind
    where: str
    item: str
    expected: str
    found: str

    def as_json(self) -> dict[str, Any]:
        """The same for programs."""
        return asdict(self)

    def __str__(self) -> str:
        return f"{self.kind} {self.where} {self.item}: {self.expected} expected; {self.found} found"


@dataclass(frozen=True, slots=True)
class Unsettled:
    """Something that could not be found out, and why: neither good nor bad."""

    what: str
    why: str

    def as_json(self) -> dict[str, Any]:
        """The same for programs."""
        return asdict(self)

    def __str__(self) -> str:
        return f"not found out: {self.what}: {self.why}"


def altered(where: str, item: str, expected: str, found: str) -> Finding:
    """An item whose content is not what was written."""
    return Finding(Kind.ALTERED, where, item, expected, found)


def missing(where: str, item: str, expected: str) -> Finding:
    """An item that other items say must be there."""
    return Finding(Kind.MISSING, where, item, expected, "nothing")


def foreign(where: str, item: str, expected: str, found: str = "it") -> Finding:
    """An item that nothing accounts for."""
    return Finding(Kind.FOREIGN, where, item, expected, found)


def contradicts(where: str, item: str, expected: str, found: str) -> Finding:
    """An item that other items, or the chain, contradict."""
    return Finding(Kind.CONTRADICTS, where, item, expected, found)
