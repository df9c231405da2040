"""Row seals, the audit trail's chain, leases, holds, and what erasing needs."""

import secrets

import sqlalchemy as sa
from alembic import context, op

revision = "0002"
down_revision = "0001"

_SEALED = (
    "department", "signingkey", "typeversion", "permission", "subject", "statuslist", "statusblock", "licence",
    "sealedrecord", "document", "batch", "statusact", "statusactlicence", "idempotency", "audit",
)  # fmt: skip


def upgrade() -> None:
    """Adds the columns and tables, then seals every row that is there."""
    _columns()
    _tables()
    connection = op.get_bind()
    _name_subjects(connection)
    _date_answers(connection)
    for table in _SEALED[:-1]:
        _seal(connection, table)
    _chain_the_trail(connection)
    with op.batch_alter_table("audit") as audit:
        audit.create_unique_constraint("uq_audit_department_seq", ["department", "seq"])
    op.create_index("ix_subject_name", "subject", ["name"], unique=True)


def _columns() -> None:
    for table in _SEALED:
        op.add_column(table, sa.Column("seal", sa.LargeBinary, nullable=False, server_default=""))
    op.add_column("subject", sa.Column("name", sa.String, nullable=False, server_default=""))
    op.add_column("subject", sa.Column("erasing", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("subject", sa.Column("erased_at", sa.BigInteger))
    op.add_column("licence", sa.Column("erased_at", sa.BigInteger))
    op.add_column("statusact", sa.Column("change", sa.BigInteger))
    op.add_column("idempotency", sa.Column("licence", sa.String))
    op.add_column("idempotency", sa.Column("time", sa.BigInteger, nullable=False, server_default="0"))
    op.create_index("ix_idempotency_licence", "idempotency", ["licence"])
    op.add_column("audit", sa.Column("seq", sa.Integer, nullable=False, server_default="0"))
    op.add_column("audit", sa.Column("before", sa.LargeBinary, nullable=False, server_default=""))


def _tables() -> None:
    op.create_table(
        "lease",
        sa.Column("department", sa.Integer, sa.ForeignKey("department.id"), primary_key=True),
        sa.Column("holder", sa.String, nullable=False),
        sa.Column("token", sa.Integer, nullable=False),
        sa.Column("beat", sa.Integer, nullable=False),
        sa.Column("seal", sa.LargeBinary, nullable=False, server_default=""),
    )
    op.create_table(
        "hold",
        sa.Column("department", sa.Integer, sa.ForeignKey("department.id"), primary_key=True),
        sa.Column("since", sa.BigInteger, nullable=False),
        sa.Column("missing", sa.String, nullable=False),
        sa.Column("seal", sa.LargeBinary, nullable=False, server_default=""),
    )


def _name_subjects(connection: sa.Connection) -> None:
    for row in connection.execute(sa.text("SELECT id FROM subject")).all():
        named = {"name": secrets.token_hex(16), "id": row.id}
        connection.execute(sa.text("UPDATE subject SET name = :name WHERE id = :id"), named)


def _date_answers(connection: sa.Connection) -> None:
    """Answers of the earlier release count as given now: their retention begins today."""
    now = "strftime('%s')" if connection.dialect.name == "sqlite" else "extract(epoch from now())"
    connection.execute(sa.text(f"UPDATE idempotency SET time = CAST({now} AS BIGINT)"))  # noqa: S608  # our own words


def _seal(connection: sa.Connection, name: str) -> None:
    table = sa.Table(name, sa.MetaData(), autoload_with=connection)
    key = list(table.primary_key.columns)
    for row in connection.execute(sa.select(table)).mappings().all():
        where = [column == row[column.name] for column in key]
        connection.execute(table.update().where(*where).values(seal=_made(name, dict(row))))


def _chain_the_trail(connection: sa.Connection) -> None:
    table = sa.Table("audit", sa.MetaData(), autoload_with=connection)
    last: dict[int, tuple[int, bytes]] = {}
    for row in connection.execute(sa.select(table).order_by(table.c.id)).mappings().all():
        seq, before = last.get(row["department"], (0, b""))
        fresh = {**row, "seq": seq + 1, "before": before}
        seal = _made("audit", fresh)
        last[row["department"]] = (seq + 1, seal)
        values = {"seq": seq + 1, "before": before, "seal": seal}
        connection.execute(table.update().where(table.c.id == row["id"]).values(**values))


def _made(table: str, values: dict[str, object]) -> bytes:
    seal: bytes = context.config.attributes["seal"](table, values)
    return seal
