"""The registry's web application: routes, errors as RFC 9457 problems, and the headers of every answer."""

import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import orjson
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from contracts.deployment import PinError
from licence.errors import FieldProblem, RecordError
from registry.errors import InvalidError, RegistryError
from registry.house import House
from registry.routes import acts, imports, licences, public

log = structlog.get_logger("registry")
MAX_BODY = 64 * 1024 * 1024


def create_app(house: House) -> FastAPI:
    """The application over a house."""
    app = FastAPI(title="elicence registry", version="1", docs_url="/api/docs", redoc_url=None)
    app.state.house = house
    for routes in (licences, acts, imports, public):
        app.include_router(routes.router)
    app.add_exception_handler(RegistryError, _refused)
    app.add_exception_handler(RecordError, _wrong_record)
    app.add_exception_handler(PinError, _other_chain)
    app.add_exception_handler(RequestValidationError, _wrong_request)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _bug)
    app.middleware("http")(_guard)
    return app


async def _guard(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    size = request.headers.get("content-length", "0")
    if "transfer-encoding" in request.headers:
        return problem(411, "length", ("请提供 Content-Length", "a Content-Length is needed"))
    if not size.isdigit() or int(size) > MAX_BODY:
        return problem(413, "too_large", ("请求过大", f"at most {MAX_BODY} bytes"))
    response = await call_next(request)
    response.headers["x-content-type-options"] = "nosniff"
    response.headers.setdefault("cache-control", "no-store")
    log.info("request", method=request.method, status=response.status_code)
    return response


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


async def _refused(_: Request, error: Exception) -> Response:
    if not isinstance(error, RegistryError):
        raise error
    if error.status >= 500:
        log.error("refused", code=error.code, why=error.en)
    problems = error.problems if isinstance(error, InvalidError) else ()
    return problem(error.status, error.code, (error.zh, error.en), problems)


async def _wrong_record(_: Request, error: Exception) -> Response:
    if not isinstance(error, RecordError):
        raise error
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


async def _wrong_request(_: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    problems = tuple(
        FieldProblem(".".join(str(part) for part in item["loc"][1:]), item["type"], "格式有误", item["msg"])
        for item in error.errors()
    )
    return problem(422, "request", ("请求格式有误", "the request is not of the shape expected"), problems)
