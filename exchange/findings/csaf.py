"""CSAF 2.0 and its VEX profile: one finding per vulnerability, each product with its status."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from exchange.findings.careful import cwe, instant, items, line, members, name, part, pointer, text, url, vector
from exchange.findings.csafproducts import products
from exchange.findings.finding import Affected, Fault, Finding, FoundBy, Tlp, Verification
from exchange.findings.fitting import Place, fitted, issuer, settled, tlp
from exchange.findings.keys import hashed, named

# A product may stand in several lists: the first of them here says what it is.
_STATUS = {
    "known_affected": "affected",
    "first_affected": "affected",
    "last_affected": "affected",
    "known_not_affected": "not-affected",
    "fixed": "fixed",
    "first_fixed": "fixed",
    "under_investigation": "under-investigation",
    "recommended": "recommended",
}
_SAYING = ("description", "summary", "details", "general")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Document:
    key: str
    identifier: str
    title: str | None
    summary: str | None
    publisher: str | None
    thanks: list[FoundBy]
    own_pages: list[str | None]
    tlp: Tlp | None
    verification: Verification | None
    products: dict[str, Affected]


def read(document: Any) -> Iterator[Finding | Fault]:
    """The findings of a document, under its own TLP. An advisory without vulnerabilities has none, and says so."""
    if part(document, "document", "csaf_version") != "2.0":
        yield Fault("/document/csaf_version", "is not 2.0, the version that is read here: convert the document to 2.0")
        return
    identifier = name(part(document, "document", "tracking", "id"), 200)
    if identifier is None:
        yield Fault("/document/tracking/id", "is no text: an advisory is known by its id; give it one")
        return
    vulnerabilities = items(document, "vulnerabilities")
    if not vulnerabilities:
        yield Fault("/vulnerabilities", "lists none, so there is nothing to take: push advisories of vulnerabilities")
        return
    about = _about(members(document, "document"), identifier, document)
    places: list[Place] = [("vulnerabilities", index) for index in range(len(vulnerabilities))]
    yield from settled(
        (place, _vulnerability(one, about, place)) for place, one in zip(places, vulnerabilities, strict=True)
    )


def _about(head: dict[str, Any], identifier: str, document: Any) -> _Document:
    publisher, vendor = name(part(head, "publisher", "name")), part(head, "publisher", "category") == "vendor"
    released = instant(part(head, "tracking", "current_release_date"))
    space = name(part(head, "publisher", "namespace"), 200) or publisher or "no namespace"
    summary = (
        text(part(one, "text"), 2_000) for one in items(head, "notes")[:200] if part(one, "category") == "summary"
    )
    return _Document(
        # An id is unique among those of its publisher only (section 3.2.1.12.4).
        key=named(space.partition("://")[2].rstrip("/") or space, identifier),
        identifier=identifier,
        title=line(head.get("title"), 400),
        summary=next(summary, None),
        publisher=publisher,
        thanks=list(_thanked(head)),
        own_pages=[url(part(one, "url")) for one in items(head, "references")[:200] if part(one, "category") == "self"][
            :5
        ],
        tlp=tlp(part(head, "distribution", "tlp", "label")),
        verification=Verification(state="confirmed-by-owner", by=publisher, at=released) if vendor else None,
        products=products(part(document, "product_tree")),
    )


def _thanked(holder: Any) -> Iterator[FoundBy]:
    for one in items(holder, "acknowledgments")[:50]:
        organisation = name(part(one, "organization"))
        people = [found for value in items(one, "names")[:50] if (found := name(value))]
        for person in people or ([organisation] if organisation else []):
            yield FoundBy(kind="human", name=person, provider=organisation if people else None)


def _vulnerability(one: Any, about: _Document, place: Place) -> Finding | Fault:
    notes = [
        found for found in items(one, "notes") if part(found, "category") in _SAYING and part(found, "title") != "SSVC"
    ]
    cve, stated = name(part(one, "cve"), 100), [name(part(found, "text")) for found in items(one, "ids")[:100]]
    title = line(part(one, "title"), 400)
    label = cve or next((found for found in stated if found), None)
    if not (label or title or notes):
        return Fault(pointer(*place), "names no vulnerability: give it a `cve`, an id, a title or a note")
    standing = _standing(one)
    said = [text(part(found, "text")) for found in notes]
    return fitted(
        kind="software-vulnerability",
        title=title or (line(f"{about.title} ({label})") if about.title and label else about.title or label),
        description=[*(said or [about.summary]), *_unmended(one)],
        found_by=[*_thanked(one), *about.thanks, issuer(about.publisher)],
        key=named(about.key, label or hashed(title or "", *(found or "" for found in said))[:16]),
        affected=_affected(standing, _reasons(one), about.products),
        severity=[vector(part(score, kind, "vectorString")) for score in items(one, "scores") for kind in ("cvss_v3",)],
        cwe=[cwe(part(one, "cwe", "id"))],
        aliases=[cve, *stated, about.identifier],
        references=[*about.own_pages, *(url(part(found, "url")) for found in items(one, "references"))],
        remediation=_advised(one, ("vendor_fix",)),
        workaround=_advised(one, ("mitigation", "workaround")),
        level=about.tlp,
        verification=about.verification if standing and set(standing.values()) & {"affected", "fixed"} else None,
    )


def _standing(one: Any) -> dict[str, str]:
    """Product id to status."""
    found: dict[str, str] = {}
    for listed, status in _STATUS.items():
        for identifier in items(one, "product_status", listed):
            if isinstance(identifier, str):
                found.setdefault(identifier, status)
    return found


def _reasons(one: Any) -> dict[str, str]:
    """Product id to why it is not affected: the flag's label, and what is said of the impact."""
    found: dict[str, list[str]] = {}
    flags = [(part(flag, "label"), flag) for flag in items(one, "flags")]
    threats = [
        (part(threat, "details"), threat) for threat in items(one, "threats") if part(threat, "category") == "impact"
    ]
    for said, holder in (*flags, *threats):
        words = line(said, 400)
        for identifier in items(holder, "product_ids"):
            if words and isinstance(identifier, str) and len(found.setdefault(identifier, [])) < 2:
                found[identifier].append(words)
    return {identifier: line(": ".join(words)) or "" for identifier, words in found.items()}


def _affected(standing: dict[str, str], reasons: dict[str, str], known: dict[str, Affected]) -> Iterator[Affected]:
    for identifier, status in standing.items():
        product = known.get(identifier) or Affected(product=name(identifier) or "a product without a name")
        reason = reasons.get(identifier) or None
        yield msgspec.structs.replace(
            product, status=status, justification=reason if status == "not-affected" else None
        )


def _advised(one: Any, categories: tuple[str, ...]) -> Iterator[str | None]:
    for found in items(one, "remediations"):
        if part(found, "category") in categories:
            page = url(part(found, "url"))
            said = text(part(found, "details"), 20_000)
            yield f"{said}\n{page}" if said and page and page not in said else said or page


def _unmended(one: Any) -> Iterator[str | None]:
    for said in _advised(one, ("none_available", "no_fix_planned")):
        yield f"No fix: {said}"
