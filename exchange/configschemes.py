"""`agrees` and `acs`: what a member promises to keep of IEP policies, and what it is in ACS's words (policy 3.5)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from exchange import schemes
from exchange.yamlread import Reader, choice

_ORGANIZATION = re.compile(r"[A-Z0-9][A-Z0-9_-]{0,39}(\.[A-Z0-9][A-Z0-9_-]{0,39}){0,4}")
_NATIONALITY = re.compile(r"[A-Z]{3}")


def read_agrees(reader: Reader) -> frozenset[str]:
    """The terms of IEP policies that a member keeps: none where it promises nothing."""
    agrees = reader.below("agrees")
    agrees.only(frozenset({"iep"}), {})
    iep = agrees.below("iep")
    iep.only(frozenset(schemes.PROMISES), {})
    kept: frozenset[str] = frozenset()
    for promise, values in schemes.PROMISES.items():
        kept |= schemes.kept(promise, iep.value(promise, choice(*values), values[-1]))
    return kept


def read_acs(reader: Reader) -> frozenset[str]:
    """What ACS may know of a member, as ``organizations:USA.DHS``."""
    acs = reader.below("acs")
    acs.only(frozenset(_FORMS), {})
    return frozenset(f"{kind}:{value}" for kind, form in _FORMS.items() for value in acs.each(kind, form))


def _organization(text: str) -> str:
    if text == "ALL" or not _ORGANIZATION.fullmatch(text):
        raise ValueError(f'"{text}" is not the code of an organization; write it like USA.DHS')
    return text


def _nationality(text: str) -> str:
    if text == "ALL" or not _NATIONALITY.fullmatch(text):
        raise ValueError(f'"{text}" is not the code of a nationality; write it like USA')
    return text


_FORMS: Final[Mapping[str, Callable[[str], str]]] = {
    "organizations": _organization,
    "nationalities": _nationality,
    "entity": choice("MIL", "GOV", "CTR", "SVR", "SVC", "DEV", "NET"),
    "shareability": choice("NCC", "EM", "LE", "IC"),
}
