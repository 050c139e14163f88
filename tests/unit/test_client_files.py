"""What a file of a lab is, told by what it holds."""

import gzip
import io
import json
from pathlib import Path
from typing import Any

import pytest

from exchange.clientfiles import Document, Lines, Stix, Unreadable, expand, look
from exchange.clientserver import Trouble

OBJECT = {"type": "malware", "id": "malware--00000000-0000-4000-8000-000000000000"}
FINDING = {"kind": "indicator", "title": "t"}


def told(text: bytes) -> Any:
    return look("f", io.BytesIO(text))


@pytest.mark.parametrize(
    "content",
    [OBJECT, [OBJECT], [7, OBJECT], {"objects": [OBJECT]}, {"objects": []}, {"type": "bundle", "objects": [OBJECT]}],
)
@pytest.mark.parametrize("indent", [None, 2])
def test_stix_is_known_in_all_its_envelopes(content: Any, indent: int | None) -> None:
    assert isinstance(told(json.dumps(content, indent=indent).encode()), Stix)


@pytest.mark.parametrize(
    "content",
    [
        FINDING,
        [FINDING],
        {"version": "2.1.0", "runs": []},
        {"bomFormat": "CycloneDX", "vulnerabilities": []},
        {"id": "GHSA-1", "type": "x", "affected": []},
        {"document": {}, "objects": []},
    ],
)
@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("before", [b"", b"\xef\xbb\xbf", b"\n\n  "])
def test_anything_else_is_a_document(content: Any, indent: int | None, before: bytes) -> None:
    found = told(before + json.dumps(content, indent=indent).encode() + b"\n")

    assert isinstance(found, Document)
    assert json.loads(found.text) == content


def test_findings_one_a_line_are_read_one_after_another() -> None:
    stream = io.BytesIO(b"\n".join(json.dumps(FINDING | {"key": str(n)}).encode() for n in range(100_000)))
    found = look("f", stream)

    assert isinstance(found, Lines)
    assert stream.tell() < 1_000
    assert [json.loads(line)["key"] for line in found.lines] == [str(n) for n in range(100_000)]


def test_blank_lines_and_a_byte_order_mark_are_no_findings() -> None:
    found = told(b"\xef\xbb\xbf" + json.dumps(FINDING).encode() + b"\r\n \n" + json.dumps(FINDING).encode())

    assert isinstance(found, Lines)
    assert [json.loads(line) for line in found.lines] == [FINDING, FINDING]


def test_stix_one_a_line_as_pull_prints_it_is_stix() -> None:
    found = told(json.dumps(OBJECT).encode() + b"\n" + json.dumps(OBJECT).encode() + b"\n")

    assert isinstance(found, Stix)
    assert json.loads(found.text) == [OBJECT, OBJECT]


@pytest.mark.parametrize("row", [b'{"entry_type": "attempt"}', b'{"probe": "p", "detector": "d", "generator": "g"}'])
def test_the_log_of_a_probe_stays_whole(row: bytes) -> None:
    log = row + b"\n" + row + b"\n"
    found = told(log)

    assert isinstance(found, Document)
    assert found.text == log


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "holds no STIX and no findings"),
        (b"[]", "is empty"),
        (b"{}", "is empty"),
        (b'"text"', "holds no STIX and no findings"),
        (b"<xml/>", "holds no STIX and no findings"),
        ('{"a": 1}'.encode("utf-16"), "byte order mark of UTF-16"),
        (b'{"a": "\xff"}', "is not UTF-8, at byte 7"),
        (b"[" * 10_000 + b"]" * 10_000, "too deep"),
        (gzip.compress(b"{}", mtime=0), "is not UTF-8"),
    ],
)
def test_what_is_nothing_of_it_is_told_with_the_reason(text: bytes, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason) as told_of:
        told(text)

    assert str(told_of.value).startswith("f: ")


def test_a_folder_stands_for_the_files_in_it_that_can_be_meant(tmp_path: Path) -> None:
    for name in ("b.sarif", "a.json", "c.jsonl", "d.NDJSON", "notes.txt"):
        (tmp_path / name).write_text("{}")
    (tmp_path / "below.json").mkdir()

    found = expand([str(tmp_path), "-"])

    assert [Path(one).name for one in found] == ["a.json", "b.sarif", "c.jsonl", "d.NDJSON", "-"]


def test_a_folder_without_any_is_told(tmp_path: Path) -> None:
    with pytest.raises(Trouble, match=r"has no \*.json, \*.jsonl"):
        expand([str(tmp_path)])
