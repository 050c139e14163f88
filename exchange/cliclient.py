"""The client side: push and pull, for any TAXII 2.1 server. The key comes from EXCHANGE_KEY alone."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from exchange.cliparts import Refusal, json_option, plural, print_json, progress, say, table, warn

if TYPE_CHECKING:
    from exchange.client import Server
    from exchange.clientpush import Outcome, Previewed, Refused

NOTES_SHOWN = 10

_KEY = click.Option(["--key"], envvar="EXCHANGE_KEY")  # never added to a command: a secret on a command line leaks


def _where(command: Callable[..., Any]) -> Callable[..., Any]:
    url = click.option("--url", required=True, help="The server, its /taxii2/, or an API root of it.")
    collection = click.option("--collection", required=True, metavar="NAME", help="Name, title or id.")
    return url(collection(command))


@contextmanager
def _server() -> Iterator[Server]:
    """A server to ask with the key of EXCHANGE_KEY; its troubles become refusals."""
    from exchange import client

    key = _KEY.resolve_envvar_value(click.get_current_context())
    if not key:
        raise click.UsageError("EXCHANGE_KEY is not set; put the key there that `exchange key new` printed")
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise click.UsageError("EXCHANGE_KEY is no key; it reads exk_KEYID_SECRET, without blanks")
    try:
        yield client.Server(key=key, wait=time.sleep, note=warn)
    except client.Trouble as error:
        raise Refusal(str(error)) from error


@click.command()
@click.argument("files", metavar="FILE…", nargs=-1, required=True)
@_where
@click.option("--dry-run", is_flag=True, help="Publish nothing: say what would be taken, and who would read it.")
@json_option
def push(files: tuple[str, ...], url: str, collection: str, dry_run: bool, as_json: bool) -> None:
    """Publish STIX: bundles, envelopes, lists of objects or single ones; `-` is standard input, a folder its *.json.

    Resumable: run it again, what is there already is not stored twice. Exit status 1 if an object was refused.
    """
    from exchange import client, clientpush

    with _server() as server:
        found = [piece for name in clientpush.expand(files) for piece in clientpush.read(name)]
        pieces = [one for one in found if isinstance(one, clientpush.Piece)]
        broken = [one for one in found if isinstance(one, clientpush.Refused)]
        target = client.find(server, url, collection)
        if not target.can_write:
            raise Refusal(f'{target.url}: this key may not write to "{target.title}"')
        if dry_run:
            with progress("previewing", len(pieces)) as advance:
                previewed, refused = clientpush.preview(server, target, pieces, advance)
            _report_preview(previewed, [*broken, *refused], as_json)
            return
        with progress("publishing", len(pieces)) as advance:
            outcome = clientpush.push(server, target, pieces, advance)
    _report(outcome, broken, as_json)


def _report_preview(previewed: Sequence[Previewed], refused: Sequence[Refused], as_json: bool) -> None:
    if as_json:
        print_json({
            "dry_run": True,
            "objects": [asdict(one) for one in previewed],
            "refused": [asdict(one) for one in refused],
        })  # fmt: skip
    else:
        for one in refused:
            warn(f"{one.file}: {one.id or 'an object'}: {one.reason}")
        rows = [(one.id, ", ".join(one.now), " ".join([*one.rules, one.note]).strip()) for one in previewed]
        if rows:
            table(("object", "would be read by", "because"), rows)
        say(f"{plural(len(previewed), 'object')} would be taken, {len(refused):,} refused; nothing was published")
    click.get_current_context().exit(1 if refused else 0)


def _report(outcome: Outcome, broken: Sequence[Any], as_json: bool) -> None:
    refused = [*broken, *outcome.refused]
    if as_json:
        print_json({
            "taken": outcome.taken,
            "refused": [asdict(one) for one in refused],
            "notes": [{"id": uid, "note": note} for uid, note in outcome.notes],
        })  # fmt: skip
    else:
        for one in refused:
            warn(f"{one.file}: {one.id or 'an object'}: {one.reason}")
        for uid, note in outcome.notes[:NOTES_SHOWN]:
            say(f"{uid}: {note}")
        if len(outcome.notes) > NOTES_SHOWN:
            say(f"and {len(outcome.notes) - NOTES_SHOWN:,} more notes; --json has them all")
        say(f"{plural(outcome.taken, 'object')} taken, {len(refused):,} refused")
    click.get_current_context().exit(1 if refused else 0)


@contextmanager
def _counting() -> Iterator[Callable[[int], None]]:
    """How far a pull is, unless the objects themselves go to the terminal."""
    if sys.stdout.isatty():
        yield lambda _steps: None
        return
    with progress("reading", None) as advance:
        yield advance


@click.command()
@_where
@click.option("--state", required=True, type=click.Path(dir_okay=False, path_type=Path),
              help="Where to remember what was read; made if it is missing.")  # fmt: skip
def pull(url: str, collection: str, state: Path) -> None:
    """Print every new object once, one JSON object a line; run it again for what came since."""
    from exchange import client, clientpull

    with _server() as server:
        target = client.find(server, url, collection)
        if not target.can_read:
            raise Refusal(f'{target.url}: this key may not read "{target.title}"')
        try:
            with _counting() as advance:
                clientpull.pull(server, target, state, sys.stdout.buffer, advance)
        except OSError as error:
            if error.filename is None:  # not the state: standard output
                _abandon_output()
            if isinstance(error, BrokenPipeError):  # whoever reads has enough; what it did not take comes next time
                click.get_current_context().exit(1)
            raise Refusal(f"{error.filename or 'standard output'}: cannot be written: {error.strerror}") from error


def _abandon_output() -> None:
    """Let go of what could not be written, which the interpreter would try again when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
