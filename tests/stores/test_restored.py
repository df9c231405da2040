"""An old backup is restored: read-only, what is missing is named, nothing written on top; a newer one sets it free."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlmodel import Session, select

from licence.reasons import Reason
from licence.status import Act
from registry import acts, checking, documents, presenting
from registry.accepting import accept_loss
from registry.acts import Ask
from registry.backup import back_up
from registry.comparing import NOT_COMPARED, missing_of, strangers
from registry.errors import ConflictError, ReadOnlyError
from registry.issuing import is_closed
from registry.leases import Leases
from registry.onboarding import admit, open_list, permit, renew_key
from registry.restoring import mark_restored
from registry.tables import Batch, Licence, StatusList
from scripts import seeding
from tests.registry.office import Office, invented, open_office
from tests.stores.places import await_, demand_sound, findings, hold_of, restored, working

Make = Callable[[], str]
OURS = seeding.applicants()


@dataclass
class Story:
    """An office with a backup taken before its last day and one after it. `revoked` was valid in the older one."""

    office: Office
    old: Path
    new: Path
    revoked: Licence
    later: list[Licence]
    key: str


def ending(office: Office, row: Licence, act: Act = Act.REVOKED) -> None:
    with office.house.store.write() as session:
        ask = Ask(act, [session.get_one(Licence, row.row)], "演示依据", "test")
        acts.record(office.house, session, office.department(session), ask)


def live(office: Office, folder: Path) -> Story:
    rows = [office.issue() for _ in range(3)]
    office.settle()
    unsealed = office.issue()
    back_up(office.house, folder / "old.backup")
    later = [unsealed, office.issue(), office.issue()]
    office.settle()
    ending(office, rows[0])
    office.settle()
    key = renew_key(office.house, 1).kid.hex()
    back_up(office.house, folder / "new.backup")
    return Story(office, folder / "old.backup", folder / "new.backup", rows[0], later, key)


def chain_of(office: Office) -> tuple[object, ...]:
    """All that the department's accounts have written."""
    chain = office.house.chain
    with office.house.store.read() as session:
        row = office.department(session)
    return (
        chain.call("AnchorLog", "head", 1),
        chain.call("StatusList", "lists", 1),
        chain.call("StatusList", "listOf", 1 << 32 | 1),
        chain.nonce(row.anchor_account),
        chain.nonce(row.status_account),
    )


def every(session: Session) -> list[Licence]:
    return list(session.exec(select(Licence)).all())


def test_an_old_backup_is_read_only_and_names_what_is_missing_then_a_newer_one_goes_on(
    database: Make, tmp_path: Path
) -> None:
    with open_office(tmp_path / "home", departments=OURS[:1], database=database()) as office:
        story = live(office, tmp_path)
        with office.house.store.read() as session:
            before = every(session)
        stands = chain_of(office)
        url = f"sqlite:///{tmp_path}/old.db" if office.house.store.dialect == "sqlite" else database()
        with restored(office, story.old, tmp_path / "old", url) as old:
            assert_held(story, old, tmp_path)
        assert chain_of(office) == stands
        url = f"sqlite:///{tmp_path}/new.db" if office.house.store.dialect == "sqlite" else database()
        with restored(office, story.new, tmp_path / "new", url) as new:
            assert_goes_on(new, before, tmp_path / "new")


def assert_held(story: Story, old: Office, folder: Path) -> None:
    assert hold_of(old.house).startswith(NOT_COMPARED)
    refuse_all(story, old)
    with working(old.house):
        await_(lambda: not hold_of(old.house).startswith(NOT_COMPARED), 10)
        words = hold_of(old.house)
        assert "anchor 2 of 3 licences in block" in words
        assert "anchor 1 " not in words
        assert "act REVOKED on 1 licences of status list 1 in block" in words
        assert f"issue key {story.key} in block" in words
        refuse_all(story, old)
        checking.check(Leases(old.house))  # holds no lease: changes nothing
    with old.house.store.read() as session:  # nothing was sealed on top of what is not known
        assert len(session.exec(select(Batch)).all()) == 1
    assert old.again(story.revoked).status == 0  # the registry does not know better …
    assert story.office.reason(story.revoked, folder) is Reason.REVOKED  # … the chain does
    assert old.show(story.revoked).paper()  # showing goes on


