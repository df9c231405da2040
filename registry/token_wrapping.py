"""Wrapping keys in a PKCS #11 token: AES-256-GCM inside it. An object's CKA_ID is its generation (u32, big-endian)."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pkcs11
from pkcs11 import Attribute, GCMParams, KeyType, Mechanism, MechanismFlag, ObjectClass

from registry.token import UNREADABLE, Label, Token, demand_unreadable
from registry.wrapping import NONCE_SIZE, Generation, VaultError, gone

_LABEL = Label("elicence wrapping")
_TAG_BITS = 128
# What libraries answer to a wrong tag; SoftHSM says the most general of them.
_REFUSED = (
    pkcs11.EncryptedDataInvalid,
    pkcs11.EncryptedDataLenRange,
    pkcs11.GeneralError,
    pkcs11.FunctionFailed,
)


class TokenWrapping:
    """Wrapping keys that seal and open where they are."""

    def __init__(self, token: Token) -> None:
        self._token = token

    def generations(self) -> list[Generation]:
        with self._token.session():
            keys = self._token.find(ObjectClass.SECRET_KEY, _LABEL)
            return [Generation(int.from_bytes(key[Attribute.ID], "big")) for key in keys]

    def holds(self, generation: Generation) -> bool:
        return self._token.one(ObjectClass.SECRET_KEY, _LABEL, _name(generation)) is not None

    def make(self, generation: Generation) -> None:
        if generation in self.generations():
            return
        with self._token.session() as session:
            key = session.generate_key(
                KeyType.AES,
                256,
                id=_name(generation),
                label=_LABEL,
                store=True,
                capabilities=MechanismFlag.ENCRYPT | MechanismFlag.DECRYPT,
                template=UNREADABLE,
            )
            demand_unreadable(key)

    def destroy(self, generation: Generation) -> None:
        with self._token.session():
            self._key(generation).destroy()
            self._token.forget(ObjectClass.SECRET_KEY, _LABEL, _name(generation))

    def seal(self, generation: Generation, data: bytes, aad: bytes) -> bytes:
        nonce = os.urandom(NONCE_SIZE)
        with self._using(generation) as key:
            return nonce + bytes(
                key.encrypt(data, mechanism=Mechanism.AES_GCM, mechanism_param=_how(nonce, aad))
            )

    def unseal(self, generation: Generation, sealed: bytes, aad: bytes) -> bytes:
        how = _how(sealed[:NONCE_SIZE], aad)
        with self._using(generation) as key:
            try:
                return bytes(
                    key.decrypt(sealed[NONCE_SIZE:], mechanism=Mechanism.AES_GCM, mechanism_param=how)
                )
            except _REFUSED as error:
                raise VaultError("a sealed record or key") from error

    @contextmanager
    def _using(self, generation: Generation) -> Iterator[Any]:
        with self._token.session():
            try:
                yield self._key(generation)
            except (pkcs11.KeyHandleInvalid, pkcs11.ObjectHandleInvalid) as error:
                self._token.forget(ObjectClass.SECRET_KEY, _LABEL, _name(generation))
                raise gone(generation) from error

    def _key(self, generation: Generation) -> Any:
        key = self._token.one(ObjectClass.SECRET_KEY, _LABEL, _name(generation))
        if key is None:
            raise gone(generation)
        return key


def _how(nonce: bytes, aad: bytes) -> GCMParams:
    return GCMParams(nonce, aad, _TAG_BITS)


def _name(generation: Generation) -> bytes:
    return generation.to_bytes(4, "big")
