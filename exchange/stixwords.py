"""Errors of the JSON schemas in words: what is wrong and the mend. A schema's own text for a choice is
unreadable.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import jsonschema_rs

from exchange.stixfault import Fault, pointer

Kind = jsonschema_rs.ValidationErrorKind

_TYPES: Final = {
    "string": "a string",
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}

_FORMS: Final = {
    # (part of the place in the schemas, the last that is listed) -> what the pattern there asks for
    "identifier": "must be an id, a type with two hyphens and a UUID",
    "timestamp": "must be a time like 2026-01-31T12:00:00Z",
    "binary": "is not base64 (RFC 4648), four characters for each three bytes",
    "hex": "must be an even number of hexadecimal digits in lower case",
    "MD5": "is not an MD5 hash, 32 hexadecimal digits",
    "SHA-1": "is not a SHA-1 hash, 40 hexadecimal digits",
    "SHA-256": "is not a SHA-256 hash, 64 hexadecimal digits",
    "SHA-512": "is not a SHA-512 hash, 128 hexadecimal digits",
    "SHA3-256": "is not a SHA3-256 hash, 64 hexadecimal digits",
    "SHA3-512": "is not a SHA3-512 hash, 128 hexadecimal digits",
    "SSDEEP": "is not an SSDEEP hash",
    "TLSH": "is not a TLSH hash, 70 characters, or 72 with T1 before them",
    "relationship_type": "must be of a-z, 0-9 and hyphens only",
    "ipv4-addr": "is no IPv4 address or network like 198.51.100.3 or 198.51.100.0/24",
    "mac-addr": "is no MAC address in lower case with colons, like d2:fb:49:24:37:18",
    "cpe": "is no CPE 2.3 name",
    "languages": "is no language code of RFC 5646 like en or zh-Hans",
    "name_enc": "is no name of a character set",
    "path_enc": "is no name of a character set",
    "created": "must be a time like 2026-01-31T12:00:00.000Z, with three digits or more",
    "modified": "must be a time like 2026-01-31T12:00:00.000Z, with three digits or more",
    "time_date_stamp": "must be a time to the second, like 2026-01-31T12:00:00Z",
}


def faults_of(errors: Iterator[jsonschema_rs.ValidationError]) -> Iterator[Fault]:
    """The faults that errors of a schema stand for, one for each property where an error names several."""
    for error in errors:
        path = list(error.instance_path)
        kind = error.kind
        if isinstance(kind, Kind.Required):
            yield Fault(path=pointer([*path, kind.property]), message="this property is required: add it")
        elif isinstance(kind, Kind.AdditionalProperties):
            for name in kind.unexpected:
                yield Fault(path=pointer([*path, name]), message=_NAME_MESSAGE)
        else:
            yield Fault(path=pointer(path), message=_message(error))


_NAME_MESSAGE: Final = "this name is not allowed: use a-z, 0-9 and _, 3 to 250 of them (in a dictionary also A-Z and -)"


def _message(error: jsonschema_rs.ValidationError) -> str:
    kind = error.kind
    if isinstance(kind, Kind.Type):
        wanted = " or ".join(_TYPES.get(name, name) for name in kind.types)
        return f"must be {wanted}, not {_named(error.instance)}: send it so"
    if isinstance(kind, Kind.Enum):
        return f"must be one of {', '.join(str(option) for option in kind.options)}: use one of these"
    if isinstance(kind, Kind.Pattern):
        return f"{_form(error)}: mend the value"
    if isinstance(kind, Kind.AnyOf):
        return f"needs at least one of {_choice(kind.context)}: add one"
    if isinstance(kind, Kind.Not):
        return _NOT_NULL if error.instance is None else _NOT_SHORT
    words = _SIMPLE.get(kind.name, "does not have the form of STIX 2.1")
    return words.format(limit=_limit(kind)) + ": mend it"


_NOT_NULL: Final = "null is no value in STIX: leave the property out"
_NOT_SHORT: Final = "must spell out the hive of the registry: write HKEY_LOCAL_MACHINE for HKLM"
_SIMPLE: Final = {
    "minimum": "must be at least {limit}",
    "maximum": "must be at most {limit}",
    "minItems": "needs at least {limit} in the list",
    "minProperties": "needs at least {limit} property",
    "propertyNames": "names a hash outside the vocabulary MD5, SHA-1, SHA-256, SHA-512, SHA3-256, SHA3-512, "
    "SSDEEP and TLSH",
}


def _limit(kind: Kind) -> Any:
    return kind.as_dict().get("limit", "")


def _named(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    kinds: Mapping[type, str] = {str: "a string", list: "a list", dict: "an object"}
    return kinds.get(type(value), "a number")


def _form(error: jsonschema_rs.ValidationError) -> str:
    place = f"{error.absolute_keyword_location}/{'/'.join(str(part) for part in error.schema_path)}"
    parts = (part.removesuffix(".json").strip("^$") for part in reversed(re.split("[/#]", place)))
    return next((_FORMS[part] for part in parts if part in _FORMS), "does not have the form of STIX 2.1")


def _choice(context: list[list[jsonschema_rs.ValidationError]]) -> str:
    """The properties between which there is a choice; in the mended schemas each branch requires one."""
    return ", ".join(
        error.kind.property for branch in context for error in branch if isinstance(error.kind, Kind.Required)
    )
