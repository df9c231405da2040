"""Wrapping keys, in generations: data keys are wrapped by the newest, unwrapped by the one that the blob names.

A wrapped key is 65 bytes: 0x01 ‖ generation (u32, big-endian) ‖ nonce (12) ‖ sealed key (32) ‖ tag (16); the first five
and the name it belongs to are authenticated. The release before knew one key and no prefix: 60 bytes, generation 0.
Data keys have one size, so the length tells the two apart.
"""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import NewType, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from registry.errors import RegistryError
from registry.key_files import KEY_SIZE, KeyFileError, destroy_secret, read_key, write_secret

NONCE_SIZE = 12
Generation = NewType("Generation", int)
OLDEST = Generation(0)
_VERSION = b"\x01"
_SEALED = NONCE_SIZE + KEY_SIZE + 16
_PREFIX = 5
_OLDEST_FILE = "wrapping.key"
_FILE = re.compile(r"wrapping-([1-9][0-9]{0,8})\.key")


class VaultError(RegistryError):
    """A sealed thing that does not open: altered, swapped, or under another key."""

    code = "vault"

    def __init__(self, what: str) -> None:
        super().__init__("加密数据无法打开", f"{what} does not open: altered, swapped, or under another key")


class Wrapping(Protocol):
    """The keys that wrap data keys. Whoever holds one never sees it: it wraps and unwraps."""

    def wrap(self, key: bytes, name: str) -> bytes:
        """A data key under the newest generation, bound to `name`."""

    def unwrap(self, wrapped: bytes, name: str) -> bytes:
        """A data key.

        Raises:
            VaultError: it is not that of `name`, was altered, or its generation is no more.
        """

    def generations(self) -> list[Generation]:
        """Those that exist, oldest first."""

    def add(self) -> Generation:
        """Makes a new one, durably, and says which: from now on it wraps."""

    def destroy(self, generation: Generation) -> None:
        """Destroys one for ever: what it wrapped opens no more, nor does any backup that holds it."""


class FileWrapping:
    """Generations in files of one folder: wrapping-<n>.key, and wrapping.key of the release before as generation 0."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._keys: dict[Generation, bytes] = {}
        self._demand_first()
        for generation in self.generations():
            self._key(generation)

    def wrap(self, key: bytes, name: str) -> bytes:
        # The folder is looked at each time: another process may just have made a new generation.
        newest = self.generations()[-1]
        return wrap_under(newest, key, name, lambda data, aad: seal(self._key(newest), data, aad))

    def unwrap(self, wrapped: bytes, name: str) -> bytes:
        return unwrap_under(wrapped, name, lambda n, sealed, aad: unseal(self._key(n), sealed, aad))

    def generations(self) -> list[Generation]:
        found = _generations(self._names())
        if not found:
            raise KeyFileError(
                f"{self._folder}: wrapping-<n>.key expected, none found: restore the key files"
            )
        for destroyed in set(self._keys) - set(found):
            self._keys.pop(destroyed, None)
        return found

    def add(self) -> Generation:
        new = Generation(self.generations()[-1] + 1)
        write_secret(self._path(new), os.urandom(KEY_SIZE))
        return new

    def destroy(self, generation: Generation) -> None:
        destroy_secret(self._path(generation))
        self._keys.pop(generation, None)

    def _demand_first(self) -> None:
        # A folder that holds other keys has lost these: new ones would only hide that.
        if not any(name.endswith(".key") for name in self._names()):
            write_secret(self._path(Generation(1)), os.urandom(KEY_SIZE))

    def _names(self) -> list[str]:
        return os.listdir(self._folder) if self._folder.exists() else []

    def _path(self, generation: Generation) -> Path:
        return self._folder / (_OLDEST_FILE if generation == OLDEST else f"wrapping-{generation}.key")

    def _key(self, generation: Generation) -> bytes:
        held = self._keys.get(generation)
        if held is None:
            try:
                held = self._keys[generation] = read_key(self._path(generation))
            except FileNotFoundError as error:
                raise gone(generation) from error
        return held


def _generations(names: list[str]) -> list[Generation]:
    found = [Generation(int(match[1])) for name in names if (match := _FILE.fullmatch(name))]
    return sorted([OLDEST, *found] if _OLDEST_FILE in names else found)


def generation_of(wrapped: bytes) -> Generation:
    """The generation that a wrapped key names.

    Raises:
        VaultError: no wrapped key.
    """
    if len(wrapped) == _SEALED:
        return OLDEST
    if len(wrapped) == _PREFIX + _SEALED and wrapped[:1] == _VERSION:
        generation = int.from_bytes(wrapped[1:_PREFIX], "big")
        if generation > OLDEST:
            return Generation(generation)
    raise VaultError("a wrapped key of another shape")


def prefix_of(generation: Generation) -> bytes:
    """What the keys wrapped under a generation begin with."""
    return b"" if generation == OLDEST else _VERSION + generation.to_bytes(4, "big")


def wrap_under(
    generation: Generation, key: bytes, name: str, seal_it: Callable[[bytes, bytes], bytes]
) -> bytes:
    """The wrapped form of a data key; `seal_it` seals data with associated data, its nonce in front.

    Raises:
        ValueError: no data key of 32 bytes.
    """
    if len(key) != KEY_SIZE:
        raise ValueError(f"a data key of {KEY_SIZE} bytes expected, {len(key)} found")
    prefix = prefix_of(generation)
    return prefix + seal_it(key, _bound(prefix, name))


def unwrap_under(wrapped: bytes, name: str, open_it: Callable[[Generation, bytes, bytes], bytes]) -> bytes:
    """The data key in a wrapped one; `open_it` opens what a generation sealed.

    Raises:
        VaultError: as Wrapping.unwrap.
    """
    generation = generation_of(wrapped)
    prefix = prefix_of(generation)
    return open_it(generation, wrapped[len(prefix) :], _bound(prefix, name))


def gone(generation: Generation) -> VaultError:
    """What is said of a generation that is not there."""
    return VaultError(
        f"a key wrapped under generation {generation}, whose key is not here (rotated this moment: ask again; "
        "or a backup from before a rotation),"
    )


def _bound(prefix: bytes, name: str) -> bytes:
    return prefix + b"key " + name.encode()


def seal(key: bytes, data: bytes, aad: bytes) -> bytes:
    """AES-256-GCM with a random nonce in front."""
    nonce = os.urandom(NONCE_SIZE)
    return nonce + AESGCM(key).encrypt(nonce, data, aad)


def unseal(key: bytes, sealed: bytes, aad: bytes) -> bytes:
    """What `seal` sealed.

    Raises:
        VaultError: altered, or under another key.
    """
    try:
        return AESGCM(key).decrypt(sealed[:NONCE_SIZE], sealed[NONCE_SIZE:], aad)
    except (InvalidTag, ValueError) as error:
        raise VaultError("a sealed record or key") from error
