"""Registries whose databases are lost and restored: another home with the same keys, over the same chain."""

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlmodel import Session, col, select

from licence import merkle
from registry import worker
from registry.fsck.checking import check
from registry.fsck.finding import Finding, Unsettled
from registry.house import House, build, own_signer
from registry.issuing import open_record
from registry.restoring import EraseAgain, restore
from registry.settings import Settings
from registry.store import leaves_of
from registry.tables import Audit, Batch, Hold, Licence, Sealed
from tests.registry.office import Office


def nothing_erased(house: House, journal: Path) -> int:
    raise AssertionError(f"no journal expected, {journal} found")


def other_home(office: Office, home: Path, url: str) -> Settings:
    """A new machine: the keys were brought from where they are kept, nothing else is there."""
    shutil.copytree(office.house.settings.keys, home / "keys", ignore=shutil.ignore_patterns("*.sock"))
    return office.house.settings.model_copy(update={"home": home, "database_url": url})


@contextmanager
def restored(
    office: Office, file: Path, home: Path, url: str, *, erase_again: EraseAgain = nothing_erased
) -> Iterator[Office]:
    """The office after its database was lost and a backup restored."""
    settings = other_home(office, home, url)
    restore(settings, file, journals=[], erase_again=erase_again)
    house = build(settings, own_signer(settings))
    try:
        yield Office(office.stack, house, office.tokens, office.number + 20)
    finally:
        house.store.close()


@contextmanager
def working(house: House) -> Iterator[None]:
    """A worker that runs."""
    stop = threading.Event()
    thread = threading.Thread(target=worker.run, args=(house, stop))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def hold_of(house: House, department: int = 1) -> str:
    with house.store.read() as session:
        hold = session.get(Hold, department)
        return hold.missing if hold else ""


def await_(state: Callable[[], bool], seconds: float) -> float:
    """How long it took until something was so."""
    started = time.monotonic()
    while not state():
        assert time.monotonic() - started < seconds, "it did not come to be in time"
        time.sleep(0.05)
    return time.monotonic() - started


def demand_sound(house: House) -> None:
    """Every row bears its seal, every batch its leaves, the trail no gap; every record opens."""
    with house.store.read() as session:
        for table in Sealed.__subclasses__():
            for row in session.exec(select(table)).all():
                assert row.seal == house.store.seal_of(row), f"{table.__name__}: a seal that does not fit"
        _demand_batches(session)
        _demand_trail(session)
        for licence in session.exec(select(Licence)).all():
            assert open_record(house, session, licence)[0]


def findings(house: House) -> list[Finding | Unsettled]:
    """What fsck finds."""
    said = check(house.settings, lambda *_: None)
    return [each for each in said if isinstance(each, Finding | Unsettled)]


def _demand_batches(session: Session) -> None:
    before = (0, bytes(32))
    for batch in session.exec(select(Batch).where(Batch.department == 1).order_by(col(Batch.seq))):
        leaves = leaves_of(session, batch.id or 0)
        assert (batch.seq, batch.prev_root) == (before[0] + 1, before[1])
        assert (merkle.root(leaves), len(leaves)) == (batch.root, batch.size)
        before = (batch.seq, batch.root)


def _demand_trail(session: Session) -> None:
    rows = session.exec(select(Audit).where(Audit.department == 1).order_by(col(Audit.seq))).all()
    assert [row.seq for row in rows] == list(range(1, len(rows) + 1))
    assert [row.before for row in rows] == [b"", *[row.seal for row in rows[:-1]]]
