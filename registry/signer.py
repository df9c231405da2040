"""The signer wall: every private key is behind it. Of a licence nobody hands it bytes: it builds what it signs.

RuledSigner holds the rules of what may be signed, for keys in files and in a token alike (file_keys.py, token_keys.py);
SignerClient (signer_client.py) asks one in another process.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from eth_account.typed_transactions import TypedTransaction
from eth_keys.datatypes import Signature
from eth_keys.exceptions import BadSignature

from contracts.deployment import Deployment
from licence import jws, sd_jwt, status_token
from licence.canonical import base64url
from licence.entry import Entry, to_be_signed
from licence.keys import Kid, NetworkId, PublicKey, Usage, low_s, possession_statement
from registry.errors import RegistryError

COUNCIL = 0
REFUSES = "the signer refuses: "
_DEPARTMENTS = 2**31
_ADDRESS = re.compile("0x[0-9a-fA-F]{40}")
_SECP256K1_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


class Role(StrEnum):
    """What an account is for."""

    COUNCIL = "council"
    ANCHOR = "anchor"
    STATUS = "status"


class SigningError(RegistryError):
    """The signer will not sign this."""

    code, status = "signing", 500

    def __init__(self, why: str) -> None:
        super().__init__("签名服务拒绝签名", f"{REFUSES}{why}")


def no_key(usage: Usage, kid: Kid) -> SigningError:
    """What is said when there is no such key for that use."""
    return SigningError(f"no {'issuing' if usage is Usage.ISSUE else 'presenting'} key {kid.hex()}")


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


class Keys(Protocol):
    """Where private keys are. They sign whatever they are given: the rules stand before them."""

    def create(self, department: int, usage: Usage) -> PublicKey:
        """A new P-256 key."""

    def sign(self, usage: Usage, kid: Kid, messages: Sequence[bytes]) -> list[bytes]:
        """r ‖ s of each message under SHA-256.

        Raises:
            SigningError: no such key for that use.
        """

    def account(self, department: int, role: Role) -> str:
        """The checksummed address of the account, made at the first call."""

    def role_of(self, address: str) -> Role:
        """What an account is for.

        Raises:
            SigningError: no such account.
        """

    def sign_digest(self, address: str, digest: bytes) -> bytes:
        """r ‖ s of an account over 32 bytes.

        Raises:
            SigningError: no such account.
        """


class RuledSigner:
    """Signs what a department may sign, with keys wherever they are."""

    def __init__(self, keys: Keys, home: Path, chain_id: int) -> None:
        self._keys, self._home, self._chain_id = keys, home, chain_id

    def create_key(self, department: int, usage: Usage, network: NetworkId) -> tuple[PublicKey, bytes]:
        _demand_department(department, council=False)
        key = self._keys.create(department, usage)
        return key, self._sign(usage, key.kid, [possession_statement(network, department, usage, key)])[0]

    def sign_entries(self, kid: Kid, entries: Sequence[bytes]) -> list[bytes]:
        network = NetworkId(self._deployment().network)
        for entry in entries:
            if Entry.decode(entry).terms.kid != kid:
                raise SigningError("an entry that names another key")
        return self._sign(Usage.ISSUE, kid, [to_be_signed(entry, kid, network) for entry in entries])

    def sign_jws(self, kid: Kid, signed: bytes) -> bytes:
        kinds = [sd_jwt.KIND, status_token.JWT_KIND]
        heads = [jws.part({"alg": jws.ALGORITHM, "kid": base64url(kid), "typ": kind}) for kind in kinds]
        if signed.partition(b".")[0] not in heads:
            raise SigningError("a credential or a status list that names the key expected")
        return self._sign(Usage.PRESENT, kid, [signed])[0]

    def sign_status_cwt(self, kid: Kid, payload: bytes) -> bytes:
        return self._sign(Usage.PRESENT, kid, [status_token.cwt_to_be_signed(kid, payload)])[0]

    def account(self, department: int, role: Role) -> str:
        _demand_department(department, council=role is Role.COUNCIL)
        return self._keys.account(department, role)

    def sign_transaction(self, address: str, transaction: Mapping[str, Any]) -> bytes:
        if not _ADDRESS.fullmatch(str(address)):
            raise SigningError("an account's address expected")
        self._demand_purpose(transaction, council=self._keys.role_of(address) is Role.COUNCIL)
        return _signed(dict(transaction), address, lambda digest: self._keys.sign_digest(address, digest))

    def _sign(self, usage: Usage, kid: Kid, messages: Sequence[bytes]) -> list[bytes]:
        return [low_s(signature) for signature in self._keys.sign(usage, kid, messages)]

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


def _demand_department(department: object, *, council: bool) -> None:
    """A number becomes a folder's name or a label: nothing else may."""
    if type(department) is not int or not COUNCIL <= department < _DEPARTMENTS:
        raise SigningError(f"a department's number below {_DEPARTMENTS} expected")
    if (department == COUNCIL) is not council:
        raise SigningError("the council's account is the council's alone, and all it has")


def _signed(transaction: dict[str, Any], address: str, sign: Callable[[bytes], bytes]) -> bytes:
    if "maxFeePerGas" not in transaction:
        raise SigningError("a transaction with maxFeePerGas (EIP-1559) expected")
    digest = bytes(TypedTransaction.from_dict(transaction).hash())
    signature = _recoverable(sign(digest), digest, address)
    parts = {"v": signature.v, "r": signature.r, "s": signature.s}
    return bytes(TypedTransaction.from_dict({**transaction, **parts}).encode())


def _recoverable(signature: bytes, digest: bytes, address: str) -> Signature:
    """The low-S signature with the parity from which the account's address is recovered: a token does not tell it."""
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    s = min(s, _SECP256K1_ORDER - s)
    for parity in (0, 1):
        candidate = Signature(vrs=(parity, r, s))
        try:
            found = candidate.recover_public_key_from_msg_hash(digest).to_checksum_address()
        except BadSignature:
            continue
        if found.lower() == address.lower():
            return candidate
    raise SigningError(f"a signature of {address} expected: the key signs for another account")
