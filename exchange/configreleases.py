"""`releases:` read into plans: staged disclosure, by durations from publication or at instants (policy 3.7)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from exchange.confignames import Names, check_name
from exchange.configtypes import Plan, Stage
from exchange.yamlfile import Listing, Problem, Table, dotted
from exchange.yamlread import Reader, duration

_WHEN = "write it like 14d, 36h or 2027-01-31T12:00:00Z (UTC)"
_STAGE = "needs a list of stages, like `- { at: 14d, to: vendors }`"


def read_plans(main: Reader, names: Names) -> dict[str, Plan]:
    """The plans by name, each with at least one stage that is right."""
    releases = main.below("releases")
    found = {}
    for name, node in releases.table.fields.items():
        check_name(releases, name)
        if not isinstance(node, Listing) or not node.items:
            releases.note(name, _STAGE)
            continue
        stages = []
        for item in node.items:
            if isinstance(item, Table):
                reader = Reader(table=item, path=dotted(releases.path, name), problems=releases.problems)
                stages.append(_stage(reader, names))
            else:
                releases.note(name, _STAGE, item.place)
        found[name] = Plan(name=name, stages=tuple(stages), place=releases.table.places[name])
    return found


def _stage(reader: Reader, names: Names) -> Stage:
    reader.only(frozenset({"at", "to"}), {})
    never: tuple[int | None, int | None] = (None, None)
    after, instant = reader.required("at", _when, never, _WHEN)
    if "to" not in reader.table.places:
        reader.note("to", "is missing; write a group, `named` or `everyone`", reader.table.place)
    to = frozenset(reader.each("to", names.recipient))
    if "everyone" in to and len(to) > 1:
        reader.note("to", "`everyone` includes all others; write it alone")
    return Stage(
        after=after, instant=instant, named="named" in to, everyone="everyone" in to,
        groups=to - {"named", "everyone"}, place=reader.table.place,
    )  # fmt: skip


def _when(text: str) -> tuple[int | None, int | None]:
    """(microseconds after publication, None) or (None, instant)."""
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z", text):
        try:
            return duration(text), None
        except ValueError as err:
            raise ValueError(f'"{text}" is neither a duration nor an instant; {_WHEN}') from err
    try:
        at = datetime.fromisoformat(text.removesuffix("Z")).replace(tzinfo=UTC)
    except ValueError as err:
        raise ValueError(f'"{text}" is no instant ({err}); {_WHEN}') from err
    return None, round(at.timestamp()) * 1_000_000


def suspicious_plans(plans: Mapping[str, Plan], used: frozenset[str]) -> list[Problem]:
    """What is allowed but looks like a mistake."""
    found = []
    for plan in plans.values():
        key = f"releases.{plan.name}"
        if not any(stage.everyone for stage in plan.stages):
            message = "no stage is `everyone`; whom no stage names never reads what follows this plan"
            found.append(Problem(place=plan.place, key=key, message=message))
        if plan.name not in used:
            message = "no collection has it; publishers can still name it by marking"
            found.append(Problem(place=plan.place, key=key, message=message))
    return found
