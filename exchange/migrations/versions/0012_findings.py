"""Findings that were pushed by their own keys, answers that are given again, and quotas."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "finding",
        sa.Column("member", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("collection", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("key_digest", sa.LargeBinary(length=16), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("object", sa.BigInteger(), nullable=False),
        sa.Column("objects", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=16), nullable=False),
        sa.Column("status", sa.String(length=36), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("member", "collection", "key_digest", name=op.f("finding_pk")),
        sqlite_with_rowid=False,
    )
    op.create_index("finding_by_object", "finding", ["member", "object"], unique=False)
    op.create_table(
        "answered",
        sa.Column("member", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("key_digest", sa.LargeBinary(length=16), nullable=False),
        sa.Column("request", sa.LargeBinary(length=16), nullable=False),
        sa.Column("json", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("member", "key_digest", name=op.f("answered_pk")),
        sqlite_with_rowid=False,
    )
    op.create_index("answered_by_at", "answered", ["at"], unique=False)
    op.create_table(
        "spent",
        sa.Column("member", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("left", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("member", name=op.f("spent_pk")),
    )
