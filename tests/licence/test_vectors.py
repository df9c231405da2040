"""Golden and bad vectors: the format does not move by a byte, and every defect is refused for its own reason."""

import base64
import hashlib
import hmac
import json
from dataclasses import replace
from typing import Any

import pytest

from licence.errors import EvidenceError, MalformedError, UnavailableError
from licence.examine import Examination, examine, unreadable
from licence.facts import Facts, StatusFacts, Unknown, Window
from licence.keys import NetworkId, Usage
from licence.presentation import read
from licence.reasons import Check, Outcome, Reason, Verdict
from licence.receipt import Anchor, Inclusion
from licence.status import Act, Status
from licence.verify import VerifiedLicence, verified, verify
from tests.licence.desk import ANCHORED_AT, NOW, SIGNED_AT
from tests.licence.vectors import FOLDER, Golden, bad, bad_json, golden, golden_json, records, render


def look(text: str, facts: Facts, now: int = NOW) -> Examination:
    try:
        return examine(read(text), facts, now)
    except MalformedError as error:
        return unreadable(error, now)


@pytest.mark.parametrize("name", ["golden", "bad"])
def test_the_committed_vectors_are_what_the_code_makes(name: str) -> None:
    made = {"golden": golden_json, "bad": bad_json}[name]()
    assert (FOLDER / f"{name}.json").read_text("utf-8") == render(made)


def test_there_are_vectors_of_all_seven_types_and_25_bad_ones() -> None:
    assert len(records()) == 7
    assert len(bad()) >= 25


@pytest.mark.parametrize("name", list(records()))
def test_a_genuine_licence_is_valid_in_both_forms(name: str) -> None:
    g = golden(name)
    now = max(NOW, g.issued.signed.entry.terms.nbf)
    facts = replace(g.facts, as_of=replace(g.facts.as_of, time=now))
    for text in (g.paper.text(), g.file.render().decode()):
        found = look(text, facts, now)
        assert (found.verdict, found.reason) == (Verdict.VALID, None)
        assert verified(found).values.items() <= g.issued.values.items()


