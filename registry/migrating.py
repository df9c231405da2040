"""Brings a database to the shape of tables.py: from nothing, or from any earlier release. Repeating it does nothing.

Steps are in migrations/versions, one file each, never changed once released.
"""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, inspect, text

from registry.errors import RegistryError

SealValues: TypeAlias = Callable[[str, dict[str, Any]], bytes]
FIRST = "0001"
RESTORING = "restoring"  # the table that stands in a database while a backup is being restored into it
_PATIENCE = 5_000  # milliseconds: another process may be migrating this moment
_ONE = threading.Lock()  # alembic keeps its context in a global
_FOLDER = Path(__file__).parent / "migrations"


class NewerDatabaseError(RegistryError):
    """The database was written by a newer release than this."""

    code = "newer_database"

    def __init__(self, revision: str) -> None:
        super().__init__(
            "数据库由更新的版本创建，请升级本软件",
            f"the database is of revision {revision}, which this release does not know: install the newer release",
        )


class UnfinishedRestoreError(RegistryError):
    """A restore into this database was begun and not finished: it must not be used as if it were whole."""

    code = "unfinished_restore"

    def __init__(self) -> None:
        super().__init__(
            "数据库恢复未完成，请重新执行恢复",
            "a restore into this database was begun and not finished: run `elicence restore` again, it begins anew",
        )


class OtherReleaseError(RegistryError):
    """The database is of another release, and is not to be changed."""

    code = "other_release"

    def __init__(self, expected: str | None, found: str | None) -> None:
        super().__init__(
            "数据库不是本版本的格式，请先启动本系统完成升级",
            f"a database of revision {expected} expected, {found} found: start the registry of this release first",
        )


def migrate(engine: Engine, seal: SealValues) -> None:
    """Takes every step that the database has not had yet, all in one transaction.

    Raises:
        NewerDatabaseError: it is ahead of us.
        UnfinishedRestoreError: a restore into it was not finished.
    """
    config, newest = _newest()
    with engine.connect() as connection:
        if inspect(connection).has_table(RESTORING):
            raise UnfinishedRestoreError
        if MigrationContext.configure(connection).get_current_revision() == newest:
            return
    with _ONE, engine.execution_options(write=_PATIENCE).begin() as connection:
        _lock(connection)
        config.attributes["connection"], config.attributes["seal"] = connection, seal
        _upgrade(config, connection)


def upgrade(connection: Connection, seal: SealValues, to: str = "head") -> None:
    """Takes the steps up to a revision, in the caller's transaction.

    Raises:
        NewerDatabaseError: the database, or the revision asked for, is ahead of us.
    """
    config, _ = _newest()
    with _ONE:
        config.attributes["connection"], config.attributes["seal"] = connection, seal
        _upgrade(config, connection, to)


def demand_newest(engine: Engine) -> None:
    """Demands a database of this release, and changes nothing.

    Raises:
        OtherReleaseError: it is older or newer.
    """
    with engine.connect() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
    _, newest = _newest()
    if found != newest:
        raise OtherReleaseError(newest, found)


def _newest() -> tuple[Config, str | None]:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    return config, ScriptDirectory.from_config(config).get_current_head()


def _upgrade(config: Config, connection: Connection, to: str = "head") -> None:
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    revision = MigrationContext.configure(connection).get_current_revision()
    for asked in (revision, to):
        if asked not in {*known, None, "head"}:
            raise NewerDatabaseError(str(asked))
    if revision is None and inspect(connection).has_table("licence"):
        command.stamp(config, FIRST)  # release 0.1.0 made its tables without numbering them
    command.upgrade(config, to)


def _lock(connection: Connection) -> None:
    """Two processes that start at once take their steps one after the other; SQLite sees to that by itself."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(4541522)"))
