"""What reading and publishing ask of the database: the statements, their plans, and how many they are (promise 7).

On both databases, filled with two thousand of the benchmark's objects: several publishers, hundreds of labels,
inboxes, versions. The statements are taken as they go to the driver. Their texts are kept in `sql/`; after a wanted
change write them anew with EXCHANGE_WRITE_SQL=1.
"""

import os
import re
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import Connection, Engine, event, text

from bench import sample, stores
from exchange import app, audit, entries, feed, intake, ledger, pages, stix, store
from exchange.pages import Filters, View
from exchange.sequencer import Clock
from tests import databases

SIZE = 2000
SQL = Path(__file__).parent / "sql"
EVERY, LAST, FIRST = Filters(every=True), Filters(), Filters(first=True, last=False)
TYPED = Filters(types=("malware", "tool"), exact=(1,))


@dataclass(frozen=True, slots=True)
class Sent:
    """One statement as it went to the driver."""

    sql: str
    values: Any

    @property
    def name(self) -> str:
        """Its first words, which tell which one it is."""
        return " ".join(self.sql.split()[:3])


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A database with the sample in it, filled once for this module; what a test publishes stays."""
    folder = tmp_path_factory.mktemp("plans")
    with _database(request, folder) as url:
        made = store.connect(url)
        store.migrate(made)
        stores.fill(made, SIZE, "plans")
        yield made
        made.dispose()


@contextmanager
def _database(request: pytest.FixtureRequest, folder: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{shutil.copyfile(databases.template(), folder / 'exchange.db')}"
        return
    server, template = request.getfixturevalue("postgresql_server"), request.getfixturevalue("postgresql_template")
    with databases.postgresql(server, template) as url:
        yield url


@contextmanager
def sent(engine: Engine | Connection) -> Iterator[list[Sent]]:
    """The statements that go to the driver meanwhile, but for the BEGINs that SQLite is told and others are not."""
    found: list[Sent] = []

    def note(_conn: Any, _cursor: Any, sql: str, values: Any, _context: Any, _many: bool) -> None:
        if not sql.startswith("BEGIN"):
            found.append(Sent(sql, values))

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(engine, "before_cursor_execute", note)


def wide(conn: Connection, filters: Filters = LAST) -> tuple[View, stores.Viewer]:
    """The member that reads most, and its span of times."""
    who = stores.viewer(conn, sample.WIDE)
    return View(member=who.member, collection=who.collection, filters=filters), who


def test_what_the_benchmark_fills_in_passes_the_audit(engine: Engine) -> None:
    with store.reading(engine) as conn:
        assert list(audit.audit(conn, stores.force(conn).readers)) == []


# Plans --------------------------------------------------------------------------------------------------------------


def plan(conn: Connection, one: Sent) -> list[str]:
    """The lines of the database's own explanation."""
    how = "EXPLAIN QUERY PLAN" if conn.dialect.name == "sqlite" else "EXPLAIN"
    return [str(row[-1]) for row in conn.exec_driver_sql(f"{how} {one.sql}", one.values)]


def indexes(lines: list[str], table: str, aliases: str) -> set[str]:
    """The indexes by which a table is read; `scan` where it is read whole."""
    found = set()
    around = {f"SCAN {line.split()[-1]}" for line in lines if "CO-ROUTINE" in line}  # a query around an inner one
    for line in lines:
        if line in around:
            continue
        if match := re.search(rf"(SEARCH|SCAN) ({aliases})\b ?(?:USING (?:COVERING )?(?:INDEX )?(\w+( KEY)?))?", line):
            found.add("scan" if match[1] == "SCAN" else f"{table}_pk" if match[4] else str(match[3]))
        elif match := re.search(rf"Scan using (\w+) on {table}\b|Bitmap Index Scan on ({table}_\w+)", line):
            found.add(match[1] or match[2])
        elif f"Seq Scan on {table}" in line:
            found.add("scan")
    return found


