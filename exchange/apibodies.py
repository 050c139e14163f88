"""What programs send to the JSON face: one JSON object with the properties that the endpoint names, and no others."""

from __future__ import annotations

from collections.abc import Set
from typing import Any

import orjson

from exchange.taxiierrors import TaxiiError

MOST = 1_000  # strings in one list


def read(body: bytes, known: Set[str]) -> dict[str, Any]:
    """The object of a body. 400 where it is no JSON object, 422 where it has a property that is not known."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise TaxiiError(400, "The body is not JSON.") from error
    if not isinstance(found, dict):
        raise TaxiiError(400, "The body is not a JSON object.")
    if unknown := sorted(found.keys() - known):
        named = ", ".join(f'"{name}"' for name in sorted(known))
        raise TaxiiError(422, f'"{unknown[0]}" is no property of this: it takes {named}.')
    return found


def strings(said: dict[str, Any], name: str) -> list[str]:
    """A list of strings, empty where it is left out. 422 where it is something else."""
    found = said.get(name, [])
    if not isinstance(found, list) or len(found) > MOST or not all(isinstance(one, str) for one in found):
        raise TaxiiError(422, f'"{name}" is not a list of at most {MOST} strings.')
    return found


def string(said: dict[str, Any], name: str) -> str:
    """A string that has to be there. 422 where it is not."""
    found = said.get(name)
    if not isinstance(found, str):
        raise TaxiiError(422, f'"{name}" is missing, or is no string.')
    return found
