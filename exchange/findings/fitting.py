"""A finding of what a format says, within the bounds of `finding.py`: what is too much is left out and counted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from exchange.findings.careful import MAX_TEXT, line, pointer, text
from exchange.findings.finding import Affected, Evidence, Fault, Finding, FoundBy, Kind, Tlp, Verification
from exchange.findings.keys import Distinct

Item = TypeVar("Item")
Place = tuple[str | int, ...]

MAX_AFFECTED = 500
MAX_VERSIONS = 5_000
MAX_RANGES = 200
MAX_EVENTS = 500


def fitted(
    *,
    kind: Kind,
    title: str | None,
    description: Iterable[str | None],
    found_by: Iterable[FoundBy | None],
    key: str | None,
    affected: Iterable[Affected | None] = (),
    severity: Iterable[str | None] = (),
    cwe: Iterable[str | None] = (),
    aliases: Iterable[str | None] = (),
    references: Iterable[str | None] = (),
    atlas: Iterable[str] = (),
    attack: Iterable[str | None] = (),
    verification: Verification | None = None,
    evidence: Iterable[Evidence | None] = (),
    remediation: Iterable[str | None] = (),
    workaround: Iterable[str | None] = (),
    level: Tlp | None = None,
    due: str | None = None,
    revoked: bool = False,
) -> Finding:
    """None among the parts is left out, and so is what is said twice; `description` comes in paragraphs."""
    products, more = _counted(affected, MAX_AFFECTED)
    words = [*first(description, 100), f"{more} more affected products are left out here." if more else None]
    said = paragraphs(words) or title or "No description."
    return Finding(
        kind=kind,
        title=title or line(said) or "No title",
        description=said,
        found_by=first(found_by, 50) or (FoundBy(kind="human", name="not stated", role="reporter"),),
        key=key,
        affected=products,
        severity=first(severity, 10),
        cwe=first(cwe, 50),
        aliases=first(aliases, 100),
        references=first(references, 200),
        atlas=first(atlas, 50),
        attack=first(attack, 50),
        verification=verification or Verification(),
        evidence=first(evidence, 50),
        remediation=paragraphs(first(remediation, 100)),
        workaround=paragraphs(first(workaround, 100)),
        tlp=level,
        due=due,
        revoked=revoked,
    )


def settled(made: Iterable[tuple[Place, Finding | Fault]]) -> Iterator[Finding | Fault]:
    """What a document gives, from findings and the places that they were made of: each with a key of its own, and none
    that is of nothing, unless it is withdrawn.
    """
    distinct = Distinct()
    for place, one in made:
        if isinstance(one, Fault):
            yield one
        elif not one.affected and not one.revoked:
            yield Fault(pointer(*place), "names no product, system or model that is affected: say which")
        elif (kept := distinct.take(one)) is not None:
            yield kept


def first(values: Iterable[Item | None], most: int) -> tuple[Item, ...]:
    """Each of them once, in their order, so many at most."""
    return _counted(values, most)[0]


def _counted(values: Iterable[Item | None], most: int) -> tuple[tuple[Item, ...], int]:
    kept: dict[Item, None] = {}
    more = 0
    for value in values:
        if value is None or value in kept:
            continue
        if len(kept) < most:
            kept[value] = None
        else:
            more += 1
    return tuple(kept), more


def paragraphs(parts: Iterable[str | None]) -> str | None:
    """Each on its own, with a blank line between; at most `MAX_TEXT` characters."""
    return text("\n\n".join(part for part in parts if part), MAX_TEXT)


_TLP: dict[str, Tlp] = {
    "WHITE": "clear",
    "CLEAR": "clear",
    "GREEN": "green",
    "AMBER": "amber",
    "AMBER+STRICT": "amber+strict",
    "AMBER_AND_STRICT": "amber+strict",
    "RED": "red",
}


def tlp(label: object) -> Tlp | None:
    """The level that a document marks itself with, in the words of TLP 1 or 2, CSAF or CycloneDX."""
    return _TLP.get((line(label, 50) or "").upper().removeprefix("TLP:"))


def issuer(name: str | None) -> FoundBy | None:
    """The organisation that publishes a document, which names no finder, or beside those whom it names."""
    return FoundBy(kind="human", name=name, role="reporter") if name else None


def credited(name: str | None, kind: str | None, provider: str | None = None) -> FoundBy | None:
    """One who is credited, by the words of OSV and CVE (`FINDER`, `tool`, …). Who mended or paid found nothing."""
    word = (kind or "finder").lower().replace("_", " ")
    if not name or word in _NO_FINDERS:
        return None
    if word == "tool":
        return FoundBy(kind="tool", name=name, provider=provider)
    if word == "reporter":
        return FoundBy(kind="human", name=name, provider=provider, role="reporter")
    if word in {"analyst", "remediation verifier"}:
        return FoundBy(kind="human", name=name, provider=provider, role="verifier")
    return FoundBy(kind="human", name=name, provider=provider)


_NO_FINDERS = {"remediation developer", "remediation reviewer", "sponsor", "coordinator", "other"}
