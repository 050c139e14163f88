"""One object for each way to break a row on single types (S-2.4, S-4, S-5, S-6, S-R), in the form of stixbroken.py."""

from typing import Any

from tests.unit.stixbroken import Broken, extended
from tests.unit.test_stix_samples import LATER, MD5, SAMPLES, TIME, broken, observable, ref

SEEN = ("campaign", "infrastructure", "intrusion-set", "malware", "sighting", "threat-actor")
DOMAIN_REQUIRED = {
    "attack-pattern": "name",
    "campaign": "name",
    "course-of-action": "name",
    "grouping": "context object_refs",
    "identity": "name",
    "incident": "name",
    "indicator": "pattern pattern_type valid_from",
    "infrastructure": "name",
    "intrusion-set": "name",
    "malware": "is_family",
    "malware-analysis": "product",
    "note": "content object_refs",
    "observed-data": "first_observed last_observed number_observed",
    "opinion": "opinion object_refs",
    "relationship": "relationship_type source_ref target_ref",
    "report": "name published object_refs",
    "sighting": "sighting_of_ref",
    "threat-actor": "name",
    "tool": "name",
    "vulnerability": "name",
}
OBSERVABLE_REQUIRED = {
    "autonomous-system": "number",
    "directory": "path",
    "domain-name": "value",
    "email-addr": "value",
    "ipv4-addr": "value",
    "ipv6-addr": "value",
    "mac-addr": "value",
    "url": "value",
    "email-message": "is_multipart",
    "mutex": "name",
    "software": "name",
    "network-traffic": "protocols",
}
# row → (type, property, a type that it may not refer to); the same in REFERENCES of stixcarried.py for what it may.
WRONG_REFERENCES = {
    "S-R-01": (
        ("note", "object_refs", "bundle"),
        ("opinion", "object_refs", "bundle"),
        ("report", "object_refs", "bundle"),
        ("grouping", "object_refs", "bundle"),
        ("language-content", "object_ref", "bundle"),
        ("tool", "created_by_ref", "threat-actor"),
        ("tool", "object_marking_refs", "statement"),
    ),
    "S-R-02": (
        ("malware", "operating_system_refs", "tool"),
        ("malware", "sample_refs", "url"),
        ("malware-analysis", "host_vm_ref", "file"),
        ("malware-analysis", "operating_system_ref", "file"),
        ("malware-analysis", "installed_software_refs", "file"),
        ("malware-analysis", "analysis_sco_refs", "tool"),
        ("malware-analysis", "sample_ref", "url"),
    ),
    "S-R-03": (
        ("directory", "contains_refs", "url"),
        ("domain-name", "resolves_to_refs", "url"),
        ("email-addr", "belongs_to_ref", "identity"),
        ("email-message", "from_ref", "url"),
        ("email-message", "sender_ref", "url"),
        ("email-message", "to_refs", "url"),
        ("email-message", "cc_refs", "url"),
        ("email-message", "bcc_refs", "url"),
        ("email-message", "raw_email_ref", "file"),
        ("file", "parent_directory_ref", "file"),
        ("file", "content_ref", "file"),
        ("file", "contains_refs", "tool"),
    ),
    "S-R-04": (
        ("ipv4-addr", "resolves_to_refs", "domain-name"),
        ("ipv4-addr", "belongs_to_refs", "url"),
        ("ipv6-addr", "resolves_to_refs", "ipv4-addr"),
        ("ipv6-addr", "belongs_to_refs", "identity"),
        ("network-traffic", "src_ref", "url"),
        ("network-traffic", "dst_ref", "url"),
        ("network-traffic", "src_payload_ref", "file"),
        ("network-traffic", "dst_payload_ref", "file"),
        ("network-traffic", "encapsulates_refs", "url"),
        ("network-traffic", "encapsulated_by_ref", "url"),
        ("process", "opened_connection_refs", "url"),
        ("process", "creator_user_ref", "identity"),
        ("process", "image_ref", "artifact"),
        ("process", "parent_ref", "file"),
        ("process", "child_refs", "file"),
        ("windows-registry-key", "creator_user_ref", "identity"),
    ),
}


