"""The database wall: engine, transactions, row seals, and the queries that several deeds share.

SQLite or PostgreSQL, by URL. Writers of one department wait for each other, at the beginning and never in the middle.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from enum import Enum, StrEnum
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event, make_url, text
from sqlalchemy.exc import DatabaseError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlmodel import Session, col, create_engine, select

from licence.keys import Usage
from registry.errors import (
    GoneError,
    NotFoundError,
    ReadOnlyError,
    RotatedAwayError,
    StoppedError,
    UnreachableError,
)
from registry.faults import meaning
from registry.migrating import demand_newest, migrate
from registry.tables import (
    NUMBERED,
    Batch,
    BatchState,
    Department,
    Hold,
    Licence,
    Permission,
    Sealed,
    SigningKey,
    TypeVersion,
)

_POSTGRESQL = "-c lock_timeout=5000 -c statement_timeout=60000 -c synchronous_commit=on -c timezone=UTC"
_WAIT = 5
ROTATED_AWAY = "wrapped under a key that was rotated away"  # what the database says of it: see rotating.py
_POOL: dict[str, Any] = {"pool_size": 20, "max_overflow": 20, "pool_timeout": _WAIT}
_LOCKS = 0x454C52  # the number of our advisory locks: "ELR"


class Tables(StrEnum):
    """What becomes of the tables when a database is opened."""

    BROUGHT_ALONG = "brought along"  # migrated to this release
    DEMANDED = "demanded"  # of this release already, and left alone
    AS_THEY_ARE = "as they are"  # and be they half restored


class Store:
    """One database. Every write is one transaction, synced to disk before it is acknowledged.

    `seal` makes the MAC of a row; its key is not in the database.
    """

    def __init__(
        self, url: str, seal: Callable[[bytes], bytes], *, tables: Tables = Tables.BROUGHT_ALONG
    ) -> None:
        self._seal = seal
        self._stopped = ""
        self._turn, self._kept = threading.Lock(), float("-inf")
        self._engine = _engine(url)
        if tables is Tables.AS_THEY_ARE:
            return
        try:
            if tables is Tables.DEMANDED:
                demand_newest(self._engine)
            else:
                migrate(self._engine, self.seal_of_values)
        except OperationalError as error:
            self.close()
            raise meaning(error) from error
        except Exception:
            self.close()
            raise

    @property
    def dialect(self) -> str:
        """sqlite or postgresql."""
        return self._engine.dialect.name

    @property
    def engine(self) -> Engine:
        """For those who handle the database whole: backups and their like."""
        return self._engine

    @contextmanager
    def write(self, *departments: int) -> Iterator[Session]:
        """A transaction that may write rows of these departments (none named: any row); committed whole, or not at all.

        Raises:
            UnreachableError: the database is locked or gone, its disk is full, it failed and a restart is needed,
                or its wrapping key was rotated this moment.
        """
        with self._writing() as session:
            if self.dialect == "postgresql":
                _queue_up(session, departments)
            yield session
            session.commit()
            self._kept = time.monotonic()

    @contextmanager
    def _writing(self) -> Iterator[Session]:
        if self._stopped:
            raise StoppedError(self._stopped)
        with self._in_turn() as patience, self._session(self._for_writing(patience)) as session:
            session.connection()  # begins: SQLite's turn to write is had from here on
            yield session

    @contextmanager
    def _in_turn(self) -> Iterator[float]:
        """Lets the writers of this process to SQLite one by one: its own waiting is a lottery, in which some wait long.

        Gives the seconds that are left of those that a write waits for its turn, other processes' writes included.
        """
        began = time.monotonic()
        if self.dialect != "sqlite":
            yield _WAIT
        elif self._turn.acquire(timeout=_WAIT):
            try:
                yield _WAIT - (time.monotonic() - began)
            finally:
                self._turn.release()
        else:
            self._kept = float("-inf")
            raise UnreachableError(
                "数据库繁忙，请稍后再试", f"the database is locked for {_WAIT} seconds now"
            )

    def _for_writing(self, patience: float) -> Engine:
        return self._engine.execution_options(write=max(1, int(1000 * patience)))

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A transaction that only reads, and sees one moment.

        Raises:
            UnreachableError: the database is gone.
        """
        level = {"isolation_level": "REPEATABLE READ"} if self.dialect == "postgresql" else {}
        with self._session(self._engine.execution_options(**level)) as session:
            yield session

    @contextmanager
    def _session(self, engine: Engine) -> Iterator[Session]:
        with ExitStack() as stack:
            session = stack.enter_context(Session(engine, expire_on_commit=False))
            event.listen(session, "before_flush", self._seal_rows)
            try:
                yield session
            except (DatabaseError, PoolTimeoutError) as error:
                refusal = self._refusal(error)
                if refusal is None:
                    raise
                raise refusal from error

    def _refusal(self, error: Exception) -> UnreachableError | None:
        """What an error means; None: it is none of the disk's or the server's, but of what was asked."""
        if isinstance(error, IntegrityError) and ROTATED_AWAY in str(error.orig):
            return RotatedAwayError()
        refusal, self._kept = meaning(error), float("-inf")
        if isinstance(refusal, StoppedError):
            self._stopped = refusal.why
        known = isinstance(error, OperationalError | PoolTimeoutError)
        return refusal if known or type(refusal) is not UnreachableError else None

    def _seal_rows(self, session: Session, *_: object) -> None:
        for row in [*session.new, *session.dirty]:
            if isinstance(row, Sealed):
                row.seal = self.seal_of(row)

    def seal_of(self, row: Sealed) -> bytes:
        """The MAC of a row. Numbers that the database gives out itself are left out: other rows hold them."""
        table: Any = row.__class__
        return self.seal_of_values(
            table.__tablename__, {c.key: getattr(row, c.key) for c in table.__table__.columns}
        )

    def seal_of_values(self, table: str, values: dict[str, Any]) -> bytes:
        """The MAC over a row's columns by name."""
        return self._seal(sealed_bytes(table, values))

    def demand_writable(self) -> None:
        """Writes what is there already, and waits until it is on the disk: whether a write would be kept. A busy
        database is not asked: a write that was kept just now, and none refused since, says the same.

        Raises:
            UnreachableError: as write.
        """
        if time.monotonic() - self._kept < 1:
            return
        with self._writing() as session:
            session.execute(text("UPDATE alembic_version SET version_num = version_num"))
            session.commit()

    def close(self) -> None:
        """Gives the connections back."""
        self._engine.dispose()


