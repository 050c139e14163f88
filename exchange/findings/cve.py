"""CVE JSON 5.x: one record is one finding; a rejected one is revoked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Literal

from exchange.findings.careful import atlas, cwe, items, line, members, name, part, purl, text, url, vector
from exchange.findings.cpes import cpe
from exchange.findings.finding import Affected, Event, Fault, Finding, FoundBy, Range
from exchange.findings.fitting import MAX_EVENTS, MAX_RANGES, MAX_VERSIONS, credited, first, fitted, issuer, settled
from exchange.findings.osv import sentence

_NONE = "n/a"
_TECHNIQUE = re.compile(r"T[0-9]{4}(?:\.[0-9]{3})?")
_METRICS = ("cvssV4_0", "cvssV3_1", "cvssV3_0")


def read(document: Any) -> Iterator[Finding | Fault]:
    """The finding of one record: of its CNA, with the metrics, CWE, products and references of others beside it."""
    identifier = name(part(document, "cveMetadata", "cveId"), 100)
    if identifier is None:
        yield Fault("/cveMetadata/cveId", "is no text: a CVE record is known by its id; give it one")
        return
    cna = members(document, "containers", "cna")
    rejected = part(document, "cveMetadata", "state") == "REJECTED"
    said = english(items(cna, "rejectedReasons" if rejected else "descriptions"))
    if said is None:
        where = "/containers/cna/" + ("rejectedReasons" if rejected else "descriptions")
        yield Fault(where, "says nothing: a list with a text in `value` is needed; say in words what is wrong")
        return
    containers = [cna, *(one for one in items(document, "containers", "adp") if isinstance(one, dict))]
    made = fitted(
        kind="software-vulnerability",
        title=line(cna.get("title")) or sentence(said),
        description=[said, *_conditions(cna)],
        found_by=[*_found_by(cna), issuer(_assigner(document, cna))],
        key=identifier,
        affected=_named([product for one in containers for product in _products(one)]),
        severity=[
            vector(part(metric, kind, "vectorString")) for metric in _all(containers, "metrics") for kind in _METRICS
        ],
        cwe=[
            cwe(part(one, "cweId")) or cwe(part(one, "description"))
            for problem in _all(containers, "problemTypes")
            for one in items(problem, "descriptions")
        ],
        aliases=[identifier],
        references=[url(part(one, "url")) for one in _all(containers, "references")],
        atlas=atlas([*items(cna, "taxonomyMappings"), *items(cna, "impacts")]),
        attack=_attack(cna),
        remediation=[english(items(cna, "solutions"))],
        workaround=[english(items(cna, "workarounds"))],
        revoked=rejected,
    )
    yield from settled([(("containers",), made)])


def english(texts: list[Any]) -> str | None:
    """The English ones of texts in several languages, else the first."""
    own = [one for one in texts if (line(part(one, "lang"), 50) or "en")[:2].lower() == "en"] or texts[:1]
    return text("\n\n".join(said for one in own[:20] if (said := text(part(one, "value"), 20_000))))


def _conditions(cna: dict[str, Any]) -> Iterator[str | None]:
    found = english(items(cna, "configurations"))
    yield f"Configurations: {found}" if found else None


def _attack(cna: dict[str, Any]) -> Iterator[str | None]:
    """Techniques of MITRE ATT&CK that the record maps itself to."""
    for mapping in items(cna, "taxonomyMappings")[:50]:
        if part(mapping, "taxonomyName") == "ATT&CK":
            for one in items(mapping, "taxonomyRelations")[:50]:
                stated = name(part(one, "taxonomyId"), 20) or ""
                yield stated if _TECHNIQUE.fullmatch(stated) else None


def _assigner(document: Any, cna: dict[str, Any]) -> str | None:
    return name(part(document, "cveMetadata", "assignerShortName")) or name(part(cna, "providerMetadata", "shortName"))


def _found_by(cna: dict[str, Any]) -> Iterator[FoundBy | None]:
    for one in items(cna, "credits"):
        kind = part(one, "type")
        yield credited(name(part(one, "value")), kind if isinstance(kind, str) else None)


def _all(containers: list[dict[str, Any]], what: str) -> Iterator[Any]:
    for one in containers:
        yield from items(one, what)


def _products(container: dict[str, Any]) -> Iterator[Affected]:
    for one in items(container, "affected"):
        found = _product(one)
        if found is not None:
            yield found


def _named(products: list[Affected]) -> list[Affected]:
    """Without those of which the record says "n/a", unless all are: then the description alone tells."""
    named = [one for one in products if one.product != _NONE or one.purl or one.cpe]
    return named or products


def _known(value: Any) -> str | None:
    found = name(value)
    return None if found in (_NONE, "unspecified") else found


def _product(one: Any) -> Affected | None:
    product = name(part(one, "product")) or name(part(one, "packageName"))
    address = purl(part(one, "packageURL"))
    platform = next((found for value in items(one, "cpes")[:100] if (found := cpe(value))), None)
    if not (product or address or platform):
        return None
    versions = items(one, "versions")
    ranges = first((_range(version) for version in versions), MAX_RANGES)
    hit = first((_single(version, "affected") for version in versions), MAX_VERSIONS)
    spared = first((_single(version, "unaffected") for version in versions), MAX_VERSIONS)
    safe = not hit and not ranges and bool(spared) and part(one, "defaultStatus") != "affected"
    return Affected(
        purl=address,
        cpe=platform,
        vendor=_known(part(one, "vendor")),
        product=product,
        versions=spared if safe else hit,
        ranges=ranges,
        path=next((found for value in items(one, "programFiles")[:100] if (found := line(value, 2_000))), None),
        function=next(
            (found for value in items(one, "programRoutines")[:100] if (found := name(part(value, "name")))), None
        ),
        status="not-affected" if safe else None,
    )


def _bounded(version: Any) -> bool:
    return any(part(version, word) is not None for word in ("lessThan", "lessThanOrEqual", "changes"))


def _single(version: Any, status: str) -> str | None:
    return _known(part(version, "version")) if part(version, "status") == status and not _bounded(version) else None


def _range(version: Any) -> Range | None:
    """From its version on, to its end, through its changes: what the record says is affected."""
    if not _bounded(version):
        return None
    events = first(_events(version), MAX_EVENTS)
    return Range(type=_type(version), events=events) if events else None


def _type(version: Any) -> Literal["SEMVER", "ECOSYSTEM", "GIT"]:
    stated = part(version, "versionType")
    return "SEMVER" if stated == "semver" else "GIT" if stated == "git" else "ECOSYSTEM"


def _events(version: Any) -> Iterator[Event]:
    hit = False
    steps = [(part(version, "version"), part(version, "status"))]
    steps += [(part(one, "at"), part(one, "status")) for one in items(version, "changes")]
    for value, status in steps:
        place = name(value)
        if place is None or (status == "affected") is hit or status not in ("affected", "unaffected"):
            continue
        hit = not hit
        yield Event(introduced=place) if hit else Event(fixed=place)
    if hit:
        yield from _end(version)


def _end(version: Any) -> Iterator[Event]:
    before, last = name(part(version, "lessThan")), name(part(version, "lessThanOrEqual"))
    if before and before != "*":
        yield Event(fixed=before)
    elif last and last != "*":
        yield Event(last_affected=last)
