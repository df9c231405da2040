"""A licence with its values: as its issuer keeps it, and as a presentation gives it. Shown, not yet proven."""

from collections.abc import Mapping
from dataclasses import dataclass

from licence.canonical import JsonValue
from licence.claims import Seed
from licence.definition import LicenceType
from licence.entry import SignedEntry


@dataclass(frozen=True, slots=True)
class Issued:
    """A licence as its issuer keeps it: every form shown to anyone derives from this."""

    definition: LicenceType
    values: Mapping[str, JsonValue]
    seed: Seed
    signed: SignedEntry


@dataclass(frozen=True, slots=True)
class Opened:
    """A signed entry, the values shown of each group, and the claims root that they lead to."""

    definition: LicenceType
    signed: SignedEntry
    public: Mapping[str, JsonValue]
    private: Mapping[str, JsonValue]
    claims_root: bytes

    @property
    def values(self) -> dict[str, JsonValue]:
        """All values shown, by name."""
        return {**self.public, **self.private}
