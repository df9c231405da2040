"""Erasing a holder (PIPL art. 47): status ended on the chain first, then everything that could name him destroyed.

Five steps, each of which may be killed and repeated: mark and cancel; wait for the chain; write the journal; destroy,
objects first; scrub the database's files. What remains can be computed back by nobody, whatever keys he has.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from sqlmodel import Session, col, select

from licence.definition import LicenceType
from licence.status import Act, Status, lawful
from registry import acts, trail, worker
from registry.acts import Ask
from registry.destroying import (
    Destroyed,
    destroy_licences,
    destroy_subject,
    documents_of,
    drop_objects,
    licences_of,
)
from registry.errors import ConflictError, InvalidError, NotFoundError
from registry.house import House
from registry.journal import Erased, Journal
from registry.scrubbing import scrub
from registry.store import department_by_id, final_batch
from registry.tables import (
    ActState,
    Batch,
    BatchState,
    Licence,
    StatusAct,
    StatusActLicence,
    Subject,
    TypeVersion,
)

log = structlog.get_logger("erasing")
_EVERYTHING = 0  # the trail of what concerns no single department


@dataclass(frozen=True, slots=True)
class Plan:
    """Who is to be erased, by its random name, and how much that is: no names of people."""

    subject: str
    licences: int
    documents: int
    departments: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Order:
    """On what legal basis, by whom, and how long to wait for the chain."""

    legal_basis: str
    actor: str = "operator"
    patience: float = 120


def plan(house: House, code: str, code_type: str | None = None) -> Plan:
    """What erasing the holder with this code would destroy. Without a type, the code is looked for under every one.

    Raises:
        NotFoundError: nobody of this code, or erased already.
        ConflictError: it is several holders' under different code types.
    """
    with house.store.read() as session:
        found = [
            subject
            for kind in ([code_type] if code_type else _code_types(session))
            if (subject := _find(house, session, kind, code.strip())) is not None
        ]
        if len(found) > 1:
            raise ConflictError(
                "该号码对应多个主体，请指明号码类型", "several holders have this code: name its type"
            )
        if not found:
            raise NotFoundError(
                "没有该号码的持证主体，或已删除",
                "no holder of this code: none was ever here, or it was erased",
            )
        return _plan(session, found[0])


def _code_types(session: Session) -> list[str]:
    """The code types (GB/T 36903 Annex A) under which holders are known here."""
    rows = session.exec(select(TypeVersion.definition))
    return sorted({LicenceType.from_canonical(row).holder.code_type for row in rows})


def _find(house: House, session: Session, code_type: str, code: str) -> Subject | None:
    index = house.vault.blind("holder", code_type, code)
    return session.exec(select(Subject).where(Subject.holder_index == index)).first()


def _plan(session: Session, subject: Subject) -> Plan:
    licences = licences_of(session, subject)
    departments = tuple(sorted({licence.department for licence in licences}))
    return Plan(subject.name, len(licences), len(documents_of(session, licences)), departments)


def erase(house: House, subject: str, order: Order) -> Destroyed:
    """Erases a holder, named by a plan, and gives how much was destroyed. Run again after a crash, it goes on.

    Raises:
        InvalidError: no legal basis.
        ReadOnlyError: a department is held up: put that right first.
        UnreachableError: the chain, the signer or the database did not answer in time.
        JournalError: the erasure journal was altered.
    """
    if not order.legal_basis.strip():
        raise InvalidError("请填写法律依据", "a legal basis is needed")
    Journal.of(house).read()  # altered: said before anything is begun
    _mark(house, subject, order)
    return _go_on(house, subject, order)


def resume(house: House, order: Order) -> dict[str, Destroyed]:
    """Ends every erasure that was begun, and what a crash left in the files of those that were done.

    Raises:
        ReadOnlyError, UnreachableError, JournalError: as erase.
    """
    with house.store.read() as session:
        begun = select(Subject.name).where(col(Subject.erasing), col(Subject.erased_at).is_(None))
        names = session.exec(begun).all()
    done = {name: _go_on(house, name, order) for name in names}
    scrub(house.store)
    return done


def replay(house: House, journal: Journal) -> int:
    """Erases everybody in the journal whom a restored database brought back, before it serves; how many that were.

    The chain is not asked: it has their cancellations since before the journal's lines were written.

    Raises:
        JournalError: the journal was altered.
        UnreachableError: the database does not answer.
    """
    told = journal.read()
    back = [erased for erased in told if _is_back(house, erased.subject)]
    for erased in back:
        _drop(house, erased.subject)
        _destroy(house, erased, "restore")
    Journal.of(house).add(told)
    scrub(house.store)
    return len(back)


def _go_on(house: House, subject: str, order: Order) -> Destroyed:
    _settle(house, subject, order.patience)
    erased = Erased(subject, house.now)
    _write_down(house, erased)
    _drop(house, subject)
    done = _destroy(house, erased, order.actor)
    scrub(house.store)
    log.info("erased", licences=done.licences, documents=done.documents)
    return done


def _mark(house: House, subject: str, order: Order) -> None:
    """From here on nothing is issued to this holder or shown of him, and his licences are being cancelled."""
    with house.store.write() as session:
        holder = _named(session, subject)
        if holder.erasing:
            return
        holder.erasing = True
        session.add(holder)
        licences = licences_of(session, holder)
        for department in sorted({licence.department for licence in licences}) or [_EVERYTHING]:
            own = [licence for licence in licences if licence.department == department]
            _cancel(house, session, own, order)
            told = f"{len(own)} licences"
            trail.note(house, session, department, actor=order.actor, deed="erase-begin", object=told)


def _cancel(house: House, session: Session, licences: Sequence[Licence], order: Order) -> None:
    open_ = [licence for licence in licences if lawful(acts.coming_status(session, licence), Status.INVALID)]
    if open_:
        department = department_by_id(session, open_[0].department)
        acts.record(house, session, department, Ask(Act.CANCELLED, open_, order.legal_basis, order.actor))


def _settle(house: House, subject: str, seconds: float) -> None:
    """Every licence anchored, every act on one effective: before that its end would be nobody's to prove."""
    worker.work_until(house, lambda: _is_settled(house, subject), seconds)


