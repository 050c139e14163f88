"""`make run`: the sample exchange of this repository, ready to be asked.

Applies the files of the current folder, makes keys for the sample members, publishes `collections/seed/`, serves, and
once it answers prints three lines to paste. The keys are for this sample alone and lie in `data/demo-keys.json`.
"""

from __future__ import annotations

import json
import os
import secrets
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import click
import requests
from sqlalchemy import Connection

from exchange import credentials, inforce, store
from exchange.app import Exchange
from exchange.cliparts import Refusal, in_force, opened, plural, read_files, say, warn, why_no_listening
from exchange.cliseed import publish_all
from exchange.config import ConfigError

KEYS = "data/demo-keys.json"
HOST = "127.0.0.1"
PORTS_TRIED = 50
STARTS_WITHIN = 60.0  # seconds
READER = "firstriver"


@click.command()
@click.option("--port", envvar="PORT", default=8000, show_default=True, type=click.IntRange(1, 65535))
def main(port: int) -> None:
    """Serve the sample exchange of the current folder on loopback; Ctrl-C ends it."""
    home = Path()
    with opened(home) as exchange:
        _apply_first(exchange, home)
        keys = _keys(exchange, home)
        outcomes = publish_all(exchange, home)
        with store.reading(exchange.engine) as conn:
            root = in_force(conn).config.root
    refused = [f"{one.seed.file}: {why.id}: {why.reason}" for one in outcomes for why in one.refused]
    if refused:
        raise Refusal("\n".join(refused))
    say(f"{plural(sum(one.taken for one in outcomes), 'object')} of {plural(len(keys), 'member')} are published")
    free = _free_port(port)
    if free != port:
        warn(f"port {port} is taken; using {free}")
    _serve(free, root, keys)


def _apply_first(exchange: Exchange, home: Path) -> None:
    """The first start applies everything; later ones leave changed files to `serve`."""
    with store.reading(exchange.engine) as conn:
        state = inforce.current(conn)
    if state is None:
        try:
            inforce.put(exchange.engine, read_files(home), exchange.clock)
        except ConfigError as error:
            raise Refusal(str(error)) from error


def _keys(exchange: Exchange, home: Path) -> dict[str, str]:
    """A usable key of each member in force, by name: as kept, or new where it is missing or no longer holds."""
    path = home / KEYS
    kept: dict[str, str] = json.loads(path.read_bytes()) if path.exists() else {}
    with store.writing(exchange.engine) as conn:
        state = in_force(conn)
        keys = {name: _key(conn, kept.get(name, ""), number, exchange.clock.now(conn))
                for name, number in state.numbers.items() if name in state.config.members}  # fmt: skip
    if keys != kept:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            json.dump(keys, file, indent=2)
    return keys


def _key(conn: Connection, kept: str, member: int, now: int) -> str:
    found = credentials.find(conn, kept, now)
    if found and found.member == member:
        return kept
    return credentials.new(
        conn,
        member=member,
        scope=credentials.SCOPES,
        now=now,
        note="sample, made by make run",
        token=secrets.token_bytes,
    )


def _free_port(wanted: int) -> int:
    """The first port from `wanted` on that nobody listens on."""
    for port in range(wanted, min(wanted + PORTS_TRIED, 65536)):
        if not why_no_listening(HOST, port):
            return port
    raise Refusal(f"no free port from {wanted} on; choose another: PORT=9000 make run")


def _serve(port: int, root: str, keys: Mapping[str, str]) -> None:
    """Run `exchange serve` until it ends or somebody ends it."""
    url = f"http://{HOST}:{port}"
    command = [sys.executable, "-m", "exchange.cli", "serve", "--host", HOST, "--port", str(port)]
    # In a group of its own: Ctrl-C then comes to us alone, and the server is asked to end once.
    server = subprocess.Popen(command, process_group=0)  # noqa: S603 - our own command
    for end in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(end, lambda *_: sys.exit(0))
    try:
        _wait_until_ready(server, url)
        say(_lines(url, root, keys))
        server.wait()
    except KeyboardInterrupt:
        say("\nending")
    finally:
        server.terminate()
        server.wait()


def _wait_until_ready(server: subprocess.Popen[bytes], url: str) -> None:
    waited = 0.0
    while server.poll() is None and waited < STARTS_WITHIN:
        try:
            if requests.get(f"{url}/readyz", timeout=2).status_code == 200:
                return
        except requests.RequestException:
            pass  # not listening yet, which is what this loop waits for
        time.sleep(0.2)
        waited += 0.2
    raise Refusal(f"the server did not become ready at {url}; its own lines above say why")


def _lines(url: str, root: str, keys: Mapping[str, str]) -> str:
    """Three ways to ask, as lines for a shell in this folder."""
    folder = Path(os.path.relpath(Path(sys.executable).parent))
    member = READER if READER in keys else min(keys)
    key = keys[member]
    objects = f"{url}/{root}/collections/indicators/objects/?limit=3"
    snippet = (
        f"from taxii2client.v21 import Server, as_pages; "
        f'server = Server("{url}/taxii2/", user="{member}", password="{key}"); '
        f'[print(c.title, o["type"], o.get("name", o["id"]), sep=" | ") for c in server.default.collections '
        f'if c.can_read for page in as_pages(c.get_objects) for o in page.get("objects", [])]'
    )
    curl = f"curl -su {member}:{key} {shlex.quote(objects)}"
    pull = (f"EXCHANGE_KEY={key} {folder / 'exchange'} pull --url {url} --collection indicators "
            f"--state data/{member}-indicators.state")  # fmt: skip
    return (
        f"\nServing {url}/taxii2/ — paste one of these in this folder, in another terminal:\n\n"
        f"{curl}\n\n{folder / 'python'} -c {shlex.quote(snippet)}\n\n{pull}\n\n"
        f"They ask as {member}; the other members' keys are in {KEYS}. Ctrl-C ends the server."
    )


if __name__ == "__main__":
    main(prog_name="exchange.demo")
