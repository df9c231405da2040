"""The worker: takes batches and acts to the chain, again and again. It may be killed at any moment.

It has no keys of its own. Several may run: for each department one holds the lease and works, the others stand by.
"""

import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress

import structlog
from sqlmodel import col, select

from contracts.deployment import PinError
from registry import acts, anchoring, onboarding
from registry.chain import TransactionRefusedError
from registry.checking import check
from registry.errors import ConflictError, ObjectsUnreachableError, RegistryError, UnreachableError
from registry.house import House
from registry.issuing import BLOCK, is_closed
from registry.leases import LeaseLostError, Leases
from registry.tables import Hold, Licence, StatusList

log = structlog.get_logger("worker")
_PAUSE = 0.1
_BACK_OFF = 1.0
CHECK_EVERY = 10.0
SWEPT_AFTER = 30.0
CHECK_HELD_EVERY = 2.0  # a node that lied for a moment holds nobody up for long


def run(house: House, stop: threading.Event) -> None:
    """Works until `stop` is set. A chain or signer that is away is waited for."""
    leases, checked = Leases(house), float("-inf")
    while not stop.is_set():
        try:
            leases.tend()
            if time.monotonic() - checked > (CHECK_HELD_EVERY if held_up(house) else CHECK_EVERY):
                check(leases)
                sweep(house)
                checked = time.monotonic()
            busy = round_(leases)
        except (UnreachableError, LeaseLostError) as error:
            log.warning("waiting", why=error.en)
            stop.wait(_BACK_OFF)
        except OSError as error:
            log.error("waiting", why=f"a disk: {error.strerror}")
            stop.wait(_BACK_OFF)
        except PinError as error:
            log.error("not our chain: nothing is written", why=str(error))
            stop.wait(5 * _BACK_OFF)
        else:
            stop.wait(_PAUSE if not busy else _PAUSE / 4)
    with suppress(UnreachableError):  # whoever comes next takes over a little later
        leases.release()


def sweep(house: House) -> None:
    """Removes what writes that a crash cut short left in the stores of objects; one that is away is swept later."""
    for objects in (house.objects, house.publisher.files):
        try:
            objects.sweep(SWEPT_AFTER)
        except ObjectsUnreachableError as error:
            log.warning("not swept", why=error.en)


def round_(leases: Leases, force: bool = False) -> bool:
    """One round: seals what is ripe, and takes every open batch and act one step. Whether anything is on its way.

    Raises:
        UnreachableError: the chain, the signer or the store does not answer.
        PinError: the node is another network.
    """
    house = leases.house
    seal(leases, force)
    free = _free(house, leases)
    batches = [batch for batch in anchoring.open_batches(house) if batch.department in free]
    pending = [act for act in acts.open_acts(house) if act.department in free]
    with _tolerating():
        _keep_lists_open(house, free)
    if not batches and not pending:
        return False
    house.chain.demand_pins()
    for act in (
        pending
    ):  # first: a store of objects that is away stops batches alone, a revocation never waits for it
        with _tolerating():
            acts.advance(leases, act)
    for batch in batches:
        with _tolerating():
            anchoring.advance(leases, batch)
    return True


def seal(leases: Leases, force: bool = False) -> None:
    """Seals what is ripe."""
    with _tolerating():
        anchoring.seal(leases, force)


def _free(house: House, leases: Leases) -> set[int]:
    """The departments that are ours to work for, and not held up."""
    return set(leases.held) - held_up(house)


def held_up(house: House) -> set[int]:
    """The departments whose chain knows more than the store."""
    with house.store.read() as session:
        return set(session.exec(select(Hold.department)).all())


def is_idle(house: House) -> bool:
    """Whether nothing is on its way."""
    with house.store.read() as session:
        unsealed = session.exec(select(Licence.row).where(col(Licence.batch).is_(None))).first()
    return unsealed is None and not anchoring.open_batches(house) and not acts.open_acts(house)


def wait_idle(house: House, seconds: float = 120) -> None:
    """Waits until the running worker has taken everything to the chain.

    Raises:
        UnreachableError: it takes longer than `seconds`.
    """
    end = time.monotonic() + seconds
    while not is_idle(house):
        if time.monotonic() > end:
            raise UnreachableError(
                "上链超时，请稍后再试", "anchoring takes longer than expected: see the worker's log"
            )
        time.sleep(0.1)


def work_until(house: House, done: Callable[[], bool], seconds: float = 120) -> None:
    """Waits until `done`: a worker that lives does the work, and where none does, this process.

    Raises:
        UnreachableError: the chain or signer is away, or it took longer than `seconds`.
    """
    leases, end = Leases(house), time.monotonic() + seconds
    try:
        while not done():
            if time.monotonic() > end:
                raise UnreachableError(
                    "上链超时，请稍后再运行一次，将从中断处继续",
                    "it is not effective on the chain yet: see the worker's log; run it again, it goes on from there",
                )
            with suppress(LeaseLostError):
                _help(leases)
            time.sleep(_PAUSE)
    finally:
        leases.release()


def _help(leases: Leases) -> None:
    before = set(leases.held)
    leases.tend()
    if set(leases.held) - before:
        check(leases)  # what the chain knows beyond us comes first, as in every round
    if leases.held:
        round_(leases, force=True)


def run_until_idle(house: House, seconds: float = 120) -> None:
    """Works until nothing is on its way.

    Raises:
        UnreachableError: the chain or signer is away, or it took longer than `seconds`.
    """
    leases, end = Leases(house), time.monotonic() + seconds
    _take_all(leases)
    try:
        check(leases)
        while round_(leases, force=True):
            leases.tend()
            if time.monotonic() > end:
                raise UnreachableError(
                    "上链超时，请稍后再试", "anchoring takes longer than expected: see the log"
                )
            time.sleep(_PAUSE / 4)
    finally:
        leases.release()


def _take_all(leases: Leases) -> None:
    """Waits for every lease, as long as a dead holder's takes to end.

    Raises:
        ConflictError: a living worker holds them.
    """
    end = time.monotonic() + 1.5 * leases.house.settings.lease + 1
    leases.tend()
    while len(leases.held) < leases.wanted:
        if time.monotonic() > end:
            raise ConflictError(
                "已有上链服务在运行", "another worker runs on this database: it does the work"
            )
        time.sleep(_PAUSE)
        leases.tend()


@contextmanager
def _tolerating() -> Iterator[None]:
    """A refusal concerns one batch or act: the others go on."""
    try:
        yield
    except UnreachableError:
        raise
    except (TransactionRefusedError, RegistryError) as error:
        log.error("step refused", why=error.en)


def _keep_lists_open(house: House, departments: Collection[int]) -> None:
    """A department whose last list is in its last block gets the next list in time."""
    with house.store.read() as session:
        newest = {row.department: row for row in session.exec(select(StatusList).order_by("id"))}
        ending = [
            department
            for department, list_ in newest.items()
            if (list_.block + 1) * BLOCK >= list_.size or is_closed(session, list_)
        ]
    for department in ending:
        if department in departments:
            onboarding.open_list(house, department)
