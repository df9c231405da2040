"""Takes what was deleted out of the database's files too: its pages, its write-ahead log, its free space.

SQLite zeroes what is deleted as it goes (secure_delete), so that only its log is to be emptied. On PostgreSQL dead rows
become free space at once, but their bytes go when the tables are rewritten (`compact`), and those in its log when the
server recycles it: docs/operations.md says so.
"""

import sqlite3
import time
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from registry.errors import UnreachableError
from registry.store import Store

_TABLES = "subject, licence, sealedrecord, document, idempotency"
_PATIENCE = 10.0
_PAUSE = 0.1


def scrub(store: Store, *, compact: bool = False) -> None:
    """Does it. With `compact` the tables are rewritten, which nobody can use meanwhile.

    Raises:
        UnreachableError: somebody reads or writes and does not let us: nothing is wrong, do it again.
    """
    try:
        if store.dialect == "sqlite":
            _empty_log(store.engine, compact=compact)
        else:
            _vacuum(store.engine, "VACUUM (FULL)" if compact else "VACUUM")
    except (OperationalError, sqlite3.OperationalError) as error:
        raise _busy() from error


def _empty_log(engine: Engine, *, compact: bool) -> None:
    connection = engine.raw_connection()
    try:
        driver: Any = connection.driver_connection
        if compact:
            _until_free(driver, "VACUUM")
        _until_free(driver, "PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        connection.close()


def _until_free(driver: Any, statement: str) -> None:
    """A checkpoint that others hold up says so in its answer; everything else by an error."""
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            row = driver.execute(statement).fetchone()
            if row is None or row[0] == 0:
                return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):
                raise
        if time.monotonic() > end:
            raise _busy()
        time.sleep(_PAUSE)


def _vacuum(engine: Engine, statement: str) -> None:
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.exec_driver_sql("SET statement_timeout = 0")
        try:
            connection.exec_driver_sql(f"{statement} {_TABLES}")
        finally:
            connection.exec_driver_sql("RESET statement_timeout")


def _busy() -> UnreachableError:
    return UnreachableError(
        "数据库正忙或磁盘已满，清理未完成，请再运行一次",
        "the database is busy, or its disk full: traces of what was erased may still be in its files; "
        "run `elicence erase --resume`",
    )
