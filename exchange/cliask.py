"""The commands that ask: explain, who-can, who-has, view, audit.

They print ids, types, rules, times and counts, never contents.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from exchange.cliparts import Refusal, home_option, in_force, json_option, known, opened, plural, print_json, say, table

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from exchange.app import Exchange
    from exchange.explaining import Block
    from exchange.whohas import Had

_STIX_ID = re.compile(r"[a-z0-9-]+--[0-9a-fA-F-]{36}")


def stix_id(_ctx: click.Context, _param: click.Parameter, given: str) -> str:
    """The form of an argument that is a STIX id."""
    if _STIX_ID.fullmatch(given) is None:
        raise click.BadParameter(f'"{given}" is not a STIX id; write it like indicator--UUID')
    return given


stix_id_argument = click.argument("stix_id", metavar="STIX-ID", callback=stix_id)


@click.command()
@click.argument("member")
@stix_id_argument
@home_option
@json_option
def explain(member: str, stix_id: str, home: Path, as_json: bool) -> None:
    """Say by which rule MEMBER may read an object or not: every rule in order, up to the first that fails.

    One block for each version of each deposit. Exit status 0 if the member may read any of them, else 1.
    """
    from exchange import explaining, store

    with opened(home) as exchange, store.reading(exchange.engine) as conn:
        state = in_force(conn)
        known("member", member, list(state.numbers))  # who has left may be asked about
        blocks = explaining.explain(conn, state, member, stix_id, exchange.clock.now(conn))
    if as_json:
        print_json([{**asdict(block), "readable": block.readable} for block in blocks])
    elif not blocks:
        raise Refusal(f"{stix_id}: nobody deposited that id here")
    else:
        _print_blocks(member, blocks, stix_id)
    click.get_current_context().exit(0 if any(block.readable for block in blocks) else 1)


def _print_blocks(member: str, blocks: Sequence[Block], stix_id: str) -> None:
    for block in blocks:
        answer = "may read it" if block.readable else "may not read it"
        called = "" if block.id == stix_id else f" as {block.id}"
        where = f"{block.collection}, published by {block.publisher}{called}, version {block.version}"
        say(f"{where}: {member} {answer}")
        rows = [("yes" if s.kept else "no", s.rule, s.because, s.place) for s in block.steps]
        table(("", "rule", "because", "see"), rows)
        say()


@click.command("who-can")
@stix_id_argument
@home_option
@json_option
def who_can(stix_id: str, home: Path, as_json: bool) -> None:
    """Say who may read an object now. Exit status 1 if nobody may."""
    from exchange import questions, store

    with opened(home) as exchange, store.reading(exchange.engine) as conn:
        found = questions.who_can(conn, in_force(conn), stix_id, exchange.clock.now(conn))
    if as_json:
        print_json([asdict(one) for one in found])
    elif not found:
        raise Refusal(f"{stix_id}: nothing with that id is published here")
    else:
        rows = [(one.collection, one.publisher, one.version, ", ".join(one.members) or "nobody") for one in found]
        table(("collection", "publisher", "version", "who may read it"), rows)
        for copy in sorted({one.id for one in found} - {stix_id}):
            say(f"others read it as {copy}")
    click.get_current_context().exit(0 if any(one.members for one in found) else 1)


_SERVED = ("member", "collection", "publisher", "version", "first", "config", "last", "config", "times", "recall")


@click.command("who-has")
@stix_id_argument
@home_option
@json_option
def who_has(stix_id: str, home: Path, as_json: bool) -> None:
    """Say who was served an object, since when and how often. Exit status 1 if nobody was.

    Read from the ledger, and exact: also who may not read it any more, and who is no member any more. A publisher has
    what it published, and stands here only if it was served it, too. Of what was withdrawn, or closed by a newer
    version, it says who has fetched the note that tells so, and who has not polled since.
    """
    from exchange import whohas

    with opened(home) as exchange, _with_ledger(exchange) as (conn, lines):
        found = whohas.who_has(conn, lines, in_force(conn), stix_id)
    if as_json:
        print_json([_as_said(one) for one in found or ()])
    elif found is None:
        raise Refusal(f"{stix_id}: nobody deposited that id here")
    elif not found:
        raise Refusal(f"{stix_id}: nobody was served it")
    else:
        told = [{**_as_said(one), "recall": one.recall.words if one.recall else ""} for one in found]
        table(_SERVED, [tuple(map(str, one.values())) for one in told])
    click.get_current_context().exit(0 if found else 1)


def _as_said(had: Had) -> dict[str, object]:
    """With its times as text."""
    from exchange.stix import format_timestamp

    found = {**asdict(had), "first": format_timestamp(had.first), "last": format_timestamp(had.last)}
    if had.recall:
        times = {name: getattr(had.recall, name) for name in ("told", "fetched", "last_poll")}
        said = {name: None if at is None else format_timestamp(at) for name, at in times.items()}
        found["recall"] = {"reason": had.recall.reason, **said}
    return found


@contextmanager
def _with_ledger(exchange: Exchange) -> Iterator[tuple[Connection, Connection]]:
    """Snapshots of the store and of the ledger, this one taken first: what a line names is stored before the line."""
    from exchange import ledger, store

    with store.reading(exchange.ledger) as lines:
        ledger.greatest(lines)  # a snapshot begins with what is read first
        with store.reading(exchange.engine) as conn:
            yield conn, lines


@click.command()
@click.argument("member")
@home_option
@json_option
def view(member: str, home: Path, as_json: bool) -> None:
    """List what MEMBER would be served by a poll from the start: ids, types, times, never contents."""
    from exchange import questions, store

    headers = ("collection", "date_added", "id", "type", "version")
    with opened(home) as exchange, store.reading(exchange.engine) as conn:
        state = in_force(conn)
        known("member", member, list(state.config.members))
        rows = list(questions.view(conn, state, member))
    if as_json:
        print_json([dict(zip(headers, row, strict=True)) for row in rows])
    elif rows:
        table(headers, rows)
    else:
        say(f"{member} would be served nothing")


@click.command()
@home_option
@json_option
def audit(home: Path, as_json: bool) -> None:
    """Check the whole log and the ledger again from what is stored, and say where they disagree."""
    from exchange import audit as checks
    from exchange import ledgeraudit

    with opened(home) as exchange, _with_ledger(exchange) as (conn, lines):
        found = checks.audit(conn, in_force(conn).readers) + ledgeraudit.audit(conn, lines)
    if as_json:
        print_json({"sound": not found, "findings": found})
    elif found:
        raise Refusal("\n".join([*found, f"{plural(len(found), 'disagreement')}: restore a copy, and report this"]))
    else:
        say("sound: versions, labels, entries, decisions, grants and the ledger agree")
    click.get_current_context().exit(1 if found else 0)
