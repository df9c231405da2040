"""fsck names the exact item: for a flipped bit in each column and each kind of file, for a deleted row, for forgers."""

import json
import os
import random
import shutil
import sqlite3
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, MetaData, Table, insert, select, text
from sqlalchemy.types import NullType
from sqlmodel import SQLModel
from typer.testing import CliRunner

from licence import merkle
from licence.status import Act
from registry import documents, erasing, retention, worker
from registry.destroying import destroy_licences, destroy_subject
from registry.fsck.checking import check
from registry.fsck.finding import Finding, Unsettled
from registry.fsck.reading import as_written, name_of, table_of
from registry.fsck.rows import sealed_tables
from registry.store import Store
from registry.tables import (
    Audit,
    Batch,
    Department,
    Hold,
    Licence,
    Sealed,
    StatusAct,
    StatusActLicence,
    StatusList,
    Subject,
)
from registry.trail import SHORT
from scripts.inventing import licences
from scripts.main import app
from tests.registry.fsck_office import TRAFFIC, Copy, copy_of, driving, filled_office, record, silent
from tests.registry.office import Office
from tests.stores.postgresql import serving


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with filled_office(tmp_path_factory.mktemp("fsck") / "home") as office:
        yield office


@pytest.fixture
def copy(filled: Office, tmp_path: Path) -> Copy:
    return copy_of(filled, tmp_path / "copy")


def rows_of(copy: Copy, table: Table) -> list[dict[str, Any]]:
    names = [column.name for column in table.c]
    columns = ", ".join(f'"{name}"' for name in names)
    order = ", ".join(f'"{column.name}"' for column in table.primary_key)
    found = copy.sql(f"SELECT {columns} FROM {table.name} ORDER BY {order}")
    return [dict(zip(names, row, strict=True)) for row in found]


def change(copy: Copy, table: Table, row: dict[str, Any], values: dict[str, Any]) -> None:
    """Writes values into one row, whatever they are."""
    told = ", ".join(f'"{name}" = ?' for name in values)
    where = " AND ".join(f'"{column.name}" = ?' for column in table.primary_key)
    key = [row[column.name] for column in table.primary_key]
    copy.sql(f"UPDATE {table.name} SET {told} WHERE {where}", *values.values(), *key)


def delete(copy: Copy, table: Table, row: dict[str, Any]) -> None:
    where = " AND ".join(f'"{column.name}" = ?' for column in table.primary_key)
    copy.sql(f"DELETE FROM {table.name} WHERE {where}", *(row[column.name] for column in table.primary_key))


def flipped(value: Any) -> Any:
    """The value with one bit changed; a NULL that is none any more."""
    if value is None:
        return 1
    if isinstance(value, bytes):
        middle = len(value) // 2
        return value[:middle] + bytes([value[middle] ^ 1]) + value[middle + 1 :] if value else b"\1"
    if isinstance(value, str):
        middle = len(value) // 2
        return value[:middle] + chr(ord(value[middle]) ^ 1) + value[middle + 1 :] if value else "\1"
    return value ^ 1 if value in (0, 1) else value ^ 1 << 20


def item_of(table: Table, row: dict[str, Any]) -> str:
    if table.name == "idempotency":
        return f"department {row['department']}, answer {row['seal'].hex()[:SHORT]}"
    return name_of(table, row)


def names(found: list[Finding], where: str, item: str) -> bool:
    return any(each.where == where and f"{item}," in f"{each.item}," for each in found)


def test_a_sound_office_has_no_findings_and_nothing_is_left_open(copy: Copy) -> None:
    assert copy.check() == []


def test_without_the_chain_the_local_part_is_told_and_the_rest_is_not_found_out(copy: Copy) -> None:
    assert [type(said) for said in copy.check(chain=False)] == [Unsettled]
    delete(copy, table_of(sealed_tables()[1]), rows_of(copy, table_of(sealed_tables()[1]))[0])
    assert copy.findings(chain=False)


FLIPPED = [model for model in sealed_tables() if model is not Hold]


