"""Calls for people without a poller (policy.md 3.11, channel 27): webhooks and e-mails, to a server that takes them."""

from __future__ import annotations

import base64
import hmac
import json
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope
from sqlalchemy import Engine

from exchange import app, calling, calls, config, confignotify, inforce, intake, store
from exchange.calling import Caller
from exchange.releasing import keep_calling
from tests.commands.command import free_port, run
from tests.property.world import World

TICK = calling.TICK
DAY = 86_400_000_000
UID = "7c9b7d52-0f0e-4a63-9d31-8a54a4f3d6c1"
OTHER = "1f4d8c36-52ab-4e07-b9c5-6d0e7a91f284"


@dataclass
class Hook:
    """A web server of a member's: what it was sent, and the status that it answers."""

    url: str = ""
    answers: int = 204
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)


@pytest.fixture
def hook() -> Iterator[Hook]:
    found = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found.requests.append(({k.lower(): v for k, v in self.headers.items()}, body))
            self.send_response(found.answers)
            self.send_header("Location", found.url)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.url = f"http://127.0.0.1:{server.server_port}/poll"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield found
    server.shutdown()
    server.server_close()
    thread.join()


class Mailbox:
    """A mail server's handler that keeps what it gets."""

    def __init__(self) -> None:
        self.letters: list[tuple[list[str], str]] = []

    async def handle_DATA(self, _server: object, _session: object, envelope: Envelope) -> str:
        self.letters.append((list(envelope.rcpt_tos), (envelope.original_content or b"").decode()))
        return "250 taken"


@contextmanager
def mail_server(box: Mailbox) -> Iterator[int]:
    controller = Controller(box, hostname="127.0.0.1", port=free_port())
    controller.start()
    yield controller.port
    controller.stop()


def files(notify: str, groups: str = "all", more: str = "") -> dict[str, str]:
    """Two publishers and a reader who wants to be called; the second collection is not for the reader."""
    main = f"""
exchange: Northgate
operator: Operations
{more}
groups: {{ all: Readers, few: A few, makers: Publishers }}
members:
  mia:  {{ name: Mia, in: [makers] }}
  rhea: {{ name: Rhea, in: [{groups}], notify: {notify} }}
"""
    return {
        "config/exchange.yaml": main,
        "collections/open.yaml": f"id: {UID}\ntitle: Open secret\nread: [all, makers]\nwrite: makers\n",
        "collections/closed.yaml": f"id: {OTHER}\ntitle: Closed\nread: [few, makers]\nwrite: makers\n",
    }


def note(text: str) -> dict[str, Any]:
    return {
        "type": "campaign", "spec_version": "2.1", "id": f"campaign--{uuid.uuid4()}", "name": text,
        "created": "2026-01-01T00:00:00.000Z", "modified": "2026-01-01T00:00:00.000Z",
    }  # fmt: skip


@dataclass
class Calls:
    """A world with a caller, whose clock only goes on by `round`."""

    world: World
    now: int = 10 * TICK

    def __post_init__(self) -> None:
        self.caller = Caller(engine=self.world.engine, now=lambda: self.now, new_id=lambda: str(uuid.uuid4()))

    def round(self, after: int = TICK) -> int:
        self.now += after
        return self.caller.round()


SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def caller(database: str) -> Iterator[Calls]:
    world = World(url=database)
    yield Calls(world)
    world.close()


def test_a_webhook_comes_once_when_a_member_may_read_more_and_says_nothing_of_it(caller: Calls, hook: Hook) -> None:
    caller.world.apply(files(f"{{ webhook: {hook.url} }}"))
    caller.world.post("mia", UID, [note("before it wanted to be called")])
    assert caller.round() == 0
    caller.world.post("mia", UID, [note("first"), note("second")])
    caller.world.post("mia", UID, [note("third")])
    assert [caller.round(), caller.round(), caller.round()] == [1, 0, 0]
    ((headers, body),) = hook.requests
    assert body == b'{"type":"exchange.poll"}'
    assert not any("mia" in v or "Open" in v or UID in v for v in headers.values())
    caller.world.post("mia", UID, [note("fourth")])
    assert caller.round() == 1


