"""Retention: how long each class of records is kept, and the purge that ends it, with a report.

What proves something to others is kept for ever: leaves, batches, acts, the audit trail. They name nobody.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, func
from sqlmodel import Session, col, or_, select

from licence.status import Act, Status
from registry import trail
from registry.destroying import (
    destroy_licences,
    destroy_subject,
    forget_answers,
    forget_documents,
    licences_of,
)
from registry.house import House
from registry.scrubbing import scrub
from registry.settings import Settings
from registry.tables import (
    ActState,
    Batch,
    BatchState,
    Document,
    Idempotency,
    Licence,
    StatusAct,
    StatusActLicence,
    Subject,
)

DAY = 86_400
_CHUNK = 500
_ENDING = [int(act) for act in Act if act.status in (Status.INVALID, Status.SUPERSEDED)]


@dataclass(frozen=True, slots=True)
class Class:
    """A class of records: which rows are due before a moment, and what is done with them in the caller's transaction.

    `days` reads how long they are kept from the settings. `purge` gives the names of objects to delete afterwards.
    """

    name: str
    zh: str
    en: str
    model: type[Any]
    days: Callable[[Settings], int]
    due: Callable[[int], ColumnElement[bool]]
    purge: Callable[[Session, Sequence[Any], int], list[str]]


@dataclass(frozen=True, slots=True)
class Line:
    """What the report says of a class. `found` were due; a dry run purges none of them."""

    kind: Class
    days: int
    found: int
    purged: int


def purge(house: House, *, dry: bool = False, compact: bool = False) -> list[Line]:
    """Ends what was kept long enough, class by class, in small transactions; `dry` only counts. Safe to repeat.

    Raises:
        UnreachableError: the database or the object store does not answer; what was purged stays purged.
    """
    report = [_purge(house, kind, dry=dry) for kind in CLASSES]
    if any(line.purged for line in report):
        scrub(house.store, compact=compact)
    return report


def _purge(house: House, kind: Class, *, dry: bool) -> Line:
    days = kind.days(house.settings)
    due = kind.due(house.now - days * DAY)
    with house.store.read() as session:
        found = session.exec(select(func.count()).select_from(kind.model).where(due)).one()
    purged = 0 if dry else sum(_chunks(house, kind, due))
    return Line(kind, days, found, purged)


def _chunks(house: House, kind: Class, due: ColumnElement[bool]) -> Iterator[int]:
    while True:
        with house.store.write() as session:
            rows = session.exec(select(kind.model).where(due).limit(_CHUNK)).all()
            if not rows:
                return
            _note(house, session, kind, rows)
            objects = kind.purge(session, rows, house.now)
        # After the rows: their data keys went with them, so what a crash leaves here opens for nobody.
        for name in objects:
            house.objects.delete(name)
        yield len(rows)


def _note(house: House, session: Session, kind: Class, rows: Sequence[Any]) -> None:
    for department in sorted({row.department for row in rows}):
        count = sum(1 for row in rows if row.department == department)
        told = f"{kind.name}: {count}"
        trail.note(house, session, department, actor="retention", deed="purge", object=told)


def _old_answers(before: int) -> ColumnElement[bool]:
    return col(Idempotency.time) < before


def _unused_documents(before: int) -> ColumnElement[bool]:
    return col(Document.licence).is_(None) & (col(Document.kept_at) < before)


def _ended_documents(before: int) -> ColumnElement[bool]:
    return col(Document.licence).in_(select(Licence.row).where(_ended(before)))


def _ended(before: int) -> ColumnElement[bool]:
    """Licences on the chain whose term, or whose last word by a legal act, lies before that moment."""
    final = select(Batch.id).where(Batch.state == BatchState.FINAL)
    acted = (
        select(StatusActLicence.licence)
        .join(StatusAct, col(StatusAct.id) == col(StatusActLicence.act))
        .where(StatusAct.state == ActState.EFFECTIVE, col(StatusAct.act).in_(_ENDING))
        .where(col(StatusAct.time) < before)
    )
    open_ = (
        select(StatusActLicence.licence)
        .join(StatusAct, col(StatusAct.id) == col(StatusActLicence.act))
        .where(StatusAct.state != ActState.EFFECTIVE)
    )
    ended = or_(col(Licence.exp) < before, col(Licence.row).in_(acted))
    settled = col(Licence.batch).in_(final) & col(Licence.row).not_in(open_)
    return col(Licence.erased_at).is_(None) & settled & ended


def _forget(session: Session, rows: Sequence[Idempotency], now: int) -> list[str]:
    forget_answers(session, rows, now)
    return []


def _drop(session: Session, rows: Sequence[Document], now: int) -> list[str]:
    forget_documents(session, rows, now)
    return [row.object for row in rows]


def _destroy(session: Session, rows: Sequence[Licence], now: int) -> list[str]:
    """A holder of whom nothing else is kept goes too."""
    named = select(Document.object).where(col(Document.licence).in_([row.row for row in rows]))
    objects = list(session.exec(named))
    destroy_licences(session, rows, now)
    for number in sorted({row.subject for row in rows}):
        holder = session.get_one(Subject, number)
        if not holder.erasing and not licences_of(session, holder):
            destroy_subject(session, holder, now)
    return objects


CLASSES = (
    Class(
        "answers",
        "写请求的应答",
        "answers to writes, kept for their Idempotency-Key",
        Idempotency,
        lambda settings: settings.keep_answers,
        _old_answers,
        _forget,
    ),
    Class(
        "unused_documents",
        "未使用的附件",
        "photos and originals that no licence names",
        Document,
        lambda settings: settings.keep_unused_documents,
        _unused_documents,
        _drop,
    ),
    Class(
        "ended_documents",
        "已失效证照的附件",
        "photos and originals of licences that ended",
        Document,
        lambda settings: settings.keep_ended_documents,
        _ended_documents,
        _drop,
    ),
    Class(
        "ended_records",
        "已失效证照的数据",
        "values, seeds and indexes of licences that ended",
        Licence,
        lambda settings: settings.keep_ended_records,
        _ended,
        _destroy,
    ),
)
