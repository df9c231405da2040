"""What every route needs from the request: the house, the asking department, the write."""

import hashlib
from typing import Annotated, TypeAlias

from fastapi import Depends, Header, Request, Response

from registry.auth import department_by
from registry.house import House
from registry.idempotency import Answer, Write
from registry.tables import Department


def house_of(request: Request) -> House:
    """The house that the application was made with."""
    house: House = request.app.state.house
    return house


TheHouse: TypeAlias = Annotated[House, Depends(house_of)]


def asking(house: TheHouse, authorization: Annotated[str, Header()] = "") -> Department:
    """The department that asks."""
    return department_by(house, authorization)


Asking: TypeAlias = Annotated[Department, Depends(asking)]


async def write_of(
    request: Request, department: Asking, idempotency_key: Annotated[str, Header()] = ""
) -> Write:
    """The write that is asked for: who, under which key, and every byte that makes it this request."""
    told = f"{request.method} {request.url.path}?{request.url.query}\n".encode()
    return Write(department, idempotency_key, told + await request.body())


TheWrite: TypeAlias = Annotated[Write, Depends(write_of)]


def cached(data: bytes, kind: str, age: str, *, known: str) -> Response:
    """A public file with its ETag, or 304 for who holds it already (RFC 9110 §13.1.2)."""
    tag = f'"{hashlib.sha256(data).hexdigest()[:32]}"'
    headers = {"cache-control": f"public, {age}", "etag": tag}
    if known == "*" or tag in [each.strip().removeprefix("W/") for each in known.split(",")]:
        return Response(status_code=304, headers=headers)
    return Response(data, media_type=kind, headers=headers)


def json_answer(answer: Answer) -> Response:
    """An answer as it was remembered."""
    return Response(answer.body, answer.status, media_type="application/json")
