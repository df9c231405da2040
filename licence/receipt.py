"""Where a licence was anchored: the claim that its holder carries, to be proven against the chain."""

from collections.abc import Sequence
from dataclasses import dataclass

from licence import merkle
from licence.canonical import JsonValue, base64url, members, read_base64url
from licence.entry import integer
from licence.errors import InclusionError, MalformedError

MAX_PROOF = 32


@dataclass(frozen=True, slots=True)
class Receipt:
    """A department's anchor number, the leaf's position in it (from 0), and the inclusion proof.

    `proof` is None in a paper code, which has room for the hint alone; leaf files then give the proof.
    """

    anchor: int
    position: int
    proof: tuple[bytes, ...] | None

    def to_json(self) -> JsonValue:
        """{"anchor", "position", "proof": [base64url of 32 bytes …]}."""
        return {
            "anchor": self.anchor,
            "position": self.position,
            "proof": [base64url(node) for node in self.proof or ()],
        }

    @classmethod
    def from_json(cls, value: JsonValue) -> "Receipt":
        """Reads what to_json writes.

        Raises:
            MalformedError: anything else.
        """
        fields = members(value, ["anchor", "position", "proof"], "receipt")
        nodes = fields["proof"]
        if not isinstance(nodes, Sequence) or isinstance(nodes, str) or len(nodes) > MAX_PROOF:
            raise MalformedError(f"receipt: a proof of at most {MAX_PROOF} hashes expected")
        proof = tuple(read_base64url(node, merkle.HASH_SIZE) for node in nodes)
        return cls(
            integer(fields["anchor"], 2**53 - 1, "anchor"),
            integer(fields["position"], 2**32 - 1, "position"),
            proof,
        )


@dataclass(frozen=True, slots=True)
class Anchor:
    """A root as the chain has it: department, anchor number, root, number of leaves, block number and time."""

    department: int
    seq: int
    root: bytes
    size: int
    block: int
    time: int
    void: bool = False


@dataclass(frozen=True, slots=True)
class Inclusion:
    """A leaf's place under an anchor, with the proof that `check` demands."""

    anchor: Anchor
    position: int
    proof: tuple[bytes, ...]

    def check(self, leaf: bytes) -> None:
        """Demands that the proof leads from `leaf` at this position to the anchor's root.

        Raises:
            InclusionError: it does not.
        """
        if merkle.root_from(leaf, self.position, self.anchor.size, self.proof) != self.anchor.root:
            raise InclusionError(f"the proof does not lead to the root of anchor {self.anchor.seq}")
