"""What the tests of robustness share: an exchange in this process, a raw request to it, and what an answer may be."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Flask
from werkzeug.test import run_wsgi_app

from exchange import app, credentials, inforce, store
from tests.protocol.served import MEDIA_TYPE, collection_id, files, write

CLOSED, POST, NOTICE, FRESH = (collection_id(number) for number in (0, 2, 3, 4))
_ERROR_KEYS = {"title", "description", "error_id", "http_status"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer: its headers in their order with names in lower case."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str:
        return ", ".join(value for key, value in self.headers if key == name)

    def comparable(self) -> tuple[object, ...]:
        """Without what differs from one request to the next by design."""
        headers = sorted(pair for pair in self.headers if pair[0] != "date")
        return self.status, headers, re.sub(rb'"error_id":"[0-9a-f-]{36}"', b"", self.body), len(self.body)


def faults_of(answer: Answer, *, head: bool = False) -> list[str]:
    """What is wrong with an answer, whatever was asked: nothing but a success or a TAXII error object is right."""
    found = []
    if not 200 <= answer.status < 500:
        found.append(f"status {answer.status}")
    if b"Traceback" in answer.body or b'File "' in answer.body:
        found.append("a stack trace")
    if answer.status >= 400 and not head:
        found += _faults_of_error(answer)
    return found


def _faults_of_error(answer: Answer) -> list[str]:
    if answer.header("content-type") != MEDIA_TYPE:
        return [f"an error of type {answer.header('content-type')!r}"]
    try:
        said = json.loads(answer.body)
    except ValueError:
        return ["an error that is no JSON"]
    if said.keys() != _ERROR_KEYS or said["http_status"] != str(answer.status):
        return [f"an error object {said}"]
    return []


@dataclass(frozen=True, slots=True, kw_only=True)
class Hostile:
    """An application with keys of two members: the asker `alpha`, and `beta`, whose things are hidden from it."""

    application: Flask
    keys: Mapping[str, str]

    def ask(self, path: bytes, query: bytes = b"", method: str = "GET", member: str = "alpha", **more: Any) -> Answer:
        """`headers` and `body` as they are; a header that is None is not sent."""
        headers = {"Authorization": f"Bearer {self.keys[member]}", "Accept": MEDIA_TYPE} | more.get("headers", {})
        return _call(self.application, path, query, method, headers, more.get("body", b""))

    def post(self, member: str, collection: str, *objects: dict[str, Any]) -> Answer:
        body = json.dumps({"objects": objects}).encode()
        path = f"/exchange/collections/{collection}/objects/".encode()
        return self.ask(path, method="POST", member=member, body=body, headers={"Content-Type": MEDIA_TYPE})


def _call(
    application: Flask, path: bytes, query: bytes, method: str, headers: Mapping[str, str | None], body: bytes
) -> Answer:
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method, "SCRIPT_NAME": "", "PATH_INFO": path.decode("latin-1"),
        "QUERY_STRING": query.decode("latin-1"), "SERVER_NAME": "localhost", "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1", "HTTP_HOST": "localhost", "wsgi.version": (1, 0), "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body), "wsgi.errors": io.StringIO(), "wsgi.multithread": False,
        "wsgi.multiprocess": False, "wsgi.run_once": False, "wsgi.input_terminated": True,
    }  # fmt: skip
    for name, value in headers.items():
        key = name.upper().replace("-", "_")
        key = key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
        environ.pop(key, None)
        if value is not None:
            environ[key] = value
    chunks, status, found = run_wsgi_app(application, environ, buffered=True)
    named = tuple((key.lower(), value) for key, value in found)
    return Answer(status=int(status[:3]), headers=named, body=b"".join(chunks))


@contextmanager
def hostile(home: Path) -> Iterator[Hostile]:
    exchange = app.open_exchange(write(home, files()))
    app.apply_files(home)
    with store.writing(exchange.engine) as conn:
        state = inforce.current(conn)
        assert state
        keys = {
            name: credentials.new(
                conn, member=state.numbers[member], scope=("read", "write"), now=0, client=client,
                token=app.random_bytes,
            )
            for name, member, client in [
                ("alpha", "alpha", None), ("beta", "beta", None), ("gamma", "gamma", None),
                ("elastic", "alpha", "elastic"),
            ]
        }  # fmt: skip
    yield Hostile(application=app.create_app(exchange), keys=keys)
    exchange.close()
