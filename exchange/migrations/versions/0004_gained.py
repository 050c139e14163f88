"""Since when a member can use a word, where that is later than the word itself."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "gained",
        sa.Column("member", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("word", sa.String(length=64), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("member", "word", name=op.f("gained_pk")),
        sqlite_with_rowid=False,
    )
