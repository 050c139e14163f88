"""How many objects stand under which labels, counted from the log as it is."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from hashlib import blake2b
from itertools import groupby

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    label_set = op.create_table(
        "label_set",
        sa.Column("digest", sa.LargeBinary(length=16), nullable=False),
        sa.Column("labels", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("label_set_pk")),
        sqlite_with_rowid=False,
    )
    tally = op.create_table(
        "tally",
        sa.Column("collection", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("lane", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("common", sa.LargeBinary(length=16), nullable=False),
        sa.Column("own", sa.LargeBinary(length=16), nullable=False),
        sa.Column("objects", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("collection", "lane", "common", "own", name=op.f("tally_pk")),
        sqlite_with_rowid=False,
    )
    log = sa.table("log", *(sa.column(name) for name in ("collection", "object", "lane", "at", "label")))
    rows = op.get_bind().execute(sa.select(log).order_by(log.c.collection, log.c.object))
    counted = Counter(
        (collection, *kind)
        for (collection, _), group in groupby(rows, key=lambda row: (row.collection, row.object))
        for kind in _kinds(group)
    )
    texts = {text for _, _, *both in counted for text in both}
    if counted:
        op.bulk_insert(label_set, [{"digest": _digest(text), "labels": text} for text in sorted(texts)])
        op.bulk_insert(
            tally,
            [{"collection": c, "lane": lane, "common": _digest(a), "own": _digest(b), "objects": n}
             for (c, lane, a, b), n in counted.items()],
        )  # fmt: skip


def _kinds(rows: Iterator[sa.Row[tuple[int, int, int, int, int]]]) -> Iterator[tuple[int, str, str]]:
    """(lane, common labels, labels that the lane's member uses) of one object."""
    common: dict[int, int] = {}
    own: dict[int, dict[int, int]] = defaultdict(dict)
    for row in rows:
        (own[row.lane] if row.lane else common)[row.at] = row.label
    if common:
        yield 0, _text(common), ""
    for lane, mine in own.items():
        yield lane, _text(common), _text(common | mine)


def _text(labels: dict[int, int]) -> str:
    return " ".join(map(str, sorted(set(labels.values()))))


def _digest(text: str) -> bytes:
    return blake2b(text.encode(), digest_size=16).digest()
