"""Bytes to JSON documents: one text, or one on every line; what is not strict is refused, with its line."""

import json

import pytest

from exchange.findings.documents import MAX_VALUES, documents
from exchange.findings.finding import Fault
from tests.unit.importsamples import GARAK, HITLOG


def read(raw: bytes) -> list[object]:
    return list(documents(raw))


def wrong(raw: bytes) -> list[str]:
    return [one.detail for one in documents(raw) if isinstance(one, Fault)]


def test_one_text_on_many_lines_is_one_document() -> None:
    assert read(b'\n{\n "a": [1,\n 2]\n}\n') == [{"a": [1, 2]}]
    assert read(b"[1, 2]") == [[1, 2]]
    assert read(b'[{"a": 1},\n{"a": 2}]') == [[{"a": 1}, {"a": 2}]]


def test_a_document_on_every_line_and_empty_lines_between() -> None:
    assert read(b'{"a": 1}\n\n{"a": 2}\r\n  \n{"a": 3}') == [{"a": 1}, {"a": 2}, {"a": 3}]


def test_a_byte_order_mark_is_let_pass() -> None:
    assert read(b'\xef\xbb\xbf{"a": 1}') == [{"a": 1}]
    assert read(b'\xef\xbb\xbf{"a": 1}\n{"a": 2}') == [{"a": 1}, {"a": 2}]


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b'{"a": 1, "a": 2}', "repeats a key"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": -Infinity}', "Infinity"),
        (b'{"a": "\\ud800"}', "surrogate"),
        (b'{"a": "\xff"}', "UTF-8"),
        (b"[" * 10_000 + b"]" * 10_000, "nests too deep"),
        (b"", "empty"),
        (b"  \n\xef", "is not JSON"),
        (b"\xff\xfe{\x00}\x00", "UTF-16"),
        (b'{"a": }', "(line 1 column 7)"),
        (b"[" + b"1," * MAX_VALUES + b"1]", "more than 2000000 values"),
    ],
)
def test_what_is_not_strict_is_refused_with_the_reason(raw: bytes, said: str) -> None:
    (detail,) = wrong(raw)
    assert said in detail


def test_a_broken_line_is_named_and_the_others_are_read() -> None:
    raw = b'{"a": 1}\n{"a": 1, "a": 2}\n{"b"\n{"a": 2}\n'
    assert [one for one in documents(raw) if not isinstance(one, Fault)] == [{"a": 1}, {"a": 2}]
    assert wrong(raw) == [
        "line 2: repeats a key: keep one of the two",
        "line 3: is not JSON, or says NaN or Infinity: mend it",
    ]


@pytest.mark.parametrize("rows", [GARAK, HITLOG])
def test_the_lines_of_a_report_of_garak_are_one_document(rows: list[object]) -> None:
    lines = [json.dumps(row).encode() for row in rows]
    assert read(b"\n".join(lines)) == [rows]
    cut = read(b"\n".join([*lines, b'{"entry_type": "att']))
    assert cut[1:] == [rows]
    assert isinstance(cut[0], Fault)
    assert cut[0].detail.startswith(f"line {len(rows) + 1}: ")
