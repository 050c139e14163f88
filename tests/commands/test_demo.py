"""`make run` without make: the sample exchange of a home, and the lines that it prints."""

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands.command import BARE, free_port, run


class Demo:
    """A running `python -m exchange.demo` in a copy of the repository's home."""

    def __init__(self, home: Path, port: int) -> None:
        self.home, self.port = home, port
        env = {**BARE, "PORT": str(port)}
        command = [sys.executable, "-m", "exchange.demo"]
        self.process = subprocess.Popen(command, cwd=home, env=env, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.said: list[str] = []
        for line in self.process.stdout:
            self.said.append(line.strip())
            if "Ctrl-C" in line:
                break
        self.keys = (home / "data" / "demo-keys.json").read_text()

    def end(self) -> int:
        self.process.send_signal(signal.SIGINT)
        self.process.communicate(timeout=60)
        return self.process.returncode

    def paste(self, start: str) -> str:
        """What a printed line prints, run in the home's folder as its words say."""
        (line,) = (line for line in self.said if line.startswith(start))
        line = line.replace(f"{Path(os.path.relpath(Path(sys.executable).parent, self.home)) / 'exchange'} ",
                            f"{sys.executable} -m exchange.cli ")  # fmt: skip
        env = dict(BARE)
        words = shlex.split(line)
        while "=" in words[0]:
            name, _, value = words.pop(0).partition("=")
            env[name] = value
        return subprocess.run(words, cwd=self.home, env=env, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def demo(seeded: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    found = Demo(shutil.copytree(seeded, tmp_path_factory.mktemp("demo") / "home"), free_port())
    yield found
    if found.process.poll() is None:
        found.end()


def test_the_curl_line_answers_with_objects(demo: Demo) -> None:
    assert len(json.loads(demo.paste("curl "))["objects"]) == 3


def test_the_taxii2_client_line_lists_what_the_member_reads(demo: Demo) -> None:
    python = str(Path(os.path.relpath(Path(sys.executable).parent, demo.home)) / "python")

    assert "Shared indicators | indicator | " in demo.paste(python)


def test_the_pull_line_prints_every_object_and_then_nothing_more(demo: Demo) -> None:
    first, second = demo.paste("EXCHANGE_KEY="), demo.paste("EXCHANGE_KEY=")

    assert len(first.splitlines()) > 50
    assert second == ""


def test_the_keys_are_for_their_owner_alone_and_each_member_has_one(demo: Demo) -> None:
    file = demo.home / "data" / "demo-keys.json"

    assert file.stat().st_mode & 0o777 == 0o600
    assert len(json.loads(file.read_text())) == 7


@pytest.fixture(scope="module")
def again(demo: Demo) -> Iterator[Demo]:
    """A second one beside the first, after the key of Skyline was revoked."""
    key = json.loads(demo.keys)["skyline"]
    run("key", "revoke", key.split("_")[1], "--home", demo.home)
    found = Demo(demo.home, demo.port)
    yield found
    assert found.end() == 0


def test_a_second_one_takes_the_next_free_port(demo: Demo, again: Demo) -> None:
    ports = {int(port) for port in re.findall(r"http://127\.0\.0\.1:([0-9]+)", " ".join(again.said))}

    assert len(ports) == 1
    assert demo.port < ports.pop() < demo.port + 50


def test_keys_are_kept_and_one_that_no_longer_holds_is_made_anew(demo: Demo, again: Demo) -> None:
    before, after = json.loads(demo.keys), json.loads(again.keys)

    assert {name for name in before if before[name] != after[name]} == {"skyline"}


def test_ctrl_c_ends_the_server_too(demo: Demo) -> None:
    assert demo.end() == 0

    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", demo.port)) != 0
