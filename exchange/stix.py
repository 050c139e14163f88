"""What the exchange knows of STIX 2.1: times, versions, references, markings, and whether an object may enter.

This is the face of the modules `stix*`, the only one that the rest of the exchange imports. It decides
nothing about who may read: it says what an object *is*, and leaves every byte as it came.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from exchange.stixcheck import faults
from exchange.stixcustom import custom
from exchange.stixenvelope import EnvelopeError, Item, TooMany, read_envelope, why_no_json
from exchange.stixextension import AI_FINDING
from exchange.stixfault import Fault, pointer
from exchange.stixmarks import present
from exchange.stixpattern import pattern_error
from exchange.stixread import kind
from exchange.stixtime import format_timestamp, parse_query_timestamp, parse_timestamp
from exchange.stixtypes import ORDER, TIMESTAMPS, TLP_OBJECTS

__all__ = [
    "AI_FINDING",
    "NO_VERSION",
    "ORDER",
    "TIMESTAMPS",
    "TLP_OBJECTS",
    "EnvelopeError",
    "Fault",
    "Item",
    "Parsed",
    "TooMany",
    "checked",
    "custom",
    "faults",
    "format_timestamp",
    "ids_in",
    "kind",
    "marking_refs",
    "parse_query_timestamp",
    "parse_timestamp",
    "pattern_error",
    "pointer",
    "present",
    "read_envelope",
    "references",
    "version_of",
    "why_no_json",
]

NO_VERSION = "1970-01-01T00:00:00.000Z"
"""The version of an SCO that has neither `modified` nor `created`, everywhere."""

_ID = re.compile(
    r"[a-z0-9-]{1,250}--[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}",
    re.ASCII,
)

_MENTIONED = re.compile(
    r"\b[a-z0-9][a-z0-9-]{0,249}?--[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b",
    re.ASCII,
)

# Policy 3.4.9: these name the author, the markings and things outside STIX, never another deposit's content.
_NO_REFERENCE = frozenset({"created_by_ref", "object_marking_refs", "external_references"})
_MARKING_REF = frozenset({"marking_ref"})
_NOTHING: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """An acceptable STIX object, and the bytes that it came as, which are what is stored and served."""

    raw: bytes
    id: str
    type: str
    obj: dict[str, Any]


def checked(item: Item, *, now: int) -> Parsed | tuple[Fault, ...]:
    """The object of an envelope's entry if it may enter, else its faults (at least one).

    `now`: microseconds since the epoch (UTC).
    """
    if item.fault is not None:
        return (item.fault,)
    obj = item.obj or {}
    found = faults(obj, now=now)
    if found:
        return found
    return Parsed(raw=item.raw, id=obj["id"], type=obj["type"], obj=obj)


def version_of(obj: Mapping[str, Any]) -> tuple[int, str]:
    """The version of an object: (microseconds since the epoch, the object's own text).

    `modified`, else `created` (a marking-definition has no other), else 0 and `NO_VERSION` (S-3.6-01,
    S-3.6-05). ValueError if that property is not a STIX timestamp; an object without faults has none such.
    """
    text = obj.get("modified", obj.get("created", NO_VERSION))
    if not isinstance(text, str):
        raise ValueError("not a STIX timestamp (YYYY-MM-DDTHH:MM:SS.sssZ)")
    return parse_timestamp(text), text


def references(obj: Mapping[str, Any]) -> frozenset[str]:
    """The ids that an object refers to: every id below a property ending in `_ref` or `_refs`, custom too.

    Without `created_by_ref`, `object_marking_refs`, `external_references` (policy 3.4.9) and the
    `marking_ref` of granular markings, where STIX defines these: on the object and on the SCOs that an old
    observed-data embeds. The same names anywhere else are references like others, which is the closed
    reading.
    """
    found: set[str] = set()
    todo: list[tuple[Any, bool, frozenset[str]]] = []
    for part in _stix_parts(obj):
        todo.append((part, False, _NO_REFERENCE))
    while todo:
        value, referring, skip = todo.pop()
        if isinstance(value, dict):
            for key, below in value.items():
                if key not in skip:
                    inner = _MARKING_REF if skip is _NO_REFERENCE and key == "granular_markings" else _NOTHING
                    todo.append((below, referring or key.endswith(("_ref", "_refs")), inner))
        elif isinstance(value, list):
            # The items of granular_markings keep its exception; any other list carries none.
            todo.extend((below, referring, skip) for below in value)
        elif referring and isinstance(value, str) and _ID.fullmatch(value):
            found.add(value)
    return frozenset(found)


def ids_in(text: str) -> frozenset[str]:
    """The STIX ids that a text mentions."""
    return frozenset(_MENTIONED.findall(text))


def marking_refs(obj: Mapping[str, Any]) -> frozenset[str]:
    """The ids of all markings that an object names, for itself or by a granular marking for a part.

    Those of the SCOs that an old observed-data embeds count too: an object is served whole or not at all.
    """
    found: set[str] = set()
    for part in _stix_parts(obj):
        named = part.get("object_marking_refs")
        found.update(ref for ref in _items(named) if isinstance(ref, str))
        for granular in _items(part.get("granular_markings")):
            ref = granular.get("marking_ref") if isinstance(granular, dict) else None
            if isinstance(ref, str):
                found.add(ref)
    return frozenset(found)


def _stix_parts(obj: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The object, and the SCOs embedded in a deprecated observed-data `objects` dictionary."""
    embedded = obj.get("objects") if obj.get("type") == "observed-data" else None
    if isinstance(embedded, dict):
        yield {key: value for key, value in obj.items() if key != "objects"}
        yield from (part for part in embedded.values() if isinstance(part, dict))
    else:
        yield obj


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
