"""A fuzzer over the bytes of HTTP: requests that are broken on purpose, against a real server.

Each request comes from a number, so that a finding can be had again: `request(seed, key)`.
"""

from __future__ import annotations

import gzip
import json
import re
import socket
import time
import uuid
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from random import Random

from tests.protocol.hostile import Answer, faults_of
from tests.protocol.served import MEDIA_TYPE, collection_id

HANG = 20.0  # seconds in which every request is answered, or its connection closed
_QUIET = 0.1  # seconds without an answer after which the sender says that nothing more comes
_PATIENT = 10.0
_LARGE = 1 << 20

_PATHS = [
    "/taxii2/",
    "/exchange/",
    "/exchange/collections/",
    "/healthz",
    "/",
    "*",
    "http://x/taxii2/",
    "/exchange/%00/",
]
_PATHS += [f"/exchange/collections/{collection_id(n)}/{rest}" for n in (0, 2, 3, 4)
           for rest in ("", "objects/", "manifest/", "objects/x--y/", "objects/x--y/versions/")]  # fmt: skip
_WRITABLE = f"/exchange/collections/{collection_id(4)}/objects/"
_QUERIES = ["", "", "", "", "", "?limit=1", "?limit=0", "?limit=" + "9" * 5000, "?added_after=2024-01-01T00:00:00Z",
            "?next=a.b.c",
            "?match[id]=" + "a," * 3000 + "a", "?match[version]=all", "?%ff=%ff", "?" + "&" * 500, "?match[type]=%00",
            "?" + "a" * 70_000]  # fmt: skip
