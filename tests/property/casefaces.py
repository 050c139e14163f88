"""Two ways to the same exchange: its core functions, and HTTP as members use it.

Both give plain values, so that one and the same check asks either.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlencode

from flask import Flask
from sqlalchemy import Engine
from werkzeug.datastructures import Headers
from werkzeug.test import create_environ, run_wsgi_app

from exchange import app, credentials, feed, intake, pages, policy, stix, store
from exchange.taxiierrors import MEDIA_TYPE
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

    def changed(self) -> None: ...


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
        with self.world.requests() as request:
            if door := _door(request, member, uid):
                return door
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

    def changed(self) -> None:
        """Every question looks at the config in force by itself."""

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


_ENVIRON = create_environ(base_url="http://127.0.0.1:8000/")


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Headers
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body or b"{}")
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """One answer that carried objects, and the config version that was in force."""

    member: str
    uid: str
    objects: list[Object]
    config: int


@dataclass(slots=True)
class Http:
    """TAXII 2.1 over HTTP, each member with a key of its own. `served` is what clients have received."""

    world: w.World
    site: Flask
    ledger: Engine
    keys: dict[str, str] = field(default_factory=dict)
    served: list[Served] = field(default_factory=list)
    config: int = 0

    @classmethod
    def of(cls, world: w.World, ledger: Engine) -> Http:
        """The application over the world's database and clock; `ledger` is that of an empty one."""
        opened = app.Exchange(engine=world.engine, ledger=ledger, clock=world.clock, home=Path(), new_id=app.new_id)
        face = cls(world, app.create_app(opened), ledger)
        face.changed()
        return face

    def changed(self) -> None:
        """The files were applied."""
        with self.world.requests() as request:
            self.config = request.state.version

    def post(self, member: str, uid: str, objects: Sequence[Object]) -> Mapping[str, Any] | int:
        answer = self._ask(member, "POST", f"{uid}/objects/", body=json.dumps({"objects": list(objects)}))
        return answer.json if answer.status == 202 else answer.status

    def delete(self, member: str, uid: str, object_id: str, version: str) -> int:
        return self._ask(member, "DELETE", f"{uid}/objects/{object_id}/", {"match[version]": version}).status

    def look(self, member: str, uid: str, ids: Sequence[str]) -> View | int:
        first = self._ask(member, "GET", f"{uid}/objects/", {"match[version]": "all"})
        if first.status != 200:
            return first.status
        objects = {"all": self._received(member, uid, first)}
        if not ids:
            return View(objects=objects, manifest=[], by_id={}, versions={})
        objects["last"] = self._received(member, uid, self._ask(member, "GET", f"{uid}/objects/"))
        by_id = {i: self._ask(member, "GET", f"{uid}/objects/{i}/") for i in ids}
        versions = {i: self._ask(member, "GET", f"{uid}/objects/{i}/versions/") for i in ids}
        self._check_nothing_told(member, uid, [*by_id.values(), *versions.values()])
        return View(
            objects=objects,
            manifest=self._manifest(member, uid),
            by_id={i: self._received(member, uid, answer) for i, answer in by_id.items()},
            versions={i: answer.json.get("versions", []) for i, answer in versions.items()},
        )  # fmt: skip

    def news(self, member: str, uid: str, after: int) -> News | int:
        query = {"match[version]": "all"} | ({"added_after": stix.format_timestamp(after)} if after else {})
        answer = self._ask(member, "GET", f"{uid}/objects/", query)
        if answer.status != 200:
            return answer.status
        lines = self._ask(member, "GET", f"{uid}/manifest/", query).json.get("objects", [])
        times = [stix.parse_timestamp(line["date_added"]) for line in lines]
        ends = [answer.headers.get(f"X-TAXII-Date-Added-{end}") for end in ("First", "Last")]
        assert ends == [stix.format_timestamp(t) for t in (times[:1] + times[-1:])] or ends == [None, None]
        return News(self._received(member, uid, answer), times)

    def _received(self, member: str, uid: str, answer: Answer) -> list[Object]:
        """The objects that an answer carries; what a client has received is written down."""
        objects: list[Object] = answer.json.get("objects", []) if answer.status == 200 else []
        if objects:
            self.served.append(Served(member=member, uid=uid, objects=objects, config=self.config))
        return objects

    def _manifest(self, member: str, uid: str) -> list[tuple[int, str, str]]:
        answer = self._ask(member, "GET", f"{uid}/manifest/", {"match[version]": "first"})
        lines = answer.json.get("objects", [])
        return [(stix.parse_timestamp(line["date_added"]), line["id"], line["version"]) for line in lines]

    def _check_nothing_told(self, member: str, uid: str, answers: Sequence[Answer]) -> None:
        """What shows nothing of an id has the very bytes of an id that nobody has."""
        assert {answer.status for answer in answers} <= {200, 404}
        if nothing := [_told(answer) for answer in answers if answer.status == 404]:
            unknown = _told(self._ask(member, "GET", f"{uid}/objects/{w.campaign_id(0)}/"))
            assert all(told == unknown for told in nothing), "a hidden id is told apart from an unknown one"

    def _ask(
        self, member: str, method: str, path: str, query: Mapping[str, str] | None = None, body: str = ""
    ) -> Answer:
        """One request, as a server hands it over: what Werkzeug's client does around it costs more than the answer."""
        environ: dict[str, Any] = {
            **_ENVIRON,
            "REQUEST_METHOD": method,
            "PATH_INFO": f"/exchange/collections/{path}",
            "QUERY_STRING": urlencode(query or {}),
            "HTTP_AUTHORIZATION": f"Bearer {self._key(member)}",
            "HTTP_ACCEPT": MEDIA_TYPE,
            "wsgi.input": BytesIO(body.encode()),
        }
        if body:
            environ |= {"CONTENT_TYPE": MEDIA_TYPE, "CONTENT_LENGTH": str(len(body.encode()))}
        chunks, status, headers = run_wsgi_app(self.site, environ, buffered=True)
        return Answer(int(status.split()[0]), headers, b"".join(chunks))

    def _key(self, member: str) -> str:
        if member not in self.keys:
            with store.writing(self.world.engine) as conn:
                for name, number in store.members(conn).items():
                    key = credentials.new(conn, member=number, scope=credentials.SCOPES, now=0, token=os.urandom)
                    self.keys.setdefault(name, key)
        return self.keys[member]


def _told(answer: Answer) -> object:
    """All that an answer tells, but for the fresh id that every error has."""
    body = {key: value for key, value in answer.json.items() if key != "error_id"}
    return answer.status, sorted(answer.headers), body
