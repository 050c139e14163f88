"""`exchange seed`: publish what lies in `collections/seed/`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from exchange.cliparts import (
    Refusal,
    home_option,
    in_force,
    json_option,
    opened,
    plural,
    print_json,
    progress,
    say,
    table,
    warn,
)

if TYPE_CHECKING:
    from exchange.app import Exchange
    from exchange.seeding import Outcome


@click.command()
@home_option
@json_option
def seed(home: Path, as_json: bool) -> None:
    """Publish the bundles of collections/seed/, each as the member that its name says.

    A second run stores nothing new. Exit status 1 if an object was refused.
    """
    with opened(home) as exchange:
        outcomes = publish_all(exchange, home)
    refused = [(one.seed.file, why) for one in outcomes for why in one.refused]
    if as_json:
        print_json({
            "files": [{"file": one.seed.file, "collection": one.seed.collection, "member": one.seed.member,
                       "taken": one.taken, "refused": len(one.refused)} for one in outcomes],
            "refused": [{"file": file, "id": why.id, "version": why.version, "reason": why.reason}
                        for file, why in refused],
        })  # fmt: skip
    else:
        for file, why in refused:
            warn(f"{file}: {why.id}: {why.reason}")
        _print(outcomes)
    click.get_current_context().exit(1 if refused else 0)


def publish_all(exchange: Exchange, home: Path) -> list[Outcome]:
    """Every file of the folder, with a progress bar. `Refusal` where one cannot be taken as a whole."""
    from exchange import intake, seeding, store

    with store.reading(exchange.engine) as conn:
        state = in_force(conn)
    outcomes = []
    try:
        seeds = seeding.find(home, state.config)
        with progress("publishing", len(seeds)) as advance:
            for one in seeds:
                poster = intake.Poster(engine=exchange.engine, clock=exchange.clock, member=one.member)
                outcomes.append(seeding.publish(poster, state, home, one, exchange.new_id))
                advance(1)
    except seeding.SeedError as error:
        raise Refusal(str(error)) from error
    if not outcomes:
        raise Refusal(f"{home / seeding.FOLDER}: has no *.json; put STIX bundles there, NN-COLLECTION-MEMBER.json")
    return outcomes


def _print(outcomes: Sequence[Outcome]) -> None:
    rows = [(one.seed.file, str(one.taken), str(len(one.refused) or "")) for one in outcomes]
    table(("file", "taken", "refused"), rows)
    taken, refused = (sum(one.taken for one in outcomes), sum(len(one.refused) for one in outcomes))
    say(f"\n{plural(taken, 'object')} from {plural(len(outcomes), 'file')}, {refused} refused")
