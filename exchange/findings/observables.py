"""STIX observables (SCOs), with ids that are minted of what they say.

Not the UUIDv5 that the standard computes of it and only recommends (STIX 2.1, 2.9): of two findings about one product
each has its own audience, an observable has no versions that could change it, and a guessable id tells what it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import orjson

from exchange.findings import identifiers
from exchange.findings.finding import Affected, Artifact, Asset, Model
from exchange.findings.identifiers import Observable, Product

Mint = Callable[[str, str], str]


def software(mint: Mint, one: Affected, marking: str) -> dict[str, Any]:
    """Of a product. A version that both the purl or CPE and the entry give is the entry's."""
    named = _named(one)
    return _made(
        mint, "software", marking, name=named.name, cpe=one.cpe, vendor=one.vendor or named.vendor,
        version=one.version or named.version,
    )  # fmt: skip


def _named(one: Affected) -> Product:
    by_purl = identifiers.purl(one.purl) if one.purl else None
    by_cpe = identifiers.cpe(one.cpe) if one.cpe else None
    found = by_purl or by_cpe or Product(one.product or "", None, None)
    vendor, version = (by_cpe.vendor, by_cpe.version) if by_cpe else (None, None)
    return Product(one.product or found.name, vendor, found.version or version)


def model(mint: Mint, one: Model, marking: str) -> dict[str, Any]:
    """An AI model, as software of its provider."""
    return _made(mint, "software", marking, name=one.name, vendor=one.provider, version=one.version)


def of_asset(mint: Mint, asset: Asset, marking: str) -> list[dict[str, Any]]:
    """The address, domain name or network of an asset."""
    found = [identifiers.host(text) for text in (asset.host, asset.network) if text]
    return [observed(mint, one, marking) for one in found if one]


def observed(mint: Mint, one: Observable, marking: str) -> dict[str, Any]:
    """What was seen."""
    if one.type == "file":
        return _made(mint, "file", marking, hashes={one.algorithm: one.value})
    return _made(mint, one.type, marking, value=one.value)


def artifact(mint: Mint, one: Artifact, content: bytes, marking: str) -> dict[str, Any]:
    """A file that comes along. `content`: its bytes."""
    hashes = {"SHA-256": hashlib.sha256(content).hexdigest()}
    return _made(mint, "artifact", marking, mime_type=one.mime_type, payload_bin=one.payload, hashes=hashes)


def _made(mint: Mint, stix_type: str, marking: str, **properties: Any) -> dict[str, Any]:
    said = {name: value for name, value in properties.items() if value is not None}
    digest = hashlib.sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).hexdigest()
    return {
        "type": stix_type,
        "spec_version": "2.1",
        "id": mint(stix_type, f"observable/{digest}"),
        **said,
        "object_marking_refs": [marking],
    }