@pytest.mark.parametrize("model", FLIPPED, ids=lambda model: str(model.__tablename__))
def test_a_flipped_bit_in_any_column_is_named(filled: Office, copy: Copy, model: type[Sealed]) -> None:
    """Each column in a row of its own, as many at a time as there are rows."""
    table, missed = table_of(model), []
    sound = rows_of(copy, table)
    columns = [column.name for column in table.c]
    while columns:
        batch = list(zip(columns, sound, strict=False))
        harmed = []
        for column, row in batch:
            bad = flipped(row[column])
            change(copy, table, row, {column: bad})
            harmed.append((column, row, row | {column: bad}))
        found = copy.findings(chain=False)
        for column, row, bad_row in harmed:
            items = (item_of(table, row), item_of(table, bad_row))
            if not any(names(found, f"table {table.name}", item) for item in items):
                missed.append(column)
            change(copy, table, bad_row, {column: row[column]})
        columns = columns[len(batch) :]
    assert missed == []


DELETED = [model for model in sealed_tables() if model is not Hold]


@pytest.mark.parametrize("model", DELETED, ids=lambda model: str(model.__tablename__))
def test_a_deleted_row_is_named(filled: Office, copy: Copy, model: type[SQLModel]) -> None:
    table = table_of(model)
    gone = [rows_of(copy, table)[place] for place in (0, -1)]
    for row in gone:
        delete(copy, table, row)
    found = copy.findings(chain=model is StatusActLicence)
    for row in gone:
        items = {item_of(table, row)}
        if model is Audit:
            items = {f"department {row['department']}"}
        elif model in (Batch, Licence):
            items.add(f"id {row['id']}")
        elif model is StatusAct:
            items.add(f"request {row['request']}")
        assert any(names(found, f"table {table.name}", item) for item in items), told(found)


def told(found: list[Finding]) -> str:
    return "\n".join(str(each) for each in found)


def test_a_tail_cut_off_the_trail_is_named_by_the_deeds_that_it_told_of(copy: Copy) -> None:
    """Nothing in the trail itself is wrong then: each row is sealed, and there is no gap."""
    last = copy.sql("SELECT deed, object FROM audit WHERE department = 1 ORDER BY seq DESC LIMIT 6")
    copy.sql(
        "DELETE FROM audit WHERE department = 1 AND seq > (SELECT max(seq) - 6 FROM audit WHERE department = 1)"
    )
    found = [each for each in copy.findings(chain=False) if each.where == "table audit"]
    named = "\n".join(each.item for each in found if each.item.startswith("department 1, "))
    for deed, what in last:
        assert what.split(" ")[-1] in named, (deed, what, named)
    assert all(each.item.startswith(("department 1, ", "id ")) for each in found)


def the_file(copy: Copy, pattern: str) -> Path:
    return next(path for path in sorted(copy.home.glob(pattern)) if path.is_file())


def item(copy: Copy, path: Path) -> tuple[str, str]:
    """How fsck names a file."""
    if path.parent.name == "objects":
        return "object", path.name
    return "file", str(path.relative_to(copy.home))


def flip(path: Path) -> None:
    data = path.read_bytes()
    middle = len(data) // 2
    path.write_bytes(data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :])


TOGETHER = [
    "public/departments.json",
    "public/types/*.json",
    "public/1/leaves/*.bin",
    "public/4/leaves/*.bin",
    "keys/DEMO",
    "keys/1/issue-*.pem",
    "keys/1/present-*.pem",
    "keys/4/anchor-*.pem",
    "keys/4/status-*.pem",
    "keys/council/*.pem",
    "registry/objects/*",
]
ALONE = ["deployment.json", "keys/unlock", "keys/registry/index.key", "keys/registry/rows.key"]
ALONE += ["keys/registry/wrapping-1.key"]


@pytest.mark.parametrize("harm", [flip, Path.unlink], ids=["flipped", "deleted"])
@pytest.mark.parametrize("patterns", [TOGETHER, *([each] for each in ALONE)], ids=["others", *ALONE])
def test_a_file_that_is_flipped_or_gone_is_named_and_nothing_else(
    copy: Copy, patterns: list[str], harm: Callable[[Path], None]
) -> None:
    wrong = [the_file(copy, pattern) for pattern in patterns]
    for path in wrong:
        harm(path)
    found = copy.findings(chain="keys/council/*.pem" in patterns)
    assert {(each.where, each.item.partition(",")[0]) for each in found} == {
        item(copy, path) for path in wrong
    }


