"""Erasing a holder: canaries planted before, and everything searched after. What was his is nobody's to compute."""

import hashlib
import json
import shutil
import signal
import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import col, select

from licence.reasons import Reason
from licence.status import Act
from registry import erasing, worker
from registry.erasing import Order
from registry.errors import ErasingError, GoneError, InvalidError, NotFoundError
from registry.house import House, build
from registry.issuing import open_record
from registry.journal import Erased, Journal, JournalError
from registry.rotating import rotate
from registry.tables import Audit, Batch, Document, Idempotency, Lease, Licence, Sealed, SealedRecord, Subject
from registry.vault import VaultError
from scripts import seeding
from tests.registry.candidates import candidates, kept, matching
from tests.registry.holders import (
    POLICE,
    TRAFFIC,
    Person,
    driving,
    found_below,
    give,
    order,
    photo_of,
    run,
    secrets_of,
    values_of,
)
from tests.registry.office import Office, open_office
from verifier.verifying import look_at

BASIS = "个人信息保护法 第四十七条"
GONE, STAYS, NEXT = Person(38, "示例鸲鹆金丝雀"), Person(41, "示例留鸟"), Person(44, "示例候鸟")


@dataclass
class Story:
    """What was, and what became of it: a holder of three licences, erased by the command line."""

    office: Office
    rows: list[Licence]
    papers: list[str]
    neighbours: list[str]
    secrets: dict[str, bytes]
    subject: str
    backup: Path
    matched_before: list[str]
    said: str


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    home = tmp_path_factory.mktemp("erasing") / "home"
    with open_office(home, departments=seeding.applicants()[POLICE - 1 : TRAFFIC]) as made:
        yield made


@pytest.fixture(scope="module")
def story(office: Office, tmp_path_factory: pytest.TempPathFactory) -> Story:
    rows = [_by_http(office), give(office, POLICE, order("residence", GONE.residence(), source=GONE.card))]
    hashed = _an_answer_of_release_0_1_0(office, rows[1])
    neighbours = [driving(office, STAYS), give(office, POLICE, order("residence", STAYS.residence()))]
    office.settle()
    papers = [office.show(row).paper() for row in rows]
    others = [office.show(row).paper() for row in neighbours]
    backup = _back_up(office.house, tmp_path_factory.mktemp("yesterday"))
    changed = order("driving", {**GONE.driving(), "address": f"{GONE.canary}巷1号"})
    rows.append(give(office, TRAFFIC, replace(changed, succeeds=Act.CHANGED)))  # not anchored when it begins
    with office.house.store.read() as session:
        subject = session.get_one(Subject, rows[0].subject)
        secrets = {**secrets_of(office.house, session, subject), "an older request hash": hashed}
    near = [number for number in candidates() if number[6:14] == f"{GONE.birth:%Y%m%d}"]
    before = matching(office.house, near, kept(office.house))
    told = ["erase", "--subject", "-", "--basis", BASIS, "--yes", "--json"]
    done = run(office, *told, told=GONE.code + "\n")
    assert done.returncode == 0, done.stderr
    said = done.stdout + done.stderr
    return Story(office, rows, papers, others, secrets, subject.name, backup, before, said)


def _by_http(office: Office) -> Licence:
    wanted = order("driving", GONE.driving(photo_of(office, GONE)))
    body = {"type": wanted.type, "values": dict(wanted.values)}
    answer = office.call("POST", "/api/v1/licences", json=body, headers=office.headers(TRAFFIC, "canary"))
    assert answer.status_code == 202, answer.text
    with office.house.store.read() as session:
        return session.exec(select(Licence).where(Licence.id == answer.json()["id"])).one()


def _an_answer_of_release_0_1_0(office: Office, row: Licence) -> bytes:
    """An answer that does not say in a column of its own which licence it issued."""
    told, hashed = json.dumps({"id": row.id}).encode(), hashlib.sha256(GONE.code.encode()).digest()
    with office.house.store.write() as session:
        session.add(Idempotency(department=POLICE, key="old", request_hash=hashed, status=202, answer=told))
    return hashed


def _back_up(house: House, folder: Path) -> Path:
    """Yesterday's backup: database, objects, and that day's keys."""
    home = house.settings.home
    (folder / "registry").mkdir()
    with sqlite3.connect(home / "registry" / "registry.db") as live:
        copy = sqlite3.connect(folder / "registry" / "registry.db")
        live.backup(copy)
    copy.close()
    live.close()
    shutil.copytree(home / "registry" / "objects", folder / "registry" / "objects")
    shutil.copytree(home / "keys" / "registry", folder / "keys" / "registry")
    (folder / "keys").chmod(0o700)
    shutil.copy(home / "deployment.json", folder)
    return folder


