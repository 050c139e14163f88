"""The TAXII 2.1 face: medallion's views over `Backend`, which answers from the store under the policy.

A request reaches a view through the door (`taxiidoor`): authenticated, authorised, negotiated, its query read. A
method of `Backend` then calls one core function and puts its answer into the shape of section 4 or 5 of TAXII 2.1;
stored bytes are spliced into pages as they are (`orjson.Fragment`), and pass medallion's JSON encoder untouched.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson
from flask import Flask, Response, after_this_request
from flask.json.provider import JSONProvider
from medallion import register_blueprints
from medallion.backends.base import Backend as MedallionBackend
from werkzeug.routing import Rule

from exchange import (
    feed,
    inforce,
    intake,
    preview,
    stix,
    store,
    taxiidoor,
    taxiierrors,
    taxiirecord,
    taxiirights,
    taxiiwords,
)
from exchange.cursor import Cursor
from exchange.feed import Item, Page
from exchange.intake import Deletion
from exchange.pages import Filters, View
from exchange.taxiidoor import Asked, Secrets, Service, asked, snapshot
from exchange.taxiierrors import MEDIA_TYPE, TaxiiError

__all__ = ["Backend", "Secrets", "Service", "mount"]

_Reader = Callable[..., Page]
_Answer = tuple[bytes, dict[str, str]]


class _Splicing(JSONProvider):
    """Lets pages that are bytes already through, and hands a posted body on unparsed: intake reads its bytes."""

    def dumps(self, obj: Any, **_options: Any) -> Any:
        return obj if isinstance(obj, bytes) else orjson.dumps(obj)

    def loads(self, s: str | bytes, **_options: Any) -> Any:
        return s


def mount(app: Flask, service: Service) -> None:
    """Put the TAXII endpoints, `/healthz` and `/readyz` into an app that has no routes yet."""
    app.url_map.strict_slashes = False  # clients.md rule 10: slash or none, and no redirect
    app.url_map.merge_slashes = False
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    app.json = _Splicing(app)
    taxiierrors.install(app, taxiierrors.Renderer(service.new_id))
    taxiidoor.install(app, service)
    _mount_health(app, service)
    app.medallion_backend = Backend(service)  # type: ignore[attr-defined]  # where medallion's views look
    app.taxii_config = {"max_page_size": 1}  # type: ignore[attr-defined]  # unused: the door has read the limit
    register_blueprints(app)
    # Where TAXII 2.0 had its discovery: clients set up for that path go on, once 406 told them to speak 2.1.
    app.url_map.add(Rule("/taxii/", endpoint="discovery.get_server_discovery", methods=["GET"]))
    # medallion's own verifier wants passwords in clear text; the door has authenticated already.
    for name, view in app.view_functions.items():
        if view.__module__.startswith("medallion."):
            app.view_functions[name] = inspect.unwrap(view)


def _mount_health(app: Flask, service: Service) -> None:
    # Real routes: else they would be the API roots `healthz` and `readyz`.
    def healthz() -> Response:
        return Response(b'{"status":"alive"}', content_type="application/json")

    def readyz() -> Response:
        with store.reading(service.engine) as conn:
            if inforce.current(conn) is None:
                raise TaxiiError(503, headers={"Retry-After": str(taxiierrors.RETRY_SECONDS)})
        return Response(b'{"status":"ready"}', content_type="application/json")

    app.add_url_rule("/healthz", "healthz", healthz)
    app.add_url_rule("/readyz", "readyz", readyz)


class Backend(MedallionBackend):  # type: ignore[misc]  # medallion has no types
    """What medallion's views ask for. They pass what the door has read already, so most arguments are not used."""

    def __init__(self, service: Service) -> None:
        self._service = service

    # Discovery, API root, status (TAXII 2.1 section 4) --------------------------------------------------------------

    def server_discovery(self) -> dict[str, Any]:
        """T-4.1-01. 400 where neither the config nor the request says by which host the API root is reached."""
        config, root = asked().caller.state.config, taxiirights.root_url(asked().caller.state.config)
        return {"title": config.title, "contact": config.operator, "default": root, "api_roots": [root]}

    def get_api_root_information(self, _root: str) -> dict[str, Any]:
        """T-4.2-01; the limit counts bytes after inflation."""
        config = asked().caller.state.config
        return {"title": config.title, "versions": [MEDIA_TYPE], "max_content_length": config.max_body}

    def get_status(self, _root: str, status_id: str) -> bytes:
        """T-4.3-01; only for the member that posted (T-4.3-06)."""
        conn, caller = snapshot(), asked().caller
        found = store.status(conn, status_id, caller.number)
        if found is None:
            raise TaxiiError(404)
        return found.encode()

    # Collections (sections 5.1, 5.2) --------------------------------------------------------------------------------

    def get_collections(self, _root: str) -> dict[str, Any]:
        listed = taxiirights.places(asked().caller, self._service.secrets.policy_uid)
        return {"collections": [place.resource for place in listed]}

    def get_collection(self, _root: str, _collection: str) -> dict[str, Any]:
        place = asked().place
        return place.resource if place else {}

    # Reading (sections 5.3, 5.4, 5.6, 5.8) --------------------------------------------------------------------------

    def get_objects(self, *_given: object) -> _Answer:
        return self._answer(asked(), feed.objects, "objects", _whole)

    def get_object_manifest(self, *_given: object) -> _Answer:
        return self._answer(asked(), feed.manifest, "objects", _record)

    def get_object(self, _root: str, _collection: str, object_id: str, *_given: object) -> _Answer:
        return self._answer(self._of_object(object_id), feed.objects, "objects", _whole, object_id)

    def get_object_versions(self, _root: str, _collection: str, object_id: str, *_given: object) -> _Answer:
        """In order of `date_added`, so that a client without `next` can page by it (T-3.5-04)."""
        return self._answer(self._of_object(object_id), feed.manifest, "versions", _version, object_id)

    def _of_object(self, object_id: str) -> Asked:
        found = asked()
        return replace(found, query=replace(found.query, filters=replace(found.query.filters, ids=(object_id,))))

    def _answer(
        self, found: Asked, reader: _Reader, name: str, shape: Callable[[Item], object], object_id: str = ""
    ) -> _Answer:
        """One page as bytes, and its date headers (T-3.2-01), once it is written down."""
        query = found.query
        page = Page((), more=False)
        if not query.nothing:
            page = self._page(found, reader, query.filters, query.after, query.limit)
        if not page.items:
            if object_id and not self._visible(found, object_id):
                raise TaxiiError(404)  # T-5.6-02: unknown and hidden alike
            answer = _empty(found, name)
        else:
            answer = self._full(found, page, name, shape)
        carried = reader is feed.objects
        taxiirecord.write_down(self._service, found, page.items, carried=carried, poll=not object_id)
        return answer

    def _full(self, found: Asked, page: Page, name: str, shape: Callable[[Item], object]) -> _Answer:
        body: dict[str, object] = {"more": page.more}
        if page.more:
            body["next"] = self._next(found, page.items[-1].date_added)
        body[name] = [shape(item) for item in page.items]
        return orjson.dumps(body), {
            "X-TAXII-Date-Added-First": stix.format_timestamp(page.items[0].date_added),
            "X-TAXII-Date-Added-Last": stix.format_timestamp(page.items[-1].date_added),
        }

    def _visible(self, found: Asked, object_id: str) -> bool:
        every = Filters(every=True, ids=(object_id,))
        return bool(self._page(found, feed.manifest, every, 0, 1).items)

    def _page(self, found: Asked, reader: _Reader, filters: Filters, after: int, limit: int) -> Page:
        conn, place = snapshot(), found.place
        if place is None:
            raise TaxiiError(404)
        if place.number is None:
            marking = self._service.secrets.marking
            return taxiiwords.page(conn, found.caller, marking, filters, after=after, limit=limit)
        view = View(member=found.caller.number, collection=place.number, filters=filters)
        return reader(conn, view, after=after, limit=limit)

    def _next(self, found: Asked, after: int) -> str:
        query = found.query
        cursor = Cursor(after=after, added_after=query.added_after, said=query.said)
        return self._service.secrets.cursors.issue(found.holder, cursor)

    # Writing (sections 5.5, 5.7) ------------------------------------------------------------------------------------

    def add_objects(self, _root: str, collection: str, *_given: object) -> dict[str, Any]:
        found = asked()
        try:
            if found.query.dry_run:
                after_this_request(_ok)
                return preview.preview(self._poster(found), collection, found.body)
            return intake.publish(self._poster(found), collection, found.body, self._service.new_id())
        except stix.TooMany as error:  # no 413, which a body below max_content_length never gets (T-4.2-03)
            raise TaxiiError(422, _sentence(str(error))) from error
        except stix.EnvelopeError as error:
            raise TaxiiError(_status_of(found.body), _sentence(str(error))) from error

    def delete_object(self, _root: str, collection: str, object_id: str, *_given: object) -> None:
        """T-5.7-02, T-5.7-05; without `match[version]` every version goes (policy.md 3.8)."""
        found = asked()
        if found.query.nothing:
            raise TaxiiError(404)
        match intake.delete(self._poster(found), collection, object_id, found.query.filters):
            case Deletion.FOREIGN:
                raise TaxiiError(403)
            case Deletion.HIDDEN:
                raise TaxiiError(404)

    def _poster(self, found: Asked) -> intake.Poster:
        caller, service = found.caller, self._service
        return intake.Poster(engine=service.engine, clock=service.clock, member=caller.member, key=caller.key.id)


