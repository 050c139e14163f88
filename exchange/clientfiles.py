"""What a lab has in its files, told apart by content: STIX, findings one a line, or one document of any other format.

Only as much is read as this takes: a stream of a million findings is never whole in memory.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import msgspec

from exchange.clientserver import Trouble
from exchange.findings.documents import is_garak_row

ENDINGS = (".json", ".jsonl", ".ndjson", ".sarif")
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stix:
    """Objects in a bundle, an envelope, a list, alone, or one a line: `text` is one of these but the last."""

    text: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """Findings, one a line; to be gone through once, while the file is open."""

    lines: Iterable[bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One finding, a list of them, or a file of another format: the bytes as they are."""

    text: bytes


class Unreadable(Trouble):
    """A file that holds nothing that can be sent. `reason` says why, without the file's name."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")
        self.reason = reason


Content = Stix | Lines | Document


def expand(names: Sequence[str]) -> list[str]:
    """The files that are meant: a folder stands for those in it that can be meant, by the ends of their names, `-` for
    standard input. `Trouble` if a folder has none.
    """
    found: list[str] = []
    for name in names:
        path = Path(name)
        if name != "-" and path.is_dir():
            inside = sorted(str(one) for one in path.iterdir() if one.suffix.lower() in ENDINGS and one.is_file())
            if not inside:
                raise Trouble(f"{name}: has no {', '.join(f'*{ending}' for ending in ENDINGS)}")
            found += inside
        else:
            found.append(name)
    return found


@contextmanager
def opened(name: str) -> Iterator[Content]:
    """What a file holds, or standard input for `-`. `Trouble` if it cannot be read, `Unreadable` if it is no JSON."""
    try:
        if name == "-":
            yield look(name, sys.stdin.buffer)
        else:
            with Path(name).open("rb") as stream:
                yield look(name, stream)
    except OSError as error:
        raise Trouble(f"{name}: cannot be read: {error.strerror}") from error


def look(name: str, stream: BinaryIO) -> Content:
    """The same, of an open file; `name` is for the message."""
    head = _filled(stream)
    first = head.removeprefix(_BOM)
    if _is_one_object(first):
        following = _filled(stream)
        if following:
            return _lines(name, first, itertools.chain([first, following], _not_blank(stream)))
    else:
        following = stream.read()
    text = head + following
    if _is_stix(text := _sound(name, text)):
        return Stix(text=text)
    return Document(text=text)


def _lines(name: str, first: bytes, lines: Iterator[bytes]) -> Content:
    """More than one object, one a line: STIX as `exchange pull` prints it, a log that only makes sense whole, or
    findings."""
    if _is_stix(first):
        return Stix(text=b"[" + b",".join(_sound(name, line).strip() for line in lines) + b"]")
    if is_garak_row(_fields(first)):
        return Document(text=b"".join(lines))
    return Lines(lines=lines)


def _filled(stream: BinaryIO) -> bytes:
    """The next line with something in it; empty at the end."""
    return next(_not_blank(stream), b"")


def _not_blank(stream: BinaryIO) -> Iterator[bytes]:
    return (line for line in stream if line.strip())


def _is_one_object(line: bytes) -> bool:
    return line.lstrip()[:1] == b"{" and bool(_fields(line))


def _fields(text: bytes) -> dict[str, msgspec.Raw]:
    """The properties of a JSON object; empty if it is none."""
    try:
        return msgspec.json.decode(text, type=dict[str, msgspec.Raw])
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return {}


def _sound(name: str, text: bytes) -> bytes:
    """The text without a byte order mark; `Unreadable` if it is no JSON object or list in UTF-8."""
    text = text.removeprefix(_BOM)
    if text[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise Unreadable(name, "starts with a byte order mark of UTF-16; save it as UTF-8")
    try:
        text.decode()
        found = msgspec.json.decode(text, type=dict[str, msgspec.Raw] | list[msgspec.Raw])
    except UnicodeDecodeError as error:
        raise Unreadable(name, f"is not UTF-8, at byte {error.start}") from error
    except RecursionError as error:
        raise Unreadable(name, "is nested too deep") from error
    except msgspec.MsgspecError as error:
        raise Unreadable(name, f"holds no STIX and no findings: {error}") from error
    if not found:
        raise Unreadable(name, "holds no STIX and no findings: it is empty")
    return text


def _is_stix(text: bytes) -> bool:
    """Whether it is a bundle, an envelope, or the STIX objects themselves: those have a `type`, and an `id` that begins
    with it."""
    found: list[msgspec.Raw] | dict[str, msgspec.Raw]
    if text.lstrip()[:1] == b"[":
        found = msgspec.json.decode(text, type=list[msgspec.Raw])
        return any(_is_object(_fields(bytes(one))) for one in found[:10])
    fields = _fields(text)
    return _is_object(fields) or ("objects" in fields and fields.keys() <= {"objects", "more", "next", "type", "id"})


def _is_object(fields: dict[str, msgspec.Raw]) -> bool:
    kind, uid = bytes(fields.get("type", b"")).strip(b'"'), bytes(fields.get("id", b"")).strip(b'"')
    return bool(kind) and uid.startswith(kind + b"--")


def enveloped(text: bytes) -> bytes:
    """The same objects in an envelope, each with its bytes untouched."""
    first = text.lstrip()[:1]
    if first == b"[":
        return b'{"objects":' + text + b"}"
    if first == b"{":
        objects = msgspec.json.decode(text, type=dict[str, msgspec.Raw]).get("objects")
        if objects is None or not bytes(objects).startswith(b"["):
            return b'{"objects":[' + text + b"]}"
    return text
