"""The database wall: engine, transactions, and the queries that several deeds share."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event, make_url
from sqlalchemy.exc import OperationalError
from sqlmodel import Session, SQLModel, col, create_engine, select

from licence.keys import Usage
from registry.errors import NotFoundError, UnreachableError
from registry.tables import Batch, BatchState, Department, Licence, Permission, SigningKey, TypeVersion


class Store:
    """One database. Every write is one transaction; SQLite syncs it to disk before it is acknowledged."""

    def __init__(self, url: str) -> None:
        location = make_url(url)
        if location.drivername.startswith("sqlite") and location.database:
            Path(location.database).parent.mkdir(parents=True, exist_ok=True)
        self._engine = create_engine(url, hide_parameters=True)
        if self._engine.dialect.name == "sqlite":
            _prepare_sqlite(self._engine)
        SQLModel.metadata.create_all(self._engine.execution_options(write=True))

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A transaction that may write; committed at the end, or not at all.

        Raises:
            UnreachableError: the database is locked or gone.
        """
        with self._session(self._engine.execution_options(write=True)) as session:
            yield session
            try:
                session.commit()
            except OperationalError as error:
                raise _unreachable(error) from error

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A transaction that only reads."""
        with self._session(self._engine) as session:
            yield session

    @contextmanager
    def _session(self, engine: Engine) -> Iterator[Session]:
        with Session(engine, expire_on_commit=False) as session:
            try:
                yield session
            except OperationalError as error:
                raise _unreachable(error) from error

    def close(self) -> None:
        """Gives the connections back."""
        self._engine.dispose()


def _unreachable(error: OperationalError) -> UnreachableError:
    return UnreachableError(
        "数据库暂不可用，请稍后再试", f"the database does not answer: {type(error.orig).__name__}"
    )


def _prepare_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def connect(connection: Any, _: object) -> None:
        connection.isolation_level = None
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=5000"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # IMMEDIATE: two writers queue up at the beginning instead of failing in the middle.
        write = connection.get_execution_options().get("write")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def department_of(session: Session, token_hash: str) -> Department | None:
    """The department with that bearer key."""
    return session.exec(select(Department).where(Department.token_hash == token_hash)).first()


def department_by_id(session: Session, department: int) -> Department:
    """An admitted department.

    Raises:
        NotFoundError: none of that number.
    """
    found = session.get(Department, department)
    if found is None or not found.admitted_at:
        raise NotFoundError(f"没有编号为{department}的部门", f"no department {department}")
    return found


def licence_of(session: Session, department: int, public_id: str) -> Licence:
    """A department's own licence.

    Raises:
        NotFoundError: none of that id, or another department's.
    """
    found = session.exec(select(Licence).where(Licence.id == public_id)).first()
    if found is None or found.department != department:
        raise NotFoundError("没有这份证照", "no such licence")
    return found


def type_for(session: Session, department: int, code: str, version: int | None) -> TypeVersion:
    """A type version that the department may issue; without a version the newest.

    Raises:
        NotFoundError: it may issue none of that code and version.
    """
    wanted = select(Permission).where(Permission.department == department, Permission.code == code)
    if version is not None:
        wanted = wanted.where(Permission.version == version)
    permission = session.exec(wanted.order_by(col(Permission.version).desc())).first()
    found = session.get(TypeVersion, (code, permission.version)) if permission else None
    if found is None:
        raise NotFoundError(
            f"本部门不能签发类型 {code[:40]}", f"the department may not issue type {code[:40]}"
        )
    return found


def final_batch(session: Session, licence: Licence) -> Batch | None:
    """The licence's batch once it is final."""
    batch = session.get(Batch, licence.batch) if licence.batch else None
    return batch if batch and batch.state is BatchState.FINAL else None


def newest_of(session: Session, number_index: bytes) -> Licence | None:
    """The newest version of a licence, by its number's blind index."""
    wanted = select(Licence).where(Licence.number_index == number_index).order_by(col(Licence.row).desc())
    return session.exec(wanted).first()


def newest_key(session: Session, department: int, usage: Usage, *, lives_past: int) -> SigningKey | None:
    """The department's newest key for this use that ends after `lives_past` (Unix seconds); None: it has none."""
    wanted = (
        select(SigningKey)
        .where(SigningKey.department == department, SigningKey.usage == int(usage))
        .where(col(SigningKey.ends) > lives_past)
        .order_by(col(SigningKey.begins).desc())
    )
    return session.exec(wanted).first()


def leaves_of(session: Session, batch: int) -> list[bytes]:
    """The leaves of a batch, in order."""
    rows = session.exec(select(Licence.leaf).where(Licence.batch == batch).order_by(col(Licence.position)))
    return [bytes(leaf) for leaf in rows]
