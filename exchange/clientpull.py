"""Polling: every new object once, also over restarts.

What was read is remembered by the server's own times alone (X-TAXII-Date-Added-Last), and only after the objects have
been written out: whatever happens in between, an object may come twice, but none is ever missed.
"""

from __future__ import annotations

import io
import json
import os
import stat
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import msgspec
import requests

from exchange.clientserver import Server, Trouble, refusal
from exchange.clienttarget import Target

PAGE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """The file of `--state`: up to where this collection was read. `added_after` is None before the first page."""

    path: Path
    collection: str
    added_after: str | None

    def move_on(self, added_after: str) -> Remembered:
        """Remember a later time, at once and whole or not at all."""
        text = json.dumps({"collection": self.collection, "added_after": added_after}) + "\n"
        with tempfile.NamedTemporaryFile("w", dir=self.path.parent, prefix=f".{self.path.name}.", delete=False) as new:
            new.write(text)
            new.flush()
            os.fsync(new.fileno())
        os.replace(new.name, self.path)
        return Remembered(path=self.path, collection=self.collection, added_after=added_after)


def recall(path: Path, target: Target) -> Remembered:
    """What is remembered in a file; nothing if there is none. `Trouble` if it is another collection's, or broken."""
    try:
        said = json.loads(path.read_bytes())
        collection, added_after = str(said["collection"]), str(said["added_after"])
    except FileNotFoundError:
        return Remembered(path=path, collection=target.id, added_after=None)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Trouble(
            f"{path}: is no state of `exchange pull` ({error}); remove it to read everything again"
        ) from error
    if collection != target.id:
        raise Trouble(f"{path}: is the state of the collection {collection}; use one state file for each collection")
    return Remembered(path=path, collection=collection, added_after=added_after)


class _Page(msgspec.Struct):
    more: bool = False
    next: str | None = None
    objects: list[msgspec.Raw] = []


def pull(server: Server, target: Target, state: Path, out: BinaryIO, advance: Callable[[int], None]) -> int:
    """Write every object that is new since the state as one line of JSON; returns how many. `Trouble`, OSError."""
    remembered = recall(state, target)
    start = {"added_after": remembered.added_after} if remembered.added_after else {}
    query, total = start, 0
    while True:
        answer = server.get(f"{target.url}objects/", {"limit": str(PAGE), **query})
        page = _page(answer)
        if page.more and not page.objects:
            raise Trouble(f"{target.url}: promises more and sends nothing; what is remembered stays, try again later")
        if page.objects:
            last = answer.headers.get("X-TAXII-Date-Added-Last")
            if last is None:
                raise Trouble(f"{target.url}: sends no X-TAXII-Date-Added-Last, so what is new cannot be told")
            _write(out, page.objects)
            remembered = remembered.move_on(last)
            total += len(page.objects)
            advance(len(page.objects))
        if not page.more:
            return total
        query = {**start, "next": page.next} if page.next else {"added_after": remembered.added_after or ""}


def _page(answer: requests.Response) -> _Page:
    if answer.status_code != 200:
        raise Trouble(refusal(answer))
    try:
        return msgspec.json.decode(answer.content, type=_Page)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Trouble(f"{answer.url}: answers, but not with a TAXII envelope: {error}") from error


def _write(out: BinaryIO, objects: list[msgspec.Raw]) -> None:
    for raw in objects:
        out.write(msgspec.json.format(bytes(raw), indent=-1) + b"\n")
    out.flush()
    if _is_file(out):
        os.fsync(out.fileno())


def _is_file(out: BinaryIO) -> bool:
    """Whether it lies on a disk: then what was written must survive a power cut before it is remembered as read."""
    try:
        return stat.S_ISREG(os.fstat(out.fileno()).st_mode)
    except io.UnsupportedOperation:
        return False  # a stream in memory
