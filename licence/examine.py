"""The eight checks, numbered as in docs/format.md §9: what each found, and the one verdict they lead to.

Checks 1 to 5 are judged in order. Once the issuer's signature holds, what is wrong outweighs what is not known.
"""

from dataclasses import dataclass

from licence.errors import InclusionError, MalformedError, SignatureError
from licence.facts import CLOCK_TOLERANCE, Facts, StatusFacts, Unknown
from licence.file import LicenceFile
from licence.holder import fresh, holder
from licence.keys import Usage
from licence.opened import Opened
from licence.presentation import Presentation
from licence.reasons import Check, Finding, Flag, Outcome, Reason, Verdict
from licence.receipt import Inclusion
from licence.record import agrees
from licence.sd_jwt import SdJwt
from licence.status import Act, Status

PENDING_LIMIT = 72 * 3600

_ACTS = {Act.WITHDRAWN: Reason.WITHDRAWN, Act.REVOKED: Reason.REVOKED, Act.CANCELLED: Reason.CANCELLED}


@dataclass(frozen=True, slots=True)
class Examination:
    """All that was found out about one presentation. Only a VALID verdict makes a VerifiedLicence of it.

    `opened` is there once the values could be read; they are the issuer's own only when check 5 passed.
    """

    findings: tuple[Finding, ...]
    verdict: Verdict
    reason: Reason | None
    now: int
    flags: frozenset[Flag] = frozenset()
    presentation: Presentation | None = None
    facts: Facts | None = None
    opened: Opened | None = None
    inclusion: Inclusion | None = None

    def finding(self, check: Check) -> Finding:
        """What the given check found."""
        return self.findings[check - 1]

    @property
    def authentic(self) -> bool:
        """Whether the values are the issuer's own words: check 5 passed."""
        return self.finding(Check.SIGNATURE).outcome is Outcome.PASS


def examine(presentation: Presentation, facts: Facts, now: int) -> Examination:
    """Judges one presentation by the given facts at `now` (Unix seconds). Gives an answer for anything; raises nothing.

    Sources: docs/format.md §9; RFC 9052 for check 5, RFC 9162 for check 6.
    """
    try:
        opened = None if isinstance(facts.definition, Unknown) else presentation.open(facts.definition)
    except MalformedError as error:
        return unreadable(error, now)
    proven = _proven(presentation, facts, opened)
    findings = (
        Finding(Check.WELL_FORMED, Outcome.PASS),
        fresh(presentation, now),
        holder(presentation, facts, now),
        _issuer(presentation, facts, proven, now),
        _signature(facts, opened),
        _anchor(presentation, facts, proven, now),
        _dates(presentation, opened, now),
        _status(presentation, facts, now),
    )
    verdict, reason = _conclude(findings)
    chosen = _best(presentation, facts, proven)
    flags = _flags(presentation, chosen)
    return Examination(findings, verdict, reason, now, flags, presentation, facts, opened, chosen)


def unreadable(error: MalformedError, now: int) -> Examination:
    """The examination of something that is not one of our forms, or of one not read whole."""
    outcome = Outcome.FAIL if error.reason.verdict is Verdict.INVALID else Outcome.UNKNOWN
    first = Finding(Check.WELL_FORMED, outcome, error.reason)
    rest = tuple(Finding(check, Outcome.UNKNOWN) for check in Check if check is not Check.WELL_FORMED)
    return Examination((first, *rest), error.reason.verdict, error.reason, now)


def undetermined(presentation: Presentation, reason: Reason, now: int) -> Examination:
    """The examination when nothing could be found out about a well-formed presentation, for `reason`."""
    findings = [Finding(check, Outcome.UNKNOWN) for check in Check]
    findings[Check.WELL_FORMED - 1] = Finding(Check.WELL_FORMED, Outcome.PASS)
    findings[reason.check - 1] = Finding(reason.check, Outcome.UNKNOWN, reason)
    return Examination(tuple(findings), Verdict.UNDETERMINED, reason, now, presentation=presentation)


