"""Erasing on PostgreSQL: no row keeps anything; and once the tables are rewritten, no data file does either."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from licence.reasons import Reason
from registry import erasing, retention
from registry.erasing import Order
from registry.scrubbing import scrub
from registry.tables import Subject
from scripts import seeding
from tests.registry.candidates import kept, matching
from tests.registry.holders import TRAFFIC, Person, driving, found_below, secrets_of, values_of
from tests.registry.office import Office, open_office
from tests.stores.postgresql import Server
from verifier.verifying import look_at

GONE, STAYS = Person(38, "示例鸲鹆金丝雀"), Person(41, "示例留鸟")
BASIS = "个人信息保护法 第四十七条"


@pytest.fixture
def office(tmp_path: Path, postgresql: Server) -> Iterator[Office]:
    departments, url = seeding.applicants()[TRAFFIC - 1 : TRAFFIC], postgresql.database()
    with open_office(tmp_path / "home", departments=departments, database=url) as made:
        yield made


def data_files(server: Server, url: str) -> Path:
    """The folder of the tables' files, written out."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CHECKPOINT")
    return server.folder / "data" / "base"


def test_on_postgresql_nothing_is_left_either(office: Office, postgresql: Server, tmp_path: Path) -> None:
    rows = [driving(office, person) for person in (GONE, STAYS)]
    office.settle()
    papers = [office.show(row).paper() for row in rows]
    house, url = office.house, office.stack.database_url
    with house.store.read() as session:
        secrets = secrets_of(house, session, session.get_one(Subject, rows[0].subject))
    assert found_below(data_files(postgresql, url), secrets["holder index"])
    erasing.erase(house, erasing.plan(house, GONE.code).subject, Order(BASIS))
    retained = kept(house)
    assert matching(house, [GONE.code, STAYS.code], retained) == [STAYS.code]
    assert retained.isdisjoint(secrets.values())
    trust = office.trust(tmp_path)
    reasons = [look_at(trust, paper, house.now).reason for paper in papers]
    assert reasons == [Reason.CANCELLED, None]
    report = retention.purge(replace(house, clock=lambda: house.clock() + 40 * 365 * retention.DAY))
    assert [line.purged for line in report] == [0, 0, 1, 1]
    assert matching(house, [GONE.code, STAYS.code], kept(house)) == []
    scrub(house.store, compact=True)
    folder = data_files(postgresql, url)
    for name, secret in secrets.items():
        assert found_below(folder, secret) == [], name
        assert found_below(house.settings.home, secret) == [], name
    for number, value in enumerate(values_of(GONE)):
        assert found_below(postgresql.folder, value) == [], f"value {number}"  # its log too
