"""Homes to run the commands on: fresh, in force, seeded, and served."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands.command import BARE, PLAIN, REPOSITORY, Served, free_port, run, wait_until_ready


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The plain home, nothing in force."""
    return shutil.copytree(PLAIN, tmp_path / "home")


@pytest.fixture(scope="session")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plain home, in force, to be copied: making the tables takes a while."""
    home = shutil.copytree(PLAIN, tmp_path_factory.mktemp("ready") / "home")
    assert run("apply", "--yes", "--home", home).exit_code == 0
    return home


@pytest.fixture
def applied(ready: Path, tmp_path: Path) -> Path:
    """The plain home, in force."""
    return shutil.copytree(ready, tmp_path / "home")


@pytest.fixture(scope="session")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository's own home in force, with its samples published. Read it only."""
    home = tmp_path_factory.mktemp("seeded")
    for folder in ("config", "collections"):
        shutil.copytree(REPOSITORY / folder, home / folder)
    assert run("apply", "--yes", "--home", home).exit_code == 0
    assert run("seed", "--home", home).exit_code == 0
    return home


@pytest.fixture(scope="session")
def served(ready: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The plain home, in force and served on a free port of loopback."""
    home = shutil.copytree(ready, tmp_path_factory.mktemp("served") / "home")
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "exchange.cli",
        "--home",
        str(home),
        "serve",
        "--port",
        str(port),
        "--workers",
        "1",
    ]
    with subprocess.Popen(command, env=BARE) as server:
        try:
            wait_until_ready(server, f"http://127.0.0.1:{port}")
            yield Served(home, f"http://127.0.0.1:{port}")
        finally:
            server.terminate()
