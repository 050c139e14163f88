"""Reading the tree of a YAML file by key, and the forms that values have.

A *form* is a function from text to a value, which raises ValueError with a message for people. The reader
notes it as a problem at its place and goes on, so that all problems are seen at once.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import TypeVar

from exchange.yamlfile import Listing, Node, Place, Problem, Table, Text, dotted

T = TypeVar("T")
DAY = 86_400_000_000
"""Microseconds in a day."""

_UNITS = {"s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000, "d": DAY}
_SIZES = {"": 1, "kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_EPOCH = date(1970, 1, 1)


@lru_cache(maxsize=1024)
def did_you_mean(word: str, known: frozenset[str]) -> str:
    """` (did you mean "finance"?)`, or nothing if no known name is near."""
    near = difflib.get_close_matches(word.lower(), sorted(known), n=1)
    return f' (did you mean "{near[0]}"?)' if near else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Reads one table by key; what is wrong is noted in `problems`, and the fallback is returned instead."""

    table: Table
    path: str
    problems: list[Problem]

    def note(self, key: str, message: str, place: Place | None = None) -> None:
        """Note a problem at a key, in its line unless another place is given."""
        where = place or self.table.places.get(key, self.table.place)
        self.problems.append(Problem(place=where, key=dotted(self.path, key), message=message))

    def only(self, known: frozenset[str], refused: Mapping[str, str]) -> None:
        """Note every key that is not known; those in `refused` with the message given there."""
        for key in self.table.places:
            if key in known:
                continue
            near = did_you_mean(key, known) or f"; known are {', '.join(sorted(known))}"
            self.note(key, refused.get(key) or f"unknown key{near}")

    def value(self, key: str, form: Callable[[str], T], otherwise: T) -> T:
        """The value of a key whose text has a form; `otherwise` if the key is absent or wrong."""
        node = self.table.fields.get(key)
        if node is None:
            return otherwise
        if not isinstance(node, Text):
            self.note(key, "needs one value, not a list or a table")
            return otherwise
        try:
            return form(node.text)
        except ValueError as err:
            self.note(key, str(err))
            return otherwise

    def required(self, key: str, form: Callable[[str], T], otherwise: T, mend: str) -> T:
        """As `value`; an absent key is a problem, and `mend` says what to write."""
        if key not in self.table.places:
            self.note(key, f"is missing; {mend}", self.table.place)
        return self.value(key, form, otherwise)

    def each(self, key: str, form: Callable[[str], T]) -> tuple[T, ...]:
        """The values of a key that holds one word or a list of words, without the wrong ones."""
        node = self.table.fields.get(key)
        found = []
        for item in node.items if isinstance(node, Listing) else (node,) if node else ():
            try:
                if not isinstance(item, Text) or not item.text:
                    raise ValueError("needs a word or a list of words, like `[health, finance]`")
                found.append(form(item.text))
            except ValueError as err:
                self.note(key, str(err), item.place)
        return tuple(found)

    def entries(self, key: str) -> Mapping[str, Node]:
        """The fields of the table below a key; none if it is absent or left empty."""
        node = self.table.fields.get(key)
        if isinstance(node, Table):
            return node.fields
        if node is not None and not (isinstance(node, Text) and not node.text):
            self.note(key, "needs a table: lines like `name: …` below it")
        return {}

    def below(self, key: str) -> Reader:
        """A reader of the table below a key; of an empty one if there is none."""
        node = self.table.fields.get(key)
        if not isinstance(node, Table):
            self.entries(key)
            node = Table(place=self.table.places.get(key, self.table.place), fields={}, places={})
        return Reader(table=node, path=dotted(self.path, key), problems=self.problems)


def flag(text: str) -> bool:
    """The form of yes and no: `true` or `false`, no other spelling."""
    if text not in ("true", "false"):
        raise ValueError(f'write true or false, not "{text}"')
    return text == "true"


def line(text: str) -> str:
    """The form of a name for people: one line of printable text, not empty."""
    if not text.strip():
        raise ValueError("is empty; write a text")
    if not text.isprintable():
        raise ValueError("must be one line without control characters")
    return text.strip()


def prose(text: str) -> str:
    """The form of a description: printable text that may have several lines."""
    for part in text.split("\n"):
        if not part.replace("\t", " ").isprintable():
            raise ValueError("must have no control characters")
    if not text.strip():
        raise ValueError("is empty; write a text")
    return text.strip()


def choice(*words: str) -> Callable[[str], str]:
    """The form of a value that is one of a few words."""

    def form(text: str) -> str:
        if text not in words:
            raise ValueError(f'no "{text}" here{did_you_mean(text, frozenset(words))}; write {" or ".join(words)}')
        return text

    return form


def duration(text: str) -> int:
    """The form of a duration: `90s`, `15m`, `36h` or `14d`. In microseconds; at most 100 years."""
    match = re.fullmatch(r"([0-9]{1,10})([smhd])", text)
    length = int(match[1]) * _UNITS[match[2]] if match else -1
    if not 0 <= length <= 36_525 * DAY:
        raise ValueError(f'"{text}" is not a duration; write it like 90s, 15m, 36h or 14d (at most 36525d)')
    return length


def length(microseconds: int) -> str:
    """A duration as `duration` reads it, in the greatest unit that fits."""
    unit = next(u for u in ("d", "h", "m", "s") if microseconds % _UNITS[u] == 0)
    return f"{microseconds // _UNITS[unit]}{unit}"


def size(text: str) -> int:
    """The form of a size in bytes: `50MiB`, `10MB` or a plain number; 1 KiB to 1 GiB."""
    match = re.fullmatch(r"([0-9]{1,12}) ?([kKMG]i?B|)", text)
    length = int(match[1]) * _SIZES.get(match[2], 0) if match else 0
    if not 2**10 <= length <= 2**30:
        raise ValueError(f'"{text}" is not a size from 1KiB to 1GiB; write it like 50MiB, 10MB or 65536')
    return length


def count(text: str) -> int:
    """The form of a number of things, from 1 to a billion."""
    found = int(text) if re.fullmatch(r"[0-9]{1,10}", text) else 0
    if not 1 <= found <= 10**9:
        raise ValueError(f'"{text}" is not a number from 1 to 1000000000; write it like 20000')
    return found


def day(text: str) -> int:
    """The form of a date, `2027-06-30`: its first instant, UTC, in microseconds since the epoch."""
    try:
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
            return (date.fromisoformat(text) - _EPOCH).days * DAY
        reason = "is not a date"
    except ValueError as err:
        reason = f"is no day ({err})"
    raise ValueError(f'"{text}" {reason}; write it like 2027-06-30')
