"""What was posted is served again byte for byte: numbers, times, text, order of keys; and every type of STIX 2.1.

A reader that rewrites `1.50`, a time's digits or an escape changes what a signature or a hash was made of.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest

from tests.protocol.served import Member
from tests.unit.test_stix_samples import OTHER, SAMPLES, TIME

NUMBERS = [
    "1.50", "1e3", "1E+2", "1.0", "0.1e-7", "-0", "-0.0", "0.30000000000000004", "9007199254740991",
    "-9007199254740991", "1e300", "12345678901234567890.0e-5", "5e-324", "100000.000000000000000000001",
]  # fmt: skip
TIMES = ["12:00:00Z", "12:00:00.0Z", "12:00:00.100Z", "12:00:00.100000Z", "12:00:00.123456789Z", "12:00:00.000000000Z"]
DIGITS = ["000", "0000", "123456", "123456789", "100000000000"]
TEXTS = {
    "an escaped letter": r"\u00e9",
    "the same letter": "é",
    "a letter and its accent": "e\u0301",
    "an escaped slash": r"a\/b",
    "an emoji": "\U0001f600",
    "an emoji as two escapes": r"\ud83d\ude00",
    "capitals in an escape": r"\u00E9",
    "the control characters": r"\u0000\b\f\n\r\t\u001f",
    "line separators": "\u2028\u2029",
    "what HTML reads": "<a href='x'>&amp;</a>",
    "right to left": "\u202eعربى",
    "the byte order mark": "\ufeffx",
    "nothing": "",
    "blanks": "  a  ",
    "quotes": r"\"\\\"",
}
TAIL = '"created":"TIME","modified":"TIME","name":"a"'
SHAPES = {
    "keys in another order": '{"name": "a", "id": "ID", "modified": "TIME", "created": "TIME", "type": "tool", '
    '"spec_version": "2.1"}',
    "blanks and lines": '{ "type" :\t"tool",\r\n "spec_version":"2.1" , "id":"ID",\n\n' + TAIL + "  }",
    "no blanks": '{"type":"tool","spec_version":"2.1","id":"ID",' + TAIL + "}",
    "escaped keys": r'{"type":"tool","spec_versio\u006e":"2.1","id":"ID",' + TAIL + "}",
    "an escaped type": r'{"type":"to\u006fl","spec_version":"2.1","id":"ID",' + TAIL + "}",
}
DEFINED = '"extensions":{"extension-definition--OTHER":{"extension_type":"property-extension"'
TOP_LEVEL = DEFINED.replace("property", "toplevel-property")
MORE = {
    "an extension with nothing of its own": DEFINED + "}}",
    "an extension with empty values": DEFINED + ',"text":"","list":[""],"inner":{"key":""}}}',
    "an extension that nobody defined": '"extensions":{"x-own-ext":{"zero":0,"nay":false,"list":[[1],[2.50]]}}',
    "new properties at the top level": '"score":1.0,' + TOP_LEVEL + "}}",
    "custom properties": '"x_own":{"ключ":"значение","a b":1e2,"":"no name"},"x_own_list":[false,0,""]',
    "properties at their default": '"revoked":false,"lang":"en"',
}
BROKEN = {
    "an empty list": ('"labels":[]', "empty list"),
    "an empty list in an unknown extension": ('"extensions":{"x-own-ext":{"list":[]}}', "empty list"),
    "an empty extension": ('"extensions":{"x-own-ext":{}}', "empty dictionary"),
    "an integer that no double holds": ('"x_own":12345678901234567890', "2^53-1"),
    "a number that no double holds": ('"x_own":1e400', "finite"),
    "NaN": ('"x_own":NaN', "NaN"),
    "no number": ('"x_own":-Infinity', "Infinity"),
    "half an emoji": (r'"x_own":"\ud83d"', "surrogate"),
    "a key twice": ('"x_own":1,"x_own":1', "repeats a key"),
    "a key twice, once escaped": (r'"x_own":1,"x_ow\u006e":2', "repeats a key"),
    "a key twice, further in": ('"x_own":{"a":1,"a":2}', "repeats a key"),
    "null": ('"x_own":null', "null"),
}
NUMBERING = count(1)


def filled(text: str) -> bytes:
    """The object's text with an id of its own."""
    stix_id = f"tool--00000000-0000-4000-9000-{next(NUMBERING):012}"
    return text.replace("ID", stix_id).replace("TIME", TIME).replace("OTHER", OTHER).encode()


