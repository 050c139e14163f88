"""What changes between two configs, in an administrator's words: rights per member and collection, and settings.

Pure: it compares two values. How many objects a change of rights opens or closes is the store's to say
(`questions.counts`); the two stand side by side in `exchange diff`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from exchange import policy
from exchange.config import Collection, Config, Credit, Group, Member, Plan, Rights, Treatment
from exchange.stix import format_timestamp
from exchange.yamlread import length


@dataclass(frozen=True, slots=True, kw_only=True)
class RightsChange:
    """The rights (`read`, `write`) that one member gains and loses in one collection, by name."""

    member: str
    collection: str
    gained: tuple[str, ...]
    lost: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingChange:
    """One setting of a subject such as `member skyline`; None where it does not say it before, or after.

    `key` is empty where the subject as a whole is new or gone.
    """

    subject: str
    key: str
    before: str | None
    after: str | None

    def __str__(self) -> str:
        what = f"{self.subject}: {self.key}" if self.key else self.subject
        if self.before is None:
            return f"+ {what}: {self.after}"
        if self.after is None:
            return f"- {what}: {self.before}"
        return f"~ {what}: {self.before} → {self.after}"


# Rights -----------------------------------------------------------------------------------------------------------


def rights(before: Config | None, after: Config | None) -> list[RightsChange]:
    """By member, then collection. A config of None gives nobody anything."""
    had, has = _rights(before), _rights(after)
    names = _collection_names(before) | _collection_names(after)
    found = []
    for member, uid in sorted(had.keys() | has.keys(), key=lambda pair: (pair[0], names[pair[1]])):
        old, new = had.get((member, uid), frozenset()), has.get((member, uid), frozenset())
        if old != new:
            gained, lost = tuple(sorted(new - old)), tuple(sorted(old - new))
            found.append(RightsChange(member=member, collection=names[uid], gained=gained, lost=lost))
    return found


def _rights(config: Config | None) -> dict[tuple[str, str], frozenset[str]]:
    """(member, collection id) → rights."""
    found: dict[tuple[str, str], frozenset[str]] = {}
    if config is None:
        return found
    for member in config.members:
        profile = policy.profile_of(config, member)
        for uid in profile.reads | profile.writes:
            held = {"read": uid in profile.reads, "write": uid in profile.writes}
            found[member, uid] = frozenset(right for right, has in held.items() if has)
    return found


def _collection_names(config: Config | None) -> dict[str, str]:
    return {one.id: one.name for one in config.collections.values()} if config else {}


# Settings ---------------------------------------------------------------------------------------------------------


def settings(before: Config | None, after: Config) -> list[SettingChange]:
    """Everything else that changes, in the order of the config's parts: the exchange, groups, members, …"""
    old, new = _told(before) if before else {}, _told(after)
    return [change for uid in {**new, **old} for change in _changes(old.get(uid), new.get(uid))]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Subject:
    """What the files say of one thing: key → value in their words, without what is unset."""

    title: str
    says: Mapping[str, str]

    def __str__(self) -> str:
        return "; ".join(f"{key}: {value}" for key, value in self.says.items())


def _changes(old: _Subject | None, new: _Subject | None) -> Iterator[SettingChange]:
    if old is None or new is None:
        title = (old or new or _NOTHING).title
        before, after = str(old) if old else None, str(new) if new else None
        yield SettingChange(subject=title, key="", before=before, after=after)
        return
    for key in {**new.says, **old.says}:
        before, after = old.says.get(key), new.says.get(key)
        if before != after:
            yield SettingChange(subject=new.title, key=key, before=before, after=after)


_NOTHING = _Subject(title="", says={})


