"""The feeds of security products, ported: Cortex XSOAR, minemeld, Elastic, Google SecOps, Sentinel, MISP."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import ClassVar

import requests
from taxii2client.common import TokenAuth

from tests.clients.library import T2c
from tests.clients.poller import HISTORY_HOURS, Line, Obj, Poller, now, utc

ACCEPT = "application/taxii+json;version=2.1"
DATE_LAST = "X-TAXII-Date-Added-Last"


def _history(form: str = "%Y-%m-%dT%H:%M:%S.%fZ") -> str:
    return utc(now() - timedelta(hours=HISTORY_HOURS), form)


class Xsoar(T2c):
    """TAXII2ApiModule and FeedTAXII2: the greatest `modified` as the server wrote it, and ids of the last fetch."""

    types: tuple[str, ...] | None = ("indicator", "malware")
    per_request = 100

    def __init__(self, line: Line) -> None:
        super().__init__(line)
        self.auth = TokenAuth(line.key)  # user name `_api_token_key`
        self.last_run: str | None = None
        self.latest: dict[str, str | None] = {}

    def ask(self) -> None:
        after = self.last_run or _history()
        types = self.types or ()
        found: list[Obj] = []
        try:
            for page in self.pages(added_after=after, type=[*types, *["relationship"][: len(types) > 1]]):
                if not page:
                    break  # whatever `more` says
                found += [o for o in page if o["type"] != "relationship"]
        except requests.RequestException as error:
            if not found:
                raise
            self.fault = str(error)  # the pages before it count as a success
        seen = [o["modified"] for o in found if "modified" in o]
        new = [o for o in found if self._is_new(o)]
        self.last_run = max(seen, key=datetime.fromisoformat, default=after)
        self.latest = {o["id"]: o.get("modified") for o in found}
        self.take(new)

    def _is_new(self, obj: Obj) -> bool:
        """Raises TypeError for a cyber-observable that comes again: it has no `modified`."""
        if obj["id"] not in self.latest:
            return True
        return bool(obj.get("modified", "") > self.latest[obj["id"]])


class XsoarUntyped(Xsoar):
    """The same with `objects to fetch` left empty."""

    types = ()


class Minemeld(Poller):
    """minemeld.ft.taxii2: asks for TAXII 2.0 first and goes on with 2.1 at a 406; `next` if there, else the header."""

    takes = frozenset({"indicator", "attack-pattern", "relationship"})

    def __init__(self, line: Line) -> None:
        super().__init__(line)
        self.added_last: str | None = None

    def ask(self) -> None:
        with self.line.session() as session:
            session.auth = ("anybody", self.line.key)
            session.headers["Accept"] = "application/vnd.oasis.taxii+json; version=2.0"
            if session.get(self.line.discovery).status_code != 406:
                raise RuntimeError("takes the server for one of TAXII 2.0")
            session.headers["Accept"] = "application/taxii+json; version=2.1"
            roots = session.get(self.line.discovery).json()["api_roots"]
            root = next(url for url in roots if url[:-1].endswith(self.line.root))
            listed = session.get(f"{root}collections/").json()["collections"]
            uid = next(c["id"] for c in listed if c["id"] == self.line.collection)
            self._pages(session, f"{root}collections/{uid}/objects/")

    def _pages(self, session: requests.Session, url: str) -> None:
        params = {"limit": "100", "added_after": self.added_last}
        found: list[Obj] = []
        while (response := session.get(url, params=params)).status_code == 200:
            body = response.json()
            found += [o for o in body.get("objects", []) if o["type"] in self.takes]
            for o in found:
                datetime.strptime(o["modified"], "%Y-%m-%dT%H:%M:%S.%fZ")  # noqa: DTZ007
            if found:
                if "next" in body:
                    params["next"] = body["next"]
                else:
                    params.pop("next", None)
                    self.added_last = response.headers[DATE_LAST]
                params["added_after"] = self.added_last
            if body.get("more") is not True:
                break
        self.take(found)


class Elastic(Poller):
    """ti_custom up to 1.8.1 (a CEL program): more is where `next` is, `next` goes alone, and no list is a fault."""

    limit = 50
    keeps_date = False
    needs_list = True

    def __init__(self, line: Line) -> None:
        super().__init__(line)
        self.cursor: str | None = None

    def ask(self) -> None:
        params: dict[str, str] | None = {"added_after": self.cursor or _history("%Y-%m-%dT%H:%M:%SZ")}
        with self.line.session() as session:
            session.headers.update({"Accept": ACCEPT, "Authorization": f"Bearer {self.line.key}"})
            while params is not None:
                params = self._page(session, params | {"limit": str(self.limit)})

    def _page(self, session: requests.Session, params: dict[str, str]) -> dict[str, str] | None:
        response = session.get(f"{self.line.objects.rstrip('/')}/", params=params)
        response.raise_for_status()  # an error event; the cursor of the page before stays
        body = response.json()
        self.take(body["objects"] if self.needs_list else body.get("objects", []))
        self.cursor = response.headers.get(DATE_LAST)  # without the header it begins anew
        if not body.get("next"):
            return None
        return {"next": body["next"]} | ({"added_after": params["added_after"]} if self.keeps_date else {})


class Elastic182(Elastic):
    """ti_custom from 1.8.2: `added_after` stays beside `next`, and a missing list is none."""

    keeps_date = True
    needs_list = False


class Sixgill(Poller):
    """ti_cybersixgill (httpjson): the header as `added_after`, again and again until an answer has none."""

    types: tuple[str, ...] | None = ("indicator",)

    def __init__(self, line: Line) -> None:
        super().__init__(line)
        self.cursor: str | None = None

    def ask(self) -> None:
        with self.line.session() as session:
            session.auth = ("anybody", self.line.key)
            session.headers.update({"Accept": ACCEPT, "Content-Type": ACCEPT})
            after: str | None = self.cursor or _history("%Y-%m-%dT%H:%M:%S.000Z")
            while after:
                params = {"match[type]": ",".join(self.types or ()), "added_after": after}
                response = session.get(self.line.objects, params=params)
                response.raise_for_status()
                self.take(response.json().get("objects", []))
                after = response.headers.get(DATE_LAST)
                self.cursor = after or self.cursor


class SecOps(T2c):
    """Google's ingestion scripts keep nothing: a window of POLL_INTERVAL, here twice as long as the schedule."""

    types = ("indicator",)
    per_request = 1000
    schedule: ClassVar[int] = 2

    def __init__(self, line: Line) -> None:
        super().__init__(line)
        self.ran: list[str] = []

    def ask(self) -> None:
        after = self.ran[-self.schedule] if len(self.ran) >= self.schedule else _history()
        self.ran.append(utc(now()))
        self.take(list(self._indicators(after)))

    def _indicators(self, after: str) -> Iterator[Obj]:
        for page in self.pages(added_after=after):
            if not page:
                return
            yield from page


