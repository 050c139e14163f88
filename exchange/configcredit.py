"""`credit`, `sites` and `anonymous-tick`: under whose name things are published (policy 3.8)."""

from __future__ import annotations

import re

from exchange.confignames import Names
from exchange.configtypes import NAMED, Credit
from exchange.yamlfile import Table
from exchange.yamlread import Reader, did_you_mean, duration

_FORMS = "write named, anonymous or { shown-to: GROUP }"
_WORDS = {"named": NAMED, "anonymous": Credit(anonymous=True)}
_HOST = re.compile(r"(?=.{1,253}\Z)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+")


def read_credit(reader: Reader, names: Names) -> Credit | None:
    """What `credit` says; None where it is absent or wrong."""
    if not isinstance(reader.table.fields.get("credit"), Table):
        return reader.value("credit", _word, None)
    inner = reader.below("credit")
    inner.only(frozenset({"shown-to"}), {})
    group = inner.required("shown-to", names.group, None, "write the group that is told who published")
    return Credit(anonymous=True, shown_to=group) if group else None


def _word(text: str) -> Credit:
    if text not in _WORDS:
        near = did_you_mean(text, frozenset(_WORDS))
        raise ValueError(f'no "{text}" here{near}; {_FORMS}')
    return _WORDS[text]


def site(text: str) -> str:
    """The form of the host of a web site: it and what lies below it are the member's own."""
    if not _HOST.fullmatch(text):
        raise ValueError(f'"{text}" is not the host of a site, in lower case; write it like example.org')
    return text


def tick(text: str) -> int:
    """The form of the time between two entries of anonymous copies, in microseconds."""
    length = duration(text)
    if length < 1_000_000:
        raise ValueError("must be at least 1s; anonymous copies enter together, once in so long")
    return length
