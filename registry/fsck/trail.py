"""The audit trail: without gaps, each row holding the seal of the one before; and against the rows that deeds made.

The second is what makes a tail cut off noticed: the deeds of the rows that are gone are still there.
"""

import re
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import func, select
from sqlmodel import SQLModel, col

from licence.status import Act
from registry.fsck.finding import Finding, contradicts, missing
from registry.fsck.reading import Row, unpaired
from registry.fsck.scene import Scene
from registry.tables import (
    Audit,
    Batch,
    Department,
    Document,
    Idempotency,
    Licence,
    Permission,
    SigningKey,
    StatusAct,
    StatusActLicence,
    StatusList,
)
from registry.trail import FORGOTTEN, SHORT

_REQUEST = 32
_ADMITTED = re.compile(r"token ([0-9a-f]{16}) on ([0-9a-f]{16})")
_ANCHORED = re.compile(r"batch ([0-9]{1,9}): ([0-9]{1,9}) licences")


@dataclass(frozen=True, slots=True)
class _Deed:
    """One side of a comparison: whose, what, and the item to name if the other side lacks it."""

    department: int
    what: Any
    item: str

    @property
    def key(self) -> tuple[int, Any]:
        return self.department, self.what


def chain(scene: Scene) -> Iterator[Finding]:
    """Row after row of each department; learns on the way whose trail begins with its admission."""
    last: dict[int, Row] = {}
    for row in scene.every(Audit, "department", "seq"):
        before = last.get(row["department"])
        yield from _follows(scene, before, row)
        if before is None and row["deed"] == "admit":
            scene.whole.add(row["department"])
        last[row["department"]] = row
    if not scene.snapshot.postgresql:
        yield from _numbers(scene)


def _follows(scene: Scene, before: Row | None, row: Row) -> Iterator[Finding]:
    expected = before["seq"] + 1 if before else 1
    if row["seq"] != expected:
        gap = f"department {row['department']}, seq {expected}"
        if row["seq"] - expected > 1:
            gap += f" to {row['seq'] - 1}"
        yield missing("table audit", gap, f"rows before seq {row['seq']}")
    elif row["before"] != (before["seal"] if before else b""):
        item = f"id {row['id']}, department {row['department']}, seq {row['seq']}"
        yield contradicts("table audit", item, f"the seal of seq {expected - 1} in `before`", "another")
    if before is not None and row["id"] < before["id"]:
        item = f"id {row['id']}, department {row['department']}, seq {row['seq']}"
        yield contradicts(
            "table audit", item, "an id that ascends with seq", f"it is after id {before['id']}"
        )


def _numbers(scene: Scene) -> Iterator[Finding]:
    """SQLite numbers rows without gaps, and none is ever deleted here: the number itself carries no seal."""
    expected = 1
    for row in scene.snapshot.rows(Audit, ["id", "department", "seq"], order=["id"]):
        if row["id"] != expected:
            item = f"id {row['id']}, department {row['department']}, seq {row['seq']}"
            yield contradicts("table audit", item, f"id {expected}", f"id {row['id']}")
        expected = row["id"] + 1


def deeds(scene: Scene) -> Iterator[Finding]:
    """Every deed has its row in the trail, and every row of the trail its deed."""
    yield from _compare(scene, "issue", _made(scene, Licence, "id"), "table licence")
    yield from _compare(scene, "key", _whole(scene, _made(scene, SigningKey, "kid")), "table signingkey")
    yield from _compare(scene, "attach", _whole(scene, _made(scene, Document, "id")), "table document")
    yield from _small(scene)
    yield from _acts(scene)
    yield from _anchors(scene)
    yield from _answers(scene)
    yield from _admissions(scene)


def _made(scene: Scene, model: type[SQLModel], name: str) -> Iterator[_Deed]:
    rows = scene.snapshot.rows(model, ["department", name], order=["department", name])
    return (_Deed(row["department"], row[name], f"{name} {row[name]}") for row in rows)


def _noted(scene: Scene, deed: str) -> Iterator[_Deed]:
    rows = scene.snapshot.rows(
        Audit,
        ["department", "object", "seq"],
        order=["department", "object"],
        where=col(Audit.deed) == deed,
    )
    return (_Deed(row["department"], row["object"], _told(row["seq"], deed)) for row in rows)


def _told(seq: int, deed: str) -> str:
    return f"seq {seq} of the trail says {deed}"


def _whole(scene: Scene, deeds_: Iterator[_Deed]) -> Iterator[_Deed]:
    """Only those of departments whose trail tells of every deed: that of an earlier release did not."""
    return (deed for deed in deeds_ if deed.department in scene.whole)


