"""The database: opening it, transactions, and one function per statement on the small tables.

SQLite (WAL, synchronous=FULL) for one machine, PostgreSQL for many processes. Functions take a connection; whoever
opens the transaction owns it. Statements on deposits are in `entries`, on the log in `logrows`, page queries in
`pages`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from hashlib import blake2b
from importlib.resources import files
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import (
    Connection,
    Dialect,
    Engine,
    MetaData,
    Row,
    Table,
    bindparam,
    column,
    create_engine,
    delete,
    event,
    func,
    insert,
    inspect,
    select,
    table,
    text,
    update,
)
from sqlalchemy.exc import DBAPIError

from exchange import tables as t

BUSY_MILLISECONDS = 20_000  # wait before answering 503: some clients lose a poll that fails
CHUNK = 500  # bound values a statement
T = TypeVar("T")


def connect(url: str, pool: int = 16) -> Engine:
    """An engine on `url`. SQLite: WAL, every commit synced, transactions as we say and not as the driver guesses."""
    if not url.startswith("sqlite"):
        # Every query of ours walks an index in order or looks up by key. Where a page's bounds are not known when it is
        # planned, PostgreSQL would fetch a whole label by bitmap and sort it.
        options = {"options": "-c enable_bitmapscan=off -c random_page_cost=1.1"}
        return create_engine(
            url, pool_size=pool, max_overflow=0, pool_pre_ping=True, hide_parameters=True, connect_args=options
        )
    engine = create_engine(url, pool_size=pool, max_overflow=0, hide_parameters=True)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(dbapi: Any, _record: object) -> None:
    dbapi.isolation_level = None
    for pragma in (
        "journal_mode = WAL",
        "synchronous = FULL",
        f"busy_timeout = {BUSY_MILLISECONDS}",
        "temp_store = MEMORY",
        "cache_size = -65536",
    ):
        dbapi.execute(f"PRAGMA {pragma}")


def _begin_sqlite(conn: Connection) -> None:
    options = conn.get_execution_options()
    if not options.get("write"):
        conn.exec_driver_sql("BEGIN")
        return
    conn.exec_driver_sql(f"PRAGMA synchronous = {'NORMAL' if options.get('unsynced') else 'FULL'}")
    # A deferred transaction that turns to writing fails at once with "database is locked", whatever the timeout.
    conn.exec_driver_sql("BEGIN IMMEDIATE")


@contextmanager
def writing(engine: Engine, *, synced: bool = True) -> Iterator[Connection]:
    """One write transaction: committed at the end, rolled back on any exception.

    With `synced` it is on disk once this returns, and with it all that was committed before. Without, it is visible
    at once and its commit waits for no disk; see `stamping`.
    """
    with engine.execution_options(write=True, unsynced=not synced).begin() as conn:
        if not synced and conn.dialect.name == "postgresql":
            conn.exec_driver_sql("SET LOCAL synchronous_commit = off")
        yield conn


@contextmanager
def stamping(engine: Engine) -> Iterator[Connection]:
    """A write transaction that gives instants: visible before they come, however slow the disk, then made durable.

    A commit that waited for the disk could become visible after its own `date_added`, and a client that keeps its own
    clock would miss it. What a power cut takes between the two was not answered yet, and comes again with new instants.
    """
    with writing(engine, synced=False) as conn:
        yield conn
    sync(engine)


def sync(engine: Engine) -> None:
    """Everything committed so far is on disk once this returns: the log of both databases is one sequence."""
    with writing(engine) as conn:
        if conn.dialect.name == "postgresql":
            conn.exec_driver_sql("SELECT pg_logical_emit_message(true, 'exchange', 'sync')")
        else:
            conn.exec_driver_sql("UPDATE secret SET value = value WHERE name = 'next'")


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """One snapshot: what is read in it belongs together (promise 6)."""
    with engine.connect() as conn:
        if conn.dialect.name == "postgresql":
            conn = conn.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        with conn.begin():
            yield conn


def must_retry(error: DBAPIError) -> bool:
    """A deadlock or a serialization failure: nothing happened, the same transaction may be tried again."""
    return getattr(error.orig, "sqlstate", None) in ("40001", "40P01")


def database_clock(conn: Connection, host: int) -> int:
    """Microseconds. Cost: none on SQLite, whose host is the only one; a round trip on PostgreSQL."""
    if conn.dialect.name == "sqlite":
        return host
    return int(conn.scalar(text("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint")) or 0)


def numbers(conn: Connection, table: Table, count: int, former: Table | None = None) -> Sequence[int]:
    """`count` fresh numbers for `table`, none of which stands in `former` either.

    Cost: O(1) on SQLite (under its write lock), O(count) on PostgreSQL.
    """
    if count == 0:
        return range(0)
    if conn.dialect.name == "sqlite":
        greatest = [select(func.max(x.c.number)).scalar_subquery() for x in (table, former) if x is not None]
        first = max(top or 0 for top in conn.execute(select(*greatest)).one()) + 1
        return range(first, first + count)
    query = text("SELECT nextval(:name) FROM generate_series(1, :count)")
    return list(conn.scalars(query, {"name": f"{table.name}_number_seq", "count": count}))


def insert_missing(conn: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert the rows that are not there yet. Cost: O(rows)."""
    if not rows:
        return
    if conn.dialect.name == "sqlite":
        conn.execute(insert(table).prefix_with("OR IGNORE"), rows)
    else:
        from sqlalchemy.dialects.postgresql import insert as pg_insert

        conn.execute(pg_insert(table).on_conflict_do_nothing(), rows)


