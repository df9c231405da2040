"""The witness's own small file: what it saw of the chain, and its alarms. Numbers, roots and hashes; nothing secret.

An alarm is never taken out: acknowledging it adds who and why.
"""

import random
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from contracts.events import Anchored, AnchorVoided, Event, ListCreated, StatusChanged
from licence.facts import Head, StatusFacts
from licence.receipt import Anchor
from licence.status import Act, Status
from licence.witness import Alarm, AlarmKind
from verifier.continuity import Loss
from verifier.index import Index, StatusListIndex

_KEPT = 4_096
_TABLES = """
CREATE TABLE IF NOT EXISTS network(id INTEGER PRIMARY KEY CHECK (id = 0), name TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS head(id INTEGER PRIMARY KEY CHECK (id = 0), number INTEGER, hash BLOB, time INTEGER,
    revision INTEGER, voids INTEGER, digest BLOB);
CREATE TABLE IF NOT EXISTS look(id INTEGER PRIMARY KEY CHECK (id = 0), at INTEGER);
CREATE TABLE IF NOT EXISTS block(number INTEGER PRIMARY KEY, hash BLOB);
CREATE TABLE IF NOT EXISTS anchor(department INTEGER, seq INTEGER, root BLOB, size INTEGER, block INTEGER,
    time INTEGER, void INTEGER, PRIMARY KEY (department, seq));
CREATE TABLE IF NOT EXISTS list(list INTEGER PRIMARY KEY, size INTEGER, changes INTEGER);
CREATE TABLE IF NOT EXISTS entry(list INTEGER, place INTEGER, status INTEGER, act INTEGER, turns INTEGER,
    PRIMARY KEY (list, place));
CREATE TABLE IF NOT EXISTS alarm(number INTEGER PRIMARY KEY, kind TEXT, block INTEGER, at INTEGER, zh TEXT, en TEXT,
    acknowledged INTEGER, reason TEXT);
"""