def refuse_all(story: Story, old: Office) -> None:
    with pytest.raises(ReadOnlyError, match="behind the chain"):
        old.issue()
    with pytest.raises(ReadOnlyError):
        ending(old, old.again(story.revoked), Act.SUSPENDED)
    with pytest.raises(ReadOnlyError):
        renew_key(old.house, 1)
    with old.house.store.read() as session:
        department = old.department(session)
        with pytest.raises(ReadOnlyError):
            presenting.status_jwt(old.house, session, 1 << 32 | 1)
    with pytest.raises(ReadOnlyError):
        documents.keep(old.house, department, b"%PDF", "application/pdf")
    answer = old.call("POST", "/api/v1/licences", headers=old.headers(key="a"), json=business(old))
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:elicence:read_only")
    assert old.call("GET", "/public/1/status/1.bin").status_code == 503
    told = old.call("GET", f"/api/v1/licences/{story.revoked.id}", headers=old.headers()).json()
    assert (told["held"], told["status"]) == (True, None)


def business(office: Office) -> dict[str, object]:
    order = office.order(office.business())
    return {"type": order.type, "values": dict(order.values)}


def test_without_a_newer_backup_what_the_chain_tells_is_taken_over_and_work_goes_on(tmp_path: Path) -> None:
    with open_office(tmp_path / "home", departments=OURS[:1]) as office:
        story = live(office, tmp_path)
        ending(office, story.later[1])  # a licence that the old backup does not have
        office.settle()
        permit(office.house, 1, seeding.definitions()["hygiene"])
        with restored(office, story.old, tmp_path / "old", f"sqlite:///{tmp_path}/r.db") as old:
            with pytest.raises(ConflictError, match="let the worker compare"):
                accept_loss(old.house, 1, "no newer backup")
            old.settle()
            with pytest.raises(ConflictError, match="the definition of type"):
                accept_loss(old.house, 1, "no newer backup")
            old.house.publisher.definition(seeding.definitions()["hygiene"])
            done = accept_loss(old.house, 1, "no newer backup")
            assert (done.anchors, done.licences, done.acts, done.unnamed) == (1, 3, 2, 1)
            assert (done.keys, done.types) == (1, 1)
            assert_went_on(story, old, tmp_path)


def assert_went_on(story: Story, old: Office, folder: Path) -> None:
    old.settle()
    assert hold_of(old.house) == ""
    assert old.again(story.revoked).status == 1
    row = old.issue()
    old.settle()
    assert row.kid == story.key
    assert row.status_list == 1 << 32 | 2
    assert old.house.chain.call("AnchorLog", "head", 1)[0] == 4  # 2 was lost; 3: what was not sealed then
    assert old.reason(row, folder) is None
    assert old.reason(old.again(story.later[0]), folder) is None
    assert checking_finds_nothing(old)
    assert findings(old.house) == []


def checking_finds_nothing(office: Office) -> bool:
    with office.house.store.read() as session:
        return missing_of(office.house, session, 1, whole=True) == []


def assert_goes_on(new: Office, before: list[Licence], folder: Path) -> None:
    with working(new.house):
        assert await_(lambda: not hold_of(new.house), 10) <= 10
        await_(lambda: new.call("POST", "/api/v1/licences", **asked(new)).status_code == 202, 10)
        await_(lambda: every_is_anchored(new), 10)
    fresh = [new.issue() for _ in range(2)]
    new.settle()
    with new.house.store.read() as session:
        now = every(session)
    assert {row.id for row in before} < {row.id for row in now}
    assert len(now) == len(before) + 3
    assert len({(row.status_list, row.status_index) for row in now}) == len(now)
    assert len({row.certificate_id for row in now}) == len(now)
    assert {row.status_list for row in fresh} == {
        1 << 32 | 2
    }  # no position of the old list is given out again
    assert new.reason(fresh[0], folder) is None
    demand_sound(new.house)
    assert findings(new.house) == []


