"""What everybody may read: departments, type definitions, leaf files. Immutable files may be cached."""

import re
from typing import Annotated, Any, TypeAlias

import orjson
from fastapi import APIRouter, Header, Path, Response
from sqlmodel import select

from licence import status_token as status_tokens
from registry import presenting, showing
from registry.errors import NotFoundError, ObjectMissingError, UnreachableError
from registry.routes.answers import IssuerAnswer, Pins, TypeAnswer, media, problems
from registry.routes.parts import TheHouse, cached
from registry.tables import Department

Number: TypeAlias = Annotated[int, Path(ge=0, lt=2**31)]

Known: TypeAlias = Annotated[str, Header(description="ETags that the caller holds")]
TypeVersionNumber: TypeAlias = Annotated[int, Path(ge=1, le=65_535)]
_JWT, _CWT = "application/statuslist+jwt", status_tokens.CWT_KIND
_UNCHANGED: dict[int | str, dict[str, Any]] = {304: {"description": "what the caller holds is the newest"}}
_FILE = {
    **media("application/octet-stream", "the file", "bytes", binary=True),
    **_UNCHANGED,
    **problems(404, 422),
}
_TOKEN = {**media(_JWT, "the status list", "eyJhbGciOiJFUzI1NiIs…"), **_UNCHANGED, **problems(404, 409, 422)}
router = APIRouter(tags=["public"])

_NAMES = re.compile(r"types/[0-9a-f]{64}\.json|[0-9]{1,10}/leaves/[0-9a-f]{64}\.bin|departments\.json")


@router.get("/api/v1/deployment", response_model=Pins, responses=problems())
def deployment(house: TheHouse) -> dict[str, Any]:
    """The pins of the network: what a verifier has to be told by somebody it trusts."""
    if house.chain.deployment is None:
        raise UnreachableError("尚未部署", "nothing is deployed yet")
    pins = house.chain.deployment
    return {
        "chain_id": pins.chain_id,
        "genesis_hash": pins.genesis_hash,
        "network_id": pins.network_id,
        **pins.addresses,
    }


@router.get("/public/{department}/status/{number}.bin", response_class=Response, responses=_FILE)
def status_list(department: Number, number: Number, house: TheHouse, if_none_match: Known = "") -> Response:
    """A status list as this registry sees it: whoever audits compares it with the chain's."""
    with house.store.read() as session:
        data = showing.status_list(session, department << 32 | number)
    return cached(data, "application/octet-stream", "max-age=15", known=if_none_match)


@router.get("/public/{department}/status/{number}", response_class=Response, responses=_TOKEN)
def status_token(
    department: Number,
    number: Number,
    house: TheHouse,
    accept: Annotated[str, Header()] = "",
    if_none_match: Known = "",
) -> Response:
    """A status list as an IETF Token Status List: a JWT, or a CWT for who accepts that alone."""
    as_cwt = _CWT in accept and _JWT not in accept
    list_ = department << 32 | number
    with house.store.read() as session:
        if as_cwt:
            data, kind = presenting.status_cwt(house, session, list_), _CWT
        else:
            data, kind = presenting.status_jwt(house, session, list_).encode(), _JWT
    answer = cached(data, kind, "max-age=60", known=if_none_match)
    answer.headers["vary"] = "accept"
    return answer


@router.get(
    "/public/{department}/vct/{code}/{version}",
    response_model=TypeAnswer,
    responses={**_UNCHANGED, **problems(404, 422)},
)
def type_metadata(
    department: Number, code: str, version: TypeVersionNumber, house: TheHouse, if_none_match: Known = ""
) -> Response:
    """The type metadata of an SD-JWT VC's `vct`: names and labels for wallets."""
    with house.store.read() as session:
        found = presenting.type_metadata(house, session, department, code=code, version=version)
    return cached(orjson.dumps(found), "application/json", "max-age=3600", known=if_none_match)


@router.get(
    "/.well-known/jwt-vc-issuer/{path:path}",
    response_model=IssuerAnswer,
    responses={**_UNCHANGED, **problems(404)},
)
def issuer_metadata(path: str, house: TheHouse, if_none_match: Known = "") -> Response:
    """The JWT VC issuer metadata of a department: its presenting keys."""
    with house.store.read() as session:
        for known in session.exec(select(Department.id)).all():
            if presenting.issuer_path(house, known) == f"/{path}":
                found = presenting.issuer_metadata(house, session, known)
                return cached(orjson.dumps(found), "application/json", "max-age=300", known=if_none_match)
    raise NotFoundError("没有这个签发部门", "no such issuer")


@router.get("/public/{name:path}", response_class=Response, responses=_FILE)
def public_file(name: str, house: TheHouse, if_none_match: Known = "") -> Response:
    """A public file: types/<SHA-256>.json, <department>/leaves/<root>.bin, departments.json."""
    try:
        data = house.publisher.read(name if _NAMES.fullmatch(name) else "")
    except ObjectMissingError:
        raise NotFoundError("没有这个公开文件", "no such public file") from None
    kind = "application/octet-stream" if name.endswith(".bin") else "application/json"
    age = "max-age=60" if name == "departments.json" else "max-age=31536000, immutable"
    return cached(data, kind, age, known=if_none_match)
