"""A department's anchors: append-only, gap-free, its own."""

import pytest

from contracts.events import Anchored, AnchorVoided
from tests.contracts.ledger import Ledger, Refused

A = "AnchorLog"
ROOTS = [bytes([n]) * 32 for n in range(1, 9)]
NONE = bytes(32)


@pytest.fixture
def two(ledger: Ledger) -> Ledger:
    """Departments 7 (accounts 1 and 2) and 8 (accounts 3 and 4)."""
    ledger.admit(7, ledger.accounts[1], ledger.accounts[2])
    ledger.admit(8, ledger.accounts[3], ledger.accounts[4])
    return ledger


def test_anchors_are_numbered_without_gaps(two: Ledger) -> None:
    for number, (previous, root) in enumerate(zip([NONE, *ROOTS], ROOTS[:3], strict=False), 1):
        receipt = two.send(A, "anchor", previous, root, 5, by=two.accounts[1])
        event = receipt.events[0]
        assert isinstance(event, Anchored)
        assert (event.department, event.seq, event.root, event.prev_root, event.size, event.time) == (
            7,
            number,
            root,
            previous,
            5,
            receipt.time,
        )
    assert two.call(A, "head", 7) == (3, ROOTS[2])
    assert two.call(A, "anchorOf", 7, ROOTS[1])[:2] == (2, 5)


def test_only_an_anchoring_account_anchors(two: Ledger) -> None:
    for stranger in (two.council, two.accounts[2], two.accounts[9]):
        with pytest.raises(Refused, match="NotAllowed"):
            two.send(A, "anchor", NONE, ROOTS[0], 5, by=stranger)


def test_a_stale_previous_root_is_refused(two: Ledger) -> None:
    two.send(A, "anchor", NONE, ROOTS[0], 5, by=two.accounts[1])
    for previous in (NONE, ROOTS[5]):
        with pytest.raises(Refused, match="Stale"):
            two.send(A, "anchor", previous, ROOTS[1], 5, by=two.accounts[1])


def test_a_known_root_is_no_second_anchor(two: Ledger) -> None:
    two.send(A, "anchor", NONE, ROOTS[0], 5, by=two.accounts[1])
    again = two.send(A, "anchor", NONE, ROOTS[0], 5, by=two.accounts[1])
    assert again.events == ()
    assert two.call(A, "head", 7) == (1, ROOTS[0])


def test_a_known_root_of_another_size_is_refused(two: Ledger) -> None:
    two.send(A, "anchor", NONE, ROOTS[0], 5, by=two.accounts[1])
    with pytest.raises(Refused, match="OtherSize"):
        two.send(A, "anchor", ROOTS[0], ROOTS[0], 6, by=two.accounts[1])


def test_an_empty_root_or_batch_is_refused(two: Ledger) -> None:
    for root, size in ((NONE, 5), (ROOTS[0], 0)):
        with pytest.raises(Refused, match="Empty"):
            two.send(A, "anchor", NONE, root, size, by=two.accounts[1])


def test_nobody_can_take_a_departments_root_by_anchoring_it_first(two: Ledger) -> None:
    two.send(A, "anchor", NONE, ROOTS[0], 5, by=two.accounts[3])
    event = two.send(A, "anchor", NONE, ROOTS[0], 5, by=two.accounts[1]).events[0]
    assert isinstance(event, Anchored) and (event.department, event.seq) == (7, 1)


def test_a_rogue_batch_is_voided_and_work_goes_on(two: Ledger) -> None:
    two.send(A, "anchor", NONE, ROOTS[0], 5, by=two.accounts[1])
    event = two.send(A, "voidAnchor", 7, ROOTS[0], 2, by=two.accounts[2]).events[0]
    assert isinstance(event, AnchorVoided) and (event.number, event.department, event.seq, event.root) == (
        1,
        7,
        1,
        ROOTS[0],
    )
    assert two.call(A, "anchorOf", 7, ROOTS[0])[3] is True
    two.send(A, "anchor", ROOTS[0], ROOTS[1], 5, by=two.accounts[1])
    assert two.call(A, "head", 7) == (2, ROOTS[1])


def test_a_void_is_for_good(two: Ledger) -> None:
    two.send(A, "anchor", NONE, ROOTS[0], 5, by=two.accounts[1])
    two.send(A, "voidAnchor", 7, ROOTS[0], 2)
    for function, arguments, by in (
        ("voidAnchor", (7, ROOTS[0], 2), two.council),
        ("anchor", (ROOTS[0], ROOTS[0], 5), two.accounts[1]),
    ):
        with pytest.raises(Refused, match="Void"):
            two.send(A, function, *arguments, by=by)
    assert two.call(A, "voids") == 1


def test_nobody_else_may_void(two: Ledger) -> None:
    two.send(A, "anchor", NONE, ROOTS[0], 5, by=two.accounts[1])
    for stranger in (two.accounts[1], two.accounts[4], two.accounts[9]):
        with pytest.raises(Refused, match="NotAllowed"):
            two.send(A, "voidAnchor", 7, ROOTS[0], 2, by=stranger)


def test_an_unknown_root_cannot_be_voided(two: Ledger) -> None:
    with pytest.raises(Refused, match="Unknown"):
        two.send(A, "voidAnchor", 7, ROOTS[0], 2)


def test_an_ended_account_anchors_no_more(two: Ledger) -> None:
    two.send("IssuerRegistry", "endAccount", two.accounts[1], 0)
    with pytest.raises(Refused, match="NotAllowed"):
        two.send(A, "anchor", NONE, ROOTS[0], 5, by=two.accounts[1])
