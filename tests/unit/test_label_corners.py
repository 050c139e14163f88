"""Corners of the algebra of labels: words and texts to the letter, and names with the signs that texts are made of."""

from __future__ import annotations

import pytest

from exchange.label import ANY, NONE, Audience, Tlp, any_of, atom, parse, parse_audience

ODD = ("group:a,b", "group:a=b", "group:a,b,c", "group:a=b=c", "group:1,2,0=1")


def test_everybody_and_nobody_have_words_of_their_own() -> None:
    assert (ANY.words(), NONE.words()) == ("anybody", "nobody")
    assert repr(ANY) == "Expr(anybody)"


def test_words_are_the_ways_in_the_order_of_the_rules() -> None:
    made = atom("read:a") & (atom("group:x") | atom("group:y"))
    assert made.words() == "read:a and group:x or read:a and not group:x and group:y"
    assert (ANY - atom("group:x")).words() == "not group:x"


def test_a_text_is_one_node_after_another_with_the_root_last() -> None:
    assert (atom("read:a") & atom("group:x")).text == "group:x,0,1;read:a,0,2"
    assert (atom("read:a") | atom("group:x")).text == "group:x,0,1;read:a,2,1"


@pytest.mark.parametrize("name", ODD)
def test_a_name_with_the_signs_of_the_text_is_read_back(name: str) -> None:
    assert parse(atom(name).text) is atom(name)
    told_apart = Audience.make(NONE, {7: atom(name)})
    assert parse_audience(told_apart.text) == told_apart


def test_the_kind_of_an_atom_ends_at_its_first_colon() -> None:
    assert (atom("group:x") & atom("read:a:b")).path(lambda _: True) == ("read:a:b", "group:x")


def test_a_kind_that_is_not_known_is_asked_last() -> None:
    assert (atom("later:x") & atom("group:y")).path(lambda _: True) == ("group:y", "later:x")


def test_levels_are_asked_from_the_strictest_on() -> None:
    made = atom("tlp:amber+strict") | (atom("tlp:amber") & atom("group:x"))
    assert made.path(lambda name: name == "tlp:amber") == ("tlp:amber+strict", "tlp:amber", "group:x")


def test_the_union_of_none_is_nobody() -> None:
    assert any_of([]) is NONE


def test_no_level_is_stricter_than_itself() -> None:
    assert [level for level in Tlp if level < Tlp(level.value) or level > Tlp(level.value)] == []
