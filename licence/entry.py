"""The entry that a department signs, and the SignedEntry: COSE_Sign1 in exactly one form (docs/format.md §4–5).

The signed bytes travel; nothing here ever re-encodes something in order to check it, and nothing else parses.
"""

from dataclasses import dataclass

import cbor2

from licence.errors import MalformedError
from licence.keys import KID_SIZE, SIGNATURE_SIZE, Kid, NetworkId, PublicKey
from licence.merkle import leaf_hash
from licence.reasons import Reason
from licence.status import MAX_INDEX, ListId, StatusRef

VERSION = "ELR1"
MAX_ENTRY = 512
_HEAD = bytes.fromhex("d2844da201260448")
_BEFORE_SIGNATURE = bytes.fromhex("5840")
_AFTER_KID = 0xA0
_LONG_BSTR = 0x59  # a byte string of 256 bytes or more has one byte more of length
_ENTRY_AT = 19
_MAX_TIME = 2**40
_MAX_UINT64 = 2**64 - 1


@dataclass(frozen=True, slots=True)
class Terms:
    """What an entry says in clear: everything but the digest of the claims. Times in Unix seconds, UTC.

    Valid iff nbf ≤ now < exp; no exp: no end. `iat` is the claimed signing time, not the legal date of issue.
    """

    type: str
    type_version: int
    kid: Kid
    iat: int
    nbf: int
    exp: int | None
    status: StatusRef


@dataclass(frozen=True, slots=True)
class Entry:
    """One licence as it is signed: its terms and the 32-byte digest of its claims."""

    terms: Terms
    claims_root: bytes

    def encode(self) -> bytes:
        """The RFC 8949 §4.2.1 deterministic CBOR of the ten-element array of docs/format.md §4."""
        t = self.terms
        fields = [VERSION, t.type, t.type_version, t.kid, t.iat, t.nbf, t.exp, t.status.list, t.status.index]
        return cbor2.dumps([*fields, self.claims_root])

    @classmethod
    def decode(cls, data: bytes) -> "Entry":
        """Reads an entry.

        Raises:
            MalformedError: not the one encoding of such an array; VERSION_UNKNOWN for another version's.
        """
        _check_version(data)
        items = read_array(data, MAX_ENTRY, "entry")
        if len(items) != 10:
            raise MalformedError(f"entry of 10 elements expected, {len(items)} found")
        return cls(terms_of(items[1:9]), bytes_of(items[9], 32, "claims_root"))


def _check_version(data: bytes) -> None:
    """Another version may be any array after its first element: that one alone is looked at."""
    ours = cbor2.dumps(VERSION)
    is_text = len(data) > 1 and data[0] >> 5 == 4 and 0x60 <= data[1] < 0x78
    if is_text and data[1 : 1 + len(ours)] != ours:
        raise MalformedError(f"entry of version {VERSION} expected", Reason.VERSION_UNKNOWN)


def terms_of(items: list[object]) -> Terms:
    """Terms from the eight elements after the version.

    Raises:
        MalformedError: an element of another type or out of range.
    """
    kind, version, kid, iat, nbf, exp, list_, index = items
    if not isinstance(kind, str) or not 1 <= len(kind) <= 64 or not kind.isascii():
        raise MalformedError("type code of 1 to 64 ASCII characters expected")
    terms = Terms(
        type=kind,
        type_version=integer(version, 65_535, "type_version"),
        kid=Kid(bytes_of(kid, KID_SIZE, "kid")),
        iat=integer(iat, _MAX_TIME, "iat"),
        nbf=integer(nbf, _MAX_TIME, "nbf"),
        exp=None if exp is None else integer(exp, _MAX_TIME, "exp"),
        status=StatusRef(ListId(integer(list_, _MAX_UINT64, "list")), integer(index, MAX_INDEX, "index")),
    )
    if terms.exp is not None and terms.exp <= terms.nbf:
        raise MalformedError("exp after nbf expected")
    return terms


