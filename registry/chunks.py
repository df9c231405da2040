"""One long secret in chunks: AES-256-GCM, each bound to the header, to its place, and to whether it is the last.

The STREAM construction: nothing can be altered, cut off, moved, repeated or appended unnoticed. It holds one chunk in
memory. A key is used for one stream only.
"""

import hashlib
from collections.abc import Iterator
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from registry.errors import RegistryError

CHUNK = 2**18
_SEALED = CHUNK + 16


class StreamError(RegistryError):
    """A sealed stream that is not as it was written."""

    code = "stream"

    def __init__(self, en: str) -> None:
        super().__init__("加密文件已损坏、不完整或被改动", en)


class ChunkWriter:
    """Seals what is written, chunk by chunk; `close` makes the last."""

    def __init__(self, out: BinaryIO, key: bytes, header: bytes) -> None:
        self._out, self._cipher, self._bound = out, AESGCM(key), hashlib.sha256(header).digest()
        self._held, self._place = bytearray(), 0

    def write(self, data: bytes) -> None:
        """Takes bytes; a chunk goes out once more than a chunk is there."""
        self._held += data
        while len(self._held) > CHUNK:
            self._seal(bytes(self._held[:CHUNK]), last=False)
            del self._held[:CHUNK]

    def close(self) -> None:
        """Writes the last chunk."""
        self._seal(bytes(self._held), last=True)
        self._held.clear()

    def _seal(self, chunk: bytes, *, last: bool) -> None:
        self._out.write(self._cipher.encrypt(_nonce(self._place, last), chunk, self._bound))
        self._place += 1


def read_chunks(file: BinaryIO, key: bytes, header: bytes) -> Iterator[bytes]:
    """What a ChunkWriter sealed, from where the file stands to its end.

    Raises:
        StreamError: altered, cut off, moved, repeated or appended; says where. What came before is as it was written.
    """
    cipher, bound = AESGCM(key), hashlib.sha256(header).digest()
    place, following = 0, file.read(_SEALED)
    while True:
        chunk, following = following, file.read(_SEALED)
        last = not following
        try:
            yield cipher.decrypt(_nonce(place, last), chunk, bound)
        except (InvalidTag, ValueError) as error:
            raise StreamError(_why(cipher, chunk, bound, place=place, last=last)) from error
        if last:
            return
        place += 1


def _nonce(place: int, last: bool) -> bytes:
    return place.to_bytes(11, "big") + bytes([last])


def _why(cipher: AESGCM, chunk: bytes, bound: bytes, *, place: int, last: bool) -> str:
    """Whether the end alone is wrong."""
    try:
        cipher.decrypt(_nonce(place, not last), chunk, bound)
    except (InvalidTag, ValueError):
        return f"chunk {place} was altered, cut off, or is not in its place: use another copy of the file"
    if last:
        return f"the file ends after chunk {place}, and should go on: use another copy of the file"
    return f"the file should end after chunk {place}, and goes on: use another copy of the file"
