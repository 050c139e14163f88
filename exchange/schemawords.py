"""What a JSON schema finds, in words: where, what is wrong, and the mend; for bodies that programs send.

For schemas whose every property is listed, so that a mistyped name can be told with the nearest that is known.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

import jsonschema_rs

Kind = jsonschema_rs.ValidationErrorKind
Way = tuple[str | int, ...]

_TYPES: Final = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}
_LIMITS: Final = {
    "minLength": "is too short: it has at least {limit} character",
    "maxLength": "is too long: it has at most {limit} characters",
    "minItems": "is too short: it has at least {limit} entry",
    "maxItems": "is too long: it has at most {limit} entries",
    "minProperties": "is empty: it has at least {limit} property",
    "maxProperties": "says too much: it has at most {limit} property",
    "minimum": "is too small: it is at least {limit}",
    "maximum": "is too large: it is at most {limit}",
}
Known = Callable[[Way], Iterable[str]]
"""The names that an object has at a way into the value."""
Form = Callable[[Way], str | None]
"""What a text at a way looks like, with the mend and an example."""


def told(errors: Iterable[jsonschema_rs.ValidationError], known: Known, form: Form) -> Iterator[tuple[Way, str]]:
    """(way, message) for each thing that is wrong."""
    for error in errors:
        way = tuple(error.instance_path)
        kind = error.kind
        if isinstance(kind, Kind.Required):
            yield (*way, kind.property), "is missing: add it"
        elif isinstance(kind, (Kind.AdditionalProperties, Kind.UnevaluatedProperties)):
            for name in kind.unexpected:
                yield (*way, name), f"is not known here{_near(name, known(way))}: leave it out or mend its name"
        elif isinstance(kind, Kind.AnyOf):
            yield from _choice(error, kind, known, form)
        else:
            yield way, _message(error, kind, form)


def _near(name: str, names: Iterable[str]) -> str:
    near = difflib.get_close_matches(name.lower()[:100], sorted(names), n=1)
    return f' (did you mean "{near[0]}"?)' if near else ""


def names_in(schema: Mapping[str, Any]) -> Known:
    """The names that a schema lists. Its definitions are in `$defs`; of a choice the one that is an object counts."""

    def resolved(at: Mapping[str, Any]) -> Mapping[str, Any]:
        if "anyOf" in at and "properties" not in at:
            at = next(choice for choice in at["anyOf"] if "$ref" in choice)
        return schema["$defs"][at["$ref"].rpartition("/")[2]] if "$ref" in at else at

    def known(way: Way) -> Iterable[str]:
        at = resolved(schema)
        for part in way:
            at = resolved(at["items"] if isinstance(part, int) else at["properties"][part])
        names: Mapping[str, Any] = at["properties"]
        return names

    return known


def _choice(error: jsonschema_rs.ValidationError, kind: Any, known: Known, form: Form) -> Iterator[tuple[Way, str]]:
    """What is wrong with the form that was meant: the one of the type that was sent."""
    lacking = [one.kind.property for branch in kind.context for one in branch if isinstance(one.kind, Kind.Required)]
    if len(lacking) == len(kind.context):
        yield tuple(error.instance_path), f"needs at least one of {', '.join(lacking)}: add one"
        return
    wrong_types = [[e.kind for e in branch if isinstance(e.kind, Kind.Type)] for branch in kind.context]
    own = tuple(error.instance_path)
    for branch in kind.context:
        if not any(isinstance(e.kind, Kind.Type) and tuple(e.instance_path) == own for e in branch):
            yield from told(branch, known, form)
            return
    wanted = " or ".join(_TYPES[name] for kinds in wrong_types for one in kinds for name in one.types)
    yield own, f"must be {wanted}, not {named(error.instance)}"


def _message(error: jsonschema_rs.ValidationError, kind: Any, form: Form) -> str:
    if isinstance(kind, Kind.Type):
        wanted = " or ".join(_TYPES[name] for name in kind.types)
        return f"must be {wanted}, not {named(error.instance)}"
    if isinstance(kind, Kind.Enum):
        return f"must be one of {', '.join(str(one) for one in kind.options if one is not None)}"
    if isinstance(kind, Kind.Constant):
        return f"must be {kind.expected_value}"
    if isinstance(kind, Kind.Pattern):
        return form(tuple(error.instance_path)) or "does not have the form that it needs: mend it"
    limit = kind.as_dict().get("limit", "")
    text = _LIMITS.get(kind.name, "does not have the form that it needs").format(limit=limit)
    return text + ("s" if kind.name == "minLength" and limit != 1 else "")


def named(value: Any) -> str:
    """The kind of a JSON value, for a sentence."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    kinds: Mapping[type, str] = {str: "text", list: "a list", dict: "an object"}
    return kinds.get(type(value), "a number")
