"""Bodies that are pushed as findings: JSON of any kind, or lines of it without end, read as they arrive."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from flask import Request
from werkzeug.http import parse_options_header

from exchange.taxiierrors import TaxiiError
from exchange.taxiiwire import JSON_POSTED, JSON_RANGES, MEMBERS, WINDOW

LINES = ("application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines")
RANGES = {**JSON_RANGES, LINES[0]: 2}
LONGEST = 16 << 20  # bytes of a line


def takes(content_type: str | None) -> bool:
    """Whether a push may carry this: JSON of any kind (SARIF, CSAF and others have types of their own), or lines."""
    name, _ = parse_options_header(content_type)
    name = name.strip().lower()
    return name in JSON_POSTED or name in LINES or (name.startswith("application/") and name.endswith("+json"))


def is_lines(content_type: str | None) -> bool:
    """Whether a body is lines of JSON, which may be endless."""
    return parse_options_header(content_type)[0].strip().lower() in LINES


def read(request: Request) -> Iterator[bytes | None]:
    """The lines of a body as they arrive, inflated, without the blank ones; None for one that is longer than `LONGEST`.

    Raises `TaxiiError`: 415 for an unknown encoding, 400 for a broken one.
    """
    encoding = request.headers.get("Content-Encoding", "").strip().lower()
    if encoding not in ("", "identity", "gzip", "x-gzip"):
        raise TaxiiError(415, headers={"Accept-Encoding": "gzip"})
    pieces = iter(lambda: request.stream.read(WINDOW), b"")
    return split(_inflated(pieces) if encoding.endswith("gzip") else pieces)


def split(pieces: Iterator[bytes]) -> Iterator[bytes | None]:
    """The lines of bytes that come in pieces."""
    begun = bytearray()
    skipping = False  # the rest of a line that is too long
    for piece in pieces:
        *ends, rest = piece.split(b"\n")
        for end in ends:
            yield from _line(begun + end, skipping)
            begun, skipping = bytearray(), False
        begun += rest
        if len(begun) > LONGEST:
            begun, skipping = bytearray(), True
    yield from _line(begun, skipping)


def _line(text: bytearray, skipping: bool) -> Iterator[bytes | None]:
    if skipping or len(text) > LONGEST:
        yield None
    elif text.strip():
        yield bytes(text)


def _inflated(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """A window at a time, however much is packed into one."""
    member, count = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS), 1
    try:
        for rest in pieces:
            while rest:
                if member.eof:
                    member, count = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS), count + 1
                if count > MEMBERS:
                    raise TaxiiError(400, f"The gzip body has more than {MEMBERS} members: send it as one.")
                yield member.decompress(rest, WINDOW)
                rest = member.unused_data or member.unconsumed_tail
    except zlib.error as error:
        raise TaxiiError(400, "The body is not gzip, as Content-Encoding says: send it as it is.") from error
    if not member.eof:
        raise TaxiiError(400, "The gzip body ends too early: send it whole.")
