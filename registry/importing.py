"""Many at once: a CSV table becomes licences. Every row ends in one of three ways: issued, known, or rejected and why.

Nothing is issued twice however often it runs, and a rejected row stops no other.
"""

import csv
import io
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

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
from registry.store import newest_of, type_for
from registry.tables import Department, Licence

CHUNK = 500
MAX_FIELD = 10_000


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table: its line (the header is line 1) and its cells by column."""

    line: int
    cells: dict[str, str]


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


def read_table(data: Path | bytes, mapping: RowMapping) -> list[Row]:
    """The rows of a CSV table in UTF-8 (with or without a byte order mark).

    Raises:
        InvalidError: not UTF-8 (says at which byte), no header, a column missing, or a row of another length.
    """
    raw = data.read_bytes() if isinstance(data, Path) else data
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidError(
            f"文件不是 UTF-8 编码（第{error.start}字节）",
            f"the table is not UTF-8: byte {error.start}; save it as UTF-8",
        ) from error
    csv.field_size_limit(MAX_FIELD)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = next(reader, [])
        _check_header(header, mapping)
        return list(_rows(reader, header))
    except csv.Error as error:
        line = reader.line_num
        raise InvalidError(f"第{line}行不是有效的 CSV", f"line {line} is not CSV: {error}") from error


def _check_header(header: Sequence[str], mapping: RowMapping) -> None:
    missing = [column for column in mapping.needed if column not in header]
    doubled = [column for column in mapping.needed if header.count(column) > 1]
    if doubled:
        raise InvalidError(
            f"重复的列：{'、'.join(doubled)}", f"columns that stand twice: {', '.join(doubled)}"
        )
    if missing:
        raise InvalidError(
            f"缺少列：{'、'.join(missing)}", f"columns missing: {', '.join(missing)}; nothing was imported"
        )


def _rows(reader: Any, header: Sequence[str]) -> Iterator[Row]:
    for cells in reader:
        line = reader.line_num
        if not cells:
            continue
        if len(cells) != len(header):
            raise InvalidError(
                f"第{line}行有{len(cells)}列，应为{len(header)}列",
                f"line {line} has {len(cells)} cells, the header {len(header)}; nothing was imported",
            )
        yield Row(line, dict(zip(header, cells, strict=True)))


def run(job: Job, rows: Sequence[Row]) -> Report:
    """Imports the rows: the versions of one number one after the other, everything else together.

    Raises:
        UnreachableError: the signer or the store is away; what was issued stays issued, run it again.
    """
    report = Report(rows=len(rows))
    done = 0
    for rank in _ranks(job, rows):
        for at in range(0, len(rank), CHUNK):
            chunk = rank[at : at + CHUNK]
            _chunk(job, chunk, report)
            done += len(chunk)
            job.progress(done)
    if not job.dry:
        _endings(job, rows, report)
    report.rejected.sort(key=lambda rejection: rejection.line)
    return report


def _ranks(job: Job, rows: Sequence[Row]) -> list[list[Row]]:
    """The rows by their place among the versions of their number: all firsts, all seconds, and so on."""
    column = job.mapping.columns.get(job.kind.number, job.mapping.source)
    chains: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        chains[row.cells[column].strip()].append(row)
    ranks: list[list[Row]] = []
    for chain in chains.values():
        for place, row in enumerate(sorted(chain, key=lambda row: (job.mapping.moment(row.cells), row.line))):
            if place == len(ranks):
                ranks.append([])
            ranks[place].append(row)
    return ranks


def _chunk(job: Job, rows: Sequence[Row], report: Report) -> None:
    if job.dry:
        for row in rows:
            with _rejecting(report, row):
                validate(_values(job, row), job.kind)
        return
    with job.house.store.write() as session:
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


def _endings(job: Job, rows: Sequence[Row], report: Report) -> None:
    """Records the acts that ended licences, once all versions are issued; what is ended already stays so."""
    endings = job.mapping.endings
    if endings is None:
        return
    with job.house.store.write() as session:
        for act in sorted({a for row in rows if (a := endings.act(row.cells)) is not None}):
            found = [_licence(job, session, row) for row in rows if endings.act(row.cells) is act]
            fresh = [licence for licence in found if licence and _may_end(session, licence, act)]
            if fresh:
                ask = acts.Ask(act, fresh, endings.legal_basis, f"department {job.department.id}")
                acts.record(job.house, session, job.department, ask)
                report.acts += len(fresh)


def _may_end(session: Session, licence: Licence, act: Act) -> bool:
    return lawful(acts.coming_status(session, licence), act.status)
