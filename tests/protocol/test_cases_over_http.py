"""The decision cases (tests/cases/*.yaml) over HTTP: what is served is what each case says and each command answers.

The web application runs in this process; each member asks with a key of its own, and `who-has` must name exactly those
who received something. That `decide`, `explain`, `who-can` and `view` say the same of the same steps is held by
tests/property/test_decision_cases.py; the long form asks them here too, about everybody at every step.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.engine import URL

from exchange import ledger, store
from tests.property import casesketch
from tests.property import world as w
from tests.property.casefaces import Http
from tests.property.casereading import Asks, check_who_has, play
from tests.property.cases import Case, load

CASES = load()
SHORT = ("examples", "kinds")  # each rule both ways, and the worked examples; the others in the long form
NAMES = [f"{case.topic}: {case.name}" for case in CASES]


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two SQLite files: the example home in force, and an empty ledger."""
    folder = tmp_path_factory.mktemp("templates")
    world = w.World(url=_url(folder, "exchange"))
    world.apply(casesketch.files(casesketch.example()))
    world.close()
    engine = store.connect(_url(folder, "ledger"), 1)
    ledger.migrate(engine)
    engine.dispose()
    return folder


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, list[Engine]]]:
    """Engines for the files of one case after the other at one place: statements are compiled once for all."""
    folder = tmp_path_factory.mktemp("case")
    made = [store.connect(_url(folder, "exchange"), 4), store.connect(_url(folder, "ledger"), 4)]
    yield folder, made
    for engine in made:
        engine.dispose()


@pytest.fixture
def face(templates: Path, engines: tuple[Path, list[Engine]]) -> Iterator[Http]:
    folder, (main, beside) = engines
    world = w.World(url=w.copied(templates / "exchange.db", folder, "exchange"), migrated=True, engines=[main])
    w.copied(templates / "ledger.db", folder, "ledger")
    yield Http.of(world, beside)
    beside.dispose()
    world.close()


def _url(folder: Path, name: str) -> str:
    return URL.create("sqlite", database=str(folder / f"{name}.db")).render_as_string()


@pytest.mark.parametrize(
    "case", [pytest.param(c, marks=[] if c.topic in SHORT else pytest.mark.long) for c in CASES], ids=NAMES
)
def test_members_are_served_as_the_case_says_and_who_has_names_them(case: Case, face: Http) -> None:
    check_who_has(play(case, face.world, face, Asks(resources=True)), face)


@pytest.mark.long
@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_at_each_step_every_member_is_served_as_each_command_answers(case: Case, face: Http) -> None:
    check_who_has(play(case, face.world, face, Asks(commands=True, resources=True, everybody=True)), face)