@dataclass(frozen=True, slots=True)
class SignedEntry:
    """T: an entry under its department's one signature. `data` is what is hashed, stored and shown."""

    data: bytes
    entry: Entry
    signature: bytes

    @classmethod
    def assemble(cls, entry: Entry, signature: bytes) -> "SignedEntry":
        """The one form of an entry and its signature (r ‖ s, low-S).

        Raises:
            MalformedError: a signature that is not 64 bytes.
        """
        body = entry.encode()
        head = _HEAD + entry.terms.kid + bytes([_AFTER_KID]) + cbor2.dumps(body)
        return cls(
            head + _BEFORE_SIGNATURE + bytes_of(signature, SIGNATURE_SIZE, "signature"), entry, signature
        )

    @classmethod
    def parse(cls, data: bytes) -> "SignedEntry":
        """Reads T.

        Raises:
            MalformedError: any other bytes than `assemble` makes of what they hold.
        """
        start = _ENTRY_AT + (1 if len(data) > _ENTRY_AT and data[_ENTRY_AT - 2] == _LONG_BSTR else 0)
        entry = Entry.decode(data[start : -SIGNATURE_SIZE - len(_BEFORE_SIGNATURE)])
        signed = cls.assemble(entry, data[-SIGNATURE_SIZE:])
        if signed.data != data:
            raise MalformedError("SignedEntry: the one form of COSE_Sign1 in docs/format.md §5 expected")
        return signed

    @property
    def leaf(self) -> bytes:
        """The leaf of the batch's tree: over the signature too, so that nobody anchors now and signs later."""
        return leaf_hash(self.data)

    def check_signature(self, key: PublicKey, network_id: NetworkId) -> None:
        """Checks the department's signature, for this network.

        Raises:
            SignatureError: not this key's signature over this entry for this network.
        """
        key.verify(to_be_signed(self.entry.encode(), self.entry.terms.kid, network_id), self.signature)


def to_be_signed(entry: bytes, kid: Kid, network_id: NetworkId) -> bytes:
    """The Sig_structure (RFC 9052 §4.4) with external_aad "ELR1/licence" ‖ network_id (32 bytes)."""
    protected = bytes.fromhex("a201260448") + kid
    return cbor2.dumps(["Signature1", protected, b"ELR1/licence" + network_id, entry])


def read_array(data: bytes, limit: int, what: str) -> list[object]:
    """A CBOR array in deterministic encoding; elements are read as they are, never as maps or tags.

    Raises:
        MalformedError: over-long, no array, or bytes that are not its RFC 8949 §4.2.1 encoding.
    """
    if not 0 < len(data) <= limit:
        raise MalformedError(f"{what}: 1 to {limit} bytes expected, {len(data)} found")
    if data[0] >> 5 != 4:
        raise MalformedError(f"{what}: a CBOR array expected")
    try:
        items: list[object] = cbor2.loads(data)
        same = isinstance(items, list) and cbor2.dumps(items) == data
    except (cbor2.CBORError, ValueError, TypeError, RecursionError, OverflowError, MemoryError) as error:
        raise MalformedError(f"{what}: not a CBOR array: {type(error).__name__}") from error
    if not same:
        raise MalformedError(f"{what}: not in deterministic encoding (RFC 8949 §4.2.1)")
    return items


def integer(value: object, limit: int, what: str) -> int:
    """An integer of 0 to `limit`.

    Raises:
        MalformedError: anything else; a boolean is not an integer.
    """
    if type(value) is not int or not 0 <= value <= limit:
        raise MalformedError(f"{what}: an integer of 0 to {limit} expected")
    return value


def bytes_of(value: object, size: int, what: str) -> bytes:
    """A byte string of exactly `size` bytes.

    Raises:
        MalformedError: anything else.
    """
    if not isinstance(value, bytes) or len(value) != size:
        raise MalformedError(f"{what}: a byte string of {size} bytes expected")
    return value
