"""Broken bytes, slow bodies and many at once, against a real server (issue 2, Build 8).

`make fuzz` sends 200,000 requests; EXCHANGE_FUZZ says how many, EXCHANGE_FUZZ_SEED from which on.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest

from exchange import taxiibodies
from tests.protocol import fuzzing
from tests.protocol.served import MEDIA_TYPE, Member, Served, files, indicator, running, write

REQUESTS = int(os.environ.get("EXCHANGE_FUZZ", "1500"))
FIRST = int(os.environ.get("EXCHANGE_FUZZ_SEED", "0"))
ROUND = 5_000  # requests between two looks at the server


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server with one worker, so that a thread that is lost is missed."""
    with running(write(tmp_path_factory.mktemp("robust"), files()), workers=1) as server:
        yield server


def _port(server: Served) -> int:
    return int(urlsplit(server.url).port or 0)


def test_no_bytes_are_answered_by_anything_but_a_success_or_an_error(alone: Served) -> None:
    alpha, beta, gamma = (alone.member(name) for name in ("alpha", "beta", "gamma"))
    one, two = indicator(), indicator()
    posted = [beta.post("post", one), gamma.post("closed", two)]
    hidden = [one["id"], two["id"], *(answer.json()["id"] for answer in posted), beta.key, gamma.key, "Traceback"]
    for start in range(FIRST, FIRST + REQUESTS, ROUND):
        seeds = range(start, min(start + ROUND, FIRST + REQUESTS))
        assert fuzzing.fuzz(_port(alone), alpha.key, seeds, hidden) == {}
        assert beta.ask("/exchange/collections/post/objects/").json()["objects"][0]["id"] == one["id"]
    log = alone.log.read_text(encoding="utf-8")
    assert [line for line in log.splitlines() if "ERROR" in line or "Traceback" in line or "panic" in line] == []
    assert not any(secret in log for secret in (*hidden[:-1], alpha.key))


# Slow bodies ------------------------------------------------------------------------------------------------------


def _slow_post(server: Served, authorization: str) -> socket.socket:
    """A POST whose body never comes."""
    connection = socket.create_connection(("127.0.0.1", _port(server)), timeout=30)
    head = f"POST /exchange/collections/fresh01/objects/ HTTP/1.1\r\nHost: x\r\nContent-Type: {MEDIA_TYPE}\r\n"
    connection.sendall(f"{head}Authorization: {authorization}\r\nContent-Length: 1000\r\n\r\n{{".encode())
    return connection


def test_slow_bodies_of_some_members_and_of_strangers_stop_nobody_else(alone: Served) -> None:
    alpha, beta, gamma = (alone.member(name) for name in ("alpha", "beta", "gamma"))
    with ExitStack() as stack:
        for sender in (alpha.key, beta.key, "nobody"):
            for _ in range(20):
                stack.enter_context(_slow_post(alone, f"Bearer {sender}"))
        time.sleep(3 * taxiibodies.WAIT)
        began = time.monotonic()
        assert gamma.ask("/exchange/collections/notice/objects/").status_code == 200
        assert gamma.post("notice", indicator()).status_code == 202
        assert alpha.ask("/taxii2/").status_code == 200
        refused = alpha.post("fresh01", indicator())
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
        assert time.monotonic() - began < 15
    _wait_for_turn(alpha)


def _wait_for_turn(member: Member) -> None:
    """Once the slow ones are gone, their places are free."""
    deadline = time.monotonic() + 10
    while member.post("fresh01", indicator()).status_code != 202:
        assert time.monotonic() < deadline


def test_a_body_in_many_small_pieces_is_taken(alone: Served) -> None:
    key = alone.member("alpha").key
    body = b'{"objects":[{}]}'
    head = f"POST /exchange/collections/fresh01/objects/ HTTP/1.1\r\nHost: x\r\nContent-Type: {MEDIA_TYPE}\r\n"
    head += f"Authorization: Bearer {key}\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    pieces = (head.encode(), *(body[i : i + 1] for i in range(len(body))))
    found = fuzzing.answers(fuzzing.exchanged(_port(alone), fuzzing.Case(pieces=pieces)), heads=False)
    assert [answer.status for answer in found] == [202]


def test_requests_sent_together_are_answered_in_their_order(alone: Served) -> None:
    key = alone.member("alpha").key
    paths = ["/taxii2/", "/nothing/", "/exchange/"]
    sent = "".join(
        f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n{more}\r\n"
        for path, more in zip(paths, ["", "", "Connection: close\r\n"], strict=True)
    )
    found = fuzzing.answers(fuzzing.exchanged(_port(alone), fuzzing.Case(pieces=(sent.encode(),))), heads=False)
    assert [answer.status for answer in found] == [200, 404, 200]