def referring(stix_type: str, name: str, target: str) -> dict[str, Any]:
    """The sample of a type with one reference, in a list where the name says so."""
    return broken(stix_type, **{name: [ref(target)] if name.endswith("_refs") else ref(target)})


def _misdirected(row: str) -> list[tuple[dict[str, Any], str, str]]:
    return [
        (referring(stix_type, name, target), f"/{name}/0" if name.endswith("_refs") else f"/{name}", target)
        for stix_type, name, target in WRONG_REFERENCES[row]
    ]


def embedded(**objects: Any) -> dict[str, Any]:
    """An observed-data of the old form."""
    return broken("observed-data", "object_refs", objects=objects)


BROKEN: Broken = {
    "S-2.4-01": [
        (broken("opinion", opinion="maybe"), "/opinion", "strongly-agree"),
        (broken("artifact", encryption_algorithm="rot13"), "/encryption_algorithm", "AES-256-GCM"),
        (
            extended("process", "windows-process-ext", integrity_level="top"),
            "/extensions/windows-process-ext/integrity_level",
            "low, medium",
        ),
        (
            extended("process", "windows-service-ext", start_type="NEVER"),
            "/extensions/windows-service-ext/start_type",
            "SERVICE_AUTO_START",
        ),
        (
            extended("network-traffic", "socket-ext", address_family="AF_X"),
            "/extensions/socket-ext/address_family",
            "AF_INET",
        ),
        (broken("windows-registry-key", values=[{"data_type": "REG_X"}]), "/values/0/data_type", "REG_SZ"),
    ],
    "S-4-01": [
        *(
            (broken(stix_type, name), f"/{name}", "add it")
            for stix_type, required in DOMAIN_REQUIRED.items()
            for name in required.split()
        ),
        (broken("identity", identity_class=["organization"]), "/identity_class", "a string"),
        (
            broken("attack-pattern", kill_chain_phases=[{"kill_chain_name": "k"}]),
            "/kill_chain_phases/0/phase_name",
            "add",
        ),
    ],
    "S-4-02": [
        (broken("indicator", valid_until=TIME), "/valid_until", "equals valid_from"),
        (broken("relationship", stop_time=TIME), "/stop_time", "equals start_time"),
        (broken("relationship", start_time=LATER, stop_time=TIME), "/stop_time", "before start_time"),
        (broken("observed-data", first_observed=LATER, last_observed=TIME), "/last_observed", "before"),
        *((broken(kind, first_seen=LATER, last_seen=TIME), "/last_seen", "before first_seen") for kind in SEEN),
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
        (embedded(**{"0": observable("url")}), "/objects/0/value", "add it"),
        (embedded(**{"a/b": observable("mutex", name=5)}), "/objects/a~1b/name", "a string"),
        (embedded(**{"0": SAMPLES["tool"]}), "/objects/0/type", "SCO"),
        (embedded(**{"0": 5}), "/objects/0", "SCO"),
        (embedded(**{"0": {"type": "url"}}), "/objects/0/id", "missing"),
        (embedded(**{"0": broken("network-traffic", src_ref="the other one")}), "/objects/0/src_ref", "not an id"),
    ],
    "S-5-01": [
        (broken("relationship", source_ref=ref("sighting")), "/source_ref", "sighting"),
        (broken("relationship", source_ref=ref("language-content")), "/source_ref", "language-content"),
        (broken("relationship", target_ref=ref("relationship")), "/target_ref", "relationship"),
        (broken("relationship", target_ref=ref("marking-definition")), "/target_ref", "marking-definition"),
        (broken("relationship", target_ref=ref("extension-definition")), "/target_ref", "extension-definition"),
        (broken("relationship", target_ref=ref("bundle")), "/target_ref", "bundle"),
        (broken("relationship", relationship_type="Uses It"), "/relationship_type", "a-z"),
    ],
    "S-5-02": [
        (broken("sighting", sighting_of_ref=ref("ipv4-addr")), "/sighting_of_ref", "ipv4-addr"),
        (broken("sighting", observed_data_refs=[ref("report")]), "/observed_data_refs/0", "observed-data"),
        (broken("sighting", where_sighted_refs=[ref("tool")]), "/where_sighted_refs/0", "identity, location"),
    ],
    "S-6-01": [
        *((broken(stix_type, name), f"/{name}", "add it") for stix_type, name in OBSERVABLE_REQUIRED.items()),
        (extended("file", "windows-pebinary-ext", imphash="x"), "/extensions/windows-pebinary-ext/pe_type", "add it"),
        (
            extended("network-traffic", "http-request-ext", request_method="get"),
            "/extensions/http-request-ext/request_value",
            "add it",
        ),
        (
            extended("network-traffic", "http-request-ext", request_value="/"),
            "/extensions/http-request-ext/request_method",
            "add it",
        ),
        (
            extended("network-traffic", "icmp-ext", icmp_type_hex="08"),
            "/extensions/icmp-ext/icmp_code_hex",
            "add it",
        ),
        (
            extended("network-traffic", "socket-ext", is_blocking=True),
            "/extensions/socket-ext/address_family",
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
        (broken("software", cpe="edge-gateway"), "/cpe", "CPE"),
        (broken("software", languages=["en_GB"]), "/languages/0", "RFC 5646"),
        (broken("file", name_enc="?"), "/name_enc", "character set"),
        (
            extended("file", "windows-pebinary-ext", pe_type="exe", time_date_stamp="2026-05-01T12:00:00.5Z"),
            "/extensions/windows-pebinary-ext/time_date_stamp",
            "to the second",
        ),
        (broken("windows-registry-key", key="HKLM\\Software"), "/key", "HKEY_LOCAL_MACHINE"),
        (broken("ipv4-addr", value="198.51.100.300"), "/value", "IPv4"),
        (broken("ipv6-addr", value="2001:db8"), "/value", "IPv6"),
    ],
    "S-6-02": [
        (broken("artifact", "payload_bin"), "", "neither"),
        (broken("artifact", url="https://example.com", hashes={"MD5": MD5}), "", "both"),
        (broken("artifact", "payload_bin", url="https://example.com"), "/hashes", "url"),
        (broken("artifact", decryption_key="k"), "/encryption_algorithm", "decryption_key"),
        (broken("file", "name", "hashes"), "", "hashes, name"),
        (broken("network-traffic", "src_ref"), "", "src_ref, dst_ref"),
        (broken("network-traffic", is_active=True), "/is_active", "false"),
        (broken("network-traffic", src_port=65536), "/src_port", "at most 65535"),
        (broken("network-traffic", dst_port=-1), "/dst_port", "at least 0"),
        (broken("email-message", is_multipart=True), "/body", "body_multipart"),
        (broken("email-message", "body", is_multipart=True, body_multipart=[5]), "/body_multipart/0", "an object"),
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
        (broken("mac-addr", value="D2:FB:49:24:37:18"), "/value", "lower case"),
        (broken("mac-addr", value="d2-fb-49-24-37-18"), "/value", "colons"),
    ],
    "S-R-01": [
        *_misdirected("S-R-01"),
        (broken("observed-data", object_refs=[ref("url"), ref("tool")]), "/object_refs/1", "tool"),
    ],
    "S-R-02": _misdirected("S-R-02"),
    "S-R-03": [
        *_misdirected("S-R-03"),
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
    ],
    "S-R-04": [
        *_misdirected("S-R-04"),
        (
            extended(
                "network-traffic",
                "http-request-ext",
                request_method="get",
                request_value="/",
                message_body_data_ref=ref("file"),
            ),
            "/extensions/http-request-ext/message_body_data_ref",
            "artifact",
        ),
        (
            extended("process", "windows-service-ext", service_dll_refs=[ref("url")]),
            "/extensions/windows-service-ext/service_dll_refs/0",
            "file",
        ),
    ],
}
