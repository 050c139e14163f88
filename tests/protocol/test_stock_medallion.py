"""A stock medallion process whose configuration names our backend (docs/medallion.md), beside our own server."""

from __future__ import annotations

import gzip
import json
import logging
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
import taxii2client.v21 as t2c
from flask import Flask, g
from medallion.exceptions import ProcessingError
from sqlalchemy import text

from exchange import app, audit, inforce, ledgeraudit, medallionbackend, store, whohas
from exchange.config import ConfigError
from tests.protocol.served import MAIN, MEDIA_TYPE, Served, address, collection_id, files, indicator, running, write

DOCUMENT = Path(__file__).parents[2] / "docs" / "medallion.md"
PASSWORDS = {"alpha": "a-word", "beta": "b-word", "gamma": "c-word", "asleep": "d-word", "stranger": "e-word"}
PAGE = 10


def configuration(home: Path) -> dict[str, Any]:
    """The file of the documentation, for our home and our members."""
    block = re.search(r"```json\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    assert block
    found: dict[str, Any] = json.loads(block[1])
    found["backend"]["home"] = str(home)
    return found | {"users": PASSWORDS, "taxii": {"max_page_size": PAGE}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stock:
    """A medallion that runs."""

    url: str

    def ask(self, user: str, path: str, method: str = "GET", **options: Any) -> requests.Response:
        headers = {"Accept": MEDIA_TYPE, "Content-Type": MEDIA_TYPE} | options.pop("headers", {})
        login = (user, options.pop("password", PASSWORDS[user]))
        return requests.request(method, f"{self.url}{path}", auth=login, headers=headers, timeout=60, **options)

    def post(self, user: str, collection: str, *objects: dict[str, Any]) -> dict[str, Any]:
        path = f"/exchange/collections/{collection}/objects/"
        found = self.ask(user, path, "POST", data=json.dumps({"objects": list(objects)}))
        assert found.status_code == 202, found.text
        status: dict[str, Any] = found.json()
        return status

    def server(self, user: str) -> t2c.Server:
        return t2c.Server(f"{self.url}/taxii2/", user=user, password=PASSWORDS[user])

    def collection(self, user: str, alias: str) -> t2c.Collection:
        return {c.alias: c for c in self.server(user).default.collections}[alias]


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Our own server, on the home that medallion serves too; the log that both wrote is audited at the end."""
    with running(write(tmp_path_factory.mktemp("stock"), files())) as server:
        yield server
        with store.reading(server.exchange.engine) as conn:
            state = inforce.current(conn)
            assert state
            assert audit.audit(conn, state.readers) == []
            with store.reading(server.exchange.ledger) as lines:
                assert ledgeraudit.audit(conn, lines) == []


@pytest.fixture(scope="module")
def stock(ours: Served) -> Iterator[Stock]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    config = ours.home / "medallion.json"
    config.write_text(json.dumps(configuration(ours.home)), encoding="utf-8")
    command = [sys.executable, "-m", "medallion.scripts.run", "--port", port, str(config)]  # its command `medallion`
    log = ours.home / "medallion.log"
    with log.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT) as process:
        try:
            wait(process, f"http://127.0.0.1:{port}", log)
            yield Stock(url=f"http://127.0.0.1:{port}")
        finally:
            stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """By interrupt, which Flask's server ends cleanly at; where this shell has children ignore it, by force."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.terminate()


def wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if requests.get(f"{url}/taxii2/", timeout=5).status_code == 401:
                return
        except requests.ConnectionError:
            time.sleep(0.05)
    raise AssertionError(f"medallion did not start: {log.read_text(encoding='utf-8')}")


# A stock client at a stock server ---------------------------------------------------------------------------------


@pytest.mark.parametrize("user", ["alpha", "gamma"])
def test_a_user_finds_what_the_member_finds_at_our_own_server(ours: Served, stock: Stock, user: str) -> None:
    there, here = stock.server(user), ours.member(user).server()
    assert (there.title, there.default.title) == (here.title, here.default.title) == ("Protocol Exchange",) * 2
    assert there.default.url == f"{stock.url}/exchange/"
    assert there.default.max_content_length == here.default.max_content_length

    def rights(server: t2c.Server) -> list[tuple[object, ...]]:
        return [(c.id, c.alias, c.can_read, c.can_write) for c in server.default.collections]

    assert rights(there) == rights(here)


def test_what_a_user_publishes_everybody_reads_page_by_page_at_both(ours: Served, stock: Stock) -> None:
    sent = [indicator(x_big=2**53 - 1, x_small=1.5, name=f"Nr. {n} ☃") for n in range(2 * PAGE + 5)]
    status = stock.collection("alpha", "fresh01").add_objects({"objects": sent})
    assert (status.status, status.success_count, status.failure_count) == ("complete", len(sent), 0)
    pages = [p["objects"] for p in t2c.as_pages(stock.collection("gamma", "fresh01").get_objects, per_request=7)]
    assert [len(page) for page in pages] == [7, 7, 7, 4]
    assert {o["id"]: o for page in pages for o in page} == {o["id"]: o for o in sent}
    there = stock.collection("gamma", "fresh01").get_manifest(limit=PAGE)["objects"]
    here = ours.member("gamma").ask("/exchange/collections/fresh01/manifest/").json()["objects"]
    assert there == here[:PAGE]


def test_a_page_is_at_most_medallions_own_maximum_and_next_is_good_at_both(ours: Served, stock: Stock) -> None:
    stock.post("alpha", "fresh02", *(indicator() for _ in range(PAGE + 2)))
    path = "/exchange/collections/fresh02/objects/"
    first = stock.ask("beta", f"{path}?limit=500")
    assert (len(first.json()["objects"]), first.json()["more"]) == (PAGE, True)
    query = {"next": first.json()["next"]}
    rest = [who.json() for who in (stock.ask("beta", path, params=query), ours.member("beta").ask(path, params=query))]
    assert rest[0] == rest[1]
    assert (len(rest[0]["objects"]), rest[0]["more"]) == (2, False)
    after = {"added_after": first.headers["X-TAXII-Date-Added-Last"]}
    assert stock.ask("beta", path, params=after).json() == rest[0]


def test_the_versions_of_an_object_are_filtered_and_listed(stock: Stock) -> None:
    one = indicator()
    two = one | {"modified": "2024-02-01T00:00:00.000Z"}
    stock.post("alpha", "fresh03", one, two)
    path = f"/exchange/collections/fresh03/objects/{one['id']}/"
    assert stock.ask("beta", path).json()["objects"] == [two]
    assert stock.ask("beta", f"{path}?match[version]=first").json()["objects"] == [one]
    assert stock.ask("beta", f"{path}versions/").json()["versions"] == [one["modified"], two["modified"]]
    assert stock.ask("beta", f"{path}?match[spec_version]=2.0").json() == {"more": False}


def test_a_publisher_deletes_its_own_and_nobody_elses(stock: Stock) -> None:
    one = indicator()
    stock.post("alpha", "fresh04", one)
    path = f"/exchange/collections/fresh04/objects/{one['id']}/"
    assert stock.ask("beta", path, "DELETE").status_code == 403
    assert stock.ask("alpha", path, "DELETE").status_code == 200
    assert stock.ask("alpha", path).status_code == stock.ask("alpha", path, "DELETE").status_code == 404


# Under our policy -------------------------------------------------------------------------------------------------


def test_an_addressed_object_does_not_exist_for_the_others(stock: Stock) -> None:
    words = {o["name"]: o["id"] for o in stock.collection("alpha", "policy").get_objects()["objects"]}
    one = indicator(object_marking_refs=[words["group:makers"]])
    assert stock.post("alpha", "fresh05", one)["success_count"] == 1
    path = "/exchange/collections/fresh05/objects/"
    assert stock.ask("beta", path).json()["objects"] == [one]
    assert stock.ask("gamma", path).json() == {"more": False}
    hidden, unknown = (stock.ask("gamma", f"{path}{i}/") for i in (one["id"], indicator()["id"]))
    assert (hidden.status_code, hidden.content) == (unknown.status_code, unknown.content)
    assert hidden.status_code == 404


def test_what_it_serves_stands_in_the_ledger_and_how_far_a_user_polled_beside_it(ours: Served, stock: Stock) -> None:
    one = indicator()
    stock.post("alpha", "fresh08", one)
    stock.ask("gamma", "/exchange/collections/fresh08/manifest/")
    for path in ("objects/", f"objects/{one['id']}/"):
        assert stock.ask("gamma", f"/exchange/collections/fresh08/{path}").json()["objects"] == [one]
    with store.reading(ours.exchange.ledger) as lines, store.reading(ours.exchange.engine) as conn:
        state = inforce.current(conn)
        assert state
        found = whohas.who_has(conn, lines, state, one["id"])
    assert found is not None
    assert [(had.member, had.collection, had.version, had.times) for had in found] == [
        ("gamma", "fresh08", one["modified"], 2)
    ]
    polled = app.service(ours.exchange).polls.of(state.numbers["gamma"])
    assert state.places[collection_id(12)] in {poll.collection for poll in polled if not poll.key}


def test_an_object_is_judged_and_its_status_is_for_its_poster_alone(stock: Stock) -> None:
    status = stock.post("alpha", "fresh06", indicator(pattern="["), address("198.51.100.7"))
    assert (status["success_count"], status["failure_count"]) == (1, 1)
    path = f"/exchange/status/{status['id']}/"
    assert stock.ask("alpha", path).json() == status
    assert stock.ask("beta", path).status_code == 404


def test_a_repeated_key_is_refused_though_medallion_has_dropped_it(stock: Stock) -> None:
    body = json.dumps({"objects": [indicator()]}).replace('"name"', '"name": "another", "name"')
    found = stock.ask("alpha", "/exchange/collections/fresh06/objects/", "POST", data=body)
    assert (found.status_code, found.json()["failure_count"]) == (202, 1)


RIGHTS = [
    ("closed/objects/", "GET", 404),
    ("closed/objects/", "POST", 404),
    ("drop/objects/", "GET", 403),
    ("notice/objects/", "POST", 403),
    ("policy/objects/", "POST", 403),
    ("notice/objects/indicator--00000000-0000-4000-8000-000000000001/", "DELETE", 403),
    (f"{collection_id(3)}/manifest/", "GET", 200),
]


@pytest.mark.parametrize(("path", "method", "status"), RIGHTS)
def test_rights_are_the_policys(stock: Stock, path: str, method: str, status: int) -> None:
    body = {"data": json.dumps({"objects": [indicator()]})} if method == "POST" else {}
    found = stock.ask("alpha", f"/exchange/collections/{path}", method, **body)
    assert (found.status_code, found.headers["Content-Type"]) == (status, MEDIA_TYPE)


@pytest.mark.parametrize(("user", "password"), [("asleep", "d-word"), ("stranger", "e-word"), ("alpha", "wrong")])
def test_who_is_no_active_member_or_has_no_password_is_a_stranger(stock: Stock, user: str, password: str) -> None:
    found = stock.ask(user, "/taxii2/", password=password)
    assert found.status_code == 401
    assert found.headers["WWW-Authenticate"].startswith("Basic realm=")


MALFORMED = ["added_after=soon", "match[version]=newest", "match[id]=a&match[id]=b", "match[type]=a,,b",
             "next=nonsense", "limit=0", "limit=many", "match[spec_version]=two"]  # fmt: skip


@pytest.mark.parametrize("query", MALFORMED)
@pytest.mark.parametrize("path", ["objects/", "manifest/"])
def test_a_malformed_query_is_a_400_and_no_fault(stock: Stock, path: str, query: str) -> None:
    found = stock.ask("alpha", f"/exchange/collections/fresh07/{path}?{query}")
    assert (found.status_code, found.json()["http_status"]) == (400, "400")


@pytest.mark.parametrize(("body", "status"), [("[]", 422), ('{"objects": []}', 422), ('{"objects": 1}', 422)])
def test_a_body_that_is_no_envelope_is_refused_as_a_whole(stock: Stock, body: str, status: int) -> None:
    assert stock.ask("alpha", "/exchange/collections/fresh07/objects/", "POST", data=body).status_code == status


@pytest.mark.parametrize("path", ["collections/%00/objects/", "collections/fresh07/objects/%00/", "status/%00/"])
def test_an_id_that_nothing_can_have_is_not_found(stock: Stock, path: str) -> None:
    assert stock.ask("alpha", f"/exchange/{path}").status_code == 404


def test_another_api_root_and_another_status_are_not_found(stock: Stock) -> None:
    assert stock.ask("alpha", "/elsewhere/collections/").status_code == 404
    assert stock.ask("alpha", "/exchange/status/nothing/").status_code == 404


DIFFERENT = [
    ("GET", "objects/", {"Accept": "*/*"}, 406),
    ("GET", "objects/", {"Accept": "application/taxii+json"}, 406),
    ("POST", "objects/", {"Content-Type": "application/stix+json;version=2.1"}, 415),
    ("GET", "objects", {}, 308),
    ("HEAD", "objects/", {}, 500),
    ("POST", "objects/", {"Content-Encoding": "gzip"}, 400),
]


@pytest.mark.parametrize(("method", "path", "headers", "status"), DIFFERENT)
def test_what_stands_before_us_is_medallions_as_the_page_says(
    stock: Stock, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    body = {"data": gzip.compress(b"{}")} if method == "POST" else {}
    path = f"/exchange/collections/fresh07/{path}"
    assert stock.ask("alpha", path, method, headers=headers, allow_redirects=False, **body).status_code == status


def test_changed_files_hold_from_the_next_request_on(ours: Served, stock: Stock) -> None:
    write(ours.home, {"config/exchange.yaml": MAIN.replace("gamma: {", "gamma: { suspended: true,")})
    app.apply_files(ours.home)
    assert stock.ask("gamma", "/taxii2/").status_code == 401
    write(ours.home, {"config/exchange.yaml": MAIN})
    app.apply_files(ours.home)
    assert stock.ask("gamma", "/taxii2/").status_code == 200


# In trouble -------------------------------------------------------------------------------------------------------


def test_wrong_files_stop_it_with_their_place(tmp_path: Path) -> None:
    home = write(tmp_path, {"config/exchange.yaml": MAIN + "rooot: other\n"})
    with pytest.raises(ConfigError, match=r"config/exchange\.yaml:\d+: rooot"):
        medallionbackend.Backend(**configuration(home)["backend"])


@pytest.fixture
def backend(tmp_path: Path) -> medallionbackend.Backend:
    names = ("config/exchange.yaml", *(f"collections/{name}.yaml" for name in ("drop", "notice", "closed")))
    home = write(tmp_path, {name: files()[name] for name in names})
    return medallionbackend.Backend(**configuration(home)["backend"])


@pytest.mark.parametrize(("collection", "status"), [("drop", 403), ("closed", 404)])
def test_a_right_that_went_after_medallion_looked_is_missed_in_time(
    backend: medallionbackend.Backend, collection: str, status: int
) -> None:
    error = _error(lambda: backend.get_objects("exchange", collection, {}, (), PAGE))
    assert error.status == status


@pytest.mark.parametrize(("collection", "status"), [("notice", 403), ("closed", 404)])
def test_so_is_the_right_to_write(backend: medallionbackend.Backend, collection: str, status: int) -> None:
    envelope = json.dumps({"objects": [indicator()]}).encode()
    assert _error(lambda: backend.add_objects("exchange", collection, {}, None), data=envelope).status == status
    assert _error(lambda: backend.delete_object("exchange", collection, "one", {}, ())).status == status


def _error(call: Callable[[], object], **request: Any) -> ProcessingError:
    """What a call ends in within a request of alpha's, as medallion's `login_required` leaves it."""
    with Flask("stock").test_request_context("/", **request):
        g.flask_httpauth_user = "alpha"
        with pytest.raises(ProcessingError) as caught:
            call()
    found: ProcessingError = caught.value
    return found


@contextmanager
def _broken(home: Path, which: str, statement: str, mend: str) -> Iterator[None]:
    """Something happened to a database. It is mended again: the backend's thread of releases outlives its test, and
    would go on to log tracebacks, which CPython 3.11 parses, and not safely beside another thread that parses."""
    exchange = app.open_exchange(home)
    engine = exchange.ledger if which == "ledger" else exchange.engine
    try:
        with store.writing(engine) as conn:
            conn.execute(text(statement))
        yield
    finally:
        with store.writing(engine) as conn:
            conn.execute(text(mend))
        exchange.close()


def _fails(backend: medallionbackend.Backend, home: Path, statement: str, mend: str) -> ProcessingError:
    """What a request ends in meanwhile."""
    with _broken(home, "exchange", statement, mend):
        return _error(lambda: backend.get_status("exchange", "one"))


def test_a_fault_is_logged_by_its_error_id_and_told_to_nobody(
    backend: medallionbackend.Backend, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR, logger="exchange.medallion"):
        broken = "INSERT INTO config SELECT version + 1, at, 'no JSON', departed FROM config"
        error = _fails(backend, tmp_path, broken, "DELETE FROM config WHERE files = 'no JSON'")
    assert error.status == 500
    assert "JSONDecodeError" in caplog.text
    assert "JSON" not in str(error)
    assert re.findall(r"by ([0-9a-f-]{36})", str(error)) == re.findall(r"error_id ([0-9a-f-]{36})", caplog.text)


def test_a_database_in_trouble_is_a_503_with_a_time_to_come_back(
    backend: medallionbackend.Backend, tmp_path: Path
) -> None:
    error = _fails(
        backend, tmp_path, "ALTER TABLE status RENAME TO elsewhere", "ALTER TABLE elsewhere RENAME TO status"
    )
    assert (error.status, error.headers) == (503, {"Retry-After": "5"})


def test_a_ledger_in_trouble_is_a_503_and_no_object_leaves(
    backend: medallionbackend.Backend, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Flask("stock").test_request_context("/", data=json.dumps({"objects": [indicator()]})):
        g.flask_httpauth_user = "gamma"
        assert backend.add_objects("exchange", "notice", {}, None)["success_count"] == 1
    broken, mend = "ALTER TABLE served RENAME TO elsewhere", "ALTER TABLE elsewhere RENAME TO served"
    with _broken(tmp_path, "ledger", broken, mend):
        error = _error(lambda: backend.get_objects("exchange", "notice", {}, (), PAGE))
    assert (error.status, error.headers) == (503, {"Retry-After": "5"})
    assert "the ledger cannot be written" in caplog.text


def test_before_anything_is_in_force_it_is_not_ready(backend: medallionbackend.Backend, tmp_path: Path) -> None:
    assert _fails(backend, tmp_path, "DELETE FROM config", "SELECT 1").status == 503
