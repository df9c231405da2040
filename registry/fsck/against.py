"""The store against the chain: who may issue, and what was anchored.

What stood on the chain before the database's moment must be known to it; what it says is final must be on the chain.
"""

from collections.abc import Iterator
from typing import Any

from sqlmodel import SQLModel, col

from registry.chain import Chain
from registry.fsck.finding import Finding, contradicts, missing
from registry.fsck.reading import Row
from registry.fsck.rows import held
from registry.fsck.scene import Scene
from registry.fsck.told import Told
from registry.tables import (
    Batch,
    BatchState,
    Department,
    Hold,
    Permission,
    SigningKey,
    StatusList,
    TypeVersion,
)

_ROLES = {"anchor_account": 1, "status_account": 2}
# What a worker that runs has taken in long ago: then an older version of the row was put back.
LAG = 600


def registry(scene: Scene, told: Told, chain: Chain) -> Iterator[Finding]:
    """Departments, accounts, keys, permissions and lists."""
    if (revision := chain.call("IssuerRegistry", "revision", block=told.head)[0]) != told.revisions:
        yield contradicts(
            "chain", "IssuerRegistry.revision", f"{told.revisions}, by its events", str(revision)
        )
    ours = {row["id"]: row for row in scene.snapshot.rows(Department) if row["admitted_at"]}
    for department, row in sorted(ours.items()):
        yield from _department(told, department, row)
    yield from _keys(scene, told, set(ours))
    yield from _permissions(scene, told, set(ours))
    yield from _lists(scene, told, set(ours))


def _department(told: Told, department: int, row: Row) -> Iterator[Finding]:
    known, item = told.departments.get(department), f"id {department}"
    if known is None:
        yield contradicts(
            "table department", item, "a department that the chain knows", "one that it does not"
        )
        return
    if (row["code"], row["name_zh"], row["name_en"]) != (known.code, known.name_zh, known.name_en):
        yield contradicts("table department", item, "the code and names on the chain", "others")
    for name, role in _ROLES.items():
        bound = told.accounts.get(str(row[name]).lower())
        if bound is None or (bound.department, bound.role) != (department, role):
            yield contradicts("table department", item, f"an account bound on the chain as {name}", "another")


def _keys(scene: Scene, told: Told, departments: set[int]) -> Iterator[Finding]:
    rows = {row["kid"]: row for row in scene.snapshot.rows(SigningKey)}
    for kid, key in sorted(told.keys.items()):
        wanted = key.department in departments and kid not in told.ended
        if wanted and kid not in rows and _lost(scene, told, key, SigningKey, kid=kid):
            expected = f"a row: the chain admitted it in block {key.place.block}"
            yield missing("table signingkey", f"kid {kid}", expected)
    for kid, row in sorted(rows.items()):
        known = told.keys.get(kid)
        if row["department"] not in departments:
            continue
        said = tuple(row[name] for name in ("department", "suite", "usage", "x", "y"))
        if known is None or said != (known.department, known.suite, known.usage, known.x, known.y):
            found = "another" if known else "none of this kid"
            yield contradicts("table signingkey", f"kid {kid}", "the key that the chain admitted", found)


def _permissions(scene: Scene, told: Told, departments: set[int]) -> Iterator[Finding]:
    names = ["department", "code", "version"]
    digests = {
        (row["code"], row["version"]): row["digest"]
        for row in scene.snapshot.rows(TypeVersion, ["code", "version", "digest"])
    }
    ours = {tuple(row[name] for name in names) for row in scene.snapshot.rows(Permission, names)}
    for place, permitted in sorted(told.types.items()):
        item = ", ".join(f"{name} {part}" for name, part in zip(names, place, strict=True))
        if permitted.department not in departments:
            continue
        where = dict(zip(names, place, strict=True))
        if place not in ours and _lost(scene, told, permitted, Permission, **where):
            yield missing(
                "table permission", item, f"a row: the chain has it in block {permitted.place.block}"
            )
        digest = digests.get(place[1:])
        if place in ours and digest is not None and digest != permitted.definition.hex():
            item = f"code {place[1]}, version {place[2]}"
            yield contradicts("table typeversion", item, f"digest {permitted.definition.hex()}", digest)
    for place in sorted(ours - set(told.types)):
        if place[0] in departments:
            item = ", ".join(f"{name} {part}" for name, part in zip(names, place, strict=True))
            yield contradicts("table permission", item, "a permission on the chain", "none")


