"""What a marking-definition of another scheme asks for: IEP 2.0, US ACS 3.0, PAP and CUI (policy.md 0 and 3.5). Pure.

Of IEP and ACS, who may read is put into expressions of two kinds of atoms, which `policy` answers for:
``iep:TERM:VALUE``, a promise that the reader has to have given, and ``acs:in:KIND:VALUE+VALUE`` or
``acs:touches:KIND:…``, what the reader is known to be. PAP and CUI are carried and shown, and let in and shut out
nobody. What is not understood to the last property is not understood at all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, Final

from exchange.label import ANY, Expr, Tlp, any_of, atom
from exchange.stixread import instant, items, members, text

IEP: Final = "extension-definition--762e2e97-ee51-43e5-a9ea-165fbb862c4a"
ACS: Final = "extension-definition--3a65884d-005a-4290-8335-cb2d778a83ce"
PAP: Final = "extension-definition--f8d78575-edfd-406e-8e84-6162a8450f5b"
CUI: Final = "extension-definition--dff17fb3-edcb-4f99-ad1b-4b751c95738a"

PAP_IDS: Final = {
    "marking-definition--a3bea94c-b469-41dc-9cfe-d6e7daba7730": "pap:white",
    "marking-definition--ad15a0cd-55b6-4588-a14c-a66105329b92": "pap:clear",
    "marking-definition--c43594d1-4b11-4c59-93ab-1c9b14d53ce9": "pap:green",
    "marking-definition--60f8932b-e51e-4458-b265-a2e8be9a80ab": "pap:amber",
    "marking-definition--740d36e5-7714-4c30-961a-3ae632ceee0e": "pap:red",
}
"""The published PAP markings, which need not be sent along."""

ACTIONS: Final = (
    "none", "contact-for-instruction", "internally-visible-actions", "externally-visible-indirect-actions",
    "externally-visible-direct-actions",
)  # fmt: skip
"""IEP's permitted actions, the strictest first; the last permits everything."""
PROMISES: Final[Mapping[str, tuple[str, ...]]] = {
    "encrypt-in-transit": ("must", "may"),
    "permitted-actions": ACTIONS,
    "affected-party-notifications": ("must-not", "may"),
    "provider-attribution": ("must", "may"),
    "unmodified-resale": ("must-not", "may"),
}
"""What an IEP policy can ask of a reader, and a member can promise: the strictest first, the last asks nothing."""

KINDS: Final = ("organizations", "nationalities", "entity", "shareability")
"""What ACS wants to know of a reader. A member belongs to some organizations and communities; of its people it lets all
nationalities and kinds read."""

MAX_NODES: Final = 24  # of what the definitions on one object ask together
MAX_RULES: Final = 6  # that decide over reading: with each more an expression may double
MAX_CODES: Final = 250  # in one list

LISTED: Final = 20  # codes shown of one CUI marking

_CODE = re.compile(r"[A-Z0-9][A-Z0-9_.-]{0,79}", re.ASCII)
_POLICY = re.compile(r"urn:isa:policy:acs:ns:v3\.0\?privdefault=(permit|deny)&sharedefault=(permit|deny)", re.ASCII)
_ACTIONS = frozenset(
    {"DSPLY", "IDSRC", "TENOT", "NETDEF", "LEGAL", "INTEL", "TEARLINE", "OPACTION", "REQUEST", "ANONYMOUSACCESS",
     "CISAUSES", "ALL"}
)  # fmt: skip
_SCOPES = {"permitted_organizations": "organizations", "permitted_nationalities": "nationalities",
           "entity": "entity", "shareability": "shareability"}  # fmt: skip
