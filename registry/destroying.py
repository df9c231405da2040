"""Destroys what is kept of licences and holders: of a licence its places on the chain and its leaf are left, no more.

In the caller's transaction; whether it may be done at all is for erasing.py and retention.py to know. Objects go by
`drop_objects`, what is left in the database's files by scrubbing.py.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import delete
from sqlmodel import Session, col, select

from registry import trail
from registry.house import House
from registry.tables import Document, Idempotency, Licence, SealedRecord, Subject

_RANDOM = 32
_AT_ONCE = 500
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Destroyed:
    """How much of it there was."""

    licences: int = 0
    documents: int = 0
    answers: int = 0

    def plus(self, other: "Destroyed") -> "Destroyed":
        """Both together."""
        return Destroyed(
            self.licences + other.licences, self.documents + other.documents, self.answers + other.answers
        )

    def words(self) -> str:
        """For the audit trail."""
        return f"{self.licences} licences, {self.documents} documents, {self.answers} answers"


def licences_of(session: Session, subject: Subject) -> Sequence[Licence]:
    """The licences of a holder that are not erased yet, of all departments."""
    wanted = select(Licence).where(Licence.subject == subject.id, col(Licence.erased_at).is_(None))
    return session.exec(wanted.order_by(col(Licence.row))).all()


def documents_of(session: Session, licences: Sequence[Licence]) -> list[Document]:
    """Their photos and originals."""
    parts = _parts([licence.row for licence in licences])
    wanted = (select(Document).where(col(Document.licence).in_(part)) for part in parts)
    return [document for part in wanted for document in session.exec(part)]


def drop_objects(house: House, documents: Iterable[Document]) -> None:
    """Deletes their sealed bytes; what is not there any more is no error."""
    for document in documents:
        house.objects.delete(document.object)


def destroy_licences(session: Session, licences: Sequence[Licence], time: int) -> Destroyed:
    """Destroys values, seeds, documents' keys, blind indexes, entries and remembered answers of licences."""
    documents = documents_of(session, licences)
    forget_documents(session, documents, time)
    answers = _forget_answers(session, {licence.id for licence in licences}, time)
    for licence in licences:
        session.execute(delete(SealedRecord).where(col(SealedRecord.licence) == licence.row))
        _empty(licence, time)
        session.add(licence)
    session.flush()
    return Destroyed(len(licences), len(documents), answers)


def _empty(licence: Licence, time: int) -> None:
    """What names nobody by itself goes too when a holder's paper, or who knows some of it, could be matched with it."""
    licence.number_index, licence.source_index = os.urandom(_RANDOM), None
    licence.signed_entry, licence.certificate_id = b"", ""
    licence.iat, licence.nbf, licence.exp = 0, 0, None
    licence.erased_at = time


def destroy_subject(session: Session, subject: Subject, time: int) -> None:
    """Destroys a holder's data key and index: nobody can say any more who it was."""
    subject.wrapped_key, subject.holder_index = b"", os.urandom(_RANDOM)
    subject.erasing, subject.erased_at = True, time
    session.add(subject)
    session.flush()


def forget_documents(session: Session, documents: Sequence[Document], time: int) -> None:
    """Deletes their rows, and notes that this was on purpose."""
    for department in sorted({document.department for document in documents}):
        own = [document.id for document in documents if document.department == department]
        trail.forget(session, department, own, time)
    for document in documents:
        session.delete(document)


def forget_answers(session: Session, answers: Sequence[Idempotency], time: int) -> None:
    """Deletes answers to writes, and notes that this was on purpose."""
    for department in sorted({answer.department for answer in answers}):
        own = [trail.mark(answer) for answer in answers if answer.department == department]
        trail.forget(session, department, own, time)
    for answer in answers:
        session.delete(answer)


def _forget_answers(session: Session, ids: set[str], time: int) -> int:
    """A request's hash covers every value it held, unsalted. Answers of release 0.1.0 do not say whose they are."""
    unnamed = select(Idempotency).where(col(Idempotency.licence).is_(None))
    known = [row for row in session.exec(unnamed) if any(name.encode() in row.answer for name in ids)]
    for part in _parts(sorted(ids)):
        known += session.exec(select(Idempotency).where(col(Idempotency.licence).in_(part)))
    forget_answers(session, known, time)
    return len(known)


def _parts(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """As many at once as a statement takes."""
    for start in range(0, len(items), _AT_ONCE):
        yield items[start : start + _AT_ONCE]
