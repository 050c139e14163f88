"""Where the OASIS schemas of STIX 2.1 are left behind, and why: one line for each place.

Where a schema and the requirements table disagree, the table wins: a schema is mended where it is too
strict, where its expression is broken, and where a choice between properties would be told in words that
nobody can read; such choices are judged by the functions of `stixrules`, `stixmarks` and `stixkinds`.
"""

from typing import Any, Final

_ID = "^[a-z0-9-]+--[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$"
_LANGUAGE = "^[a-zA-Z]{1,8}(-[a-zA-Z0-9]{1,8})*$"
_NOT_NULL: dict[str, Any] = {"not": {"type": "null"}}
_STRING: dict[str, Any] = {"type": "string"}
_BOOLEAN: dict[str, Any] = {"type": "boolean"}
_IDENTIFIER: dict[str, Any] = {"$ref": "../common/identifier.json"}
_PROPERTIES: dict[str, Any] = {"$ref": "../common/properties.json"}
_HASH_NAMES = ["MD5", "SHA-1", "SHA-256", "SHA-512", "SHA3-256", "SHA3-512", "SSDEEP", "TLSH"]
_KNOWN_HASHES: dict[str, Any] = {
    "allOf": [{"$ref": "../common/hashes-type.json"}, {"propertyNames": {"enum": _HASH_NAMES}}]
}
_EXTENSIONS: dict[str, Any] = {
    "type": "object",
    "patternProperties": {
        "-ext$": {"type": "object", "allOf": [_PROPERTIES]},
        "^extension-definition--": {"allOf": [{"$ref": "../common/extension.json"}]},
    },
    "additionalProperties": {"type": "object"},
}
_MARKING_DEFINITION: dict[str, Any] = {
    "allOf": [_PROPERTIES],
    "required": ["created"],
    "properties": {"definition_type": _STRING, "definition": {"type": "object"}},
}


def _one_of(*names: str) -> list[dict[str, Any]]:
    return [{"required": [name]} for name in names]


_REMOVED: Final = object()

