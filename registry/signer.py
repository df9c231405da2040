"""The signer wall: every private key is behind it. Of a licence nobody hands it bytes: it builds what it signs.

FileSigner holds the keys, one folder a department, each encrypted. SignerClient asks a FileSigner in another process.
"""

import json
import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from eth_account import Account
from eth_utils import to_checksum_address

from contracts.deployment import Deployment
from licence import jws, sd_jwt, status_token
from licence.canonical import base64url
from licence.entry import Entry, to_be_signed
from licence.keys import Kid, NetworkId, PublicKey, Suite, Usage, low_s, possession_statement
from registry.errors import RegistryError, SignerUnreachableError
from registry.key_files import write_secret

COUNCIL = 0
_LONGEST_ADDRESS = 100


class Role(StrEnum):
    """What an account is for."""

    COUNCIL = "council"
    ANCHOR = "anchor"
    STATUS = "status"


class SigningError(RegistryError):
    """The signer will not sign this."""

    code, status = "signing", 500

    def __init__(self, why: str) -> None:
        super().__init__("签名服务拒绝签名", f"the signer refuses: {why}")


class Signer(Protocol):
    """What may be asked of the keys."""

    def __hash__(self) -> int:
        """A signer is itself: what it signed may be remembered beside it."""

    def create_key(self, department: int, usage: Usage, network: NetworkId) -> tuple[PublicKey, bytes]:
        """A new key of the department, and its proof of possession for this network."""

    def sign_entries(self, kid: Kid, entries: Sequence[bytes]) -> list[bytes]:
        """The signatures (64 bytes, low-S) of an issuing key over entries that name it."""

    def sign_jws(self, kid: Kid, signed: bytes) -> bytes:
        """The signature of a presenting key over a JWS Signing Input that names it: a credential or a status list."""

    def sign_status_cwt(self, kid: Kid, payload: bytes) -> bytes:
        """The signature of a presenting key over a status list in CWT form."""

    def account(self, department: int, role: Role) -> str:
        """The address of the department's account for that role, made at the first call."""

    def sign_transaction(self, address: str, transaction: Mapping[str, Any]) -> bytes:
        """The raw signed transaction of an account."""


class FileSigner:
    """Keys in files: keys/<department>/<what>-<name>.pem, PKCS #8, encrypted under one unlocking secret."""

    def __init__(self, home: Path, chain_id: int, unlock: bytes) -> None:
        self._home, self._chain_id, self._unlock = home, chain_id, unlock
        self._keys: dict[Path, ec.EllipticCurvePrivateKey] = {}
        self._places: dict[str, Path] = {}

    def create_key(self, department: int, usage: Usage, network: NetworkId) -> tuple[PublicKey, bytes]:
        private = ec.generate_private_key(ec.SECP256R1())
        key = public_key(private)
        name = f"{usage.name.lower()}-{key.kid.hex()}"
        self._write(self._folder(department) / f"{name}.pem", private)
        return key, _sign(private, possession_statement(network, department, usage, key))

    def sign_entries(self, kid: Kid, entries: Sequence[bytes]) -> list[bytes]:
        private = self._find(f"{Usage.ISSUE.name.lower()}-{kid.hex()}.pem", f"no issuing key {kid.hex()}")
        network = self._network()
        for entry in entries:
            if Entry.decode(entry).terms.kid != kid:
                raise SigningError("an entry that names another key")
        return [_sign(private, to_be_signed(entry, kid, network)) for entry in entries]

    def sign_jws(self, kid: Kid, signed: bytes) -> bytes:
        kinds = [sd_jwt.KIND, status_token.JWT_KIND]
        heads = [jws.part({"alg": jws.ALGORITHM, "kid": base64url(kid), "typ": kind}) for kind in kinds]
        if signed.partition(b".")[0] not in heads:
            raise SigningError("a credential or a status list that names the key expected")
        return _sign(self._presenting(kid), signed)

    def sign_status_cwt(self, kid: Kid, payload: bytes) -> bytes:
        return _sign(self._presenting(kid), status_token.cwt_to_be_signed(kid, payload))

    def _presenting(self, kid: Kid) -> ec.EllipticCurvePrivateKey:
        name = f"{Usage.PRESENT.name.lower()}-{kid.hex()}.pem"
        return self._find(name, f"no presenting key {kid.hex()}")

    def account(self, department: int, role: Role) -> str:
        for path in sorted(self._folder(department).glob(f"{role}-0x*.pem")):
            return to_checksum_address(path.stem.split("-")[1])
        private = ec.generate_private_key(ec.SECP256K1())
        address = Account.from_key(private.private_numbers().private_value.to_bytes(32, "big")).address
        self._write(self._folder(department) / f"{role}-{address.lower()}.pem", private)
        return str(address)

    def sign_transaction(self, address: str, transaction: Mapping[str, Any]) -> bytes:
        path = self._place(f"*-{address.lower()}.pem", f"no account {address}")
        self._demand_purpose(transaction, council=path.name.startswith(Role.COUNCIL))
        number = self._key(path).private_numbers().private_value.to_bytes(32, "big")
        return bytes(Account.from_key(number).sign_transaction(dict(transaction)).raw_transaction)

    def _demand_purpose(self, transaction: Mapping[str, Any], council: bool) -> None:
        if transaction.get("chainId") != self._chain_id:
            raise SigningError(f"chain {self._chain_id} expected")
        target = str(transaction.get("to") or "").lower()
        if council and (not target or (not transaction.get("data") and transaction.get("value", 0) > 0)):
            return
        if target not in self._deployment().addresses.values():
            raise SigningError("a transaction to none of the three contracts")

    def _deployment(self) -> Deployment:
        return Deployment.from_json((self._home / "deployment.json").read_text("utf-8"))

    def _network(self) -> NetworkId:
        return NetworkId(self._deployment().network)

    def _folder(self, department: int) -> Path:
        return self._home / "keys" / ("council" if department == COUNCIL else str(department))

    def _find(self, name: str, otherwise: str) -> ec.EllipticCurvePrivateKey:
        return self._key(self._place(name, otherwise))

    def _place(self, pattern: str, otherwise: str) -> Path:
        if pattern not in self._places:
            found = list((self._home / "keys").glob(f"*/{pattern}"))
            if len(found) != 1:
                raise SigningError(otherwise)
            self._places[pattern] = found[0]
        return self._places[pattern]

    def _key(self, path: Path) -> ec.EllipticCurvePrivateKey:
        if path not in self._keys:
            try:
                private = serialization.load_pem_private_key(path.read_bytes(), self._unlock)
            except ValueError as error:
                raise SigningError(f"{path.name} does not open with this unlocking secret") from error
            if not isinstance(private, ec.EllipticCurvePrivateKey):
                raise SigningError(f"{path.name} is another kind of key")
            self._keys[path] = private
        return self._keys[path]

    def _write(self, path: Path, private: ec.EllipticCurvePrivateKey) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        encryption = serialization.BestAvailableEncryption(self._unlock)
        pem = serialization.Encoding.PEM
        write_secret(path, private.private_bytes(pem, serialization.PrivateFormat.PKCS8, encryption))
        self._keys[path] = private


