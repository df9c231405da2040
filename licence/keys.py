"""Signing keys: suites, key ids, verification. Private keys never come near this package.

One suite per key, taken from the key's record on the chain and never from a message. SM2/SM3 is a further suite.
"""

import hashlib
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import NewType

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from licence.errors import MalformedError, SignatureError

Kid = NewType("Kid", bytes)
NetworkId = NewType("NetworkId", bytes)

KID_SIZE = 8
SIGNATURE_SIZE = 64
# The order of P-256 (SEC 2 §2.4.2): (r, n - s) verifies wherever (r, s) does, so only s ≤ n/2 is a signature here.
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


class Suite(IntEnum):
    """Signature suites: the number is the `suite` of the key's record on the chain."""

    ES256 = 1


class Usage(IntEnum):
    """What a key may sign: licences, or presentations of them. Never both."""

    ISSUE = 1
    PRESENT = 2


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key: its suite and the two coordinates, 32 bytes each, big-endian."""

    suite: Suite
    x: bytes
    y: bytes

    @property
    def kid(self) -> Kid:
        """SHA-256(suite u8 ‖ X ‖ Y), first 8 bytes: computed alike on the chain, so it can't be chosen."""
        return Kid(hashlib.sha256(bytes([self.suite]) + self.x + self.y).digest()[:KID_SIZE])

    def demand_point(self) -> None:
        """Demands that the coordinates are a point of the curve.

        Raises:
            MalformedError: they are not.
        """
        _load(self.x, self.y)

    def verify(self, message: bytes, signature: bytes) -> None:
        """Checks an ES256 signature (RFC 9053 §2.1): r ‖ s, 64 bytes, low-S, over `message`.

        Raises:
            SignatureError: it is not this key's signature over these bytes, or not its one canonical form.
            MalformedError: the key is not a point of the curve.
        """
        der = _der(signature)
        try:
            _load(self.x, self.y).verify(der, message, ec.ECDSA(SHA256()))
        except InvalidSignature as error:
            raise SignatureError("the signature does not belong to these bytes and this key") from error


def low_s(signature: bytes) -> bytes:
    """The one accepted form of an ES256 signature r ‖ s: s replaced by n - s where that is smaller.

    Raises:
        SignatureError: not 64 bytes, or s beyond the curve's order.
    """
    r, s = _numbers(signature)
    if s > P256_ORDER:
        raise SignatureError("signature with s in range expected")
    return r.to_bytes(32, "big") + min(s, P256_ORDER - s).to_bytes(32, "big")


def possession_statement(network_id: NetworkId, department: int, usage: Usage, key: PublicKey) -> bytes:
    """What a department signs with a new key to show that it holds it, before the council admits the key."""
    head = b"ELR1/key" + network_id + department.to_bytes(4, "big")
    return head + bytes([key.suite, usage]) + key.x + key.y


def _numbers(signature: bytes) -> tuple[int, int]:
    if len(signature) != SIGNATURE_SIZE:
        raise SignatureError(f"signature of {SIGNATURE_SIZE} bytes expected, {len(signature)} found")
    return int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")


def _der(signature: bytes) -> bytes:
    r, s = _numbers(signature)
    if not (0 < r < P256_ORDER and 0 < s <= P256_ORDER // 2):
        raise SignatureError("signature with r and s in range and s ≤ n/2 expected")
    return encode_dss_signature(r, s)


@lru_cache(maxsize=4096)
def _load(x: bytes, y: bytes) -> ec.EllipticCurvePublicKey:
    numbers = ec.EllipticCurvePublicNumbers(
        int.from_bytes(x, "big"), int.from_bytes(y, "big"), ec.SECP256R1()
    )
    try:
        return numbers.public_key()
    except ValueError as error:
        raise MalformedError("public key that is not a point of P-256") from error
