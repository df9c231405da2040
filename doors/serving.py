"""Serves one application until it is told to stop; then what was let in is finished, and the process ends with 0.

SIGTERM and SIGINT: /readyz says no at once; for `linger` seconds requests are still taken, so that whoever sends them
here hears of it; then nobody new, and at most ten seconds after the signal it is over.
"""

import asyncio
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from doors.condition import Stopping
from doors.settings import DoorSettings

log = logging.getLogger("doors")
CUT_OFF = 1
_HEADER_BYTES = 16 * 1024
_HEADER_SECONDS = 10.0
_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class PatientProtocol(H11Protocol):
    """h11, which bounds the headers' bytes; and who connects must ask within ten seconds."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as its parent
        super().connection_made(transport)
        self.loop.call_later(_HEADER_SECONDS, self._demand_question)

    def _demand_question(self) -> None:
        if self.cycle is None and not self.transport.is_closing():
            self.transport.close()


class Server(uvicorn.Server):
    """Stops as above. Unlike its parent it does not die of the signal that it has obeyed."""

    def __init__(self, config: uvicorn.Config, stopping: Stopping, linger: float) -> None:
        super().__init__(config)
        self._stopping, self._linger = stopping, linger
        self._closes = float("inf")

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        before = {number: signal.signal(number, self.handle_exit) for number in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first signal begins the end; another one changes nothing."""
        if not self._stopping.told:
            self._stopping.told = True
            self._closes = time.monotonic() + self._linger

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second: whether it is time to close."""
        if time.monotonic() >= self._closes:
            self.should_exit = True
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Waits for what was let in. A thread cannot be ended: what still runs then is cut off with the process, and
        what it has not committed is as if it had never been asked for."""
        await super().shutdown(sockets)
        if self.server_state.tasks:
            log.error("%d requests took too long and were cut off", len(self.server_state.tasks))
            sys.stderr.flush()
            os._exit(CUT_OFF)


def serve(app: Any, address: tuple[str, int], settings: DoorSettings, stopping: Stopping) -> None:
    """Serves until SIGTERM. Does not come back if a request had to be cut off: the exit status is 1 then."""
    config = uvicorn.Config(
        app,
        host=address[0],
        port=address[1],
        http=PatientProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        limit_concurrency=settings.connections,
        h11_max_incomplete_event_size=_HEADER_BYTES,
        timeout_graceful_shutdown=max(1, int(settings.drain - settings.linger)),
    )
    Server(config, stopping, settings.linger).run()
