"""The administrator's files as frozen values: members, groups, collections, and who may do what.

`parse` is pure and whole: it gives a `Config` in which every name resolves, or one `ConfigError` with every
problem of every file. A key of a later stage is refused, never ignored (policy.md section 5). What a
collection does not say, `defaults` says; what neither says is: nobody may read, nobody may write,
`accept: [clear, amber+strict]`, `unmarked: amber`, `own: readable`, `audience: open`, `credit: named`,
`unknown-markings: reject`, `personal-data: allow`, and no `moderate`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter
from importlib import resources
from pathlib import Path

from exchange.configcollections import doubles, is_collection, read_collection, read_defaults
from exchange.configcredit import read_credit, site, tick
from exchange.confignames import IGNORED, NOT_YET, UUID, WORDS_TAKEN, Names, check_name, identity_id
from exchange.confignotify import read_mail, read_notify, suspicious_notify
from exchange.configreleases import read_plans, suspicious_plans
from exchange.configschemes import read_acs, read_agrees
from exchange.configtypes import (
    ANONYMOUS_TICK,
    NAMED,
    Collection,
    Config,
    ConfigError,
    Credit,
    Group,
    Mail,
    Member,
    Plan,
    Rights,
    Stage,
    Treatment,
)
from exchange.yamlfile import Place, Problem, Table, load, ordered, read_text
from exchange.yamlread import DAY, Reader, choice, count, day, duration, flag, line, prose, size

__all__ = [
    "Collection",
    "Config",
    "ConfigError",
    "Credit",
    "Group",
    "Mail",
    "Member",
    "Place",
    "Plan",
    "Problem",
    "Rights",
    "Stage",
    "Treatment",
    "duration",
    "example_files",
    "parse",
    "read_home",
    "suspicions",
]
MAIN_FILE = "config/exchange.yaml"
"""The one file that a home must have, relative to it."""

_ROOTS_TAKEN = frozenset({"taxii2", "taxii", "api", "schemas", "healthz", "readyz", "metrics", "static", "policy"})
_IDLE_ROLES = {"auditor": "the ledger can be read by members"}
# policy.md section 0: their meaning is fixed.
_TLP_MARKINGS = frozenset(
    f"marking-definition--{uuid}"
    for uuid in (
        "613f2e26-407d-48c7-9eca-b8e91df99dc9",
        "34098fce-860f-48ae-8e50-ebd3cc5e41da",
        "f88d31f6-486f-44da-b317-01333bde0b82",
        "5e57c739-391a-4eb3-b6be-7d15ca92d5ed",
        "94868c89-83c2-464b-929b-a1a8aa3c8487",
        "bab4a63c-aed9-4cf5-a766-dfca5abac2bb",
        "55d920b0-5e8b-4f79-9ee9-91f868d9b421",
        "939a9414-2ddd-4d32-a0cd-375ea402b003",
        "e828b379-4e03-4974-9ac4-e53a884c97c1",
    )
)
_MAIN_KEYS = frozenset(
    {
        "exchange",
        "operator",
        "root",
        "url",
        "max-body",
        "groups",
        "members",
        "defaults",
        "markings",
        "releases",
        "mail",
        "quota",
    }
)
_MEMBER_KEYS = frozenset(
    {"name", "in", "relays", "identity", "suspended", "from", "until", "listed", "roles", "credit", "sites", "notify",
     "agrees", "acs", "approve-own", "quota"}
)  # fmt: skip
_ROLES = choice("coordinator", "auditor")
_EMPTY = Table(place=Place(file=MAIN_FILE, line=1), fields={}, places={})


def read_home(path: Path) -> dict[str, str]:
    """The texts of a home by relative name: `config/exchange.yaml`, then `collections/*.yaml` by name.

    ConfigError if the first is missing, or a file cannot be read as UTF-8.
    """
    problems: list[Problem] = []
    found = sorted(f"collections/{file.name}" for file in path.glob("collections/[!.]*.y*ml"))
    files = [MAIN_FILE, *(file for file in found if file.endswith(".yaml"))]
    for file in found:
        if file.endswith(".yml"):
            message = f"is not read; call it {file.removesuffix('.yml')}.yaml"
            problems.append(Problem(place=Place(file=file, line=1), key="", message=message))
    if (path / MAIN_FILE).exists():
        texts = {file: text for file in files if (text := read_text(path, file, problems)) is not None}
    else:
        problems.append(_missing())
    if problems:
        raise ConfigError(ordered(problems, [MAIN_FILE, *found]))
    return texts


def example_files() -> dict[str, str]:
    """The example home (policy.md section 4 as far as stage core reaches), as `read_home` would give it."""
    example = resources.files("exchange") / "example"
    names = sorted(f"collections/{file.name}" for file in (example / "collections").iterdir())
    return {name: (example / name).read_text(encoding="utf-8") for name in (MAIN_FILE, *names)}


def parse(files: Mapping[str, str], *, fresh_id: Callable[[], str] | None = None) -> Config:
    """The config that the files of a home say. ConfigError with every problem if they say none.

    `files`: text by relative name, as `read_home` gives it. `fresh_id` makes a UUIDv4 to paste into a
    collection that has none; without it the message says which command makes one.
    """
    problems: list[Problem] = []
    tables = {file: load(file, text, problems) for file, text in files.items()}
    if MAIN_FILE not in files:
        problems.append(_missing())
    main_table = tables.pop(MAIN_FILE, None)
    if main_table is None:
        # What is wrong with it is noted; the collections are still read, without names to hold them against.
        main, names = _reader(_EMPTY, []), Names(groups=None, members=frozenset())
    else:
        main = _reader(main_table, problems)
        names = Names(groups=frozenset(main.entries("groups")), members=frozenset(main.entries("members")))
        names = replace(names, plans=read_plans(main, names), coordinators=_coordinators(main))
    stems = (file.removeprefix("collections/").removesuffix(".yaml") for file in tables)
    names = replace(names, collections=frozenset(stems))
    defaults = read_defaults(main, names)
    collections = [
        read_collection(file, _reader(table, problems), defaults, names, fresh_id)
        for file, table in tables.items()
        if is_collection(file, problems) and table is not None
    ]
    problems.extend(doubles(collections))
    config = _config(main, names, collections)
    if problems:
        raise ConfigError(ordered(problems, files))
    return config


def suspicions(config: Config) -> tuple[Problem, ...]:
    """What is allowed but looks like a mistake, for `exchange check`, in the order of the config's parts."""
    members = [member for member in config.members.values() if not member.suspended]
    peopled = frozenset[str]().union(*(config.groups_of(member.name) for member in members))
    found = [*_suspicious_groups(config, peopled), *_suspicious_members(config)]
    for one in config.collections.values():
        for key, right in (("read", one.read), ("write", one.write)):
            if not (members and right.everyone) and not right.groups & peopled:
                place = one.places.get(key, one.place)
                found.append(Problem(place=place, key=key, message=f"no member can {key} this collection"))
        for name in sorted(m for m in one.moderate if not _reads(config, one, m)):
            message = f"{name} reviews nothing here: this collection does not let it read"
            found.append(Problem(place=one.places["moderate"], key="moderate", message=message))
        box = config.collections.get(one.responses or "")
        if box and box.own_hidden and not _all_of(one.write, box.read):
            message = f"{box.name} is `own: hidden`: some who publish here cannot read what it takes"
            found.append(Problem(place=one.places["responses"], key="responses", message=message))
    plans = {one.name for c in config.collections.values() for one in (c.release, c.at_least) if one}
    return (*found, *suspicious_plans(config.releases, frozenset(plans)), *suspicious_notify(config))


