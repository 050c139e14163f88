"""`exchange.client` before servers that are slow, broken or not an exchange: what it sends, and what it raises."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from exchange import client as clients
from exchange.client import (
    Client,
    Defaults,
    Denied,
    Failed,
    Fault,
    Finding,
    NotFound,
    Refused,
    Taken,
    Trouble,
    Unavailable,
)
from exchange.clientserver import TRIES
from exchange.findings.finding import FoundBy
from tests.commands.command import listening

ID = "vulnerability--00000000-0000-4000-8000-000000000000"
FINDING = {"kind": "model-weakness", "title": "t", "description": "d", "found_by": [{"kind": "tool", "name": "n"}]}
TAKEN = {"finding": ID, "key": "k", "status": "https://host/status/1/", "objects": [ID], "audience": {"now": ["you"]}}


@dataclass(frozen=True, slots=True)
class Asked:
    path: str
    headers: dict[str, str]
    body: bytes


Answer = tuple[int, dict[str, str], Any]


@dataclass
class Script:
    """Answers in turn, the last one stays; None breaks the connection off."""

    answers: list[Answer | None]
    asked: list[Asked] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)
    url: str = ""

    @property
    def client(self) -> Client:
        return Client(self.url, "exk_a_b", wait=self.pauses.append)


@contextmanager
def answering(*answers: Answer | None) -> Iterator[Script]:
    script = Script([*answers])

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            script.asked.append(Asked(self.path, dict(self.headers), body))
            answer = script.answers.pop(0) if len(script.answers) > 1 else script.answers[0]
            if answer is None:
                self.close_connection = True
                return
            status, headers, content = answer
            text = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(status)
            for name, value in (
                {"Content-Type": "application/json", "Content-Length": str(len(text))} | headers
            ).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST

        def log_message(self, *_: object) -> None:
            return

    with listening(Handler) as script.url:
        yield script


def test_what_is_lost_on_the_way_is_asked_again_under_the_same_idempotency_key() -> None:
    with answering(None, (503, {"Retry-After": "7"}, {}), (202, {}, TAKEN)) as script:
        pushed = script.client.push(FINDING)

    assert (pushed.finding, pushed.key, pushed.objects, pushed.audience) == (ID, "k", (ID,), {"now": ["you"]})
    assert len({one.headers["Idempotency-Key"] for one in script.asked}) == 1
    assert [one.body for one in script.asked] == [json.dumps(FINDING, separators=(",", ":")).encode()] * 3
    assert script.pauses == [1, 7]


def test_every_call_has_an_idempotency_key_of_its_own() -> None:
    with answering((202, {}, TAKEN)) as script:
        script.client.push(FINDING)
        script.client.push(FINDING)

    assert len({one.headers["Idempotency-Key"] for one in script.asked}) == 2


def test_a_finding_may_be_an_object_of_the_library_too() -> None:
    found = Finding(kind="model-weakness", title="t", description="d", found_by=(FoundBy(kind="tool", name="n"),))
    with answering((202, {}, TAKEN)) as script:
        script.client.push(found)

    assert json.loads(script.asked[0].body) == FINDING


def test_a_busy_exchange_is_given_up_with_the_time_that_it_asks_for() -> None:
    with answering((429, {"Retry-After": "3600"}, {})) as script, pytest.raises(Unavailable) as told:
        script.client.push(FINDING)

    assert told.value.retry_after == 3600
    assert script.pauses == [60] * (TRIES - 1)


def test_what_is_wrong_with_a_finding_is_told_with_all_its_faults() -> None:
    errors = [{"pointer": "/title", "detail": "is missing"}, {"pointer": "/kind", "detail": "is none of: …"}]
    problem = {"title": "Unprocessable", "status": 422, "detail": "Not a finding.", "errors": errors}
    with (
        answering((422, {}, problem)) as script,
        pytest.raises(Refused, match=r"Not a finding.*; /title: is missing") as told,
    ):
        script.client.push({})

    assert told.value.errors == tuple(Fault(**one) for one in errors)
    assert len(script.asked) == 1


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, Denied), (403, Denied), (404, NotFound), (400, Refused), (413, Refused), (500, Unavailable)],
)
def test_each_refusal_has_a_type_of_its_own(status: int, kind: type[Trouble]) -> None:
    with answering((status, {}, b"<html>")) as script, pytest.raises(kind) as told:
        script.client.push(FINDING)

    assert type(told.value) is kind
    assert "exk_a_b" not in str(told.value)


def test_an_answer_of_something_else_is_told() -> None:
    with answering((200, {}, b"<html>")) as script, pytest.raises(Trouble, match="not as an exchange does"):
        script.client.push(FINDING)


@pytest.mark.parametrize("url", ["http://exchange.example/", "exchange.example", "ftp://127.0.0.1"])
def test_a_key_goes_nowhere_in_the_clear(url: str) -> None:
    with pytest.raises(Trouble, match="https"):
        Client(url, "exk_a_b")


def test_a_key_is_in_no_repr() -> None:
    assert "exk_a_b" not in repr(Client("https://exchange.example", "exk_a_b"))


# Several --------------------------------------------------------------------------------------------------------------


def lines(*told: dict[str, Any]) -> Answer:
    return 202, {"Content-Type": "application/x-ndjson"}, b"".join(json.dumps(one).encode() + b"\n" for one in told)


def test_many_are_sent_in_requests_of_a_bounded_size_as_they_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "BATCH", 2)
    sums = {"taken": 1, "refused": 1}
    fault = {"pointer": "/title", "detail": "is missing"}
    answer = lines({"index": 0, **TAKEN}, {"index": 1, "errors": [fault]}, sums)
    last = lines({"index": 0, **TAKEN}, {"taken": 1, "refused": 0})
    seen: list[tuple[int, int]] = []

    def findings() -> Iterator[dict[str, Any]]:
        for number in range(5):
            seen.append((number, len(script.asked)))
            yield FINDING | {"key": str(number)}

    heard: list[Taken | Failed] = []
    with answering(answer, answer, last) as script:
        many = script.client.push_many(findings(), "model-tests", each=heard.append)

    assert many.taken == 3
    assert many.failed == (Failed(index=1, errors=(Fault(**fault),)), Failed(index=3, errors=(Fault(**fault),)))
    assert [one.index for one in heard] == [0, 1, 2, 3, 4]
    assert seen == [(0, 0), (1, 0), (2, 0), (3, 1), (4, 1)]
    assert [json.loads(line)["key"] for line in script.asked[1].body.splitlines()] == ["2", "3"]
    assert script.asked[0].path == "/api/v1/collections/model-tests/findings"


def test_a_document_goes_as_it_is_with_the_defaults_beside_it(tmp_path: Path) -> None:
    text = b'\xef\xbb\xbf{"version": "2.1.0", "runs": [ ]}'
    (tmp_path / "f.sarif").write_bytes(text)
    answer = {
        "status": "s",
        "taken": 1,
        "refused": 0,
        "findings": [{"index": 0, **TAKEN}],
        "failures": [],
    }
    defaults = Defaults(tlp="amber+strict", plan="cvd", recipients=("skyline", "a b"))
    with answering((202, {}, answer)) as script:
        many = script.client.push_file(tmp_path / "f.sarif", defaults=defaults)

    assert (many.taken, many.failed) == (1, ())
    assert script.asked[0].body == text.removeprefix(b"\xef\xbb\xbf")
    path, _, query = script.asked[0].path.partition("?")
    assert path == "/api/v1/collections/vulnerabilities/findings"
    assert query == "tlp=amber%2Bstrict&plan=cvd&recipient=skyline&recipient=a+b"


def test_several_of_which_none_is_taken_are_told_one_by_one(tmp_path: Path) -> None:
    (tmp_path / "f.json").write_text("[{}, {}]")
    failures = [{"index": n, "errors": [{"pointer": "/kind", "detail": "is missing"}]} for n in (0, 1)]
    with answering((422, {}, {"title": "Unprocessable", "failures": failures})) as script:
        many = script.client.push_file(tmp_path / "f.json")

    assert (many.taken, [one.index for one in many.failed]) == (0, [0, 1])


def test_an_answer_that_ends_early_is_no_success() -> None:
    with answering(lines({"index": 0, **TAKEN})) as script, pytest.raises(Trouble, match="ends early"):
        script.client.push_many([FINDING])
