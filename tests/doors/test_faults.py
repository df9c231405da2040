"""The disk is full or fails, the database is locked: nothing gets a 2xx that is not kept; what can recover does."""

import os
import signal
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from sqlmodel import select

from registry.tables import Licence
from tests.doors.running import Process, Running, demand_root, issue
from tests.registry.office import Office

LOCKED = float(os.environ.get("TEST_LOCKED_SECONDS", "12"))  # scripts/soak: 30


def readiness(web: Process) -> tuple[int, dict[str, bool]]:
    found = httpx.get(f"{web.url}/readyz", timeout=10)
    return found.status_code, {part["name"]: part["ok"] for part in found.json()["parts"]}


def stored(office: Office) -> set[str]:
    with office.house.store.read() as session:
        return set(session.exec(select(Licence.id)))


@contextmanager
def full(disk: Path) -> Iterator[None]:
    """No block is left on the disk inside the block."""
    filler = disk / "filler"
    room = os.statvfs(disk)
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, room.f_bavail * room.f_frsize)
    try:
        yield
    finally:
        filler.unlink()


def test_on_a_full_disk_nothing_gets_a_2xx_and_all_goes_on_once_there_is_room(
    house: Running, office: Office, disk: Path
) -> None:
    demand_root("a small disk (tmpfs)")
    web = house.web()
    kept, answers = set(), []
    assert issue(web, office, "full-before").status_code == 202
    with full(disk):
        for number in range(400):
            answer = issue(web, office, f"full-{number}")
            answers.append(answer)
            if answer.status_code == 202:
                kept.add(answer.json()["id"])  # the log still had room in blocks it had taken before
            elif len([each for each in answers if each.status_code != 202]) >= 3:
                break
        refused = [each for each in answers if each.status_code != 202]
        assert len(refused) >= 3
        assert {each.status_code for each in refused} == {507}
        assert refused[0].json()["type"] == "urn:elicence:no_space"
        assert refused[0].headers["retry-after"] == "5"
        status, parts = readiness(web)
        assert (status, parts["database"]) == (503, False)
    assert issue(web, office, "full-after").status_code == 202
    time.sleep(1.1)  # a look is kept for a second
    assert readiness(web)[0] == 200
    assert kept <= stored(office)
    with sqlite3.connect(disk / "registry.db") as opened:
        assert opened.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    opened.close()
    office.settle()


@contextmanager
def failing_syncs(web: Process) -> Iterator[None]:
    """Every fdatasync and fsync of the process fails with EIO inside the block."""
    told = ["strace", "-f", "-p", str(web.popen.pid), "-e", "trace=fdatasync,fsync"]
    inject = ["-e", "inject=fdatasync,fsync:error=EIO:when=1+"]
    tracer = subprocess.Popen([*told, *inject], stderr=subprocess.PIPE)
    assert tracer.stderr is not None
    while b"attached" not in tracer.stderr.readline():
        assert tracer.poll() is None, "strace cannot attach"
    drained = threading.Thread(target=tracer.stderr.read)
    drained.start()
    try:
        yield
    finally:
        tracer.send_signal(signal.SIGINT)
        tracer.wait(10)
        drained.join()
        tracer.stderr.close()


def test_after_a_sync_that_failed_nothing_more_is_written_until_a_restart(
    house: Running, office: Office
) -> None:
    demand_root("failing syncs (strace)")
    web = house.web()
    before = issue(web, office, "sync-before")
    assert before.status_code == 202
    with failing_syncs(web):
        lost = issue(web, office, "sync-lost")
    assert (lost.status_code, lost.json()["type"]) == (503, "urn:elicence:stopped")
    assert "start it again" in lost.json()["title"]
    # The disk is well again; what the failed sync left behind is not known to be.
    for number in range(3):
        later = issue(web, office, f"sync-later-{number}")
        assert (later.status_code, later.json()["type"]) == (503, "urn:elicence:stopped")
    assert readiness(web)[0] == 503
    listed = httpx.get(f"{web.url}/api/v1/licences", headers=office.headers())
    assert listed.status_code == 200
    assert web.stop()[0] == 0
    again = house.web()
    assert issue(again, office, "sync-lost").status_code == 202
    assert before.json()["id"] in stored(office)
    again.stop()


def test_while_the_database_is_locked_writers_are_told_to_wait_and_nothing_piles_up(
    house: Running, web: Process, office: Office, disk: Path
) -> None:
    issue(web, office, "lock-before")
    locker = sqlite3.connect(disk / "registry.db", isolation_level=None)
    locker.execute("BEGIN IMMEDIATE")  # as another process would: it is this one
    began, threads = time.monotonic(), web.threads()
    answers: list[tuple[httpx.Response, float]] = []

    def ask(number: int) -> None:
        for turn in range(2):
            asked = time.monotonic()
            answers.append((issue(web, office, f"lock-{number}-{turn}"), time.monotonic() - asked))

    clients = [threading.Thread(target=ask, args=(number,)) for number in range(20)]
    for client in clients:
        client.start()
    time.sleep(2)
    asked = time.monotonic()
    assert readiness(web)[1]["database"] is False
    assert time.monotonic() - asked < 3
    health = httpx.get(f"{web.url}/healthz", timeout=2)
    assert health.status_code == 200
    most = web.threads()
    for client in clients:
        client.join()
    while time.monotonic() - began < LOCKED:
        time.sleep(0.1)
    locker.rollback()
    locker.close()
    assert {answer.status_code for answer, _ in answers} == {503, 429}
    assert all("retry-after" in answer.headers for answer, _ in answers)
    assert max(seconds for _, seconds in answers) < 7
    assert most <= threads + 24
    assert issue(web, office, "lock-after").status_code == 202
    assert readiness_soon(web) == 200


def readiness_soon(web: Process, seconds: float = 8) -> int:
    """The readiness within these seconds: 200 as soon as it is."""
    end = time.monotonic() + seconds
    while (status := readiness(web)[0]) != 200 and time.monotonic() < end:
        time.sleep(0.2)
    return status
