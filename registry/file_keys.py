"""Private keys in files: keys/<department>/<what>-<name>.pem, PKCS #8, encrypted under one unlocking secret."""

import os
from collections.abc import Sequence
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from eth_keys.datatypes import PublicKey as AccountKey
from eth_utils import to_checksum_address

from licence.keys import Kid, PublicKey, Suite, Usage
from registry.key_files import KeyFileError, demand_private, write_secret
from registry.signer import COUNCIL, Role, SigningError, no_key

DEMO = "DEMO"
DEMO_WARNING = b"These keys were unlocked by a file: never use them in production.\n"
SHORTEST_SECRET = 16
UNLOCK = "unlock"


class FileKeys:
    """Opens each key file once, at its first use."""

    def __init__(self, folder: Path, unlock: bytes) -> None:
        self._folder, self._unlock = folder, unlock
        self._keys: dict[Path, ec.EllipticCurvePrivateKey] = {}
        self._places: dict[str, Path] = {}

    def create(self, department: int, usage: Usage) -> PublicKey:
        private = ec.generate_private_key(ec.SECP256R1())
        key = public_key(private)
        self._write(self._of(department) / f"{usage.name.lower()}-{key.kid.hex()}.pem", private)
        return key

    def sign(self, usage: Usage, kid: Kid, messages: Sequence[bytes]) -> list[bytes]:
        name = f"{usage.name.lower()}-{kid.hex()}.pem"
        private = self._key(self._place(name, no_key(usage, kid)))
        return [
            _sign(private, message, ec.ECDSA(SHA256(), deterministic_signing=True)) for message in messages
        ]

    def account(self, department: int, role: Role) -> str:
        for path in sorted(self._of(department).glob(f"{role}-0x*.pem")):
            return to_checksum_address(path.stem.split("-")[1])
        private = ec.generate_private_key(ec.SECP256K1())
        numbers = private.public_key().public_numbers()
        point = numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")
        address = AccountKey(point).to_checksum_address()
        self._write(self._of(department) / f"{role}-{address.lower()}.pem", private)
        return str(address)

    def role_of(self, address: str) -> Role:
        return Role(self._account_file(address).name.partition("-")[0])

    def sign_digest(self, address: str, digest: bytes) -> bytes:
        how = ec.ECDSA(Prehashed(SHA256()), deterministic_signing=True)
        return _sign(self._key(self._account_file(address)), digest, how)

    def _account_file(self, address: str) -> Path:
        return self._place(f"*-{address.lower()}.pem", SigningError(f"no account {address}"))

    def _of(self, department: int) -> Path:
        return self._folder / ("council" if department == COUNCIL else str(department))

    def _place(self, pattern: str, otherwise: SigningError) -> Path:
        if pattern not in self._places:
            found = list(self._folder.glob(f"*/{pattern}"))
            if len(found) != 1:
                raise otherwise
            self._places[pattern] = found[0]
        return self._places[pattern]

    def _key(self, path: Path) -> ec.EllipticCurvePrivateKey:
        if path not in self._keys:
            demand_private(path)
            try:
                private = serialization.load_pem_private_key(path.read_bytes(), self._unlock)
            except ValueError as error:
                raise SigningError(f"{path.name} does not open with this unlocking secret") from error
            if not isinstance(private, ec.EllipticCurvePrivateKey):
                raise SigningError(f"{path.name} is another kind of key")
            self._keys[path] = private
        return self._keys[path]

    def _write(self, path: Path, private: ec.EllipticCurvePrivateKey) -> None:
        encryption = serialization.BestAvailableEncryption(self._unlock)
        pem = serialization.Encoding.PEM
        write_secret(path, private.private_bytes(pem, serialization.PrivateFormat.PKCS8, encryption))
        self._keys[path] = private


def unlocking_secret(keys: Path, given: str, demo: bool) -> bytes:
    """What opens the key files: given by the environment, or in demo mode a file beside them, made at first.

    Raises:
        SigningError: production mode without an ELICENCE_UNLOCK that is long enough, or keys that another one unlocks.
        KeyFileError: others may read that file.
    """
    if not given and not demo:
        raise SigningError("production mode needs ELICENCE_UNLOCK; keys unlocked by a file are for demos")
    if not demo and len(given) < SHORTEST_SECRET:
        raise SigningError(
            f"ELICENCE_UNLOCK of {SHORTEST_SECRET} characters or more expected, {len(given)} found: "
            "whoever gets the key files can try short ones out; make one with `openssl rand -hex 32`"
        )
    if given:
        return given.encode()
    if not (keys / UNLOCK).exists() and any(keys.glob("*/*.pem")):
        raise SigningError("these keys are unlocked by ELICENCE_UNLOCK: give it")
    write_secret(keys / DEMO, DEMO_WARNING)
    write_secret(keys / UNLOCK, os.urandom(32).hex().encode())
    demand_private(keys / UNLOCK)
    return (keys / UNLOCK).read_bytes()


def demand_production(keys: Path) -> None:
    """Demands a key folder fit for production: no demo's keys, nothing that others may read.

    Raises:
        KeyFileError: says which file, and what to do.
    """
    for mark in (DEMO, UNLOCK):
        if (keys / mark).exists():
            raise KeyFileError(
                f"{keys / mark}: these keys were made by a demo; production needs a home of its own with new keys"
            )
    for path in [keys, *sorted(keys.rglob("*"))] if keys.exists() else []:
        demand_private(path)


def public_key(private: ec.EllipticCurvePrivateKey) -> PublicKey:
    """The public part of a P-256 key."""
    numbers = private.public_key().public_numbers()
    return PublicKey(Suite.ES256, numbers.x.to_bytes(32, "big"), numbers.y.to_bytes(32, "big"))


def _sign(private: ec.EllipticCurvePrivateKey, message: bytes, how: ec.ECDSA) -> bytes:
    r, s = decode_dss_signature(private.sign(message, how))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")
