"""Private keys in a PKCS #11 token: made there, never out of it. An object's label says whose it is and for what, its
CKA_ID is the kid or the account's address."""

import hashlib
import secrets
from collections.abc import Sequence
from typing import Any

from eth_keys.datatypes import PublicKey as AccountKey
from eth_utils import to_checksum_address
from pkcs11 import Attribute, KeyType, Mechanism, ObjectClass
from pkcs11.util.ec import encode_named_curve_parameters

from licence.keys import Kid, PublicKey, Suite, Usage
from registry.signer import COUNCIL, Role, SigningError, no_key
from registry.token import UNREADABLE, Label, Token, TokenError, demand_unreadable

_P256, _SECP256K1 = "secp256r1", "secp256k1"
_POINT = b"\x04\x41\x04"


class TokenKeys:
    """One token for one home."""

    def __init__(self, token: Token) -> None:
        self._token = token
        self._labels: dict[bytes, Label] = {}

    def create(self, department: int, usage: Usage) -> PublicKey:
        with self._token.session():
            pair, point = self._generate(_P256)
            key = PublicKey(Suite.ES256, point[:32], point[32:])
            _name(pair, _label(department, usage.name.lower()), key.kid)
            return key

    def sign(self, usage: Usage, kid: Kid, messages: Sequence[bytes]) -> list[bytes]:
        with self._token.session():
            private = self._private(kid, [usage.name.lower()])
            if private is None:
                raise no_key(usage, kid)
            digests = [hashlib.sha256(message).digest() for message in messages]
            return [private.sign(digest, mechanism=Mechanism.ECDSA) for digest in digests]

    def account(self, department: int, role: Role) -> str:
        label = _label(department, role)
        with self._token.session():
            known = sorted(
                bytes(key[Attribute.ID]) for key in self._token.find(ObjectClass.PUBLIC_KEY, label)
            )
            if known:
                return to_checksum_address(known[0])
            pair, point = self._generate(_SECP256K1)
            address = AccountKey(point).to_canonical_address()
            _name(pair, label, address)
            return to_checksum_address(address)

    def role_of(self, address: str) -> Role:
        self._account(address)
        return Role(self._labels[_bytes(address)].rpartition(" ")[2])

    def sign_digest(self, address: str, digest: bytes) -> bytes:
        with self._token.session():
            return bytes(self._account(address).sign(digest, mechanism=Mechanism.ECDSA))

    def _account(self, address: str) -> Any:
        private = self._private(_bytes(address), list(Role))
        if private is None:
            raise SigningError(f"no account {address}")
        return private

    def _private(self, name: bytes, purposes: Sequence[str]) -> Any | None:
        """The private key of that name, if it is for one of these purposes."""
        if name not in self._labels:
            with self._token.session() as session:
                wanted = {Attribute.CLASS: ObjectClass.PRIVATE_KEY, Attribute.ID: name}
                found = [Label(key[Attribute.LABEL]) for key in session.get_objects(wanted)]
            if len(found) != 1:
                return None
            self._labels[name] = found[0]
        label = self._labels[name]
        if label.rpartition(" ")[2] not in purposes:
            return None
        return self._token.one(ObjectClass.PRIVATE_KEY, label, name)

    def _generate(self, curve: str) -> tuple[tuple[Any, Any], bytes]:
        """A fresh pair under a name of chance, and its public point: the real name is known only then."""
        with self._token.session() as session:
            parameters = session.create_domain_parameters(
                KeyType.EC, {Attribute.EC_PARAMS: encode_named_curve_parameters(curve)}, local=True
            )
            public, private = parameters.generate_keypair(
                store=True,
                label=f"elicence unnamed {secrets.token_hex(8)}",
                private_template={**UNREADABLE, Attribute.SIGN: True, Attribute.DERIVE: False},
            )
        demand_unreadable(private)
        point = bytes(public[Attribute.EC_POINT])
        if not point.startswith(_POINT) or len(point) != len(_POINT) + 64:
            raise TokenError("an uncompressed point in an OCTET STRING expected as CKA_EC_POINT")
        return (public, private), point[len(_POINT) :]


def _label(department: int, purpose: str) -> Label:
    return Label(f"elicence {'council' if department == COUNCIL else department} {purpose}")


def _name(pair: tuple[Any, Any], label: Label, name: bytes) -> None:
    # The private half first: an account counts as made once its public half has its label.
    public, private = pair
    for key in (private, public):
        key[Attribute.ID] = name
        key[Attribute.LABEL] = label


def _bytes(address: str) -> bytes:
    return bytes.fromhex(address.removeprefix("0x"))
