"""What a chain must have again after it went back: the rules, one by one."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from licence.facts import DepartmentFacts, KeyFacts, StatusFacts, TypeFacts, Window
from licence.keys import PublicKey, Suite, Usage
from licence.receipt import Anchor
from licence.status import Act, Status
from verifier.continuity import in_words, losses
from verifier.index import Index, StatusListIndex

LIST = 1 << 32 | 1
KEY = PublicKey(Suite.ES256, b"\1" * 32, b"\2" * 32)
FOR_EVER = Window(1_000, 9_000)
SUSPENDED, REVOKED = StatusFacts(Status.SUSPENDED, Act.SUSPENDED), StatusFacts(Status.INVALID, Act.REVOKED)


def index() -> Index:
    """One department with everything that can be lost."""
    made = Index(revision=7, voids=1)
    made.departments[1] = DepartmentFacts(1, "code", "甲", "A", "https://a.example", FOR_EVER)
    made.keys[KEY.kid] = KeyFacts(KEY, Usage.ISSUE, 1, FOR_EVER, compromised_at=5_000)
    made.types[1, "T", 1] = TypeFacts(b"\3" * 32, FOR_EVER)
    made.anchors[1] = [
        Anchor(1, 1, b"\4" * 32, 10, 50, 2_000, void=True),
        Anchor(1, 2, b"\5" * 32, 20, 60, 3_000),
    ]
    entries = {5: REVOKED, 6: SUSPENDED, 7: StatusFacts(Status.SUPERSEDED, Act.RENEWED)}
    made.lists[LIST] = StatusListIndex(4_096, 3, entries, {5: 1, 6: 1, 7: 1})
    return made


Change = Callable[[Index], object]


def anchor(seq: int, **changes: object) -> Change:
    def apply(now: Index) -> None:
        now.anchors[1][seq - 1] = replace(now.anchors[1][seq - 1], **changes)  # type: ignore[arg-type]

    return apply


def key(**changes: object) -> Change:
    return lambda now: now.keys.update({KEY.kid: replace(now.keys[KEY.kid], **changes)})  # type: ignore[arg-type]


def entry(place: int, facts: StatusFacts | None, turns: int = 1) -> Change:
    def apply(now: Index) -> None:
        now.lists[LIST].turns[place] = turns
        if facts is None:
            del now.lists[LIST].entries[place]
        else:
            now.lists[LIST].entries[place] = facts

    return apply


def size(changes: int, size: int = 4_096) -> Change:
    def apply(now: Index) -> None:
        now.lists[LIST].changes, now.lists[LIST].size = changes, size

    return apply


LOST: dict[str, tuple[Change, str]] = {
    "a registry record": (lambda now: setattr(now, "revision", 5), "registry records 6 to 7"),
    "a voiding's number": (lambda now: setattr(now, "voids", 0), "voidings 1 to 1"),
    "a department": (lambda now: now.departments.clear(), "department 1"),
    "a key": (lambda now: now.keys.clear(), f"key {KEY.kid.hex()}"),
    "a key's use": (key(usage=Usage.PRESENT), "another use"),
    "a key's end": (key(window=Window(1_000, 9_001)), "became wider"),
    "a key's beginning": (key(window=Window(800, 9_000)), "became wider"),
    "a compromise": (key(compromised_at=None), "the compromise of key"),
    "a compromise's time": (key(compromised_at=5_001), "the compromise of key"),
    "a type": (lambda now: now.types.clear(), "type T version 1 of department 1"),
    "a definition": (
        lambda now: now.types.update({(1, "T", 1): TypeFacts(b"\x09" * 32, FOR_EVER)}),
        "another definition",
    ),
    "the last anchor": (lambda now: now.anchors[1].pop(), "anchors 2 to 2 of department 1"),
    "all anchors": (lambda now: now.anchors.clear(), "anchors 1 to 2 of department 1"),
    "a root": (anchor(2, root=b"\6" * 32), "anchor 2 of department 1 has another root"),
    "a batch's size": (anchor(2, size=21), "anchor 2 of department 1 has another root"),
    "an anchor's time": (anchor(2, time=2_879), "anchor 2 of department 1 is of an earlier time"),
    "a voiding": (anchor(1, void=False), "the voiding of anchor 1"),
    "a list": (lambda now: now.lists.clear(), "status list 1 of department 1"),
    "a change": (size(2), "changes 3 to 3 of status list 1"),
    "a list's size": (size(3, 8_192), "another size"),
    "a revocation": (entry(5, None), "the status of entry 5"),
    "a revocation, made a suspension": (entry(5, SUSPENDED, 9), "the status of entry 5"),
    "a revocation's act": (entry(5, StatusFacts(Status.INVALID, Act.CANCELLED)), "the legal act on entry 5"),
    "a suspension": (entry(6, None), "the status of entry 6"),
    "a successor": (entry(7, SUSPENDED, 9), "the status of entry 7"),
}


@pytest.mark.parametrize("name", list(LOST))
def test_what_is_lost_is_named(name: str) -> None:
    change, words = LOST[name]
    now = index()
    change(now)
    found = losses(index(), now)
    assert any(words in loss.en for loss in found)
    assert all(loss.zh and loss.zh != loss.en for loss in found)


KEPT: dict[str, Change] = {
    "the same": lambda now: None,
    "an anchor in a later block": anchor(2, block=90, time=4_000),
    "a moment earlier, by another miner's clock": anchor(2, time=2_880),
    "a further anchor": lambda now: now.anchors[1].append(Anchor(1, 3, b"\7" * 32, 1, 99, 4_000)),
    "a further voiding": anchor(2, void=True),
    "a key that ends earlier": key(window=Window(1_000, 8_000), compromised_at=4_000),
    "a suspension that was lifted by an act": entry(6, StatusFacts(Status.VALID, Act.REINSTATED), 2),
    "a suspension that became a revocation": entry(6, REVOKED, 2),
    "a successor that was revoked": entry(7, REVOKED, 2),
    "a further change": size(4),
}


@pytest.mark.parametrize("name", list(KEPT))
def test_what_went_on_is_no_loss(name: str) -> None:
    now = index()
    KEPT[name](now)
    assert losses(index(), now) == []


def test_nothing_known_is_nothing_lost_and_everything_is_lost_by_an_empty_chain() -> None:
    assert losses(Index(), index()) == []
    lost = losses(index(), Index())
    words = in_words(lost)
    assert words.en.endswith(f"and {len(lost) - 3} more")
    assert words.zh.endswith(f"另有 {len(lost) - 3} 项")
