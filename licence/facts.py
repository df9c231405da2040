"""What a check needs from outside: the chain's records as of one block. Gathered by a verifier, judged by examine.

Three things are never mixed: a record, its absence (None: the chain says no), and Unknown (we could not find out).
"""

from dataclasses import dataclass

from licence.definition import LicenceType
from licence.keys import NetworkId, PublicKey, Usage
from licence.reasons import Reason
from licence.receipt import Anchor, Inclusion
from licence.status import Act, Status

CLOCK_TOLERANCE = 120


@dataclass(frozen=True, slots=True)
class Unknown:
    """It could not be found out, for this reason (one that leads to UNDETERMINED)."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class Window:
    """A half-open time [begins, ends) in Unix seconds."""

    begins: int
    ends: int

    def holds(self, time: int) -> bool:
        """Whether `time` lies inside."""
        return self.begins <= time < self.ends


@dataclass(frozen=True, slots=True)
class Head:
    """The block as of which the facts hold: number, hash (32 bytes), time in Unix seconds."""

    number: int
    hash: bytes
    time: int


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """A key's record: whose it is, what it may sign, when; from when on it counts as compromised."""

    key: PublicKey
    usage: Usage
    department: int
    window: Window
    compromised_at: int | None = None


@dataclass(frozen=True, slots=True)
class DepartmentFacts:
    """A department's record: its code (统一社会信用代码), names, the base of its public files, when it is admitted."""

    id: int
    code: str
    name_zh: str
    name_en: str
    uri: str
    window: Window


@dataclass(frozen=True, slots=True)
class TypeFacts:
    """A department's permission to issue one type version: SHA-256 of the definition, and the time it holds."""

    digest: bytes
    window: Window


@dataclass(frozen=True, slots=True)
class StatusFacts:
    """The status at this block and the act that last led to it (None: never changed)."""

    status: Status
    act: Act | None


@dataclass(frozen=True, slots=True)
class Asked:
    """What the relying party asked a wallet for: a proof made for this audience, over this nonce of its own."""

    audience: str
    nonce: str


@dataclass(frozen=True, slots=True)
class Facts:
    """All that the eight checks need from outside, for one presentation, as of one block.

    `type` and `definition` are those of the key's department. `definition` is only ever one whose SHA-256 is the
    chain's. `shown` is the anchor that the presentation's receipt names (None: the chain has no such anchor).
    `found` are the places of the leaf in the department's leaf files and receipt, proven or not: examine proves them.
    `complete` says that every leaf file of the department is held up to the head. `presenter` is the record of the key
    that signed an SD-JWT VC, `asked` what the relying party had asked its holder for; other forms have neither.
    """

    network_id: NetworkId
    as_of: Head
    max_age: int
    key: KeyFacts | None
    department: DepartmentFacts | None
    type: TypeFacts | None
    definition: LicenceType | Unknown
    shown: Anchor | None
    found: tuple[Inclusion, ...]
    complete: bool
    status: StatusFacts | Unknown | None
    presenter: KeyFacts | None = None
    asked: Asked | None = None

    def fresh(self, now: int) -> bool:
        """Whether the facts are young enough to say what is *not* there, and the clock agrees with the chain's."""
        return -CLOCK_TOLERANCE <= now - self.as_of.time <= self.max_age
