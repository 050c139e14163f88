"""What keeps an object out: one broken object for each rule of the requirements table, Part 2."""

from collections.abc import Mapping
from typing import Any

import pytest

from exchange.stix import TLP_OBJECTS, faults, format_timestamp
from tests.unit.test_stix_samples import (
    LATER,
    MD5,
    NOW,
    OTHER,
    SAMPLES,
    TIME,
    UUID,
    broken,
    observable,
    ref,
    sample,
)

ID = "/id"
CLEAR = TLP_OBJECTS["marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487"]
TLP_2 = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d"
EXTENSION = f"extension-definition--{OTHER}"
MINUTE_ON = format_timestamp(NOW + 60_000_000)
TOO_FAR = format_timestamp(NOW + 60_000_001)


def nested(levels: int) -> dict[str, Any]:
    """A tool in which the deepest list or object is the `levels`th, the tool being the first."""
    value: Any = "end"
    for _ in range(levels - 1):
        value = [value]
    return broken("tool", x_deep=value)


def marked(stix_type: str, *granular: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    return broken(stix_type, granular_markings=list(granular), **changes)


def extended(stix_type: str, key: str, **entry: Any) -> dict[str, Any]:
    return broken(stix_type, extensions={key: entry})


BROKEN: Mapping[str, list[tuple[dict[str, Any], str, str]]] = {
    "S-3.2 required": [
        (broken("tool", "created"), "/created", "add it"),
        (broken("tool", "modified"), "/modified", "add it"),
        (broken("tool", "spec_version"), "/spec_version", "STIX 2.0"),
        (broken("tool", spec_version="2.0"), "/spec_version", "2.1"),
        (broken("tool", spec_version=2.1), "/spec_version", "2.1"),
        (broken("url", spec_version="2.0"), "/spec_version", "2.1"),
        (broken("tool", defanged=False), "/defanged", "SCO"),
        (broken("tool", labels="a"), "/labels", "a list"),
        (broken("tool", labels=[5]), "/labels/0", "a string"),
        (broken("tool", revoked="no"), "/revoked", "true or false"),
        (broken("tool", confidence=101), "/confidence", "at most 100"),
        (broken("tool", confidence=-1), "/confidence", "at least 0"),
        (broken("tool", confidence=True), "/confidence", "integer"),
        (broken("tool", lang="en_GB"), "/lang", "RFC 5646"),
        (broken("extension-definition", "created_by_ref"), "/created_by_ref", "author"),
        (broken("extension-definition", "schema"), "/schema", "add it"),
        (
            broken("extension-definition", extension_types=["new-sdo"]),
            "/extension_properties",
            "toplevel",
        ),
        (
            broken("extension-definition", "extension_properties", extension_types=["old-sdo"]),
            "/extension_types/0",
            "one of",
        ),
        (broken("language-content", "contents"), "/contents", "add it"),
        (broken("language-content", contents={"de_DE": {"name": "x"}}), "/contents", "RFC 5646"),
        (broken("language-content", contents={"de": "x"}), "/contents/de", "dictionary"),
        (broken("marking-definition", "created"), "/created", "add it"),
    ],
    "S-2.9 ids": [
        (broken("tool", "type"), "/type", "missing"),
        (broken("tool", type=5), "/type", "string"),
        (broken("tool", type="Tool"), "/type", "a-z"),
        (broken("tool", type="x--y"), "/type", "hyphens"),
        (broken("tool", type="xy"), "/type", "3 to 250"),
        (broken("tool", type="action"), "/type", "action"),
        (broken("tool", "id"), ID, "missing"),
        (broken("tool", id=f"malware--{UUID}"), ID, "own type"),
        (broken("tool", id=f"tool--{UUID}0"), ID, "UUID"),
        (broken("tool", id="tool--1"), ID, "UUID"),
        (broken("tool", id=[1]), ID, "string"),
        ({"type": "bundle", "id": f"bundle--{UUID}", "objects": [SAMPLES["tool"]]}, "/type", "bundle"),
    ],
    "S-2.16 and S-3.6 times": [
        (broken("tool", created="2026-05-01T12:00:00Z"), "/created", "three digits"),
        (broken("tool", created="2026-05-01T12:00:00.00Z"), "/created", "three digits"),
        (broken("marking-definition", created="2026-05-01"), "/created", "three digits"),
        (broken("tool", modified="2026-05-01T12:00:00.000+00:00"), "/modified", "2026-01-31"),
        (broken("tool", modified="2026-02-31T12:00:00.000Z"), "/modified", "2026-01-31"),
        (broken("tool", created=LATER), "/modified", "before created"),
        (broken("tool", modified=TOO_FAR), "/modified", "future"),
        (broken("marking-definition", created=TOO_FAR), "/created", "future"),
        (broken("url", modified="soon"), "/modified", "2026-01-31"),
        (broken("report", published="2026-02-31T12:00:00Z"), "/published", "2026-01-31"),
        (broken("campaign", first_seen="May"), "/first_seen", "2026-01-31"),
        (
            broken("x509-certificate", validity_not_after="2026-04-31T00:00:00Z"),
            "/validity_not_after",
            "time",
        ),
    ],
    "S-2.3, S-2.8 values": [
        (broken("tool", labels=[]), "/labels", "empty list"),
        (broken("tool", x_own=[{"deep": []}]), "/x_own/0/deep", "empty list"),
        (broken("tool", x_own={}), "/x_own", "empty dictionary"),
        (broken("tool", extensions={}), "/extensions", "empty dictionary"),
        (broken("tool", x_own=2**53), "/x_own", "2^53-1"),
        (broken("tool", x_own=[-(2**53)]), "/x_own/0", "2^53-1"),
        (broken("tool", x_own=float("nan")), "/x_own", "finite"),
        (broken("tool", x_own=None), "/x_own", "null"),
        (broken("tool", labels=[None]), "/labels/0", "not null"),
        (broken("tool", name=True), "/name", "not true or false"),
        (broken("tool", name=1.5), "/name", "not a number"),
        (broken("tool", name={"a": 1}), "/name", "not an object"),
        (broken("tool", **{"": "\ud800"}), "", "surrogate"),
        (nested(65), "/x_deep", "64 levels"),
        (broken("artifact", payload_bin="aGVsbG8"), "/payload_bin", "base64"),
        (broken("artifact", payload_bin="aGVsbG8\n"), "/payload_bin", "base64"),
        (broken("tool", x_own_hex="ABCD"), "/x_own_hex", "lower case"),
        (broken("tool", x_own_hex="abc"), "/x_own_hex", "even number"),
        (broken("file", magic_number_hex=5), "/magic_number_hex", "a string"),
        (
            broken("process", environment_variables={"A B": "x"}),
            "/environment_variables/A B",
            "name is not allowed",
        ),
    ],
    "S-2.7 hashes": [
        (broken("file", hashes={"MD5": "abc"}), "/hashes/MD5", "32 hexadecimal"),
        (broken("file", hashes={"SHA-256": MD5}), "/hashes/SHA-256", "64 hexadecimal"),
        (broken("file", hashes={"ab": "c"}), "/hashes/ab", "name is not allowed"),
        (broken("x509-certificate", hashes={"x-own": "c"}), "/hashes", "vocabulary"),
        (
            broken("artifact", "payload_bin", url="https://example.com", hashes={"x-own": "c"}),
            "/hashes",
            "vocabulary",
        ),
        (
            broken("tool", external_references=[{"source_name": "x", "url": "u", "hashes": {"x-own": "c"}}]),
            "/external_references/0/hashes",
            "vocabulary",
        ),
        (
            extended("file", "windows-pebinary-ext", pe_type="exe", file_header_hashes={"x-own": "c"}),
            "/extensions/windows-pebinary-ext/file_header_hashes",
            "vocabulary",
        ),
    ],
    "S-2.5 external references": [
        (broken("tool", external_references=[{"source_name": "x"}]), "/external_references/0", "add a"),
        (
            broken("tool", external_references=[{"url": "https://example.com"}]),
            "/external_references/0/source_name",
            "add it",
        ),
        (
            broken("vulnerability", external_references=[{"source_name": "cve", "external_id": "2026-1"}]),
            "/external_references/0/external_id",
            "CVE-",
        ),
        (
            broken("attack-pattern", external_references=[{"source_name": "capec", "external_id": "163"}]),
            "/external_references/0/external_id",
            "CAPEC-",
        ),
        (broken("tool", external_references=["x"]), "/external_references/0", "an object"),
    ],
    "S-2.4 closed enumerations": [
        (broken("opinion", opinion="maybe"), "/opinion", "strongly-agree"),
        (broken("artifact", encryption_algorithm="rot13"), "/encryption_algorithm", "AES-256-GCM"),
        (
            extended("process", "windows-process-ext", integrity_level="top"),
            "/extensions/windows-process-ext/integrity_level",
            "low, medium",
        ),
        (
            extended("network-traffic", "socket-ext", address_family="AF_X"),
            "/extensions/socket-ext/address_family",
            "AF_INET",
        ),
        (
            broken("windows-registry-key", values=[{"data_type": "REG_X"}]),
            "/values/0/data_type",
            "REG_SZ",
        ),
        (
            extended("tool", EXTENSION, extension_type="new"),
            f"/extensions/{EXTENSION}/extension_type",
            "new-sdo",
        ),
        (extended("tool", EXTENSION, score=5), f"/extensions/{EXTENSION}/extension_type", "add it"),
    ],
    "S-3.1 and S-3.8 names": [
        (broken("tool", severity=5), "/severity", "reserved"),
        (broken("tool", username="a"), "/username", "reserved"),
        (broken("tool", phone_number="a"), "/phone_number", "reserved"),
        (broken("tool", phone_numbers=["a"]), "/phone_numbers", "reserved"),
        (broken("url", action="a"), "/action", "reserved"),
        (broken("tool", X_Own=5), "/X_Own", "a-z"),
        (broken("tool", xy=5), "/xy", "3 to 250"),
        (broken("tool", **{"x" * 251: 5}), f"/{'x' * 250}…", "3 to 250"),
        (broken("marking-definition", X_Own=5), "/X_Own", "a-z"),
        (
            extended("tool", EXTENSION, extension_type="property-extension", X=5),
            f"/extensions/{EXTENSION}/X",
            "a-z",
        ),
        (broken("tool", x_own_ref=["a"]), "/x_own_ref", "one string"),
        (broken("tool", x_own_refs="a"), "/x_own_refs", "list of ids"),
        (broken("tool", x_own_enc="utf-8"), "/x_own_enc", "absent"),
    ],
    "S-4 domain objects": [
        *(
            (broken(stix_type, name), f"/{name}", "add it")
            for stix_type, required in (
                ("attack-pattern", "name"),
                ("campaign", "name"),
                ("course-of-action", "name"),
                ("grouping", "context object_refs"),
                ("identity", "name"),
                ("incident", "name"),
                ("indicator", "pattern pattern_type valid_from"),
                ("infrastructure", "name"),
                ("intrusion-set", "name"),
                ("malware", "is_family"),
                ("malware-analysis", "product"),
                ("note", "content object_refs"),
                ("observed-data", "first_observed last_observed number_observed"),
                ("opinion", "opinion object_refs"),
                ("relationship", "relationship_type source_ref target_ref"),
                ("report", "name published object_refs"),
                ("sighting", "sighting_of_ref"),
                ("threat-actor", "name"),
                ("tool", "name"),
                ("vulnerability", "name"),
            )
            for name in required.split()
        ),
        (broken("identity", identity_class=["organization"]), "/identity_class", "a string"),
        (broken("indicator", valid_until=TIME), "/valid_until", "equals valid_from"),
        (broken("relationship", stop_time=TIME), "/stop_time", "equals start_time"),
        (broken("relationship", start_time=LATER, stop_time=TIME), "/stop_time", "before start_time"),
        (broken("observed-data", first_observed=LATER, last_observed=TIME), "/last_observed", "before"),
        *(
            (broken(stix_type, first_seen=LATER, last_seen=TIME), "/last_seen", "before first_seen")
            for stix_type in (
                "campaign",
                "infrastructure",
                "intrusion-set",
                "malware",
                "sighting",
                "threat-actor",
            )
        ),
        (broken("observed-data", number_observed=0), "/number_observed", "at least 1"),
        (broken("observed-data", number_observed=10**9), "/number_observed", "at most 999999999"),
        (broken("sighting", count=-1), "/count", "at least 0"),
        (broken("sighting", count=10**9), "/count", "at most"),
        (broken("malware", "name"), "/name", "family"),
        (broken("location", "longitude", "precision"), "/longitude", "latitude stands"),
        (broken("location", "latitude", "precision"), "/latitude", "longitude stands"),
        (broken("location", "latitude", "longitude"), "/precision", "latitude and longitude"),
        (broken("location", "latitude", "longitude", "precision", "region"), "", "region"),
        (broken("location", latitude=90.1), "/latitude", "at most 90"),
        (broken("location", longitude=-180.1), "/longitude", "at least -180"),
        (broken("malware-analysis", "result"), "", "result, analysis_sco_refs"),
        (broken("observed-data", "object_refs"), "", "neither objects and object_refs"),
        (broken("observed-data", objects={"0": SAMPLES["url"]}), "", "both"),
        (broken("observed-data", object_refs=[ref("relationship")]), "/object_refs", "no SCO"),
        (broken("relationship", relationship_type="Uses It"), "/relationship_type", "a-z"),
        (
            broken("attack-pattern", kill_chain_phases=[{"kill_chain_name": "k"}]),
            "/kill_chain_phases/0/phase_name",
            "add",
        ),
    ],
    "S-4-02 embedded observables": [
        (
            broken("observed-data", "object_refs", objects={"0": observable("url")}),
            "/objects/0/value",
            "add it",
        ),
        (
            broken("observed-data", "object_refs", objects={"a/b": observable("mutex", name=5)}),
            "/objects/a~1b/name",
            "a string",
        ),
        (broken("observed-data", "object_refs", objects={"0": SAMPLES["tool"]}), "/objects/0/type", "SCO"),
        (broken("observed-data", "object_refs", objects={"0": 5}), "/objects/0", "SCO"),
        (broken("observed-data", "object_refs", objects={"0": {"type": "url"}}), "/objects/0/id", "missing"),
        (
            broken(
                "observed-data",
                "object_refs",
                objects={"0": broken("network-traffic", src_ref="the other one")},
            ),
            "/objects/0/src_ref",
            "not an id",
        ),
    ],
    "S-6 observables": [
        *(
            (broken(stix_type, name), f"/{name}", "add it")
            for stix_type, name in (
                ("autonomous-system", "number"),
                ("directory", "path"),
                ("domain-name", "value"),
                ("email-addr", "value"),
                ("ipv4-addr", "value"),
                ("ipv6-addr", "value"),
                ("mac-addr", "value"),
                ("url", "value"),
                ("email-message", "is_multipart"),
                ("mutex", "name"),
                ("software", "name"),
                ("network-traffic", "protocols"),
            )
        ),
        (
            extended("file", "windows-pebinary-ext", imphash="x"),
            "/extensions/windows-pebinary-ext/pe_type",
            "add it",
        ),
        (
            extended("network-traffic", "http-request-ext", request_method="get"),
            "/extensions/http-request-ext/request_value",
            "add it",
        ),
        (
            extended("network-traffic", "icmp-ext", icmp_type_hex="08"),
            "/extensions/icmp-ext/icmp_code_hex",
            "add it",
        ),
        (
            extended("file", "ntfs-ext", alternate_data_streams=[{"size": 5}]),
            "/extensions/ntfs-ext/alternate_data_streams/0/name",
            "add it",
        ),
        (
            extended("file", "windows-pebinary-ext", pe_type="exe", sections=[{"size": 5}]),
            "/extensions/windows-pebinary-ext/sections/0/name",
            "add it",
        ),
        (broken("artifact", "payload_bin"), "", "neither"),
        (broken("artifact", url="https://example.com", hashes={"MD5": MD5}), "", "both"),
        (broken("artifact", "payload_bin", url="https://example.com"), "/hashes", "url"),
        (broken("artifact", decryption_key="k"), "/encryption_algorithm", "decryption_key"),
        (broken("file", "name", "hashes"), "", "hashes, name"),
        (broken("network-traffic", "src_ref"), "", "src_ref, dst_ref"),
        (broken("network-traffic", is_active=True), "/is_active", "false"),
        (broken("network-traffic", src_port=65536), "/src_port", "at most 65535"),
        (broken("email-message", is_multipart=True), "/body", "body_multipart"),
        (
            broken("email-message", "body", is_multipart=True, body_multipart=[5]),
            "/body_multipart/0",
            "an object",
        ),
        (broken("email-message", body_multipart=[{"body": "a"}]), "/body_multipart", "not multipart"),
        (
            broken("email-message", "body", is_multipart=True, body_multipart=[{"content_type": "text/plain"}]),
            "/body_multipart/0",
            "neither",
        ),
        (broken("process", "pid", "created_time"), "", "created_time"),
        (broken("user-account", "user_id", "account_created"), "", "user_id"),
        (broken("windows-registry-key", "key", "modified_time"), "", "modified_time"),
        (broken("x509-certificate", "serial_number", "validity_not_before"), "", "serial_number"),
        (broken("software", cpe="edge-gateway"), "/cpe", "CPE"),
        (broken("software", languages=["en_GB"]), "/languages/0", "RFC 5646"),
        (broken("file", name_enc="?"), "/name_enc", "character set"),
        (
            extended("file", "windows-pebinary-ext", pe_type="exe", time_date_stamp="2026-05-01T12:00:00.5Z"),
            "/extensions/windows-pebinary-ext/time_date_stamp",
            "to the second",
        ),
        (broken("windows-registry-key", key="HKLM\\Software"), "/key", "HKEY_LOCAL_MACHINE"),
        (broken("mac-addr", value="D2:FB:49:24:37:18"), "/value", "lower case"),
        (broken("ipv4-addr", value="198.51.100.300"), "/value", "IPv4"),
        (broken("ipv6-addr", value="2001:db8"), "/value", "IPv6"),
    ],
    "S-R and S-5 references": [
        (broken("tool", created_by_ref=ref("tool")), "/created_by_ref", "identity"),
        (broken("tool", created_by_ref="me"), "/created_by_ref", "not an id"),
        (broken("relationship", source_ref=ref("sighting")), "/source_ref", "sighting"),
        (broken("relationship", target_ref=ref("marking-definition")), "/target_ref", "marking-definition"),
        (
            broken("relationship", target_ref=ref("extension-definition")),
            "/target_ref",
            "extension-definition",
        ),
        (broken("relationship", target_ref=ref("bundle")), "/target_ref", "bundle"),
        (broken("sighting", sighting_of_ref=ref("ipv4-addr")), "/sighting_of_ref", "ipv4-addr"),
        (broken("sighting", observed_data_refs=[ref("report")]), "/observed_data_refs/0", "observed-data"),
        (broken("sighting", where_sighted_refs=[ref("tool")]), "/where_sighted_refs/0", "identity, location"),
        (broken("report", object_refs=[ref("tool"), ref("bundle")]), "/object_refs/1", "bundle"),
        (broken("observed-data", object_refs=[ref("url"), ref("tool")]), "/object_refs/1", "tool"),
        (broken("malware", sample_refs=[ref("url")]), "/sample_refs/0", "artifact, file"),
        (broken("malware-analysis", sample_ref=ref("url")), "/sample_ref", "artifact, file"),
        (broken("malware-analysis", analysis_sco_refs=[ref("tool")]), "/analysis_sco_refs/0", "tool"),
        (broken("directory", contains_refs=[ref("url")]), "/contains_refs/0", "directory, file"),
        (broken("ipv4-addr", belongs_to_refs=[ref("url")]), "/belongs_to_refs/0", "autonomous-system"),
        (broken("email-message", from_ref=ref("url")), "/from_ref", "email-addr"),
        (
            broken("email-message", "body", is_multipart=True, body_multipart=[{"body_raw_ref": ref("url")}]),
            "/body_multipart/0/body_raw_ref",
            "artifact, file",
        ),
        (
            extended("file", "archive-ext", contains_refs=[ref("url")]),
            "/extensions/archive-ext/contains_refs/0",
            "directory, file",
        ),
        (
            extended("process", "windows-service-ext", service_dll_refs=[ref("url")]),
            "/extensions/windows-service-ext/service_dll_refs/0",
            "file",
        ),
        (broken("network-traffic", src_ref="0"), "/src_ref", "not an id"),
    ],
    "S-7.2 markings": [
        (
            broken("tool", object_marking_refs=[ref("identity")]),
            "/object_marking_refs/0",
            "marking-definition",
        ),
        (broken("tool", object_marking_refs=[ref("x-mark")]), "/object_marking_refs/0", "marking-definition"),
        (
            broken("marking-definition", object_marking_refs=[f"marking-definition--{UUID}"]),
            "/object_marking_refs/0",
            "itself",
        ),
        (marked("tool", {"selectors": ["name"]}), "/granular_markings/0", "exactly one"),
        (
            marked("tool", {"selectors": ["name"], "lang": "en", "marking_ref": CLEAR["id"]}),
            "/granular_markings/0",
            "exactly one",
        ),
        (
            marked("marking-definition", {"selectors": ["id"], "marking_ref": f"marking-definition--{UUID}"}),
            "/granular_markings/0/marking_ref",
            "itself",
        ),
        (marked("tool", {"lang": "en"}), "/granular_markings/0/selectors", "add it"),
        (marked("tool", {"lang": "en", "selectors": []}), "/granular_markings/0/selectors", "empty list"),
        (marked("tool", {"lang": "e n", "selectors": ["name"]}), "/granular_markings/0/lang", "RFC 5646"),
        (
            marked("tool", {"selectors": ["name"], "marking_ref": ref("identity")}),
            "/granular_markings/0/marking_ref",
            "marking-definition",
        ),
        *(
            (
                marked("tool", {"selectors": [selector], "lang": "en"}, labels=["a"]),
                "/granular_markings/0/selectors/0",
                "nothing",
            )
            for selector in (
                "description",
                "labels.[1]",
                "labels.0",
                "labels.[0].a",
                "name.[0]",
                "",
                "labels.[x]",
            )
        ),
        (broken("marking-definition", "definition"), "/definition", "missing"),
        (broken("marking-definition", "definition_type"), "/definition_type", "missing"),
        (broken("marking-definition", "definition", "definition_type"), "/definition", "missing"),
        (broken("marking-definition", definition={"text": "x"}), "/definition/statement", "statement"),
        (broken("marking-definition", modified=TIME), "/modified", "no versions"),
        ({**CLEAR, "name": "TLP:WHITE"}, "", "TLP:CLEAR as published"),
        ({**CLEAR, "id": f"marking-definition--{UUID}"}, "", "claims a TLP level"),
        (extended("marking-definition", "x-own-ext", tlp_2_0="clear"), "", "claims a TLP level"),
        (
            extended("marking-definition", TLP_2, extension_type="property-extension"),
            "",
            "claims a TLP level",
        ),
        (broken("marking-definition", definition_type="tlp", definition={"tlp": "red"}), "", "claims"),
        (broken("marking-definition", definition_type="own", definition={"tlp": "red"}), "", "claims"),
        (
            {
                **TLP_OBJECTS["marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9"],
                "name": "TLP:CLEAR",
                "definition": {"tlp": "clear"},
            },
            "",
            "TLP:WHITE as published",
        ),
    ],
    "S-9 patterns": [
        (broken("indicator", pattern="[file:name = ]"), "/pattern", "line 1, column 14"),
        (broken("indicator", pattern=""), "/pattern", "does not parse"),
    ],
    "types outside the standard": [
        (sample("x-own", xy=5), "/xy", "3 to 250"),
        (broken("tool", "modified", type="x-own", id=f"x-own--{UUID}"), "/modified", "add it"),
        (
            {
                "type": "x-own",
                "id": f"x-own--{UUID}",
                "created": TIME,
                "modified": TIME,
                "extensions": {EXTENSION: {"extension_type": "new-sdo"}},
            },
            "/spec_version",
            "STIX 2.0",
        ),
    ],
}


@pytest.mark.parametrize(
    ("obj", "path", "words"),
    [
        pytest.param(*case, id=f"{group} {number} {case[1][:40]}")
        for group, cases in BROKEN.items()
        for number, case in enumerate(cases)
    ],
)
def test_one_broken_rule_is_one_fault_with_its_place(obj: dict[str, Any], path: str, words: str) -> None:
    found = faults(obj, now=NOW)
    assert [(fault.path, words in fault.message) for fault in found] == [(path, True)], found


def test_all_faults_of_an_object_are_told_at_once() -> None:
    obj = broken("report", "name", labels=[], published="May", object_refs=["x"], confidence=200)
    assert {fault.path for fault in faults(obj, now=NOW)} == {
        "/name",
        "/labels",
        "/published",
        "/object_refs/0",
        "/confidence",
    }


def test_a_thousand_equal_mistakes_are_told_twenty_times_at_most() -> None:
    assert len(faults(broken("report", object_refs=["x"] * 1000), now=NOW)) == 20


def test_a_thousand_wrong_observations_are_told_twenty_times_at_most() -> None:
    objects = {str(number): {"type": "url"} for number in range(1000)}
    assert len(faults(broken("observed-data", "object_refs", objects=objects), now=NOW)) == 20


ACCEPTED: Mapping[str, dict[str, Any]] = {
    "a version up to a minute ahead": broken("tool", modified=MINUTE_ON),
    "times with nine digits": broken("tool", modified="2026-05-01T12:00:00.123456789Z"),
    "a UUID of version 8": broken("tool", id="tool--0f2c4d2e-5a0b-8f5e-1c1d-2b7a6e8f9a01"),
    "the nil UUID": broken("tool", id="tool--00000000-0000-0000-0000-000000000000"),
    "sixty-four levels": nested(64),
    "the largest integer": broken("tool", x_own=2**53 - 1),
    "a large float": broken("tool", x_own=1e300),
    "custom properties": broken("tool", x_own={"A b": [None, "", 5]}, score=5),
    "another word of a vocabulary": broken("identity", identity_class="starship"),
    "an unknown relationship_type": broken("relationship", relationship_type="frightens"),
    "relationships of custom types": broken("relationship", source_ref=ref("x-own"), target_ref=ref("x-other")),
    "an unknown extension": extended("tool", EXTENSION, extension_type="property-extension", score=5),
    "an old extension": extended("tool", "x-own-ext", score=5),
    "an extension under another name": extended("tool", "Own", score=5),
    "a CVE under another source": broken(
        "tool", external_references=[{"source_name": "ghsa", "external_id": "CVE-2026-1"}]
    ),
    "a foreign pattern language": broken("indicator", pattern="rule x {", pattern_type="yara"),
    "a pattern of STIX 2.0": broken("indicator", pattern_version="2.0", pattern="[file:name IN ('a')]"),
    "a grouping without a name": SAMPLES["grouping"],
    "malware without a name": broken("malware", "name", is_family=False),
    "language content about language content": broken("language-content", object_ref=ref("language-content")),
    "a selector for a dictionary's key": marked("file", {"selectors": ["hashes.MD5"], "lang": "en"}),
    "a selector for a list's item": marked("tool", {"selectors": ["labels.[0]"], "lang": "en"}, labels=["a"]),
    "a marking by extension": broken(
        "marking-definition",
        "definition",
        "definition_type",
        extensions={EXTENSION: {"extension_type": "property-extension", "level": 5}},
    ),
    "an SCO without spec_version": broken("url", "spec_version"),
    "an SCO with versions": broken("url", created=TIME, modified=LATER),
    "a custom SCO": {"type": "x-own", "id": f"x-own--{UUID}", "score": 5},
    "a custom SDO": sample("x-own", score=5),
    "a custom SCO with created": {
        "type": "x-own",
        "id": f"x-own--{UUID}",
        "created": TIME,
        "extensions": {EXTENSION: {"extension_type": "new-sco"}},
    },
    "a custom SDO with another extension first": sample(
        "x-own",
        extensions={"x-own-ext": {"score": 5}, EXTENSION: {"extension_type": "new-sdo"}},
    ),
    "a multipart message": broken("email-message", "body", is_multipart=True, body_multipart=[{"body": "a"}]),
    "a defanged SCO": broken("url", defanged=True),
    "no bytes": broken("artifact", payload_bin=""),
    "a location by country": broken("location", "latitude", "longitude", "precision", "region", country="fr"),
    "an ssdeep and a TLSH with prefix": broken("file", hashes={"SSDEEP": "3:a/b:c", "TLSH": "T1" + "A" * 70}),
    "an embedded observation by its key": broken(
        "observed-data",
        "object_refs",
        objects={"0": SAMPLES["ipv4-addr"], "1": broken("network-traffic", src_ref="0")},
    ),
    "a header field once": broken("email-message", additional_header_fields={"Reply-To": ["a@example.com"]}),
    "options with digits": extended(
        "network-traffic", "socket-ext", address_family="AF_INET6", options={"IPV6_V6ONLY": 1}
    ),
    "integrity_level alone": extended("process", "windows-process-ext", integrity_level="low"),
}


@pytest.mark.parametrize("case", ACCEPTED)
def test_what_the_table_carries_is_no_fault(case: str) -> None:
    assert faults(ACCEPTED[case], now=NOW) == ()
