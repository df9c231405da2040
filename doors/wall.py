"""The wall before an application: who is let in, how much a request may bring, how long it may take.

Pure ASGI. It reads nothing beyond a limit, keeps nobody waiting beyond a time, and never answers for the application
once that has begun to answer.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any, TypeAlias

from doors import refusals
from doors.counting import Counts
from doors.lanes import Turns
from doors.limits import Door, Lane, Limits
from doors.refusals import Refusal

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Application: TypeAlias = Callable[[Message, Receive, Send], Awaitable[None]]

_POLITE = 2.0  # seconds in which the rest of too large a body is read and thrown away
_HEADERS = (
    (b"content-type", b"application/problem+json"),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
)


class Wall:
    """Stands before one application, in one event loop."""

    def __init__(self, app: Application, limits: Limits, counts: Counts) -> None:
        self._app, self._limits, self._counts = app, limits, counts
        self._lanes = {lane: Turns(places) for lane, places in limits.places.items()}
        counts.watch(self._lanes)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        visit, began = Visit(self._limits.door(scope["path"]), receive, send), time.monotonic()
        try:
            await self._let_in(scope, visit)
        except Refusal as refusal:
            self._counts.turned_away(refusal.code)
            await visit.refuse(refusal)
        except Exception:
            visit.status = visit.status or 500
            raise
        finally:
            self._counts.request(scope, visit.status, time.monotonic() - began, self._limits.doors)

    async def _let_in(self, scope: Message, visit: "Visit") -> None:
        visit.demand_length(scope)
        lane = self._lanes[visit.door.lane]
        with lane.place():
            if visit.door.lane is not Lane.LARGE:
                await visit.read()
            async with lane.turn():
                with visit.on_time():
                    await self._app(scope, visit.receive, visit.send)
        if visit.refusal is not None and not visit.answered:
            raise visit.refusal


class Visit:
    """One request on its way through the wall."""

    def __init__(self, door: Door, receive: Receive, send: Send) -> None:
        self.door, self._receive, self._send = door, receive, send
        self.answered = False
        self.status = 0
        self.refusal: Refusal | None = None
        self._size = 0
        self._ends = time.monotonic() + door.body_seconds
        self._whole: Message | None = None
        self._complete = False
        self._late: asyncio.Task[None] | None = None

    def demand_length(self, scope: Message) -> None:
        """Demands that the body that is announced is not too large.

        Raises:
            Refusal: it is, or the announcement is none.
        """
        for name, value in scope["headers"]:
            if name == b"content-length":
                if not value.isdigit():
                    raise refusals.bad_length()
                if len(value) > 15 or int(value) > self.door.body:
                    raise refusals.too_large(self.door.body)

    async def read(self) -> None:
        """Reads the whole body before the request has its turn.

        Raises:
            Refusal: too much, or too slow.
        """
        parts = []
        while not self._complete:
            message = await self.receive()
            if message["type"] != "http.request":
                return
            parts.append(message.get("body", b""))
        self._whole = {"type": "http.request", "body": b"".join(parts), "more_body": False}

    async def receive(self) -> Message:
        """What the application reads.

        Raises:
            Refusal: too much, or too slow.
        """
        if self._whole is not None:
            message, self._whole = self._whole, None
            return message
        if self._complete:
            return await self._receive()
        message = await self._next()
        self._size += len(message.get("body", b""))
        self._complete = not message.get("more_body", False)
        if self._size > self.door.body:
            raise self._refused(refusals.too_large(self.door.body))
        return message

    async def _next(self) -> Message:
        try:
            return await asyncio.wait_for(self._receive(), max(0.0, self._ends - time.monotonic()))
        except TimeoutError:
            raise self._refused(refusals.slow_body(self.door.body_seconds)) from None

    def _refused(self, refusal: Refusal) -> Refusal:
        """Kept, too: a framework in between may turn the exception into an answer of its own."""
        self.refusal = refusal
        return refusal

    async def send(self, message: Message) -> None:
        """What the application answers; nothing once the wall has answered in its place."""
        if self._late is not None:
            return
        if message["type"] == "http.response.start":
            if self.refusal is not None:
                raise self.refusal
            self.answered, self.status = True, message["status"]
        await self._send(message)

    @contextmanager
    def on_time(self) -> Iterator[None]:
        """Lets the block take no longer than the door allows: then 503, or a broken answer if it had begun.

        A thread cannot be stopped: the request keeps its turn until its work has really ended.
        """
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        timer = loop.call_later(self.door.seconds, self._give_up, task)
        try:
            yield
        finally:
            timer.cancel()

    def _give_up(self, task: "asyncio.Task[Any] | None") -> None:
        if self.answered and task is not None:
            task.cancel()
            return
        self.refusal = refusals.too_slow(self.door.seconds)
        self._late = asyncio.get_running_loop().create_task(self._answer(self.refusal, ()))

    async def refuse(self, refusal: Refusal) -> None:
        """Answers in the application's place."""
        if self.answered or self._late is not None:
            return
        more = refusal.headers
        if refusal.status == 413 and not await self._read_away():
            more = (*more, refusals.CLOSE)
        await self._answer(refusal, more)

    async def _answer(self, refusal: Refusal, more: tuple[tuple[bytes, bytes], ...]) -> None:
        self.status, self.answered = refusal.status, True
        body = refusal.body
        size = (b"content-length", str(len(body)).encode())
        headers = [*_HEADERS, size, *(more or refusal.headers)]
        await self._send({"type": "http.response.start", "status": refusal.status, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})

    async def _read_away(self) -> bool:
        """Throws away what still comes, for a while: who still sends would not see the answer. Whether all came."""
        size, ends = 0, time.monotonic() + _POLITE
        while not self._complete and size < 4 * self.door.body + 2**20 and time.monotonic() < ends:
            try:
                message = await asyncio.wait_for(self._receive(), _POLITE)
            except TimeoutError:
                return False
            size += len(message.get("body", b""))
            self._complete = not message.get("more_body", False)
        return self._complete