def sealed_bytes(table: str, values: dict[str, Any]) -> bytes:
    """What the seal of a row is made over: its other columns by name, as JSON."""
    left_out = ("seal", "wrapped_key", NUMBERED.get(table))  # a wrapped key holds itself
    told = {name: _plain(value) for name, value in values.items() if name not in left_out}
    return json.dumps([table, told], sort_keys=True, ensure_ascii=False).encode()


def _plain(value: object) -> object:
    """As JSON has it, and alike whether it comes from a row, from the database or from a migration."""
    if isinstance(value, Enum):
        return value.name
    return bytes(value).hex() if isinstance(value, bytes | memoryview) else value


def _engine(url: str) -> Engine:
    location = make_url(url)
    if location.drivername.startswith("sqlite"):
        if location.database:
            Path(location.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(location, hide_parameters=True, **(_POOL if location.database else {}))
        _prepare_sqlite(engine)
        return engine
    return create_engine(
        location.set(drivername="postgresql+psycopg"),
        hide_parameters=True,
        pool_pre_ping=True,
        connect_args={"options": _POSTGRESQL, "connect_timeout": _WAIT},
        **_POOL,
    )


def _queue_up(session: Session, departments: tuple[int, ...]) -> None:
    """What SQLite does by itself: the writers of a department, and those of everything, one after the other."""
    shared = "_shared" if departments else ""
    session.execute(text(f"SELECT pg_advisory_xact_lock{shared}({_LOCKS}, 0)"))
    for department in sorted(departments):
        session.execute(text(f"SELECT pg_advisory_xact_lock({_LOCKS}, {int(department)})"))


def _prepare_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def connect(connection: Any, _: object) -> None:
        connection.isolation_level = None
        for pragma in (
            "busy_timeout=5000",
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "secure_delete=ON",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # IMMEDIATE: two writers queue up at the beginning instead of failing in the middle.
        write = connection.get_execution_options().get("write")
        if write:
            connection.exec_driver_sql(f"PRAGMA busy_timeout={int(write)}")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def demand_open(session: Session, department: int) -> None:
    """Demands that nothing holds the department's writes up.

    Raises:
        ReadOnlyError: its chain knows more than this store; says what.
    """
    hold = session.get(Hold, department)
    if hold is not None:
        raise ReadOnlyError(hold.missing)


def is_held(session: Session, department: int) -> bool:
    """Whether something holds the department's writes up."""
    return session.get(Hold, department) is not None


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
        GoneError: it was erased.
    """
    found = session.exec(select(Licence).where(Licence.id == public_id)).first()
    if found is None or found.department != department:
        raise NotFoundError("没有这份证照", "no such licence")
    demand_kept(found)
    return found


def demand_kept(licence: Licence) -> None:
    """Demands that a licence's data is still there.

    Raises:
        GoneError: it was erased.
    """
    if licence.erased_at is not None:
        raise GoneError


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


def newest_block_time(session: Session) -> int:
    """The time of the newest block that an anchor of ours was read back from; 0: there is none."""
    final = select(Batch.time).where(col(Batch.time).is_not(None)).order_by(col(Batch.id).desc())
    return session.exec(final.limit(1)).first() or 0


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
