"""The OASIS schemas as mended: each mend is needed, and reaches what it means."""

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from exchange.stixamend import AMENDMENTS
from exchange.stixschema import SCO_CORE, SDO_CORE, validator
from exchange.stixtypes import KNOWN, STIX_OBJECTS, TARGETS, TIMESTAMPS

MISSING = object()


def published(name: str) -> Any:
    spec = importlib.util.find_spec("stix2validator")
    assert spec is not None
    assert spec.origin is not None
    folder = Path(spec.origin).parent / "schemas-2.1" / "schemas"
    return json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))


def at(schema: Any, place: str) -> Any:
    for part in place.split("/")[1:]:
        if isinstance(schema, list):
            schema = schema[int(part)]
        elif part in schema:
            schema = schema[part]
        else:
            return MISSING
    return schema


@pytest.mark.parametrize("name", sorted(KNOWN | {SDO_CORE, SCO_CORE}))
def test_every_schema_compiles(name: str) -> None:
    assert validator(name).is_valid(5) is False


@pytest.mark.parametrize("number", range(len(AMENDMENTS)))
def test_an_amendment_changes_what_is_published(number: int) -> None:
    name, place, value, reason = AMENDMENTS[number]
    parent, _, _last = place.rpartition("/")
    assert at(published(name), parent) is not MISSING, "its place is gone"
    assert at(published(name), place) != value, "no longer needed"
    assert reason


def named_by(stix_type: str, word: str) -> Iterator[str]:
    """The properties of a type whose published schema mentions a word."""
    for folder in ("sdos", "sros", "observables", "common"):
        try:
            schema = published(f"{folder}/{stix_type}")
        except FileNotFoundError:
            continue
        for part in schema.get("allOf", []):
            for name, value in part.get("properties", {}).items():
                if word in json.dumps(value):
                    yield name


@pytest.mark.parametrize("stix_type", sorted(STIX_OBJECTS - {"marking-definition"}))
def test_our_table_of_timestamps_is_that_of_the_schemas(stix_type: str) -> None:
    ours = {way for way in TIMESTAMPS.get(stix_type, ()) if "." not in way}
    assert ours == set(named_by(stix_type, "common/timestamp.json"))


@pytest.mark.parametrize("stix_type", sorted(STIX_OBJECTS - {"marking-definition"}))
def test_our_table_of_references_is_that_of_the_schemas(stix_type: str) -> None:
    ours = {way for way in TARGETS.get(stix_type, {}) if "." not in way}
    assert ours == {name for name in named_by(stix_type, "") if name.endswith(("_ref", "_refs"))}