def test_foreign_files_orphans_and_what_a_cut_short_write_left_are_named(copy: Copy) -> None:
    strangers = [
        copy.home / "public" / "1" / "leaves" / f"{'00' * 32}.bin",
        copy.home / "public" / ".new" / "x4711",
        copy.home / "public" / "notes.txt",
        copy.home / "keys" / "1" / f"issue-{'00' * 8}.pem",
        copy.home / "deployment.new",
        copy.home / "registry" / "objects" / ("0" * 32),
    ]
    for path in strangers:
        path.write_bytes(b"x")
        path.chmod(0o600)
    assert copy.findings(chain=False) == []  # they may be part of a write that is under way
    for path in strangers:
        os.utime(path, (1, 1))
    assert {(each.where, each.item) for each in copy.findings(chain=False)} == {
        item(copy, p) for p in strangers
    }


def test_a_key_that_others_may_read_is_named(copy: Copy) -> None:
    open_ = [
        copy.home / "keys" / "registry" / "rows.key",
        the_file(copy, "keys/1/issue-*.pem"),
        copy.home / "keys" / "4",
    ]
    for path in open_:
        path.chmod(path.stat().st_mode | stat.S_IROTH)
    found = copy.findings(chain=False)
    assert {each.item for each in found} == {str(path.relative_to(copy.home)) for path in open_}
    assert all(each.expected.startswith("mode ") for each in found)


def test_fsck_makes_and_mends_nothing(copy: Copy) -> None:
    """Not even a key that is lost: with a new one in its place nobody would see which it was."""
    shutil.rmtree(copy.home / "keys")
    before = sorted(copy.home.rglob("*"))
    content = (copy.home / "registry" / "registry.db").read_bytes()
    assert any(each.item.startswith("keys/registry/wrapping") for each in copy.findings(chain=False))
    after = [path for path in sorted(copy.home.rglob("*")) if not path.name.endswith(("-shm", "-wal"))]
    assert after == before
    assert (copy.home / "registry" / "registry.db").read_bytes() == content


def test_a_bit_flipped_in_the_database_file_is_found(copy: Copy) -> None:
    """Wherever it makes a difference: what SQLite shows afterwards, or fails to show, says whether it does."""
    path, chance = copy.home / "registry" / "registry.db", random.Random(4)
    copy.sql("VACUUM")
    sound, shown = path.read_bytes(), dump(path)
    differing = 0
    while differing < 5:
        at = chance.randrange(100, len(sound))
        path.write_bytes(sound[:at] + bytes([sound[at] ^ 1 << chance.randrange(8)]) + sound[at + 1 :])
        if dump(path) != shown:
            differing += 1
            assert copy.findings(chain=False), at
        for more in path.parent.glob("registry.db-*"):
            more.unlink()


def test_a_table_of_another_shape_and_a_foreign_trigger_are_named(copy: Copy) -> None:
    copy.sql("CREATE TRIGGER soften AFTER UPDATE ON licence BEGIN UPDATE licence SET status = 0; END")
    copy.sql("DROP INDEX ix_licence_batch")
    found = places(copy.findings(chain=False))
    assert found == {("schema", "trigger soften"), ("schema", "add_index ix_licence_batch")}


def test_a_database_of_the_release_before_has_the_shape_of_this_one(copy: Copy, tmp_path: Path) -> None:
    path = tmp_path / "released.db"
    with sqlite3.connect(path) as made:
        made.executescript(
            (Path(__file__).parent.parent / "vectors" / "registry-0.1.0.sql").read_text("utf-8")
        )
    made.close()
    Store(f"sqlite:///{path}", lambda row: row[:8]).close()
    over = Copy(copy.settings.model_copy(update={"database_url": f"sqlite:///{path}"}))
    assert "schema" not in {each.where for each in over.findings(chain=False)}


def dump(path: Path) -> list[str] | str:
    database = sqlite3.connect(path)
    try:
        return list(database.iterdump())
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        return type(error).__name__
    finally:
        database.close()


def put_back(copy: Copy, earlier: Path, model: type[SQLModel], where: str) -> None:
    """Rows as they once were, each with the good seal that it had then."""
    copy.sql_with(earlier, f"INSERT OR REPLACE INTO main.{table_of(model).name} "
                           f"SELECT * FROM earlier.{table_of(model).name} WHERE {where}")  # fmt: skip


def test_a_revoked_licence_put_back_as_it_was_is_named_by_its_acts(filled: Office, copy: Copy) -> None:
    row = copy.sql("SELECT row FROM licence WHERE act = 2")[0][0]
    put_back(copy, earlier(filled), Licence, f"row = {row}")
    found = copy.findings(chain=False)
    assert [(each.where, each.item.partition(",")[0]) for each in found] == [("table licence", f"row {row}")]
    assert len(copy.findings()) == 2  # and once more by the chain


