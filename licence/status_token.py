"""Status list tokens: a status list as the world's verifiers read it (draft-ietf-oauth-status-list, JWT and CWT).

A convenience: our own verifiers take the status from the chain and believe no token. Signed by a presenting key.
"""

import zlib
from dataclasses import dataclass

import cbor2

from licence.canonical import JsonValue, base64url
from licence.jws import ALGORITHM, to_be_signed
from licence.keys import Kid

JWT_KIND, CWT_KIND = "statuslist+jwt", "application/statuslist+cwt"
BITS = 2
_SUB, _EXP, _IAT, _TTL, _STATUS_LIST = 2, 4, 6, 65534, 65533


@dataclass(frozen=True, slots=True)
class StatusToken:
    """A list to sign: its URI, its bytes (two bits an entry, the first lowest), from when, for how long (seconds)."""

    uri: str
    entries: bytes
    iat: int
    life: int

    @property
    def compressed(self) -> bytes:
        """The bytes as the draft's §4.1 packs them: zlib, best compression."""
        return zlib.compress(self.entries, 9)

    def jwt(self, kid: Kid) -> bytes:
        """The JWS Signing Input of the JWT form (§5.1), ASCII."""
        payload: dict[str, JsonValue] = {
            "exp": self.iat + self.life,
            "iat": self.iat,
            "status_list": {"bits": BITS, "lst": base64url(self.compressed)},
            "sub": self.uri,
            "ttl": self.life,
        }
        return to_be_signed({"alg": ALGORITHM, "kid": base64url(kid), "typ": JWT_KIND}, payload)

    def cwt(self) -> bytes:
        """The payload of the CWT form (§5.2): deterministic CBOR."""
        claims = {
            _SUB: self.uri,
            _EXP: self.iat + self.life,
            _IAT: self.iat,
            _STATUS_LIST: {"lst": self.compressed, "bits": BITS},  # RFC 8949 §4.2.1: shorter first
            _TTL: self.life,
        }
        return cbor2.dumps(claims)


def cwt_to_be_signed(kid: Kid, payload: bytes) -> bytes:
    """The Sig_structure of the CWT form, without external data (RFC 9052 §4.4)."""
    return cbor2.dumps(["Signature1", _protected(kid), b"", payload])


def cwt(kid: Kid, payload: bytes, signature: bytes) -> bytes:
    """The CWT form: a tagged COSE_Sign1."""
    return cbor2.dumps(cbor2.CBORTag(18, [_protected(kid), {}, payload, signature]))


def _protected(kid: Kid) -> bytes:
    return cbor2.dumps({1: -7, 4: kid, 16: CWT_KIND})
