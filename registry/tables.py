"""The rows the registry keeps. Shapes only: queries are in store.py, encryption in vault.py, changes in migrations/.

Personal data stands in SealedRecord and in sealed objects alone, encrypted; everything here may leak without naming
anybody. Times are Unix seconds, UTC. Every row carries a `seal`: a MAC over its other columns by a key that
is not in the database. The store makes it at each write, fsck demands it.
"""

from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Column, Enum, LargeBinary, UniqueConstraint
from sqlmodel import Field, SQLModel


def _long(**more: Any) -> Any:
    """A column of 64 bits: list ids and times need them."""
    return Field(sa_type=BigInteger, **more)


def _one_of(states: type[StrEnum], first: StrEnum) -> Any:
    return Field(
        default=first,
        sa_column=Column(Enum(states, native_enum=False, length=16), index=True, nullable=False),
    )


# How the note of a batch or act begins that was lost with the database, and taken over from the chain: accepting.py.
LOST = "lost"

# Columns that the database counts itself: not known when the seal is made. Other rows name them, and are sealed.
NUMBERED = {"subject": "id", "licence": "row", "batch": "id", "statusact": "id", "audit": "id"}


class Sealed(SQLModel):
    """A row whose other columns are held by a MAC."""

    seal: bytes = b""


class BatchState(StrEnum):
    """A batch's way: leaves fixed; transaction signed and stored; read back from the chain; set aside for a person."""

    SEALED = "sealed"
    PREPARED = "prepared"
    FINAL = "final"
    QUARANTINED = "quarantined"


class ActState(StrEnum):
    """A status act's way: stored; transaction signed and stored; on the chain and binding; set aside for a person."""

    RECORDED = "recorded"
    PREPARED = "prepared"
    EFFECTIVE = "effective"
    QUARANTINED = "quarantined"


class Department(Sealed, table=True):
    """An issuing department. `token_hash` is the SHA-256 of its bearer key (256 random bits, shown once)."""

    id: int = Field(primary_key=True)
    code: str = Field(unique=True)
    name_zh: str
    name_en: str
    token_hash: str = Field(unique=True)
    anchor_account: str
    status_account: str
    admitted_at: int = _long()


class SigningKey(Sealed, table=True):
    """A public key that the council admitted; the private one is the signer's. `kid` in hex."""

    kid: str = Field(primary_key=True)
    department: int = Field(foreign_key="department.id", index=True)
    suite: int
    usage: int
    x: bytes
    y: bytes
    begins: int = _long()
    ends: int = _long()


class TypeVersion(Sealed, table=True):
    """A type definition: the canonical JSON whose SHA-256 (hex) is on the chain."""

    code: str = Field(primary_key=True)
    version: int = Field(primary_key=True)
    digest: str
    definition: bytes


class Permission(Sealed, table=True):
    """A department may issue this type version."""

    department: int = Field(primary_key=True, foreign_key="department.id")
    code: str = Field(primary_key=True)
    version: int = Field(primary_key=True)


class Subject(Sealed, table=True):
    """A holder, known only by a keyed hash of its code; `wrapped_key` is its data key, wrapped outside the database.

    `name` is random and means nobody: the erasure journal speaks of subjects by it. Once `erased_at` is set, the index
    is random too and the key is empty: who it was can no longer be found out.
    """

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True, index=True)
    holder_index: bytes = Field(unique=True)
    wrapped_key: bytes
    erasing: bool = False
    erased_at: int | None = _long(default=None)


class StatusList(Sealed, table=True):
    """A department's status list on the chain. `cursor` counts the positions given out in the open block."""

    id: int = _long(primary_key=True)
    department: int = Field(foreign_key="department.id", index=True)
    size: int
    block: int = 0
    cursor: int = 0


class StatusBlock(Sealed, table=True):
    """The random order in which the positions of one block of a list are given out: uint32 big-endian, never reused."""

    list: int = _long(primary_key=True, foreign_key="statuslist.id")
    block: int = Field(primary_key=True)
    order: bytes


