"""The extension "AI finding" 1.0, which this project publishes: its schema, its definition, and whether an object that
has it keeps to it. docs/ai-finding.md is its page.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any, Final

import jsonschema_rs
import orjson

from exchange.schemawords import Way, names_in, told
from exchange.stixfault import Fault, pointer
from exchange.stixread import Object, members

AI_FINDING: Final = "extension-definition--89c7db8d-5f24-4e59-82c0-6840bd5137f8"
AUTHOR: Final = "identity--0b7d3c4f-9a7e-4a3b-8f4e-5d1c2e9b6a70"
_BUNDLE: Final = "bundle--d2a5f7c1-6e0b-4b59-9c34-7f8e1a2b3c4d"
_CREATED: Final = "2026-11-25T00:00:00.000Z"
_TYPES: Final = ("vulnerability", "indicator", "incident")

_FORMS: Final = {
    "vector": "is no CVSS vector of 3.0, 3.1 or 4.0: write it like CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
    "purl": "is no package URL: write it like pkg:pypi/django@4.2.1",
    "cpe": "is no CPE 2.3 name: write it like cpe:2.3:a:vendor:product:1.0:*:*:*:*:*:*:*",
    "repo": "is no URL: write it like https://example.com/repository",
    "at": "is no time in UTC: write it like 2026-01-31T12:00:00Z",
    "due": "is no time in UTC: write it like 2026-01-31T12:00:00Z",
}


def ai_finding(obj: Object) -> Iterator[Fault]:
    """What of the extension in an object breaks its schema; nothing where it has none."""
    if "extensions" not in obj or AI_FINDING not in (extensions := members(obj, "extensions")):
        return
    if obj.get("type") not in _TYPES:
        yield _fault((), "the extension AI finding is for vulnerability, indicator and incident: leave it out")
    elif not _validator().is_valid(extensions[AI_FINDING]):
        errors = _validator().iter_errors(extensions[AI_FINDING])
        for way, message in told(errors, names_in(_schema()), _form):
            yield _fault(way, message)


def _fault(way: Way, message: str) -> Fault:
    return Fault(path=pointer(("extensions", AI_FINDING, *way)), message=message)


def _form(way: Way) -> str | None:
    return _FORMS.get(str(way[-1]) if way else "")


@cache
def schema_text() -> bytes:
    """The JSON schema of the extension, as it is served."""
    return files("exchange").joinpath("schemas", "ai-finding-1.0.json").read_bytes()


@cache
def _schema() -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(schema_text())
    return schema


@cache
def _validator() -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(_schema())


def definition() -> dict[str, Any]:
    """The STIX object that defines the extension: the same of every exchange, so the schema is in it and no URL."""
    return {
        "type": "extension-definition",
        "spec_version": "2.1",
        "id": AI_FINDING,
        "created_by_ref": AUTHOR,
        "created": _CREATED,
        "modified": _CREATED,
        "name": "AI finding",
        "description": "How severe a finding is, what it affects, who or what found it, and how sure that is. "
        "For vulnerability, indicator and incident. `schema` is its JSON schema.",
        "schema": orjson.dumps(_schema()).decode(),
        "version": "1.0",
        "extension_types": ["property-extension"],
    }


def definition_bundle() -> bytes:
    """The definition with the identity of its author, as a STIX bundle."""
    author = {
        "type": "identity",
        "spec_version": "2.1",
        "id": AUTHOR,
        "created": _CREATED,
        "modified": _CREATED,
        "name": "STIX exchange",
        "description": "The software project that publishes the extension AI finding.",
    }
    return orjson.dumps({"type": "bundle", "id": _BUNDLE, "objects": [author, definition()]})