def _proven(presentation: Presentation, facts: Facts, opened: Opened | None) -> list[Inclusion]:
    """The places where the key's own department anchored this leaf, voided ones included."""
    if opened is None or facts.key is None:
        return []
    receipt = presentation.receipt
    shown = []
    if facts.shown is not None and receipt.proof is not None:
        shown = [Inclusion(facts.shown, receipt.position, receipt.proof)]
    own = [place for place in (*shown, *facts.found) if place.anchor.department == facts.key.department]
    return [place for place in own if _leads(place, opened.signed.leaf)]


def _leads(place: Inclusion, leaf: bytes) -> bool:
    try:
        place.check(leaf)
    except InclusionError:
        return False
    return True


def _best(presentation: Presentation, facts: Facts, proven: list[Inclusion]) -> Inclusion | None:
    """The anchoring to name: the first that counts and passes check 4, else any that was proven."""
    good = [p for p in proven if not p.anchor.void and _fault(presentation, facts, p.anchor.time) is None]
    return next(iter(good or proven), None)


def _issuer(presentation: Presentation, facts: Facts, proven: list[Inclusion], now: int) -> Finding:
    missing = _missing(facts)
    if missing is not None:
        return _absent(Check.ISSUER, missing, facts, now)
    if facts.key is not None and facts.key.usage is not Usage.ISSUE:
        return Finding.fail(Reason.KEY_USAGE_WRONG)
    if isinstance(facts.definition, Unknown):
        return Finding.unknown(facts.definition.reason)
    faults = [_fault(presentation, facts, place.anchor.time) for place in proven if not place.anchor.void]
    if not faults:
        return Finding.unknown(Reason.ISSUER_NOT_JUDGED)
    first = faults[0]
    if first is None or None in faults:
        return Finding(Check.ISSUER, Outcome.PASS)
    return Finding.fail(first)


def _missing(facts: Facts) -> Reason | None:
    if facts.key is None:
        return Reason.ISSUER_UNKNOWN
    if facts.department is None:
        return Reason.ISSUER_NOT_ADMITTED
    return Reason.ISSUER_NOT_AUTHORISED_FOR_TYPE if facts.type is None else None


def _fault(presentation: Presentation, facts: Facts, time: int) -> Reason | None:
    """What was wrong with the issuer when its account anchored, at block time `time`; None: nothing."""
    key, department, permitted = facts.key, facts.department, facts.type
    if key is None or department is None or permitted is None:
        return _missing(facts)
    if key.compromised_at is not None and time >= key.compromised_at:
        return Reason.ISSUER_KEY_REVOKED_BEFORE_ISSUE
    if not key.window.holds(time):
        return Reason.KEY_OUT_OF_TERM
    if not permitted.window.holds(time):
        return Reason.ISSUER_NOT_AUTHORISED_FOR_TYPE
    if not department.window.holds(time):
        return Reason.ISSUER_NOT_ADMITTED
    return Reason.SIGNED_AHEAD if presentation.terms.iat > time + CLOCK_TOLERANCE else None


def _signature(facts: Facts, opened: Opened | None) -> Finding:
    if opened is None or facts.key is None:
        return Finding.unknown(Reason.SIGNATURE_NOT_JUDGED)
    if opened.claims_root != opened.signed.entry.claims_root:
        return Finding.fail(Reason.CONTENT_ALTERED)
    try:
        opened.signed.check_signature(facts.key.key, facts.network_id)
    except (SignatureError, MalformedError):
        return Finding.fail(Reason.SIGNATURE_BAD)
    return Finding(Check.SIGNATURE, Outcome.PASS)


def _anchor(presentation: Presentation, facts: Facts, proven: list[Inclusion], now: int) -> Finding:
    standing = [place for place in proven if not place.anchor.void]
    shown = facts.shown
    if standing and (_matches(presentation, standing) or (shown is not None and shown.void)):
        return Finding(Check.ANCHOR, Outcome.PASS)
    if proven and not standing:
        return Finding.fail(Reason.ANCHOR_VOID)
    if shown is not None and not shown.void and (presentation.receipt.proof is not None or facts.complete):
        return Finding.fail(Reason.ANCHOR_MISMATCH)
    if not facts.complete or not facts.fresh(now):
        return Finding.unknown(Reason.RECEIPT_UNAVAILABLE)
    if standing:
        return Finding.fail(Reason.ANCHOR_MISMATCH)
    if now - presentation.terms.iat <= PENDING_LIMIT:
        return Finding.unknown(Reason.ANCHOR_PENDING)
    return Finding.fail(Reason.NOT_ANCHORED)


