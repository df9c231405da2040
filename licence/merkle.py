"""The Merkle tree of a batch: RFC 9162 §2.1 with SHA-256. Every RFC 6962/9162 vector applies.

Warning: without the 0x00/0x01 prefixes an inner node would pass as a leaf; without the size from the chain a proof
for another position would pass. Neither is optional.
"""

import hashlib
from collections.abc import Sequence

from licence.errors import InclusionError

HASH_SIZE = 32


def leaf_hash(entry: bytes) -> bytes:
    """SHA-256(0x00 ‖ entry): for a licence, over the whole SignedEntry with its signature."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 ‖ left ‖ right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """The root over leaf hashes, 32 bytes each, in order.

    Raises:
        ValueError: no leaves: an empty batch is never anchored.
    """
    return levels(leaves)[-1][0]


def levels(leaves: Sequence[bytes]) -> list[list[bytes]]:
    """All levels of the tree, leaves first, root last; an odd last node moves up as it is, never doubled.

    Raises:
        ValueError: no leaves.
    """
    if not leaves:
        raise ValueError("a tree needs at least one leaf")
    rising = [list(leaves)]
    while len(rising[-1]) > 1:
        below = rising[-1]
        above = [node_hash(below[i], below[i + 1]) for i in range(0, len(below) - 1, 2)]
        rising.append(above + below[len(below) - len(below) % 2 :])
    return rising


def proof(leaves: Sequence[bytes], position: int) -> tuple[bytes, ...]:
    """The inclusion proof of the leaf at `position` (RFC 9162 §2.1.3.1): siblings, leaf side first.

    Raises:
        IndexError: no leaf at that position.
    """
    if not 0 <= position < len(leaves):
        raise IndexError(f"position {position} in a batch of {len(leaves)}")
    path = []
    for level in levels(leaves)[:-1]:
        if position ^ 1 < len(level):
            path.append(level[position ^ 1])
        position //= 2
    return tuple(path)


def root_from(leaf: bytes, position: int, size: int, path: Sequence[bytes]) -> bytes:
    """The root that a proof leads to (RFC 9162 §2.1.3.2), for a tree of `size` leaves.

    Raises:
        InclusionError: the position is outside the tree, or the path has not exactly the length it must have.
    """
    return steps(leaf, position, size, path)[-1]


def steps(leaf: bytes, position: int, size: int, path: Sequence[bytes]) -> list[bytes]:
    """The hashes along the way from the leaf to the root, both included: what the verifier's page draws.

    Raises:
        InclusionError: as root_from.
    """
    if not 0 <= position < size:
        raise InclusionError(f"position below the batch's size {size} expected, {position} found")
    way, rest, last = [leaf], position, size - 1
    for sibling in path:
        if last == 0 or len(sibling) != HASH_SIZE:
            raise InclusionError("inclusion proof longer than the tree is high")
        if rest & 1 or rest == last:
            way.append(node_hash(sibling, way[-1]))
            while not rest & 1 and rest:
                rest, last = rest >> 1, last >> 1
        else:
            way.append(node_hash(way[-1], sibling))
        rest, last = rest >> 1, last >> 1
    if last:
        raise InclusionError("inclusion proof shorter than the tree is high")
    return way
