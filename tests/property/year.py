"""A year of an exchange on a clock of its own: who publishes what when, who comes and goes, and what each may read.

The plan of the year is drawn once from a seed, day by day. `Reading` is the naive answer, from policy.md 3.4 and 3.7
alone: a list of versions and one question, "may this member read this version at this time?".
"""

from __future__ import annotations

import datetime
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

SECOND = 1_000_000
HOUR = 3_600 * SECOND
DAY = 24 * HOUR
FLAWS = "7c9b7d52-0f0e-4a63-9d31-8a54a4f3d6c1"
GROUPS = ("federal", "state", "health", "finance", "vendors", "ai-labs")
OWNERS = frozenset({"health", "finance"})
Stage = tuple[int, frozenset[str]]
PLANS: Mapping[str, tuple[Stage, ...]] = {
    "cvd": (
        (0, frozenset({"named", "federal"})), (14 * DAY, frozenset({"vendors"})),
        (30 * DAY, frozenset({"owners", "state"})), (45 * DAY, frozenset({"everyone"})),
    ),
    "slow": (
        (0, frozenset({"named", "federal"})), (60 * DAY, frozenset({"vendors"})), (90 * DAY, frozenset({"everyone"})),
    ),
    "now": ((0, frozenset({"everyone"})),),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Org:
    """A member as the files say it. `there`: in the files; `away`: suspended."""

    groups: frozenset[str]
    relays: bool = False
    there: bool = True
    away: bool = False

    @property
    def within(self) -> frozenset[str]:
        return self.groups | {"everyone"} | ({"owners"} if self.groups & OWNERS else frozenset())


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version of a finding, or of a relationship between two (`refs`). `at`: when it was taken."""

    id: str
    number: int
    publisher: str
    at: int
    started: int
    tlp: str
    plan: str
    named: frozenset[str] = frozenset()
    only: bool = False  # named-only
    refs: frozenset[str] = frozenset()

    @property
    def modified(self) -> str:
        return stamp(self.at // 1000 * 1000)


def stamp(at: int) -> str:
    found = datetime.datetime.fromtimestamp(at // SECOND, datetime.UTC)
    return f"{found:%Y-%m-%dT%H:%M:%S}.{at % SECOND // 1000:03}Z"


def instant(text: str) -> int:
    at = datetime.datetime.fromisoformat(text)
    return int(at.replace(microsecond=0).timestamp()) * SECOND + at.microsecond


@dataclass(slots=True)
class Reading:
    """The naive model: live versions by id, the members of today, and up to when stages were carried out."""

    orgs: dict[str, Org]
    versions: dict[str, list[Version]] = field(default_factory=dict)
    released: int = 0
    put_off: dict[tuple[str, int], list[tuple[int, Version]]] = field(default_factory=dict)
    broken: set[tuple[str, int]] = field(default_factory=set)  # versions whose embargo was broken

    def add(self, v: Version) -> None:
        """Older ones are put off from what was released by then on (3.7)."""
        mine = self.versions.setdefault(v.id, [])
        for older in mine:
            self.put_off.setdefault((v.id, older.number), []).append((self.released, v))
        mine.append(v)

    def drop(self, v: Version) -> None:
        self.versions[v.id].remove(v)

    def break_embargo(self, id_: str) -> None:
        self.broken |= {(id_, v.number) for v in self.versions[id_]}

    def may_read(self, v: Version, member: str) -> bool:
        """By every rule, now."""
        if member == v.publisher:
            return True
        return self._open(v, member, self.released) and not self._closed(v, member) and self._refs(v, member)

    def newest(self, id_: str, member: str) -> Version | None:
        readable = [v for v in self.versions.get(id_, ()) if self.may_read(v, member)]
        return max(readable, key=lambda v: v.number, default=None)

    def _open(self, v: Version, member: str, at: int) -> bool:
        """Rules 2 to 7, and what a newer version puts off."""
        org = self.orgs[member]
        if v.tlp == "amber+strict" and org.relays and member not in v.named:
            return False
        fills = not v.only and any("named" in words for _, words in PLANS[v.plan])
        if v.named and not fills and member not in v.named:
            return False
        return self._let_in(v, member, at, self.put_off.get((v.id, v.number), []))

    def _let_in(self, v: Version, member: str, at: int, bounds: list[tuple[int, Version]]) -> bool:
        if not bounds:
            return self._stage(v, member, at)
        *before, (since, newer) = bounds
        if self._let_in(v, member, min(at, since), before):
            return True
        return self._let_in(v, member, at, before) and self._open(newer, member, at)

    def _stage(self, v: Version, member: str, at: int) -> bool:
        at = 1 << 62 if (v.id, v.number) in self.broken else at
        within = self.orgs[member].within
        return any(
            words & within or ("named" in words and member in v.named)
            for delay, words in PLANS[v.plan] if (v.started + delay if delay else 0) <= at
        )  # fmt: skip

    def _closed(self, v: Version, member: str) -> bool:
        """Rule 8: by a newer version whose audience leaves the member out at every stage."""
        return any(
            not self._open(w, member, 1 << 62) or not self._refs(w, member, ever=True)
            for w in self.versions[v.id] if w.number > v.number
        )  # fmt: skip

    def _refs(self, v: Version, member: str, *, ever: bool = False) -> bool:
        """Rule 9. A finding refers to nothing."""
        at = 1 << 62 if ever else self.released
        return all(
            any(self._open(w, member, at) and not self._closed(w, member) for w in self.versions.get(ref, ()))
            for ref in v.refs
        )


# The plan of the year ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happens at an instant.

    `kind`: publish, revise, delete, config, poll, stop, start; end (of an embargo), withdraw.
    """

    at: int
    kind: str
    who: str = ""


def members(count: int, rng: random.Random) -> dict[str, Org]:
    """Labs and vendors, who publish, and agencies and owners, two of them relays."""
    found = {
        f"lab{n}": Org(frozenset({"ai-labs", "vendors"} if n % 2 else {"ai-labs"})) for n in range(max(2, count // 8))
    }
    kinds = ("vendors", "federal", "state", "health", "finance")
    for n in range(count - len(found)):
        found[f"org{n:02}"] = Org(frozenset({kinds[n % len(kinds)]}), relays=n % 17 == 3 or rng.random() < 0.04)
    return found


def changed(orgs: Mapping[str, Org], rng: random.Random) -> tuple[str, Org]:
    """One member joins or leaves a group, is suspended or back, is taken out of the files or put in again."""
    name = rng.choice([name for name in orgs if not name.startswith("lab")])
    org = orgs[name]
    if not org.there:
        return name, replace(org, there=True)
    if org.away:
        return name, replace(org, away=False)
    kind = rng.choice(["group", "group", "away", "gone", "relays"])
    if kind == "group":
        return name, replace(org, groups=org.groups ^ {rng.choice(GROUPS[:5])})
    if kind == "relays":
        return name, replace(org, relays=not org.relays)
    return name, replace(org, away=kind == "away", there=kind != "gone")


def events(
    rng: random.Random, orgs: Mapping[str, Org], *, days: int, posts: int, polls: float, taken: int = 0
) -> list[Event]:
    """In order. `posts` in all; each member polls so many times a day on average. So many embargoes are broken, and so
    many objects withdrawn, as `taken` says."""
    found = [Event(_some(rng, days), "publish") for _ in range(posts)]
    found += [Event(_some(rng, days), "revise") for _ in range(posts // 4)]
    found += [Event(_some(rng, days), "delete") for _ in range(posts // 40)]
    found += [Event(_some(rng, days), "config") for _ in range(days // 6)]
    found += [Event(_some(rng, days), kind) for kind in ("end", "withdraw") for _ in range(taken)]
    for name in orgs:
        found += [Event(_some(rng, days), "poll", name) for _ in range(round(days * polls * rng.uniform(0.3, 1.7)))]
    found = sorted(found, key=lambda e: e.at)
    for _ in range(max(1, days // 50)):  # while it is down nobody publishes and nobody polls
        start = _some(rng, days)
        stop = start + rng.randrange(2 * HOUR, 40 * HOUR)
        found = [e for e in found if not start <= e.at <= stop or e.kind in ("stop", "start")]
        if not any(start - 40 * HOUR <= e.at <= stop for e in found if e.kind in ("stop", "start")):
            found += [Event(start, "stop"), Event(stop, "start")]
            found = sorted(found, key=lambda e: e.at)
    return found


def _some(rng: random.Random, days: int) -> int:
    return rng.randrange(DAY, days * DAY)


def files(orgs: Mapping[str, Org]) -> Iterator[tuple[str, str]]:
    """The home, as an administrator would write it."""
    lines = ["exchange: A Year", "operator: Year Operations", "groups:"]
    lines += [f"  {name}: {name}" for name in GROUPS] + [
        "  owners: { of: [health, finance], about: Owners }",
        "members:",
    ]
    for name, org in orgs.items():
        if org.there:
            more = ", relays: true" * org.relays + ", suspended: true" * org.away
            lines.append(f"  {name}: {{ name: {name.title()}, in: [{', '.join(sorted(org.groups))}]{more} }}")
    lines.append("releases:")
    for plan, stages in PLANS.items():
        lines.append(f"  {plan}:")
        lines += [f"    - {{ at: {delay // DAY}d, to: [{', '.join(sorted(to))}] }}" for delay, to in stages]
    yield "config/exchange.yaml", "\n".join(lines) + "\n"
    yield (
        "collections/flaws.yaml",
        (f"id: {FLAWS}\ntitle: Flaws\nwrite: [ai-labs]\nread: everyone\naccept: [clear, amber+strict]\nrelease: cvd\n"),
    )
