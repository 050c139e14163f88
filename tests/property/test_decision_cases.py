"""The policy's decision cases (tests/cases/*.yaml): every way to ask gives the answer that the case says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.engine import URL

from exchange import store
from tests.property import casesketch
from tests.property import world as w
from tests.property.casefaces import Core, Http
from tests.property.casereading import play
from tests.property.cases import Case, load

CASES = load()
EXAMPLES = [case for case in CASES if case.topic == "examples"]


def names(cases: list[Case]) -> list[str]:
    return [f"{case.topic}: {case.name}" for case in cases]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the example home in force."""
    path = tmp_path_factory.mktemp("cases") / "template.db"
    world = w.World(url=URL.create("sqlite", database=str(path)).render_as_string())
    world.apply(casesketch.files(casesketch.example()))
    world.close()
    return path


class Ready(w.World):
    """A world on a database that is migrated already."""

    def __post_init__(self) -> None:
        self.engine = store.connect(self.url, 4)
        self._start_clock()


@pytest.fixture
def world(template: Path, tmp_path: Path) -> Iterator[w.World]:
    made = Ready(url=w.copied(template, tmp_path, "case"))
    yield made
    made.close()


@pytest.mark.parametrize("case", CASES, ids=names(CASES))
def test_every_question_is_answered_as_the_case_says(case: Case, world: w.World) -> None:
    play(case, world, Core(world))


@pytest.mark.parametrize("case", EXAMPLES, ids=names(EXAMPLES))
def test_members_are_served_over_http_as_the_case_says(case: Case, world: w.World) -> None:
    play(case, world, Http.of(world))
