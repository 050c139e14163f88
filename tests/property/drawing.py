"""What comes next in a random history: an object that can be published, or a change of the config."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeVar

from hypothesis import strategies as st

from tests.property import world as w
from tests.property.model import Deposit, Model
from tests.property.shapes import AWAY, Shape

Key = tuple[str, str, int]  # publisher, id, version
T = TypeVar("T")


class Dice(Protocol):
    """What decides."""

    def number(self, least: int, most: int, what: str) -> int: ...

    def one(self, options: Sequence[T], what: str) -> T: ...

    def some(self, options: Sequence[T], least: int, what: str) -> set[T]:
        """Two at most."""
        ...


@dataclass(frozen=True, slots=True)
class Drawn:
    """By Hypothesis, which makes what fails smaller: for histories, where that is needed."""

    data: st.DataObject

    def number(self, least: int, most: int, what: str) -> int:
        return self.data.draw(st.integers(least, most), what)

    def one(self, options: Sequence[T], what: str) -> T:
        return self.data.draw(st.sampled_from(options), what)

    def some(self, options: Sequence[T], least: int, what: str) -> set[T]:
        return self.data.draw(st.sets(st.sampled_from(options), min_size=least, max_size=2), what)


@dataclass(frozen=True, slots=True)
class Rolled:
    """By a seed: for thousands of worlds that are small by themselves, each in a tenth of the time."""

    random: random.Random

    def number(self, least: int, most: int, what: str) -> int:
        return self.random.randint(least, most)

    def one(self, options: Sequence[T], what: str) -> T:
        return self.random.choice(options)

    def some(self, options: Sequence[T], least: int, what: str) -> set[T]:
        return set(self.random.sample(options, self.random.randint(least, min(2, len(options)))))


@dataclass(slots=True)
class Drawing:
    """Draws by the model's state, so that nothing is drawn that the exchange has to refuse.

    `said` remembers the latest body of each version: while one is live, the same body is said again.
    """

    shape: Shape
    model: Model
    absent: set[str] = field(default_factory=set)
    said: dict[Key, Deposit] = field(default_factory=dict)
    creators: dict[tuple[str, str], str | None] = field(default_factory=dict)
    seq: int = 0

    # Objects ------------------------------------------------------------------------------------------------

    def envelope(self, draw: Dice, publisher: str, collection: str) -> list[Deposit]:
        """Deposits of different ids."""
        count = draw.number(1, self.shape.envelope, "objects")
        found: dict[str, Deposit] = {}
        for _ in range(count):
            d = self._deposit(draw, publisher, collection)
            found.setdefault(d.id, d)
        self.said |= {(d.publisher, d.id, d.version): d for d in found.values()}
        return list(found.values())

    def _deposit(self, draw: Dice, publisher: str, collection: str) -> Deposit:
        object_id = draw.one(self.shape.ids(), "id")
        version = 0 if object_id.startswith("ipv4") else draw.number(1, self.shape.versions, "version")
        key = publisher, object_id, version
        self.seq += 1
        if not any((d.publisher, d.id, d.version) == key for d in self.model.past.live):
            return self._new(draw, key, collection)
        known = self.said[key]
        if self._takes(collection, known):
            return replace(known, collection=collection, seq=self.seq)
        return self._another(publisher, collection)

    def _new(self, draw: Dice, key: Key, collection: str) -> Deposit:
        c = self.model.collections[collection]
        names = self._nameable(collection)
        tlp = draw.one([t for t in self.shape.tlps if t != "red" or names], "tlp")
        words = [f"member:{m}" for m in names]
        if tlp != "red":
            words += [f"group:{g}" for g in self.shape.groups]
            words += ["named-only"] * (self.shape.named_only and not c.named)
        to = draw.some(words, int(tlp == "red" or c.named), "to")
        if self.shape.plans and draw.number(0, 1, "names a plan"):
            to |= {f"release:{draw.one(sorted(self.shape.plans), 'plan')}"}
        refs: set[str] = set()
        if key[1].startswith("note"):
            others = [i for i in self.shape.ids() if i != key[1]]
            refs = draw.some(others, 1, "refs")
        made = self._made(key, collection, tlp, to)
        return replace(made, refs=frozenset(refs), creator=self._creator(draw, key))

    def _another(self, publisher: str, collection: str) -> Deposit:
        """A campaign of its own, where a body that is live elsewhere may not be said."""
        names = self._nameable(collection)
        key = publisher, w.campaign_id(100 + self.seq), 1
        return self._made(key, collection, "amber", {f"member:{min(names)}"} if names else {"group:g1"})

    def _made(self, key: Key, collection: str, tlp: str, to: set[str]) -> Deposit:
        publisher, object_id, version = key
        return Deposit(
            seq=self.seq,
            publisher=publisher,
            collection=collection,
            id=object_id,
            version=version,
            tlp=tlp,
            to=frozenset(to),
            refs=frozenset(),
            said=self.seq,
        )

    def _creator(self, draw: Dice, key: Key) -> str | None:
        """The same in every version (STIX 2.1 section 3.6). Another member's identity stands only on what nobody else
        had deposited before: re-sharing (policy 3.5) is not in the model."""
        if not self.shape.creators or key[1].startswith("ipv4"):
            return None
        known = self.model.known
        if key[:2] not in self.creators or key[:2] not in known:
            own = self.model.members[key[0]].identity
            others = {i for p, i in known if p != key[0]}
            members = [key[0]] if key[1] in others else list(self.model.members)
            identities = [None, *(i for name in members if (i := self.model.members[name].identity))]
            stays = self.creators.get(key[:2], "")
            self.creators[key[:2]] = stays if stays in (None, own) else draw.one(identities, "creator")
        return self.creators[key[:2]]

    def _takes(self, collection: str, d: Deposit) -> bool:
        names = {word.removeprefix("member:") for word in d.to if word.startswith("member:")}
        named = any(word.startswith(("member:", "group:")) for word in d.to)
        return names <= set(self._nameable(collection)) and (named or not self.model.collections[collection].named)

    def _nameable(self, collection: str) -> list[str]:
        """Members in the file that the collection lets read (3.5)."""
        read = self.model.collections[collection].read
        return [m for m in self.model.members if m not in self.absent and self.model.has(m, read)]

    # The config ---------------------------------------------------------------------------------------------

    def change(self, draw: Dice) -> None:
        what = draw.one(list(self.shape.changes), "change")
        if what == "new":
            self._newcomer(draw)
        elif what == "file":
            self._in_or_out_of_the_file(draw)
        elif what in ("group", "relays", "door"):
            self._member(draw, what)
        elif what == "nest":
            self.model.nested = len(self.shape.groups) > 1 and not self.model.nested
        else:
            self._collection(draw, what)

    def _member(self, draw: Dice, what: str) -> None:
        """`door`: suspended, ended or not begun, or no longer so."""
        name = draw.one([m for m in self.model.members if m not in self.absent], "member")
        m = self.model.members[name]
        if what == "group":
            m = replace(m, groups=m.groups ^ {draw.one(list(self.shape.groups), "group")})
        elif what == "relays":
            m = replace(m, relays=not m.relays)
        else:
            away = draw.one(sorted(AWAY), "away")
            m = replace(m, present=not away, away=away)
        self.model.members[name] = m

    def _collection(self, draw: Dice, what: str) -> None:
        """`own`: hidden or not; `named`: the publisher has to name its recipients, or not; `gone`: with its file."""
        name = draw.one(list(self.model.collections), "collection")
        c = self.model.collections[name]
        rights: Sequence[frozenset[str]] = [frozenset({"everyone"}), *(frozenset({g}) for g in self.shape.groups)]
        if what == "read":
            c = replace(c, read=draw.one(rights, "right"))
        elif what == "write":
            c = replace(c, write=draw.one(rights, "right"))
        elif what == "own":
            c = replace(c, hidden=not c.hidden)
        elif what == "unmarked":
            c = replace(c, unmarked=draw.one(["clear", "amber", "amber+strict"], "level"))
        elif what == "gone":
            left = [other for other, x in self.model.collections.items() if other != name and not x.gone]
            c = replace(c, gone=bool(left) and not c.gone)
        else:
            c = replace(c, named=not c.named)
        self.model.collections[name] = c

    def _in_or_out_of_the_file(self, draw: Dice) -> None:
        """Back with the stanza it had."""
        name = draw.one(list(self.model.members), "member")
        back = name in self.absent
        if back or len(self.absent) + 1 < len(self.model.members):
            self.absent ^= {name}
            member = self.model.members[name]
            self.model.members[name] = replace(member, present=back and not member.away)

    def _newcomer(self, draw: Dice) -> None:
        waiting = sorted(name for name in self.shape.late if name not in self.model.members)
        if waiting:
            name = draw.one(waiting, "newcomer")
            self.model.members[name] = self.shape.late[name]
