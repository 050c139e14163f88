"""STIX observables (SCOs), with the ids that the standard computes from what they say (STIX 2.1, 2.9)."""

from __future__ import annotations

import hashlib
import uuid
from typing import Any, Final

import orjson

from exchange.findings import identifiers
from exchange.findings.finding import Affected, Artifact, Asset, Model
from exchange.findings.identifiers import Observable, Product

_NAMESPACE: Final = uuid.UUID("00abedb4-aa42-466c-9c01-fed23315a9b7").bytes
_SOFTWARE: Final = ("name", "cpe", "vendor", "version")


def software(one: Affected, marking: str) -> dict[str, Any]:
    """Of a product. A version that both the purl or CPE and the entry give is the entry's."""
    named = _named(one)
    return _made(
        "software", marking, name=named.name, cpe=one.cpe, vendor=one.vendor or named.vendor,
        version=one.version or named.version,
    )  # fmt: skip


def _named(one: Affected) -> Product:
    by_purl = identifiers.purl(one.purl) if one.purl else None
    by_cpe = identifiers.cpe(one.cpe) if one.cpe else None
    found = by_purl or by_cpe or Product(one.product or "", None, None)
    vendor, version = (by_cpe.vendor, by_cpe.version) if by_cpe else (None, None)
    return Product(one.product or found.name, vendor, found.version or version)


def model(one: Model, marking: str) -> dict[str, Any]:
    """An AI model, as software of its provider."""
    return _made("software", marking, name=one.name, vendor=one.provider, version=one.version)


def of_asset(asset: Asset, marking: str) -> list[dict[str, Any]]:
    """The address, domain name or network of an asset."""
    found = [identifiers.host(text) for text in (asset.host, asset.network) if text]
    return [observed(one, marking) for one in found if one]


def observed(one: Observable, marking: str) -> dict[str, Any]:
    """What was seen."""
    if one.type == "file":
        return _made("file", marking, hashes={one.algorithm: one.value})
    return _made(one.type, marking, value=one.value)


def artifact(one: Artifact, content: bytes, marking: str) -> dict[str, Any]:
    """A file that comes along. `content`: its bytes."""
    hashes = {"SHA-256": hashlib.sha256(content).hexdigest()}
    return _made("artifact", marking, mime_type=one.mime_type, payload_bin=one.payload, hashes=hashes)


_CONTRIBUTING: Final = {
    "artifact": ("hashes", "payload_bin"),
    "file": ("hashes",),
    "software": _SOFTWARE,
}


def _made(stix_type: str, marking: str, **properties: Any) -> dict[str, Any]:
    said = {name: value for name, value in properties.items() if value is not None}
    return {
        "type": stix_type,
        "spec_version": "2.1",
        "id": f"{stix_type}--{_uuid5(stix_type, said)}",
        **said,
        "object_marking_refs": [marking],
    }


def _uuid5(stix_type: str, said: dict[str, Any]) -> str:
    """The UUIDv5 of the contributing properties, in the canonical JSON of RFC 8785.

    Which is what orjson writes of texts and of keys in ASCII.
    """
    names = _CONTRIBUTING.get(stix_type, ("value",))
    text = orjson.dumps({name: said[name] for name in names if name in said}, option=orjson.OPT_SORT_KEYS)
    digest = bytearray(hashlib.sha1(_NAMESPACE + text, usedforsecurity=False).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x50
    digest[8] = digest[8] & 0x3F | 0x80
    hexed = digest.hex()
    return f"{hexed[:8]}-{hexed[8:12]}-{hexed[12:16]}-{hexed[16:20]}-{hexed[20:]}"
