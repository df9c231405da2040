"""What the chain says, in dictionaries: rebuilt from its events alone, in their order, each counted.

A number that is missing or comes twice means that a node hides something: GapError, and no more verdicts from it.
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from contracts import counters, events
from contracts.counters import Counter
from contracts.events import Event
from licence.facts import DepartmentFacts, Head, KeyFacts, StatusFacts, TypeFacts, Window
from licence.keys import Kid, PublicKey, Suite, Usage
from licence.receipt import Anchor
from licence.status import Act, Status, StatusRef
from licence.witness import NOTHING, DepartmentHead, after

MARKS = 4_096


class GapError(Exception):
    """The node's events do not follow each other, or not the contracts' own counters."""


@dataclass(slots=True)
class StatusListIndex:
    """One list: its size, the number of changes, the entries that are not VALID-since-ever, how often each turned."""

    size: int
    changes: int = 0
    entries: dict[int, StatusFacts] = field(default_factory=dict)
    turns: dict[int, int] = field(default_factory=dict)


@dataclass(slots=True)
class Index:
    """Everything that checks 4, 6 and 8 ask of the chain, as of `head`."""

    head: Head | None = None
    revision: int = 0
    voids: int = 0
    departments: dict[int, DepartmentFacts] = field(default_factory=dict)
    keys: dict[Kid, KeyFacts] = field(default_factory=dict)
    proofs: dict[Kid, bytes] = field(default_factory=dict)
    types: dict[tuple[int, str, int], TypeFacts] = field(default_factory=dict)
    anchors: dict[int, list[Anchor]] = field(default_factory=dict)
    lists: dict[int, StatusListIndex] = field(default_factory=dict)
    marks: deque[tuple[int, bytes]] = field(default_factory=lambda: deque([(0, NOTHING)], MARKS))

    def take(self, log: Mapping[str, Any]) -> Event | None:
        """Takes in the next log of the three contracts, and gives the event in it.

        Raises:
            GapError, ValueError: it does not follow the one before, or does not fit its event.
        """
        event = events.decode(log)
        if event is not None:
            self.apply(event)
        self.marks.append((int(log["blockNumber"], 16), after(self.digest, log)))
        return event

    @property
    def digest(self) -> bytes:
        """The digest of every log up to the head, in order (docs/format.md §10)."""
        return self.marks[-1][1]

    def digest_at(self, block: int) -> bytes | None:
        """The digest of every log up to a block; None: too long ago to be known still."""
        place = bisect_right(self.marks, block, key=lambda mark: mark[0])
        return self.marks[place - 1][1] if place else None

    def heads(self) -> tuple[DepartmentHead, ...]:
        """Each department's last numbers, in order."""
        changes: dict[int, int] = {}
        for list_, known in self.lists.items():
            changes[list_ >> 32] = changes.get(list_ >> 32, 0) + known.changes
        found = []
        for department in sorted({*self.departments, *self.anchors, *changes}):
            anchors = self.anchors.get(department, ())
            root = anchors[-1].root if anchors else bytes(32)
            found.append(DepartmentHead(department, len(anchors), root, changes.get(department, 0)))
        return tuple(found)

    def copy(self) -> "Index":
        """A copy that shares what no event changes in place."""
        fresh = Index(self.head, self.revision, self.voids)
        fresh.departments = dict(self.departments)
        fresh.keys, fresh.proofs, fresh.types = dict(self.keys), dict(self.proofs), dict(self.types)
        fresh.anchors = {department: list(known) for department, known in self.anchors.items()}
        fresh.lists = {
            list_: StatusListIndex(known.size, known.changes, dict(known.entries), dict(known.turns))
            for list_, known in self.lists.items()
        }
        fresh.marks = deque(self.marks, MARKS)
        return fresh

    def apply(self, event: Event) -> None:
        """Takes in the next event.

        Raises:
            GapError: it does not follow the one before.
        """
        if isinstance(event, events.Anchored):
            self._anchored(event)
        elif isinstance(event, events.AnchorVoided):
            self._voided(event)
        elif isinstance(event, events.ListCreated):
            self._list(event)
        elif isinstance(event, events.StatusChanged):
            self._changed(event)
        else:
            _follows("registry revision", self.revision, event.revision)
            self.revision = event.revision
            apply = _REGISTRY.get(type(event))
            if apply is not None:
                apply(self, event)

    def anchor(self, department: int, seq: int) -> Anchor | None:
        """A department's anchor by its number; None: the chain has none."""
        known = self.anchors.get(department, ())
        return known[seq - 1] if 1 <= seq <= len(known) else None

    def status(self, ref: StatusRef) -> StatusFacts | None:
        """The status of an entry; None: there is no such list or position."""
        known = self.lists.get(ref.list)
        if known is None or ref.index >= known.size:
            return None
        return known.entries.get(ref.index, _UNTOUCHED)

    def counters(self) -> Iterator[tuple[str, str, tuple[int, ...], tuple[int, ...]]]:
        """(contract, view, arguments, the leading values expected): what the contracts themselves must say."""
        yield "IssuerRegistry", "revision", (), (self.revision,)
        yield "AnchorLog", "voids", (), (self.voids,)
        for department in self.departments:
            yield "AnchorLog", "head", (department,), (len(self.anchors.get(department, ())),)
            count = sum(1 for list_ in self.lists if list_ >> 32 == department)
            yield "StatusList", "lists", (department,), (count,)
        for list_, known in self.lists.items():
            yield "StatusList", "listOf", (list_,), (known.size, known.changes)

    def proven_counters(self) -> Iterator[Counter]:
        """The same in the contracts' storage, which the state root proves."""
        yield counters.revision(self.revision)
        yield counters.voids(self.voids)
        for department in self.departments:
            known = self.anchors.get(department, ())
            yield from counters.head(department, known[-1].root if known else bytes(32), len(known))
            yield counters.lists(department, sum(1 for list_ in self.lists if list_ >> 32 == department))
        for list_, entries in self.lists.items():
            yield from counters.list_of(list_, entries.size, entries.changes)

    def words(self) -> Iterator[Counter]:
        """Every word of every list that holds an entry that ever changed."""
        for list_, known in self.lists.items():
            found: dict[int, int] = {}
            for index, facts in known.entries.items():
                place, within = divmod(index, counters.WORD_ENTRIES)
                found[place] = found.get(place, 0) | int(facts.status) << 2 * within
            for place, word in sorted(found.items()):
                yield counters.word(list_, place, word)

    def _anchored(self, event: events.Anchored) -> None:
        known = self.anchors.setdefault(event.department, [])
        _follows(f"anchor of department {event.department}", len(known), event.seq)
        if event.prev_root != (known[-1].root if known else bytes(32)):
            raise GapError(
                f"anchor {event.seq} of department {event.department} does not name the root before"
            )
        known.append(
            Anchor(event.department, event.seq, event.root, event.size, event.place.block, event.time)
        )

    def _voided(self, event: events.AnchorVoided) -> None:
        _follows("number of voidings", self.voids, event.number)
        self.voids = event.number
        if self.anchor(event.department, event.seq) is None:
            raise GapError("an anchor that is not there was voided")
        known = self.anchors[event.department]
        known[event.seq - 1] = replace(known[event.seq - 1], void=True)

    def _list(self, event: events.ListCreated) -> None:
        if event.list in self.lists:
            raise GapError("a status list was opened twice")
        self.lists[event.list] = StatusListIndex(event.size)

    def _changed(self, event: events.StatusChanged) -> None:
        known = self.lists.get(event.list)
        if known is None:
            raise GapError("a status list that is not there was changed")
        _follows(f"change of status list {event.list}", known.changes, event.change)
        known.changes = event.change
        facts = StatusFacts(Status(event.status), Act(event.reason))
        for index in event.indices:
            if known.entries.get(index, _UNTOUCHED).status is not facts.status:
                known.entries[index] = facts
                known.turns[index] = known.turns.get(index, 0) + 1

    def _admitted(self, event: events.DepartmentAdmitted) -> None:
        window = Window(event.begins, 2**40 - 1)
        self.departments[event.department] = DepartmentFacts(event.department, "", "", "", "", window)

    def _described(self, event: events.DepartmentDescribed) -> None:
        known = self.departments[event.department]
        named = replace(known, code=event.code, name_zh=event.name_zh, name_en=event.name_en, uri=event.uri)
        self.departments[event.department] = named

    def _department_ended(self, event: events.DepartmentEnded) -> None:
        known = self.departments[event.department]
        self.departments[event.department] = replace(known, window=_until(known.window, event.ends))

    def _key_added(self, event: events.KeyAdded) -> None:
        key = PublicKey(Suite(event.suite), event.x, event.y)
        window = Window(event.begins, event.ends)
        self.keys[Kid(event.kid)] = KeyFacts(key, Usage(event.usage), event.department, window)
        self.proofs[Kid(event.kid)] = event.proof

    def _key_ended(self, event: events.KeyEnded) -> None:
        known = self.keys[Kid(event.kid)]
        self.keys[Kid(event.kid)] = replace(known, window=_until(known.window, event.ends))

    def _key_compromised(self, event: events.KeyCompromised) -> None:
        self.keys[Kid(event.kid)] = replace(self.keys[Kid(event.kid)], compromised_at=event.at)

    def _type_permitted(self, event: events.TypePermitted) -> None:
        place = (event.department, event.type, event.version)
        self.types[place] = TypeFacts(event.definition, Window(event.begins, event.ends))

    def _type_ended(self, event: events.TypeEnded) -> None:
        place = (event.department, event.type, event.version)
        known = self.types[place]
        self.types[place] = replace(known, window=_until(known.window, event.ends))


_UNTOUCHED = StatusFacts(Status.VALID, None)

_REGISTRY: Mapping[type, Callable[[Index, Any], None]] = {
    events.DepartmentAdmitted: Index._admitted,
    events.DepartmentDescribed: Index._described,
    events.DepartmentEnded: Index._department_ended,
    events.KeyAdded: Index._key_added,
    events.KeyEnded: Index._key_ended,
    events.KeyCompromised: Index._key_compromised,
    events.TypePermitted: Index._type_permitted,
    events.TypeEnded: Index._type_ended,
}


def _until(window: Window, ends: int) -> Window:
    return Window(window.begins, ends)


def _follows(what: str, before: int, now: int) -> None:
    if now != before + 1:
        raise GapError(f"{what}: {before + 1} expected, {now} found")