def _ok(response: Response) -> Response:
    """200 in place of 202 (T-5.5-01), for what was not accepted but only looked at; errors stay."""
    if response.status_code == 202:
        response.status_code = 200
    return response


def _whole(item: Item) -> orjson.Fragment:
    return orjson.Fragment(item.raw)


def _record(item: Item) -> dict[str, str]:
    """A manifest record (T-5.3-01)."""
    return {
        "id": item.id,
        "date_added": stix.format_timestamp(item.date_added),
        "version": item.version,
        "media_type": taxiirights.STIX_TYPE,
    }


def _version(item: Item) -> str:
    return item.version


def _empty(found: Asked, name: str) -> _Answer:
    """No empty list and no date headers (T-2-04, T-3.2-03), but for client profiles."""
    profile = found.profile
    headers = {}
    if profile.echo_date and found.query.after:
        headers["X-TAXII-Date-Added-Last"] = stix.format_timestamp(found.query.after)
    return orjson.dumps({"more": False, **({name: []} if profile.empty_list else {})}), headers


def _status_of(body: bytes) -> int:
    """400 for what is no JSON, 422 for JSON that is no envelope (T-5.5-04)."""
    try:
        orjson.loads(body)
    except orjson.JSONDecodeError:
        return 400
    return 422


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."
