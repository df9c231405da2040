"""The conformance suite: presentation, facts and time of every case, and what a verifier must answer.

`python -m tests.conformance.cases` writes tests/vectors/conformance.json; a test holds the file to this module.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import msgspec

from licence.canonical import jcs
from licence.dictionary import DICTIONARIES
from licence.errors import MalformedError
from licence.examine import Examination, examine, unreadable
from licence.facts import Facts, KeyFacts, StatusFacts, Unknown, Window
from licence.keys import NetworkId, Usage
from licence.presentation import read
from licence.reasons import Reason
from licence.receipt import Anchor, Inclusion
from licence.status import Act, Status, StatusRef, list_id
from tests.licence import vectors, wallet
from tests.licence.desk import ANCHORED_AT, NOW, SIGNED_AT, Desk, definitions
from tests.licence.vectors import Golden, golden, place, records
from tests.licence.wallet import HOLDER, all_names

FILE = Path(__file__).parent.parent / "vectors" / "conformance.json"


@dataclass(frozen=True)
class Case:
    """One case; `expected` is the reason that its name promises, None for VALID."""

    name: str
    text: str
    base: str
    facts: Facts
    now: int
    expected: Reason | None


def cases() -> Iterator[Case]:
    """All cases, in the order of the file."""
    yield from _good()
    yield from _bad()
    yield from _by_facts()
    yield from _by_time()
    yield from _by_issuer()
    yield from _by_wallet()


def judged(case: Case) -> Examination:
    """What the Python verifier answers."""
    try:
        return examine(read(case.text), case.facts, case.now)
    except MalformedError as error:
        return unreadable(error, case.now)


def _at(g: Golden) -> tuple[Facts, int]:
    now = max(NOW, g.issued.signed.entry.terms.nbf)
    return replace(wallet.facts(g), as_of=replace(g.facts.as_of, time=now - 3)), now


def _shown(g: Golden, now: int) -> dict[str, str]:
    """Every form of a licence that somebody may show."""
    some = all_names(g)[:2]
    return {
        "paper": g.paper.text(),
        "paper-without-dictionary": g.paper.text(0),
        "file": g.file.render().decode(),
        "wallet-nothing": wallet.wallet(g, [], now=now).issued(),
        "wallet-two-fields": wallet.wallet(g, some, now=now).issued(),
        "wallet-all": wallet.wallet(g, all_names(g), now=now).issued(),
        "wallet-bound": wallet.wallet(g, some, now=now, holder=HOLDER.public).shown(now),
    }


def _good() -> Iterator[Case]:
    for name in records():
        facts, now = _at(golden(name))
        for form, text in _shown(golden(name), now).items():
            yield Case(f"{name}-{form}", text, name, facts, now, None)


def _bad() -> Iterator[Case]:
    facts, now = _at(golden("business"))
    for name, (text, reason) in {**vectors.bad(), **wallet.bad()}.items():
        yield Case(name, text, "business", facts, now, reason)


def _by_facts() -> Iterator[Case]:
    """What the chain says decides, for each form alike."""
    g = golden("business")
    facts, now = _at(g)
    texts = _shown(g, now)
    for form in ("paper", "file", "wallet-bound"):
        for name, changed, reason in _changes(g, facts):
            yield Case(f"{form}-{name}", texts[form], "business", changed, now, reason)
    for name, changed, reason in _presenters(facts):
        yield Case(name, texts["wallet-bound"], "business", changed, now, reason)


def _changes(g: Golden, f: Facts) -> Iterator[tuple[str, Facts, Reason | None]]:
    assert f.key is not None and f.department is not None and f.type is not None
    key, department, kind = f.key, f.department, f.type
    until, after = Window(0, ANCHORED_AT), Window(0, ANCHORED_AT + 1)
    wrong = g.receipt.proof
    assert wrong is not None
    foreign, void = replace(g.anchor, department=8), replace(g.anchor, void=True)
    again = replace(g.anchor, seq=2)
    yield "key-compromised-at-the-anchoring", _key(f, compromised_at=ANCHORED_AT), _REVOKED_KEY
    yield "key-compromised-a-second-later", _key(f, compromised_at=ANCHORED_AT + 1), None
    yield "key-ended-at-the-anchoring", _key(f, window=until), Reason.KEY_OUT_OF_TERM
    yield "key-ended-a-second-later", _key(f, window=after), None
    yield "key-for-presenting", _key(f, usage=Usage.PRESENT), Reason.KEY_USAGE_WRONG
    gone = replace(department, window=until)
    yield "department-ended", replace(f, department=gone), Reason.ISSUER_NOT_ADMITTED
    ended = replace(kind, window=until)
    yield "type-ended", replace(f, type=ended), Reason.ISSUER_NOT_AUTHORISED_FOR_TYPE
    yield "type-not-permitted", replace(f, type=None), Reason.ISSUER_NOT_AUTHORISED_FOR_TYPE
    yield "another-network", replace(f, network_id=NetworkId(bytes(32))), Reason.SIGNATURE_BAD
    missing = Unknown(Reason.DEFINITION_UNAVAILABLE)
    yield "definition-unavailable", replace(f, definition=missing), Reason.DEFINITION_UNAVAILABLE
    yield (
        "anchor-of-another-department",
        _anchored(f, foreign, g),
        Reason.ANCHOR_MISMATCH,
    )
    yield "anchor-void", _anchored(f, void, g), Reason.ANCHOR_VOID
    yield "anchor-void-then-again", replace(f, shown=void, found=_places(g, void, again)), None
    late = replace(g.anchor, time=SIGNED_AT + 72 * 3600 + 1)
    yield "anchored-late", _anchored(f, late, g), None
    early = replace(g.anchor, time=SIGNED_AT - 121)
    yield "signed-ahead", _anchored(f, early, g), Reason.SIGNED_AHEAD
    latest = replace(g.anchor, time=SIGNED_AT - 120)
    yield "signed-120-seconds-ahead", _anchored(f, latest, g), None
    first = replace(g.anchor, time=SIGNED_AT - 200_000)
    both = replace(f, found=(*_places(g, first), *_places(g, g.anchor)))
    yield "anchored-before-the-key-and-rightly", both, None
    yield "key-begun-at-the-anchoring", _key(f, window=Window(ANCHORED_AT, ANCHORED_AT + 9)), None
    begun = Window(ANCHORED_AT + 1, ANCHORED_AT + 9)
    yield "key-begun-a-second-later", _key(f, window=begun), Reason.KEY_OUT_OF_TERM
    for name, age, reason in (
        ("facts-of-60-seconds", 60, None),
        ("facts-of-61-seconds", 61, Reason.STATUS_STALE),
        ("facts-120-seconds-ahead", -120, None),
        ("facts-121-seconds-ahead", -121, Reason.STATUS_STALE),
    ):
        yield name, replace(f, as_of=replace(f.as_of, time=f.as_of.time + 3 - age)), reason
    bigger = replace(g.anchor, size=9)
    yield "anchor-of-another-size", _anchored(f, bigger, g), Reason.ANCHOR_MISMATCH
    nowhere = replace(f, shown=None, found=())
    yield "in-no-leaf-file", nowhere, Reason.ANCHOR_PENDING
    yield "leaf-files-missing", replace(nowhere, complete=False), Reason.RECEIPT_UNAVAILABLE
    yield "status-position-unknown", replace(f, status=None), Reason.STATUS_POSITION_UNKNOWN
    unsure = Unknown(Reason.STATUS_UNKNOWN)
    yield "status-not-known", replace(f, status=unsure), Reason.STATUS_UNKNOWN
    for status, act, reason in _STATUSES:
        name = f"status-{status.name.lower()}-{act.name.lower()}"
        yield name, replace(f, status=StatusFacts(status, act)), reason
    yield "key-unknown", replace(f, key=None), Reason.ISSUER_UNKNOWN
    stale = replace(f, as_of=replace(f.as_of, time=f.as_of.time - 58))
    yield "facts-too-old", stale, Reason.STATUS_STALE
    final = StatusFacts(Status.INVALID, Act.REVOKED)
    yield "facts-too-old-but-revoked", replace(stale, status=final), Reason.REVOKED
    ahead = replace(f, as_of=replace(f.as_of, time=f.as_of.time + 124))
    yield "clock-behind-the-chain", ahead, Reason.STATUS_STALE
    assert key.department != foreign.department


_REVOKED_KEY = Reason.ISSUER_KEY_REVOKED_BEFORE_ISSUE
_STATUSES: list[tuple[Status, Act, Reason | None]] = [
    (Status.INVALID, Act.WITHDRAWN, Reason.WITHDRAWN),
    (Status.INVALID, Act.REVOKED, Reason.REVOKED),
    (Status.INVALID, Act.CANCELLED, Reason.CANCELLED),
    (Status.SUSPENDED, Act.SUSPENDED, Reason.SUSPENDED),
    (Status.SUPERSEDED, Act.RENEWED, Reason.SUPERSEDED),
    (Status.SUPERSEDED, Act.CHANGED, Reason.SUPERSEDED),
    (Status.VALID, Act.REINSTATED, None),
]


def _presenters(f: Facts) -> Iterator[tuple[str, Facts, Reason | None]]:
    assert f.presenter is not None
    presenter, refused = f.presenter, Reason.PRESENTER_NOT_AUTHORISED
    changes: dict[str, dict[str, Any]] = {
        "presenter-is-an-issuing-key": {"usage": Usage.ISSUE},
        "presenter-of-another-department": {"department": 8},
        "presenter-compromised": {"compromised_at": NOW},
        "presenter-ended": {"window": Window(0, NOW)},
        "presenter-not-yet": {"window": Window(NOW + 1, NOW + 9)},
    }
    yield "presenter-unknown", replace(f, presenter=None), refused
    for name, changed in changes.items():
        yield name, replace(f, presenter=replace(presenter, **changed)), refused
    yield "holder-not-asked", replace(f, asked=None), Reason.HOLDER_NOT_JUDGED
    assert f.department is not None
    moved = replace(f.department, uri="https://elsewhere.example/public")
    yield "department-moved", replace(f, department=moved), Reason.ENVELOPE_DISAGREES
    old = replace(f, department=moved, as_of=replace(f.as_of, time=f.as_of.time - 58))
    yield "department-moved-facts-too-old", old, Reason.STATUS_STALE
    ended = replace(f.department, uri=f.department.uri + "/")
    yield "department-uri-with-a-slash", replace(f, department=ended), None


def _by_time() -> Iterator[Case]:
    g = golden("food")
    terms = g.issued.signed.entry.terms
    assert terms.exp is not None
    moments = {
        "a-second-before-nbf": (terms.nbf - 1, Reason.NOT_YET_VALID),
        "at-nbf": (terms.nbf, None),
        "a-second-before-exp": (terms.exp - 1, None),
        "at-exp": (terms.exp, Reason.EXPIRED),
    }
    for name, (now, reason) in moments.items():
        facts = replace(wallet.facts(g), as_of=replace(g.facts.as_of, time=now))
        for form, text in {"paper": g.paper.text(), "file": g.file.render().decode()}.items():
            yield Case(f"food-{form}-{name}", text, "food", facts, now, reason)
    nowhere = replace(wallet.facts(g), shown=None, found=())
    for name, wait, why in (
        ("within-72-h", 0, Reason.ANCHOR_PENDING),
        ("after-72-h", 1, Reason.NOT_ANCHORED),
    ):
        now = SIGNED_AT + 72 * 3600 + wait
        facts = replace(nowhere, as_of=replace(g.facts.as_of, time=now))
        yield Case(f"food-in-no-leaf-file-{name}", g.paper.text(), "food", facts, now, why)


def _by_issuer() -> Iterator[Case]:
    """What a department signed itself, and should not have."""
    g, desk = golden("food"), Desk()
    kind, terms = g.issued.definition, g.issued.signed.entry.terms
    assert terms.exp is not None
    foreign = StatusRef(list_id(8, 1), terms.status.index)
    mistakes = {
        "status-list-foreign": (replace(terms, status=foreign), Reason.STATUS_LIST_FOREIGN),
        "first-day-differs": (replace(terms, nbf=terms.nbf - 86_400), Reason.DATES_DISAGREE),
        "last-day-differs": (replace(terms, exp=terms.exp + 86_400), Reason.DATES_DISAGREE),
        "first-day-by-a-second": (replace(terms, nbf=terms.nbf + 1), Reason.DATES_DISAGREE),
        "no-end-in-the-entry": (replace(terms, exp=None), Reason.DATES_DISAGREE),
    }
    for name, (changed, reason) in mistakes.items():
        issued = desk.issue(kind, g.issued.values, changed, g.issued.seed)
        wrong = place(name, desk, kind, issued)
        facts, now = _at(wrong)
        for form in ("paper", "file"):
            yield Case(f"food-{form}-{name}", _shown(wrong, now)[form], "food", facts, now, reason)


def _by_wallet() -> Iterator[Case]:
    """The moments at which what a wallet shows is just good, and just not."""
    g = golden("business")
    facts, now = _at(g)
    w = wallet.wallet(g, ["entName"], now=now, holder=HOLDER.public)
    expired = Reason.TOKEN_EXPIRED
    moments: dict[str, tuple[str, Reason | None]] = {
        "kb-of-120-seconds-ahead": (w.shown(now + 120), None),
        "kb-of-299-seconds-ago": (w.shown(now - 299), None),
        "kb-with-an-end-to-come": (w.shown(now, exp=now + 1), None),
        "kb-with-an-end-beyond-its-life": (w.shown(now - 300, exp=now + 9_000), expired),
        "envelope-of-120-seconds-ahead": (w.said(lambda v: v.update(iat=now + 120)).shown(now), None),
        "envelope-ending-in-a-second": (
            w.said(lambda v: v.update(iat=now - 9, exp=now + 1)).shown(now),
            None,
        ),
    }
    for name, (text, reason) in moments.items():
        yield Case(name, text, "business", facts, now, reason)
    yield from _by_term()


def _by_term() -> Iterator[Case]:
    """An envelope may last as long as its licence, and no longer."""
    g = golden("food")
    exp = g.issued.signed.entry.terms.exp
    assert exp is not None
    now = exp - 86_400
    presenter = KeyFacts(wallet.PRESENTING.public, Usage.PRESENT, Desk().department, Window(0, exp + 9))
    facts = replace(wallet.facts(g), as_of=replace(g.facts.as_of, time=now), presenter=presenter)
    w = wallet.wallet(g, ["licNo"], now=now)
    yield Case("envelope-as-long-as-the-licence", w.issued(), "food", facts, now, None)
    longer = w.said(lambda v: v.update(exp=exp + 1)).issued()
    yield Case("envelope-longer-than-the-licence", longer, "food", facts, now, Reason.ENVELOPE_DISAGREES)


def _key(f: Facts, **changes: Any) -> Facts:
    assert f.key is not None
    return replace(f, key=replace(f.key, **changes))


def _places(g: Golden, *anchors: Anchor) -> tuple[Inclusion, ...]:
    assert g.receipt.proof is not None
    return tuple(Inclusion(anchor, 1, g.receipt.proof) for anchor in anchors)


def _anchored(f: Facts, anchor: Anchor, g: Golden) -> Facts:
    return replace(f, shown=anchor, found=_places(g, anchor))


def facts_json(f: Facts) -> dict[str, Any]:
    """Facts as docs/conformance.md describes them."""
    return {
        "network_id": f.network_id.hex(),
        "as_of": {"number": f.as_of.number, "hash": f.as_of.hash.hex(), "time": f.as_of.time},
        "max_age": f.max_age,
        "key": _key_json(f.key),
        "department": f.department
        and {
            "id": f.department.id,
            "code": f.department.code,
            "name_zh": f.department.name_zh,
            "name_en": f.department.name_en,
            "uri": f.department.uri,
            **_window(f.department.window),
        },
        "type": f.type and {"digest": f.type.digest.hex(), **_window(f.type.window)},
        "definition": {"unknown": f.definition.reason.name}
        if isinstance(f.definition, Unknown)
        else f.definition.digest.hex(),
        "shown": _anchor_json(f.shown),
        "found": [
            {
                "anchor": _anchor_json(place.anchor),
                "position": place.position,
                "proof": [node.hex() for node in place.proof],
            }
            for place in f.found
        ],
        "complete": f.complete,
        "status": _status_json(f.status),
        "presenter": _key_json(f.presenter),
        "asked": f.asked and {"audience": f.asked.audience, "nonce": f.asked.nonce},
    }


def _key_json(known: KeyFacts | None) -> dict[str, Any] | None:
    if known is None:
        return None
    return {
        "suite": int(known.key.suite),
        "x": known.key.x.hex(),
        "y": known.key.y.hex(),
        "usage": int(known.usage),
        "department": known.department,
        "compromised_at": known.compromised_at,
        **_window(known.window),
    }


def _window(window: Window) -> dict[str, int]:
    return {"begins": window.begins, "ends": window.ends}


def _anchor_json(anchor: Anchor | None) -> dict[str, Any] | None:
    if anchor is None:
        return None
    known = {field.name: getattr(anchor, field.name) for field in fields(anchor)}
    return {**known, "root": anchor.root.hex()}


def _status_json(status: StatusFacts | Unknown | None) -> dict[str, Any] | None:
    if status is None:
        return None
    if isinstance(status, Unknown):
        return {"unknown": status.reason.name}
    return {"status": int(status.status), "act": None if status.act is None else int(status.act)}


def answer_json(found: Examination) -> dict[str, Any]:
    """What a verifier must answer."""
    values = found.opened.values if found.opened is not None and found.authentic else None
    digest = None if values is None else hashlib.sha256(jcs(values)).hexdigest()
    return {
        "verdict": found.verdict.value,
        "reason": found.reason.name if found.reason else None,
        "checks": [
            [finding.outcome.value, finding.reason.name if finding.reason else None]
            for finding in found.findings
        ],
        "flags": sorted(flag.value for flag in found.flags),
        "values_sha256": digest,
    }


def suite() -> dict[str, Any]:
    """The whole file."""
    base = {name: facts_json(_at(golden(name))[0]) for name in records()}
    return {
        "about": "docs/conformance.md says how to run this",
        "dictionaries": {str(n): hashlib.sha256(words).hexdigest() for n, words in DICTIONARIES.items()},
        "definitions": {d.digest.hex(): msgspec.to_builtins(d) for d in definitions().values()},
        "facts": base,
        "cases": [_case_json(case, base) for case in cases()],
    }


def _case_json(case: Case, base: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    known = base[case.base]
    changed = {name: value for name, value in facts_json(case.facts).items() if known[name] != value}
    return {
        "name": case.name,
        "presentation": case.text,
        "now": case.now,
        "facts": case.base,
        "with": changed,
        "expected": answer_json(judged(case)),
    }


def rendered() -> str:
    """The file's text: one case a line, so that a change shows as one."""
    whole = suite()
    lines = [json.dumps(case, ensure_ascii=False) for case in whole.pop("cases")]
    head = json.dumps(whole, ensure_ascii=False, indent=1)[:-2]
    return head + ',\n "cases": [\n' + ",\n".join(lines) + "\n ]\n}\n"


if __name__ == "__main__":
    FILE.write_text(rendered(), "utf-8")
