"""One acceptable object of each type of the standard; other tests of `stix` break them one by one."""

from collections.abc import Mapping
from typing import Any

import pytest
import stix2

from exchange.stix import TLP_OBJECTS, faults, parse_timestamp
from exchange.stixtypes import STIX_OBJECTS

NOW = parse_timestamp("2026-06-01T00:00:00.000Z")
TIME = "2026-05-01T12:00:00.000Z"
LATER = "2026-05-02T12:00:00.000Z"
UUID = "0f2c4d2e-5a0b-4f5e-9c1d-2b7a6e8f9a01"
OTHER = "3d6c1b9e-7a42-4c7f-8e15-94d0b2a7c356"
MD5 = "d41d8cd98f00b204e9800998ecf8427e"


def sample(stix_type: str, **own: Any) -> dict[str, Any]:
    """An SDO, SRO or meta object with its common properties and these of its own."""
    common = {"type": stix_type, "spec_version": "2.1", "id": f"{stix_type}--{UUID}", "created": TIME}
    return {**common, "modified": TIME, **own}


def observable(stix_type: str, **own: Any) -> dict[str, Any]:
    """An SCO with these properties of its own."""
    return {"type": stix_type, "spec_version": "2.1", "id": f"{stix_type}--{UUID}", **own}


def ref(stix_type: str) -> str:
    """The id of another object."""
    return f"{stix_type}--{OTHER}"


_OBJECTS: tuple[dict[str, Any], ...] = (
    sample("attack-pattern", name="Spear phishing"),
    sample("campaign", name="Grey Heron", first_seen=TIME, last_seen=TIME),
    sample("course-of-action", name="Update the gateway"),
    sample("grouping", context="suspicious-activity", object_refs=[ref("indicator")]),
    sample("identity", name="First River Bank", identity_class="organization"),
    sample("incident", name="Outage of May"),
    sample(
        "indicator",
        pattern="[ipv4-addr:value = '198.51.100.3']",
        pattern_type="stix",
        valid_from=TIME,
        valid_until=LATER,
    ),
    sample("infrastructure", name="Relay hosts", first_seen=TIME, last_seen=LATER),
    sample("intrusion-set", name="Heron", first_seen=TIME, last_seen=LATER),
    sample("location", latitude=48.8, longitude=2.3, precision=1000.0, region="western-europe"),
    sample("malware", is_family=True, name="Quill", first_seen=TIME, last_seen=LATER),
    sample("malware-analysis", product="sandbox", result="malicious"),
    sample("note", content="Seen twice.", object_refs=[ref("malware")]),
    sample(
        "observed-data",
        first_observed=TIME,
        last_observed=LATER,
        number_observed=1,
        object_refs=[ref("ipv4-addr"), ref("relationship")],
    ),
    sample("opinion", opinion="agree", object_refs=[ref("report")]),
    sample("report", name="May", published=TIME, object_refs=[ref("malware")]),
    sample("threat-actor", name="Heron", first_seen=TIME, last_seen=LATER),
    sample("tool", name="Lister"),
    sample("vulnerability", name="CVE-2026-1234"),
    sample(
        "relationship",
        relationship_type="uses",
        source_ref=ref("malware"),
        target_ref=ref("tool"),
        start_time=TIME,
        stop_time=LATER,
    ),
    sample("sighting", sighting_of_ref=ref("indicator"), first_seen=TIME, last_seen=TIME, count=2),
    sample("language-content", object_ref=ref("campaign"), contents={"de": {"name": "Graureiher"}}),
    sample(
        "extension-definition",
        created_by_ref=ref("identity"),
        name="Scores",
        schema="https://example.com/scores.json",
        version="1.0.0",
        extension_types=["toplevel-property-extension"],
        extension_properties=["score"],
    ),
    {
        "type": "marking-definition",
        "spec_version": "2.1",
        "id": f"marking-definition--{UUID}",
        "created": TIME,
        "definition_type": "statement",
        "definition": {"statement": "For the members of the exchange."},
    },
    observable("artifact", payload_bin="aGVsbG8="),
    observable("autonomous-system", number=64496),
    observable("directory", path="/tmp/work", ctime=TIME),  # noqa: S108  # a value in an object
    observable("domain-name", value="_dmarc.example.com"),
    observable("email-addr", value="a@example.com", belongs_to_ref=ref("user-account")),
    observable("email-message", is_multipart=False, body="Hello", from_ref=ref("email-addr"), date=TIME),
    observable("file", name="a.exe", hashes={"MD5": MD5, "x-own": "abc"}, mtime=TIME),
    observable("ipv4-addr", value="198.51.100.0/24"),
    observable("ipv6-addr", value="::ffff:198.51.100.3"),
    observable("mac-addr", value="d2:fb:49:24:37:18"),
    observable("mutex", name="Global\\quill"),
    observable("network-traffic", protocols=["tcp"], src_ref=ref("ipv4-addr"), is_active=False, end=TIME),
    observable("process", pid=4, created_time=TIME),
    observable("software", name="Edge gateway", languages=["en", "zh-Hans", "es-419"]),
    observable("url", value="https://example.com/a"),
    observable("user-account", user_id="1001", account_created=TIME),
    observable("windows-registry-key", key="HKEY_LOCAL_MACHINE\\Software\\Hku", modified_time=TIME),
    observable("x509-certificate", serial_number="01", validity_not_before=TIME),
)
SAMPLES: Mapping[str, dict[str, Any]] = {obj["type"]: obj for obj in _OBJECTS}


def broken(stix_type: str, *without: str, **changes: Any) -> dict[str, Any]:
    """The sample of a type, without some properties and with others changed or added."""
    return {key: value for key, value in {**SAMPLES[stix_type], **changes}.items() if key not in without}


def test_every_type_of_the_standard_has_a_sample() -> None:
    assert set(SAMPLES) == STIX_OBJECTS


@pytest.mark.parametrize("stix_type", sorted(SAMPLES))
def test_a_sample_of_each_type_is_accepted(stix_type: str) -> None:
    assert faults(SAMPLES[stix_type], now=NOW) == ()


@pytest.mark.parametrize("stix_type", sorted(SAMPLES))
def test_the_library_of_the_standard_takes_each_sample_too(stix_type: str) -> None:
    assert stix2.parse(SAMPLES[stix_type], allow_custom=True).id == SAMPLES[stix_type]["id"]


@pytest.mark.parametrize("marking", [stix2.TLP_WHITE, stix2.TLP_GREEN, stix2.TLP_AMBER, stix2.TLP_RED])
def test_the_tlp_1_objects_are_those_of_the_library(marking: Any) -> None:
    theirs = {**marking, "created": "2017-01-20T00:00:00.000Z", "definition": dict(marking.definition)}
    assert TLP_OBJECTS[marking.id] == theirs


@pytest.mark.parametrize("marking_id", TLP_OBJECTS)
def test_the_nine_published_tlp_objects_are_accepted(marking_id: str) -> None:
    assert faults(TLP_OBJECTS[marking_id], now=NOW) == ()
