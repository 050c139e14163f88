"""One object for each way to break a row of STIX 2.1: by row, (object, path of the fault, words of its message).

Rows that hold for every type; stixbrokentypes.py has those of single types, stixcarried.py what the rows let in.
"""

from collections.abc import Mapping
from typing import Any

from exchange.stix import TLP_OBJECTS, format_timestamp
from tests.unit.test_stix_samples import LATER, MD5, NOW, OTHER, SAMPLES, TIME, UUID, broken, ref, sample

Broken = Mapping[str, list[tuple[dict[str, Any], str, str]]]

CLEAR = TLP_OBJECTS["marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487"]
WHITE = TLP_OBJECTS["marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9"]
TLP_2 = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d"
EXTENSION = f"extension-definition--{OTHER}"
OWN_MARKING = f"marking-definition--{UUID}"
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


def named(**reference: Any) -> dict[str, Any]:
    """A tool with one external reference."""
    return broken("tool", external_references=[reference])


BROKEN: Broken = {
    "S-3.2-01": [
        (broken("tool", "created"), "/created", "add it"),
        (broken("tool", "modified"), "/modified", "add it"),
        (broken("relationship", "created"), "/created", "add it"),
        (broken("tool", "modified", type="x-own", id=f"x-own--{UUID}"), "/modified", "add it"),
        (broken("tool", defanged=False), "/defanged", "SCO"),
        (broken("sighting", defanged=True), "/defanged", "SCO"),
        (broken("tool", revoked="no"), "/revoked", "true or false"),
    ],
    "S-3.2-02": [
        (broken("url", "id"), "/id", "missing"),
        (broken("url", "type"), "/type", "missing"),
        (broken("url", defanged="no"), "/defanged", "true or false"),
    ],
    "S-3.2-03": [
        (broken("extension-definition", "created_by_ref"), "/created_by_ref", "author"),
        (broken("extension-definition", "name"), "/name", "add it"),
        (broken("extension-definition", "schema"), "/schema", "add it"),
        (broken("extension-definition", "version"), "/version", "add it"),
        (broken("extension-definition", "extension_types", "extension_properties"), "/extension_types", "add it"),
        (broken("extension-definition", extension_types=["new-sdo"]), "/extension_properties", "toplevel"),
        (
            broken("extension-definition", "extension_properties", extension_types=["old-sdo"]),
            "/extension_types/0",
            "one of",
        ),
    ],
    "S-3.2-04": [
        (broken("language-content", "object_ref"), "/object_ref", "add it"),
        (broken("language-content", "contents"), "/contents", "add it"),
        (broken("language-content", contents={"de_DE": {"name": "x"}}), "/contents", "RFC 5646"),
        (broken("language-content", contents={"de": "x"}), "/contents/de", "dictionary"),
        (broken("language-content", object_modified="May"), "/object_modified", "2026-01-31"),
    ],
    "S-3.2-05": [
        (broken("marking-definition", "created"), "/created", "add it"),
        (broken("marking-definition", "spec_version"), "/spec_version", "STIX 2.0"),
        (broken("marking-definition", modified=TIME), "/modified", "no versions"),
        (broken("marking-definition", revoked=True), "/revoked", "no versions"),
    ],
    "S-3.2-06": [
        (broken("tool", "spec_version"), "/spec_version", "STIX 2.0"),
        (broken("tool", spec_version="2.0"), "/spec_version", "2.1"),
        (broken("tool", spec_version=2.1), "/spec_version", "2.1"),
        (broken("url", spec_version="2.0"), "/spec_version", "2.1"),
        (
            {"type": "x-own", "id": f"x-own--{UUID}", "created": TIME, "modified": TIME,
             "extensions": {EXTENSION: {"extension_type": "new-sdo"}}},
            "/spec_version",
            "STIX 2.0",
        ),
    ],
    "S-3.2-07": [
        (broken("tool", labels="a"), "/labels", "a list"),
        (broken("tool", labels=[5]), "/labels/0", "a string"),
        (broken("tool", confidence=101), "/confidence", "at most 100"),
        (broken("tool", confidence=-1), "/confidence", "at least 0"),
        (broken("tool", confidence=True), "/confidence", "integer"),
        (broken("tool", confidence="50"), "/confidence", "integer"),
        (broken("tool", lang="en_GB"), "/lang", "RFC 5646"),
    ],
    "S-2.9-01": [
        (broken("tool", "type"), "/type", "missing"),
        (broken("tool", type=5), "/type", "string"),
        (broken("tool", "id"), "/id", "missing"),
        (broken("tool", id=f"malware--{UUID}"), "/id", "own type"),
        (broken("tool", id=f"tool--{UUID}0"), "/id", "UUID"),
        (broken("tool", id="tool--1"), "/id", "UUID"),
        (broken("tool", id=f"tool-{UUID}"), "/id", "own type"),
        (broken("tool", id=[1]), "/id", "string"),
    ],
    "S-2.16-01": [
        (broken("tool", created="2026-05-01T12:00:00Z"), "/created", "three digits"),
        (broken("tool", created="2026-05-01T12:00:00.00Z"), "/created", "three digits"),
        (broken("marking-definition", created="2026-05-01"), "/created", "three digits"),
        (broken("tool", modified="2026-05-01T12:00:00.000+00:00"), "/modified", "2026-01-31"),
        (broken("tool", modified="2026-02-31T12:00:00.000Z"), "/modified", "2026-01-31"),
        (broken("url", modified="soon"), "/modified", "2026-01-31"),
        (broken("report", published="2026-02-31T12:00:00Z"), "/published", "2026-01-31"),
        (broken("report", published="2026-05-01T12:00:00.Z"), "/published", "2026-01-31"),
        (broken("campaign", first_seen="May"), "/first_seen", "2026-01-31"),
        (broken("x509-certificate", validity_not_after="2026-04-31T00:00:00Z"), "/validity_not_after", "time"),
    ],
    "S-3.6-01": [
        (broken("tool", created=LATER), "/modified", "before created"),
        (broken("tool", modified=TOO_FAR), "/modified", "future"),
        (broken("marking-definition", created=TOO_FAR), "/created", "future"),
    ],
    "S-3.3-02": [
        (broken("tool", created_by_ref=ref("tool")), "/created_by_ref", "identity"),
        (broken("tool", created_by_ref="me"), "/created_by_ref", "not an id"),
        (broken("network-traffic", src_ref="0"), "/src_ref", "not an id"),
        (broken("report", object_refs=["tool--1"]), "/object_refs/0", "not an id"),
    ],
    "S-7.2-02": [
        (broken("marking-definition", "definition"), "/definition", "missing"),
        (broken("marking-definition", "definition_type"), "/definition_type", "missing"),
        (broken("marking-definition", "definition", "definition_type"), "/definition", "missing"),
    ],
    "S-7.2-03": [
        (broken("marking-definition", definition_type="tlp", definition={"tlp": "red"}), "", "claims"),
        (broken("marking-definition", definition_type="own", definition={"tlp": "red"}), "", "claims"),
        ({**WHITE, "name": "TLP:CLEAR"}, "", "TLP:WHITE as published"),
        ({**WHITE, "created": TIME}, "", "TLP:WHITE as published"),
    ],
    "S-7.2-04": [
        ({**CLEAR, "name": "TLP:WHITE"}, "", "TLP:CLEAR as published"),
        ({**CLEAR, "id": OWN_MARKING}, "", "claims a TLP level"),
        (extended("marking-definition", "x-own-ext", tlp_2_0="clear"), "", "claims a TLP level"),
        (extended("marking-definition", TLP_2, extension_type="property-extension"), "", "claims a TLP level"),
        ({**WHITE, "name": "TLP:CLEAR", "definition": {"tlp": "clear"}}, "", "TLP:WHITE as published"),
    ],
    "S-7.2-05": [
        (broken("marking-definition", definition={"text": "x"}), "/definition/statement", "statement"),
        (broken("marking-definition", definition={"statement": 5}), "/definition/statement", "a string"),
    ],
    "S-7.2-06": [
        (broken("tool", object_marking_refs=[ref("identity")]), "/object_marking_refs/0", "marking-definition"),
        (broken("tool", object_marking_refs=[ref("x-mark")]), "/object_marking_refs/0", "marking-definition"),
        (broken("marking-definition", object_marking_refs=[OWN_MARKING]), "/object_marking_refs/0", "itself"),
    ],
    "S-7.2-07": [
        (marked("tool", {"selectors": ["name"]}), "/granular_markings/0", "exactly one"),
        (
            marked("tool", {"selectors": ["name"], "lang": "en", "marking_ref": CLEAR["id"]}),
            "/granular_markings/0",
            "exactly one",
        ),
        (
            marked("marking-definition", {"selectors": ["id"], "marking_ref": OWN_MARKING}),
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
            for selector in ("description", "labels.[1]", "labels.0", "labels.[0].a", "name.[0]", "", "labels.[x]")
        ),
    ],
    "S-7.3-01": [
        (
            extended("tool", EXTENSION, extension_type="new"),
            f"/extensions/{EXTENSION}/extension_type",
            "new-sdo",
        ),
        (extended("tool", EXTENSION, score=5), f"/extensions/{EXTENSION}/extension_type", "add it"),
        (broken("tool", extensions={"x-own-ext": 5}), "/extensions/x-own-ext", "an object"),
    ],
    "S-11-01": [(broken("tool", xy=5), "/xy", "3 to 250"), (broken("tool", X_Own=5), "/X_Own", "a-z")],
    "S-11-02": [
        (broken("tool", type="Tool"), "/type", "a-z"),
        (broken("tool", type="x--y"), "/type", "hyphens"),
        (broken("tool", type="xy"), "/type", "3 to 250"),
        (sample("x-own", xy=5), "/xy", "3 to 250"),
    ],
    "S-3.8-01": [
        (broken("tool", severity=5), "/severity", "reserved"),
        (broken("tool", username="a"), "/username", "reserved"),
        (broken("tool", phone_number="a"), "/phone_number", "reserved"),
        (broken("tool", phone_numbers=["a"]), "/phone_numbers", "reserved"),
        (broken("url", action="a"), "/action", "reserved"),
        (broken("tool", type="action"), "/type", "action"),
    ],
    "S-3.1-01": [
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
    "S-2.3-01": [
        (broken("tool", labels=[]), "/labels", "empty list"),
        (broken("tool", x_own=[{"deep": []}]), "/x_own/0/deep", "empty list"),
        (broken("tool", x_own={}), "/x_own", "empty dictionary"),
        (broken("tool", extensions={}), "/extensions", "empty dictionary"),
        (extended("tool", "x-own-ext"), "/extensions/x-own-ext", "empty dictionary"),
        (
            broken("process", environment_variables={"A B": "x"}),
            "/environment_variables/A B",
            "name is not allowed",
        ),
        (
            broken("process", environment_variables={"A" * 251: "x"}),
            f"/environment_variables/{'A' * 250}…",
            "name is not allowed",
        ),
    ],
    "S-2.7-01": [
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
            named(source_name="x", url="u", hashes={"x-own": "c"}),
            "/external_references/0/hashes",
            "vocabulary",
        ),
        (
            extended("file", "windows-pebinary-ext", pe_type="exe", file_header_hashes={"x-own": "c"}),
            "/extensions/windows-pebinary-ext/file_header_hashes",
            "vocabulary",
        ),
    ],
    "S-2.8-01": [
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
    ],
    "S-2.5-01": [
        (named(source_name="x"), "/external_references/0", "add a"),
        (named(url="https://example.com"), "/external_references/0/source_name", "add it"),
        (named(source_name="cve", external_id="2026-1"), "/external_references/0/external_id", "CVE-"),
        (named(source_name="capec", external_id="163"), "/external_references/0/external_id", "CAPEC-"),
        (broken("tool", external_references=["x"]), "/external_references/0", "an object"),
    ],
    "S-9-02": [
        (broken("indicator", pattern="[file:name = ]"), "/pattern", "line 1, column 14"),
        (broken("indicator", pattern=""), "/pattern", "does not parse"),
    ],
    "S-8-01": [({"type": "bundle", "id": f"bundle--{UUID}", "objects": [SAMPLES["tool"]]}, "/type", "bundle")],
}  # fmt: skip
