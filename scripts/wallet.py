"""A holder's wallet in software, for demonstrations: one key, one credential, shown field by field to who asked."""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from licence.canonical import JsonValue, base64url
from licence.facts import Asked
from licence.jws import ALGORITHM, assemble, to_be_signed
from licence.keys import PublicKey, Suite
from licence.sd_jwt import BINDING_KIND, Disclosure


@dataclass(slots=True)
class Wallet:
    """The key is made with the wallet and never leaves it."""

    credential: str = ""
    _private: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )

    @property
    def key(self) -> PublicKey:
        """What a credential is bound to."""
        numbers = self._private.public_key().public_numbers()
        return PublicKey(Suite.ES256, numbers.x.to_bytes(32, "big"), numbers.y.to_bytes(32, "big"))

    def choose(self, names: Collection[str]) -> str:
        """The credential with the disclosures of the named fields alone, up to and with the last ~."""
        signed, *disclosures, _ = self.credential.split("~")
        chosen = [text for text in disclosures if Disclosure.parse(text).name in names]
        return "~".join([signed, *chosen, ""])

    def show(self, names: Collection[str], asked: Asked, now: int) -> str:
        """The named fields, with the holder's proof for who asked (RFC 9901 §4.3)."""
        presented = self.choose(names)
        digest = hashlib.sha256(presented.encode("ascii")).digest()
        said: dict[str, JsonValue] = {
            "aud": asked.audience,
            "iat": now,
            "nonce": asked.nonce,
            "sd_hash": base64url(digest),
        }
        signed = to_be_signed({"alg": ALGORITHM, "typ": BINDING_KIND}, said)
        r, s = decode_dss_signature(self._private.sign(signed, ec.ECDSA(SHA256())))
        return presented + assemble(signed, r.to_bytes(32, "big") + s.to_bytes(32, "big"))