def _all_of(some: Rights, others: Rights) -> bool:
    return others.everyone or (not some.everyone and some.groups <= others.groups)


def _reads(config: Config, one: Collection, member: str) -> bool:
    return one.read.everyone or bool(one.read.groups & config.groups_of(member))


def _suspicious_groups(config: Config, peopled: frozenset[str]) -> Iterator[Problem]:
    used = frozenset[str]().union(
        *(member.groups for member in config.members.values()),
        *(one.read.groups | one.write.groups for one in config.collections.values()),
        *(group.of for group in config.groups.values()),
        {treatment.group for treatment in config.markings.values() if treatment.group},
        {member.credit.shown_to for member in config.members.values() if member.credit.shown_to},
        {one.credit.shown_to for one in config.collections.values() if one.credit.shown_to},
        *(stage.groups for plan in config.releases.values() for stage in plan.stages),
    )
    for group in config.groups.values():
        # One that is made of others may be there for publishers alone, who address it by marking.
        if group.name not in used and not group.of:
            message = "is used nowhere: no member, collection, group or marking names it"
        elif group.name not in peopled:
            message = "has no member"
        else:
            continue
        yield Problem(place=group.place, key=f"groups.{group.name}", message=message)


def _suspicious_members(config: Config) -> Iterator[Problem]:
    reviewers = frozenset[str]().union(*(one.moderate for one in config.collections.values()))
    for member in config.members.values():
        if not member.groups:
            message = "is in no group; it reads and writes only what is open to everyone"
            yield Problem(place=member.place, key=f"members.{member.name}", message=message)
        if "coordinator" in member.roles and member.name not in reviewers:
            message = "`coordinator` has nothing to review: no collection names it under `moderate:`"
            yield Problem(place=member.places["roles"], key=f"members.{member.name}.roles", message=message)
        for role in sorted(member.roles & set(_IDLE_ROLES)):
            message = f"`{role}` has nothing to do until {_IDLE_ROLES[role]}"
            yield Problem(place=member.places["roles"], key=f"members.{member.name}.roles", message=message)


