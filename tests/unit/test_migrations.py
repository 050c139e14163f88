"""The schema's history: what the migrations make is what `exchange.tables` says, and nothing newer is touched."""

from __future__ import annotations

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from exchange import ledger, store, tables


def test_the_migrations_make_exactly_the_schema_that_the_code_expects(empty_database: str) -> None:
    engine = store.connect(empty_database)
    store.migrate(engine)
    with engine.connect() as conn:
        assert compare_metadata(MigrationContext.configure(conn), tables.metadata) == []
    engine.dispose()


@pytest.mark.parametrize("schema", [store.MAIN, ledger._SCHEMA], ids=["exchange", "ledger"])
def test_a_migration_is_named_by_its_revision_and_the_greatest_is_the_last(schema: store.Schema) -> None:
    """A start compares names alone."""
    settings = Config()
    settings.set_main_option("script_location", "exchange:migrations")
    settings.set_main_option("path_separator", "newline")
    settings.set_main_option("version_locations", f"exchange:migrations/{schema.folder}")
    scripts = ScriptDirectory.from_config(settings)
    assert store._revisions(schema) == [script.revision for script in scripts.walk_revisions()][::-1]
    assert [store._revisions(schema)[-1]] == scripts.get_heads()


def test_each_exchange_has_secrets_of_its_own_and_keeps_them(empty_database: str) -> None:
    engine = store.connect(empty_database)
    store.migrate(engine)
    with store.reading(engine) as conn:
        before = {name: store.secret(conn, name) for name in ("next", "marking", "policy")}
    store.migrate(engine)
    with store.reading(engine) as conn:
        assert {name: store.secret(conn, name) for name in before} == before
    assert len(set(before.values())) == 3
    assert all(len(value) == 32 for value in before.values())
    engine.dispose()


def test_a_database_of_a_newer_release_is_left_alone(empty_database: str) -> None:
    engine = store.connect(empty_database)
    store.migrate(engine)
    with store.writing(engine) as conn:
        conn.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(store.NewerSchema):
        store.migrate(engine)
    with store.reading(engine) as conn:
        assert store.schema_version(conn) == "9999"
    engine.dispose()
