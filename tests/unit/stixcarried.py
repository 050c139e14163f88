"""What each row of STIX 2.1 lets in: by row, a name and the object. Tests judge them, and send them over HTTP.

A row without an object here has a test of its own, or is about refusing alone.
"""

from collections.abc import Mapping
from typing import Any

from exchange.stix import format_timestamp
from exchange.stixtypes import META, SCO, SDO, SRO
from tests.unit.stixbroken import CLEAR, EXTENSION, extended, marked, named, nested
from tests.unit.stixbrokentypes import DOMAIN_REQUIRED, OBSERVABLE_REQUIRED, embedded, referring
from tests.unit.test_stix_samples import LATER, MD5, NOW, SAMPLES, TIME, broken, ref, sample
from tests.unit.test_stix_samples import UUID as A_UUID

GREEN = "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"
AMBER = "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421"
MINUTE_ON = format_timestamp(NOW + 60_000_000)
ANYTHING = "any STIX object"

# row → type, property, the types that it may refer to. Written out from the requirements, not from exchange.stixtypes.
REFERENCES: Mapping[str, tuple[tuple[str, str, str], ...]] = {
    "S-5-02": (
        ("sighting", "observed_data_refs", "observed-data"),
        ("sighting", "where_sighted_refs", "identity location"),
    ),
    "S-R-01": (
        ("note", "object_refs", ANYTHING),
        ("opinion", "object_refs", ANYTHING),
        ("report", "object_refs", ANYTHING),
        ("grouping", "object_refs", ANYTHING),
        ("language-content", "object_ref", ANYTHING),
        ("tool", "created_by_ref", "identity"),
    ),
    "S-R-02": (
        ("malware", "operating_system_refs", "software"),
        ("malware", "sample_refs", "file artifact"),
        ("malware-analysis", "host_vm_ref", "software"),
        ("malware-analysis", "operating_system_ref", "software"),
        ("malware-analysis", "installed_software_refs", "software"),
        ("malware-analysis", "analysis_sco_refs", "url file process"),
        ("malware-analysis", "sample_ref", "file network-traffic artifact"),
    ),
    "S-R-03": (
        ("directory", "contains_refs", "file directory"),
        ("domain-name", "resolves_to_refs", "ipv4-addr ipv6-addr domain-name"),
        ("email-addr", "belongs_to_ref", "user-account"),
        ("email-message", "from_ref", "email-addr"),
        ("email-message", "sender_ref", "email-addr"),
        ("email-message", "to_refs", "email-addr"),
        ("email-message", "cc_refs", "email-addr"),
        ("email-message", "bcc_refs", "email-addr"),
        ("email-message", "raw_email_ref", "artifact"),
        ("file", "parent_directory_ref", "directory"),
        ("file", "content_ref", "artifact"),
        ("file", "contains_refs", "url file process"),
    ),
    "S-R-04": (
        ("ipv4-addr", "resolves_to_refs", "mac-addr"),
        ("ipv4-addr", "belongs_to_refs", "autonomous-system"),
        ("ipv6-addr", "resolves_to_refs", "mac-addr"),
        ("ipv6-addr", "belongs_to_refs", "autonomous-system"),
        ("network-traffic", "src_ref", "ipv4-addr ipv6-addr mac-addr domain-name"),
        ("network-traffic", "dst_ref", "ipv4-addr ipv6-addr mac-addr domain-name"),
        ("network-traffic", "src_payload_ref", "artifact"),
        ("network-traffic", "dst_payload_ref", "artifact"),
        ("network-traffic", "encapsulates_refs", "network-traffic"),
        ("network-traffic", "encapsulated_by_ref", "network-traffic"),
        ("process", "opened_connection_refs", "network-traffic"),
        ("process", "creator_user_ref", "user-account"),
        ("process", "image_ref", "file"),
        ("process", "parent_ref", "process"),
        ("process", "child_refs", "process"),
        ("windows-registry-key", "creator_user_ref", "user-account"),
    ),
}


def _directed(row: str) -> dict[str, dict[str, Any]]:
    everything = " ".join(sorted(SDO | SRO | SCO | META))
    return {
        f"{stix_type}.{name} → {target}": referring(stix_type, name, target)
        for stix_type, name, targets in REFERENCES[row]
        for target in (everything if targets == ANYTHING else targets).split()
    }


