"""The client before servers that fail: a real HTTP server on loopback that answers what the test says."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from exchange import clientserver, clienttarget
from exchange.clientserver import Server, Trouble, Unavailable
from tests.commands.command import free_port, listening

Answer = tuple[int, dict[str, str], bytes]
COLLECTION = {"id": "7c9b7d52-0f0e-4a63-9d31-8a54a4f3d6c1", "title": "One", "can_read": True, "can_write": True}


def taxii(status: int, content: Any, **headers: str) -> Answer:
    return status, headers, json.dumps(content).encode()


@dataclass
class Script:
    """Answers by path, in turn; the last one stays. `asked` are the paths with their Authorization."""

    answers: dict[str, list[Answer]]
    url: str = ""
    asked: list[tuple[str, str | None]] = field(default_factory=list)


@contextmanager
def serving(answers: dict[str, list[Answer]]) -> Iterator[Script]:
    script = Script(answers)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            script.asked.append((path, self.headers.get("Authorization")))
            left = script.answers.get(path, [taxii(404, {"title": "Not found"})])
            status, headers, body = left.pop(0) if len(left) > 1 else left[0]
            self.send_response(status)
            for name, value in (headers | {"Content-Length": str(len(body))}).items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    with listening(Handler) as script.url:
        yield script


@dataclass
class Asking:
    """A server object that does not wait, and what it would have said and slept."""

    notes: list[str] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)

    @property
    def server(self) -> Server:
        return Server(key="exk_a_b", wait=self.pauses.append, note=self.notes.append)


@pytest.fixture
def asking() -> Asking:
    return Asking()


def root(**more: Any) -> dict[str, list[Answer]]:
    return {
        "/r/": [taxii(200, {"title": "R", "versions": [], "max_content_length": 1000})],
        "/r/collections/": [taxii(200, {"collections": [COLLECTION, *more.get("others", [])]})],
    }


def test_a_busy_server_is_asked_again_after_the_time_it_asks_for(asking: Asking) -> None:
    with serving({"/x": [taxii(503, {}, Retry_After="7"), taxii(429, {}), taxii(200, {"ok": 1})]}) as script:
        assert asking.server.json(f"{script.url}/x") == {"ok": 1}

    assert asking.pauses == [7, 2]
    assert "answers 503" in asking.notes[0]


def test_a_wait_that_is_asked_for_is_never_longer_than_a_minute(asking: Asking) -> None:
    with serving({"/x": [taxii(503, {}, Retry_After="86400"), taxii(200, {})]}) as script:
        asking.server.get(f"{script.url}/x")

    assert asking.pauses == [clientserver.LONGEST_WAIT]


def test_a_server_that_stays_busy_is_given_up_with_what_to_do(asking: Asking) -> None:
    with serving({"/x": [taxii(503, {})]}) as script, pytest.raises(Unavailable, match="run the same command again"):
        asking.server.get(f"{script.url}/x")

    assert len(asking.pauses) == clientserver.TRIES - 1


def test_a_server_that_is_not_there_is_told_in_plain_words(asking: Asking) -> None:
    url = f"http://127.0.0.1:{free_port()}/"

    with pytest.raises(Trouble, match="cannot be reached: Connection refused; tried"):
        asking.server.get(url)


def test_a_server_that_speaks_something_else_is_told(asking: Asking) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:

        def answer() -> None:
            for _ in range(clientserver.TRIES):
                with other.accept()[0] as connection:
                    connection.recv(65536)  # a connection closed with unread bytes is reset, and its answer lost
                    connection.sendall(b"\x00\x00\x06\x04\x00")

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(Trouble, match="is it https"):
            asking.server.get(f"http://127.0.0.1:{other.getsockname()[1]}/")
        thread.join()


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "ftp://127.0.0.1/", "http://", "http://[::1", "exchange", ""])
def test_what_is_no_url_is_told_without_waiting(asking: Asking, url: str) -> None:
    with pytest.raises(Trouble, match="https://HOST/"):
        clienttarget.find(asking.server, url, "one")

    assert asking.pauses == []


def test_a_redirect_is_told_and_not_followed(asking: Asking) -> None:
    with (
        serving({"/r/": [(301, {"Location": "http://127.0.0.1:1/r/"}, b"")]}) as script,
        pytest.raises(
            Trouble, match=r"redirects to http://127\.0\.0\.1:1/r/; if that is the right place, give it as --url"
        ),
    ):
        clienttarget.find(asking.server, f"{script.url}/r/", "one")


def test_the_key_goes_to_no_api_root_on_another_host(asking: Asking) -> None:
    with serving({}) as other, serving({"/taxii2/": [taxii(200, {"api_roots": [f"{other.url}/r/"]})]}) as script:
        with pytest.raises(Trouble, match="another host"):
            clienttarget.find(asking.server, script.url, "one")

        assert other.asked == []


def test_a_relative_api_root_is_understood(asking: Asking) -> None:
    with serving(root() | {"/taxii2/": [taxii(200, {"api_roots": ["/r/"]})]}) as script:
        target = clienttarget.find(asking.server, script.url, "one")

        assert target.url == f"{script.url}/r/collections/{COLLECTION['id']}/"
        assert target.max_bytes == 1000


def test_a_title_that_two_collections_share_is_told_with_their_ids(asking: Asking) -> None:
    twin = COLLECTION | {"id": "00000000-0000-4000-8000-000000000000"}
    with serving(root(others=[twin])) as script, pytest.raises(Trouble, match=str(twin["id"])):
        clienttarget.find(asking.server, f"{script.url}/r/", "one")


def test_a_server_that_speaks_no_taxii_is_told(asking: Asking) -> None:
    with serving({"/taxii2/": [(200, {}, b"<html>")]}) as script, pytest.raises(Trouble, match="is it a TAXII"):
        clienttarget.find(asking.server, script.url, "one")


def test_the_servers_own_words_are_shown(asking: Asking) -> None:
    answers = {"/x": [taxii(422, {"title": "Unprocessable", "description": "the body has no objects"})]}
    with serving(answers) as script, pytest.raises(Trouble, match="422 Unprocessable: the body has no objects"):
        asking.server.json(f"{script.url}/x")


def test_the_key_is_in_no_message(asking: Asking) -> None:
    assert "exk_a_b" not in repr(asking.server)
