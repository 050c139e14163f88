"""Bytes to JSON documents: one JSON text, or one on every line (NDJSON).

Strict, since what Python's reader lets pass is read otherwise elsewhere: a key that is repeated, NaN and Infinity, and
half a surrogate pair are refused. A byte order mark is let pass: scanners on Windows write one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jiter

from exchange.findings.finding import Fault
from exchange.stix import why_no_json

MAX_BYTES = 64 << 20
"""Of one document. The largest log of a scanner that a code host takes has 10 MiB compressed."""
MAX_VALUES = 2_000_000
"""Values in one document, by its braces, brackets and commas; each costs some 100 bytes of memory."""

_BOM = b"\xef\xbb\xbf"


def documents(raw: bytes) -> Iterator[Any | Fault]:
    """Each document, or what is wrong with it and in which line. The lines of garak's report or hit log are one
    document, the list of them. Never an exception; memory is that of one document. Cost: O(bytes).
    """
    start = len(_BOM) if raw.startswith(_BOM) else 0
    if not raw[start : start + 4096].strip() and not raw[start:].strip():
        yield Fault("", "is empty: send a JSON document")
        return
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        yield Fault("", "is UTF-16: send JSON in UTF-8")
        return
    whole = _lines(raw, start) if _is_ndjson(raw, start) else iter([_document(raw[start:], None)])
    first = next(whole)
    if _is_garak(first):
        yield from _together(first, whole)
        return
    yield first
    yield from whole


def _is_ndjson(raw: bytes, start: int) -> bool:
    """Whether the first line is a document by itself and another follows."""
    end = raw.find(b"\n", start)
    while end >= 0 and not raw[start:end].strip():
        start, end = end + 1, raw.find(b"\n", end + 1)
    if end < 0 or end - start > MAX_BYTES or (not raw[end : end + 4096].strip() and not raw[end:].strip()):
        return False
    last = raw[start:end].rstrip()[-1:]
    return last in (b"}", b"]") and not isinstance(_document(raw[start:end], None), Fault)


def _lines(raw: bytes, start: int) -> Iterator[Any | Fault]:
    number = 1 + raw.count(b"\n", 0, start)
    while start < len(raw):
        end = raw.find(b"\n", start)
        end = len(raw) if end < 0 else end
        if not raw[start:end].isspace() and end > start:
            yield _document(raw[start:end], number)
        start, number = end + 1, number + 1


def _document(raw: bytes, line: int | None) -> Any | Fault:
    where = "" if line is None else f"line {line}: "
    if len(raw) > MAX_BYTES:
        return Fault("", f"{where}is more than {MAX_BYTES >> 20} MiB: send it in parts")
    if sum(raw.count(token) for token in (b"{", b"[", b",")) > MAX_VALUES:
        return Fault("", f"{where}has more than {MAX_VALUES} values: send it in parts")
    try:
        return jiter.from_json(raw, allow_inf_nan=False, catch_duplicate_keys=True, cache_mode="keys")
    except ValueError as error:
        return Fault("", where + _reason(str(error), line))


def _reason(error: str, line: int | None) -> str:
    """Why it is no JSON, with the place in a document of one piece."""
    at = error.rpartition(" at ")[2] if " at line " in error and line is None else ""
    reason = why_no_json(error)
    return reason.replace(": mend it", f" ({at}): mend it") if at else reason


def _is_garak(first: Any) -> bool:
    return isinstance(first, dict) and is_garak_row(first)


def is_garak_row(row: dict[str, Any]) -> bool:
    """Whether an object is a line of garak's report or hit log."""
    return "entry_type" in row or {"probe", "detector", "generator"} <= row.keys()


def _together(first: Any, others: Iterator[Any | Fault]) -> Iterator[Any | Fault]:
    rows = [first]
    for one in others:
        if isinstance(one, Fault):
            yield one
        else:
            rows.append(one)
    yield rows
