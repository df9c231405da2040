"""From a scanned text to an answer: reads it, gathers the facts, examines, and says it in words."""

from typing import Any

from licence import merkle
from licence.definition import Field, LicenceType
from licence.errors import MalformedError
from licence.examine import Examination, examine, undetermined, unreadable
from licence.facts import Asked
from licence.file import LicenceFile
from licence.paper import PaperCode
from licence.presentation import read
from licence.reasons import Check, Finding, Outcome, Reason
from licence.receipt import Inclusion
from licence.sd_jwt import SdJwt
from verifier import words
from verifier.trust import Trust

_FORMS = {PaperCode: "paper", LicenceFile: "file", SdJwt: "sd-jwt"}


def look_at(trust: Trust, text: str, now: int, asked: Asked | None = None) -> Examination:
    """The examination of a scanned text or licence file at `now` (Unix seconds), by what is known of the chain."""
    try:
        presentation = read(text)
    except MalformedError as error:
        return unreadable(error, now)
    index = trust.index  # taken once: the follower may put the next one in its place meanwhile
    head = index.head
    plight = trust.plight(now)
    if plight is not None or head is None:
        return undetermined(presentation, plight.reason if plight else Reason.CHAIN_UNREACHABLE, now)
    return examine(presentation, trust.facts(presentation, index, head, asked=asked), now)


def answer(trust: Trust, text: str, now: int, asked: Asked | None = None) -> dict[str, Any]:
    """The verdict with its reasons, the eight outcomes, and, once the signature holds, what the licence says."""
    found = look_at(trust, text, now, asked)
    said = words.saying(found.reason)
    return {
        "verdict": found.verdict.value,
        "reason": found.reason.name if found.reason else None,
        "title": said.title,
        "text": _text(trust, found, said.text),
        "advice": said.advice,
        "form": _form(found),
        "checks": [_check(finding) for finding in found.findings],
        "flags": sorted(flag.value for flag in found.flags),
        **_content(found),
        "anchor": _anchor(found),
        "as_of": _as_of(trust, now),
        "holder_binding": _bound(found),
        "single_operator": True,
        "network": trust.deployment.network_id,
    }


def _text(trust: Trust, found: Examination, said: words.Both) -> words.Both:
    """What is said, and when it is this verifier's own plight, what exactly it found."""
    plight = trust.plight(found.now)
    if plight is None or plight.reason is not found.reason or not plight.en:
        return said
    return {"zh": f"{said['zh']}（{plight.zh}）", "en": f"{said['en']} ({plight.en})"}


def _form(found: Examination) -> str | None:
    if found.presentation is None:
        return None
    return _FORMS[type(found.presentation)]


def _bound(found: Examination) -> str:
    """How the holder is bound: the wallet's key proved to us, or nothing."""
    proven = found.finding(Check.HOLDER).outcome is Outcome.PASS
    shown = found.presentation
    return "device" if proven and isinstance(shown, SdJwt) and shown.binding is not None else "none"


def _check(finding: Finding) -> dict[str, Any]:
    return {
        "number": finding.check.value,
        "name": words.check_name(finding.check),
        "outcome": finding.outcome.value,
        "said": words.outcome_name(finding.outcome),
        "reason": finding.reason.name if finding.reason else None,
        "detail": words.saying(finding.reason).text if finding.reason else None,
    }


def _content(found: Examination) -> dict[str, Any]:
    """Type, fields and issuer: nothing before the issuer's signature holds, for it would be the forger's words."""
    facts, opened = found.facts, found.opened
    if not found.authentic or facts is None or opened is None:
        return {"type": None, "fields": [], "issuer": None, "terms": None}
    kind, terms = opened.definition, opened.signed.entry.terms
    issuer = facts.department
    return {
        "type": {
            "code": kind.code,
            "version": kind.version,
            "title": {"zh": kind.title.zh, "en": kind.title.en},
        },
        "fields": [
            _field(kind, field, opened.values[field.name])
            for field in kind.fields
            if field.name in opened.values
        ],
        "issuer": issuer
        and {"id": issuer.id, "code": issuer.code, "name": {"zh": issuer.name_zh, "en": issuer.name_en}},
        "terms": {"signed_at": terms.iat, "not_before": terms.nbf, "expires_at": terms.exp},
    }


def _field(kind: LicenceType, field: Field, value: object) -> dict[str, Any]:
    return {
        "name": field.name,
        "label": {"zh": field.label.zh, "en": field.label.en},
        "value": value,
        "kind": field.kind.value,
        "group": field.group.value,
        "sensitivity": field.sensitivity.value,
    }


def _anchor(found: Examination) -> dict[str, Any] | None:
    place, opened = found.inclusion, found.opened
    if place is None or opened is None or not found.authentic:
        return None
    anchor = place.anchor
    return {
        "department": anchor.department,
        "number": anchor.seq,
        "root": anchor.root.hex(),
        "size": anchor.size,
        "block": anchor.block,
        "time": anchor.time,
        "position": place.position,
        "leaf": opened.signed.leaf.hex(),
        "path": _path(opened.signed.leaf, place),
    }


def _path(leaf: bytes, place: Inclusion) -> list[dict[str, str]]:
    """The way from leaf to root: what is joined at each step, and what it makes (RFC 9162 §2.1.3)."""
    way = merkle.steps(leaf, place.position, place.anchor.size, place.proof)
    joined = zip(place.proof, way[1:], strict=True)
    return [{"beside": beside.hex(), "makes": node.hex()} for beside, node in joined]


def _as_of(trust: Trust, now: int) -> dict[str, Any] | None:
    head = trust.index.head
    if head is None:
        return None
    return {
        "block": head.number,
        "hash": head.hash.hex(),
        "time": head.time,
        "age_seconds": max(0, now - head.time),
        "doubt": trust.doubt,
    }