AMENDMENTS: Final[tuple[tuple[str, str, Any, str], ...]] = (
    # (schema, JSON pointer, what stands there instead, why)
    ("common/identifier", "/pattern", _ID, "S-2.9-01: a UUID of any version"),
    ("common/hex", "/pattern", "^([a-f0-9]{2})*$", "S-2.8-01: lower case only"),
    (
        "common/binary",
        "/pattern",
        "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{2}==)?$",
        "S-2.8-01, RFC 4648: no bytes are the empty string",
    ),
    (
        "common/properties",
        "/patternProperties/^([a-z][a-z0-9_]{2,249})|id$",
        _REMOVED,
        "S-3.1-01: its expression is not anchored",
    ),
    (
        "common/properties",
        "/patternProperties/^(id|[a-z0-9_]{3,250})$",
        _NOT_NULL,
        "S-3.1-01; anything but null, empty lists are found at any depth by a rule",
    ),
    (
        "common/dictionary",
        "/patternProperties/^[a-zA-Z0-9_-]{0,250}$",
        _NOT_NULL,
        "the same as five types, with one readable error",
    ),
    ("common/hashes-type", "/patternProperties/^TLSH$/pattern", "^(T1)?[a-zA-Z0-9]{70}$", "its own prefix"),
    (
        "common/hashes-type",
        "/patternProperties/^SSDEEP$/pattern",
        "^[a-zA-Z0-9/+:.]{1,160}$",
        "S-2.7-01: 148 characters occur",
    ),
    ("common/external-reference", "/oneOf", _REMOVED, "S-2.5-01: a rule; CVE under other names is legal"),
    ("common/external-reference", "/required", ["source_name"], "S-2.5-01"),
    ("common/external-reference", "/properties/source_name", _STRING, "stood in the alternatives"),
    ("common/external-reference", "/properties/external_id", _STRING, "stood in the alternatives"),
    ("common/external-reference", "/properties/hashes", _KNOWN_HASHES, "S-2.7-01: anchored"),
    ("common/granular-marking", "/required", ["selectors"], "S-7.2-07: a rule; lang may stand instead"),
    ("common/granular-marking", "/properties/marking_ref", _STRING, "S-R-01: judged by a rule"),
    (
        "common/granular-marking",
        "/properties/selectors/items",
        _STRING,
        "S-7.2-07: keys of dictionaries have capitals; a rule looks whether they point at something",
    ),
    *(
        amendment
        for core, required in (("core", ["created", "modified"]), ("cyber-observable-core", []))
        for amendment in (
            (f"common/{core}", "/not", _REMOVED, "S-3.8-01: judged by a rule"),
            (f"common/{core}", "/required", required, "type, id and spec_version are judged by a rule"),
            (f"common/{core}", "/properties/type", _STRING, "S-11-02: judged by a rule"),
            (f"common/{core}", "/properties/spec_version", _STRING, "S-3.2-06: judged by a rule"),
            (f"common/{core}", "/properties/extensions", _EXTENSIONS, "S-7.3-01: a key's form is a SHOULD"),
        )
    ),
    ("common/marking-definition", "/oneOf", _REMOVED, "S-7.2-02, S-7.2-03: judged by rules"),
    *(
        ("common/marking-definition", f"/{keyword}", value, "S-3.2-05: stood in the alternatives")
        for keyword, value in _MARKING_DEFINITION.items()
        if keyword != "properties"
    ),
    *(
        ("common/marking-definition", f"/properties/{name}", value, "S-7.2-02: stood in the alternatives")
        for name, value in _MARKING_DEFINITION["properties"].items()
    ),
    ("common/marking-definition", "/properties/spec_version", _STRING, "S-3.2-06: judged by a rule"),
    ("common/marking-definition", "/properties/extensions", _EXTENSIONS, "S-7.3-01, as above"),
    (
        "common/marking-definition",
        "/properties/object_marking_refs/items",
        _IDENTIFIER,
        "S-7.2-06: judged by a rule",
    ),
    ("common/extension-definition", "/allOf/2", True, "S-3.2-03: judged by a rule"),
    ("common/language-content", "/allOf/1/properties/object_ref", _IDENTIFIER, "S-R-01: any STIX object"),
    ("sros/relationship", "/allOf/1/properties/source_ref", _IDENTIFIER, "S-5-01: judged by a rule"),
    ("sros/relationship", "/allOf/1/properties/target_ref", _IDENTIFIER, "S-5-01: judged by a rule"),
    ("sros/sighting", "/allOf/1/properties/sighting_of_ref", _IDENTIFIER, "S-5-02: judged by a rule"),
    ("sros/sighting", "/allOf/1/properties/observed_data_refs/items", _IDENTIFIER, "S-5-02: or custom types"),
    ("sros/sighting", "/allOf/1/properties/where_sighted_refs/items", _IDENTIFIER, "S-5-02: or custom types"),
    ("sdos/location", "/allOf/3", True, "S-4-02: judged by a rule"),
    ("sdos/location", "/allOf/4", True, "S-4-02: judged by a rule"),
    ("sdos/malware", "/oneOf", _REMOVED, "S-4-02: judged by a rule"),
    ("sdos/malware", "/allOf/1/properties/is_family", _BOOLEAN, "stood in the alternatives"),
    ("sdos/malware", "/allOf/1/properties/operating_system_refs/items", _IDENTIFIER, "S-R-02: or custom"),
    *(
        ("sdos/malware-analysis", f"/allOf/1/properties/{name}", _IDENTIFIER, "S-R-02: or custom types")
        for name in ("host_vm_ref", "operating_system_ref", "installed_software_refs/items", "sample_ref")
    ),
    ("sdos/observed-data", "/oneOf", _REMOVED, "S-4-02: judged by a rule"),
    ("sdos/observed-data", "/allOf/1/properties/objects", {"type": "object"}, "each SCO in it is judged"),
    ("sdos/observed-data", "/allOf/1/properties/object_refs/items", _IDENTIFIER, "S-R-01: judged by a rule"),
    ("observables/artifact", "/allOf/2", True, "S-6-02: judged by a rule"),
    ("observables/artifact", "/allOf/3", True, "S-6-02: judged by a rule"),
    ("observables/artifact", "/allOf/1/properties/mime_type", _STRING, "the registry of IANA is a SHOULD"),
    ("observables/artifact", "/allOf/1/properties/hashes", _KNOWN_HASHES, "S-2.7-01: keys of the vocabulary"),
    ("observables/x509-certificate", "/allOf/1/properties/hashes", _KNOWN_HASHES, "S-2.7-01, as above"),
    *(
        ("observables/file", f"/definitions/{place}", _KNOWN_HASHES, "S-2.7-01, as above")
        for place in (
            "file-extensions-dictionary/patternProperties/^ntfs-ext$/allOf/0/properties/alternate_data_streams"
            "/items/properties/hashes",
            "file-extensions-dictionary/patternProperties/^windows-pebinary-ext$/properties/file_header_hashes",
            "windows-pe-optional-header-type/properties/hashes",
            "windows-pe-section/properties/hashes",
        )
    ),
    (
        "observables/file",
        "/definitions/windows-pe-optional-header-type/additionalProperties",
        _REMOVED,
        "S-11-01: custom properties are legal",
    ),
    (
        "observables/file",
        "/definitions/file-extensions-dictionary/patternProperties/^raster-image-ext$/allOf/0/properties/exif_tags"
        "/patternProperties/^[A-Z][a-zA-Z0-9_-]+$",
        {"type": ["string", "integer"]},
        "the same, with one readable error",
    ),
    ("observables/email-message", "/oneOf", _REMOVED, "S-6-02: judged by a rule"),
    ("observables/email-message", "/required", ["is_multipart"], "S-6-01: stood in the alternatives"),
    ("observables/email-message", "/allOf/1/properties/is_multipart", _BOOLEAN, "stood in the alternatives"),
    ("observables/email-message", "/allOf/1/properties/body", _STRING, "stood in the alternatives"),
    (
        "observables/email-message",
        "/allOf/1/properties/body_multipart",
        {"type": "array", "items": {"$ref": "#/definitions/mime-part-type"}},
        "stood in the alternatives",
    ),
    ("observables/email-message", "/definitions/mime-part-type/oneOf", _REMOVED, "judged by a rule"),
    (
        "observables/email-message",
        "/definitions/email-additional-header-fields",
        {
            "allOf": [{"$ref": "../common/dictionary.json"}],
            "additionalProperties": {"type": ["string", "array"], "items": _STRING},
        },
        "the standard asks for lists of any length",
    ),
    (
        "observables/ipv6-addr",
        "/allOf/1/properties/value",
        _STRING,
        "its expression lost its backslashes; judged by a rule",
    ),
    ("observables/network-traffic", "/oneOf", _REMOVED, "S-6-02: judged by a rule"),
    ("observables/network-traffic", "/allOf/1/properties/is_active", _BOOLEAN, "stood in the alternatives"),
    (
        "observables/network-traffic",
        "/allOf/1/properties/ipfix/patternProperties/^[a-zA-Z0-9_-]{0,250}$",
        {"type": ["string", "integer"]},
        "the same, with one readable error",
    ),
    (
        "observables/network-traffic",
        "/definitions/network-traffic-extensions-dictionary/patternProperties/^socket-ext$/properties/options"
        "/patternProperties",
        {"^[a-zA-Z0-9_-]+$": {"type": "integer"}},
        "IPV6_V6ONLY has a digit",
    ),
    (
        "observables/process",
        "/anyOf",
        _one_of(
            "extensions", "is_hidden", "pid", "created_time", "cwd", "command_line", "environment_variables",
            "opened_connection_refs", "creator_user_ref", "image_ref", "parent_ref", "child_refs",
        ),
        "S-6-02: it names properties of STIX 2.0",
    ),
    (
        "observables/process",
        "/definitions/process-extensions-dictionary/patternProperties/^windows-process-ext$/allOf/1/anyOf",
        _one_of(
            "aslr_enabled", "dep_enabled", "priority", "owner_sid", "window_title", "startup_info",
            "integrity_level",
        ),
        "integrity_level alone is enough",
    ),
    (
        "observables/windows-registry-key",
        "/anyOf",
        _one_of("key", "values", "modified_time", "creator_user_ref", "number_of_subkeys"),
        "S-6-02: it names a property of STIX 2.0",
    ),
    (
        "observables/windows-registry-key",
        "/allOf/1/properties/key/not/pattern",
        r"^(?i:HKLM|HKCC|HKCR|HKCU|HKU)(\\|$)",
        "its expression is not anchored",
    ),
    (
        "observables/software",
        "/allOf/1/properties/languages/items/pattern",
        _LANGUAGE,
        "RFC 5646: zh-Hans, es-419",
    ),
)  # fmt: skip


def amend(schema: Any, place: str, value: Any) -> None:
    """Set, or take away, what stands at a JSON pointer in a schema. KeyError or IndexError if its parent is
    absent.
    """
    *parents, last = (part.replace("~1", "/").replace("~0", "~") for part in place.split("/")[1:])
    for parent in parents:
        schema = schema[int(parent)] if isinstance(schema, list) else schema[parent]
    if value is _REMOVED:
        del schema[last]
    elif isinstance(schema, list):
        schema[int(last)] = value
    else:
        schema[last] = value
