"""Ten times more than can be done, and being told to stop: whoever is let in is served, and nothing else happens."""

import asyncio
import os
import signal
import socket
import threading
import time

import httpx
import pytest
from sqlmodel import select

from registry.signer import Role
from registry.signer_client import SignerClient
from registry.tables import Idempotency, Licence
from scripts.stack import Ports
from tests.doors.crowd import Order, Seen, come, licences, verdicts
from tests.doors.running import Process, Running, issue
from tests.registry.office import Office

pytestmark = pytest.mark.alone
MOST = 512 * 2**20
TEN_TIMES = 160


@pytest.fixture(scope="module")
def verifier(house: Running, web: Process) -> Process:
    port = str(Ports.free().verifier)
    made = house.start(["verifier"], ELICENCE_VERIFIER_PORT=port, ELICENCE_MIRROR=f"{web.url}/public")
    assert httpx.get(f"{made.url}/readyz").status_code == 200
    return made


def in_the_background(
    process: Process, order: Order, clients: int, seconds: float
) -> tuple[threading.Thread, list[Seen]]:
    found: list[Seen] = []
    thread = threading.Thread(
        target=lambda: found.append(asyncio.run(come(process.url, order, clients, seconds=seconds)))
    )
    thread.start()
    return thread, found


def overload(process: Process, order: Order, good: int) -> Seen:
    """Far more clients than places: what they saw; demands what must hold of every door."""
    began, used = time.monotonic(), process.processor()
    thread, found = in_the_background(process, order, TEN_TIMES, 5.0)
    health, memory = [], 0
    while thread.is_alive():
        asked = time.monotonic()
        assert httpx.get(f"{process.url}/healthz", timeout=10).status_code == 200
        health.append(time.monotonic() - asked)
        memory = max(memory, process.memory())
        time.sleep(0.2)
    (seen,), share = found, (process.processor() - used) / (time.monotonic() - began)
    p50, p99 = (round(seen.percentile(part, good), 3) for part in (0.5, 0.99))
    told = f"{dict(seen.statuses)}, p50 {p50}, p99 {p99}, health {max(health):.3f}, {memory // 2**20} MiB"
    print(told, f"share of a processor {share:.2f}")
    assert set(seen.statuses) == {good, 429}, told
    assert seen.unanswered == set()
    assert p99 * _had(share) < 1.0, told
    assert memory < MOST, told
    return seen


def _had(share: float) -> float:
    """What a second was worth to the process: all of it, or where others crowd this machine, what they left it."""
    crowded = os.getloadavg()[0] > (os.cpu_count() or 1)
    return min(1.0, share) if crowded else 1.0


def test_under_ten_times_the_load_there_are_answers_and_429s_and_nothing_else(
    house: Running, office: Office
) -> None:
    web = house.web()
    assert issue(web, office, "overload-first").status_code == 202
    seen = overload(web, licences(office), 202)
    assert seen.statuses[202] > 20
    with office.house.store.read() as session:
        assert seen.ids <= set(session.exec(select(Licence.id)))
    assert len(seen.ids) == seen.statuses[202]
    assert issue(web, office, "overload-last").status_code == 202
    web.stop()


def test_a_verifier_under_ten_times_the_load_answers_or_says_429(office: Office, verifier: Process) -> None:
    licence = office.issue()
    office.settle()
    overload(verifier, verdicts(office.show(licence).paper()), 200)


def test_told_to_stop_under_load_the_registry_says_so_and_finishes_what_it_let_in(
    house: Running, office: Office
) -> None:
    web = house.web(ELICENCE_LINGER="1")
    issue(web, office, "stop-first")
    thread, found = in_the_background(web, licences(office), 30, 4.0)
    time.sleep(0.7)
    web.popen.send_signal(signal.SIGTERM)
    began = time.monotonic()
    time.sleep(0.1)
    told = httpx.get(f"{web.url}/readyz", timeout=5)
    assert (told.status_code, told.json()["status"]) == (503, "stopping")
    assert web.popen.wait(10) == 0
    assert time.monotonic() - began < 10
    thread.join()
    (seen,) = found
    assert set(seen.statuses) <= {202, 429}
    assert seen.statuses[202] > 5
    with office.house.store.read() as session:
        done = set(session.exec(select(Idempotency.key)))
        assert seen.ids <= set(session.exec(select(Licence.id)))
    assert not seen.unanswered & done, "done, and not said"


def test_the_signer_answers_whoever_is_connected_and_ends_with_0(office: Office, house: Running) -> None:
    path = office.stack.settings.socket
    aside = path.with_suffix(".aside")
    path.rename(aside)
    second = house.start(["registry", "signer"])
    try:
        with socket.socket(socket.AF_UNIX) as link:
            link.connect(str(path))
            time.sleep(0.1)
            second.popen.send_signal(signal.SIGTERM)
            time.sleep(0.2)
            link.sendall(b'{"deed": "alive"}\n')
            assert link.recv(100) == b'{"done": true}\n'
        assert second.popen.wait(10) == 0
    finally:
        aside.rename(path)
    assert SignerClient(path).account(1, Role.ANCHOR).startswith("0x")


def test_the_worker_ends_with_0_in_the_middle_of_its_work(office: Office, house: Running) -> None:
    office.issue()
    worker = house.start(["registry", "worker"])
    time.sleep(0.5)
    status, seconds = worker.stop()
    assert (status, seconds < 10) == (0, True)
    silent = socket.create_server(("127.0.0.1", 0))  # a node that takes every question and answers none
    told = f"http://127.0.0.1:{silent.getsockname()[1]}"
    worker = house.start(["registry", "worker"], ELICENCE_CHAIN_URL=told)
    time.sleep(0.5)
    status, seconds = worker.stop()
    silent.close()
    assert (status, seconds < 10) == (0, True)
    office.settle()


def test_the_verifier_ends_with_0(verifier: Process) -> None:
    status, seconds = verifier.stop()
    assert (status, seconds < 10) == (0, True)
