"""Responses: which versions answer which finding."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "response",
        sa.Column("version", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("word", sa.String(length=24), nullable=False),
        sa.Column("publisher", sa.Integer(), nullable=False),
        sa.Column("collection", sa.Integer(), nullable=False),
        sa.Column("object", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("due", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("version", name=op.f("response_pk")),
    )
    op.create_index("response_by_object", "response", ["object"])
    some = sa.text("due IS NOT NULL")
    op.create_index("response_by_due", "response", ["due"], sqlite_where=some, postgresql_where=some)
