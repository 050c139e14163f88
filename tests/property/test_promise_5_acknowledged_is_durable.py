"""Promise 5: what a status calls a success is there after `kill -9`, once, for everybody who may read it.

A real server with several workers, clients that post and delete all the time, and SIGKILL for every process of it at
any moment. What a power cut leaves is the databases' own promise; that each answer waits for the disk is held in
tests/unit/test_durable.py, and a death between any two statements is a step of the histories of promise 3.
"""

from __future__ import annotations

import os
import random
import signal
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests

from tests.protocol.served import Member, Served, indicator, running, write

PLACE = "50000000-0000-4000-8000-000000000001"
FILES = {
    "config/exchange.yaml": (
        "exchange: Durable\noperator: Durable Operations\ngroups: {}\n"
        "members:\n  writer: { name: Writer, in: [] }\n  reader: { name: Reader, in: [] }\n"
    ),
    "collections/all.yaml": (
        f"id: {PLACE}\ntitle: All\nread: everyone\nwrite: everyone\naccept: [clear, amber]\nunmarked: green\n"
    ),
}
OBJECTS = f"/exchange/collections/{PLACE}/objects/"


@dataclass(slots=True)
class Client:
    """`sent` were posted, `answered` with success; `deleting` were asked to go, `deleted` with success."""

    sent: set[str] = field(default_factory=set)
    answered: dict[str, str] = field(default_factory=dict)
    deleting: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)

    def run(self, member: Member, seed: int, stop: threading.Event) -> None:
        chance = random.Random(seed)  # noqa: S311 - to be played again
        while not stop.is_set():
            try:
                self._step(member, chance)
            except (requests.ConnectionError, requests.ReadTimeout):
                time.sleep(0.01)  # the server is dead

    def _step(self, member: Member, chance: random.Random) -> None:
        left = sorted(self.answered.keys() - self.deleting)
        if left and chance.random() < 0.2:
            victim = chance.choice(left)
            self.deleting.add(victim)
            if member.ask(f"{OBJECTS}{victim}/", "DELETE").status_code == 200:
                self.deleted.add(victim)
            return
        new = [indicator(id=f"indicator--{uuid.uuid4()}") for _ in range(chance.randint(1, 5))]
        self.sent |= {one["id"] for one in new}
        answer = member.post(PLACE, *new)
        if answer.status_code == 202 and answer.json()["success_count"] == len(new):
            self.answered |= {one["id"]: answer.json()["id"] for one in new}


def _kill(server: Served) -> None:
    """Every process of it at once, the master first, so that none is started anew."""
    pid = server.process.pid
    children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    for process in (pid, *children):
        os.kill(process, signal.SIGKILL)
    server.process.wait(30)


def _killed_while_posting(home: Path, seconds: float) -> Client:
    client, stop = Client(), threading.Event()
    with running(home, workers=2) as server, ThreadPoolExecutor(4) as pool:
        writer = server.member("writer")
        threads = [pool.submit(client.run, writer, seed, stop) for seed in range(4)]
        time.sleep(seconds)
        _kill(server)
        stop.set()
        for thread in threads:
            thread.result()
    return client


def _everything(member: Member) -> list[str]:
    """The ids by polling from the start, page by page."""
    found: list[str] = []
    query = {"match[version]": "all", "limit": "100"}
    while True:
        page = member.ask(OBJECTS, params=query).json()
        found += [one["id"] for one in page.get("objects", [])]
        if not page.get("more"):
            return found
        query["next"] = page["next"]


@pytest.mark.parametrize(
    "seconds", [0.8, *(pytest.param(s / 10, marks=pytest.mark.long) for s in (1, 2, 3, 5, 7, 11, 13, 17, 19, 23, 29))]
)
def test_what_was_answered_before_the_server_was_killed_is_there_once(tmp_path: Path, seconds: float) -> None:
    home = write(tmp_path, FILES)
    client = _killed_while_posting(home, seconds)
    assert client.answered, "nothing was posted before the end"
    with running(home) as server:
        writer, reader = server.member("writer"), server.member("reader")
        there = _everything(reader)
        assert len(there) == len(set(there)), "something is there twice"
        assert client.answered.keys() - client.deleting <= set(there) <= client.sent - client.deleted
        status = next(reversed(client.answered.values()))
        assert writer.ask(f"/exchange/status/{status}/").json()["failure_count"] == 0
        # What was not answered may be sent again, and then is there once.
        unsure = sorted(client.sent - client.answered.keys() - client.deleting)
        assert writer.post(PLACE, *(indicator(id=i) for i in unsure)).status_code == 202 if unsure else True
        assert sorted(_everything(reader)) == sorted(set(there) | set(unsure))
