"""Taking a posted body apart: the exact bytes of each object, and the object that they say.

Python's JSON readers keep the last of two equal keys, others keep the first, so a doubled
`object_marking_refs` would be decided on one and read as the other. Hence a reader that refuses them
(`jiter`), which reads integers of any size exactly; `msgspec` finds the bytes. What is wrong within one
object faults that object alone; what is wrong around the objects refuses the request.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import jiter
import msgspec

from exchange.stixfault import Fault


class EnvelopeError(ValueError):
    """The body as a whole cannot be taken. The text says what is wrong and the mend, and quotes nothing."""


class TooMany(EnvelopeError):
    """More than `MAX_OBJECTS` entries, or `MAX_VALUES` values."""


MAX_OBJECTS = 100_000
"""Entries of one body, several times the largest known bundle. Each costs some 2 KiB of memory however short it is, so
that the 17 million empty objects which 50 MiB hold would cost 8 GiB."""
MAX_VALUES = 4_000_000
"""Values in one body, by its braces, brackets and commas: four times what 50 MiB of references hold."""
MAX_VALUES_OF_ONE = 200_000
"""Values in one object, likewise. The schemas' library takes 3 KiB and 20 microseconds for each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One entry of the posted `objects`: its bytes as they came, and the object or the fault in its place."""

    raw: bytes
    obj: dict[str, Any] | None
    fault: Fault | None


def read_envelope(body: bytes, *, limited: bool = True) -> tuple[Item, ...]:
    """The entries of a TAXII envelope or a STIX bundle (clients.md rule 9), in their order.

    EnvelopeError if the body is no UTF-8 JSON object with a non-empty list `objects`, or repeats a key
    outside the objects; TooMany above `MAX_OBJECTS` entries or `MAX_VALUES` values, unless it is a file of one's own
    that need not be `limited`. Cost: O(body), some 20 ms for a megabyte of small objects.
    """
    if body.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        raise EnvelopeError("the body starts with a byte order mark: send UTF-8 without one")
    if limited and _values(body) > MAX_VALUES:
        raise TooMany(f"the body has more than {MAX_VALUES} values: send fewer objects at a time")
    raws = _raws(body, MAX_OBJECTS if limited else len(body))
    whole = _strict(body)
    if isinstance(whole, dict):
        return tuple(_item(raw, obj) for raw, obj in zip(raws, whole["objects"], strict=True))
    return tuple(_item(raw, _strict(raw)) for raw in raws)


def _values(text: bytes) -> int:
    return sum(text.count(token) for token in (b"{", b"[", b","))


def _raws(body: bytes, most: int) -> list[bytes]:
    """The bytes of each entry of `objects`, once everything around them is found right."""
    try:
        listed, raws = _split(body, most)
        masked = body
    except msgspec.DecodeError:
        # NaN or half a surrogate pair inside one object is its fault alone: hide them while the bytes are cut.
        masked = _NO_NUMBER.sub(_mask, body) if _tokens(body) <= MAX_TOKENS else body
        listed, raws = _split_or_refuse(masked, most)
    # The body without its objects, read strictly. Should equal text stand before them, it is cut instead,
    # which still leaves every key of the envelope in its place.
    start = masked.index(listed)
    rest = _strict(body[:start] + b"null" + body[start + len(listed) :])
    if isinstance(rest, str):
        raise EnvelopeError(f"around the objects, the body {rest}")
    if masked is body:
        return raws
    return list(_slices(body, masked, raws))


def _split_or_refuse(body: bytes, most: int) -> tuple[bytes, list[bytes]]:
    try:
        return _split(body, most)
    except msgspec.DecodeError as error:
        place = re.search(r"\(byte [0-9]+\)", str(error))
        where = f" {place[0]}" if place else ""
        raise EnvelopeError(f"the body is not JSON{where}: send one JSON object with a list objects") from error


