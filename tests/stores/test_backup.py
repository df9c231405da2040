"""Backups: whole, of one moment, while the registry works; what is altered, cut off or under other keys is refused."""

import os
import resource
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlmodel import func, select

from registry import documents
from registry.backup import back_up, verify
from registry.backup_file import BackupError
from registry.chunks import CHUNK, StreamError
from registry.house import House, build, open_vault
from registry.migrating import UnfinishedRestoreError
from registry.restoring import restore
from registry.rotating import rotate
from registry.store import Store, Tables
from registry.tables import Audit, Document, Licence
from scripts import seeding
from tests.registry.office import Office, open_office
from tests.stores.places import demand_sound, nothing_erased, other_home, restored, working
from tests.stores.postgresql import Server
from tests.stores.test_store import DUMP

ROOT = Path(__file__).resolve().parent.parent.parent
PDF = b"%PDF-1.7\n" + os.urandom(3 * CHUNK)
Databases = Callable[[str, Path], str]


@pytest.fixture(scope="module")
def databases(postgresql: Server) -> Databases:
    """URLs of empty databases of a kind."""
    return lambda kind, folder: postgresql.database() if kind == "postgresql" else f"sqlite:///{folder}/r.db"


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """One department, three licences, a document; a backup of it lies in its folder."""
    home = tmp_path_factory.mktemp("backups") / "home"
    with open_office(home, departments=seeding.applicants()[:1]) as made:
        for _ in range(3):
            made.issue()
        with made.house.store.read() as session:
            department = made.department(session)
        documents.keep(made.house, department, PDF, "application/pdf")
        made.settle()
        back_up(made.house, home / "one.backup")
        yield made


@pytest.fixture
def file(office: Office, tmp_path: Path) -> Path:
    """A copy of the office's backup."""
    return Path(shutil.copy(office.house.settings.home / "one.backup", tmp_path / "one.backup"))


@pytest.mark.parametrize(("source", "target"), [("sqlite", "postgresql"), ("postgresql", "sqlite")])
def test_a_backup_made_while_four_threads_issue_is_of_one_moment_and_has_all_that_was_answered_before(
    source: str, target: str, databases: Databases, tmp_path: Path
) -> None:
    url = databases(source, tmp_path)
    with open_office(tmp_path / "home", departments=seeding.applicants()[:1], database=url) as office:
        file, stop = tmp_path / "one.backup", threading.Event()
        answered: list[str] = []

        def issue() -> None:
            while not stop.is_set():
                answered.append(office.issue().id)

        threads = [threading.Thread(target=issue) for _ in range(4)]
        for thread in threads:
            thread.start()
        with working(office.house):
            while len(answered) < 20:
                stop.wait(0.01)
            before = list(answered)
            made = back_up(office.house, file)
            stop.set()
            for thread in threads:
                thread.join()
        assert made.counts["licence"] == made.counts["sealedrecord"] >= len(before)
        with restored(office, file, tmp_path / "other", databases(target, tmp_path / "other")) as found:
            with found.house.store.read() as session:
                there = set(session.exec(select(Licence.id)))
            assert set(before) <= there <= set(answered)
            demand_sound(found.house)
            assert found.house.store.dialect == target


def test_verifying_reads_it_all_and_counts_the_same(office: Office, file: Path) -> None:
    found = verify(office.house.vault, file)
    with office.house.store.read() as session:
        rows = session.exec(select(func.count()).select_from(Audit)).one()
    assert (found.counts["licence"], found.counts["object"], found.counts["audit"]) == (3, 1, rows)
    assert (found.altered, found.bytes) == (0, file.stat().st_size)
    assert found.counts["file"] >= 3  # type definitions, a leaf file, the departments


def test_everything_comes_back_documents_and_public_files_too(
    office: Office, file: Path, tmp_path: Path
) -> None:
    with restored(office, file, tmp_path / "other", f"sqlite:///{tmp_path}/r.db") as found:
        with found.house.store.read() as session:
            kept = session.exec(select(Document)).one()
            opened = documents.fetch(found.house, session, found.department(session), kept.digest)
        assert opened.data == PDF
        assert (found.house.settings.home / "deployment.json").read_bytes() == (
            office.house.settings.home / "deployment.json"
        ).read_bytes()
        names = sorted(path.name for path in office.house.settings.public.rglob("*.*"))
        assert sorted(path.name for path in found.house.settings.public.rglob("*.*")) == names


