"""What a publisher *said* with its markings, read from the ids alone; what the exchange does about it is `policy`.

An id means what the exchange says (the nine TLP ids, the publisher's own `policy` collection, `markings:` in the
config), else what the same publisher deposited (policy.md 3.5). Anything else is not understood.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from exchange import label, schemes
from exchange.label import ANY, EVERYBODY, Audience, Expr, Tlp
from exchange.schemes import PAP_IDS, Terms

TLP_IDS = {
    "marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9": Tlp.CLEAR,  # TLP 1 WHITE
    "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da": Tlp.GREEN,
    "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82": Tlp.AMBER,
    "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed": Tlp.RED,
    "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487": Tlp.CLEAR,  # TLP 2
    "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb": Tlp.GREEN,
    "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421": Tlp.AMBER,
    "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003": Tlp.AMBER_STRICT,
    "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1": Tlp.RED,
}

NAMED_ONLY = "named-only"
ANONYMOUS = "credit:anonymous"
ASSUMED = "assumed"
FILLS = "fills-stage"


class Treatment(Protocol):
    """What an administrator wrote about a foreign marking: ignore it, or read it as a TLP level or a group."""

    @property
    def tlp(self) -> Tlp | None: ...

    @property
    def group(self) -> str | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One object's markings, understood. `tlp` is the most restrictive one, None where there is none."""

    tlp: Tlp | None = None
    groups: frozenset[str] = frozenset()
    members: frozenset[str] = frozenset()
    named_only: bool = False
    releases: frozenset[str] = frozenset()  # plans that it follows; several: the latest of all counts
    fills: bool = False  # whoever is addressed fills a stage of its plan, and narrows nothing else
    assumed: bool = False  # the level is the collection's for unmarked objects
    anonymous: bool = False  # its publisher's name must not be on it
    shown_to: str = ""  # the group that is told who published it, though it is anonymous
    iep: Expr = ANY  # what it asks readers to have promised
    acs: Expr = ANY  # what it asks readers to be
    extended: frozenset[tuple[int, int]] = frozenset()  # (when more time was granted, until when): stages wait
    starts: int | None = None  # microseconds since the epoch (UTC); before and after nobody else reads it
    ends: int | None = None
    carried: frozenset[str] = frozenset()  # words of PAP, CUI and ACS that restrict nobody
    received: Audience = EVERYBODY  # who may read what its publisher had of it from others
    answers: Audience | None = None  # a response: who may read what it answers
    answers_to: str = ""  # the member whose deposit that is; empty where the response is only counted
    classified: bool = False  # ACS says that it is not unclassified
    unknown: frozenset[str] = frozenset()  # ids that mean nothing here

    @property
    def text(self) -> str:
        """For the record and `explain`: ``amber group:finance member:skyline``; empty if nothing was said."""
        words = ([self.tlp.value] if self.tlp else []) + [ASSUMED] * self.assumed
        words += [f"group:{g}" for g in sorted(self.groups)] + [f"member:{m}" for m in sorted(self.members)]
        words += [f"release:{r}" for r in sorted(self.releases)]
        words += [f"shown-to:{self.shown_to}"] * bool(self.shown_to)
        words += [f"iep:{self.iep.text}"] * (self.iep is not ANY) + [f"acs:{self.acs.text}"] * (self.acs is not ANY)
        words += [f"extended:{at}:{until}" for at, until in sorted(self.extended)]
        words += [f"from:{self.starts}"] * (self.starts is not None) + [f"until:{self.ends}"] * (self.ends is not None)
        words += [f"carries:{word}" for word in sorted(self.carried)]
        words += [f"received:{self.received.text}"] * (self.received != EVERYBODY)
        words += [f"answers:{self.answers.text}"] if self.answers is not None else []
        words += [f"answers-to:{self.answers_to}"] * bool(self.answers_to)
        words += [ANONYMOUS] * self.anonymous + [FILLS] * self.fills + [NAMED_ONLY] * self.named_only
        return " ".join(words)

    def put_off(self, due: int) -> int:
        """When a stage falls due that would fall due then: what had not when more time was granted, not before."""
        for granted, until in sorted(self.extended):
            due = max(due, until) if due > granted else due
        return due

    @staticmethod
    def joined(said: Sequence[Said]) -> str:
        """Several that hold together, as stored; `split` undoes it."""
        return " + ".join(s.text for s in said)

    @classmethod
    def split(cls, text: str) -> list[Said]:
        return [cls.parse(part) for part in text.split(" + ")]

    @classmethod
    def parse(cls, text: str) -> Said:
        words = text.split()
        tlp = next((Tlp(w) for w in words if ":" not in w and w not in (NAMED_ONLY, ASSUMED, FILLS)), None)

        def named(kind: str) -> frozenset[str]:
            return frozenset(w.removeprefix(f"{kind}:") for w in words if w.startswith(f"{kind}:"))

        def one(kind: str) -> str | None:
            return next(iter(named(kind)), None)

        return cls(
            tlp=tlp,
            groups=named("group"),
            members=named("member"),
            releases=named("release"),
            named_only=NAMED_ONLY in words,
            anonymous=ANONYMOUS in words,
            shown_to=min(named("shown-to"), default=""),
            iep=label.parse(one("iep") or ANY.text),
            acs=label.parse(one("acs") or ANY.text),
            extended=frozenset((int(at), int(until)) for at, until in (w.split(":") for w in named("extended"))),
            starts=_instant(one("from")),
            ends=_instant(one("until")),
            carried=named("carries"),
            received=label.parse_audience(one("received") or EVERYBODY.text),
            answers=None if (answered := one("answers")) is None else label.parse_audience(answered),
            answers_to=one("answers-to") or "",
            fills=FILLS in words,
            assumed=ASSUMED in words,
        )


