"""The JSON face, /api/v1/: what programs ask beyond TAXII, described for them in `openapi.json`.

It stands behind the same door as TAXII (`taxiidoor`): a request that reaches a view here is authenticated, authorised
and negotiated, and holds one snapshot where it reads; whatever fails ends in the one renderer (`taxiierrors`), as
problem details.
A view calls one core function and renders its answer.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Any
from urllib.parse import urljoin

import orjson
from flask import Flask, Response, request

from exchange import (
    apiaccess,
    apicases,
    apiexport,
    apifeed,
    apifindings,
    apilines,
    apiqueue,
    apirecipients,
    apiresponses,
    apisubmissions,
    apitake,
    taxiirecord,
    taxiirights,
)
from exchange.apifinding import Asking
from exchange.apifindings import Push
from exchange.findings.finding import Fault
from exchange.intake import Poster
from exchange.taxiidoor import FINDINGS, Service, asked, snapshot
from exchange.taxiierrors import TaxiiError

ROOT = "/api/v1"


def mount(app: Flask, service: Service) -> None:
    """Put the endpoints into an app that has TAXII's: with it came the door and the renderer of errors."""
    views = _Views(service)
    for path, view in (("access", views.access), ("feed", views.feed), ("openapi.json", views.openapi)):
        app.add_url_rule(f"{ROOT}/{path}", f"api.{path}", view, methods=["GET"])
    for path, view in (("queue", views.queue), ("submissions", views.submissions)):
        app.add_url_rule(f"{ROOT}/{path}", f"api.{path}", view, methods=["GET"])
    app.add_url_rule(f"{ROOT}/queue/approve", "api.approve", views.approve, methods=["POST"])
    app.add_url_rule(f"{ROOT}/queue/reject", "api.reject", views.reject, methods=["POST"])
    app.add_url_rule(f"{ROOT}/submissions/<status_id>", "api.submission", views.submission, methods=["GET"])
    app.add_url_rule(f"{ROOT}/submissions/<status_id>/approve", "api.vouch", views.vouch, methods=["POST"])
    app.add_url_rule(
        f"{ROOT}/findings/<object_id>/recipients", "api.recipients", views.recipients, methods=["POST"]
    )  # fmt: skip
    path = f"{ROOT}/findings/<object_id>/responses"
    app.add_url_rule(path, "api.responses", views.responses, methods=["GET"])
    app.add_url_rule(path, "api.respond", views.respond, methods=["POST"])
    app.add_url_rule(f"{ROOT}/cases", "api.cases", views.cases, methods=["GET"])
    app.add_url_rule(f"{ROOT}/cases", "api.open_case", views.open_case, methods=["POST"])
    app.add_url_rule(f"{ROOT}/cases/<case_id>", "api.case", views.case, methods=["GET"])
    app.add_url_rule(f"{ROOT}/cases/<case_id>/parties", "api.add_party", views.add_party, methods=["POST"])
    app.add_url_rule(f"{ROOT}/cases/<case_id>/extension", "api.extension", views.extension, methods=["POST"])
    app.add_url_rule(f"{ROOT}/findings/<object_id>", "api.finding", views.finding, methods=["GET"])
    app.add_url_rule(f"{ROOT}/collections/<collection_id>/findings", FINDINGS, views.findings, methods=["POST"])
    for path, view in (("queue/withdraw", views.withdraw), ("queue/release", views.release)):
        app.add_url_rule(f"{ROOT}/{path}", f"api.{path}", view, methods=["POST"])


_TOO_LONG = Fault("", f"The line is longer than {apilines.LONGEST} bytes: send files by their URL and hash.")


