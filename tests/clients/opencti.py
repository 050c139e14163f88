"""OpenCTI's two ways to read a TAXII collection, ported: the ingester of the platform, and the connector `taxii2`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import requests
from taxii2client.common import TokenAuth
from taxii2client.exceptions import TAXIIServiceException

from tests.clients.library import T2c
from tests.clients.poller import HISTORY_HOURS, Line, Obj, Poller, milliseconds, now, utc


class Ingester(Poller):
    """ingestionManager.ts: one page a tick; keeps `next` while there is more, else the header's date cut to ms."""

    limit = 50

    def __init__(self, line: Line) -> None:
        super().__init__(line)
        self.cursor: str | None = None
        self.added_after: str | None = None

    def ask(self) -> None:
        with self.line.session() as session:
            response = session.get(
                self.line.objects,
                params={"next": self.cursor, "added_after": self.added_after, "limit": str(self.limit)},
                headers={"Accept": "application/taxii+json;version=2.1", "Authorization": f"Bearer {self.line.key}"},
                timeout=30,
            )
        response.raise_for_status()
        body = response.json()
        if not body.get("objects"):
            self.cursor = None
            return
        self.take(body["objects"])
        if body.get("more") and body.get("next"):
            self.cursor = body["next"]
            return
        header = response.headers.get("X-TAXII-Date-Added-Last")
        self.cursor, self.added_after = None, milliseconds(header or utc(now()))


class Connector(T2c):
    """external-import/taxii2: its own clock in whole seconds, `next` without `added_after`, and filters that stay.

    It moves its clock on after an HTTP error, and not after any other fault; either way the poll's objects are gone.
    """

    types = None
    limit = 100

    def __init__(self, line: Line) -> None:
        super().__init__(line)
        self.auth = TokenAuth(line.key)
        self.last_run: int | None = None
        self.filters: dict[str, Any] = {}

    def ask(self) -> None:
        began = int(now().timestamp())
        self.filters["limit"] = self.limit
        if self.last_run is None:
            # Naive and of the local zone, which taxii2-client takes for UTC.
            self.filters["added_after"] = datetime.now() - timedelta(hours=HISTORY_HOURS)  # noqa: DTZ005
        else:
            self.filters["added_after"] = utc(datetime.fromtimestamp(self.last_run, tz=UTC))
        objects: list[Obj] = []
        try:
            objects = self._collected()
        except (TAXIIServiceException, requests.HTTPError) as error:
            self.fault = str(error)
        self.take(objects)
        self.last_run = began

    def _collected(self) -> list[Obj]:
        response = self.collection.get_objects(**self.filters)
        if not response.get("objects"):
            return []
        if response["objects"][0].get("spec_version", "2.0") == "2.0":
            return self._by_manifest(response)
        objects: list[Obj] = []
        while True:
            objects += response.get("objects", [])
            if response.get("more") is not True:
                return objects
            if "next" in response:
                self.filters.pop("added_after", None)
                self.filters["next"] = response["next"]
                response = self.collection.get_objects(**self.filters)

    def _by_manifest(self, response: dict[str, Any]) -> list[Obj]:
        """What it does for TAXII 2.0, and for 2.1 where the first object has no spec_version."""
        objects: list[Obj] = []
        while response["objects"]:
            objects += response["objects"]
            manifest = self.collection.get_manifest(id=response["objects"][-1]["id"])
            if not manifest.get("objects"):
                return objects
            self.filters["added_after"] = manifest["objects"][0]["date_added"]
            response = self.collection.get_objects(**self.filters)
        return objects
