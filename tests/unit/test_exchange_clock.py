"""The exchange clock and the instants, by hand: what happens when a host's clock is wrong, or set."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import Connection

from exchange import sequencer, store
from exchange.sequencer import LEAD, MILLISECOND, STEPPED, Clock

START = 1_780_272_000_000_000


@dataclass(slots=True)
class Hand:
    """A host whose clocks the test moves; waiting moves both."""

    host: int = START
    elapsed: int = 0
    waited: list[int] = field(default_factory=list)

    def clock(self) -> Clock:
        return Clock(host=lambda: self.host, elapsed=lambda: self.elapsed, wait=self.wait)

    def wait(self, microseconds: int) -> None:
        self.waited.append(microseconds)
        self.host += microseconds
        self.elapsed += microseconds


@pytest.fixture
def conn(tmp_path: Path) -> Iterator[Connection]:
    engine = store.connect(f"sqlite:///{tmp_path}/exchange.db")
    store.migrate(engine)
    with store.writing(engine) as made:
        store.add_collections(made, ["a"])
        yield made
    engine.dispose()


def test_the_clock_goes_on_where_the_host_s_is_set_back(conn: Connection) -> None:
    hand = Hand()
    clock = hand.clock()
    assert clock.now(conn) == START
    hand.host -= 3_600_000_000
    hand.elapsed += 7
    assert clock.now(conn) == START + 7
    hand.elapsed += 5
    assert clock.now(conn) == START + 12


def test_the_clock_follows_the_host_s_forward(conn: Connection) -> None:
    hand = Hand()
    clock = hand.clock()
    clock.now(conn)
    hand.host += 60_000_000
    assert clock.now(conn) == START + 60_000_000


def test_a_process_that_starts_with_a_wrong_clock_starts_where_the_log_is(conn: Connection) -> None:
    store.set_last(conn, 1, START + 5_000_000)
    clock = Hand().clock()
    clock.not_before(conn)
    assert clock.now(conn) == START + 5_000_000 - LEAD


def test_there_is_room_while_the_log_is_no_further_ahead_than_the_lead(conn: Connection) -> None:
    hand = Hand()
    assert hand.clock().room(conn, START + LEAD) == START
    assert hand.waited == []


def test_the_sequencer_waits_for_what_the_log_is_ahead_and_no_longer(conn: Connection) -> None:
    hand = Hand()
    assert hand.clock().room(conn, START + LEAD + 40) == START + 40
    assert hand.waited == [40]
    assert hand.clock().room(conn, START + 40 + 3 * LEAD, 2 * LEAD) == START + 40 + LEAD


def test_a_log_far_ahead_had_a_wrong_clock_and_nobody_waits_for_it(conn: Connection) -> None:
    hand = Hand()
    assert hand.clock().room(conn, START + LEAD + STEPPED + 1) == START + STEPPED + 1
    assert hand.waited == []
    other = Hand()
    other.clock().room(conn, START + LEAD + STEPPED)
    assert other.waited == [STEPPED]


def test_runs_end_on_whole_milliseconds_one_after_the_other() -> None:
    assert sequencer.runs(START, 0, [1, 2, MILLISECOND, 1]) == [
        START + LEAD,
        START + LEAD + 999,
        START + LEAD + 1_001,
        START + LEAD + 3_000,
    ]


def test_a_run_begins_behind_the_last_instant_and_not_before_the_lead() -> None:
    assert sequencer.runs(START, START + LEAD, [1]) == [START + LEAD + MILLISECOND]
    assert sequencer.runs(START + 1, 0, [1], 7) == [START + MILLISECOND]
    assert sequencer.runs(START, START + LEAD - 1, [1]) == [START + LEAD]


@pytest.mark.parametrize(("took", "in_time"), [(LEAD // 2, True), (LEAD // 2 + 1, False)])
def test_half_the_lead_is_left_for_the_commit(took: int, in_time: bool) -> None:
    if in_time:
        sequencer.check_in_time(START + took, START)
        return
    with pytest.raises(sequencer.TooSlow):
        sequencer.check_in_time(START + took, START)
    sequencer.check_in_time(START + took, START, 2 * LEAD)
