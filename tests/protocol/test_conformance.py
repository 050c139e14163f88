"""docs/conformance.md says what the tests hold, and the rows are those of the requirements table."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests import conformance
from tests.conformance import Held, Row

TABLE = Path(__file__).parents[3] / "shared" / "reference" / "taxii21-requirements.md"


def test_every_row_has_a_test_or_a_reason(held: Held) -> None:
    assert conformance.faults(conformance.rows(), held) == []


def test_the_page_says_what_the_rows_and_tests_say(held: Held) -> None:
    written = conformance.PAGE.read_text(encoding="utf-8")
    assert written == conformance.page(conformance.rows(), held), "stale: run `make conformance`"


@pytest.mark.skipif(not TABLE.exists(), reason="the requirements table of ../shared/reference is not there")
def test_the_rows_are_those_of_the_requirements_table() -> None:
    wanted = re.findall(r"^\| ([TS]-[\w.-]+) \| ([A-Za-z ]+) \|", TABLE.read_text(encoding="utf-8"), re.M)
    known = {row.id: row.level for row in conformance.rows().values() if row.id.startswith(("T-", "S-"))}
    assert known.keys() == dict(wanted).keys()
    said = {row: level for row, level in wanted if level.isupper()}  # the others are words of the table's own
    assert {row: known[row] for row in said} == said


ROW = Row(id="T-1", level="MUST", asks="a", ours="b")


@pytest.mark.parametrize(
    ("row", "held", "fault"),
    [
        (ROW, {"T-1": ["x::y"]}, None),
        (ROW, {}, "neither a test nor a reason"),
        (ROW, {"T-1": ["x::y"], "T-2": ["x::y"]}, "T-2: a test carries it"),
        (Row(id="T-1", level="MUST", asks="a", ours="b", unmet="why"), {"T-1": ["x::y"]}, "it has tests, and a reason"),
        (Row(id="T-1", level="MUST", asks="a", ours="b", outside="whose"), {}, None),
    ],
)
def test_a_row_without_test_or_reason_is_a_fault(row: Row, held: Held, fault: str | None) -> None:
    found = conformance.faults({row.id: row}, held)
    assert len(found) == (fault is not None)
    assert fault is None or fault in found[0]


@pytest.mark.parametrize("text", ["T-1: { level: MUST }", "T-1: text", "Q-1: { level: a, asks: b, ours: c }"])
def test_a_row_of_another_form_is_an_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "rows.yaml").write_text(text)
    with pytest.raises(ValueError, match="is no row"):
        conformance.rows(tmp_path)