class NotebookError(Exception):
    """A file or an acknowledgement that is not as it must be; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Noted:
    """An alarm as it stands in the file: its words, and, once a person has looked, when and what they wrote."""

    alarm: Alarm
    zh: str
    en: str
    acknowledged: int | None
    reason: str | None


class Notebook:
    """The file of one network. Another network's is refused: a witness does not forget."""

    def __init__(self, path: Path, network: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=10)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.executescript(_TABLES)
        self._db.execute("INSERT OR IGNORE INTO network VALUES(0, ?)", (network,))
        found = self._db.execute("SELECT name FROM network").fetchone()[0]
        if found != network:
            self._db.close()
            raise NotebookError(
                f"{path} is about another network: give the witness of this one a file of its own"
            )

    def known(self) -> Index:
        """What was seen, as far as the file keeps it: no keys, types or departments; their count."""
        index = Index()
        row = self._db.execute("SELECT number, hash, time, revision, voids, digest FROM head").fetchone()
        if row is None:
            return index
        index.head, index.revision, index.voids = Head(*row[:3]), row[3], row[4]
        index.marks.append((row[0], row[5]))
        for number, seq, root, size, block, time, void in self._db.execute(
            "SELECT * FROM anchor ORDER BY department, seq"
        ):
            anchor = Anchor(number, seq, root, size, block, time, bool(void))
            index.anchors.setdefault(number, []).append(anchor)
        for list_, size, changes in self._db.execute("SELECT * FROM list"):
            index.lists[list_] = StatusListIndex(size, changes)
        for list_, place, status, act, turns in self._db.execute("SELECT * FROM entry"):
            index.lists[list_].entries[place] = StatusFacts(Status(status), Act(act))
            index.lists[list_].turns[place] = turns
        return index

    def note(self, index: Index, events: Sequence[Event]) -> None:
        """Stores what a span brought: the head and every number that its events touched."""
        anchors = {(e.department, e.seq) for e in events if isinstance(e, Anchored | AnchorVoided)}
        lists = {e.list for e in events if isinstance(e, ListCreated | StatusChanged)}
        places = {(e.list, place) for e in events if isinstance(e, StatusChanged) for place in e.indices}
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            self._write(index, anchors, lists=lists, places=places)

    def replace(self, index: Index) -> None:
        """Stores a chain that was read anew in the place of what was known, block hashes too. Alarms stay."""
        anchors = [(number, each.seq) for number, known in index.anchors.items() for each in known]
        places = [(list_, place) for list_, known in index.lists.items() for place in known.entries]
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            for table in ("anchor", "list", "entry", "block"):
                self._db.execute(f"DELETE FROM {table}")  # noqa: S608  # names of our own
            self._write(index, anchors, lists=list(index.lists), places=places)

    def _write(
        self,
        index: Index,
        anchors: Iterable[tuple[int, int]],
        *,
        lists: Iterable[int],
        places: Iterable[tuple[int, int]],
    ) -> None:
        head = index.head
        if head is None:
            raise ValueError("an index that was read up to a block expected")
        values = (head.number, head.hash, head.time, index.revision, index.voids, index.digest)
        self._db.execute("INSERT OR REPLACE INTO head VALUES(0, ?, ?, ?, ?, ?, ?)", values)
        self._db.execute("INSERT OR REPLACE INTO block VALUES(?, ?)", (head.number, head.hash))
        self._db.execute("DELETE FROM block WHERE number < ? AND number % 1024 != 0", (head.number - _KEPT,))
        for number, seq in anchors:
            a = index.anchors[number][seq - 1]
            row: tuple[object, ...] = (number, seq, a.root, a.size, a.block, a.time, int(a.void))
            self._db.execute("INSERT OR REPLACE INTO anchor VALUES(?, ?, ?, ?, ?, ?, ?)", row)
        for list_ in lists:
            known = index.lists[list_]
            row = (list_, known.size, known.changes)
            self._db.execute("INSERT OR REPLACE INTO list VALUES(?, ?, ?)", row)
        for list_, place in places:
            facts = index.lists[list_].entries.get(place)
            if facts is not None and facts.act is not None:
                row = (list_, place, int(facts.status), int(facts.act), index.lists[list_].turns[place])
                self._db.execute("INSERT OR REPLACE INTO entry VALUES(?, ?, ?, ?, ?)", row)

    def sample(self, count: int) -> list[tuple[int, bytes]]:
        """A few older blocks that were seen, by chance: number and hash."""
        most = self._db.execute("SELECT max(number) FROM block").fetchone()[0] or 0
        found = []
        for _ in range(count):
            wanted = (random.randint(0, most),)  # noqa: S311  # chance spreads the work, it guards nothing
            row = self._db.execute(
                "SELECT number, hash FROM block WHERE number >= ? ORDER BY number LIMIT 1", wanted
            ).fetchone()
            found += [row] if row else []
        return found

    def looked(self, at: int) -> None:
        """Notes that the chain was looked at, and was as it must be."""
        self._db.execute("INSERT OR REPLACE INTO look VALUES(0, ?)", (at,))

    def last_look(self) -> int | None:
        """When that was; None: never."""
        row = self._db.execute("SELECT at FROM look").fetchone()
        return row[0] if row else None

    def raise_alarm(self, kind: AlarmKind, words: Loss, *, block: int, at: int) -> bool:
        """Notes an alarm, unless one of its kind is still open; says whether it is new."""
        opened = "SELECT 1 FROM alarm WHERE kind = ? AND acknowledged IS NULL"
        if self._db.execute(opened, (kind.value,)).fetchone():
            return False
        row = (kind.value, block, at, words.zh, words.en)
        self._db.execute("INSERT INTO alarm(kind, block, at, zh, en) VALUES(?, ?, ?, ?, ?)", row)
        return True

    def acknowledge(self, number: int, reason: str, at: int) -> None:
        """Writes beside an alarm that a person has looked at it, and why it may be closed. It stays in the file.

        Raises:
            NotebookError: no reason, or no open alarm of this number.
        """
        if len(reason.strip()) < 5:
            raise NotebookError("a reason that others understand later is needed (--reason)")
        change = "UPDATE alarm SET acknowledged = ?, reason = ? WHERE number = ? AND acknowledged IS NULL"
        if self._db.execute(change, (at, reason.strip(), number)).rowcount != 1:
            raise NotebookError(f"no open alarm {number}: --check lists them")

    def alarms(self) -> list[Noted]:
        """Every alarm that there ever was, in order."""
        rows = self._db.execute("SELECT * FROM alarm ORDER BY number")
        return [
            Noted(Alarm(number, AlarmKind(kind), block, at), zh, en, acknowledged, reason)
            for number, kind, block, at, zh, en, acknowledged, reason in rows
        ]

    def open_alarms(self) -> tuple[Alarm, ...]:
        """Those that nobody has acknowledged."""
        return tuple(each.alarm for each in self.alarms() if each.acknowledged is None)

    def close(self) -> None:
        """Closes the file."""
        self._db.close()
