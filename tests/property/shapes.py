"""Alphabets for random histories, and how a model's state is written as the files and objects of an exchange."""

from __future__ import annotations

import json
from collections.abc import Collection as Group
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.property import world as w
from tests.property.model import Collection, Deposit, Member, Model, Stage

# Why a member that is in the file is not let in at the door.
AWAY: Mapping[str, Mapping[str, Any]] = {
    "": {},
    "suspended": {"suspended": True},
    "ended": {"until": "2001-01-01"},
    "not begun": {"from": "2199-01-01"},
}
# Every way in which the config changes (drawing.py), the commonest first.
CHANGES = ("group", "group", "group", "relays", "read", "write", "door", "file", "new", "own", "named", "unmarked",
           "gone", "nest")  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What can happen in a history.

    `late` members come later. Notes refer to one or two of all ids. `tlps` are the levels that are said ("" says none),
    `changes` the ways in which the config changes (drawing.py), `envelope` the most objects in a POST.
    """

    members: Mapping[str, Member]
    collections: Mapping[str, Collection]
    late: Mapping[str, Member] = field(default_factory=dict)
    groups: Sequence[str] = ("g1",)
    publishers: Sequence[str] = ("alice",)
    campaigns: int = 2
    notes: int = 0
    observables: int = 0
    versions: int = 2
    tlps: Sequence[str] = ("clear",)
    creators: bool = False
    envelope: int = 1
    named_only: bool = False
    plans: Mapping[str, tuple[Stage, ...]] = field(default_factory=dict)
    changes: Sequence[str] = ("group", "group", "relays", "read", "write", "door", "file", "new")

    def ids(self) -> list[str]:
        return [
            *(w.campaign_id(n) for n in range(self.campaigns)),
            *(w.note_id(n) for n in range(self.notes)),
            *(w.address(f"192.0.2.{n}", text="")["id"] for n in range(self.observables)),
        ]

    def uid(self, collection: str) -> str:
        return w.uid(1 + list(self.collections).index(collection))

    def body(self, d: Deposit, words: Mapping[str, str]) -> dict[str, Any]:
        """The STIX object of a deposit; `words` are its publisher's."""
        marks = [w.TLP[level] for level in (d.tlp,) if level] + [words[word] for word in sorted(d.to)]
        if d.id.startswith("ipv4"):
            n = self.ids().index(d.id) - self.campaigns - self.notes
            return w.address(f"192.0.2.{n}", text=text(d), marks=marks)
        more = {"created_by_ref": d.creator} if d.creator else {}
        n = int(d.id[-12:])
        if d.id.startswith("note"):
            return w.note(n, sorted(d.refs), d.version, text=text(d), marks=marks, **more)
        return w.campaign(n, d.version, text=text(d), marks=marks, **more)

    def files(self, model: Model, absent: Group[str]) -> dict[str, str]:
        """The home that says what the model says; `absent` members are not in it."""
        found = w.home(
            {g: f"Group {g}" for g in self.groups} | self._nesting(model),
            {name: _member(name, m) for name, m in model.members.items() if name not in absent},
            {name: _collection(self.uid(name), c) for name, c in model.collections.items() if not c.gone},
        )
        plans = {name: [_stage(*stage) for stage in plan] for name, plan in self.plans.items()}
        main = json.loads(found["config/exchange.yaml"]) | ({"releases": plans} if plans else {})
        return found | {"config/exchange.yaml": json.dumps(main)}

    def _nesting(self, model: Model) -> dict[str, Any]:
        return {self.groups[-1]: {"of": [self.groups[0]], "about": "Both"}} if model.nested else {}


def _stage(delay: int, words: frozenset[str]) -> dict[str, Any]:
    return {"at": f"{delay // w.SECOND}s", "to": sorted(words)}


def text(d: Deposit) -> str:
    """What the publisher writes into the object, so that a reader can tell whose and which it is."""
    return f"{d.publisher} {d.said}"


def _member(name: str, m: Member) -> dict[str, Any]:
    identity = {"identity": m.identity} if m.identity else {}
    return {"name": name, "in": sorted(m.groups), "relays": m.relays, **AWAY[m.away], **identity}


def _collection(uid: str, c: Collection) -> dict[str, Any]:
    return {
        "id": uid,
        "read": _right(c.read),
        "write": _right(c.write),
        "accept": ["clear", "red"],
        "unmarked": c.unmarked,
        "own": "hidden" if c.hidden else "readable",
        "audience": "named" if c.named else "open",
        **({"release": c.plan} if c.plan else {}),
    }


def _right(groups: frozenset[str]) -> str | list[str]:
    return "everyone" if "everyone" in groups else sorted(groups)
