"""What keeps an object out and what does not, by the rows of the requirements table, Part 2."""

from itertools import chain
from typing import Any

import pytest

from exchange.stix import faults
from tests.unit.stixbroken import BROKEN
from tests.unit.stixbrokentypes import BROKEN as BROKEN_TYPES
from tests.unit.stixcarried import ACCEPTED
from tests.unit.test_stix_samples import NOW, broken


@pytest.mark.parametrize(
    ("obj", "path", "words"),
    [
        pytest.param(*case, id=f"{row} {number} {case[1][:40]}", marks=pytest.mark.row(row))
        for row, cases in chain(BROKEN.items(), BROKEN_TYPES.items())
        for number, case in enumerate(cases)
    ],
)
def test_one_broken_rule_is_one_fault_with_its_place(obj: dict[str, Any], path: str, words: str) -> None:
    found = faults(obj, now=NOW)
    assert [(fault.path, words in fault.message) for fault in found] == [(path, True)], found


@pytest.mark.parametrize(
    "obj",
    [
        pytest.param(obj, id=f"{row} {name[:60]}", marks=pytest.mark.row(row))
        for row, cases in ACCEPTED.items()
        for name, obj in cases.items()
    ],
)
def test_what_the_table_carries_is_no_fault(obj: dict[str, Any]) -> None:
    assert faults(obj, now=NOW) == ()


def test_all_faults_of_an_object_are_told_at_once() -> None:
    obj = broken("report", "name", labels=[], published="May", object_refs=["x"], confidence=200)
    assert {fault.path for fault in faults(obj, now=NOW)} == {
        "/name",
        "/labels",
        "/published",
        "/object_refs/0",
        "/confidence",
    }


def test_a_thousand_equal_mistakes_are_told_twenty_times_at_most() -> None:
    assert len(faults(broken("report", object_refs=["x"] * 1000), now=NOW)) == 20


def test_a_thousand_wrong_observations_are_told_twenty_times_at_most() -> None:
    objects = {str(number): {"type": "url"} for number in range(1000)}
    assert len(faults(broken("observed-data", "object_refs", objects=objects), now=NOW)) == 20
