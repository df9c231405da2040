"""Many at once: a table becomes licences. Every row ends in one of three ways: issued, known, or rejected and why.

Nothing is issued twice however often it runs, and a rejected row stops no other.
"""

import hashlib
import itertools
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from sqlmodel import Session, select

from licence.canonical import JsonValue
from licence.definition import LicenceType
from licence.errors import FieldProblem, RecordError
from licence.record import validate
from licence.status import Act, lawful
from registry import acts
from registry.errors import InvalidError, RegistryError, UnreachableError
from registry.house import House
from registry.issuing import Order, draft, number_index, sign, source_index
from registry.mapping import RowMapping
from registry.rows import Row, Table
from registry.store import newest_of, type_for
from registry.tables import Department, Licence

CHUNK = 500
MAX_VERSIONS = 200
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Rejection:
    """A row that became no licence, and everything to correct in it."""

    line: int
    problems: tuple[FieldProblem, ...]


@dataclass(slots=True)
class Report:
    """What became of a table. `issued` are public ids; `acts` counts the endings recorded."""

    rows: int = 0
    issued: list[str] = field(default_factory=list)
    known: int = 0
    acts: int = 0
    rejected: list[Rejection] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Job:
    """An import: whose, by which mapping; `dry` checks everything and stores nothing. `progress` is told rows done."""

    house: House
    department: Department
    mapping: RowMapping
    kind: LicenceType
    dry: bool = False
    progress: Callable[[int], None] = lambda done: None


def start(
    house: House,
    department: Department,
    mapping: RowMapping,
    *,
    dry: bool = False,
    progress: Callable[[int], None] = lambda done: None,
) -> Job:
    """A job for a mapping whose type the department may issue.

    Raises:
        NotFoundError: it may not.
        InvalidError: the mapping names fields that the type does not have.
    """
    with house.store.read() as session:
        version = type_for(session, department.id, mapping.type, mapping.version)
    kind = LicenceType.from_canonical(version.definition)
    mapping.check(kind)
    return Job(house, department, mapping, kind, dry, progress)


def run(job: Job, table: Table) -> Report:
    """Imports a table: the versions of one number one after the other, everything else together.

    Raises:
        InvalidError: more versions of one number than MAX_VERSIONS.
        UnreachableError: the signer or the store is away; what was issued stays issued, run it again.
    """
    report = Report(rows=len(table))
    ranks, done = _ranks(job, table), 0
    for rank in range(max(ranks, default=-1) + 1):
        for chunk in _chunks(row for place, row in enumerate(table) if ranks[place] == rank):
            _chunk(job, chunk, report)
            done += len(chunk)
            job.progress(done)
    if not job.dry:
        _endings(job, table, report)
    report.rejected.sort(key=lambda rejection: rejection.line)
    return report


def _ranks(job: Job, table: Table) -> "array[int]":  # not subscriptable at run time before 3.12
    """For each row, its place among the versions of its number. All that is held of a row is here: some 100 bytes."""
    column = job.mapping.columns.get(job.kind.number, job.mapping.source)
    order = sorted(
        (_short(row.cells[column].strip()), job.mapping.moment(row.cells), place)
        for place, row in enumerate(table)
    )
    ranks, rank = array("H", bytes(2 * len(order))), 0
    for before, (number, _, place) in zip([("", "", 0), *order], order, strict=False):
        rank = rank + 1 if number == before[0] else 0
        if rank == MAX_VERSIONS:
            raise InvalidError(
                f"同一编号超过{MAX_VERSIONS}行",
                f"more than {MAX_VERSIONS} rows of one number: split the table",
            )
        ranks[place] = rank
    return ranks


def _short(number: str) -> str:
    """Enough of a number to tell it from others: 16 bytes of its hash, and no personal data kept in memory."""
    return hashlib.sha256(number.encode()).hexdigest()[:32]


def _chunks(items: Iterable[Item]) -> Iterator[list[Item]]:
    rest = iter(items)
    while chunk := list(itertools.islice(rest, CHUNK)):
        yield chunk


def _chunk(job: Job, rows: Sequence[Row], report: Report) -> None:
    if job.dry:
        for row in rows:
            with _rejecting(report, row):
                validate(_values(job, row), job.kind)
        return
    with job.house.store.write(job.department.id) as session:
        drafts = []
        for row in rows:
            if _known(job, session, row):
                report.known += 1
                continue
            with _rejecting(report, row):
                drafts.append(draft(job.house, session, job.department, _order(job, session, row)))
        issued = sign(job.house, session, job.department, drafts)
    report.issued += [licence.id for licence in issued]


def _order(job: Job, session: Session, row: Row) -> Order:
    values, mapping = _values(job, row), job.mapping
    number = str(values.get(job.kind.number, ""))
    index = number_index(job.house, job.department.id, mapping.type, number)
    succeeds = None
    if mapping.successions is not None and newest_of(session, index) is not None:
        succeeds = mapping.successions.act(row.cells)
    return Order(mapping.type, values, mapping.version, succeeds, _source(job, row))


def _values(job: Job, row: Row) -> dict[str, JsonValue]:
    return job.mapping.values(row.cells, job.kind)


def _source(job: Job, row: Row) -> str:
    return row.cells[job.mapping.source].strip()


def _known(job: Job, session: Session, row: Row) -> bool:
    return _licence(job, session, row) is not None


def _licence(job: Job, session: Session, row: Row) -> Licence | None:
    index = source_index(job.house, job.department.id, job.mapping.type, _source(job, row))
    return session.exec(select(Licence).where(Licence.source_index == index)).first()


@contextmanager
def _rejecting(report: Report, row: Row) -> Iterator[None]:
    """A refusal is written down, and the next row goes on."""
    try:
        yield
    except RecordError as error:
        report.rejected.append(Rejection(row.line, error.problems))
    except UnreachableError:
        raise
    except RegistryError as error:
        report.rejected.append(Rejection(row.line, (FieldProblem("", error.code, error.zh, error.en),)))


def _endings(job: Job, table: Table, report: Report) -> None:
    """Records the acts that ended licences, once all versions are issued; what is ended already stays so."""
    endings = job.mapping.endings
    if endings is None:
        return
    for act in sorted({act for row in table if (act := endings.act(row.cells)) is not None}):
        for chunk in _chunks(row for row in table if endings.act(row.cells) is act):
            _end(job, act, chunk, report)


def _end(job: Job, act: Act, rows: Sequence[Row], report: Report) -> None:
    basis = job.mapping.endings.legal_basis if job.mapping.endings else ""
    with job.house.store.write(job.department.id) as session:
        found = [_licence(job, session, row) for row in rows]
        fresh = [licence for licence in found if licence and _may_end(session, licence, act)]
        if fresh:
            ask = acts.Ask(act, fresh, basis, f"department {job.department.id}")
            acts.record(job.house, session, job.department, ask)
            report.acts += len(fresh)


def _may_end(session: Session, licence: Licence, act: Act) -> bool:
    return lawful(acts.coming_status(session, licence), act.status)
