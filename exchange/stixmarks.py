"""The rules of marking (S-7.2): what may mark an object, what a granular marking points at, what TLP looks
like.
"""

import re
from collections.abc import Sequence
from typing import Any, Final

from exchange.stixfault import Fault
from exchange.stixread import Object, items, members, text
from exchange.stixrules import fault, is_language, reference_error
from exchange.stixtypes import TLP_2_EXTENSION, TLP_OBJECTS

_MARKING: Final = frozenset({"marking-definition"})
_INDEX = re.compile(r"\[([0-9]{1,9})\]", re.ASCII)


def markings(obj: Object) -> Sequence[Fault]:
    """S-7.2-06, S-7.2-07: nothing marks itself; a granular marking has one of marking_ref and lang, and its
    content.
    """
    found: list[Fault] = []
    if "object_marking_refs" in obj:
        own = obj.get("id")
        for index, ref in enumerate(items(obj, "object_marking_refs")):
            if ref == own:
                found.append(fault(f"/object_marking_refs/{index}", "a marking cannot mark itself: leave it out"))
    if "granular_markings" in obj:
        for index, granular in enumerate(items(obj, "granular_markings")):
            if isinstance(granular, dict):
                found.extend(_granular(obj, granular, f"/granular_markings/{index}"))
    return found


def _granular(obj: Object, granular: Object, path: str) -> list[Fault]:
    found = []
    if ("marking_ref" in granular) == ("lang" in granular):
        found.append(fault(path, "needs exactly one of marking_ref and lang: keep one, and make another of the other"))
    ref, lang = text(granular, "marking_ref"), text(granular, "lang")
    error = None if ref is None else reference_error(ref, _MARKING)
    if error is not None:
        found.append(fault(f"{path}/marking_ref", error))
    elif ref is not None and ref == obj.get("id"):
        found.append(fault(f"{path}/marking_ref", "a marking cannot mark itself: leave it out"))
    if lang is not None and not is_language(lang):
        found.append(fault(f"{path}/lang", "is not a language code of RFC 5646: write it like en or zh-Hans"))
    for index, selector in enumerate(items(granular, "selectors")):
        if isinstance(selector, str) and not present(obj, selector):
            message = "points at nothing in this object: name a property as in external_references.[0].url"
            found.append(fault(f"{path}/selectors/{index}", message))
    return found


def present(obj: Object, selector: str) -> bool:
    """Whether a selector such as `labels.[0]` or `hashes.MD5` points at something (S-7.2-07)."""
    value: Any = obj
    for step in selector.split("."):
        if isinstance(value, dict) and step in value:
            value = value[step]
            continue
        index = _INDEX.fullmatch(step)
        if index is None or not isinstance(value, list) or int(index[1]) >= len(value):
            return False
        value = value[int(index[1])]
    return True


def marking_definition(obj: Object) -> Sequence[Fault]:
    """S-7.2-01 to S-7.2-05: the form of a definition, and the nine objects that alone mean TLP."""
    fixed = TLP_OBJECTS.get(obj["id"])
    if fixed is not None:
        return [] if obj == fixed else [fault("", f"is not {fixed['name']} as published: send that body, or none")]
    if _claims_tlp(obj):
        message = "claims a TLP level under an id that is none of TLP's own: refer to the published TLP marking"
        return [fault("", message)]
    found = [
        fault(f"/{name}", "a marking has no versions: leave the property out")
        for name in ("modified", "revoked")
        if name in obj
    ]
    has = {name for name in ("definition_type", "definition") if name in obj}
    missing = {"definition_type", "definition"} - has
    if missing and (has or "extensions" not in obj):
        wanted = " and ".join(sorted(missing))
        found.append(
            fault(f"/{min(missing)}", f"{wanted} missing: give definition_type with definition, or extensions")
        )
    if (
        obj.get("definition_type") == "statement"
        and "definition" in obj
        and text(members(obj, "definition"), "statement") is None
    ):
        found.append(fault("/definition/statement", "a statement marking needs its statement: add it as a string"))
    return found


def _claims_tlp(obj: Object) -> bool:
    extensions = members(obj, "extensions")
    return (
        obj.get("definition_type") == "tlp"
        or "tlp" in members(obj, "definition")
        or TLP_2_EXTENSION in extensions
        or any(isinstance(entry, dict) and "tlp_2_0" in entry for entry in extensions.values())
    )
