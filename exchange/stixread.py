"""Reading a JSON object that may be wrong anywhere: what is asked for, or nothing; never an exception."""

from collections.abc import Iterator, Mapping
from typing import Any

from exchange.stixtime import parse_timestamp
from exchange.stixtypes import META, SCO, SDO, SRO

Object = Mapping[str, Any]


def text(obj: Object, name: str) -> str | None:
    """The property if it is a string."""
    value = obj.get(name)
    return value if isinstance(value, str) else None


def members(obj: Object, name: str) -> Object:
    """The property if it is an object, else an empty one."""
    value = obj.get(name)
    return value if isinstance(value, dict) else {}


def items(obj: Object, name: str) -> list[Any]:
    """The property if it is a list, else an empty one."""
    value = obj.get(name)
    return value if isinstance(value, list) else []


def instant(obj: Object, name: str) -> int | None:
    """Microseconds since the epoch of the property if it is a STIX timestamp."""
    try:
        return parse_timestamp(obj[name])
    except (KeyError, TypeError, ValueError):
        return None


def at(obj: Object, way: str) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """(parts of its path, value) of what stands at the end of a way such as
    `extensions.archive-ext.contains_refs`.
    """
    found: list[tuple[tuple[str | int, ...], Any]] = [((), obj)]
    for name in way.split("."):
        if name == "*":
            found = [
                ((*parts, index), item)
                for parts, value in found
                if isinstance(value, list)
                for index, item in enumerate(value)
            ]
        else:
            found = [
                ((*parts, name), value[name]) for parts, value in found if isinstance(value, dict) and name in value
            ]
    yield from found


def kind(obj: Object) -> str:
    """Which rules hold for an object: "sdo", "sro", "sco" or "meta".

    A type that is not of the standard is what its new-* extension says, else an SDO if it has `created`,
    else an SCO.
    """
    stix_type = obj.get("type")
    for name, types in (("sco", SCO), ("sdo", SDO), ("sro", SRO), ("meta", META)):
        if stix_type in types:
            return name
    for extension in members(obj, "extensions").values():
        new = text(extension, "extension_type") if isinstance(extension, dict) else None
        if new in ("new-sdo", "new-sro", "new-sco"):
            return new[4:]
    return "sdo" if "created" in obj else "sco"