def over(office: Office, home: Path) -> House:
    """A house over a restored folder, on the same chain."""
    settings = office.stack.settings.model_copy(update={"home": home})
    return build(settings, office.house.signer)


def verdicts(office: Office, papers: list[str], folder: Path) -> set[Reason | None]:
    trust = office.trust(folder)
    return {look_at(trust, paper, office.house.now).reason for paper in papers}


def test_an_erased_licences_paper_is_cancelled_and_its_neighbours_in_the_batch_stay_valid(
    story: Story, tmp_path: Path
) -> None:
    assert verdicts(story.office, story.papers, tmp_path) == {Reason.CANCELLED}
    assert verdicts(story.office, story.neighbours, tmp_path) == {None}


def test_what_was_issued_a_moment_before_is_anchored_and_ended_too(story: Story) -> None:
    last = story.office.again(story.rows[2])
    with story.office.house.store.read() as session:
        assert session.get_one(Batch, last.batch).block is not None
    assert (last.status, last.act) == (1, int(Act.CANCELLED))
    assert (
        story.office.house.chain.call("StatusList", "statusOf", last.status_list, last.status_index)[0] == 1
    )


def test_nothing_of_it_is_left_in_the_database_its_log_the_files_or_the_chain(story: Story) -> None:
    home = story.office.house.settings.home
    searched = {path.name for path in home.rglob("*")}
    assert {"registry.db", "objects", "chain", "log", "keys", "public", "erasures.jsonl"} <= searched
    assert {"data key", "holder index", "object", "digest"} <= set(story.secrets)
    assert any(name.endswith("request hash") for name in story.secrets)
    for number, value in enumerate(values_of(GONE)):
        assert found_below(home, value) == [], f"value {number}"
    for name, secret in story.secrets.items():
        assert found_below(home, secret) == [], name


def test_the_search_would_find_it(story: Story) -> None:
    """The same search over yesterday's backup, made before: sealed bytes and indexes are there, values are not."""
    for name in ("holder index", "wrapped key", "object"):
        assert found_below(story.backup, story.secrets[name]), name
    (story.backup / "note.txt").write_bytes(b"---" + GONE.code.encode().hex().encode())
    assert found_below(story.backup, values_of(GONE)[1]) == ["note.txt"]
    (story.backup / "note.txt").unlink()


def test_the_chain_was_told_nothing(story: Story) -> None:
    chain = story.office.house.chain
    head = int(chain.request("eth_blockNumber", []), 16)
    blocks = [chain.request("eth_getBlockByNumber", [hex(at), True]) for at in range(head + 1)]
    logs = chain.request("eth_getLogs", [{"fromBlock": "0x0", "toBlock": "latest"}])
    told = json.dumps([blocks, logs])
    assert told.count("0x") > 100
    for secret in [*values_of(GONE), *story.secrets.values()]:
        assert secret.hex() not in told


def test_the_processes_named_nobody(story: Story) -> None:
    assert "3 licences of departments 3, 4" in story.said
    for value in values_of(GONE)[:4]:
        assert value.decode() not in story.said


def test_a_million_candidate_numbers_match_nothing_that_was_kept(story: Story) -> None:
    house = story.office.house
    assert story.matched_before == [GONE.code, STAYS.code]
    assert matching(house, candidates(), kept(house)) == [STAYS.code]


