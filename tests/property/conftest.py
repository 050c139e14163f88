"""A migrated database for every world that asks, by copying: a migration for each would take most of the time."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy.engine import URL

from tests.property.world import World


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file with nothing in it."""
    path = tmp_path_factory.mktemp("template") / "empty.db"
    World(url=URL.create("sqlite", database=str(path)).render_as_string()).close()
    return path
