"""Rules 8 and 9 as a fixed point, by hand: the order in which the versions come must not matter."""

from __future__ import annotations

import itertools

import pytest

from exchange.closure import Node, resolve
from exchange.label import ANY, EVERYBODY, NONE, Audience

ALICE, BOB = 1, 2
FOR_BOB = Audience.make(NONE, {ALICE: ANY, BOB: ANY})
FOR_ALICE = Audience.make(NONE, {ALICE: ANY})


def node(object_: int, *refs: int, ver: int = 1, base: Audience = EVERYBODY) -> Node:
    return Node(
        number=10 * object_ + ver, collection=1, object=object_, ver=ver, base=base, whole=base,
        refs=frozenset(refs), live=True,
    )  # fmt: skip


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_what_is_narrowed_takes_along_what_refers_to_it_however_far(order: tuple[int, ...]) -> None:
    """1 refers to 2, that to 3, and that to what only Bob may read."""
    chain = [node(1, 2), node(2, 3), node(3, 9)]
    found = resolve(ALICE, [chain[i] for i in order], {9: FOR_BOB})
    assert found == {11: FOR_BOB, 21: FOR_BOB, 31: FOR_BOB}


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_a_newer_version_takes_along_what_refers_to_the_older_one(order: tuple[int, ...]) -> None:
    nodes = [node(1, 2), node(2), node(2, ver=2, base=FOR_BOB)]
    found = resolve(ALICE, [nodes[i] for i in order], {})
    assert found == {11: FOR_BOB, 21: FOR_BOB, 22: FOR_BOB}


@pytest.mark.parametrize("order", list(itertools.permutations(range(2))))
def test_a_circle_closes_no_more_than_it_must(order: tuple[int, ...]) -> None:
    open_, closed = [node(1, 2), node(2, 1)], [node(1, 2), node(2, 1, 9)]
    assert resolve(ALICE, [open_[i] for i in order], {}) == {11: EVERYBODY, 21: EVERYBODY}
    assert resolve(ALICE, [closed[i] for i in order], {9: FOR_BOB}) == {11: FOR_BOB, 21: FOR_BOB}


def test_a_reference_to_what_nobody_may_read_leaves_its_publisher() -> None:
    assert resolve(ALICE, [node(1, 9)], {}) == {11: FOR_ALICE}
