"""Real feeds: what breaks a MUST is refused for that reason, everything else is accepted.

Each faulty object is judged here a second time, by a plain function written from the requirements table.
"""

import base64
import binascii
import gzip
import re
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest

from exchange.stix import checked, faults, parse_timestamp, read_envelope, version_of

FOLDER = Path(__file__).parents[3] / "shared" / "data"
NOW = parse_timestamp("2026-06-01T00:00:00Z")
TIME = re.compile(r"(.*?)\.?(\d*)Z")

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="the folder ../shared/data is not here")


def feed(name: str) -> bytes:
    body = (FOLDER / name).read_bytes()
    return gzip.decompress(body) if name.endswith(".gz") else body


def padded(text: str) -> str:
    """A timestamp as text that sorts like its instant."""
    found = TIME.fullmatch(text)
    assert found is not None
    return f"{found[1]}.{found[2]:0<9}"


def holds_empty(value: Any) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return inner is not None and (not inner or any(holds_empty(item) for item in inner))


def bad_base64(obj: Mapping[str, Any]) -> bool:
    try:
        base64.b64decode(obj.get("payload_bin", ""), validate=True)
    except binascii.Error:
        return True
    return False


BROKEN_MUSTS: Mapping[str, Callable[[Mapping[str, Any]], bool]] = {
    "S-4-01 identity_class is a list": lambda obj: isinstance(obj.get("identity_class"), list),
    "S-2.8-01 bad base64": bad_base64,
    "S-2.8-01 hexadecimal in capitals": lambda obj: (
        obj.get("magic_number_hex", "").lower() != obj.get("magic_number_hex", "")
    ),
    "S-7.2-03 a TLP of its own": lambda obj: (
        obj.get("definition_type") == "tlp" and obj["name"] not in ("TLP:WHITE", "TLP:GREEN", "TLP:AMBER", "TLP:RED")
    ),
    "S-4-02 stop_time is start_time": lambda obj: (
        "stop_time" in obj and padded(obj["stop_time"]) <= padded(obj["start_time"])
    ),
    "S-3.6-01 modified before created": lambda obj: (
        "modified" in obj and padded(obj["modified"]) < padded(obj["created"])
    ),
    "S-2.3-01 an empty list": holds_empty,
}
TOLD = {
    "S-4-01 identity_class is a list": "must be a string, not a list",
    "S-2.8-01 bad base64": "is not base64",
    "S-2.8-01 hexadecimal in capitals": "hexadecimal digits in lower case",
    "S-7.2-03 a TLP of its own": "is not TLP:WHITE as published",
    "S-4-02 stop_time is start_time": "equals start_time",
    "S-3.6-01 modified before created": "lies before created",
    "S-2.3-01 an empty list": "an empty list",
}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("stix/mixed-2.1.json.gz", set(BROKEN_MUSTS)),
        ("stix/mobile-attack-17.1.json.gz", set()),
        ("atlas/stix-atlas.json", {"S-3.6-01 modified before created"}),
        ("atlas/opencti-AMLCS0010.json", {"S-7.2-03 a TLP of its own"}),
        ("atlas/opencti-AMLCS0011.json", {"S-7.2-03 a TLP of its own"}),
        ("atlas/opencti-AMLCS0012.json", {"S-7.2-03 a TLP of its own"}),
        ("atlas/opencti-AMLCS0017.json", {"S-7.2-03 a TLP of its own", "S-4-02 stop_time is start_time"}),
    ],
)
def test_exactly_what_breaks_a_must_is_refused(name: str, expected: set[str]) -> None:
    found: Counter[str] = Counter()
    for item in read_envelope(feed(name)):
        assert item.obj is not None
        broken = {rule for rule, breaks in BROKEN_MUSTS.items() if breaks(item.obj)}
        told = {
            rule
            for fault in faults(item.obj, now=NOW)
            for rule in [next((key for key, words in TOLD.items() if words in fault.message), fault.message)]
        }
        assert told == broken, item.obj["id"]
        found.update(broken)
    assert set(found) == expected


def test_the_bytes_of_a_feed_come_back_unchanged() -> None:
    body = feed("stix/mixed-2.1.json.gz")
    found = read_envelope(body)
    objects = orjson.loads(body)["objects"]
    assert [orjson.loads(item.raw) for item in found] == objects
    position = 0
    for item in found:
        position = body.index(item.raw, position) + len(item.raw)
    assert [version_of(obj)[1] for obj in objects if "modified" in obj] == [
        obj["modified"] for obj in objects if "modified" in obj
    ]


def test_an_older_clock_refuses_what_lies_ahead_of_it() -> None:
    now = parse_timestamp("2026-01-01T00:00:00Z")
    found = read_envelope(feed("stix/mixed-2.1.json.gz"))
    ahead = {
        item.raw
        for item in found
        if item.obj is not None
        and padded(item.obj.get("modified", item.obj.get("created", "1970Z"))) > "2026-01-01T00:01:00.000000000"
    }
    refused = {
        item.raw
        for item in found
        if isinstance(answer := checked(item, now=now), tuple)
        and any("in the future" in fault.message for fault in answer)
    }
    assert refused == ahead
    assert ahead
