"""The OASIS JSON schemas of STIX 2.1, mended where they disagree with the standard, compiled once.

The schemas ship in the wheel of `stix2-validator`. They say the shape of each property; how properties go
together is said by the functions of `stixrules`, whose messages a person can read. `stixamend` lists every
place where a schema is left behind. Formats stay off: they refuse `_dmarc.example.com`.
"""

import importlib.util
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import jsonschema_rs

from exchange.stixamend import AMENDMENTS, amend
from exchange.stixtypes import KNOWN

PACKAGE: Final = "stix2validator"
SDO_CORE: Final = "core"
SCO_CORE: Final = "cyber-observable-core"


@cache
def validator(name: str) -> jsonschema_rs.Draft202012Validator:
    """The compiled schema of a type of the standard, or of `SDO_CORE` or `SCO_CORE` for all others.

    The first call reads the schemas, about 0.1 s.
    """
    schemas, registry = _schemas()
    return jsonschema_rs.Draft202012Validator(schemas[name], registry=registry, validate_formats=False)


def published(package: str = PACKAGE) -> dict[str, dict[str, Any]]:
    """The schemas as OASIS published them, by folder and type (`sdos/identity`). RuntimeError without the package."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise RuntimeError(f"the package {package}, which brings the STIX schemas, is missing: install it")
    folder = Path(spec.origin).parent / "schemas-2.1" / "schemas"
    return {
        f"{file.parent.name}/{file.stem}": json.loads(file.read_text(encoding="utf-8"))
        for file in sorted(folder.glob("*/*.json"))
    }


def mended() -> dict[str, dict[str, Any]]:
    """The published schemas with all amendments."""
    schemas = published()
    for name, place, value, _reason in AMENDMENTS:
        amend(schemas[name], place, value)
    return schemas


@cache
def _schemas() -> tuple[Mapping[str, dict[str, Any]], jsonschema_rs.Registry]:
    """The mended schemas by type alone, and the registry that resolves their references to one another."""
    found = mended()
    registry = jsonschema_rs.Registry([(schema["$id"], schema) for schema in found.values()])
    by_type = {name.partition("/")[2]: schema for name, schema in found.items()}
    return {name: by_type[name] for name in (*KNOWN, SDO_CORE, SCO_CORE)}, registry
