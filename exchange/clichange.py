"""The commands about what changes: diff, versions, apply.

The files on disk are a proposal; what is in force is what was applied last. `diff` shows what lies between, `apply`
shows it, asks, and puts the files in force whole or not at all.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
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
    read_files,
    say,
    table,
)
from exchange.config import Config, ConfigError, parse

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from exchange.app import Exchange
    from exchange.difference import RightsChange, SettingChange
    from exchange.inforce import Effect
    from exchange.questions import Change


@click.command()
@click.argument("versions", metavar="[VERSION [VERSION]]", nargs=-1, type=click.IntRange(min=1))
@home_option
@json_option
def diff(versions: tuple[int, ...], home: Path, as_json: bool) -> None:
    """Show what applying the files would change: objects and rights by member and collection.

    With one VERSION: what changed from it to what is in force. With two: from the first to the second. These two
    forms show rights, settings and the text of the files, and no counts of objects: those were counted in the
    store of that day.
    """
    if len(versions) > 2:
        raise click.UsageError("at most two versions: exchange diff [VERSION [VERSION]]")
    files = {} if versions else read_files(home)
    with opened(home) as exchange:
        if versions:
            _between(exchange, versions, as_json)
            return
        effect, counts = _proposed(exchange, files)
    _show(effect, counts, as_json)


def _proposed(exchange: Exchange, files: Mapping[str, str]) -> tuple[Effect, list[Change]]:
    """What an apply would do. `Refusal` with every error of the files."""
    from exchange import inforce, questions

    try:
        with inforce.proposed(exchange.engine, files, exchange.clock) as (conn, effect):
            return effect, questions.counts(conn, effect)
    except ConfigError as error:
        raise Refusal(str(error)) from error


def _show(effect: Effect, counts: Sequence[Change], as_json: bool) -> None:
    from exchange import difference

    before = effect.before.config if effect.before else None
    rights = difference.rights(before, effect.after.config)
    settings = difference.settings(before, effect.after.config)
    version = effect.before.version if effect.before else None
    if as_json:
        changes, told = _changes(rights, counts), [_setting(one) for one in settings]
        print_json({"from": version, "to": "files", "changed": effect.changed, "changes": changes, "settings": told})
        return
    if not effect.changed:
        say(f"nothing to change: the files are version {version}, which is in force")
        return
    _print_changes(rights, settings, counts)


def _between(exchange: Exchange, versions: tuple[int, ...], as_json: bool) -> None:
    from exchange import difference, store

    with store.reading(exchange.engine) as conn:
        latest = in_force(conn).version
        first, last = (*versions, latest)[:2]
        (old_files, old), (new_files, new) = (_stored(conn, version) for version in (first, last))
    rights, settings = difference.rights(old, new), difference.settings(old, new)
    text = difference.text(old_files, new_files, (str(first), str(last)))
    if as_json:
        told = [_setting(one) for one in settings]
        print_json({"from": first, "to": last, "changed": old_files != new_files, "changes": _changes(rights, ()),
                    "settings": told, "text": text})  # fmt: skip
        return
    _print_changes(rights, settings, ())
    say(text or f"the files of version {first} and version {last} are alike")


def _stored(conn: Connection, version: int) -> tuple[dict[str, str], Config]:
    """The files of an applied version, and what they say by this release."""
    from exchange import store

    if version not in dict(store.config_history(conn)):
        raise Refusal(f"there is no version {version}; `exchange versions` lists those that were applied")
    files: dict[str, str] = json.loads(store.config_row(conn, version).files)
    try:
        return files, parse(files)
    except ConfigError as error:
        raise Refusal(f"version {version} cannot be read by this release:\n{error}") from error


def _changes(rights: Sequence[RightsChange], counts: Sequence[Change]) -> list[dict[str, object]]:
    """Both kinds of change by member and collection. Without counts, `gained` and `lost` are left out."""
    merged: dict[tuple[str, str], dict[str, object]] = {}
    for change in rights:
        row = merged.setdefault((change.member, change.collection), {})
        row |= {"rights_gained": list(change.gained), "rights_lost": list(change.lost)}
    for count in counts:
        merged.setdefault((count.member, count.collection), {}).update(gained=count.gained, lost=count.lost)
    return [{"member": member, "collection": collection, **merged[member, collection]}
            for member, collection in sorted(merged)]  # fmt: skip


def _setting(change: SettingChange) -> dict[str, object]:
    return {"subject": change.subject, "key": change.key, "before": change.before, "after": change.after}


def _print_changes(rights: Sequence[RightsChange], settings: Sequence[SettingChange], counts: Sequence[Change]) -> None:
    objects = {(one.member, one.collection): one for one in counts}
    held = {(one.member, one.collection): one for one in rights}
    rows = []
    for pair in sorted(objects.keys() | held.keys()):
        count, right = objects.get(pair), held.get(pair)
        gained = f"+{count.gained:,}" if count and count.gained else ""
        lost = f"-{count.lost:,}" if count and count.lost else ""
        words = [f"+{name}" for name in right.gained] + [f"-{name}" for name in right.lost] if right else []
        rows.append((*pair, gained, lost, " ".join(words)))
    for setting in settings:
        say(str(setting))
    if rows:
        say()
        table(("member", "collection", "readable", "no longer", "rights"), rows)


@click.command()
@home_option
@json_option
def versions(home: Path, as_json: bool) -> None:
    """List the applied versions of the files; `exchange diff` compares them."""
    from exchange import stix, store

    with opened(home) as exchange, store.reading(exchange.engine) as conn:
        history = store.config_history(conn)
    if as_json:
        last = history[-1][0] if history else None
        print_json([{"version": version, "applied": stix.format_timestamp(at), "in_force": version == last}
                    for version, at in history])  # fmt: skip
        return
    if not history:
        raise Refusal("no version was ever applied: `exchange apply` puts the files of this home in force")
    rows = [(str(version), stix.format_timestamp(at), "") for version, at in history]
    table(("version", "applied", ""), [*rows[:-1], (*rows[-1][:2], "in force")])


# Changing it ------------------------------------------------------------------------------------------------------


@click.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--replan", is_flag=True, help="Let deposits whose release plan is running follow it as it is now.")
@home_option
@json_option
def apply(yes: bool, replan: bool, home: Path, as_json: bool) -> None:
    """Show what the files change, ask, and put them in force, whole or not at all."""
    files = read_files(home)
    with opened(home) as exchange:
        effect, counts = _proposed(exchange, files)
        if not as_json:
            _show(effect, counts, as_json=False)
        if effect.changed and not yes:
            click.confirm("Put this in force?", abort=True, err=True)
        if effect.changed:
            _put_in_force(exchange, files, effect)
        replanned = _replan(exchange) if replan else 0
    if as_json:
        _show(effect, counts, as_json=True)
        return
    if effect.changed:
        say(f"version {effect.after.version} is in force")
    if replan:
        say(f"{plural(replanned, 'running deposit')} now {'follows' if replanned == 1 else 'follow'} another plan")


def _replan(exchange: Exchange) -> int:
    from exchange import app

    releaser = app.releaser(exchange)
    try:
        return releaser.replan()
    finally:
        releaser.engine.dispose()


@click.command()
@click.argument("stix_id", metavar="STIX-ID")
@home_option
@json_option
def release(stix_id: str, home: Path, as_json: bool) -> None:
    """Break the embargo of an object: all stages of its release plan fall due at once."""
    from exchange import app

    with opened(home) as exchange:
        releaser = app.releaser(exchange)
        try:
            versions = releaser.end_embargo(stix_id)
        finally:
            releaser.engine.dispose()
    if as_json:
        print_json({"id": stix_id, "released": versions})
    elif versions:
        say(f"released: no stage is left to come for {plural(versions, 'version')}")
    else:
        raise Refusal(f"nothing to release: no version of {stix_id} has a stage to come; `exchange explain` says why")
    click.get_current_context().exit(0 if versions else 1)


def _put_in_force(exchange: Exchange, files: Mapping[str, str], shown: Effect) -> None:
    """Apply what was shown; `Refusal` if another version came in force since then, or the store is too slow."""
    from exchange import inforce, sequencer

    before = shown.before.version if shown.before else None

    def as_shown(effect: Effect) -> None:
        was = effect.before.version if effect.before else None
        if was != before:
            raise Refusal(f"nothing was changed: version {was} came in force meanwhile; look at the difference again")

    try:
        inforce.put(exchange.engine, files, exchange.clock, as_shown)
    except sequencer.TooSlow as error:
        raise Refusal("nothing was changed: the store is too slow at the moment; try again") from error
