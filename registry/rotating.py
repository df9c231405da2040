"""Rotation of the wrapping key: every data key is wrapped anew, no record is touched, and the old key is destroyed.

It may be killed anywhere and repeated. A key is destroyed only once the database itself refuses rows that name it, so
that a process which wrapped under it a moment ago cannot store what nobody could open: it is told to ask again.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, bindparam, func, or_, select, text, update
from sqlmodel import Session, SQLModel

from registry.errors import RegistryError
from registry.house import House
from registry.key_files import KeyFileError, locked
from registry.store import ROTATED_AWAY
from registry.tables import Document, Subject
from registry.vault import Vault, VaultError
from registry.wrapping import WRAPPED_SIZE, Generation, generation_of, prefix_of

CHUNK = 1000
_ALONE = 0x454C5252  # the number of our advisory lock: "ELRR"


class RotationError(RegistryError):
    """A wrapped key that does not open: nothing is destroyed before it does, or is gone."""

    code = "rotation"

    def __init__(self, table: str, row: object) -> None:
        en = f"the wrapped key of {table} {row} does not open: run `elicence fsck`; no wrapping key was destroyed"
        super().__init__("有数据密钥无法打开，未销毁任何密钥", en)


@dataclass(frozen=True, slots=True)
class Rotated:
    """What came of it."""

    generation: Generation
    wrapped: int
    destroyed: tuple[Generation, ...]


@dataclass(frozen=True, slots=True)
class _Kind:
    """A table with wrapped keys, and the name that each is bound to."""

    model: type[SQLModel]
    bound: str
    name: Callable[[Any], str]

    @property
    def table(self) -> Table:
        table: Table = self.model.__table__  # type: ignore[attr-defined]  # SQLModel declares it at run time only
        return table


_KINDS = (
    _Kind(Subject, "holder_index", lambda index: bytes(index).hex()),
    _Kind(Document, "id", lambda name: f"document {name}"),
)


def rotate(house: House, progress: Callable[[int], None]) -> Rotated:
    """Wraps every data key under a new generation and destroys those before; `progress` hears of each chunk's size.

    After one that was interrupted it begins anew: what was wrapped before this call, by whomever, is opened by no key
    that is left. Others may go on working meanwhile.

    Raises:
        KeyFileError: another rotation is at work.
        RotationError: a wrapped key does not open.
    """
    with alone(house):
        newest, wrapped = house.vault.wrapping.add(), 0
        for count in _wrap_all(house, newest):
            wrapped += count
            progress(count)
        wrapped += _close(house, newest)
        old = tuple(generation for generation in house.vault.wrapping.generations() if generation < newest)
        for generation in old:
            house.vault.wrapping.destroy(generation)
    return Rotated(newest, wrapped, old)


@contextmanager
def alone(house: House) -> Iterator[None]:
    """One rotation or backup at a time: on this machine by its key folder, on all by the database they share.

    Raises:
        KeyFileError: another is at work.
    """
    with locked(house.settings.vault, wait=False), house.store.read() as session:
        if house.store.dialect == "postgresql":
            # Held until this transaction, which reads nothing else, ends.
            alone = session.execute(text(f"SELECT pg_try_advisory_xact_lock({_ALONE})")).scalar()
            if not alone:
                raise KeyFileError(
                    "another machine is rotating the wrapping key of this database, or backing it up: let it end"
                )
        yield


def _wrap_all(house: House, newest: Generation) -> Iterable[int]:
    for kind in _KINDS:
        last: Any = None
        while rows := _chunk(house, kind, last):
            # Wrapped before the turn to write comes: others wait for the update alone.
            changes = _changes(house.vault, kind, _older(kind, rows, newest))
            with house.store.write() as session:
                _apply(session, kind, changes)
            yield len(changes)
            last = rows[-1].key


def _chunk(house: House, kind: _Kind, after: Any) -> Sequence[Any]:
    with house.store.read() as session:
        return _rows(session, kind, after=after)


def _close(house: House, newest: Generation) -> int:
    """From here on no row can name an older generation; those that still do are wrapped in the same transaction."""
    wrapped = 0
    with house.store.write() as session:
        _refuse_older(session, newest)
        for kind in _KINDS:
            key, prefix = kind.table.c.wrapped_key, prefix_of(newest)
            older = or_(func.length(key) != WRAPPED_SIZE, func.substr(key, 1, len(prefix)) != prefix)
            changes = _changes(house.vault, kind, _rows(session, kind, where=older))
            wrapped += _apply(session, kind, changes)
    return wrapped


def _rows(
    session: Session, kind: _Kind, *, after: Any = None, where: ColumnElement[bool] | None = None
) -> Sequence[Any]:
    """The rows with a wrapped key, in order: a chunk after one of them, or all of a kind. An erased one has none."""
    key = next(iter(kind.table.primary_key))
    columns = (key.label("key"), kind.table.c[kind.bound].label("bound"), kind.table.c.wrapped_key)
    wanted = select(*columns).where(func.length(kind.table.c.wrapped_key) > 0).order_by(key)
    if where is not None:
        return session.execute(wanted.where(where)).all()
    return session.execute((wanted if after is None else wanted.where(key > after)).limit(CHUNK)).all()


def _older(kind: _Kind, rows: Sequence[Any], newest: Generation) -> Sequence[Any]:
    return [row for row in rows if _generation(kind, row) != newest]


def _generation(kind: _Kind, row: Any) -> Generation:
    with _naming(kind, row):
        return generation_of(row.wrapped_key)


def _changes(vault: Vault, kind: _Kind, rows: Sequence[Any]) -> list[dict[str, Any]]:
    return [{"row": row.key, "old": row.wrapped_key, "new": _again(vault, kind, row)} for row in rows]


def _again(vault: Vault, kind: _Kind, row: Any) -> bytes:
    name = kind.name(row.bound)
    with _naming(kind, row):
        return vault.wrap(vault.unwrap(row.wrapped_key, name), name)


def _apply(session: Session, kind: _Kind, changes: list[dict[str, Any]]) -> int:
    if changes:
        key, wrapped = next(iter(kind.table.primary_key)), kind.table.c.wrapped_key
        # Only where it is still the key that was read: an erasure in between must not be undone.
        same = and_(key == bindparam("row"), wrapped == bindparam("old"))
        change = update(kind.table).where(same).values(wrapped_key=bindparam("new"))
        session.connection().execute(change, changes)
    return len(changes)


@contextmanager
def _naming(kind: _Kind, row: Any) -> Iterator[None]:
    try:
        yield
    except VaultError as error:
        raise RotationError(kind.table.name, row.key) from error


def _refuse_older(session: Session, newest: Generation) -> None:
    statements = _POSTGRESQL if session.get_bind().dialect.name == "postgresql" else _SQLITE
    for kind in _KINDS:
        names = {"table": kind.table.name, "floor": prefix_of(newest).hex(), "told": ROTATED_AWAY}
        for statement in statements:
            session.execute(text(statement.format(**names).replace(":", "\\:")))


_SQLITE = tuple(
    line.replace("EVENT", event).replace("DEED", deed)
    for event, deed in (("insert", "INSERT"), ("update", "UPDATE OF wrapped_key"))
    for line in (
        "DROP TRIGGER IF EXISTS {table}_wrapped_EVENT",
        "CREATE TRIGGER {table}_wrapped_EVENT BEFORE DEED ON {table} WHEN length(NEW.wrapped_key) > 0 AND "
        "(length(NEW.wrapped_key) <> 65 OR substr(NEW.wrapped_key, 1, 5) < x'{floor}') "
        "BEGIN SELECT RAISE(ABORT, '{told}'); END",
    )
)
# The lock waits for every transaction that has written to the table, and holds back the next until this one is done.
_POSTGRESQL = (
    "LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE",
    "CREATE OR REPLACE FUNCTION {table}_wrapped() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
    "IF length(NEW.wrapped_key) > 0 AND (length(NEW.wrapped_key) <> 65 "
    "OR substring(NEW.wrapped_key FROM 1 FOR 5) < decode('{floor}', 'hex')) "
    "THEN RAISE EXCEPTION '{told}' USING ERRCODE = 'integrity_constraint_violation'; END IF; "
    "RETURN NEW; END $$",
    "CREATE OR REPLACE TRIGGER {table}_wrapped BEFORE INSERT OR UPDATE ON {table} "
    "FOR EACH ROW EXECUTE FUNCTION {table}_wrapped()",
)
