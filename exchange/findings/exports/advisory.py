"""What the STIX of a finding says, gathered from the objects that a reader may see; every export is written from it.

It is read from the objects and not from what was pushed, so an export tells nobody more than a poll does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeVar
from urllib.parse import quote

import msgspec

from exchange.findings import identifiers
from exchange.findings.extension import KEY
from exchange.findings.finding import Affected, Event, FoundBy, Range, Verification
from exchange.label import Tlp
from exchange.stix import TLP_OBJECTS

T = TypeVar("T")
Obj = Mapping[str, Any]
Status = Literal["affected", "not-affected", "fixed", "under-investigation", "recommended"]
SUBJECTS: Final = ("vulnerability", "indicator", "incident")
_OWN: Final = frozenset({"cwe", "reference", "mitre-atlas", "mitre-attack"})
# What an owner's answer says of what it makes; the others say how far it is.
_OWNER_SAYS: Final[dict[str, Status]] = {
    "under-investigation": "under-investigation",
    "affected": "affected",
    "fix-planned": "affected",
    "wont-fix": "affected",
    "not-affected": "not-affected",
    "fixed": "fixed",
    "deployed": "fixed",
}
_LEVELS: Final[dict[str, Tlp]] = {
    marking: Tlp(extension["tlp_2_0"])
    for marking, definition in TLP_OBJECTS.items()
    for extension in definition.get("extensions", {}).values()
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Publisher:
    """Who issues an export: the exchange. `namespace`: its URL, under which its ids are its own."""

    name: str
    namespace: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one party said of the finding: `by` is empty where the reader may not know who it is."""

    status: str  # the word after `status:`
    text: str
    at: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """One product, with what is known of it."""

    said: Affected
    status: Status
    reason: str | None

    @property
    def vendor(self) -> str | None:
        said = self.said
        by_cpe = identifiers.cpe(said.cpe) if said.cpe else None
        return said.vendor or (said.model.provider if said.model else None) or (by_cpe.vendor if by_cpe else None)

    @property
    def name(self) -> str:
        said = self.said
        found = identifiers.purl(said.purl) if said.purl else identifiers.cpe(said.cpe) if said.cpe else None
        return said.product or (said.model.name if said.model else None) or (found.name if found else "a product")

    @property
    def version(self) -> str | None:
        said = self.said
        found = identifiers.purl(said.purl) if said.purl else identifiers.cpe(said.cpe) if said.cpe else None
        return said.version or (said.model.version if said.model else None) or (found.version if found else None)

    @property
    def iri(self) -> str:
        """Its purl or CPE, with what no IRI may hold encoded, else a name made of its names."""
        parts = [quote(one or "", safe="") for one in (self.vendor, self.name, self.version)]
        by_cpe = quote(self.said.cpe, safe=":*") if self.said.cpe else None
        return self.said.purl or by_cpe or "urn:product:" + ":".join(parts).rstrip(":")


@dataclass(frozen=True, slots=True, kw_only=True)
class Advisory:
    """All of it. `created`, `modified`: STIX timestamps. `tlp` is None where the object carries none."""

    id: str
    kind: str
    title: str
    description: str
    created: str
    modified: str
    revoked: bool
    tlp: Tlp | None
    cves: tuple[str, ...]
    aliases: tuple[tuple[str, str], ...]  # of what list, and the id; CVEs too
    cwes: tuple[str, ...]
    urls: tuple[str, ...]
    vectors: tuple[dict[str, Any], ...]  # version, vector, score, severity
    products: tuple[Product, ...]
    found_by: tuple[FoundBy, ...]
    verification: Verification
    remediations: tuple[str, ...]
    workarounds: tuple[str, ...]
    answers: tuple[Answer, ...]  # the oldest first
    evidence: tuple[str, ...]

    @property
    def label(self) -> str:
        """What it is called outside: its CVE, else its first alias, else its STIX id."""
        return next(iter((*self.cves, *(uid for _, uid in self.aliases))), self.id)


