"""The schema's history: what the migrations make is what `exchange.tables` says, and nothing newer is touched."""

from __future__ import annotations

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from exchange import store, tables


def test_the_migrations_make_exactly_the_schema_that_the_code_expects(database: str) -> None:
    engine = store.connect(database)
    store.migrate(engine)
    with engine.connect() as conn:
        assert compare_metadata(MigrationContext.configure(conn), tables.metadata) == []
    engine.dispose()


def test_each_exchange_has_secrets_of_its_own_and_keeps_them(database: str) -> None:
    engine = store.connect(database)
    store.migrate(engine)
    with store.reading(engine) as conn:
        before = {name: store.secret(conn, name) for name in ("next", "marking", "policy")}
    store.migrate(engine)
    with store.reading(engine) as conn:
        assert {name: store.secret(conn, name) for name in before} == before
    assert len(set(before.values())) == 3
    assert all(len(value) == 32 for value in before.values())
    engine.dispose()


def test_a_database_of_a_newer_release_is_left_alone(database: str) -> None:
    engine = store.connect(database)
    store.migrate(engine)
    with store.writing(engine) as conn:
        conn.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(store.NewerSchema):
        store.migrate(engine)
    with store.reading(engine) as conn:
        assert store.schema_version(conn) == "9999"
    engine.dispose()
