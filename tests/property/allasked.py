"""All that a member can ask of an exchange: every endpoint, every filter and every way to be refused.

Some requests follow from answers (a `next`, a `date_added`), so the list is made while it is asked. It ends with
writes of the member's own: of ids that others may hold hidden, with references to hidden ids.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from urllib.parse import quote, urlencode

from tests.property import world as w
from tests.property.twins import PLACES, Answer, Ask, Site, envelope, fresh_id, object_id

ROOT = "/exchange/collections"
NOWHERE = "20000000-0000-4000-8000-000000000000"
OPEN = f"{ROOT}/{PLACES['open']}"
# Of others or the member's own, hidden or not, and one that nobody ever used.
IDS = [object_id("campaign", n) for n in (0, 1, 10, 11, 99)] + [object_id("note", n) for n in (0, 1, 10)]
NARROW = [
    "", "limit=2", "match[version]=all", "match[version]=first", "match[version]=first,last",
    "match[version]=2026-01-01T00:00:02.000Z", "match[type]=note", "match[type]=note&match[version]=all&limit=1",
    "match[spec_version]=2.0", "match[spec_version]=2.1", "added_after=2026-06-01T00:00:00.300Z",
    f"match[id]={','.join(IDS)}&match[version]=all&limit=1", f"match[id]={IDS[0]}", f"match[id]={IDS[2]}",
]  # fmt: skip
WRONG = [
    "limit=0", "limit=x", "added_after=x", "next=x", "match[version]=all,last", "match[id]=", "match[id]=,",
    f"match[id]={IDS[2]}&match[id]={IDS[3]}", f"match[id]={IDS[2]}&limit=0", "match[spec_version]=x", "nothing=1",
]  # fmt: skip
JSON = (("Accept", "application/json"),)
FOLLOWED = 8  # pages
PARTS = ("pages", "ids", "doors", "writes")  # methods of `Asking`

Record = list[tuple[Ask, Answer]]


class Asking:
    """One site asked from a turn on; `record` holds every request and its answer, in order."""

    def __init__(self, site: Site, turn: int) -> None:
        self._site = site
        self._first = turn
        self._turn = turn
        self.record: Record = []

    def parts(self, names: Iterable[str]) -> Record:
        """Some of `PARTS` in their order, and what can be read afterwards."""
        for name in PARTS:
            if name in names:
                getattr(self, name)()
        for query in ("match[version]=all", ""):
            self._chain(Ask(path=f"{OPEN}/objects/", query=query))
        return self.record

    def few(self, asks: Iterable[Ask]) -> Record:
        """These alone."""
        self._chains(asks)
        return self.record

    def pages(self) -> None:
        self._chains(_pages())
        self._after_each_date()

    def ids(self) -> None:
        self._chains(_by_id())

    def doors(self) -> None:
        self._around()
        self._collections()
        self._chains(_by_other_keys())
        self._chains(_refused())

    def writes(self) -> None:
        self._write()
        self._statuses()

    def _chains(self, asks: Iterable[Ask]) -> None:
        for ask in asks:
            self._chain(ask)

    def _ask(self, ask: Ask) -> Answer:
        self._site.take(self._turn)
        self._turn += 1
        answer = self._site.ask(ask)
        self.record.append((ask, answer))
        return answer

    def _chain(self, ask: Ask) -> None:
        """A request, and while there is a `next` the pages after it."""
        following = _next(self._ask(ask))
        for _ in range(FOLLOWED):
            if not following:
                return
            last = f"next={quote(following)}"
            query = "&".join(filter(None, [ask.query, last]))
            following = _next(self._ask(Ask(path=ask.path, query=query, key=ask.key)))
            self._ask(Ask(path=ask.path, query=last, key=ask.key))  # it remembers what it was asked with

    def _around(self) -> None:
        paths = ["/healthz", "/readyz", "/taxii2/", "/taxii/", "/exchange/", f"{ROOT}/", "/"]
        paths += ["/schemas/ai-finding-1.0.json", "/schemas/ai-finding-1.0.stix.json"]
        paths += ["/api/v1/access", "/api/v1/feed", "/api/v1/openapi.json", "/api/v1/nothing", "/nothing/"]
        paths += ["/api/v1/queue", "/api/v1/submissions", "/api/v1/submissions/x"]
        for path in paths:
            for method in ("GET", "HEAD", "OPTIONS"):
                self._ask(Ask(path=path, method=method))
            self._ask(Ask(path=path, key=None))
        for key in ("mia", "reads", "here", "expired"):
            self._ask(Ask(path=f"{ROOT}/", key=key))
            for path in ("/api/v1/access", "/api/v1/feed", "/api/v1/openapi.json"):
                self._ask(Ask(path=path, key=key, headers=JSON))

    def _collections(self) -> None:
        for reference in [*PLACES, *PLACES.values(), "policy", NOWHERE, "nowhere"]:
            self._ask(Ask(path=f"{ROOT}/{reference}/"))
        self._ask(Ask(path=f"{OPEN}/", method="HEAD"))

    def _after_each_date(self) -> None:
        whole = self._ask(Ask(path=f"{OPEN}/manifest/", query="match[version]=all")).json()
        for seen in whole.get("objects", ()):
            after = urlencode({"added_after": seen["date_added"]})
            self._ask(Ask(path=f"{OPEN}/objects/", query=f"{after}&limit=1"))
            version = urlencode({"match[version]": seen["version"]})
            self._ask(Ask(path=f"{OPEN}/objects/{seen['id']}/", query=version))

    def _write(self) -> None:
        mixed = envelope(
            w.campaign(0, 3, text="mine"),
            w.campaign(10, 2, text="mine, and perhaps another's"),
            w.note(10, IDS[:5], text="about what may be hidden"),
            w.campaign(11, text="refused", marks=[w.TLP["clear"].replace("9", "8")]),
            {"type": "campaign", "id": IDS[3]},
        )
        red = envelope(w.campaign(0, 1, text="red", marks=[w.TLP["red"], self._site.words["mia"]["member:bob"]]))
        for name in PLACES:
            for body in (mixed, red):
                path = f"{ROOT}/{name}/objects/"
                self._ask(Ask(path=path, query="dry_run=true", method="POST", body=body))
                self._ask(Ask(path=path, method="POST", body=body))
        self._name_recipients()
        self._cases()
        self._findings()
        for name in PLACES:
            for object_id_, query in [(IDS[0], "match[version]=last"), *((i, "") for i in IDS[1:])]:
                self._ask(Ask(path=f"{ROOT}/{name}/objects/{object_id_}/", query=query, method="DELETE"))
        self._ask(Ask(path=f"{OPEN}/objects/{IDS[0]}/", query="match[version]=", method="DELETE"))
        self._ask(Ask(path=f"{OPEN}/objects/{IDS[0]}/", key="reads", method="DELETE"))

    def _name_recipients(self) -> None:
        """Of its own ids, hidden ones and none."""
        headers = (*JSON, ("Content-Type", "application/json"))
        for object_id_ in [*IDS, NOWHERE]:
            for body in (b'{"members":["bob"],"groups":["g1","g2"]}', b'{"members":["nobody"]}'):
                path = f"/api/v1/findings/{object_id_}/recipients"
                self._ask(Ask(path=path, method="POST", body=body, headers=headers))
            path = f"/api/v1/findings/{object_id_}/responses"
            for method in ("GET", "HEAD", "OPTIONS"):
                self._ask(Ask(path=path, method=method, headers=JSON))
            for body in (b'{"status":"fixed"}', b"{}"):
                self._ask(Ask(path=path, method="POST", body=body, headers=headers))
            for what in ("withdraw", "release", "approve", "reject"):
                body = b'{"ids":["%s"],"reason":"error"}' % object_id_.encode()
                self._ask(Ask(path=f"/api/v1/queue/{what}", method="POST", body=body, headers=headers))

    def _findings(self) -> None:
        """Pushed to each collection and to none, and how those with these ids stand."""
        headers = (*JSON, ("Content-Type", "application/json"))
        finding = (
            b'{"kind":"indicator","title":"t","description":"d","found_by":[{"kind":"human","name":"n"}],'
            b'"pattern":"[ipv4-addr:value = \'192.0.2.1\']","recipients":["%s"]}'
        )
        for name in (*PLACES, NOWHERE):
            for body in (finding % b"bob", finding % b"nobody", b"[]", b"{"):
                path = f"/api/v1/collections/{name}/findings"
                self._ask(Ask(path=path, query="dry_run=true", method="POST", body=body, headers=headers))
        for object_id_ in [*IDS, NOWHERE]:
            for method in ("GET", "HEAD", "OPTIONS"):
                self._ask(Ask(path=f"/api/v1/findings/{object_id_}", method=method, headers=JSON))
            for query in ("as=csaf", "as=openvex", "as=osv", "as="):
                self._ask(Ask(path=f"/api/v1/findings/{object_id_}", query=query, headers=JSON))

    def _cases(self) -> None:
        """Over its own ids, hidden ones and none; and of no case."""
        headers = (*JSON, ("Content-Type", "application/json"))
        for object_id_ in IDS:
            body = b'{"title":"t","findings":["%s"]}' % object_id_.encode()
            self._ask(Ask(path="/api/v1/cases", method="POST", body=body, headers=headers))
        for path in ("/api/v1/cases", f"/api/v1/cases/{NOWHERE}"):
            for method in ("GET", "HEAD", "OPTIONS"):
                self._ask(Ask(path=path, method=method, headers=JSON))
        for what in ("parties", "extension"):
            for method in ("POST", "OPTIONS"):
                path = f"/api/v1/cases/{NOWHERE}/{what}"
                self._ask(Ask(path=path, method=method, body=b'{"member":"bob"}', headers=headers))

    def _statuses(self) -> None:
        """Of everybody's posts, hidden ones too, the member's own just now, and of none."""
        own = [
            a.json()["id"] for ask, a in self.record if ask.method == "POST" and a.status == 202 and "id" in a.json()
        ]
        for status in [*(fresh_id(turn) for turn in range(1, self._first)), *own, NOWHERE, "x"]:
            self._ask(Ask(path=f"/exchange/status/{status}/"))
            self._ask(Ask(path=f"/api/v1/submissions/{status}"))
            approve = f"/api/v1/submissions/{status}/approve"
            self._ask(
                Ask(path=approve, method="POST", body=b"{}", headers=(*JSON, ("Content-Type", "application/json")))
            )
        self._ask(Ask(path=f"/exchange/status/{NOWHERE}/", method="HEAD"))


def _next(answer: Answer) -> str:
    return str(answer.json().get("next", "")) if answer.status == 200 and answer.body else ""


def _pages() -> Iterator[Ask]:
    for rest in ("objects", "manifest"):
        for query in [*NARROW, *WRONG]:
            yield Ask(path=f"{OPEN}/{rest}/", query=query)
        yield Ask(path=f"{OPEN}/{rest}/", method="HEAD")
        yield Ask(path=f"{OPEN}/{rest}/", query="match[version]=all", headers=(("Accept-Encoding", "gzip"),))
        for reference in [*PLACES, "policy", NOWHERE]:
            yield Ask(path=f"{ROOT}/{reference}/{rest}/", query="match[version]=all")
            yield Ask(path=f"{ROOT}/{reference}/{rest}/", query=f"limit=1&match[id]={','.join(IDS)}")


def _by_id() -> Iterator[Ask]:
    for object_id_ in IDS:
        for reference in ("open", "notice", "post", "closed", "policy", NOWHERE):
            yield Ask(path=f"{ROOT}/{reference}/objects/{object_id_}/")
        yield Ask(path=f"{OPEN}/objects/{object_id_}/", query="match[version]=all&limit=1")
        yield Ask(path=f"{OPEN}/objects/{object_id_}/", query="added_after=2030-01-01T00:00:00Z")
        yield Ask(path=f"{OPEN}/objects/{object_id_}/", query="match[version]=x")
        yield Ask(path=f"{OPEN}/objects/{object_id_}/versions/")
        yield Ask(path=f"{OPEN}/objects/{object_id_}/versions/", query="limit=1")
        for method, rest in (("HEAD", ""), ("HEAD", "versions/"), ("PUT", ""), ("POST", "versions/")):
            yield Ask(path=f"{OPEN}/objects/{object_id_}/{rest}", method=method)


def _by_other_keys() -> Iterator[Ask]:
    for key in ("reads", "writes", "here", "elastic", "opencti", "expired", "exk_aaaaaaaaaaaa_" + "a" * 32, None):
        yield Ask(path=f"{OPEN}/objects/", query="match[version]=all&limit=1", key=key)
        yield Ask(path=f"{OPEN}/objects/", query="added_after=2030-01-01T00:00:00Z", key=key)
        yield Ask(path=f"{OPEN}/objects/{IDS[2]}/", key=key)
        yield Ask(path=f"{ROOT}/notice/manifest/", key=key)


def _refused() -> Iterator[Ask]:
    path = f"{OPEN}/objects/"
    yield Ask(path=path, headers=(("Accept", "text/html"),))
    for method in ("PUT", "PATCH", "OPTIONS", "DELETE"):
        yield Ask(path=path, method=method)
    bodies = [b"", b"{", b"[]", b'{"objects":[]}', b'{"objects":[{}]}', b'{"objects":[1]}', b" " * (65 << 10)]
    for body in bodies:
        yield Ask(path=path, method="POST", body=body)
    yield Ask(path=path, method="POST", body=b"{}", headers=(("Content-Type", "text/plain"),))
    yield Ask(path=path, method="POST", body=b"{}", headers=(("Content-Encoding", "gzip"),))
    yield Ask(path=path, method="POST", body=b"{}", headers=(("Content-Encoding", "br"),))
    yield Ask(path=path, method="POST", body=b"{}", query="dry_run=perhaps")
    yield Ask(path=path, method="POST", body=b"{}", key="reads")
