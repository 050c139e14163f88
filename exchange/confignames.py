"""The names that the files may use, and the words that mean something else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from exchange.configtypes import Plan, Treatment
from exchange.label import Tlp
from exchange.yamlread import Reader, did_you_mean

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
NAME_RULE = "a-z, 0-9 and - only, begins with a letter or digit, and is at most 40 long"
UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_TLP_NAMES = frozenset(tlp.value for tlp in Tlp)
# `markings:` and `read:` take these words beside groups.
WORDS_TAKEN = _TLP_NAMES | {"everyone", "named", "ignore"}
NOT_YET = {
    key: f"`{key}` is not supported yet (stage {stage}); remove it"
    for stage, keys in (("later", ("keep", "sign-in")),)
    for key in keys
}
IGNORED = Treatment(ignore=True, tlp=None, group=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """The names that may be used; `groups` is None if they could not be read, and then every name passes.

    `plans` are the release plans, None likewise. `coordinators` are the members with that role,
    `collections` the names of the collection files.
    """

    groups: frozenset[str] | None
    members: frozenset[str]
    plans: Mapping[str, Plan] | None = None
    coordinators: frozenset[str] = frozenset()
    collections: frozenset[str] = frozenset()

    def group(self, text: str) -> str:
        """The form of the name of a declared group."""
        if self.groups is None or text in self.groups:
            return text
        if text == "everyone":
            raise ValueError("every member is in `everyone` already; remove it")
        if text == "named":
            raise ValueError("`named` is not a group; write `audience: named`")
        if text in self.members:
            raise ValueError(f'"{text}" is a member, not a group; put it in a group and name that group')
        near = did_you_mean(text, self.groups)
        raise ValueError(f'no group "{text}"{near or "; groups are declared under `groups:`"}')

    def holder(self, text: str) -> str:
        """The form of one who can hold a right."""
        return text if text == "everyone" else self.group(text)

    def recipient(self, text: str) -> str:
        """The form of one to whom a stage of a release plan lets in."""
        return text if text in ("everyone", "named") else self.group(text)

    def moderator(self, text: str) -> str:
        """The form of the name of a member that reviews what is deposited."""
        if text in self.coordinators:
            return text
        if text in self.members:
            raise ValueError(f'"{text}" is no coordinator; write `roles: [coordinator]` at members.{text}')
        near = did_you_mean(text, self.members)
        raise ValueError(f'no member "{text}"{near or "; members are declared under `members:`"}')

    def collection(self, text: str) -> str:
        """The form of the name of a collection."""
        if text in self.collections:
            return text
        near = did_you_mean(text, self.collections)
        raise ValueError(f'no collection "{text}"{near or "; a collection is a file in collections/"}')

    def plan(self, text: str) -> Plan | None:
        """The form of the name of a release plan; None if the plans could not be read."""
        if self.plans is None or text in self.plans:
            return self.plans[text] if self.plans else None
        near = did_you_mean(text, frozenset(self.plans))
        raise ValueError(f'no release plan "{text}"{near or "; plans are declared under `releases:`"}')

    def treatment(self, text: str) -> Treatment:
        """The form of what a foreign marking means."""
        if text == "ignore":
            return IGNORED
        if text in _TLP_NAMES or text.lower() == "white":
            return Treatment(ignore=False, tlp=tlp_level(text), group=None)
        return Treatment(ignore=False, tlp=None, group=self.group(text))


def check_name(reader: Reader, name: str) -> None:
    if not NAME.fullmatch(name):
        reader.note(name, f"a name has {NAME_RULE}")


def tlp_level(text: str) -> Tlp:
    if text.lower() == "white":
        raise ValueError(f'TLP 2 has no "{text}"; write clear')
    if text not in _TLP_NAMES:
        near = did_you_mean(text, _TLP_NAMES)
        raise ValueError(f'no TLP "{text}"{near or "; write clear, green, amber, amber+strict or red"}')
    return Tlp(text)


def identity_id(text: str) -> str:
    if not text.startswith("identity--") or not UUID.fullmatch(text.removeprefix("identity--")):
        raise ValueError(f'"{text}" is not the id of a STIX identity; write identity--UUID')
    return text
