"""The verifier's doors: a bare path for verifying, and the page with what it needs beside it.

A licence that is not good is an answer (200, INVALID); that we cannot say is our failure (503, UNDETERMINED).
"""

import io
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any

import orjson
import zxingcpp
from fastapi import FastAPI, Header, Request, Response
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles
from PIL import Image, UnidentifiedImageError
from prometheus_client import Counter
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from doors.condition import Watch, in_words
from doors.counting import KIND, Condition
from doors.doorway import Doorway
from doors.limits import limits
from doors.wall import Message, Receive, Send, Wall
from licence.facts import Asked
from verifier import openapi
from verifier.condition import FIGURES, parts
from verifier.forging import ForgeError, forge
from verifier.openapi import problems
from verifier.trust import PLIGHTS, Trust
from verifier.verifying import answer

STATIC = Path(__file__).parent / "static"
MAX_REQUEST = 140_000
MAX_BATCH = 4 * 2**20
MAX_QUESTIONS = 100
MAX_PICTURE = 12 * 2**20
MAX_PIXELS = 40_000_000
_LARGER = {"/api/v1/verify": MAX_REQUEST, "/api/v1/forge": MAX_REQUEST}
_UPLOADS = {"/api/v1/verify-batch": MAX_BATCH, "/api/v1/decode": MAX_PICTURE}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_OURS = {reason.name for reason in PLIGHTS}
_SHAPE = (
    'a JSON object {"presentation": text} expected, for a wallet with "audience" and "nonce", both texts; '
    'for a batch {"questions": [1 to 100 of these]}'
)
_HEADERS = [
    (b"content-type", b"application/json"),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
]


class App:
    """Verifying without a framework in its way; everything else is FastAPI's."""

    def __init__(
        self,
        trust: Trust,
        clock: Callable[[], float] = time.time,
        *,
        doorway: Doorway | None = None,
        home: Path | None = None,
    ) -> None:
        self._trust, self._clock = trust, clock
        doorway = doorway or Doorway()
        self._rest = _rest(trust)
        self._rest.state.counts = doorway.counts
        self._rest.state.watch = Watch(parts(trust, home, clock), doorway.stopping)
        kept = doorway.counts.registry
        kept.register(Condition(self._rest.state.watch, FIGURES))
        self._verdicts = Counter("elicence_verdicts", "Verdicts", ["verdict", "reason"], registry=kept)
        self._wall = Wall(self._answer, limits(doorway.settings, _LARGER, _UPLOADS), doorway.counts)
        self._doors: dict[str, Callable[[Any], tuple[int, Any]]] = {
            "/api/v1/verify": self._verify,
            "/api/v1/verify-batch": self._many,
        }

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        await self._wall(scope, receive, send)

    async def _answer(self, scope: Message, receive: Receive, send: Send) -> None:
        verify = (
            self._doors.get(scope["path"]) if scope["type"] == "http" and scope["method"] == "POST" else None
        )
        if verify is None:
            await self._rest(scope, receive, send)
            return
        status, body = _answered(verify, await _body(receive))
        headers = (
            [(b"content-type", b"application/problem+json"), *_HEADERS[1:]] if status == 422 else _HEADERS
        )
        size = (b"content-length", str(len(body)).encode())
        await send({"type": "http.response.start", "status": status, "headers": [*headers, size]})
        await send({"type": "http.response.body", "body": body})

    def _many(self, asked: Any) -> tuple[int, Any]:
        questions = asked["questions"]
        if not isinstance(questions, list) or not 1 <= len(questions) <= MAX_QUESTIONS:
            raise ValueError(f"1 to {MAX_QUESTIONS} questions")
        found = [self._verify(question) for question in questions]
        return max(status for status, _ in found), {"answers": [answer for _, answer in found]}

    def _verify(self, asked: Any) -> tuple[int, dict[str, Any]]:
        text, question = asked["presentation"], _question(asked)
        if not isinstance(text, str):
            raise TypeError("presentation: a text")
        found = answer(self._trust, text.strip(), int(self._clock()), question)
        self._verdicts.labels(found["verdict"], found["reason"] or "none").inc()
        return (503 if found["reason"] in _OURS and found["form"] else 200), found


def _answered(verify: Callable[[Any], tuple[int, Any]], body: bytes) -> tuple[int, bytes]:
    try:
        status, found = verify(orjson.loads(body))
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError):
        return 422, _problem(422, "请求格式有误", _SHAPE)
    return status, orjson.dumps(found)


def _question(asked: dict[str, Any]) -> Asked | None:
    """What the wallet had been asked for: both audience and nonce, or nothing."""
    audience, nonce = asked.get("audience"), asked.get("nonce")
    if audience is None and nonce is None:
        return None
    if not (isinstance(audience, str) and isinstance(nonce, str)):
        raise TypeError("audience and nonce as texts")
    return Asked(audience, nonce)


async def _body(receive: Receive) -> bytes:
    """The whole body: the wall has seen to it that it is not too large."""
    pieces = []
    while True:
        message = await receive()
        pieces.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(pieces)


def _problem(status: int, zh: str, en: str) -> bytes:
    return orjson.dumps({"type": "urn:elicence:request", "title": en, "title_zh": zh, "status": status})


def _refuse(status: int, zh: str, en: str) -> Response:
    return Response(_problem(status, zh, en), status, media_type="application/problem+json")


def _rest(trust: Trust) -> FastAPI:
    app = FastAPI(title="elicence verifier", version="1", docs_url=None, redoc_url=None)
    _guarded(app)
    _reading(app, trust)
    _health(app)
    _trying(app, trust)
    _describe(app)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    return app


