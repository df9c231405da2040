"""Onboarding: departments by files alone, everything checked, everything repeatable."""

from pathlib import Path

import pytest

from licence.definition import LicenceType
from registry.chain import TransactionRefusedError
from registry.errors import ConflictError, InvalidError, NotFoundError
from registry.issuing import Order, issue
from registry.onboarding import Applicant, admit, deploy, new_token, open_list, permit, renew_key
from registry.store import department_by_id
from scripts import seeding
from tests.registry.office import Office

EIGHTH = Applicant(8, "11990100DEM000073M", "模拟市不动产登记中心", "Land Registry of Mock City", ())


def stamped(version: int) -> LicenceType:
    text = (Path("licence") / "types" / "business.toml").read_text("utf-8")
    return LicenceType.from_toml(text.replace("version = 1", f"version = {version}"))


def test_a_department_and_a_type_come_by_data_alone(office: Office) -> None:
    kind = stamped(2)
    applicant = Applicant(8, EIGHTH.code, EIGHTH.name_zh, EIGHTH.name_en, (kind,))
    admitted = admit(office.house, [applicant], office.stack.let_in)[0]
    office.tokens[8] = admitted.token
    with office.house.store.write() as session:
        order = Order(kind.code, office.business())
        row = issue(office.house, session, department_by_id(session, 8), order)
    assert row.type_version == 2
    office.settle()
    assert office.show(row).paper()
    with pytest.raises(ConflictError, match="already"):
        admit(office.house, [applicant], office.stack.let_in)


def test_an_admission_that_was_cut_short_goes_on(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    applicant = Applicant(9, "11990101DEM000009X", "演示区第九局", "Ninth Office", (stamped(3),))

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    for point in ("_admit_on_chain", "_open_lists", "_complete"):
        with monkeypatch.context() as patch:
            patch.setattr(f"registry.onboarding.{point}", die)
            with pytest.raises(KeyboardInterrupt):
                admit(office.house, [applicant], office.stack.let_in)
    assert admit(office.house, [applicant], office.stack.let_in)[0].department.admitted_at
    assert office.house.chain.call("StatusList", "lists", 9) == (1,)


def test_a_type_version_is_permitted_once_and_the_refusal_says_why(office: Office) -> None:
    permit(office.house, 1, stamped(4))
    with pytest.raises(TransactionRefusedError, match="IssuerRegistryKnown"):
        permit(office.house, 1, stamped(4))
    with pytest.raises(NotFoundError, match="no department 99"):
        permit(office.house, 99, stamped(5))


def test_after_a_new_key_both_old_and_new_licences_are_good(office: Office, tmp_path: Path) -> None:
    before = office.issue()
    office.settle()
    key = renew_key(office.house, 1)
    after = office.issue()
    office.settle()
    assert after.kid != before.kid
    assert office.reason(before, tmp_path / "a") is None
    assert office.reason(after, tmp_path / "b") is None
    assert key.kid.hex() in {before.kid, after.kid}


def test_a_new_bearer_key_ends_the_old_one(office: Office) -> None:
    old = office.headers(6)
    office.tokens[6] = new_token(office.house, 6)
    assert office.call("GET", "/api/v1/licences", headers=old).status_code == 401
    assert office.call("GET", "/api/v1/licences", headers=office.headers(6)).status_code == 200


def test_a_further_status_list_opens_on_the_chain_and_in_the_store(office: Office) -> None:
    open_list(office.house, 4)
    assert office.house.chain.call("StatusList", "lists", 4) == (2,)


def test_deploying_again_keeps_the_network(office: Office) -> None:
    pins = office.house.chain.demand_pins()
    assert deploy(office.house.settings, office.house.signer) == pins


def test_a_file_of_departments_that_lacks_something_is_named(tmp_path: Path) -> None:
    path = tmp_path / "d.toml"
    for text in (
        "[[department]]\nid = 1\n",
        "department = 3\n",
        "[",
        '[[department]]\nid=1\ncode="x"\nname_zh="x"\nname_en="x"\ntypes=["moon"]\n',
    ):
        path.write_text(text, "utf-8")
        with pytest.raises(InvalidError):
            seeding.applicants(path)
