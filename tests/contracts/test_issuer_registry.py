"""Who may issue what, with which keys, from when to when: nothing is revived, backdated or taken."""

import hashlib

import pytest

from contracts.events import (
    AccountBound,
    DepartmentAdmitted,
    DepartmentDescribed,
    KeyAdded,
    KeyCompromised,
    TypePermitted,
)
from tests.contracts.ledger import FOREVER, NETWORK, Ledger, Receipt, Refused

X, Y, PROOF = b"\x11" * 32, b"\x22" * 32, b"\x33" * 64
KID = hashlib.sha256(b"\x01" + X + Y).digest()[:8]
R = "IssuerRegistry"
DAY = 86_400


@pytest.fixture
def admitted(ledger: Ledger) -> Ledger:
    ledger.admit(7, ledger.accounts[1], ledger.accounts[2])
    return ledger


def add_key(ledger: Ledger, usage: int = 1, begins: int = 0, ends: int = FOREVER, x: bytes = X) -> Receipt:
    return ledger.send(R, "addKey", 7, 1, usage, x, Y, begins, ends, PROOF)


def test_a_department_is_admitted_and_described(ledger: Ledger) -> None:
    receipt = ledger.send(R, "admitDepartment", 7, 0, "CODE7", "演示局", "Office", "https://example.cn/")
    first, second = receipt.events
    assert isinstance(first, DepartmentAdmitted) and isinstance(second, DepartmentDescribed)
    assert (first.revision, first.department, first.begins) == (1, 7, receipt.time)
    assert (second.revision, second.name_zh, second.uri) == (2, "演示局", "https://example.cn/")


def test_every_change_carries_the_next_number(admitted: Ledger) -> None:
    before = admitted.call(R, "revision")
    numbers = [
        getattr(event, "revision", None)
        for receipt in (add_key(admitted), admitted.send(R, "endKey", KID, 0))
        for event in receipt.events
    ]
    assert numbers == [before + 1, before + 2]
    assert admitted.call(R, "revision") == before + 2


def test_the_network_id_is_fixed(ledger: Ledger) -> None:
    assert ledger.call(R, "networkId") == NETWORK


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        ("admitDepartment", (8, 0, "C", "局", "Office", "u")),
        ("describeDepartment", (7, "C", "局", "Office", "u")),
        ("endDepartment", (7, 0)),
        ("addKey", (7, 1, 1, X, Y, 0, FOREVER, PROOF)),
        ("endKey", (KID, 0)),
        ("permitType", (7, "T", 1, X, 0, FOREVER)),
        ("endType", (7, "T", 1, 0)),
        ("bindAccount", ("0x" + "12" * 20, 7, 1, FOREVER)),
        ("endAccount", ("0x" + "12" * 20, 0)),
        ("transferOwnership", ("0x" + "12" * 20,)),
        ("renounceOwnership", ()),
    ],
)
def test_only_the_council_may(admitted: Ledger, function: str, arguments: tuple[object, ...]) -> None:
    for stranger in (admitted.accounts[2], admitted.accounts[9]):
        with pytest.raises(Refused, match="OwnableUnauthorizedAccount"):
            admitted.send(R, function, *arguments, by=stranger)


def test_the_council_cannot_be_given_up(ledger: Ledger) -> None:
    with pytest.raises(Refused, match="NoRenouncing"):
        ledger.send(R, "renounceOwnership")


def test_the_council_is_handed_over_in_two_steps(ledger: Ledger) -> None:
    heir = ledger.accounts[5]
    ledger.send(R, "transferOwnership", heir)
    assert ledger.call(R, "owner").lower() == ledger.council.lower()
    ledger.send(R, "acceptOwnership", by=heir)
    assert ledger.call(R, "owner").lower() == heir.lower()


def test_a_department_is_admitted_once(admitted: Ledger) -> None:
    with pytest.raises(Refused, match="Known"):
        admitted.send(R, "admitDepartment", 7, 0, "C", "局", "Office", "u")
    admitted.send(R, "endDepartment", 7, 0)
    with pytest.raises(Refused, match="Known"):
        admitted.send(R, "admitDepartment", 7, 0, "C", "局", "Office", "u")


def test_department_zero_is_nobody(ledger: Ledger) -> None:
    with pytest.raises(Refused, match="BadValue"):
        ledger.send(R, "admitDepartment", 0, 0, "C", "局", "Office", "u")