def _guarded(app: FastAPI) -> None:
    """Every answer has its safety headers, every refusal its words."""

    @app.exception_handler(HTTPException)
    async def problem(_: Request, error: HTTPException) -> Response:
        return _refuse(error.status_code, "没有这个地址或方法", str(error.detail))

    @app.middleware("http")
    async def guard(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        response = await call_next(request)
        response.headers["content-security-policy"] = _POLICY
        response.headers["x-content-type-options"] = "nosniff"
        response.headers["referrer-policy"] = "no-referrer"
        response.headers.setdefault("cache-control", "no-cache")
        return response


def _reading(app: FastAPI, trust: Trust) -> None:
    """The page, and what network this is."""

    @app.get("/", include_in_schema=False)
    def page() -> FileResponse:
        return FileResponse(STATIC / "index.html")

    @app.get("/api/v1/network", responses={200: openapi.NETWORK})
    def network() -> dict[str, Any]:
        """The network's pins, the head, and how much of the public files is held."""
        return _network(trust)


def _health(app: FastAPI) -> None:
    """How this verifier is."""

    @app.get("/healthz", responses={200: openapi.HEALTH})
    async def healthy() -> dict[str, str]:
        """The process runs."""
        return {"status": "ok"}

    @app.get("/readyz", response_class=Response, responses=openapi.READY)
    def ready(request: Request, accept: Annotated[str, Header()] = "") -> Response:
        """Whether verdicts can be given now, part by part; in JSON, or for people where text/plain is asked for."""
        watch: Watch = request.app.state.watch
        told = watch.told()
        status = 200 if told["status"] == "ready" else 503
        if accept.startswith("text/plain"):
            return Response(in_words(told), status, media_type="text/plain; charset=utf-8")
        return Response(orjson.dumps(told), status, media_type="application/json")

    @app.get("/metrics", response_class=Response, responses={200: openapi.FIGURES})
    def metrics(request: Request) -> Response:
        """Figures for Prometheus: docs/operations.md says what each means."""
        return Response(request.app.state.counts.text(), headers={"content-type": KIND})


def _trying(app: FastAPI, trust: Trust) -> None:
    """What the page needs: a picture's code as text, and a forgery to try."""

    @app.post(
        "/api/v1/decode",
        response_class=Response,
        responses={200: openapi.SHOWN, **problems(408, 413, 422, 429)},
        openapi_extra={"requestBody": openapi.PICTURE},
    )
    async def decode(request: Request) -> Response:
        """The text of the one QR code in a picture (PNG, JPEG, WebP)."""
        return await run_in_threadpool(_decode, await request.body())

    @app.post(
        "/api/v1/forge",
        response_class=Response,
        responses={200: openapi.SHOWN, **problems(408, 413, 422, 429)},
        openapi_extra={"requestBody": openapi.FORGERY},
    )
    async def forged(request: Request) -> Response:
        """The presentation with some values replaced, for trying out what the checks catch."""
        try:
            asked = orjson.loads(await request.body())
            text = forge(trust, str(asked["presentation"]), dict(asked["values"]))
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
            return _refuse(422, "请求格式有误", '{"presentation": text, "values": {name: value}} expected')
        except ForgeError as error:
            return _refuse(422, "无法改动", str(error))
        return Response(orjson.dumps({"presentation": text}), media_type="application/json")


def _describe(app: FastAPI) -> None:
    """Adds the two bare doors to the description that FastAPI makes of the others."""
    described = app.openapi()
    described["paths"] = {**openapi.BARE, **described["paths"]}


def _network(trust: Trust) -> dict[str, Any]:
    index, pins, head, now = trust.index, trust.deployment, trust.index.head, time.time()
    return {
        "chain_id": pins.chain_id,
        "genesis_hash": pins.genesis_hash,
        "network_id": pins.network_id,
        "contracts": pins.addresses,
        "head": head and {"block": head.number, "hash": head.hash.hex(), "time": head.time},
        "doubt": trust.doubt,
        "counters_proven": trust.proven,
        "departments": [
            {
                "id": known.id,
                "code": known.code,
                "name": {"zh": known.name_zh, "en": known.name_en},
                "anchors": len(index.anchors.get(known.id, ())),
                "complete": trust.files.complete(index, known.id),
            }
            for known in index.departments.values()
        ],
        "licences": len(trust.files.places),
        "witnesses": [
            {"at": url, "agrees": heard.plight is None and now < heard.until}
            for url, heard in trust.witnesses.items()
        ],
        "single_operator": True,
    }


def _decode(data: bytes) -> Response:
    if not data:
        return _refuse(413, "图片为空或过大", f"a picture of 1 byte to {MAX_PICTURE} bytes expected")
    try:
        picture = Image.open(io.BytesIO(data), formats=["PNG", "JPEG", "WEBP"])
        if picture.width * picture.height > MAX_PIXELS:
            return _refuse(413, "图片过大", f"at most {MAX_PIXELS} pixels")
        codes = zxingcpp.read_barcodes(
            picture.convert("L"), formats=zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)
        )
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError):
        return _refuse(422, "不是可读的图片", "a PNG, JPEG or WebP picture expected")
    texts = {code.text for code in codes if code.text}
    if len(texts) != 1:
        found = "图中没有二维码" if not texts else "图中有多个二维码"
        return _refuse(
            422, found, f"one QR code in the picture expected, {len(texts)} found: crop or retake it"
        )
    return Response(orjson.dumps({"presentation": texts.pop()}), media_type="application/json")
