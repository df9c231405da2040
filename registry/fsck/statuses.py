"""Every status against the chain, word by word: events against acts, events against words, words against licences."""

from collections.abc import Iterator

from sqlmodel import col

from licence.status import Act
from registry.chain import Chain
from registry.fsck.against import LAG, holds
from registry.fsck.finding import Finding, contradicts, missing
from registry.fsck.reading import Row
from registry.fsck.scene import Scene
from registry.fsck.told import Change, Told
from registry.tables import LOST, ActState, Licence, StatusAct, StatusActLicence, StatusList

_WORD = 128
_TABLE = "table statusact"


def statuses(scene: Scene, told: Told, chain: Chain) -> Iterator[Finding]:
    """Every act and every status of our lists."""
    for row in list(scene.snapshot.rows(StatusList, order=["id"])):
        if row["id"] in told.lists:
            yield from _List(scene, told, chain, row).findings()


class _List:
    """One list: its row, and what the chain tells of it. `_seen` are the changes whose act is effective here."""

    def __init__(self, scene: Scene, told: Told, chain: Chain, row: Row) -> None:
        self._scene, self._told, self._chain, self._row = scene, told, chain, row
        self._changes = told.changes.get(row["id"], {})
        self._seen: set[int] = set()

    def findings(self) -> Iterator[Finding]:
        count = self._chain.call("StatusList", "listOf", self._row["id"], block=self._told.head)[1]
        if sorted(self._changes) != list(range(1, count + 1)):
            expected = f"{len(self._changes)} changes, by its events"
            yield contradicts("chain", f"status list {self._row['id']}", expected, str(count))
        yield from self._acts()
        for number in sorted(set(self._changes) - self._seen):
            if self._told.known_before(self._changes[number].place):
                yield from self._unknown(self._changes[number])
        entries = self._entries()
        yield from self._words(entries)
        yield from self._licences(entries)

    def _acts(self) -> Iterator[Finding]:
        """Each effective act is the change on the chain that it says it is."""
        names = ["id", "act", "state", "change", "block", "block_hash", "transaction_hash", "note"]
        where = (col(StatusAct.list) == self._row["id"]) & col(StatusAct.change).is_not(None)
        for row in self._scene.snapshot.rows(StatusAct, names, order=["id"], where=where):
            self._seen.add(row["change"])
            known = self._changes.get(row["change"])
            if row["state"] != ActState.EFFECTIVE.name:
                continue  # the chain went back: it is on its way again
            if known is None:
                expected = f"change {row['change']} of list {self._row['id']} on the chain"
                yield contradicts(_TABLE, f"id {row['id']}", expected, "none, and it is effective here")
            else:
                yield from self._act(row, known)

    def _act(self, row: Row, known: Change) -> Iterator[Finding]:
        place = (known.place.block, "0x" + known.place.block_hash.hex(), "0x" + known.place.transaction.hex())
        said = tuple(row[name] for name in ("block", "block_hash", "transaction_hash"))
        if (row["act"], *said) != (known.act, *place):
            expected = f"{self._name(known)}, in its block and transaction"
            yield contradicts(_TABLE, f"id {row['id']}", expected, "another act, block or transaction")
        yield from self._members(row["id"], known, lost=(row["note"] or "").startswith(LOST))

    def _members(self, act: int, known: Change, *, lost: bool) -> Iterator[Finding]:
        """The licences of an act are those whose positions the chain changed; less those that an operator accepted as
        lost."""
        ours = dict(self._indices(act))
        for index in sorted(set(known.indices) - set(ours)):
            if lost and isinstance(self._licence_at(index), str):
                continue
            item = f"act {act}, licence {self._licence_at(index)}"
            yield missing("table statusactlicence", item, f"a row: {self._name(known)} names index {index}")
        for index in sorted(set(ours) - set(known.indices)):
            item = f"act {act}, licence {ours[index]}"
            yield contradicts(
                "table statusactlicence", item, f"no row: {self._name(known)} leaves it out", "one"
            )

    def _indices(self, act: int) -> Iterator[tuple[int, int]]:
        rows = self._scene.snapshot.rows(
            StatusActLicence, ["licence"], where=col(StatusActLicence.act) == act
        )
        where = col(Licence.row).in_([row["licence"] for row in rows])
        for row in self._scene.snapshot.rows(Licence, ["row", "status_index"], where=where):
            yield row["status_index"], row["row"]

    def _licence_at(self, index: int) -> int | str:
        where = (col(Licence.status_list) == self._row["id"]) & (col(Licence.status_index) == index)
        found = next(self._scene.snapshot.rows(Licence, ["row"], where=where), None)
        return found["row"] if found else f"at index {index} of list {self._row['id']}"

    def _name(self, change: Change) -> str:
        return (
            f"change {change.change} of list {self._row['id']} (act {change.act}, block {change.place.block})"
        )

    def _unknown(self, change: Change) -> Iterator[Finding]:
        """No effective act has it: its act is on its way still, or is gone, or is an older version of itself."""
        row = self._sent_as(change) or self._about(change)
        if row is None:
            yield missing(_TABLE, self._name(change), "a row: the chain has it")
            yield from holds(self._scene, {self._row["id"] >> 32})
        elif row["state"] == ActState.RECORDED.name or self._is_old(change):
            expected = f"effective, for the chain has it: {self._name(change)}"
            yield contradicts(_TABLE, f"id {row['id']}", expected, str(row["state"]).lower())

    def _sent_as(self, change: Change) -> Row | None:
        digest = "0x" + change.place.transaction.hex()
        where = (col(StatusAct.list) == self._row["id"]) & (col(StatusAct.transaction_hash) == digest)
        return next(self._scene.snapshot.rows(StatusAct, ["id", "state"], where=where), None)

    def _about(self, change: Change) -> Row | None:
        """An act of that kind, on just these licences, of which it is not known that it was sent."""
        where = (col(StatusAct.list) == self._row["id"]) & (col(StatusAct.act) == change.act)
        rows = self._scene.snapshot.rows(
            StatusAct, ["id", "state"], order=["id"], where=where & col(StatusAct.block).is_(None)
        )
        wanted = set(change.indices)
        return next((row for row in list(rows) if set(dict(self._indices(row["id"]))) == wanted), None)

    def _is_old(self, change: Change) -> bool:
        """A worker that runs takes it in within seconds."""
        return self._scene.now - self._chain.block(change.place.block).time > LAG

    def _entries(self) -> bytearray:
        """The statuses by the events: one byte each."""
        entries = bytearray(self._row["size"])
        for _, change in sorted(self._changes.items()):
            for index in change.indices:
                entries[index] = change.status
        return entries

    def _words(self, entries: bytearray) -> Iterator[Finding]:
        """The contract's words against its events. A word that no event touched is empty: the changes are counted."""
        touched = {index // _WORD for change in self._changes.values() for index in change.indices}
        for place in self._scene.counted("words", iter(sorted(touched)), len(touched)):
            word = self._chain.call("StatusList", "word", self._row["id"], place, block=self._told.head)[0]
            first = place * _WORD
            for index in range(first, min(first + _WORD, len(entries))):
                if word >> 2 * (index - first) & 3 != entries[index]:
                    item = f"status list {self._row['id']}, index {index}"
                    yield contradicts("chain", item, f"status {entries[index]}, by its events", "another")

    def _licences(self, entries: bytearray) -> Iterator[Finding]:
        """Each licence has the status on the chain, unless an act is on its way or came since."""
        moving = set()
        for number in set(self._changes) - self._seen:
            moving |= set(self._changes[number].indices)
        where = col(Licence.status_list) == self._row["id"]
        rows = self._scene.snapshot.rows(Licence, ["row", "id", "status_index", "status"], where=where)
        for row in rows:
            index = row["status_index"]
            inside = 0 <= index < len(entries)
            if index not in moving and (not inside or entries[index] != row["status"]):
                on_chain = Act(self._last(index)).name if self._last(index) else "no change"
                expected = f"status {entries[index] if inside else 'unknown'} on the chain ({on_chain})"
                yield contradicts(
                    "table licence", f"row {row['row']}, id {row['id']}", expected, f"status {row['status']}"
                )

    def _last(self, index: int) -> int:
        """The act that last changed a position; 0: none did."""
        acts = (
            change.act for _, change in sorted(self._changes.items(), reverse=True) if index in change.indices
        )
        return next(acts, 0)
