"""docs/api.md is true: its lines run, its answers have the described form, and it leaves no property out."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from shutil import which

import pytest

from tests.protocol import describing
from tests.protocol.apisite import OPENAPI, faults
from tests.protocol.served import Member

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
LINES = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
ANSWERS = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.skipif(which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("line", LINES)
def test_a_line_works_as_it_stands(alpha: Member, line: str) -> None:
    environment = os.environ | {"EXCHANGE_KEY": alpha.key, "EXCHANGE_URL": alpha.url}
    command = ["bash", "-e", "-o", "pipefail", "-c", line]
    found = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60, env=environment)
    assert found.stderr == ""
    if "python3" not in line:
        assert json.loads(found.stdout).keys() & {"member", "openapi", "submissions", "dry_run"}


def test_the_answers_shown_are_as_described() -> None:
    names: tuple[str, ...] = ("Access", "Feed", "Filed", "FindingState", "Recipients", "Responded", "Responses", "Case")
    names += ("Submission", "Queue", "Withdrawn", "Released")
    shown = zip(names, ANSWERS, strict=True)
    assert [found for name, answer in shown if (found := faults(name, json.loads(answer)))] == []


@pytest.mark.parametrize("path", OPENAPI["paths"])
def test_every_endpoint_has_a_heading(path: str) -> None:
    for method in OPENAPI["paths"][path]:
        assert f"\n## `{method.upper()} {path}`\n" in PAGE


@pytest.mark.parametrize(
    "name",
    [
        "Access",
        "AskingKey",
        "Rights",
        "Feed",
        "Polling",
        "Recipients",
        "Responding",
        "Responded",
        "Responses",
        "CaseState",
        "Case",
        "Cases",
        "CaseOpening",
        "PartyAdding",
        "PartyAdded",
        "Extending",
        "Party",
        "Withdrawn",
        "Released",
        "Submissions",
        "Submission",
        "Fate",
        "Queue",
        "Held",
        "Problem",
        "Filed",
        "Pushed",
        "FindingState",
        "Standing",
        "Stage",
    ],
)
def test_every_property_is_named(name: str) -> None:
    described = OPENAPI["components"]["schemas"][name]["properties"]
    assert [one for one in described if f"`{one}`" not in PAGE and f'"{one}"' not in PAGE] == []


def test_the_models_of_findings_are_described_as_they_are() -> None:
    text = describing.FILE.read_text(encoding="utf-8")
    assert describing.described(text) == text, "run python -m tests.protocol.describing"


def test_every_state_is_explained() -> None:
    states = OPENAPI["components"]["schemas"]["Polling"]["properties"]["state"]["enum"]
    assert re.findall(r"^\| `([a-z ]+)` \|", PAGE, re.MULTILINE) == states
