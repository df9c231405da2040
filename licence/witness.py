"""What a witness signs: how far it read the chain, and what it found there (docs/format.md §10). RFC 7515, RFC 7638.

A statement is believed for the key that was pinned beforehand, for a minute; it proves no licence and no status.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from licence.canonical import JsonValue, base64url, jcs, members, read_base64url
from licence.entry import integer
from licence.errors import MalformedError, SignatureError
from licence.facts import CLOCK_TOLERANCE, Head
from licence.jws import ALGORITHM, Jws, to_be_signed
from licence.keys import NetworkId, PublicKey, Suite

KIND = "elicence-witness+jwt"
LIFE = 60
MAX_LIFE = 300
MAX_STATEMENT = 2**20
NOTHING = bytes(32)
_NAMES = ["alarms", "block", "digest", "exp", "heads", "iat", "network", "revision", "voids"]


class AlarmKind(StrEnum):
    """What a witness saw that must never happen on a chain whose blocks are final."""

    ROLLBACK = "rollback"
    FORK = "fork"
    GAP = "gap"
    DISAPPEARANCE = "disappearance"


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarm that nobody has acknowledged: its number in the witness's file, kind, block and time (Unix seconds)."""

    number: int
    kind: AlarmKind
    block: int
    at: int


@dataclass(frozen=True, slots=True)
class DepartmentHead:
    """A department's last numbers: anchors, the newest root (32 zero bytes: none), changes of its status lists."""

    department: int
    anchors: int
    root: bytes
    changes: int


@dataclass(frozen=True, slots=True)
class Statement:
    """What a witness says: all that the three contracts' logs hold up to `block`, in numbers and in one digest."""

    network: NetworkId
    block: Head
    digest: bytes
    revision: int
    voids: int
    heads: tuple[DepartmentHead, ...]
    alarms: tuple[Alarm, ...]
    iat: int
    exp: int

    def to_be_signed(self, key: PublicKey) -> bytes:
        """The JWS Signing Input under the witness's own key, which stands in the header; ASCII."""
        header: dict[str, JsonValue] = {"alg": ALGORITHM, "jwk": _jwk(key), "typ": KIND}
        return to_be_signed(header, self.to_json())

    def to_json(self) -> JsonValue:
        """The payload of docs/format.md §10."""
        block: dict[str, JsonValue] = {
            "hash": base64url(self.block.hash),
            "number": self.block.number,
            "time": self.block.time,
        }
        return {
            "alarms": [[each.number, each.kind.value, each.block, each.at] for each in self.alarms],
            "block": block,
            "digest": base64url(self.digest),
            "exp": self.exp,
            "heads": [
                [each.department, each.anchors, base64url(each.root), each.changes] for each in self.heads
            ],
            "iat": self.iat,
            "network": base64url(self.network),
            "revision": self.revision,
            "voids": self.voids,
        }

    @classmethod
    def parse(cls, text: str, *, thumbprint: str, network: NetworkId, now: int) -> "Statement":
        """Reads a statement that the pinned witness signed for this network and that is in its time at `now`.

        Raises:
            MalformedError: not a statement to the letter, of another network, or not in its time.
            SignatureError: signed by another key than the pinned one, or not signed by it.
        """
        signed = Jws.parse(text, KIND, MAX_STATEMENT)
        key = _read_jwk(signed.header)
        if key_thumbprint(key) != thumbprint:
            raise SignatureError("a statement of the pinned witness expected, one of another key found")
        key.verify(signed.signed, signed.signature)
        found = cls._read(members(signed.payload, _NAMES, "statement"))
        if found.network != network:
            raise MalformedError("a statement about this network expected, one about another found")
        if found.iat > now + CLOCK_TOLERANCE or now >= found.exp:
            raise MalformedError(f"a statement of this minute expected, one until {found.exp} found")
        return found

    @classmethod
    def _read(cls, fields: Mapping[str, JsonValue]) -> "Statement":
        block = members(fields["block"], ["hash", "number", "time"], "block")
        iat, exp = _whole(fields["iat"], "iat"), _whole(fields["exp"], "exp")
        if not iat < exp <= iat + MAX_LIFE:
            raise MalformedError(f"a statement that lives at most {MAX_LIFE} s expected")
        found = cls(
            NetworkId(read_base64url(fields["network"], 32)),
            Head(
                _whole(block["number"], "number"),
                read_base64url(block["hash"], 32),
                _whole(block["time"], "time"),
            ),
            read_base64url(fields["digest"], 32),
            _whole(fields["revision"], "revision"),
            _whole(fields["voids"], "voids"),
            tuple(_head(row) for row in _rows(fields["heads"])),
            tuple(_alarm(row) for row in _rows(fields["alarms"])),
            iat,
            exp,
        )
        order = [each.department for each in found.heads]
        if order != sorted(set(order)):
            raise MalformedError("heads: each department once, in order, expected")
        return found


