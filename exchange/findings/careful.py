"""Reading parsed JSON that may be wrong anywhere: what is asked for, cleaned and short enough, or nothing.

Nothing here raises. Real files have a number where a list belongs and `null` for a name (findings.md 4); so a reader
asks for what it needs, and what is not there, or is something else, is not there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from exchange.findings import identifiers, scoring

MAX_TEXT = 100_000
MAX_LINE = 500
MAX_NAME = 250

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_URL = re.compile(r"(?:https?|ftp|git|ssh)://\S+")
_PURL = re.compile(r"pkg:[A-Za-z][A-Za-z0-9.+-]*/\S+")
_CWE = re.compile(r"(?i)\bcwe[-_: ]?0{0,5}([1-9]\d{0,5})\b")
_ATLAS = re.compile(r"\bAML\.T\d{4}(?:\.\d{3})?\b")
_CVE = re.compile(r"\bCVE-\d{4}-\d{4,19}\b")
_DATE = re.compile(r"\d{4}-\d\d-\d\d(?:[Tt ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:[Zz]|[+-]\d\d:\d\d)?)?")


def part(value: Any, *way: str) -> Any:
    """What stands at the end of a way of names, or None."""
    for step in way:
        if not isinstance(value, dict):
            return None
        value = value.get(step)
    return value


def members(value: Any, *way: str) -> dict[str, Any]:
    """The object there, or an empty one."""
    found = part(value, *way)
    return found if isinstance(found, dict) else {}


def items(value: Any, *way: str) -> list[Any]:
    """The list there, or an empty one."""
    found = part(value, *way)
    return found if isinstance(found, list) else []


def at(values: list[Any], index: Any) -> Any:
    """The item of that number, or None."""
    if isinstance(index, int) and not isinstance(index, bool) and 0 <= index < len(values):
        return values[index]
    return None


def text(value: Any, most: int = MAX_TEXT) -> str | None:
    """A text of at most so many characters, without control characters; None if nothing is left."""
    if not isinstance(value, str):
        return None
    return _clean(value[: most + 1], most)


def line(value: Any, most: int = MAX_LINE) -> str | None:
    """A text on one line."""
    if not isinstance(value, str):
        return None
    return _clean(" ".join(value[: most * 2].split()), most)


def name(value: Any, most: int = MAX_NAME) -> str | None:
    """A short line; a number, such as a version 1.0 without its quotation marks, is one too."""
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 10**15:
        return repr(value)
    return line(value, most)


def _clean(cut: str, most: int) -> str | None:
    if not cut.isascii():  # half a surrogate pair can be written nowhere
        cut = cut.encode("utf-8", "replace").decode("utf-8")
    cut = _CONTROL.sub("", cut).strip()
    return (cut if len(cut) <= most else f"{cut[: most - 1].rstrip()}…") or None


def url(value: Any) -> str | None:
    """An address that a person may follow; not `javascript:` and the like."""
    found = text(value, 2_001)
    return found if found and len(found) <= 2_000 and _URL.fullmatch(found) else None


def purl(value: Any) -> str | None:
    """A package URL."""
    found = text(value, 1_001)
    if not found or len(found) > 1_000 or not _PURL.fullmatch(found):
        return None
    return found if identifiers.purl(found) else None


def cwe(value: Any) -> str | None:
    """`CWE-79` of ``CWE-79: …``, ``external/cwe/cwe-079`` or 79."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 10**6:
        return f"CWE-{value}"
    found = _CWE.search(value[:MAX_LINE]) if isinstance(value, str) else None
    return f"CWE-{found[1]}" if found else None


def instant(value: Any) -> str | None:
    """RFC 3339 in UTC; a date is its first second, and a time without a zone is UTC."""
    if not isinstance(value, str) or len(value) > 40 or not _DATE.fullmatch(value):
        return None
    try:
        moment = datetime.fromisoformat(value.upper())
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment.isoformat(timespec="milliseconds" if moment.microsecond else "seconds").replace("+00:00", "Z")


def vector(value: Any, version: str = "") -> str | None:
    """A valid CVSS 3.0, 3.1 or 4.0 vector; `version` is for one that does not start with its own."""
    found = line(value, 301)
    if not found or len(found) > 300 or not found.isascii():
        return None
    if version and not found.startswith("CVSS:"):
        found = f"CVSS:{version}/{found}"
    known = found.startswith(("CVSS:3.0/", "CVSS:3.1/", "CVSS:4.0/"))
    return found if known and scoring.wrong(found) is None else None


def strings(value: Any, most: int = 2_000) -> Iterator[str]:
    """The texts anywhere in a value; looks at so many values at most."""
    left = [value]
    while left and most > 0:
        most -= 1
        inner = left.pop()
        if isinstance(inner, str):
            yield inner
        elif isinstance(inner, list | dict):
            left += list(inner.values() if isinstance(inner, dict) else inner)[:most]


def atlas(value: Any) -> list[str]:
    """The techniques of MITRE ATLAS that are named anywhere in a value."""
    return sorted({found for text_ in strings(value) for found in _ATLAS.findall(text_[:MAX_TEXT])})


def cves(value: Any) -> list[str]:
    """The CVE ids that are named anywhere in a value."""
    return sorted({found for text_ in strings(value) for found in _CVE.findall(text_[:MAX_TEXT])})


def pointer(*parts: str | int) -> str:
    """RFC 6901."""
    return "".join("/" + str(one).replace("~", "~0").replace("/", "~1") for one in parts)
