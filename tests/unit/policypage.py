"""docs/policy.md as a test reads it: what it says of keys, which test holds each statement, and its examples, played.

Comments of the page that no reader sees: `<!-- case TOPIC: NAME -->` and `<!-- test FILE NAME -->` name what holds the
statement before them; `<!-- play: … -->` has steps in the words of the decision cases, `<!-- edit FILE: OLD => NEW -->`
a change of the example home. A fenced `console` block shows commands in that home, with what they print.
`python -m tests.unit.policypage` puts what they print into the page.
"""

from __future__ import annotations

import re
import shlex
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from textwrap import indent

import pytest
from sqlalchemy.engine import URL

from exchange import app, store
from tests.commands.command import PLAIN, REPOSITORY, edit, run
from tests.property import world as w
from tests.property.casefaces import Http
from tests.property.cases import Case, read
from tests.property.casesketch import Sketcher
from tests.property.casestage import Stage

PAGE = REPOSITORY / "docs" / "policy.md"
_PARTS = re.compile(
    r"<!-- play:\n(?P<play>.*?)-->|<!-- edit (?P<file>\S+): (?P<old>.*?) => (?P<new>.*?) -->"
    r"|```console\n(?P<console>.*?)```",
    re.DOTALL,
)
HOLDERS = re.compile(r"<!-- (case|test) (.+?) -->")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A key of one of the page's tables of keys: its cells, without what no reader sees."""

    table: str
    key: str
    meaning: str
    default: str
    check: str


def text() -> str:
    return PAGE.read_text(encoding="utf-8")


def rows() -> list[Row]:
    """The keys of section 4, in order; `table` is the bold line above."""
    found, table = [], ""
    for line in section("4").splitlines():
        if line.startswith("**"):
            table = line.split("**")[1]
        cells = [HOLDERS.sub("", cell).strip() for cell in line.strip().strip("|").split("|")]
        if len(cells) == 4 and (match := re.fullmatch(r"`([a-z-]+)`", cells[0])):
            found.append(Row(table=table, key=match[1], meaning=cells[1], default=cells[2], check=cells[3]))
    return found


def section(number: str) -> str:
    """The text of a section, `3.4` or `4`, up to the next one of its rank."""
    rank = "#" * (2 + number.count("."))
    found = re.search(
        rf"^{rank} {re.escape(number)}[ .].*?(?=^#{{2,{len(rank)}}} |\Z)", text(), re.DOTALL | re.MULTILINE
    )
    assert found, f"no section {number}"
    return found[0]


def played(page: str) -> str:
    """The page with what its commands really print."""
    plays = [part["play"] for part in _PARTS.finditer(page) if part["play"]]
    made, at = [], 0
    with _home(Sketcher(_case("".join(plays)))) as (home, stage):
        for part in _PARTS.finditer(page):
            made += [page[at : part.start()], _did(part, home, stage)]
            at = part.end()
    return "".join(made) + page[at:]


def _did(part: re.Match[str], home: Path, stage: Stage) -> str:
    """Plays a part of the page; what then should stand there."""
    if part["play"] is not None:
        for step in _case(part["play"]).steps:
            stage.do(step)
    elif part["file"] is not None:
        edit(home, part["file"], part["old"], part["new"])
    else:
        commands = [line.removeprefix("$ ") for line in part["console"].splitlines() if line.startswith("$ ")]
        return "```console\n" + "".join(f"$ {line}\n{_printed(line, home)}" for line in commands) + "```"
    return part[0]


def _printed(line: str, home: Path) -> str:
    program, *words = shlex.split(line)
    assert program == "exchange", line
    return run(*words, env={"EXCHANGE_HOME": str(home)}).output


def _case(play: str) -> Case:
    (made,) = read("- name: page\n  steps:\n" + indent(play, "    "), "page")
    return made


@contextmanager
def _home(sketcher: Sketcher) -> Iterator[tuple[Path, Stage]]:
    """The plain home in force, at the moment when every decision case begins; members ask over HTTP."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        home = shutil.copytree(PLAIN, Path(folder, "home"))
        (home / "data").mkdir()
        world = w.World(url=_url(home, "exchange"))
        patch.setattr(app, "new_clock", lambda: world.clock)  # the page says the same on any day
        assert run("apply", "--yes", "--home", home).exit_code == 0
        beside = store.connect(_url(home, "ledger"), 4)
        yield home, Stage(sketcher, world, Http.of(world, beside))
        beside.dispose()
        world.close()


def _url(home: Path, name: str) -> str:
    return URL.create("sqlite", database=str(home / "data" / f"{name}.db")).render_as_string()


if __name__ == "__main__":
    PAGE.write_text(played(text()), encoding="utf-8")
