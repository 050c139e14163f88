"""What the administrator's files say, as frozen values. `config` is the face: import from there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from exchange.label import Tlp
from exchange.yamlfile import Place, Problem

ANONYMOUS_TICK = 60_000_000


class ConfigError(Exception):
    """The files of a home are not a config; `problems` is all that is wrong, by file and line."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A named set of members; `of` are the groups whose members are members of this one too (policy 3.1)."""

    name: str
    about: str
    of: tuple[str, ...]
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Credit:
    """Whether a publisher's name is on what it publishes (policy 3.8).

    `anonymous`: others read a copy that the exchange makes; `shown_to`: the group that is told by a note who it is.
    """

    anonymous: bool = False
    shown_to: str | None = None

    def __or__(self, other: Credit) -> Credit:
        """What hides as much as both: two different groups are one anonymity."""
        kept = {c.shown_to for c in (self, other) if c.anonymous}
        return Credit(anonymous=bool(kept), shown_to=kept.pop() if len(kept) == 1 else None)


NAMED = Credit()


@dataclass(frozen=True, slots=True, kw_only=True)
class Notify:
    """How a member is told that something new is there: by POST to a URL, by e-mail, or both."""

    webhook: str | None
    email: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """The mail server that takes the exchange's e-mails. `security` is one of starttls, tls, none."""

    host: str
    port: int
    sender: str
    user: str | None
    security: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """An organisation. `title` is its `name:`, `groups` its `in:` as written, `sites` the hosts of its own web sites.

    `agrees`: the terms of IEP policies that it keeps, as ``permitted-actions:none`` (`schemes.kept`); `acs`: what it is
    in the words of ACS, as ``organizations:USA.DHS``.

    It is a member at an instant if not `suspended` and starts <= instant < ends (microseconds since the
    epoch, UTC): `starts` is the beginning of the day `from`, `ends` the end of the day `until`; None is no
    limit. `two_persons` (`approve-own: 2`): what is RED or embargoed waits for another of its keys. `quota`: so many
    new or changed findings a day; None: as many as come. `places` has the line of each key that is written.
    """

    name: str
    title: str
    groups: frozenset[str]
    relays: bool
    identity: str | None
    suspended: bool
    starts: int | None
    ends: int | None
    listed: bool
    roles: frozenset[str]
    credit: Credit = NAMED
    sites: tuple[str, ...] = ()
    agrees: frozenset[str] = frozenset()
    acs: frozenset[str] = frozenset()
    notify: Notify | None = None
    two_persons: bool = False
    quota: int | None = None
    place: Place
    places: Mapping[str, Place]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """Who holds a right: every member, or the members of these groups. Neither: nobody."""

    everyone: bool
    groups: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Who is let in from when on: `after` microseconds from publication, or at an `instant`; one of them is None."""

    after: int | None
    instant: int | None
    named: bool
    everyone: bool
    groups: frozenset[str]
    place: Place

    def due(self, started: int) -> int:
        """When it falls due for a deposit whose clock started then; 0: it holds from the beginning."""
        if self.instant is not None:
            return self.instant
        return started + self.after if self.after else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A release plan (policy 3.7)."""

    name: str
    stages: tuple[Stage, ...]
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """One TAXII collection and its rules.

    `accept` is the lowest and the highest TLP taken in, `unmarked` the TLP of an object that carries none
    (None: such an object is refused). `own_hidden`: not even one's own can be read (`own: hidden`). `named`:
    the publisher names every recipient (`audience: named`). `release` is the plan of a deposit that names none,
    `at_least` (`release-at-least`) the one that no deposit is earlier than. `credit` hides its publishers at least so
    far, and with `pseudonym` anonymous copies say which are of one publisher. `moderate` names the members that review
    every deposit (empty: none is reviewed), `unknown_markings` is reject or quarantine, `personal_data` reject,
    quarantine or allow. `responses` names the collection that takes answers to what is published here, beside this one.
    `places` has the line of each key,
    in its own file or under `defaults`; a key that neither has is not in it.
    """

    name: str
    id: str
    title: str
    description: str | None
    read: Rights
    write: Rights
    accept: tuple[Tlp, Tlp]
    unmarked: Tlp | None
    own_hidden: bool
    named: bool
    unknown_markings: str
    moderate: frozenset[str] = frozenset()
    personal_data: str = "allow"
    release: Plan | None
    at_least: Plan | None
    credit: Credit = NAMED
    pseudonym: bool = False
    responses: str | None = None
    place: Place
    places: Mapping[str, Place]


@dataclass(frozen=True, slots=True, kw_only=True)
class Treatment:
    """What a foreign marking means by an administrator's word: exactly one of nothing, a TLP, a group."""

    ignore: bool
    tlp: Tlp | None
    group: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything the files say. `title` is the key `exchange`; `max_body` counts bytes after inflation.

    `anonymous_tick`: microseconds; anonymous copies enter together, once in so long.
    """

    title: str
    operator: str
    root: str = "exchange"
    url: str | None = None
    max_body: int = 50 * 2**20
    mail: Mail | None = None
    groups: Mapping[str, Group]
    members: Mapping[str, Member]
    collections: Mapping[str, Collection]
    releases: Mapping[str, Plan] = field(default_factory=dict)
    markings: Mapping[str, Treatment]
    anonymous_tick: int = ANONYMOUS_TICK
    _within: Mapping[str, frozenset[str]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        holders: dict[str, set[str]] = {name: set() for name in self.groups}
        for group in self.groups.values():
            for inner in group.of:
                holders[inner].add(group.name)
        object.__setattr__(self, "_within", {name: _reachable(name, holders) for name in holders})

    def groups_of(self, member_name: str) -> frozenset[str]:
        """The groups a member is in, also through other groups; none if the files do not name the member."""
        member = self.members.get(member_name)
        return frozenset().union(*(self._within[group] for group in member.groups)) if member else frozenset()

    def collection_by_id(self, collection_id: str) -> Collection | None:
        """The collection with that TAXII id."""
        return next((one for one in self.collections.values() if one.id == collection_id), None)


def _reachable(start: str, edges: Mapping[str, set[str]]) -> frozenset[str]:
    """A node and all that its edges lead to."""
    found, todo = {start}, [start]
    while todo:
        fresh = edges[todo.pop()] - found
        found |= fresh
        todo.extend(fresh)
    return frozenset(found)
