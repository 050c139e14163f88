"""The STIX 2.1 object types and what each may refer to: facts of the standard, as tables.

The tables here are what the JSON schemas of OASIS leave out or state too narrowly; `stixschema` says where.
"""

from collections.abc import Mapping
from typing import Any, Final

SDO: Final = frozenset(
    {
        "attack-pattern", "campaign", "course-of-action", "grouping", "identity", "incident", "indicator",
        "infrastructure", "intrusion-set", "location", "malware", "malware-analysis", "note", "observed-data",
        "opinion", "report", "threat-actor", "tool", "vulnerability",
    }
)  # fmt: skip
SRO: Final = frozenset({"relationship", "sighting"})
SCO: Final = frozenset(
    {
        "artifact", "autonomous-system", "directory", "domain-name", "email-addr", "email-message", "file",
        "ipv4-addr", "ipv6-addr", "mac-addr", "mutex", "network-traffic", "process", "software", "url",
        "user-account", "windows-registry-key", "x509-certificate",
    }
)  # fmt: skip
META: Final = frozenset({"extension-definition", "language-content", "marking-definition"})
STIX_OBJECTS: Final = SDO | SRO | SCO | META
KNOWN: Final = STIX_OBJECTS | {"bundle"}
"""Every type of the standard. A bundle is no STIX object (S-8-01), but an id may name one."""

TypeSet = frozenset[str]

COMMON_TARGETS: Final[Mapping[str, TypeSet]] = {
    "created_by_ref": frozenset({"identity"}),
    "object_marking_refs": frozenset({"marking-definition"}),
}
"""S-R-01, on every object: property -> types that its ids may have."""

_SOFTWARE = frozenset({"software"})
_PROCESS = frozenset({"process"})
_ARTIFACT = frozenset({"artifact"})
_TRAFFIC = frozenset({"network-traffic"})
_EMAIL_ADDR = frozenset({"email-addr"})
_USER = frozenset({"user-account"})
_FILE_OR_DIRECTORY = frozenset({"file", "directory"})
_ENDPOINT = frozenset({"ipv4-addr", "ipv6-addr", "mac-addr", "domain-name"})
_ADDRESS_TARGETS = {
    "resolves_to_refs": frozenset({"mac-addr"}),
    "belongs_to_refs": frozenset({"autonomous-system"}),
}

TARGETS: Final[Mapping[str, Mapping[str, TypeSet]]] = {
    "relationship": {"source_ref": SDO | SCO, "target_ref": SDO | SCO},
    "sighting": {
        "sighting_of_ref": SDO,
        "observed_data_refs": frozenset({"observed-data"}),
        "where_sighted_refs": frozenset({"identity", "location"}),
    },
    "language-content": {"object_ref": STIX_OBJECTS},
    "note": {"object_refs": STIX_OBJECTS},
    "opinion": {"object_refs": STIX_OBJECTS},
    "report": {"object_refs": STIX_OBJECTS},
    "grouping": {"object_refs": STIX_OBJECTS},
    "observed-data": {"object_refs": SCO | SRO},
    "malware": {"operating_system_refs": _SOFTWARE, "sample_refs": frozenset({"file", "artifact"})},
    "malware-analysis": {
        "host_vm_ref": _SOFTWARE,
        "operating_system_ref": _SOFTWARE,
        "installed_software_refs": _SOFTWARE,
        "analysis_sco_refs": SCO,
        "sample_ref": frozenset({"file", "network-traffic", "artifact"}),
    },
    "directory": {"contains_refs": _FILE_OR_DIRECTORY},
    "domain-name": {"resolves_to_refs": frozenset({"ipv4-addr", "ipv6-addr", "domain-name"})},
    "email-addr": {"belongs_to_ref": _USER},
    "email-message": {
        "from_ref": _EMAIL_ADDR,
        "sender_ref": _EMAIL_ADDR,
        "to_refs": _EMAIL_ADDR,
        "cc_refs": _EMAIL_ADDR,
        "bcc_refs": _EMAIL_ADDR,
        "raw_email_ref": _ARTIFACT,
        "body_multipart.*.body_raw_ref": frozenset({"artifact", "file"}),
    },
    "file": {
        "parent_directory_ref": frozenset({"directory"}),
        "content_ref": _ARTIFACT,
        "contains_refs": SCO,
        "extensions.archive-ext.contains_refs": _FILE_OR_DIRECTORY,
    },
    "ipv4-addr": _ADDRESS_TARGETS,
    "ipv6-addr": _ADDRESS_TARGETS,
    "network-traffic": {
        "src_ref": _ENDPOINT,
        "dst_ref": _ENDPOINT,
        "src_payload_ref": _ARTIFACT,
        "dst_payload_ref": _ARTIFACT,
        "encapsulates_refs": _TRAFFIC,
        "encapsulated_by_ref": _TRAFFIC,
        "extensions.http-request-ext.message_body_data_ref": _ARTIFACT,
    },
    "process": {
        "opened_connection_refs": _TRAFFIC,
        "creator_user_ref": _USER,
        "image_ref": frozenset({"file"}),
        "parent_ref": _PROCESS,
        "child_refs": _PROCESS,
        "extensions.windows-service-ext.service_dll_refs": frozenset({"file"}),
    },
    "windows-registry-key": {"creator_user_ref": _USER},
}
"""S-R-01 to S-R-04, S-5-01, S-5-02: type -> way to the property -> types that its ids may have. `*`: every
item.
"""

