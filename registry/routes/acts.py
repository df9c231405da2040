"""Status acts: suspend, reinstate, withdraw, revoke, cancel; many licences at once in one call of the chain."""

from typing import Any, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field
from sqlmodel import Session, select

from licence.status import Act
from registry import acts
from registry.errors import NotFoundError
from registry.idempotency import once
from registry.routes.answers import ActRecorded, ActState, problems
from registry.routes.parts import Asking, TheHouse, TheWrite, json_answer
from registry.store import licence_of
from registry.tables import StatusAct

router = APIRouter(prefix="/api/v1/status-acts", tags=["status acts"])


class ActOrder(BaseModel, extra="forbid"):
    """A legal act: which, on which licences, on what legal basis."""

    act: Literal["WITHDRAWN", "REVOKED", "CANCELLED", "SUSPENDED", "REINSTATED"] = Field(
        examples=["REVOKED"], description="renewal and change go by a new licence"
    )
    licences: list[str] = Field(min_length=1, max_length=10_000)
    legal_basis: str = Field(min_length=1, max_length=500, examples=["行政许可法 第六十九条"])


@router.post(
    "",
    status_code=202,
    response_class=Response,
    responses={202: {"model": ActRecorded}, **problems(400, 401, 404, 409, 410, 422)},
)
def record(order: ActOrder, house: TheHouse, write: TheWrite) -> Response:
    """Records an act; it becomes effective seconds later, when the chain has it."""
    act = Act[order.act]

    def deed(session: Session) -> dict[str, Any]:
        rows = [
            licence_of(session, write.department.id, public_id) for public_id in dict.fromkeys(order.licences)
        ]
        ask = acts.Ask(act, rows, order.legal_basis, f"department {write.department.id}")
        return {"request": acts.record(house, session, write.department, ask), "state": "recorded"}

    return json_answer(once(house, write, deed))


@router.get("/{request}", response_model=ActState, responses=problems(401, 404))
def read(request: str, house: TheHouse, department: Asking) -> dict[str, Any]:
    """How far a request is: recorded, prepared, effective; with the block once it is on the chain."""
    with house.store.read() as session:
        wanted = select(StatusAct).where(StatusAct.request == request, StatusAct.department == department.id)
        rows = session.exec(wanted).all()
    if not rows:
        raise NotFoundError("没有这项操作", "no such request")
    parts = [{"list": row.list, "state": row.state, "block": row.block, "time": row.time} for row in rows]
    return {"request": request, "act": Act(rows[0].act).name, "parts": parts}
