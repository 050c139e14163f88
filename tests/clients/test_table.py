"""Every client through the whole story: no loss and no hang that a server can mend (reference clients.md)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.house import House, opened
from tests.clients.roster import ENTRANTS, Entrant
from tests.clients.shell import Curl
from tests.clients.story import STEPS, Story
from tests.clients.table import ROWS, Rows

pytestmark = pytest.mark.clients

PRESENT = [e for e in ENTRANTS if e.make is not Curl or Curl.there()]


@pytest.fixture(scope="module")
def house(folder: Path) -> Iterator[House]:
    with opened(folder) as found:
        yield found


@pytest.fixture(scope="module")
def rows(house: House, request: pytest.FixtureRequest) -> Rows:
    """Each client's outcome of each step, from one playing of the story."""
    found = Story(house, [entrant.seat(house) for entrant in PRESENT]).play()
    request.config.stash[ROWS] = found
    return found


@pytest.mark.parametrize("entrant", ENTRANTS, ids=lambda e: e.name)
def test_a_client_gets_everything_once_but_for_what_is_known_of_it(rows: Rows, entrant: Entrant) -> None:
    if entrant not in PRESENT:
        pytest.skip("this machine has no curl")
    got = {step: outcome.kind for step, outcome in rows[entrant.name].items()}
    assert got == {step: entrant.known.get(step, "ok") for step in STEPS}, rows[entrant.name]


def test_the_log_is_sound_after_it(rows: Rows, house: House) -> None:
    assert rows
    assert house.audit() == []


def test_whoever_loses_or_hangs_has_a_reason() -> None:
    assert not [e.name for e in ENTRANTS if set(e.known.values()) & {"loses", "hangs"} and not e.why]
