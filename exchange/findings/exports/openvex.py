"""OpenVEX 0.2: a statement for each status that products have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from exchange.findings.exports.advisory import Advisory, Obj, Product, Publisher, gather

JUSTIFICATIONS: Final = (
    "component_not_present",
    "vulnerable_code_not_present",
    "vulnerable_code_not_in_execute_path",
    "vulnerable_code_cannot_be_controlled_by_adversary",
    "inline_mitigations_already_exist",
)
"""The words that OpenVEX and CSAF have for why something is not affected."""
_STATUS: Final = {
    "affected": "affected",
    "not-affected": "not_affected",
    "fixed": "fixed",
    "recommended": "fixed",
    "under-investigation": "under_investigation",
}


def export(objects: Sequence[Obj], *, publisher: Publisher, now: str, document_id: str) -> dict[str, Any]:
    """The document. `objects`: those of one finding that its reader may see; `now`: RFC 3339; `document_id` is unique
    in the publisher's namespace. ValueError if no finding is among the objects."""
    said = gather(objects)
    return {
        "@context": "https://openvex.dev/ns/v0.2.0",
        "@id": f"{publisher.namespace.rstrip('/')}/findings/{document_id}",
        "author": publisher.name,
        "role": "coordinator",
        "timestamp": said.created,
        "last_updated": said.modified if said.modified > said.created else now,
        "version": 1,
        "statements": _statements(said),
    }


def _statements(said: Advisory) -> list[dict[str, Any]]:
    if not said.products:
        return [_statement(said, "affected", None, [])]
    together: dict[tuple[str, str | None], list[Product]] = {}
    for one in said.products:
        reason = one.reason if one.status == "not-affected" else None
        together.setdefault((_STATUS[one.status], reason), []).append(one)
    return [_statement(said, status, reason, products) for (status, reason), products in together.items()]


def _statement(said: Advisory, status: str, reason: str | None, products: Sequence[Product]) -> dict[str, Any]:
    aliases = dict.fromkeys(uid for _, uid in said.aliases if uid != said.label)
    made: dict[str, Any] = {"vulnerability": {"name": said.label}, "timestamp": said.modified}
    if aliases:
        made["vulnerability"]["aliases"] = list(aliases)
    if products:
        made["products"] = list({repr(made): made for made in map(_component, products)}.values())
    made["status"] = status
    made["status_notes"] = "\n\n".join([said.title, said.description, *_answers(said)])
    if status == "not_affected":
        word, _, rest = (reason or "").partition(": ")
        if word in JUSTIFICATIONS:
            made["justification"] = word
        made |= {"impact_statement": rest or reason} if word not in JUSTIFICATIONS or rest else {}
        if "justification" not in made and not reason:
            made["impact_statement"] = "The owner says that it is not affected."
    if status == "affected":
        made["action_statement"] = "\n\n".join(said.remediations + said.workarounds) or "No remediation is known yet."
    return made


def _component(one: Product) -> dict[str, Any]:
    named = {"purl": one.said.purl, "cpe23": one.said.cpe}
    found = {kind: text for kind, text in named.items() if text}
    return {"@id": one.iri, "identifiers": found} if found else {"@id": one.iri}


def _answers(said: Advisory) -> list[str]:
    return [f"{one.at}: {one.by or 'an owner'}: {one.status}: {one.text}".rstrip(": ") for one in said.answers]
