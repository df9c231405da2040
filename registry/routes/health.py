"""How the registry is: alive, ready, and in figures. For those who run it; nothing of any licence."""

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Header, Request, Response

from doors.condition import Watch, in_words
from doors.counting import KIND, Counts
from registry.routes.answers import Condition, Health, media, problems

router = APIRouter(tags=["health"])
_IN_WORDS = {"text/plain": {"schema": {"type": "string"}, "example": "就绪 · ready\n✓ database: …"}}
_SAID: dict[int | str, dict[str, Any]] = {
    200: {"model": Condition, "content": _IN_WORDS},
    503: {"model": Condition, "description": "not ready: the parts say why", "content": _IN_WORDS},
}


@router.get("/healthz", response_model=Health, responses=problems())
async def healthy() -> dict[str, str]:
    """The process runs."""
    return {"status": "ok"}


@router.get("/readyz", response_class=Response, responses={**problems(), **_SAID})
def ready(request: Request, accept: Annotated[str, Header()] = "") -> Response:
    """Whether licences can be issued now, part by part; in JSON, or for people where text/plain is asked for."""
    watch: Watch = request.app.state.watch
    told = watch.told()
    status = 200 if told["status"] == "ready" else 503
    if accept.startswith("text/plain"):
        return Response(in_words(told), status, media_type="text/plain; charset=utf-8")
    return Response(orjson.dumps(told), status, media_type="application/json")


@router.get(
    "/metrics",
    response_class=Response,
    responses={**problems(), **media("text/plain", "figures", "elicence_ready 1.0")},
)
def metrics(request: Request) -> Response:
    """Figures for Prometheus: docs/operations.md says what each means."""
    counts: Counts = request.app.state.counts
    return Response(counts.text(), headers={"content-type": KIND})
