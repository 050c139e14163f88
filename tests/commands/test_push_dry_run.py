"""`exchange push --dry-run`: who would read what, and nothing published, whatever server answers."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from exchange import clientpush
from exchange.clientpush import Piece
from exchange.clientserver import Server, Trouble
from exchange.clienttarget import Target
from tests.commands.command import AMBER, Served, listening, note, run, told

NUMBERS = count(700_000)  # the server is shared by the tests, so each has objects of its own
Answer = tuple[int, dict[str, Any]]
KNOWN, TRUE = "/c/objects/?dry_run=known", "/c/objects/?dry_run=true"
REFUSES: Answer = (400, {"title": "Bad Request", "description": "The parameter dry_run takes true or false: no."})


@pytest.fixture(scope="module")
def key(served: Served) -> str:
    return served.key("cyberdef")


def push(served: Served, key: str, *words: str | Path) -> Result:
    env = {"EXCHANGE_KEY": key}
    return run("push", *words, "--dry-run", "--url", served.url, "--collection", "indicators", env=env)


def fresh(*marks: str, **more: Any) -> dict[str, Any]:
    return note(next(NUMBERS), *marks, **more)


def write(path: Path, content: Any) -> Path:
    path.write_text(json.dumps(content))
    return path


def ids(served: Served) -> set[str]:
    return {one["id"] for one in told("view", "cyberdef", "--home", served.home)}


def test_who_would_read_each_object_is_told_and_nothing_is_published(served: Served, key: str, tmp_path: Path) -> None:
    one = fresh(AMBER)
    before = ids(served)

    result = push(served, key, write(tmp_path / "one.json", [one]))

    assert result.exit_code == 0, result.stderr
    assert "everyone whom the collection lets read, you" in result.stdout
    assert one["id"] in result.stdout
    assert "1 object would be taken, 0 refused; nothing was published" in result.stdout
    assert ids(served) == before


def test_what_would_be_refused_is_told_and_is_exit_status_1(served: Served, key: str, tmp_path: Path) -> None:
    bad = fresh(name=7)

    result = push(served, key, write(tmp_path / "two.json", [fresh(), bad]))

    assert result.exit_code == 1
    assert f"{tmp_path / 'two.json'}: {bad['id']}: " in result.stderr
    assert "1 object would be taken, 1 refused" in result.stdout


def test_as_json_it_has_the_words_the_rules_and_the_reasons(served: Served, key: str, tmp_path: Path) -> None:
    good, bad = fresh(), fresh(name=7)

    result = push(served, key, write(tmp_path / "two.json", [good, bad, {"type": "x"}]), "--json")

    answer = json.loads(result.stdout)
    assert (result.exit_code, answer["dry_run"]) == (1, True)
    assert answer["objects"] == [
        {
            "file": str(tmp_path / "two.json"), "id": good["id"], "version": good["modified"],
            "now": ["everyone whom the collection lets read", "you"],
            "rules": ["2 collection: only members that the collection lets read."], "note": "",
        }
    ]  # fmt: skip
    assert [one["id"] for one in answer["refused"]] == ["", bad["id"]]
    assert all(one["reason"] for one in answer["refused"])


def test_published_afterwards_it_is_what_was_told(served: Served, key: str, tmp_path: Path) -> None:
    file = write(tmp_path / "three.json", [fresh(), fresh(), fresh(name=7)])
    promised = json.loads(push(served, key, file, "--json").stdout)

    env = {"EXCHANGE_KEY": key}
    real = told("push", file, "--url", served.url, "--collection", "indicators", env=env)

    assert (len(promised["objects"]), promised["refused"]) == (real["taken"], real["refused"])


# Servers that cannot preview ----------------------------------------------------------------------------------------


@dataclass
class Script:
    """A server on loopback that answers a POST by its path, and keeps the bodies."""

    url: str = ""
    bodies: list[bytes] = field(default_factory=list)


@contextmanager
def serving(answers: Mapping[str, Answer]) -> Iterator[Script]:
    script = Script()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            script.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            status, content = answers[self.path]
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    with listening(Handler) as script.url:
        yield script


def preview(script: Script, *pieces: Piece, max_bytes: int = 1000) -> Any:
    target = Target(
        url=f"{script.url}/c/", root=f"{script.url}/r/", id="c", name="c", title="C", can_read=True, can_write=True,
        max_bytes=max_bytes,
    )  # fmt: skip
    server = Server(key="exk_a_b", wait=lambda _seconds: None, note=lambda _text: None)
    return clientpush.preview(server, target, pieces, lambda _steps: None)


def piece(name: str, refs: Sequence[str] = (), size: int = 10) -> Piece:
    return Piece(file="f", id=name, raw=b'"' + b"x" * size + b'"', refs=frozenset(refs), marks=frozenset())


@pytest.mark.parametrize(
    "answer",
    [
        (202, {"id": "s", "status": "complete", "total_count": 0}),
        (422, {"title": "no objects"}),
        (400, {"title": "the body has no objects"}),
        (400, {"title": "Bad Request", "description": f"{KNOWN} could not be understood"}),
    ],
)
def test_a_server_that_would_publish_is_sent_no_object(answer: Answer) -> None:
    with serving({KNOWN: answer}) as script, pytest.raises(Trouble, match="cannot preview"):
        preview(script, piece("a"))

    assert script.bodies == [b'{"objects":[]}']


def test_a_key_that_is_refused_is_told_as_such() -> None:
    with serving({KNOWN: (401, {})}) as script, pytest.raises(Trouble, match="not accepted"):
        preview(script, piece("a"))


def test_a_server_that_published_all_the_same_is_told_at_once() -> None:
    published = (202, {"id": "s", "status": "complete", "success_count": 1})
    with serving({KNOWN: REFUSES, TRUE: published}) as script, pytest.raises(Trouble, match="look what is there now"):
        preview(script, piece("a"), piece("b", size=990))

    assert len(script.bodies) == 2, "the second request was never sent"


def test_a_reference_into_another_request_is_no_preview() -> None:
    """There the target would be somebody else's, and the audience wider than the object will have."""
    with serving({KNOWN: REFUSES}) as script, pytest.raises(Trouble, match="b refers to a"):
        preview(script, piece("a", size=60), piece("b", ["a"], size=60), max_bytes=100)

    assert len(script.bodies) == 1


def test_objects_that_know_nothing_of_each_other_are_previewed_in_as_many_requests_as_they_need() -> None:
    told_of = (200, {"x_dry_run": True, "successes": [{"id": "a", "version": "v", "x_audience": {"now": ["you"]}}]})
    with serving({KNOWN: REFUSES, TRUE: told_of}) as script:
        found, refused = preview(script, piece("a", size=60), piece("b", size=60), max_bytes=100)

    assert len(script.bodies) == 3
    assert [(one.now, one.rules) for one in found] == [(("you",), ()), (("you",), ())]
    assert refused == []
