"""Cases: findings under one clock, with their parties, and more time asked for."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "case_",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("owner", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("case__pk")),
    )
    op.create_table(
        "case_finding",
        sa.Column("case", sa.String(length=36), nullable=False),
        sa.Column("object", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("case", "object", name=op.f("case_finding_pk")),
        sqlite_with_rowid=False,
    )
    op.create_index("case_finding_by_object", "case_finding", ["object"])
    op.create_table(
        "case_party",
        sa.Column("case", sa.String(length=36), nullable=False),
        sa.Column("member", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("case", "member", name=op.f("case_party_pk")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "case_request",
        sa.Column("case", sa.String(length=36), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("member", sa.Integer(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=1000), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("answer", sa.String(length=10), nullable=False),
        sa.Column("answered", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("case", "number", name=op.f("case_request_pk")),
        sqlite_with_rowid=False,
    )
