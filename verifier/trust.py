"""All that is known of the world, and the facts that one check needs of it: dictionaries only, no calls, no queries."""

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
from verifier.index import Index
from verifier.leaves import PublicFiles


@dataclass(slots=True)
class Trust:
    """The pinned network, the index of its chain, the public files, and why the chain is not believed (None: it is).

    `proven`: the contracts' counters were proven under the newest block's state root, not only told by the node.
    """

    deployment: Deployment
    max_age: int
    index: Index = field(default_factory=Index)
    files: PublicFiles = field(default_factory=PublicFiles)
    doubt: str | None = "the chain has not been read yet"
    disagrees: bool = False
    proven: bool = False

    @property
    def reason(self) -> Reason | None:
        """Why nothing can be said about any licence now; None: it can."""
        if self.disagrees:
            return Reason.CHAIN_DISAGREES
        return Reason.CHAIN_UNREACHABLE if self.index.head is None else None

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