def test_an_act_and_its_licences_put_back_as_they_were_are_named(filled: Office, copy: Copy) -> None:
    row, act = copy.sql("SELECT licence, act FROM statusactlicence ORDER BY act DESC")[0]
    put_back(copy, earlier(filled), Licence, f"row = {row}")
    copy.sql(
        "UPDATE statusact SET state = 'RECORDED', nonce = NULL, raw_transaction = NULL, transaction_hash = NULL, "
        "block = NULL, block_hash = NULL, time = NULL, change = NULL WHERE id = ?",
        act,
    )
    reseal(filled, copy, StatusAct, f"id = {act}")
    assert ("table statusact", f"id {act}") in places(copy.findings(chain=False))
    copy.sql(
        "DELETE FROM audit WHERE department = 1 AND seq >= (SELECT seq FROM audit WHERE object = ?)",
        f"act {act}",
    )
    assert ("table statusact", f"id {act}") in places(copy.findings())  # the chain has not forgotten


def test_a_final_batch_put_back_as_it_was_is_named(filled: Office, copy: Copy) -> None:
    copy.sql(
        "UPDATE batch SET state = 'SEALED', nonce = NULL, raw_transaction = NULL, transaction_hash = NULL, "
        "block = NULL, block_hash = NULL, time = NULL WHERE id = 1"
    )
    reseal(filled, copy, Batch, "id = 1")
    found = copy.findings(chain=False)
    assert places(found) == {("table batch", "department 1, seq 1")}
    assert ("table batch", "id 1, department 1, seq 1") in places(copy.findings())


def test_an_older_status_list_would_give_positions_out_twice_and_is_named(filled: Office, copy: Copy) -> None:
    put_back(copy, earlier(filled), StatusList, "department = 1")
    found = copy.findings(chain=False)
    assert found
    assert all("a position given out" in each.expected for each in found)


def test_a_bearer_key_that_was_ended_and_put_back_is_named(filled: Office, copy: Copy) -> None:
    put_back(copy, earlier(filled), Department, "id = 4")
    assert places(copy.findings(chain=False)) == {("table department", "id 4")}


def test_a_whole_older_database_is_named_by_the_chain(filled: Office, copy: Copy) -> None:
    shutil.copy2(earlier(filled), copy.home / "registry" / "registry.db")
    found = places(copy.findings())
    assert ("table batch", "department 1, seq 2") in found
    assert ("table hold", "department 1") in found
    assert any(where == "table statusact" for where, _ in found)


def test_a_status_set_back_under_the_seal_of_another_row_is_named(copy: Copy) -> None:
    row, other = (copy.sql(f"SELECT row FROM licence WHERE status = {status}")[0][0] for status in (1, 0))
    copy.sql(
        "UPDATE licence SET status = 0, act = NULL, seal = (SELECT seal FROM licence WHERE row = ?) WHERE row = ?",
        other,
        row,
    )
    assert {each.item.partition(",")[0] for each in copy.findings()} == {f"row {row}"}


def test_an_entry_altered_with_leaf_root_and_leaf_file_made_to_match_is_named(copy: Copy) -> None:
    row, batch, signed = copy.sql(
        "SELECT row, batch, signed_entry FROM licence WHERE batch IS NOT NULL LIMIT 1"
    )[0]
    forged = signed[:-67] + bytes([signed[-67] ^ 1]) + signed[-66:]
    copy.sql(
        "UPDATE licence SET signed_entry = ?, leaf = ? WHERE row = ?", forged, merkle.leaf_hash(forged), row
    )
    leaves = [
        leaf for (leaf,) in copy.sql("SELECT leaf FROM licence WHERE batch = ? ORDER BY position", batch)
    ]
    old, root = copy.sql("SELECT root FROM batch WHERE id = ?", batch)[0][0], merkle.root(leaves)
    copy.sql("UPDATE batch SET root = ? WHERE id = ?", root, batch)
    copy.sql("UPDATE batch SET prev_root = ? WHERE prev_root = ? AND department = 1", root, old)
    (copy.home / "public" / "1" / "leaves" / f"{root.hex()}.bin").write_bytes(b"".join(leaves))
    (copy.home / "public" / "1" / "leaves" / f"{old.hex()}.bin").unlink()
    found = copy.findings()
    assert any(each.where == "table licence" and each.item.startswith(f"row {row},") for each in found)
    assert any("the anchor on the chain" in each.expected for each in found if f"id {batch}," in each.item)
    assert any("a signature of key" in each.expected for each in found)


