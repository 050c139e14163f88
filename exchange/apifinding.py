"""`GET /api/v1/findings/ID`: how a finding stands, for whoever may read it; never what is in it.

What is shown is one member's own view: the collections where it reads the object, by whose plan others come to read it
and, to its publisher alone, what it pushed and who of those that it may name was served it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from exchange import entries, feed, findingrows, pages, plans, policy, stix, store, whohas
from exchange.entries import Version
from exchange.feed import Item
from exchange.findingrows import Pushed
from exchange.findings.exports.advisory import SUBJECTS
from exchange.markings import Said
from exchange.taxiierrors import TaxiiError
from exchange.taxiirights import Caller, Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """Who asks, with a snapshot of the store and one of the ledger that is no younger. `root`: the API root's URL."""

    conn: Connection
    lines: Connection
    caller: Caller
    places: list[Place]
    root: str

    def answer(self, stix_id: str) -> dict[str, Any]:
        """404 for what the member does not read anywhere, be it there or not."""
        found = [one for place in self.places if (one := self._where(place, stix_id))]
        if not found:
            raise TaxiiError(404)
        return {"id": stix_id, "collections": found}

    def _where(self, place: Place, stix_id: str) -> dict[str, Any] | None:
        if place.number is None or not place.can_read:
            return None
        view = pages.View(member=self.caller.number, collection=place.number, filters=pages.Filters(ids=(stix_id,)))
        page = feed.manifest(self.conn, view, after=0, limit=1)
        if not page.items or page.items[0].type not in SUBJECTS:
            return None
        (item,) = page.items
        (v,) = entries.by_number(self.conn, [item.number])
        return self._shown(place, item, v)

    def _shown(self, place: Place, item: Item, v: Version) -> dict[str, Any]:
        mine = v.publisher == self.caller.number
        found: dict[str, Any] = {
            "collection": place.alias,
            "version": item.version,
            "date_added": stix.format_timestamp(item.date_added),
            "mine": mine,
            "state": v.state or "published",
            "stages": list(self._stages(place, v)),
        }
        return {**found, **self._own(place, item.id)} if mine else found

    def _stages(self, place: Place, v: Version) -> Iterator[dict[str, Any]]:
        """When whom its plan lets in, in words; `from` is null for what has come."""
        config = self.caller.state.config
        collection = config.collections[place.alias]
        said = Said.split(entries.told(self.conn, [v.number])[v.number][1])
        followed = {name: plan for s in said for name in sorted(s.releases) if (plan := plans.plan(config, name))}
        followed |= {collection.at_least.name: collection.at_least} if collection.at_least else {}
        released = store.tick(self.conn)
        due = [(stage.due(v.started), plan.name, stage) for plan in followed.values() for stage in plan.stages]
        for instant, name, stage in sorted(due, key=lambda one: one[:2]):
            # Whom it names is between its publisher and the exchange.
            to = ["everyone"] * stage.everyone + ["named"] * stage.named + sorted(stage.groups)
            come = None if instant <= released else f"{stix.format_timestamp(instant)[:19]}Z"
            yield {"plan": name, "from": come, "to": to}

    def _own(self, place: Place, stix_id: str) -> dict[str, Any]:
        pushed = self._pushed(place, stix_id)
        ids = entries.ids_of(self.conn, sorted(pushed.objects)) if pushed else {}
        return {
            "key": pushed.key if pushed else None,
            "status": f"{self.root}status/{pushed.status}/" if pushed else None,
            "objects": [ids[n] for n in pushed.objects] if pushed else [],
            "served": list(self._served(place, stix_id)),
        }

    def _pushed(self, place: Place, stix_id: str) -> Pushed | None:
        number = store.object_numbers(self.conn, [stix_id])[stix_id]
        found = findingrows.of_object(self.conn, self.caller.number, number)
        return next((one for one in found if one.collection == place.number), None)

    def _served(self, place: Place, stix_id: str) -> Iterator[dict[str, str]]:
        """Of those that were served it, the ones that its publisher can name there; of others nothing, not even how
        many they are."""
        config = self.caller.state.config
        words = frozenset(policy.vocabulary(config, self.caller.member))
        for had in whohas.who_has(self.conn, self.lines, self.caller.state, stix_id) or ():
            nameable = f"member:{had.member}" in words
            mine = had.publisher in (self.caller.member, f"{self.caller.member} (anonymous)")
            if nameable and mine and had.member != self.caller.member and had.collection == place.alias:
                yield {
                    "member": had.member, "version": had.version,
                    "first": stix.format_timestamp(had.first), "last": stix.format_timestamp(had.last),
                }  # fmt: skip
