"""The rows the registry keeps. Shapes only: queries are in store.py, encryption in vault.py.

Personal data stands in SealedRecord and in sealed objects alone, encrypted; everything here may leak without naming
anybody. Times are Unix seconds, UTC.
"""

from enum import StrEnum

from sqlalchemy import Column, LargeBinary, UniqueConstraint
from sqlmodel import Field, SQLModel


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


class Department(SQLModel, table=True):
    """An issuing department. `token_hash` is the SHA-256 of its bearer key (256 random bits, shown once)."""

    id: int = Field(primary_key=True)
    code: str = Field(unique=True)
    name_zh: str
    name_en: str
    token_hash: str = Field(unique=True)
    anchor_account: str
    status_account: str
    admitted_at: int


class SigningKey(SQLModel, table=True):
    """A public key that the council admitted; the private one is the signer's. `kid` in hex."""

    kid: str = Field(primary_key=True)
    department: int = Field(foreign_key="department.id", index=True)
    suite: int
    usage: int
    x: bytes
    y: bytes
    begins: int
    ends: int


class TypeVersion(SQLModel, table=True):
    """A type definition: the canonical JSON whose SHA-256 (hex) is on the chain."""

    code: str = Field(primary_key=True)
    version: int = Field(primary_key=True)
    digest: str
    definition: bytes


class Permission(SQLModel, table=True):
    """A department may issue this type version."""

    department: int = Field(primary_key=True, foreign_key="department.id")
    code: str = Field(primary_key=True)
    version: int = Field(primary_key=True)


class Subject(SQLModel, table=True):
    """A holder, known only by a keyed hash of its code; `wrapped_key` is its data key, wrapped outside the database."""

    id: int | None = Field(default=None, primary_key=True)
    holder_index: bytes = Field(unique=True)
    wrapped_key: bytes


class StatusList(SQLModel, table=True):
    """A department's status list on the chain. `cursor` counts the positions given out in the open block."""

    id: int = Field(primary_key=True)
    department: int = Field(foreign_key="department.id", index=True)
    size: int
    block: int = 0
    cursor: int = 0


class StatusBlock(SQLModel, table=True):
    """The random order in which the positions of one block of a list are given out: uint32 big-endian, never reused."""

    list: int = Field(primary_key=True, foreign_key="statuslist.id")
    block: int = Field(primary_key=True)
    order: bytes


class Licence(SQLModel, table=True):
    """One version of a licence. `signed_entry` is T, stored before sealing and never signed again.

    `supersedes` and `supersedes_act` name the version it replaces and whether by renewal or change. `id` is public (128
    random bits, hex). `number_index` and `source_index` are blind indexes. No batch: not anchored.
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
    iat: int
    nbf: int
    exp: int | None
    kid: str
    status_list: int
    status_index: int
    status: int = 0
    act: int | None = None
    signed_entry: bytes
    leaf: bytes = Field(unique=True)
    batch: int | None = Field(default=None, foreign_key="batch.id", index=True)
    position: int | None = None


class SealedRecord(SQLModel, table=True):
    """A licence's values and seed: AES-256-GCM under the subject's data key, bound to the licence by its AAD."""

    licence: int = Field(primary_key=True, foreign_key="licence.row")
    sealed: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class Document(SQLModel, table=True):
    """A photo or original document: an encrypted object; digest = SHA-256(salt ‖ bytes), salt sealed with it."""

    id: str = Field(primary_key=True)
    department: int = Field(foreign_key="department.id", index=True)
    digest: str = Field(index=True)
    object: str
    wrapped_key: bytes
    media_type: str
    size: int
    licence: int | None = Field(default=None, foreign_key="licence.row")


class Batch(SQLModel, table=True):
    """Licences anchored together. The root is a function of stored rows. `raw_transaction` is stored, then sent."""

    __table_args__ = (UniqueConstraint("department", "seq"), UniqueConstraint("department", "root"))

    id: int | None = Field(default=None, primary_key=True)
    department: int = Field(foreign_key="department.id", index=True)
    seq: int
    prev_root: bytes
    root: bytes
    size: int
    state: BatchState = Field(default=BatchState.SEALED, index=True)
    nonce: int | None = None
    raw_transaction: bytes | None = None
    transaction_hash: str | None = None
    block: int | None = None
    block_hash: str | None = None
    time: int | None = None
    note: str | None = None


class StatusAct(SQLModel, table=True):
    """One legal act on licences of one list: one call of the chain. `request` groups the acts of one request."""

    id: int | None = Field(default=None, primary_key=True)
    request: str = Field(index=True)
    department: int = Field(foreign_key="department.id", index=True)
    list: int
    act: int
    legal_basis: str
    state: ActState = Field(default=ActState.RECORDED, index=True)
    recorded_at: int
    nonce: int | None = None
    raw_transaction: bytes | None = None
    transaction_hash: str | None = None
    block: int | None = None
    block_hash: str | None = None
    time: int | None = None
    note: str | None = None


class StatusActLicence(SQLModel, table=True):
    """The licences that an act is about."""

    act: int = Field(primary_key=True, foreign_key="statusact.id")
    licence: int = Field(primary_key=True, foreign_key="licence.row", index=True)


class Idempotency(SQLModel, table=True):
    """The answer to a write, kept by (department, key): the same request again gets the same answer, another a 409."""

    department: int = Field(primary_key=True)
    key: str = Field(primary_key=True)
    request_hash: bytes
    status: int
    answer: bytes


class Audit(SQLModel, table=True):
    """Who did what, written in the transaction of the deed. No personal data: ids and counts only."""

    id: int | None = Field(default=None, primary_key=True)
    time: int
    department: int = Field(index=True)
    actor: str
    deed: str
    object: str
