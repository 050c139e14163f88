"""Servers, started as anybody starts them, each in a process of its own."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

STARTS_WITHIN = 60.0  # seconds
HOST = "127.0.0.1"


@contextmanager
def exchange(home: Path) -> Iterator[int]:
    """`exchange serve` with one worker on a home; gives its port."""
    port = _free_port()
    options = ("--home", str(home), "--host", HOST, "--port", str(port), "--workers", "1")
    with _running(("exchange.cli", "serve", *options), port, home.parent / f"{home.name}.log"):
        yield port


@contextmanager
def limit(folder: Path) -> Iterator[int]:
    """The limit's server on a folder of answers; gives its port."""
    port = _free_port()
    with _running(("bench.limit", str(folder), str(port)), port, folder / "server.log"):
        yield port


@contextmanager
def _running(module: Sequence[str], port: int, log: Path) -> Iterator[None]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("EXCHANGE_")}
    with log.open("wb") as lines:
        process = subprocess.Popen([sys.executable, "-m", *module], env=own, stdout=lines, stderr=lines)
        try:
            _wait_until_ready(process, port, log)
            yield
        finally:
            process.terminate()
            process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _wait_until_ready(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    waited = 0.0
    while process.poll() is None and waited < STARTS_WITHIN:
        connection = http.client.HTTPConnection(HOST, port, timeout=2)
        try:
            connection.request("GET", "/readyz")
            if connection.getresponse().status == 200:
                return
        except OSError:
            pass  # not listening yet, which is what this loop waits for
        finally:
            connection.close()
        time.sleep(0.05)
        waited += 0.05
    raise RuntimeError(f"a server did not become ready; its last lines: {log.read_text(encoding='utf-8')[-2000:]}")
