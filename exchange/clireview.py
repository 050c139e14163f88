"""The commands of review: queue, approve, reject (policy.md 3.3.9).

They print ids, types, times and reasons, never contents.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from exchange.cliask import stix_id
from exchange.cliparts import Refusal, home_option, in_force, json_option, opened, print_json, say, table

if TYPE_CHECKING:
    from exchange.app import Exchange
    from exchange.reviewing import Reviewer, Waiting, Word

    _Spoken = Callable[[Reviewer, Sequence[int]], Mapping[int, Word]]

# As in `reviewing`, which takes a second to load.
CODES = ("not-accepted", "personal-data", "wrong-marking", "duplicate", "out-of-scope", "other")


def _stix_ids(ctx: click.Context, param: click.Parameter, given: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(stix_id(ctx, param, one) for one in given)


_ids = click.argument("stix_ids", metavar="STIX-ID...", nargs=-1, required=True, callback=_stix_ids)


@click.command()
@home_option
@json_option
def queue(home: Path, as_json: bool) -> None:
    """List the deposits that are held until a person has looked, the oldest first."""
    from exchange.stix import format_timestamp

    with opened(home) as exchange:
        found = _queue(exchange)
    if as_json:
        print_json([{**_line(one), "since": format_timestamp(one.since), "reasons": one.reasons} for one in found])
    elif not found:
        say("nothing waits")
    else:
        rows = [
            (format_timestamp(one.since)[:19] + "Z", one.collection, one.publisher, one.own_id, one.version,
             " ".join(one.reasons)) for one in found
        ]  # fmt: skip
        table(("since", "collection", "publisher", "id", "version", "held for"), rows)


@click.command()
@_ids
@home_option
@json_option
def approve(stix_ids: Sequence[str], home: Path, as_json: bool) -> None:
    """Publish every held version of these ids: from now on whoever its markings and the files let in reads it.

    Exit status 1 if any of them does not pass, or none waits.
    """
    _speak(stix_ids, home, as_json, lambda reviewer, versions: reviewer.approve(versions))


@click.command()
@_ids
@click.option("--reason", "code", required=True, type=click.Choice(CODES), help="What its publisher is told.")
@home_option
@json_option
def reject(stix_ids: Sequence[str], code: str, home: Path, as_json: bool) -> None:
    """Refuse every held version of these ids: nobody reads it any more, and its publisher gets a note.

    Exit status 1 if none waits.
    """
    _speak(stix_ids, home, as_json, lambda reviewer, versions: reviewer.reject(versions, code))


def _speak(stix_ids: Sequence[str], home: Path, as_json: bool, word: _Spoken) -> None:
    from exchange import sequencer
    from exchange.reviewing import Reviewer

    with opened(home) as exchange:
        meant = [one for one in _queue(exchange) if {one.id, one.own_id} & set(stix_ids)]
        try:
            found = word(Reviewer(engine=exchange.engine, clock=exchange.clock), [one.number for one in meant])
        except sequencer.TooSlow as error:
            raise Refusal("the store is too slow at the moment; `exchange queue` says what still waits") from error
    missing = sorted(set(stix_ids) - {i for one in meant for i in (one.id, one.own_id)})
    if as_json:
        print_json([{**_line(one), "result": found[one.number].name.lower()} for one in meant])
    for one in () if as_json else meant:
        say(f"{one.own_id}, version {one.version} of {one.publisher} in {one.collection}: {found[one.number].value}")
    if missing and not as_json:
        raise Refusal(
            "\n".join(f"{one}: no version of it waits; `exchange queue` lists those that do" for one in missing)
        )
    click.get_current_context().exit(0 if not missing and all(one.done for one in found.values()) else 1)


def _queue(exchange: Exchange) -> list[Waiting]:
    from exchange import reviewing, store

    with store.reading(exchange.engine) as conn:
        return reviewing.queue(conn, in_force(conn))


def _line(one: Waiting) -> dict[str, object]:
    return {
        "collection": one.collection, "publisher": one.publisher, "id": one.own_id, "type": one.type,
        "version": one.version, **({"copy": one.id} if one.anonymous else {}),
    }  # fmt: skip
