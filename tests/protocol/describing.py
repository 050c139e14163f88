"""`python -m tests.protocol.describing` writes into exchange/openapi.json what follows from the request models.

The models of findings are `exchange.findings.finding`; everything else in the description is written by hand.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

import exchange
from exchange.findings.finding import Finding

FILE = Path(exchange.__file__ or "").with_name("openapi.json")
BEFORE = "#/components/schemas/"


def models() -> dict[str, Any]:
    """Schemas by name, as OpenAPI 3.1 takes them; all but `Finding` with that word before their own names."""
    _, found = msgspec.json.schema_components([Finding], ref_template=BEFORE + "{name}")
    text = json.dumps(found)
    for name in found:
        if name != "Finding":
            text = text.replace(f'"{BEFORE}{name}"', f'"{BEFORE}Finding{name}"')
    schemas: dict[str, Any] = json.loads(text)
    return {name if name == "Finding" else f"Finding{name}": schema for name, schema in schemas.items()}


def described(text: str) -> str:
    """The description with the models of today."""
    description = json.loads(text)
    schemas = description["components"]["schemas"]
    kept = {name: schema for name, schema in schemas.items() if not _of_model(name)}
    description["components"]["schemas"] = kept | models()
    return json.dumps(description, indent=2, ensure_ascii=False) + "\n"


def _of_model(name: str) -> bool:
    return name in models()


if __name__ == "__main__":
    FILE.write_text(described(FILE.read_text(encoding="utf-8")), encoding="utf-8")
