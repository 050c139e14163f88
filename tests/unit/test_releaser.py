"""What the releaser does, to the letter: a round, an embargo that ends, plans that change, and what goes wrong."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event, text, update
from sqlalchemy.exc import OperationalError

from exchange import log, release, sequencer, store
from exchange.release import Releaser, Steady
from exchange.sequencer import LEAD
from exchange.tables import version
from tests.property import world as w
from tests.property.world import World, campaign, campaign_id

A, B = w.uid(1), w.uid(2)
DAY = 86_400 * w.SECOND
PLAN = [{"at": "0d", "to": "near"}, {"at": "1d", "to": "far"}, {"at": "2d", "to": "everyone"}]
LATER = [{"at": "0d", "to": "near"}, {"at": "5d", "to": "everyone"}]


def files(plan: Any = PLAN, **more: Any) -> dict[str, str]:
    members = {"alice": [], "bob": [], "mia": ["near"], "noah": ["far"], "olga": []}
    rights = {"read": "everyone", "write": "everyone", "accept": ["clear", "red"], "unmarked": "clear"}
    found = w.home(
        {"near": "Near", "far": "Far"},
        {name: {"name": name.title(), "in": groups} for name, groups in members.items()},
        {"a": {"id": A, "release": "plan", **rights}, "b": {"id": B, **rights}},
    )
    main = json.loads(found["config/exchange.yaml"]) | {"releases": {"plan": plan, **more}}
    return found | {"config/exchange.yaml": json.dumps(main)}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(url=f"sqlite:///{tmp_path}/exchange.db")
    made.apply(files())
    yield made
    assert made.audit() == []
    made.close()


def releaser(world: World, **more: Any) -> Releaser:
    machine = world.machine
    steady = Steady(seen=lambda: machine.host, elapsed=lambda: machine.elapsed)
    return Releaser(engine=world.engine, clock=world.clock, steady=steady, **more)


def tick(world: World) -> int:
    with store.reading(world.engine) as conn:
        return store.tick(conn)


def readers(world: World, text_: str, where: str = A) -> list[str]:
    """Those but the publishers."""
    return [name for name in ("mia", "noah", "olga") if text_ in world.view(name, where)]


def stay(world: World, *numbers: int, by: str = "alice", where: str = A) -> None:
    status = world.post(by, where, [campaign(n, text=f"{n}") for n in numbers])
    assert status["failure_count"] == 0


class Slow:
    """The next so many commits take longer than their lead. `parts`: versions of each; `leads`: theirs."""

    def __init__(self, world: World, patch: pytest.MonkeyPatch, times: int) -> None:
        self.left, self.parts, self.leads = times, list[int](), list[int]()
        check = sequencer.check_in_time

        def checked(now: int, stamped: int, lead: int) -> None:
            self.leads.append(lead)
            if self.left:
                self.left -= 1
                raise sequencer.TooSlow
            check(now, stamped, lead)

        patch.setattr(sequencer, "check_in_time", checked)
        commit = Releaser._commit

        def counted(one: Releaser, publisher: int, numbers: Any, revise: Any, lead: int) -> None:
            self.parts.append(len(numbers))
            commit(one, publisher, numbers, revise, lead)

        patch.setattr(Releaser, "_commit", counted)


# A round ----------------------------------------------------------------------------------------------------------


def test_a_round_carries_out_what_is_due_and_says_how_many_and_how_far(world: World) -> None:
    stay(world, 1, 2)
    stay(world, 3, by="bob")
    began, one = world.machine.host, releaser(world)

    assert one.round() == 0
    assert tick(world) == began
    assert readers(world, "1") == ["mia"]

    world.pass_time(DAY - w.SECOND)
    assert one.round() == 0
    assert readers(world, "1") == ["mia"]

    world.pass_time(2 * w.SECOND)
    now = world.machine.host
    assert one.round() == 3
    assert tick(world) == now
    assert readers(world, "1") == readers(world, "3") == ["mia", "noah"]
    assert one.round() == 0

    world.pass_time(DAY)
    assert one.round() == 3
    assert readers(world, "2") == ["mia", "noah", "olga"]


def test_two_stages_that_fell_due_meanwhile_are_one_step(world: World) -> None:
    stay(world, 1)
    one = releaser(world)
    one.round()
    world.pass_time(3 * DAY)

    assert one.round() == 1
    assert readers(world, "1") == ["mia", "noah", "olga"]


def test_a_round_goes_on_until_nothing_is_due_however_little_it_looks_at(world: World) -> None:
    """Eleven are due, four are looked at, one is committed at a time."""
    stay(world, *range(11))
    world.pass_time(DAY + w.SECOND)

    assert releaser(world, size=1).round() == 11
    assert len(world.view("noah", A)) == 11


def test_the_last_tick_is_seen_while_another_holds_the_lock(world: World) -> None:
    with store.writing(world.engine) as conn:
        store.set_tick(conn, w.START - DAY)
    one = releaser(world)
    one.wait()
    with store.writing(world.engine) as conn:
        store.set_tick(conn, w.START - w.SECOND * 9)
    world.machine.tick(w.SECOND)
    one.wait()

    assert one.steady.now() == w.START - 9 * w.SECOND + release.ROUND


# What goes wrong --------------------------------------------------------------------------------------------------


def broken(world: World, n: int) -> int:
    """The steps to come of a deposit cannot be read any more; its publisher."""
    with store.writing(world.engine) as conn:
        found = conn.execute(
            text("SELECT v.number, v.publisher FROM version v JOIN object o ON o.number = v.object WHERE o.id = :id"),
            {"id": campaign_id(n)},
        ).one()
        conn.execute(update(version).where(version.c.number == found.number).values(steps="1:999"))
    return int(found.publisher)


def mended(world: World) -> None:
    """As if it had never been deposited."""
    with store.writing(world.engine) as conn:
        conn.execute(update(version).where(version.c.steps == "1:999").values(steps="", due=None))
        conn.execute(text("UPDATE version SET ever = base, eventual = whole WHERE steps = ''"))


def test_what_fails_for_one_publisher_is_logged_and_tried_again_and_the_tick_goes_on(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    stay(world, 1)
    stay(world, 2, by="bob")
    publisher = broken(world, 1)
    world.pass_time(DAY)
    now, one = world.machine.host, releaser(world)

    with caplog.at_level(logging.ERROR, logger="exchange.release"):
        assert one.round() == 1
    assert [record.getMessage() for record in caplog.records] == [
        f"releases of member number {publisher} could not be carried out yet"
    ]
    assert caplog.records[0].exc_info
    assert readers(world, "2") == ["mia", "noah"]
    assert tick(world) == now

    assert one.round() == 0
    assert len(caplog.records) == 2, "tried once a round, and again in the next"
    mended(world)


def test_a_commit_that_was_too_slow_is_done_again_in_halves(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    stay(world, *range(8))
    world.pass_time(DAY)
    slow = Slow(world, monkeypatch, 2)

    assert releaser(world).round() == 8
    assert slow.parts == [8, 8, 8], "the size is of the most in a commit, 500 and then 250 and 125"
    slow.parts.clear()
    slow.leads.clear()

    world.pass_time(DAY)
    slow.left = 2
    assert releaser(world, size=8).round() == 8
    assert slow.parts == [8, 4, 2, 2, 2, 2]
    assert set(slow.leads) == {LEAD}


def test_one_that_cannot_be_halved_gets_a_longer_lead_and_the_next_begins_anew(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    stay(world, 1, 2)
    world.pass_time(DAY)
    slow = Slow(world, monkeypatch, 3)

    assert releaser(world, size=2).round() == 2
    assert slow.parts == [2, 1, 1, 1, 1]
    assert slow.leads == [LEAD, LEAD, 2 * LEAD, 4 * LEAD, LEAD]


def test_who_is_always_too_slow_is_given_up_after_twenty_tries(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    stay(world, 1)
    slow = Slow(world, monkeypatch, sequencer.TRIES + 1)
    one = releaser(world)
    with pytest.raises(sequencer.TooSlow):
        one.end_embargo(campaign_id(1))
    assert len(slow.parts) == sequencer.TRIES + 1 == 21
    assert readers(world, "1") == ["mia"]

    slow.left = sequencer.TRIES
    monkeypatch.setattr(sequencer, "LEAD", 1)  # else the last lead would be days
    assert one.end_embargo(campaign_id(1)) == 1
    assert readers(world, "1") == ["mia", "noah", "olga"]


@pytest.mark.parametrize(("state", "again"), [("40001", True), ("40P01", True), ("57014", False)])
def test_a_deadlock_is_tried_again_and_nothing_else_of_the_database(world: World, state: str, again: bool) -> None:
    stay(world, 1)
    failing = [state] * 2

    def fail(_conn: Connection, _cursor: Any, sql: str, *_more: object) -> None:
        if failing and sql.startswith("INSERT INTO log "):
            error = Exception("deadlock")
            error.sqlstate = failing.pop()  # type: ignore[attr-defined]
            raise OperationalError(sql, (), error)

    event.listen(world.engine, "before_cursor_execute", fail)
    one = releaser(world)
    if again:
        assert one.end_embargo(campaign_id(1)) == 1
        assert readers(world, "1") == ["mia", "noah", "olga"]
    else:
        with pytest.raises(OperationalError):
            one.end_embargo(campaign_id(1))
        assert len(failing) == 1
        assert readers(world, "1") == ["mia"]
    event.remove(world.engine, "before_cursor_execute", fail)


# An embargo that ends now -----------------------------------------------------------------------------------------


def test_an_embargo_ends_for_every_version_by_whomever_and_for_no_other_object(world: World) -> None:
    stay(world, 1, 2)
    stay(world, 1, by="bob")
    one = releaser(world)

    assert one.end_embargo(campaign_id(1)) == 2
    assert readers(world, "1") == ["mia", "noah", "olga"]
    assert readers(world, "2") == ["mia"]
    assert one.end_embargo(campaign_id(1)) == 0
    assert one.end_embargo(campaign_id(9)) == 0

    world.pass_time(DAY)
    assert one.round() == 1, "what has ended is due no longer"


# Anonymous copies -------------------------------------------------------------------------------------------------


def anonymous(world: World) -> Releaser:
    """Everybody publishes anonymously; the first tick is past."""
    texts = files()
    main = json.loads(texts["config/exchange.yaml"])
    members = {name: keys | {"credit": "anonymous"} for name, keys in main["members"].items()}
    main |= {"members": members, "defaults": {"anonymous-tick": "60s"}}
    world.apply(texts | {"config/exchange.yaml": json.dumps(main)})
    one = releaser(world)
    one.round()
    return one


def test_copies_enter_once_a_tick_and_the_round_counts_them(world: World) -> None:
    one = anonymous(world)
    stay(world, 1, 2)
    stay(world, 3, by="bob")
    assert one.round() == 0
    assert readers(world, "1") == []
    world.pass_time(60 * w.SECOND)
    assert one.round() == 3
    assert readers(world, "1") == readers(world, "3") == ["mia"]
    stay(world, 4)
    world.pass_time(30 * w.SECOND)
    assert one.round() == 0, "the next tick is still to come"
    world.pass_time(30 * w.SECOND)
    assert one.round() == 1


def test_a_copy_that_fails_is_logged_and_keeps_nobody_else_waiting(
    world: World, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = anonymous(world)
    stay(world, 1)
    stay(world, 2, by="bob")
    world.pass_time(60 * w.SECOND)
    advance, failing = log.advance, iter([True])

    def once(*given: Any) -> int:
        if next(failing, False):
            raise OSError("the disk is full")
        return advance(*given)

    monkeypatch.setattr(log, "advance", once)
    with caplog.at_level(logging.ERROR, logger="exchange.release"):
        assert one.round() == 1
    assert caplog.messages == ["anonymous copies could not be entered yet"]
    assert sorted(readers(world, "1") + readers(world, "2")) == ["mia"], "one of the two, in any order"
    world.pass_time(60 * w.SECOND)
    assert one.round() == 1
    assert readers(world, "1") == readers(world, "2") == ["mia"]


def test_an_embargo_of_an_anonymous_object_ends_at_the_next_tick(world: World) -> None:
    one = anonymous(world)
    stay(world, 1)
    world.pass_time(60 * w.SECOND)
    one.round()
    assert one.end_embargo(campaign_id(1)) == 1
    assert readers(world, "1") == ["mia"]
    world.pass_time(60 * w.SECOND)
    assert one.round() == 1
    assert readers(world, "1") == ["mia", "noah", "olga"]


# Plans that change ------------------------------------------------------------------------------------------------


def test_running_deposits_follow_the_plan_as_it_is_now_and_keep_what_they_gave(world: World) -> None:
    stay(world, 1)
    stay(world, 2, by="bob")
    world.pass_time(DAY)
    one = releaser(world)
    one.round()
    stay(world, 3, where=B)

    assert one.replan() == 0
    world.apply(files(LATER))
    assert one.replan() == 2
    assert one.replan() == 0
    assert readers(world, "1") == ["mia", "noah"], "noah has it, and keeps it"

    world.pass_time(2 * DAY)
    assert one.round() == 0, "the stage of the second day is gone"
    world.pass_time(2 * DAY)
    assert one.round() == 2
    assert readers(world, "2") == ["mia", "noah", "olga"]


def test_a_plan_that_lets_in_at_once_does_so_in_the_next_round(world: World) -> None:
    stay(world, 1)
    world.apply(files([{"at": "0d", "to": "everyone"}]))
    one = releaser(world)

    assert one.replan() == 1
    assert readers(world, "1") == ["mia"]
    assert one.round() == 1
    assert readers(world, "1") == ["mia", "noah", "olga"]


def test_a_deposit_whose_plan_is_gone_goes_on_as_it_was(world: World) -> None:
    stay(world, 1)
    marked = campaign(2, text="2", marks=[world.words("alice")["release:plan"]])
    assert world.post("alice", B, [marked])["failure_count"] == 0
    gone = json.loads(files()["config/exchange.yaml"]) | {"releases": {"other": LATER}}
    rest = {name: text_.replace('"release": "plan"', '"release": "other"') for name, text_ in files().items()}
    world.apply(rest | {"config/exchange.yaml": json.dumps(gone)})
    one = releaser(world)

    assert one.replan() == 0, "it is not the collection's plan of today that they follow"
    world.pass_time(DAY)
    assert one.round() == 2
    assert readers(world, "1") == ["mia", "noah"]
    assert readers(world, "2", B) == ["mia", "noah"]


def test_a_plan_that_is_gone_keeps_no_other_deposit_from_following_its_own(world: World) -> None:
    world.apply(files(other=PLAN))
    marked = campaign(1, text="1", marks=[world.words("alice")["release:other"]])
    assert world.post("alice", B, [marked])["failure_count"] == 0
    stay(world, 2)
    world.apply(files(LATER))
    assert releaser(world).replan() == 1


def test_a_plan_that_ends_with_fewer_lets_in_no_more_at_any_stage(world: World) -> None:
    stay(world, 1)
    world.apply(files(PLAN[:2]))
    one = releaser(world)
    assert one.replan() == 1
    assert world.audit() == []

    world.pass_time(3 * DAY)
    assert one.round() == 1
    assert readers(world, "1") == ["mia", "noah"]
