"""The process: JSON-RPC over HTTP on loopback, and the miner beside it. Ingress never waits for mining."""

import asyncio
import json
import logging
import math
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from time import time
from typing import Any

from localchain import genesis
from localchain.chain import LocalChain
from localchain.pool import Pool
from localchain.rpc import Methods, RpcError

log = logging.getLogger("localchain")

MAX_BODY = 4 * 1024 * 1024
MAX_BATCH = 1_000
GATHER = 0.02
IDLE = 15.0

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Node:
    """A chain that is being served: the ASGI application, and `mine_forever` to run beside it."""

    def __init__(self, folder: Path, now: Callable[[], float] = time) -> None:
        self.chain = LocalChain(folder, genesis.load(folder))
        self.pool = Pool(self.chain, folder)
        self._now = now
        self._arrival = asyncio.Event()
        self.methods = Methods(self.chain, self.pool, self._arrival.set)

    async def mine_forever(self) -> None:
        """Mines when something waits, or every 15 s; never ahead of the clock, so times on the chain mean something."""
        while True:
            await self._wait_for_work()
            await self._wait_for_clock()
            self._arrival.clear()
            batch = self.pool.take(self.chain.head.gas_limit)
            await asyncio.to_thread(self.chain.mine, batch, int(self._now()))
            self.pool.done()
            if len(self.pool):
                self._arrival.set()

    async def _wait_for_work(self) -> None:
        idle = max(0.0, self.chain.head.timestamp + IDLE - self._now())
        try:
            await asyncio.wait_for(self._arrival.wait(), min(idle, IDLE))
            await asyncio.sleep(GATHER)
        except TimeoutError:
            return

    async def _wait_for_clock(self) -> None:
        said = False
        while int(self._now()) <= self.chain.head.timestamp:
            behind = self.chain.head.timestamp - self._now()
            if behind > 5 and not said:
                log.warning("the clock is %.0f s behind the last block: waiting for it", behind)
                said = True
            await asyncio.sleep(min(1.0, math.floor(self._now()) + 1.001 - self._now()))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        body, status = await _body(receive), 200
        if scope["method"] != "POST":
            answer, status = _error(None, RpcError(-32600, "POST a JSON-RPC request")), 405
        elif body is None:
            answer, status = _error(None, RpcError(-32600, f"at most {MAX_BODY} bytes")), 413
        else:
            answer = self._answer(body)
        data = json.dumps(answer, separators=(",", ":")).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(data)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": data})

    def _answer(self, body: bytes) -> Any:
        try:
            request = json.loads(body)
        except (ValueError, RecursionError):
            return _error(None, RpcError(-32700, "not JSON"))
        if not isinstance(request, list):
            return self._one(request)
        if not 1 <= len(request) <= MAX_BATCH:
            return _error(None, RpcError(-32600, f"a batch of 1 to {MAX_BATCH} calls expected"))
        return [self._one(item) for item in request]

    def _one(self, request: Any) -> Any:
        if not isinstance(request, dict):
            return _error(None, RpcError(-32600, "an object expected"))
        number = request.get("id")
        try:
            result = self.methods.dispatch(request.get("method"), request.get("params", []))
        except RpcError as error:
            return _error(number, error)
        except Exception:  # the process's edge: one bad call must not end the chain
            log.exception("internal error in %s", str(request.get("method"))[:60])
            return _error(number, RpcError(-32603, "internal error; the node's log says more"))
        return {"jsonrpc": "2.0", "id": number, "result": result}


async def _body(receive: Receive) -> bytes | None:
    parts, size = [], 0
    while True:
        message = await receive()
        part = message.get("body", b"")
        size += len(part)
        if size > MAX_BODY:
            return None
        parts.append(part)
        if not message.get("more_body"):
            return b"".join(parts)


def _error(number: object, error: RpcError) -> dict[str, Any]:
    more = {"data": error.data} if error.data is not None else {}
    return {"jsonrpc": "2.0", "id": number, "error": {"code": error.code, "message": error.message, **more}}
