"""The release plans that a deposit can follow: those of the files by name, and an embargo that its publisher states.

In what is kept of a deposit's markings (`markings.Said`) an embargo is a plan with a name of its own, which holds the
instant; no plan of the files can be called so.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from exchange.config import Config, Plan, Stage
from exchange.markings import Said
from exchange.stix import format_timestamp
from exchange.yamlfile import Place

_EMBARGO = "@"


def embargo(until: int) -> str:
    """The plan that a publisher states itself: the named at once, everyone from an instant on (microseconds)."""
    return f"{_EMBARGO}{until}"


def plan(config: Config, name: str) -> Plan | None:
    """A release plan by its name; None where the files have it no more."""
    if not name.startswith(_EMBARGO):
        return config.releases.get(name)
    until, nowhere = int(name.removeprefix(_EMBARGO)), Place(file="", line=0)
    first = Stage(after=0, instant=None, named=True, everyone=False, groups=frozenset(), place=nowhere)
    last = replace(first, after=None, instant=until, named=False, everyone=True)
    return Plan(name=words(name), stages=(first, last), place=nowhere)


def words(name: str) -> str:
    """What people call it."""
    if not name.startswith(_EMBARGO):
        return name
    return f"embargo until {format_timestamp(int(name.removeprefix(_EMBARGO)))}"


def known(config: Config, name: str) -> Plan:
    """One that is known to be there. LookupError where it is not."""
    if (found := plan(config, name)) is None:
        raise LookupError(name)
    return found


def all_known(config: Config, what: Iterable[Said]) -> bool:
    """Whether the files still have the plans of a deposit."""
    return all(plan(config, name) for said in what for name in said.releases)
