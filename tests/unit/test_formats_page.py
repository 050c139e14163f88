"""docs/findings-formats.md says what is so: each example, each limit, and every format that is read."""

import json
import re

import msgspec
import pytest

from exchange.findings import documents, fitting, garak, inspectai
from exchange.findings.careful import MAX_LINE, MAX_NAME, MAX_TEXT
from exchange.findings.finding import Finding
from exchange.findings.formats import READERS, findings
from tests.commands.command import REPOSITORY

PAGE = (REPOSITORY / "docs" / "findings-formats.md").read_text()
EXAMPLES = re.findall(r"```json\n(.*?)```\n\nbecomes\n\n```json\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize(("document", "becomes"), EXAMPLES, ids=range(len(EXAMPLES)))
def test_an_example_becomes_what_the_page_shows(document: str, becomes: str) -> None:
    ((read,),) = (tuple(findings(one)) for one in documents.documents(document.encode()))
    assert isinstance(read, Finding)
    shown = json.loads(becomes)
    if shown["key"] == "KEY":
        assert read.key is not None
        assert re.fullmatch("[0-9a-f]{64}", read.key)
        shown["key"] = read.key
    assert {key: value for key, value in json.loads(msgspec.json.encode(read)).items() if value != {}} == shown


def test_every_format_that_is_read_has_a_row() -> None:
    rows = re.findall(r"^\| ([^|]+) \| [^|]+ \| [^|]+ \| [^|]+ \|$", PAGE, re.MULTILINE)
    words = " ".join(rows).lower()
    assert len(rows) == len(READERS) + 3  # the head, plain findings and STIX
    assert all(name in words for name in READERS)


@pytest.mark.parametrize(
    "said",
    [
        f"at most {documents.MAX_BYTES >> 20} MiB and {documents.MAX_VALUES:,} values",
        f"a text at {MAX_TEXT:,} characters, a line at {MAX_LINE}, a name at {MAX_NAME}",
        f"Of affected products {fitting.MAX_AFFECTED} are kept",
        f"of versions {fitting.MAX_VERSIONS:,}",
    ],
)
def test_a_limit_is_the_one_in_force(said: str) -> None:
    assert said in PAGE


def test_the_numbers_of_examples_are_those_in_force() -> None:
    assert (garak.MAX_EXAMPLES, inspectai.MAX_SAMPLES) == (5, 20)
    assert "the first five hits" in PAGE
    assert "its first twenty samples" in PAGE