def test_yesterdays_backup_opens_for_nobody_after_rotation_and_names_nobody(
    story: Story, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    shutil.copytree(story.backup, home)
    assert _opened(over(story.office, home), story.rows[:2]) == [GONE.canary, GONE.canary]
    before = story.office.house.vault.wrapping.generations()
    rotated = rotate(story.office.house, lambda count: None)
    assert rotated.destroyed == tuple(before)
    vault = home / "keys" / "registry"
    for old in before:
        (vault / f"wrapping-{old}.key").unlink()
    for path in story.office.house.settings.vault.glob("*.key"):  # all that is left today is the thief's
        shutil.copy(path, vault)
    stolen = over(story.office, home)
    for row in story.rows[:2]:
        with pytest.raises(VaultError, match="generation"):
            _opened(stolen, [row])
    for value in values_of(GONE):
        assert found_below(home, value) == []
    stolen.store.close()
    assert story.office.show(_neighbour(story)).file()


def _again(house: House, rows: list[Licence]) -> list[Licence]:
    with house.store.read() as session:
        return [session.exec(select(Licence).where(Licence.id == row.id)).one() for row in rows]


def _opened(house: House, rows: list[Licence]) -> list[str]:
    found = _again(house, rows)
    with house.store.read() as session:
        return [str(open_record(house, session, row)[0]["name"]) for row in found]


def _neighbour(story: Story) -> Licence:
    with story.office.house.store.read() as session:
        kept_rows = select(Licence).where(Licence.department == TRAFFIC, col(Licence.erased_at).is_(None))
        return session.exec(kept_rows).first()  # type: ignore[return-value]  # there is one


def test_the_doors_say_that_it_is_gone(story: Story) -> None:
    office, row = story.office, story.rows[0]
    shown = ("", "/file", "/receipt", "/paper.txt", "/paper.svg", "/paper.png")
    asks: list[tuple[str, str, Any]] = [("GET", form, None) for form in shown]
    for method, form, body in [*asks, ("POST", "/credential", {})]:
        path = f"/api/v1/licences/{row.id}{form}"
        answer = office.call(method, path, headers=office.headers(TRAFFIC), json=body)
        assert answer.status_code == 410, path
        assert answer.json()["type"] == "urn:elicence:erased"
        assert "已依法删除" in answer.json()["title_zh"]
    act = {"act": "CANCELLED", "licences": [row.id], "legal_basis": BASIS}
    answer = office.call("POST", "/api/v1/status-acts", json=act, headers=office.headers(TRAFFIC, "again"))
    assert answer.status_code == 410
    listed = office.call("GET", "/api/v1/licences", headers=office.headers(TRAFFIC)).json()["items"]
    assert row.id not in [item["id"] for item in listed]
    assert listed
    with pytest.raises(GoneError):
        office.show(row)


def test_it_leaves_a_record_that_names_nobody(story: Story) -> None:
    house = story.office.house
    with house.store.read() as session:
        trail = session.exec(select(Audit).where(Audit.deed == "erase").order_by(col(Audit.id))).all()
        holder = session.exec(select(Subject).where(Subject.name == story.subject)).one()
        rows = session.exec(select(Licence).where(Licence.subject == holder.id)).all()
        assert not session.exec(select(SealedRecord).where(SealedRecord.licence == rows[0].row)).all()
        assert not session.exec(select(Idempotency).where(Idempotency.licence == rows[0].id)).all()
        assert not session.exec(select(Document).where(Document.licence == rows[0].row)).all()
    assert [(row.department, row.object) for row in trail[:2]] == [
        (POLICE, "1 licences, 0 documents, 1 answers"),
        (TRAFFIC, "2 licences, 1 documents, 1 answers"),
    ]
    assert holder.erased_at is not None
    assert {row.erased_at for row in rows} == {holder.erased_at}
    assert [row.leaf for row in rows] == [row.leaf for row in story.rows]
    assert story.subject in [erased.subject for erased in Journal.of(house).read()]
    assert set(json.loads(house.settings.erasure_journal.read_text("utf-8").splitlines()[0])) == {
        "subject", "time", "mac",
    }  # fmt: skip


def test_every_row_still_carries_its_seal(story: Story) -> None:
    store = story.office.house.store
    with store.read() as session:
        for table in Sealed.__subclasses__():
            for row in session.exec(select(table)):
                assert row.seal == store.seal_of(row), table.__name__


def test_a_restored_backup_brings_nobody_back(story: Story, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(story.backup, home)
    restored = over(story.office, home)
    assert len(_opened(restored, story.rows[:2])) == 2
    journal = Journal.of(restored, story.office.house.settings.erasure_journal)
    assert erasing.replay(restored, journal) >= 1
    assert [row.erased_at is not None for row in _again(restored, story.rows[:2])] == [True, True]
    assert story.subject in [erased.subject for erased in Journal.of(restored).read()]
    assert erasing.replay(restored, journal) == 0
    assert matching(restored, [GONE.code, STAYS.code], kept(restored)) == [STAYS.code]
    restored.store.close()
    for name, secret in story.secrets.items():
        assert found_below(home, secret) == [], name


def test_a_holder_comes_again_as_somebody_new(story: Story, tmp_path: Path) -> None:
    row = driving(story.office, GONE)
    story.office.settle()
    assert verdicts(story.office, [story.office.show(row).paper()], tmp_path) == {None}
    assert row.subject != story.rows[0].subject


def test_a_holder_that_is_being_erased_is_given_and_shown_nothing(office: Office, tmp_path: Path) -> None:
    row = driving(office, NEXT)
    office.settle()
    plan = erasing.plan(office.house, NEXT.code)
    erasing._mark(office.house, plan.subject, Order(BASIS))
    with pytest.raises(ErasingError):
        give(office, POLICE, order("residence", NEXT.residence()))
    with pytest.raises(ErasingError):
        office.show(row)
    answer = office.call("GET", f"/api/v1/licences/{row.id}/file", headers=office.headers(TRAFFIC))
    assert answer.status_code == 409
    assert erasing.resume(office.house, Order(BASIS))[plan.subject].licences == 1


def test_a_worker_that_runs_does_the_work_and_nobody_takes_its_place(office: Office) -> None:
    row, stop = driving(office, Person(63, "示例工雀")), threading.Event()
    thread = threading.Thread(target=worker.run, args=(office.house, stop))
    thread.start()
    try:
        erasing.erase(office.house, erasing.plan(office.house, Person(63, "").code).subject, Order(BASIS))
        with office.house.store.read() as session:
            holders = {lease.holder for lease in session.exec(select(Lease))}
    finally:
        stop.set()
        thread.join()
    assert office.again(row).erased_at is not None
    assert len(holders - {""}) == 1


STEPS = ["_settle", "_write_down", "_drop", "_destroy", "scrub"]


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_any_step_the_next_run_ends_it(office: Office, step: str, tmp_path: Path) -> None:
    person = Person(50 + STEPS.index(step), f"示例{step}雀")
    row = driving(office, person)
    office.settle()
    paper = office.show(row).paper()
    with office.house.store.read() as session:
        secrets = secrets_of(office.house, session, session.get_one(Subject, row.subject))
    told = ["erase", "--subject", person.code, "--basis", BASIS, "--yes"]
    killed = run(office, step, *told, module="tests.registry.killed")
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    if step == "scrub":
        erasing.resume(office.house, Order(BASIS))
    else:
        plan = erasing.plan(office.house, person.code)
        erasing.erase(office.house, plan.subject, Order(BASIS))
    assert office.again(row).erased_at is not None
    for name, secret in secrets.items():
        assert found_below(office.house.settings.home, secret) == [], name
    assert verdicts(office, [paper], tmp_path) == {Reason.CANCELLED}


def test_nothing_is_erased_by_mistake(office: Office) -> None:
    row, code = driving(office, Person(60, "示例错雀")), Person(60, "").code
    for words, said in (
        (["--subject", code, "--basis", f"{code} 申请", "--yes"], "must not hold"),
        (["--subject", code, "--basis", BASIS], "Aborted"),
    ):
        done = run(office, "erase", *words, told="n\n")
        assert done.returncode == 1
        assert said in done.stderr
        assert code not in done.stdout + done.stderr
    assert office.again(row).erased_at is None
    plan = erasing.plan(office.house, code)
    with pytest.raises(InvalidError, match="legal basis"):
        erasing.erase(office.house, plan.subject, Order(" "))
    for wrong in ((code, "999"), (Person(61, "").code, None)):
        with pytest.raises(NotFoundError, match="no holder of this code"):
            erasing.plan(office.house, *wrong)


def test_a_journal_that_was_altered_is_refused_and_a_torn_line_is_not(office: Office, tmp_path: Path) -> None:
    journal = Journal.of(office.house, tmp_path / "journal")
    wanted = [Erased(name, number) for number, name in enumerate(("one", "two", "three"))]
    journal.add(wanted[:2])
    journal.add(wanted)
    assert journal.read() == wanted
    whole = journal.path.read_bytes()
    lines = whole.splitlines(keepends=True)
    for altered in (lines[0] + lines[2], whole.replace(b"two", b"owt"), lines[1] + lines[2], b"{}\n" + whole):
        journal.path.write_bytes(altered)
        with pytest.raises(JournalError, match="restore the file"):
            journal.read()
        with pytest.raises(JournalError):
            journal.add([Erased("four", 4)])
        assert journal.path.read_bytes() == altered
    journal.path.write_bytes(lines[0] + lines[1] + lines[2][:20])
    assert journal.read() == wanted[:2]
    journal.add(wanted)
    assert journal.path.read_bytes() == whole


def test_a_journal_that_was_lost_is_written_again_from_the_database(story: Story) -> None:
    house = story.office.house
    house.settings.erasure_journal.unlink()
    row = driving(story.office, Person(62, "示例后雀"))
    plan = erasing.plan(house, Person(62, "").code)
    erasing.erase(house, plan.subject, Order(BASIS))
    names = [erased.subject for erased in Journal.of(house).read()]
    assert story.subject in names
    assert names[-1] == plan.subject
    assert story.office.again(row).erased_at is not None
