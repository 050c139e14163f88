"""May this object enter? Every MUST of STIX 2.1 that the requirements table asks of intake, in one pass.

Schemas say the shape, rules say the rest; both run, so that a publisher learns of all faults at once. Never
a fault: an open vocabulary's other word, a target that nobody sent, the version of a UUID, an unknown
relationship_type, extension, custom property or pattern language (S-accept).
"""

from collections.abc import Iterable
from itertools import islice
from typing import Final

from exchange.stixextension import ai_finding
from exchange.stixfault import Fault, pointer
from exchange.stixkinds import KINDS
from exchange.stixmarks import markings
from exchange.stixread import Object, kind, members
from exchange.stixrules import (
    applicable,
    external_references,
    identity,
    names,
    references,
    spec_version,
    timestamps,
    versions,
)
from exchange.stixschema import SCO_CORE, SDO_CORE, validator
from exchange.stixsound import sound, unreadable, unsound
from exchange.stixtypes import STIX_OBJECTS
from exchange.stixwords import faults_of

MAX_FAULTS: Final = 20
"""Faults told of one object; a list of a thousand wrong items is one mistake."""


def faults(obj: Object, *, now: int) -> tuple[Fault, ...]:
    """What keeps an object out, at most `MAX_FAULTS`; empty if it is acceptable.

    `obj` is a JSON object as parsed, `now` microseconds since the epoch (UTC). Never raises, whatever the
    object.
    """
    obj = obj if isinstance(obj, dict) else dict(obj)
    found: list[Fault] = []
    if not sound(obj):
        found.extend(islice(unreadable(obj), MAX_FAULTS))
        if found:
            return tuple(found)
        found.extend(islice(unsound(obj), MAX_FAULTS))
    nameless = identity(obj)
    if nameless:
        return _told((*found, *nameless))
    found.extend(_judged(obj, now, embedded=False))
    if obj["type"] == "observed-data":
        found.extend(_embedded(obj, now))
    return _told(found)


def _told(found: Iterable[Fault]) -> tuple[Fault, ...]:
    """One fault for each place, the first found: the rules come before the schema, and say it better."""
    places: dict[str, Fault] = {}
    for fault in found:
        places.setdefault(fault.path, fault)
    return tuple(places.values())[:MAX_FAULTS]


def _judged(obj: Object, now: int, *, embedded: bool) -> list[Fault]:
    """The faults of an object that has a type and an id: rules, then what only the schema sees."""
    rules = [
        spec_version(obj),
        names(obj),
        applicable(obj),
        versions(obj, now),
        timestamps(obj),
        external_references(obj),
        markings(obj),
        references(obj, embedded),
        ai_finding(obj),
    ]
    if (rule := KINDS.get(obj["type"])) is not None:
        rules.append(rule(obj))
    # No more of each than can be told: a list of millions of wrong items would be as many faults.
    found = [fault for faults_ in rules for fault in islice(faults_, 2 * MAX_FAULTS)]
    found.extend(_misshapen(obj))
    return found


def _misshapen(obj: Object) -> list[Fault]:
    """What the schema of the type finds; nearly always nothing, which is the quick answer."""
    schema = validator(_schema_name(obj))
    try:
        if schema.is_valid(obj):
            return []
        return list(islice(faults_of(schema.iter_errors(obj)), 2 * MAX_FAULTS))
    except UnicodeEncodeError:
        # No reader of the exchange lets half a surrogate pair in; a caller in Python can.
        return [Fault(path="", message="holds half a surrogate pair, which is no text: send whole characters")]


def _schema_name(obj: Object) -> str:
    stix_type = str(obj["type"])
    if stix_type in STIX_OBJECTS:
        return stix_type
    return SCO_CORE if kind(obj) == "sco" else SDO_CORE


def _embedded(obj: Object, now: int) -> list[Fault]:
    """The SCOs in the deprecated `objects` of an observed-data, each judged as an SCO."""
    found: list[Fault] = []
    for key, sco in members(obj, "objects").items():
        base = pointer(["objects", key])
        if not isinstance(sco, dict):
            found.append(Fault(path=base, message="must be an SCO, an object with a type: send one"))
            continue
        own = list(identity(sco)) or _judged(sco, now, embedded=True)
        if not own and kind(sco) != "sco":
            own = [Fault(path="/type", message="only SCOs can be observed: send the object by itself")]
        found.extend(Fault(path=base + fault.path, message=fault.message) for fault in own)
        if len(found) > MAX_FAULTS:
            break
    return found
