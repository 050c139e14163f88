"""A finding from JSON: read fast where it is right; where it is not, every fault at once, in words."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

import jiter
import jsonschema_rs
import msgspec

from exchange.findings.checking import faults
from exchange.findings.finding import Fault, Finding
from exchange.schemawords import Known, Way, named, names_in, told
from exchange.stix import pointer, why_no_json

MAX_FAULTS: Final = 50
"""Faults told of one finding; a list of a thousand wrong entries is one mistake."""

_FORMS: Final = {
    "cwe": "is no CWE id: write it like CWE-79",
    "severity": "is no CVSS vector of 3.0, 3.1 or 4.0: write it like CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
    "atlas": "is no technique of MITRE ATLAS: write it like AML.T0051 or AML.T0051.000",
    "attack": "is no technique of MITRE ATT&CK: write it like T1059 or T1059.001",
    "purl": "is no package URL: write it like pkg:pypi/django@4.2.1",
    "cpe": "is no CPE 2.3 name: write it like cpe:2.3:a:vendor:product:1.0:*:*:*:*:*:*:*",
    "url": "is no URL: write it like https://example.com/report",
    "references": "is no URL: write it like https://example.com/report",
    "repo": "is no URL: write it like https://example.com/repository",
    "sha256": "is no SHA-256: write its 64 hexadecimal digits in lower case",
    "mime_type": "is no media type: write it like text/plain",
    "pattern_type": "is no name of a pattern language: write it like stix, sigma, snort or yara",
    "at": "is no time in UTC: write it like 2026-01-31T12:00:00Z",
    "due": "is no time in UTC: write it like 2026-01-31T12:00:00Z",
    "embargo_until": "is no time in UTC: write it like 2026-01-31T12:00:00Z",
}


def read(raw: bytes) -> Finding | tuple[Fault, ...]:
    """The finding that JSON states, or all that is wrong with it, at most `MAX_FAULTS`.

    Cost: 30 µs for a small good one.
    """
    try:
        stated = jiter.from_json(raw, allow_inf_nan=False, catch_duplicate_keys=True, cache_mode="keys")
    except ValueError as error:
        return (Fault("", why_no_json(str(error))),)
    return convert(stated)


def convert(stated: Any) -> Finding | tuple[Fault, ...]:
    """The same of what JSON said, with every key once."""
    try:
        finding = msgspec.convert(stated, Finding)
    except msgspec.ValidationError as error:
        return misshapen(stated) or (Fault("", f"does not have the form of a finding: {error}"),)
    return faults(finding)[:MAX_FAULTS] or finding


def misshapen(stated: Any) -> tuple[Fault, ...]:
    """What of a stated finding is not of its types, in the order of its fields."""
    if not isinstance(stated, dict):
        return (Fault("", f"must be an object with kind, title, description and found_by, not {named(stated)}"),)
    found: dict[str, Fault] = {}
    for way, message in told(_validator().iter_errors(_without_nulls(stated)), _known(), _form):
        place = pointer(way)
        found.setdefault(place, Fault(place, message))
        if len(found) == MAX_FAULTS:
            break
    return tuple(found.values())


def _form(way: Way) -> str | None:
    """What a text at this way looks like: by the last name in it."""
    return _FORMS.get(next((part for part in reversed(way) if isinstance(part, str)), ""))


def _without_nulls(value: Any) -> Any:
    """Without properties that are null, which says the same as to leave them out."""
    if isinstance(value, dict):
        return {name: _without_nulls(below) for name, below in value.items() if below is not None}
    if isinstance(value, list):
        return [_without_nulls(below) for below in value]
    return value


@cache
def _schema() -> dict[str, Any]:
    schema: dict[str, Any] = _nullless(msgspec.json.schema(Finding))
    return schema


@cache
def _validator() -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(_schema())


@cache
def _known() -> Known:
    return names_in(_schema())


def _nullless(schema: Any) -> Any:
    """A choice between something and null, without the choice."""
    if isinstance(schema, list):
        return [_nullless(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    made = {name: _nullless(part) for name, part in schema.items()}
    if "anyOf" in made:
        left = [part for part in made["anyOf"] if part != {"type": "null"}]
        made = {"anyOf": left} if len(left) > 1 else left[0]
    return made
