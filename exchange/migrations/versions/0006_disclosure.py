"""Disclosure: held, refused and withdrawn deposits, submissions, anonymous copies, and what members are yet to be told.

What was deposited before is published, belongs to no submission and is nobody's copy.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    with op.batch_alter_table("version") as batch:
        batch.add_column(sa.Column("state", sa.String(length=12), nullable=False, server_default=""))
        batch.add_column(sa.Column("submission", sa.BigInteger(), nullable=True))
        batch.add_column(sa.Column("source", sa.BigInteger(), nullable=True))
    with op.batch_alter_table("version") as batch:
        batch.alter_column("state", existing_type=sa.String(length=12), server_default=None)
    source, due = sa.text("source IS NOT NULL"), sa.text("due IS NOT NULL")
    op.create_index("version_by_source", "version", ["source"], sqlite_where=source, postgresql_where=source)
    with op.batch_alter_table("status") as batch:
        batch.add_column(sa.Column("collection", sa.Integer(), nullable=True))
        batch.add_column(sa.Column("key", sa.String(length=16), nullable=True))
    op.create_index("status_by_member", "status", ["member", "at"])
    op.create_table(
        "held",
        sa.Column("version", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("reasons", sa.String(length=100), nullable=False),
        sa.Column("key", sa.String(length=16), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("held_pk")),
    )
    op.create_table(
        "alias",
        sa.Column("publisher", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("object", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("copy", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("publisher", "object", name=op.f("alias_pk")),
        sqlite_with_rowid=False,
    )
    op.create_index("alias_by_copy", "alias", ["publisher", "copy"], unique=True)
    op.create_table(
        "notice",
        sa.Column("number", _NUMBER, nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=100), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("due", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("number", name=op.f("notice_pk")),
    )
    op.create_index("notice_by_due", "notice", ["due"], sqlite_where=due, postgresql_where=due)
    op.create_index("notice_by_version", "notice", ["version"])
    op.create_table(
        "told",
        sa.Column("notice", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("member", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("notice", "member", name=op.f("told_pk")),
        sqlite_with_rowid=False,
    )
