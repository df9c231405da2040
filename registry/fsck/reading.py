"""The database as fsck reads it: one moment, raw values, row after row in flat memory. It cannot write."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

from sqlalchemy import Boolean, ColumnElement, Table, func, select, text, type_coerce
from sqlalchemy.types import NullType
from sqlmodel import Session, SQLModel

Row: TypeAlias = dict[str, Any]
Item = TypeVar("Item")
Left = TypeVar("Left")
Right = TypeVar("Right")
PAGE = 500


class Snapshot:
    """One moment of the database, for as long as its session is open."""

    def __init__(self, session: Session) -> None:
        self._connection = session.connection()
        if self.postgresql:
            self._connection.execute(text("SET TRANSACTION READ ONLY"))
        else:
            driver: Any = self._connection.connection.dbapi_connection
            driver.text_factory = _text
            self._connection.execute(text("PRAGMA query_only=ON"))
        self.one(text("SELECT version_num FROM alembic_version"))  # the moment begins with the first read

    @property
    def postgresql(self) -> bool:
        """Whether it is PostgreSQL; else it is SQLite."""
        return self._connection.dialect.name == "postgresql"

    def rows(
        self,
        model: type[SQLModel],
        names: Sequence[str] = (),
        *,
        order: Sequence[str] = (),
        where: ColumnElement[bool] | None = None,
    ) -> Iterator[Row]:
        """Rows of a table, raw: all columns or those named, in ascending order of `order`."""
        table = table_of(model)
        wanted = select(*(raw(table.c[name]) for name in names or table.c.keys()))
        if where is not None:
            wanted = wanted.where(where)
        yield from self.stream(wanted.order_by(*(self.bytewise(table.c[name]) for name in order)))

    def stream(self, wanted: Any) -> Iterator[Row]:
        """The rows of a query, never all in memory."""
        result = self._connection.execute(wanted.execution_options(yield_per=PAGE))
        names = list(result.keys())
        try:
            for row in result:
                yield dict(zip(names, row, strict=True))
        finally:
            result.close()

    def one(self, wanted: Any) -> Any:
        """The first value of a query's first row; None: there is none."""
        return self._connection.execute(wanted).scalar()

    def all(self, wanted: Any) -> list[Any]:
        """The first values of a query's rows."""
        return list(self._connection.execute(wanted).scalars())

    def count(self, model: type[SQLModel]) -> int:
        """How many rows a table has."""
        return int(self.one(select(func.count()).select_from(table_of(model))))

    def bytewise(self, column: Any) -> Any:
        """A column to order by as Python orders."""
        is_text = self.postgresql and column.type.python_type is str
        return column.collate("C") if is_text else column


def table_of(model: type[SQLModel]) -> Table:
    """The table of a kind of rows."""
    table: Table = model.__table__  # type: ignore[attr-defined]  # SQLModel declares it at run time only
    return table


def raw(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """A column as the database has it: what is no value of its type must be readable too, or it cannot be named."""
    return type_coerce(column, NullType()).label(column.name)


def as_written(table: Table, row: Row) -> Row:
    """Raw values as the seal has them: SQLite keeps a boolean as a number."""
    booleans = [column.name for column in table.c if isinstance(column.type, Boolean)]
    return row | {name: bool(row[name]) for name in booleans if row[name] in (0, 1)}


def pages(rows: Iterator[Item], size: int = PAGE) -> Iterator[list[Item]]:
    """The same, some at a time."""
    page: list[Item] = []
    for row in rows:
        page.append(row)
        if len(page) == size:
            yield page
            page = []
    if page:
        yield page


def unpaired(
    left: Iterator[Left], right: Iterator[Right], key: Callable[[Any], Any]
) -> Iterator[tuple[Left | None, Right | None]]:
    """What stands in only one of two rows that ascend by `key`: (it, None) or (None, it)."""
    ours, theirs = next(left, None), next(right, None)
    while ours is not None or theirs is not None:
        if theirs is None or (ours is not None and key(ours) < key(theirs)):
            yield ours, None
            ours = next(left, None)
        elif ours is None or key(theirs) < key(ours):
            yield None, theirs
            theirs = next(right, None)
        else:
            ours, theirs = next(left, None), next(right, None)


def name_of(table: Table, row: Mapping[str, Any]) -> str:
    """A row's name: its primary key."""
    return ", ".join(f"{column.name} {row[column.name]}" for column in table.primary_key)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")
