"""The backup file, format 1: a header in clear, then records sealed under a key of the backup's own.

Header: "ELBACKUP" ‖ length (u32) ‖ JSON. It names no person: format, id, schema revision, network, time, and the
backup's key, wrapped by the wrapping generation of that day. Records: length (u32) ‖ CBOR array, its first item the
kind. The header is bound into every chunk.
"""

import json
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import cbor2

from registry.chunks import ChunkWriter, read_chunks
from registry.errors import RegistryError
from registry.key_files import KEY_SIZE
from registry.vault import Vault, VaultError

FORMAT = 1
_MAGIC = b"ELBACKUP"
_MAX_HEADER = 2**16
_MAX_RECORD = 2**26
_SIZE = struct.Struct(">I")


class BackupError(RegistryError):
    """A backup that cannot be made, read or restored; says what to do."""

    code = "backup"

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(zh, en)


@dataclass(frozen=True, slots=True)
class Header:
    """What anybody who has the file may read. `made_at`: Unix seconds. `schema`: the revision of the tables."""

    id: str
    schema: str
    network: str
    made_at: int
    key: bytes

    def encode(self) -> bytes:
        """As it stands at the beginning of the file."""
        told = {
            "format": FORMAT,
            "id": self.id,
            "schema": self.schema,
            "network": self.network,
            "made_at": self.made_at,
            "key": self.key.hex(),
        }
        text = json.dumps(told, separators=(",", ":")).encode()
        return _MAGIC + _SIZE.pack(len(text)) + text


class BackupWriter:
    """Writes records behind a header."""

    def __init__(self, out: BinaryIO, vault: Vault, *, schema: str, network: str, now: int) -> None:
        name, key = os.urandom(16).hex(), os.urandom(KEY_SIZE)
        self.header = Header(name, schema, network, now, vault.wrap(key, _bound(name)))
        encoded = self.header.encode()
        out.write(encoded)
        self._chunks = ChunkWriter(out, key, encoded)

    def put(self, kind: str, *parts: object) -> None:
        """One record.

        Raises:
            BackupError: more than can be read again.
        """
        record = cbor2.dumps([kind, *parts])
        if len(record) > _MAX_RECORD:
            raise BackupError("备份记录过大", f"a record of {kind} of at most {_MAX_RECORD} bytes expected")
        self._chunks.write(_SIZE.pack(len(record)) + record)

    def close(self) -> None:
        """Ends the stream."""
        self._chunks.close()


def read_header(file: BinaryIO) -> tuple[Header, bytes]:
    """The header, and its bytes; the file then stands behind it.

    Raises:
        BackupError: no backup, or one of a newer format.
    """
    start = file.read(len(_MAGIC) + _SIZE.size)
    if len(start) < len(_MAGIC) + _SIZE.size or not start.startswith(_MAGIC):
        raise BackupError("不是备份文件", "no backup of elicence: a file made by `elicence backup` expected")
    (size,) = _SIZE.unpack(start[len(_MAGIC) :])
    text = file.read(min(size, _MAX_HEADER))
    try:
        told = json.loads(text)
        if told["format"] != FORMAT:
            raise _other_format(told["format"])
        header = Header(
            id=str(told["id"]),
            schema=str(told["schema"]),
            network=str(told["network"]),
            made_at=int(told["made_at"]),
            key=bytes.fromhex(told["key"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise BackupError(
            "备份文件头已损坏", "its header was altered: use another copy of the file"
        ) from error
    return header, start + text


def read_records(file: BinaryIO, vault: Vault) -> Iterator[list[Any]]:
    """The records of a backup, each as [kind, …]. Each was authenticated; that all came is known at the end only.

    Raises:
        BackupError: no backup, or its key is not among ours.
        StreamError: altered, cut off, or out of order.
    """
    held = bytearray()
    for chunk in _plain(file, vault):
        held += chunk
        yield from _whole(held)
    if held:
        raise BackupError("备份文件已损坏", "its last record is not whole: use another copy of the file")


def authenticate(file: BinaryIO, vault: Vault) -> Header:
    """Reads a backup to its end and demands that every byte is as it was written, before any is used.

    Raises:
        BackupError, StreamError: as read_records.
    """
    header, _ = read_header(file)
    file.seek(0)
    for _ in _plain(file, vault):
        pass
    return header


def _plain(file: BinaryIO, vault: Vault) -> Iterator[bytes]:
    header, encoded = read_header(file)
    try:
        key = vault.unwrap(header.key, _bound(header.id))
    except VaultError as error:
        raise BackupError(
            "备份的密钥无法打开：密钥已轮换，或密钥文件不是本系统的",
            f"the backup's key does not open ({error.en}): it was made before a rotation of the wrapping key, or the "
            "key files here are those of another registry",
        ) from error
    yield from read_chunks(file, key, encoded)


def _whole(held: bytearray) -> Iterator[list[Any]]:
    """The records that are complete, taken out of what is held."""
    while len(held) >= _SIZE.size:
        (size,) = _SIZE.unpack(held[: _SIZE.size])
        if len(held) < _SIZE.size + size:
            return
        record: list[Any] = cbor2.loads(bytes(held[_SIZE.size : _SIZE.size + size]))
        del held[: _SIZE.size + size]
        yield record


def _bound(name: str) -> str:
    return f"backup {name}"


def _other_format(found: object) -> BackupError:
    en = f"a backup of format {FORMAT} expected, {str(found)[:20]} found: install the release that wrote it"
    return BackupError("备份由其他版本创建，请安装相应版本", en)
