"""What a posted body holds: exact bytes, one fault for each bad object, one error for a bad body."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.stix import EnvelopeError, Fault, Item, Parsed, checked, read_envelope
from tests.unit.test_stix_samples import NOW, SAMPLES

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
OBJECTS = st.lists(st.dictionaries(st.text(), JSON, max_size=3), min_size=1, max_size=4)


@given(OBJECTS, st.dictionaries(st.text().filter(lambda key: key != "objects"), JSON, max_size=2))
def test_each_object_comes_back_with_its_bytes(objects: list[dict[str, Any]], around: dict[str, Any]) -> None:
    body = json.dumps({**around, "objects": objects}, indent=1).encode()
    found = read_envelope(body)
    assert [item.obj for item in found] == objects
    assert [json.loads(item.raw) for item in found] == objects
    assert all(item.raw in body for item in found)


def test_an_objects_bytes_are_the_very_ones_that_were_sent() -> None:
    raw = b'{ "id" : "\\u00e9", "n":1.50,"big":12345678901234567890123 }'
    (item,) = read_envelope(b'{"objects": [  ' + raw + b"\n]}")
    assert item.raw == raw


def test_integers_of_any_size_are_read_exactly() -> None:
    (item,) = read_envelope(b'{"objects":[{"n":12345678901234567890123}]}')
    assert item.obj == {"n": 12345678901234567890123}


def test_a_bundle_is_read_like_an_envelope() -> None:
    bundle = {"type": "bundle", "id": "bundle--1", "objects": [{"a": 1}, {"b": 2}]}
    assert [item.obj for item in read_envelope(orjson.dumps(bundle))] == bundle["objects"]


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (b'{"a":1,"a":2}', "repeats a key"),
        (b'{"a":1,"\\u0061":2}', "repeats a key"),
        (b'{"x":{"a":1,"a":2}}', "repeats a key"),
        (b'{"a":NaN}', "NaN"),
        (b'{"a":[-Infinity, "Infinity"]}', "NaN or Infinity"),
        (b'{"a":"\xff"}', "not UTF-8"),
        (b'{"\xff":1}', "not UTF-8"),
        (rb'{"a":"\ud83d"}', "half a surrogate pair"),
        (rb'{"a":"\\\udE00 \ud83d\ude00"}', "half a surrogate pair"),
        (rb'{"\ud83d\u0041":1}', "half a surrogate pair"),
        (rb'{"a":["\ud83d", NaN]}', "half a surrogate pair"),
        (b"[" * 300 + b"]" * 300, "too deep"),
        (b"[1]", "no JSON object"),
        (b"null", "no JSON object"),
        (b'"repeats"', "no JSON object"),
    ],
)
def test_a_fault_inside_one_object_leaves_its_neighbours(bad: bytes, words: str) -> None:
    before, item, after = read_envelope(b'{"objects":[{"a":0}, ' + bad + b' ,{"a":"NaN"}]}')
    assert (before.obj, after.obj) == ({"a": 0}, {"a": "NaN"})
    assert item.raw == bad
    assert item.obj is None
    assert item.fault is not None
    assert words in item.fault.message


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "not JSON"),
        (b"\xef\xbb\xbf" + b'{"objects":[{}]}', "byte order mark"),
        ('{"objects":[{}]}'.encode("utf-16"), "byte order mark"),
        ('{"objects":[{}]}'.encode("utf-16-le"), "not JSON"),
        (b'{"objects":[{}]', "not JSON"),
        (b'{"objects":[{}]} x', "not JSON"),
        (b'{"objects":[{"a":01}]}', r"\(byte 18\)"),
        (b'{"objects":[{}],"objects":[{}]}', "repeats a key"),
        (b'{"\\u006fbjects":[{}],"objects":[{}]}', "repeats a key"),
        (b'{"more":1,"more":2,"objects":[{}]}', "repeats a key"),
        (b'{"more":NaN,"objects":[{}]}', "NaN"),
        (b'{"more":"\xff","objects":[{}]}', "not UTF-8"),
        (b'{"\xff":1,"objects":[{}]}', "not UTF-8"),
        (b"[{}]", "no objects"),
        (b"{}", "no objects"),
        (b'{"objects":[]}', "no objects"),
        (b'{"objects":null}', "no objects"),
        (b'{"objects":{"a":1}}', "no objects"),
        (b'{"objects":' + b"[" * 100_000, "too deep"),
        (b'{"objects":[' + b'{"a":' * 10_000 + b"1" + b"}" * 10_000 + b"]}", "too deep"),
    ],
)
def test_a_fault_of_the_whole_body_refuses_it(body: bytes, words: str) -> None:
    with pytest.raises(EnvelopeError, match=words):
        read_envelope(body)


def test_whole_surrogate_pairs_are_read_beside_half_ones() -> None:
    bad, good = read_envelope(rb'{"objects":[{"a":"\ud83d"}, {"a":"\ud83d\ude00", "b":"\\ud83d"}]}')
    assert bad.fault is not None
    assert good.raw == rb'{"a":"\ud83d\ude00", "b":"\\ud83d"}'
    assert good.obj == {"a": "\U0001f600", "b": r"\ud83d"}


@given(st.binary(max_size=40))
def test_no_bytes_at_all_make_the_reader_fail_otherwise(noise: bytes) -> None:
    body = b'{"objects":[{"a":' + noise + b"}]}"
    try:
        found = read_envelope(body)
    except EnvelopeError:
        return
    assert all(item.raw in body and (item.obj is None) != (item.fault is None) for item in found)


def test_an_acceptable_object_is_told_by_its_id_and_type() -> None:
    tool = SAMPLES["tool"]
    (item,) = read_envelope(orjson.dumps({"objects": [tool]}))
    assert checked(item, now=NOW) == Parsed(raw=orjson.dumps(tool), id=tool["id"], type="tool", obj=tool)


def test_an_object_that_may_not_enter_is_told_by_its_faults() -> None:
    unread = Item(raw=b"[]", obj=None, fault=Fault(path="", message="no"))
    assert checked(unread, now=NOW) == (unread.fault,)
    answer = checked(Item(raw=b"{}", obj={"type": "tool"}, fault=None), now=NOW)
    assert isinstance(answer, tuple)
    assert [fault.path for fault in answer] == ["/id"]


def test_an_entry_with_neither_object_nor_fault_does_not_enter() -> None:
    assert checked(Item(raw=b"", obj=None, fault=None), now=NOW)


@pytest.mark.parametrize("end", [b"", b"\\"])
def test_quotation_marks_without_end_cost_no_more_than_their_length(end: bytes) -> None:
    with pytest.raises(EnvelopeError, match="not JSON"):
        read_envelope(b'{"objects":[NaN,"' + rb"\"" * 500_000 + end)


def test_numbers_beyond_a_double_are_that_objects_fault() -> None:
    (item,) = read_envelope(b'{"objects":[{"type":"tool","x_n":1e400}]}')
    answer = checked(item, now=NOW)
    assert isinstance(answer, tuple)
    assert [(fault.path, "finite" in fault.message) for fault in answer] == [("/x_n", True)]
