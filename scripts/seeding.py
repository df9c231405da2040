"""Fills a running system with the demo's departments and licences. Nothing is made twice."""

import json
import os
import tomllib
from collections.abc import Callable
from functools import cache
from pathlib import Path

from sqlmodel import select

import licence
from licence.definition import LicenceType
from registry import importing
from registry.errors import InvalidError
from registry.house import House
from registry.importing import Report
from registry.issuing import Order, issue, source_index
from registry.mapping import RowMapping
from registry.onboarding import Admitted, Applicant, admit
from registry.rows import read_table
from registry.store import department_by_id
from registry.tables import Department, Licence
from scripts.inventing import Invented
from scripts.stack import Stack

FOLDER = Path(__file__).parent / "demo_data"
TABLE = FOLDER / "business_licences.csv"
MAPPING = Path(__file__).resolve().parent.parent / "registry" / "mappings" / "chicago_business_licences.toml"
CHICAGO = 7


@cache
def definitions() -> dict[str, LicenceType]:
    """The seeded type definitions by the name of their file."""
    return _read_types(Path(licence.__file__).parent / "types")


def _read_types(folder: Path) -> dict[str, LicenceType]:
    return {
        path.stem: LicenceType.from_toml(path.read_text("utf-8")) for path in sorted(folder.glob("*.toml"))
    }


def applicants(file: Path = FOLDER / "departments.toml", folder: Path | None = None) -> list[Applicant]:
    """The departments of a TOML file; `folder` holds further type definitions.

    Raises:
        InvalidError: the file lacks something, or names a type that there is no definition of.
    """
    try:
        return _applicants(file, definitions() | (_read_types(folder) if folder else {}))
    except (tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise InvalidError("部门文件有误", f"{file}: {type(error).__name__} {error}") from error


def _applicants(file: Path, kinds: dict[str, LicenceType]) -> list[Applicant]:
    listed = tomllib.loads(file.read_text("utf-8"))["department"]
    return [
        Applicant(
            id=item["id"],
            code=item["code"],
            name_zh=item["name_zh"],
            name_en=item["name_en"],
            types=tuple(kinds[name] for name in item["types"]),
        )
        for item in listed
    ]


def admit_all(stack: Stack, house: House) -> list[Admitted]:
    """Admits the demo's departments that are not admitted yet, and keeps their bearer keys in a file for the demo."""
    with house.store.read() as session:
        known = {row.id for row in session.exec(select(Department)) if row.admitted_at}
    admitted = admit(house, [a for a in applicants() if a.id not in known], stack.let_in)
    path = stack.home / "demo_logins.json"
    logins = json.loads(path.read_text("utf-8")) if path.exists() else {}
    logins |= {str(item.department.id): item.token for item in admitted}
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(logins, file, indent=1)
    return admitted


def import_table(house: House, table: Path, progress: Callable[[int], None] = lambda done: None) -> Report:
    """Imports the Chicago table; safe to repeat."""
    mapping = RowMapping.from_toml(MAPPING.read_text("utf-8"))
    with house.store.read() as session:
        department = department_by_id(session, CHICAGO)
    job = importing.start(house, department, mapping, progress=progress)
    return importing.run(job, read_table(table, mapping))


def issue_invented(house: House, invented: Invented) -> Licence | None:
    """Issues one invented licence; None: it was issued before."""
    kind = definitions()[invented.kind]
    number = str(invented.values[kind.number])
    with house.store.write() as session:
        department = department_by_id(session, invented.department)
        index = source_index(house, department.id, kind.code, number)
        if session.exec(select(Licence).where(Licence.source_index == index)).first():
            return None
        return issue(house, session, department, Order(kind.code, invented.values, source=number))


def login(home: Path, department: int) -> str:
    """A demo department's bearer key."""
    logins: dict[str, str] = json.loads((home / "demo_logins.json").read_text("utf-8"))
    return logins[str(department)]
