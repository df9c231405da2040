"""The audit: anyone, from public data alone, rebuilds every root and every status, and names what differs.

It needs a node of the chain, the pins, and the departments' public files; nothing of the registry's is believed.
"""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from contracts.deployment import Deployment
from licence import merkle
from licence.definition import LicenceType
from licence.errors import LicenceError
from licence.keys import NetworkId, possession_statement
from licence.receipt import Anchor
from licence.status import Status
from verifier.chain import Node, NodeError
from verifier.fetching import Fetcher, FetchError
from verifier.follower import Follower
from verifier.index import Index, StatusListIndex
from verifier.memory import Memory
from verifier.proofs import ProofError
from verifier.trust import Trust


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that is not as the chain says: where, what was expected, what was found."""

    where: str
    expected: str
    found: str


@dataclass(frozen=True, slots=True)
class Audit:
    """What was looked at, and every difference. No differences: all is as the chain says.

    `proven`: counters and statuses were proven under the head's state root, not only told by the node.
    """

    block: int
    departments: int
    keys: int
    anchors: int
    leaves: int
    statuses: int
    differences: tuple[Difference, ...]
    proven: bool = False


def audit(deployment: Deployment, chain_url: str, mirror: str) -> Audit:
    """Audits everything up to the present head.

    Raises:
        NodeError, PinError: the node does not answer, or is another network's.
    """
    node, fetcher = Node(chain_url, deployment), Fetcher(mirror)
    node.demand_pins()
    trust = Trust(deployment, max_age=60)
    with tempfile.TemporaryDirectory() as folder:
        memory = Memory(Path(folder) / "index.db", deployment.network_id)
        Follower(trust, node, fetcher, memory, files=False).look()
        memory.close()
    index, found = trust.index, [*_differences(trust, fetcher), *_state(trust, node)]
    node.close()
    fetcher.close()
    return Audit(
        block=index.head.number if index.head else 0,
        departments=len(index.departments),
        keys=len(index.keys),
        anchors=sum(len(known) for known in index.anchors.values()),
        leaves=sum(anchor.size for known in index.anchors.values() for anchor in known),
        statuses=sum(len(known.entries) for known in index.lists.values()),
        differences=tuple(found),
        proven=trust.proven,
    )


def _state(trust: Trust, node: Node) -> Iterator[Difference]:
    """Every status that ever changed, by events and in the contract's storage, as far as the node proves storage."""
    if trust.index.head is None or not trust.proven:
        return
    wanted = list(trust.index.words())
    try:
        words = node.proven(wanted, trust.index.head)
    except (NodeError, ProofError) as error:
        yield Difference("storage of StatusList", "proofs under the head's state root", str(error))
        return
    for counter, word in zip(wanted, words, strict=True):
        if word != counter.expected:
            yield Difference(
                counter.name, f"{counter.expected:064x} by its events", f"{word:064x} in its storage"
            )


def _differences(trust: Trust, fetcher: Fetcher) -> Iterator[Difference]:
    index = trust.index
    if trust.doubt is not None:
        yield Difference("chain", "events that follow each other and the contracts' counters", trust.doubt)
    yield from _keys(index, NetworkId(trust.deployment.network))
    yield from _definitions(index, fetcher)
    for known in index.anchors.values():
        for anchor in known:
            yield from _leaf_file(index, fetcher, anchor)
    for list_, entries in index.lists.items():
        yield from _statuses(index, fetcher, list_, entries)


def _keys(index: Index, network: NetworkId) -> Iterator[Difference]:
    """Every key was shown to be held by its department before the council admitted it."""
    for kid, known in index.keys.items():
        statement = possession_statement(network, known.department, known.usage, known.key)
        try:
            known.key.verify(statement, index.proofs[kid])
        except LicenceError:
            where = f"key {kid.hex()} of department {known.department}"
            yield Difference(where, "a proof that the department holds it", "none that verifies")


def _definitions(index: Index, fetcher: Fetcher) -> Iterator[Difference]:
    for (department, code, version), permitted in index.types.items():
        where = f"definition of type {code} version {version}"
        try:
            data = fetcher.get(index.departments[department].uri, f"types/{permitted.digest.hex()}.json")
            digest = LicenceType.from_canonical(data).digest
        except (FetchError, LicenceError) as error:
            yield Difference(where, permitted.digest.hex(), f"{type(error).__name__}")
            continue
        if digest != permitted.digest:
            yield Difference(where, permitted.digest.hex(), digest.hex())


def _leaf_file(index: Index, fetcher: Fetcher, anchor: Anchor) -> Iterator[Difference]:
    where = f"leaf file of department {anchor.department}, anchor {anchor.seq}"
    try:
        name = f"{anchor.department}/leaves/{anchor.root.hex()}.bin"
        data = fetcher.get(index.departments[anchor.department].uri, name)
    except FetchError as error:
        yield Difference(where, f"{anchor.size} leaves", str(error))
        return
    leaves = [data[at : at + 32] for at in range(0, len(data), 32)]
    root = merkle.root(leaves) if leaves else b""
    if len(data) != 32 * anchor.size or root != anchor.root:
        found = f"{len(leaves)} leaves under root {root.hex()}"
        yield Difference(where, f"{anchor.size} leaves under root {anchor.root.hex()}", found)


def _statuses(index: Index, fetcher: Fetcher, list_: int, known: StatusListIndex) -> Iterator[Difference]:
    """The published list, entry by entry, against the one rebuilt from the chain's events."""
    department, number = list_ >> 32, list_ & 0xFFFFFFFF
    where = f"status list {number} of department {department}"
    try:
        data = fetcher.get(index.departments[department].uri, f"{department}/status/{number}.bin")
    except FetchError as error:
        yield Difference(where, f"{known.size} entries", str(error))
        return
    expected = bytearray((known.size + 3) // 4)
    for place, entry in known.entries.items():
        expected[place // 4] |= int(entry.status) << 2 * (place % 4)
    if len(data) != len(expected):
        yield Difference(where, f"{len(expected)} bytes", f"{len(data)} bytes")
        return
    for at, (ours, theirs) in enumerate(zip(expected, data, strict=True)):
        for place in range(4 if ours != theirs else 0):
            want, have = (Status(byte >> 2 * place & 3) for byte in (ours, theirs))
            if want is not have:
                yield Difference(
                    f"{where}, entry {4 * at + place}", f"{want.name} on the chain", f"{have.name} published"
                )
