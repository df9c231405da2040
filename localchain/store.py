"""One SQLite file: the chain's trie nodes and headers, and our own indexes, written together in one fsynced commit."""

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from eth.db.backends.base import BaseDB

from localchain.genesis import ChainFolderError

_SCHEMA = """
CREATE TABLE IF NOT EXISTS kv(k BLOB PRIMARY KEY, v BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tx(hash BLOB PRIMARY KEY, block INTEGER NOT NULL, place INTEGER NOT NULL,
  sender BLOB NOT NULL, receipt TEXT NOT NULL, raw BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS log(block INTEGER NOT NULL, place INTEGER NOT NULL, address BLOB NOT NULL,
  topic0 BLOB, json TEXT NOT NULL, PRIMARY KEY(block, place)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS meta(name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
VERSION = "1"


class Store(BaseDB):
    """A key-value store for py-evm and two indexes for us, in one transaction that `commit` ends.

    One process and one writer a file (EXCLUSIVE); any thread, one at a time.
    """

    def __init__(self, path: Path) -> None:
        self.lock = threading.RLock()
        try:
            self.sql = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=1)
            self.sql.execute("PRAGMA locking_mode=EXCLUSIVE")
            self.sql.execute("PRAGMA journal_mode=WAL")
            self.sql.execute("PRAGMA synchronous=FULL")
            self.sql.executescript(_SCHEMA)
            self.sql.execute("INSERT OR IGNORE INTO meta VALUES('version', ?)", (VERSION,))
            self.sql.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            raise ChainFolderError(
                f"{path} is in use by another process, or cannot be written: {error}"
            ) from error
        except sqlite3.DatabaseError as error:
            raise ChainFolderError(
                f"{path} is no chain database: restore it from a backup ({error})"
            ) from error
        if self.meta("version") != VERSION:
            raise ChainFolderError(f"{path} was written by another version: {VERSION} expected")

    def meta(self, name: str) -> str | None:
        """A remembered word."""
        row = self.one("SELECT value FROM meta WHERE name = ?", name)
        return str(row[0]) if row else None

    def remember(self, name: str, value: str) -> None:
        """Remembers a word with the next commit."""
        self.run(
            "INSERT INTO meta VALUES(?, ?) ON CONFLICT(name) DO UPDATE SET value = excluded.value",
            name,
            value,
        )

    def run(self, sql: str, *values: object) -> None:
        """One statement inside the open transaction."""
        with self.lock:
            self.sql.execute(sql, values)

    def one(self, sql: str, *values: object) -> tuple[Any, ...] | None:
        """The first row, or None."""
        with self.lock:
            row: tuple[Any, ...] | None = self.sql.execute(sql, values).fetchone()
            return row

    def all(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """All rows."""
        with self.lock:
            return self.sql.execute(sql, values).fetchall()

    def commit(self) -> None:
        """Makes all that was written durable, at once."""
        with self.lock:
            self.sql.execute("COMMIT")
            self.sql.execute("BEGIN IMMEDIATE")

    def rollback(self) -> None:
        """Forgets what was written since the last commit."""
        with self.lock:
            self.sql.execute("ROLLBACK")
            self.sql.execute("BEGIN IMMEDIATE")

    def close(self) -> None:
        """Leaves what was committed, and nothing else."""
        with self.lock:
            self.sql.execute("ROLLBACK")
            self.sql.close()

    def __getitem__(self, key: bytes) -> bytes:
        row = self.one("SELECT v FROM kv WHERE k = ?", bytes(key))
        if row is None:
            raise KeyError(key)
        return bytes(row[0])

    def __setitem__(self, key: bytes, value: bytes) -> None:
        self.run(
            "INSERT INTO kv VALUES(?, ?) ON CONFLICT(k) DO UPDATE SET v = excluded.v",
            bytes(key),
            bytes(value),
        )

    def __delitem__(self, key: bytes) -> None:
        self.run("DELETE FROM kv WHERE k = ?", bytes(key))

    def _exists(self, key: bytes) -> bool:
        return self.one("SELECT 1 FROM kv WHERE k = ?", bytes(key)) is not None

    def __contains__(self, key: object) -> bool:
        return isinstance(key, bytes) and self._exists(key)

    def exists(self, key: bytes) -> bool:
        """Whether py-evm stored something under `key`."""
        return self._exists(key)

    def __iter__(self) -> Iterator[bytes]:
        return iter(bytes(row[0]) for row in self.all("SELECT k FROM kv"))

    def __len__(self) -> int:
        row = self.one("SELECT count(*) FROM kv")
        return int(row[0]) if row else 0