class SignerClient:
    """Asks the signer's process over its Unix socket. One connection a question: simple, and it survives restarts."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def create_key(self, department: int, usage: Usage, network: NetworkId) -> tuple[PublicKey, bytes]:
        answer = self._ask("create_key", department=department, usage=int(usage), network=network.hex())
        key = PublicKey(Suite(answer["suite"]), bytes.fromhex(answer["x"]), bytes.fromhex(answer["y"]))
        return key, bytes.fromhex(answer["proof"])

    def sign_entries(self, kid: Kid, entries: Sequence[bytes]) -> list[bytes]:
        answer = self._ask("sign_entries", kid=kid.hex(), entries=[entry.hex() for entry in entries])
        return [bytes.fromhex(signature) for signature in answer]

    def sign_jws(self, kid: Kid, signed: bytes) -> bytes:
        return bytes.fromhex(self._ask("sign_jws", kid=kid.hex(), signed=signed.hex()))

    def sign_status_cwt(self, kid: Kid, payload: bytes) -> bytes:
        return bytes.fromhex(self._ask("sign_status_cwt", kid=kid.hex(), payload=payload.hex()))

    def account(self, department: int, role: Role) -> str:
        return str(self._ask("account", department=department, role=str(role)))

    def sign_transaction(self, address: str, transaction: Mapping[str, Any]) -> bytes:
        return bytes.fromhex(self._ask("sign_transaction", address=address, transaction=dict(transaction)))

    def _ask(self, deed: str, **arguments: object) -> Any:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
                link.settimeout(30)
                with reachable(self._path) as address:
                    link.connect(address)
                link.sendall(json.dumps({"deed": deed, **arguments}).encode() + b"\n")
                with link.makefile("rb") as lines:
                    answer = json.loads(lines.readline())
        except (OSError, ValueError) as error:
            raise SignerUnreachableError(type(error).__name__) from error
        if "refused" in answer:
            raise SigningError(answer["refused"])
        return answer["done"]


@contextmanager
def reachable(path: Path) -> Iterator[str]:
    """An address of a Unix socket, whose paths the system limits to 107 bytes: a long one goes through its folder."""
    if len(os.fsencode(path)) <= _LONGEST_ADDRESS:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def unlocking_secret(home: Path, given: str, demo: bool) -> bytes:
    """What opens the key files: given by the environment, or in demo mode a file of mode 0600, made at first.

    Raises:
        SigningError: production mode without ELICENCE_UNLOCK.
    """
    if given:
        return given.encode()
    if not demo:
        raise SigningError("production mode needs ELICENCE_UNLOCK; keys unlocked by a file are for demos")
    path = home / "keys" / "unlock"
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_secret(path, os.urandom(32).hex().encode())
    return path.read_bytes()


def public_key(private: ec.EllipticCurvePrivateKey) -> PublicKey:
    """The public part of a P-256 key."""
    numbers = private.public_key().public_numbers()
    return PublicKey(Suite.ES256, numbers.x.to_bytes(32, "big"), numbers.y.to_bytes(32, "big"))


def _sign(private: ec.EllipticCurvePrivateKey, message: bytes) -> bytes:
    r, s = decode_dss_signature(private.sign(message, ec.ECDSA(SHA256(), deterministic_signing=True)))
    return low_s(r.to_bytes(32, "big") + s.to_bytes(32, "big"))
