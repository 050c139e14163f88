"""YAML as it was written: every value is text with its file and line, and nothing is guessed.

PyYAML's own reading makes `no` a boolean and `12:30` the number 750, keeps the last of two equal keys and
loses the line. In files that say who may read what, each of these is a wrong right. So only the parser's
events are taken from it. The tree is built here and `yamlread` gives it meaning; each fault is a `Problem`
that says where it is and how to mend it. Problems are collected: all are seen at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

_MAX_DEPTH = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A line in a file of the home; `file` is relative to the home, with `/`; lines count from 1."""

    file: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong or suspicious; `key` is the dotted path to it (empty: the file itself)."""

    place: Place
    key: str
    message: str

    def __str__(self) -> str:
        key = f"{self.key}: " if self.key else ""
        return f"{self.place.file}:{self.place.line}: {key}{self.message}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A scalar, unresolved: `no` is the text "no"."""

    place: Place
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A YAML sequence."""

    place: Place
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A YAML mapping: the value and the place of each key, in the order of the file."""

    place: Place
    fields: Mapping[str, Node]
    places: Mapping[str, Place]


Node = Text | Listing | Table


def read_text(home: Path, file: str, problems: list[Problem]) -> str | None:
    """The text of one file of the home, in UTF-8. None if it cannot be read, with a problem noted."""
    try:
        raw = (home / file).read_bytes()
    except OSError as err:
        problems.append(Problem(place=Place(file=file, line=1), key="", message=f"cannot be read: {err.strerror}"))
        return None
    try:
        return raw.decode()
    except UnicodeDecodeError as err:
        place = Place(file=file, line=raw.count(b"\n", 0, err.start) + 1)
        problems.append(Problem(place=place, key="", message="is not UTF-8; save the file as UTF-8"))
        return None


def load(file: str, text: str, problems: list[Problem]) -> Table | None:
    """The table that the YAML text of one file is. None if it is not one, with a problem noted.

    Refused, each with its line: broken YAML, doubled keys, anchors, aliases, tags, a second document, and
    nesting deeper than 16.
    """
    tree = _Tree(file, problems)
    try:
        return tree.document(yaml.parse(text, Loader=yaml.CSafeLoader))
    except yaml.MarkedYAMLError as err:
        # What is never closed is found at the end, which may lie one line behind the last.
        last = len(text.splitlines())
        at = min(err.problem_mark.line + 1, last) if err.problem_mark else 1
        begun = min(err.context_mark.line + 1, last) if err.context_mark else at
        context = f" {err.context} of line {begun}" if begun < at else ""
        tree.note(at, "", f"broken YAML: {err.problem}{context}")
    except yaml.reader.ReaderError as err:
        # No mark; the C parser counts in bytes of UTF-8.
        line = text.encode().count(b"\n", 0, err.position) + 1
        tree.note(line, "", f"broken YAML: {err.reason}")
    except _TooDeepError as err:
        tree.note(err.line, "", f"nested deeper than {_MAX_DEPTH}; nothing here needs that")
    except UnicodeEncodeError as err:
        tree.note(text.count("\n", 0, err.start) + 1, "", "broken YAML: half of a surrogate pair")
    return None


class _TooDeepError(Exception):
    """Ends the reading of a file whose nesting could exhaust the stack."""

    def __init__(self, line: int) -> None:
        super().__init__(line)
        self.line = line


def _line_of(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


class _Tree:
    """Builds the nodes of one file from the parser's events."""

    def __init__(self, file: str, problems: list[Problem]) -> None:
        self.file = file
        self.problems = problems

    def note(self, line: int, path: str, message: str) -> None:
        self.problems.append(Problem(place=Place(file=self.file, line=line), key=path, message=message))

    def document(self, events: Iterator[yaml.Event]) -> Table | None:
        """The first document, which must be a table and the only one."""
        root: Node | None = None
        documents = 0
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self.note(_line_of(event), "", "a second document (`---`) begins; make it a file")
            elif isinstance(event, yaml.NodeEvent):
                node = self.node(event, events, "", 0)
                root = node if documents == 1 else root
        if isinstance(root, Table):
            return root
        empty = root is None or (isinstance(root, Text) and not root.text)
        self.note(root.place.line if root else 1, "", "is empty" if empty else "needs lines like `key: value`")
        return None

    def node(self, event: yaml.Event, events: Iterator[yaml.Event], path: str, depth: int) -> Node | None:
        """The node that begins with `event`; None for an alias, which is refused."""
        line = _line_of(event)
        if isinstance(event, yaml.AliasEvent):
            self.note(line, path, f"`*{event.anchor}`: aliases are not used here; write the value out")
            return None
        self.refuse_anchor_and_tag(event, path)
        if isinstance(event, yaml.ScalarEvent):
            return Text(place=Place(file=self.file, line=line), text=event.value)
        if depth >= _MAX_DEPTH:
            raise _TooDeepError(line)
        if isinstance(event, yaml.SequenceStartEvent):
            items = tuple(self.items(events, path, depth))
            return Listing(place=Place(file=self.file, line=line), items=items)
        return self.table(line, events, path, depth)

    def refuse_anchor_and_tag(self, event: yaml.Event, path: str) -> None:
        anchor, tag = getattr(event, "anchor", None), getattr(event, "tag", None)
        if anchor:
            self.note(_line_of(event), path, f"`&{anchor}`: anchors are not used here; remove it")
        # A lone "!" says nothing: the parser gives it to some quoted scalars.
        if tag and tag != "!":
            self.note(_line_of(event), path, f"`{tag}`: tags are not used here; remove it")

    def items(self, events: Iterator[yaml.Event], path: str, depth: int) -> Iterator[Node]:
        for event in events:
            if isinstance(event, yaml.SequenceEndEvent):
                return
            item = self.node(event, events, path, depth + 1)
            if item is not None:
                yield item

    def table(self, line: int, events: Iterator[yaml.Event], path: str, depth: int) -> Table:
        fields: dict[str, Node] = {}
        places: dict[str, Place] = {}
        for event in events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            key = self.node(event, events, path, depth + 1)
            inner = dotted(path, key.text) if isinstance(key, Text) else path
            value = self.node(next(events), events, inner, depth + 1)
            if not isinstance(key, Text):
                self.note(_line_of(event), path, "a key must be one word")
            elif key.text in places:
                first = places[key.text].line
                self.note(key.place.line, inner, f"is here twice (first in line {first}); remove one")
            else:
                places[key.text] = key.place
                if value is not None:
                    fields[key.text] = value
        return Table(place=Place(file=self.file, line=line), fields=fields, places=places)


def dotted(path: str, key: str) -> str:
    """The path of a key below a path, as problems print it."""
    return f"{path}.{key}" if path and key else path or key


def ordered(problems: Iterable[Problem], files: Iterable[str]) -> tuple[Problem, ...]:
    """Problems in the order of the files and of their lines, each once."""
    order = {file: number for number, file in enumerate(files)}
    return tuple(sorted(dict.fromkeys(problems), key=lambda one: (order.get(one.place.file, -1), one.place.line)))
