"""A backup while the registry runs: all rows as of one moment, sealed objects, public files, pins, erasure journal.

The rows are told in no database's dialect, so that SQLite's go into PostgreSQL. Keys are never in it: neither private
keys nor wrapping keys. Everything goes through in pieces; nothing is held whole but one object.
"""

import hashlib
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, cast

from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, MetaData, Table, select
from sqlmodel import SQLModel

from registry.backup_file import BackupError, BackupWriter, Header, authenticate, read_header, read_records
from registry.errors import ObjectMissingError
from registry.house import House
from registry.key_files import sync_folder
from registry.migrating import FIRST
from registry.rotating import alone
from registry.store import sealed_bytes
from registry.tables import Hold, Lease
from registry.vault import Vault

ROWS = 500
_NOT_TOLD = (Lease.__tablename__, Hold.__tablename__)  # they belong to the running system, not to its memory
Progress = Callable[[str, int], None]


@dataclass(slots=True)
class Summary:
    """What a backup holds. `altered`: rows whose seal does not fit; `absent`: documents whose object is gone."""

    header: Header
    counts: Counter[str] = field(default_factory=Counter)
    altered: int = 0
    absent: int = 0
    bytes: int = 0
    digest: str = ""
    seconds: float = 0.0


def table_names() -> list[str]:
    """The tables that are told, each after those that its rows name."""
    return [table.name for table in SQLModel.metadata.sorted_tables if table.name not in _NOT_TOLD]


def reflected(connection: Connection) -> dict[str, Table]:
    """These tables as they stand in the database, whatever release made them."""
    known = MetaData()
    known.reflect(connection, only=lambda name, _: name in table_names())
    return dict(known.tables)


def back_up(house: House, target: Path, progress: Progress = lambda *_: None) -> Summary:
    """Writes a backup; `progress` hears of each table's rows. Under its name there is all of it, or nothing.

    Raises:
        BackupError: the file exists, the disk is full, or a rotation is not ended.
        KeyFileError: a rotation, or another backup, is at work.
        UnreachableError: the database does not answer.
    """
    started = time.monotonic()
    with alone(house), _appearing(target) as file:
        _demand_one_generation(house)
        out = _Hashing(file)
        network = house.chain.deployment.network_id if house.chain.deployment else ""
        with house.store.read() as session:
            connection = session.connection()
            schema = MigrationContext.configure(connection).get_current_revision() or FIRST
            writer = BackupWriter(
                cast(BinaryIO, out), house.vault, schema=schema, network=network, now=house.now
            )
            found = Summary(writer.header)
            _put_rows(writer, connection, found, progress)
            _put_objects(house, writer, connection, found)
        _put_files(house, writer, found)
        writer.put("end", dict(found.counts))
        writer.close()
        _demand_one_generation(house)
        found.digest, found.bytes = out.hash.hexdigest(), out.size
    found.seconds = time.monotonic() - started
    return found


def verify(vault: Vault, source: Path) -> Summary:
    """Reads a backup wholly, restoring nothing: every byte, every row's seal, every count.

    Raises:
        BackupError, StreamError: it is not as it was written, or not whole.
    """
    started = time.monotonic()
    with source.open("rb") as file:
        found = Summary(authenticate(file, vault), bytes=source.stat().st_size)
        file.seek(0)
        found.digest = hashlib.file_digest(file, "sha256").hexdigest()
        file.seek(0)
        columns: dict[str, list[str]] = {}
        for kind, *parts in read_records(file, vault):
            _count(found, kind, parts)
            if kind == "table":
                columns[parts[0]] = parts[1]
            elif kind == "rows":
                found.altered += _altered(vault, parts[0], columns[parts[0]], parts[1])
    found.seconds = time.monotonic() - started
    return found


def header_of(source: Path) -> Header:
    """A backup's header, which needs no key.

    Raises:
        BackupError: no backup.
    """
    with source.open("rb") as file:
        return read_header(file)[0]


