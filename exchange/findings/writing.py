"""Putting STIX objects together as plain dicts, in the order of properties that STIX writes them.

`stix2` takes some thirty times as long for the same; it reads every one of them strictly in the tests.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from exchange.findings.made import How, Made, Whom
from exchange.label import Tlp
from exchange.stix import TLP_OBJECTS

MARKINGS: Final[dict[Tlp, str]] = {
    Tlp(extension["tlp_2_0"]): marking
    for marking, definition in TLP_OBJECTS.items()
    for extension in definition.get("extensions", {}).values()
}
"""The markings of TLP 2.0; those of TLP 1 are read and never made."""

_LAST: Final = ("labels", "external_references", "extensions")


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """Writes what one finding becomes: `how` says by whom and when, `revoked` whether it is taken back."""

    how: How
    revoked: bool

    def obj(
        self, stix_type: str, part: str, said: dict[str, Any], *,
        whom: Whom = "everyone meant", level: Tlp | None = None,
    ) -> Made:  # fmt: skip
        """An SDO with what it says; values that are None or empty are left out. `level`: else the finding's."""
        how = self.how
        made: dict[str, Any] = {"type": stix_type, "spec_version": "2.1", "id": how.mint(stix_type, part)}
        if how.creator is not None:
            made["created_by_ref"] = how.creator
        made["created"] = how.created
        made["modified"] = how.modified
        for name, value in said.items():
            if value and name not in _LAST:
                made[name] = value
        if self.revoked:
            made["revoked"] = True
        if labels := said.get("labels"):
            made["labels"] = labels
        if references := said.get("external_references"):
            made["external_references"] = references
        made["object_marking_refs"] = [MARKINGS[level or how.tlp]]
        if extensions := said.get("extensions"):
            made["extensions"] = extensions
        return Made(obj=made, part=part, whom=whom)

    def edge(
        self, verb: str, source: str, target: str, part: str, *, description: str = "", whom: Whom = "everyone meant"
    ) -> Made:
        """A relationship, by the ids of its ends. Its part does not name the verb, which a later version may change."""
        said = {
            "relationship_type": verb,
            "description": description,
            "source_ref": source,
            "target_ref": target,
        }
        return self.obj("relationship", part, said, whom=whom)

    @property
    def marking(self) -> str:
        """The marking of the finding's own level."""
        return MARKINGS[self.how.tlp]