def test_the_kid_is_computed_on_the_chain(admitted: Ledger) -> None:
    event = add_key(admitted).events[0]
    assert isinstance(event, KeyAdded)
    assert (event.kid, event.x, event.y, event.proof) == (KID, X, Y, PROOF)


def test_a_key_is_never_registered_again(admitted: Ledger) -> None:
    add_key(admitted)
    admitted.admit(8, admitted.accounts[3], admitted.accounts[4])
    with pytest.raises(Refused, match="Known"):
        admitted.send(R, "addKey", 8, 1, 1, X, Y, 0, FOREVER, PROOF)
    admitted.send(R, "endKey", KID, 0)
    with pytest.raises(Refused, match="Known"):
        add_key(admitted)


@pytest.mark.parametrize(
    "arguments",
    [
        (7, 2, 1, X, Y, 0, FOREVER, PROOF),
        (7, 1, 0, X, Y, 0, FOREVER, PROOF),
        (7, 1, 3, X, Y, 0, FOREVER, PROOF),
        (7, 1, 1, X, Y, 0, FOREVER, PROOF[:63]),
    ],
    ids=["another suite", "usage 0", "usage 3", "a proof of 63 bytes"],
)
def test_a_key_is_refused_with(admitted: Ledger, arguments: tuple[object, ...]) -> None:
    with pytest.raises(Refused, match="BadValue"):
        admitted.send(R, "addKey", *arguments)


def test_a_key_of_an_unknown_or_ended_department_is_refused(admitted: Ledger) -> None:
    with pytest.raises(Refused, match="Unknown"):
        admitted.send(R, "addKey", 9, 1, 1, X, Y, 0, FOREVER, PROOF)
    admitted.send(R, "endDepartment", 7, 0)
    with pytest.raises(Refused, match="Unknown"):
        add_key(admitted)


def test_a_presenting_key_lives_ninety_days_at_most(admitted: Ledger) -> None:
    begins = admitted.now + DAY
    with pytest.raises(Refused, match="BadWindow"):
        add_key(admitted, usage=2, begins=begins, ends=begins + 90 * DAY + 1)
    add_key(admitted, usage=2, begins=begins, ends=begins + 90 * DAY)


def test_nothing_begins_in_the_past_or_ends_before_it_begins(admitted: Ledger) -> None:
    for begins, ends in ((admitted.now - 60, FOREVER), (0, 1), (admitted.now + 100, admitted.now + 100)):
        with pytest.raises(Refused, match="BadWindow"):
            add_key(admitted, begins=begins, ends=ends)
        with pytest.raises(Refused, match="BadWindow"):
            admitted.send(R, "permitType", 7, "T", 1, X, begins, ends)


def test_an_end_only_falls_and_never_below_now(admitted: Ledger) -> None:
    add_key(admitted, ends=admitted.now + 1000)
    for ends in (admitted.now + 1000, FOREVER, admitted.now - 60):
        with pytest.raises(Refused, match="EndMayOnlyFall"):
            admitted.send(R, "endKey", KID, ends)
    admitted.send(R, "endKey", KID, admitted.now + 500)
    admitted.later(600)
    with pytest.raises(Refused, match="EndMayOnlyFall"):
        admitted.send(R, "endKey", KID, 0)


def test_what_is_unknown_cannot_end(admitted: Ledger) -> None:
    for function, arguments in (
        ("endDepartment", (9, 0)),
        ("endKey", (b"12345678", 0)),
        ("endType", (7, "T", 1, 0)),
        ("endAccount", ("0x" + "12" * 20, 0)),
    ):
        with pytest.raises(Refused, match="Unknown"):
            admitted.send(R, function, *arguments)


def test_a_type_version_is_written_once(admitted: Ledger) -> None:
    event = admitted.send(R, "permitType", 7, "T", 1, X, 0, FOREVER).events[0]
    assert isinstance(event, TypePermitted) and (event.type, event.version, event.definition) == ("T", 1, X)
    with pytest.raises(Refused, match="Known"):
        admitted.send(R, "permitType", 7, "T", 1, Y, 0, FOREVER)
    admitted.send(R, "endType", 7, "T", 1, 0)
    with pytest.raises(Refused, match="Known"):
        admitted.send(R, "permitType", 7, "T", 1, X, 0, FOREVER)
    assert admitted.call(R, "typeOf", 7, "T", 1)[0] == X


