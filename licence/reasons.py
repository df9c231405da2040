"""The verdicts and the reasons for them, in order of weight. The words for people are the verifier's table.

Every reason belongs to one of the eight checks and to one verdict; nothing else in the code decides either.
"""

from dataclasses import dataclass
from enum import Enum, IntEnum, StrEnum


class Verdict(StrEnum):
    """The three answers: good, not good, could not find out."""

    VALID = "VALID"
    INVALID = "INVALID"
    UNDETERMINED = "UNDETERMINED"


class Check(IntEnum):
    """The eight checks, numbered as in docs/format.md §9, on every screen and in every test."""

    WELL_FORMED = 1
    FRESH = 2
    HOLDER = 3
    ISSUER = 4
    SIGNATURE = 5
    ANCHOR = 6
    DATES = 7
    STATUS = 8


class Outcome(StrEnum):
    """What one check found."""

    PASS = "pass"
    FAIL = "fail"
    UNKNOWN = "unknown"
    NOT_APPLICABLE = "not_applicable"


class Reason(Enum):
    """Why a licence is not VALID: (check it belongs to, verdict it leads to). Declared heaviest first."""

    MALFORMED = (1, Verdict.INVALID)
    NOT_OUR_CODE = (1, Verdict.UNDETERMINED)
    VERSION_UNKNOWN = (1, Verdict.UNDETERMINED)
    TOKEN_EXPIRED = (2, Verdict.INVALID)
    PRESENTER_NOT_AUTHORISED = (3, Verdict.INVALID)
    PRESENTER_SIGNATURE_BAD = (3, Verdict.INVALID)
    ENVELOPE_DISAGREES = (3, Verdict.INVALID)
    HOLDER_PROOF_MISSING = (3, Verdict.INVALID)
    HOLDER_PROOF_BAD = (3, Verdict.INVALID)
    WRONG_AUDIENCE = (3, Verdict.INVALID)
    ISSUER_UNKNOWN = (4, Verdict.INVALID)
    KEY_USAGE_WRONG = (4, Verdict.INVALID)
    ISSUER_NOT_AUTHORISED_FOR_TYPE = (4, Verdict.INVALID)
    ISSUER_NOT_ADMITTED = (4, Verdict.INVALID)
    KEY_OUT_OF_TERM = (4, Verdict.INVALID)
    ISSUER_KEY_REVOKED_BEFORE_ISSUE = (4, Verdict.INVALID)
    SIGNED_AHEAD = (4, Verdict.INVALID)
    CONTENT_ALTERED = (5, Verdict.INVALID)
    SIGNATURE_BAD = (5, Verdict.INVALID)
    ANCHOR_MISMATCH = (6, Verdict.INVALID)
    ANCHOR_VOID = (6, Verdict.INVALID)
    NOT_ANCHORED = (6, Verdict.INVALID)
    STATUS_LIST_FOREIGN = (8, Verdict.INVALID)
    STATUS_POSITION_UNKNOWN = (8, Verdict.INVALID)
    WITHDRAWN = (8, Verdict.INVALID)
    REVOKED = (8, Verdict.INVALID)
    CANCELLED = (8, Verdict.INVALID)
    SUPERSEDED = (8, Verdict.INVALID)
    SUSPENDED = (8, Verdict.INVALID)
    DATES_DISAGREE = (7, Verdict.INVALID)
    EXPIRED = (7, Verdict.INVALID)
    NOT_YET_VALID = (7, Verdict.INVALID)
    CHAIN_UNREACHABLE = (4, Verdict.UNDETERMINED)
    CHAIN_DISAGREES = (4, Verdict.UNDETERMINED)
    CHAIN_WENT_BACK = (4, Verdict.UNDETERMINED)
    WITNESS_SILENT = (4, Verdict.UNDETERMINED)
    WITNESS_DISAGREES = (4, Verdict.UNDETERMINED)
    DEFINITION_UNAVAILABLE = (4, Verdict.UNDETERMINED)
    RECEIPT_UNAVAILABLE = (6, Verdict.UNDETERMINED)
    ANCHOR_PENDING = (6, Verdict.UNDETERMINED)
    STATUS_STALE = (8, Verdict.UNDETERMINED)
    STATUS_UNKNOWN = (8, Verdict.UNDETERMINED)
    HOLDER_NOT_JUDGED = (3, Verdict.UNDETERMINED)
    ISSUER_NOT_JUDGED = (4, Verdict.UNDETERMINED)
    SIGNATURE_NOT_JUDGED = (5, Verdict.UNDETERMINED)

    def __new__(cls, check: int, verdict: Verdict) -> "Reason":
        member = object.__new__(cls)
        member._value_ = len(cls.__members__)
        return member

    def __init__(self, check: int, verdict: Verdict) -> None:
        self.check = Check(check)
        self.verdict = verdict

    @property
    def weight(self) -> int:
        """The smaller, the heavier: of several, the smallest is the headline."""
        return int(self.value)


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found. A check that was not reached is UNKNOWN without a reason."""

    check: Check
    outcome: Outcome
    reason: Reason | None = None

    @classmethod
    def fail(cls, reason: Reason) -> "Finding":
        """The check that this reason belongs to failed for it."""
        return cls(reason.check, Outcome.FAIL, reason)

    @classmethod
    def unknown(cls, reason: Reason) -> "Finding":
        """The check that this reason belongs to could not be made for it."""
        return cls(reason.check, Outcome.UNKNOWN, reason)


class Flag(StrEnum):
    """Worth saying beside a verdict, without changing it."""

    LATE_ANCHORED = "LATE_ANCHORED"
    STATIC_COPY = "STATIC_COPY"
