"""Rules of the house for SD-JWT VCs: one leaf whatever is shown, and every defect refused for its own reason."""

import json
from dataclasses import replace
from typing import Any

import pytest

from licence.canonical import base64url, read_base64url
from licence.errors import MalformedError
from licence.examine import Examination, examine, unreadable
from licence.facts import Facts, Window
from licence.jws import assemble, part
from licence.keys import Usage
from licence.presentation import read
from licence.reasons import Check, Outcome, Reason, Verdict
from licence.sd_jwt import SdJwt
from tests.licence.desk import NOW
from tests.licence.vectors import Golden, golden, records
from tests.licence.wallet import HOLDER, PRESENTING, all_names, bad, facts, proof, wallet


def look(text: str, known: Facts, now: int = NOW) -> Examination:
    try:
        return examine(read(text), known, now)
    except MalformedError as error:
        return unreadable(error, now)


def at(g: Golden) -> tuple[Facts, int]:
    now = max(NOW, g.issued.signed.entry.terms.nbf)
    return replace(facts(g), as_of=replace(g.facts.as_of, time=now)), now


@pytest.mark.parametrize("name", list(records()))
@pytest.mark.parametrize("bound", [True, False])
def test_whatever_is_disclosed_leads_to_the_same_leaf(name: str, bound: bool) -> None:
    g = golden(name)
    known, now = at(g)
    for shown in ([], all_names(g)[:1], all_names(g)):
        credential = wallet(g, shown, now=now, holder=HOLDER.public if bound else None)
        found = look(credential.shown(now) if bound else credential.issued(), known, now)
        assert (found.verdict, found.reason) == (Verdict.VALID, None)
        assert found.opened is not None
        assert found.opened.signed.leaf == g.issued.signed.leaf
        assert found.opened.values == {n: v for n, v in g.issued.values.items() if n in shown}


@pytest.mark.parametrize("name", list(bad()))
def test_every_defect_of_a_credential_is_refused_for_its_own_reason(name: str) -> None:
    text, reason = bad()[name]
    found = look(text, facts(golden("business")))
    assert (found.verdict, found.reason) == (Verdict.INVALID, reason)


@pytest.mark.parametrize(
    "changes",
    [
        {"usage": Usage.ISSUE},
        {"department": 8},
        {"compromised_at": NOW + 9},
        {"window": Window(0, NOW)},
        {"window": Window(NOW + 1, NOW + 2)},
    ],
    ids=["issuing-key", "another-department", "compromised-since", "ended", "not-yet"],
)
def test_a_presenting_key_is_judged_at_now(changes: dict[str, Any]) -> None:
    g = golden("business")
    known = facts(g)
    assert known.presenter is not None
    text = wallet(g, [], holder=HOLDER.public).shown(NOW)
    judged = replace(known, presenter=replace(known.presenter, **changes))
    assert look(text, judged).reason is Reason.PRESENTER_NOT_AUTHORISED


def test_a_bound_credential_is_not_judged_without_a_question() -> None:
    g = golden("business")
    text = wallet(g, [], holder=HOLDER.public).shown(NOW)
    found = look(text, facts(g, asked=None))
    assert (found.verdict, found.reason) == (Verdict.UNDETERMINED, Reason.HOLDER_NOT_JUDGED)


def test_a_stolen_presenting_key_cannot_change_what_is_held() -> None:
    """It signs any envelope; the values still have to lead to what the issuing key signed."""
    g, other = golden("business"), golden("food")
    mixed = replace(wallet(g, []), payload={**wallet(g, []).payload, "_sd": wallet(other, []).payload["_sd"]})
    assert look(mixed.issued(), facts(g)).reason in (Reason.CONTENT_ALTERED, Reason.MALFORMED)


def test_a_field_that_is_absent_leaves_as_many_digests() -> None:
    g = golden("business")
    credential = read(wallet(g, all_names(g)).issued())
    assert isinstance(credential, SdJwt)
    for group, digests in credential.digests.items():
        assert len(digests) == len(g.issued.definition.group(group))
    assert PRESENTING.public.kid == credential.kid


def test_every_single_bit_of_a_credential_counts() -> None:
    g = golden("business")
    text = wallet(g, ["entName"], holder=HOLDER.public).shown(NOW)
    known = facts(g)
    assert look(text, known).verdict is Verdict.VALID
    for place in range(0, len(text), 3):
        changed = text[:place] + chr(ord(text[place]) ^ 1) + text[place + 1 :]
        found = look(changed, known)
        assert found.verdict is not Verdict.VALID, place
        assert found.reason is not None


def test_a_wallet_may_space_its_json_as_it_likes() -> None:
    g = golden("business")
    presented = wallet(g, [], holder=HOLDER.public).issued()
    said = json.loads(read_base64url(proof(presented, NOW).split(".")[1]))
    spaced = json.dumps({**said, "x": [[[1]], "\U0001f600", None, -7]}, indent=2).encode()
    signed = part({"alg": "ES256", "typ": "kb+jwt"}) + b"." + base64url(spaced).encode()
    assert look(presented + assemble(signed, HOLDER.sign(signed)), facts(g)).verdict is Verdict.VALID


def test_the_holder_check_is_named() -> None:
    g = golden("business")
    found = look(wallet(g, [], holder=HOLDER.public).issued(), facts(g))
    assert found.finding(Check.HOLDER).outcome is Outcome.FAIL
