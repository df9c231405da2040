"""Who was erased since a backup does not come back with it."""

import sqlite3
from pathlib import Path

import pytest
from sqlmodel import select

from registry.backup import back_up
from registry.erasing import Order, erase, plan
from registry.errors import GoneError
from registry.house import build, own_signer
from registry.restoring import restore
from registry.store import licence_of
from registry.tables import Document, SealedRecord, Subject
from scripts import seeding
from scripts.backup_commands import erase_again
from tests.registry.holders import Person, driving
from tests.registry.office import open_office
from tests.stores.places import hold_of, other_home


def test_who_was_erased_while_the_backup_was_made_does_not_come_back_either(tmp_path: Path) -> None:
    """The backup's rows are of a moment before, its journal is of a moment after; the operator gives no other."""
    police = [each for each in seeding.applicants() if each.id == 4]
    gone = Person(1, "canary-one")
    with open_office(tmp_path / "home", departments=police) as office:
        driving(office, gone)
        office.settle()
        before = tmp_path / "before.db"
        with (
            sqlite3.connect(before) as copy,
            sqlite3.connect(office.house.store.engine.url.database or "") as now,
        ):
            now.backup(copy)
        erase(office.house, plan(office.house, gone.code).subject, Order("依申请删除"))
        then = office.house.settings.model_copy(update={"database_url": f"sqlite:///{before}"})
        old = build(then, office.house.signer)
        back_up(old, tmp_path / "one.backup")
        old.store.close()
        settings = other_home(office, tmp_path / "other", f"sqlite:///{tmp_path}/r.db")
        done = restore(settings, tmp_path / "one.backup", journals=[], erase_again=erase_again)
        assert done.erased == 1


def test_who_was_erased_since_the_backup_does_not_come_back(tmp_path: Path) -> None:
    police = [each for each in seeding.applicants() if each.id == 4]
    gone, stays = Person(1, "canary-one"), Person(2, "canary-two")
    with open_office(tmp_path / "home", departments=police) as office:
        rows = [driving(office, person) for person in (gone, stays)]
        office.settle()
        back_up(office.house, tmp_path / "one.backup")
        erase(office.house, plan(office.house, gone.code).subject, Order("依申请删除"))
        journal = tmp_path / "copy.jsonl"
        journal.write_bytes(office.house.settings.erasure_journal.read_bytes())
        settings = other_home(office, tmp_path / "other", f"sqlite:///{tmp_path}/r.db")
        done = restore(settings, tmp_path / "one.backup", journals=[journal], erase_again=erase_again)
        assert done.erased == 1
        house = build(settings, own_signer(settings))
        with house.store.read() as session:
            assert [row.wrapped_key == b"" for row in session.exec(select(Subject).order_by("id"))] == [
                True,
                False,
            ]
            assert len(session.exec(select(SealedRecord)).all()) == 1
            kept = session.exec(select(Document)).all()
            with pytest.raises(GoneError):
                licence_of(session, 4, rows[0].id)
            assert licence_of(session, 4, rows[1].id).signed_entry
        assert set(house.objects.names()) == {row.object for row in kept}
        assert settings.erasure_journal.read_bytes() == journal.read_bytes()
        assert hold_of(house, 4)
        house.store.close()
