"""The registry's web application: routes, errors as RFC 9457 problems, and the headers of every answer."""

import traceback
from pathlib import Path
from typing import Any

import orjson
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException

from contracts.deployment import PinError
from doors.condition import Watch
from doors.counting import Condition
from doors.doorway import Doorway
from doors.limits import MIB, limits
from doors.wall import Application, Message, Receive, Send, Wall
from licence.errors import FieldProblem, RecordError
from registry.condition import FIGURES, parts
from registry.errors import InvalidError, NoSpaceError, RegistryError, UnreachableError
from registry.faults import is_full
from registry.house import House
from registry.routes import acts, health, imports, licences, public

log = structlog.get_logger("registry")
_LARGER = {"/api/v1/status-acts": 512 * 1024}
_UPLOADS = {"/api/v1/imports": 64 * MIB, "/api/v1/documents": 11 * MIB}


def create_app(house: House, doorway: Doorway | None = None) -> FastAPI:
    """The application over a house, behind its wall."""
    doorway = doorway or Doorway()
    app = FastAPI(title="elicence registry", version="1", docs_url="/api/docs", redoc_url=None)
    app.state.house, app.state.counts = house, doorway.counts
    app.state.watch = Watch(parts(house), doorway.stopping)
    doorway.counts.registry.register(Condition(app.state.watch, FIGURES))
    for routes in (licences, acts, imports, public, health):
        app.include_router(routes.router)
    app.add_exception_handler(RegistryError, _refused)
    app.add_exception_handler(RecordError, _wrong_record)
    app.add_exception_handler(PinError, _other_chain)
    app.add_exception_handler(RequestValidationError, _wrong_request)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(OSError, _disk)
    app.add_exception_handler(Exception, _bug)
    app.add_middleware(_Headed)
    app.add_middleware(Wall, limits=limits(doorway.settings, _LARGER, _UPLOADS), counts=doorway.counts)
    return app


class _Headed:
    """Gives every answer its headers, and the log a line."""

    def __init__(self, app: Application) -> None:
        self._app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        async def headed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["x-content-type-options"] = "nosniff"
                headers.setdefault("cache-control", "no-store")
                log.info("request", method=scope["method"], status=message["status"])
            await send(message)

        await self._app(scope, receive, headed if scope["type"] == "http" else send)


def problem(
    status: int, code: str, title: tuple[str, str], problems: tuple[FieldProblem, ...] = ()
) -> Response:
    """An RFC 9457 problem with the title in both languages, and what to correct field by field."""
    body: dict[str, Any] = {
        "type": f"urn:elicence:{code}",
        "title": title[1],
        "title_zh": title[0],
        "status": status,
    }
    if problems:
        body["problems"] = [{"field": p.field, "code": p.code, "zh": p.zh, "en": p.en} for p in problems]
    return Response(orjson.dumps(body), status, media_type="application/problem+json")


async def _refused(request: Request, error: Exception) -> Response:
    if not isinstance(error, RegistryError):
        raise error
    request.app.state.counts.refused(error.code)
    if error.status >= 500:
        log.error("refused", code=error.code, why=error.en)
    problems = error.problems if isinstance(error, InvalidError) else ()
    answer = problem(error.status, error.code, (error.zh, error.en), problems)
    if isinstance(error, UnreachableError):
        answer.headers["retry-after"] = str(error.retry_after)
    return answer


async def _disk(request: Request, error: Exception) -> Response:
    if isinstance(error, OSError) and is_full(error):
        return await _refused(request, NoSpaceError())
    return await _bug(request, error)


async def _wrong_record(request: Request, error: Exception) -> Response:
    if not isinstance(error, RecordError):
        raise error
    request.app.state.counts.refused("record")
    title = ("请更正下列字段", "correct the fields named below; nothing was stored")
    return problem(422, "record", title, error.problems)


async def _http(_: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    return problem(error.status_code, "http", ("没有这个地址或方法", str(error.detail)))


async def _bug(_: Request, error: Exception) -> Response:
    frames = traceback.extract_tb(error.__traceback__)[
        -6:
    ]  # places only: a message may hold what a person wrote
    where = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames]
    log.error("a bug", error=type(error).__name__, where=where)
    return problem(500, "internal", ("系统内部错误，请联系管理员", "an internal error: tell the operator"))


async def _other_chain(_: Request, error: Exception) -> Response:
    log.error("not our chain", why=str(error))
    return problem(503, "other_chain", ("区块链不是本网络", str(error)))


async def _wrong_request(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    request.app.state.counts.refused("request")
    problems = tuple(
        FieldProblem(".".join(str(part) for part in item["loc"][1:]), item["type"], "格式有误", item["msg"])
        for item in error.errors()
    )
    return problem(422, "request", ("请求格式有误", "the request is not of the shape expected"), problems)
