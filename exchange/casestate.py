"""How far a finding is, from what was answered to it: the states of CERT/CC's Vultron (findings.md 6). Pure.

Each party is somewhere between received and closed; the finding as a whole says whether its vendor knows, whether the
fix is ready and deployed, and what ends an embargo: that it is public, that an exploit is, that attacks were seen.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from exchange.answers import ATTACKS, EXPLOIT

RECEIVED, VALID, INVALID, ACCEPTED, DEFERRED, CLOSED = (
    "received", "valid", "invalid", "accepted", "deferred", "closed",
)  # fmt: skip
OF_STATUS = {
    "received": RECEIVED,
    "under-investigation": RECEIVED,
    "affected": VALID,
    "not-affected": INVALID,
    "disputed": INVALID,
    "fix-planned": ACCEPTED,
    "fixed": ACCEPTED,
    "deployed": CLOSED,
    "wont-fix": DEFERRED,
}
"""Where a party is that said so last, by the words of `answers.STATUSES`."""

NO_EMBARGO, PROPOSED, ACTIVE, REVISE, EXITED = "none", "proposed", "active", "revise", "exited"


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """How the finding stands with its release plan: `held` for review, has one (`planned`), has stages to come
    (`coming`), is for everybody (`public`), and somebody asks for more time (`asked`)."""

    planned: bool
    coming: bool
    public: bool
    held: bool = False
    asked: bool = False

    @property
    def embargo(self) -> str:
        if self.public:
            return EXITED if self.planned else NO_EMBARGO
        if not (self.planned and self.coming):
            return NO_EMBARGO
        if self.held:
            return PROPOSED
        return REVISE if self.asked else ACTIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """The finding as a whole. `must_end`: why an embargo that still holds should end now; empty if it need not."""

    embargo: str
    vendor_aware: bool
    fix_ready: bool
    fix_deployed: bool
    public: bool
    exploit_public: bool
    attacks_seen: bool

    @property
    def must_end(self) -> tuple[str, ...]:
        if self.embargo not in (PROPOSED, ACTIVE, REVISE):
            return ()
        found = ((EXPLOIT, self.exploit_public), (ATTACKS, self.attacks_seen))
        return tuple(word for word, so in found if so)


def case(release: Release, statuses: Iterable[str], sightings: Iterable[str]) -> Case:
    """`statuses`: the last word of each party, of `OF_STATUS`; `sightings`: `answers.ATTACKS` or `EXPLOIT`."""
    said, seen = set(statuses), set(sightings)
    return Case(
        embargo=release.embargo,
        vendor_aware=bool(said),
        fix_ready=bool(said & {"fixed", "deployed"}),
        fix_deployed="deployed" in said,
        public=release.public,
        exploit_public=EXPLOIT in seen,
        attacks_seen=ATTACKS in seen,
    )
