"""Rules 8 and 9 as a fixed point, by hand: the order in which the versions come must not matter."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

import pytest

from exchange.closure import Both, Node, resolve
from exchange.label import ANY, EVERYBODY, NONE, Audience

ALICE, BOB = 1, 2
FOR_BOB = Audience.make(NONE, {ALICE: ANY, BOB: ANY})
FOR_ALICE = Audience.make(NONE, {ALICE: ANY})


def both(audience: Audience) -> Both:
    """With nothing to come."""
    return Both(audience, audience)


def settled(nodes: Sequence[Node], **outside: Audience) -> dict[int, Audience]:
    """What holds now, where `outside` is the audience of what is referred to beyond the nodes (`_9` is object 9)."""
    found = resolve(ALICE, nodes, {int(name[1:]): both(audience) for name, audience in outside.items()})
    assert all(one.now == one.ever for one in found.values())
    return {number: one.now for number, one in found.items()}


def node(object_: int, *refs: int, ver: int = 1, base: Audience = EVERYBODY) -> Node:
    return Node(
        number=10 * object_ + ver, collection=1, object=object_, ver=ver, base=both(base), whole=both(base),
        refs=frozenset(refs), live=True,
    )  # fmt: skip


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_what_is_narrowed_takes_along_what_refers_to_it_however_far(order: tuple[int, ...]) -> None:
    """1 refers to 2, that to 3, and that to what only Bob may read."""
    chain = [node(1, 2), node(2, 3), node(3, 9)]
    found = settled([chain[i] for i in order], _9=FOR_BOB)
    assert found == {11: FOR_BOB, 21: FOR_BOB, 31: FOR_BOB}


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_a_newer_version_takes_along_what_refers_to_the_older_one(order: tuple[int, ...]) -> None:
    nodes = [node(1, 2), node(2), node(2, ver=2, base=FOR_BOB)]
    found = settled([nodes[i] for i in order])
    assert found == {11: FOR_BOB, 21: FOR_BOB, 22: FOR_BOB}


@pytest.mark.parametrize("order", list(itertools.permutations(range(2))))
def test_a_circle_closes_no_more_than_it_must(order: tuple[int, ...]) -> None:
    open_, closed = [node(1, 2), node(2, 1)], [node(1, 2), node(2, 1, 9)]
    assert settled([open_[i] for i in order]) == {11: EVERYBODY, 21: EVERYBODY}
    assert settled([closed[i] for i in order], _9=FOR_BOB) == {11: FOR_BOB, 21: FOR_BOB}


def test_a_reference_to_what_nobody_may_read_leaves_its_publisher() -> None:
    assert settled([node(1, 9)]) == {11: FOR_ALICE}


def test_a_newer_version_under_embargo_leaves_the_older_one_open_until_somebody_reads_it() -> None:
    waiting = replace(node(1, ver=2), base=Both(FOR_ALICE, FOR_BOB))
    found = resolve(ALICE, [node(1), waiting], {})
    assert (found[11].now, found[11].ever) == (EVERYBODY, FOR_BOB)


def test_what_a_newer_version_gives_at_a_later_stage_it_does_not_take_from_the_older_one() -> None:
    staged = replace(node(1, ver=2), base=Both(FOR_BOB, EVERYBODY))
    found = resolve(ALICE, [node(1), staged], {})
    assert (found[11].now, found[12].now, found[11].ever) == (EVERYBODY, FOR_BOB, EVERYBODY)


def test_what_refers_to_an_embargo_waits_with_it() -> None:
    target = replace(node(2), base=Both(FOR_BOB, EVERYBODY))
    found = resolve(ALICE, [node(1, 2), target], {})
    assert found[11] == Both(FOR_BOB, EVERYBODY)