def after(digest: bytes, log: Mapping[str, object]) -> bytes:
    """The digest of all logs, once the next raw JSON-RPC log has come (docs/format.md §10).

    SHA-256(digest ‖ address(20) ‖ number of topics u8 ‖ topics ‖ data).

    Raises:
        MalformedError: a log without a list of topics.
    """
    topics = log["topics"]
    if not isinstance(topics, Sequence):
        raise MalformedError("a log's topics: a list expected")
    parts = [bytes.fromhex(str(topic)[2:]) for topic in topics]
    head = digest + bytes.fromhex(str(log["address"])[2:]) + bytes([len(parts)])
    return hashlib.sha256(head + b"".join(parts) + bytes.fromhex(str(log["data"])[2:])).digest()


def key_thumbprint(key: PublicKey) -> str:
    """The key's name for people and settings: RFC 7638 thumbprint, SHA-256, base64url."""
    return base64url(hashlib.sha256(jcs(_jwk(key))).digest())


def read_pin(text: str) -> str:
    """The thumbprint that a pin means: a thumbprint itself (43 characters), or a key X ‖ Y (86 characters).

    Raises:
        MalformedError: neither.
    """
    data = read_base64url(text)
    if len(data) == 32:
        return text
    if len(data) != 64:
        raise MalformedError(f"a thumbprint of 32 bytes or a key of 64 expected, {len(data)} bytes found")
    key = PublicKey(Suite.ES256, data[:32], data[32:])
    key.demand_point()
    return key_thumbprint(key)


def _jwk(key: PublicKey) -> dict[str, JsonValue]:
    return {"crv": "P-256", "kty": "EC", "x": base64url(key.x), "y": base64url(key.y)}


def _read_jwk(header: Mapping[str, JsonValue]) -> PublicKey:
    fields = members(members(header, ["alg", "jwk", "typ"], "header")["jwk"], ["crv", "kty", "x", "y"], "jwk")
    if (fields["crv"], fields["kty"]) != ("P-256", "EC"):
        raise MalformedError("jwk: a key of P-256 expected")
    return PublicKey(Suite.ES256, read_base64url(fields["x"], 32), read_base64url(fields["y"], 32))


def _rows(value: JsonValue) -> Sequence[JsonValue]:
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise MalformedError("a list of rows expected")
    return value


def _row(value: JsonValue) -> Sequence[JsonValue]:
    row = _rows(value)
    if len(row) != 4:
        raise MalformedError(f"a row of 4 expected, {len(row)} found")
    return row


def _head(value: JsonValue) -> DepartmentHead:
    department, anchors, root, changes = _row(value)
    return DepartmentHead(
        _whole(department, "department"),
        _whole(anchors, "anchors"),
        read_base64url(root, 32),
        _whole(changes, "changes"),
    )


def _alarm(value: JsonValue) -> Alarm:
    number, kind, block, at = _row(value)
    if kind not in set(AlarmKind):
        raise MalformedError("alarm: a known kind expected")
    return Alarm(_whole(number, "number"), AlarmKind(str(kind)), _whole(block, "block"), _whole(at, "at"))


def _whole(value: JsonValue, name: str) -> int:
    return integer(value, 2**53 - 1, name)
