"""Retention: each class of records ends in its time, the report says so, and what proves something stays for ever."""

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlmodel import col, func, select

from licence.status import Act
from registry import acts, retention
from registry.acts import Ask
from registry.errors import GoneError
from registry.house import House
from registry.tables import Audit, Batch, Document, Idempotency, Licence, SealedRecord, StatusAct, Subject
from scripts import seeding
from tests.registry.holders import POLICE, TRAFFIC, Person, driving, give, order, photo_of, run
from tests.registry.office import Office, open_office

YEAR = 365 * retention.DAY


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    home = tmp_path_factory.mktemp("retention") / "home"
    with open_office(home, departments=seeding.applicants()[POLICE - 1 : TRAFFIC]) as made:
        yield made


def later(office: Office, seconds: int) -> House:
    return replace(office.house, clock=lambda: office.house.clock() + seconds)


def purged(report: list[retention.Line]) -> dict[str, int]:
    return {line.kind.name: line.purged for line in report}


def end(office: Office, act: Act, *rows: Licence) -> None:
    with office.house.store.write() as session:
        found = [session.get_one(Licence, row.row) for row in rows]
        acts.record(
            office.house, session, office.department(session, TRAFFIC), Ask(act, found, "依据", "test")
        )
    office.settle()


def lasting(office: Office, person: Person) -> Licence:
    """A licence without an end, with a photo."""
    values = person.driving(photo_of(office, person))
    values.pop("validTo")
    return give(office, TRAFFIC, order("driving", values))


def documents_of(office: Office, row: Licence) -> list[Document]:
    with office.house.store.read() as session:
        return list(session.exec(select(Document).where(Document.licence == row.row)))


def test_answers_and_unused_documents_end_after_thirty_days(office: Office) -> None:
    wanted = order("driving", Person(1, "示例答雀").driving())
    body = {"type": wanted.type, "values": dict(wanted.values)}
    asked = {"json": body, "headers": office.headers(TRAFFIC, "once")}
    first = office.call("POST", "/api/v1/licences", **asked)
    unused = photo_of(office, Person(2, "示例闲雀"))
    used = lasting(office, Person(3, "示例用雀"))
    assert set(purged(retention.purge(later(office, 29 * retention.DAY))).values()) == {0}
    assert office.call("POST", "/api/v1/licences", **asked).content == first.content
    report = purged(retention.purge(later(office, 31 * retention.DAY)))
    assert report == {"answers": 1, "unused_documents": 1, "ended_documents": 0, "ended_records": 0}
    with office.house.store.read() as session:
        assert not session.exec(select(Idempotency)).all()
        assert not session.exec(select(Document).where(Document.digest == unused)).all()
        kept = set(session.exec(select(Document.object)))
    assert set(office.house.objects.names()) == kept == {documents_of(office, used)[0].object}


def test_a_document_ends_ten_years_after_its_licence_and_the_values_later(office: Office) -> None:
    ended, stays = lasting(office, Person(4, "示例终雀")), lasting(office, Person(5, "示例常雀"))
    suspended = lasting(office, Person(6, "示例停雀"))
    office.settle()
    end(office, Act.REVOKED, ended)
    end(office, Act.SUSPENDED, suspended)
    retention.purge(later(office, 9 * YEAR))
    assert documents_of(office, ended)
    retention.purge(later(office, 11 * YEAR))
    assert not documents_of(office, ended)
    assert office.show(ended).file()
    assert all(documents_of(office, row) for row in (stays, suspended))


def test_thirty_years_after_its_end_nothing_of_a_licence_names_its_holder(office: Office) -> None:
    ended, stays = lasting(office, Person(7, "示例古雀")), lasting(office, Person(8, "示例今雀"))
    expires = driving(office, Person(9, "示例期雀"))
    office.settle()
    end(office, Act.WITHDRAWN, ended)
    end_of_term = (expires.exp or 0) - office.house.now
    retention.purge(later(office, 29 * YEAR))
    assert office.show(ended).file()
    report = {line.kind.name: line for line in retention.purge(later(office, end_of_term + 31 * YEAR))}
    assert report["ended_records"].purged == report["ended_records"].found >= 2
    for row in (ended, expires):
        with pytest.raises(GoneError):
            office.show(row)
        with office.house.store.read() as session:
            holder = session.get_one(Subject, row.subject)
            assert (holder.wrapped_key, holder.erased_at is not None) == (b"", True)
            assert session.get(SealedRecord, row.row) is None
    assert office.show(stays).file()


def test_a_holder_of_whom_something_is_kept_keeps_his_key(office: Office) -> None:
    person = Person(10, "示例双雀")
    driver, resident = lasting(office, person), give(office, POLICE, order("residence", person.residence()))
    office.settle()
    assert driver.subject == resident.subject
    retention.purge(later(office, 32 * YEAR))
    with pytest.raises(GoneError):
        office.show(resident)
    assert office.show(driver).file()


def test_a_dry_run_counts_and_ends_nothing(office: Office) -> None:
    photo_of(office, Person(12, "示例数雀"))
    report = retention.purge(later(office, 31 * retention.DAY), dry=True)
    assert [(line.found, line.purged) for line in report if line.kind.name == "unused_documents"] == [(1, 0)]
    said = run(office, "purge", "--dry-run", "--json")
    assert said.returncode == 0, said.stderr
    assert json.loads(said.stdout)["unused_documents"] == {"days": 30, "due": 0, "purged": 0}
    assert "3650 days" in run(office, "purge").stderr


def test_what_proves_something_stays_and_the_purge_is_in_the_trail(office: Office) -> None:
    with office.house.store.read() as session:
        kinds = (Batch, StatusAct, Licence, Audit)
        before = [session.exec(select(func.count()).select_from(kind)).one() for kind in kinds]
    photo_of(office, Person(13, "示例证雀"))
    retention.purge(later(office, 100 * YEAR))
    with office.house.store.read() as session:
        after = [session.exec(select(func.count()).select_from(kind)).one() for kind in kinds]
        own = select(Audit).where(Audit.department == TRAFFIC)
        trail = session.exec(own.order_by(col(Audit.seq))).all()
    assert after[:3] == before[:3]
    assert after[3] > before[3]
    assert [row.before for row in trail[1:]] == [row.seal for row in trail[:-1]]
    assert "unused_documents: 1" in [row.object for row in trail if row.deed == "purge"]
