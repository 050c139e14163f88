"""The ledger's schema: who was served what, and when each key last polled.

A database of its own on SQLite, so that a poll never waits for a publisher's write lock; on PostgreSQL two tables
beside the others, reached by connections of their own. Members, collections and versions stand here by the numbers
that `tables` gives them, which are never given twice. Instants are integers: microseconds since 1970-01-01 UTC.
"""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, String, Table

from exchange.tables import Number

metadata = MetaData(naming_convention={"pk": "%(table_name)s_pk"})

served = Table(  # one line for each answer that carried objects, written before its first byte
    "served", metadata,
    Column("number", Number, primary_key=True),
    Column("at", BigInteger, nullable=False),  # when the request came
    Column("member", Integer, nullable=False),
    Column("collection", Integer, nullable=False),
    Column("key", String(16), nullable=False),  # empty: a stock medallion server, which knows no keys
    Column("config", Integer, nullable=False),  # the version in force in the snapshot that was answered from
    Column("low", BigInteger, nullable=False),  # the least and the greatest of `versions`
    Column("high", BigInteger, nullable=False),
    Column("versions", LargeBinary, nullable=False),  # ledger.pack: version numbers in the order of the answer
    # What was served before a version came has a smaller `high`, so nothing older than the version is looked at.
    Index("served_by_high", "collection", "high", "low"),
)  # fmt: skip

poll = Table(  # of each key, where it has polled: the last time, and the last time in vain
    "poll", metadata,
    Column("member", Integer, primary_key=True, autoincrement=False),
    Column("key", String(16), primary_key=True),
    Column("collection", Integer, primary_key=True, autoincrement=False),
    Column("at", BigInteger),
    Column("reached", BigInteger),  # in the member's own time: the last `date_added` served, else where it asked from
    Column("error_at", BigInteger),
    Column("error_status", Integer),
    Column("error", String(100)),  # the title of that status
)  # fmt: skip