def test_rows_that_changed_places_are_named(copy: Copy) -> None:
    """The numbers that the database gives out carry no seal: what other rows say of them does."""
    for name, number in (("batch", "id"), ("licence", "row"), ("statusact", "id"), ("audit", "id")):
        kept = copy.sql(f"SELECT seal FROM {name} WHERE {number} IN (1, 2)")
        for old, new in ((1, -1), (2, 1), (-1, 2)):
            copy.sql(f"UPDATE {name} SET {number} = ? WHERE {number} = ?", new, old)
        found = copy.findings(chain=False)
        assert found, name
        for old, new in ((1, -1), (2, 1), (-1, 2)):
            copy.sql(f"UPDATE {name} SET {number} = ? WHERE {number} = ?", new, old)
        assert copy.sql(f"SELECT seal FROM {name} WHERE {number} IN (1, 2)") == kept


def test_records_and_objects_that_changed_places_are_named(copy: Copy) -> None:
    first, second = (row for (row,) in copy.sql("SELECT licence FROM sealedrecord ORDER BY licence LIMIT 2"))
    for old, new in ((first, -1), (second, first), (-1, second)):
        copy.sql("UPDATE sealedrecord SET licence = ? WHERE licence = ?", new, old)
    one, other = sorted(p for p in (copy.home / "registry" / "objects").iterdir() if p.is_file())[:2]
    kept = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(kept)
    found = places(copy.findings(chain=False))
    assert found == {
        ("table sealedrecord", f"licence {first}"),
        ("table sealedrecord", f"licence {second}"),
        ("object", one.name),
        ("object", other.name),
    }


def test_a_hold_is_sealed_and_its_absence_is_named(filled: Office, copy: Copy) -> None:
    with store_of(filled, copy) as store, store.write() as session:
        session.add(Hold(department=4, since=1, missing="anchor 2"))
    assert copy.findings(chain=False) == []
    for column, value in (("missing", "anchor 3"), ("since", 3), ("seal", b"x")):
        kept = copy.sql(f"SELECT {column} FROM hold")[0][0]
        copy.sql(f"UPDATE hold SET {column} = ?", value)
        assert places(copy.findings(chain=False)) == {("table hold", "department 4")}
        copy.sql(f"UPDATE hold SET {column} = ?", kept)
    copy.sql("DELETE FROM batch WHERE department = 4")
    assert ("table hold", "department 4") not in places(copy.findings())
    copy.sql("DELETE FROM hold")
    assert ("table hold", "department 4") in places(copy.findings())


def test_a_lease_of_another_shape_is_named(copy: Copy) -> None:
    for column, value in (("holder", "x"), ("token", -1), ("beat", 0)):
        kept = copy.sql(f"SELECT {column} FROM lease WHERE department = 1")[0][0]
        copy.sql(f"UPDATE lease SET {column} = ? WHERE department = 1", value)
        assert places(copy.findings(chain=False)) == {("table lease", "department 1")}
        copy.sql(f"UPDATE lease SET {column} = ? WHERE department = 1", kept)


def test_what_was_erased_is_no_fault_unless_something_of_it_is_left(filled: Office, copy: Copy) -> None:
    row, subject, record_ = copy.sql(
        "SELECT licence.row, subject, sealed FROM licence JOIN sealedrecord ON licence = licence.row WHERE act = 3"
    )[0]
    with store_of(filled, copy) as store, store.write() as session:
        destroy_licences(session, [session.get_one(Licence, row)], 1_800_000_000)
        destroy_subject(session, session.get_one(Subject, subject), 1_800_000_000)
    assert copy.findings(chain=False) == []
    copy.sql("INSERT INTO sealedrecord (licence, sealed, seal) VALUES (?, ?, ?)", row, record_, b"")
    assert places(copy.findings(chain=False)) == {("table sealedrecord", f"licence {row}")}