def _is_settled(house: House, subject: str) -> bool:
    with house.store.read() as session:
        licences = licences_of(session, _named(session, subject))
        if any(final_batch(session, licence) is None for licence in licences):
            _demand_moving(session, licences)
            return False
        return not any(_open_acts(session, licence) for licence in licences)


def _open_acts(session: Session, licence: Licence) -> bool:
    wanted = (
        select(StatusAct)
        .join(StatusActLicence, col(StatusActLicence.act) == col(StatusAct.id))
        .where(StatusActLicence.licence == licence.row, StatusAct.state != ActState.EFFECTIVE)
    )
    found = session.exec(wanted).all()
    if any(act.state is ActState.QUARANTINED for act in found):
        raise _set_aside()
    return bool(found)


def _demand_moving(session: Session, licences: Sequence[Licence]) -> None:
    ids = {licence.batch for licence in licences if licence.batch is not None}
    wanted = select(Batch.id).where(col(Batch.id).in_(ids), Batch.state == BatchState.QUARANTINED)
    if session.exec(wanted).first() is not None:
        raise _set_aside()


def _set_aside() -> ConflictError:
    return ConflictError(
        "有批次或状态变更被搁置，请先处理，再继续删除",
        "a batch or act of this holder was set aside: a person must look; then run it again, it goes on from there",
    )


def _write_down(house: House, erased: Erased) -> None:
    """First of all those that the database has and the journal lost, so that it is whole again."""
    with house.store.read() as session:
        wanted = select(Subject.name, Subject.erased_at).where(col(Subject.erased_at).is_not(None))
        known = [Erased(name, time or 0) for name, time in session.exec(wanted)]
    Journal.of(house).add([*known, erased])


def _drop(house: House, subject: str) -> None:
    """Objects go before the rows that name them: a crash in between leaves nothing that nobody knows of."""
    with house.store.read() as session:
        documents = documents_of(session, licences_of(session, _named(session, subject)))
    drop_objects(house, documents)


def _destroy(house: House, erased: Erased, actor: str) -> Destroyed:
    total = Destroyed()
    with house.store.write() as session:
        holder = _named(session, erased.subject)
        if holder.erased_at is not None:
            return total
        licences = licences_of(session, holder)
        for department in sorted({licence.department for licence in licences}) or [_EVERYTHING]:
            own = [licence for licence in licences if licence.department == department]
            done = destroy_licences(session, own, erased.time)
            trail.note(house, session, department, actor=actor, deed="erase", object=done.words())
            total = total.plus(done)
        destroy_subject(session, holder, erased.time)
    return total


def _is_back(house: House, subject: str) -> bool:
    with house.store.read() as session:
        wanted = select(Subject.id).where(Subject.name == subject, col(Subject.erased_at).is_(None))
        return session.exec(wanted).first() is not None


def _named(session: Session, name: str) -> Subject:
    return session.exec(select(Subject).where(Subject.name == name)).one()