def _count(found: Summary, kind: str, parts: Sequence[Any]) -> None:
    if kind == "end":
        demand_counts(found.counts, parts[0])
    elif kind == "rows":
        found.counts[parts[0]] += len(parts[1])
    elif kind != "table":
        found.counts[kind] += 1


def demand_counts(found: Counter[str], told: dict[str, int]) -> None:
    """Demands that all came that the backup's last record tells of.

    Raises:
        BackupError: says what differs.
    """
    differing = [name for name in {*found, *told} if found[name] != told.get(name, 0)]
    if differing:
        raise BackupError("备份内容不完整", f"its counts do not fit for {', '.join(sorted(differing))}")


def _altered(vault: Vault, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> int:
    told = (dict(zip(columns, row, strict=True)) for row in rows)
    return sum(vault.seal_row(sealed_bytes(table, row)) != row.get("seal") for row in told)


def _put_rows(writer: BackupWriter, connection: Connection, found: Summary, progress: Progress) -> None:
    tables = reflected(connection)
    for name in table_names():
        table = tables[name]
        writer.put("table", name, [column.name for column in table.columns])
        wanted = select(table).order_by(*table.primary_key.columns)
        streamed = connection.execute(wanted, execution_options={"yield_per": ROWS})
        for rows in streamed.partitions():
            writer.put("rows", name, [list(row) for row in rows])
            found.counts[name] += len(rows)
            progress(name, len(rows))


def _put_objects(house: House, writer: BackupWriter, connection: Connection, found: Summary) -> None:
    """The objects that these rows name. They were stored before their rows, so they are there, unless erased since."""
    objects = reflected(connection)["document"].c.object
    streamed = connection.execute(select(objects).where(objects != ""), execution_options={"yield_per": ROWS})
    for (name,) in streamed:
        try:
            data = house.objects.get(name)
        except ObjectMissingError:
            found.absent += 1
            continue
        writer.put("object", name, data)
        found.counts["object"] += 1


def _put_files(house: House, writer: BackupWriter, found: Summary) -> None:
    """Public files are written before what names them is sent: those of these rows are there by now."""
    public = house.publisher.files
    for name in sorted(public.names()):
        writer.put("file", name, public.get(name))
        found.counts["file"] += 1
    for kind, path in (
        ("deployment", house.settings.home / "deployment.json"),
        ("journal", house.settings.erasure_journal),
    ):
        if path.exists():
            writer.put(kind, path.read_bytes())
            found.counts[kind] += 1


def _demand_one_generation(house: House) -> None:
    """Of rows wrapped under a key that a rotation is about to destroy, a backup would open and be worth nothing."""
    found = house.vault.wrapping.generations()
    if len(found) != 1:
        raise BackupError(
            "封装密钥正在轮换，请先完成轮换",
            f"a rotation was begun and not ended ({len(found)} generations): run `elicence rotate-key`, then back up",
        )


class _Hashing:
    """A file that is hashed as it is written."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self.hash, self.size = file, hashlib.sha256(), 0

    def write(self, data: bytes) -> int:
        self.hash.update(data)
        self.size += len(data)
        return self._file.write(data)


@contextmanager
def _appearing(target: Path) -> Iterator[BinaryIO]:
    """A file that bears its name once it is whole and on the disk; whatever goes wrong before leaves nothing."""
    _demand_free(target)
    temporary = target.with_name(f".{target.name}.{os.urandom(4).hex()}.part")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        _demand_free(target)
        os.rename(temporary, target)
        sync_folder(target.parent)
    except OSError as error:
        raise BackupError(
            "备份文件无法写入，未留下任何文件",
            f"{target}: {error.strerror or error}; nothing is left of it: make room, or choose another place",
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def _demand_free(target: Path) -> None:
    if target.exists():
        raise BackupError(
            "备份文件已存在", f"{target} exists: a backup never overwrites, choose another name"
        )
