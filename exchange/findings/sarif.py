"""SARIF 2.1.0: one finding per result that stands. No converter exists; the mapping is docs/findings-formats.md.

A result stands unless it passed or does not apply, is no longer there, or is suppressed without the suppression being
rejected or still under review. Where it is, line by line and with the code, is evidence; the file and the function
are in the finding.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from exchange.findings.careful import items, members, name, part, pointer
from exchange.findings.finding import Affected, Fault, Finding, FoundBy
from exchange.findings.fitting import Place, fitted, settled
from exchange.findings.keys import derived
from exchange.findings.sarifplaces import affected, evidence, product_of, where
from exchange.findings.sarifrules import Rules, cwes, fixes, message, references, says, title


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    tool: FoundBy
    rules: Rules
    artifacts: list[Any]
    product: Affected


def read(document: Any) -> Iterator[Finding | Fault]:
    """The findings of a log, run by run. A log without results is a scan that found nothing, and no fault."""
    version = part(document, "version")
    if isinstance(version, str) and not version.startswith("2.1"):
        yield Fault("/version", "is not 2.1.0: convert the log, for instance with the SARIF SDK's `transform`")
        return
    runs = part(document, "runs")
    if not isinstance(runs, list):
        yield Fault("/runs", "is no list of runs: a SARIF log has one")
        return
    yield from settled(made for number, run in enumerate(runs) for made in _run(run, ("runs", number)))


def _run(run: Any, place: Place) -> Iterator[tuple[Place, Finding | Fault]]:
    if not isinstance(run, dict):
        yield place, Fault(pointer(*place), "is no run: an object with `tool` and `results` is needed")
        return
    results = run.get("results")
    if results is not None and not isinstance(results, list):
        yield place, Fault(pointer(*place, "results"), "is no list of results: leave it out or make it one")
    if not isinstance(results, list) or not results:
        return
    tool = _tool(members(run, "tool", "driver"))
    if tool is None:
        yield (
            place,
            Fault(pointer(*place, "tool", "driver", "name"), "is no name: the tool that found it must be named"),
        )
        return
    about = _Run(tool=tool, rules=Rules.of(run), artifacts=items(run, "artifacts"), product=product_of(run, tool.name))
    for index, result in enumerate(results):
        if not isinstance(result, dict):
            yield place, Fault(pointer(*place, "results", index), "is no result: an object with a `message` is needed")
        elif _stands(result):
            yield place, _finding(result, about, (*place, "results", index))


def _tool(driver: dict[str, Any]) -> FoundBy | None:
    named = name(driver.get("name"))
    if named is None:
        return None
    version = name(driver.get("semanticVersion")) or name(driver.get("version"))
    return FoundBy(kind="tool", name=named, version=version, provider=name(driver.get("organization")))


def _stands(result: dict[str, Any]) -> bool:
    if result.get("kind") in ("pass", "notApplicable", "informational") or result.get("baselineState") == "absent":
        return False
    return not any(
        isinstance(one, dict) and one.get("status", "accepted") == "accepted" for one in items(result, "suppressions")
    )


def _finding(result: dict[str, Any], run: _Run, place: Place) -> Finding | Fault:
    rule = run.rules.rule(result)
    said = message(result, rule)
    if said is None:
        return Fault(pointer(*place, "message"), "says nothing: give it a `text`, or an `id` of the rule's messages")
    places = where(result, run.artifacts)
    made = fitted(
        kind="software-vulnerability",
        title=title(result, rule, said),
        description=[said, *says(result, rule)],
        found_by=[run.tool],
        key=None,
        affected=affected(places, run.product),
        cwe=cwes(result, rule),
        references=references(rule),
        evidence=evidence(result, places, run.artifacts),
        remediation=fixes(result),
    )
    named = run.rules.named(result) or said
    key = derived(made, tool=run.tool.name, rule=named, fingerprint=_fingerprint(result, made))
    return msgspec.structs.replace(made, key=key)


def _fingerprint(result: dict[str, Any], made: Finding) -> str | None:
    """Any of `fingerprints` is an identity by itself: the first by name, so that a second one changes nothing. The
    partial ones need the file beside them."""
    for kind in ("fingerprints", "partialFingerprints"):
        stated = members(result, kind)
        for one in sorted(stated)[:100]:
            value = name(stated[one], 2_000)
            if value:
                file = made.affected[0].path or "" if kind == "partialFingerprints" and made.affected else ""
                return f"{one}={value} {file}".rstrip()
    return None