def test_no_key_and_no_value_can_be_read_in_it(office: Office, file: Path) -> None:
    data = file.read_bytes()
    with office.house.store.read() as session:
        row = session.exec(select(Licence)).first()
        assert row is not None
        assert row.id.encode() not in data
        assert row.signed_entry not in data
    for path in office.house.settings.keys.rglob("*"):
        assert not path.is_file() or path.read_bytes() not in data


Change = Callable[[bytes], bytes]


def _flip(place: int) -> Change:
    return lambda data: data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def _other_digit(data: bytes, place: int) -> bytes:
    return data[:place] + (b"1" if data[place : place + 1] == b"0" else b"0") + data[place + 1 :]


def _header(data: bytes) -> int:
    return 12 + int.from_bytes(data[8:12], "big")


def _chunk(data: bytes, number: int) -> slice:
    start = _header(data) + number * (CHUNK + 16)
    return slice(start, start + CHUNK + 16)


def _swapped(data: bytes) -> bytes:
    one, two = _chunk(data, 0), _chunk(data, 1)
    return data[: one.start] + data[two] + data[one] + data[two.stop :]


ALTERED: dict[str, tuple[Change, str]] = {
    "a bit in the middle": (_flip(CHUNK + 5_000), "chunk 1 was altered"),
    "the last bit": (lambda data: _flip(len(data) - 1)(data), "was altered"),
    "the time in the header": (lambda data: data.replace(b'"made_at":1', b'"made_at":2', 1), "chunk 0 was altered"),
    "the wrapped key": (lambda data: _other_digit(data, _header(data) - 4), "key does not open"),
    "a missing byte": (lambda data: data[:-1], "was altered, cut off"),
    "a missing end": (lambda data: data[: _chunk(data, 2).start], "ends after chunk 1, and should go on"),
    "an empty body": (lambda data: data[: _header(data)], "chunk 0 was altered, cut off"),
    "chunks in another order": (_swapped, "chunk 0 was altered, cut off, or is not in its place"),
    "a chunk left out": (lambda data: data[: _chunk(data, 1).start] + data[_chunk(data, 2).start :], "chunk 1"),
    "a chunk more": (lambda data: data + data[_chunk(data, 1)], "chunk 3"),
    "nothing of ours": (lambda data: b"PK" + data, "no backup of elicence"),
    "a newer format": (lambda data: data.replace(b'"format":1', b'"format":9', 1), "install the release"),
}  # fmt: skip


@pytest.mark.parametrize("how", ALTERED)
def test_what_was_altered_or_cut_off_is_refused_with_words_and_nothing_is_restored(
    office: Office, file: Path, tmp_path: Path, how: str
) -> None:
    change, words = ALTERED[how]
    whole = file.read_bytes()
    file.write_bytes(change(whole))
    assert file.read_bytes() != whole
    with pytest.raises((BackupError, StreamError), match=words):
        verify(office.house.vault, file)
    settings = other_home(office, tmp_path / "other", f"sqlite:///{tmp_path}/r.db")
    with pytest.raises((BackupError, StreamError), match=words):
        restore(settings, file, journals=[], erase_again=nothing_erased)
    assert not (tmp_path / "r.db").exists()


