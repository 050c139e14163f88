"""OpenVEX 0.2: one finding per vulnerability, each product with the status that was stated last."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from exchange.findings.careful import instant, items, line, members, name, part, pointer, purl, text, url
from exchange.findings.cpes import cpe
from exchange.findings.finding import Affected, Fault, Finding
from exchange.findings.fitting import Place, fitted, issuer, settled
from exchange.findings.keys import hashed, named, product

Status = Literal["affected", "not-affected", "fixed", "under-investigation"]
_STATUS: dict[str, Status] = {
    "affected": "affected",
    "not_affected": "not-affected",
    "fixed": "fixed",
    "under_investigation": "under-investigation",
}


@dataclass(slots=True)
class _Said:
    """What the statements on one vulnerability say together."""

    names: list[str | None] = field(default_factory=list)
    words: list[str | None] = field(default_factory=list)
    actions: list[str | None] = field(default_factory=list)
    pages: list[str | None] = field(default_factory=list)
    products: dict[tuple[str, str | None], Affected] = field(default_factory=dict)


def read(document: Any) -> Iterator[Finding | Fault]:
    """The findings of a document. Statements follow one another in time, and each overrides those before it on the
    same product (OpenVEX, "The VEX Statement"), so those on one vulnerability are one finding.
    """
    statements = part(document, "statements")
    if not isinstance(statements, list) or not statements:
        yield Fault("/statements", "is no list of statements: an OpenVEX document has at least one")
        return
    begun = instant(part(document, "timestamp")) or ""
    order = sorted(range(len(statements)), key=lambda index: instant(part(statements[index], "timestamp")) or begun)
    said: dict[str, _Said] = {}
    for index in order:
        fault = _add(statements[index], said, ("statements", index))
        if fault is not None:
            yield fault
    identifier = name(part(document, "@id"), 200) or hashed(name(part(document, "author")) or "", begun)[:16]
    yield from settled((("statements",), _finding(label, found, document, identifier)) for label, found in said.items())


def _add(statement: Any, said: dict[str, _Said], place: Place) -> Fault | None:
    vulnerability = part(statement, "vulnerability")
    held = vulnerability if isinstance(vulnerability, dict) else {"name": vulnerability}
    label = name(held.get("name")) or name(held.get("@id"))
    if label is None:
        return Fault(
            pointer(*place, "vulnerability", "name"), "is no text: name the vulnerability, such as CVE-2021-44228"
        )
    stated = part(statement, "status")
    status = _STATUS.get(stated) if isinstance(stated, str) else None
    if status is None:
        return Fault(pointer(*place, "status"), f"is none of {', '.join(_STATUS)}: say which")
    reason = line(": ".join(word for key in _REASONS if (word := line(part(statement, key), 400))))
    hit = [_affected(one, status, reason) for one in items(statement, "products")]
    if not any(hit):
        return Fault(pointer(*place, "products"), "names no product: give each an `@id` or `identifiers`")
    about = said.setdefault(label, _Said())
    about.names += [label, *(name(one) for one in items(held, "aliases")[:100])]
    about.words += [
        text(held.get("description"), 20_000),
        text(part(statement, "status_notes"), 20_000),
        _inside(statement),
    ]
    about.actions.append(text(part(statement, "action_statement"), 20_000) if status == "affected" else None)
    about.pages.append(url(held.get("@id")))
    about.products |= {(product(one), one.version): one for one in hit if one is not None}
    return None


_REASONS = ("justification", "impact_statement")


def _affected(one: Any, status: Status, reason: str | None) -> Affected | None:
    held = one if isinstance(one, dict) else {"@id": one}
    identifiers = members(held, "identifiers")
    address = purl(identifiers.get("purl")) or purl(held.get("@id"))
    platform = cpe(identifiers.get("cpe23")) or cpe(identifiers.get("cpe22"))
    named_ = None if address or platform else name(held.get("@id"))
    if not (address or platform or named_):
        return None
    return Affected(
        purl=address,
        cpe=platform,
        product=named_,
        version=purl_version(address),
        status=status,
        justification=reason if status == "not-affected" else None,
    )


def purl_version(address: str | None) -> str | None:
    """The version in a package URL."""
    head, at, version = (address or "").split("#", 1)[0].split("?", 1)[0].rpartition("@")
    return name(version) if at and "/" not in version and not head.endswith("/") else None


def _inside(statement: Any) -> str | None:
    """The parts of the products that a statement is about."""
    inner = [
        name(part(inside, "@id")) or name(part(inside, "identifiers", "purl"))
        for one in items(statement, "products")[:50]
        for inside in items(one, "subcomponents")[:20]
    ]
    found = ", ".join(dict.fromkeys(one for one in inner if one))
    return f"In: {found}." if found else None


def _finding(label: str, said: _Said, document: Any, identifier: str) -> Finding:
    author = name(part(document, "author"))
    return fitted(
        kind="software-vulnerability",
        title=label,
        description=[*said.words, f"A statement of {author or 'an author who is not named'} on {label}."],
        found_by=[issuer(author)],
        key=named(identifier, label),
        affected=said.products.values(),
        aliases=said.names,
        references=said.pages,
        remediation=said.actions,
    )
