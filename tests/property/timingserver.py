"""A server whose waits and work a timing test decides: `python -m tests.property.timingserver HOME PORT KIND`.

The application is the real one, in the real server, with one worker. KIND `paced` waits as production does; `unpaced`
has a clock whose `wait` returns at once, so that answers leave when they are ready. Both spend `SPENT` more on every
request that names an id which ends in `MARK`: the difference that a test has to see, or not.
"""

from __future__ import annotations

import os
import sys
import time
from dataclasses import replace
from pathlib import Path

from flask import Flask, request
from granian.constants import HTTPModes, Interfaces
from granian.server import MPServer

from exchange import app

SPENT = 20_000  # nanoseconds
MARK = "feed"


def paced() -> Flask:
    return _application(waits=True)


def unpaced() -> Flask:
    return _application(waits=False)


def _application(*, waits: bool) -> Flask:
    exchange = app.open_exchange(Path(os.environ["EXCHANGE_HOME"]))
    if not waits:
        exchange = replace(exchange, clock=replace(exchange.clock, wait=lambda _microseconds: None))
    made = app.create_app(exchange)
    made.before_request(_spend)  # after the door: within what it waits for
    return made


def _spend() -> None:
    if request.path.rstrip("/").endswith(MARK):
        end = time.perf_counter_ns() + SPENT
        while time.perf_counter_ns() < end:
            pass


if __name__ == "__main__":
    home, port, kind = sys.argv[1:]
    os.environ["EXCHANGE_HOME"] = home
    MPServer(
        f"tests.property.timingserver:{kind}", factory=True, interface=Interfaces.WSGI, address="127.0.0.1",
        port=int(port), workers=1, blocking_threads=app.THREADS, http=HTTPModes.http1, websockets=False,
    ).serve()  # fmt: skip
