"""The paper code: a licence's public face in a static QR code, with all that proves it but the inclusion proof.

It is a copy as good as the original: it proves the licence, never the bearer. docs/format.md §7.
"""

from dataclasses import dataclass

import cbor2

from licence import claims
from licence.canonical import JsonValue, jcs, read_canonical
from licence.claims import GroupSeed
from licence.definition import Group, LicenceType
from licence.entry import Entry, SignedEntry, Terms, bytes_of, integer, read_array, terms_of
from licence.errors import MalformedError
from licence.opened import Issued, Opened
from licence.receipt import Receipt
from licence.text import MAX_INFLATED, Form, pack, unpack

DICTIONARY = 1
MAX_VALUES = 128


@dataclass(frozen=True, slots=True)
class PaperCode:
    """What a paper code holds. `values` are those of all declared public fields in order, None where absent."""

    terms: Terms
    signature: bytes
    public_seed: GroupSeed
    private_hash: bytes
    values: tuple[JsonValue, ...]
    receipt: Receipt

    @classmethod
    def of(cls, issued: Issued, receipt: Receipt) -> "PaperCode":
        """The paper code of an issued licence; of the receipt, only the hint."""
        public = claims.split(issued.values, issued.definition, Group.PUBLIC)
        return cls(
            terms=issued.signed.entry.terms,
            signature=issued.signed.signature,
            public_seed=claims.group_seed(issued.seed, Group.PUBLIC),
            private_hash=claims.hash_of(issued.values, issued.definition, issued.seed, Group.PRIVATE),
            values=tuple(public.get(field.name) for field in issued.definition.group(Group.PUBLIC)),
            receipt=Receipt(receipt.anchor, receipt.position, None),
        )

    def text(self, dictionary: int = DICTIONARY) -> str:
        """The text of the QR code, for alphanumeric mode."""
        t = self.terms
        terms = [t.type, t.type_version, t.kid, t.iat, t.nbf, t.exp, t.status.list, t.status.index]
        proof = [self.signature, self.public_seed, self.private_hash]
        hint = [self.receipt.anchor, self.receipt.position]
        return pack(
            Form.PAPER, cbor2.dumps([*terms, *proof, jcs(list(self.values)).decode(), *hint]), dictionary
        )

    @classmethod
    def parse(cls, text: str) -> "PaperCode":
        """Reads a code's text.

        Raises:
            MalformedError: NOT_OUR_CODE, VERSION_UNKNOWN or MALFORMED, as licence.text.unpack says.
        """
        _, payload = unpack(text)
        items = read_array(payload, MAX_INFLATED, "paper code")
        if len(items) != 14:
            raise MalformedError(f"paper code of 14 elements expected, {len(items)} found")
        signature, seed, private, values, anchor, position = items[8:]
        return cls(
            terms=terms_of(items[:8]),
            signature=bytes_of(signature, 64, "signature"),
            public_seed=GroupSeed(bytes_of(seed, 32, "public seed")),
            private_hash=bytes_of(private, 32, "hash of the private group"),
            values=_values(values),
            receipt=Receipt(
                integer(anchor, 2**53 - 1, "anchor"), integer(position, 2**32 - 1, "position"), None
            ),
        )

    def open(self, definition: LicenceType) -> Opened:
        """The signed entry and the public values, named as the type version names them.

        Raises:
            MalformedError: not one value for each public field, or one outside the grammar of claims.
        """
        names = [field.name for field in definition.group(Group.PUBLIC)]
        if len(names) != len(self.values):
            raise MalformedError(f"{len(names)} public values expected, {len(self.values)} found")
        public = {name: value for name, value in zip(names, self.values, strict=True) if value is not None}
        root = claims.claims_root(claims.group_hash(public, names, self.public_seed), self.private_hash)
        return Opened(
            definition, SignedEntry.assemble(Entry(self.terms, root), self.signature), public, {}, root
        )


def _values(text: object) -> tuple[JsonValue, ...]:
    if not isinstance(text, str):
        raise MalformedError("paper code: values as a JSON text expected")
    values = read_canonical(text.encode("utf-8", "surrogatepass"), MAX_INFLATED)
    if not isinstance(values, list) or len(values) > MAX_VALUES:
        raise MalformedError(f"paper code: an array of at most {MAX_VALUES} values expected")
    return tuple(values)
