"""Decision cases as they stand in tests/cases/*.yaml, read into steps. tests/cases/README.md has the words.

Anything that the words do not cover is an error: a case with a slip of the pen must not pass in silence.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parents[1] / "cases"
PLAIN = FOLDER / "home"
"""The example home without what hides or delays: no release plans, no anonymity, no review."""

_NAME = re.compile(r"(?P<name>[a-z0-9.-]+)(@(?P<version>[0-9]+))?( of (?P<of>\S+))?( in (?P<where>\S+))?")
_POSTS = re.compile(r"(?P<who>\S+) posts to (?P<where>\S+)")
_DELETES = re.compile(r"(?P<who>\S+) deletes (?P<name>[^\s@]+)(@(?P<which>newest|oldest|[0-9]+))? from (?P<where>\S+)")
_POLLS = re.compile(r"(?P<who>\S+) polls (?P<where>\S+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sketch:
    """An object as a case writes it: what matters for who may read it."""

    name: str
    version: int
    type: str
    tlp: tuple[str, ...]
    granular: tuple[str, ...]
    to: tuple[str, ...]
    marked: tuple[str, ...]
    refs: tuple[str, ...]
    by: str | None
    more: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Which:
    """A deposit, named as far as needed: ``vuln@2 of skyline in indicators``. Unsaid: version 1, anybody, anywhere."""

    name: str
    version: int
    of: str | None
    where: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """Exactly these members, or every member of the files but these."""

    names: frozenset[str]
    others: bool

    def among(self, members: frozenset[str]) -> frozenset[str]:
        assert self.names <= members, f"no member {sorted(self.names - members)}"
        return members - self.names if self.others else self.names


@dataclass(frozen=True, slots=True, kw_only=True)
class Posts:
    """`refused` and `told` (of what was accepted): words of the answer, by object. `door`: the status of a refusal."""

    member: str
    collection: str
    objects: tuple[Sketch, ...]
    refused: Mapping[str, str]
    told: Mapping[str, str]
    door: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletes:
    member: str
    collection: str
    name: str
    which: str | None
    answer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Polls:
    """What is new to the member since it polled last, every version; or the status that the door gives."""

    member: str
    collection: str
    new: tuple[Which, ...]
    door: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """Keys to put into the files; None takes one out."""

    config: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ItIs:
    """The clock, microseconds."""

    now: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reads:
    """Who exactly may read, and by which rule of policy 3.4 somebody may not, as `explain` reports it."""

    readers: Mapping[Which, People]
    denied: Mapping[Which, Mapping[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviews:
    """A person's word on what is held: ``approved`` or ``refused``."""

    words: Mapping[Which, str]


Step = Posts | Deletes | Polls | Changes | ItIs | Reads | Reviews


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    name: str
    topic: str
    steps: tuple[Step, ...]

    @property
    def sketches(self) -> Iterator[Sketch]:
        for step in self.steps:
            if isinstance(step, Posts):
                yield from step.objects


@cache
def load() -> tuple[Case, ...]:
    """Every case of every file, in order."""
    return tuple(
        case for path in sorted(FOLDER.glob("*.yaml")) for case in read(path.read_text(encoding="utf-8"), path.stem)
    )


def read(text: str, topic: str) -> list[Case]:
    cases = []
    for stanza in yaml.load(text, Loader=yaml.CSafeLoader):
        taken = dict(stanza)
        name, steps = taken.pop("name"), taken.pop("steps")
        first = [Changes(config=taken.pop("config"))] if "config" in taken else []
        assert not taken, f"{name}: no such key: {sorted(taken)}"
        cases.append(Case(name=name, topic=topic, steps=(*first, *map(_step, steps))))
    return cases


def _step(written: Mapping[str, Any]) -> Step:
    sentence = next(iter(written))
    rest = {k: v for k, v in written.items() if k != sentence}
    for pattern, make in _SENTENCES:
        if match := pattern.fullmatch(sentence):
            step = make(match.groupdict(), written[sentence], rest)
            assert not rest, f"{sentence}: no such key: {sorted(rest)}"
            return step
    raise AssertionError(f"no such step: {sentence}")


