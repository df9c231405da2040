"""A proxy between our processes and a real node: passes JSON-RPC on, and plays the faults it is told to play."""

import asyncio
import json
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import httpx

Message: TypeAlias = dict[str, Any]
Lie: TypeAlias = Callable[["Proxy", Message], Awaitable[Message | None]]
Break: TypeAlias = Callable[["Proxy", asyncio.StreamWriter, bytes], Awaitable[None]]


@dataclass(frozen=True)
class Fault:
    """A lie instead of an answer (None: this one is honest), or a break of the wire, for these methods (none named:
    for all); or nobody listens.
    """

    methods: frozenset[str] = frozenset()
    lie: Lie | None = None
    wire: Break | None = None
    deaf: bool = False

    def concerns(self, method: str) -> bool:
        return not self.methods or method in self.methods


class Proxy:
    """Serves on a port of its own, in a thread of its own. `kept` is what a fault remembers while it is played."""

    def __init__(self, node: str) -> None:
        self._node, self._port = node, 0
        self._faults: tuple[Fault, ...] = ()
        self.kept: dict[str, Any] = {}
        self.met: Counter[str] = Counter()
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server
        self._client: httpx.AsyncClient
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._do(self._open())
        self.url = f"http://127.0.0.1:{self._port}"

    def play(self, *faults: Fault, seconds: float | None = None) -> None:
        """Plays these faults from now on, until `end`, or for some seconds."""
        self._do(self._play(faults))
        if seconds is not None:
            self._loop.call_soon_threadsafe(self._loop.call_later, seconds, self._end_soon)

    def end(self) -> None:
        """Is an honest proxy again."""
        self._do(self._end())

    def close(self) -> None:
        self._do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    async def forward(self, question: Message) -> Message:
        """The real node's answer."""
        answer: Message = (await self._client.post(self._node, json=question)).json()
        return answer

    async def ask(self, method: str, *params: Any) -> Any:
        """The real node's result."""
        question = {"jsonrpc": "2.0", "id": 0, "method": method, "params": list(params)}
        return (await self.forward(question))["result"]

    def _do(self, deed: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(deed, self._loop).result(20)

    async def _open(self) -> None:
        self._client = httpx.AsyncClient(timeout=20, trust_env=False)
        await self._listen()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def _play(self, faults: tuple[Fault, ...]) -> None:
        self.kept, self.met, self._faults = {}, Counter(), faults
        if any(fault.deaf for fault in faults):
            self._server.close()
            self._hang_up()
            self.met["connect"] += 1

    async def _end(self) -> None:
        deaf = any(fault.deaf for fault in self._faults)
        self._faults = ()
        if deaf:
            await self._listen()

    def _end_soon(self) -> None:
        self._kept_task = self._loop.create_task(self._end())

    async def _close(self) -> None:
        self._server.close()
        self._hang_up()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await self._client.aclose()

    def _hang_up(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while True:
                await self._answer(writer, json.loads(await _body(reader)))
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _answer(self, writer: asyncio.StreamWriter, asked: Any) -> None:
        questions = asked if isinstance(asked, list) else [asked]
        answers = [await self._one(question) for question in questions]
        data = json.dumps(answers if isinstance(asked, list) else answers[0]).encode()
        for fault in self._faults:
            hit = next((q["method"] for q in questions if fault.concerns(q["method"])), None)
            if fault.wire is not None and hit is not None:
                self.met[hit] += 1
                await fault.wire(self, writer, data)
                return
        writer.write(http(data))
        await writer.drain()

    async def _one(self, question: Message) -> Message:
        for fault in self._faults:
            if fault.lie is not None and fault.concerns(question["method"]):
                answer = await fault.lie(self, question)
                if answer is not None:
                    self.met[question["method"]] += 1
                    return answer
        return await self.forward(question)


async def _body(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.decode("latin-1").lower().split("\r\n")
    size = next((int(line.split(":")[1]) for line in lines if line.startswith("content-length:")), 0)
    return await reader.readexactly(size)


def http(data: bytes, status: str = "200 OK", kind: str = "application/json") -> bytes:
    """A whole HTTP answer."""
    return f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {len(data)}\r\n\r\n".encode() + data


@contextmanager
def between(node: str) -> Iterator[Proxy]:
    """A proxy before a node, for the block."""
    proxy = Proxy(node)
    try:
        yield proxy
    finally:
        proxy.close()
