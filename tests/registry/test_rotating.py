"""Rotation of the wrapping key: no record changes, what was wrapped before opens for nobody, and it may be killed."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel import Session, SQLModel, col, select

from licence.status import Act
from registry import documents
from registry.errors import RegistryError, RotatedAwayError, UnreachableError
from registry.issuing import issue, open_record
from registry.key_files import KeyFileError
from registry.rotating import RotationError, rotate
from registry.store import department_by_id
from registry.tables import Document, Licence, Subject
from registry.vault import Vault, VaultError
from registry.wrapping import KeyGoneError, generation_of, unseal
from scripts import seeding
from tests.registry import rotation
from tests.registry.office import Office, open_office
from tests.stores.postgresql import Server, serving


@pytest.fixture(scope="module")
def postgresql() -> Iterator[Server]:
    with serving() as server:
        yield server


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def office(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    database = request.getfixturevalue("postgresql").database() if request.param == "postgresql" else ""
    home = tmp_path_factory.mktemp("rotating") / "home"
    with open_office(home, departments=seeding.applicants()[:2], database=database) as opened:
        yield opened


def turn(office: Office) -> int:
    return rotate(office.house, lambda count: None).generation


def attach(office: Office, department: int = 1) -> Document:
    with office.house.store.read() as session:
        row = department_by_id(session, department)
    return documents.keep(office.house, row, b"\xff\xd8 invented", "image/jpeg")


def wrapped(office: Office) -> dict[str, bytes]:
    """Every wrapped key by its table and row."""
    with office.house.store.read() as session:
        subjects = {f"subject {row.id}": row.wrapped_key for row in session.exec(select(Subject))}
        return {**subjects, **{row.id: row.wrapped_key for row in session.exec(select(Document))}}


def everything_else(office: Office) -> list[tuple[Any, ...]]:
    """Every column of every row but the wrapped keys, and every stored object."""
    with office.house.store.read() as session:
        rows = [
            (table.name, *row)
            for table in SQLModel.metadata.sorted_tables
            for row in session.execute(
                select(*[c for c in table.c if c.name != "wrapped_key"]).order_by(*table.primary_key)
            )
        ]
    return [*rows, *sorted((name, office.house.objects.get(name)) for name in office.house.objects.names())]


def openable(office: Office, vault: Vault | None = None) -> int:
    """Opens every record and document; how many there are."""
    house = replace(office.house, vault=vault or office.house.vault)
    with house.store.read() as session:
        rows, kept = session.exec(select(Licence)).all(), session.exec(select(Document)).all()
        for row in rows:
            assert open_record(house, session, row)[0]
    for document in kept:
        assert documents.unsealed(house, document).endswith(b"invented")
    return len(rows) + len(kept)


def test_every_data_key_is_wrapped_anew_and_no_record_is_touched(office: Office) -> None:
    for _ in range(2):
        office.issue()
        attach(office)
    keys, rest = wrapped(office), everything_else(office)
    done = rotate(office.house, lambda count: None)
    assert (done.wrapped, done.destroyed) == (len(keys), (done.generation - 1,))
    assert everything_else(office) == rest
    after = wrapped(office)
    assert {generation_of(key) for key in after.values()} == {done.generation}
    assert after.keys() == keys.keys()
    left = sorted(path.name for path in office.house.settings.vault.glob("wrapping*"))
    assert left == [f"wrapping-{done.generation}.key"]
    assert openable(office) == openable(office, Vault.open(office.house.settings.vault)) >= 4


def test_yesterdays_backup_opens_for_nobody_after_a_rotation(office: Office, tmp_path: Path) -> None:
    office.issue()
    attach(office)
    folder = office.house.settings.vault
    running = Vault.open(folder)
    assert openable(office, running)
    old, yesterday = wrapped(office), rotation.copied(office.house.store, tmp_path)
    turn(office)
    for vault in (running, office.house.vault, Vault.open(folder)):
        house = replace(office.house, store=yesterday, vault=vault)
        with yesterday.read() as session:
            for row in session.exec(select(Licence)):
                with pytest.raises(KeyGoneError, match="a backup from before a rotation"):
                    open_record(house, session, row)
            for document in session.exec(select(Document)):
                with pytest.raises(KeyGoneError):
                    documents.unsealed(house, document)
    left = [path.read_bytes() for path in office.house.settings.keys.rglob("*") if path.is_file()]
    with yesterday.read() as session:
        bound = {f"subject {row.id}": row.holder_index.hex() for row in session.exec(select(Subject))}
    for name, key in old.items():
        for found in left:
            with pytest.raises(VaultError):
                unseal(found, key[5:], key[:5] + b"key " + bound.get(name, f"document {name}").encode())
    yesterday.close()
    assert openable(office)


def test_the_copied_database_holds_no_key(office: Office) -> None:
    office.issue()
    folder, vault = office.house.settings.vault, office.house.vault
    secrets = [path.read_bytes() for path in folder.iterdir()]
    with office.house.store.read() as session:
        held = session.exec(select(Subject)).all()
    secrets += [vault.unwrap(row.wrapped_key, row.holder_index.hex()) for row in held]
    dump = rotation.dumped(office.house.store)
    assert held[0].wrapped_key in dump or held[0].wrapped_key.hex().encode() in dump
    assert not any(secret in dump or secret.hex().encode() in dump for secret in secrets)


@pytest.mark.parametrize("moment", rotation.MOMENTS)
def test_a_rotation_killed_anywhere_loses_nothing_and_the_next_ends_it(office: Office, moment: str) -> None:
    licence = office.issue()
    attach(office)
    rotation.crowd(office.house, 1_100)
    rest = everything_else(office)
    rotation.killed(office, moment)
    between = wrapped(office)
    assert everything_else(office) == rest
    assert openable(office)
    newest = turn(office)
    assert everything_else(office) == rest
    assert office.house.vault.wrapping.generations() == [newest]
    assert {generation_of(key) for key in wrapped(office).values()} == {newest}
    assert openable(office)
    with office.house.store.read() as session:
        holder = session.get_one(Subject, licence.subject)
    # Also what the killed one had wrapped already, and a backup made in between would hold.
    with pytest.raises(KeyGoneError):
        office.house.vault.unwrap(between[f"subject {holder.id}"], holder.holder_index.hex())


def test_issuing_and_showing_go_on_while_it_rotates(office: Office) -> None:
    rotation.crowd(office.house, 1_100)
    shown, stop, failed = office.issue(), threading.Event(), list[BaseException]()
    values = office.business()
    office.issue(creditCode=values["creditCode"])
    with office.house.store.read() as session:
        row = department_by_id(session, 2)
    done = dict.fromkeys(("issued", "new holder", "attached", "opened"), 0)

    def again_and_again(name: str, deed: Callable[[], object]) -> None:
        try:
            while not stop.is_set():
                with suppress(UnreachableError, KeyGoneError):  # 503: whoever asked asks again
                    deed()
                    done[name] += 1
                time.sleep(0.01)
        except BaseException as error:
            failed.append(error)

    def attached() -> None:
        documents.keep(office.house, row, b"invented", "image/png")

    def opened() -> None:
        with office.house.store.read() as session:
            open_record(office.house, session, shown)

    def issued() -> None:
        with office.house.store.write() as session:
            issue(office.house, session, department_by_id(session, 1), office.order(values, Act.CHANGED))

    def new_holder() -> None:
        rotation.holders(office.house)

    deeds = {"issued": issued, "new holder": new_holder, "attached": attached, "opened": opened}
    threads = [threading.Thread(target=again_and_again, args=deed) for deed in deeds.items()]
    for thread in threads:
        thread.start()
    newest = [turn(office) for _ in range(3)][-1]
    stop.set()
    for thread in threads:
        thread.join()
    assert failed == []
    assert min(done.values()) > 0
    assert {generation_of(key) for key in wrapped(office).values()} == {newest}
    assert openable(office)


def test_a_data_key_wrapped_just_before_is_refused_and_stored_nowhere(office: Office) -> None:
    key = office.house.vault.new_key("document late")[1]
    turn(office)
    late = Document(
        id="late", department=1, digest="", object="late", wrapped_key=key, media_type="image/png", size=1
    )
    with pytest.raises(RotatedAwayError, match="ask again"), office.house.store.write(1) as session:
        session.add(late)
    with pytest.raises(RotatedAwayError), office.house.store.write() as session:
        session.execute(text("UPDATE document SET wrapped_key = :key"), {"key": key})
    assert "late" not in wrapped(office)
    assert openable(office)


def test_one_rotation_at_a_time(office: Office, tmp_path: Path) -> None:
    office.issue()
    refused = list[str]()

    def try_too(_: int) -> None:
        for house in rotation.others(office.house, tmp_path):
            with pytest.raises(KeyFileError, match="let it end") as error:
                rotate(house, lambda count: None)
            refused.append(error.value.en)

    rotate(office.house, try_too)
    assert refused
    assert turn(office)


def test_a_wrapped_key_that_was_altered_stops_it_before_anything_is_destroyed(office: Office) -> None:
    office.issue()
    key = office.house.vault
    before = key.wrapping.generations()
    with office.house.store.write() as session:
        subject = session.exec(select(Subject).order_by(col(Subject.id))).first()
        assert subject is not None
        good = subject.wrapped_key
        subject.wrapped_key = good[:-1] + bytes([good[-1] ^ 1])
    with pytest.raises(RotationError, match=f"subject {subject.id} does not open"):
        turn(office)
    assert set(before) < set(key.wrapping.generations())
    with office.house.store.write() as session:
        session.get_one(Subject, subject.id).wrapped_key = good
    assert key.wrapping.generations() != [turn(office) - 1]
    assert openable(office)


def swap_records(session: Session, one: Licence, two: Licence) -> None:
    held = {row: session.execute(text("SELECT sealed FROM sealedrecord WHERE licence = :row"), {"row": row}).scalar()
            for row in (one.row, two.row)}  # fmt: skip
    for here, there in ((one.row, two.row), (two.row, one.row)):
        update = text("UPDATE sealedrecord SET sealed = :data WHERE licence = :row")
        session.execute(update, {"data": held[there], "row": here})


def swap_keys(session: Session, one: Licence, two: Licence) -> None:
    held = {n: session.get_one(Subject, n).wrapped_key for n in (one.subject, two.subject)}
    for here, there in ((one.subject, two.subject), (two.subject, one.subject)):
        update = text("UPDATE subject SET wrapped_key = :data WHERE id = :row")
        session.execute(update, {"data": held[there], "row": here})


def give_to_another_holder(session: Session, one: Licence, two: Licence) -> None:
    session.execute(text(f"UPDATE licence SET subject = {two.subject} WHERE row = {one.row}"))


def give_to_another_department(session: Session, one: Licence, _: Licence) -> None:
    session.execute(text(f"UPDATE licence SET department = 2 WHERE row = {one.row}"))


def rename(session: Session, one: Licence, _: Licence) -> None:
    session.execute(
        text("UPDATE licence SET id = :name WHERE row = :row"), {"name": "0" * 32, "row": one.row}
    )


def make_another_version(session: Session, one: Licence, _: Licence) -> None:
    session.execute(text(f"UPDATE licence SET type_version = 2 WHERE row = {one.row}"))


SWAPS = [
    swap_records, swap_keys, give_to_another_holder, give_to_another_department, rename, make_another_version,
]  # fmt: skip


@pytest.mark.parametrize("swap", SWAPS, ids=lambda swap: str(swap.__name__))
def test_what_is_swapped_behind_our_back_does_not_open(
    office: Office, swap: Callable[[Session, Licence, Licence], None]
) -> None:
    one, two = office.issue(), office.issue()
    assert one.subject != two.subject
    assert openable(office)
    with office.house.store.read() as session:  # never committed
        swap(session, one, two)
        session.expire_all()
        with pytest.raises(VaultError):
            open_record(office.house, session, session.get_one(Licence, one.row))


def test_records_of_one_holder_cannot_be_swapped_either(office: Office) -> None:
    code = office.business()["creditCode"]
    one, two = office.issue(creditCode=code), office.issue(Act.CHANGED, creditCode=code)
    assert one.subject == two.subject
    with office.house.store.read() as session:
        swap_records(session, one, two)
        for row in (one, two):
            with pytest.raises(VaultError):
                open_record(office.house, session, row)


def test_documents_open_only_as_themselves_and_in_their_department(office: Office) -> None:
    one, two = attach(office), attach(office)
    assert documents.unsealed(office.house, one)
    moved = {"object": two.object, "department": 2, "wrapped_key": two.wrapped_key, "id": two.id}
    for name, value in moved.items():
        forged = Document.model_validate({**one.model_dump(), name: value})
        with pytest.raises(RegistryError) as refused:
            documents.unsealed(office.house, forged)
        assert isinstance(refused.value, VaultError), name


def test_the_command_warns_asks_rotates_and_says_what_came_of_it(office: Office) -> None:
    office.issue()
    before = office.house.vault.wrapping.generations()
    unsure = rotation.command(office, "rotate-key", typed="n\n")
    assert (unsure.returncode, office.house.vault.wrapping.generations()) == (1, before)
    assert "copies of key files" in unsure.stderr
    done = rotation.command(office, "rotate-key", "--yes", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["generation"], found["destroyed"]) == (before[-1] + 1, before)
    told = json.loads(rotation.command(office, "keys", "--json").stdout)
    assert told["wrapping_keys"] == {str(before[-1] + 1): f"files in {office.house.settings.vault}"}
    assert told["council"] == office.stack.council
    assert openable(office)
