"""docs/security.md has each leak channel of policy.md section 2 once, with a test that is there, or why it is none."""

from __future__ import annotations

import ast
import re

import pytest

from tests.commands.command import REPOSITORY

ROWS = re.findall(
    r"^\| (\d+) \| (.+?) \| (.+?) \|(?: `(.+?)` \||[^`]*\|)$", (REPOSITORY / "docs/security.md").read_text(), re.M
)


def test_every_channel_has_its_row() -> None:
    assert [int(row[0]) for row in ROWS] == list(range(1, 39))


@pytest.mark.parametrize(
    ("number", "closed", "test"), [(row[0], row[2], row[3]) for row in ROWS], ids=[r[0] for r in ROWS]
)
def test_a_channel_is_held_by_a_test_or_does_not_exist(number: str, closed: str, test: str) -> None:
    if not test:
        assert closed.startswith("does not exist here: ")
        return
    file, _, name = test.rpartition(" ")
    source = (REPOSITORY / "tests" / (file or "property/test_leak_channels.py")).read_text(encoding="utf-8")
    assert name in {node.name for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)}
    assert file or name.startswith(f"test_channel_{int(number):02}_")