def of_log(lines: list[str]) -> set[str]:
    return indexes(lines, "log", "[elox]")


def log_page(conn: Connection, filters: Filters) -> list[str]:
    """The plan of a page from the middle of the log."""
    view, who = wide(conn, filters)
    with sent(conn) as found:
        pages.log_page(conn, view, g=0, after=(who.first + who.last) // 2, upto=feed.FOREVER, limit=101)
    return plan(conn, found[0])


def test_a_page_of_all_versions_walks_the_labels_by_the_logs_key(engine: Engine) -> None:
    with store.reading(engine) as conn:
        assert of_log(log_page(conn, EVERY)) == {"log_pk", "log_by_lane"}


def test_a_page_of_last_versions_looks_newer_ones_up_by_object(engine: Engine) -> None:
    with store.reading(engine) as conn:
        found = of_log(log_page(conn, LAST))
    # PostgreSQL takes the index of what is not superseded, which has the same key; SQLite the key itself.
    assert found - {"log_pk", "log_current"} == {"log_by_lane", "log_by_object"}
    assert found & {"log_pk", "log_current"}


def test_a_page_of_first_versions_looks_older_ones_up_by_object(engine: Engine) -> None:
    with store.reading(engine) as conn:
        assert of_log(log_page(conn, FIRST)) == {"log_pk", "log_by_lane", "log_by_object"}


def test_a_page_of_one_type_still_walks_the_labels(engine: Engine) -> None:
    with store.reading(engine) as conn:
        found = of_log(log_page(conn, TYPED))
    assert found & {"log_pk", "log_current"}
    assert "scan" not in found


def test_what_a_member_reads_is_found_by_its_own_rows_of_reach(engine: Engine) -> None:
    with store.reading(engine) as conn:
        assert indexes(log_page(conn, EVERY), "reach", "rx?") <= {"reach_pk", "reach_by_grant"}


@pytest.mark.parametrize("filters", [EVERY, LAST, FIRST, TYPED])
def test_sqlite_sorts_a_page_at_the_end_and_nothing_else(engine: Engine, filters: Filters) -> None:
    with store.reading(engine) as conn:
        lines = log_page(conn, filters)
    sorts = [line for line in lines if "TEMP B-TREE" in line]
    assert sorts == (["USE TEMP B-TREE FOR ORDER BY"] if engine.dialect.name == "sqlite" else [])


def test_single_objects_are_found_by_their_ids(engine: Engine) -> None:
    with store.reading(engine) as conn:
        view, _ = wide(conn, Filters(ids=some_ids(conn)))
        with sent(conn) as found:
            pages.object_rows(conn, view)
        lines = plan(conn, found[0])
    assert of_log(lines) == {"log_by_object", "log_by_lane"}
    assert indexes(lines, "object", "object") <= {"object_id_key", "sqlite_autoindex_object_1"}


def some_ids(conn: Connection) -> tuple[str, ...]:
    return tuple(conn.scalars(text("SELECT id FROM object ORDER BY number LIMIT 2")))


def test_the_runs_of_a_grant_come_from_reach_alone(engine: Engine) -> None:
    with store.reading(engine) as conn:
        view, _ = wide(conn)
        with sent(conn) as found:
            pages.grant_runs(conn, view, g=1, after=0)
        lines = plan(conn, found[0])
    assert of_log(lines) == set()
    assert indexes(lines, "reach", "r") <= {"reach_pk", "reach_by_grant"}


def test_a_run_of_a_grant_reads_the_log_by_an_index(engine: Engine) -> None:
    with store.reading(engine) as conn:
        view, _ = wide(conn, EVERY)
        with sent(conn) as found:
            pages.run_page(conn, view, g=1, base=0, upto=500, after=0, limit=101)
        read = of_log(plan(conn, found[0]))
    assert "scan" not in read
    assert "log_by_n" in read or engine.dialect.name == "postgresql"  # which may sort so few rows instead


def test_the_bytes_of_a_page_are_found_by_their_keys(engine: Engine) -> None:
    with store.reading(engine) as conn:
        with sent(conn) as found:
            pages.bodies(conn, [7])
        lines = plan(conn, found[0])
    scans = [line for line in lines if "SCAN" in line or "Seq Scan" in line]
    assert not [line for line in scans if "json_each" not in line]  # the list that was asked for


def test_a_publishers_own_deposits_are_found_by_their_ids(engine: Engine) -> None:
    with store.reading(engine) as conn:
        publisher = stores.viewer(conn, sample.PUBLISHERS[0]).member
        ids = list(conn.scalars(text("SELECT id FROM object ORDER BY number LIMIT 500")))
        with sent(conn) as found:
            entries.owned(conn, publisher, ids)
        lines = [line for one in found for line in plan(conn, one)]
    walked = [line for line in lines if "version_by_deposit (publisher=?)" in line or "SCAN" in line]
    assert walked == []


# How many statements ------------------------------------------------------------------------------------------------


def read(engine: Engine, asked: Callable[[Connection, View, stores.Viewer], object]) -> list[str]:
    with store.reading(engine) as conn:
        view, who = wide(conn)
        with sent(conn) as found:
            asked(conn, view, who)
    return [one.name for one in found]


def test_an_idle_poll_is_two_statements(engine: Engine) -> None:
    assert len(read(engine, lambda conn, view, who: feed.objects(conn, view, after=who.last, limit=100))) == 2


@pytest.mark.parametrize("limit", [1, 100, 1000])
def test_a_page_is_three_statements_whatever_its_size(engine: Engine, limit: int) -> None:
    """One more where much of what it looked at does not count."""
    assert len(read(engine, lambda conn, view, who: feed.objects(conn, view, after=0, limit=limit))) in (3, 4)


def test_a_manifest_is_three_statements(engine: Engine) -> None:
    assert len(read(engine, lambda conn, view, who: feed.manifest(conn, view, after=0, limit=100))) == 3


def test_single_objects_are_three_statements(engine: Engine) -> None:
    def ask(conn: Connection, view: View, _who: stores.Viewer) -> None:
        asked = replace(view, filters=Filters(every=True, ids=some))
        feed.objects(conn, asked, after=0, limit=100)

    with store.reading(engine) as conn:
        some = some_ids(conn)
    assert len(read(engine, ask)) == 3


def still_clock() -> Clock:
    """An hour ahead of every other, and it moves only where it is waited for: no commit is redone for being slow."""
    moved = 0

    def wait(microseconds: int) -> None:
        nonlocal moved
        moved += microseconds

    start = time.time_ns() // 1_000 + 3_600_000_000
    return Clock(host=lambda: start + moved, elapsed=lambda: start + moved, wait=wait)


def published(engine: Engine, seed: str, count: int) -> int:
    """Statements of one publish of `count` new objects that all go to the same readers."""
    poster = intake.Poster(engine=engine, clock=still_clock(), member=sample.PUBLISHERS[0])
    stream = sample.Stream(seed, stores.vocabulary(engine))
    objects: dict[str, sample.Made] = {}
    while len(objects) < count:
        new = stream.batch(publisher=poster.member)[1]
        objects |= {made.id: made for made in new if not made.refs and not made.said.text}
    body = sample.envelope(list(objects.values())[:count])
    with sent(engine) as found:
        status = intake.publish(poster, sample.COLLECTION, body, str(uuid.uuid4()))
    assert status["success_count"] == count
    return len(found)


def test_publishing_takes_as_many_statements_for_one_object_as_for_many(engine: Engine) -> None:
    published(engine, "first", 1)  # makes the label, and loads what is in force
    few = published(engine, "one", 1)
    assert few == published(engine, "hundred", 100) == published(engine, "five hundred", 500)
    assert few <= 37


# Over HTTP ----------------------------------------------------------------------------------------------------------


def asked(engine: Engine, folder: Path, query: str) -> tuple[int, Any]:
    """Statements of one GET of the wide member's objects, and the answer."""
    keys = stores.make_keys(engine)
    lines = store.connect(f"sqlite:///{folder / 'ledger.db'}")  # apart, so that its statements are not counted
    ledger.migrate(lines)
    exchange = app.Exchange(engine=engine, ledger=lines, clock=app.new_clock(), home=Path(), new_id=app.new_id)
    client = app.create_app(exchange).test_client()
    url = f"/exchange/collections/{sample.COLLECTION}/objects/?{query}"
    headers = {"Authorization": f"Bearer {keys[sample.WIDE]}"}
    client.get(url, headers=headers)  # loads what is in force
    with sent(engine) as found:
        answer = client.get(url, headers=headers)
    lines.dispose()
    assert answer.status_code == 200
    return len(found), orjson.loads(answer.data)


def own_clock(engine: Engine) -> int:
    """PostgreSQL is asked for its clock, SQLite's host is the only one."""
    return 1 if engine.dialect.name == "postgresql" else 0


def test_an_idle_poll_over_http_is_four_statements(engine: Engine, tmp_path: Path) -> None:
    with store.reading(engine) as conn:
        _, who = wide(conn)
    count, answer = asked(engine, tmp_path, f"added_after={stix.format_timestamp(who.last)}")
    assert answer == {"more": False}
    assert count == 4 + own_clock(engine)


def test_a_page_over_http_is_five_statements_and_its_line(engine: Engine, tmp_path: Path) -> None:
    count, answer = asked(engine, tmp_path, "limit=100")
    assert len(answer["objects"]) == 100
    assert count == 5 + own_clock(engine)


# Texts --------------------------------------------------------------------------------------------------------------

TEXTS: dict[str, Callable[[Connection, View], object]] = {
    "log_page_all": lambda conn, view: pages.log_page(
        conn, replace(view, filters=EVERY), g=0, after=0, upto=feed.FOREVER, limit=2
    ),
    "log_page_last": lambda conn, view: pages.log_page(conn, view, g=0, after=0, upto=feed.FOREVER, limit=2),
    "log_page_first": lambda conn, view: pages.log_page(
        conn, replace(view, filters=FIRST), g=0, after=0, upto=feed.FOREVER, limit=2
    ),
    "log_page_type_and_exact": lambda conn, view: pages.log_page(
        conn, replace(view, filters=TYPED), g=0, after=0, upto=feed.FOREVER, limit=2
    ),
    "grant_runs": lambda conn, view: pages.grant_runs(conn, view, g=1, after=0),
    "run_page_last": lambda conn, view: pages.run_page(conn, view, g=1, base=0, upto=500, after=0, limit=2),
    "object_rows_last": lambda conn, view: pages.object_rows(
        conn, replace(view, filters=Filters(ids=("tool--1", "tool--2")))
    ),
    "bodies": lambda conn, _view: pages.bodies(conn, [1, 2]),
    "heads": lambda conn, _view: pages.heads(conn, [1, 2]),
}


@pytest.mark.parametrize("name", TEXTS)
def test_the_text_of_a_page_query_is_as_it_is_written_down(engine: Engine, name: str) -> None:
    with store.reading(engine) as conn:
        view, _ = wide(conn)
        with sent(conn) as found:
            TEXTS[name](conn, view)
    text = "\n".join(line.rstrip() for line in found[0].sql.strip("\n").splitlines()) + "\n"
    file = SQL / f"{name}.{engine.dialect.name}.sql"
    if os.environ.get("EXCHANGE_WRITE_SQL"):
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")


def test_every_text_that_is_written_down_is_still_sent() -> None:
    assert {file.name for file in SQL.glob("*.sql")} == {
        f"{name}.{database}.sql" for name in TEXTS for database in ("sqlite", "postgresql")
    }
