"""Versions, references and markings of an object."""

from typing import Any

import pytest

from exchange.stix import NO_VERSION, marking_refs, parse_timestamp, references, version_of

A = "malware--0f2c4d2e-5a0b-4f5e-9c1d-2b7a6e8f9a01"
B = "x-own-type--3d6c1b9e-7a42-4c7f-8e15-94d0b2a7c356"
C = "ipv4-addr--28bb3599-77cd-5a82-a950-b5bc3caf07c4"
MARK = "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487"
AUTHOR = "identity--0f2c4d2e-5a0b-4f5e-9c1d-2b7a6e8f9a02"
TIME, LATER = "2026-05-01T12:00:00.000Z", "2026-05-02T12:00:00.1234567Z"


@pytest.mark.parametrize(
    ("obj", "text"),
    [
        ({"created": TIME, "modified": LATER}, LATER),
        ({"created": TIME}, TIME),
        ({"type": "ipv4-addr"}, NO_VERSION),
    ],
)
def test_the_version_is_the_objects_own_text(obj: dict[str, Any], text: str) -> None:
    assert version_of(obj) == (parse_timestamp(text), text)


@pytest.mark.parametrize("modified", ["yesterday", 5, None, ["x"]])
def test_a_version_that_is_no_time_is_an_error(modified: Any) -> None:
    with pytest.raises(ValueError, match="timestamp"):
        version_of({"created": TIME, "modified": modified})


@pytest.mark.parametrize(
    ("obj", "expected"),
    [
        ({"source_ref": A, "target_ref": B}, {A, B}),
        ({"object_refs": [A, C, A]}, {A, C}),
        ({"x_own_ref": A, "x_own_refs": [B]}, {A, B}),
        ({"extensions": {"archive-ext": {"contains_refs": [C]}}}, {C}),
        ({"body_multipart": [{"body_raw_ref": C}]}, {C}),
        ({"x_own_refs": [[A], {"deep": B}]}, {A, B}),
        ({"created_by_ref": AUTHOR, "object_marking_refs": [MARK]}, set()),
        ({"granular_markings": [{"marking_ref": MARK, "selectors": ["name"]}]}, set()),
        ({"granular_markings": [{"marking_ref": MARK, "x_own_ref": A}]}, {A}),
        ({"external_references": [{"source_name": "x", "x_own_ref": A}]}, set()),
        ({"extensions": {"x-ext": {"created_by_ref": AUTHOR, "marking_ref": MARK}}}, {AUTHOR, MARK}),
        ({"description": A, "name": B, "x_reference": C}, set()),
        ({"x_own_ref": "", "x_own_refs": ["0", "malware--1", 5, None]}, set()),
        (
            {"type": "observed-data", "objects": {"0": {"src_ref": C, "dst_ref": "1", "created_by_ref": A}}},
            {C},
        ),
    ],
)
def test_a_reference_is_every_id_below_a_ref_property(obj: dict[str, Any], expected: set[str]) -> None:
    assert references(obj) == expected


def test_references_are_found_however_deep() -> None:
    obj: dict[str, Any] = {"x_own_ref": A}
    for _ in range(20_000):
        obj = {"x": [obj]}
    assert references(obj) == {A}


@pytest.mark.parametrize(
    ("obj", "expected"),
    [
        ({"object_marking_refs": [MARK]}, {MARK}),
        ({"granular_markings": [{"marking_ref": MARK}, {"lang": "en"}]}, {MARK}),
        ({"type": "observed-data", "objects": {"0": {"object_marking_refs": [MARK]}}}, {MARK}),
        ({"object_marking_refs": "x", "granular_markings": [5, {"marking_ref": 7}]}, set()),
        ({}, set()),
    ],
)
def test_markings_are_named_by_the_object_or_a_part_of_it(obj: dict[str, Any], expected: set[str]) -> None:
    assert marking_refs(obj) == expected