def _posts(said: Mapping[str, str], value: Any, rest: dict[str, Any]) -> Posts:
    return Posts(
        member=said["who"],
        collection=said["where"],
        objects=tuple(_sketch(name, about or {}) for name, about in value.items()),
        refused=rest.pop("refused", {}),
        told=rest.pop("told", {}),
        door=rest.pop("answer", None),
    )


def _deletes(said: Mapping[str, str], value: Any, _rest: dict[str, Any]) -> Deletes:
    answer = str(value)
    assert answer in ("deleted", "403", "404"), f"a delete is answered deleted, 403 or 404, not {answer}"
    return Deletes(member=said["who"], collection=said["where"], name=said["name"], which=said["which"], answer=answer)


def _polls(said: Mapping[str, str], value: Any, _rest: dict[str, Any]) -> Polls:
    door = value if isinstance(value, int) else None
    new = () if door else tuple(map(which, value))
    return Polls(member=said["who"], collection=said["where"], new=new, door=door)


def _changes(_said: Mapping[str, str], value: Any, _rest: dict[str, Any]) -> Changes:
    return Changes(config=value)


def _it_is(_said: Mapping[str, str], value: Any, _rest: dict[str, Any]) -> ItIs:
    instant = datetime.fromisoformat(str(value)).replace(tzinfo=UTC)
    return ItIs(now=int(instant.timestamp()) * 1_000_000)


def _reads(_said: Mapping[str, str], value: Any, rest: dict[str, Any]) -> Reads:
    denied = rest.pop("denied", {})
    return Reads(
        readers={which(name): _people(people) for name, people in value.items()},
        denied={which(name): rules for name, rules in denied.items()},
    )


def _reviews(_said: Mapping[str, str], value: Any, _rest: dict[str, Any]) -> Reviews:
    assert set(value.values()) <= {"approved", "refused"}, f"no such word: {value}"
    return Reviews(words={which(name): word for name, word in value.items()})


_SENTENCES: tuple[tuple[re.Pattern[str], Callable[[Mapping[str, str], Any, dict[str, Any]], Step]], ...] = (
    (_POSTS, _posts),
    (_DELETES, _deletes),
    (_POLLS, _polls),
    (re.compile("config"), _changes),
    (re.compile("it is"), _it_is),
    (re.compile("read"), _reads),
    (re.compile("review"), _reviews),
)


def which(text: str) -> Which:
    match = _NAME.fullmatch(text)
    assert match, f"no such object: {text}"
    return Which(name=match["name"], version=int(match["version"] or 1), of=match["of"], where=match["where"])


def _sketch(text: str, about: Mapping[str, Any]) -> Sketch:
    named = which(text)
    assert named.of is None, f"{text}: who posts it is said above"
    lists = {key: _listed(about[key]) for key in ("tlp", "granular", "to", "marked", "refs") if key in about}
    unknown = about.keys() - lists.keys() - {"type", "by", "more"}
    assert not unknown, f"{text}: no such key: {sorted(unknown)}"
    return Sketch(
        name=named.name, version=named.version, type=about.get("type", ""),
        tlp=lists.get("tlp", ()), granular=lists.get("granular", ()), to=lists.get("to", ()),
        marked=lists.get("marked", ()), refs=lists.get("refs", ()),
        by=about.get("by"), more=about.get("more", {}),
    )  # fmt: skip


def _listed(value: Any) -> tuple[str, ...]:
    return tuple(value) if isinstance(value, list) else (value,)


def _people(value: Any) -> People:
    if isinstance(value, list):
        return People(names=frozenset(value), others=False)
    words = value.replace(",", " ").split()
    if words == ["nobody"]:
        return People(names=frozenset(), others=False)
    assert words[0] == "everyone", f"who? {value}"
    assert words[1:2] in ([], ["but"]), f"who? {value}"
    return People(names=frozenset(words[2:]), others=True)