def gather(objects: Sequence[Obj]) -> Advisory:
    """Of the objects of one finding. The first vulnerability, indicator or incident among them is the one; ValueError
    if there is none."""
    main = next((one for one in objects if one.get("type") in SUBJECTS), None)
    if main is None:
        raise ValueError("no object of a finding")
    content = main.get("extensions", {}).get(KEY, {})
    references = list(main.get("external_references", ()))
    answers = tuple(sorted(_answers(objects, main["id"]), key=lambda one: one.at))
    listed = [(str(one["source_name"]), str(one["external_id"])) for one in references if "external_id" in one]
    return Advisory(
        id=main["id"], kind=content.get("kind", "software-vulnerability"), title=main.get("name") or main["id"],
        description=main.get("description") or main.get("name") or main["id"],
        created=main["created"], modified=main["modified"], revoked=main.get("revoked") is True, tlp=_level(main),
        cves=tuple(uid for source, uid in listed if source == "cve"),
        aliases=tuple(one for one in listed if one[0] not in _OWN),
        cwes=tuple(uid for source, uid in listed if source == "cwe"),
        urls=tuple(str(one["url"]) for one in references if one.get("source_name") == "reference" and "url" in one),
        vectors=tuple(content.get("cvss", ())),
        products=tuple(_products(objects, main, content, answers)),
        found_by=tuple(_read(content.get("found_by", ()), FoundBy)),
        verification=next(_read([content.get("verification", {})], Verification), Verification()),
        remediations=tuple(_actions(objects, main["id"], "remediates")),
        workarounds=tuple(_actions(objects, main["id"], "mitigates")),
        answers=answers,
        evidence=tuple(one["content"] for one in _notes(objects, main["id"]) if "evidence" in one.get("labels", ())),
    )  # fmt: skip


def _read(stated: Sequence[Any], kind: type[T]) -> Iterator[T]:
    """Parts of the extension; what a later version of it added is left out."""
    for one in stated:
        with suppress(msgspec.ValidationError):
            yield msgspec.convert(one, kind)


def _level(main: Obj) -> Tlp | None:
    return next((_LEVELS[ref] for ref in main.get("object_marking_refs", ()) if ref in _LEVELS), None)


def _notes(objects: Sequence[Obj], main: str) -> Iterator[Obj]:
    return (one for one in objects if one.get("type") == "note" and main in one.get("object_refs", ()))


def _answers(objects: Sequence[Obj], main: str) -> Iterator[Answer]:
    names = {one["id"]: one.get("name", "") for one in objects if one.get("type") == "identity"}
    for note in _notes(objects, main):
        for label in note.get("labels", ()):
            word = label.removeprefix("status:")
            if word != label:
                by = names.get(note.get("created_by_ref"), "")
                yield Answer(status=word, text=note.get("content", ""), at=note["modified"], by=by)


def _actions(objects: Sequence[Obj], main: str, verb: str) -> Iterator[str]:
    sources = set(_sources(objects, main, verb))
    for one in objects:
        if one["id"] in sources and one.get("type") == "course-of-action":
            yield one.get("description") or one["name"]


def _sources(objects: Sequence[Obj], main: str, verb: str) -> Iterator[str]:
    for one in objects:
        if one.get("type") == "relationship" and one["relationship_type"] == verb and one["target_ref"] == main:
            yield one["source_ref"]


def _products(objects: Sequence[Obj], main: Obj, content: Obj, answers: Sequence[Answer]) -> Iterator[Product]:
    stated = tuple(_read(content.get("affected", ()), Affected)) or tuple(_software(objects, main["id"]))
    # An answer names no product: where there are several, whose it is about is not known.
    last = next((one for one in reversed(answers) if one.status in _OWNER_SAYS), None) if len(stated) == 1 else None
    for one in stated:
        status: Status = _OWNER_SAYS[last.status] if last else one.status or "affected"
        yield Product(said=one, status=status, reason=(last.text or None) if last else one.justification)


def _software(objects: Sequence[Obj], main: str) -> Iterator[Affected]:
    """Of a vulnerability that was published as STIX: what has it."""
    has = set(_sources(objects, main, "has"))
    for one in objects:
        if one["id"] in has and one.get("type") == "software":
            yield Affected(
                product=one["name"][:250], vendor=one.get("vendor"), version=one.get("version"), cpe=one.get("cpe")
            )


def ranges(one: Affected) -> Iterator[tuple[Range, list[Event]]]:
    """Its ranges, each beginning with what introduced it: from the first version on, where nothing says so."""
    for found in one.ranges:
        events = list(found.events)
        if not any(event.introduced for event in events):
            events.insert(0, Event(introduced="0"))
        yield found, events
