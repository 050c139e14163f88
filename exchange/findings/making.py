"""STIX of a finding (findings.md 1): one pure function, the same objects of the same finding for ever.

Whom an object is for is said beside it and never in it. What some must not read is in objects of its own: an asset,
which only its owner reads, is in neither the main object nor its extension.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from exchange.findings import evidence, extension, identifiers, observables, outside
from exchange.findings.finding import Affected, Asset, Finding
from exchange.findings.made import How, Made, Whom
from exchange.findings.writing import Writer

_MAIN: Final = {"indicator": "indicator", "malicious-use": "incident"}  # every other kind is a vulnerability
_NOT_HAD: Final = ("not-affected", "fixed", "under-investigation", "recommended")


def make(finding: Finding, how: How) -> list[Made]:
    """The objects of a finding without faults; first the one that stands for it, which the API calls the finding.

    Each id occurs once. Cost: 100 µs for the smallest finding, and 20 µs an object.
    """
    writer = Writer(how=how, revoked=finding.revoked)
    main = _main(finding, writer)
    found: dict[str, Made] = {}
    for made in (main, *_parts(finding, writer, main.obj["id"])):
        known = found.setdefault(made.obj["id"], made)
        # The address of an asset may be among what was observed, which more may read.
        if known.whom != "everyone meant" == made.whom:
            found[made.obj["id"]] = made
    return list(found.values())


def grouping(programme: str, object_ids: Iterable[str], how: How) -> Made:
    """What groups the findings of one programme and submitter: `object_ids`, at least one, of the main objects.

    Its id is minted of the part alone: `how.mint` is here one of the member, not of a finding.
    """
    said = {
        "name": programme,
        "description": "Findings of one test programme.",
        "context": "unspecified",
        "object_refs": sorted(object_ids),
    }
    return Writer(how=how, revoked=False).obj("grouping", f"programme/{programme}", said)


def _main(finding: Finding, writer: Writer) -> Made:
    stix_type = _MAIN.get(finding.kind, "vulnerability")
    said: dict[str, Any] = {"name": finding.title, "description": finding.description}
    if stix_type == "indicator":
        said["pattern"] = finding.pattern
        said["pattern_type"] = language = finding.pattern_type or "stix"
        said["pattern_version"] = "2.1" if language == "stix" else None
        said["valid_from"] = writer.how.created
    said["external_references"] = outside.references(finding)
    said["extensions"] = {extension.KEY: extension.content(finding)}
    return writer.obj(stix_type, stix_type, said)


def _parts(finding: Finding, writer: Writer, main: str) -> Iterator[Made]:
    yield from _products(finding.affected, writer, main)
    for one in finding.affected:
        if one.asset is not None:
            yield from _asset(one, one.asset, writer, main)
    yield from _techniques(finding, writer, main)
    yield from _observed(finding, writer, main)
    yield from _actions(finding, writer, main)
    yield from evidence.made(finding.evidence, writer, main)


def _is_vulnerability(main: str) -> bool:
    return main.startswith("vulnerability--")


def _products(affected: tuple[Affected, ...], writer: Writer, main: str) -> Iterator[Made]:
    """Software, and that it has the flaw; one of each, however often it is named."""
    stated: dict[str, list[Affected]] = {}
    mint = writer.how.mint
    for one in affected:
        if one.asset is None:
            made = (
                observables.model(mint, one.model, writer.marking)
                if one.model
                else observables.software(mint, one, writer.marking)
            )
            if made["id"] not in stated:
                yield Made(obj=made, part=f"software/{made['id'][10:]}")
            stated.setdefault(made["id"], []).append(one)
    for software, entries in stated.items():
        yield _has(entries, software, main, f"affected/{software}", writer)


def _has(entries: list[Affected], source: str, main: str, part: str, writer: Writer) -> Made:
    """That something has the flaw, or what else is said of it, like that it is fixed there."""
    whom: Whom = "named" if entries[0].asset is not None else "everyone meant"
    has = _is_vulnerability(main) and any(one.status not in _NOT_HAD for one in entries)
    words = [f"{one.status}: {one.justification}" if one.justification else one.status for one in entries if one.status]
    said = "; ".join(dict.fromkeys(words))
    return writer.edge("has" if has else "related-to", source, main, part, description=said, whom=whom)


def _asset(one: Affected, asset: Asset, writer: Writer, main: str) -> Iterator[Made]:
    """Infrastructure that consists of an address or a name; for its owner, who is among the named."""
    name = asset.name or asset.host or asset.network
    part = f"asset/{asset.host or ''}/{asset.network or ''}/{asset.name or ''}"
    thing = writer.obj("infrastructure", part, {"name": name}, whom="named")
    yield thing
    owned = thing.obj["id"]
    for made in observables.of_asset(writer.how.mint, asset, writer.marking):
        yield Made(obj=made, part=made["id"], whom="named")
        yield writer.edge("consists-of", owned, made["id"], f"{part}/{made['id']}", whom="named")
    yield _has([one], owned, main, f"affected/{part}", writer)


def _techniques(finding: Finding, writer: Writer, main: str) -> Iterator[Made]:
    """With ids of their own: those of MITRE's own objects would need a copy of its data."""
    for technique in dict.fromkeys(finding.atlas + finding.attack):
        part = f"technique/{technique}"
        said = {"name": technique, "external_references": [outside.of_technique(technique)]}
        made = writer.obj("attack-pattern", part, said)
        yield made
        pattern = made.obj["id"]
        if main.startswith("indicator--"):
            yield writer.edge("indicates", main, pattern, f"uses/{technique}")
        else:
            verb = "targets" if _is_vulnerability(main) else "related-to"
            yield writer.edge(verb, pattern, main, f"uses/{technique}")


def _observed(finding: Finding, writer: Writer, main: str) -> Iterator[Made]:
    """What was seen in malicious use, as of when the exchange was told."""
    if not finding.observed:
        return
    mint = writer.how.mint
    seen = [identifiers.observable(text) for text in finding.observed]
    made = {obj["id"]: obj for obj in (observables.observed(mint, one, writer.marking) for one in seen if one)}
    for obj in made.values():
        yield Made(obj=obj, part=obj["id"])
    when = writer.how.created
    data = {"first_observed": when, "last_observed": when, "number_observed": 1, "object_refs": list(made)}
    whole = writer.obj("observed-data", "observed-data", data)
    yield whole
    yield writer.edge("related-to", main, whole.obj["id"], "observed")


def _actions(finding: Finding, writer: Writer, main: str) -> Iterator[Made]:
    for part, text, verb in (
        ("remediation", finding.remediation, "remediates"),
        ("workaround", finding.workaround, "mitigates"),
    ):
        if text is not None:
            said = {"name": f"{part.capitalize()}: {finding.title}", "description": text}
            action = writer.obj("course-of-action", part, said)
            yield action
            usual = _is_vulnerability(main) or (verb == "mitigates" and main.startswith("indicator--"))
            yield writer.edge(verb if usual else "related-to", action.obj["id"], main, f"{part}/of")
