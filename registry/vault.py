"""The encryption wall: data keys, sealed records and documents, blind indexes.

The wrapping key and the index key are files of mode 0600 outside the database: its dump alone opens nothing.
"""

import hmac
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from licence.canonical import JsonValue, jcs
from licence.claims import SEED_SIZE, Seed
from registry.errors import RegistryError

KEY_SIZE = 32
_NONCE = 12


class VaultError(RegistryError):
    """A sealed thing that does not open: altered, swapped, or under another key."""

    code = "vault"

    def __init__(self, what: str) -> None:
        super().__init__("加密数据无法打开", f"{what} does not open: altered, swapped, or under another key")


@dataclass(frozen=True, slots=True)
class Vault:
    """Two keys, and what is done with them."""

    wrapping: bytes
    index: bytes

    @classmethod
    def open(cls, folder: Path) -> "Vault":
        """The vault whose keys lie in `folder`, made at the first call.

        Raises:
            VaultError: a key file that others may read, or of another size.
        """
        return cls(_key_file(folder / "wrapping.key"), _key_file(folder / "index.key"))

    def blind(self, kind: str, *parts: str) -> bytes:
        """The blind index of a value: HMAC-SHA256 over its kind and parts, so equal values are found, never read."""
        return hmac.digest(self.index, json.dumps([kind, *parts], ensure_ascii=False).encode(), "sha256")

    def seal_row(self, row: bytes) -> bytes:
        """The MAC of a database row, under a key of its own that follows from the index key (HMAC-SHA256)."""
        return hmac.digest(hmac.digest(self.index, b"rows", "sha256"), row, "sha256")

    def new_key(self, name: str) -> tuple[bytes, bytes]:
        """A fresh data key, and the same wrapped for `name`."""
        key = os.urandom(KEY_SIZE)
        return key, self.wrap(key, name)

    def wrap(self, key: bytes, name: str) -> bytes:
        """A data key under the wrapping key, bound to `name`."""
        return _seal(self.wrapping, key, b"key " + name.encode())

    def unwrap(self, wrapped: bytes, name: str) -> bytes:
        """A data key.

        Raises:
            VaultError: it is not that of `name`, or was altered.
        """
        return _open(self.wrapping, wrapped, b"key " + name.encode())

    def seal(self, key: bytes, data: bytes, bound_to: str) -> bytes:
        """`data` under a data key, bound to what it belongs to (AES-256-GCM, random nonce in front)."""
        return _seal(key, data, bound_to.encode())

    def unseal(self, key: bytes, sealed: bytes, bound_to: str) -> bytes:
        """What `seal` sealed.

        Raises:
            VaultError: altered, swapped with another, or under another key.
        """
        return _open(key, sealed, bound_to.encode())

    def seal_record(self, key: bytes, values: Mapping[str, JsonValue], seed: Seed, bound_to: str) -> bytes:
        """A licence's values and seed."""
        return self.seal(key, seed + jcs(values), bound_to)

    def open_record(self, key: bytes, sealed: bytes, bound_to: str) -> tuple[dict[str, JsonValue], Seed]:
        """A licence's values and seed.

        Raises:
            VaultError: as unseal.
        """
        data = self.unseal(key, sealed, bound_to)
        return json.loads(data[SEED_SIZE:]), Seed(data[:SEED_SIZE])


def _seal(key: bytes, data: bytes, aad: bytes) -> bytes:
    nonce = os.urandom(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, data, aad)


def _open(key: bytes, sealed: bytes, aad: bytes) -> bytes:
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], aad)
    except (InvalidTag, ValueError) as error:
        raise VaultError("a sealed record or key") from error


def _key_file(path: Path) -> bytes:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_secret(path, os.urandom(KEY_SIZE))
    if path.stat().st_mode & 0o077:
        raise VaultError(f"{path} is readable by others: chmod 600 it, and treat its key as seen; it")
    key = path.read_bytes()
    if len(key) != KEY_SIZE:
        raise VaultError(f"{path} of {KEY_SIZE} bytes expected; it")
    return key


def write_secret(path: Path, data: bytes) -> None:
    """Writes a file that its owner alone may read, durably, unless it exists."""
    if path.exists():
        return
    temporary = path.with_suffix(f".{os.getpid()}.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(temporary, path)
    except FileExistsError:
        pass
    finally:
        temporary.unlink()
