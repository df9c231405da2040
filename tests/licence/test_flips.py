"""Every single bit of twenty codes and files, flipped: none is accepted, none crashes, each has a reason."""

from dataclasses import replace
from datetime import date

import pytest

from licence.errors import MalformedError
from licence.examine import examine, unreadable
from licence.presentation import read
from licence.reasons import Outcome, Verdict
from licence.record import validate, validity
from scripts.inventing import licences
from tests.licence.desk import NOW, Desk, definitions, seed
from tests.licence.vectors import Golden, golden, place, records

TODAY = date(2026, 1, 1)


def further() -> list[Golden]:
    """Six more licences of the Chinese types."""
    desk, made = Desk(), []
    for item in licences(TODAY)[1:60:10]:
        kind = definitions()[item.kind]
        record = validate(item.values, kind)
        terms = desk.terms(kind, *validity(record))
        made.append(place(item.kind, desk, kind, desk.issue(kind, record.values, terms, seed(item.kind))))
    return made


CASES = [
    *((f"{name}-code", golden(name), golden(name).paper.text()) for name in records()),
    *((f"{name}-file", golden(name), golden(name).file.render().decode()) for name in records()),
    *((f"{place_}-{g.name}-code", g, g.paper.text()) for place_, g in enumerate(further())),
]


def test_there_are_twenty() -> None:
    assert len(CASES) >= 20


@pytest.mark.parametrize(("g", "text"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_no_flipped_bit_is_accepted(g: Golden, text: str) -> None:
    now = max(NOW, g.issued.signed.entry.terms.nbf)
    facts = replace(g.facts, as_of=replace(g.facts.as_of, time=now))
    assert examine(read(text), facts, now).verdict is Verdict.VALID
    data = text.encode()
    for at in range(len(data)):
        for bit in range(8):
            broken = bytearray(data)
            broken[at] ^= 1 << bit
            shown = bytes(broken).decode("utf-8", "surrogateescape")
            try:
                found = examine(read(shown), facts, now)
            except MalformedError as error:
                found = unreadable(error, now)
            assert found.verdict is not Verdict.VALID, (at, bit)
            assert found.reason is not None
            assert found.finding(found.reason.check).outcome in (Outcome.FAIL, Outcome.UNKNOWN)
