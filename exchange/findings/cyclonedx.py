"""CycloneDX 1.4 and later with vulnerabilities (VEX or VDR): one finding per vulnerability."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from exchange.findings.careful import cwe, items, line, members, name, part, pointer, purl, text, url, vector
from exchange.findings.cpes import cpe
from exchange.findings.finding import Affected, Fault, Finding, FoundBy, Tlp
from exchange.findings.fitting import MAX_VERSIONS, Place, credited, first, fitted, issuer, settled, tlp
from exchange.findings.keys import hashed, named

Status = Literal["affected", "not-affected", "fixed", "under-investigation"]
_STATUS: dict[str, Status] = {
    "exploitable": "affected",
    "in_triage": "under-investigation",
    "false_positive": "not-affected",
    "not_affected": "not-affected",
    "resolved": "fixed",
    "resolved_with_pedigree": "fixed",
}
_METHODS = {"CVSSv3": "3.0", "CVSSv31": "3.1", "CVSSv4": "4.0"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Document:
    key: str
    issuer: str | None
    tlp: Tlp | None
    components: dict[str, Affected]
    itself: Affected | None


def read(document: Any) -> Iterator[Finding | Fault]:
    """The findings of a document. An inventory alone has none, and says so."""
    vulnerabilities = part(document, "vulnerabilities")
    if not isinstance(vulnerabilities, list) or not vulnerabilities:
        yield Fault("/vulnerabilities", "lists none, so there is nothing to take: push a VEX, not an inventory alone")
        return
    about = _about(document)
    places: list[Place] = [("vulnerabilities", index) for index in range(len(vulnerabilities))]
    yield from settled(
        (place, _vulnerability(one, about, place)) for place, one in zip(places, vulnerabilities, strict=True)
    )


def _about(document: Any) -> _Document:
    meta = members(document, "metadata")
    itself = _component(meta.get("component"))
    issuers = [part(meta, who, "name") for who in ("supplier", "manufacturer", "manufacture")]
    issuers += [part(meta, "component", "supplier", "name"), part(meta, "component", "publisher")]
    issuers += [part(one, "name") for one in items(meta, "authors")[:1]]
    known = next((found for one in issuers if (found := name(one))), None)
    serial = name(part(document, "serialNumber"), 200)
    parts = [itself.vendor, itself.product, itself.version] if itself else [known]
    return _Document(
        # A serial number is new for every document that is made (section "serialNumber"), the product is not.
        key="/".join(one for one in parts if one) or serial or "CycloneDX",
        issuer=known,
        tlp=tlp(part(meta, "distributionConstraints", "tlp")),
        components=_components(document),
        itself=itself,
    )


def _components(document: Any) -> dict[str, Affected]:
    """`bom-ref` to component or service, however deep it is nested."""
    found: dict[str, Affected] = {}
    left = [part(document, "metadata", "component"), *items(document, "components"), *items(document, "services")]
    while left:
        one = left.pop()
        reference, made = part(one, "bom-ref"), _component(one)
        if isinstance(reference, str) and made is not None:
            found.setdefault(reference, made)
        left += [*items(one, "components"), *items(one, "services")]
    return found


def _component(one: Any) -> Affected | None:
    label, address = name(part(one, "name")), purl(part(one, "purl"))
    if label is None and address is None:
        return None
    group = name(part(one, "group"))
    supplier = (
        name(part(one, "supplier", "name")) or name(part(one, "provider", "name")) or name(part(one, "publisher"))
    )
    return Affected(
        purl=address,
        cpe=cpe(part(one, "cpe")),
        vendor=supplier,
        product=name(f"{group}/{label}") if group and label else label,
        version=name(part(one, "version")),
    )


def _vulnerability(one: Any, about: _Document, place: Place) -> Finding | Fault:
    label, description = name(part(one, "id")), text(part(one, "description"))
    if label is None and description is None:
        return Fault(pointer(*place, "id"), "is no text, and nothing is described: name the vulnerability")
    analysis = members(one, "analysis")
    stated = analysis.get("state")
    detail = text(analysis.get("detail"), 20_000)
    affected = list(_affected(one, about, _STATUS.get(stated) if isinstance(stated, str) else None, analysis))
    return fitted(
        kind="software-vulnerability",
        title=_title(label, description, affected),
        description=[
            description,
            text(part(one, "detail"), 50_000),
            f"Analysis: {detail}" if detail else None,
            *_responses(analysis),
        ],
        found_by=[*_found_by(one), issuer(about.issuer)],
        key=named(about.key, label or hashed(description or "")[:16]),
        affected=affected,
        severity=[_vector(rating) for rating in items(one, "ratings")],
        cwe=[cwe(number) for number in items(one, "cwes")],
        aliases=[label, *(name(part(other, "id")) for other in items(one, "references"))],
        references=[url(part(one, "source", "url")), *(url(part(page, "url")) for page in items(one, "advisories"))],
        remediation=[text(part(one, "recommendation"), 50_000)],
        workaround=[text(part(one, "workaround"), 50_000)],
        level=about.tlp,
    )


def _title(label: str | None, description: str | None, affected: list[Affected]) -> str | None:
    hit = next((one.product or one.purl for one in affected), None)
    subject = label or line(description, 200)
    return line(f"{subject} in {hit}") if hit else subject


def _affected(one: Any, about: _Document, status: Status | None, analysis: dict[str, Any]) -> Iterator[Affected]:
    """What it affects, by reference; the product that the document is about where no reference is given."""
    reason = line(": ".join(word for key in ("justification", "detail") if (word := line(analysis.get(key), 400))))
    stated = {"status": status, "justification": reason if status == "not-affected" else None}
    listed = items(one, "affects")
    for hit in listed:
        reference = part(hit, "ref")
        known = about.components.get(reference) if isinstance(reference, str) else None
        product = known or (Affected(product=label) if (label := name(reference)) else None)
        versions = first((_version(version) for version in items(hit, "versions")), MAX_VERSIONS)
        if product is not None:
            yield msgspec.structs.replace(product, versions=versions, **stated)
    if not listed and about.itself is not None:
        yield msgspec.structs.replace(about.itself, **stated)


def _version(version: Any) -> str | None:
    if part(version, "status") not in (None, "affected"):
        return None
    return name(part(version, "version")) or name(part(version, "range"))


def _vector(rating: Any) -> str | None:
    method = part(rating, "method")
    return vector(part(rating, "vector"), _METHODS.get(method, "") if isinstance(method, str) else "")


def _responses(analysis: dict[str, Any]) -> Iterator[str | None]:
    words = ", ".join(word for one in items(analysis, "response")[:10] if (word := name(one)))
    yield f"The owner's response: {words.replace('_', ' ')}." if words else None


def _found_by(one: Any) -> Iterator[FoundBy | None]:
    for person in items(one, "credits", "individuals"):
        yield credited(name(part(person, "name")), None)
    for body in items(one, "credits", "organizations"):
        yield credited(name(part(body, "name")), None)
    tools = part(one, "tools")
    for tool in tools if isinstance(tools, list) else items(tools, "components"):
        if label := name(part(tool, "name")):
            vendor = name(part(tool, "vendor")) or name(part(tool, "publisher"))
            yield FoundBy(kind="tool", name=label, version=name(part(tool, "version")), provider=vendor)
