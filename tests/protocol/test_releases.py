"""A server carries out the stages of release plans by itself, within a second of their time and never before."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, func, select, text, update
from sqlalchemy.exc import OperationalError

from exchange import store
from exchange.config import MAIN_FILE
from exchange.release import Releaser, Steady
from exchange.releasing import FileLock, SessionLock
from exchange.tables import version
from tests.property import casesketch
from tests.property.objects import campaign
from tests.property.world import TLP, World
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


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_session_that_is_ended_loses_the_lock_and_can_take_it_again(database: str) -> None:
    engine, operator = store.connect(database, 1), store.connect(database, 1)
    lock = SessionLock(engine)
    assert lock.held()
    for _ in range(3):  # as often as there are connections, and more
        with operator.connect() as conn:
            conn.execute(
                text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
                     "AND datname = current_database()")
            )  # fmt: skip
        with pytest.raises(OperationalError):
            lock.held()
        assert lock.held()
    lock.close()
    engine.dispose()
    operator.dispose()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Two members have published under the plan, and its last stage is due."""
    found = World(url=f"sqlite:///{tmp_path / 'exchange.db'}")
    found.apply({name: (home(tmp_path) / name).read_text() for name in (MAIN_FILE, "collections/late.yaml")})
    for number, member in enumerate(("alpha", "beta")):
        found.post(member, collection_id(0), [campaign(number, text=member)])
    found.pass_time(5_000_000)
    yield found
    found.close()


def releaser(world: World) -> Releaser:
    machine = world.machine
    steady = Steady(seen=lambda: machine.host, elapsed=lambda: machine.elapsed)
    return Releaser(engine=world.engine, clock=world.clock, steady=steady)


def test_what_fails_for_one_publisher_keeps_no_other_one_waiting(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """The stages of the first deposit cannot be read any more; the other publisher's are carried out all the same."""
    with store.writing(world.engine) as conn:
        first = conn.scalar(select(func.min(version.c.number)))
        conn.execute(update(version).where(version.c.number == first).values(steps="1:999"))

    assert releaser(world).round() == 1

    assert world.view("gamma", collection_id(0)) == ["beta"]
    assert "releases of member number" in caplog.text


def test_a_release_that_was_not_committed_in_time_is_done_again(world: World) -> None:
    """Else what it enters would become visible after its own instant, and a client by its own clock would miss it."""
    pauses = [200_000]  # twice the lead

    def slow(*given: object) -> None:
        if pauses and str(given[2]).startswith("INSERT INTO log "):
            world.machine.tick(pauses.pop())

    event.listen(world.engine, "before_cursor_execute", slow)
    assert releaser(world).round() == 2
    answer = world.poll("gamma", collection_id(0))
    assert answer is not None
    assert pauses == []
    assert min(seen.date_added for seen in answer.items) > world.now()


def policy(number: int, **terms: Any) -> dict[str, Any]:
    """A marking-definition with an IEP policy that asks nothing but this."""
    extension, asks_nothing = casesketch.SCHEMES["iep"]
    return {
        "type": "marking-definition", "spec_version": "2.1", "created": "2026-01-01T00:00:00.000Z",
        "id": f"marking-definition--00000000-0000-4000-8000-{number:012x}", "name": "terms",
        "object_marking_refs": [TLP["clear"]],
        "extensions": {extension: {"extension_type": "property-extension", **asks_nothing, **terms}},
    }  # fmt: skip


def test_an_embargo_that_is_broken_still_ends_when_its_policy_does(world: World) -> None:
    terms = policy(1, start_date="2026-06-02T00:00:00Z", end_date="2026-06-03T00:00:00Z")
    marked = campaign(9, text="marked") | {"object_marking_refs": [TLP["green"], terms["id"]]}
    world.post("alpha", collection_id(0), [terms, marked])
    one = releaser(world)
    one.round()
    assert "marked" not in world.view("gamma", collection_id(0))

    assert one.end_embargo(marked["id"]) == 1
    assert "marked" in world.view("gamma", collection_id(0))
    assert one.end_embargo(marked["id"]) == 0
    one.replan()
    assert "marked" in world.view("gamma", collection_id(0)), "who has it keeps it"

    world.pass_time(2 * 86_400 * 1_000_000)
    one.round()
    assert "marked" not in world.view("gamma", collection_id(0))
    assert "marked" in world.view("alpha", collection_id(0))
    assert world.audit() == []
