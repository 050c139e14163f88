"""Two ways to the same exchange: its core functions, and HTTP as members use it.

Both give plain values, so that one and the same check asks either.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from exchange import app, credentials, feed, intake, pages, policy, stix, store
from tests.property import world as w

FILTERS = {"all": w.ALL, "last": w.LAST, "first": w.FIRST}
Object = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What one member is served of one collection, by every resource that shows objects.

    `objects`: ``all``. Where ids are asked for, also ``last``; `manifest`, the oldest versions as (date_added in
    microseconds, id, version text); and by id `by_id`, the newest, and `versions`, their texts.
    """

    objects: Mapping[str, list[Object]]
    manifest: list[tuple[int, str, str]]
    by_id: Mapping[str, list[Object]]
    versions: Mapping[str, list[str]]


@dataclass(frozen=True, slots=True)
class News:
    """What came after a time, and the time to ask from next."""

    objects: list[Object]
    times: list[int]


class Face(Protocol):
    """A status in place of an answer is what the door gave: 401, 403 or 404."""

    def post(self, member: str, uid: str, objects: Sequence[Object]) -> Mapping[str, Any] | int: ...

    def delete(self, member: str, uid: str, object_id: str, version: str) -> int: ...

    def look(self, member: str, uid: str, ids: Sequence[str]) -> View | int: ...

    def news(self, member: str, uid: str, after: int) -> News | int: ...


def _asked(ids: Sequence[str]) -> tuple[str, ...]:
    return ("all", "last") if ids else ("all",)


@dataclass(frozen=True, slots=True)
class Core:
    """The functions that a face of the exchange calls."""

    world: w.World

    def post(self, member: str, uid: str, objects: Sequence[Object]) -> Mapping[str, Any] | int:
        if not self._active(member):
            return 401
        try:
            return self.world.post(member, uid, objects)
        except intake.Refused as refused:
            return 403 if refused.listed else 404

    def delete(self, member: str, uid: str, object_id: str, version: str) -> int:
        if not self._active(member):
            return 401
        exact = () if version in FILTERS else (stix.parse_timestamp(version),)
        filters = FILTERS.get(version) or pages.Filters(last=False, exact=exact)
        try:
            done = self.world.delete(member, uid, object_id, filters)
        except intake.Refused as refused:
            return 403 if refused.listed else 404
        return {intake.Deletion.DONE: 200, intake.Deletion.FOREIGN: 403, intake.Deletion.HIDDEN: 404}[done]

    def look(self, member: str, uid: str, ids: Sequence[str]) -> View | int:
        with self.world.requests() as request:
            if door := _door(request, member, uid):
                return door
            return View(
                objects={name: self._objects(request, member, uid, FILTERS[name]) for name in _asked(ids)},
                manifest=self._manifest(request, member, uid, w.FIRST) if ids else [],
                by_id={i: self._objects(request, member, uid, pages.Filters(ids=(i,))) for i in ids},
                versions={i: self._versions(request, member, uid, i) for i in ids},
            )

    def news(self, member: str, uid: str, after: int) -> News | int:
        with self.world.requests() as request:
            if door := _door(request, member, uid):
                return door
            page = feed.objects(request.conn, _view(request, member, uid, w.ALL), after=after, limit=1000)
        return News([json.loads(i.raw) for i in page.items], [i.date_added for i in page.items])

    def _active(self, member: str) -> bool:
        with self.world.requests() as request:
            return policy.active(request.state.config, member, request.now)

    def _objects(self, request: w.Request, member: str, uid: str, filters: pages.Filters) -> list[Object]:
        page = feed.objects(request.conn, _view(request, member, uid, filters), after=0, limit=1000)
        return [json.loads(item.raw) for item in page.items]

    def _manifest(
        self, request: w.Request, member: str, uid: str, filters: pages.Filters
    ) -> list[tuple[int, str, str]]:
        page = feed.manifest(request.conn, _view(request, member, uid, filters), after=0, limit=1000)
        return [(item.date_added, item.id, item.version) for item in page.items]

    def _versions(self, request: w.Request, member: str, uid: str, object_id: str) -> list[str]:
        lines = self._manifest(request, member, uid, pages.Filters(every=True, ids=(object_id,)))
        return [version for _, _, version in lines]


def _door(request: w.Request, member: str, uid: str) -> int:
    """The status of a door that stays shut, 0 of an open one (policy 3.4.1, 3.4.2; channel 21)."""
    config = request.state.config
    if not policy.active(config, member, request.now):
        return 401
    if not request.opens(member, uid):
        return 404
    collection, profile = config.collection_by_id(uid), policy.profile_of(config, member)
    return 403 if collection and collection.own_hidden and uid not in profile.reads else 0


