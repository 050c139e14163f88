"""What all commands share: where the home is, how an answer is printed, how a refusal ends.

Three ways to print one answer: a table for a person at a terminal, the same columns as plain text into a pipe or
a file, and JSON for programs (`--json`). Exit status 0 is done, 1 is no or refused, 2 is wrong usage
(interface.md, "Commands"). Heavy imports stand in the functions that need them: `exchange --help` is quick.
"""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from exchange.app import Exchange
    from exchange.inforce import InForce


class Refusal(click.ClickException):
    """Ends a command with status 1; each line of the message says what, where, and the mend."""

    exit_code = 1

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(self.message, file=file, err=file is None)


def _home(ctx: click.Context, _param: click.Parameter, given: Path | None) -> Path:
    return given or ctx.find_root().params.get("home") or Path()


home_option = click.option(
    "--home", type=click.Path(path_type=Path), callback=_home,
    help="The folder of the exchange; else EXCHANGE_HOME, else the current folder.",
)  # fmt: skip
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


# The exchange of a home -------------------------------------------------------------------------------------------


def read_files(home: Path) -> dict[str, str]:
    """The files of a home. `Refusal` if there is no home there, or a file cannot be read."""
    from exchange import config

    try:
        return config.read_home(home)
    except config.ConfigError as error:
        raise Refusal(str(error)) from error


@contextmanager
def opened(home: Path) -> Iterator[Exchange]:
    """The exchange of a home, its database brought up to date. `Refusal` where there is none or it cannot be opened."""
    from exchange import config

    if not (home / config.MAIN_FILE).exists():
        raise Refusal(
            f"{home / config.MAIN_FILE}: is missing, so this is no home; name one with --home, "
            "or `exchange init DIR` writes an example"
        )
    with database_of(home) as exchange:
        yield exchange


@contextmanager
def database_of(home: Path, done: str = "") -> Iterator[Exchange]:
    """The exchange of a home, which may have no files yet. `Refusal` where its database cannot be used.

    `done` says what became of what the command was to do, like ", nothing was changed".
    """
    from sqlalchemy.exc import ArgumentError, OperationalError

    from exchange import app, store

    try:
        exchange = app.open_exchange(home)
        try:
            yield exchange
        finally:
            exchange.close()
    except store.NewerSchema as error:
        raise Refusal(f"the database was written by a newer release ({error}): install that one") from error
    except (ArgumentError, OperationalError) as error:
        reason = str(getattr(error, "orig", None) or error).strip()
        raise Refusal(
            f"the database cannot be used{done}: {reason}; EXCHANGE_DATABASE or {home / 'data'} says where it is"
        ) from error


def in_force(conn: Connection) -> InForce:
    """The config in force. `Refusal` before the first apply."""
    from exchange import inforce

    state = inforce.current(conn)
    if state is None:
        raise Refusal("nothing is in force yet: `exchange apply` puts the files of this home in force")
    return state


def known(kind: str, name: str, names: Sequence[str]) -> str:
    """The name, if it is one of `names`; wrong usage (status 2) if not, with the nearest that is."""
    from exchange.yamlread import did_you_mean

    if name not in names:
        near = did_you_mean(name, frozenset(names)) or f"; there are {', '.join(sorted(names)) or 'none'}"
        raise click.UsageError(f'no {kind} "{name}" is in force{near}')
    return name


def why_no_listening(host: str, port: int) -> str:
    """Why nobody can listen there now; empty if one can."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        return str(error.strerror or error).partition(" (")[0]  # what follows repeats the address
    return ""


# Printing ---------------------------------------------------------------------------------------------------------


def say(text: str = "") -> None:
    click.echo(text)


def warn(text: str) -> None:
    click.echo(text, err=True)


def print_json(value: Mapping[str, object] | Sequence[object]) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Rows under their headers: drawn on a terminal, aligned text elsewhere."""
    if sys.stdout.isatty():
        _drawn(headers, rows)
        return
    widths = [max(map(len, column)) for column in zip(headers, *rows, strict=True)]
    for row in (headers, *rows):
        say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _drawn(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=SIMPLE_HEAD, pad_edge=False)
    for header in headers:
        drawn.add_column(header, overflow="fold")
    for row in rows:
        drawn.add_row(*(Text(cell, style=_style(cell)) for cell in row))
    Console().print(drawn)


def _style(cell: str) -> str:
    return "green" if cell.startswith("+") else "red" if cell.startswith("-") and len(cell) > 1 else ""


@contextmanager
def progress(what: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """A bar on standard error while something long runs, if that is a terminal; gives the function that moves it on.

    A total of None: how much there is, is not known.
    """
    if not sys.stderr.isatty():
        yield lambda _steps: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda steps: bar.advance(task, steps)


def plural(count: int, noun: str) -> str:
    """`1 object`, `2 objects`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
