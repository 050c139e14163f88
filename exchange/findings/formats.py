"""Which format a parsed document is, by its content, and the findings in it (findings.md 4)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from exchange.findings import avid, csaf, cve, cyclonedx, garak, inspectai, kev, keys, openvex, osv, reading, sarif
from exchange.findings.careful import part
from exchange.findings.documents import is_garak_row
from exchange.findings.finding import Fault, Finding

READERS: dict[str, Callable[[Any], Iterator[Finding | Fault]]] = {
    "sarif": sarif.read,
    "osv": osv.read,
    "cve": cve.read,
    "csaf": csaf.read,
    "openvex": openvex.read,
    "cyclonedx": cyclonedx.read,
    "avid": avid.read,
    "garak": garak.read,
    "inspect": inspectai.read,
    "kev": kev.read,
}


def recognise(document: Any) -> str | None:
    """The name of a document's format: one of `READERS`, `plain` or `stix`; None of what is none of them."""
    if isinstance(document, list):
        rows = [one for one in document[:100] if isinstance(one, dict)]
        return "garak" if rows and all(is_garak_row(one) for one in rows) else None
    if not isinstance(document, dict):
        return None
    return next((format_ for format_, marks in _MARKS if marks(document)), None)


def _openvex(document: dict[str, Any]) -> bool:
    context = document.get("@context")
    return any(
        "openvex" in one for one in (context if isinstance(context, list) else [context]) if isinstance(one, str)
    )


def _stix(document: dict[str, Any]) -> bool:
    envelope = "objects" in document and document.keys() <= {"objects", "more", "next"}
    return envelope or document.get("type") == "bundle"


_MARKS: tuple[tuple[str, Callable[[dict[str, Any]], bool]], ...] = (
    ("plain", lambda document: "kind" in document),
    ("stix", _stix),
    ("garak", is_garak_row),
    ("sarif", lambda document: "runs" in document),
    ("cve", lambda document: "cveMetadata" in document or document.get("dataType") == "CVE_RECORD"),
    ("csaf", lambda document: isinstance(part(document, "document", "csaf_version"), str)),
    ("openvex", _openvex),
    ("cyclonedx", lambda document: "bomFormat" in document),
    ("kev", lambda document: "catalogVersion" in document and "vulnerabilities" in document),
    ("avid", lambda document: document.get("data_type") == "AVID"),
    ("inspect", lambda document: isinstance(document.get("eval"), dict) and "status" in document),
    ("osv", lambda document: "id" in document and bool({"modified", "affected", "schema_version"} & document.keys())),
)


def findings(document: Any) -> Iterator[Finding | Fault]:
    """The findings of a document of any format but STIX, each with its key; of an array, those of each element, whose
    faults say its index. What is no finding is a fault. Never an exception for what `documents` reads.
    """
    format_ = recognise(document)
    if format_ == "plain":
        yield from _plain(document)
    elif format_ in READERS:
        yield from READERS[format_](document)
    elif format_ is None and isinstance(document, list):
        yield from _each(document)
    else:
        yield Fault("", _STIX if format_ == "stix" else _UNKNOWN)


_STIX = "is STIX, which is no finding to be read: post it as an envelope or a bundle by itself"
_UNKNOWN = (
    "is no finding and no format that is read here (SARIF, OSV, CVE, CSAF, OpenVEX, CycloneDX, AVID, garak, "
    "inspect-ai, KEV, STIX): a finding has a `kind`"
)


def _plain(document: Any) -> Iterator[Finding | Fault]:
    made = reading.convert(document)
    if isinstance(made, Finding):
        yield msgspec.structs.replace(made, key=keys.of(made))
    else:
        yield from made


def _each(document: list[Any]) -> Iterator[Finding | Fault]:
    distinct = keys.Distinct()
    for index, one in enumerate(document):
        if isinstance(one, list):
            yield Fault(f"/{index}", "is a list within a list: put its findings beside the others")
            continue
        for made in findings(one):
            if isinstance(made, Fault):
                yield Fault(f"/{index}{made.pointer}", made.detail)
            elif (kept := distinct.take(made)) is not None:
                yield kept
