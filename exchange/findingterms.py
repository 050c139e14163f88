"""On which terms a finding is pushed: its TLP level, whom it names, its plan, and whether it goes anonymously.

These are words about its objects, held by the exchange and never written into them (findings.md 1, `recipients`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from exchange import plans, policy, stix
from exchange.config import Collection
from exchange.findings.finding import Disclosure, Fault, Finding, FoundBy
from exchange.findings.made import Whom
from exchange.inforce import InForce
from exchange.label import Tlp
from exchange.markings import NAMED_ONLY, Said

UNDISCLOSED = "undisclosed"  # in the place of a finder's name, where the publisher is anonymous


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """What a push says for all findings that do not say it themselves: documents of other formats have no place."""

    tlp: str | None = None
    plan: str | None = None
    embargo_until: str | None = None
    recipients: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """`named` and `plan` are words of the publisher's vocabulary; `coordinators` are ``member:NAME`` likewise."""

    tlp: Tlp
    named: frozenset[str]
    plan: str | None
    coordinators: frozenset[str]
    anonymous: bool

    @property
    def text(self) -> str:
        """The same for the same terms."""
        credit = "anonymous" if self.anonymous else "named"
        return " ".join([self.tlp.value, credit, self.plan or "", *sorted(self.named), "+", *sorted(self.coordinators)])

    def words(self, whom: Whom) -> frozenset[str]:
        """What intake is told beside an object's own markings."""
        found = self.named | ({self.plan} if self.plan else set())
        if whom == "everyone meant":
            return frozenset(found)
        return found | {NAMED_ONLY} | (self.coordinators if whom == "named and coordinators" else frozenset())

    def veiled(self, finding: Finding) -> Finding:
        """Without what tells who found it, where its publisher is anonymous."""
        if not self.anonymous:
            return finding
        finders = tuple(
            FoundBy(kind=f.kind, name=UNDISCLOSED, autonomy=f.autonomy, role=f.role) for f in finding.found_by
        )
        verified = msgspec.structs.replace(finding.verification, by=None)
        return msgspec.structs.replace(finding, found_by=tuple(dict.fromkeys(finders)), verification=verified)


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What the terms of a member's findings in a collection are read with. `now`: microseconds UTC."""

    state: InForce
    collection: Collection
    defaults: Defaults
    words: frozenset[str]  # that the member may use
    coordinators: frozenset[str]
    anonymous: bool
    now: int

    @classmethod
    def of(cls, state: InForce, collection: Collection, member: str, defaults: Defaults, now: int) -> Desk:
        return cls(
            state=state, collection=collection, defaults=defaults,
            words=frozenset(policy.vocabulary(state.config, member)),
            coordinators=frozenset(_coordinators(state, collection)),
            anonymous=policy.credit(state.config, collection, member, Said()).anonymous, now=now,
        )  # fmt: skip

    def read(self, finding: Finding) -> Terms | tuple[Fault, ...]:
        """The terms of one, or every fault in them."""
        reader = _Reader(
            state=self.state, collection=self.collection, words=self.words, finding=finding, defaults=self.defaults,
            now=self.now,
        )  # fmt: skip
        level, plan, named = reader.level(), reader.plan(), reader.named()
        if reader.faults or level is None:
            return tuple(reader.faults)
        return Terms(
            tlp=level, named=frozenset(named), plan=plan, coordinators=self.coordinators, anonymous=self.anonymous
        )


def _coordinators(state: InForce, collection: Collection) -> Iterator[str]:
    for name, stanza in state.config.members.items():
        if ("coordinator" in stanza.roles or name in collection.moderate) and policy.nameable_in(
            state.config, collection, name
        ):
            yield f"member:{name}"


class _Reader:
    def __init__(
        self, *, state: InForce, collection: Collection, words: frozenset[str], finding: Finding, defaults: Defaults,
        now: int,
    ) -> None:  # fmt: skip
        self._config = state.config
        self._collection = collection
        self._finding = finding
        self._defaults = defaults
        self._now = now
        self._words = words
        self.faults: list[Fault] = []

    def _fault(self, pointer: str, detail: str) -> None:
        self.faults.append(Fault(pointer, detail))

    def level(self) -> Tlp | None:
        said = self._finding.tlp or self._defaults.tlp
        try:
            level = Tlp(said) if said else self._collection.unmarked
        except ValueError:
            self._fault("/tlp", f'"{said}" is no TLP level: clear, green, amber, amber+strict or red.')
            return None
        low, high = self._collection.accept
        if level is None:
            self._fault("/tlp", "is missing, and this collection takes nothing without a level.")
        elif not low <= level <= high:
            self._fault("/tlp", f"{level.value} is outside what this collection takes ({low.value} to {high.value}).")
            return None
        return level

    def plan(self) -> str | None:
        said = self._finding.disclosure
        if said is None:
            said = Disclosure(plan=self._defaults.plan, embargo_until=self._defaults.embargo_until)
        elif isinstance(said, str):
            said = Disclosure(plan=said)
        if said.plan and said.embargo_until:
            self._fault("/disclosure", "takes a plan or embargo_until, not both.")
        elif said.plan:
            if f"release:{said.plan}" not in self._words:
                listed = ", ".join(sorted(self._config.releases)) or "none"
                self._fault("/disclosure", f'"{said.plan}" is no release plan here; there are: {listed}.')
            return f"release:{said.plan}"
        elif said.embargo_until:
            return self._embargo(said.embargo_until)
        return None

    def _embargo(self, said: str) -> str | None:
        try:
            until = stix.parse_timestamp(said)
        except ValueError:
            self._fault("/disclosure/embargo_until", "is no instant: write it like 2027-01-31T12:00:00Z.")
            return None
        if until <= self._now:
            self._fault("/disclosure/embargo_until", "is over already: leave it out, or give a later instant.")
        return f"release:{plans.embargo(until)}"

    def named(self) -> set[str]:
        found: set[str] = set()
        for i, name in enumerate(self._finding.recipients or self._defaults.recipients):
            word = f"member:{name}"
            if word in self._words and policy.nameable_in(self._config, self._collection, name):
                found.add(word)
            else:
                self._fault(
                    f"/recipients/{i}", f'you cannot name "{name}" here; GET /api/v1/access lists whom you can.'
                )
        owned = any(one.asset for one in self._finding.affected)
        if owned and not found and not self.faults:
            self._fault("/recipients", "is missing: an asset is told to nobody but its owner, so name the owner.")
        return found
