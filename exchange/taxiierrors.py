"""The one renderer of errors, with fixed words for every status: TAXII error objects (TAXII 2.1 section 3.6), and
below /api/ problem details (RFC 9457).

Nothing of an exception's text reaches a client, because it may name ids or members (policy.md channels 2, 18); what
is said beyond the fixed words comes from `TaxiiError` alone. `error_id` is fresh each time and stands in the log
beside what happened.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Mapping

import orjson
from flask import Flask, Response, request
from medallion.exceptions import MedallionError
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException

from exchange import intake, ledger, sequencer

MEDIA_TYPE = "application/taxii+json;version=2.1"
PROBLEM_TYPE = "application/problem+json"
RETRY_SECONDS = 5

_WORDS = {
    400: ("Bad Request", "The request could not be understood."),
    401: (
        "Unauthorized",
        "Send an API key of yours: as the password of HTTP Basic with any user name, or as `Bearer KEY`.",
    ),
    403: ("Forbidden", "You may see this, but not do that with it."),
    404: ("Not Found", "There is nothing here that you may see."),
    405: ("Method Not Allowed", "Use one of the methods in the header Allow."),
    406: ("Not Acceptable", f"Accept {MEDIA_TYPE}: nothing else is served here."),
    413: ("Content Too Large", "Send fewer objects at a time: max_content_length of the API root, after inflation."),
    415: (
        "Unsupported Media Type",
        f"Send Content-Type {MEDIA_TYPE} or application/stix+json;version=2.1, as it is or with gzip.",
    ),
    422: ("Unprocessable Content", "The body is not what this endpoint takes."),
    429: ("Too Many Requests", "Ask again after the seconds in the header Retry-After."),
    500: ("Internal Server Error", "Something failed here; the operator finds it in the log by error_id."),
    503: ("Service Unavailable", "Not now: ask again after the seconds in the header Retry-After."),
}

_API_WORDS = {
    406: "Accept application/json: nothing else is served below /api/.",
    413: "Send a smaller body.",
    415: "Send Content-Type application/json, as it is or with gzip.",
}

_log = logging.getLogger("exchange.taxii")


class TaxiiError(Exception):
    """Ends a request. `description` and `extra`, which are further members of problem details (RFC 9457 section 3.2),
    may only speak of what the client itself sent; the fixed words if the description is empty."""

    def __init__(
        self, status: int, description: str = "", headers: Mapping[str, str] | None = None,
        extra: Mapping[str, object] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(status)
        self.status = status
        self.description = description
        self.headers = dict(headers or {})
        self.extra = dict(extra or {})


def sentence(error: TaxiiError) -> str:
    """What the error says in one or two sentences."""
    return error.description or _words(error.status)[1]


def under_api() -> bool:
    """Whether the path asked for belongs to the JSON face, be there something or not."""
    return request.path == "/api" or request.path.startswith("/api/")


def title(status: int) -> str:
    """The status in two or three words."""
    return _words(status)[0]


def _words(status: int) -> tuple[str, str]:
    return _WORDS.get(status, _WORDS[500 if status >= 500 else 400])


def _error_object(error: TaxiiError, error_id: str) -> tuple[dict[str, object], str]:
    """T-3.6-01, T-3.6-02."""
    return {
        "title": _words(error.status)[0],
        "description": sentence(error),
        "error_id": error_id,
        "http_status": str(error.status),
    }, MEDIA_TYPE


def _problem(error: TaxiiError, error_id: str) -> tuple[dict[str, object], str]:
    """RFC 9457 section 3.1; the title is the status's own, as `about:blank` asks (section 4.2.1)."""
    return {
        "type": "about:blank",
        "title": _words(error.status)[0],
        "status": error.status,
        "detail": error.description or _API_WORDS.get(error.status) or sentence(error),
        "error_id": error_id,
        **error.extra,
    }, PROBLEM_TYPE


class Renderer:
    """Errors as clients get them, each with a fresh id."""

    def __init__(self, new_id: Callable[[], str]) -> None:
        self._new_id = new_id

    def response(self, error: TaxiiError) -> Response:
        return self._response(error, self._new_id())

    def _response(self, error: TaxiiError, error_id: str) -> Response:
        body, kind = _problem(error, error_id) if under_api() else _error_object(error, error_id)
        response = Response(orjson.dumps(body), error.status, content_type=kind, headers=error.headers)
        if error.status == 401:  # T-1.6-02
            for scheme in ("Basic", "Bearer"):
                response.headers.add("WWW-Authenticate", f'{scheme} realm="exchange"')
        return response

    def fault(self, error: Exception) -> Response:
        """What nobody foresaw: where it happened into the log, none of it to the client."""
        error_id = self._new_id()
        # The route and not the URL: object ids stay out of logs (policy.md channel 34).
        rule = request.url_rule.rule if request.url_rule else "no route"
        _log.error("error_id %s: %s %s\n%s", error_id, request.method, rule, _where(error))
        return self._response(TaxiiError(500), error_id)


def _where(error: BaseException) -> str:
    """The traceback without the texts of exceptions: they quote ids, and SQLAlchemy's a statement's values, which are
    whole objects (policy.md channel 34).
    """
    parts: list[str] = []
    inner: BaseException | None = error
    while inner is not None:
        kind = type(inner)
        codes = (getattr(inner, name, None) for name in ("sqlite_errorname", "sqlstate", "errno"))
        code = "".join(f" ({code})" for code in codes if code)
        parts += [*traceback.format_tb(inner.__traceback__), f"{kind.__module__}.{kind.__qualname__}{code}\n"]
        inner = inner.__cause__ or inner.__context__
    return "".join(parts)


def install(app: Flask, renderer: Renderer) -> None:
    """Every way in which a request can fail ends in the renderer."""

    def of_http(error: HTTPException) -> Response:
        allow = dict(error.get_headers()).get("Allow")
        return renderer.response(TaxiiError(error.code or 500, headers={"Allow": allow} if allow else None))

    def of_medallion(error: MedallionError) -> Response:
        return renderer.response(TaxiiError(error.status))

    def of_refused(error: intake.Refused) -> Response:
        return renderer.response(TaxiiError(403 if error.listed else 404))

    def of_busy(error: Exception) -> Response:
        told = f": {error.orig}\n{_where(error)}" if isinstance(error, OperationalError) else ""
        _log.warning("busy: %s%s", type(error).__name__, told)
        return renderer.response(TaxiiError(503, headers={"Retry-After": str(RETRY_SECONDS)}))

    def of_unwritten(error: ledger.Unwritten) -> Response:
        _log.error("the ledger cannot be written, so no objects are served: %s", ledger.reason(error))
        return renderer.response(TaxiiError(503, headers={"Retry-After": str(RETRY_SECONDS)}))

    app.register_error_handler(TaxiiError, renderer.response)
    app.register_error_handler(ledger.Unwritten, of_unwritten)
    app.register_error_handler(MedallionError, of_medallion)
    app.register_error_handler(intake.Refused, of_refused)
    for busy in (intake.Busy, sequencer.TooSlow, OperationalError, PoolTimeout):
        app.register_error_handler(busy, of_busy)
    app.register_error_handler(HTTPException, of_http)
    app.register_error_handler(Exception, renderer.fault)
