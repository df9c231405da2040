"""Checks 2 and 3: is the presentation of now, and is it its holder's? They apply to wallets; docs/format.md §9.

Presenting keys are judged at now: one that is compromised voids all that it signed.
"""

from licence.errors import LicenceError
from licence.facts import CLOCK_TOLERANCE, Facts, KeyFacts
from licence.keys import Usage, low_s
from licence.presentation import Presentation
from licence.reasons import Check, Finding, Outcome, Reason
from licence.sd_jwt import SdJwt, issuer_uri, status_uri, type_uri

PROOF_LIFE = 300


def fresh(shown: Presentation, now: int) -> Finding:
    """Check 2 at `now` (Unix seconds): the envelope has not ended, and the holder's proof is at most 5 minutes old."""
    if not isinstance(shown, SdJwt):
        return Finding(Check.FRESH, Outcome.NOT_APPLICABLE)
    envelope, binding = shown.envelope, shown.binding
    if not envelope.iat - CLOCK_TOLERANCE <= now < envelope.exp:
        return Finding.fail(Reason.TOKEN_EXPIRED)
    if binding is None and envelope.holder is None:
        return Finding(Check.FRESH, Outcome.NOT_APPLICABLE)  # anybody may have copied it, at any time
    if binding is None:
        return Finding(Check.FRESH, Outcome.PASS)
    ends = binding.iat + PROOF_LIFE if binding.ends is None else min(binding.ends, binding.iat + PROOF_LIFE)
    if not binding.iat - CLOCK_TOLERANCE <= now < ends:
        return Finding.fail(Reason.TOKEN_EXPIRED)
    return Finding(Check.FRESH, Outcome.PASS)


def holder(shown: Presentation, facts: Facts, now: int) -> Finding:
    """Check 3: the envelope is a presenting key's of the issuing department, and the proof is its holder's, for us."""
    if not isinstance(shown, SdJwt):
        return Finding(Check.HOLDER, Outcome.NOT_APPLICABLE)
    if facts.key is None or facts.department is None:
        return Finding.unknown(Reason.HOLDER_NOT_JUDGED)
    if facts.presenter is None:
        if facts.fresh(now):
            return Finding.fail(Reason.PRESENTER_NOT_AUTHORISED)
        return Finding.unknown(Reason.HOLDER_NOT_JUDGED)
    reason = _envelope_fault(shown, facts.presenter, facts, now)
    if reason is Reason.ENVELOPE_DISAGREES and not facts.fresh(now):
        return Finding.unknown(Reason.HOLDER_NOT_JUDGED)  # the department's address may have moved since
    if reason is not None:
        return Finding.fail(reason)
    return _binding(shown, facts)


def _envelope_fault(shown: SdJwt, presenter: KeyFacts, facts: Facts, now: int) -> Reason | None:
    if not _authorised(presenter, facts, now):
        return Reason.PRESENTER_NOT_AUTHORISED
    try:
        presenter.key.verify(shown.jws.signed, shown.jws.signature)
    except LicenceError:
        return Reason.PRESENTER_SIGNATURE_BAD
    return None if _agrees(shown, facts) else Reason.ENVELOPE_DISAGREES


def _authorised(presenter: KeyFacts, facts: Facts, now: int) -> bool:
    return (
        presenter.usage is Usage.PRESENT
        and facts.key is not None
        and presenter.department == facts.key.department
        and presenter.compromised_at is None
        and presenter.window.holds(now)
    )


def _agrees(shown: SdJwt, facts: Facts) -> bool:
    """Whether the envelope says nothing but what follows from the entry and the chain."""
    if facts.department is None:
        return False
    terms, envelope = shown.terms, shown.envelope
    issuer = issuer_uri(facts.department.uri, facts.department.id)
    return (
        envelope.issuer == issuer
        and shown.type_uri == type_uri(issuer, terms.type, terms.type_version)
        and shown.status_uri == status_uri(issuer, terms.status.list)
        and shown.status_index == terms.status.index
        and (terms.exp is None or envelope.exp <= terms.exp)
    )


def _binding(shown: SdJwt, facts: Facts) -> Finding:
    key, binding, asked = shown.envelope.holder, shown.binding, facts.asked
    if key is None:
        return Finding(Check.HOLDER, Outcome.NOT_APPLICABLE)
    if binding is None:
        return Finding.fail(Reason.HOLDER_PROOF_MISSING)
    try:
        # Wallets need not write low-S. Nothing is told apart by these bytes, so either form does.
        key.verify(binding.jws.signed, low_s(binding.jws.signature))
    except LicenceError:
        return Finding.fail(Reason.HOLDER_PROOF_BAD)
    if binding.hash != binding.presented:
        return Finding.fail(Reason.HOLDER_PROOF_BAD)
    if asked is None:
        return Finding.unknown(Reason.HOLDER_NOT_JUDGED)
    if (binding.audience, binding.nonce) != (asked.audience, asked.nonce):
        return Finding.fail(Reason.WRONG_AUDIENCE)
    return Finding(Check.HOLDER, Outcome.PASS)
