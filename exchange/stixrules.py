"""What every STIX object must keep that a schema cannot say: one function per rule, each named for its row.

A rule gets any JSON object, however wrong, and answers with the faults it finds; it never raises. Whoever
reads a wrong type here leaves it to the schema, which says so.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from exchange.stixfault import Fault, pointer
from exchange.stixread import Object, at, instant, items, kind, text
from exchange.stixtime import MINUTE, parse_timestamp
from exchange.stixtypes import (
    COMMON_TARGETS,
    KNOWN,
    ORDER,
    RESERVED_NAMES,
    TARGETS,
    TIMESTAMPS,
    TypeSet,
)

Rule = Callable[[Object], Sequence[Fault]]

MAX_AHEAD: Final = MINUTE
"""How far ahead of the clock the version of an object may be (clients.md rule 2)."""

_NONE: Final[tuple[Fault, ...]] = ()
_TYPE = re.compile(r"(?!.*--)[a-z0-9-]{3,250}", re.ASCII)
_UUID = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}", re.ASCII)
_LANGUAGE = re.compile(r"[a-zA-Z]{1,8}(-[a-zA-Z0-9]{1,8})*", re.ASCII)
_CAPEC = re.compile(r"CAPEC-[0-9]+", re.ASCII)
_CVE = re.compile(r"CVE-[0-9]{4}-[0-9]{4,}", re.ASCII)
_EMBEDDED_KEY = re.compile(r"[0-9]{1,9}", re.ASCII)


def fault(path: str, message: str) -> Fault:
    """A fault, in one line."""
    return Fault(path=path, message=message)


def identity(obj: Object) -> Sequence[Fault]:
    """S-2.9-01, S-11-02, S-8-01: `type`, and `id` = type--UUID. Nothing else can be said of an object
    without them.
    """
    stix_type = text(obj, "type")
    if stix_type is None:
        return [fault("/type", "the type is missing or no string: name the STIX type of the object")]
    if stix_type == "bundle":
        return [fault("/type", "a bundle is not a STIX object: send the objects that it holds")]
    if _TYPE.fullmatch(stix_type) is None or stix_type == "action":
        return [fault("/type", 'is not a type name: use 3 to 250 of a-z, 0-9 and single hyphens, and not "action"')]
    stix_id = text(obj, "id")
    if stix_id is None:
        return [fault("/id", "the id is missing or no string: send the object's own type, two hyphens and a UUID")]
    if not stix_id.startswith(f"{stix_type}--") or _UUID.fullmatch(stix_id, len(stix_type) + 2) is None:
        return [fault("/id", "must be the object's own type, two hyphens and a UUID: mend the id")]
    return _NONE


def spec_version(obj: Object) -> Sequence[Fault]:
    """S-3.2-06: "2.1"; an SCO may leave it out, anything else without it is STIX 2.0."""
    if "spec_version" not in obj:
        if kind(obj) == "sco":
            return _NONE
        message = 'is missing, so this is a STIX 2.0 object: send STIX 2.1 with spec_version "2.1"'
        return [fault("/spec_version", message)]
    if obj["spec_version"] == "2.1":
        return _NONE
    return [fault("/spec_version", 'only STIX 2.1 is accepted: convert the object and set spec_version "2.1"')]


def names(obj: Object) -> Sequence[Fault]:
    """S-3.8-01 and S-3.1-01: reserved names, and names whose ending does not fit the value."""
    found = [
        fault(pointer([name]), "this name is reserved by STIX: rename the property")
        for name in RESERVED_NAMES
        if name in obj
    ]
    for name, value in obj.items():
        ending = name[-4:]
        if ending == "_ref" or ending == "_enc":
            if not isinstance(value, str):
                found.append(fault(pointer([name]), f"a name in {ending} is for one string: mend or rename it"))
            if ending == "_enc" and name[:-4] not in obj:
                found.append(fault(pointer([name]), "names the encoding of a property that is absent: add that"))
        elif name[-5:] == "_refs" and not _strings(value):
            found.append(fault(pointer([name]), "a name in _refs is for a list of ids: mend or rename it"))
    return found


def _strings(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def applicable(obj: Object) -> Sequence[Fault]:
    """S-3.2-01, S-3.2-07: defanged on SCOs only; `lang` in the form of RFC 5646."""
    found = []
    if "defanged" in obj and kind(obj) != "sco":
        found.append(fault("/defanged", "only an SCO may be defanged: leave the property out"))
    lang = text(obj, "lang")
    if lang is not None and not is_language(lang):
        found.append(fault("/lang", "is not a language code of RFC 5646: write it like en or zh-Hans"))
    return found


def is_language(code: str) -> bool:
    """Whether the text has the form of an RFC 5646 language tag; the registry is not asked."""
    return _LANGUAGE.fullmatch(code) is not None


def versions(obj: Object, now: int) -> Sequence[Fault]:
    """S-2.16-01, S-3.6-01, clients.md rule 2: created and modified are times, in order, and not ahead of
    the clock.
    """
    found = []
    times: dict[str, int] = {}
    for name in ("created", "modified"):
        if name in obj:
            time = instant(obj, name)
            value = obj[name]
            # parse_timestamp took it: "2026-01-01T00:00:00.000Z" has 24 characters, fewer mean fewer digits.
            if time is None or len(value) < 24:
                message = "must be a time like 2026-01-31T12:00:00.000Z, with three digits or more: mend it"
                found.append(fault(f"/{name}", message))
            else:
                times[name] = time
    if len(times) == 2 and times["modified"] < times["created"]:
        found.append(fault("/modified", "lies before created: a version is never older than its object, mend one"))
    latest = "modified" if "modified" in obj else "created"
    if times.get(latest, now) > now + MAX_AHEAD:
        found.append(
            fault(f"/{latest}", "lies more than a minute in the future: set the clock right and send it again")
        )
    return found


def timestamps(obj: Object) -> Sequence[Fault]:
    """S-2.16-01, S-4-02: the other times exist in the calendar, and those of a pair stand in order."""
    stix_type = obj["type"]
    ways = TIMESTAMPS.get(stix_type)
    if ways is None:
        return _NONE
    found = []
    times: dict[str, int] = {}
    for way in ways:
        if "." not in way and way not in obj:
            continue
        for parts, value in at(obj, way):
            try:
                times[way] = parse_timestamp(value)
            except (TypeError, ValueError):
                found.append(fault(pointer(parts), "must be a time like 2026-01-31T12:00:00Z: mend it"))
    return [*found, *_order(stix_type, times)]


def _order(stix_type: str, times: Mapping[str, int]) -> Sequence[Fault]:
    first, later, strict = ORDER.get(stix_type, ("", "", False))
    if first not in times or later not in times:
        return _NONE
    if times[later] < times[first]:
        return [fault(f"/{later}", f"lies before {first}: mend one of the two")]
    if strict and times[later] == times[first]:
        return [fault(f"/{later}", f"equals {first} but must be later: mend it or leave it out")]
    return _NONE


def external_references(obj: Object) -> Sequence[Fault]:
    """S-2.5-01: a source_name with at least one of description, url and external_id; the form of CVE and
    CAPEC ids.
    """
    found = []
    for index, reference in enumerate(items(obj, "external_references")):
        if not isinstance(reference, dict):
            continue
        path = f"/external_references/{index}"
        if not ("url" in reference or "external_id" in reference or "description" in reference):
            found.append(fault(path, "names a source only: add a description, a url or an external_id"))
        source, external_id = reference.get("source_name"), text(reference, "external_id")
        if external_id is None:
            continue
        if source == "cve" and _CVE.fullmatch(external_id) is None:
            found.append(fault(f"{path}/external_id", "is not a CVE id: write it like CVE-2026-12345"))
        elif source == "capec" and _CAPEC.fullmatch(external_id) is None:
            found.append(fault(f"{path}/external_id", "is not a CAPEC id: write it like CAPEC-163"))
    return found


def references(obj: Object, embedded: bool = False) -> Sequence[Fault]:
    """S-3.3-02 and the rows S-R: each reference is an id, and of no known type that this property may not
    have.

    Types outside the standard are carried. In an SCO that an old observed-data embeds, a reference may also
    be the key of another.
    """
    found: list[Fault] = []
    for targets in (COMMON_TARGETS, TARGETS.get(obj["type"], {})):
        for way, allowed in targets.items():
            if "." in way:
                for parts, value in at(obj, way):
                    found.extend(_targets(parts, value, allowed, embedded))
            elif way in obj:
                found.extend(_targets((way,), obj[way], allowed, embedded))
    return found


def _targets(parts: tuple[str | int, ...], value: Any, allowed: TypeSet, embedded: bool) -> Iterator[Fault]:
    refs = enumerate(value) if isinstance(value, list) else [(-1, value)]
    for index, ref in refs:
        if not isinstance(ref, str):
            continue
        message = reference_error(ref, allowed, embedded)
        if message is not None:
            yield fault(pointer(parts if index < 0 else (*parts, index)), message)


def reference_error(ref: str, allowed: TypeSet, embedded: bool = False) -> str | None:
    """What is wrong with an id that may only be of the types `allowed`, or None."""
    stix_type, _, uuid = ref.partition("--")
    if stix_type in allowed and _UUID.fullmatch(uuid):
        return None
    if embedded and _EMBEDDED_KEY.fullmatch(ref):
        return None
    stix_type, _, uuid = ref.rpartition("--")
    if _TYPE.fullmatch(stix_type) is None or _UUID.fullmatch(uuid) is None:
        return "is not an id, a type with two hyphens and a UUID: mend the reference"
    if stix_type in allowed or (stix_type not in KNOWN and allowed != {"marking-definition"}):
        return None
    kinds = ", ".join(sorted(allowed)) if len(allowed) <= 4 else "another type"
    return f"may not refer to a {stix_type}: refer to {kinds}, or leave it out"
