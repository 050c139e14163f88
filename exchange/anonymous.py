"""The copy of an anonymous object that everybody but its publisher reads, and what would give the publisher away. Pure.

A copy says what the object says and nothing of who wrote it: id, author and times are the exchange's, references lead
to other copies, and its JSON has one form whatever tool the publisher uses (policy.md 3.8, channels 4, 5 and 7). What
the exchange cannot take out without changing what an object says is refused, each trace with its path.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from exchange import stix
from exchange.stix import Fault

HOUR = 3_600_000_000
MILLISECOND = 1_000
SHORTEST = 3  # a name with fewer letters is found in any text
MAX_TRACES = 20  # told of one object

_WORD = re.compile(r"[^\W_]+")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_UNREAD = frozenset({"type", "id", "spec_version", "created", "modified", "created_by_ref", "object_marking_refs"})
_NOT_RENAMED = frozenset({"created_by_ref", "object_marking_refs", "external_references", "granular_markings"})
_DEFAULTS = {"revoked": False, "defanged": False, "lang": "en"}
_LATER_ENDS = frozenset(later for _, later, _ in stix.ORDER.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Publisher:
    """What a publisher is known by. `names`: its title, its short name, the hosts of its sites; `identities`: ids of
    STIX identities that stand for it."""

    names: tuple[str, ...]
    identities: frozenset[str]


# Traces -----------------------------------------------------------------------------------------------------------


def traces(obj: Mapping[str, Any], publisher: Publisher, own: Callable[[str], bool]) -> tuple[Fault, ...]:
    """Each trace of its publisher in an object, at most `MAX_TRACES`. `own` says of a STIX id or a UUID in lower case
    that a text mentions whether it is one of the publisher's."""
    custom = "is not of the standard, and tools are known by it"
    found = [*_by_kind(obj, publisher), *(Fault(path=path, message=custom) for path in stix.custom(obj))]
    words = [(name, _words(name)) for name in publisher.names if len(_words(name).strip()) >= SHORTEST]
    for path, value, referring in _strings(obj, ()):
        if referring:
            if value in publisher.identities:
                found.append(Fault(path=path, message="is your identity"))
            continue
        text = _words(value)
        if any(word in text for _, word in words):
            found.append(Fault(path=path, message="has your name or site"))
        if any(own(mentioned) for mentioned in _mentioned(value)):
            found.append(Fault(path=path, message="mentions an id of yours, which others do not know"))
    return tuple(found[:MAX_TRACES])


def mentions(obj: Mapping[str, Any]) -> frozenset[str]:
    """The STIX ids that the texts of an object mention, apart from its references."""
    return frozenset().union(*(stix.ids_in(value) for _, value, referring in _strings(obj, ()) if not referring))


def _by_kind(obj: Mapping[str, Any], publisher: Publisher) -> Iterator[Fault]:
    if obj["type"] in ("marking-definition", "extension-definition"):
        yield Fault(path="/type", message="a definition of yours marks what is yours")
    if obj["type"] == "observed-data" and "objects" in obj:
        yield Fault(path="/objects", message="holds objects that cannot be told apart: send each by itself")
    if obj["id"] in publisher.identities:
        yield Fault(path="/id", message="is your identity")
    if "authors" in obj:
        yield Fault(path="/authors", message="names who wrote it")


def _mentioned(text: str) -> frozenset[str]:
    return stix.ids_in(text) | frozenset(_UUID.findall(text.lower()))


def _words(text: str) -> str:
    """With one blank around each word, whatever stood there, so that names are found as words."""
    return f" {' '.join(_WORD.findall(unicodedata.normalize('NFKC', text).casefold()))} "


def _strings(value: Any, way: tuple[str | int, ...], referring: bool = False) -> Iterator[tuple[str, str, bool]]:
    """(path, text, whether it is a reference) of every text in an object, names of properties too."""
    if isinstance(value, str):
        yield stix.pointer(way), value, referring
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _strings(item, (*way, index), referring)
    elif isinstance(value, dict):
        for key, below in value.items():
            if way:
                yield stix.pointer((*way, key)), key, False
            if way or key not in _UNREAD:
                yield from _strings(below, (*way, key), key.endswith(("_ref", "_refs")))