def _told(config: Config) -> dict[str, _Subject]:
    """By what stays the same when the rest changes: a name, for a collection its id."""
    whole = {"name": config.title, "operator": config.operator, "root": config.root,
             "url": config.url or "", "max-body": f"{config.max_body:,} bytes",
             "anonymous-tick": f"{config.anonymous_tick // 1_000_000} s"}  # fmt: skip
    told = {"exchange": _subject("exchange", whole)}
    for group in config.groups.values():
        told[f"group {group.name}"] = _subject(f"group {group.name}", _group(group))
    for plan in config.releases.values():
        told[f"release {plan.name}"] = _subject(f"release {plan.name}", _plan(plan))
    for member in config.members.values():
        told[f"member {member.name}"] = _subject(f"member {member.name}", _member(member))
    for one in config.collections.values():
        told[f"collection {one.id}"] = _subject(f"collection {one.name}", _collection(one))
    for uid, treatment in config.markings.items():
        told[uid] = _subject("marking", {uid: _treatment(treatment)})
    return told


def _subject(title: str, says: Mapping[str, str]) -> _Subject:
    return _Subject(title=title, says={key: value for key, value in says.items() if value})


def _group(group: Group) -> dict[str, str]:
    return {"about": group.about, "of": ", ".join(sorted(group.of))}


def _plan(plan: Plan) -> dict[str, str]:
    """By the time of each stage: whom it lets in."""
    found: dict[str, str] = {}
    for stage in sorted(plan.stages, key=lambda s: (s.instant is not None, s.instant or s.after or 0)):
        when = format_timestamp(stage.instant) if stage.instant is not None else length(stage.after or 0)
        whom = ["everyone"] * stage.everyone + ["named"] * stage.named + sorted(stage.groups)
        found[when] = ", ".join(filter(None, (found.get(when, ""), *whom)))
    return found


def _member(member: Member) -> dict[str, str]:
    return {
        "name": member.title,
        "in": ", ".join(sorted(member.groups)),
        "relays": "true" if member.relays else "",
        "identity": member.identity or "",
        "suspended": "true" if member.suspended else "",
        "from": "" if member.starts is None else _day(member.starts),
        "until": "" if member.ends is None else _day(member.ends - 1),
        "listed": "" if member.listed else "false",
        "roles": ", ".join(sorted(member.roles)),
        "credit": _credit(member.credit),
        "sites": ", ".join(member.sites),
        "quota": str(member.quota) if member.quota else "",
        "approve-own": "2" if member.two_persons else "",
        "agrees": ", ".join(sorted(member.agrees)),
        "acs": ", ".join(sorted(member.acs)),
    }


def _collection(one: Collection) -> dict[str, str]:
    low, high = one.accept
    return {
        "file": f"{one.name}.yaml",
        "title": one.title,
        "description": one.description or "",
        "read": _holders(one.read),
        "write": _holders(one.write),
        "accept": f"{low.value} to {high.value}",
        "unmarked": one.unmarked.value if one.unmarked else "refuse",
        "own": "hidden" if one.own_hidden else "",
        "audience": "named" if one.named else "",
        "release": one.release.name if one.release else "",
        "release-at-least": one.at_least.name if one.at_least else "",
        "credit": _credit(one.credit),
        "pseudonym": "true" if one.pseudonym else "",
        "unknown-markings": one.unknown_markings,
        "moderate": ", ".join(sorted(one.moderate)),
        "personal-data": "" if one.personal_data == "allow" else one.personal_data,
    }


def _credit(credit: Credit) -> str:
    """Unset where it is the default."""
    return f"shown to {credit.shown_to}" if credit.shown_to else "anonymous" if credit.anonymous else ""


def _treatment(treatment: Treatment) -> str:
    return "ignore" if treatment.ignore else treatment.tlp.value if treatment.tlp else treatment.group or ""


def _holders(rights: Rights) -> str:
    return "everyone" if rights.everyone else ", ".join(sorted(rights.groups)) or "nobody"


def _day(instant: int) -> str:
    return format_timestamp(instant)[:10]


# Text -------------------------------------------------------------------------------------------------------------


def text(before: Mapping[str, str], after: Mapping[str, str], names: tuple[str, str]) -> str:
    """The files of two versions as one unified diff; empty if they are alike. `names`: what each side is called."""
    lines: list[str] = []
    for file in sorted(before.keys() | after.keys()):
        old, new = before.get(file, "").splitlines(), after.get(file, "").splitlines()
        lines += difflib.unified_diff(old, new, f"{names[0]}/{file}", f"{names[1]}/{file}", lineterm="")
    return "\n".join(lines)
