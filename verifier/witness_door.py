"""The witness's one door: GET /witness gives its newest statement. No question goes further than memory."""

import threading
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

import orjson

from contracts.deployment import Deployment
from doors import serving
from doors.doorway import Doorway
from doors.limits import limits
from doors.wall import Wall
from licence.witness import key_thumbprint
from verifier.chain import Node
from verifier.notebook import Notebook
from verifier.settings import Settings
from verifier.witness import Witness
from verifier.witness_key import WitnessKey

Message: TypeAlias = MutableMapping[str, Any]


class Door:
    """A bare ASGI application over one witness."""

    def __init__(self, witness: Witness) -> None:
        self._witness = witness

    async def __call__(
        self,
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        if scope["type"] != "http":
            return
        status, kind, body = self._answer(scope["method"], scope["path"])
        headers = [
            (b"content-type", kind),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", b"no-store"),
            (b"x-content-type-options", b"nosniff"),
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    def _answer(self, method: str, path: str) -> tuple[int, bytes, bytes]:
        if path not in ("/witness", "/healthz", "/readyz"):
            return _problem(404, "没有这个地址", "GET /witness expected")
        if method not in ("GET", "HEAD"):
            return _problem(405, "没有这个方法", "GET /witness expected")
        if path == "/healthz":
            return 200, b"application/json", b'{"status":"ok"}'
        statement = self._witness.statement()
        if statement is None:
            return _problem(503, "暂无声明", "no statement in its time: the witness's node does not answer")
        if path == "/readyz":
            return 200, b"application/json", b'{"status":"ready"}'
        return 200, b"application/jwt", statement.encode("ascii")


def _problem(status: int, zh: str, en: str) -> tuple[int, bytes, bytes]:
    body = {"type": "urn:elicence:witness", "title": en, "title_zh": zh, "status": status}
    return status, b"application/problem+json", orjson.dumps(body)


def open_notebook(settings: Settings, pins: Deployment) -> Notebook:
    """The witness's file of this network.

    Raises:
        NotebookError: it is another network's.
    """
    return Notebook(settings.witness_path, f"{pins.network_id} {pins.genesis_hash} {pins.issuer_registry}")


def serve(settings: Settings, pins: Deployment) -> None:
    """Witnesses and answers until the process is told to stop.

    Raises:
        NotebookError, WitnessKeyError: the file or the key is not as it must be.
    """
    doorway = Doorway(settings)
    key = WitnessKey.open(settings.witness_path.with_suffix(".key"))
    notebook, stop = open_notebook(settings, pins), threading.Event()
    witness = Witness(Node(settings.chain_url, pins), notebook, key=key, depth=settings.witness_depth)
    thread = threading.Thread(target=witness.run, args=(stop, settings.poll), daemon=True)
    thread.start()
    address = f"http://{settings.host}:{settings.witness_port}"
    print(f"ready {key_thumbprint(key.public)}@{address}/witness", flush=True)
    try:
        door = Wall(Door(witness), limits(settings, {}, {}), doorway.counts)
        serving.serve(door, (settings.host, settings.witness_port), settings, doorway.stopping)
    finally:
        stop.set()
        thread.join(10)
        notebook.close()