def test_the_command_says_what_it_found_in_words_json_and_its_exit_code(
    copy: Copy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ELICENCE_HOME", str(copy.home))
    monkeypatch.setenv("ELICENCE_CHAIN_URL", copy.settings.chain_url)
    assert CliRunner().invoke(app, ["fsck"]).exit_code == 0
    row = copy.sql("SELECT row FROM licence WHERE act = 2")[0][0]
    copy.sql("UPDATE licence SET status = 0 WHERE row = ?", row)
    answer = CliRunner().invoke(app, ["fsck", "--json"])
    said = json.loads(answer.stdout.strip().splitlines()[-1])
    assert (answer.exit_code, said["ok"], said["not_found_out"]) == (1, False, [])
    assert {finding["item"].partition(",")[0] for finding in said["findings"]} == {f"row {row}"}
    copy.sql("UPDATE licence SET status = 1 WHERE row = ?", row)
    monkeypatch.setenv("ELICENCE_CHAIN_URL", "http://127.0.0.1:9")
    assert CliRunner().invoke(app, ["fsck"]).exit_code == 2
    copy.sql("UPDATE alembic_version SET version_num = '0001'")
    answer = CliRunner().invoke(app, ["fsck"])
    assert (answer.exit_code, "start the registry of this release first" in answer.stderr) == (2, True)


def test_on_postgresql_it_finds_the_same(filled: Office, copy: Copy) -> None:
    with serving() as server:
        url = server.database()
        store = Store(url, filled.house.vault.seal_row)
        with store.engine.begin() as connection:
            connection.execute(text("SET session_replication_role = replica"))
            for table in map(table_of, sealed_tables()):
                rows = [as_written(table, row) for row in rows_of(copy, table)]
                plain = Table(table.name, MetaData(), *(Column(c.name, NullType()) for c in table.c))
                if rows:
                    connection.execute(insert(plain), rows)
        over = Copy(copy.settings.model_copy(update={"database_url": url}))
        assert over.check() == []
        with store.engine.begin() as connection:
            connection.execute(text("SET session_replication_role = replica"))
            connection.execute(text("DELETE FROM sealedrecord WHERE licence = 3"))
            connection.execute(
                text("UPDATE licence SET status = 0 WHERE row = (SELECT row FROM licence WHERE act = 2)")
            )
        revoked = copy.sql("SELECT row, id FROM licence WHERE act = 2")[0]
        assert places(over.findings(chain=False)) == {
            ("table sealedrecord", "licence 3"),
            ("table licence", f"row {revoked[0]}, id {revoked[1]}"),
        }
        store.close()


def test_while_the_registry_runs_nothing_is_called_bad(filled: Office) -> None:
    stop, settings = threading.Event(), filled.house.settings
    working = threading.Thread(target=worker.run, args=(filled.house, stop))
    working.start()
    writing = threading.Thread(target=write_until, args=(filled, stop))
    writing.start()
    try:
        said, end = [], time.monotonic() + 5
        while time.monotonic() < end:
            said += list(check(settings, silent))
    finally:
        stop.set()
        writing.join()
        working.join()
    assert said == []


def test_after_erasures_and_purges_nothing_is_called_bad(filled: Office) -> None:
    house = filled.house
    drivers = [i.values for i in licences(date.today()) if i.kind == "driving"][:2]
    for values in drivers:
        holder = erasing.plan(house, str(values["licNo"]))
        assert holder.documents
        erasing.erase(house, holder.subject, erasing.Order("演示依据"))
    assert list(check(house.settings, silent)) == []
    with house.store.read() as session:
        documents.keep(house, filled.department(session, TRAFFIC), b"for no licence", "image/png")
    later = replace(house, clock=lambda: time.time() + 4_000 * 86_400)
    assert sum(line.purged for line in retention.purge(later)) >= 3
    assert list(check(house.settings, silent)) == []


def write_until(office: Office, stop: threading.Event) -> None:
    number = 3
    while not stop.is_set():
        rows = [office.issue() for _ in range(2)]
        record(office, Act.SUSPENDED, rows[:1])
        if number < 9:
            driving(office, number)
        number += 1
        stop.wait(0.2)


def earlier(filled: Office) -> Path:
    """The database as it was in the middle of all that happened."""
    return filled.house.settings.home / "earlier.db"


def places(found: list[Finding]) -> set[tuple[str, str]]:
    return {(each.where, each.item) for each in found}


@contextmanager
def store_of(filled: Office, copy: Copy) -> Iterator[Store]:
    store = Store(copy.settings.database, filled.house.vault.seal_row)
    yield store
    store.close()


def reseal(filled: Office, copy: Copy, model: type[Sealed], where: str) -> None:
    """The seal of a row: what a row that once stood like this had."""
    with store_of(filled, copy) as store, store.read() as session:
        row = session.execute(select(model).where(text(where))).scalar_one()
        seal = store.seal_of(row)
    copy.sql(f"UPDATE {table_of(model).name} SET seal = ? WHERE {where}", seal)