def add_up(conn: Connection, table: Table, counted: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add the column `counted` of each row to the row with its key, or insert it. Cost: O(rows)."""
    if not rows:
        return
    from sqlalchemy.dialects import postgresql, sqlite

    made = (sqlite if conn.dialect.name == "sqlite" else postgresql).insert(table)
    sums = {counted: table.c[counted] + made.excluded[counted]}
    conn.execute(made.on_conflict_do_update(index_elements=list(table.primary_key.columns), set_=sums), rows)


def insert_many(conn: Connection, table: Table, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Insert rows given as tuples of driver values, past SQLAlchemy's work per row. Cost: O(rows)."""
    if not rows:
        return
    key = (table, tuple(columns), conn.dialect.name)
    statement = _inserts.get(key) or _inserts.setdefault(key, _insert(conn.dialect, table, columns))
    if statement.order is None:
        conn.exec_driver_sql(statement.sql, [dict(zip(columns, row, strict=True)) for row in rows])
    elif statement.order == tuple(range(len(columns))):
        conn.exec_driver_sql(statement.sql, [tuple(row) for row in rows])
    else:
        conn.exec_driver_sql(statement.sql, [tuple(row[i] for i in statement.order) for row in rows])


class _Insert(NamedTuple):
    """`order`: the places of the driver's values in a row; None where it takes them by name."""

    sql: str
    order: tuple[int, ...] | None


_inserts: dict[tuple[Table, tuple[str, ...], str], _Insert] = {}  # compiled once: each takes as long as a small insert


def _insert(dialect: Dialect, table: Table, columns: Sequence[str]) -> _Insert:
    made = insert(table).values({name: bindparam(name) for name in columns}).compile(dialect=dialect)
    names = made.positiontup or () if dialect.positional else None
    return _Insert(str(made), None if names is None else tuple(columns.index(name) for name in names))


def chunks(values: Sequence[T]) -> Iterator[Sequence[T]]:
    for i in range(0, len(values), CHUNK):
        yield values[i : i + CHUNK]


# Secrets, members, words, collections -------------------------------------------------------------------------


def secret(conn: Connection, name: str) -> bytes:
    """One of the exchange's own secrets, made by the first migration. Cost: O(1)."""
    return bytes(conn.execute(select(t.secret.c.value).where(t.secret.c.name == name)).scalar_one())


def members(conn: Connection) -> dict[str, int]:
    """Name → number of everybody who ever was a member. Cost: O(members)."""
    return dict(conn.execute(select(t.member.c.name, t.member.c.number)).all())


def since(conn: Connection) -> dict[str, int]:
    """``member:NAME``, ``group:NAME``, ``release:NAME`` → the instant of the config version that brought it.

    Cost: O(names).
    """
    found = {f"member:{n}": at for n, at in conn.execute(select(t.member.c.name, t.member.c.since))}
    words = conn.execute(select(t.word.c.name, t.word.c.since))
    return found | {name if ":" in name else f"group:{name}": at for name, at in words}


def gained(conn: Connection, member: int) -> dict[str, int]:
    """Word → since when the member can use it, of those that it could not use at first. Cost: O(words)."""
    return dict(conn.execute(select(t.gained.c.word, t.gained.c.since).where(t.gained.c.member == member)).all())


def set_gained(conn: Connection, rows: Sequence[tuple[int, str]], at: int) -> None:
    """(member, word) that can be used from now on."""
    if rows:
        values = [{"member": member, "word": word, "since": at} for member, word in rows]
        c = t.gained.c
        known = (c.member == bindparam("b_member")) & (c.word == bindparam("b_word"))
        conn.execute(delete(t.gained).where(known), [{"b_member": m, "b_word": w} for m, w in rows])
        conn.execute(insert(t.gained), values)


def add_members(conn: Connection, names: Sequence[str], at: int) -> None:
    first = (conn.scalar(select(func.max(t.member.c.number))) or 0) + 1
    rows = [{"number": first + i, "name": name, "since": at} for i, name in enumerate(names)]
    if rows:
        conn.execute(insert(t.member), rows)


def add_words(conn: Connection, names: Sequence[str], at: int) -> None:
    insert_missing(conn, t.word, [{"name": name, "since": at} for name in names])


@dataclass(frozen=True, slots=True)
class CollectionRow:
    number: int
    uid: str
    last: int


def collections(conn: Connection) -> dict[str, CollectionRow]:
    """By id. Cost: O(collections)."""
    rows = conn.execute(select(t.collection.c.number, t.collection.c.uid, t.collection.c.last))
    return {uid: CollectionRow(number, uid, last) for number, uid, last in rows}


def add_collections(conn: Connection, uids: Sequence[str]) -> None:
    first = (conn.scalar(select(func.max(t.collection.c.number))) or 0) + 1
    rows = [{"number": first + i, "uid": uid, "last": 0} for i, uid in enumerate(uids)]
    if rows:
        conn.execute(insert(t.collection), rows)


def lock_collections(conn: Connection, wanted: Sequence[int] | None = None) -> dict[int, int]:
    """Take the sequencer's lock of these collections (all, if None), in one order; number → last instant."""
    query = select(t.collection.c.number, t.collection.c.last).order_by(t.collection.c.number).with_for_update()
    if wanted is not None:
        query = query.where(t.collection.c.number.in_(wanted))
    return dict(conn.execute(query).all())


def latest(conn: Connection) -> int:
    """The greatest instant that the logs and the config versions know. Cost: O(collections)."""
    return max(conn.scalar(select(func.max(t.collection.c.last))) or 0, config_version(conn)[1])


def set_last(conn: Connection, collection: int, last: int) -> None:
    conn.execute(update(t.collection).where(t.collection.c.number == collection).values(last=last))


def lock_publisher(conn: Connection, member: int) -> None:
    """Closure looks at one publisher's deposits only, so its writes go one after the other. Cost: O(1).

    A member's deposits under its name and its anonymous ones share the lock; the exchange's notes need none.
    """
    conn.execute(select(t.member.c.number).where(t.member.c.number == abs(member)).with_for_update())


# Config versions ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ConfigRow:
    version: int
    at: int
    files: str
    departed: str


_CONFIG_VERSION = select(t.config.c.version, t.config.c.at).order_by(t.config.c.version.desc()).limit(1)


def config_version(conn: Connection) -> tuple[int, int]:
    """The version in force and its instant, (0, 0) if none was ever applied. Cost: O(1)."""
    row = conn.execute(_CONFIG_VERSION).one_or_none()
    return (row.version, row.at) if row else (0, 0)


def hold_config(conn: Connection) -> None:
    """Keep the version in force until this transaction ends; writers share that, `apply` does not."""
    if conn.dialect.name == "postgresql":
        conn.execute(text("SELECT pg_advisory_xact_lock_shared(815)"))


def change_config(conn: Connection) -> tuple[int, int]:
    """The version in force and its instant; nobody writes objects or config until this transaction ends."""
    if conn.dialect.name == "postgresql":
        conn.execute(text("SELECT pg_advisory_xact_lock(815)"))
    return config_version(conn)


def config_row(conn: Connection, version: int) -> ConfigRow:
    """A version that was in force once. Raises `NoResultFound`. Cost: O(1)."""
    c = t.config.c
    return ConfigRow(*conn.execute(select(c.version, c.at, c.files, c.departed).where(c.version == version)).one())


def config_history(conn: Connection) -> list[tuple[int, int]]:
    """(version, instant) of every version that was in force. Cost: O(versions)."""
    return [(v, at) for v, at in conn.execute(select(t.config.c.version, t.config.c.at).order_by(t.config.c.version))]


def add_config(conn: Connection, row: ConfigRow) -> None:
    values = {"version": row.version, "at": row.at, "files": row.files, "departed": row.departed}
    conn.execute(insert(t.config), [values])


def set_ended(conn: Connection, rows: Sequence[tuple[int, int]], at: int) -> None:
    """(member, collection): something that the member could read there is taken from it at this instant."""
    if rows:
        c = t.ended.c
        known = (c.member == bindparam("b_member")) & (c.collection == bindparam("b_collection"))
        conn.execute(delete(t.ended).where(known), [{"b_member": m, "b_collection": p} for m, p in rows])
        conn.execute(insert(t.ended), [{"member": m, "collection": p, "at": at} for m, p in rows])


def ended(conn: Connection, member: int) -> dict[int, int]:
    """Collection → when a change of the config last took something from the member there. Cost: O(those)."""
    return dict(conn.execute(select(t.ended.c.collection, t.ended.c.at).where(t.ended.c.member == member)).all())


# Releases -----------------------------------------------------------------------------------------------------


def tick(conn: Connection) -> int:
    """The instant up to which releases were carried out; 0 before the first. Cost: O(1)."""
    return conn.scalar(select(t.tick.c.at)) or 0


def set_tick(conn: Connection, at: int) -> None:
    if not conn.execute(update(t.tick).values(at=at)).rowcount:
        conn.execute(insert(t.tick), [{"number": 1, "at": at}])


# Statuses -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusRow:
    """What became of one POST; `key` is the id of the key that it came with, empty where there was none."""

    id: str
    member: int
    at: int
    json: str
    collection: int
    key: str


def add_status(conn: Connection, row: StatusRow) -> None:
    conn.execute(insert(t.status), [asdict(row)])


def status(conn: Connection, status_id: str, member: int) -> str | None:
    """Only for its poster (T-4.3-06). Cost: O(1)."""
    query = select(t.status.c.json).where(t.status.c.id == status_id, t.status.c.member == member)
    return conn.scalar(query)


_STATUS = select(*(t.status.c[name] for name in StatusRow.__slots__))


def submission(conn: Connection, status_id: str, member: int) -> StatusRow | None:
    """A member's own POST. Cost: O(1)."""
    c = t.status.c
    row = conn.execute(_STATUS.where(c.member == member, c.id == status_id)).one_or_none()
    return _submission(row) if row else None


def submissions(conn: Connection, member: int, after: StatusRow | None, limit: int) -> list[StatusRow]:
    """A member's POSTs, newest first, those before one of them. Cost: O(limit) by status_by_member."""
    c = t.status.c
    query = _STATUS.where(c.member == member).order_by(c.at.desc(), c.id.desc()).limit(limit)
    if after:
        query = query.where((c.at < after.at) | ((c.at == after.at) & (c.id < after.id)))
    return [_submission(row) for row in conn.execute(query)]


def _submission(row: Row[Any]) -> StatusRow:
    """Of one that came before these were kept, collection 0 and no key."""
    return StatusRow(**{**row._asdict(), "collection": row.collection or 0, "key": row.key or ""})


def poster(conn: Connection, status_id: str) -> int | None:
    """The member whose POST it was, for operators. Cost: O(1)."""
    return conn.scalar(select(t.status.c.member).where(t.status.c.id == status_id))


# Interned values ----------------------------------------------------------------------------------------------


def audience_numbers(conn: Connection, texts: Sequence[str]) -> dict[str, int]:
    """Text → number, interning what is new. Cost: O(texts)."""
    digests = {blake2b(x.encode(), digest_size=16).digest(): x for x in texts}
    insert_missing(conn, t.audience, [{"digest": d, "text": x} for d, x in digests.items()])
    found: dict[str, int] = {}
    for part in chunks(list(digests)):
        query = select(t.audience.c.digest, t.audience.c.number).where(t.audience.c.digest.in_(part))
        found |= {digests[bytes(d)]: number for d, number in conn.execute(query)}
    return found


def audience_texts(conn: Connection, wanted: Sequence[int]) -> dict[int, str]:
    found: dict[int, str] = {}
    for part in chunks(list(wanted)):
        query = select(t.audience.c.number, t.audience.c.text).where(t.audience.c.number.in_(part))
        found |= dict(conn.execute(query).all())
    return found


def object_numbers(conn: Connection, ids: Sequence[str]) -> dict[str, int]:
    """Numbers of the STIX ids that the exchange has ever seen. Cost: O(ids)."""
    found: dict[str, int] = {}
    for part in chunks(list(ids)):
        query = select(t.object_.c.id, t.object_.c.number).where(t.object_.c.id.in_(part))
        found |= dict(conn.execute(query).all())
    return found


def add_objects(conn: Connection, types: Mapping[str, str]) -> None:
    """STIX id → type; those that are new get a number. Sorted, so that two writers never wait for each other."""
    insert_missing(conn, t.object_, [{"id": i, "type": types[i]} for i in sorted(types)])


# Schema -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Schema:
    """Tables with a history of their own: its folder below `exchange.migrations`, and the table that says how far."""

    metadata: MetaData
    folder: str
    version_table: str


MAIN = Schema(t.metadata, "versions", "alembic_version")


def migrate(engine: Engine, schema: Schema = MAIN, revision: str = "head") -> None:
    """Bring the schema to what this release expects, or as far as `revision`; several processes may try at once.

    Raises `NewerSchema`.
    """
    known = _revisions(schema)
    with reading(engine) as conn:
        if schema_version(conn, schema) == known[-1] and revision == "head":
            return
    from alembic import command  # a third of a second to import, and needed only where something changed
    from alembic.config import Config

    settings = Config()
    settings.set_main_option("script_location", "exchange:migrations")
    settings.set_main_option("path_separator", "newline")
    settings.set_main_option("version_locations", f"exchange:migrations/{schema.folder}")
    with writing(engine) as conn:
        if conn.dialect.name == "postgresql":
            conn.execute(text("SELECT pg_advisory_xact_lock(816)"))
        current = schema_version(conn, schema)
        if current and current not in known:
            raise NewerSchema(current)
        settings.attributes |= {"connection": conn, "schema": schema}
        command.upgrade(settings, revision)


def _revisions(schema: Schema) -> list[str]:
    """Every revision, oldest first: what the names of the migrations begin with."""
    folder = files("exchange.migrations") / schema.folder
    return sorted(file.name.partition("_")[0] for file in folder.iterdir() if file.name[0].isdigit())


def schema_version(conn: Connection, schema: Schema = MAIN) -> str | None:
    """The revision that the database is at, None where it has none of the schema."""
    if not inspect(conn).has_table(schema.version_table):
        return None
    found: str | None = conn.scalar(select(column("version_num")).select_from(table(schema.version_table)))
    return found


class NewerSchema(Exception):
    """The database was written by a newer release: nothing was touched."""
