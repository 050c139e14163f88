"""Clients from PyPI as they are: taxii2-client with each way to keep a cursor, stix2's source, cytaxii2."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import requests
import taxii2client.v21 as t2c
from cytaxii2 import cytaxii2
from requests.auth import AuthBase, HTTPBasicAuth
from stix2 import Filter, TAXIICollectionSource

from tests.clients.poller import Line, Obj, Poller, milliseconds, now, utc


def collection(line: Line, auth: AuthBase | None = None) -> t2c.Collection:
    """By way of discovery, the default API root and the title, as most programs find it."""
    root = t2c.Server(line.discovery, auth=auth or HTTPBasicAuth("anybody", line.key)).default
    line.listen(root._conn.session)
    return next(c for c in root.collections if c.title == line.title)


class T2c(Poller):
    """taxii2-client v21; the collection is looked up once. It keeps nothing, so each subclass is a caller's habit."""

    types: tuple[str, ...] | None = ()
    per_request = 0  # no `limit` on the first page
    auth: AuthBase | None = None

    def __init__(self, line: Line) -> None:
        super().__init__(line)
        self.since: str | datetime | None = None
        self._collection: t2c.Collection | None = None

    @property
    def collection(self) -> t2c.Collection:
        if self._collection is None:
            self._collection = collection(self.line, self.auth)
        return self._collection

    def pages(self, **more: Any) -> Iterator[list[Obj]]:
        filters = {"added_after": self.since, "type": self.types} | more
        for page in t2c.as_pages(self.collection.get_objects, per_request=self.per_request, **filters):
            yield page.get("objects", [])


class OwnClock(T2c):
    """The time when the last good poll began."""

    def ask(self) -> None:
        began = now()
        self.take([o for page in self.pages() for o in page])
        self.since = began


class OwnClockPages(OwnClock):
    """The same with a page size."""

    per_request = 100


class OwnClockSeconds(OwnClockPages):
    """The same in whole seconds."""

    def ask(self) -> None:
        super().ask()
        if isinstance(self.since, datetime):
            self.since = self.since.replace(microsecond=0)


class Manifest(T2c):
    """The last `date_added` of the manifest, which is asked for before the objects."""

    per_request = 100

    def ask(self) -> None:
        listed = [
            record["date_added"]
            for page in t2c.as_pages(
                self.collection.get_manifest, per_request=100, added_after=self.since, type=self.types
            )
            for record in page.get("objects", [])
        ]
        if listed:
            self.take([o for page in self.pages() for o in page])
            self.since = max(listed)


class MaxModified(T2c):
    """The greatest `modified` seen, in milliseconds and kept page by page: OpenCTI's ibm-xti connector."""

    per_request = 50

    def ask(self) -> None:
        for page in self.pages():
            self.take(page)
            seen = [milliseconds(o["modified"]) for o in page if "modified" in o]
            self.since = max([*seen, *([str(self.since)] if self.since else [])], default=None)


class Stix2Source(T2c):
    """stix2's TAXIICollectionSource, which parses every object; the caller keeps the time when a query began."""

    def ask(self) -> None:
        began = now()
        query = [Filter("added_after", "=", self.since)] if self.since else []
        if self.types:
            query.append(Filter("type", "=", ",".join(self.types)))
        found = TAXIICollectionSource(self.collection).query(query)
        self.take([json.loads(o.serialize()) for o in found])
        self.since = utc(began)


class Cyware(Poller):
    """cytaxii2; the caller pages by `next` and keeps the time when a poll began."""

    types: tuple[str, ...] | None = ()

    def __init__(self, line: Line) -> None:
        super().__init__(line)
        self.since: str | None = None
        self.client = cytaxii2.cytaxii2(line.discovery, "anybody", line.key)

    def ask(self) -> None:
        began = now()
        objects: list[Obj] = []
        token = None
        while True:
            found = self.client.poll_request(
                self.line.collection,
                added_after=self.since,
                limit=100,
                next=token,
                object_type=",".join(self.types or ()),
            )
            if not found["status"]:
                raise requests.RequestException(found["status_code"])
            self.line.heard(self.line.objects, found["status_code"])
            objects += found["response"].get("objects", [])
            if not found["response"]["more"]:
                break
            token = found["response"]["next"]
        self.take(objects)
        self.since = utc(began)