def _lists(scene: Scene, told: Told, departments: set[int]) -> Iterator[Finding]:
    rows = {row["id"]: row for row in scene.snapshot.rows(StatusList)}
    for list_, created in sorted(told.lists.items()):
        item = f"id {list_}"
        if list_ >> 32 not in departments:
            continue
        if list_ not in rows:
            if _lost(scene, told, created, StatusList, id=list_):
                yield missing(
                    "table statuslist", item, f"a row: the chain has it in block {created.place.block}"
                )
        elif (rows[list_]["size"], rows[list_]["department"]) != (created.size, list_ >> 32):
            yield contradicts("table statuslist", item, f"size {created.size}, by the chain", "another")
    for list_ in sorted(set(rows) - set(told.lists)):
        yield contradicts("table statuslist", f"id {list_}", "a list on the chain", "none")


def _lost(scene: Scene, told: Told, event: Any, model: type[SQLModel], **where: object) -> bool:
    """The chain has it first, the store a moment later: it is lost if it is not there by now either."""
    return told.known_before(event.place) and not scene.by_now(model, **where)


def anchors(scene: Scene, told: Told, chain: Chain) -> Iterator[Finding]:
    """Every batch and every anchor of our departments."""
    lacking: set[int] = set()
    for department in [row["id"] for row in scene.snapshot.rows(Department, ["id"], order=["id"])]:
        known = dict(told.anchors.get(department, {}))
        head = chain.call("AnchorLog", "head", department, block=told.head)
        last = known.get(len(known))
        if head != (len(known), last.root if last else bytes(32)):
            yield contradicts(
                "chain", f"AnchorLog.head({department})", f"{len(known)}, by its events", str(head[0])
            )
        rows = scene.snapshot.rows(Batch, order=["seq"], where=col(Batch.department) == department)
        for row in rows:
            yield from _anchor(scene, told, row, known.pop(row["seq"], None))
        for seq, event in sorted(known.items()):
            if told.known_before(event.place):
                lacking.add(department)
                what = f"a row: the chain has it, {event.size} licences, in block {event.place.block}"
                yield missing("table batch", f"department {department}, seq {seq}", what)
    yield from holds(scene, lacking)


def _anchor(scene: Scene, told: Told, row: Row, event: Any) -> Iterator[Finding]:
    item = f"id {row['id']}, department {row['department']}, seq {row['seq']}"
    if event is None:
        if row["state"] == BatchState.FINAL.name:
            yield contradicts("table batch", item, "an anchor on the chain: it is final here", "none")
        return
    if (row["root"], row["prev_root"], row["size"]) != (event.root, event.prev_root, event.size):
        found = "another root, prev_root or size"
        yield contradicts("table batch", item, f"the anchor on the chain, {event.size} licences", found)
    elif row["state"] == BatchState.FINAL.name:
        hashes = ("0x" + event.place.block_hash.hex(), "0x" + event.place.transaction.hex())
        place = (event.place.block, event.time, *hashes)
        if tuple(row[name] for name in ("block", "time", "block_hash", "transaction_hash")) != place:
            told_ = f"block {event.place.block} and its transaction, as on the chain"
            yield contradicts("table batch", item, told_, f"block {row['block']} or another transaction")
    elif told.known_before(event.place) and _stale(scene, row, event.time):
        expected = f"final: the chain has had it since block {event.place.block}"
        yield contradicts("table batch", item, expected, str(row["state"]).lower())


def _stale(scene: Scene, row: Row, time: int) -> bool:
    """Its own transaction was stored before it was sent; and a worker that runs takes it in within seconds."""
    return row["state"] == BatchState.SEALED.name or scene.now - time > LAG


def holds(scene: Scene, lacking: set[int]) -> Iterator[Finding]:
    """A department whose chain knows more is held up."""
    for department in sorted(lacking - set(held(scene))):
        if not scene.by_now(Hold, department=department):
            yield missing(
                "table hold", f"department {department}", "a row: the chain knows more than this store"
            )
