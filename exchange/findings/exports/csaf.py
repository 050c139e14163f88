"""CSAF 2.0, as a security advisory where products are known, else by the base profile.

CSAF 2.0 has no AMBER+STRICT: it goes out as RED, which is no wider, and the text beside it says what is meant. It has
no CVSS 4 either, whose vectors stand in a note.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from exchange.findings import identifiers
from exchange.findings.exports.advisory import Advisory, Obj, Product, Publisher, gather, ranges
from exchange.findings.exports.openvex import JUSTIFICATIONS
from exchange.findings.finding import Event, FoundBy
from exchange.label import Tlp

MOST_VERSIONS: Final = 100  # of one product, that get a product id each
_TLP: Final = {Tlp.CLEAR: "WHITE", Tlp.GREEN: "GREEN", Tlp.AMBER: "AMBER", Tlp.AMBER_STRICT: "RED", Tlp.RED: "RED"}
_LISTS: Final = {
    "affected": "known_affected",
    "not-affected": "known_not_affected",
    "fixed": "fixed",
    "recommended": "recommended",
    "under-investigation": "under_investigation",
}
_INVOLVED: Final = {
    "received": "open",
    "under-investigation": "in_progress",
    "affected": "in_progress",
    "fix-planned": "in_progress",
    "fixed": "completed",
    "deployed": "completed",
    "not-affected": "completed",
    "wont-fix": "completed",
    "disputed": "disputed",
}
_LABELLED: Final = {word.replace("_", "-"): word for word in JUSTIFICATIONS} | {word: word for word in JUSTIFICATIONS}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Listed:
    """A product in one version or range, under an id of the document, and the list of `product_status` it is in."""

    id: str
    product: Product
    category: str  # of the branch of its version
    version: str | None
    standing: str


def export(objects: Sequence[Obj], *, publisher: Publisher, now: str, document_id: str) -> dict[str, Any]:
    """The document. `objects`: those of one finding that its reader may see; `now`: RFC 3339; `document_id` is unique
    in the publisher's namespace. ValueError if no finding is among the objects."""
    said = gather(objects)
    listed = [
        _Listed(id=f"CSAFPID-{number:04}", product=product, category=category, version=version, standing=standing)
        for number, (product, category, version, standing) in enumerate(_listed(said), 1)
    ]
    made: dict[str, Any] = {"document": _document(said, publisher, now, document_id, bool(listed))}
    if listed:
        made["product_tree"] = {"branches": list(_branches(listed))}
    return made | {"vulnerabilities": [_vulnerability(said, listed)]}


def _document(said: Advisory, publisher: Publisher, now: str, document_id: str, whole: bool) -> dict[str, Any]:
    revisions = [{"number": "1", "date": said.created, "summary": "First version."}]
    if said.modified > said.created:
        revisions.append({"number": "2", "date": said.modified, "summary": "The current version."})
    made: dict[str, Any] = {
        "category": "csaf_security_advisory" if whole else "csaf_base",
        "csaf_version": "2.0",
        "title": said.title,
        "publisher": {"category": "coordinator", "name": publisher.name, "namespace": publisher.namespace},
        "tracking": {
            "id": document_id,
            "status": "final",
            "version": revisions[-1]["number"],
            "initial_release_date": said.created,
            "current_release_date": said.modified,
            "revision_history": revisions,
            "generator": {"date": now, "engine": {"name": "stix-exchange"}},
        },
    }
    if said.tlp is not None:
        label = {"label": _TLP[said.tlp], "url": "https://www.first.org/tlp/"}
        made["distribution"] = {"text": f"TLP:{said.tlp.value.upper()}", "tlp": label}
    if said.revoked:
        made["notes"] = [{"category": "general", "title": "Withdrawn", "text": "Its publisher has taken it back."}]
    return made


# Products ---------------------------------------------------------------------------------------------------------


def _listed(said: Advisory) -> Iterator[tuple[Product, str, str | None, str]]:
    for product in said.products:
        standing = _LISTS[product.status]
        reaches = [("product_version_range", _vers(events)) for _, events in ranges(product.said)]
        for category, version in [*_versions(product), *reaches] or [("product_version", None)]:
            yield product, category, version, standing
        if product.status == "affected":
            fixes = dict.fromkeys(event.fixed for one in product.said.ranges for event in one.events if event.fixed)
            yield from ((product, "product_version", version, "first_fixed") for version in fixes)


def _versions(product: Product) -> Iterator[tuple[str, str | None]]:
    found = list(dict.fromkeys([*([product.version] if product.version else []), *product.said.versions]))
    if len(found) > MOST_VERSIONS:
        yield "product_version_range", f"vers:generic/{'|'.join(found)}"
    else:
        yield from (("product_version", version) for version in found)


def _vers(events: Sequence[Event]) -> str:
    """A range in the words of `vers`."""
    signs = (("introduced", ">="), ("fixed", "<"), ("limit", "<"), ("last_affected", "<="))
    stated = ((sign, getattr(event, name)) for event in events for name, sign in signs)
    found = [f"{sign}{version}" for sign, version in stated if version and (sign, version) != (">=", "0")]
    return f"vers:generic/{'|'.join(found) or '*'}"


