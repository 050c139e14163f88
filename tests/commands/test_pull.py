"""`exchange pull`, from a running exchange."""

import json
import subprocess
import sys
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.commands.command import BARE, Served, note, publish, run

NUMBERS = count(5000)


class Puller:
    """Skyline, polling one collection with one state file."""

    def __init__(self, served: Served, state: Path) -> None:
        self.served, self.state = served, state
        self.env = {"EXCHANGE_KEY": served.key("skyline")}

    def run(self, collection: str = "vulnerabilities", **options: Any) -> Any:
        env = self.env | options.pop("env", {})
        return run("pull", "--url", self.served.url, "--collection", collection, "--state", self.state, env=env)

    def new(self) -> list[str]:
        """The ids of what is new."""
        result = self.run()
        assert result.exit_code == 0, result.stderr
        return [json.loads(line)["id"] for line in result.stdout.splitlines()]


@pytest.fixture
def puller(served: Served, tmp_path: Path) -> Puller:
    found = Puller(served, tmp_path / "state.json")
    found.new()  # what other tests published
    return found


def publish_one(served: Served, **more: Any) -> str:
    obj = note(next(NUMBERS), **more)
    publish(served.home, "cyberdef", "vulnerabilities", obj)
    return str(obj["id"])


def test_each_new_object_comes_once(served: Served, puller: Puller) -> None:
    first = publish_one(served)

    assert puller.new() == [first]
    assert puller.new() == []

    second = publish_one(served)

    assert puller.new() == [second]


def test_a_fresh_state_reads_everything_from_the_start(served: Served, puller: Puller, tmp_path: Path) -> None:
    first, second = publish_one(served), publish_one(served)

    puller.state = tmp_path / "other.json"

    assert puller.new()[-2:] == [first, second]


def test_pages_are_read_to_the_end(served: Served, puller: Puller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exchange.clientpull.PAGE", 2)
    published = [publish_one(served) for _ in range(5)]

    assert puller.new() == published


def test_an_object_is_one_line_even_where_it_was_published_over_several(served: Served, puller: Puller) -> None:
    uid = publish_one(served, description="first line\nsecond line")

    (line,) = puller.run().stdout.splitlines()

    assert json.loads(line)["id"] == uid


def test_the_state_is_not_moved_where_the_objects_could_not_be_written(served: Served, puller: Puller) -> None:
    uid = publish_one(served)
    before = puller.state.read_text() if puller.state.exists() else None
    command = [sys.executable, "-m", "exchange.cli", "pull", "--url", served.url, "--collection", "vulnerabilities",
               "--state", str(puller.state)]  # fmt: skip

    with open("/dev/full", "wb") as full:
        result = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, env={**BARE, **puller.env}, check=False, text=True
        )

    assert result.returncode == 1
    assert "cannot be written: No space left on device" in result.stderr
    assert "Traceback" not in result.stderr
    assert (puller.state.read_text() if puller.state.exists() else None) == before
    assert puller.new() == [uid]


def test_a_reader_that_has_enough_ends_the_pull_without_a_word(served: Served, puller: Puller) -> None:
    uid = publish_one(served)
    command = [sys.executable, "-m", "exchange.cli", "pull", "--url", served.url, "--collection", "vulnerabilities",
               "--state", str(puller.state)]  # fmt: skip

    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**BARE, **puller.env}
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        said = process.stderr.read()

    assert said == b""
    assert puller.new() == [uid]


def test_a_state_that_cannot_be_kept_is_told(served: Served, puller: Puller, tmp_path: Path) -> None:
    publish_one(served)
    puller.state = tmp_path / "none" / "state.json"

    result = puller.run()

    assert result.exit_code == 1
    assert "state.json" in result.stderr
    assert "No such file or directory" in result.stderr


def test_a_state_of_another_collection_is_refused(puller: Puller, served: Served) -> None:
    publish_one(served)
    puller.new()

    result = puller.run("indicators")

    assert result.exit_code == 1
    assert "one state file for each collection" in result.stderr


def test_a_broken_state_is_refused_and_kept(puller: Puller) -> None:
    puller.state.write_text("not json")

    result = puller.run()

    assert result.exit_code == 1
    assert "is no state of `exchange pull`" in result.stderr
    assert puller.state.read_text() == "not json"


def test_a_key_that_may_not_read_is_told(served: Served, puller: Puller) -> None:
    key = served.key("skyline", "--scope", "write")

    result = puller.run(env={"EXCHANGE_KEY": key})

    assert result.exit_code == 1
    assert "may not read" in result.stderr
