"""The shape of the database: the tables of this release, and nothing that acts by itself but rotation's triggers."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, text
from sqlmodel import SQLModel

from registry.fsck.finding import UNREADABLE, Finding, altered, foreign
from registry.fsck.scene import Scene
from registry.store import Store

_ROTATION = re.compile(r"(subject|document)_wrapped(_insert|_update)?")
# As SQLite reads them: a type of another name would keep numbers as something else.
_TYPES = re.compile(r"INTEGER|BIGINT|BLOB|BOOLEAN|VARCHAR(\([0-9]+\))?")
_OBJECTS = text("SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'")
_TRIGGERS = text("SELECT DISTINCT tgname FROM pg_trigger WHERE NOT tgisinternal")


def shape(scene: Scene) -> Iterator[Finding]:
    """Tables, columns, keys and indexes are those of this release; no trigger or view is foreign."""
    with scene.store.engine.connect() as connection:
        if scene.snapshot.postgresql:
            names = [str(name) for name in connection.execute(_TRIGGERS).scalars()]
            yield from _strangers((name, "trigger") for name in names)
        else:
            found = {tuple(row) for row in connection.execute(_OBJECTS)}
            more = found - _reference()
            yield from _strangers((name, kind) for kind, name, _ in more if kind in ("trigger", "view"))
            if found >= _reference() and all(kind == "trigger" for kind, _, _ in more):
                return
            yield from _types(connection)
        yield from _tables(connection)


def _strangers(named: Iterator[tuple[str, str]]) -> Iterator[Finding]:
    for name, kind in named:
        if not _ROTATION.fullmatch(name):
            yield foreign("schema", f"{kind} {name}", "none: the registry made no such thing", "one")


@lru_cache(1)
def _reference() -> frozenset[tuple[Any, ...]]:
    """What a database made by this release holds, word for word; one that was migrated may say the same otherwise."""
    store = Store("sqlite://", lambda row: b"")
    with store.engine.connect() as connection:
        found = frozenset(tuple(row) for row in connection.execute(_OBJECTS))
    store.close()
    return found


def _types(connection: Any) -> Iterator[Finding]:
    for table in SQLModel.metadata.sorted_tables:
        for row in connection.execute(text(f'PRAGMA table_info("{table.name}")')):
            if not _TYPES.fullmatch(row.type):
                yield altered(
                    "schema", f"table {table.name}, column {row.name}", "a type of this release", "another"
                )


def _tables(connection: Any) -> Iterator[Finding]:
    told = {"compare_type": connection.dialect.name == "postgresql"}  # to SQLite INTEGER and BIGINT are one
    context = MigrationContext.configure(connection, opts=told)
    try:
        inspect(connection).get_table_names()
        differences = compare_metadata(context, SQLModel.metadata)
    except UNREADABLE as error:
        yield altered("schema", "its text", "tables that can be read", type(error).__name__)
        return
    for difference in differences:
        what = difference[0] if isinstance(difference, list) else difference
        yield altered("schema", _told(what), "as in this release", "otherwise")


def _told(difference: Any) -> str:
    parts = [getattr(part, "name", part) for part in difference]
    return " ".join(str(part) for part in parts if isinstance(part, str) and part)