def tool(more: str) -> bytes:
    return filled(
        '{"type":"tool","spec_version":"2.1","id":"ID","created":"TIME","modified":"TIME","name":"a",' + more + "}"
    )


def campaign(time: str) -> bytes:
    text = '{"type":"campaign","spec_version":"2.1","id":"ID","created":"TIME","modified":"TIME","name":"a",'
    return filled(f'{text}"first_seen":"2026-05-01T{time}","x_own":"2026-05-01T{time}"}}').replace(
        b"tool--", b"campaign--"
    )


def version(digits: str) -> bytes:
    return filled(SHAPES["no blanks"].replace('"modified":"TIME"', f'"modified":"2026-05-01T12:00:01.{digits}Z"'))


NUMBER_RAWS = {number: tool(f'"x_own":{number},"x_list":[{number}]') for number in NUMBERS}
TIME_RAWS = {time: campaign(time) for time in TIMES}
VERSION_RAWS = {digits: version(digits) for digits in DIGITS}
TEXT_RAWS = {name: tool(f'"description":"{text}","x_own":["{text}"]') for name, text in TEXTS.items()}
SHAPE_RAWS = {name: filled(text) for name, text in SHAPES.items()}
MORE_RAWS = {name: tool(more) for name, more in MORE.items()}
ALL_RAWS = [*NUMBER_RAWS.values(), *TIME_RAWS.values(), *VERSION_RAWS.values(), *TEXT_RAWS.values(),
            *SHAPE_RAWS.values(), *MORE_RAWS.values()]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """What one member reads of what another sent: each object by itself on demand, and all together."""

    member: Member
    path: str
    whole: bytes

    def holds(self, raw: bytes) -> bool:
        """Whether these very bytes stand on both pages."""
        return raw in self.whole and raw in self.member.ask(f"{self.path}objects/{json.loads(raw)['id']}/").content


@pytest.fixture(scope="module")
def pages(alpha: Member, beta: Member, unused: Iterator[str]) -> Pages:
    """All of them, sent in one envelope."""
    collection = next(unused)
    assert alpha.post(collection, data=b'{"objects":[' + b", ".join(ALL_RAWS) + b"]}").json()["failure_count"] == 0
    path = f"/exchange/collections/{collection}/"
    return Pages(member=beta, path=path, whole=beta.ask(f"{path}objects/", params={"limit": "1000"}).content)


@pytest.mark.row("S-carry", "S-3.5-01", "S-2.8-01")
@pytest.mark.parametrize("number", NUMBER_RAWS)
def test_a_number_keeps_its_form(pages: Pages, number: str) -> None:
    assert pages.holds(NUMBER_RAWS[number])


@pytest.mark.row("S-carry", "S-2.16-01")
@pytest.mark.parametrize("time", TIME_RAWS)
def test_a_time_keeps_its_digits(pages: Pages, time: str) -> None:
    assert pages.holds(TIME_RAWS[time])


@pytest.mark.row("S-carry", "S-2.16-01")
@pytest.mark.parametrize("digits", VERSION_RAWS)
def test_a_version_keeps_its_digits(pages: Pages, digits: str) -> None:
    raw = VERSION_RAWS[digits]
    assert pages.holds(raw)
    obj = json.loads(raw)
    assert pages.member.ask(f"{pages.path}objects/{obj['id']}/versions/").json()["versions"] == [obj["modified"]]
    [record] = pages.member.ask(f"{pages.path}manifest/", params={"match[id]": obj["id"]}).json()["objects"]
    assert record["version"] == obj["modified"]