_DETERMINATIONS = frozenset(
    {"PUBREL", "NF", "AIS", "PII-NECESSARY-TO-UNDERSTAND-THREAT", "NO-PII-PRESENT", "FOUO",
     "INFORMATION-DIRECTLY-RELATED-TO-CYBERSECURITY-THREAT"}
)  # fmt: skip
_CAVEATS = frozenset({"POSSIBLEPII", "CISAPROPRIETARY"})
_IEP_KEYS = frozenset(
    {"extension_type", "encrypt_in_transit", "permitted_actions", "affected_party_notifications", "tlp",
     "provider_attribution", "unmodified_resale", "iep_id", "iep_version", "description", "start_date", "end_date"}
)  # fmt: skip
_ACS_KEYS = frozenset(
    {"extension_type", "identifier", "name", "create_date_time", "responsible_entity_custodian",
     "responsible_entity_originator", "authority_reference", "policy_reference", "original_classification",
     "derivative_classification", "declassification", "resource_disposition", "public_release", "access_privilege",
     "further_sharing", "control_set"}
)  # fmt: skip
_LEVELS = {"white": Tlp.CLEAR, "green": Tlp.GREEN, "amber": Tlp.AMBER, "red": Tlp.RED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What one definition says. `starts` and `ends` are microseconds since the epoch (UTC), None is no limit."""

    tlp: Tlp | None = None
    iep: Expr = ANY
    acs: Expr = ANY
    starts: int | None = None
    ends: int | None = None
    anonymous: bool = False
    carried: frozenset[str] = frozenset()  # words to show, as ``pap:amber``
    classified: bool = False  # above unclassified: nothing else is looked at

    def __and__(self, other: Terms) -> Terms:
        return Terms(
            tlp=max((t for t in (self.tlp, other.tlp) if t), default=None),
            iep=self.iep & other.iep,
            acs=self.acs & other.acs,
            starts=max((t for t in (self.starts, other.starts) if t is not None), default=None),
            ends=min((t for t in (self.ends, other.ends) if t is not None), default=None),
            anonymous=self.anonymous or other.anonymous,
            carried=self.carried | other.carried,
            classified=self.classified or other.classified,
        )


def joined(terms: Terms, other: Terms) -> Terms | None:
    """Both together; None where they ask more than a label should hold."""
    both = terms & other
    return both if len(both.iep.nodes()) + len(both.acs.nodes()) <= MAX_NODES else None


class _Unknown(Exception):
    """Something that this module does not know the meaning of."""


def read(definition: Mapping[str, Any]) -> Terms | None:
    """What a marking-definition means, None where it is not understood; a plain statement restricts nobody."""
    extensions = members(definition, "extensions")
    if not extensions:
        return Terms() if definition.get("definition_type") == "statement" else None
    if _classified(members(extensions, ACS)):
        return Terms(classified=True)
    if "definition_type" in definition or "definition" in definition:
        return None
    try:
        return reduce(Terms.__and__, (_extension(name, members(extensions, name)) for name in extensions))
    except _Unknown:
        return None


def understood(definitions: Mapping[str, Mapping[str, Any]]) -> dict[str, Terms]:
    """Those of the definitions, by id, that are."""
    return {marking: terms for marking, obj in definitions.items() if (terms := read(obj)) is not None}


def _extension(name: str, terms: Mapping[str, Any]) -> Terms:
    known = {IEP: _iep, ACS: _acs, PAP: _pap, CUI: _cui}.get(name)
    if known is None or terms.get("extension_type", "property-extension") != "property-extension":
        raise _Unknown(name)
    return known(terms)


def _one_of(terms: Mapping[str, Any], name: str, values: Sequence[str] | Mapping[str, Any]) -> str:
    value = terms.get(name)
    if not isinstance(value, str) or value not in values:
        raise _Unknown(name)
    return value


# IEP 2.0 --------------------------------------------------------------------------------------------------------------


def _iep(terms: Mapping[str, Any]) -> Terms:
    if not terms.keys() <= _IEP_KEYS or terms.get("iep_version") not in (2, "2.0"):
        raise _Unknown
    asked = ANY
    for promise, values in PROMISES.items():
        name = promise.replace("-", "_")
        value = _one_of(terms, name, (*values, "must-not") if name == "provider_attribution" else values)
        if value in values[:-1]:
            asked &= atom(f"iep:{promise}:{value}")
    starts, ends = instant(terms, "start_date"), instant(terms, "end_date")
    if starts is None or ("end_date" in terms and (ends is None or ends <= starts)):
        raise _Unknown
    return Terms(
        tlp=_LEVELS[_one_of(terms, "tlp", _LEVELS)], iep=asked, starts=starts, ends=ends,
        anonymous=terms["provider_attribution"] == "must-not",
    )  # fmt: skip


def kept(promise: str, value: str) -> frozenset[str]:
    """The terms that a member keeps who promises this: ``permitted-actions:…`` for each policy that permits as much."""
    values = PROMISES[promise]
    return frozenset(f"{promise}:{v}" for v in values[values.index(value) : -1])


# ACS 3.0 --------------------------------------------------------------------------------------------------------------


def _classified(terms: Mapping[str, Any]) -> bool:
    return bool(terms) and members(terms, "control_set").get("classification") != "U"


def _acs(terms: Mapping[str, Any]) -> Terms:
    if not terms or not terms.keys() <= _ACS_KEYS:
        raise _Unknown
    reads, shares = _defaults(terms)
    privileges = [_privilege(one) for one in _list(terms, "access_privilege")]
    displays = [(scope, effect) for action, scope, effect in privileges if action in ("DSPLY", "ALL")]
    sharing = [_sharing(one) for one in _list(terms, "further_sharing")]
    who = _controls(members(terms, "control_set")) & _ruled(displays, reads) & _ruled(sharing, shares)
    if len(who.nodes()) > MAX_NODES:
        raise _Unknown
    disposed = members(terms, "resource_disposition")
    ends = instant(disposed, "disposition_date")
    if "resource_disposition" in terms and ends is None:
        raise _Unknown
    names = [(scope, effect) for action, scope, effect in privileges if action in ("IDSRC", "ALL")]
    named = not any(effect == "deny" for _, effect in names) and (reads or any(not scope for scope, _ in names))
    return Terms(acs=who, ends=ends, anonymous=not named, carried=_determined(members(terms, "control_set")))


def _defaults(terms: Mapping[str, Any]) -> tuple[bool, bool]:
    """Whether what no rule speaks of may be read, and shared on. Both are denied where the policy is not said."""
    if "policy_reference" not in terms:
        return False, False
    found = [_POLICY.fullmatch(part) for part in (text(terms, "policy_reference") or "?").split()]
    if not found or None in found:
        raise _Unknown
    permits = [(m[1] == "permit", m[2] == "permit") for m in found if m]
    return all(reads for reads, _ in permits), all(shares for _, shares in permits)


_Scope = tuple[tuple[str, str], ...]  # (kind, values joined by +); none is everybody


def _privilege(rule: Mapping[str, Any]) -> tuple[str, _Scope, str]:
    if not rule.keys() <= {"privilege_action", "privilege_scope", "rule_effect"}:
        raise _Unknown
    action, scope = _one_of(rule, "privilege_action", tuple(_ACTIONS)), members(rule, "privilege_scope")
    if not scope or not scope.keys() <= _SCOPES.keys():
        raise _Unknown
    return action, _scope(scope), _one_of(rule, "rule_effect", ("permit", "deny"))


def _sharing(rule: Mapping[str, Any]) -> tuple[_Scope, str]:
    if not rule.keys() <= {"sharing_scope", "rule_effect"}:
        raise _Unknown
    scope = _scope({"permitted_organizations": rule.get("sharing_scope")})
    return scope, _one_of(rule, "rule_effect", ("permit", "deny"))


def _scope(said: Mapping[str, Any]) -> _Scope:
    found = []
    for name, kind in _SCOPES.items():
        values = _codes(said, name) if name in said else ["ALL"]
        if values != ["ALL"]:
            found.append((kind, "+".join(values)))
    return tuple(found)


def _ruled(rules: Sequence[tuple[_Scope, str]], otherwise: bool) -> Expr:
    """Whoever may be denied is; else whoever is surely permitted, or everybody where that is the default."""
    if len(set(rules)) > MAX_RULES:
        raise _Unknown
    permitted = any_of(_all("in", scope) for scope, effect in rules if effect == "permit")
    denied = any_of(_all("touches", scope) for scope, effect in rules if effect == "deny")
    return (ANY if otherwise else permitted) - denied


def _all(how: str, scope: _Scope) -> Expr:
    return reduce(Expr.__and__, (atom(f"acs:{how}:{kind}:{values}") for kind, values in scope), ANY)


def _controls(said: Mapping[str, Any]) -> Expr:
    if not said.keys() <= {"classification", "formal_determination", "caveat", *_SCOPES}:
        raise _Unknown  # sensitivity and the rest: whom they let in is not known here
    determined = _codes(said, "formal_determination") if "formal_determination" in said else []
    caveats = _codes(said, "caveat") if "caveat" in said else []
    if not (set(determined) <= _DETERMINATIONS and set(caveats) <= _CAVEATS):
        raise _Unknown
    who = _all("in", _scope({name: said[name] for name in _SCOPES if name in said}))
    return who & (atom("acs:in:nationalities:USA") if "NF" in determined else ANY)


def _determined(said: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(f"acs:{value}" for name in ("formal_determination", "caveat") for value in items(said, name))


def _codes(said: Mapping[str, Any], name: str) -> list[str]:
    """Sorted and each once; "ALL" stands alone."""
    values = said[name]
    if not isinstance(values, list) or not values or not all(isinstance(v, str) and _CODE.fullmatch(v) for v in values):
        raise _Unknown(name)
    found = sorted(set(values))
    if len(found) > MAX_CODES or ("ALL" in found and len(found) > 1):
        raise _Unknown(name)
    return found


def _list(terms: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    found = terms.get(name, [])
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise _Unknown(name)
    return found


# PAP and CUI ----------------------------------------------------------------------------------------------------------


def _pap(terms: Mapping[str, Any]) -> Terms:
    level = _one_of(terms, "pap", [word.removeprefix("pap:") for word in PAP_IDS.values()])
    return Terms(carried=frozenset({f"pap:{level}"}))


def _cui(terms: Mapping[str, Any]) -> Terms:
    marks = [m for name in ("categories", "disseminations") for m in items(terms, name)]
    known = sorted(m for m in marks if isinstance(m, str) and _CODE.fullmatch(m))
    return Terms(carried=frozenset({"cui:" + "+".join(["CUI", *known[:LISTED]])}))