def _split(body: bytes, most: int) -> tuple[bytes, list[bytes]]:
    """The bytes of the list `objects` and of each entry in it. msgspec.DecodeError if the body is no JSON."""
    try:
        listed = bytes(msgspec.json.decode(body, type=dict[str, msgspec.Raw])["objects"])
        if _exceeds(listed, most):
            raise TooMany(f"the body has more than {most} objects: send fewer at a time")
        raws = [bytes(raw) for raw in msgspec.json.decode(listed, type=list[msgspec.Raw])]
    except RecursionError as error:
        raise EnvelopeError("the body nests too deep to be read: send it flatter") from error
    except UnicodeDecodeError as error:
        raise EnvelopeError("the body is not UTF-8: send JSON in UTF-8") from error
    except (KeyError, msgspec.ValidationError) as error:
        raise EnvelopeError(_SHAPE) from error
    if not raws:
        raise EnvelopeError(_SHAPE)
    return listed, raws


_BETWEEN = re.compile(r"[ \t\n\r,]*")


def _exceeds(listed: bytes, most: int) -> bool:
    """Whether a JSON list has more entries. Looks at `most` of them at most, and keeps none; False for no list."""
    if listed.count(b",") < most or not listed.startswith(b"["):
        return False
    text = listed.decode(errors="replace")
    # Digits of any number: int() refuses more than 4,300 of them.
    skip = json.JSONDecoder(parse_int=float, strict=False).raw_decode
    place = _after(text, 1)
    try:
        for _ in range(most):
            if text[place] == "]":
                return False
            place = _after(text, skip(text, place)[1])
    except ValueError as error:
        raise EnvelopeError("the body is not JSON: send one JSON object with a list objects") from error
    return text[place] != "]"


def _after(text: str, place: int) -> int:
    between = _BETWEEN.match(text, place)
    return between.end() if between else place


_SHAPE = "the body has no objects: send one JSON object with a list objects that holds at least one"
MAX_TOKENS = 2_000_000
"""Strings, escapes and NaN in a body whose objects are told apart, which takes seconds; else it is refused whole."""


def _tokens(body: bytes) -> int:
    return body.count(b'"') // 2 + sum(body.count(token) for token in (b"\\", b"NaN", b"Infinity"))


# An open string runs to the end, so that no quotation mark is looked at twice.
_NO_NUMBER = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|-?Infinity|NaN', re.DOTALL)
_ESCAPE = re.compile(rb"\\(?:u[dD][89a-fA-F][0-9a-fA-F]{2}|.)", re.DOTALL)


def _mask(found: re.Match[bytes]) -> bytes:
    """A string with a letter for each escaped surrogate; a number that is none as a string. Lengths stay."""
    token = found[0]
    if token.startswith(b'"'):
        return _ESCAPE.sub(_letter, token)
    return b'"' + b"x" * (len(token) - 2) + b'"'


def _letter(escape: re.Match[bytes]) -> bytes:
    return escape[0] if len(escape[0]) == 2 else rb"\u0041"


def _slices(body: bytes, masked: bytes, raws: list[bytes]) -> Iterator[bytes]:
    """What stands in the body where the entries stand in its masked copy; they follow one another."""
    position = masked.index(b"[")
    for raw in raws:
        position = masked.index(raw, position)
        yield body[position : position + len(raw)]
        position += len(raw)


def _item(raw: bytes, obj: Any) -> Item:
    if _values(raw) > MAX_VALUES_OF_ONE:
        message = f"holds more than {MAX_VALUES_OF_ONE} values: split it into several objects"
        return Item(raw=raw, obj=obj if isinstance(obj, dict) else None, fault=Fault(path="", message=message))
    if isinstance(obj, dict):
        return Item(raw=raw, obj=obj, fault=None)
    wrong = obj if isinstance(obj, str) and not raw.startswith(b'"') else "is no JSON object: send a STIX object"
    return Item(raw=raw, obj=None, fault=Fault(path="", message=wrong))


def _strict(text: bytes) -> Any:
    """The JSON value, or, of what is no strict JSON, a sentence that says what it is instead."""
    try:
        return jiter.from_json(text, allow_inf_nan=False, catch_duplicate_keys=True, cache_mode="keys")
    except ValueError as error:
        return why_no_json(str(error))


def why_no_json(error: str) -> str:
    """What jiter's error says, in words that say the mend."""
    if "duplicate key" in error:
        return "repeats a key: keep one of the two"
    if "hex escape" in error or "surrogate" in error:
        return "holds half a surrogate pair, which is no text: send whole characters"
    if "unicode" in error:
        return "is not UTF-8: send JSON in UTF-8"
    if "recursion limit" in error:
        return "nests too deep to be read: send it flatter"
    return "is not JSON, or says NaN or Infinity: mend it"
