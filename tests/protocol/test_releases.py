"""A server carries out the stages of release plans by itself, within a second of their time and never before."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from exchange import store
from exchange.releasing import FileLock, SessionLock
from tests.protocol import served
from tests.protocol.served import collection_id, indicator

PLAN = "releases:\n  quick:\n    - { at: 0d, to: named }\n    - { at: 3s, to: everyone }\n"


def home(folder: Path) -> Path:
    files = {
        "config/exchange.yaml": served.MAIN + PLAN,
        "collections/late.yaml": f"id: {collection_id(0)}\ntitle: Late\nread: everyone\nwrite: everyone\n"
        "release: quick\n",
    }
    return served.write(folder, files)


def test_a_stage_is_carried_out_by_one_of_two_workers_when_it_is_due(tmp_path: Path, database: str) -> None:
    with served.running(home(tmp_path), workers=2, database=database) as server:
        alpha, gamma = server.member("alpha"), server.member("gamma")
        one = indicator()
        began = time.time()
        assert alpha.post("late", one).json()["success_count"] == 1
        path = "/exchange/collections/late/objects/"
        while not (found := gamma.ask(path).json().get("objects")):
            assert time.time() < began + 15, "it never came"
            time.sleep(0.05)
        came = time.time()

    assert [o["id"] for o in found] == [one["id"]]
    assert came >= began + 3
    assert came < began + 3 + 1.5 + 2  # within a second of its time; the rest is the machine's


def test_what_fell_due_while_nothing_ran_comes_after_the_start(tmp_path: Path) -> None:
    folder = home(tmp_path)
    with served.running(folder) as server:
        server.member("alpha").post("late", indicator())
        key = server.new_key("gamma")
    time.sleep(3.5)
    with served.running(folder) as server:
        gamma = served.Member(url=server.url, key=key)
        began = time.time()
        while not gamma.ask("/exchange/collections/late/objects/").json().get("objects"):
            assert time.time() < began + 10, "it never came"
            time.sleep(0.05)


def test_the_lock_is_one_process_s_until_that_ends(tmp_path: Path) -> None:
    one, other = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")
    assert [one.held(), other.held(), one.held()] == [True, False, True]
    one.close()
    assert other.held()
    other.close()


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_the_lock_is_one_session_s_until_that_ends(database: str) -> None:
    first, second = store.connect(database, 1), store.connect(database, 1)
    one, other = SessionLock(first), SessionLock(second)
    assert [one.held(), other.held(), one.held()] == [True, False, True]
    one.close()
    assert other.held()
    other.close()
    first.dispose()
    second.dispose()