@pytest.mark.row("S-carry")
@pytest.mark.parametrize("name", TEXT_RAWS)
def test_a_text_keeps_its_characters_and_escapes(pages: Pages, name: str) -> None:
    assert pages.holds(TEXT_RAWS[name])


@pytest.mark.row("S-carry", "S-3.5-01")
@pytest.mark.parametrize("name", SHAPE_RAWS)
def test_an_object_keeps_the_order_of_its_keys_and_its_blanks(pages: Pages, name: str) -> None:
    assert pages.holds(SHAPE_RAWS[name])


@pytest.mark.row("S-carry", "S-3.5-01", "S-7.3-02")
@pytest.mark.parametrize("name", MORE_RAWS)
def test_what_the_exchange_does_not_understand_is_kept(pages: Pages, name: str) -> None:
    assert pages.holds(MORE_RAWS[name])


@pytest.mark.row("S-2.3-01", "S-2.8-01")
@pytest.mark.parametrize("name", BROKEN)
def test_what_readers_would_read_differently_is_refused_and_its_neighbour_is_not(alpha: Member, name: str) -> None:
    more, words = BROKEN[name]
    neighbour = tool('"x_own":1')
    status = alpha.post("fresh00", data=b'{"objects":[' + tool(more) + b"," + neighbour + b"]}").json()
    assert words in status["failures"][0]["message"]
    assert [success["id"] for success in status["successes"]] == [json.loads(neighbour)["id"]]


# Every type ---------------------------------------------------------------------------------------------------------

EXTENSION = f"extension-definition--{OTHER}"
COMMON = {"spec_version": "2.1", "created": TIME, "modified": TIME}
CUSTOM: Mapping[str, dict[str, Any]] = {
    "x-own": COMMON | {"type": "x-own", "x_value": 5},
    "x-own-sco": {"type": "x-own-sco", "x_value": 5},
    "new-by-extension": COMMON
    | {"type": "new-by-extension", "value": 5, "extensions": {EXTENSION: {"extension_type": "new-sdo"}}},
    "new-sco-by-extension": {
        "type": "new-sco-by-extension",
        "value": 5,
        "extensions": {EXTENSION: {"extension_type": "new-sco"}},
    },
    "new-relation": COMMON
    | {
        "type": "new-relation",
        "source_ref": f"tool--{OTHER}",
        "target_ref": f"x-own--{OTHER}",
        "extensions": {EXTENSION: {"extension_type": "new-sro"}},
    },
}
EVERY_TYPE = {name: obj | {"id": f"{name}--{uuid.uuid4()}"} for name, obj in {**SAMPLES, **CUSTOM}.items()}


@pytest.fixture(scope="module")
def read_back(alpha: Member, beta: Member, unused: Iterator[str]) -> dict[str, dict[str, Any]]:
    """One object of every type by its type: posted by one member with taxii2-client, read by another."""
    collection = next(unused)
    status = alpha.collection(collection).add_objects({"objects": list(EVERY_TYPE.values())})
    assert (status.failures, status.success_count) == ([], len(EVERY_TYPE))
    return {obj["type"]: obj for obj in beta.collection(collection).get_objects()["objects"]}


@pytest.mark.row("S-carry", "S-11-02")
@pytest.mark.parametrize("stix_type", EVERY_TYPE)
def test_a_stock_client_posts_and_reads_every_type(read_back: dict[str, dict[str, Any]], stix_type: str) -> None:
    found = read_back[stix_type]
    assert found == EVERY_TYPE[stix_type]
    assert list(found) == list(EVERY_TYPE[stix_type])


def test_the_types_are_all_of_the_standard_and_custom_ones(read_back: dict[str, dict[str, Any]]) -> None:
    assert len(SAMPLES) == 19 + 2 + 18 + 3
    assert read_back.keys() == EVERY_TYPE.keys()
