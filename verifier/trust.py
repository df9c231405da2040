"""All that is known of the world, and the facts that one check needs of it: dictionaries only, no calls, no queries."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from contracts.deployment import Deployment
from licence.definition import LicenceType
from licence.errors import MalformedError
from licence.facts import Asked, Facts, Head, Unknown
from licence.file import LicenceFile
from licence.keys import NetworkId
from licence.presentation import Presentation
from licence.reasons import Reason
from licence.receipt import Inclusion
from licence.sd_jwt import SdJwt
from verifier.continuity import Loss, in_words
from verifier.index import Index
from verifier.leaves import PublicFiles

PLIGHTS = frozenset(
    {
        Reason.CHAIN_UNREACHABLE,
        Reason.CHAIN_DISAGREES,
        Reason.CHAIN_WENT_BACK,
        Reason.WITNESS_SILENT,
        Reason.WITNESS_DISAGREES,
    }
)


class LostError(Exception):
    """The chain went back, and not everything that was known of it is there again: `lost` names it."""

    def __init__(self, lost: Sequence[Loss]) -> None:
        super().__init__(f"the chain went back and lacks: {in_words(lost).en}")
        self.lost = tuple(lost)


@dataclass(frozen=True, slots=True)
class Plight:
    """Why this verifier can judge no licence now, and in words of both languages what it found (may be empty)."""

    reason: Reason
    zh: str = ""
    en: str = ""


@dataclass(frozen=True, slots=True)
class Heard:
    """The last that is known of a required witness: its plight (None: it agrees), and until when that is good."""

    plight: Plight | None
    until: int = 0


@dataclass(slots=True)
class Trust:
    """The pinned network, the index of its chain, the public files, and why the chain is not believed (None: it is).

    `proven`: the contracts' counters were proven under the newest block's state root, not only told by the node.
    `lost`: what the chain lacks since it went back. `witnesses`: each required one by its address, and what it said.
    """

    deployment: Deployment
    max_age: int
    index: Index = field(default_factory=Index)
    files: PublicFiles = field(default_factory=PublicFiles)
    doubt: str | None = "the chain has not been read yet"
    disagrees: bool = False
    lost: tuple[Loss, ...] = ()
    proven: bool = False
    witnesses: dict[str, Heard] = field(default_factory=dict)

    @property
    def reason(self) -> Reason | None:
        """Why the chain says nothing about any licence now; None: it does."""
        if self.disagrees:
            return Reason.CHAIN_WENT_BACK if self.lost else Reason.CHAIN_DISAGREES
        return Reason.CHAIN_UNREACHABLE if self.index.head is None else None

    def plight(self, now: int) -> Plight | None:
        """Why no licence can be judged at `now`, by chain and witnesses; None: they can be."""
        lost, reason = self.lost, self.reason
        if reason is not None:
            words = in_words(lost) if lost else Loss("", "")
            return Plight(reason, words.zh, words.en)
        for name, heard in self.witnesses.items():
            if heard.plight is not None:
                return heard.plight
            if now >= heard.until:
                said = f"nothing new from the witness at {name}"
                return Plight(Reason.WITNESS_SILENT, f"见证方 {name} 没有新的声明", said)
        return None

    def facts(
        self, presentation: Presentation, index: Index, head: Head, *, asked: Asked | None = None
    ) -> Facts:
        """What the chain, as `index` has it at `head`, and the public files say about one presentation."""
        terms, receipt = presentation.terms, presentation.receipt
        key = index.keys.get(terms.kid)
        department = key.department if key else 0
        permitted = index.types.get((department, terms.type, terms.type_version))
        known = self.files.definitions.get(permitted.digest) if permitted else None
        definition = known or Unknown(Reason.DEFINITION_UNAVAILABLE)
        return Facts(
            network_id=NetworkId(self.deployment.network),
            as_of=head,
            max_age=self.max_age,
            key=key,
            department=index.departments.get(department),
            type=permitted,
            definition=definition,
            shown=index.anchor(department, receipt.anchor),
            found=self._found(presentation, index, definition),
            complete=self.files.complete(index, department),
            status=index.status(terms.status),
            presenter=index.keys.get(presentation.kid) if isinstance(presentation, SdJwt) else None,
            asked=asked,
        )

    def _found(
        self, presentation: Presentation, index: Index, definition: LicenceType | Unknown
    ) -> tuple[Inclusion, ...]:
        if isinstance(presentation, LicenceFile | SdJwt):
            return self.files.find(index, presentation.signed.leaf)
        if isinstance(definition, Unknown):
            return ()
        try:
            opened = presentation.open(definition)
        except MalformedError:
            return ()
        return self.files.find(index, opened.signed.leaf)
