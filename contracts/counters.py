"""Where the contracts keep what a follower compares its own count with: storage slots, and how to read them.

Solidity's storage layout: a mapping's value stands at keccak(key ‖ slot), neighbours share a slot from its lowest byte.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from eth_utils import keccak

from contracts import artifacts

_ROOT_SIZE, _SEQ_SIZE, _COUNT_SIZE, _LIST_SIZE = 32, 8, 8, 4
WORD_ENTRIES = 128


@dataclass(frozen=True, slots=True)
class Counter:
    """One number in a contract's storage: its slot, its place in it (bytes from the lowest), and what it must be."""

    contract: str
    name: str
    slot: int
    offset: int
    size: int
    expected: int

    def read(self, word: int) -> int:
        """The number in the slot's word."""
        return word >> 8 * self.offset & (1 << 8 * self.size) - 1


def revision(expected: int) -> Counter:
    """The registry's number of changes."""
    return _plain("IssuerRegistry", "revision", expected)


def voids(expected: int) -> Counter:
    """The log's number of voidings."""
    return _plain("AnchorLog", "voids", expected)


def head(department: int, root: bytes, seq: int) -> Iterator[Counter]:
    """A department's newest root, and the number of its anchoring."""
    heads, _ = artifacts.load("AnchorLog").storage["_heads"]
    name = f"head of department {department}"
    yield Counter("AnchorLog", name, mapped(heads, department), 0, _ROOT_SIZE, int.from_bytes(root, "big"))
    anchors, _ = artifacts.load("AnchorLog").storage["_anchors"]
    if seq:
        place = mapped(mapped(anchors, department), int.from_bytes(root, "big"))
        yield Counter("AnchorLog", f"number of the {name}", place, 0, _SEQ_SIZE, seq)


def lists(department: int, expected: int) -> Counter:
    """How many status lists a department has."""
    slot, _ = artifacts.load("StatusList").storage["lists"]
    name = f"status lists of department {department}"
    return Counter("StatusList", name, mapped(slot, department), 0, _LIST_SIZE, expected)


def list_of(list_: int, size: int, changes: int) -> Iterator[Counter]:
    """A list's size and its number of changes: neighbours in one slot."""
    slot, _ = artifacts.load("StatusList").storage["_lists"]
    place = mapped(slot, list_)
    yield Counter("StatusList", f"size of list {list_}", place, 0, _LIST_SIZE, size)
    yield Counter("StatusList", f"changes of list {list_}", place, _LIST_SIZE, _COUNT_SIZE, changes)


def word(list_: int, place: int, expected: int) -> Counter:
    """The 128 entries of a list from 128 · place on, two bits each, the first lowest."""
    slot, _ = artifacts.load("StatusList").storage["_words"]
    name = f"word {place} of list {list_}"
    return Counter("StatusList", name, mapped(mapped(slot, list_), place), 0, 32, expected)


def mapped(slot: int, key: int) -> int:
    """The slot of a mapping's value: keccak(key ‖ slot), 32 bytes each."""
    return int.from_bytes(keccak(key.to_bytes(32, "big") + slot.to_bytes(32, "big")), "big")


def _plain(contract: str, label: str, expected: int) -> Counter:
    slot, offset = artifacts.load(contract).storage[label]
    return Counter(contract, label, slot, offset, _COUNT_SIZE, expected)
