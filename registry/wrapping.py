"""Wrapping keys, in generations: data keys are wrapped by the newest, unwrapped by the one that the blob names.

A wrapped key is 65 bytes: 0x01 ‖ generation (u32, big-endian) ‖ nonce (12) ‖ sealed key (32) ‖ tag (16); the first five
and the name it belongs to are authenticated. The release before knew one key and no prefix: 60 bytes, generation 0.
Data keys have one size, so the length tells the two apart.
"""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NewType, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from registry.errors import RegistryError
from registry.key_files import (
    KEY_SIZE,
    KeyFileError,
    destroy_secret,
    key_file,
    locked,
    read_key,
    write_secret,
)

NONCE_SIZE = 12
Generation = NewType("Generation", int)
OLDEST = Generation(0)
_VERSION = b"\x01"
_SEALED = NONCE_SIZE + KEY_SIZE + 16
_PREFIX = 5
WRAPPED_SIZE = _PREFIX + _SEALED
_OLDEST_FILE = "wrapping.key"
_FILE = re.compile(r"wrapping-([1-9][0-9]{0,8})\.key")


class VaultError(RegistryError):
    """A sealed thing that does not open: altered, swapped, or under another key."""

    code = "vault"

    def __init__(self, what: str) -> None:
        super().__init__("加密数据无法打开", f"{what} does not open: altered, swapped, or under another key")


class KeyGoneError(VaultError):
    """A wrapping key that is not here: rotated away this moment, so that asking again helps; or for ever."""

    code, status = "vault_key_gone", 503


class WrappingKeys(Protocol):
    """Where wrapping keys are. Whoever asks never sees one: it seals and opens."""

    def generations(self) -> list[Generation]:
        """Those that are there, in any order."""

    def holds(self, generation: Generation) -> bool:
        """Whether it is there."""

    def make(self, generation: Generation) -> None:
        """Makes a key, durably, unless it is there."""

    def destroy(self, generation: Generation) -> None:
        """Destroys a key for ever."""

    def seal(self, generation: Generation, data: bytes, aad: bytes) -> bytes:
        """AES-256-GCM, its nonce of 12 bytes in front.

        Raises:
            VaultError: no such key.
        """

    def unseal(self, generation: Generation, sealed: bytes, aad: bytes) -> bytes:
        """What `seal` sealed.

        Raises:
            VaultError: altered, or no such key.
        """


class Wrapping:
    """Generations in one place or several: new ones are made in the first, so that rotating moves keys into a token."""

    def __init__(self, *places: WrappingKeys) -> None:
        self._places = places

    def wrap(self, key: bytes, name: str) -> bytes:
        """A data key under the newest generation, bound to `name`.

        Raises:
            ValueError: no data key of 32 bytes.
        """
        if len(key) != KEY_SIZE:
            raise ValueError(f"a data key of {KEY_SIZE} bytes expected, {len(key)} found")
        # The places are looked at each time: another process may just have made a new generation.
        newest = self.generations()[-1]
        prefix = prefix_of(newest)
        return prefix + self._place(newest).seal(newest, key, _bound(prefix, name))

    def unwrap(self, wrapped: bytes, name: str) -> bytes:
        """A data key.

        Raises:
            VaultError: it is not that of `name`, was altered, or its generation is no more.
        """
        generation = generation_of(wrapped)
        prefix = prefix_of(generation)
        return self._place(generation).unseal(generation, wrapped[len(prefix) :], _bound(prefix, name))

    def generations(self) -> list[Generation]:
        """Those that exist, oldest first.

        Raises:
            KeyFileError: none is left.
        """
        found = self._found()
        if not found:
            raise KeyFileError(
                "wrapping keys expected, none found: restore the key files, or reach the token"
            )
        return found

    def begin(self, folder: Path, others: Sequence[Path]) -> None:
        """Makes the first generation and the `others` beside it, unless there is one, or `folder` holds keys already:
        then the first was lost. The others are there before it is."""
        if self._found():
            return
        with locked(folder, wait=True):
            if not self._found() and not any(folder.glob("*.key")):
                for path in others:
                    key_file(path)
                self._places[0].make(Generation(1))

    def add(self) -> Generation:
        """Makes a new generation, durably, and says which: from now on it wraps."""
        new = Generation(self.generations()[-1] + 1)
        self._places[0].make(new)
        return new

    def destroy(self, generation: Generation) -> None:
        """Destroys one for ever: what it wrapped opens no more, nor does any backup that holds it."""
        self._place(generation).destroy(generation)

    def _found(self) -> list[Generation]:
        return sorted({generation for place in self._places for generation in place.generations()})

    def _place(self, generation: Generation) -> WrappingKeys:
        for place in self._places:
            if place.holds(generation):
                return place
        raise gone(generation)


class WrappingFiles:
    """Wrapping keys in one folder: wrapping-<n>.key, and wrapping.key of the release before as generation 0."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._keys: dict[Generation, bytes] = {}

    def generations(self) -> list[Generation]:
        names = os.listdir(self._folder) if self._folder.exists() else []
        found = [Generation(int(match[1])) for name in names if (match := _FILE.fullmatch(name))]
        found += [OLDEST] if _OLDEST_FILE in names else []
        for destroyed in set(self._keys) - set(found):
            self._keys.pop(destroyed, None)
        return found

    def holds(self, generation: Generation) -> bool:
        # What another process destroyed is forgotten here too, before it could open anything.
        if self._path(generation).exists():
            return True
        self._keys.pop(generation, None)
        return False

    def make(self, generation: Generation) -> None:
        write_secret(self._path(generation), os.urandom(KEY_SIZE))

    def destroy(self, generation: Generation) -> None:
        destroy_secret(self._path(generation))
        self._keys.pop(generation, None)

    def seal(self, generation: Generation, data: bytes, aad: bytes) -> bytes:
        return seal(self._key(generation), data, aad)

    def unseal(self, generation: Generation, sealed: bytes, aad: bytes) -> bytes:
        return unseal(self._key(generation), sealed, aad)

    def demand_private(self) -> None:
        """Reads every key.

        Raises:
            KeyFileError: one that others may read, or of another size.
        """
        for generation in self.generations():
            self._key(generation)

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


def generation_of(wrapped: bytes) -> Generation:
    """The generation that a wrapped key names.

    Raises:
        VaultError: no wrapped key.
    """
    if len(wrapped) == _SEALED:
        return OLDEST
    if len(wrapped) == WRAPPED_SIZE and wrapped[:1] == _VERSION:
        generation = int.from_bytes(wrapped[1:_PREFIX], "big")
        if generation > OLDEST:
            return Generation(generation)
    raise VaultError("a wrapped key of another shape")


def prefix_of(generation: Generation) -> bytes:
    """What the keys wrapped under a generation begin with."""
    return b"" if generation == OLDEST else _VERSION + generation.to_bytes(4, "big")


def gone(generation: Generation) -> KeyGoneError:
    """What is said of a generation that is not there."""
    return KeyGoneError(
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
