"""The status of a licence: its own department's word, and only lawful changes of it."""

import pytest

from contracts.events import ListCreated, StatusChanged
from licence.status import Act, Status, lawful
from tests.contracts.ledger import Ledger, Refused

S = "StatusList"
LIST = 7 << 32 | 1


@pytest.fixture
def listed(ledger: Ledger) -> Ledger:
    ledger.admit(7, ledger.accounts[1], ledger.accounts[2])
    ledger.admit(8, ledger.accounts[3], ledger.accounts[4])
    ledger.send(S, "createList", 1000, by=ledger.accounts[2])
    return ledger


def act(ledger: Ledger, deed: Act, *indices: int, status: int | None = None) -> StatusChanged | None:
    by = ledger.accounts[2]
    found = ledger.send(
        S, "change", LIST, deed.status if status is None else status, deed, list(indices), by=by
    ).events
    assert all(isinstance(event, StatusChanged) for event in found)
    return found[0] if found else None  # type: ignore[return-value]


def test_a_lists_id_names_its_department(listed: Ledger) -> None:
    event = listed.send(S, "createList", 64, by=listed.accounts[2]).events[0]
    assert isinstance(event, ListCreated) and (event.list, event.size) == (7 << 32 | 2, 64)
    assert listed.call(S, "lists", 7) == 2
    assert listed.call(S, "listOf", LIST) == (1000, 0)


@pytest.mark.parametrize("before", [Act.REINSTATED, Act.CANCELLED, Act.SUSPENDED, Act.RENEWED])
@pytest.mark.parametrize("deed", list(Act))
def test_the_lawful_changes_are_those_of_the_format(listed: Ledger, before: Act, deed: Act) -> None:
    act(listed, before, 5)
    if lawful(before.status, deed.status) or before.status == deed.status:
        act(listed, deed, 5)
        assert listed.call(S, "statusOf", LIST, 5) == deed.status
    else:
        with pytest.raises(Refused, match="Unlawful"):
            act(listed, deed, 5)


def test_the_same_status_again_is_no_change(listed: Ledger) -> None:
    assert act(listed, Act.SUSPENDED, 5) is not None
    assert act(listed, Act.SUSPENDED, 5) is None
    event = act(listed, Act.SUSPENDED, 5, 6)
    assert event is not None and (event.change, event.indices) == (2, (5, 6))


@pytest.mark.parametrize(
    ("deed", "status"),
    [(Act.REVOKED, Status.SUSPENDED), (Act.REINSTATED, Status.INVALID), (Act.RENEWED, Status.VALID)],
)
def test_the_reason_must_fit_the_status(listed: Ledger, deed: Act, status: Status) -> None:
    with pytest.raises(Refused, match="BadReason"):
        act(listed, deed, 5, status=status)


def test_an_unknown_reason_is_refused(listed: Ledger) -> None:
    for reason in (0, 8):
        with pytest.raises(Refused, match="BadReason"):
            listed.send(S, "change", LIST, 1, reason, [5], by=listed.accounts[2])


def test_no_act_and_no_status_do_not_fit_each_other(listed: Ledger) -> None:
    """Found by the attacks: 255 stood for "no such act", and as a status it overwrote its neighbours' entries."""
    act(listed, Act.REVOKED, 6)
    for reason in (0, 8, 255):
        with pytest.raises(Refused, match="BadReason"):
            listed.send(S, "change", LIST, 255, reason, [5], by=listed.accounts[2])
    assert listed.call(S, "statusOf", LIST, 6) == Status.INVALID


def test_an_unknown_list_or_position_is_never_valid(listed: Ledger) -> None:
    for list_, index in ((LIST + 1, 0), (8 << 32 | 1, 0), (LIST, 1000), (LIST, 2**32 - 1)):
        with pytest.raises(Refused, match=r"Unknown|Outside"):
            listed.call(S, "statusOf", list_, index)
    for place in (8, 2**30):
        with pytest.raises(Refused, match="Outside"):
            listed.call(S, "word", LIST, place)


def test_a_position_outside_the_list_cannot_change(listed: Ledger) -> None:
    with pytest.raises(Refused, match="Outside"):
        act(listed, Act.REVOKED, 999, 1000)
    with pytest.raises(Refused, match="Unknown"):
        listed.send(S, "change", LIST + 1, 1, 2, [5], by=listed.accounts[2])


@pytest.mark.parametrize("indices", [(6, 5), (5, 5)])
def test_positions_are_strictly_ascending(listed: Ledger, indices: tuple[int, ...]) -> None:
    with pytest.raises(Refused, match="BadOrder"):
        act(listed, Act.REVOKED, *indices)


def test_only_the_departments_status_account_changes_its_lists(listed: Ledger) -> None:
    for stranger in (listed.council, listed.accounts[1], listed.accounts[4], listed.accounts[9]):
        with pytest.raises(Refused, match="NotAllowed"):
            listed.send(S, "change", LIST, 1, 2, [5], by=stranger)
    for stranger in (listed.council, listed.accounts[1], listed.accounts[9]):
        with pytest.raises(Refused, match="NotAllowed"):
            listed.send(S, "createList", 10, by=stranger)


def test_a_list_of_size_zero_is_refused(listed: Ledger) -> None:
    with pytest.raises(Refused, match="BadSize"):
        listed.send(S, "createList", 0, by=listed.accounts[2])


def test_words_are_token_status_list_bytes(listed: Ledger) -> None:
    act(listed, Act.REVOKED, 0, 127)
    act(listed, Act.SUSPENDED, 1, 128)
    data = b"".join(listed.call(S, "word", LIST, place).to_bytes(32, "little") for place in (0, 1))
    statuses = {index: data[index // 4] >> (2 * (index % 4)) & 3 for index in (0, 1, 2, 127, 128)}
    assert statuses == {0: 1, 1: 2, 2: 0, 127: 1, 128: 2}


def test_neighbours_in_a_word_keep_their_status(listed: Ledger) -> None:
    act(listed, Act.SUSPENDED, *range(0, 300, 3))
    act(listed, Act.REVOKED, 3, 130, 131, 299)
    expected = [
        Status.INVALID if n in (3, 130, 131, 299) else Status.SUSPENDED if n % 3 == 0 else Status.VALID
        for n in range(300)
    ]
    assert [listed.call(S, "statusOf", LIST, n) for n in range(300)] == expected