def _view(request: w.Request, member: str, uid: str, filters: pages.Filters) -> pages.View:
    return pages.View(member=request.state.numbers[member], collection=request.state.places[uid], filters=filters)


@dataclass(slots=True)
class Http:
    """TAXII 2.1 over HTTP, each member with a key of its own."""

    world: w.World
    client: FlaskClient
    keys: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, world: w.World) -> Http:
        """The application over the world's database and clock."""
        opened = app.Exchange(engine=world.engine, clock=world.clock, home=Path(), new_id=app.new_id)
        return cls(world, app.create_app(opened).test_client())

    def post(self, member: str, uid: str, objects: Sequence[Object]) -> Mapping[str, Any] | int:
        body = json.dumps({"objects": list(objects)})
        answer = self._ask(member, "POST", f"{uid}/objects/", data=body)
        return _json(answer) if answer.status_code == 202 else answer.status_code

    def delete(self, member: str, uid: str, object_id: str, version: str) -> int:
        return self._ask(member, "DELETE", f"{uid}/objects/{object_id}/", {"match[version]": version}).status_code

    def look(self, member: str, uid: str, ids: Sequence[str]) -> View | int:
        door = self._ask(member, "GET", f"{uid}/objects/").status_code
        if door != 200:
            return door
        return View(
            objects={name: self._listed(member, f"{uid}/objects/", name) for name in _asked(ids)},
            manifest=self._manifest(member, uid) if ids else [],
            by_id={i: self._listed(member, f"{uid}/objects/{i}/", "") for i in ids},
            versions={i: self._listed(member, f"{uid}/objects/{i}/versions/", "", "versions") for i in ids},
        )

    def news(self, member: str, uid: str, after: int) -> News | int:
        query = {"match[version]": "all", "added_after": stix.format_timestamp(after)}
        answer = self._ask(member, "GET", f"{uid}/objects/", query)
        if answer.status_code != 200:
            return answer.status_code
        lines = _json(self._ask(member, "GET", f"{uid}/manifest/", query)).get("objects", [])
        times = [stix.parse_timestamp(line["date_added"]) for line in lines]
        ends = [answer.headers.get(f"X-TAXII-Date-Added-{end}") for end in ("First", "Last")]
        assert ends == [stix.format_timestamp(t) for t in (times[:1] + times[-1:])] or ends == [None, None]
        return News(_json(answer).get("objects", []), times)

    def _manifest(self, member: str, uid: str) -> list[tuple[int, str, str]]:
        lines = self._listed(member, f"{uid}/manifest/", "first")
        return [(stix.parse_timestamp(line["date_added"]), line["id"], line["version"]) for line in lines]

    def _listed(self, member: str, path: str, version: str, key: str = "objects") -> list[Any]:
        """What a resource lists; for an id that shows nothing, the very bytes of an id that nobody has."""
        answer = self._ask(member, "GET", path, {"match[version]": version} if version else {})
        if answer.status_code == 404:
            uid, _, _ = path.partition("/")
            unknown = self._ask(member, "GET", f"{uid}/objects/{w.campaign_id(0)}/")
            assert _told(answer) == _told(unknown), "a hidden id is told apart from an unknown one"
            return []
        assert answer.status_code == 200, answer.text
        found: list[Any] = _json(answer).get(key, [])
        return found

    def _ask(
        self, member: str, method: str, path: str, query: Mapping[str, str] | None = None, data: str | None = None
    ) -> TestResponse:
        with self.world.requests() as request:
            root = request.state.config.root
        return self.client.open(
            f"/{root}/collections/{path}", method=method, query_string=query, data=data,
            headers={"Authorization": f"Bearer {self._key(member)}", "Accept": "application/taxii+json;version=2.1"},
            content_type="application/taxii+json;version=2.1" if data else None,
        )  # fmt: skip

    def _key(self, member: str) -> str:
        if member not in self.keys:
            with store.writing(self.world.engine) as conn:
                for name, number in store.members(conn).items():
                    key = credentials.new(conn, member=number, scope=credentials.SCOPES, now=0, token=os.urandom)
                    self.keys.setdefault(name, key)
        return self.keys[member]


def _json(answer: TestResponse) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(answer.data)
    return found


def _told(answer: TestResponse) -> object:
    """All that an answer tells, but for the fresh id that every error has."""
    body = {key: value for key, value in _json(answer).items() if key != "error_id"}
    return answer.status_code, dict(answer.headers), body