def _compare(scene: Scene, deed: str, made: Iterator[_Deed], table: str) -> Iterator[Finding]:
    name = {"issue": "id", "key": "kid", "attach": "id"}[deed]
    for ours, theirs in unpaired(made, _noted(scene, deed), lambda each: each.key):
        if ours is not None:
            yield _unnoted(ours, deed)
        elif theirs is not None and not _forgotten(scene, theirs):
            yield missing(
                table, f"{name} {theirs.what}", f"a row: {theirs.item}, department {theirs.department}"
            )


def _unnoted(deed: _Deed, what: str) -> Finding:
    item = f"department {deed.department}, deed {what} of {deed.item}"
    return missing("table audit", item, "a row, as of every deed")


def _forgotten(scene: Scene, deed: _Deed) -> bool:
    """Whether the trail itself says that the row was deleted on purpose."""
    if scene.forgotten is None:
        scene.forgotten = array("Q", sorted(_all_forgotten(scene)))
    number = _number(deed.what)
    place = bisect_left(scene.forgotten, number)
    return place < len(scene.forgotten) and scene.forgotten[place] == number


def _all_forgotten(scene: Scene) -> Iterator[int]:
    """8 bytes of each: enough to tell them apart, and few enough to be held."""
    for row in scene.snapshot.rows(Audit, ["object"], where=col(Audit.deed) == FORGOTTEN):
        yield from (_number(each) for each in row["object"].split(" "))


def _number(name: str) -> int:
    return int(name[:SHORT], 16) if re.fullmatch("[0-9a-f]{16,}", name) else 0


def _small(scene: Scene) -> Iterator[Finding]:
    """Permissions and lists: few enough to be held."""
    kinds: list[tuple[str, type[SQLModel], tuple[str, ...]]] = [
        ("permit", Permission, ("code", "version")),
        ("list", StatusList, ("id",)),
    ]
    for deed, model, names in kinds:
        made = {
            (row["department"], " ".join(str(row[name]) for name in names))
            for row in scene.snapshot.rows(model, ["department", *names])
            if row["department"] in scene.whole
        }
        noted = {each.key: each.item for each in _noted(scene, deed)}
        table = f"table {model.__tablename__}"
        for department, what in sorted(made - set(noted)):
            yield _unnoted(_Deed(department, what, what), deed)
        for department, what in sorted(set(noted) - made):
            item = ", ".join(f"{name} {part}" for name, part in zip(names, what.split(), strict=False))
            item = f"department {department}, {item}" if model is Permission else item
            yield missing(table, item, f"a row: {noted[department, what]}, department {department}")


def _acts(scene: Scene) -> Iterator[Finding]:
    """Requests for acts, with the number of licences that each is about; and the acts that became effective."""
    for ours, theirs in unpaired(_requests(scene), _requests_noted(scene), lambda each: each.key):
        if theirs is None and ours is not None:
            count, request = ours.what[1], ours.what[0]
            yield missing(
                "table audit",
                f"department {ours.department}, request {request}",
                f"a row of {count} licences",
            )
        elif theirs is not None:
            request, count, _ = theirs.what
            told = f"acts on {count} licences: {theirs.item}, department {theirs.department}"
            yield missing("table statusact", f"request {request}, or of its statusactlicence", told)
    yield from _effective(scene)


def _requests(scene: Scene) -> Iterator[_Deed]:
    department, request, act = StatusAct.department, StatusAct.request, StatusAct.act
    columns = [col(department), scene.snapshot.bytewise(col(request)), col(act)]
    wanted = (
        select(
            col(department), col(request), col(act), func.count(col(StatusActLicence.licence)).label("rows")
        )
        .outerjoin(StatusActLicence, col(StatusActLicence.act) == col(StatusAct.id))
        .group_by(col(department), col(request), col(act))
        .order_by(*columns[:2])
    )
    for row in scene.snapshot.stream(wanted):
        what = (row["request"], row["rows"], _deed_of(row["act"]))
        yield _Deed(row["department"], what, f"request {row['request']}")


def _deed_of(act: int) -> str:
    return Act(act).name.lower() if act in list(Act) else str(act)


