"""Errors of the JSON schemas in words: what is wrong and the mend. A schema's own text for a choice is
unreadable.
"""

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
    # (last but one part of the place in the schemas) -> what the pattern there asks for
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
    "software": "is no CPE 2.3 name or no language code",
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
    if isinstance(kind, (Kind.AnyOf, Kind.OneOfNotValid)):
        return _choice(kind.context)
    return (
        _SIMPLE.get(kind.name, "does not have the form that STIX 2.1 gives it").format(limit=_limit(kind)) + ": mend it"
    )


_SIMPLE: Final = {
    "minimum": "must be at least {limit}",
    "maximum": "must be at most {limit}",
    "minItems": "needs at least {limit} in the list",
    "minProperties": "needs at least {limit} property",
    "minLength": "needs at least {limit} characters",
    "maxLength": "may have at most {limit} characters",
    "propertyNames": "names a hash outside the vocabulary MD5, SHA-1, SHA-256, SHA-512, SHA3-256, SHA3-512, "
    "SSDEEP and TLSH",
    "not": "is a value that STIX does not allow here, null for one",
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
    place = [str(part) for part in (error.absolute_keyword_location or "").replace("#", "/").split("/")]
    place += [str(part).strip("^$") for part in error.schema_path]
    stems = [part.removesuffix(".json").strip("^$") for part in place]
    for stem in reversed(stems):
        if stem in _FORMS:
            return _FORMS[stem]
    if error.instance_path and error.instance_path[-1] in ("created", "modified", "time_date_stamp"):
        return "must be a time like 2026-01-31T12:00:00.000Z, to the digit that STIX asks for"
    return "does not have the form that STIX 2.1 gives it"


def _choice(context: list[list[jsonschema_rs.ValidationError]]) -> str:
    """A choice between properties, one of which must be there."""
    names = [error.kind.property for branch in context for error in branch if isinstance(error.kind, Kind.Required)]
    if not names:
        return "fits none of the forms that STIX 2.1 gives it: mend it"
    return f"needs at least one of {', '.join(dict.fromkeys(names))}: add one"
