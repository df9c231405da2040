"""The verifier's doors: a bare path for verifying, and the page with what it needs beside it.

A licence that is not good is an answer (200, INVALID); that we cannot say is our failure (503, UNDETERMINED).
"""

import io
import time
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any, TypeAlias

import orjson
import zxingcpp
from fastapi import FastAPI, Request, Response
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles
from PIL import Image, UnidentifiedImageError
from starlette.exceptions import HTTPException

from licence.facts import Asked
from verifier import openapi
from verifier.forging import ForgeError, forge
from verifier.openapi import problems
from verifier.trust import PLIGHTS, Trust
from verifier.verifying import answer

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

STATIC = Path(__file__).parent / "static"
MAX_REQUEST = 140_000
MAX_BATCH = 4 * 2**20
MAX_QUESTIONS = 100
MAX_PICTURE = 12 * 2**20
MAX_PIXELS = 40_000_000
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

    def __init__(self, trust: Trust, clock: Callable[[], float] = time.time) -> None:
        self._trust, self._clock = trust, clock
        self._rest = _rest(trust)
        self._doors: dict[str, tuple[int, Callable[[Any], tuple[int, Any]]]] = {
            "/api/v1/verify": (MAX_REQUEST, self._verify),
            "/api/v1/verify-batch": (MAX_BATCH, self._many),
        }

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        door = (
            self._doors.get(scope["path"]) if scope["type"] == "http" and scope["method"] == "POST" else None
        )
        if door is None:
            await self._rest(scope, receive, send)
            return
        limit, verify = door
        status, body = _answered(verify, await _body(receive, limit), limit)
        wrong = status in (413, 422)
        headers = [(b"content-type", b"application/problem+json"), *_HEADERS[1:]] if wrong else _HEADERS
        await send({"type": "http.response.start", "status": status, "headers": headers})
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
        return (503 if found["reason"] in _OURS and found["form"] else 200), found


def _answered(verify: Callable[[Any], tuple[int, Any]], body: bytes | None, limit: int) -> tuple[int, bytes]:
    if body is None:
        return 413, _problem(413, "内容过长", f"at most {limit} bytes")
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


async def _body(receive: Receive, limit: int) -> bytes | None:
    parts, size = [], 0
    while True:
        message = await receive()
        part = message.get("body", b"")
        size += len(part)
        if size > limit:
            return None
        parts.append(part)
        if not message.get("more_body"):
            return b"".join(parts)


def _problem(status: int, zh: str, en: str) -> bytes:
    return orjson.dumps({"type": "urn:elicence:request", "title": en, "title_zh": zh, "status": status})


def _refuse(status: int, zh: str, en: str) -> Response:
    return Response(_problem(status, zh, en), status, media_type="application/problem+json")


def _rest(trust: Trust) -> FastAPI:
    app = FastAPI(title="elicence verifier", version="1", docs_url=None, redoc_url=None)
    _guarded(app)
    _reading(app, trust)
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
    """The page, and how this verifier is."""

    @app.get("/", include_in_schema=False)
    def page() -> FileResponse:
        return FileResponse(STATIC / "index.html")

    @app.get("/healthz", responses={200: openapi.HEALTH})
    def healthy() -> dict[str, str]:
        """The process runs."""
        return {"status": "ok"}

    @app.get("/readyz", response_class=Response, responses={200: openapi.HEALTH, **problems(503)})
    def ready() -> Response:
        """The chain has been read and is not doubted."""
        plight = trust.plight(int(time.time()))
        if trust.doubt is None and plight is None:
            return Response('{"status":"ready"}', media_type="application/json")
        why = plight.en if plight is not None else ""
        return _refuse(503, "暂不可用", trust.doubt or why)

    @app.get("/api/v1/network", responses={200: openapi.NETWORK})
    def network() -> dict[str, Any]:
        """The network's pins, the head, and how much of the public files is held."""
        return _network(trust)


def _trying(app: FastAPI, trust: Trust) -> None:
    """What the page needs: a picture's code as text, and a forgery to try."""

    @app.post(
        "/api/v1/decode",
        response_class=Response,
        responses={200: openapi.SHOWN, **problems(413, 422)},
        openapi_extra={"requestBody": openapi.PICTURE},
    )
    async def decode(request: Request) -> Response:
        """The text of the one QR code in a picture (PNG, JPEG, WebP)."""
        return _decode(await _limited(request, MAX_PICTURE))

    @app.post(
        "/api/v1/forge",
        response_class=Response,
        responses={200: openapi.SHOWN, **problems(413, 422)},
        openapi_extra={"requestBody": openapi.FORGERY},
    )
    async def forged(request: Request) -> Response:
        """The presentation with some values replaced, for trying out what the checks catch."""
        body = await _limited(request, MAX_REQUEST)
        if body is None:
            return _refuse(413, "内容过长", f"at most {MAX_REQUEST} bytes")
        try:
            asked = orjson.loads(body)
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


async def _limited(request: Request, most: int) -> bytes | None:
    """The request's body; None: longer than `most` bytes, and not read to its end."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > most:
            return None
        parts.append(part)
    return b"".join(parts)


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


def _decode(data: bytes | None) -> Response:
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
