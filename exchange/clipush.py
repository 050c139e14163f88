"""`exchange push`: STIX through TAXII, findings in any other format through the JSON API of an exchange."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from exchange.cliclient import server_asked, where
from exchange.cliparts import Refusal, json_option, plural, print_json, progress, say, table, warn

if TYPE_CHECKING:
    from exchange.client import Defaults, Failed, Taken
    from exchange.clientgather import Fault, Gathered, Pushed
    from exchange.clientpush import Outcome, Previewed, Refused
    from exchange.clientserver import Server
    from exchange.clienttarget import Target

NOTES_SHOWN = 10
LEVELS = ("clear", "green", "amber", "amber+strict", "red")


@click.command()
@click.argument("files", metavar="FILE…", nargs=-1, required=True)
@where
@click.option("--tlp", type=click.Choice(LEVELS), help="The level of findings that say none.")
@click.option("--plan", metavar="NAME", help="The release plan of findings that name none.")
@click.option("--embargo-until", metavar="TIME", help="For findings without plan: like 2027-01-31T00:00:00Z.")
@click.option("--recipient", "recipients", metavar="MEMBER", multiple=True,
              help="Whom findings are for that name nobody; repeatable.")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Publish nothing: say what would be taken, and who would read it.")
@json_option
def push(
    files: tuple[str, ...], url: str, collection: str, tlp: str | None, plan: str | None, embargo_until: str | None,
    recipients: tuple[str, ...], dry_run: bool, as_json: bool,
) -> None:  # fmt: skip
    """Publish STIX, or findings: JSON (one, a list, one a line), SARIF, OSV, CVE, CSAF, VEX, AVID, garak, inspect.

    What a file is, is told by what it holds. `-` is standard input, a folder its *.json, *.jsonl, *.ndjson and *.sarif.

    Resumable: run it again, what is there already is not stored twice. Exit status 1 if something was refused.
    """
    from exchange import clientgather, clienttarget
    from exchange.client import Defaults

    defaults = Defaults(tlp=tlp, plan=plan, embargo_until=embargo_until, recipients=recipients)
    with server_asked() as server:
        gathered = clientgather.gather(files)
        if gathered.stix and defaults != Defaults():
            raise Refusal(
                f"{gathered.stix[0]}: is STIX, which says by its markings who reads it and when; --tlp, --plan, "
                "--embargo-until and --recipient are for findings; nothing was sent"
            )
        target = clienttarget.find(server, url, collection)
        if not target.can_write:
            raise Refusal(f'{target.url}: this key may not write to "{target.title}"')
        if dry_run:
            _preview(server, target, gathered, defaults, as_json)
        else:
            _publish(server, target, gathered, defaults, as_json)


def _publish(server: Server, target: Target, gathered: Gathered, defaults: Defaults, as_json: bool) -> None:
    from exchange import clientpush

    with progress("publishing", len(gathered.pieces)) as advance:
        outcome = clientpush.push(server, target, gathered.pieces, advance)
    rows: list[dict[str, Any]] = []

    def keep(file: str, one: Taken) -> None:
        rows.append({"file": file, "index": one.index, "finding": one.finding, "key": one.key, "status": one.status})

    pushed = _push(server, target, gathered, defaults, False, keep if as_json else lambda _file, _one: None)
    refused = [*gathered.refused, *outcome.refused]
    if as_json:
        print_json({
            "taken": outcome.taken,
            "refused": [asdict(one) for one in refused],
            "notes": [{"id": uid, "note": note} for uid, note in outcome.notes],
            "findings": rows,
            "faults": [asdict(one) for one in pushed.faults],
        })  # fmt: skip
    else:
        _report(gathered, outcome, refused, pushed)
    click.get_current_context().exit(1 if refused or pushed.faults else 0)


def _push(server: Server, target: Target, gathered: Gathered, defaults: Defaults, dry_run: bool, keep: Any) -> Pushed:
    """The files of findings, with a bar; `keep` is given what was taken."""
    from exchange import clientgather
    from exchange.client import Client, Taken
    from exchange.clientserver import origin

    client = Client(url=origin(target.url), key=server.key, wait=server.wait, note=server.note)
    with progress("previewing findings" if dry_run else "pushing findings", None) as advance:

        def each(file: str, one: Taken | Failed) -> None:
            if isinstance(one, Taken):
                keep(file, one)
            advance(1)

        return clientgather.push(client, target.name, gathered.findings, defaults, dry_run, each)


def _report(gathered: Gathered, outcome: Outcome, refused: Sequence[Refused], pushed: Pushed) -> None:
    _warn(refused, pushed.faults)
    for uid, note in outcome.notes[:NOTES_SHOWN]:
        say(f"{uid}: {note}")
    if len(outcome.notes) > NOTES_SHOWN:
        say(f"and {len(outcome.notes) - NOTES_SHOWN:,} more notes; --json has them all")
    if gathered.findings:
        say(f"{plural(pushed.taken, 'finding')} taken, {pushed.refused:,} refused")
    if gathered.stix or gathered.refused or not gathered.findings:
        say(f"{plural(outcome.taken, 'object')} taken, {len(refused):,} refused")


def _preview(server: Server, target: Target, gathered: Gathered, defaults: Defaults, as_json: bool) -> None:
    from exchange import clientpush

    previewed: list[Previewed] = []
    refused = [*gathered.refused]
    if gathered.pieces:
        with progress("previewing", len(gathered.pieces)) as advance:
            previewed, more = clientpush.preview(server, target, gathered.pieces, advance)
        refused += more
    rows: list[dict[str, Any]] = []

    def keep(file: str, one: Taken) -> None:
        rows.append({"file": file, "index": one.index, "finding": one.finding, "key": one.key,
                     "objects": one.objects, "audience": one.audience})  # fmt: skip

    pushed = _push(server, target, gathered, defaults, True, keep)
    if as_json:
        print_json({
            "dry_run": True,
            "objects": [asdict(one) for one in previewed],
            "refused": [asdict(one) for one in refused],
            "findings": rows,
            "faults": [asdict(one) for one in pushed.faults],
        })  # fmt: skip
    else:
        _warn(refused, pushed.faults)
        told = [(one.id, ", ".join(one.now), " ".join([*one.rules, one.note]).strip()) for one in previewed]
        told += [_told(row) for row in rows]
        if told:
            table(("object", "would be read by", "because"), told)
        if gathered.findings:
            say(f"{plural(pushed.taken, 'finding')} would be taken, {pushed.refused:,} refused; nothing was published")
        if gathered.stix or gathered.refused or not gathered.findings:
            say(f"{plural(len(previewed), 'object')} would be taken, {len(refused):,} refused; nothing was published")
    click.get_current_context().exit(1 if refused or pushed.faults else 0)


def _told(row: dict[str, Any]) -> tuple[str, str, str]:
    audience = row["audience"] or {}
    now, rules = ([str(word) for word in audience.get(name) or ()] for name in ("now", "rules"))
    return row["finding"], ", ".join(now), " ".join(rules)


def _warn(refused: Sequence[Refused], faults: Sequence[Fault]) -> None:
    for one in refused:
        warn(f"{one.file}: {one.id}: {one.reason}" if one.id else f"{one.file}: {one.reason}")
    for fault in faults:
        place = [] if fault.index is None else [f"finding {fault.index}"]
        warn(": ".join([fault.file, *place, *filter(None, [fault.pointer]), fault.reason]))