def asked(office: Office) -> dict[str, object]:
    return {"headers": office.headers(key=f"k{office.number}"), "json": business(office)}


def every_is_anchored(office: Office) -> bool:
    with office.house.store.read() as session:
        return all(row.batch is not None for row in every(session))


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """An office that each test backs up where it stands."""
    with open_office(tmp_path_factory.mktemp("restored") / "home", departments=OURS[:1]) as made:
        made.issue()
        made.settle()
        yield made


def test_an_act_on_its_way_hides_no_other_act(office: Office, tmp_path: Path) -> None:
    """The backup was made between an act's recording and its coming; the acts after it are missing all the same."""
    row = office.issue()
    office.settle()
    ending(office, row, Act.SUSPENDED)
    back_up(office.house, tmp_path / "old.backup")
    office.settle()
    for act in (Act.REINSTATED, Act.SUSPENDED):
        ending(office, row, act)
        office.settle()
    with restored(office, tmp_path / "old.backup", tmp_path / "other", f"sqlite:///{tmp_path}/r.db") as old:
        stands = chain_of(office)
        old.settle()
        words = hold_of(old.house)
        assert "act REINSTATED on 1 licences" in words
        assert words.count("act SUSPENDED") == 1  # the first is ours
        assert chain_of(office) == stands


def test_an_act_that_came_since_is_not_missing_and_not_done_twice(office: Office, tmp_path: Path) -> None:
    row = office.issue()
    office.settle()
    ending(office, row)
    back_up(office.house, tmp_path / "old.backup")
    office.settle()
    stands = office.house.chain.call("StatusList", "listOf", row.status_list)
    with restored(office, tmp_path / "old.backup", tmp_path / "other", f"sqlite:///{tmp_path}/r.db") as found:
        found.settle()
        found.settle()
        assert hold_of(found.house) == ""
        assert (found.again(row).status, found.again(row).act) == (1, int(Act.REVOKED))
    assert office.house.chain.call("StatusList", "listOf", row.status_list) == stands


def test_a_list_opened_since_is_closed_when_the_hold_is_lifted(office: Office, tmp_path: Path) -> None:
    """Its positions may be in the hands of holders whose licences were never anchored."""
    back_up(office.house, tmp_path / "one.backup")
    open_list(office.house, 1)
    with restored(office, tmp_path / "one.backup", tmp_path / "other", f"sqlite:///{tmp_path}/r.db") as found:
        found.settle()
        with found.house.store.read() as session:
            lists = {row.id & 0xFF: is_closed(session, row) for row in session.exec(select(StatusList))}
        assert lists == {1: True, 2: True, 3: False}
        assert found.issue().status_list == 1 << 32 | 3


def test_a_department_admitted_since_is_named_and_not_admitted_anew(office: Office, tmp_path: Path) -> None:
    fifth = [each for each in OURS if each.id == 5]
    seeding.issue_invented(office.house, invented("business"))
    back_up(office.house, tmp_path / "one.backup")
    admit(office.house, fifth, office.stack.let_in)
    seeding.issue_invented(office.house, invented("hygiene"))
    office.settle()
    with restored(office, tmp_path / "one.backup", tmp_path / "other", f"sqlite:///{tmp_path}/r.db") as found:
        with found.house.store.read() as session:
            assert strangers(found.house, session) == [5]
        with pytest.raises(ConflictError, match="anchors of department 5, which this database does not know"):
            admit(found.house, fifth, office.stack.let_in)


def test_a_database_put_back_by_other_means_is_held_just_so(office: Office) -> None:
    office.settle()
    assert mark_restored(office.house, "a snapshot") >= 1
    with pytest.raises(ReadOnlyError, match="not compared"):
        office.issue()
    office.settle()
    with office.house.store.read() as session:
        lists = session.exec(select(StatusList.id).where(StatusList.department == 1)).all()
    office.settle()
    assert office.issue().status_list == max(lists) > 1 << 32 | 1
    demand_sound(office.house)