def _missing() -> Problem:
    place = Place(file=MAIN_FILE, line=1)
    return Problem(place=place, key="", message="is missing; `exchange init DIR` writes an example")


def _reader(table: Table, problems: list[Problem]) -> Reader:
    return Reader(table=table, path="", problems=problems)


def _config(main: Reader, names: Names, collections: list[Collection]) -> Config:
    main.only(_MAIN_KEYS, NOT_YET)
    return Config(
        title=main.required("exchange", line, "", "write the name of this exchange"),
        operator=main.required("operator", line, "", "write who signs what the exchange itself writes"),
        root=main.value("root", _root, "exchange"),
        url=main.value("url", _url, None),
        max_body=main.value("max-body", size, 50 * 2**20),
        mail=read_mail(main),
        groups=_groups(main.below("groups"), names),
        members=_members(main.below("members"), names, main.value("quota", count, None)),
        collections={one.name: one for one in collections},
        releases=names.plans or {},
        markings=_markings(main.below("markings"), names),
        anonymous_tick=main.below("defaults").value("anonymous-tick", tick, ANONYMOUS_TICK),
    )


def _groups(groups: Reader, names: Names) -> dict[str, Group]:
    found = {}
    for name, node in groups.table.fields.items():
        check_name(groups, name)
        if name in WORDS_TAKEN:
            groups.note(name, f"`{name}` has a meaning of its own; choose another name")
        inner = groups.below(name) if isinstance(node, Table) else _reader(_EMPTY, [])
        inner.only(frozenset({"of", "about"}), NOT_YET)
        about = inner.value("about", prose, "") if isinstance(node, Table) else groups.value(name, prose, "")
        of = inner.each("of", names.group)
        found[name] = Group(name=name, about=about, of=of, place=groups.table.places[name])
    _note_cycles(groups, {name: [inner for inner in group.of if inner in found] for name, group in found.items()})
    return found


