"""The table of what each client got: printed, and kept as docs/clients-table.md by `make test-clients`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.clients.roster import ENTRANTS, Entrant
from tests.clients.story import STEPS, Outcome

Rows = Mapping[str, Mapping[str, Outcome]]

ROWS = pytest.StashKey[Rows]()
FILE = Path(__file__).parents[2] / "docs" / "clients-table.md"

_HEAD = """# Who loses, repeats, hangs

Written by `make test-clients`: one server, one publisher, and every client polling through the same story, each step
until a poll brings nothing new. What it got in the step is compared with what it must get.

- **ok**: everything once, and nothing else. **repeats n**: n object versions again, in all polls of the step.
- **loses n**: n object versions never came. **hangs**: more than 60 requests in one poll.
- The steps: 250 objects of three types, with 20 more between them for a group that the member is not in; nothing;
  30 posted one by one while it polls (there only losses are counted); the member joins the group; 10 new versions;
  5 deletions, and that of a newest version, whose older one comes again; a publisher whose clock is a day ahead is
  refused, and 3 more come; 120 more, and the server stops when a page has been read and starts after a poll that found
  nobody; 120 more, and the database fails before a poll and again when a page has been read; then whoever can asks for
  another type.
- **How**: the client's own code; a port of its polling loop from its source; or a guess from its documentation.
"""


def lines(rows: Rows) -> Iterator[str]:
    """The table in Markdown, and why whoever does not get everything once does not."""
    yield _HEAD
    yield f"| client | how | {' | '.join(STEPS)} |"
    yield f"|---|---|{'---|' * len(STEPS)}"
    for entrant in ENTRANTS:
        if entrant.name in rows:
            yield _row(entrant, rows[entrant.name])
    yield "\n## Why, where it is not ok\n"
    for entrant in ENTRANTS:
        if entrant.why:
            yield f"- **{entrant.name}**: {entrant.why}"


def _row(entrant: Entrant, row: Mapping[str, Outcome]) -> str:
    key = f" (key with `--client {entrant.profile}`)" if entrant.profile else ""
    return f"| {entrant.name}{key} | {entrant.how} | {' | '.join(str(row[step]) for step in STEPS)} |"


class Printer:
    """A pytest plugin that ends a run with the table, and writes it if all clients were there."""

    def pytest_terminal_summary(
        self, terminalreporter: pytest.TerminalReporter, exitstatus: int, config: pytest.Config
    ) -> None:
        rows = config.stash.get(ROWS, {})
        for line in lines(rows) if rows else ():
            terminalreporter.write_line(line)
        if exitstatus == 0 and len(rows) == len(ENTRANTS):
            FILE.write_text("\n".join(lines(rows)) + "\n", encoding="utf-8")
            terminalreporter.write_line(f"\nwritten to docs/{FILE.name}")
