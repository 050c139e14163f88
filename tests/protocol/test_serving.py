"""The server's processes: signals, changed files, a worker that dies, a restart (interface.md, `exchange serve`)."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from tests.protocol.served import (
    BUILT_IN_AMBER,
    MAIN,
    MEDIA_TYPE,
    Member,
    Served,
    files,
    indicator,
    running,
    start,
    write,
)

FEW = ("config/exchange.yaml", "collections/post.yaml", "collections/fresh00.yaml")


def _home(folder: Path) -> Path:
    return write(folder, {name: text for name, text in files().items() if name in FEW})


@pytest.fixture(scope="module")
def changing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server whose files the tests change; a home with two collections."""
    with running(_home(tmp_path_factory.mktemp("changing"))) as server:
        yield server


def _hang_up(server: Served, said: str) -> None:
    server.process.send_signal(signal.SIGHUP)
    server.wait_for_log(said)


def test_a_hang_up_applies_changed_files_to_the_next_request(changing: Served) -> None:
    member = changing.member("alpha")
    assert member.ask("/exchange/").json()["title"] == "Protocol Exchange"
    write(changing.home, {FEW[0]: MAIN.replace("Protocol Exchange", "Renamed Exchange")})
    _hang_up(changing, f"version {changing.version() + 1} is in force")
    assert member.ask("/exchange/").json()["title"] == "Renamed Exchange"


def test_a_hang_up_leaves_what_widens_to_a_person(changing: Served) -> None:
    alpha, version = changing.member("alpha"), changing.version()
    one = indicator(object_marking_refs=[BUILT_IN_AMBER])
    assert alpha.post("post", one).json()["success_count"] == 1
    narrow = files()[FEW[1]]
    write(changing.home, {FEW[1]: narrow.replace("read: [readers]", "read: everyone")})
    _hang_up(changing, f"version {version} stays in force; `exchange diff` shows")
    found = changing.member("beta").ask(f"/exchange/collections/post/objects/{one['id']}/")
    assert (found.status_code, changing.version()) == (404, version)
    write(changing.home, {FEW[1]: narrow})


def test_a_hang_up_with_wrong_files_names_the_line_and_changes_nothing(changing: Served) -> None:
    version, right = changing.version(), (changing.home / FEW[0]).read_text()
    write(changing.home, {FEW[0]: right.replace("in: [readers]", "in: [raeders]")})
    _hang_up(changing, f"the files are wrong: version {version} stays in force")
    assert "config/exchange.yaml:11" in changing.log.read_text()
    assert changing.member("gamma").ask("/taxii2/").status_code == 200
    write(changing.home, {FEW[0]: right})


def test_a_member_taken_out_of_the_files_is_refused_from_the_next_request_on(changing: Served) -> None:
    beta, right = changing.member("beta"), (changing.home / FEW[0]).read_text()
    assert beta.ask("/taxii2/").status_code == 200
    write(changing.home, {FEW[0]: right.replace("  beta: { name: Beta, in: [makers] }\n", "")})
    _hang_up(changing, f"version {changing.version() + 1} is in force")
    assert beta.ask("/taxii2/").status_code == 401
    write(changing.home, {FEW[0]: right})
    _hang_up(changing, f"version {changing.version() + 1} is in force")
    assert beta.ask("/taxii2/").status_code == 200


def test_a_worker_that_dies_is_replaced(changing: Served) -> None:
    member, [worker] = changing.member("alpha"), _children(changing)
    os.kill(worker, signal.SIGKILL)
    deadline = time.monotonic() + 30
    while not _answers(member):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert _children(changing) != [worker]
    assert changing.process.poll() is None


def _children(server: Served) -> list[int]:
    pid = server.process.pid
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _answers(member: Member) -> bool:
    try:
        return member.ask("/taxii2/").status_code == 200
    except requests.ConnectionError:
        return False


def test_a_stop_finishes_what_is_under_way_and_next_is_good_after_it(tmp_path: Path) -> None:
    home = _home(tmp_path)
    late = indicator()
    with running(home) as server:
        member = server.member("alpha")
        member.post("fresh00", indicator(), indicator())
        token = member.ask("/exchange/collections/fresh00/objects/?limit=1").json()["next"]
        answer = _post_while_stopping(server, member, json.dumps({"objects": [late]}).encode())
        assert answer.startswith(b"HTTP/1.1 202 ")
        assert server.process.wait(30) == 0
    with running(home) as server:
        again = Member(url=server.url, key=member.key)
        found = again.ask("/exchange/collections/fresh00/objects/", params={"next": token}).json()["objects"]
        assert [one["id"] for one in found][1:] == [late["id"]]


def _post_while_stopping(server: Served, member: Member, body: bytes) -> bytes:
    """The answer to a POST whose second half is sent after SIGTERM."""
    address = urlsplit(server.url)
    head = (
        f"POST /exchange/collections/fresh00/objects/ HTTP/1.1\r\nHost: {address.netloc}\r\n"
        f"Authorization: Bearer {member.key}\r\nContent-Type: {MEDIA_TYPE}\r\nAccept: {MEDIA_TYPE}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection((address.hostname or "", address.port or 0), timeout=30) as connection:
        connection.sendall(head.encode() + body[:50])
        time.sleep(0.5)  # the worker has begun to read it
        server.process.terminate()
        server.wait_for_log("Stopping worker-1")
        connection.sendall(body[50:])
        return connection.recv(100_000)


def test_a_first_start_with_wrong_files_says_what_is_wrong_and_ends(tmp_path: Path) -> None:
    home = write(tmp_path, {"config/exchange.yaml": "exchange: Only a name\n"})
    with (home / "log").open("wb") as out:
        assert start(home, 1, 1, out).wait(60) == 1
    assert "operator" in (home / "log").read_text()