def _branches(listed: Sequence[_Listed]) -> Iterator[dict[str, Any]]:
    """Vendor, product, version: each a branch, and what is not known is none."""
    for one in listed:
        product = one.product
        full = " ".join(filter(None, [product.vendor, product.name, one.version]))
        leaf: dict[str, Any] = {"product": {"name": full, "product_id": one.id, **_helper(one)}}
        if one.version:
            leaf = {"branches": [{"category": one.category, "name": one.version, **leaf}]}
        branch = {"category": "product_name", "name": product.name, **leaf}
        yield {"category": "vendor", "name": product.vendor, "branches": [branch]} if product.vendor else branch


def _helper(one: _Listed) -> dict[str, Any]:
    """Its purl and CPE, where they say no other version."""
    named = {"cpe": one.product.said.cpe, "purl": one.product.said.purl}
    readers = {"cpe": identifiers.cpe, "purl": identifiers.purl}
    found = {kind: text for kind, text in named.items() if text and (known := readers[kind](text))
             and known.version in (None, one.version)}  # fmt: skip
    return {"product_identification_helper": found} if found else {}


# The vulnerability ------------------------------------------------------------------------------------------------


def _vulnerability(said: Advisory, listed: Sequence[_Listed]) -> dict[str, Any]:
    standing: dict[str, list[str]] = {}
    for one in listed:
        standing.setdefault(one.standing, []).append(one.id)
    affected = standing.get("known_affected", []) + standing.get("under_investigation", [])
    made: dict[str, Any] = {"title": said.title, "notes": list(_notes(said, bool(affected)))}
    if said.cves:
        made["cve"] = said.cves[0]
    if said.cwes:
        made["cwe"] = {"id": said.cwes[0], "name": said.cwes[0]}
    parts: dict[str, Any] = {
        "ids": [{"system_name": source, "text": uid} for source, uid in said.aliases if uid not in said.cves[:1]],
        "product_status": standing,
        "scores": list(_scores(said, affected)),
        "remediations": list(_remediations(said, affected)),
        "flags": list(_flags(listed)),
        "threats": list(_threats(listed)),
        "references": [{"category": "external", "summary": "A reference.", "url": url} for url in said.urls],
        "acknowledgments": [_thanks(one) for one in said.found_by],
        "involvements": list(_involved(said)),
    }
    return made | {name: value for name, value in parts.items() if value} | {"release_date": said.created}


def _notes(said: Advisory, has_products: bool) -> Iterator[dict[str, str]]:
    yield {"category": "description", "title": "Description", "text": said.description}
    if len(said.cwes) > 1:
        yield {"category": "other", "title": "Further weaknesses", "text": ", ".join(said.cwes[1:])}
    for one in said.vectors:
        if one["version"] == "4.0" or not has_products:
            yield {"category": "other", "title": f"CVSS {one['version']}", "text": f"{one['vector']} ({one['score']})"}
    yield {"category": "other", "title": "Verification", "text": said.verification.state}
    for title, texts in (("Remediation", said.remediations), ("Workaround", said.workarounds)):
        if not has_products:
            yield from ({"category": "other", "title": title, "text": text} for text in texts)
    yield from ({"category": "details", "title": "Evidence", "text": text} for text in said.evidence)


def _scores(said: Advisory, affected: list[str]) -> Iterator[dict[str, Any]]:
    for one in said.vectors:
        if one["version"] != "4.0" and affected:
            cvss = {"version": one["version"], "vectorString": one["vector"], "baseScore": one["score"],
                    "baseSeverity": one["severity"].upper()}  # fmt: skip
            yield {"products": affected, "cvss_v3": cvss}


def _remediations(said: Advisory, affected: list[str]) -> Iterator[dict[str, Any]]:
    for category, texts in (("vendor_fix", said.remediations), ("workaround", said.workarounds)):
        for text in texts if affected else ():
            yield {"category": category, "details": text, "product_ids": affected}


def _flags(listed: Sequence[_Listed]) -> Iterator[dict[str, Any]]:
    for one in listed:
        word = (one.product.reason or "").partition(": ")[0]
        if one.standing == "known_not_affected" and word in _LABELLED:
            yield {"label": _LABELLED[word], "product_ids": [one.id]}


def _threats(listed: Sequence[_Listed]) -> Iterator[dict[str, Any]]:
    """Why something is not affected, in words: it needs a reason (CSAF 2.0, VEX profile)."""
    for one in listed:
        if one.standing == "known_not_affected":
            reason = one.product.reason or ""
            word, _, rest = reason.partition(": ")
            text = rest if word in _LABELLED else reason
            if text or word not in _LABELLED:
                said = text or "Its owner says that it is not affected."
                yield {"category": "impact", "details": said, "product_ids": [one.id]}


def _thanks(one: FoundBy) -> dict[str, Any]:
    made: dict[str, Any] = {"names": [one.name]}
    if one.provider:
        made["organization"] = one.provider
    return made | {"summary": ", ".join(filter(None, [one.role, one.kind, one.version, one.harness, one.autonomy]))}


def _involved(said: Advisory) -> Iterator[dict[str, str]]:
    """One entry for each instant, since CSAF asks that a party has one a date."""
    for at, one in {one.at: one for one in said.answers if one.status in _INVOLVED}.items():
        summary = ": ".join(filter(None, [one.by, one.status, one.text]))
        yield {"party": "vendor", "date": at, "status": _INVOLVED[one.status], "summary": summary}
