"""A write asked twice with the same Idempotency-Key is done once, and answered alike."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import orjson
from sqlmodel import Session

from registry import trail
from registry.errors import ConflictError, InvalidError
from registry.house import House
from registry.tables import Department, Idempotency

MAX_KEY = 128


@dataclass(frozen=True, slots=True)
class Write:
    """One write as it was asked: the department, its key for it, and the request's bytes."""

    department: Department
    key: str
    request: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP status and a JSON body."""

    status: int
    body: bytes


def once(house: House, write: Write, deed: Callable[[Session], Mapping[str, object]]) -> Answer:
    """Does the deed and remembers its answer, in one transaction; or gives the answer it remembers.

    Raises:
        InvalidError: no key, or one beyond 128 characters.
        ConflictError: the key was used for another request.
    """
    if not 1 <= len(write.key) <= MAX_KEY:
        raise InvalidError("请提供 Idempotency-Key", "an Idempotency-Key of 1 to 128 characters is needed")
    digest = hashlib.sha256(write.request).digest()
    with house.store.write(write.department.id) as session:
        known = session.get(Idempotency, (write.department.id, write.key))
        if known is not None:
            if known.request_hash != digest:
                raise ConflictError(
                    "该 Idempotency-Key 已用于其他请求", "this Idempotency-Key was used for another request"
                )
            return Answer(known.status, known.answer)
        done = deed(session)
        answer = Answer(202, orjson.dumps(done))
        row = Idempotency(
            department=write.department.id,
            key=write.key,
            request_hash=digest,
            status=answer.status,
            answer=answer.body,
            licence=str(done["id"]) if "id" in done else None,
            time=house.now,
        )
        session.add(row)
        session.flush()
        actor = f"department {row.department}"
        trail.note(house, session, row.department, actor=actor, deed="answer", object=trail.mark(row))
    return answer
