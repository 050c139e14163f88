"""The commands about deposits that are there: withdraw, hand-over."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from exchange.cliparts import Refusal, home_option, json_option, opened, plural, print_json, say, table

if TYPE_CHECKING:
    from exchange.app import Exchange
    from exchange.withdrawing import Find, Gone

_STIX_ID = re.compile(r"[a-z0-9-]+--[0-9a-fA-F-]{36}")


def _reason(_ctx: click.Context, _param: click.Parameter, given: str | None) -> str | None:
    from exchange.withdrawing import REASONS

    if given is not None and given not in REASONS:
        raise click.BadParameter(f'"{given}" is no reason; there are {", ".join(REASONS)}')
    return given


def _ids(_ctx: click.Context, _param: click.Parameter, given: tuple[str, ...]) -> tuple[str, ...]:
    for one in given:
        if _STIX_ID.fullmatch(one) is None:
            raise click.BadParameter(f'"{one}" is not a STIX id; write it like indicator--UUID')
    return tuple(dict.fromkeys(given))


@click.command()
@click.argument("ids", metavar="STIX-ID...", nargs=-1, callback=_ids)
@click.option("--status", "status_id", metavar="UUID", help="What is left of one submission, by its status.")
@click.option("--reason", callback=_reason, metavar="CODE", help=(
    "Why, as those who have it are told: error, false-positive, personal-data, wrong-marking, legal, source-request or "
    "other."
))  # fmt: skip
@click.option("--lift", is_flag=True, help="Let withdrawn ids be published again; what was withdrawn stays so.")
@home_option
@json_option
def withdraw(
    ids: tuple[str, ...], status_id: str | None, reason: str | None, lift: bool, home: Path, as_json: bool
) -> None:
    """Take objects out of every view, their publishers' too, and tell those who were served them.

    Every version, whoever published it, in every collection; an anonymous deposit by its own id or by its copy's. The
    ids cannot be published again by those who did, until the withdrawal is lifted.
    """
    if bool(ids) == bool(status_id) or (lift and (status_id or reason)) or not (lift or reason):
        raise click.UsageError(
            "one of: exchange withdraw STIX-ID... --reason CODE; exchange withdraw --status UUID --reason CODE; "
            "exchange withdraw STIX-ID... --lift"
        )
    with opened(home) as exchange:
        if lift:
            _lift(exchange, ids, as_json)
            return
        from exchange import withdrawing

        find = withdrawing.by_status(status_id) if status_id else withdrawing.by_ids(ids)
        gone = _withdrawn(exchange, find, ids, reason or "")
    if as_json:
        print_json({"reason": reason, "withdrawn": [asdict(one) for one in gone]})
        return
    rows = [(one.id, one.version, one.collection, one.publisher) for one in gone]
    table(("id", "version", "collection", "publisher"), rows)
    say(f"withdrawn: {plural(len(gone), 'version')}; a running server tells those who were served them")


def _withdrawn(exchange: Exchange, find: Find, ids: Sequence[str], reason: str) -> Sequence[Gone]:
    """All of the ids or none: `Refusal` where one of them names nothing that is there."""
    from exchange import sequencer, store, withdrawing

    with store.reading(exchange.engine) as conn:
        missing = [one for one in ids if not withdrawing.by_ids([one])(conn)]
        nothing = not find(conn)
    if missing or nothing:
        what = ", ".join(missing) or "that submission"
        raise Refusal(f"nothing was withdrawn: nobody has a live deposit of {what}; `exchange explain` says more")
    try:
        return withdrawing.withdraw(exchange.engine, exchange.clock, find, reason)
    except sequencer.TooSlow as error:
        raise Refusal(
            "the store is too slow at the moment: not all is withdrawn; run the same command again"
        ) from error


def _lift(exchange: Exchange, ids: Sequence[str], as_json: bool) -> None:
    from exchange import withdrawing

    count = withdrawing.lift(exchange.engine, ids)
    if as_json:
        print_json({"lifted": count})
    elif count:
        say(f"lifted: {plural(count, 'withdrawn version')} can be published again")
    else:
        raise Refusal("nothing to lift: none of these was withdrawn")
    click.get_current_context().exit(0 if count else 1)


@click.command("hand-over")
@click.argument("old")
@click.argument("new")
@home_option
@json_option
def hand_over(old: str, new: str, home: Path, as_json: bool) -> None:
    """Give OLD's deposits to its successor NEW, which then versions, deletes and reads them as its own.

    OLD must be suspended, ended or out of the files, and NEW a member in force. Nobody else notices: nothing is served
    again, and nobody reads more or less of it.
    """
    from exchange import handover, sequencer

    with opened(home) as exchange:
        try:
            done = handover.hand_over(exchange.engine, exchange.clock, old, new)
        except handover.Refused as error:
            raise Refusal(f"nothing was handed over: {error}") from error
        except sequencer.TooSlow as error:
            raise Refusal("nothing was handed over: the store is too slow at the moment; try again") from error
    if as_json:
        print_json({"from": old, "to": new, **asdict(done)})
    else:
        say(f"handed over: {plural(done.versions, 'version')} of {plural(done.objects, 'object')}")