def _note_cycles(groups: Reader, contains: dict[str, list[str]]) -> None:
    """Note each cycle once, at the group of it that comes first in the file, and break it there."""
    order = list(contains)
    while True:
        try:
            TopologicalSorter(contains).prepare()
        except CycleError as err:
            loop: list[str] = err.args[1][:0:-1]
            start = loop.index(min(loop, key=order.index))
            loop = loop[start:] + loop[: start + 1]
            groups.below(loop[0]).note("of", f"goes in a circle: {' -> '.join(loop)}; remove one of these")
            contains[loop[0]] = []
        else:
            return


def _members(members: Reader, names: Names, quota: int | None) -> dict[str, Member]:
    found = {}
    owners: dict[str, str] = {}
    for name, node in members.table.fields.items():
        check_name(members, name)
        if not isinstance(node, Table):
            members.note(name, "needs a table, like `{ name: First River Bank, in: [finance] }`")
            continue
        reader = members.below(name)
        found[name] = _member(name, reader, members.table.places[name], names, quota)
        identity = found[name].identity
        if identity and owners.setdefault(identity, name) != name:
            reader.note("identity", f"is the identity of {owners[identity]} already; each member has its own")
    return found


def _member(name: str, reader: Reader, place: Place, names: Names, quota: int | None) -> Member:
    reader.only(_MEMBER_KEYS, NOT_YET)
    starts, last = reader.value("from", day, None), reader.value("until", day, None)
    if starts is not None and last is not None and last < starts:
        reader.note("until", "is before `from`; the membership would have no day")
    return Member(
        name=name,
        title=reader.required("name", line, "", "write the organisation's name"),
        groups=frozenset(reader.each("in", names.group)),
        relays=reader.value("relays", flag, False),
        identity=reader.value("identity", identity_id, None),
        suspended=reader.value("suspended", flag, False),
        starts=starts,
        ends=None if last is None else last + DAY,
        listed=reader.value("listed", flag, True),
        roles=frozenset(reader.each("roles", _ROLES)),
        credit=read_credit(reader, names) or NAMED,
        sites=reader.each("sites", site),
        agrees=read_agrees(reader),
        acs=read_acs(reader),
        notify=read_notify(reader),
        quota=reader.value("quota", count, quota),
        two_persons=reader.value("approve-own", choice("1", "2"), "1") == "2",
        place=place,
        places=reader.table.places,
    )


def _coordinators(main: Reader) -> frozenset[str]:
    """Members with that role; what is wrong with a member is noted by `_member`."""
    quiet = replace(main, problems=[]).below("members")
    found = (name for name, node in quiet.table.fields.items() if isinstance(node, Table))
    return frozenset(name for name in found if "coordinator" in quiet.below(name).each("roles", _ROLES))


def _markings(markings: Reader, names: Names) -> dict[str, Treatment]:
    found = {}
    for key in markings.table.fields:
        if not key.startswith("marking-definition--") or not UUID.fullmatch(key.partition("--")[2]):
            markings.note(key, "is not the id of a marking; write `marking-definition--UUID: ignore`")
        elif key.lower() in _TLP_MARKINGS:
            markings.note(key, "is a TLP marking, whose meaning is fixed; remove it")
        found[key] = markings.value(key, names.treatment, IGNORED)
    return found


def _root(text: str) -> str:
    if text in _ROOTS_TAKEN:
        raise ValueError(f'the path "/{text}" is taken; choose another, like exchange')
    if not re.fullmatch(r"[a-z0-9-]{1,40}", text):
        raise ValueError("must be one path segment of a-z, 0-9 and -, at most 40 long, like exchange")
    return text


def _url(text: str) -> str:
    match = re.fullmatch(r"(https?://(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?)/?", text)
    if not match or int(match[2] or 0) > 65535:
        raise ValueError(f'"{text}" is not a URL without a path, in lower case, like https://exchange.example.org')
    return match[1]
