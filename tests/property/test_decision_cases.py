"""The policy's decision cases (tests/cases/*.yaml): every way to ask gives the answer that the case says.

Here the exchange's functions are asked; tests/protocol/test_cases_over_http.py asks the same over HTTP.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.engine import URL

from tests.property import casesketch
from tests.property import world as w
from tests.property.casefaces import Core
from tests.property.casereading import Asks, play
from tests.property.cases import Case, load

CASES = load()


def names(cases: Sequence[Case]) -> list[str]:
    return [f"{case.topic}: {case.name}" for case in cases]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the example home in force."""
    path = tmp_path_factory.mktemp("cases") / "template.db"
    world = w.World(url=URL.create("sqlite", database=str(path)).render_as_string())
    world.apply(casesketch.files(casesketch.example()))
    world.close()
    return path


@pytest.fixture(scope="module")
def engines() -> list[Engine]:
    """Shared by the worlds of all cases, which stand at one place one after the other."""
    return []


@pytest.fixture
def world(template: Path, engines: list[Engine]) -> Iterator[w.World]:
    made = w.World(url=w.copied(template, template.parent, "case"), migrated=True, engines=engines)
    yield made
    made.close()


@pytest.mark.parametrize("case", CASES, ids=names(CASES))
def test_every_question_is_answered_as_the_case_says(case: Case, world: w.World) -> None:
    play(case, world, Core(world), Asks(commands=True))