def _instant(text: str | None) -> int | None:
    return None if text is None else int(text)


def read(
    ids: Iterable[str], vocabulary: Mapping[str, str], treatments: Mapping[str, Treatment], own: Mapping[str, Terms]
) -> Said:
    """The meaning of an object's marking ids.

    `vocabulary`: the publisher's own `policy` collection, id → word (``group:NAME``, ``member:NAME``, ``release:NAME``,
    ``named-only``, ``credit:anonymous``).
    `own`: what the publisher's own definitions say, of those that are understood.
    """
    levels: list[Tlp] = []
    named: dict[str, set[str]] = {"group": set(), "member": set(), "release": set()}
    unknown: set[str] = set()
    plain: set[str] = set()
    terms, full = Terms(), False  # full: they ask for more than a label should hold, and one is refused anyhow
    for marking in ids:
        if level := TLP_IDS.get(marking):
            levels.append(level)
        elif word := vocabulary.get(marking):
            kind, _, name = word.partition(":")
            named.get(kind, plain).add(name if kind in named else word)
        elif treatment := treatments.get(marking):
            levels += [treatment.tlp] if treatment.tlp else []
            named["group"] |= {treatment.group} if treatment.group else set()
        else:
            found = Terms(carried=frozenset({PAP_IDS[marking]})) if marking in PAP_IDS else own.get(marking)
            both = schemes.joined(terms, found) if found and not full else None
            if both is None:
                unknown.add(marking)
            full |= found is not None and both is None
            terms = both or terms
    levels += [terms.tlp] if terms.tlp else []
    return Said(
        tlp=max(levels, default=None), groups=frozenset(named["group"]), members=frozenset(named["member"]),
        releases=frozenset(named["release"]), named_only=NAMED_ONLY in plain,
        anonymous=ANONYMOUS in plain or terms.anonymous,
        unknown=frozenset(unknown), iep=terms.iep, acs=terms.acs, starts=terms.starts, ends=terms.ends,
        carried=terms.carried, classified=terms.classified,
    )  # fmt: skip


def marking_id(secret: bytes, member: str, word: str) -> str:
    """The id of a word in one member's `policy` collection: stable, and no two members' can be linked (channel 25)."""
    return f"marking-definition--{keyed_uuid(secret, f'marking/{member}/{word}')}"


def exchange_identity(secret: bytes) -> str:
    """The id of the identity that the exchange itself signs with: its notes, and anonymous copies."""
    return f"identity--{keyed_uuid(secret, 'identity')}"


def keyed_uuid(secret: bytes, name: str) -> str:
    """A UUIDv4-shaped pure function of the exchange's secret and a name."""
    raw = bytearray(hmac.digest(secret, name.encode(), "sha256")[:16])
    raw[6] = raw[6] & 0x0F | 0x40
    raw[8] = raw[8] & 0x3F | 0x80
    text = raw.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def definition(secret: bytes, member: str, word: str, created: str) -> dict[str, Any]:
    """The marking-definition object that a member finds in its `policy` collection and puts on its own objects."""
    about = "only the recipients named on the object" if word == NAMED_ONLY else word
    share = "Name nobody as the publisher" if word == ANONYMOUS else f"Share with {about}"
    return {
        "type": "marking-definition",
        "spec_version": "2.1",
        "id": marking_id(secret, member, word),
        "created": created,
        "name": word,
        "definition_type": "statement",
        "definition": {"statement": f"{share}, by this exchange."},
    }