def _matches(presentation: Presentation, standing: list[Inclusion]) -> bool:
    receipt = presentation.receipt
    places = [
        place
        for place in standing
        if (place.anchor.seq, place.position) == (receipt.anchor, receipt.position)
    ]
    return any(receipt.proof is None or receipt.proof == place.proof for place in places)


def _dates(presentation: Presentation, opened: Opened | None, now: int) -> Finding:
    terms = presentation.terms
    if opened is not None and not agrees(opened.values, opened.definition, terms):
        return Finding.fail(Reason.DATES_DISAGREE)
    if now < terms.nbf:
        return Finding.fail(Reason.NOT_YET_VALID)
    if terms.exp is not None and now >= terms.exp:
        return Finding.fail(Reason.EXPIRED)
    return Finding(Check.DATES, Outcome.PASS)


def _status(presentation: Presentation, facts: Facts, now: int) -> Finding:
    if isinstance(facts.status, Unknown):
        return Finding.unknown(facts.status.reason)
    if facts.key is not None and presentation.terms.status.department != facts.key.department:
        return Finding.fail(Reason.STATUS_LIST_FOREIGN)
    if facts.status is None:
        return _absent(Check.STATUS, Reason.STATUS_POSITION_UNKNOWN, facts, now)
    reason = _status_reason(facts.status)
    if reason is not None and facts.status.status is not Status.SUSPENDED:
        return Finding.fail(reason)
    if not facts.fresh(now):
        return Finding.unknown(Reason.STATUS_STALE)
    if reason is not None:
        return Finding.fail(reason)
    return Finding(Check.STATUS, Outcome.PASS)


def _status_reason(status: StatusFacts) -> Reason | None:
    if status.status is Status.INVALID:
        return _ACTS.get(status.act, Reason.REVOKED) if status.act is not None else Reason.REVOKED
    return {Status.SUSPENDED: Reason.SUSPENDED, Status.SUPERSEDED: Reason.SUPERSEDED}.get(status.status)


def _absent(check: Check, reason: Reason, facts: Facts, now: int) -> Finding:
    """Absence is proof only as of now: old facts can't say that something is *not* on the chain."""
    if facts.fresh(now):
        return Finding(check, Outcome.FAIL, reason)
    return Finding(check, Outcome.UNKNOWN, Reason.STATUS_STALE)


def _conclude(findings: tuple[Finding, ...]) -> tuple[Verdict, Reason | None]:
    for finding in findings[: Check.SIGNATURE]:
        if finding.outcome is Outcome.FAIL and finding.reason is not None:
            return Verdict.INVALID, finding.reason
    if all(finding.outcome in (Outcome.PASS, Outcome.NOT_APPLICABLE) for finding in findings):
        return Verdict.VALID, None
    signed = findings[Check.SIGNATURE - 1].outcome is Outcome.PASS
    judged = findings if signed else findings[: Check.SIGNATURE]
    heaviest = min(
        (f.reason for f in judged if f.reason is not None),
        key=lambda reason: reason.weight,
        default=Reason.STATUS_UNKNOWN,
    )
    return heaviest.verdict, heaviest


def _flags(presentation: Presentation, inclusion: Inclusion | None) -> frozenset[Flag]:
    bound = isinstance(presentation, SdJwt) and presentation.binding is not None
    flags = set() if bound or isinstance(presentation, LicenceFile) else {Flag.STATIC_COPY}
    if inclusion is not None and inclusion.anchor.time - presentation.terms.iat > PENDING_LIMIT:
        flags.add(Flag.LATE_ANCHORED)
    return frozenset(flags)