@SQLITE
def test_members_are_called_on_the_tick_and_not_between(caller: Calls, hook: Hook) -> None:
    caller.world.apply(files(f"{{ webhook: {hook.url} }}"))
    caller.round()
    caller.world.post("mia", UID, [note("first")])
    assert [caller.round(after=TICK // 2), caller.round(after=TICK // 2)] == [0, 1]


def test_what_a_member_may_not_read_calls_it_not(caller: Calls, hook: Hook) -> None:
    caller.world.apply(files(f"{{ webhook: {hook.url} }}"))
    caller.round()
    few = caller.world.words("mia")["group:few"]
    caller.world.post("mia", OTHER, [note("where it does not read")])
    caller.world.post("mia", UID, [note("for a few") | {"object_marking_refs": [few]}])
    assert caller.round() == 0
    assert hook.requests == []


def test_a_late_gain_and_the_end_of_access_call(caller: Calls, hook: Hook) -> None:
    caller.world.apply(files(f"{{ webhook: {hook.url} }}"))
    caller.world.post("mia", OTHER, [note("for a few")])
    caller.round()
    caller.world.apply(files(f"{{ webhook: {hook.url} }}", groups="all, few"))
    assert caller.round() == 1
    caller.world.apply(files(f"{{ webhook: {hook.url} }}", groups="all"))
    assert [caller.round(), caller.round()] == [1, 0]


@SQLITE
@pytest.mark.parametrize("answers", [500, 404, 302])
def test_what_is_not_taken_is_called_again_with_the_same_id_until_it_is(
    caller: Calls, hook: Hook, caplog: pytest.LogCaptureFixture, answers: int
) -> None:
    caller.world.apply(files(f"{{ webhook: {hook.url} }}"))
    caller.round()
    hook.answers = answers
    caller.world.post("mia", UID, [note("first")])
    assert caller.round() == 0
    assert hook.url not in caplog.text  # a webhook's address may hold a secret
    assert str(answers) in caplog.text
    hook.answers = 200
    assert [caller.round(), caller.round(), caller.round(after=2 * TICK)] == [1, 0, 0]
    first, second = (headers["webhook-id"] for headers, _ in hook.requests)
    assert first == second


@SQLITE
def test_a_call_is_given_up_after_three_days(caller: Calls, hook: Hook) -> None:
    caller.world.apply(files("{ webhook: http://127.0.0.1:9/poll }"))
    caller.round()
    caller.world.post("mia", UID, [note("first")])
    caller.round()
    caller.round(after=3 * DAY)
    caller.round(after=DAY)
    caller.world.apply(files(f"{{ webhook: {hook.url} }}"))
    assert [caller.round(), caller.round(after=DAY)] == [0, 0]
    assert hook.requests == []


@SQLITE
def test_a_member_that_is_suspended_is_not_called_until_it_is_back(caller: Calls, hook: Hook) -> None:
    caller.world.apply(files(f"{{ webhook: {hook.url} }}"))
    caller.round()
    caller.world.apply(files(f"{{ webhook: {hook.url} }}, suspended: true"))
    caller.world.post("mia", UID, [note("first")])
    assert caller.round() == 0
    caller.world.apply(files(f"{{ webhook: {hook.url} }}"))
    assert caller.round() == 1


def test_a_webhook_is_signed_with_the_secret_that_the_command_prints(tmp_path: Path, hook: Hook) -> None:
    home = tmp_path / "home"
    for name, text in files(f"{{ webhook: {hook.url} }}").items():
        file = home / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    run("apply", "--yes", "--home", home)
    printed = run("key", "webhook", "rhea", "--home", home).stdout.strip()
    world = World(url=f"sqlite:///{home / 'data' / 'exchange.db'}", migrated=True)
    caller = Calls(world, now=2_000_000_000_000_000)
    caller.round()
    world.post("mia", UID, [note("first")])
    assert caller.round() == 1
    world.close()
    ((headers, body),) = hook.requests
    assert headers["webhook-timestamp"] == str(caller.now // 1_000_000)
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    secret = base64.b64decode(printed.removeprefix("whsec_"))
    assert headers["webhook-signature"] == "v1," + base64.b64encode(hmac.digest(secret, signed, "sha256")).decode()
    with store.reading(world.engine) as conn:
        assert calling.secret(store.secret(conn, "marking"), "mia") != printed
    world.engine.dispose()


def looked(engine: Engine) -> bool:
    with store.reading(engine) as conn:
        return bool(calls.looked(conn))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # how the threads end here
def test_of_two_workers_one_calls(database: str, tmp_path: Path, hook: Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    over, threads = threading.Event(), []

    def pause() -> None:
        if over.wait(0.05):
            raise SystemExit

    (tmp_path / "home").mkdir()
    monkeypatch.setenv("EXCHANGE_DATABASE", database)
    exchange = app.open_exchange(tmp_path / "home")
    inforce.put(exchange.engine, files(f"{{ webhook: {hook.url} }}"), exchange.clock)
    for _ in range(2):
        worker = app.caller(exchange, tick=200_000)
        lock = app.calls_lock(exchange, worker.engine)
        threads.append((worker, lock, keep_calling(worker, lock, pause)))
    until = time.monotonic() + 20
    while not looked(exchange.engine) and time.monotonic() < until:
        over.wait(0.05)
    poster = intake.Poster(engine=exchange.engine, clock=exchange.clock, member="mia")
    intake.publish(poster, UID, json.dumps({"objects": [note("first")]}).encode(), str(uuid.uuid4()))
    while not hook.requests and time.monotonic() < until:
        over.wait(0.05)
    over.wait(0.6)
    over.set()
    for worker, lock, thread in threads:
        thread.join()
        lock.close()
        worker.engine.dispose()
    exchange.close()
    assert len(hook.requests) == 1


@SQLITE
def test_an_e_mail_says_that_something_is_new_and_nothing_else(caller: Calls) -> None:
    box = Mailbox()
    with mail_server(box) as port:
        mail = f"mail: {{ server: '127.0.0.1:{port}', from: exchange@example.org, security: none }}"
        caller.world.apply(files("{ email: soc@example.org }", more=mail))
        caller.round()
        caller.world.post("mia", UID, [note("a title that is secret")])
        assert caller.round() == 1
    ((to, letter),) = box.letters
    assert to == ["soc@example.org"]
    assert "Subject: Something new in Northgate" in letter
    assert not any(word in letter for word in ("secret", "mia", "Mia", "campaign", UID))


@SQLITE
def test_a_mail_server_that_is_away_or_does_no_tls_is_tried_again(
    caller: Calls, caplog: pytest.LogCaptureFixture
) -> None:
    box = Mailbox()
    with mail_server(box) as port:
        mail = f"mail: {{ server: '127.0.0.1:{port}', from: exchange@example.org }}"
        caller.world.apply(files("{ email: soc@example.org }", more=mail))
        caller.round()
        caller.world.post("mia", UID, [note("first")])
        assert caller.round() == 0
        caller.world.apply(files("{ email: soc@example.org }", more=mail.replace(" }", ", security: none }")))
        assert caller.round() == 1
    assert len(box.letters) == 1
    assert "email of rhea was not taken (try 1)" in caplog.text


@pytest.mark.parametrize("url", ["http://soc.example.org/", "https://", "ftp://a/", "https://u:p@a/", "https://a b/"])
def test_only_https_or_this_machine_is_called(url: str) -> None:
    with pytest.raises(ValueError, match="is not"):
        confignotify.webhook(url)


@pytest.mark.parametrize("text", ["soc", "soc@", "@a", "a@b c", "a@b\nc", "A <a@b>"])
def test_what_is_not_an_e_mail_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not an e-mail address"):
        confignotify.address(text)


def test_a_password_in_the_file_and_a_missing_mail_server_are_said() -> None:
    wrong = files("{ email: soc@example.org }", more="mail: { server: a, from: a@b, password: x }")
    with pytest.raises(config.ConfigError, match="EXCHANGE_MAIL_PASSWORD"):
        config.parse(wrong)
    found = config.suspicions(config.parse(files("{ email: soc@example.org }")))
    assert "no e-mail is sent without `mail:`" in [one.message for one in found]
