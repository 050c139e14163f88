"""Running the commands as a person would, and small things to publish."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import requests
from click.testing import CliRunner, Result

from exchange.cli import main
from tests.property.cases import PLAIN as PLAIN

REPOSITORY = Path(__file__).parents[2]
UNSET: dict[str, str | None] = {"EXCHANGE_HOME": None, "EXCHANGE_DATABASE": None, "EXCHANGE_KEY": None}


BARE = {name: value for name, value in os.environ.items() if name not in UNSET} | {"PYTHONPATH": str(REPOSITORY)}
"""The environment of a command that is started as a process of its own."""


def run(*words: str | Path, **options: Any) -> Result:
    """`exchange WORDS`; an exception that is no exit is the test's."""
    env = UNSET | options.pop("env", {})
    return CliRunner(env=env).invoke(main, [str(word) for word in words], catch_exceptions=False, **options)


def told(*words: str | Path, **options: Any) -> Any:
    """What `exchange WORDS --json` prints."""
    return json.loads(run(*words, "--json", **options).stdout)


def edit(home: Path, file: str, old: str, new: str) -> None:
    """Replace text of a file that must be there."""
    text = (home / file).read_text(encoding="utf-8")
    assert old in text
    (home / file).write_text(text.replace(old, new), encoding="utf-8")


def publish(home: Path, member: str, collection: str, *objects: dict[str, Any]) -> None:
    """Publish as that member, through the seed folder."""
    folder = home / "collections" / "seed"
    folder.mkdir(exist_ok=True)
    bundle = {"type": "bundle", "id": "bundle--00000000-0000-4000-8000-000000000000", "objects": list(objects)}
    (folder / f"{len(list(folder.iterdir())):02}-{collection}-{member}.json").write_text(json.dumps(bundle))
    assert run("seed", "--home", home).exit_code == 0


def note(number: int, *markings: str, **more: Any) -> dict[str, Any]:
    """An object of its own id, valid and small."""
    return {
        "type": "course-of-action",
        "spec_version": "2.1",
        "id": f"course-of-action--00000000-0000-4000-8000-{number:012}",
        "created": "2026-10-01T00:00:00.000Z",
        "modified": "2026-10-01T00:00:00.000Z",
        "name": f"Measure {number}",
        **({"object_marking_refs": list(markings)} if markings else {}),
        **more,
    }


AMBER = "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421"


class Served:
    """A running `exchange serve` and keys to it."""

    def __init__(self, home: Path, url: str) -> None:
        self.home, self.url = home, url

    def key(self, member: str, *options: str) -> str:
        return run("key", "new", member, *options, "--home", self.home).stdout.strip()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_ready(server: subprocess.Popen[bytes], url: str) -> None:
    for _ in range(300):
        assert server.poll() is None, "the server has ended"
        try:
            if requests.get(f"{url}/readyz", timeout=2).status_code == 200:
                return
        except requests.ConnectionError:
            time.sleep(0.1)
    raise AssertionError("not ready within 30 seconds")


@contextmanager
def listening(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """The address of a server on loopback that answers as the handler does."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
