"""What was read once and must not be read differently later: logs, the head, public files, in one SQLite file.

Nothing in it is secret, and nothing in it is believed without the checks that it went through when it came.
"""

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from licence.facts import Head

_TABLES = """
CREATE TABLE IF NOT EXISTS network(id INTEGER PRIMARY KEY CHECK (id = 0), name TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS head(id INTEGER PRIMARY KEY CHECK (id = 0), number INTEGER, hash BLOB, time INTEGER);
CREATE TABLE IF NOT EXISTS log(block INTEGER, place INTEGER, entry TEXT, PRIMARY KEY (block, place));
CREATE TABLE IF NOT EXISTS aside(block INTEGER, place INTEGER, entry TEXT, PRIMARY KEY (block, place));
CREATE TABLE IF NOT EXISTS doubt(id INTEGER PRIMARY KEY CHECK (id = 0), words TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS leaves(department INTEGER, root BLOB, data BLOB, PRIMARY KEY (department, root));
CREATE TABLE IF NOT EXISTS definition(digest BLOB PRIMARY KEY, data BLOB);
"""


class Memory:
    """The verifier's own file. A file of another network is begun anew."""

    def __init__(self, path: Path, network: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.executescript(_TABLES)
        known = self._db.execute("SELECT name FROM network").fetchone()
        if known is None or known[0] != network:
            for table in ("network", "head", "log", "aside", "doubt", "leaves", "definition"):
                self._db.execute(f"DELETE FROM {table}")  # noqa: S608  # names of our own
            self._db.execute("INSERT INTO network VALUES(0, ?)", (network,))

    def head(self) -> Head | None:
        """The block up to which everything was read."""
        row = self._db.execute("SELECT number, hash, time FROM head").fetchone()
        return Head(row[0], row[1], row[2]) if row else None

    def logs(self) -> Iterator[Mapping[str, Any]]:
        """Every log, in the order of the chain."""
        for row in self._db.execute("SELECT entry FROM log ORDER BY block, place"):
            yield json.loads(row[0])

    def remember(self, logs: Sequence[Mapping[str, Any]], head: Head) -> None:
        """Stores what was read up to `head`, in one transaction."""
        with self._db:
            self._db.execute("BEGIN")
            self._db.executemany("INSERT INTO log VALUES(?, ?, ?)", _rows(logs))
            self._db.execute("INSERT OR REPLACE INTO head VALUES(0, ?, ?, ?)", _values(head))

    def begin_anew(self) -> None:
        """Forgets what was set aside by an earlier reading."""
        self._db.execute("DELETE FROM aside")

    def set_aside(self, logs: Sequence[Mapping[str, Any]]) -> None:
        """Stores logs of a chain that is read anew, without believing them."""
        with self._db:
            self._db.execute("BEGIN")
            self._db.executemany("INSERT INTO aside VALUES(?, ?, ?)", _rows(logs))

    def adopt(self, head: Head) -> None:
        """Puts what was set aside in the place of what was read before, in one transaction."""
        with self._db:
            self._db.execute("BEGIN")
            self._db.execute("DELETE FROM log")
            self._db.execute("INSERT INTO log SELECT block, place, entry FROM aside")
            self._db.execute("DELETE FROM aside")
            self._db.execute("INSERT OR REPLACE INTO head VALUES(0, ?, ?, ?)", _values(head))

    def doubt(self) -> str | None:
        """Why the chain was not believed when last looked at; None: it was."""
        row = self._db.execute("SELECT words FROM doubt").fetchone()
        return row[0] if row else None

    def keep_doubt(self, words: str | None) -> None:
        """Stores a doubt, so that no restart forgets it; None: it is over."""
        if words is None:
            self._db.execute("DELETE FROM doubt")
        else:
            self._db.execute("INSERT OR REPLACE INTO doubt VALUES(0, ?)", (words,))

    def leaves(self, department: int, root: bytes) -> bytes | None:
        """A leaf file that was fetched."""
        wanted = "SELECT data FROM leaves WHERE department = ? AND root = ?"
        row = self._db.execute(wanted, (department, root)).fetchone()
        return row[0] if row else None

    def keep_leaves(self, department: int, root: bytes, data: bytes) -> None:
        """Stores a leaf file that was checked."""
        self._db.execute("INSERT OR REPLACE INTO leaves VALUES(?, ?, ?)", (department, root, data))

    def definition(self, digest: bytes) -> bytes | None:
        """A type definition that was fetched."""
        row = self._db.execute("SELECT data FROM definition WHERE digest = ?", (digest,)).fetchone()
        return row[0] if row else None

    def keep_definition(self, digest: bytes, data: bytes) -> None:
        """Stores a type definition that was checked."""
        self._db.execute("INSERT OR REPLACE INTO definition VALUES(?, ?)", (digest, data))

    def close(self) -> None:
        """Closes the file."""
        self._db.close()


def _rows(logs: Sequence[Mapping[str, Any]]) -> list[tuple[int, int, str]]:
    return [(int(log["blockNumber"], 16), int(log["logIndex"], 16), json.dumps(log)) for log in logs]


def _values(head: Head) -> tuple[int, bytes, int]:
    return head.number, head.hash, head.time