@pytest.mark.parametrize("name", list(records()))
def test_the_claims_root_is_that_of_the_written_format(name: str) -> None:
    """Computed here from docs/format.md §3 alone, with nothing of ours but the order of the fields."""
    g = golden(name)
    groups = []
    for label in ("pub", "priv"):
        fields = [f.name for f in g.issued.definition.fields if f.group.value.startswith(label)]
        seed = hmac.digest(g.issued.seed, label.encode(), "sha256")
        prk = hmac.digest(bytes(32), seed, "sha256")
        okm, block = b"", b""
        for counter in range(1, len(fields) // 2 + 2):
            block = hmac.digest(prk, block + b"ELR1 salts" + bytes([counter]), "sha256")
            okm += block
        digests = []
        for place, field in enumerate(fields):
            salt = _b64(okm[16 * place : 16 * place + 16])
            content = salt.encode()
            if field in g.issued.values:
                parts = [salt, field, g.issued.values[field]]
                content = _b64(json.dumps(parts, ensure_ascii=False, separators=(",", ":")).encode()).encode()
            digests.append(hashlib.sha256(content).digest())
        groups.append(hashlib.sha256(b"\x02" + b"".join(sorted(digests))).digest())
    root = hashlib.sha256(b"\x03" + b"".join(groups)).digest()
    assert root == g.issued.signed.entry.claims_root


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


@pytest.mark.parametrize("name", list(bad()))
def test_every_defect_is_refused_for_its_own_reason(name: str) -> None:
    text, reason = bad()[name]
    found = look(text, golden("business").facts)
    assert found.verdict is not Verdict.VALID
    assert found.reason is reason


@pytest.mark.parametrize("name", list(records()))
def test_no_single_flipped_bit_of_a_file_stays_valid(name: str) -> None:
    g = golden(name)
    data = g.file.render()
    now = max(NOW, g.issued.signed.entry.terms.nbf)
    facts = replace(g.facts, as_of=replace(g.facts.as_of, time=now))
    for at in range(0, len(data), 7):
        broken = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        assert look(broken.decode("utf-8", "surrogateescape"), facts, now).verdict is not Verdict.VALID


@pytest.fixture
def g() -> Golden:
    return golden("business")


def reason(g: Golden, now: int = NOW, **facts: Any) -> Reason | None:
    return look(g.file.render().decode(), replace(g.facts, **facts), now).reason


def key(g: Golden, **changes: Any) -> dict[str, Any]:
    assert g.facts.key is not None
    return {"key": replace(g.facts.key, **changes)}


def test_an_unknown_key_is_refused(g: Golden) -> None:
    assert reason(g, key=None) is Reason.ISSUER_UNKNOWN


def test_a_presenting_key_cannot_issue(g: Golden) -> None:
    assert reason(g, **key(g, usage=Usage.PRESENT)) is Reason.KEY_USAGE_WRONG


def test_a_type_that_is_not_permitted_is_refused(g: Golden) -> None:
    assert reason(g, type=None) is Reason.ISSUER_NOT_AUTHORISED_FOR_TYPE


def test_a_key_that_ended_before_the_anchoring_is_refused(g: Golden) -> None:
    assert reason(g, **key(g, window=Window(0, ANCHORED_AT))) is Reason.KEY_OUT_OF_TERM


def test_a_key_that_ended_after_the_anchoring_is_good(g: Golden) -> None:
    assert reason(g, **key(g, window=Window(0, ANCHORED_AT + 1))) is None


def test_a_key_compromised_before_the_anchoring_is_refused(g: Golden) -> None:
    assert reason(g, **key(g, compromised_at=ANCHORED_AT)) is Reason.ISSUER_KEY_REVOKED_BEFORE_ISSUE


def test_a_key_compromised_after_the_anchoring_leaves_the_licence_good(g: Golden) -> None:
    assert reason(g, **key(g, compromised_at=ANCHORED_AT + 1)) is None


def test_a_department_that_was_not_admitted_then_is_refused(g: Golden) -> None:
    assert g.facts.department is not None
    gone = replace(g.facts.department, window=Window(0, ANCHORED_AT))
    assert reason(g, department=gone) is Reason.ISSUER_NOT_ADMITTED


def test_what_was_signed_after_it_was_anchored_is_refused(g: Golden) -> None:
    early = replace(g.anchor, time=SIGNED_AT - 121)
    assert g.receipt.proof is not None
    place = Inclusion(early, 1, g.receipt.proof)
    window = Window(SIGNED_AT - 86_400, 2**40 - 1)
    assert reason(g, shown=early, found=(place,), **key(g, window=window)) is Reason.SIGNED_AHEAD


def test_another_network_s_signature_is_refused(g: Golden) -> None:
    assert reason(g, network_id=NetworkId(bytes(32))) is Reason.SIGNATURE_BAD


def test_an_anchor_of_another_department_proves_nothing(g: Golden) -> None:
    foreign = replace(g.anchor, department=8)
    assert g.receipt.proof is not None
    assert reason(g, shown=foreign, found=(Inclusion(foreign, 1, g.receipt.proof),)) is Reason.ANCHOR_MISMATCH


def test_a_void_anchor_is_refused(g: Golden) -> None:
    void = replace(g.anchor, void=True)
    assert g.receipt.proof is not None
    assert reason(g, shown=void, found=(Inclusion(void, 1, g.receipt.proof),)) is Reason.ANCHOR_VOID


def test_anchored_again_after_a_void_anchor_is_good(g: Golden) -> None:
    void, again = replace(g.anchor, void=True), replace(g.anchor, seq=2)
    assert g.receipt.proof is not None
    places = tuple(Inclusion(anchor, 1, g.receipt.proof) for anchor in (void, again))
    assert reason(g, shown=void, found=places) is None


def test_what_is_in_no_leaf_file_is_pending_then_not_anchored(g: Golden) -> None:
    nothing: dict[str, Any] = {"shown": None, "found": ()}
    early = replace(g.facts.as_of, time=SIGNED_AT + 60)
    assert reason(g, now=SIGNED_AT + 60, as_of=early, **nothing) is Reason.ANCHOR_PENDING
    late = SIGNED_AT + 72 * 3600 + 1
    assert reason(g, now=late, as_of=replace(g.facts.as_of, time=late), **nothing) is Reason.NOT_ANCHORED


def test_missing_leaf_files_are_not_held_against_the_licence(g: Golden) -> None:
    assert reason(g, shown=None, found=(), complete=False) is Reason.RECEIPT_UNAVAILABLE


@pytest.mark.parametrize(
    ("status", "act", "expected"),
    [
        (Status.INVALID, Act.WITHDRAWN, Reason.WITHDRAWN),
        (Status.INVALID, Act.REVOKED, Reason.REVOKED),
        (Status.INVALID, Act.CANCELLED, Reason.CANCELLED),
        (Status.SUSPENDED, Act.SUSPENDED, Reason.SUSPENDED),
        (Status.SUPERSEDED, Act.RENEWED, Reason.SUPERSEDED),
        (Status.VALID, Act.REINSTATED, None),
    ],
)
def test_the_status_decides(g: Golden, status: Status, act: Act, expected: Reason | None) -> None:
    assert reason(g, status=StatusFacts(status, act)) is expected


def test_an_unknown_status_position_is_never_valid(g: Golden) -> None:
    assert reason(g, status=None) is Reason.STATUS_POSITION_UNKNOWN


def test_old_facts_prove_no_status_but_keep_a_final_one(g: Golden) -> None:
    old = g.facts.as_of.time + 61
    assert reason(g, now=old) is Reason.STATUS_STALE
    revoked = StatusFacts(Status.INVALID, Act.REVOKED)
    assert reason(g, now=old, status=revoked) is Reason.REVOKED


def test_old_facts_prove_no_absence(g: Golden) -> None:
    found = look(g.file.render().decode(), replace(g.facts, key=None), g.facts.as_of.time + 61)
    assert found.verdict is Verdict.UNDETERMINED


def test_a_clock_behind_the_chain_proves_nothing(g: Golden) -> None:
    assert reason(g, now=g.facts.as_of.time - 121) is Reason.STATUS_STALE


def test_dates_hold_to_the_second() -> None:
    g = golden("food")
    terms = g.issued.signed.entry.terms
    assert terms.exp is not None
    for now, expected in (
        (terms.nbf - 1, Reason.NOT_YET_VALID),
        (terms.nbf, None),
        (terms.exp - 1, None),
        (terms.exp, Reason.EXPIRED),
    ):
        facts = replace(g.facts, as_of=replace(g.facts.as_of, time=now))
        assert look(g.paper.text(), facts, now).reason is expected


def test_a_missing_definition_is_our_failure_not_the_licence_s(g: Golden) -> None:
    found = look(
        g.file.render().decode(), replace(g.facts, definition=Unknown(Reason.DEFINITION_UNAVAILABLE))
    )
    assert (found.verdict, found.reason) == (Verdict.UNDETERMINED, Reason.DEFINITION_UNAVAILABLE)


def test_revoked_outweighs_expired(g: Golden) -> None:
    food = golden("food")
    exp = food.issued.signed.entry.terms.exp
    assert exp is not None
    revoked = StatusFacts(Status.INVALID, Act.REVOKED)
    facts = replace(food.facts, status=revoked, as_of=replace(food.facts.as_of, time=exp))
    assert look(food.paper.text(), facts, exp).reason is Reason.REVOKED


def test_verify_raises_and_alone_makes_a_verified_licence(g: Golden) -> None:
    assert isinstance(verify(g.file, g.facts, NOW), VerifiedLicence)
    with pytest.raises(EvidenceError):
        verify(g.file, replace(g.facts, key=None), NOW)
    with pytest.raises(UnavailableError):
        verify(g.file, g.facts, g.facts.as_of.time + 61)
    with pytest.raises(TypeError, match=r"licence\.verify"):
        VerifiedLicence(g.file.terms, {}, Anchor(1, 1, b"", 1, 1, 1), g.facts.as_of, seal=object())


def test_the_eight_outcomes_are_numbered_one_to_eight(g: Golden) -> None:
    found = look(g.paper.text(), g.facts)
    assert [finding.check.value for finding in found.findings] == list(range(1, 9))
    assert found.finding(Check.HOLDER).outcome is Outcome.NOT_APPLICABLE
