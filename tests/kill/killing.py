"""One run: clients issue, processes are killed, all comes to rest, and the invariants are looked up."""

import signal
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from sqlalchemy import func
from sqlmodel import col, select

from registry import worker
from registry.house import House, build
from registry.tables import ActState, Batch, BatchState, Licence, StatusAct
from scripts.stack import Ports
from tests.kill.clients import Client, Gate, Ledger
from tests.kill.invariants import broken
from tests.kill.plan import STANDING, Strike, strikes
from tests.kill.system import System
from tests.kill.watching import Watch

CLIENTS = 8
_POINT_PATIENCE = 8.0
_READY = 60.0
_STILL = 60.0


@dataclass(frozen=True, slots=True)
class Run:
    """What is asked for: licences, kills, the seed, the database's URL (empty: SQLite), a planted fault or none."""

    licences: int
    kills: int
    seed: int
    database: str = ""
    planted: str = ""


@dataclass(slots=True)
class Report:
    """What came of it."""

    violations: list[str] = field(default_factory=list)
    points: Counter[str] = field(default_factory=Counter)
    victims: Counter[str] = field(default_factory=Counter)
    restarts: list[float] = field(default_factory=list)
    kills: int = 0
    errors: int = 0
    acts: int = 0
    looks: int = 0
    seconds: float = 0.0
    phases: dict[str, float] = field(default_factory=dict)
    answers: list[float] = field(default_factory=list)


def run(wanted: Run, tell: Callable[[str], None] = lambda line: None) -> Report:
    """Kills a system of its own, in a folder of its own, and reports.

    Raises:
        AssertionError: it did not come up again, or to rest.
    """
    begun, report, ledger = time.monotonic(), Report(), Ledger()
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="elicence-kill-")))
        system = System(home / "home", Ports.free(), database_url=wanted.database, planted=wanted.planted)
        stack.callback(system.stop)
        system.found()
        report.phases["found"] = time.monotonic() - begun
        clients = [
            Client(
                system.registry, system.logins, ledger, range(n, wanted.licences, CLIENTS), wanted.seed + n
            )
            for n in range(CLIENTS)
        ]
        watch = Watch(system, ledger)
        for thread in (*clients, watch):
            thread.start()
        for point in STANDING:
            system.arm(point)
        _strike_all(system, wanted, ledger.gate, report, tell)
        report.phases["killed"] = time.monotonic() - begun
        _let_finish(system, clients)
        house = build(system.settings)
        stack.callback(house.store.close)
        stuck = _come_to_rest(system, house)
        report.phases["rested"] = time.monotonic() - begun
        report.points.update(point for point in STANDING if system.hit(point))
        watch.stop.set()
        watch.join(30)
        report.violations = [*stuck, *broken(system, house, ledger, wanted.licences)]
        report.errors, report.acts, report.looks = ledger.errors, len(ledger.acts), watch.invalid
        report.answers = sorted(ledger.seconds)
    report.seconds = time.monotonic() - begun
    return report


def _strike_all(system: System, wanted: Run, gate: Gate, report: Report, tell: Callable[[str], None]) -> None:
    """With every kill its share of the licences: there is work whenever somebody dies."""
    for strike in strikes(wanted.seed, wanted.kills):
        share = wanted.licences * (report.kills + 1) // wanted.kills
        if strike.point:
            _strike_at(system, strike, report, partial(gate.open, share))
        else:
            gate.open(share)
            time.sleep(strike.wait)
            _strike_now(system, strike.victims, report)
        report.kills += 1
        report.restarts.append(_revive(system))
        what = strike.point or "+".join(strike.victims)
        tell(f"kill {report.kills}/{wanted.kills}: {what}, {report.restarts[-1]:.1f} s")


def _strike_now(system: System, victims: tuple[str, ...], report: Report) -> None:
    for name in victims:
        if system.processes[name].poll() is None:
            system.processes[name].send_signal(signal.SIGKILL)
    for name in victims:
        system.processes[name].wait(10)
        report.victims[name] += 1


def _strike_at(system: System, strike: Strike, report: Report, let_in: Callable[[], None]) -> None:
    """Arms a point and waits until somebody has died there; a point that nobody passes in time is given up."""
    system.arm(strike.point)
    let_in()
    end = time.monotonic() + _POINT_PATIENCE
    while not system.hit(strike.point) and time.monotonic() < end:
        system.revive()
        time.sleep(0.02)
    if system.hit(strike.point):
        report.points[strike.point] += 1
    else:
        _strike_now(system, ("registry", "worker", "worker2"), report)
    time.sleep(0.05)
    system.disarm(strike.point)


def _revive(system: System) -> float:
    system.revive()
    return system.await_ready(_READY)


def _let_finish(system: System, clients: list[Client]) -> None:
    while any(client.is_alive() for client in clients):
        system.revive()
        clients[0].join(0.2)
        threading.Event().wait(0.1)


def _come_to_rest(system: System, house: House) -> list[str]:
    """Acts go one by one, so many take long; but never may a minute pass without a step."""
    left, since = _left(house), time.monotonic()
    while any(left) and time.monotonic() < since + _STILL:
        system.revive()
        time.sleep(0.2)
        now = _left(house)
        if now != left:
            left, since = now, time.monotonic()
    system.await_ready(_READY)
    time.sleep(5)  # the verifier shows what is effective within 5 s
    return [f"I2: no step for {_STILL:.0f} s: {left} left"] if any(left) else []


def _left(house: House) -> tuple[int, int, int, int]:
    """Licences in no batch, batches and acts under way, departments held up."""
    with house.store.read() as session:
        unsealed = session.exec(select(func.count()).where(col(Licence.batch).is_(None))).one()
        batches = session.exec(select(func.count()).where(Batch.state != BatchState.FINAL)).one()
        acts = session.exec(select(func.count()).where(StatusAct.state != ActState.EFFECTIVE)).one()
    return unsealed, batches, acts, len(worker.held_up(house))
