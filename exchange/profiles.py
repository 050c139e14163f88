"""Client profiles: what single clients need that the TAXII text forbids, or that would harm others.

A profile is chosen for a key (`exchange key new MEMBER --client NAME`) and never guessed from a request (reference
clients.md, "What we decide"). Without one, a key gets what TAXII 2.1 says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """How the answers to a client differ.

    `empty_list`: empty pages carry ``"objects": []`` (against T-2-04). `echo_date`: they repeat where the request
    began as X-TAXII-Date-Added-Last (against T-3.2-03). `date_wins`: an `added_after` beside a `next` always wins,
    even the one it came from. `hang_up`: what would be a 5xx is an answer that breaks off.
    """

    empty_list: bool = False
    echo_date: bool = False
    date_wins: bool = False
    hang_up: bool = False


STANDARD = Profile()

CLIENT_PROFILES: Mapping[str, Profile] = {
    # Takes a missing list for an error, and begins from its first interval again after a page without a date.
    "elastic": Profile(empty_list=True, echo_date=True),
    # Throws a whole poll away, every time, where a list is missing. Moves its clock on after an HTTP error, and so
    # loses what came meanwhile; not after a broken connection, but then it keeps the `next` of the poll that broke.
    "opencti-connector": Profile(empty_list=True, date_wins=True, hang_up=True),
}


def profile_of(client: str | None) -> Profile:
    """The profile of a key; the standard one where it has none, or one that this release does not know."""
    return CLIENT_PROFILES.get(client or "", STANDARD)
