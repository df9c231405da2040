"""The tables of release 0.1.0."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_BATCH = sa.Enum(
    "SEALED", "PREPARED", "FINAL", "QUARANTINED", name="batchstate", native_enum=False, length=16
)
_ACT = sa.Enum(
    "RECORDED", "PREPARED", "EFFECTIVE", "QUARANTINED", name="actstate", native_enum=False, length=16
)


def upgrade() -> None:
    """Makes them."""
    _who()
    _holders()
    _anchoring()
    _licences()
    _acts()
    _notes()


def _who() -> None:
    op.create_table(
        "department",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("code", sa.String, nullable=False, unique=True),
        sa.Column("name_zh", sa.String, nullable=False),
        sa.Column("name_en", sa.String, nullable=False),
        sa.Column("token_hash", sa.String, nullable=False, unique=True),
        sa.Column("anchor_account", sa.String, nullable=False),
        sa.Column("status_account", sa.String, nullable=False),
        sa.Column("admitted_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "signingkey",
        sa.Column("kid", sa.String, primary_key=True),
        _department(),
        sa.Column("suite", sa.Integer, nullable=False),
        sa.Column("usage", sa.Integer, nullable=False),
        sa.Column("x", sa.LargeBinary, nullable=False),
        sa.Column("y", sa.LargeBinary, nullable=False),
        sa.Column("begins", sa.BigInteger, nullable=False),
        sa.Column("ends", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "typeversion",
        sa.Column("code", sa.String, primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("digest", sa.String, nullable=False),
        sa.Column("definition", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "permission",
        sa.Column("department", sa.Integer, sa.ForeignKey("department.id"), primary_key=True),
        sa.Column("code", sa.String, primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    )


def _holders() -> None:
    op.create_table(
        "subject",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("holder_index", sa.LargeBinary, nullable=False, unique=True),
        sa.Column("wrapped_key", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "statuslist",
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
        _department(),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("block", sa.Integer, nullable=False),
        sa.Column("cursor", sa.Integer, nullable=False),
    )
    op.create_table(
        "statusblock",
        sa.Column("list", sa.BigInteger, sa.ForeignKey("statuslist.id"), primary_key=True),
        sa.Column("block", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("order", sa.LargeBinary, nullable=False),
    )


def _anchoring() -> None:
    op.create_table(
        "batch",
        sa.Column("id", sa.Integer, primary_key=True),
        _department(),
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("prev_root", sa.LargeBinary, nullable=False),
        sa.Column("root", sa.LargeBinary, nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("state", _BATCH, nullable=False, index=True),
        *_transaction(),
        sa.UniqueConstraint("department", "seq"),
        sa.UniqueConstraint("department", "root"),
    )


def _licences() -> None:
    op.create_table(
        "licence",
        sa.Column("row", sa.Integer, primary_key=True),
        sa.Column("id", sa.String, nullable=False, unique=True),
        _department(),
        sa.Column("subject", sa.Integer, sa.ForeignKey("subject.id"), nullable=False, index=True),
        sa.Column("type", sa.String, nullable=False),
        sa.Column("type_version", sa.Integer, nullable=False),
        sa.Column("certificate_id", sa.String, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("supersedes", sa.Integer, sa.ForeignKey("licence.row")),
        sa.Column("supersedes_act", sa.Integer),
        sa.Column("number_index", sa.LargeBinary, nullable=False, index=True),
        sa.Column("source_index", sa.LargeBinary, unique=True),
        sa.Column("iat", sa.BigInteger, nullable=False),
        sa.Column("nbf", sa.BigInteger, nullable=False),
        sa.Column("exp", sa.BigInteger),
        sa.Column("kid", sa.String, nullable=False),
        sa.Column("status_list", sa.BigInteger, nullable=False),
        sa.Column("status_index", sa.Integer, nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("act", sa.Integer),
        sa.Column("signed_entry", sa.LargeBinary, nullable=False),
        sa.Column("leaf", sa.LargeBinary, nullable=False, unique=True),
        sa.Column("batch", sa.Integer, sa.ForeignKey("batch.id"), index=True),
        sa.Column("position", sa.Integer),
        sa.UniqueConstraint("status_list", "status_index"),
    )
    op.create_table(
        "sealedrecord",
        sa.Column("licence", sa.Integer, sa.ForeignKey("licence.row"), primary_key=True),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "document",
        sa.Column("id", sa.String, primary_key=True),
        _department(),
        sa.Column("digest", sa.String, nullable=False, index=True),
        sa.Column("object", sa.String, nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary, nullable=False),
        sa.Column("media_type", sa.String, nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("licence", sa.Integer, sa.ForeignKey("licence.row")),
    )


def _acts() -> None:
    op.create_table(
        "statusact",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("request", sa.String, nullable=False, index=True),
        _department(),
        sa.Column("list", sa.BigInteger, nullable=False),
        sa.Column("act", sa.Integer, nullable=False),
        sa.Column("legal_basis", sa.String, nullable=False),
        sa.Column("state", _ACT, nullable=False, index=True),
        sa.Column("recorded_at", sa.BigInteger, nullable=False),
        *_transaction(),
    )
    op.create_table(
        "statusactlicence",
        sa.Column("act", sa.Integer, sa.ForeignKey("statusact.id"), primary_key=True),
        sa.Column("licence", sa.Integer, sa.ForeignKey("licence.row"), primary_key=True, index=True),
    )


def _notes() -> None:
    op.create_table(
        "idempotency",
        sa.Column("department", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("key", sa.String, primary_key=True),
        sa.Column("request_hash", sa.LargeBinary, nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("answer", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("time", sa.BigInteger, nullable=False),
        sa.Column("department", sa.Integer, nullable=False, index=True),
        sa.Column("actor", sa.String, nullable=False),
        sa.Column("deed", sa.String, nullable=False),
        sa.Column("object", sa.String, nullable=False),
    )


def _department() -> sa.Column[int]:
    return sa.Column("department", sa.Integer, sa.ForeignKey("department.id"), nullable=False, index=True)


def _transaction() -> list[sa.Column[object]]:
    return [
        sa.Column("nonce", sa.Integer),
        sa.Column("raw_transaction", sa.LargeBinary),
        sa.Column("transaction_hash", sa.String),
        sa.Column("block", sa.Integer),
        sa.Column("block_hash", sa.String),
        sa.Column("time", sa.BigInteger),
        sa.Column("note", sa.String),
    ]
