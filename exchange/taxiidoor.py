"""The door: what happens before a view sees a request, and around it.

Authenticate, authorise, negotiate, read the query, in this order (policy.md channel 23, T-3.1-16), so that whoever
may not see a thing learns nothing from how its request was malformed. What passes is canonical: medallion's views
would answer 406, 500 or 200 to much that clients rightly or wrongly send.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import cast

from flask import Flask, Response, g, request
from sqlalchemy import Connection, Engine
from werkzeug.datastructures import ImmutableMultiDict

from exchange import apilines, markings, profiles, store, taxiierrors, taxiipace, taxiiquery, taxiirights, taxiiwire
from exchange.cursor import Cursors
from exchange.ledger import Ledger
from exchange.pages import Filters
from exchange.polls import Poll, Polls
from exchange.profiles import Profile
from exchange.sequencer import Clock
from exchange.taxiibodies import Bodies
from exchange.taxiierrors import MEDIA_TYPE, RETRY_SECONDS, TaxiiError, under_api
from exchange.taxiiquery import Query
from exchange.taxiirights import Caller, Place

OPEN = frozenset({"healthz", "readyz", "schema", "definition"})  # endpoints that ask for no key

_GET_OBJECTS = "objects.get_or_add_objects"
_MANIFEST = "manifest.get_object_manifest"
_ONE_OBJECT = "objects.get_or_delete_object"
FINDINGS = "api.findings"  # to push findings: any kind of JSON, or lines without end
_POLLED = frozenset({_GET_OBJECTS, _MANIFEST})
_KNOWN = {
    _GET_OBJECTS: taxiiquery.PAGE,
    _MANIFEST: taxiiquery.PAGE,
    _ONE_OBJECT: taxiiquery.OBJECT,
    "objects.get_object_versions": taxiiquery.VERSIONS,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """The exchange's own secrets that a face needs; they never change."""

    marking: bytes
    cursors: Cursors
    policy_uid: str

    @classmethod
    def load(cls, conn: Connection) -> Secrets:
        return cls(
            marking=store.secret(conn, "marking"),
            cursors=Cursors(store.secret(conn, "next")),
            policy_uid=markings.keyed_uuid(store.secret(conn, "policy"), "policy"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What the face stands on; the composition root makes it."""

    engine: Engine
    clock: Clock
    new_id: Callable[[], str]
    secrets: Secrets
    ledger: Ledger
    polls: Polls


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request that passed the door. `snapshot` is None where it writes: it holds none while its body arrives."""

    caller: Caller
    now: int  # the exchange clock as the request came in
    snapshot: Connection | None
    head: bool = False  # no body is sent
    place: Place | None = None
    query: Query = field(default_factory=lambda: Query(said={}, filters=Filters()))
    body: bytes = b""

    @property
    def holder(self) -> str:
        """Whose view of what: what a `next` is bound to."""
        return _holder(self.caller, self.place)

    @property
    def profile(self) -> Profile:
        return profiles.profile_of(self.caller.key.client)


def asked() -> Asked:
    """The request that is being answered."""
    return cast(Asked, g.asked)


def snapshot() -> Connection:
    """The transaction that the key was found in: what a GET answers belongs together (promise 6)."""
    conn = asked().snapshot
    if conn is None:
        raise TaxiiError(500)
    return conn


def _holder(caller: Caller, place: Place | None) -> str:
    return f"{caller.number}/{place.uid if place else ''}"


def install(app: Flask, service: Service) -> None:
    """Stand before and behind every view of the app."""
    door = _Door(service)
    app.before_request(door.enter)
    app.after_request(door.finish)
    app.teardown_request(door.leave)


class _Door:
    def __init__(self, service: Service) -> None:
        self._service = service
        self._bodies = Bodies()

    def enter(self) -> None:
        """Ends a request that may not pass with a `TaxiiError`."""
        if request.endpoint in OPEN:
            return
        service = self._service
        g.entered = service.clock.elapsed()
        stack = g.stack = ExitStack()
        conn = stack.enter_context(store.reading(service.engine))
        now = g.now = service.clock.now(conn)
        caller = g.caller = taxiirights.authenticate(conn, request.headers.get("Authorization"), now)
        if request.routing_exception is not None:
            raise request.routing_exception
        place = _authorised(caller, service.secrets.policy_uid)
        writes = request.method in ("POST", "DELETE")
        if writes:
            stack.close()
        _negotiate()
        head = request.method == "HEAD"
        found = Asked(caller=caller, now=now, snapshot=None if writes else conn, head=head, place=place)
        g.asked = self._with_body(found) if request.method == "POST" else _read(found, service)
        if not under_api():
            _canonicalise(g.asked)

    def finish(self, response: Response) -> Response:
        if response.status_code >= 400:
            self._end_snapshot()
            self._note_failure(response.status_code)
            self._drain()
        finished = taxiiwire.finish(request, response)
        hang_up = finished.status_code >= 500 and "asked" in g and asked().profile.hang_up
        if "entered" in g and (response.status_code == 404 or _names_ids()):
            self._end_snapshot()
            taxiipace.wait(self._service.clock, g.entered)
        return taxiiwire.broken_off(finished) if hang_up else finished

    def _note_failure(self, status: int) -> None:
        """Of a poll in a collection that the member sees: so that it can see that, too."""
        place: Place | None = g.get("place")
        method = request.environ["REQUEST_METHOD"]  # the request's own is canonical by now
        if place is None or place.number is None or method != "GET" or request.endpoint not in _POLLED:
            return
        failed = Poll(
            member=g.caller.number, key=g.caller.key.id, collection=place.number,
            error_at=g.now, error_status=status, error=taxiierrors.title(status),
        )  # fmt: skip
        self._service.polls.saw(failed)

    def _with_body(self, found: Asked) -> Asked:
        if request.endpoint == FINDINGS and apilines.is_lines(request.headers.get("Content-Type")):
            return found  # its view reads them as they arrive
        with self._bodies.turn(found.caller.number) as mine:
            if not mine:
                raise TaxiiError(503, headers={"Retry-After": str(RETRY_SECONDS)})
            body = taxiiwire.read_body(request, found.caller.state.config.max_body)
        query = taxiiquery.read_post(request.args) if request.endpoint == _GET_OBJECTS else found.query
        return replace(found, body=body, query=query)

    def _drain(self) -> None:
        """Let a refused client finish sending, if not too many are."""
        member = g.caller.number if "caller" in g else None
        with self._bodies.turn(member, wait=0) as mine:
            if mine:
                taxiiwire.drain(request)

    def leave(self, _error: BaseException | None) -> None:
        self._end_snapshot()

    def _end_snapshot(self) -> None:
        if (stack := g.pop("stack", None)) is not None:
            stack.close()


def _names_ids() -> bool:
    """In the path or `match[id]`, also in one that a `next` remembers."""
    return taxiipace.names_ids(request) or ("asked" in g and bool(asked().query.filters.ids))


def _authorised(caller: Caller, policy_uid: str) -> Place | None:
    """The collection that the path names. 404 if it is not listed, 403 if it is, without the right (T-5.3-03)."""
    path = request.view_args or {}
    if path.get("api_root", caller.state.config.root) != caller.state.config.root:
        raise TaxiiError(404)
    if not all(value.isprintable() for value in path.values()):
        raise TaxiiError(404)  # no id has such letters, and PostgreSQL takes no NUL
    if "collection_id" not in path:
        return None
    place = taxiirights.find(caller, policy_uid, path["collection_id"])
    if place is None:
        raise TaxiiError(404)
    g.place = place
    if request.endpoint in _KNOWN or request.endpoint == FINDINGS:
        _check_right(place)
    path["collection_id"] = place.uid  # the view is called with these
    return place


def _check_right(place: Place) -> None:
    match request.method:
        case "POST":
            allowed = place.can_write
        case "DELETE":
            if not place.can_read and not place.can_write:
                raise TaxiiError(404)  # T-5.7-01
            allowed = place.can_read and place.can_write
        case _:
            allowed = place.can_read
    if not allowed:
        raise TaxiiError(403)


def _negotiate() -> None:
    ranges = taxiiwire.JSON_RANGES if under_api() else taxiiwire.TAXII_RANGES
    if request.endpoint == FINDINGS:
        ranges = apilines.RANGES
        if not apilines.takes(request.headers.get("Content-Type")):
            raise TaxiiError(415)
    if not taxiiwire.acceptable(request.headers.get("Accept"), ranges):
        raise TaxiiError(406)
    posted = taxiiwire.JSON_POSTED if under_api() else taxiiwire.TAXII_POSTED
    if (
        request.method == "POST"
        and request.endpoint != FINDINGS
        and not taxiiwire.takes(request.headers.get("Content-Type"), posted)
    ):
        raise TaxiiError(415)


def _read(found: Asked, service: Service) -> Asked:
    """With the query of an endpoint that has one."""
    if request.method == "DELETE":
        return replace(found, query=taxiiquery.read_delete(request.args))
    if request.endpoint in _KNOWN:
        known = _KNOWN[request.endpoint]
        return replace(
            found,
            query=taxiiquery.read(
                request.args, known, service.secrets.cursors, found.holder, date_wins=found.profile.date_wins
            ),
        )
    return found


def _canonicalise(found: Asked) -> None:
    """What medallion's views look at, in the one form that they understand."""
    request.environ["HTTP_ACCEPT"] = MEDIA_TYPE
    request.args = ImmutableMultiDict()
    if request.method == "POST":
        request.environ["CONTENT_TYPE"] = MEDIA_TYPE
        request.environ["CONTENT_LENGTH"] = str(len(found.body))  # a chunked request has none
    if request.method == "HEAD":
        request.method = "GET"  # the view of objects answers None to HEAD; Werkzeug still leaves the body out