TIMESTAMPS: Final[Mapping[str, tuple[str, ...]]] = {
    "campaign": ("first_seen", "last_seen"),
    "indicator": ("valid_from", "valid_until"),
    "infrastructure": ("first_seen", "last_seen"),
    "intrusion-set": ("first_seen", "last_seen"),
    "language-content": ("object_modified",),
    "malware": ("first_seen", "last_seen"),
    "malware-analysis": ("submitted", "analysis_started", "analysis_ended"),
    "observed-data": ("first_observed", "last_observed"),
    "relationship": ("start_time", "stop_time"),
    "report": ("published",),
    "sighting": ("first_seen", "last_seen"),
    "threat-actor": ("first_seen", "last_seen"),
    "directory": ("ctime", "mtime", "atime"),
    "email-message": ("date",),
    "file": ("ctime", "mtime", "atime", "extensions.windows-pebinary-ext.time_date_stamp"),
    "network-traffic": ("start", "end"),
    "process": ("created_time",),
    "user-account": (
        "account_created", "account_expires", "credential_last_changed", "account_first_login",
        "account_last_login",
    ),
    "windows-registry-key": ("modified_time",),
    "x509-certificate": (
        "validity_not_before", "validity_not_after",
        "x509_v3_extensions.private_key_usage_period_not_before",
        "x509_v3_extensions.private_key_usage_period_not_after",
    ),
}  # fmt: skip
"""type -> ways to its timestamps besides `created` and `modified`; a schema lets 31 February pass."""

ORDER: Final[Mapping[str, tuple[str, str, bool]]] = {
    "indicator": ("valid_from", "valid_until", True),
    "relationship": ("start_time", "stop_time", True),
    "observed-data": ("first_observed", "last_observed", False),
    "campaign": ("first_seen", "last_seen", False),
    "infrastructure": ("first_seen", "last_seen", False),
    "intrusion-set": ("first_seen", "last_seen", False),
    "malware": ("first_seen", "last_seen", False),
    "sighting": ("first_seen", "last_seen", False),
    "threat-actor": ("first_seen", "last_seen", False),
}
"""S-4-02: type -> (the earlier, the later, whether the two must differ)."""

RESERVED_NAMES: Final = ("severity", "username", "phone_number", "phone_numbers", "action")
"""S-3.8-01; the requirements table prints the third without, the OASIS schemas and validator with its `s`."""

TLP_1_CREATED: Final = "2017-01-20T00:00:00.000Z"
TLP_2_CREATED: Final = "2022-10-01T00:00:00.000Z"
TLP_2_EXTENSION: Final = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d"


def _tlp_1(uuid: str, level: str) -> Mapping[str, Any]:
    return {
        "type": "marking-definition",
        "spec_version": "2.1",
        "id": f"marking-definition--{uuid}",
        "created": TLP_1_CREATED,
        "definition_type": "tlp",
        "name": f"TLP:{level.upper()}",
        "definition": {"tlp": level},
    }


def _tlp_2(uuid: str, level: str) -> Mapping[str, Any]:
    return {
        "type": "marking-definition",
        "spec_version": "2.1",
        "id": f"marking-definition--{uuid}",
        "created": TLP_2_CREATED,
        "name": f"TLP:{level.upper()}",
        "extensions": {TLP_2_EXTENSION: {"extension_type": "property-extension", "tlp_2_0": level}},
    }


TLP_OBJECTS: Final[Mapping[str, Mapping[str, Any]]] = {
    str(body["id"]): body
    for body in (
        _tlp_1("613f2e26-407d-48c7-9eca-b8e91df99dc9", "white"),
        _tlp_1("34098fce-860f-48ae-8e50-ebd3cc5e41da", "green"),
        _tlp_1("f88d31f6-486f-44da-b317-01333bde0b82", "amber"),
        _tlp_1("5e57c739-391a-4eb3-b6be-7d15ca92d5ed", "red"),
        _tlp_2("94868c89-83c2-464b-929b-a1a8aa3c8487", "clear"),
        _tlp_2("bab4a63c-aed9-4cf5-a766-dfca5abac2bb", "green"),
        _tlp_2("55d920b0-5e8b-4f79-9ee9-91f868d9b421", "amber"),
        _tlp_2("939a9414-2ddd-4d32-a0cd-375ea402b003", "amber+strict"),
        _tlp_2("e828b379-4e03-4974-9ac4-e53a884c97c1", "red"),
    )
}
"""S-7.2-03 and S-7.2-04: id -> the one body of each TLP marking, four of TLP 1 and five of TLP 2."""
