"""OSV 1.7: one record. What OSV has no place for stands in `database_specific`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from exchange.findings import identifiers
from exchange.findings.exports.advisory import Advisory, Obj, Product, Publisher, gather, ranges
from exchange.findings.finding import Event, FoundBy, Range

SCHEMA_VERSION: Final = "1.7.5"
# The purl types whose names are those of the ecosystem, as purl-spec has them.
_ECOSYSTEMS: Final = {
    "pypi": "PyPI",
    "npm": "npm",
    "golang": "Go",
    "maven": "Maven",
    "nuget": "NuGet",
    "cargo": "crates.io",
    "gem": "RubyGems",
    "composer": "Packagist",
    "hex": "Hex",
    "pub": "Pub",
    "hackage": "Hackage",
    "cran": "CRAN",
}
_COMMIT = re.compile(r"0|[a-f0-9]{40}|[a-f0-9]{64}")
_SEVERITY: Final = {"3.0": "CVSS_V3", "3.1": "CVSS_V3", "4.0": "CVSS_V4"}


def export(objects: Sequence[Obj], *, publisher: Publisher, now: str, document_id: str) -> dict[str, Any]:
    """The record. Its id is `document_id` after `x_`, which OSV keeps for databases that it does not know; it has no
    place for `now`. ValueError if no finding is among the objects."""
    said = gather(objects)
    made: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "id": f"x_{document_id}",
        "modified": said.modified,
        "published": said.created,
    }
    if said.revoked:
        made["withdrawn"] = said.modified
    parts: dict[str, list[Any]] = {
        "aliases": list(dict.fromkeys(uid for _, uid in said.aliases)),
        "severity": [{"type": _SEVERITY[one["version"]], "score": one["vector"]} for one in said.vectors],
        "affected": [_affected(one) for one in said.products if one.status == "affected"],
        "references": [{"type": "WEB", "url": url} for url in said.urls],
        "credits": [_credit(one) for one in said.found_by],
    }
    made |= {"summary": said.title, "details": _details(said)} | {name: some for name, some in parts.items() if some}
    return made | {"database_specific": _specific(said, publisher)}


def _details(said: Advisory) -> str:
    parts = [said.description]
    parts += [f"Remediation: {one}" for one in said.remediations] + [f"Workaround: {one}" for one in said.workarounds]
    return "\n\n".join(parts)


def _affected(one: Product) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if package := _package(one.said.purl):
        made["package"] = package
    known = [_range(found, events) for found, events in ranges(one.said)]
    if good := [found for found in known if found is not None]:
        made["ranges"] = good
    if versions := list(dict.fromkeys([*([one.version] if one.version else []), *one.said.versions])):
        made["versions"] = versions
    said = one.said
    named = {
        "vendor": one.vendor, "product": one.name, "cpe": said.cpe, "purl": said.purl, "path": said.path,
        "function": said.function,
    }  # fmt: skip
    return made | {"database_specific": {name: text for name, text in named.items() if text}}


def _package(purl: str | None) -> dict[str, str] | None:
    """A package of an ecosystem that OSV lists; None for others."""
    kind = (purl or "").removeprefix("pkg:").partition("/")[0].lower()
    found = identifiers.purl(purl) if purl else None
    if purl is None or found is None or kind not in _ECOSYSTEMS:
        return None
    name = ":".join(found.name.rsplit("/", 1)) if kind == "maven" else found.name
    return {"ecosystem": _ECOSYSTEMS[kind], "name": name, "purl": without_version(purl)}


def without_version(purl: str) -> str:
    """A purl as OSV has it: the versions stand beside it."""
    head = re.split(r"[?#]", purl, maxsplit=1)[0]
    name, at, _ = head.rpartition("@")
    return name if at and not name.endswith("/") else head


def _range(found: Range, events: Sequence[Event]) -> dict[str, Any] | None:
    """None where it breaks a rule of OSV: a range in Git needs a repository and commits."""
    fixed = any(event.fixed for event in events)
    stated = [one for event in events for one in _event(event) if not (fixed and "last_affected" in one)]
    if found.type == "GIT" and not (found.repo and all(_COMMIT.fullmatch(v) for one in stated for v in one.values())):
        return None
    return {"type": found.type, **({"repo": found.repo} if found.repo else {}), "events": stated}


def _event(event: Event) -> Iterator[dict[str, str]]:
    stated = {name: getattr(event, name) for name in ("introduced", "fixed", "last_affected", "limit")}
    return ({name: version} for name, version in stated.items() if version)


def _credit(one: FoundBy) -> dict[str, str]:
    kinds = {"verifier": "REMEDIATION_VERIFIER", "reporter": "REPORTER"}
    kind = "FINDER" if one.kind == "human" else "TOOL"
    return {"name": one.name, "type": kinds.get(one.role, kind) if one.kind == "human" else kind}


def _specific(said: Advisory, publisher: Publisher) -> dict[str, Any]:
    made: dict[str, Any] = {"source": publisher.name, "finding": said.id, "kind": said.kind}
    others = [f"{one.status}: {one.iri}" for one in said.products if one.status != "affected"]
    parts = {
        "cwe_ids": list(said.cwes),
        "tlp": said.tlp.value if said.tlp is not None else None,
        "verification": said.verification.state,
        "products": others,
    }
    return made | {name: value for name, value in parts.items() if value}
