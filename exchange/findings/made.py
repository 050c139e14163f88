"""What making STIX of a finding needs to know of the exchange, and what comes of it.

The id of everything that is not an observable is minted by the caller as a pure function of (exchange secret, member,
key, part), so the same finding gives the same ids for ever and nobody else can compute them (findings.md 3).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from exchange.label import Tlp

Whom = Literal["everyone meant", "named", "named and coordinators"]


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """`mint` makes an id of (STIX type, part); times are STIX timestamps; `creator` is its member's `identity`.

    Observables get minted ids too, not the UUIDv5 of their value: of two findings about one product each has its own
    audience, an observable has no versions that could change it, and a guessable id would tell what it is. So the part
    of an observable is named for what it says (a digest of its properties), never for its place in a list.
    """

    mint: Callable[[str, str], str]
    created: str
    modified: str
    creator: str | None
    tlp: Tlp  # of the finding
    highest: Tlp  # that the collection accepts: evidence goes no higher


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """One STIX object. `part` says what of the finding it is, like ``vulnerability`` or ``evidence/0``: stable over
    versions. `whom`: evidence at the top of the range is for the named recipients and the coordinators; an asset and
    what tells of it for the named ones, who are its owners."""

    obj: dict[str, Any]
    part: str
    whom: Whom = "everyone meant"
