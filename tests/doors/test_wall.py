"""The wall: how much is let in, how much a request may bring, how long it may take; what stopping means for it."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import httpx
import pytest

from scripts.stack import ROOT, Ports
from tests.doors.running import Process

SETTINGS = {
    "ELICENCE_WORKING": "2",
    "ELICENCE_WAITING": "3",
    "ELICENCE_TURN": "5",
    "ELICENCE_BODY_SECONDS": "0.6",
    "ELICENCE_REQUEST_SECONDS": "1.5",
    "ELICENCE_DRAIN": "3",
    "ELICENCE_LINGER": "0",
}


@contextmanager
def plain(folder: Path, **environment: str) -> Iterator[Process]:
    port, log = Ports.free().registry, folder / "plain.log"
    with log.open("wb") as out:
        popen = subprocess.Popen(
            [sys.executable, "-m", "tests.doors.plain", str(port)],
            cwd=ROOT,
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**os.environ, **SETTINGS, **environment},
        )
    process = Process(popen, log, f"http://127.0.0.1:{port}")
    try:
        process.await_ready()
        yield process
    finally:
        popen.kill()
        popen.wait()


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    with plain(tmp_path_factory.mktemp("plain")) as process:
        yield process


def raw(door: Process, *parts: bytes, pause: float = 0.0) -> bytes:
    """What comes back when these bytes are sent, until the other side closes or is silent."""
    with socket.create_connection(("127.0.0.1", int(door.url.rpartition(":")[2])), 5) as link:
        for part in parts:
            link.sendall(part)
            time.sleep(pause)
        answer = b""
        while part := link.recv(65536):
            answer += part
            if b"\r\n\r\n" in answer and b"close" not in answer:
                return answer
    return answer


def asked(door: Process, path: str, count: int) -> list[int]:
    """The statuses of so many requests at once."""
    found: list[int] = []

    def ask() -> None:
        link = HTTPConnection("127.0.0.1", int(door.url.rpartition(":")[2]), timeout=30)
        link.request("GET", path)
        found.append(link.getresponse().status)
        link.close()

    threads = [threading.Thread(target=ask) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_an_ordinary_body_of_64_kib_is_let_in_and_one_byte_more_is_not(door: Process) -> None:
    assert httpx.post(f"{door.url}/x", content=b"x" * 65536).text == "65536"
    refused = httpx.post(f"{door.url}/x", content=b"x" * 65537)
    assert (refused.status_code, refused.headers["content-type"]) == (413, "application/problem+json")
    assert refused.json() == {
        "type": "urn:elicence:too_large",
        "title": "at most 65536 bytes expected",
        "title_zh": "请求过大，最多65536字节",
        "status": 413,
    }


def test_a_route_for_documents_has_a_limit_of_its_own(door: Process) -> None:
    assert httpx.post(f"{door.url}/upload", content=b"x" * 2**20).text == str(2**20)
    assert httpx.post(f"{door.url}/upload", content=b"x" * (2**20 + 1)).status_code == 413


@pytest.mark.parametrize("path", ["/x", "/upload"])
def test_a_body_whose_length_was_not_said_is_counted_while_it_comes(door: Process, path: str) -> None:
    def parts() -> Iterator[bytes]:
        yield from [b"x" * 8192] * 200

    assert httpx.post(door.url + path, content=parts()).status_code == 413
    assert httpx.post(door.url + path, content=iter([b"x" * 100] * 5)).text == "500"


def test_a_false_length_is_an_error_of_use(door: Process) -> None:
    answer = raw(door, b"POST /x HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999999999999\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413 ")
    answer = raw(door, b"POST /x HTTP/1.1\r\nhost: x\r\ncontent-length: x\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400 ")


def test_a_body_that_does_not_come_is_not_waited_for(door: Process) -> None:
    began = time.monotonic()
    answer = raw(door, b"POST /x HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nx")
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"urn:elicence:slow_body" in answer
    assert time.monotonic() - began < 3


def test_headers_without_end_are_refused(door: Process) -> None:
    answer = raw(door, b"GET /x HTTP/1.1\r\nhost: x\r\nx: " + b"y" * 40_000)
    assert answer.startswith(b"HTTP/1.1 400 ")


def test_beyond_those_at_work_and_those_that_wait_everybody_is_told_to_come_again(door: Process) -> None:
    assert sorted(asked(door, "/thread/0.7", 12)) == [200] * 5 + [429] * 7
    refused = httpx.get(f"{door.url}/metrics").text
    assert 'elicence_turned_away_total{why="busy"}' in refused
    assert asked(door, "/thread/0", 5) == [200] * 5


def test_who_cannot_be_served_in_time_is_told_and_keeps_his_turn_until_the_work_has_ended(
    door: Process,
) -> None:
    began = time.monotonic()
    slow = httpx.get(f"{door.url}/thread/2.5", timeout=10)
    assert (slow.status_code, slow.json()["type"]) == (503, "urn:elicence:too_slow")
    assert "Idempotency-Key" in slow.json()["title"]
    assert 1.4 < time.monotonic() - began < 2.4
    inside = 'elicence_requests_inside{lane="small",state="working"}'
    assert f"{inside} 1.0" in httpx.get(f"{door.url}/metrics").text
    time.sleep(max(0.0, began + 3.2 - time.monotonic()))
    assert f"{inside} 0.0" in httpx.get(f"{door.url}/metrics").text


def test_the_operator_is_heard_while_all_places_are_taken(door: Process) -> None:
    crowd = threading.Thread(target=asked, args=(door, "/thread/0.6", 10))
    crowd.start()
    time.sleep(0.2)
    began = time.monotonic()
    assert httpx.get(f"{door.url}/metrics").status_code == 200
    assert time.monotonic() - began < 0.5
    crowd.join()


def test_a_path_that_a_caller_made_up_is_no_label(door: Process) -> None:
    httpx.get(f"{door.url}/a-persons-name")
    assert "a-persons-name" not in httpx.get(f"{door.url}/metrics").text


def test_told_to_stop_it_finishes_what_was_let_in_and_ends_with_0(tmp_path: Path) -> None:
    with plain(tmp_path) as process:
        found: list[int] = []
        crowd = threading.Thread(target=lambda: found.extend(asked(process, "/thread/0.5", 5)))
        crowd.start()
        time.sleep(0.3)
        status, seconds = process.stop()
        crowd.join()
    assert (status, found) == (0, [200] * 5)
    assert seconds < 3


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_what_does_not_end_is_cut_off_and_said(tmp_path: Path, number: signal.Signals) -> None:
    with plain(tmp_path, ELICENCE_REQUEST_SECONDS="60", ELICENCE_DRAIN="1") as process:
        link = socket.create_connection(("127.0.0.1", int(process.url.rpartition(":")[2])))
        link.sendall(b"GET /thread/30 HTTP/1.1\r\nhost: x\r\n\r\n")
        time.sleep(0.3)
        status, seconds = process.stop(number)
        link.close()
        assert "1 requests took too long and were cut off" in process.text
    assert (status, seconds < 3) == (1, True)
