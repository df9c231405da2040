"""The store on SQLite and on PostgreSQL: shape, seals, who waits for whom."""

import hmac
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlmodel import SQLModel, select

from registry import migrating
from registry.errors import UnreachableError
from registry.migrating import NewerDatabaseError
from registry.store import Store
from registry.tables import Audit, BatchState, Department, Document, Licence, StatusAct, Subject, TypeVersion
from tests.stores.postgresql import Server

DUMP = Path(__file__).parent.parent / "vectors" / "registry-0.1.0.sql"
Make = Callable[[], str]


def seal(row: bytes) -> bytes:
    return hmac.digest(b"a key of the tests", row, "sha256")


def department(number: int) -> Department:
    return Department(
        id=number,
        code=f"code {number}",
        name_zh="演示部门",
        name_en="a department",
        token_hash=f"hash {number}",
        anchor_account="0x1",
        status_account="0x2",
        admitted_at=1,
    )


def differences(store: Store, *, types: bool = True) -> list[object]:
    with store.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": types})
        return list(compare_metadata(context, SQLModel.metadata))


def test_from_nothing_the_steps_lead_to_the_tables(database: Make) -> None:
    store = Store(database(), seal)
    assert differences(store) == []
    store.close()


def test_opening_again_changes_nothing(database: Make) -> None:
    url = database()
    Store(url, seal).close()
    store = Store(url, seal)
    assert differences(store) == []
    store.close()


def released(tmp_path: Path) -> str:
    path = tmp_path / "released.db"
    with sqlite3.connect(path) as made:
        made.executescript(DUMP.read_text("utf-8"))
        made.execute("INSERT INTO document VALUES ('a', 1, 'digest', 'a', x'00', 'image/png', 1, NULL)")
    made.close()
    return f"sqlite:///{path}"


def test_a_database_of_the_release_before_is_brought_along_and_loses_nothing(tmp_path: Path) -> None:
    url = released(tmp_path)
    with sqlite3.connect(url.removeprefix("sqlite:///")) as before:
        counts = {
            name: before.execute(f"SELECT count(*) FROM {name}").fetchone()[0]
            for name in ("licence", "audit")
        }
    before.close()
    store = Store(url, seal)
    assert differences(store, types=False) == []  # to SQLite INTEGER and BIGINT are one
    with store.read() as session:
        licences, trail = (
            session.exec(select(Licence)).all(),
            session.exec(select(Audit).order_by("id")).all(),
        )
        assert {"licence": len(licences), "audit": len(trail)} == counts
        for table in (Licence, Subject, TypeVersion, StatusAct, Department, Document, Audit):
            rows = session.exec(select(table)).all()
            assert rows
            assert all(row.seal == store.seal_of(row) for row in rows), table
        kept_at = session.exec(select(Document.kept_at)).one()
    assert 0 <= time.time() - kept_at < 60  # its retention begins today
    assert [row.seq for row in trail] == list(range(1, len(trail) + 1))
    assert [row.before for row in trail] == [b"", *[row.seal for row in trail[:-1]]]
    store.close()


def test_a_database_of_a_newer_release_is_refused_with_a_sentence(database: Make) -> None:
    url = database()
    store = Store(url, seal)
    with store.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    store.close()
    with pytest.raises(NewerDatabaseError, match="9999"):
        Store(url, seal)


def test_two_processes_that_start_at_once_both_come_up(database: Make) -> None:
    url, made, failed = database(), [], []

    def start() -> None:
        try:
            made.append(Store(url, seal))
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert differences(made[0]) == []
    for store in made:
        store.close()
    assert migrating.FIRST == "0001"


def test_every_row_carries_the_seal_of_its_columns(database: Make) -> None:
    store = Store(database(), seal)
    with store.write() as session:
        session.add(department(1))
    with store.write() as session:
        row = session.get_one(Department, 1)
        row.name_en = "another name"
    with store.read() as session:
        row = session.get_one(Department, 1)
    assert row.seal == store.seal_of(row) != b""
    row.name_en = "a department"
    assert row.seal != store.seal_of(row)
    store.close()


def test_what_fails_in_the_middle_leaves_nothing(database: Make) -> None:
    store, replaced = Store(database(), seal), department(3)
    replaced.code = "code 1"
    with pytest.raises(IntegrityError), store.write() as session:
        session.add_all([department(1), department(2), replaced])
    with store.read() as session:
        assert session.get(Department, 1) is None
    store.close()


def test_writers_of_one_department_wait_for_each_other(database: Make) -> None:
    store, order, inside = Store(database(), seal), [], threading.Event()

    def first() -> None:
        with store.write(1) as session:
            session.add(department(1))
            session.flush()
            inside.set()
            time.sleep(0.3)
            order.append("first")

    thread = threading.Thread(target=first)
    thread.start()
    inside.wait(5)
    with store.write(1) as session:
        order.append("second")
        assert session.get(Department, 1) is not None
    thread.join()
    assert order == ["first", "second"]
    store.close()


def test_a_writer_of_everything_waits_for_the_writers_of_a_department(database: Make) -> None:
    store, inside, done = Store(database(), seal), threading.Event(), threading.Event()

    def first() -> None:
        with store.write(7):
            inside.set()
            time.sleep(0.3)
            done.set()

    thread = threading.Thread(target=first)
    thread.start()
    inside.wait(5)
    with store.write():
        assert done.is_set()
    thread.join()
    store.close()


def test_on_postgresql_departments_do_not_wait_for_each_other(postgresql: Server) -> None:
    store, inside, go = Store(postgresql.database(), seal), threading.Event(), threading.Event()

    def first() -> None:
        with store.write(1):
            inside.set()
            go.wait(5)

    thread = threading.Thread(target=first)
    thread.start()
    inside.wait(5)
    with store.write(2) as session:
        session.add(department(2))
    go.set()
    thread.join()
    store.close()


def test_a_reader_sees_one_moment(database: Make) -> None:
    store = Store(database(), seal)
    with store.read() as session:
        assert session.exec(select(Department)).all() == []
        with store.write() as writing:
            writing.add(department(1))
        assert session.exec(select(Department)).all() == []
    store.close()


def test_a_lock_that_is_not_given_up_is_said_so_in_time(database: Make) -> None:
    url = database()
    store, other = Store(url, seal), Store(url, seal)
    started = time.monotonic()
    with store.write(), pytest.raises(UnreachableError, match="does not answer"), other.write():
        pass
    assert time.monotonic() - started < 8
    store.close()
    other.close()


def test_states_are_kept_as_words(database: Make) -> None:
    store = Store(database(), seal)
    with store.engine.connect() as connection:
        kinds = connection.execute(text("SELECT count(*) FROM batch WHERE state = 'SEALED'")).scalar()
    assert (kinds, BatchState.SEALED.name) == (0, "SEALED")
    store.close()