@pytest.mark.parametrize("arguments", [("T", 0, X), ("T", 1, bytes(32)), ("", 1, X)])
def test_a_type_without_code_version_or_definition_is_refused(
    admitted: Ledger, arguments: tuple[object, ...]
) -> None:
    with pytest.raises(Refused, match="BadValue"):
        admitted.send(R, "permitType", 7, *arguments, 0, FOREVER)


def test_an_account_has_one_department_and_one_role_for_ever(admitted: Ledger) -> None:
    anchor = admitted.accounts[1]
    admitted.send(R, "endAccount", anchor, 0)
    for department, role in ((7, 1), (7, 2)):
        with pytest.raises(Refused, match="Known"):
            admitted.send(R, "bindAccount", anchor, department, role, FOREVER)


def test_an_anchoring_account_is_not_a_status_account(admitted: Ledger) -> None:
    anchor, status = admitted.accounts[1], admitted.accounts[2]
    assert admitted.call(R, "departmentOf", anchor, 1) == 7
    assert admitted.call(R, "departmentOf", anchor, 2) == 0
    assert admitted.call(R, "departmentOf", status, 2) == 7


def test_an_account_needs_a_role_that_exists(admitted: Ledger) -> None:
    for role in (0, 3):
        with pytest.raises(Refused, match="BadValue"):
            admitted.send(R, "bindAccount", "0x" + "12" * 20, 7, role, FOREVER)


def test_an_ended_account_or_department_acts_for_nobody(admitted: Ledger) -> None:
    event = admitted.send(R, "bindAccount", "0x" + "12" * 20, 7, 1, admitted.now + 50).events[0]
    assert isinstance(event, AccountBound)
    assert admitted.call(R, "departmentOf", "0x" + "12" * 20, 1) == 7
    admitted.later(60)
    assert admitted.call(R, "departmentOf", "0x" + "12" * 20, 1) == 0
    admitted.send(R, "endDepartment", 7, 0)
    assert admitted.call(R, "departmentOf", admitted.accounts[1], 1) == 0


def test_a_department_may_call_its_key_stolen_only_as_of_now(admitted: Ledger) -> None:
    add_key(admitted)
    admitted.later(100)
    status = admitted.accounts[2]
    with pytest.raises(Refused, match="NotAllowed"):
        admitted.send(R, "compromiseKey", KID, admitted.now - 50, by=status)
    receipt = admitted.send(R, "compromiseKey", KID, 0, by=status)
    event = receipt.events[0]
    assert isinstance(event, KeyCompromised) and event.at == receipt.time


def test_nobody_else_may_call_a_key_stolen(admitted: Ledger) -> None:
    add_key(admitted)
    admitted.admit(8, admitted.accounts[3], admitted.accounts[4])
    for stranger in (admitted.accounts[1], admitted.accounts[4], admitted.accounts[9]):
        with pytest.raises(Refused, match="NotAllowed"):
            admitted.send(R, "compromiseKey", KID, 0, by=stranger)


def test_the_council_may_date_a_theft_back_but_not_before_the_key_began(admitted: Ledger) -> None:
    began = add_key(admitted).time
    admitted.later(100)
    for time in (began - 1, admitted.now + 100):
        with pytest.raises(Refused, match="BadValue"):
            admitted.send(R, "compromiseKey", KID, time)
    admitted.send(R, "compromiseKey", KID, began + 50)
    with pytest.raises(Refused, match="EndMayOnlyFall"):
        admitted.send(R, "compromiseKey", KID, began + 60)
    admitted.send(R, "compromiseKey", KID, began)


def test_an_unknown_key_cannot_be_stolen(admitted: Ledger) -> None:
    with pytest.raises(Refused, match="Unknown"):
        admitted.send(R, "compromiseKey", b"12345678", 0)


def test_many_changes_go_in_one_call(ledger: Ledger) -> None:
    from contracts import artifacts

    calls = [artifacts.calldata(R, "admitDepartment", n, 0, f"C{n}", "局", "Office", "u") for n in (1, 2, 3)]
    assert len(ledger.send(R, "multicall", calls).events) == 6
    with pytest.raises(Refused, match="OwnableUnauthorizedAccount"):
        ledger.send(R, "multicall", calls, by=ledger.accounts[3])
