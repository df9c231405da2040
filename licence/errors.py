"""The error tree: evidence that is bad, and what could not be found out. Nothing here is shown to people as it is.

Two families that are never mixed: EvidenceError is final (the licence is not good), UnavailableError is not (try
again). RecordError is neither: it tells a clerk what to correct before anything is signed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from licence.reasons import Reason


class LicenceError(Exception):
    """The root of the tree; never raised itself."""


class EvidenceError(LicenceError):
    """The evidence is bad, for one named reason; asking again gives the same answer."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class MalformedError(EvidenceError):
    """Bytes that are not exactly what docs/format.md describes: the message says what was expected and found."""

    def __init__(self, message: str, reason: Reason = Reason.MALFORMED) -> None:
        super().__init__(reason, message)


class SignatureError(EvidenceError):
    """A signature that does not belong to these bytes and this key."""

    def __init__(self, message: str, reason: Reason = Reason.SIGNATURE_BAD) -> None:
        super().__init__(reason, message)


class InclusionError(EvidenceError):
    """A proof that does not lead from this leaf to this root."""

    def __init__(self, message: str, reason: Reason = Reason.ANCHOR_MISMATCH) -> None:
        super().__init__(reason, message)


class UnavailableError(LicenceError):
    """It could not be found out whether the licence is good. Never an accusation, never an approval."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """One thing to correct: the field's name, a stable code, and a sentence in both languages without the value."""

    field: str
    code: str
    zh: str
    en: str


class RecordError(LicenceError):
    """A record that cannot become a licence; `problems` names every one of its faults, not just the first."""

    def __init__(self, problems: Sequence[FieldProblem]) -> None:
        super().__init__("; ".join(f"{p.field}: {p.en}" for p in problems))
        self.problems = tuple(problems)
