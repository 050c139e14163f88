"""The short form of `make faults`: every seeded fault has its place and its test, and a few are tried for real."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.faults import seeding
from tests.faults.mutants import PAGE, Survivor, listed, survivor, undecorated
from tests.faults.seeding import Fault
from tests.faults.tree import ROOT, copied

FAULTS = seeding.load()
TRIED = (
    "rule 5 takes a relay for an organisation",
    "rule 9 stops after one step",
    "a run ends anywhere",
)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied(tmp_path_factory.mktemp("faults") / "tree")


def test_every_fault_stands_in_the_source_once_and_has_its_test() -> None:
    assert seeding.misplaced(FAULTS) == []


def test_every_rule_and_clause_has_a_fault() -> None:
    replaced = " ".join(f.find for f in FAULTS if f.file == "exchange/policy.py")
    for name in (
        "who.reads",
        "who.writes",
        "who.owns",
        "who.groups",
        "level <= Tlp.AMBER",
        "who.agrees",
        "own <= values",
    ):
        assert name in replaced
    for clause in ("2 collection", "4 own", "5 TLP", "6 addressed", "6 IEP", "6 ACS"):
        assert f'"{clause}": Audience.make(' in replaced


def test_no_two_faults_have_one_name() -> None:
    assert len({f.fault for f in FAULTS}) == len(FAULTS)


def test_a_test_that_is_named_for_a_fault_is_among_those_that_run(request: pytest.FixtureRequest) -> None:
    """As far as they were collected: where a whole test function was, its named case must be."""
    collected = {item.nodeid for item in request.session.items}
    functions = {nodeid.partition("[")[0] for nodeid in collected}
    named = {f.killed_by for f in FAULTS if f.killed_by.partition("[")[0] in functions}
    assert named <= collected


def test_faults_are_noticed_by_the_tests_named_for_them(tree: Path) -> None:
    """Takes seconds: a pytest of its own for each."""
    tried = [f for f in FAULTS if f.fault in TRIED]
    assert len(tried) == len(TRIED)
    assert seeding.passes(tree, [f.killed_by for f in tried])
    assert [f.fault for f in tried if seeding.survives(f, tree)] == []


def test_a_fault_that_is_none_survives_and_leaves_the_copy_as_it_was(tree: Path) -> None:
    path = "exchange/policy.py"
    none = Fault(
        fault="none", file=path, find='"""Rule 1: a member', replace='"""Rule 1 : a member', why="",
        killed_by="tests/unit/test_policy.py::test_a_member_is_in_the_groups_that_contain_its_groups",
    )  # fmt: skip
    assert seeding.survives(none, tree)
    assert (tree / path).read_bytes() == (ROOT / path).read_bytes()


def test_a_fault_whose_text_is_gone_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "exchange").mkdir()
    shutil.copy(ROOT / "exchange" / "policy.py", tmp_path / "exchange")
    gone = Fault(fault="gone", file="exchange/policy.py", find="no such text", replace="", why="", unseen="never")
    with pytest.raises(ValueError, match="0 times"), seeding.seeded(gone, tmp_path):
        pass


DECORATED = """\
class A:
    @property
    def x(self):
        return 1

    @classmethod
    def y(cls):
        pass


@cache(size=2)
@other
def f():
    return 2
"""
CALLED = """\
class A:
    def x(self):
        return 1
    x = property(x)

    @classmethod
    def y(cls):
        pass


def f():
    return 2
f = cache(size=2)(other(f))
"""


def test_decorators_become_calls_after_the_function() -> None:
    assert undecorated(DECORATED) == CALLED


SHOWN = """\
# exchange.label.xǁExprǁwords__mutmut_1: survived
--- exchange/label.py
+++ exchange/label.py
@@ -1,3 +1,3 @@
 def words(self) -> str:
-    if self is ANY or self is NONE:
+    if self is ANY and self is NONE:
         return "x"
"""


def test_a_survivor_is_told_by_its_place_and_what_changed() -> None:
    was, now = "if self is ANY or self is NONE:", "if self is ANY and self is NONE:"
    told = Survivor("label.Expr.words", was, now)
    assert survivor("exchange.label.xǁExprǁwords__mutmut_1", SHOWN) == told
    assert survivor("exchange.label.x__rank__mutmut_1", SHOWN).place == "label._rank"
    assert survivor("exchange.log.x_add__mutmut_12", SHOWN).place == "log.add"
    assert listed(f"- `label.Expr.words`: ``{was}`` → ``{now}``: because.\n") == [told]
    assert listed(f"- `label.Expr.words`: ``{was}`` → ``{now}``\n") == [], "without a reason"


def test_every_survivor_that_has_a_reason_still_stands_in_its_module() -> None:
    found = listed(PAGE.read_text())
    assert found
    for one in found:
        source = " ".join((ROOT / "exchange" / f"{one.place.partition('.')[0]}.py").read_text().split())
        assert " ".join(one.was.split()) in source, one