class _Views:
    def __init__(self, service: Service) -> None:
        self._service = service
        self._openapi = files("exchange").joinpath("openapi.json").read_bytes()

    def access(self) -> Response:
        """For every key: what it may do. Names and marking ids are what one publishes with, so a key to write does."""
        return _json(apiaccess.answer(snapshot(), asked().caller, self._places()))

    def feed(self) -> Response:
        """403 for a key without `read`: what waits is told to whoever may fetch it."""
        if not asked().caller.key.read:
            raise TaxiiError(403)
        return _json(apifeed.answer(snapshot(), asked().caller, self._places(), self._service.polls, asked().now))

    def findings(self, collection_id: str) -> Response:
        """202 with what became of each; 403 for a key without `write`."""
        service, now = self._service, asked()
        defaults, dry_run = apifindings.asked(request.args)
        root = taxiirights.root_url(now.caller.state.config)
        push = Push(
            poster=Poster(engine=service.engine, clock=service.clock, member=now.caller.member, key=now.caller.key.id),
            number=now.caller.number, uid=collection_id, defaults=defaults, dry_run=dry_run, new_id=service.new_id,
            status=lambda status_id: f"{root}status/{status_id}/",
        )  # fmt: skip
        if not apilines.is_lines(request.headers.get("Content-Type")):
            key, query = request.headers.get("Idempotency-Key"), request.query_string
            answer = apifindings.once(
                push, key, (query, now.body), lambda: orjson.dumps(apifindings.of_body(push, now.body))
            )
            return Response(answer, 202, content_type="application/json")
        lines = (line or _TOO_LONG for line in apilines.read(request))
        return Response(apifindings.of_lines(push, lines), 202, content_type=apilines.LINES[0])

    def finding(self, object_id: str) -> Response:
        """403 for a key without `read`."""
        now = asked()
        if not now.caller.key.read:
            raise TaxiiError(403)
        conn = snapshot()
        if form := apiexport.wanted(request.args.getlist("as")):
            root = taxiirights.root_url(now.caller.state.config)
            found = apiexport.export(conn, now.caller, self._places(), object_id, form, now.now, urljoin(root, "/"))
            taxiirecord.deliver(self._service, now, found.place, found.items)
            return _json(found.document)
        with self._service.ledger.reading() as lines:
            asking = Asking(
                conn=conn, lines=lines, caller=now.caller, places=self._places(),
                root=taxiirights.root_url(now.caller.state.config),
            )  # fmt: skip
            return _json(asking.answer(object_id))

    def recipients(self, object_id: str) -> Response:
        """403 for a key without `write`."""
        service, now = self._service, asked()
        return _json(
            apirecipients.answer(service.engine, service.clock, now.caller, self._places(), object_id, now.body)
        )

    def responses(self, object_id: str) -> Response:
        """403 for a key without `read`."""
        return _json(apiresponses.get(snapshot(), asked().caller, self._places(), object_id))

    def respond(self, object_id: str) -> Response:
        """403 for a key that may not read and write."""
        service, now = self._service, asked()
        return _json(
            apiresponses.post(
                service.engine, service.clock, service.new_id, now.caller, self._places(), object_id, now.body
            )
        )

    def cases(self) -> Response:
        """403 for a key without `read`."""
        return _json(apicases.listing(snapshot(), asked().caller, self._places()))

    def open_case(self) -> Response:
        """403 for a key that may not read and write."""
        service, now = self._service, asked()
        return _json(
            apicases.create(service.engine, service.clock, service.new_id, now.caller, self._places(), now.body)
        )

    def case(self, case_id: str) -> Response:
        return _json(apicases.one(snapshot(), asked().caller, self._places(), case_id))

    def add_party(self, case_id: str) -> Response:
        """403 for a party, and for a key that may not read and write."""
        service, now = self._service, asked()
        return _json(apicases.add_party(service.engine, service.clock, now.caller, self._places(), case_id, now.body))

    def extension(self, case_id: str) -> Response:
        """403 for a party that answers, and for a key that may not read and write."""
        service, now = self._service, asked()
        return _json(apicases.extension(service.engine, service.clock, now.caller, self._places(), case_id, now.body))

    def withdraw(self) -> Response:
        """403 for who reviews no collection, and for a key without `write`."""
        service, now = self._service, asked()
        return _json(apitake.withdraw(service.engine, service.clock, now.caller, now.body))

    def release(self) -> Response:
        """As `withdraw`."""
        service, now = self._service, asked()
        return _json(apitake.release(service.engine, service.clock, now.caller, now.body))

    def queue(self) -> Response:
        return _json(apiqueue.answer(snapshot(), asked().caller, self._places()))

    def approve(self) -> Response:
        return self._say("approve")

    def reject(self) -> Response:
        return self._say("reject")

    def _say(self, word: str) -> Response:
        service, now = self._service, asked()
        return _json(apiqueue.say(service.engine, service.clock, now.caller, self._places(), word, now.body))

    def submissions(self) -> Response:
        """For every key: what it published is its member's own business."""
        return _json(apisubmissions.listing(snapshot(), asked().caller, request.args.get("after")))

    def submission(self, status_id: str) -> Response:
        return _json(apisubmissions.one(snapshot(), asked().caller, status_id))

    def vouch(self, status_id: str) -> Response:
        """The second person's word."""
        service, now = self._service, asked()
        return _json(apisubmissions.approve(service.engine, service.clock, now.caller, self._places(), status_id))

    def openapi(self) -> Response:
        return Response(self._openapi, content_type="application/json")

    def _places(self) -> list[taxiirights.Place]:
        return taxiirights.places(asked().caller, self._service.secrets.policy_uid)


def _json(answer: dict[str, Any]) -> Response:
    return Response(orjson.dumps(answer), content_type="application/json")
