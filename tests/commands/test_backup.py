"""`exchange backup` and `exchange restore`, also while it serves, and what they refuse."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy.engine import make_url

from tests.commands.command import BARE, edit, free_port, note, publish, run, told, wait_until_ready

TAXII = "application/taxii+json;version=2.1"


# While it serves --------------------------------------------------------------------------------------------------


@dataclass
class Site:
    """A served home, and how to ask it."""

    home: Path
    url: str
    env: dict[str, str]

    def exchange(self, *words: str | Path) -> Any:
        return run(*words, "--home", self.home, env=self.env)

    def key(self, member: str) -> str:
        return str(self.exchange("key", "new", member).stdout.strip())


@contextmanager
def serving(home: Path, database: str) -> Iterator[Site]:
    """`exchange serve` with two workers; on SQLite in the home's own files."""
    env = {"EXCHANGE_DATABASE": database} if make_url(database).get_backend_name() == "postgresql" else {}
    port = free_port()
    words = ["--home", str(home), "serve", "--port", str(port), "--workers", "2"]
    with subprocess.Popen([sys.executable, "-m", "exchange.cli", *words], env=BARE | env) as server:
        try:
            wait_until_ready(server, f"http://127.0.0.1:{port}")
            yield Site(home, f"http://127.0.0.1:{port}", env)
        finally:
            server.terminate()


@dataclass
class Client:
    """Publishes and polls one collection, and keeps what it got in order."""

    site: Site
    key: str
    after: str = ""
    got: list[str] = field(default_factory=list)

    def ask(self, method: str = "GET", **options: Any) -> requests.Response:
        """Tries again where it is told to."""
        for _ in range(60):
            answer = requests.request(
                method, f"{self.site.url}/exchange/collections/indicators/objects/", timeout=60,
                headers={"Authorization": f"Bearer {self.key}", "Accept": TAXII, "Content-Type": TAXII}, **options,
            )  # fmt: skip
            if answer.status_code != 503:
                return answer
            time.sleep(0.1)
        raise AssertionError("never answered")

    def post(self, number: int) -> str:
        one = note(number)
        status = self.ask("POST", data=json.dumps({"objects": [one]})).json()
        assert status["success_count"] == 1, status
        return str(one["id"])

    def poll(self) -> list[str]:
        """What is new, by `added_after` = the last `date_added`."""
        answer = self.ask(params={"limit": "7", **({"added_after": self.after} if self.after else {})})
        assert answer.status_code == 200, answer.text
        self.after = answer.headers.get("X-TAXII-Date-Added-Last", self.after)
        new = [one["id"] for one in answer.json().get("objects", [])]
        self.got += new
        return new

    def poll_to_the_end(self) -> list[str]:
        time.sleep(0.15)  # the lead, for what was posted just now
        found = []
        while new := self.poll():
            found += new
        return found


@contextmanager
def going_on(*steps: Callable[[], object]) -> Iterator[None]:
    """Each step again and again, in a thread of its own; what goes wrong in one is raised at the end."""
    over, wrong = threading.Event(), list[BaseException]()

    def repeat(step: Callable[[], object]) -> None:
        try:
            while not over.wait(0.01):
                step()
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=repeat, args=(step,)) for step in steps]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert wrong == []


class Publisher:
    """Publishes one object after the other; `acknowledged` in order."""

    def __init__(self, client: Client) -> None:
        self.client, self.acknowledged = client, list[str]()

    def step(self) -> None:
        self.acknowledged.append(self.client.post(100 + len(self.acknowledged)))


