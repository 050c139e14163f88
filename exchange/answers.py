"""Responses: what a STIX object says in answer to a finding, read from the object alone (findings.md 6). Pure.

A `note` with a `status:` label says how far its publisher is with the finding, a `sighting` that it was seen in use, an
`opinion` agrees or disputes, and an `opinion` with a label of `USEFULNESS` says what the finding was good for. Whom
they answer, and whether they may know of it, is `answering`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

STATUSES = (
    "received", "under-investigation", "affected", "not-affected", "fix-planned", "fixed", "deployed", "wont-fix",
    "disputed",
)  # fmt: skip
USEFULNESS = ("useful", "already-known", "false-positive", "acted-on")
FINDINGS = ("vulnerability", "incident", "indicator")
"""The types that can be answered."""

STATUS, OPINION, SIGHTING, USE = "status", "opinion", "sighting", "use"
PREFIX = "status:"
ATTACKS, EXPLOIT = "attacks-seen", "exploit-public"  # of a sighting; the second by its label


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is said of the finding `target`; `word` is of `STATUSES` or `USEFULNESS`, `ATTACKS` or `EXPLOIT`, or the
    value of an opinion."""

    kind: str
    word: str
    target: str


class Wrong(Exception):
    """Why an object cannot be taken as the answer that it looks like, with the mend."""


def read(obj: Mapping[str, Any]) -> Answer | None:
    """The answer of an object without faults; None where it answers nothing. Raises `Wrong`."""
    match obj["type"]:
        case "note":
            return _status(obj)
        case "opinion":
            return _opinion(obj)
        case "sighting" if _is_finding(obj["sighting_of_ref"]):
            exploit = EXPLOIT in obj.get("labels", ())
            return Answer(kind=SIGHTING, word=EXPLOIT if exploit else ATTACKS, target=obj["sighting_of_ref"])
    return None


def _status(obj: Mapping[str, Any]) -> Answer | None:
    said = [label.removeprefix(PREFIX) for label in obj.get("labels", ()) if label.startswith(PREFIX)]
    found = _findings(obj)
    if not said or not found:
        return None
    if unknown := sorted(set(said) - set(STATUSES)):
        raise Wrong(f'"{PREFIX}{unknown[0]}" is no status: write {PREFIX} and one of {", ".join(STATUSES)}.')
    if len(found) > 1 or len(set(said)) > 1:
        raise Wrong("a status note says one status of one finding: send a note for each.")
    return Answer(kind=STATUS, word=said[0], target=found[0])


def _opinion(obj: Mapping[str, Any]) -> Answer | None:
    found = _findings(obj)
    if not found:
        return None
    said = sorted(set(obj.get("labels", ())) & set(USEFULNESS))
    if said and (len(said) > 1 or len(found) > 1):
        raise Wrong(f"one of {', '.join(USEFULNESS)}, of one finding: send an opinion for each.")
    if said:
        return Answer(kind=USE, word=said[0], target=found[0])
    return Answer(kind=OPINION, word=obj["opinion"], target=found[0]) if len(found) == 1 else None


def _findings(obj: Mapping[str, Any]) -> list[str]:
    return sorted({ref for ref in obj["object_refs"] if _is_finding(ref)})


def _is_finding(stix_id: str) -> bool:
    return stix_id.partition("--")[0] in FINDINGS
