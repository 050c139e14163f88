"""Databases of this release with nothing in them, by copying: a migration for each test would take most of the time."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import URL
from sqlalchemy.pool import NullPool

from exchange import ledger, store

NOTHING = "template1"  # PostgreSQL's own


@cache
def template() -> Path:
    """An SQLite file of an exchange. All copies have the same secrets."""
    return _made("exchange.db", store.migrate)


@cache
def ledger_template() -> Path:
    """An SQLite file of a ledger."""
    return _made("ledger.db", ledger.migrate)


def _made(name: str, migrate: Callable[[Engine], None]) -> Path:
    file = Path(_folder().name, name)
    engine = store.connect(URL.create("sqlite", database=str(file)).render_as_string(), 1)
    migrate(engine)
    engine.dispose()
    return file


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    """Its files are gone when the process ends."""
    return tempfile.TemporaryDirectory(prefix="exchange-templates-")


def fill(url: URL) -> None:
    """Spare an SQLite file that is not there yet its migrations."""
    if url.get_backend_name() == "sqlite" and not Path(str(url.database)).exists():
        shutil.copyfile(template(), str(url.database))


def furnish(home: Path) -> None:
    """Give a home that has no databases those that its first start would make."""
    if not (home / "data").exists():
        (home / "data").mkdir(mode=0o700)
        shutil.copyfile(template(), home / "data" / "exchange.db")
        shutil.copyfile(ledger_template(), home / "data" / "ledger.db")


@contextmanager
def postgresql(server: URL, template: str = NOTHING) -> Iterator[str]:
    """URL of a database of its own, as the template is; gone at the end."""
    name = f"exchange_test_{os.getpid()}_{secrets.token_hex(4)}"
    execute(server, f"CREATE DATABASE {name} TEMPLATE {template}")
    try:
        yield server.set(database=name).render_as_string(hide_password=False)
    finally:
        execute(server, f"DROP DATABASE {name} WITH (FORCE)")


def execute(server: URL, *statements: str) -> None:
    """Run statements outside a transaction, as CREATE DATABASE and ALTER SYSTEM need it."""
    engine = create_engine(server, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()
