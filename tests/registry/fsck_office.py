"""An office in which everything has happened that fsck looks at; and copies of its home to do harm to."""

import os
import shutil
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from licence.canonical import JsonValue
from licence.status import Act
from registry import acts, documents, onboarding
from registry.acts import Ask
from registry.fsck.checking import Said, check
from registry.fsck.finding import Finding
from registry.issuing import Order, issue
from registry.settings import Settings
from registry.tables import Licence
from scripts import seeding
from scripts.inventing import licences
from tests.registry.office import Office, open_office

MARKET, TRAFFIC = 1, 4
_KEPT = ("deployment.json", "keys", "public", "registry")


def silent(what: str, done: int, total: int) -> None:
    """Progress that nobody watches."""


@dataclass
class Copy:
    """A copy of the office's home, over the same chain."""

    settings: Settings

    @property
    def home(self) -> Path:
        return self.settings.home

    def sql(self, statement: str, *values: Any) -> list[Any]:
        """Carries a statement out behind the registry's back."""
        with sqlite3.connect(self.home / "registry" / "registry.db") as database:
            found = database.execute(statement, values).fetchall()
        database.close()
        return found

    def sql_with(self, earlier: Path, statement: str) -> None:
        """The same, with another database beside it under the name of `earlier`."""
        database = sqlite3.connect(self.home / "registry" / "registry.db")
        database.execute("ATTACH ? AS earlier", (str(earlier),))
        with database:
            database.execute(statement)
        database.close()

    def check(self, *, chain: bool = True) -> list[Said]:
        """What fsck says."""
        settings = self.settings
        if not chain:
            settings = settings.model_copy(update={"chain_url": "http://127.0.0.1:9"})
        return list(check(settings, silent))

    def findings(self, *, chain: bool = True) -> list[Finding]:
        """What fsck finds."""
        return [said for said in self.check(chain=chain) if isinstance(said, Finding)]


def copy_of(office: Office, home: Path) -> Copy:
    """A copy of all that fsck looks at."""
    source = office.house.settings.home
    home.mkdir(parents=True)
    for name in _KEPT:
        if (source / name).is_dir():
            shutil.copytree(source / name, home / name, ignore=shutil.ignore_patterns("*.sock", "*.db*"))
        else:
            shutil.copy2(source / name, home / name)
    back_up(office, home / "registry" / "registry.db")
    for path in home.rglob("*"):
        os.utime(path, (1, 1))  # nothing here is part of a write that is under way
    return Copy(office.house.settings.model_copy(update={"home": home}))


def back_up(office: Office, path: Path) -> None:
    """The office's database as it is at this moment."""
    ours = sqlite3.connect(office.house.settings.home / "registry" / "registry.db")
    theirs = sqlite3.connect(path)
    ours.backup(theirs)
    theirs.close()
    ours.close()


def record(office: Office, act: Act, rows: Sequence[Licence], department: int = MARKET) -> None:
    with office.house.store.write() as session:
        found = [session.get_one(Licence, row.row) for row in rows]
        ask = Ask(act, found, "演示依据", "test")
        acts.record(office.house, session, office.department(session, department), ask)


def driving(office: Office, number: int, **changes: JsonValue) -> Licence:
    """A driving licence with a photo of its own."""
    with office.house.store.read() as session:
        department = office.department(session, TRAFFIC)
    kept = documents.keep(office.house, department, f"photo {number}".encode(), "image/png")
    values: Mapping[str, JsonValue] = [i for i in licences(date.today()) if i.kind == "driving"][
        number
    ].values
    order = Order(
        seeding.definitions()["driving"].code, {**values, "photo": kept.digest, **changes}, source=f"{number}"
    )
    with office.house.store.write() as session:
        return issue(office.house, session, department, order)


def fill(office: Office) -> None:
    """Issues of each kind, acts of each kind, renewals, answers to HTTP, new keys of both kinds."""
    rows = [office.issue() for _ in range(8)]
    drivers = [driving(office, number) for number in range(3)]
    _by_http(office)
    onboarding.renew_key(office.house, MARKET)
    office.settle()
    back_up(office, office.house.settings.home / "earlier.db")
    onboarding.new_token(office.house, TRAFFIC)
    values = {"creditCode": _number(rows[0], office)}
    renewed = office.issue(Act.RENEWED, **values)
    office.settle()
    changed = office.issue(Act.CHANGED, **values)
    record(office, Act.SUSPENDED, rows[1:3])
    record(office, Act.SUSPENDED, drivers[:1], TRAFFIC)
    office.settle()
    record(office, Act.REINSTATED, rows[1:2])
    record(office, Act.REVOKED, rows[2:3])
    record(office, Act.CANCELLED, [rows[3], rows[4]])
    record(office, Act.WITHDRAWN, drivers[1:2], TRAFFIC)
    office.settle()
    assert office.again(renewed).status == 3
    assert office.again(changed).status == 0
    office.issue()  # signed, and not anchored yet


def _number(row: Licence, office: Office) -> JsonValue:
    return office.show(row).issued.values["creditCode"]


def _by_http(office: Office) -> None:
    order = {"type": seeding.definitions()["business"].code, "values": office.business()}
    answer = office.call("POST", "/api/v1/licences", json=order, headers=office.headers(MARKET, "once"))
    assert answer.status_code == 202
    ending = {"act": "SUSPENDED", "licences": [answer.json()["id"]], "legal_basis": "演示依据"}
    answer = office.call("POST", "/api/v1/status-acts", json=ending, headers=office.headers(MARKET, "twice"))
    assert answer.status_code == 202


@contextmanager
def filled_office(home: Path, database: str = "") -> Iterator[Office]:
    wanted = [each for each in seeding.applicants() if each.id in (MARKET, TRAFFIC)]
    with open_office(home, departments=wanted, database=database) as office:
        fill(office)
        yield office
