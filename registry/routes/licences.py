"""Licences: issue, renew and change, list, read, and every form of one."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field
from sqlmodel import Session, col, select

from licence import sd_jwt
from licence.errors import MalformedError
from licence.keys import PublicKey
from licence.status import Act
from registry import presenting, showing
from registry.errors import InvalidError
from registry.house import House
from registry.idempotency import once
from registry.issuing import Order, issue
from registry.routes.answers import Page, ReceiptAnswer, Summary, media, problems
from registry.routes.parts import Asking, TheHouse, TheWrite, json_answer
from registry.showing import Shown
from registry.store import final_batch, is_held, licence_of
from registry.tables import Department, Licence

router = APIRouter(prefix="/api/v1/licences", tags=["licences"])


class LicenceOrder(BaseModel, extra="forbid"):
    """A licence to issue: its type, the values of its fields, and for a new version by which act it succeeds."""

    type: str = Field(examples=["11990000DEF000011Y001"], max_length=64)
    values: dict[str, Any] = Field(examples=[{"entName": "演示（示例市）商贸有限公司"}])
    version: int | None = Field(None, description="type version; the newest if left out", ge=1, le=65_535)
    succeeds: Literal["RENEWED", "CHANGED"] | None = Field(
        None, description="RENEWED or CHANGED: a new version of the licence of this number"
    )


@router.post(
    "",
    status_code=202,
    response_class=Response,
    responses={202: {"model": Summary}, **problems(400, 401, 404, 409, 422)},
)
def issue_one(order: LicenceOrder, house: TheHouse, write: TheWrite) -> Response:
    """Issues a licence. It is signed and stored when this answers, and anchored seconds later."""
    succeeds = Act[order.succeeds] if order.succeeds else None
    wanted = Order(order.type, order.values, order.version, succeeds)

    def deed(session: Session) -> dict[str, Any]:
        return dict(showing.summary(issue(house, session, write.department, wanted), None))

    return json_answer(once(house, write, deed))


@router.get("", response_model=Page, responses=problems(401, 422))
def list_all(
    house: TheHouse,
    department: Asking,
    after: Annotated[int, Query(ge=0, le=2**53, description="the cursor of the page before")] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> dict[str, Any]:
    """The department's own licences in the order of their issue, page by page; erased ones are left out."""
    with house.store.read() as session:
        wanted = select(Licence).where(Licence.department == department.id, col(Licence.row) > after)
        wanted = wanted.where(col(Licence.erased_at).is_(None))
        rows = session.exec(wanted.order_by(col(Licence.row)).limit(limit)).all()
        held = is_held(session, department.id)
        items = [showing.summary(row, final_batch(session, row), held=held) for row in rows]
    return {"items": items, "next": rows[-1].row if len(rows) == limit else None}


@router.get("/{licence_id}", response_model=Summary, responses=problems(401, 404, 410))
def read(licence_id: str, house: TheHouse, department: Asking) -> dict[str, Any]:
    """One licence: where it stands, without personal data."""
    with house.store.read() as session:
        row = licence_of(session, department.id, licence_id)
        held = is_held(session, department.id)
        return dict(showing.summary(row, final_batch(session, row), held=held))


@router.get(
    "/{licence_id}/file",
    response_class=Response,
    responses={
        **media("application/json", "the licence file", '{"elicence":"ELR1", …}'),
        **problems(401, 404, 409, 410),
    },
)
def file(licence_id: str, house: TheHouse, department: Asking) -> Response:
    """The licence file: all values, proofs and receipt. Give it to its holder alone."""
    data = _shown(house, department, licence_id).file()
    name = f'attachment; filename="licence-{licence_id[:8]}.json"'
    return Response(data, media_type="application/json", headers={"content-disposition": name})


@router.get("/{licence_id}/receipt", response_model=ReceiptAnswer, responses=problems(401, 404, 409, 410))
def receipt(licence_id: str, house: TheHouse, department: Asking) -> dict[str, Any]:
    """Anchor number, position and inclusion proof."""
    with house.store.read() as session:
        found = showing.receipt(session, licence_of(session, department.id, licence_id)).to_json()
    return dict(found) if isinstance(found, dict) else {}


@router.get(
    "/{licence_id}/paper.txt",
    response_class=Response,
    responses={**media("text/plain", "the code's text", "ELR1:…"), **problems(401, 404, 409, 410)},
)
def paper_text(licence_id: str, house: TheHouse, department: Asking) -> Response:
    """The text of the paper code."""
    return Response(_shown(house, department, licence_id).paper(), media_type="text/plain; charset=utf-8")


@router.get(
    "/{licence_id}/paper.svg",
    response_class=Response,
    responses={**media("image/svg+xml", "the code", "<svg …/>"), **problems(401, 404, 409, 410)},
)
def paper_svg(licence_id: str, house: TheHouse, department: Asking) -> Response:
    """The paper code as SVG."""
    return Response(_shown(house, department, licence_id).svg(), media_type="image/svg+xml")


@router.get(
    "/{licence_id}/paper.png",
    response_class=Response,
    responses={**media("image/png", "the code", "PNG", binary=True), **problems(401, 404, 409, 410)},
)
def paper_png(licence_id: str, house: TheHouse, department: Asking) -> Response:
    """The paper code as PNG."""
    return Response(_shown(house, department, licence_id).png(), media_type="image/png")


class CredentialOrder(BaseModel, extra="forbid"):
    """A credential for a wallet: bound to its key, disclosing the named fields; left out: to no key, all fields."""

    holder: dict[str, str] | None = Field(
        None, description="the wallet's public key as a JWK: crv P-256, kty EC, x, y; nothing else"
    )
    disclose: list[str] | None = Field(None, max_length=128, examples=[["entName", "validTo"]])


@router.post(
    "/{licence_id}/credential",
    response_class=Response,
    responses={
        **media("application/dc+sd-jwt", "the credential", "eyJhbGciOiJFUzI1NiIs…~WyJ…~"),
        **problems(400, 401, 404, 409, 410, 422),
    },
)
def credential(licence_id: str, order: CredentialOrder, house: TheHouse, department: Asking) -> Response:
    """The licence as an SD-JWT VC (RFC 9901) for the holder's wallet."""
    with house.store.read() as session:
        row = licence_of(session, department.id, licence_id)
        text = presenting.credential(
            house, session, row, names=order.disclose, holder=_wallet_key(order.holder)
        )
    return Response(text, media_type="application/dc+sd-jwt")


def _wallet_key(jwk: dict[str, str] | None) -> PublicKey | None:
    if jwk is None:
        return None
    try:
        key = sd_jwt.read_jwk(jwk)
        key.demand_point()
    except MalformedError as error:
        raise InvalidError("持证人密钥应为 P-256 公钥（JWK）", f"holder: {error}") from error
    return key


def _shown(house: House, department: Department, licence_id: str) -> Shown:
    with house.store.read() as session:
        return showing.show(house, session, licence_of(session, department.id, licence_id))
