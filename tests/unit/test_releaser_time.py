"""What a releaser may trust as now (exchange.release): late is safe, early is not."""

from __future__ import annotations

import logging

import pytest

from exchange.release import DRIFT, JUMP, ROUND, Steady

SECOND = 1_000_000
HOUR = 3_600 * SECOND
START = 1_780_272_000 * SECOND


class Machine:
    def __init__(self, host: int = START) -> None:
        self.host, self.elapsed = host, 0
        self.steady = Steady(seen=lambda: self.host, elapsed=lambda: self.elapsed)

    def tick(self, microseconds: int) -> None:
        self.host += microseconds
        self.elapsed += microseconds


def test_it_runs_with_the_clock() -> None:
    one = Machine()
    assert one.steady.now() == START
    one.tick(5 * SECOND)
    assert one.steady.now() == START + 5 * SECOND


def test_a_clock_that_is_set_forward_hastens_nothing_and_the_operator_is_told(caplog: pytest.LogCaptureFixture) -> None:
    one = Machine()
    one.steady.now()
    one.host += HOUR
    one.tick(SECOND)
    with caplog.at_level(logging.WARNING):
        assert START + SECOND <= one.steady.now() < START + 2 * SECOND
        one.steady.now()
    assert caplog.messages == [  # a millisecond of the hour counts as honest drift
        "the clock was set forward by 3599 s; releases go by the time before that until a restart"
    ]


def test_a_clock_that_is_ahead_by_no_more_than_a_jump_is_told_to_nobody(caplog: pytest.LogCaptureFixture) -> None:
    one = Machine()
    one.steady.now()
    one.host += JUMP
    with caplog.at_level(logging.WARNING):
        assert one.steady.now() == START
        assert caplog.messages == []
        one.host += 1
        one.steady.now()
    assert len(caplog.messages) == 1


def test_a_clock_that_is_set_back_holds_it_back_and_it_goes_on_once_that_has_caught_up() -> None:
    one = Machine()
    one.steady.now()
    one.host -= HOUR
    assert one.steady.now() == START - HOUR
    one.tick(2 * HOUR)
    assert one.steady.now() == START + HOUR


def test_honest_drift_is_followed() -> None:
    one = Machine()
    one.steady.now()
    one.tick(HOUR)
    one.host += HOUR // 2000
    assert one.steady.now() == one.host
    one.host += HOUR
    most = one.steady.now()
    assert most == START + HOUR + HOUR // DRIFT
    assert isinstance(most, int)


def test_one_whose_clock_is_ahead_goes_on_from_the_other_s_last_tick() -> None:
    ahead = Machine(START + HOUR)
    for tick in range(3):
        ahead.steady.observe(START + tick * SECOND)
        ahead.tick(SECOND)
    assert ahead.steady.now() == START + 3 * SECOND + ROUND


def test_a_tick_that_came_as_the_machine_started_counts_as_seen() -> None:
    ahead = Machine(START + HOUR)
    ahead.steady.observe(START)
    ahead.steady.observe(START + SECOND)
    assert ahead.steady.now() == START + SECOND + ROUND


def test_after_a_downtime_there_is_nothing_better_than_the_clock() -> None:
    one = Machine(START + HOUR)
    for _ in range(3):
        one.steady.observe(START)
        one.tick(SECOND)
    assert one.steady.now() == START + HOUR + 3 * SECOND