_HEADERS = [
    "Content-Encoding: gzip", "Accept: text/html", "Accept:", "Expect: 100-continue", "Expect: x", "Range: bytes=0-",
    "Host: a b", "Authorization: Basic ////", "Authorization: Bearer x", "Upgrade: h2c", "Connection: Upgrade",
    "X: " + "a" * 9000, "Content-Type: text/plain", "Cookie: " + "a=b;" * 500, "Accept: " + "a;q=1," * 500,
    "TE: trailers", "Trailer: X", "Connection: keep-alive", "Content-Encoding: br", "Accept-Encoding: gzip;q=x",
]  # fmt: skip
_BROKEN = [
    "Transfer-Encoding: chunked", "Content-Length: 3", "Content-Length: -1", "Content-Length: 99999999999999999999",
    "Host: ", "X:\x01", " folded", "no colon", ": no name", "Transfer-Encoding: identity",
]  # fmt: skip
_GLUE = [
    b"\x00",
    b"\r",
    b"\n",
    b"\r\n",
    b" ",
    b":",
    b"\xff",
    b"%",
    b"\x80",
    b"HTTP/1.1",
    b"\r\n\r\n",
    b"0",
    b"\x16\x03\x01",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """The pieces of what is sent on one connection, with a moment between them, and whether HEAD may be in it."""

    pieces: tuple[bytes, ...]

    @property
    def heads(self) -> bool:
        return b"HEAD" in b"".join(self.pieces)


def request(seed: int, key: str) -> Case:
    random = Random(seed)  # noqa: S311  # the same again for the same seed, which is what it is for
    sent = b"".join(_one(random, key) for _ in range(random.choice((1, 1, 1, 2, 3))))
    if random.random() < 0.3:
        sent = _mutated(random, sent)
    if random.random() < 0.05:
        cut = sorted(random.randrange(len(sent) + 1) for _ in range(3))
        return Case(pieces=(sent[: cut[0]], sent[cut[0] : cut[1]], sent[cut[1] :]))
    return Case(pieces=(sent,))


def _one(random: Random, key: str) -> bytes:
    method = random.choice(["GET"] * 6 + ["POST"] * 8 + ["DELETE", "HEAD", "PUT", "OPTIONS", "CONNECT", "get"])
    version = random.choice(["HTTP/1.1"] * 50 + ["HTTP/1.0", "HTTP/0.9", "HTTP/2.0", "HTTP/1.1 ", "http/1.1", ""])
    path = _WRITABLE if method == "POST" and random.random() < 0.7 else random.choice(_PATHS)
    line = f"{method} {path}{random.choice(_QUERIES)} {version}"
    framing, body = _body(random) if method in ("POST", "PUT") or random.random() < 0.1 else ([], b"")
    lines = [line, "Host: localhost", f"Content-Type: {MEDIA_TYPE}", *framing]
    if random.random() < 0.85:
        lines.append(f"Authorization: Bearer {key}")
    lines += random.sample(_HEADERS, random.choice((0, 0, 1, 2)))
    if random.random() < 0.1:
        lines.append(random.choice(_BROKEN))
    if random.random() < 0.9:
        lines.append("Connection: close")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def _body(random: Random) -> tuple[list[str], bytes]:
    """Headers that frame a body, and its bytes, which are often something else."""
    plain = random.choice(_CONTENTS)(random)
    headers = []
    if random.random() < 0.3:
        headers, plain = ["Content-Encoding: gzip"], _packed(random, plain)
    if random.random() < 0.6:
        length = len(plain) + random.choice((0, 0, 0, -1, 1, 1000, _LARGE))
        return [*headers, f"Content-Length: {length}"], plain
    size = random.choice((b"%x", b"%x", b"%X;a=b", b"0x%x", b"-%x", b"%xffffffffffffffff", b" %x", b"%x\n"))
    end = random.choice((b"0\r\n\r\n", b"0\r\n\r\n", b"0\r\nX: y\r\n\r\n", b"", b"0\r\n", b"g\r\n\r\n"))
    chunk = size % len(plain) + b"\r\n" + plain + random.choice((b"\r\n", b"\r\n", b"\n", b""))
    return [*headers, "Transfer-Encoding: chunked"], chunk + end


def _packed(random: Random, plain: bytes) -> bytes:
    packed = random.choice((plain, plain + b" " * 30 * _LARGE) if random.random() < 0.02 else (plain,))
    packed = gzip.compress(packed, 1)
    cut = random.randrange(len(packed)) if random.random() < 0.4 else len(packed)
    return random.choice((packed[:cut], packed[:cut] + packed, packed + gzip.compress(b"") * random.choice((1, 5000))))


def _wrong_object(random: Random) -> bytes:
    stix_id = f"indicator--{uuid.UUID(int=random.getrandbits(128), version=4)}"
    return json.dumps({"objects": [{"type": "indicator", "id": stix_id, "x": random.random()}] * 3}).encode()


_CONTENTS: list[Callable[[Random], bytes]] = [
    lambda random: random.randbytes(random.randrange(200)),
    lambda _: b"",
    lambda _: b'{"objects":[]}',
    lambda _: b'{"objects":[NaN,{"a":1,"a":2}]}',
    lambda _: b"[" * 5000,
    lambda _: b'{"objects":' + b"[" * 3000 + b"]" * 3000 + b"}",
    lambda random: b" " * (_LARGE + random.choice((-1, 0, 1, 100))) if random.random() < 0.05 else b" ",
    _wrong_object,
]


def _mutated(random: Random, sent: bytes) -> bytes:
    for _ in range(random.choice((1, 1, 2, 5, 20))):
        place = random.randrange(min(len(sent), 600) + 1)
        match random.randrange(4):
            case 0:
                sent = sent[:place] + random.choice(_GLUE) + sent[place:]
            case 1:
                sent = sent[:place] + sent[place + random.choice((1, 1, 2, 10)) :]
            case 2:
                sent = sent[:place] + bytes([random.randrange(256)]) + sent[place + 1 :]
            case _:
                sent = sent[:place] + sent[random.randrange(len(sent) + 1) :][:50] + sent[place:]
    return sent


# Asking -----------------------------------------------------------------------------------------------------------


def exchanged(port: int, case: Case, quiet: float = _QUIET) -> bytes:
    """All that comes back until the connection ends. TimeoutError for a hang."""
    with socket.create_connection(("127.0.0.1", port), timeout=HANG) as connection:
        found = bytearray()
        try:
            for piece in case.pieces:
                connection.sendall(piece)
                time.sleep(0.01 if len(case.pieces) > 1 else 0)
            connection.settimeout(quiet)
            try:
                while piece := connection.recv(1 << 16):
                    found += piece
                return bytes(found)
            except TimeoutError:
                # It waits for more, keeps the connection, or thinks: a body that ends here makes the difference.
                connection.settimeout(HANG)
                connection.shutdown(socket.SHUT_WR)
            while piece := connection.recv(1 << 16):
                found += piece
        except TimeoutError:
            raise
        except OSError:
            return bytes(found)  # closed on a client that still sends: granian's right where HTTP is broken
        return bytes(found)


_HEAD = re.compile(rb"HTTP/1\.[01] ([0-9]{3})[^\r\n]*\r\n((?:[^\r\n]+\r\n)*)\r\n")


def answers(found: bytes, *, heads: bool) -> list[Answer]:
    """The answers in what came back. ValueError where something else came; the last may be cut by a reset."""
    parsed, place = [], 0
    while place < len(found):
        head = _HEAD.match(found, place)
        if head is None:
            raise ValueError(f"no HTTP: {found[place : place + 100]!r}")
        headers = tuple(_header(line) for line in head[2].decode("latin-1").split("\r\n") if line)
        answer = Answer(status=int(head[1]), headers=headers, body=b"")
        place = head.end()
        if answer.status >= 200:
            length = int(answer.header("content-length") or 0)
            empty = heads and (found.startswith(b"HTTP/1.", place) or place == len(found))
            length = 0 if empty else length
            body = found[place : place + length]
            place += length
            parsed.append(Answer(status=answer.status, headers=headers, body=body))
    return parsed


def _header(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name.lower(), value.strip()


def wrong(port: int, case: Case, hidden: Iterable[str], quiet: float = _QUIET) -> list[str]:
    """What is wrong with what comes back for a case: nothing, for a server that holds."""
    try:
        found = exchanged(port, case, quiet)
    except TimeoutError:
        return ["a hang"]
    faults = [f"tells {name}" for name in hidden if name.encode() in found]
    if found.startswith(b"\x00\x00"):
        return faults  # HTTP/2 says what is wrong in frames
    for answer in answers(found, heads=case.heads):
        short = len(answer.body) < int(answer.header("content-length") or 0)
        if short and not case.heads and quiet == _QUIET:
            # The sender said "nothing more" while a busy server wrote, which ends the connection.
            return wrong(port, case, hidden, quiet=_PATIENT)
        if not _granians(answer):
            faults += faults_of(answer, head=short and case.heads)
    return faults


def _granians(answer: Answer) -> bool:
    """HTTP itself is broken: an empty answer, and the connection is closed."""
    return 400 <= answer.status < 500 and answer.header("content-length") == "0" and not answer.header("content-type")


def fuzz(port: int, key: str, seeds: Iterable[int], hidden: Iterable[str]) -> dict[int, list[str]]:
    """The faults by seed. Eight at a time."""
    hidden = tuple(hidden)
    with ThreadPoolExecutor(8) as pool:
        found = pool.map(lambda seed: (seed, wrong(port, request(seed, key), hidden)), seeds)
        return {seed: faults for seed, faults in found if faults}
