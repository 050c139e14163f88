"""Labels against truth tables: what every operation means, under every assignment of five atoms that can be.

TLP is one order: who passes a level passes every wider one. So an assignment that lets somebody pass AMBER+STRICT and
not AMBER cannot be, and two expressions mean the same if they agree under all others.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.label import ANY, EVERYBODY, NOBODY, NONE, Audience, Expr, Tlp, any_of, atom, parse, parse_audience

ATOMS = ("read:c1", "tlp:amber+strict", "tlp:amber", "group:finance", "group:health")  # in the order of the rules
ASSIGNMENTS = [
    frozenset(true)
    for n in range(len(ATOMS) + 1)
    for true in itertools.combinations(ATOMS, n)
    if "tlp:amber" in true or "tlp:amber+strict" not in true
]
LEAVES = st.sampled_from([ANY, NONE, *map(atom, ATOMS)])
OPERATIONS: dict[str, Callable[[Expr, Expr], Expr]] = {
    "&": Expr.__and__,
    "|": Expr.__or__,
    "-": Expr.__sub__,
}
EXPRESSIONS = st.recursive(
    LEAVES,
    lambda inner: st.builds(lambda op, a, b: OPERATIONS[op](a, b), st.sampled_from(sorted(OPERATIONS)), inner, inner),
    max_leaves=8,
)
MEMBERS = (1, 2, 3)
AUDIENCES = st.builds(Audience.make, EXPRESSIONS, st.dictionaries(st.sampled_from(MEMBERS), EXPRESSIONS))
POINTWISE: dict[str, Callable[[Audience, Audience], Audience]] = {
    "&": Audience.__and__,
    "|": Audience.__or__,
    "-": Audience.__sub__,
}


def table(expr: Expr) -> tuple[bool, ...]:
    """What an expression says under each assignment, in order."""
    return tuple(expr.holds(true.__contains__) for true in ASSIGNMENTS)


def meaning(op: str, a: tuple[bool, ...], b: tuple[bool, ...]) -> tuple[bool, ...]:
    combine = {"&": lambda x, y: x and y, "|": lambda x, y: x or y, "-": lambda x, y: x and not y}[op]
    return tuple(itertools.starmap(combine, zip(a, b, strict=True)))


# Levels ---------------------------------------------------------------------------------------------------------------


def test_levels_stand_from_the_widest_to_the_narrowest() -> None:
    assert sorted(reversed(Tlp)) == [Tlp.CLEAR, Tlp.GREEN, Tlp.AMBER, Tlp.AMBER_STRICT, Tlp.RED]


@pytest.mark.parametrize(("a", "b"), list(itertools.combinations(Tlp, 2)))
def test_of_two_levels_one_is_narrower(a: Tlp, b: Tlp) -> None:
    assert (a < b, a <= b, a > b, a >= b) == (True, True, False, False)


@pytest.mark.parametrize("text", ["clear", "green", "amber", "amber+strict", "red"])
def test_a_level_is_written_as_it_is_read(text: str) -> None:
    assert Tlp(text).value == text


# Expressions ----------------------------------------------------------------------------------------------------------


@given(EXPRESSIONS, EXPRESSIONS, st.sampled_from(sorted(OPERATIONS)))
def test_an_operation_means_its_truth_table(a: Expr, b: Expr, op: str) -> None:
    assert table(OPERATIONS[op](a, b)) == meaning(op, table(a), table(b))


@given(EXPRESSIONS, EXPRESSIONS)
def test_two_expressions_are_one_object_exactly_if_they_mean_the_same(a: Expr, b: Expr) -> None:
    assert (a is b) == (table(a) == table(b))


@given(EXPRESSIONS, EXPRESSIONS)
def test_the_order_in_which_an_expression_is_made_does_not_matter(a: Expr, b: Expr) -> None:
    assert a & b is b & a
    assert a | b is b | a
    assert (a | b) - b is a - b


@given(EXPRESSIONS)
def test_an_expression_that_everybody_satisfies_is_any_and_one_that_nobody_does_is_none(a: Expr) -> None:
    assert a - a is NONE
    assert a | (ANY - a) is ANY
    assert (a is ANY) == all(table(a))
    assert (a is NONE) == (not any(table(a)))


@given(EXPRESSIONS)
def test_a_text_is_read_back_as_the_same_object(a: Expr) -> None:
    assert parse(a.text) is a


@given(EXPRESSIONS, EXPRESSIONS)
def test_two_expressions_have_one_text_exactly_if_they_are_the_same(a: Expr, b: Expr) -> None:
    assert (a.text == b.text) == (a is b)


def test_a_text_whose_atoms_stand_in_another_order_is_read_by_its_meaning() -> None:
    # group before read: the order of an older version of the software.
    text = "read:c1,0,1;group:finance,0,2"
    assert parse(text) is atom("read:c1") & atom("group:finance")
    assert parse(text).text != text


def test_a_text_with_two_levels_on_one_path_is_read_by_its_meaning() -> None:
    text = "tlp:amber,0,1;tlp:amber+strict,0,2"
    assert parse(text) is atom("tlp:amber+strict")


@given(st.lists(st.sampled_from(Tlp), min_size=1))
def test_of_levels_that_all_hold_the_strictest_is_left(levels: list[Tlp]) -> None:
    met = reduce(Expr.__and__, (atom(f"tlp:{level.value}") for level in levels))
    assert met is atom(f"tlp:{max(levels).value}")


@given(st.lists(st.sampled_from(Tlp), min_size=1))
def test_of_levels_one_of_which_holds_the_widest_is_left(levels: list[Tlp]) -> None:
    assert any_of(atom(f"tlp:{level.value}") for level in levels) is atom(f"tlp:{min(levels).value}")


def test_nobody_and_everybody_have_the_shortest_texts() -> None:
    assert (NONE.text, ANY.text) == ("0", "1")


@given(EXPRESSIONS, st.sampled_from(ASSIGNMENTS))
def test_a_path_asks_each_atom_once_and_in_the_order_of_the_rules(a: Expr, true: frozenset[str]) -> None:
    path = a.path(true.__contains__)
    assert list(path) == [name for name in ATOMS if name in path]


@given(EXPRESSIONS, st.sampled_from(ASSIGNMENTS))
def test_nothing_but_the_atoms_on_the_path_decides(a: Expr, true: frozenset[str]) -> None:
    path = set(a.path(true.__contains__))
    assert {a.holds(other.__contains__) for other in ASSIGNMENTS if other & path == true & path} == {
        a.holds(true.__contains__)
    }


@given(EXPRESSIONS)
def test_nodes_are_each_one_once_and_children_come_first(a: Expr) -> None:
    nodes = a.nodes()
    assert len(nodes) == len(set(nodes))
    for place, node in enumerate(nodes):
        assert {node.low, node.high} - {ANY, NONE} <= set(nodes[:place])
    assert nodes[-1:] == (() if a in (ANY, NONE) else (a,))


@given(EXPRESSIONS)
def test_words_name_every_way_to_satisfy_an_expression(a: Expr) -> None:
    ways = [] if a is NONE else [way.split(" and ") for way in a.words().split(" or ")]
    said = any_of(in_words(way) for way in ways)
    assert said is a


def in_words(way: list[str]) -> Expr:
    found = ANY
    for literal in way:
        name = literal.removeprefix("not ")
        if name != "anybody":
            found = found - atom(name) if literal.startswith("not ") else found & atom(name)
    return found


@given(st.lists(EXPRESSIONS, max_size=4))
def test_any_of_lets_in_whom_one_of_them_lets_in(exprs: list[Expr]) -> None:
    tables = [table(e) for e in exprs] or [table(NONE)]
    assert table(any_of(exprs)) == tuple(map(any, zip(*tables, strict=True)))


# Audiences ------------------------------------------------------------------------------------------------------------


@given(AUDIENCES, AUDIENCES, st.sampled_from(sorted(POINTWISE)))
def test_an_operation_on_audiences_is_that_operation_for_each_member(a: Audience, b: Audience, op: str) -> None:
    made = POINTWISE[op](a, b)
    assert made.common is OPERATIONS[op](a.common, b.common)
    for member in (*MEMBERS, 99):
        assert made.of(member) is OPERATIONS[op](a.of(member), b.of(member))


@given(AUDIENCES, AUDIENCES)
def test_two_audiences_are_equal_exactly_if_every_member_is_treated_alike(a: Audience, b: Audience) -> None:
    assert (a == b) == all(a.of(m) is b.of(m) for m in (*MEMBERS, 99))


@given(AUDIENCES)
def test_nobody_is_listed_apart_who_is_treated_like_everybody(a: Audience) -> None:
    assert a.members() == {m for m in MEMBERS if a.of(m) is not a.common}


@given(AUDIENCES)
def test_an_audience_is_read_back_from_its_text(a: Audience) -> None:
    assert parse_audience(a.text) == a


@given(AUDIENCES, st.sampled_from(MEMBERS), EXPRESSIONS)
def test_telling_one_apart_changes_that_one_alone(a: Audience, member: int, expr: Expr) -> None:
    made = a.but(member, expr)
    assert made.of(member) is expr
    assert all(made.of(m) is a.of(m) for m in (*MEMBERS, 99) if m != member)


@given(AUDIENCES, st.sampled_from(MEMBERS))
def test_an_audience_reaches_beyond_a_member_if_anybody_else_could_read(a: Audience, member: int) -> None:
    assert a.reaches_beyond(member) == any(a.of(m) is not NONE for m in (*MEMBERS, 99) if m != member)


@given(AUDIENCES)
def test_the_size_counts_the_nodes_of_everybody_and_of_each_one_apart(a: Audience) -> None:
    assert a.size == len(a.common.nodes()) + sum(len(a.of(m).nodes()) for m in a.members())


def test_everybody_and_nobody() -> None:
    assert (EVERYBODY.of(1), NOBODY.of(1)) == (ANY, NONE)
    assert NOBODY | EVERYBODY == EVERYBODY
