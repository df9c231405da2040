"""What a chain must have again after it went back: all that was known of it, and nothing less final.

Two indexes are compared, entry by entry. It reads nothing, and decides nothing: who asks keeps its doubt while anything
is lost (docs/adr/0023-the-chain-goes-back.md).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from licence.facts import CLOCK_TOLERANCE, KeyFacts, StatusFacts, Window
from licence.receipt import Anchor
from licence.status import Status
from verifier.index import Index, StatusListIndex

SHOWN = 3
_RANK = {Status.VALID: 0, Status.SUSPENDED: 1, Status.SUPERSEDED: 2, Status.INVALID: 3}


@dataclass(frozen=True, slots=True)
class Loss:
    """One thing that was known and is not there again, in both languages; `other`: something else stands there."""

    zh: str
    en: str
    other: bool = False


def losses(knew: Index, now: Index) -> list[Loss]:
    """All that `knew` has and `now` has not, or less finally. Empty: nothing that was known is lost."""
    return list(chain(_counters(knew, now), _departments(knew, now), _anchors(knew, now), _lists(knew, now)))


def in_words(lost: Sequence[Loss]) -> Loss:
    """Several losses in one sentence: the first few, and how many more there are."""
    more = len(lost) - SHOWN
    zh = "；".join(loss.zh for loss in lost[:SHOWN]) + (f"；另有 {more} 项" if more > 0 else "")
    en = "; ".join(loss.en for loss in lost[:SHOWN]) + (f"; and {more} more" if more > 0 else "")
    return Loss(zh, en, any(loss.other for loss in lost))


def _counters(knew: Index, now: Index) -> Iterator[Loss]:
    if now.revision < knew.revision:
        yield Loss(
            f"登记记录 {now.revision + 1} 至 {knew.revision}",
            f"registry records {now.revision + 1} to {knew.revision}",
        )
    if now.voids < knew.voids:
        yield Loss(f"作废记录 {now.voids + 1} 至 {knew.voids}", f"voidings {now.voids + 1} to {knew.voids}")


def _departments(knew: Index, now: Index) -> Iterator[Loss]:
    for number, department in knew.departments.items():
        found = now.departments.get(number)
        zh, en = f"部门 {number}", f"department {number}"
        yield from _record(zh, en, department.window, found.window if found else None)
    for kid, key in knew.keys.items():
        yield from _key(f"密钥 {kid.hex()}", f"key {kid.hex()}", key, now.keys.get(kid))
    for (department_id, code, version), permitted in knew.types.items():
        again = now.types.get((department_id, code, version))
        zh = f"部门 {department_id} 的证照类型 {code} 第 {version} 版"
        en = f"type {code} version {version} of department {department_id}"
        if again is not None and again.digest != permitted.digest:
            yield Loss(f"{zh}的定义不同", f"{en} has another definition", True)
        yield from _record(zh, en, permitted.window, again.window if again else None)


def _key(zh: str, en: str, before: KeyFacts, now: KeyFacts | None) -> Iterator[Loss]:
    yield from _record(zh, en, before.window, now.window if now else None)
    if now is None:
        return
    if (before.key, before.usage, before.department) != (now.key, now.usage, now.department):
        yield Loss(f"{zh}的用途或所属不同", f"{en} is for another use or department", True)
    if before.compromised_at is not None and (now.compromised_at or 2**40) > before.compromised_at:
        yield Loss(f"{zh}的失密声明", f"the compromise of {en}")


def _record(zh: str, en: str, before: Window, now: Window | None) -> Iterator[Loss]:
    """A window may begin later (it was written again) and end earlier; it never becomes wider, but for the clock."""
    if now is None:
        yield Loss(zh, en)
    elif now.ends > before.ends or now.begins < before.begins - CLOCK_TOLERANCE:
        yield Loss(f"{zh}的期限变宽", f"the term of {en} became wider", True)


def _anchors(knew: Index, now: Index) -> Iterator[Loss]:
    for department, anchors in knew.anchors.items():
        found = now.anchors.get(department, [])
        zh, en = f"部门 {department} 的", f"of department {department}"
        if len(found) < len(anchors):
            first, last = len(found) + 1, len(anchors)
            yield Loss(f"{zh}上链存证 {first} 至 {last}", f"anchors {first} to {last} {en}")
        for before, again in zip(anchors, found, strict=False):
            yield from _anchor(before, again)


def _anchor(before: Anchor, now: Anchor) -> Iterator[Loss]:
    zh = f"部门 {before.department} 的上链存证 {before.seq}"
    en = f"anchor {before.seq} of department {before.department}"
    if (before.root, before.size) != (now.root, now.size):
        yield Loss(f"{zh}的根不同", f"{en} has another root", True)
    elif now.time < before.time - CLOCK_TOLERANCE:
        # An earlier time would make good what was anchored after a theft: nobody backdates by rewriting a chain.
        yield Loss(f"{zh}的时间提前了", f"{en} is of an earlier time", True)
    if before.void and not now.void:
        yield Loss(f"{zh}的作废", f"the voiding of {en}")


def _lists(knew: Index, now: Index) -> Iterator[Loss]:
    for list_, before in knew.lists.items():
        zh = f"部门 {list_ >> 32} 的状态清单 {list_ & 0xFFFFFFFF}"
        en = f"status list {list_ & 0xFFFFFFFF} of department {list_ >> 32}"
        again = now.lists.get(list_)
        if again is None:
            yield Loss(zh, en)
            continue
        if again.size != before.size:
            yield Loss(f"{zh}的大小不同", f"{en} has another size", True)
        if again.changes < before.changes:
            first, last = again.changes + 1, before.changes
            yield Loss(f"{zh}的状态变更 {first} 至 {last}", f"changes {first} to {last} of {en}")
        yield from _entries(before, again, Loss(zh, en))


def _entries(before: StatusListIndex, now: StatusListIndex, whose: Loss) -> Iterator[Loss]:
    for place, known in before.entries.items():
        found = now.entries.get(place, StatusFacts(Status.VALID, None))
        turned = now.turns.get(place, 0) > before.turns.get(place, 0)
        zh, en = f"{whose.zh}第 {place} 位", f"entry {place} of {whose.en}"
        if _less_final(known, found, turned=turned):
            yield Loss(f"{zh}的状态", f"the status of {en}")
        elif known.status is Status.INVALID and found.act is not known.act:
            yield Loss(f"{zh}的法律事由不同", f"the legal act on {en} is another", True)


def _less_final(before: StatusFacts, now: StatusFacts, *, turned: bool) -> bool:
    """Only one way leads back: a suspension that was lifted by an act of its own, which is one more turn."""
    lifted = before.status is Status.SUSPENDED and now.status is Status.VALID and turned
    return _RANK[now.status] < _RANK[before.status] and not lifted
