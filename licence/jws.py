"""JSON Web Signatures in the compact form (RFC 7515 §7.1): read strictly, never believed about themselves.

The algorithm is the key's, from its record on the chain; a header that names another one is refused, none obeyed.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from licence.canonical import JsonValue, base64url, jcs, read_base64url, read_json
from licence.errors import MalformedError
from licence.keys import SIGNATURE_SIZE

ALGORITHM = "ES256"
MAX_JWS = 65_536


@dataclass(frozen=True, slots=True)
class Jws:
    """A compact JWS: header and payload as objects, the bytes that were signed, the signature r ‖ s (64 bytes)."""

    header: Mapping[str, JsonValue]
    payload: Mapping[str, JsonValue]
    signed: bytes
    signature: bytes

    @classmethod
    def parse(cls, text: str, kind: str, limit: int = MAX_JWS) -> "Jws":
        """Reads a JWS of at most `limit` characters whose header says `typ` = kind and ES256.

        Raises:
            MalformedError: not three base64url parts, not strict JSON objects, another kind or algorithm.
        """
        parts = text.split(".")
        if len(parts) != 3 or len(text) > limit:
            raise MalformedError(f"{kind}: three parts, at most {limit} characters, expected")
        header, payload = (_object(part, kind, limit) for part in parts[:2])
        if header.get("typ") != kind or header.get("alg") != ALGORITHM or "crit" in header:
            raise MalformedError(f"{kind}: a header with typ {kind}, alg {ALGORITHM} and no crit expected")
        signed = f"{parts[0]}.{parts[1]}".encode("ascii")
        return cls(header, payload, signed, read_base64url(parts[2], SIGNATURE_SIZE))


def to_be_signed(header: JsonValue, payload: JsonValue) -> bytes:
    """The JWS Signing Input (RFC 7515 §5.1) of a canonical header and payload, ASCII."""
    return part(header) + b"." + part(payload)


def part(value: JsonValue) -> bytes:
    """One part of a JWS: base64url of canonical JSON, ASCII."""
    return base64url(jcs(value)).encode("ascii")


def assemble(signed: bytes, signature: bytes) -> str:
    """The compact JWS of what was signed and its signature."""
    return f"{signed.decode('ascii')}.{base64url(signature)}"


def _object(part: str, kind: str, limit: int) -> Mapping[str, JsonValue]:
    value = read_json(read_base64url(part), limit)
    if not isinstance(value, Mapping):
        raise MalformedError(f"{kind}: an object expected")
    return value