def _requests_noted(scene: Scene) -> Iterator[_Deed]:
    told = func.substr(col(Audit.object), func.length(col(Audit.object)) - _REQUEST + 1)
    wanted = (
        select(col(Audit.department), col(Audit.object), col(Audit.deed), col(Audit.seq))
        .where(col(Audit.deed).in_([act.name.lower() for act in Act]))
        .order_by(col(Audit.department), told.collate("C") if scene.snapshot.postgresql else told)
    )
    for row in scene.snapshot.stream(wanted):
        count = int(row["object"].partition(" ")[0]) if row["object"][:1].isdigit() else 0
        what = (row["object"][-_REQUEST:], count, row["deed"])
        yield _Deed(row["department"], what, _told(row["seq"], row["deed"]))


def _effective(scene: Scene) -> Iterator[Finding]:
    done = scene.snapshot.rows(
        StatusAct, ["department", "id"], order=["department", "id"], where=col(StatusAct.block).is_not(None)
    )
    made = _whole(scene, (_Deed(row["department"], row["id"], f"act {row['id']}") for row in done))
    for ours, theirs in unpaired(made, _in_order(scene, "effective"), lambda each: each.key):
        if ours is not None:
            yield _unnoted(ours, "effective")
        elif theirs is not None:
            told = f"an effective act: {theirs.item}, department {theirs.department}"
            yield contradicts("table statusact", f"id {theirs.what}", told, "none that ever was, or no row")


def _in_order(scene: Scene, deed: str) -> Iterator[_Deed]:
    """The rows of a deed that is done in the order of its numbers."""
    rows = scene.snapshot.rows(
        Audit, ["department", "object", "seq"], order=["department", "seq"], where=col(Audit.deed) == deed
    )
    for row in rows:
        digits = re.sub(r"[^0-9].*", "", row["object"].partition(" ")[2])
        yield _Deed(row["department"], int(digits or 0), _told(row["seq"], deed))


def _anchors(scene: Scene) -> Iterator[Finding]:
    done = scene.snapshot.rows(
        Batch,
        ["department", "seq", "size"],
        order=["department", "seq"],
        where=col(Batch.block).is_not(None),
    )
    made = (_Deed(row["department"], row["seq"], f"batch {row['seq']}") for row in done)
    for ours, theirs in unpaired(made, _in_order(scene, "anchor"), lambda each: each.key):
        if ours is not None:
            yield _unnoted(ours, "anchor")
        elif theirs is not None:
            item = f"department {theirs.department}, seq {theirs.what}"
            yield contradicts(
                "table batch", item, f"a final batch: {theirs.item}", "none that ever was, or no row"
            )


def _answers(scene: Scene) -> Iterator[Finding]:
    """Answers to writes: the trail names each by its seal."""
    rows = scene.snapshot.rows(Idempotency, ["department", "seal"], order=["department", "seal"])
    made = (_Deed(row["department"], bytes(row["seal"]).hex()[:SHORT], "") for row in rows)
    for ours, theirs in unpaired(_whole(scene, made), _noted(scene, "answer"), lambda each: each.key):
        if ours is not None:
            yield _unnoted(replace(ours, item=f"answer {ours.what}"), "answer")
        elif theirs is not None and not _forgotten(scene, theirs):
            item = f"department {theirs.department}, answer {theirs.what}"
            yield missing("table idempotency", item, f"a row: {theirs.item}")


def _admissions(scene: Scene) -> Iterator[Finding]:
    """The bearer key of a department is the last that the trail tells of."""
    last: dict[int, str] = {}
    told = scene.snapshot.rows(
        Audit,
        ["department", "object"],
        order=["department", "seq"],
        where=col(Audit.deed).in_(["admit", "new-token"]),
    )
    for row in told:
        last[row["department"]] = row["object"].split(" ")[1] if " " in row["object"] else ""
    for row in scene.snapshot.rows(Department, ["id", "token_hash", "admitted_at"], order=["id"]):
        noted = last.get(row["id"])
        if row["id"] in scene.whole and (not row["admitted_at"] or row["token_hash"][:SHORT] != noted):
            expected = f"admitted, with the bearer key of the trail's last admit or new-token ({noted})"
            yield contradicts("table department", f"id {row['id']}", expected, "another")
        elif row["admitted_at"] and row["id"] not in scene.whole and not _has_trail(scene, row["id"]):
            yield missing("table audit", f"department {row['id']}, deed admit", "a row, as of every deed")


def _has_trail(scene: Scene, department: int) -> bool:
    return scene.snapshot.one(select(col(Audit.id)).where(col(Audit.department) == department)) is not None


def pins_noted(scene: Scene) -> set[str]:
    """What the admissions say of the pins that they were made on."""
    rows = scene.snapshot.rows(Audit, ["object"], where=col(Audit.deed) == "admit")
    return {match[2] for row in rows if (match := _ADMITTED.fullmatch(row["object"]))}
