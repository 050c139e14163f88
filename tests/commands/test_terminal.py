"""What a person at a terminal gets: drawn tables and progress bars, which a pipe does not."""

import os
import pty
import subprocess
import sys
from pathlib import Path

from tests.commands.command import BARE, run


def typed(*words: str) -> str:
    """What `exchange WORDS` shows on a terminal."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "exchange.cli", *words]
    env = {**BARE, "TERM": "xterm", "COLUMNS": "120"}
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=env) as process:
        os.close(theirs)
        shown = b""
        while chunk := _read(ours):
            shown += chunk
    os.close(ours)
    assert process.returncode == 0
    return shown.decode()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # Linux says so when the other end is closed
        return b""


def test_a_table_is_drawn(applied: Path) -> None:
    assert "───" in typed("versions", "--home", str(applied))
    assert "───" not in run("versions", "--home", applied).stdout


def test_seeding_shows_a_bar(seeded: Path) -> None:
    assert "publishing" in typed("seed", "--home", str(seeded))
    assert "publishing" not in run("seed", "--home", seeded).output
