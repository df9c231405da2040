"""The licence file: everything its holder keeps, as canonical JSON. docs/format.md §7.

It holds personal data and both group seeds: whoever has it can show any of its fields.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from licence import claims
from licence.canonical import JsonValue, base64url, jcs, members, read_base64url, read_canonical
from licence.claims import GroupSeed
from licence.definition import Group, LicenceType
from licence.entry import MAX_ENTRY, VERSION, SignedEntry, Terms
from licence.errors import MalformedError
from licence.opened import Issued, Opened
from licence.reasons import Reason
from licence.receipt import Receipt

MAX_FILE = 65_536
_MEMBERS = ["elicence", "private", "private_seed", "public", "public_seed", "receipt", "signed_entry"]


@dataclass(frozen=True, slots=True)
class LicenceFile:
    """A licence with all its values, both group seeds, and its receipt."""

    signed: SignedEntry
    public: Mapping[str, JsonValue]
    private: Mapping[str, JsonValue]
    public_seed: GroupSeed
    private_seed: GroupSeed
    receipt: Receipt

    @classmethod
    def of(cls, issued: Issued, receipt: Receipt) -> "LicenceFile":
        """The file of an issued licence."""
        return cls(
            signed=issued.signed,
            public=claims.split(issued.values, issued.definition, Group.PUBLIC),
            private=claims.split(issued.values, issued.definition, Group.PRIVATE),
            public_seed=claims.group_seed(issued.seed, Group.PUBLIC),
            private_seed=claims.group_seed(issued.seed, Group.PRIVATE),
            receipt=receipt,
        )

    @property
    def terms(self) -> Terms:
        """The entry's terms."""
        return self.signed.entry.terms

    def render(self) -> bytes:
        """The file's bytes: RFC 8785 JSON in UTF-8."""
        return jcs(
            {
                "elicence": VERSION,
                "signed_entry": base64url(self.signed.data),
                "public": self.public,
                "private": self.private,
                "public_seed": base64url(self.public_seed),
                "private_seed": base64url(self.private_seed),
                "receipt": self.receipt.to_json(),
            }
        )

    @classmethod
    def parse(cls, data: bytes) -> "LicenceFile":
        """Reads a licence file.

        Raises:
            MalformedError: VERSION_UNKNOWN for another version's file; MALFORMED for anything but what render makes.
        """
        value = read_canonical(data, MAX_FILE)
        if (
            isinstance(value, Mapping)
            and isinstance(value.get("elicence"), str)
            and value["elicence"] != VERSION
        ):
            raise MalformedError(f"licence file of version {VERSION} expected", Reason.VERSION_UNKNOWN)
        fields = members(value, _MEMBERS, "licence file")
        signed = read_base64url(fields["signed_entry"])
        if len(signed) > 2 * MAX_ENTRY:
            raise MalformedError("signed_entry is over-long")
        return cls(
            signed=SignedEntry.parse(signed),
            public=_object(fields["public"], "public"),
            private=_object(fields["private"], "private"),
            public_seed=GroupSeed(read_base64url(fields["public_seed"], 32)),
            private_seed=GroupSeed(read_base64url(fields["private_seed"], 32)),
            receipt=Receipt.from_json(fields["receipt"]),
        )

    def open(self, definition: LicenceType) -> Opened:
        """The signed entry and all values.

        Raises:
            MalformedError: a value whose name or group is not the type version's, or outside the grammar of claims.
        """
        public = _hash(self.public, definition, self.public_seed, Group.PUBLIC)
        private = _hash(self.private, definition, self.private_seed, Group.PRIVATE)
        return Opened(definition, self.signed, self.public, self.private, claims.claims_root(public, private))


def _hash(values: Mapping[str, JsonValue], definition: LicenceType, seed: GroupSeed, group: Group) -> bytes:
    return claims.group_hash(values, [field.name for field in definition.group(group)], seed)


def _object(value: JsonValue, what: str) -> Mapping[str, JsonValue]:
    if not isinstance(value, Mapping):
        raise MalformedError(f"licence file: {what} as an object expected")
    return value
