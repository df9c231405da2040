"""The public files a verdict rests on: leaf files and type definitions, believed only for their hash."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from licence import merkle
from licence.definition import LicenceType
from licence.errors import LicenceError
from licence.receipt import Anchor, Inclusion
from verifier.index import Index


class WrongFileError(Exception):
    """A public file that is not the one the chain names: whoever serves it lies, or it was damaged."""


@dataclass(slots=True)
class PublicFiles:
    """Leaf files by (department, root), where each leaf stands, definitions by SHA-256; `held` counts files."""

    files: dict[tuple[int, bytes], bytes] = field(default_factory=dict)
    places: dict[bytes, list[tuple[int, int, int]]] = field(default_factory=lambda: defaultdict(list))
    definitions: dict[bytes, LicenceType] = field(default_factory=dict)
    held: Counter[int] = field(default_factory=Counter)

    def add_leaves(self, anchor: Anchor, data: bytes) -> None:
        """Takes in an anchor's leaf file.

        Raises:
            WrongFileError: not `size` leaves, or they do not lead to the root on the chain.
        """
        leaves = _split(data)
        if len(data) != 32 * anchor.size or merkle.root(leaves) != anchor.root:
            raise WrongFileError(f"leaf file of department {anchor.department}, anchor {anchor.seq}")
        self.files[anchor.department, anchor.root] = data
        self.held[anchor.department] += 1
        for position, leaf in enumerate(leaves):
            self.places[leaf].append((anchor.department, anchor.seq, position))

    def add_definition(self, digest: bytes, data: bytes) -> None:
        """Takes in a type definition.

        Raises:
            WrongFileError: its SHA-256 is another, or it is no definition.
        """
        try:
            kind = LicenceType.from_canonical(data)
        except LicenceError as error:
            raise WrongFileError(f"type definition {digest.hex()}") from error
        if kind.digest != digest:
            raise WrongFileError(f"type definition {digest.hex()}")
        self.definitions[digest] = kind

    def complete(self, index: Index, department: int) -> bool:
        """Whether every leaf file of the department is held, up to the head."""
        return self.held[department] == len(index.anchors.get(department, ()))

    def find(self, index: Index, leaf: bytes) -> tuple[Inclusion, ...]:
        """Every place where the leaf stands."""
        return tuple(self._inclusion(index, *place) for place in self.places.get(leaf, ()))

    def _inclusion(self, index: Index, department: int, seq: int, position: int) -> Inclusion:
        anchor = index.anchors[department][seq - 1]
        return Inclusion(anchor, position, _proof(self.files[department, anchor.root], position))


@lru_cache(maxsize=4096)
def _proof(data: bytes, position: int) -> tuple[bytes, ...]:
    return merkle.proof(_split(data), position)


def _split(data: bytes) -> Sequence[bytes]:
    return [data[at : at + 32] for at in range(0, len(data) - 31, 32)]
