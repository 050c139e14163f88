"""Promise 8: whatever speaks TAXII 2.1 polls and publishes, with no plug-in.

Held by tests/clients: clients of other makers, real code where it can be had, play one story against a real server;
`make test` plays it in short with four kinds of cursor (test_story_in_short.py), `make test-clients` whole, and writes
docs/clients-table.md. The requirements of the standards, row by row, are in tests/protocol and docs/conformance.md.
Here: that the table is of the clients and the steps that there are.
"""

from __future__ import annotations

from pathlib import Path

from tests.clients.roster import ENTRANTS, REAL
from tests.clients.story import STEPS

TABLE = Path(__file__).parents[2] / "docs" / "clients-table.md"


def test_the_table_of_clients_has_a_row_for_each_and_every_step() -> None:
    text = TABLE.read_text(encoding="utf-8")
    assert [e.name for e in ENTRANTS if f"| {e.name} |" not in text and f"| {e.name} (" not in text] == []
    assert [step for step in STEPS if step not in text] == []


def test_a_client_that_does_not_get_everything_once_has_a_reason_of_its_own() -> None:
    assert [e.name for e in ENTRANTS if e.known and not e.why] == []


def test_half_a_dozen_of_them_are_the_makers_own_code() -> None:
    assert len([e for e in ENTRANTS if e.how == REAL]) >= 6
