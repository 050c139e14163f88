"""Four clients, each with another kind of cursor, through the steps that lose most elsewhere."""

from __future__ import annotations

from pathlib import Path

from tests.clients.house import opened
from tests.clients.roster import ENTRANTS
from tests.clients.story import BUSY, Story

CLIENTS = ("taxii2-client, own clock, pages of 100", "OpenCTI ingester", "OpenCTI connector", "Elastic 1.6")
STEPS = ("250 objects", BUSY, "late grant", "restart", "503")


def test_four_kinds_of_cursor_get_everything_once(folder: Path) -> None:
    entrants = [e for e in ENTRANTS if e.name in CLIENTS]
    assert len(entrants) == len(CLIENTS)
    with opened(folder) as house:
        rows = Story(house, [e.seat(house) for e in entrants]).play(STEPS)
        assert house.audit() == []
    outcomes = {name: {step: str(outcome) for step, outcome in row.items()} for name, row in rows.items()}
    assert outcomes == {name: dict.fromkeys(STEPS, "ok") for name in CLIENTS}, rows
