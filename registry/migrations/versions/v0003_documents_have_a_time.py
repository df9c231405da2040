"""When a document was kept: retention counts from there. Those of earlier releases count as kept today."""

import time

import sqlalchemy as sa
from alembic import context, op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Adds the column and seals every document anew."""
    op.add_column("document", sa.Column("kept_at", sa.BigInteger, nullable=False, server_default="0"))
    op.create_index("ix_document_licence", "document", ["licence"])
    connection = op.get_bind()
    table = sa.Table("document", sa.MetaData(), autoload_with=connection)
    for row in connection.execute(sa.select(table)).mappings().all():
        fresh = {**row, "kept_at": int(time.time())}
        seal = context.config.attributes["seal"]("document", fresh)
        values = {"kept_at": fresh["kept_at"], "seal": seal}
        connection.execute(table.update().where(table.c.id == row["id"]).values(**values))
