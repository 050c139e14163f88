"""The first schema, and the exchange's own secrets."""

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audience",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=16), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("audience_pk")),
        sa.UniqueConstraint("digest", name=op.f("audience_digest_key")),
    )
    op.create_table(
        "body",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("json", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("body_pk")),
    )
    op.create_table(
        "claim",
        sa.Column("collection", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("object", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("publisher", sa.Integer(), nullable=False),
        sa.Column("audience", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("collection", "object", "seq", name=op.f("claim_pk")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "collection",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("uid", sa.String(length=36), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("collection_pk")),
        sa.UniqueConstraint("uid", name=op.f("collection_uid_key")),
    )
    op.create_table(
        "config",
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("files", sa.Text(), nullable=False),
        sa.Column("departed", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("config_pk")),
    )
    op.create_table(
        "grants",
        sa.Column("member", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("collection", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("g", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("head", sa.BigInteger(), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("stop", sa.BigInteger(), nullable=False),
        sa.Column("shift", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("member", "collection", "g", name=op.f("grants_pk")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "label",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("collection", sa.Integer(), nullable=False),
        sa.Column("lane", sa.Integer(), nullable=False),
        sa.Column("expr", sa.Text(), nullable=False),
        sa.Column("parent", sa.Integer(), nullable=False),
        sa.Column("root", sa.Integer(), nullable=False),
        sa.Column("top", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("label_pk")),
    )
    op.create_index("label_by_expr", "label", ["collection", "lane", "expr", "parent"], unique=True)
    op.create_table(
        "log",
        sa.Column("label", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("collection", sa.Integer(), nullable=False),
        sa.Column("lane", sa.Integer(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("object", sa.BigInteger(), nullable=False),
        sa.Column("publisher", sa.Integer(), nullable=False),
        sa.Column("ver", sa.BigInteger(), nullable=False),
        sa.Column("apart", sa.Boolean(), nullable=False),
        sa.Column("superseded", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("label", "at", name=op.f("log_pk")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "log_by_lane",
        "log",
        ["collection", "lane", "at"],
        unique=True,
        sqlite_where=sa.text("lane <> 0"),
        postgresql_where=sa.text("lane <> 0"),
    )
    op.create_index("log_by_n", "log", ["label", "n"], unique=True)
    op.create_index("log_by_object", "log", ["collection", "object", "publisher", "ver"], unique=False)
    op.create_index("log_by_version", "log", ["version"], unique=False)
    op.create_index(
        "log_current",
        "log",
        ["label", "at"],
        unique=False,
        sqlite_where=sa.text("NOT superseded"),
        postgresql_where=sa.text("NOT superseded"),
    )
    op.create_table(
        "member",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("member_pk")),
        sa.UniqueConstraint("name", name=op.f("member_name_key")),
    )
    op.create_table(
        "object",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", sa.String(length=300), nullable=False),
        sa.Column("type", sa.String(length=250), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("object_pk")),
        sa.UniqueConstraint("id", name=op.f("object_id_key")),
    )
    op.create_table(
        "reach",
        sa.Column("member", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("collection", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("label", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("g", sa.Integer(), nullable=False),
        sa.Column("base", sa.BigInteger(), nullable=False),
        sa.Column("upto", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("member", "collection", "label", name=op.f("reach_pk")),
        sqlite_with_rowid=False,
    )
    op.create_index("reach_by_grant", "reach", ["member", "collection", "g", "base"], unique=False)
    op.create_index("reach_by_label", "reach", ["label"], unique=False)
    op.create_table(
        "reference",
        sa.Column("publisher", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("target", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("version", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("publisher", "target", "version", name=op.f("reference_pk")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "secret",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("secret_pk")),
    )
    op.create_table(
        "shadow",
        sa.Column("older", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("newer", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("older", "newer", name=op.f("shadow_pk")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "status",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("member", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("json", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("status_pk")),
    )
    op.create_table(
        "version",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("collection", sa.Integer(), nullable=False),
        sa.Column("publisher", sa.Integer(), nullable=False),
        sa.Column("object", sa.BigInteger(), nullable=False),
        sa.Column("ver", sa.BigInteger(), nullable=False),
        sa.Column("ver_text", sa.String(length=40), nullable=False),
        sa.Column("body", sa.BigInteger(), nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.Column("refs", sa.Text(), nullable=False),
        sa.Column("creator", sa.Boolean(), nullable=False),
        sa.Column("received", sa.BigInteger(), nullable=False),
        sa.Column("deleted", sa.BigInteger(), nullable=True),
        sa.Column("base", sa.BigInteger(), nullable=False),
        sa.Column("whole", sa.BigInteger(), nullable=False),
        sa.Column("shown", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("version_pk")),
    )
    op.create_index("version_by_deposit", "version", ["publisher", "object", "collection", "ver"], unique=True)
    op.create_index("version_by_object", "version", ["collection", "object"], unique=False)
    op.create_table(
        "word",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("word_pk")),
    )
    op.create_table(
        "key",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("member", sa.Integer(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("scope", sa.String(length=20), nullable=False),
        sa.Column("collections", sa.Text(), nullable=True),
        sa.Column("client", sa.String(length=40), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("made", sa.BigInteger(), nullable=False),
        sa.Column("expires", sa.BigInteger(), nullable=True),
        sa.Column("revoked", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["member"],
            ["member.number"],
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("key_pk")),
    )
    secret = sa.table("secret", sa.column("name", sa.String), sa.column("value", sa.LargeBinary))
    names = (
        "next",
        "marking",
        "policy",
    )  # seals cursors, shapes marking ids, shapes the `policy` collection's id
    op.bulk_insert(secret, [{"name": name, "value": secrets.token_bytes(32)} for name in names])
