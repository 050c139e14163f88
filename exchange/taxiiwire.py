"""Media types, bodies and compression: what the bytes on the wire may look like, apart from their meaning.

Lenient where the TAXII text lets us be, because clients are careless (clients.md rules 8, 9): any spacing,
case, order and quality value.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator, Mapping, Sequence

from flask import Request, Response
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.http import parse_list_header, parse_options_header

from exchange.taxiierrors import MEDIA_TYPE, TaxiiError, under_api

COMPRESS_FROM = 1024  # bytes: below, gzip saves nothing
_COMPRESS_LEVEL = 1  # a fifth of the time of level 6, and JSON still shrinks to a fifth
MEMBERS = 4_000  # of one gzip body; the tools that split one (bgzip) make 800 of 50 MiB
_PIECE = 1 << 20
WINDOW = 1 << 16
DRAIN = 100 << 20  # twice the largest body that is taken unless the administrator says otherwise

# How exactly a range of Accept names what we serve; the most exact one decides (RFC 9110 section 12.5.1).
TAXII_RANGES = {"*/*": 0, "application/*": 1, "application/json": 2, "application/taxii+json": 3}
JSON_RANGES = {"*/*": 0, "application/*": 1, "application/json": 2}  # for what is plain JSON, and not TAXII
TAXII_POSTED = ("application/taxii+json", "application/stix+json")
JSON_POSTED = ("application/json",)


def acceptable(accept: str | None, ranges: Mapping[str, int] = TAXII_RANGES) -> bool:
    """Whether an Accept header allows what these ranges cover: TAXII 2.1 (T-3.1-05 to T-3.1-13). None is `*/*`."""
    if not (accept or "").strip():
        return True
    found = list(_qualities(accept or "", ranges))
    return bool(found) and max(found)[1] > 0


def _qualities(accept: str, ranges: Mapping[str, int]) -> Iterator[tuple[int, float]]:
    """(exactness, quality) of each range that covers what is served."""
    for item in parse_list_header(accept):
        name, parameters = parse_options_header(item)
        exactness = ranges.get(name.strip().lower())
        version = parameters.get("version")
        if exactness is None or (exactness == 3 and version not in (None, "2.1")):
            continue
        try:
            quality = float(parameters.get("q", "1"))
        except ValueError:
            continue
        yield exactness + (exactness == 3 and version is not None), quality


def takes(content_type: str | None, posted: Sequence[str] = TAXII_POSTED) -> bool:
    """Whether a POST may carry this Content-Type (T-3.1-14, T-3.1-15, clients.md rule 9)."""
    name, parameters = parse_options_header(content_type)
    return name.strip().lower() in posted and parameters.get("version", "2.1") == "2.1"


def read_body(request: Request, max_bytes: int) -> bytes:
    """The body of a POST, inflated; 413 above `max_bytes` (T-4.2-03), 415 for an unknown encoding, 400 if empty.

    One byte more than allowed is asked for: Werkzeug cuts a chunked body at its limit and says nothing.
    """
    encoding = request.headers.get("Content-Encoding", "").strip().lower()
    if encoding not in ("", "identity", "gzip", "x-gzip"):
        raise TaxiiError(415, headers={"Accept-Encoding": "gzip"})
    request.max_content_length = max_bytes + 1
    try:
        body = request.get_data(cache=False)
    except RequestEntityTooLarge as error:
        raise TaxiiError(413) from error
    if encoding.endswith("gzip") and len(body) <= max_bytes:
        body = _inflated(body, max_bytes)
    if len(body) > max_bytes:
        raise TaxiiError(413)
    if not body:
        what = "a JSON object" if under_api() else "a TAXII envelope with objects"
        raise TaxiiError(400, f"The body is empty: send {what}.")
    return body


def _inflated(body: bytes, max_bytes: int) -> bytes:
    """At most `max_bytes` + 1 bytes, so that a small body never grows into all of the memory.

    Fed by windows: zlib copies what follows a member, which for a body of empty members takes hours otherwise.
    """
    found = bytearray()
    member, rest, start, members = None, b"", 0, 0
    try:
        while len(found) <= max_bytes and (rest or start < len(body)):
            if not rest:
                rest, start = body[start : start + WINDOW], start + WINDOW
            if member is None or member.eof:
                member, members = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS), members + 1
            found += member.decompress(rest, max_bytes + 1 - len(found))
            rest = member.unused_data or member.unconsumed_tail
            if members > MEMBERS:
                raise TaxiiError(400, f"The gzip body has more than {MEMBERS} members: send it as one.")
    except zlib.error as error:
        raise TaxiiError(400, "The body is not gzip, as Content-Encoding says: send it as it is.") from error
    if len(found) <= max_bytes and member is not None and not member.eof:
        raise TaxiiError(400, "The gzip body ends too early: send it whole.")
    return bytes(found)


def drain(request: Request) -> None:
    """Read what a refused request still sends, up to `DRAIN` bytes, and drop it.

    A connection that is closed while its client sends breaks before the client reads the answer, over TLS above all.
    Whoever waits for `100 Continue` sends nothing.
    """
    size = request.content_length
    endless = size is None and not request.environ.get("wsgi.input_terminated")
    if endless or (size or 0) > DRAIN or "Expect" in request.headers:
        return
    left = DRAIN if size is None else size
    while left > 0 and (piece := request.environ["wsgi.input"].read(min(_PIECE, left))):
        left -= len(piece)


def finish(request: Request, response: Response) -> Response:
    """The headers that every answer has (policy.md channel 16, T-3.1-04), and gzip where the client takes it."""
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["Vary"] = "Authorization, Accept, Accept-Encoding"
    response.headers["X-Content-Type-Options"] = "nosniff"
    if response.is_streamed:
        return response
    body = response.get_data()
    if len(body) >= COMPRESS_FROM and request.accept_encodings.quality("gzip") > 0:
        response.set_data(gzip.compress(body, _COMPRESS_LEVEL, mtime=0))
        response.headers["Content-Encoding"] = "gzip"
    return response


def broken_off(response: Response) -> Response:
    """The same answer, but the connection ends before its body does; the server closes it at the exception."""
    body = response.get_data()

    def begun() -> Iterator[bytes]:
        yield body
        raise ConnectionAbortedError("left off on purpose: the client takes an error status for an empty answer")

    broken = Response(begun(), response.status_code, headers=response.headers)
    broken.headers["Content-Length"] = str(len(body) + 1)
    return broken


__all__ = [
    "MEDIA_TYPE",
    "acceptable",
    "broken_off",
    "drain",
    "finish",
    "read_body",
    "takes",
]
