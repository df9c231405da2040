"""The encryption wall: data keys, sealed records and documents, blind indexes, seals of rows.

Data keys are wrapped by keys outside the database (wrapping.py), as are the keys of indexes and of row seals: its dump
alone opens nothing, tells no number, and forges no row.
"""

import hmac
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from licence.canonical import JsonValue, jcs
from licence.claims import SEED_SIZE, Seed
from registry.key_files import KEY_SIZE, KeyFileError, key_file
from registry.wrapping import OLDEST, VaultError, Wrapping, WrappingFiles, WrappingKeys, seal, unseal

__all__ = ["KEY_SIZE", "Vault", "VaultError"]


def _key_beside(path: Path, may_make: bool) -> bytes:
    if not may_make and not path.exists():
        raise KeyFileError(
            f"{path} expected beside the wrapping keys, not found: bring it back from the copy of the keys. A new one "
            "would find no holder and no number, and prove no row"
        )
    return key_file(path)


@dataclass(frozen=True, slots=True)
class Vault:
    """The wrapping keys, a key for blind indexes, one for the seals of rows; and what is done with them."""

    wrapping: Wrapping
    index: bytes
    rows: bytes

    @classmethod
    def open(cls, folder: Path, token: WrappingKeys | None = None) -> "Vault":
        """The vault whose keys lie in `folder`, made at the first call; with a token, new wrapping keys are made there.

        Raises:
            KeyFileError: a key file that others may read, of another size, or lost.
        """
        files = WrappingFiles(folder)
        wrapping = Wrapping(token, files) if token else Wrapping(files)
        index, rows = folder / "index.key", folder / "rows.key"
        wrapping.begin(folder, [index, rows])
        files.demand_private()
        # Release 0.1.0 (its wrapping key is generation 0) had no key for rows. Otherwise what is missing was lost.
        may_make = OLDEST in wrapping.generations()
        return cls(wrapping, _key_beside(index, may_make), _key_beside(rows, may_make))

    def blind(self, kind: str, *parts: str) -> bytes:
        """The blind index of a value: HMAC-SHA256 over its kind and parts, so equal values are found, never read."""
        return hmac.digest(self.index, json.dumps([kind, *parts], ensure_ascii=False).encode(), "sha256")

    def seal_row(self, data: bytes) -> bytes:
        """HMAC-SHA256 over what a row says: who writes to the database behind our back cannot make it."""
        return hmac.digest(self.rows, data, "sha256")

    def derive(self, purpose: str) -> bytes:
        """A key of 32 bytes for one purpose (HKDF-SHA256 of the row key): others cannot be computed from it."""
        info = b"elicence " + purpose.encode()
        return HKDF(SHA256(), KEY_SIZE, salt=None, info=info).derive(self.rows)

    def new_key(self, name: str) -> tuple[bytes, bytes]:
        """A fresh data key, and the same wrapped for `name`."""
        key = os.urandom(KEY_SIZE)
        return key, self.wrap(key, name)

    def wrap(self, key: bytes, name: str) -> bytes:
        """A data key under the newest wrapping key, bound to `name`."""
        return self.wrapping.wrap(key, name)

    def unwrap(self, wrapped: bytes, name: str) -> bytes:
        """A data key.

        Raises:
            VaultError: it is not that of `name`, was altered, or its wrapping key is no more.
        """
        return self.wrapping.unwrap(wrapped, name)

    def seal(self, key: bytes, data: bytes, bound_to: str) -> bytes:
        """`data` under a data key, bound to what it belongs to (AES-256-GCM, random nonce in front)."""
        return seal(key, data, bound_to.encode())

    def unseal(self, key: bytes, sealed: bytes, bound_to: str) -> bytes:
        """What `seal` sealed.

        Raises:
            VaultError: altered, swapped with another, or under another key.
        """
        return unseal(key, sealed, bound_to.encode())

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
