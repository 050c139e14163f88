"""The client, in a process of its own: bursts of GETs over kept connections, servers taking turns.

`python -m bench.client` reads a plan (JSON) on standard input and writes what it measured (JSON). What the client
itself costs is measured too: its processor time, and the limit, which has the same client before it.
"""

from __future__ import annotations

import http.client
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice

import msgspec

from bench.timing import Timing, timing


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of request: where, which paths in turn, and how many bytes each answer has at least."""

    name: str
    port: int
    paths: tuple[str, ...]
    key: str = ""
    bytes: int = 1


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Each round asks every target for `burst` answers, the second round in the opposite order, and so on."""

    targets: tuple[Target, ...]
    connections: int
    rounds: int
    burst: int


class Measured(msgspec.Struct, kw_only=True):
    """Of one target over all rounds, in seconds."""

    latencies: list[float] = msgspec.field(default_factory=list)
    wall: float = 0.0
    cpu: float = 0.0


def run(plan: Plan) -> dict[str, Timing]:
    """Carry a plan out in another process."""
    command = [sys.executable, "-m", "bench.client"]
    done = subprocess.run(command, input=msgspec.json.encode(plan), capture_output=True, check=False)
    if done.returncode:
        raise RuntimeError(f"the client failed: {done.stderr.decode()[-2000:]}")
    measured = msgspec.json.decode(done.stdout, type=dict[str, Measured])
    return {name: timing(one.latencies, one.wall, one.cpu) for name, one in measured.items()}


class _Connections:
    """The kept connections to one target; each has its own share of the burst."""

    def __init__(self, target: Target, count: int) -> None:
        self.target = target
        self.headers = {"Accept": "application/taxii+json;version=2.1"}
        if target.key:
            self.headers["Authorization"] = f"Bearer {target.key}"
        self.open = [http.client.HTTPConnection("127.0.0.1", target.port, timeout=60) for _ in range(count)]
        self.paths = [cycle(target.paths[n % len(target.paths) :] + target.paths[: n % len(target.paths)])
                      for n in range(0, count * 7, 7)]  # fmt: skip

    def ask(self, which: int, count: int) -> list[float]:
        connection, seconds = self.open[which], []
        for path in islice(self.paths[which], count):
            began = time.perf_counter()
            connection.request("GET", path, headers=self.headers)
            answer = connection.getresponse()
            body = answer.read()
            seconds.append(time.perf_counter() - began)
            if answer.status != 200 or len(body) < self.target.bytes:
                raise RuntimeError(f"{self.target.name}: {path}: {answer.status}, {len(body)} bytes")
        return seconds


def carry_out(plan: Plan) -> dict[str, Measured]:
    """Ask as planned, once each path was asked without being counted: what is compared is warm everywhere."""
    measured = {target.name: Measured() for target in plan.targets}
    places = [_Connections(target, plan.connections) for target in plan.targets]
    share = max(1, plan.burst // plan.connections)
    with ThreadPoolExecutor(plan.connections) as threads:
        for place in places:
            _burst(threads, place, plan.connections, -(-len(place.target.paths) // plan.connections))
        for number in range(plan.rounds):
            for place in places if number % 2 == 0 else reversed(places):
                wall, cpu = time.perf_counter(), time.process_time()
                latencies = _burst(threads, place, plan.connections, share)
                one = measured[place.target.name]
                one.wall += time.perf_counter() - wall
                one.cpu += time.process_time() - cpu
                one.latencies += latencies
    return measured


def _burst(threads: ThreadPoolExecutor, place: _Connections, connections: int, share: int) -> Sequence[float]:
    found = threads.map(place.ask, range(connections), [share] * connections)
    return [seconds for part in found for seconds in part]


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(carry_out(msgspec.json.decode(sys.stdin.buffer.read(), type=Plan))))
