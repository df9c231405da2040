"""From shown to verified: the only place where a VerifiedLicence is made."""

from collections.abc import Mapping
from dataclasses import InitVar, dataclass
from typing import Final

from licence.canonical import JsonValue
from licence.entry import Terms
from licence.errors import EvidenceError, UnavailableError
from licence.examine import Examination, examine
from licence.facts import Facts, Head
from licence.presentation import Presentation
from licence.reasons import Verdict
from licence.receipt import Anchor

_SEAL: Final = object()


@dataclass(frozen=True, slots=True)
class VerifiedLicence:
    """A licence of which every check that applies passed: its terms, the values shown, its anchor, and as of when.

    Made by `verified` alone; anything else that tries gets a TypeError.
    """

    terms: Terms
    values: Mapping[str, JsonValue]
    anchor: Anchor
    as_of: Head
    seal: InitVar[object]

    def __post_init__(self, seal: object) -> None:
        if seal is not _SEAL:
            raise TypeError("a VerifiedLicence is made by licence.verify alone")


def verify(presentation: Presentation, facts: Facts, now: int) -> VerifiedLicence:
    """The verified licence, once all eight checks that apply have passed at `now` (Unix seconds).

    Raises:
        EvidenceError: the licence is not good; `.reason` says why.
        UnavailableError: it could not be found out; `.reason` says why.
    """
    return verified(examine(presentation, facts, now))


def verified(examination: Examination) -> VerifiedLicence:
    """The verified licence of an examination that found it VALID.

    Raises:
        EvidenceError, UnavailableError: as verify.
    """
    reason, opened, inclusion = examination.reason, examination.opened, examination.inclusion
    if reason is not None and examination.verdict is Verdict.INVALID:
        raise EvidenceError(reason, f"check {reason.check.value} failed: {reason.name}")
    if reason is not None:
        raise UnavailableError(reason, f"check {reason.check.value} could not be made: {reason.name}")
    if opened is None or inclusion is None or examination.facts is None:
        raise TypeError("an examination without a reason has its values, its anchor and its facts")
    return VerifiedLicence(
        opened.signed.entry.terms, opened.values, inclusion.anchor, examination.facts.as_of, seal=_SEAL
    )
