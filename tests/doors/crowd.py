"""Many clients at once that do not wait to be asked: bounded, on loopback, each on a connection of its own."""

import asyncio
import itertools
import json
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias
from urllib.parse import urlsplit

from tests.doors.running import BUSINESS, company
from tests.registry.office import Office

JSON = {"content-type": "application/json"}
_NUMBERS = itertools.count(100_000)


@dataclass
class Seen:
    """What the clients saw: of each answer the status and the seconds, of each 202 the id; keys without an answer."""

    answers: list[tuple[int, float]] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)
    unanswered: set[str] = field(default_factory=set)

    @property
    def statuses(self) -> Counter[int]:
        return Counter(status for status, _ in self.answers)

    def percentile(self, share: float, status: int = 202) -> float:
        times = sorted(seconds for found, seconds in self.answers if found == status)
        return times[min(len(times) - 1, int(share * len(times)))]


Order: TypeAlias = Callable[[], tuple[str, bytes]]


def licences(office: Office) -> Order:
    """Asks for a licence, each of another company, each with a key of its own."""
    values = office.business()

    def order() -> tuple[str, bytes]:
        number = next(_NUMBERS)
        body = json.dumps({"type": BUSINESS, "values": {**values, "creditCode": company(number)}}).encode()
        key = f"crowd-{number}"
        return key, _request("/api/v1/licences", body, office.headers(1, key))

    return order


def verdicts(text: str) -> Order:
    """Asks for a verdict on the same presentation."""
    request = _request("/api/v1/verify", json.dumps({"presentation": text}).encode(), {})
    return lambda: ("", request)


def _request(path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
    head = {**headers, "host": "x", **JSON, "content-length": str(len(body))}
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    return f"POST {path} HTTP/1.1\r\n{lines}\r\n".encode() + body


async def visit(url: str, order: Order, seconds: float, seen: Seen) -> None:
    """One client: asks, hears, asks again, until the time is over or nobody listens any more."""
    parts, end = urlsplit(url), time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        except OSError:
            return
        while time.monotonic() < end and await _ask(reader, writer, order(), seen):
            pass
        writer.close()


async def _ask(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, question: tuple[str, bytes], seen: Seen
) -> bool:
    """One request; whether the connection may be used again."""
    key, data = question
    began = time.monotonic()
    try:
        writer.write(data)
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.decode().lower().split("\r\n")
        size = next(int(line.partition(":")[2]) for line in lines if line.startswith("content-length"))
        body = json.loads(await reader.readexactly(size))
    except (OSError, asyncio.IncompleteReadError):
        seen.unanswered.add(key)
        return False
    status = int(lines[0].split()[1])
    seen.answers.append((status, time.monotonic() - began))
    if status == 202:
        seen.ids.add(body["id"])
    if status == 429:
        await asyncio.sleep(0.2)
    return "connection: close" not in lines


async def come(url: str, order: Order, clients: int, *, seconds: float) -> Seen:
    """So many clients for so long."""
    seen = Seen()
    await asyncio.gather(*(visit(url, order, seconds, seen) for _ in range(clients)))
    return seen
