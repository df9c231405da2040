"""Invented holders with photos, issued by the traffic police (4) and the police (3); and what is known of one."""

import base64
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from sqlmodel import Session, col, select

from licence.canonical import JsonValue
from registry import documents
from registry.house import House
from registry.issuing import Order, issue, open_record
from registry.store import department_by_id
from registry.tables import Document, Idempotency, Licence, SealedRecord, Subject
from scripts import seeding
from scripts.inventing import citizen_id
from tests.registry.office import Office, invented

POLICE, TRAFFIC = 3, 4
ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass(frozen=True)
class Person:
    """Somebody invented. `canary` is a word that nobody else's data holds."""

    number: int
    canary: str
    birth: date = date(1991, 2, 3)

    @property
    def code(self) -> str:
        return citizen_id(self.birth, 2 * self.number + 1)

    @property
    def card(self) -> str:
        return f"JZ990101{70_000_000 + self.number}"

    @property
    def file_number(self) -> str:
        return f"9901{70_000_000 + self.number}"

    @property
    def photo(self) -> bytes:
        return b"\x89PNG\r\n\x1a\n" + f"photo of {self.canary} {self.number}".encode() * 40

    def driving(self, photo: str | None = None) -> dict[str, JsonValue]:
        changed: dict[str, JsonValue] = {
            "licNo": self.code,
            "name": self.canary,
            "sex": "男",
            "address": f"示例省模拟市{self.canary}路{self.number}号",
            "birthDate": self.birth.isoformat(),
            "firstIssueDate": "2012-02-03",
            "fileNo": self.file_number,
        }
        return {**invented("driving").values, **changed, **({"photo": photo} if photo else {})}

    def residence(self) -> dict[str, JsonValue]:
        changed: dict[str, JsonValue] = {
            "name": self.canary,
            "sex": "男",
            "birthDate": self.birth.isoformat(),
            "idNo": self.code,
            "hukouAddress": f"示例省{self.canary}村",
            "cardNo": self.card,
        }
        return {**invented("residence").values, **changed}


def order(kind: str, values: dict[str, JsonValue], source: str | None = None) -> Order:
    return Order(seeding.definitions()[kind].code, values, source=source)


def give(office: Office, department: int, wanted: Order) -> Licence:
    with office.house.store.write() as session:
        return issue(office.house, session, department_by_id(session, department), wanted)


def photo_of(office: Office, person: Person) -> str:
    """Uploads the photo; gives its digest."""
    with office.house.store.read() as session:
        department = office.department(session, TRAFFIC)
    return documents.keep(office.house, department, person.photo, "image/png").digest


def driving(office: Office, person: Person) -> Licence:
    wanted = order("driving", person.driving(photo_of(office, person)), source=person.code)
    return give(office, TRAFFIC, wanted)


def values_of(person: Person) -> list[bytes]:
    """What would name the person to a reader."""
    told = (person.canary, person.code, person.card, person.file_number)
    return [*(each.encode() for each in told), person.canary.encode("utf-16-le"), person.photo[:48]]


def secrets_of(house: House, session: Session, subject: Subject) -> dict[str, bytes]:
    """Everything that must not be there after the erasure: keys and seeds, sealed bytes, indexes, entries."""
    key = house.vault.unwrap(subject.wrapped_key, subject.holder_index.hex())
    found = {"data key": key, "wrapped key": subject.wrapped_key, "holder index": subject.holder_index}
    licences = session.exec(select(Licence).where(Licence.subject == subject.id)).all()
    for row in licences:
        _, seed = open_record(house, session, row)
        found |= {
            f"{row.row} seed": bytes(seed),
            f"{row.row} number index": row.number_index,
            f"{row.row} entry": row.signed_entry,
            f"{row.row} certificate": row.certificate_id.encode(),
            f"{row.row} record": session.get_one(SealedRecord, row.row).sealed,
        }
        found |= {f"{row.row} source index": row.source_index} if row.source_index else {}
        for answer in session.exec(select(Idempotency).where(Idempotency.licence == row.id)):
            found[f"{row.row} request hash"] = answer.request_hash
    ids = [row.row for row in licences]
    for document in session.exec(select(Document).where(col(Document.licence).in_(ids))):
        found["document key"] = house.vault.unwrap(document.wrapped_key, f"document {document.id}")
        found |= {"document's wrapped key": document.wrapped_key, "digest": document.digest.encode()}
        found["object"] = house.objects.get(document.object)
    return found


def forms(secret: bytes) -> set[bytes]:
    """A secret as it may stand in a file: raw, hex, base64."""
    coded = {base64.b64encode(secret), base64.urlsafe_b64encode(secret)}
    return {secret, secret.hex().encode(), *(each.rstrip(b"=")[:-1] for each in coded)}


def found_below(folder: Path, secret: bytes) -> list[str]:
    """The files that hold a secret in any form."""
    return [path.name for path, data in _files(folder) if any(form in data for form in forms(secret))]


def _files(folder: Path) -> Iterator[tuple[Path, bytes]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path, path.read_bytes()


def run(
    office: Office, *words: str, module: str = "scripts.main", told: str = ""
) -> "subprocess.CompletedProcess[str]":
    """The command line as a process of its own over the office's home."""
    settings = office.stack.settings
    environment = {
        **os.environ,
        "ELICENCE_HOME": str(settings.home),
        "ELICENCE_CHAIN_URL": settings.chain_url,
        "ELICENCE_CHAIN_ID": str(settings.chain_id),
        "ELICENCE_DATABASE_URL": settings.database_url,
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-m", *module.split(), *words]
    return subprocess.run(command, env=environment, input=told, capture_output=True, text=True, timeout=120)
