"""Batches: each root made anew from its leaves, each leaf in its place, each leaf file byte for byte; and status lists:
each position given out once, in a random order that is whole."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlmodel import col

from licence import merkle
from licence.facts import CLOCK_TOLERANCE
from registry.fsck.finding import UNREADABLE, Finding, altered, contradicts, foreign, missing
from registry.fsck.kept import public_file
from registry.fsck.reading import Row, unpaired
from registry.fsck.scene import Scene
from registry.issuing import BLOCK
from registry.tables import LOST, Batch, BatchState, Licence, StatusBlock, StatusList

_HASH = 32


def batches(scene: Scene) -> Iterator[Finding]:
    """Every batch of every department, in their order."""
    last: dict[int, Row] = {}
    for row in scene.every(Batch, "department", "seq"):
        try:
            yield from _follows(last.get(row["department"]), row)
            yield from _content(scene, row)
        except UNREADABLE as error:
            yield altered("table batch", _item(row), "readable columns", type(error).__name__)
        last[row["department"]] = row
    yield from _left_out(scene)


def _item(row: Row) -> str:
    return f"id {row['id']}, department {row['department']}, seq {row['seq']}"


def _follows(before: Row | None, row: Row) -> Iterator[Finding]:
    expected = before["seq"] + 1 if before else 1
    if row["seq"] != expected:
        gap = f"department {row['department']}, seq {expected}"
        yield missing("table batch", gap, f"a row before seq {row['seq']}")
    elif row["prev_root"] != (before["root"] if before else bytes(_HASH)):
        yield contradicts(
            "table batch", _item(row), f"the root of seq {expected - 1} as prev_root", "another"
        )


def _content(scene: Scene, batch: Row) -> Iterator[Finding]:
    """The licences of a batch: their positions, the root over them, the leaf file of what was sent."""
    names = ["row", "id", "department", "position", "leaf", "iat"]
    where = col(Licence.batch) == batch["id"]
    rows = list(scene.snapshot.rows(Licence, names, order=["position", "row"], where=where))
    if not rows and (batch["note"] or "").startswith(LOST):
        return  # an operator accepted it: accepting.py
    yield from _places(batch, rows)
    leaves = [bytes(row["leaf"]) for row in rows]
    if len(rows) != batch["size"]:
        yield contradicts("table batch", _item(batch), f"{batch['size']} licences", f"{len(rows)}")
    elif leaves and merkle.root(leaves) != batch["root"]:
        yield contradicts("table batch", _item(batch), "the root over its licences' leaves", "another root")
    if batch["state"] != BatchState.SEALED.name:
        yield from _leaf_file(scene, batch, b"".join(leaves))


def _places(batch: Row, rows: list[Row]) -> Iterator[Finding]:
    expected, before = 0, 0
    for row in rows:
        item = f"row {row['row']}, id {row['id']}"
        if row["position"] != expected:
            what = f"department {batch['department']}, batch seq {batch['seq']}, position {expected}"
            yield missing("table licence", what, "a licence there")
        if row["department"] != batch["department"] or row["row"] < before:
            expected_ = "a licence of the batch's department, in the order of issue"
            yield contradicts("table licence", item, expected_, "another")
        if batch["time"] is not None and row["iat"] > batch["time"] + CLOCK_TOLERANCE:
            yield contradicts("table licence", item, "signed before it was anchored", "an iat after it")
        expected, before = (row["position"] or 0) + 1, row["row"]
    if rows and expected < batch["size"]:
        what = f"department {batch['department']}, batch seq {batch['seq']}, position {expected}"
        yield missing("table licence", what, "a licence there")


def _leaf_file(scene: Scene, batch: Row, expected: bytes) -> Iterator[Finding]:
    name = f"{batch['department']}/leaves/{batch['root'].hex()}.bin"
    told = f"the leaves of department {batch['department']}, batch seq {batch['seq']}"
    yield from public_file(scene, name, told, [expected])


def _left_out(scene: Scene) -> Iterator[Finding]:
    """Sealing takes the oldest first: what is in no batch is younger than all that are in one."""
    newest = select(col(Licence.department), func.max(col(Licence.row)).label("newest")).where(
        col(Licence.batch).is_not(None)
    )
    for known in list(scene.snapshot.stream(newest.group_by(col(Licence.department)))):
        waiting = scene.snapshot.rows(
            Licence,
            ["row", "id"],
            order=["row"],
            where=(col(Licence.department) == known["department"])
            & col(Licence.batch).is_(None)
            & (col(Licence.row) < known["newest"]),
        )
        for row in waiting:
            item = f"row {row['row']}, id {row['id']}"
            yield contradicts("table licence", item, "a batch: later licences have one", "none")


@dataclass(frozen=True, slots=True)
class _Given:
    """A position of a list that was given out, or that a licence has (then with its name)."""

    index: int
    licence: str = ""


def positions(scene: Scene) -> Iterator[Finding]:
    """Every status list: its blocks are whole, and the licences have just the positions that were given out."""
    for list_ in scene.every(StatusList, "id"):
        try:
            yield from _list(scene, list_)
        except UNREADABLE as error:
            yield altered("table statuslist", f"id {list_['id']}", "readable columns", type(error).__name__)


def _list(scene: Scene, list_: Row) -> Iterator[Finding]:
    where = col(StatusBlock.list) == list_["id"]
    blocks = {row["block"] for row in scene.snapshot.rows(StatusBlock, ["block"], where=where)}
    opened = list_["block"] + (1 if list_["cursor"] else 0)
    lost = set(range(opened)) - blocks
    for block in sorted(lost):
        yield missing("table statusblock", f"list {list_['id']}, block {block}", "the order of its positions")
    closed = -(-list_["size"] // BLOCK)  # see issuing.close_list; _orders demands that it holds no position
    for block in sorted(blocks - set(range(opened)) - {closed}):
        item = f"list {list_['id']}, block {block}"
        yield foreign("table statusblock", item, f"no block from {opened} on, by the list's cursor", "one")
    yield from _orders(scene, list_)
    has = (place for place in _licences(scene, list_) if place.index // BLOCK not in lost)
    for given, had in unpaired(_given(scene, list_), has, lambda place: place.index):
        place = f"list {list_['id']}, index {(given or had or _Given(0)).index}"
        if had is not None:
            yield contradicts("table licence", had.licence, f"a position given out ({place} is not)", place)
        else:
            yield missing("table licence", place, "a licence: by statuslist and statusblock it was given out")


def _licences(scene: Scene, list_: Row) -> Iterator[_Given]:
    where = col(Licence.status_list) == list_["id"]
    rows = scene.snapshot.rows(Licence, ["row", "id", "status_index"], order=["status_index"], where=where)
    return (_Given(row["status_index"], f"row {row['row']}, id {row['id']}") for row in rows)


def _orders(scene: Scene, list_: Row) -> Iterator[Finding]:
    for row in scene.snapshot.rows(StatusBlock, order=["block"], where=col(StatusBlock.list) == list_["id"]):
        first = row["block"] * BLOCK
        if sorted(_order(row)) != list(range(first, min(first + BLOCK, list_["size"]))):
            item = f"list {list_['id']}, block {row['block']}"
            yield altered("table statusblock", item, "each position of the block once", "another order")


def _given(scene: Scene, list_: Row) -> Iterator[_Given]:
    for row in scene.snapshot.rows(StatusBlock, order=["block"], where=col(StatusBlock.list) == list_["id"]):
        if row["block"] <= list_["block"]:
            count = len(row["order"]) if row["block"] < list_["block"] else list_["cursor"]
            yield from (_Given(index) for index in sorted(_order(row)[:count]))


def _order(row: Row) -> list[int]:
    packed = bytes(row["order"])
    return [int.from_bytes(packed[at : at + 4], "big") for at in range(0, len(packed), 4)]
