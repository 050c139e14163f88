"""The ledger by itself: how lines are packed, written together, looked up and checked, and how polls are remembered."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, create_engine, event, select, text, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import StaticPool

from exchange import app, ledger, ledgeraudit, store, whohas
from exchange.ledger import Ledger, Line, Unwritten
from exchange.ledgertables import metadata, served
from exchange.polls import Poll, Polls, keep, stored
from tests.property.world import World, campaign, campaign_id, home, uid

LINE = Line(at=1_000, member=1, collection=1, key="aaaabbbbcccc", config=1, versions=(7, 8, 9))
POLL = Poll(member=1, key="aaaabbbbcccc", collection=1, at=1_000, reached=500)


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    made = store.connect(database)
    ledger.migrate(made)
    yield made
    made.dispose()


def lines(engine: Engine) -> list[tuple[int, tuple[int, ...]]]:
    """(at, versions) of each line."""
    with store.reading(engine) as conn:
        rows = conn.execute(select(served).order_by(served.c.number)).all()
    return [(row.at, ledger.unpack(row.versions)) for row in rows]


# The schema -------------------------------------------------------------------------------------------------------


def test_the_store_and_its_ledger_may_share_a_database_and_each_has_a_history_of_its_own(empty_database: str) -> None:
    engine = store.connect(empty_database)
    ledger.migrate(engine)
    store.migrate(engine)
    ledger.migrate(engine)
    store.migrate(engine)
    mine = {**metadata.tables, "ledger_version": None}

    def of_the_ledger(name: str | None, kind: str, _parents: object) -> bool:
        return kind != "table" or name in mine

    with engine.connect() as conn:
        options = {"version_table": "ledger_version", "include_name": of_the_ledger}
        assert compare_metadata(MigrationContext.configure(conn, opts=options), metadata) == []
    engine.dispose()


# Packing ----------------------------------------------------------------------------------------------------------


@given(st.lists(st.integers(min_value=0, max_value=2**62)))
def test_numbers_come_back_as_they_were_packed_in_their_order(numbers: list[int]) -> None:
    assert ledger.unpack(ledger.pack(numbers)) == tuple(numbers)


def test_neighbours_take_a_byte_each() -> None:
    packed = ledger.pack([1_000_000 + n + (-1) ** n for n in range(10_000)])
    assert len(packed) == 10_000 + 2


@given(st.lists(st.integers(min_value=100, max_value=2**62), min_size=1))
def test_what_was_cut_off_within_a_number_is_no_line(numbers: list[int]) -> None:
    packed = ledger.pack(numbers)
    whole = {len(ledger.pack(numbers[:n])) for n in range(len(numbers) + 1)}
    for length in set(range(len(packed))) - whole:
        with pytest.raises(ValueError, match="end within one"):
            ledger.unpack(packed[:length])


# Writing ----------------------------------------------------------------------------------------------------------


def test_a_line_can_be_read_by_others_once_it_is_written(engine: Engine) -> None:
    Ledger(engine).write(LINE)
    assert lines(engine) == [(1_000, (7, 8, 9))]


def test_a_line_is_synced(engine: Engine) -> None:
    with store.writing(engine, synced=False):
        pass  # leaves a connection behind that does not wait for the disk
    found: list[object] = []
    asked = "PRAGMA synchronous" if engine.dialect.name == "sqlite" else "SHOW synchronous_commit"

    @event.listens_for(engine, "commit")
    def _ask(conn: object) -> None:
        found.append(conn.exec_driver_sql(asked).scalar())  # type: ignore[attr-defined]

    Ledger(engine).write(LINE)
    assert found in ([2], ["on"])


class Slow:
    """Keeps the first commit of an engine until it is let go, and counts them all."""

    def __init__(self, engine: Engine) -> None:
        self.commits = 0
        self.reached, self.go = threading.Event(), threading.Event()
        event.listen(engine, "commit", self._at_commit)

    def _at_commit(self, _conn: object) -> None:
        self.commits += 1
        self.reached.set()
        assert self.go.wait(30)


def test_lines_that_come_during_a_commit_share_the_next_one(engine: Engine) -> None:
    slow, book = Slow(engine), Ledger(engine)
    with ThreadPoolExecutor(16) as threads:
        first = threads.submit(book.write, LINE)
        assert slow.reached.wait(30)
        arrived = threading.Barrier(16)

        def write(n: int) -> None:
            arrived.wait(30)
            book.write(replace(LINE, at=n))

        rest = [threads.submit(write, n) for n in range(15)]
        arrived.wait(30)
        slow.go.set()
        for done in [first, *rest]:
            done.result(30)
    assert sorted(at for at, _ in lines(engine)) == [*range(15), 1_000]
    assert slow.commits <= 8  # two, if all threads were quick


def test_a_commit_that_fails_fails_for_all_that_it_was_for_and_for_nobody_else(engine: Engine) -> None:
    slow, book = Slow(engine), Ledger(engine)
    with ThreadPoolExecutor(4) as threads:
        first = threads.submit(book.write, LINE)
        assert slow.reached.wait(30)

        @event.listens_for(engine, "before_cursor_execute")
        def _break(*_given: object) -> None:
            raise SQLAlchemyError("disk full")

        rest = [threads.submit(book.write, LINE, POLL) for _ in range(3)]
        slow.go.set()
        first.result(30)
        failures = [done.exception(30) for done in rest]
    assert [type(failure) for failure in failures] == [Unwritten] * 3
    assert [ledger.reason(failure) for failure in failures if isinstance(failure, Unwritten)] == ["disk full"] * 3
    event.remove(engine, "before_cursor_execute", _break)
    assert len(lines(engine)) == 1
    assert Polls(engine).of(1) == []
    book.write(LINE)
    assert len(lines(engine)) == 2


def test_a_thread_that_ends_while_it_writes_leaves_nobody_waiting(engine: Engine) -> None:
    slow, book = Slow(engine), Ledger(engine)
    with ThreadPoolExecutor(3) as threads:
        first = threads.submit(book.write, LINE)
        assert slow.reached.wait(30)

        @event.listens_for(engine, "before_cursor_execute")
        def _end(*_given: object) -> None:
            raise KeyboardInterrupt

        rest = [threads.submit(book.write, LINE) for _ in range(2)]
        slow.go.set()
        first.result(30)
        failures = {type(done.exception(30)) for done in rest}
    assert KeyboardInterrupt in failures
    assert failures <= {KeyboardInterrupt, Unwritten}


@pytest.fixture(scope="module")
def memory() -> Iterator[Engine]:
    """An empty ledger in memory; what a test writes there it takes back."""
    made = create_engine("sqlite://", poolclass=StaticPool)
    metadata.create_all(made)
    yield made
    made.dispose()


# Looking up -------------------------------------------------------------------------------------------------------


def test_a_version_is_looked_up_by_the_index_from_when_it_came(tmp_path_factory: pytest.TempPathFactory) -> None:
    engine = store.connect(f"sqlite:///{tmp_path_factory.mktemp('plan') / 'ledger.db'}")
    ledger.migrate(engine)
    found: list[tuple[str, object]] = []
    event.listen(engine, "before_cursor_execute", lambda *given: found.append((given[2], given[3])))
    with store.reading(engine) as conn:
        assert list(ledger.carrying(conn, 1, frozenset({5}))) == []
        sql, values = found[-1]
        plan = " ".join(str(row[-1]) for row in conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values))  # type: ignore[arg-type]
    engine.dispose()
    assert "served_by_high (collection=? AND high>?)" in plan


@given(
    st.lists(st.lists(st.integers(1, 30), min_size=1, max_size=5), max_size=20), st.sets(st.integers(1, 30), min_size=1)
)
def test_the_lines_that_carry_a_version_are_found_and_no_others(
    memory: Engine, written: list[list[int]], wanted: set[int]
) -> None:
    with memory.connect() as conn:
        if written:
            ledger.add(conn, [replace(LINE, at=n, versions=tuple(x)) for n, x in enumerate(written)])
        ledger.add(conn, [replace(LINE, at=99, collection=2, versions=tuple(wanted))])
        found = [line.at for line in ledger.carrying(conn, 1, frozenset(wanted))]
    assert found == [n for n, x in enumerate(written) if wanted & {*x}]


# Numbers that are never given twice -------------------------------------------------------------------------------

COLLECTION = uid(1)


@pytest.fixture
def world(database: str) -> Iterator[World]:
    made = World(url=database)
    ledger.migrate(made.engine)
    rights = {"id": COLLECTION, "read": "everyone", "write": "everyone", "accept": ["clear", "red"]}
    made.apply(home({}, {"alice": {"name": "A", "in": []}, "bob": {"name": "B", "in": []}}, {"a": rights}))
    yield made
    assert made.audit() == []
    made.close()


def _publish(world: World, n: int, version: int = 1) -> int:
    """Alice publishes; the number of the version."""
    world.post("alice", COLLECTION, [campaign(n, version, text=f"{n}")])
    with store.reading(world.engine) as conn:
        return _greatest(conn)


def _greatest(conn: object) -> int:
    return int(conn.scalar(text("SELECT max(number) FROM version")))  # type: ignore[attr-defined]


def _serve(world: World, member: int, *versions: int, at: int | None = None, config: int = 1) -> None:
    with store.reading(world.engine) as conn:
        place = store.collections(conn)[COLLECTION].number
    line = Line(
        at=world.now() if at is None else at, member=member, collection=place, key="", config=config, versions=versions
    )
    Ledger(world.engine).write(line)


def _had(world: World, stix_id: str) -> list[whohas.Had] | None:
    with store.reading(world.engine) as conn:
        return whohas.who_has(conn, conn, world._state(conn), stix_id)


def test_a_version_deposited_again_has_a_new_number_and_its_readers_keep_the_old_one(world: World) -> None:
    first = _publish(world, 1)
    _serve(world, 2, first)
    world.delete("alice", COLLECTION, campaign_id(1))
    second = _publish(world, 1)
    _serve(world, 1, second)
    _serve(world, 2, second)
    assert second > first
    found = _had(world, campaign_id(1))
    assert found is not None
    assert [(had.member, had.publisher, had.version, had.times) for had in found] == [
        ("alice", "alice", "2026-01-01T00:00:01.000Z", 1),
        ("bob", "alice", "2026-01-01T00:00:01.000Z", 2),
    ]
    assert _faults(world) == []


def test_who_has_tells_what_nobody_was_served_from_what_nobody_deposited(world: World) -> None:
    _publish(world, 1)
    assert _had(world, campaign_id(1)) == []
    assert _had(world, campaign_id(2)) is None


def test_who_has_names_the_first_and_the_last_time_with_their_configs_and_members_that_left(world: World) -> None:
    number = _publish(world, 1)
    now = world.now()
    rights = {"id": COLLECTION, "read": "everyone", "write": "everyone", "accept": ["clear", "red"]}
    world.apply(home({}, {"alice": {"name": "A", "in": []}}, {"a": rights}))
    for at, config in ((now + 5, 1), (now + 9, 2), (now, 1), (now + 7, 2)):
        _serve(world, 2, number, at=at, config=config)
    found = _had(world, campaign_id(1))
    assert found is not None
    [had] = found
    assert (had.member, had.collection, had.times) == ("bob", "a", 4)
    assert (had.first, had.first_config, had.last, had.last_config) == (now, 1, now + 9, 2)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_numbers_that_a_power_cut_took_from_the_store_are_not_given_again(world: World) -> None:
    lost = _publish(world, 1) + 3
    _serve(world, 2, lost)
    ledger.hold_numbers(world.engine, world.engine)
    ledger.hold_numbers(world.engine, world.engine)
    assert _publish(world, 2) == lost + 1
    assert _had(world, campaign_id(2)) == []
    assert _faults(world) == []


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_nothing_is_held_where_the_store_has_all_that_was_served(world: World) -> None:
    _serve(world, 2, _publish(world, 1))
    ledger.hold_numbers(world.engine, world.engine)
    with store.reading(world.engine) as conn:
        assert conn.scalar(text("SELECT count(*) FROM former")) == 0


# The audit --------------------------------------------------------------------------------------------------------


def _faults(world: World) -> list[str]:
    with store.reading(world.engine) as conn:
        return ledgeraudit.audit(conn, conn)


WRONG: list[tuple[dict[str, object], str]] = [
    ({"versions": b"\x80"}, "is damaged"),
    ({"member": 9}, "names member 9, which never was"),
    ({"key": "unknown"}, "names a key that was never made"),
    ({"collection": 9}, "names collection 9, which never was"),
    ({"config": 9}, "names config version 9, which never was in force"),
    ({"low": 0}, "is wrong about the least and the greatest of its versions"),
    ({"high": 100}, "is wrong about the least and the greatest of its versions"),
    ({"at": 1}, "is older than version"),
    ({"versions": ledger.pack([63])}, "names version 63, which was never stored"),
]


def test_the_audit_finds_a_line_that_cannot_be_right(world: World) -> None:
    _serve(world, 2, _publish(world, 1))
    assert _faults(world) == []
    with store.reading(world.engine) as conn:
        [sound] = conn.execute(select(served)).mappings()
    for change, fault in WRONG:
        with store.writing(world.engine) as conn:
            conn.execute(update(served).values({**sound, **change}))
        assert any(fault in found for found in _faults(world)), change


def test_the_audit_finds_a_version_of_another_collection_and_a_line_before_its_config(world: World) -> None:
    number = _publish(world, 1)
    rights = {"read": "everyone", "write": "everyone", "accept": ["clear", "red"]}
    both = {"a": {"id": COLLECTION, **rights}, "b": {"id": uid(2), **rights}}
    world.apply(home({}, {"alice": {"name": "A", "in": []}, "bob": {"name": "B", "in": []}}, both))
    with store.reading(world.engine) as conn:
        second = store.collections(conn)[uid(2)].number
        first = store.collections(conn)[COLLECTION].number
    line = Line(at=world.now() - 60_000_000, member=1, collection=second, key="", config=2, versions=(number,))
    Ledger(world.engine).write(line)
    found = "; ".join(_faults(world))
    assert "is older than config version 2" in found
    assert f"names version {number}, which is of collection {first}" in found


# Polls ------------------------------------------------------------------------------------------------------------


def test_polls_are_remembered_by_key_and_collection_and_told_to_their_member_alone(engine: Engine) -> None:
    found = Polls(engine)
    others = [replace(POLL, key="zzz"), replace(POLL, collection=2), replace(POLL, member=2)]
    for poll in (POLL, *others):
        found.saw(poll)
    assert found.of(1) == [replace(POLL, collection=1), replace(POLL, collection=2), replace(POLL, key="zzz")]
    assert found.of(2) == [replace(POLL, member=2)]


def test_a_poll_costs_no_statement(engine: Engine) -> None:
    seen: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *given: seen.append(given[2]))
    found = Polls(engine)
    found.saw(POLL)
    found.saw(replace(POLL, at=2_000))
    assert seen == []
    found.save()
    assert sum("INSERT" in sql for sql in seen) == 1
    seen.clear()
    found.save()
    assert seen == []


def test_an_error_and_a_poll_that_was_answered_stand_beside_each_other(engine: Engine) -> None:
    failed = Poll(member=1, key=POLL.key, collection=1, error_at=2_000, error_status=403, error="Forbidden")
    together = replace(POLL, error_at=2_000, error_status=403, error="Forbidden")
    one, other = Polls(engine), Polls(engine)
    one.saw(POLL)
    one.saw(failed)
    assert one.of(1) == [together]
    one.save()
    assert other.of(1) == [together]
    other.saw(replace(POLL, at=3_000, reached=900))
    assert other.of(1) == [replace(together, at=3_000, reached=900)]


@settings(max_examples=30)
@given(st.permutations(range(5)), st.integers(0, 5))
def test_whoever_saves_last_the_latest_poll_stays(memory: Engine, order: list[int], saved_between: int) -> None:
    polls = [replace(POLL, at=n, reached=n * 10, error_at=9 - n, error_status=400 + n, error="x") for n in order]
    with memory.connect() as conn:
        for n, poll in enumerate(polls):
            keep(conn, [poll] if n < saved_between else [poll, replace(poll, collection=2)])
        found = {p.collection: p for p in stored(conn, 1)}
    assert (found[1].at, found[1].reached) == (4, 40)
    assert (found[1].error_at, found[1].error_status) == (9, 400)


def test_what_could_not_be_stored_is_stored_the_next_time(engine: Engine) -> None:
    found = Polls(engine)
    found.saw(POLL)
    with store.writing(engine) as conn:
        conn.execute(text("ALTER TABLE poll RENAME TO elsewhere"))
    with pytest.raises(SQLAlchemyError):
        found.save()
    with store.writing(engine) as conn:
        conn.execute(text("ALTER TABLE elsewhere RENAME TO poll"))
    found.save()
    assert Polls(engine).of(1) == [POLL]


def test_the_poll_of_a_line_is_stored_with_it(engine: Engine) -> None:
    Ledger(engine).write(LINE, POLL)
    assert Polls(engine).of(1) == [POLL]


def test_a_process_that_serves_stores_vain_polls_by_and_by_and_outlives_a_store_in_trouble(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(app, "SAVE_SECONDS", 0.02)
    found = Polls(engine)
    with store.writing(engine) as conn:
        conn.execute(text("ALTER TABLE poll RENAME TO elsewhere"))
    thread = app.keep_saving(found)
    found.saw(POLL)
    _until(lambda: "could not be stored yet" in caplog.text)
    with store.writing(engine) as conn:
        conn.execute(text("ALTER TABLE elsewhere RENAME TO poll"))
    _until(lambda: Polls(engine).of(1) == [POLL])
    assert thread.daemon


def _until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)
