"""AVID's reports and vulnerabilities: one document is one finding, mostly of a model.

A `CVE Entry` of AVID is about the software around models, so it stays a software vulnerability.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from exchange.findings.careful import atlas, cves, cwe, items, line, name, part, text, url, vector
from exchange.findings.finding import Affected, Fault, Finding, FoundBy, Kind, Model
from exchange.findings.fitting import fitted, issuer, settled
from exchange.findings.keys import named


def read(document: Any) -> Iterator[Finding | Fault]:
    """The finding of one document."""
    stated = (part(document, "metadata", "report_id"), part(document, "metadata", "vuln_id"))
    identifier = next((found for one in stated if (found := name(one, 200))), None)
    if identifier is None:
        yield Fault("/metadata", "has neither a report_id nor a vuln_id: an AVID document is known by one; give it one")
        return
    problem = line(part(document, "problemtype", "description", "value"))
    said = text(part(document, "description", "value"))
    if problem is None and said is None:
        yield Fault("/description/value", "says nothing: say in words what the model does wrong")
        return
    kind: Kind = "model-weakness"
    if part(document, "problemtype", "classof") == "CVE Entry":
        kind = "software-vulnerability"
    affected = list(_affected(document, kind))
    if not affected:
        yield Fault("/affects/artifacts", "names no model, system or data set: say what is affected")
        return
    impact = part(document, "impact")
    made = fitted(
        kind=kind,
        title=problem,
        description=[said or problem, *_taxonomy(impact), *_measured(document)],
        found_by=[*_found_by(document), issuer("AVID")],
        key=named(identifier),
        affected=affected,
        severity=[vector(part(one, "vectorString")) for one in _one_or_many(part(impact, "cvss"))],
        cwe=[cwe(part(one, "cweId")) or cwe(part(one, "description")) for one in _one_or_many(part(impact, "cwe"))],
        aliases=[identifier, name(part(impact, "avid", "vuln_id")), *cves(problem), *_reports(document)],
        references=[url(part(one, "url")) for one in items(document, "references")],
        atlas=atlas([impact, part(document, "problemtype")]),
    )
    yield from settled([(("affects",), made)])


def _one_or_many(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _affected(document: Any, kind: Kind) -> Iterator[Affected]:
    """Artifacts. A model of which the document names several makers is nobody's in particular; one without a name, as
    in AVID's entries of incidents, is known by its maker."""
    makers = _names(document, "developer") or _names(document, "deployer")
    maker = makers[0] if len(makers) == 1 else None
    for one in items(document, "affects", "artifacts"):
        sort = name(part(one, "type"), 50) or "System"
        label = name(part(one, "name")) or (name(f"{sort.lower()} of {makers[0]}") if makers else None)
        if label is None:
            continue
        if kind == "model-weakness" and sort != "Dataset":
            yield Affected(model=Model(name=label, provider=maker))
        else:
            yield Affected(product=label, vendor=maker)


def _names(document: Any, who: str) -> list[str]:
    return [found for one in _one_or_many(part(document, "affects", who))[:100] if (found := name(one))]


def _reports(document: Any) -> Iterator[str | None]:
    for one in items(document, "reports"):
        yield name(part(one, "report_id"))


def _found_by(document: Any) -> Iterator[FoundBy | None]:
    """As credited: AVID writes person and organisation into one text."""
    for one in items(document, "credit"):
        label = name(part(one, "value"))
        yield FoundBy(kind="human", name=label) if label else None


def _taxonomy(impact: Any) -> Iterator[str | None]:
    """AVID's own classes, in words: no other place has them."""
    for title, key in (("Risk domain", "risk_domain"), ("Effect", "sep_view"), ("Stage", "lifecycle_view")):
        found = [word for one in items(impact, "avid", key)[:50] if (word := line(one, 200))]
        yield f"{title}: {', '.join(found)}." if found else None


def _measured(document: Any) -> Iterator[str | None]:
    for one in items(document, "metrics")[:50]:
        label, method = line(part(one, "name"), 200), line(part(one, "detection_method", "name"), 200)
        if label:
            yield f"Measured: {label}, by {method}." if method else f"Measured: {label}."
