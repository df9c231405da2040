"""How the verifier is, part by part: what /readyz and /metrics tell. It is not ready when it could judge nothing."""

import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from doors.condition import Finding, Part, Weight
from licence.facts import CLOCK_TOLERANCE
from verifier.trust import Trust

ROOM = 256 * 2**20
FIGURES = {
    "chain_block": "Number of the newest block that was read",
    "chain_age_seconds": "Age of the newest block that was read, by our clock",
    "departments": "Departments on the chain",
    "departments_incomplete": "Departments of which public files are missing",
    "licences_known": "Leaves held",
    "disk_free_bytes": "Room left where the index is",
}


def parts(trust: Trust, home: Path | None, clock: Callable[[], float] = time.time) -> Sequence[Part]:
    """The parts, in the order of their telling; without a home folder there is no disk among them."""
    needed, shown = Weight.NEEDED, Weight.SHOWN
    told = [
        Part("chain", needed, lambda: _chain(trust, int(clock()))),
        Part("head", needed, lambda: _head(trust, int(clock()))),
        Part("files", shown, lambda: _files(trust)),
    ]
    return [*told, Part("disk", shown, lambda: _disk(home))] if home is not None else told


def _chain(trust: Trust, now: int) -> Finding:
    plight = trust.plight(now)
    if plight is not None:
        said = plight.en or trust.doubt or plight.reason.name.lower().replace("_", " ")
        return Finding(False, plight.zh or "有疑问", said)
    if trust.doubt is not None:
        return Finding(not trust.disagrees and trust.index.head is not None, "有疑问", trust.doubt)
    proven = "proven by storage" if trust.proven else "by the node's word"
    return Finding(True, "一致", f"read, and its counters agree ({proven})")


def _head(trust: Trust, now: int) -> Finding:
    head = trust.index.head
    if head is None:
        return Finding(False, "尚未读取", "no block was read yet")
    age = now - head.time
    figures = {"chain_block": head.number, "chain_age_seconds": age}
    if age < -CLOCK_TOLERANCE:
        return Finding(
            False, "系统时钟落后", f"our clock is {-age} seconds behind block {head.number}", figures
        )
    if age > trust.max_age:
        en = f"block {head.number} is {age} seconds old: the chain stands still, or our clock is ahead"
        return Finding(False, f"最新区块已过{age}秒", en, figures)
    return Finding(
        True, f"第{head.number}块，{max(0, age)}秒前", f"block {head.number}, {age} seconds old", figures
    )


def _files(trust: Trust) -> Finding:
    index, files = trust.index, trust.files
    missing = sum(1 for department in index.departments if not files.complete(index, department))
    figures = {
        "departments": len(index.departments),
        "departments_incomplete": missing,
        "licences_known": len(files.places),
    }
    en = f"public files of {missing} of {len(index.departments)} departments are missing"
    return Finding(
        not missing, f"{missing}个部门的公开文件不全", en if missing else "all public files held", figures
    )


def _disk(home: Path | None) -> Finding:
    free = shutil.disk_usage(home or Path("/")).free
    mib = free // 2**20
    return Finding(free >= ROOM, f"剩余{mib}MiB", f"{mib} MiB left", {"disk_free_bytes": free})
