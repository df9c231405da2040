"""The worker: takes batches and acts to the chain, again and again. It may be killed at any moment.

It has no keys of its own, and it is alone: a lock on a file keeps a second one out.
"""

import fcntl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog
from sqlmodel import col, select

from contracts.deployment import PinError
from registry import acts, anchoring, onboarding
from registry.chain import TransactionRefusedError
from registry.errors import ConflictError, RegistryError, UnreachableError
from registry.house import House
from registry.issuing import BLOCK
from registry.tables import Licence, StatusList

log = structlog.get_logger("worker")
_PAUSE = 0.1
_BACK_OFF = 1.0


@contextmanager
def alone(home: Path) -> Iterator[None]:
    """Holds the worker's lock.

    Raises:
        ConflictError: another worker holds it.
    """
    path = home / "worker.lock"
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ConflictError(
                "已有上链服务在运行", f"another worker runs on {home}: stop it first"
            ) from error
        yield


def run(house: House, stop: threading.Event) -> None:
    """Works until `stop` is set. A chain or signer that is away is waited for."""
    with alone(house.settings.home):
        while not stop.is_set():
            try:
                busy = round_(house)
            except UnreachableError as error:
                log.warning("waiting", why=error.en)
                stop.wait(_BACK_OFF)
            except PinError as error:
                log.error("not our chain: nothing is written", why=str(error))
                stop.wait(5 * _BACK_OFF)
            else:
                stop.wait(_PAUSE if not busy else _PAUSE / 4)


def round_(house: House, force: bool = False) -> bool:
    """One round: seals what is ripe, and takes every open batch and act one step. Whether anything is on its way.

    Raises:
        UnreachableError: the chain, the signer or the store does not answer.
        PinError: the node is another network.
    """
    anchoring.seal(house, force)
    batches, pending = anchoring.open_batches(house), acts.open_acts(house)
    with _tolerating():
        _keep_lists_open(house)
    if not batches and not pending:
        return False
    house.chain.demand_pins()
    for batch in batches:
        with _tolerating():
            anchoring.advance(house, batch)
    for act in pending:
        with _tolerating():
            acts.advance(house, act)
    return True


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


def run_until_idle(house: House, seconds: float = 120) -> None:
    """Works until nothing is on its way.

    Raises:
        UnreachableError: the chain or signer is away, or it took longer than `seconds`.
    """
    end = time.monotonic() + seconds
    with alone(house.settings.home):
        while round_(house, force=True):
            if time.monotonic() > end:
                raise UnreachableError(
                    "上链超时，请稍后再试", "anchoring takes longer than expected: see the log"
                )
            time.sleep(_PAUSE / 4)


@contextmanager
def _tolerating() -> Iterator[None]:
    """A refusal concerns one batch or act: the others go on."""
    try:
        yield
    except UnreachableError:
        raise
    except (TransactionRefusedError, RegistryError) as error:
        log.error("step refused", why=error.en)


def _keep_lists_open(house: House) -> None:
    """A department whose last list is in its last block gets the next list in time."""
    with house.store.read() as session:
        newest = {row.department: row for row in session.exec(select(StatusList).order_by("id"))}
    for department, list_ in newest.items():
        if (list_.block + 1) * BLOCK >= list_.size:
            onboarding.open_list(house, department)
