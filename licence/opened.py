"""What a presentation holds once it is read with its type's definition. Shown, not yet proven."""

from collections.abc import Mapping
from dataclasses import dataclass

from licence.canonical import JsonValue
from licence.definition import LicenceType
from licence.entry import SignedEntry


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
