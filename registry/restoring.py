"""Restores a backup into an empty database, SQLite or PostgreSQL, whichever the backup came from.

The whole file is authenticated before anything is written; all rows come in one transaction; a table stands in the
database until all is done, and no process starts over it. Afterwards every department is held until the worker has
compared it with the chain, and no status position of the time before is ever given out again.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Connection, Table, func, inspect, select, text
from sqlmodel import Session, SQLModel
from sqlmodel import select as select_rows

from registry import trail
from registry.backup import demand_counts, header_of, reflected, table_names
from registry.backup_file import BackupError, Header, authenticate, read_records
from registry.comparing import NOT_COMPARED, UNFINISHED
from registry.errors import ObjectMissingError
from registry.house import House, build, open_vault
from registry.issuing import close_list
from registry.journal import Journal
from registry.key_files import sync_folder
from registry.migrating import RESTORING, upgrade
from registry.objects import Objects
from registry.settings import Settings
from registry.store import Store, Tables
from registry.tables import NUMBERED, Department, Hold, StatusList

EraseAgain = Callable[[House, Path], int]


@dataclass(frozen=True, slots=True)
class Restored:
    """What came back, and how many erasures were made again."""

    header: Header
    counts: Counter[str]
    departments: int
    erased: int


def restore(
    settings: Settings, source: Path, *, journals: Iterable[Path], erase_again: EraseAgain
) -> Restored:
    """Restores a backup and erases again what the journals tell of. Interrupted, it is run again and begins anew.

    Raises:
        BackupError, StreamError: the file, the keys or the database is not as it must be: nothing was changed.
        NewerDatabaseError: the backup was made by a newer release.
    """
    _demand_keys(settings)
    vault = open_vault(settings)
    with source.open("rb") as file:
        header = authenticate(file, vault)
    _demand_same_network(settings, source)
    store = Store(settings.database, vault.seal_row, tables=Tables.AS_THEY_ARE)
    try:
        _begin(store)
    finally:
        store.close()
    return _Restoring(settings, source, header).run(journals, erase_again)


def mark_restored(house: House, what: str) -> int:
    """Holds every department, and closes its lists: for a database that was put back by other means.

    The worker lets go of those whose chain knows no more than the store.
    """
    with house.store.write() as session:
        departments = _hold_all(session, house.now, NOT_COMPARED)
        for department in departments:
            trail.note(house, session, department, actor="operator", deed="restored", object=what)
    return len(departments)


@dataclass(frozen=True, slots=True)
class _Restoring:
    settings: Settings
    source: Path
    header: Header

    def run(self, journals: Iterable[Path], erase_again: EraseAgain) -> Restored:
        house = build(self.settings, tables=Tables.AS_THEY_ARE)
        try:
            counts, departments = self._fill(house)
        finally:
            house.store.close()
        house = build(self.settings, tables=Tables.AS_THEY_ARE)  # now with the pins that came along
        try:
            own = self.settings.erasure_journal
            told = [*([own] if own.exists() else []), *journals]
            erased = sum(erase_again(house, journal) for journal in told)
            self._finish(house)
        finally:
            house.store.close()
        return Restored(self.header, counts, departments, erased)

    def _fill(self, house: House) -> tuple[Counter[str], int]:
        with house.store.write() as session, self.source.open("rb") as file:
            connection, seal = session.connection(), house.store.seal_of_values
            _wipe(connection)
            upgrade(connection, seal, to=self.header.schema)
            tables, counts, columns = reflected(connection), Counter[str](), dict[str, list[str]]()
            for kind, *parts in read_records(file, house.vault):
                if kind == "table":
                    columns[parts[0]] = parts[1]
                elif kind == "rows":
                    _insert(connection, tables[parts[0]], columns[parts[0]], parts[1])
                    counts[parts[0]] += len(parts[1])
                elif kind == "end":
                    demand_counts(counts, parts[0])
                else:
                    _put_back(house, kind, parts)
                    counts[kind] += 1
            _go_on_counting(connection, tables)
            upgrade(connection, seal)
            return counts, len(_hold_all(session, house.now, UNFINISHED))

    def _finish(self, house: House) -> None:
        made = datetime.fromtimestamp(self.header.made_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        what = f"backup {self.header.id} of {made}"
        with house.store.write() as session:
            for hold in session.exec(select_rows(Hold)).all():
                hold.missing = f"{NOT_COMPARED} ({what})"
                session.add(hold)
                note = {"actor": "operator", "deed": "restored", "object": what}
                trail.note(house, session, hold.department, **note)
            session.connection().execute(text(f"DROP TABLE {RESTORING}"))


def _demand_keys(settings: Settings) -> None:
    """Keys made now would open nothing, and stand in the way of the right ones."""
    if not (settings.vault / "rows.key").exists():
        raise BackupError(
            "缺少密钥文件，请先恢复密钥",
            f"no key files in {settings.vault}: put the keys of that registry back first, they are kept apart from "
            "its backups",
        )


def _demand_same_network(settings: Settings, source: Path) -> None:
    path, header = settings.home / "deployment.json", header_of(source)
    if path.exists() and header.network and header.network not in path.read_text("utf-8"):
        raise BackupError(
            "备份属于另一个网络",
            f"{path} names another network than the backup ({header.network}): choose another ELICENCE_HOME",
        )


def _begin(store: Store) -> None:
    """From here until the end no process starts over this database."""
    with store.write() as session:
        connection = session.connection()
        if inspect(connection).has_table(RESTORING):
            return
        for name in _ours(connection):
            if connection.execute(text(f'SELECT 1 FROM "{name}" LIMIT 1')).first():  # noqa: S608  # our own words
                raise BackupError(
                    "数据库不为空，不能恢复到其中",
                    f"an empty database expected, rows found in {name}: name another with ELICENCE_DATABASE_URL",
                )
        connection.execute(text(f"CREATE TABLE {RESTORING} (since BIGINT)"))


def _ours(connection: Connection) -> list[str]:
    there = inspect(connection).get_table_names()
    return [table.name for table in reversed(SQLModel.metadata.sorted_tables) if table.name in there]


def _wipe(connection: Connection) -> None:
    """Empty tables, or those of a restore that was not finished."""
    for name in [*_ours(connection), "alembic_version"]:
        connection.execute(text(f'DROP TABLE IF EXISTS "{name}"'))


def _insert(connection: Connection, table: Table, columns: list[str], rows: list[list[Any]]) -> None:
    names = ", ".join(f'"{table.c[name].name}"' for name in columns)
    if connection.dialect.name == "postgresql":
        _copy(connection, f'COPY "{table.name}" ({names}) FROM STDIN', rows)
        return
    places = ", ".join("?" * len(columns))
    connection.exec_driver_sql(
        f'INSERT INTO "{table.name}" ({names}) VALUES ({places})',  # noqa: S608  # our tables' names
        [tuple(row) for row in rows],
    )


def _copy(connection: Connection, statement: str, rows: list[list[Any]]) -> None:
    driver: Any = connection.connection.driver_connection
    try:
        with driver.cursor().copy(statement) as copy:
            for row in rows:
                copy.write_row(row)
    except psycopg.Error as error:
        raise BackupError(
            "数据库拒绝写入，未恢复任何数据",
            f"the database refuses rows ({type(error).__name__}): nothing was restored; has it room?",
        ) from error


def _go_on_counting(connection: Connection, tables: dict[str, Table]) -> None:
    """PostgreSQL's counters do not hear of rows that bring their numbers along."""
    if connection.dialect.name != "postgresql":
        return
    for name in table_names():
        column = NUMBERED.get(name)
        newest = connection.execute(select(func.max(tables[name].c[column]))).scalar() if column else None
        if newest is not None:
            counter = func.pg_get_serial_sequence(name, column)
            connection.execute(select(func.setval(counter, newest)))


def _hold_all(session: Session, now: int, missing: str) -> list[int]:
    """Holds every department and closes every list; the departments."""
    for list_ in session.exec(select_rows(StatusList)).all():
        close_list(session, list_)
    departments = list(session.exec(select_rows(Department.id).order_by("id")))
    for department in departments:
        session.merge(Hold(department=department, since=now, missing=missing))
    return departments


def _put_back(house: House, kind: str, parts: list[Any]) -> None:
    if kind == "object":
        house.objects.put(*parts)
    elif kind == "file":
        _put_file(house.publisher.files, *parts)
    elif kind == "deployment":
        _write(house.settings.home / "deployment.json", parts[0])
    elif kind == "journal":
        Journal.of(house).merge(parts[0])


def _put_file(public: Objects, name: str, data: bytes) -> None:
    """What is there already may be newer, and is named by its hash: it stays."""
    with suppress(ObjectMissingError):
        public.get(name)
        return
    try:
        public.put(name, data)
    except ValueError as error:
        raise BackupError("备份文件已损坏", "a public file's name leads out of its folder") from error


def _write(path: Path, data: bytes) -> None:
    """What is there already stays: it was compared with the backup's before anything was written."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.new")
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
    sync_folder(path.parent)
