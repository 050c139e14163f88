"""What of an object is not of the standard: custom types, properties and extensions, by their paths.

Whoever writes these is easily known by them, so an anonymous object has none (policy 3.8).
"""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

from exchange.stixextension import AI_FINDING
from exchange.stixfault import pointer
from exchange.stixread import Object
from exchange.stixschema import mended
from exchange.stixtypes import STIX_OBJECTS, TLP_2_EXTENSION

PREDEFINED: Final = frozenset(
    {
        "archive-ext", "http-request-ext", "icmp-ext", "ntfs-ext", "pdf-ext", "raster-image-ext", "socket-ext",
        "tcp-ext", "unix-account-ext", "windows-pebinary-ext", "windows-process-ext", "windows-service-ext",
    }
)  # fmt: skip
"""The extensions that STIX 2.1 defines for observables."""

MARKING_EXTENSIONS: Final = frozenset(
    {
        TLP_2_EXTENSION,
        "extension-definition--762e2e97-ee51-43e5-a9ea-165fbb862c4a",  # IEP 2.0
        "extension-definition--3a65884d-005a-4290-8335-cb2d778a83ce",  # ACS 3.0
        "extension-definition--f8d78575-edfd-406e-8e84-6162a8450f5b",  # PAP
        "extension-definition--dff17fb3-edcb-4f99-ad1b-4b751c95738a",  # CUI
    }
)
"""Those of well-known markings."""

# Their keys are data, whatever they are called.
_DICTIONARIES: Final = frozenset(
    {
        "additional_header_fields", "contents", "document_info_dict", "environment_variables", "exif_tags",
        "file_header_hashes", "hashes", "ipfix", "options", "request_header", "startup_info",
    }
)  # fmt: skip


def custom(obj: Object) -> Iterator[str]:
    """The path of each type, property and extension that STIX does not define, at any depth."""
    if obj.get("type") not in STIX_OBJECTS:
        yield "/type"
        return
    known = _properties()[str(obj["type"])]
    yield from (pointer([name]) for name in obj if name not in known)
    for name, value in obj.items():
        if name in known:
            yield from _below(value, (name,))


def _below(value: Any, way: tuple[str | int, ...]) -> Iterator[str]:
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _below(item, (*way, index))
    elif isinstance(value, dict):
        for name, inner in value.items():
            if not _defined(name, str(way[-1])):
                yield pointer((*way, name))
            elif way[-1] not in _DICTIONARIES and name != AI_FINDING:  # what is in that, its schema says
                yield from _below(inner, (*way, name))


def _defined(name: str, holder: str) -> bool:
    if holder == "extensions":
        return name in PREDEFINED or name in MARKING_EXTENSIONS or name == AI_FINDING
    return holder in _DICTIONARIES or name in _anywhere() or name in ("tlp_2_0", "extension_type")


@cache
def _properties() -> Mapping[str, frozenset[str]]:
    """Type → the properties that objects of it have."""
    schemas = mended()
    by_file = {name.partition("/")[2]: schema for name, schema in schemas.items()}
    return {name: frozenset(_own(schema, by_file)) for name, schema in by_file.items() if name in STIX_OBJECTS}


def _own(schema: Any, by_file: Mapping[str, Any]) -> Iterator[str]:
    if not isinstance(schema, dict):
        return  # true or false
    yield from schema.get("properties", ())
    for part in schema.get("allOf", ()):
        yield from _own(part, by_file)
    for form in ("oneOf", "anyOf"):
        for part in schema.get(form, ()):
            yield from _own(part, by_file)
    if "$ref" in schema and not schema["$ref"].startswith("#"):
        yield from _own(by_file[schema["$ref"].rpartition("/")[2].removesuffix(".json")], by_file)


@cache
def _anywhere() -> frozenset[str]:
    """The names of all properties that any schema has at any depth."""
    return frozenset(_named(list(mended().values())))


def _named(schema: Any) -> Iterator[str]:
    if isinstance(schema, list):
        for part in schema:
            yield from _named(part)
    elif isinstance(schema, dict):
        if isinstance(schema.get("properties"), dict):
            yield from schema["properties"]
        for part in schema.values():
            yield from _named(part)
