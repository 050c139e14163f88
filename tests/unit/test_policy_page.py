"""docs/policy.md says what is so: each key, each statement that names what holds it, and each example as printed."""

from __future__ import annotations

import ast
import dataclasses
import json
import re
from collections.abc import Mapping
from functools import cache, reduce
from operator import getitem
from pathlib import Path
from typing import Any

import pytest
import yaml

from exchange import config, configcollections, confignames
from tests.commands.command import REPOSITORY
from tests.property import casesketch
from tests.property.cases import load
from tests.unit import policypage
from tests.unit.policypage import HOLDERS, Row

ROWS = policypage.rows()
PLACES = {
    "config/exchange.yaml": (),
    "A group": ("groups", "owners"),
    "A member": ("members", "firstriver"),
    "A collection": ("collections", "indicators"),
}
"""The tables of keys, and where the example home says such keys."""

LEAST: Mapping[str, Any] = {
    "exchange": "E",
    "operator": "O",
    "groups": {"owners": {}},
    "members": {"firstriver": {"name": "First River Bank"}},
    "collections": {"indicators": {"id": "7c9b7d52-0f0e-4a63-9d31-8a54a4f3d6c1", "title": "Indicators"}},
}
"""A home that says nothing that need not be said."""


def files(tree: Mapping[str, Any]) -> dict[str, str]:
    main = {key: value for key, value in tree.items() if key != "collections"}
    found = {casesketch.MAIN: json.dumps(main)}
    return found | {f"collections/{name}.yaml": json.dumps(keys) for name, keys in tree["collections"].items()}


def under(place: tuple[str, ...], keys: object) -> Any:
    for name in reversed(place):
        keys = {name: keys}
    return keys


def problems(tree: Mapping[str, Any]) -> list[str]:
    """What `check` says, without where."""
    try:
        config.parse(files(tree))
    except config.ConfigError as error:
        return [problem.message for problem in error.problems]
    return []


def said(value: object) -> object:
    """A config as plain values, without the lines of its files."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: said(getattr(value, f.name)) for f in dataclasses.fields(value) if "place" not in f.name}
    return {k: said(v) for k, v in value.items()} if isinstance(value, Mapping) else value


def keys_of(table: str) -> set[str]:
    return {row.key for row in ROWS if row.table == table}


def name(row: Row) -> str:
    return f"{row.table}: {row.key}"


@pytest.mark.parametrize(
    ("table", "accepted"),
    [
        ("config/exchange.yaml", config._MAIN_KEYS),
        ("A group", {"of", "about"}),
        ("A member", config._MEMBER_KEYS),
        ("A collection", configcollections._COLLECTION_KEYS),
    ],
)
def test_the_page_has_every_key_that_the_files_may_have_and_no_other(table: str, accepted: frozenset[str]) -> None:
    assert keys_of(table) == accepted


def test_the_page_names_every_key_of_a_later_stage_under_its_stage() -> None:
    later = policypage.section("5")
    for key, message in confignames.NOT_YET.items():
        stage = message.partition("(stage ")[2].partition(")")[0]
        (line,) = [line for line in later.splitlines() if line.startswith(f"| {stage} |")]
        assert f"`{key}`" in line, key


@pytest.mark.parametrize("row", ROWS, ids=name)
def test_a_wrong_value_is_answered_as_the_page_says(row: Row) -> None:
    match = re.fullmatch(r"`(.*?)` → (.+)", row.check)
    assert match, f"{row.key}: {row.check}"
    written, message = match.groups()
    changes = {row.key: None} if written == "(nothing)" else yaml.load(written, Loader=yaml.BaseLoader)  # noqa: S506
    assert row.key in changes
    assert message in problems(casesketch.merged(casesketch.example(), under(PLACES[row.table], changes)))


@pytest.mark.parametrize("row", [r for r in ROWS if r.default.startswith("`")], ids=name)
def test_a_default_that_is_written_out_changes_nothing(row: Row) -> None:
    default = yaml.load(row.default.strip("`"), Loader=yaml.BaseLoader)  # noqa: S506
    written = casesketch.merged(LEAST, under(PLACES[row.table], {row.key: default}))
    assert said(config.parse(files(written))) == said(config.parse(files(LEAST)))


@pytest.mark.parametrize("row", [r for r in ROWS if not r.default.startswith("`")], ids=name)
def test_what_has_no_default_is_needed_or_may_be_left_out(row: Row) -> None:
    place = PLACES[row.table]
    written = row.key in reduce(getitem, place, LEAST)
    left_out = casesketch.merged(LEAST, under(place, {row.key: None})) if written else LEAST
    assert any("is missing" in message for message in problems(left_out)) == (row.default == "needed")


# What holds the statements ------------------------------------------------------------------------------------------


@cache
def cases() -> frozenset[str]:
    return frozenset(f"{case.topic}: {case.name}" for case in load())


@cache
def functions_of(file: Path) -> frozenset[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def exists(kind: str, holder: str) -> bool:
    if kind == "case":
        return holder in cases()
    file, _, function = holder.partition(" ")
    return (REPOSITORY / "tests" / file).exists() and function in functions_of(REPOSITORY / "tests" / file)


@pytest.mark.parametrize(("kind", "holder"), sorted(set(HOLDERS.findall(policypage.text()))))
def test_what_the_page_names_as_its_test_is_one(kind: str, holder: str) -> None:
    assert exists(kind, holder)


def statements() -> list[str]:
    """The numbered rules and the rows of tables, of what is built."""
    lines = [line for number in ("3.3", "3.4", "3.5", "3.6", "3.8") for line in policypage.section(number).splitlines()]
    lines += policypage.section("4").splitlines()
    rules = [line for line in lines if re.match(r"([0-9]+\.|\|) ", line)]
    return [line for line in rules if not re.match(r"\| (key|TLP|marking) |\|-|[0-9]+\. \(", line)]


@pytest.mark.parametrize("statement", statements(), ids=lambda line: line[:40])
def test_each_rule_and_each_key_names_a_test_that_holds_it(statement: str) -> None:
    assert HOLDERS.search(statement)


def examples() -> dict[str, str]:
    """The worked examples by letter."""
    found = re.split(r"^#### ([A-Z])\. ", policypage.section("3.9"), flags=re.MULTILINE)
    return dict(zip(found[1::2], found[2::2], strict=True))


def test_the_examples_are_those_of_the_stages_that_are_built() -> None:
    assert list(examples()) == ["A", "C", "E", "F", "G", "J", "K", "L", "M"]


@pytest.mark.parametrize("letter", sorted(examples()))
def test_each_example_is_played_and_is_a_decision_case(letter: str) -> None:
    example = examples()[letter]
    held = [holder for kind, holder in HOLDERS.findall(example) if kind == "case"]
    assert any(holder.startswith(f"examples: {letter}: ") for holder in held)
    assert "```console\n$ exchange " in example


def test_the_commands_print_what_the_page_shows() -> None:
    mend = "`python -m tests.unit.policypage` writes into the page what they print; read what has changed"
    assert policypage.played(policypage.text()) == policypage.text(), mend
