"""The OASIS schemas as mended: each mend is needed, and reaches what it means."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from exchange.stixamend import AMENDMENTS
from exchange.stixschema import SCO_CORE, SDO_CORE, mended, published, validator
from exchange.stixtypes import KNOWN, STIX_OBJECTS, TARGETS, TIMESTAMPS

MISSING = object()
PUBLISHED = published()


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


def test_without_the_package_of_the_schemas_the_error_names_it() -> None:
    with pytest.raises(RuntimeError, match="no_such_package"):
        published("no_such_package")


@pytest.mark.parametrize("number", range(len(AMENDMENTS)))
def test_an_amendment_changes_what_is_published(number: int) -> None:
    name, place, value, reason = AMENDMENTS[number]
    schema = PUBLISHED[name]
    parent, _, _last = place.rpartition("/")
    assert at(schema, parent) is not MISSING, "its place is gone"
    assert at(schema, place) != value, "no longer needed"
    assert reason


def parts(schema: Any) -> Iterator[dict[str, Any]]:
    """Every object within a schema."""
    todo = [schema]
    while todo:
        part = todo.pop()
        if isinstance(part, dict):
            yield part
        todo.extend(part.values() if isinstance(part, dict) else part if isinstance(part, list) else [])


def test_every_choice_that_is_left_to_a_schema_is_between_required_properties() -> None:
    # A bundle is never validated: what it holds is.
    for part in parts([schema for name, schema in mended().items() if name != "common/bundle"]):
        assert "oneOf" not in part
        assert all(set(branch) == {"required"} for branch in part.get("anyOf", []))


def named_by(stix_type: str, word: str) -> Iterator[str]:
    """The properties of a type whose published schema mentions a word."""
    for folder in ("sdos", "sros", "observables", "common"):
        schema = PUBLISHED.get(f"{folder}/{stix_type}", {})
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
