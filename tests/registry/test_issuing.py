"""Issuing: what is stored, what is refused, and that a department touches only its own."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
import zxingcpp
from PIL import Image
from sqlmodel import func, select

from licence.errors import RecordError
from licence.file import LicenceFile
from licence.paper import PaperCode
from licence.reasons import Reason
from licence.status import Act
from registry import documents
from registry.errors import ConflictError, InvalidError, NotAnchoredError, NotFoundError
from registry.issuing import Order, issue
from registry.store import department_by_id
from registry.tables import Licence, SealedRecord, StatusBlock
from registry.vault import VaultError
from scripts import seeding
from scripts.inventing import licences
from tests.registry.office import Office, invented


def count(office: Office) -> int:
    with office.house.store.read() as session:
        return session.exec(select(func.count()).select_from(Licence)).one()


def test_a_licence_is_stored_signed_and_sealed(office: Office) -> None:
    row = office.issue()
    assert row.signed_entry
    assert row.certificate_id.startswith("1.2.156.3005.2.11990000DEF000011Y001.11990101DEM0000141.")
    with office.house.store.read() as session:
        sealed = session.get(SealedRecord, row.row)
    assert sealed is not None
    assert "演示".encode() not in sealed.sealed


def test_before_it_is_anchored_no_form_is_given(office: Office) -> None:
    row = office.issue()
    with pytest.raises(NotAnchoredError):
        office.show(row)
    office.settle()
    assert office.show(row).paper().startswith("ELR1:")


def test_both_forms_are_valid_and_lead_to_the_same_leaf(office: Office, tmp_path: Path) -> None:
    row = office.issue()
    office.settle()
    shown = office.show(row)
    file, paper = LicenceFile.parse(shown.file()), PaperCode.parse(shown.paper())
    assert paper.open(shown.issued.definition).signed.leaf == file.signed.leaf == bytes(row.leaf)
    assert office.reason(row, tmp_path) is None


def test_a_number_is_issued_once(office: Office) -> None:
    values = office.business()
    before = count(office)
    with office.house.store.write() as session:
        department = office.department(session)
        issue(office.house, session, department, office.order(values))
    with pytest.raises(ConflictError, match="exists"), office.house.store.write() as session:
        issue(office.house, session, department, office.order(values))
    assert count(office) == before + 1


def test_a_record_with_faults_stores_nothing(office: Office) -> None:
    before = count(office)
    with pytest.raises(RecordError):
        office.issue(estDate="2023-02-30")
    assert count(office) == before


def test_a_type_that_is_not_the_department_s_is_refused(office: Office) -> None:
    order = Order(seeding.definitions()["driving"].code, invented("driving").values)
    with office.house.store.read() as session:
        department = office.department(session, 1)
    with pytest.raises(NotFoundError, match="may not issue"), office.house.store.write() as session:
        issue(office.house, session, department, order)


def test_a_change_supersedes_the_version_before_once_it_is_final(office: Office, tmp_path: Path) -> None:
    values = office.business()
    with office.house.store.write() as session:
        first = issue(office.house, session, office.department(session), office.order(values))
    office.settle()
    moved = {**values, "address": "示例省模拟市演示区样张街99号"}
    with office.house.store.write() as session:
        second = issue(office.house, session, office.department(session), office.order(moved, Act.CHANGED))
    assert office.again(first).status == 0
    office.settle()
    assert (office.again(first).status, office.again(second).version) == (3, 2)
    assert office.reason(first, tmp_path) is Reason.SUPERSEDED
    assert office.reason(second, tmp_path) is None
    assert first.certificate_id.split(".")[7] == second.certificate_id.split(".")[7]


def test_what_does_not_exist_cannot_be_renewed(office: Office) -> None:
    with pytest.raises(ConflictError, match="no licence of this number"):
        office.issue(Act.RENEWED)
    values = office.business()
    with office.house.store.write() as session:
        department = office.department(session)
        issue(office.house, session, department, office.order(values))
    wrong = office.order(values, Act.REVOKED)
    with pytest.raises(InvalidError, match="RENEWED or CHANGED"), office.house.store.write() as session:
        issue(office.house, session, department, wrong)


def test_a_food_licence_needs_the_holder_s_business_licence(office: Office) -> None:
    food = invented("food")
    order = Order(seeding.definitions()["food"].code, food.values)
    with pytest.raises(RecordError, match="no valid licence"), office.house.store.write() as session:
        issue(office.house, session, office.department(session, 2), order)
    business = next(
        i for i in licences(date.today()) if i.values.get("creditCode") == food.values["creditCode"]
    )
    with office.house.store.write() as session:
        issue(
            office.house,
            session,
            office.department(session, 1),
            Order(seeding.definitions()["business"].code, business.values),
        )
        issue(office.house, session, office.department(session, 2), order)


def test_status_positions_are_never_given_twice_and_not_in_order(office: Office) -> None:
    rows = [office.issue() for _ in range(12)]
    places = [(row.status_list, row.status_index) for row in rows]
    assert len(set(places)) == 12
    assert [index for _, index in places] != sorted(index for _, index in places)
    with office.house.store.read() as session:
        block = session.exec(select(StatusBlock)).first()
    assert block is not None
    order = [int.from_bytes(block.order[at : at + 4], "big") for at in range(0, len(block.order), 4)]
    assert sorted(order) == list(range(min(order), min(order) + 4_096))


@pytest.mark.parametrize("kind", ["business", "driving", "residence", "birth"])
def test_every_paper_code_reads_back_from_its_picture(office: Office, kind: str, tmp_path: Path) -> None:
    item = invented(kind)
    values = office.business() if kind == "business" else item.values
    with office.house.store.write() as session:
        department = department_by_id(session, item.department)
        row = issue(office.house, session, department, Order(seeding.definitions()[kind].code, values))
    office.settle()
    shown = office.show(row)
    path = tmp_path / "code.png"
    path.write_bytes(shown.png())
    found = zxingcpp.read_barcodes(Image.open(path).convert("L"))
    assert [code.text for code in found] == [shown.paper()]
    assert len(shown.paper()) <= 734, "the capacity of version 17 at level M"
    assert shown.svg().startswith(b"<?xml")
    assert shown.issued.definition.photo is (kind in ("driving", "residence"))


def test_a_photo_is_an_encrypted_object_and_its_salted_digest_a_claim(office: Office) -> None:
    photo = b"\xff\xd8\xff silhouette of nobody" * 50
    with office.house.store.read() as session:
        police = department_by_id(session, 4)
        other = department_by_id(session, 3)
    kept = documents.keep(office.house, police, photo, "image/jpeg")
    values = {**[i for i in licences(date.today()) if i.kind == "driving"][1].values, "photo": kept.digest}
    with office.house.store.write() as session:
        row = issue(office.house, session, police, Order(seeding.definitions()["driving"].code, values))
    office.settle()
    assert office.show(row).issued.values["photo"] == kept.digest
    objects = office.house.settings.home / "registry" / "objects"
    assert b"silhouette" not in b"".join(path.read_bytes() for path in objects.iterdir() if path.is_file())
    with office.house.store.read() as session:
        assert documents.fetch(office.house, session, police, kept.digest).data == photo
        with pytest.raises(NotFoundError):
            documents.fetch(office.house, session, other, kept.digest)


def test_a_photo_that_was_not_uploaded_is_named(office: Office) -> None:
    values = {**[i for i in licences(date.today()) if i.kind == "driving"][2].values, "photo": "A" * 43}
    with pytest.raises(RecordError, match="upload"), office.house.store.write() as session:
        issue(
            office.house,
            session,
            department_by_id(session, 4),
            Order(seeding.definitions()["driving"].code, values),
        )


def test_records_swapped_behind_our_back_do_not_open(office: Office) -> None:
    one, two = office.issue(), office.issue()
    office.settle()
    with office.house.store.write() as session:
        first, second = session.get(SealedRecord, one.row), session.get(SealedRecord, two.row)
        assert first is not None
        assert second is not None
        first.sealed, second.sealed = second.sealed, first.sealed
    with pytest.raises(VaultError):
        office.show(one)
    with office.house.store.write() as session:
        first, second = session.get(SealedRecord, one.row), session.get(SealedRecord, two.row)
        assert first is not None
        assert second is not None
        first.sealed, second.sealed = second.sealed, first.sealed
    assert office.show(one).paper()


def test_a_key_about_to_end_signs_no_more(office: Office) -> None:
    later = replace(office.house, clock=lambda: office.house.clock() + 2 * 365 * 86_400 - 6 * 86_400)
    with pytest.raises(ConflictError, match="renew the key"), later.store.write() as session:
        issue(later, session, office.department(session), office.order(office.business()))


def test_a_licence_of_yesterday_is_expired_today(office: Office, tmp_path: Path) -> None:
    yesterday = (date.today() - timedelta(days=2)).isoformat()
    row = office.issue(bizTermTo=yesterday)
    office.settle()
    assert office.reason(row, tmp_path) is Reason.EXPIRED