class Sentinel(Poller):
    """From its documentation and issues alone: the header is kept, and nothing else; paging by `next` is a guess."""

    def __init__(self, line: Line) -> None:
        super().__init__(line)
        self.cursor: str | None = None

    def ask(self) -> None:
        with self.line.session() as session:
            session.auth = ("anybody", self.line.key)
            session.headers["Accept"] = ACCEPT
            if ACCEPT not in session.get(self.line.api_root).json()["versions"]:
                raise RuntimeError("the API root does not say TAXII 2.1")
            after, token, more = self.cursor, None, True
            while more:
                response = session.get(self.line.objects, params={"added_after": after, "next": token})
                response.raise_for_status()
                body = response.json()
                self.take(body.get("objects", []))
                self.cursor = response.headers.get(DATE_LAST, self.cursor)
                token, more = body.get("next"), body["more"]


class Misp(Poller):
    """TaxiiServer.php: somebody clicks through all pages each time; the scheme `basic` in small letters."""

    def ask(self) -> None:
        with self.line.session() as session:
            code = b64encode(f"anybody:{self.line.key}".encode()).decode()
            session.headers.update({"Accept": ACCEPT, "Content-Type": ACCEPT, "Authorization": f"basic {code}"})
            params: dict[str, str] | None = {"limit": "50"}
            while params is not None:
                response = session.get(self.line.objects, params=params)
                response.raise_for_status()
                body = response.json()
                self.take(body.get("objects", []))
                params = {"limit": "50", "next": body["next"]} if body["more"] else None


class Cc(T2c):
    """cc-taxii2-client: a query string that is not encoded, with `next=None` where it has none; the caller's clock."""

    types = None

    def ask(self) -> None:
        began = now()
        after = self.since or _history()
        found: list[Obj] = []
        with self.line.session() as session:
            session.auth = ("anybody", self.line.key)
            session.headers["Accept"] = ACCEPT
            token, more = "None", True
            while more:
                response = session.get(f"{self.line.objects}?limit=100&added_after={after}&next={token}")
                response.raise_for_status()
                body = response.json()
                if unknown := body.keys() - {"more", "next", "objects"}:
                    raise RuntimeError(f"could not connect: {unknown}")
                found += body.get("objects", [])
                token, more = body.get("next", "None"), body["more"]
        self.take(found)
        self.since = utc(began)
