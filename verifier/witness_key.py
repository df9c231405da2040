"""The witness's own signing key: made at the first start, in a file that its owner alone may read. No department's."""

import os
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from licence.jws import assemble
from licence.keys import PublicKey, Suite, low_s
from licence.witness import Statement

_OTHERS = 0o077


class WitnessKeyError(Exception):
    """A key file that is not as it must be; the message says what to do."""


class WitnessKey:
    """Signs statements, and nothing else."""

    def __init__(self, private: ec.EllipticCurvePrivateKey) -> None:
        self._private = private
        numbers = private.public_key().public_numbers()
        x, y = (number.to_bytes(32, "big") for number in (numbers.x, numbers.y))
        self.public = PublicKey(Suite.ES256, x, y)

    @classmethod
    def open(cls, path: Path) -> "WitnessKey":
        """The key in a file, made at the first call.

        Raises:
            WitnessKeyError: others may read the file, or it holds no key of P-256.
        """
        if not path.exists():
            _make(path)
        mode = path.stat().st_mode
        if mode & _OTHERS:
            raise WitnessKeyError(
                f"{path}: mode 600 expected, {mode & 0o777:o} found: chmod 600 it, and make a new key if others were "
                "on this machine"
            )
        try:
            private = load_pem_private_key(path.read_bytes(), None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise WitnessKeyError(f"{path}: a private key in PEM expected; restore it") from error
        if not isinstance(private, ec.EllipticCurvePrivateKey) or private.curve.name != "secp256r1":
            raise WitnessKeyError(f"{path}: a key of P-256 expected; restore it")
        return cls(private)

    def sign(self, statement: Statement) -> str:
        """The statement as a compact JWS."""
        signed = statement.to_be_signed(self.public)
        r, s = decode_dss_signature(self._private.sign(signed, ec.ECDSA(SHA256())))
        return assemble(signed, low_s(r.to_bytes(32, "big") + s.to_bytes(32, "big")))


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    private = ec.generate_private_key(ec.SECP256R1())
    data = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
