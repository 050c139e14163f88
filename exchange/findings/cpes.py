"""CPE names: the 2.3 form as it is, and the older URI form in the form of 2.3 (NISTIR 7695, sections 6.1 and 6.2)."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote

from exchange.findings import identifiers
from exchange.findings.careful import line

_ANY_PRODUCT = re.compile(r"cpe:2\.3:[^:]*:(?:[^:\\]|\\.)*:\*:")
_UNQUOTED = re.compile(r"([^A-Za-z0-9_.\-])")


def cpe(value: Any) -> str | None:
    """A CPE 2.3 name of either form; None of what is no CPE, or names no product."""
    found = line(value, 1_001)
    if found is None or len(found) > 1_000 or " " in found:
        return None
    if found.startswith("cpe:/"):
        found = _formatted(found.removeprefix("cpe:/"))
    if len(found) > 1_000 or identifiers.cpe(found) is None:
        return None
    return None if _ANY_PRODUCT.match(found) else found


def _formatted(uri: str) -> str:
    parts = uri.split(":")[:7]
    extended: list[str] = []
    if len(parts) > 5 and parts[5].startswith("~"):
        _, parts[5], *extended = parts[5].split("~")[:6]
    language = parts[6:7] or [""]
    # part, vendor, product, version, update, edition | language | sw_edition, target_sw, target_hw, other
    first = (parts[:6] + [""] * 6)[:6]
    last = (extended + [""] * 4)[:4]
    return "cpe:2.3:" + ":".join(_component(one) for one in (*first, *language, *last))


def _component(text: str) -> str:
    """`%01` and `%02` stand for the wildcards ? and *; empty is any; `-` is not applicable."""
    if text in {"", "-"}:
        return text or "*"
    ends = {"\x01": "?", "\x02": "*"}
    return "".join(ends.get(sign) or _UNQUOTED.sub(r"\\\1", sign) for sign in unquote(text)).lower()