def _samples(types: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    return {stix_type: SAMPLES[stix_type] for stix_type in types}


def _with_id(uuid: str) -> dict[str, Any]:
    return broken("tool", id=f"tool--{uuid}")


def _ends(relationship_type: str, source: str, target: str) -> dict[str, Any]:
    return broken("relationship", relationship_type=relationship_type, source_ref=ref(source), target_ref=ref(target))


ACCEPTED: Mapping[str, Mapping[str, dict[str, Any]]] = {
    "S-3.2-01": {
        "every common property": broken(
            "tool",
            created_by_ref=ref("identity"),
            revoked=False,
            labels=["a", "b"],
            confidence=50,
            lang="de-CH-1996",
            external_references=[{"source_name": "cve", "external_id": "CVE-2026-12345"}],
            object_marking_refs=[GREEN],
            granular_markings=[{"selectors": ["labels.[1]"], "marking_ref": GREEN}],
            extensions={EXTENSION: {"extension_type": "property-extension", "score": 5}},
        ),
        "a custom SDO": sample("x-own", score=5),
        "a custom SDO with another extension first": sample(
            "x-own", extensions={"x-own-ext": {"score": 5}, EXTENSION: {"extension_type": "new-sdo"}}
        ),
    },
    "S-3.2-02": {
        "an SCO of three properties": broken("url", "spec_version"),
        "a defanged SCO": broken("url", defanged=True),
        "a custom SCO": {"type": "x-own", "id": f"x-own--{A_UUID}", "score": 5},
    },
    "S-3.2-03": {"an extension definition": SAMPLES["extension-definition"]},
    "S-3.2-04": {
        "language content for one version": broken("language-content", object_modified="2026-05-01T12:00:00.0001Z"),
        "language content about language content": broken("language-content", object_ref=ref("language-content")),
    },
    "S-3.2-05": {"a marking definition with an author": broken("marking-definition", created_by_ref=ref("identity"))},
    "S-3.2-06": {
        "an SCO without spec_version": broken("ipv4-addr", "spec_version"),
        "an SCO with it": SAMPLES["ipv4-addr"],
    },
    "S-3.2-07": {
        "no confidence": broken("tool", confidence=0),
        "full confidence": broken("tool", confidence=100),
        "a language with a script": broken("tool", lang="zh-Hans"),
    },
    "S-2.9-01": {
        "a UUID of version 8": _with_id("0f2c4d2e-5a0b-8f5e-1c1d-2b7a6e8f9a01"),
        "the nil UUID": _with_id("00000000-0000-0000-0000-000000000000"),
        "a UUID in capitals": _with_id("0F2C4D2E-5A0B-4F5E-9C1D-2B7A6E8F9A01"),
    },
    "S-2.9-02": {
        "an SDO by UUIDv1": _with_id("c232ab00-9414-11ec-b3c8-9f68deced846"),
        "an SDO by UUIDv5": _with_id("28bb3599-77cd-5a82-a950-b5bc3caf07c4"),
    },
    "S-2.9-03": {
        "an SCO by UUIDv4": SAMPLES["url"],
        "an SCO by another value's UUIDv5": broken("url", id="url--28bb3599-77cd-5a82-a950-b5bc3caf07c4"),
    },
    "S-2.16-01": {
        "times with nine digits": broken("tool", modified="2026-05-01T12:00:00.123456789Z"),
        "a time without fraction": broken("indicator", valid_from="2026-05-01T12:00:00Z"),
        "a leap second": broken("campaign", first_seen="2016-12-31T23:59:60Z", last_seen="2017-01-01T00:00:00.5Z"),
    },
    "S-3.6-01": {
        "a first version": SAMPLES["tool"],
        "a later version": broken("tool", modified=LATER),
        "a version up to a minute ahead": broken("tool", modified=MINUTE_ON),
    },
    "S-3.6-05": {
        "an SCO with versions": broken("url", created=TIME, modified=LATER),
        "a custom SCO with created": {
            "type": "x-own",
            "id": f"x-own--{A_UUID}",
            "created": TIME,
            "extensions": {EXTENSION: {"extension_type": "new-sco"}},
        },
    },
    "S-3.3-01": {
        "ends that nobody sent": SAMPLES["relationship"],
        "a report on what nobody sent": SAMPLES["report"],
    },
    "S-3.3-02": {
        "a custom type where software belongs": referring("malware", "operating_system_refs", "x-own"),
        "a custom type in a note": referring("note", "object_refs", "x-own"),
    },
    "S-7.2-02": {
        "a marking by extension": broken(
            "marking-definition",
            "definition",
            "definition_type",
            extensions={EXTENSION: {"extension_type": "property-extension", "level": 5}},
        ),
    },
    "S-7.2-05": {"a statement": SAMPLES["marking-definition"]},
    "S-7.2-06": {"markings in an order of their own": broken("tool", object_marking_refs=[AMBER, CLEAR["id"], GREEN])},
    "S-7.2-07": {
        "a selector for a dictionary's key": marked("file", {"selectors": ["hashes.MD5"], "lang": "en"}),
        "a selector for a list's item": marked(
            "tool", {"selectors": ["labels.[0]"], "marking_ref": GREEN}, labels=["a"]
        ),
    },
    "S-7.3-01": {
        **{
            f"an extension of type {kind}": extended("tool", EXTENSION, extension_type=kind, score=5)
            for kind in ("property-extension", "toplevel-property-extension")
        },
        **{
            f"an object by extension of type new-{kind}": sample(
                "x-own", extensions={EXTENSION: {"extension_type": f"new-{kind}"}}
            )
            for kind in ("sdo", "sro", "sco")
        },
        "a predefined extension": extended("file", "ntfs-ext", sid="S-1-5"),
        "an extension under another name": extended("tool", "Own", score=5),
    },
    "S-7.3-02": {
        "an unknown extension": extended(
            "tool", EXTENSION, extension_type="property-extension", score=[1.5, {"a": ""}]
        ),
        "one with nothing else": extended("tool", EXTENSION, extension_type="property-extension"),
    },
    "S-7.3-03": {
        "properties at the top level": broken(
            "tool",
            score=5,
            toxicity={"a": 1},
            extensions={EXTENSION: {"extension_type": "toplevel-property-extension"}},
        ),
    },
    "S-11-01": {"custom properties": broken("tool", x_own={"A b": ["", 5]}, score=5)},
    "S-11-02": {"a custom object": sample("x-own-object", score=5), "one without x-": sample("own", score=5)},
    "S-11-03": {
        "an old extension": extended("file", "x-own-ext", score=5),
        "one without x-": extended("file", "own-ext", score=""),
    },
    "S-3.8-01": {"the same names, further in": broken("tool", x_own={"severity": 5, "username": "a", "action": "b"})},
    "S-3.1-01": {
        "a name of 250": broken("tool", **{"x" * 250: 5}),
        "an encoding beside its base": broken("tool", x_own="a", x_own_enc="utf-8"),
        "references to own types": broken("tool", x_own_ref=ref("x-own"), x_own_refs=[ref("x-own")]),
    },
    "S-2.3-01": {
        "a key of 250": broken("process", environment_variables={"A" * 250: "x", "a-b_C": "y"}),
        "an empty string": broken("tool", x_own={"a": ""}, description=""),
    },
    "S-2.7-01": {
        "an unknown hash": broken("file", hashes={"x-own": "no hash", "MD5": MD5}),
        "an ssdeep and a TLSH with prefix": broken("file", hashes={"SSDEEP": "3:a/b:c", "TLSH": "T1" + "A" * 70}),
    },
    "S-2.8-01": {
        "no bytes": broken("artifact", payload_bin=""),
        "the largest integer": broken("tool", x_own=2**53 - 1),
        "the smallest integer": broken("tool", x_own=-(2**53) + 1),
        "a large float": broken("tool", x_own=1e300),
        "sixty-four levels": nested(64),
    },
    "S-2.5-01": {
        "a description": named(source_name="x", description="a"),
        "a url without hashes": named(source_name="x", url="https://example.com"),
        "a CVE under another source": named(source_name="ghsa", external_id="CVE-2026-1"),
        "a CAPEC id": named(source_name="capec", external_id="CAPEC-163"),
    },
    "S-2.4-01": {
        **{
            f"the opinion {word}": broken("opinion", opinion=word)
            for word in ("strongly-disagree", "disagree", "neutral", "agree", "strongly-agree")
        },
        **{
            f"encryption by {word}": broken("artifact", encryption_algorithm=word)
            for word in ("AES-256-GCM", "ChaCha20-Poly1305", "mime-type-indicated")
        },
        **{
            f"integrity level {word}": extended("process", "windows-process-ext", integrity_level=word)
            for word in ("low", "medium", "high", "system")
        },
    },
    "S-2.14-01": {
        "another class of identity": broken("identity", identity_class="starship"),
        "another type of indicator": broken("indicator", indicator_types=["hunch"]),
        "another context": broken("grouping", context="a rumour"),
        "another type of account": broken("user-account", account_type="x"),
    },
    "S-2-max": {
        "a long text": broken("tool", description="x" * 100_000),
        "a long list": broken("report", object_refs=[f"tool--{n:08}-5a0b-4f5e-9c1d-2b7a6e8f9a01" for n in range(2000)]),
    },
    "S-4-01": {
        **_samples(DOMAIN_REQUIRED),
        "a grouping without a name": SAMPLES["grouping"],
        "malware without a name": broken("malware", "name", is_family=False),
    },
    "S-4-02": {
        "a location by country": broken("location", "latitude", "longitude", "precision", "region", country="fr"),
        "seen once": broken("sighting", first_seen=TIME, last_seen=TIME),
        "observed most": broken("observed-data", number_observed=999_999_999),
        "seen never": broken("sighting", count=0),
        "an embedded observation by its key": embedded(
            **{"0": SAMPLES["ipv4-addr"], "1": broken("network-traffic", src_ref="0")}
        ),
    },
    "S-5-01": {
        "an unknown relationship_type": broken("relationship", relationship_type="frightens"),
        "custom types": _ends("uses", "x-own", "x-other"),
        "from an SCO to an SDO": _ends("related-to", "url", "incident"),
    },
    "S-5-02": {"a sighting of a custom type": referring("sighting", "sighting_of_ref", "x-own"), **_directed("S-5-02")},
    "S-5-03": {
        "a tool that mitigates": _ends("mitigates", "tool", "malware"),
        "an identity that indicates": _ends("indicates", "identity", "location"),
        "a duplicate of another type": _ends("duplicate-of", "tool", "malware"),
    },
    "S-6-01": {
        **_samples(OBSERVABLE_REQUIRED),
        "options with digits": extended(
            "network-traffic", "socket-ext", address_family="AF_INET6", options={"IPV6_V6ONLY": 1}
        ),
        "a header field once": broken("email-message", additional_header_fields={"Reply-To": ["a@example.com"]}),
    },
    "S-6-02": {
        "an artifact by url": broken("artifact", "payload_bin", url="https://example.com", hashes={"MD5": MD5}),
        "a multipart message": broken("email-message", "body", is_multipart=True, body_multipart=[{"body": "a"}]),
        "a file by hash": broken("file", "name"),
        "the last port": broken("network-traffic", src_port=65535, dst_port=0),
        "integrity_level alone": extended("process", "windows-process-ext", integrity_level="low"),
        "a process by time": broken("process", "pid"),
        "a key by time": broken("windows-registry-key", "key"),
    },
    "S-R-01": {
        **_directed("S-R-01"),
        "observed-data of a relationship too": broken("observed-data", object_refs=[ref("relationship"), ref("url")]),
    },
    "S-R-02": _directed("S-R-02"),
    "S-R-03": {
        **_directed("S-R-03"),
        "a raw part": broken(
            "email-message", "body", is_multipart=True, body_multipart=[{"body_raw_ref": ref("artifact")}]
        ),
        "an archive": extended("file", "archive-ext", contains_refs=[ref("file"), ref("directory")]),
    },
    "S-R-04": {
        **_directed("S-R-04"),
        "a service": extended("process", "windows-service-ext", service_dll_refs=[ref("file")]),
    },
    "S-9-01": {
        **{
            f"a pattern of {language}": broken("indicator", pattern="rule x {", pattern_type=language)
            for language in ("snort", "suricata", "yara", "sigma", "pcre", "x-own")
        },
        "a pattern of STIX 2.0": broken("indicator", pattern_version="2.0", pattern="[file:name IN ('a')]"),
    },
    "S-9-02": {
        f"the pattern {pattern}": broken("indicator", pattern=pattern)
        for pattern in (
            "[ipv4-addr:value ISSUBSET '198.51.100.0/24']",
            "[file:name MATCHES '(a+)+$' AND file:size NOT > 5]",
            "([file:name IN ('a', 'b')] AND [EXISTS file:hashes.MD5]) WITHIN 5.5 SECONDS REPEATS 2 TIMES",
            "[file:name LIKE 'a%'] FOLLOWEDBY [file:magic_number_hex = h'ab']"
            " START t'2026-01-01T00:00:00Z' STOP t'2026-02-01T00:00:00Z'",
        )
    },
    "S-carry": {
        "an SCO without what stix2 adds": broken("url", "spec_version", defanged=False),
        "an SDO with what stix2 drops": broken("tool", revoked=False, modified="2026-05-01T12:00:00.100000Z"),
    },
    "S-accept": {
        "another word of a vocabulary": broken("report", report_types=["bedtime-story"]),
        "references to what nobody sent": broken("relationship", source_ref=ref("tool"), target_ref=ref("url")),
        "an unusual UUID": _with_id("0f2c4d2e-5a0b-6f5e-9c1d-2b7a6e8f9a01"),
        "an unknown relationship_type": broken("relationship", relationship_type="outwits"),
        "an unknown extension": extended("incident", EXTENSION, extension_type="property-extension", score=5),
        "a foreign pattern language": broken("indicator", pattern="alert tcp any", pattern_type="snort"),
    },
}
