"""The client side: `exchange pull`, for any TAXII 2.1 server, and what it shares with `exchange push`.

The key comes from EXCHANGE_KEY alone.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from exchange.cliparts import Refusal, progress, warn

if TYPE_CHECKING:
    from exchange.clientserver import Server

_KEY = click.Option(["--key"], envvar="EXCHANGE_KEY")  # never added to a command: a secret on a command line leaks


def where(command: Callable[..., Any]) -> Callable[..., Any]:
    url = click.option("--url", required=True, help="The server, its /taxii2/, or an API root of it.")
    collection = click.option("--collection", required=True, metavar="NAME", help="Name, title or id.")
    return url(collection(command))


@contextmanager
def server_asked() -> Iterator[Server]:
    """A server to ask with the key of EXCHANGE_KEY; its troubles become refusals."""
    from exchange import clientserver

    key = _KEY.resolve_envvar_value(click.get_current_context())
    if not key:
        raise click.UsageError("EXCHANGE_KEY is not set; put the key there that `exchange key new` printed")
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise click.UsageError("EXCHANGE_KEY is no key; it reads exk_KEYID_SECRET, without blanks")
    try:
        yield clientserver.Server(key=key, wait=time.sleep, note=warn)
    except clientserver.Trouble as error:
        raise Refusal(str(error)) from error


@contextmanager
def _counting() -> Iterator[Callable[[int], None]]:
    """How far a pull is, unless the objects themselves go to the terminal."""
    if sys.stdout.isatty():
        yield lambda _steps: None
        return
    with progress("reading", None) as advance:
        yield advance


@click.command()
@where
@click.option("--state", required=True, type=click.Path(dir_okay=False, path_type=Path),
              help="Where to remember what was read; made if it is missing.")  # fmt: skip
def pull(url: str, collection: str, state: Path) -> None:
    """Print every new object once, one JSON object a line; run it again for what came since."""
    from exchange import clientpull, clienttarget

    with server_asked() as server:
        target = clienttarget.find(server, url, collection)
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
