"""How the registry is, part by part: what /readyz and /metrics tell. Counts and times; nothing of any licence.

The chain is shown and not needed: licences are issued and wait while it is away.
"""

import shutil
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, func
from sqlmodel import Session, col, select

from contracts.deployment import PinError
from doors.condition import Finding, Part, Weight
from registry.errors import RegistryError
from registry.house import House
from registry.signer_client import SignerClient
from registry.store import newest_block_time
from registry.tables import ActState, Batch, BatchState, Department, Hold, Lease, Licence, StatusAct

LAG = 60
ROOM = 256 * 2**20
LOOK_EVERY = 10.0
FIGURES = {
    "chain_block": "Number of the newest block",
    "chain_age_seconds": "Age of the newest block by our clock",
    "unanchored_licences": "Issued licences whose batch is not final",
    "anchor_lag_seconds": "How long the oldest of them waits",
    "batches_open": "Batches sealed or prepared, not final",
    "acts_open": "Status acts recorded or prepared, not effective",
    "quarantined": "Batches and acts set aside for a person",
    "departments": "Departments admitted",
    "leases_held": "Departments that a worker holds",
    "worker_silent_seconds": "How long no worker has beaten",
    "holds": "Departments that are read-only",
    "disk_free_bytes": "Room left where the home folder is",
}


def parts(house: House) -> Sequence[Part]:
    """The parts of this house, in the order of their telling."""
    needed, shown = Weight.NEEDED, Weight.SHOWN
    beats = _Beats(house)
    return (
        Part("database", needed, lambda: _database(house)),
        Part("signer", needed, lambda: _signer(house)),
        Part("deployment", needed, lambda: _deployment(house)),
        Part("clock", needed, lambda: _clock(house)),
        Part("objects", shown, lambda: _objects(house)),
        Part("chain", shown, lambda: _chain(house)),
        Part("anchoring", shown, lambda: _anchoring(house)),
        Part("worker", shown, beats.look),
        Part("holds", shown, lambda: _holds(house)),
        Part("disk", shown, lambda: _disk(house)),
    )


def watch_chain(house: House, stop: threading.Event) -> None:
    """Tells the house's clock of the chain's newest block, again and again. A chain that is away tells nothing."""
    while not stop.is_set():
        _chain(house)
        stop.wait(LOOK_EVERY)


def _refused(error: RegistryError) -> Finding:
    return Finding(False, error.zh, error.en)


def _database(house: House) -> Finding:
    try:
        house.store.demand_writable()
    except RegistryError as error:
        return _refused(error)
    return Finding(True, "可写", f"takes writes ({house.store.dialect})")


def _signer(house: House) -> Finding:
    if not isinstance(house.signer, SignerClient):
        return Finding(True, "在本进程中", "in this process")
    try:
        house.signer.demand_alive()
    except RegistryError as error:
        return _refused(error)
    return Finding(True, "正常", "answers")


def _objects(house: House) -> Finding:
    try:
        house.objects.demand_reachable()
    except RegistryError as error:
        return _refused(error)
    return Finding(True, "正常", "answers")


def _deployment(house: House) -> Finding:
    if house.chain.deployment is None:
        return Finding(False, "尚未部署", "nothing is deployed yet: run `elicence deploy`")
    return Finding(True, "已固定", "pinned")


def _clock(house: House) -> Finding:
    with house.store.read() as session:
        doubt = house.pace.doubt(newest_block_time(session))
    if doubt is not None:
        return Finding(False, "系统时钟有误，暂停签发", f"{doubt}: nothing is issued until it is set")
    return Finding(True, "无异常", "nothing speaks against it")


def _chain(house: House) -> Finding:
    try:
        number, newest = house.chain.newest()
        if house.chain.deployment is not None:
            house.chain.demand_pins()
    except RegistryError as error:
        return _refused(error)
    except PinError as error:
        return Finding(
            False, "区块链不是本网络，不写入任何内容", f"not our network, nothing is written: {error}"
        )
    house.pace.saw(number, newest.time)
    age = max(0, house.now - newest.time)
    figures = {"chain_block": number, "chain_age_seconds": age}
    return Finding(True, f"第{number}块，{age}秒前", f"block {number}, {age} seconds old", figures)


def _waiting(session: Session, which: ColumnElement[bool]) -> tuple[int, int]:
    """How many licences, and the oldest's time. Each by an index: a million final ones are not looked at."""
    count, oldest = session.exec(select(func.count(), func.min(Licence.iat)).where(which)).one()
    return count, oldest or sys.maxsize


def _anchoring(house: House) -> Finding:
    with house.store.read() as session:
        unsealed = _waiting(session, col(Licence.batch).is_(None))
        under_way = select(Batch.id).where(Batch.state != BatchState.FINAL)
        sealed = _waiting(session, col(Licence.batch).in_(under_way))
        waiting, oldest = unsealed[0] + sealed[0], min(unsealed[1], sealed[1])
        batches = _count(session, Batch, col(Batch.state).in_([BatchState.SEALED, BatchState.PREPARED]))
        acts = _count(session, StatusAct, col(StatusAct.state).in_([ActState.RECORDED, ActState.PREPARED]))
        aside = _count(session, Batch, Batch.state == BatchState.QUARANTINED)
        aside += _count(session, StatusAct, StatusAct.state == ActState.QUARANTINED)
    lag = max(0, house.now - oldest) if waiting else 0
    figures = {
        "unanchored_licences": waiting,
        "anchor_lag_seconds": lag,
        "batches_open": batches,
        "acts_open": acts,
        "quarantined": aside,
    }
    zh = f"{waiting}份待上链，最久{lag}秒，{aside}项搁置"
    en = f"{waiting} licences wait, the oldest for {lag} seconds; {aside} batches or acts set aside"
    return Finding(lag <= LAG and not aside, zh, en, figures)


def _count(session: Session, table: Any, where: Any) -> int:
    return session.exec(select(func.count()).select_from(table).where(where)).one()


def _holds(house: House) -> Finding:
    with house.store.read() as session:
        held = session.exec(select(Hold.department).order_by(col(Hold.department))).all()
    figures = {"holds": len(held)}
    if not held:
        return Finding(True, "无", "none", figures)
    names = ", ".join(str(number) for number in held)
    return Finding(False, f"只读的部门：{names}", f"read-only departments: {names}", figures)


def _disk(house: House) -> Finding:
    free = shutil.disk_usage(house.settings.home).free
    mib = free // 2**20
    return Finding(free >= ROOM, f"剩余{mib}MiB", f"{mib} MiB left", {"disk_free_bytes": free})


@dataclass(slots=True)
class _Beats:
    """Whether somebody works: the beats of all leases together grow. No clocks of other machines are compared."""

    house: House
    _sum: int = -1
    _since: float = 0.0

    def look(self) -> Finding:
        with self.house.store.read() as session:
            departments = _count(session, Department, Department.admitted_at != 0)
            rows = session.exec(select(Lease)).all()
        held, beats = sum(1 for row in rows if row.holder), sum(row.beat for row in rows)
        if beats != self._sum:
            self._sum, self._since = beats, time.monotonic()
        silent = round(time.monotonic() - self._since, 1)
        figures = {"departments": departments, "leases_held": held, "worker_silent_seconds": silent}
        well = held == departments and silent <= 2 * self.house.settings.lease
        zh = f"{departments}个部门中{held}个有上链服务，最近心跳{silent}秒前"
        en = f"{held} of {departments} departments have a worker, whose last beat was {silent} seconds ago"
        return Finding(well, zh, en, figures)