class Licence(Sealed, table=True):
    """One version of a licence. `signed_entry` is T, stored before sealing and never signed again.

    `supersedes` and `supersedes_act` name the version it replaces and whether by renewal or change. `id` is public (128
    random bits, hex). `number_index` and `source_index` are blind indexes. No batch: not anchored. Of an erased licence
    the leaf, its places on the chain and `erased_at` are left.
    """

    __table_args__ = (UniqueConstraint("status_list", "status_index"),)

    row: int | None = Field(default=None, primary_key=True)
    id: str = Field(unique=True)
    department: int = Field(foreign_key="department.id", index=True)
    subject: int = Field(foreign_key="subject.id", index=True)
    type: str
    type_version: int
    certificate_id: str
    version: int = 1
    supersedes: int | None = Field(default=None, foreign_key="licence.row")
    supersedes_act: int | None = None
    number_index: bytes = Field(index=True)
    source_index: bytes | None = Field(default=None, unique=True)
    iat: int = _long()
    nbf: int = _long()
    exp: int | None = _long()
    kid: str
    status_list: int = _long()
    status_index: int
    status: int = 0
    act: int | None = None
    signed_entry: bytes
    leaf: bytes = Field(unique=True)
    batch: int | None = Field(default=None, foreign_key="batch.id", index=True)
    position: int | None = None
    erased_at: int | None = _long(default=None)


class SealedRecord(Sealed, table=True):
    """A licence's values and seed: AES-256-GCM under the subject's data key, bound to the licence by its AAD."""

    licence: int = Field(primary_key=True, foreign_key="licence.row")
    sealed: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class Document(Sealed, table=True):
    """A photo or original document: an encrypted object; digest = SHA-256(salt ‖ bytes), salt sealed with it."""

    id: str = Field(primary_key=True)
    department: int = Field(foreign_key="department.id", index=True)
    digest: str = Field(index=True)
    object: str
    wrapped_key: bytes
    media_type: str
    size: int
    licence: int | None = Field(default=None, foreign_key="licence.row", index=True)
    kept_at: int = _long(default=0)


class Batch(Sealed, table=True):
    """Licences anchored together. The root is a function of stored rows. `raw_transaction` is stored, then sent."""

    __table_args__ = (UniqueConstraint("department", "seq"), UniqueConstraint("department", "root"))

    id: int | None = Field(default=None, primary_key=True)
    department: int = Field(foreign_key="department.id", index=True)
    seq: int
    prev_root: bytes
    root: bytes
    size: int
    state: BatchState = _one_of(BatchState, BatchState.SEALED)
    nonce: int | None = None
    raw_transaction: bytes | None = None
    transaction_hash: str | None = None
    block: int | None = None
    block_hash: str | None = None
    time: int | None = _long(default=None)
    note: str | None = None


class StatusAct(Sealed, table=True):
    """One legal act on licences of one list: one call of the chain. `request` groups the acts of one request.

    `change` is the number that the chain gave it; None: not effective, or it changed nothing.
    """

    id: int | None = Field(default=None, primary_key=True)
    request: str = Field(index=True)
    department: int = Field(foreign_key="department.id", index=True)
    list: int = _long()
    act: int
    legal_basis: str
    state: ActState = _one_of(ActState, ActState.RECORDED)
    recorded_at: int = _long()
    nonce: int | None = None
    raw_transaction: bytes | None = None
    transaction_hash: str | None = None
    block: int | None = None
    block_hash: str | None = None
    time: int | None = _long(default=None)
    change: int | None = _long(default=None)
    note: str | None = None


class StatusActLicence(Sealed, table=True):
    """The licences that an act is about."""

    act: int = Field(primary_key=True, foreign_key="statusact.id")
    licence: int = Field(primary_key=True, foreign_key="licence.row", index=True)


class Idempotency(Sealed, table=True):
    """The answer to a write, kept by (department, key): the same request again gets the same answer, another a 409.

    `licence` is the one that it issued, so that its erasure takes this along.
    """

    department: int = Field(primary_key=True)
    key: str = Field(primary_key=True)
    request_hash: bytes
    status: int
    answer: bytes
    licence: str | None = Field(default=None, index=True)
    time: int = _long(default=0)


class Audit(Sealed, table=True):
    """Who did what, written in the transaction of the deed. No personal data: ids and counts only.

    `seq` counts a department's rows without gaps and `before` is the seal of the row before: none can be taken out.
    """

    __table_args__ = (UniqueConstraint("department", "seq"),)

    id: int | None = Field(default=None, primary_key=True)
    department: int = Field(index=True)
    seq: int
    before: bytes
    time: int = _long()
    actor: str
    deed: str
    object: str


class Lease(Sealed, table=True):
    """Which process anchors for a department. `token` grows with each holder, `beat` while it lives."""

    department: int = Field(primary_key=True, foreign_key="department.id")
    holder: str
    token: int
    beat: int


class Hold(Sealed, table=True):
    """A department whose chain knows more than this store: nothing is issued or sent until the store is whole again."""

    department: int = Field(primary_key=True, foreign_key="department.id")
    since: int = _long()
    missing: str
