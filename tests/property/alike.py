"""Two exchanges that differ in what one member may not read, and whether they answer that member alike.

The first gets hidden steps besides; `compare` asks both everything that there is to ask.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from tests.property.allasked import Asking, Record
from tests.property.twins import Ask, Site, Step, Template, do


@dataclass(frozen=True, slots=True)
class Turn:
    """A step of both exchanges, or a hidden one of the first alone."""

    step: Step
    hidden: bool = False


@contextmanager
def twins(template: Template, names: Iterator[int]) -> Iterator[tuple[Site, Site]]:
    made = [f"site{next(names)}" for _ in range(2)]
    with_hidden, without = (template.site(name) for name in made)
    try:
        yield with_hidden, without
        assert [with_hidden.close(), without.close()] == [[], []]
    finally:
        for name in made:
            template.drop(name)


def play(sites: tuple[Site, Site], turns: Sequence[Turn]) -> None:
    for number, turn in enumerate(turns, start=1):
        told = []
        for site in sites[:1] if turn.hidden else sites:
            site.take(number)
            told.append(do(site, turn.step, hidden=site is sites[0]))
        if getattr(turn.step, "by", None) == "mia":
            assert told[0] == told[1], f"mia's own step {number}, {turn.step}"


def compare(sites: tuple[Site, Site], turn: int, parts: Iterable[str]) -> Record:
    """What mia was asked and told, by both alike."""
    return alike([Asking(site, turn).parts(parts) for site in sites])


def compare_few(sites: tuple[Site, Site], turn: int, asks: Sequence[Ask]) -> Record:
    """The same of a few requests, each followed to its last page."""
    return alike([Asking(site, turn).few(asks) for site in sites])


def alike(records: Sequence[Record]) -> Record:
    first, second = records
    difference = next(((a, b) for a, b in zip(first, second, strict=False) if a != b), None)
    assert difference is None
    assert len(first) == len(second)
    return first