# The copy ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What the exchange puts into a copy: its id, and for all but observables who made it and when (microseconds).

    `without`: ids of markings that stay with the publisher's own object; `renamed`: ids of the publisher's, by what
    they are called in copies.
    """

    id: str
    author: str
    created: int
    modified: int
    without: frozenset[str]
    renamed: Mapping[str, str]


def keeps_id(stix_id: str) -> bool:
    """Whether everybody calls the object the same: an observable whose id follows from its value."""
    stix_type, _, uuid = stix_id.partition("--")
    return stix.kind({"type": stix_type}) == "sco" and uuid[14:15] == "5"


def floor_hour(at: int) -> int:
    return at // HOUR * HOUR


def next_version(received: int, last: int | None) -> int:
    """The version of a copy that comes in then, after the version `last` of it."""
    hour = floor_hour(received)
    return hour if last is None else max(hour, last + MILLISECOND)


def timestamp(at: int) -> str:
    """As STIX writes whole milliseconds."""
    return f"{stix.format_timestamp(at)[:-4]}Z"


def copy(obj: Mapping[str, Any], given: Given) -> bytes:
    """The JSON of the copy. Two objects that say the same have the same bytes, however they were written."""
    made = {k: _renamed(k, v, given.renamed) for k, v in obj.items() if k not in _DEFAULTS or v != _DEFAULTS[k]}
    made |= {"id": given.id, "spec_version": "2.1"}
    if stix.kind(obj) != "sco":
        made |= {"created": timestamp(given.created), "modified": timestamp(given.modified)}
        made["created_by_ref"] = given.author
    if "object_ref" in made and made["type"] == "language-content":
        made.pop("object_modified", None)  # that is when the publisher made the version
    made |= _times(obj)
    _unmark(made, given.without)
    return orjson.dumps(_plain(made), option=orjson.OPT_SORT_KEYS)


def author(copied: bytes) -> str | None:
    """Who made a copy, as it says; None of an observable."""
    found: str | None = orjson.loads(copied).get("created_by_ref")
    return found


def _renamed(key: str, value: Any, names: Mapping[str, str], depth: int = 0) -> Any:
    if not depth and key in _NOT_RENAMED:
        return value
    if isinstance(value, dict):
        return {k: _renamed(k, v, names, depth + 1) for k, v in value.items()}
    if isinstance(value, list):
        return [_renamed(key, item, names, depth + 1) for item in value]
    return names.get(value, value) if isinstance(value, str) and key.endswith(("_ref", "_refs")) else value


def _times(obj: Mapping[str, Any]) -> dict[str, str]:
    """Timestamps in one form; one that is the moment of writing, as tools fill it in, is cut to its hour."""
    written = {obj.get("created"), obj.get("modified")} - {None}
    found = {}
    for name in stix.TIMESTAMPS.get(obj["type"], ()):
        if name in obj and name != "object_modified":
            at = stix.parse_timestamp(obj[name])
            at = floor_hour(at) if obj[name] in written and name not in _LATER_ENDS else at
            text = stix.format_timestamp(at)
            found[name] = text if at % MILLISECOND else f"{text[:-4]}Z"
    return found


def _unmark(made: dict[str, Any], without: frozenset[str]) -> None:
    marks = sorted(set(made.pop("object_marking_refs", ())) - without)
    if marks:
        made["object_marking_refs"] = marks
    kept = []
    for granular in made.pop("granular_markings", ()):
        selectors = sorted(s for s in granular["selectors"] if stix.present(made, s))
        if granular.get("marking_ref") not in without and selectors:
            kept.append({**granular, "selectors": selectors})
    if kept:
        made["granular_markings"] = kept


def _plain(value: Any) -> Any:
    """Numbers in one form."""
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 2**53 else value