class Story:
    """Two publishers and a poller that never rest, and `first`, which has read one page of one object."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.publisher, self.other = (Publisher(Client(site, site.key(name))) for name in ("cyberdef", "modelworks"))
        self.other.acknowledged += ["ids of its own"] * 10_000
        self.poller, self.first = (Client(site, site.key(name)) for name in ("skyline", "firstriver"))
        for _ in range(5):
            self.publisher.step()
        time.sleep(0.15)
        self.page = self.first.ask(params={"limit": "1"}).json()

    @contextmanager
    def unfolding(self) -> Iterator[None]:
        with going_on(self.publisher.step, self.other.step, self.poller.poll):
            yield

    def goes_back(self, file: Path) -> None:
        """Restores into the running exchange; then everything is as if nobody had ever been in doubt."""
        then = set(self.publisher.acknowledged)
        with self.unfolding():
            done = self.site.exchange("restore", "--yes", file)
            assert done.exit_code == 0, done.stderr
            acknowledged = len(self.publisher.acknowledged)
            while len(self.publisher.acknowledged) < acknowledged + 3:
                time.sleep(0.01)
        self.poller.poll_to_the_end()
        assert len(self.poller.got) == len(set(self.poller.got))
        surely_after = self.publisher.acknowledged[acknowledged + 1 :]
        assert {*surely_after} <= {*self.poller.got}
        assert self.site.exchange("audit").exit_code == 0
        assert any("skyline" in self.site.exchange("who-has", one).stdout for one in self.poller.got if one in then)

    def goes_on(self, moved: Site, early: Client, before: list[str]) -> None:
        """In another home: `early` has polled after the backup, `first` comes with its `next`."""
        early.site = self.first.site = moved
        everything = Client(moved, self.poller.key)
        everything.poll_to_the_end()
        assert {*before} <= {*everything.got}
        assert early.poll_to_the_end() == []
        new = Client(moved, self.publisher.client.key).post(99_999)
        assert early.poll_to_the_end() == [new]
        rest = self.first.ask(params={"limit": "1000", "next": self.page["next"]}).json()
        assert {one["id"] for one in rest["objects"]} == {*everything.got, new} - {self.page["objects"][0]["id"]}
        assert moved.exchange("audit").exit_code == 0
        assert "skyline" in moved.exchange("who-has", before[0]).stdout


def test_pollers_go_on_in_the_same_home_and_in_another(home: Path, database: str, tmp_path: Path) -> None:
    """Seconds: two servers start, and both go on while the whole is copied."""
    file = tmp_path / "b.db"
    with serving(home, database) as site:
        story = Story(site)
        story.poller.poll_to_the_end()
        with story.unfolding():
            before = list(story.publisher.acknowledged)
            done = site.exchange("backup", file)
            assert done.exit_code == 0, done.stderr
        early = Client(site, story.poller.key, after=story.poller.after)
        story.goes_back(file)

    assert run("restore", file, "--home", tmp_path / "new").exit_code == 0
    with serving(tmp_path / "new", "sqlite://") as moved:
        story.goes_on(moved, early, before)


# Killed -----------------------------------------------------------------------------------------------------------


def _started(*words: str | Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "exchange.cli", *map(str, words)], env=BARE)


def _kill_once(process: subprocess.Popen[bytes], there: Callable[[], bool]) -> None:
    """kill -9 as soon as that is so."""
    while process.poll() is None and not there():
        time.sleep(0.001)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert process.returncode == -signal.SIGKILL, "it came through before it could be killed"


def test_a_backup_that_is_killed_leaves_no_file_of_that_name(applied: Path, tmp_path: Path) -> None:
    process = _started("backup", tmp_path / "b.db", "--home", applied)
    _kill_once(process, lambda: bool(list(tmp_path.glob(".b.db.*"))))

    assert not (tmp_path / "b.db").exists()
    assert run("backup", tmp_path / "b.db", "--home", applied).exit_code == 0


def test_a_restore_that_is_killed_leaves_what_was_there(applied: Path, tmp_path: Path) -> None:
    run("backup", tmp_path / "b.db", "--home", applied)
    publish(applied, "cyberdef", "indicators", note(1))
    process = _started("restore", "--yes", tmp_path / "b.db", "--home", applied)
    _kill_once(process, lambda: bool(list((applied / "data").glob("restore-*/*"))))

    assert [one["id"] for one in told("view", "skyline", "--home", applied)] == [note(1)["id"]]
    assert run("restore", "--yes", tmp_path / "b.db", "--home", applied).exit_code == 0
    assert told("view", "skyline", "--home", applied) == []


# No room ----------------------------------------------------------------------------------------------------------


def _with_room_for(size: int, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """The command, where no file can grow beyond so many bytes."""
    command = [sys.executable, "-m", "exchange.cli", *map(str, words)]
    limit = resource.RLIMIT_FSIZE
    return subprocess.run(
        command, env=BARE, capture_output=True, text=True, check=False,
        preexec_fn=lambda: resource.setrlimit(limit, (size, size)),
    )  # fmt: skip


def test_a_backup_without_room_is_said_and_leaves_nothing(applied: Path, tmp_path: Path) -> None:
    done = _with_room_for(100_000, "backup", tmp_path / "b.db", "--home", applied)

    assert done.returncode == 1, done.stderr
    assert f"{tmp_path / 'b.db'}: cannot be written" in done.stderr
    assert [one for one in tmp_path.iterdir() if one.is_file()] == []


def test_a_restore_without_room_is_said_and_changes_nothing(applied: Path, tmp_path: Path) -> None:
    run("backup", tmp_path / "b.db", "--home", applied)
    publish(applied, "cyberdef", "indicators", note(1))

    done = _with_room_for(100_000, "restore", "--yes", tmp_path / "b.db", "--home", applied)

    assert done.returncode == 1, done.stderr
    assert "cannot be written: File too large" in done.stderr
    assert len(told("view", "skyline", "--home", applied)) == 1
    assert list((applied / "data").glob("restore-*")) == []


# What is said -----------------------------------------------------------------------------------------------------


def test_a_backup_says_what_it_holds_and_only_its_owner_may_read_it(applied: Path, tmp_path: Path) -> None:
    publish(applied, "cyberdef", "indicators", note(1), note(2))

    answer = told("backup", tmp_path / "b.db", "--home", applied)

    assert (answer["objects"], answer["members"], answer["version"]) == (2, 7, 1)
    assert answer["bytes"] == (tmp_path / "b.db").stat().st_size
    assert (tmp_path / "b.db").stat().st_mode & 0o777 == 0o600
    assert [one.name for one in tmp_path.iterdir() if one.is_file()] == ["b.db"]


def test_a_restore_into_a_new_home_writes_its_files_and_warns_of_keys(applied: Path, tmp_path: Path) -> None:
    run("backup", tmp_path / "b.db", "--home", applied)

    done = run("restore", tmp_path / "b.db", "--home", tmp_path / "deep" / "new")

    assert done.exit_code == 0
    assert "0 objects, 7 members and config version 1" in done.stdout
    assert "exchange key list" in done.stderr
    for name in ("config/exchange.yaml", "collections/indicators.yaml"):
        assert (tmp_path / "deep" / "new" / name).read_text() == (applied / name).read_text()
    assert told("diff", "--home", tmp_path / "deep" / "new")["changed"] is False


def test_a_restore_leaves_the_files_of_a_home_and_says_that_they_differ(applied: Path, tmp_path: Path) -> None:
    run("backup", tmp_path / "b.db", "--home", applied)
    edit(applied, "config/exchange.yaml", "Skyline Cloud", "Skyline")

    done = run("restore", "--yes", tmp_path / "b.db", "--home", applied)

    assert "exchange diff" in done.stderr
    assert "Skyline Cloud" not in (applied / "config/exchange.yaml").read_text()
    assert told("restore", "--yes", tmp_path / "b.db", "--home", applied)["files"] == "differ"


def test_a_restore_over_an_exchange_asks_for_a_yes(applied: Path, tmp_path: Path) -> None:
    run("backup", tmp_path / "b.db", "--home", applied)
    publish(applied, "cyberdef", "indicators", note(1))

    done = run("restore", tmp_path / "b.db", "--home", applied)

    assert done.exit_code == 1
    assert "holds 1 object, 7 members and config version 1, nothing was changed" in done.stderr
    assert len(told("view", "skyline", "--home", applied)) == 1


def test_a_file_that_is_there_is_not_written_over(applied: Path, tmp_path: Path) -> None:
    (tmp_path / "b.db").write_text("mine")

    done = run("backup", tmp_path / "b.db", "--home", applied)

    assert done.exit_code == 1
    assert "is there already, nothing was written" in done.stderr
    assert (tmp_path / "b.db").read_text() == "mine"


def test_a_backup_into_a_folder_that_is_not_there_says_so(applied: Path, tmp_path: Path) -> None:
    done = run("backup", tmp_path / "none" / "b.db", "--home", applied)

    assert done.exit_code == 1
    assert "cannot be written: No such file or directory" in done.stderr


def test_before_the_first_apply_there_is_nothing_to_back_up(home: Path, tmp_path: Path) -> None:
    done = run("backup", tmp_path / "b.db", "--home", home)

    assert done.exit_code == 1
    assert "nothing is in force yet" in done.stderr
    assert not (tmp_path / "b.db").exists()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda file, home: None, "there is no such file"),
        (lambda file, home: file.mkdir(), "cannot be read: Is a directory"),
        (lambda file, home: file.write_text("text"), "is no backup of an exchange"),
        (lambda file, home: file.write_bytes(b""), "is no backup of an exchange"),
        (lambda file, home: file.write_bytes((home / "data/exchange.db").read_bytes()), "a database, but no backup"),
        (lambda file, home: file.write_bytes(_backup(home).read_bytes()[:100_000]), "is damaged"),
    ],
    ids=["missing", "folder", "text", "empty", "database", "truncated"],
)
def test_what_is_no_backup_is_refused_and_nothing_is_touched(
    make: Callable[[Path, Path], object], said: str, applied: Path, tmp_path: Path
) -> None:
    make(tmp_path / "x.db", applied)

    done = run("restore", tmp_path / "x.db", "--home", tmp_path / "new")

    assert done.exit_code == 1
    assert said in done.stderr
    assert not (tmp_path / "new").exists()


def _backup(home: Path) -> Path:
    run("backup", home / "whole.db", "--home", home)
    return home / "whole.db"


def test_a_home_that_cannot_be_made_is_said(applied: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    done = run("restore", _backup(applied), "--home", tmp_path / "file" / "new")

    assert done.exit_code == 1
    assert "name another home" in done.stderr


def test_a_database_that_is_not_there_is_said(applied: Path, tmp_path: Path) -> None:
    env = {"EXCHANGE_DATABASE": "postgresql+psycopg://nobody@127.0.0.1:1/none"}

    done = run("restore", _backup(applied), "--home", tmp_path / "new", env=env)

    assert done.exit_code == 1
    assert "the database cannot be used, nothing was changed" in done.stderr
    assert not (tmp_path / "new" / "config").exists()