def test_a_row_that_was_altered_before_the_backup_is_counted(office: Office, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/r.db"
    file = office.house.settings.home / "one.backup"
    with restored(office, file, tmp_path / "other", url) as found:
        with sqlite3.connect(tmp_path / "r.db") as behind:
            behind.execute("UPDATE licence SET exp = exp + 1 WHERE row = 1")
        behind.close()
        back_up(found.house, tmp_path / "two.backup")
        assert verify(found.house.vault, tmp_path / "two.backup").altered == 1


def test_other_keys_do_not_open_it_and_none_are_made(office: Office, file: Path, tmp_path: Path) -> None:
    settings = other_home(office, tmp_path / "other", f"sqlite:///{tmp_path}/r.db")
    shutil.rmtree(settings.vault)
    with pytest.raises(BackupError, match="put the keys of that registry back first"):
        restore(settings, file, journals=[], erase_again=nothing_erased)
    assert not settings.vault.exists()
    open_vault(settings)
    with pytest.raises(BackupError, match="those of another registry"):
        restore(settings, file, journals=[], erase_again=nothing_erased)


def test_after_a_rotation_older_backups_open_no_more_and_a_new_one_does(
    office: Office, file: Path, tmp_path: Path
) -> None:
    with restored(office, file, tmp_path / "other", f"sqlite:///{tmp_path}/r.db") as found:
        house = found.house
        house.vault.wrapping.add()
        with pytest.raises(BackupError, match="run `elicence rotate-key`, then back up"):
            back_up(house, tmp_path / "two.backup")
        rotate(house, lambda _: None)
        back_up(house, tmp_path / "two.backup")
        with pytest.raises(BackupError, match="before a rotation"):
            verify(house.vault, file)
        assert verify(house.vault, tmp_path / "two.backup").counts["licence"] == 3


def test_it_goes_into_an_empty_database_only(office: Office, file: Path, tmp_path: Path) -> None:
    with restored(office, file, tmp_path / "other", f"sqlite:///{tmp_path}/r.db") as found:
        with pytest.raises(BackupError, match="an empty database expected, rows found in"):
            restore(found.house.settings, file, journals=[], erase_again=nothing_erased)
        assert build(found.house.settings).store.dialect == "sqlite"


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_restore_that_was_not_finished_cannot_be_started_and_is_made_again(
    office: Office, file: Path, tmp_path: Path, kind: str, databases: Databases
) -> None:
    """Killed before the erasures since the backup were made again."""
    settings = other_home(office, tmp_path / "other", databases(kind, tmp_path))
    journal = tmp_path / "erasures.jsonl"
    journal.write_text("one line")

    def die(*_: object) -> int:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        restore(settings, file, journals=[journal], erase_again=die)
    with pytest.raises(UnfinishedRestoreError, match="run `elicence restore` again"):
        build(settings)
    seen: list[Path] = []

    def erase(_: House, path: Path) -> int:
        seen.append(path)
        return 1

    again = restore(settings, file, journals=[journal], erase_again=erase)
    assert (seen, again.erased, again.counts["licence"]) == ([journal], 1, 3)
    house = build(settings)
    demand_sound(house)
    house.store.close()


def test_a_backup_of_an_earlier_revision_is_brought_to_todays(office: Office, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "old.db") as made:
        made.executescript(DUMP.read_text("utf-8"))
    made.close()
    old = Store(f"sqlite:///{tmp_path / 'old.db'}", office.house.vault.seal_row, tables=Tables.AS_THEY_ARE)
    before = back_up(replace(office.house, store=old), tmp_path / "old.backup")
    old.close()
    assert before.header.schema == "0001"
    settings = other_home(office, tmp_path / "other", f"sqlite:///{tmp_path}/r.db")
    restore(settings, tmp_path / "old.backup", journals=[], erase_again=nothing_erased)
    store = Store(settings.database, office.house.vault.seal_row)
    with store.read() as session:
        rows = session.exec(select(Licence)).all()
        assert len(rows) == before.counts["licence"] > 0
        assert all(row.seal == store.seal_of(row) for row in rows)
    store.close()


def test_a_backup_never_overwrites(office: Office, file: Path) -> None:
    whole = file.read_bytes()
    with pytest.raises(BackupError, match="a backup never overwrites"):
        back_up(office.house, file)
    assert file.read_bytes() == whole


def test_a_full_disk_leaves_no_half_backup(office: Office, tmp_path: Path) -> None:
    """No file of this process may grow beyond half a MiB: it is refused as by a disk that is full."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2 * CHUNK, limits[1]))
    try:
        with pytest.raises(BackupError, match="nothing is left of it"):
            back_up(office.house, tmp_path / "full.backup")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(tmp_path.iterdir()) == []


def test_the_commands_say_what_they_did(office: Office, tmp_path: Path) -> None:
    home, settings = office.house.settings.home, office.house.settings
    told = {"ELICENCE_HOME": str(home), "ELICENCE_CHAIN_URL": settings.chain_url}
    file = tmp_path / "one.backup"

    def elicence(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "scripts.main", *words],
            cwd=ROOT,
            env={**os.environ, **told, **more},
            capture_output=True,
            text=True,
            timeout=120,
        )

    made = elicence("backup", str(file))
    assert made.returncode == 0, made.stderr
    assert "Keys are not in it" in made.stderr
    other = other_home(office, tmp_path / "other", "")
    back = elicence("restore", str(file), ELICENCE_HOME=str(other.home))
    assert back.returncode == 0, back.stderr
    assert "read-only until the worker has compared it" in back.stderr
