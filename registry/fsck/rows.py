"""Rows by themselves: the seal of each, and that every row which another one names is there."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Integer, LargeBinary, Table, and_, exists, func, select
from sqlmodel import SQLModel, col

from registry.fsck.finding import Finding, altered, foreign, missing
from registry.fsck.reading import Row, as_written, name_of, table_of
from registry.fsck.scene import Scene
from registry.tables import (
    Audit,
    Batch,
    Department,
    Hold,
    Idempotency,
    Lease,
    Licence,
    Permission,
    Sealed,
    SigningKey,
    StatusAct,
    StatusList,
    Subject,
    TypeVersion,
)
from registry.trail import SHORT

PROBED = 8
NOBODY = 0  # whose trail tells of deeds that concern no single department


@dataclass(frozen=True, slots=True)
class _Reference:
    """Columns of one table that name a row of another."""

    child: type[SQLModel]
    names: tuple[str, ...]
    parent: type[SQLModel]
    keys: tuple[str, ...]


# Those that the database itself does not know of.
_MORE = (
    _Reference(Licence, ("kid",), SigningKey, ("kid",)),
    _Reference(Licence, ("type", "type_version"), TypeVersion, ("code", "version")),
    _Reference(Licence, ("status_list",), StatusList, ("id",)),
    _Reference(Permission, ("code", "version"), TypeVersion, ("code", "version")),
    _Reference(StatusAct, ("list",), StatusList, ("id",)),
    _Reference(Audit, ("department",), Department, ("id",)),
    _Reference(Idempotency, ("department",), Department, ("id",)),
)


def sealed_tables() -> list[type[Sealed]]:
    """Every table whose rows carry a seal."""
    return sorted(Sealed.__subclasses__(), key=lambda model: str(model.__tablename__))


def rows_key_fits(scene: Scene) -> bool:
    """Whether rows.key is the key that the seals were made with: of the first rows of all tables one fits."""
    looked = False
    for model in sealed_tables():
        for _, row in zip(range(PROBED), scene.snapshot.rows(model), strict=False):
            looked = True
            if _fits(scene, table_of(model), row):
                return True
    return not looked


def seals(scene: Scene) -> Iterator[Finding]:
    """The seal of every row."""
    for model in sealed_tables():
        table = table_of(model)
        for row in scene.every(model, *(column.name for column in table.primary_key)):
            if not _fits(scene, table, row):
                expected = "the seal that the registry made over its columns"
                yield altered(f"table {table.name}", named(model, row), expected, "another")


def named(model: type[SQLModel], row: Row) -> str:
    """A row's name: its key, and what else tells it from others; no text that a caller chose."""
    if model is Idempotency:
        return f"department {row['department']}, answer {bytes(row['seal']).hex()[:SHORT]}"
    name = name_of(table_of(model), row)
    if model is Audit:
        return f"{name}, department {row['department']}, seq {row['seq']}"
    return f"{name}, id {row['id']}" if model is Licence else name


def _fits(scene: Scene, table: Table, row: Row) -> bool:
    if not all(_of_type(column.type, row[column.name]) for column in table.c):
        return False
    try:
        return bool(scene.store.seal_of_values(table.name, as_written(table, row)) == row["seal"])
    except (UnicodeError, TypeError):
        return False


def _of_type(kind: Any, value: object) -> bool:
    """SQLite lets any value stand in any column, and the same digits as text would have the same seal."""
    if value is None:
        return True
    if isinstance(kind, LargeBinary):
        return isinstance(value, bytes)
    return isinstance(value, int) if isinstance(kind, Integer) else not isinstance(value, bytes)


def references(scene: Scene) -> Iterator[Finding]:
    """Every row that another row names is there; and every subject, list and lease is somebody's."""
    for reference in [*_declared(), *_MORE]:
        yield from _dangling(scene, reference)
    yield from _idle_subjects(scene)
    yield from _leases(scene)


def _declared() -> Iterator[_Reference]:
    models = {str(model.__tablename__): model for model in sealed_tables()}
    for child in models.values():
        for key in table_of(child).foreign_keys:
            parent = key.column
            yield _Reference(child, (key.parent.name,), models[parent.table.name], (parent.name,))


def _dangling(scene: Scene, reference: _Reference) -> Iterator[Finding]:
    child, parent = table_of(reference.child), table_of(reference.parent).alias("parent")
    ours = [child.c[name] for name in reference.names]
    same = and_(*(parent.c[key] == column for key, column in zip(reference.keys, ours, strict=True)))
    held: list[ColumnElement[bool]] = [column.is_not(None) for column in ours]
    if reference.child is Audit:
        held.append(child.c.department != NOBODY)
    wanted = select(*ours, func.count().label("rows")).where(*held, ~exists().where(same)).group_by(*ours)
    for row in scene.snapshot.stream(wanted):
        item = ", ".join(
            f"{key} {row[name]}" for key, name in zip(reference.keys, reference.names, strict=True)
        )
        named = f"a row, which {row['rows']} of table {child.name} name"
        yield missing(f"table {table_of(reference.parent).name}", item, named)


def _idle_subjects(scene: Scene) -> Iterator[Finding]:
    named = exists().where(col(Licence.subject) == col(Subject.id))
    for row in scene.snapshot.rows(Subject, ["id"], order=["id"], where=~named):
        yield foreign("table subject", f"id {row['id']}", "a licence that names it", "none")


def _leases(scene: Scene) -> Iterator[Finding]:
    """A worker that has anchored for a department had its lease, and gives up the holder alone."""
    at_work = _departments(
        scene, select(col(Batch.department)).where(col(Batch.block).is_not(None)).distinct()
    )
    held = {row["department"] for row in scene.snapshot.rows(Lease, ["department"])}
    for department in sorted(at_work - held):
        yield missing("table lease", f"department {department}", "a row: a worker has anchored for it")


def _departments(scene: Scene, wanted: Any) -> set[int]:
    return {row["department"] for row in scene.snapshot.stream(wanted)}


def held(scene: Scene) -> Sequence[int]:
    """The departments that are held up."""
    return [row["department"] for row in scene.snapshot.rows(Hold, ["department"])]
