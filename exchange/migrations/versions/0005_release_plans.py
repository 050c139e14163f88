"""Release plans: what is still to come of each version, and the last instant that releases were carried out for.

What was deposited before has no plan: its audience is the same at every stage.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "tick",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("tick_pk")),
    )
    with op.batch_alter_table("version") as batch:
        batch.add_column(sa.Column("ever", sa.BigInteger(), nullable=True))
        batch.add_column(sa.Column("eventual", sa.BigInteger(), nullable=True))
        batch.add_column(sa.Column("started", sa.BigInteger(), nullable=True))
        batch.add_column(sa.Column("steps", sa.Text(), nullable=True))
        batch.add_column(sa.Column("due", sa.BigInteger(), nullable=True))
    op.execute("UPDATE version SET ever = base, eventual = whole, started = received, steps = ''")
    with op.batch_alter_table("version") as batch:
        for name in ("ever", "eventual", "started"):
            batch.alter_column(name, existing_type=sa.BigInteger(), nullable=False)
        batch.alter_column("steps", existing_type=sa.Text(), nullable=False)
    due = sa.text("due IS NOT NULL")
    op.create_index("version_by_due", "version", ["due"], sqlite_where=due, postgresql_where=due)
