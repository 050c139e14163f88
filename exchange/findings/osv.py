"""OSV 1.7, and GitHub's advisories, which are OSV with more in `database_specific`: one record is one finding."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from exchange.findings.careful import cwe, items, line, members, name, part, purl, text, url, vector
from exchange.findings.finding import Affected, Event, Fault, Finding, FoundBy, Range
from exchange.findings.fitting import MAX_EVENTS, MAX_RANGES, MAX_VERSIONS, credited, first, fitted, issuer, settled
from exchange.findings.keys import named

_EVENTS = ("introduced", "fixed", "last_affected", "limit")
_TYPES = {"SEMVER", "ECOSYSTEM", "GIT"}

# The purl types whose names are those of the ecosystem, as purl-spec has them.
_PURL_TYPES = {
    "PyPI": "pypi",
    "npm": "npm",
    "Go": "golang",
    "Maven": "maven",
    "NuGet": "nuget",
    "crates.io": "cargo",
    "RubyGems": "gem",
    "Packagist": "composer",
    "Hex": "hex",
    "Pub": "pub",
    "Hackage": "hackage",
    "CRAN": "cran",
}


def read(document: Any) -> Iterator[Finding | Fault]:
    """The finding of one record. Withdrawn is revoked; aliases are linked, never merged on."""
    identifier = name(part(document, "id"), 200)
    if identifier is None:
        yield Fault("/id", "is no text: an OSV record is known by its id, such as GHSA-… or PYSEC-…; give it one")
        return
    summary, details = line(part(document, "summary")), text(part(document, "details"))
    if summary is None and details is None:
        yield Fault("/details", "says nothing, and neither does /summary: say in words what is wrong")
        return
    specific = members(document, "database_specific")
    made = fitted(
        kind="software-vulnerability",
        title=summary or sentence(details),
        description=[details or summary],
        found_by=[*_found_by(document), issuer(line(specific.get("source"), 250) or identifier.split("-", 1)[0])],
        key=named(identifier),
        affected=[_affected(one) for one in items(document, "affected")],
        severity=[vector(part(one, "score")) for one in _severities(document)],
        cwe=[cwe(one) for one in (*items(specific, "cwe_ids"), *items(specific, "cwes"))],
        aliases=[identifier, *(name(one) for one in items(document, "aliases"))],
        references=[url(part(one, "url")) for one in items(document, "references")],
        revoked=text(part(document, "withdrawn"), 100) is not None,
    )
    yield from settled([(("affected",), made)])


def sentence(said: str | None) -> str | None:
    """The first sentence of a text, or the first words of it."""
    words = line(said, 400)
    if words is None:
        return None
    end = words.find(". ")
    return words[: end + 1] if 20 <= end <= 200 else line(words, 200)


def _found_by(document: Any) -> Iterator[FoundBy | None]:
    for one in items(document, "credits"):
        kind = part(one, "type")
        yield credited(name(part(one, "name")), kind if isinstance(kind, str) else None)


def _severities(document: Any) -> Iterator[Any]:
    yield from items(document, "severity")
    for one in items(document, "affected"):
        yield from items(one, "severity")


def _affected(one: Any) -> Affected | None:
    package = members(one, "package")
    product, ecosystem = name(package.get("name")), name(package.get("ecosystem"))
    address = purl(package.get("purl")) or _purl(ecosystem, product)
    ranges = first((_range(found) for found in items(one, "ranges")), MAX_RANGES)
    product = product or next((found.repo for found in ranges if found.repo and len(found.repo) <= 250), None)
    if product is None and address is None:
        return None
    return Affected(
        purl=address,
        product=product,
        versions=first((name(version) for version in items(one, "versions")), MAX_VERSIONS),
        ranges=ranges,
    )


def _purl(ecosystem: str | None, product: str | None) -> str | None:
    kind = _PURL_TYPES.get((ecosystem or "").split(":", 1)[0])
    if kind is None or product is None or product.endswith("…"):  # shortened: no name of a package
        return None
    parts = product.replace(":", "/").split("/") if kind == "maven" else product.split("/")
    if kind == "pypi":
        parts = [product.lower().replace("_", "-")]
    return purl(f"pkg:{kind}/" + "/".join(quote(step, safe="") for step in parts))


def _range(found: Any) -> Range | None:
    events = first((_event(event) for event in items(found, "events")), MAX_EVENTS)
    kind = part(found, "type")
    if not events or not isinstance(kind, str) or kind not in _TYPES:
        return None
    return Range(type=kind, events=events, repo=url(part(found, "repo")))  # type: ignore[arg-type]


def _event(event: Any) -> Event | None:
    stated = {word: name(part(event, word)) for word in _EVENTS if name(part(event, word))}
    return Event(**stated) if len(stated) == 1 else None
