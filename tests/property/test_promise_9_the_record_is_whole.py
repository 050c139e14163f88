"""Promise 9: before the first byte of an answer that carries objects, a durable line says to whom, when, under what.

The first tests look at one real server with two workers, on either database: what its clients wrote down that they
received, against the ledger, before and after `kill -9`. The others look at one answer at a time, in this process.
"""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest
from flask.testing import FlaskClient
from sqlalchemy import event, select, text
from werkzeug.test import TestResponse

from exchange import app, config, credentials, inforce, ledgeraudit, stix, store, whohas
from exchange.app import Exchange
from exchange.ledgertables import served
from tests import databases
from tests.property import recording
from tests.property.recording import Carried, Poller, Publisher
from tests.protocol.served import MAIN, MEDIA_TYPE, collection_id, files, indicator, running, write

PLACES = {"closed": collection_id(0), "post": collection_id(2), "fresh00": collection_id(4)}
HOME = {name: files()[name] for name in ["config/exchange.yaml", *(f"collections/{name}.yaml" for name in PLACES)]}
FRESH = PLACES["fresh00"]

# A real server ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What was received and what the ledger says, once all was quiet, and once the server was killed in the middle."""

    exchange: Exchange
    pollers: int
    received: Counter[Carried]
    written: Counter[Carried]
    received_at_death: Counter[Carried]
    written_at_death: Counter[Carried]


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def story(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    home = write(tmp_path_factory.mktemp("ledger"), HOME)
    with _database(request) as url, running(home, workers=2, database=url) as server:
        places = (PLACES["post"], FRESH)
        pollers = [
            Poller(url=server.url, member=member, key=server.new_key(member), collections=places, seed=n)
            for n, member in enumerate(("alpha", "beta", "gamma", "gamma"))
        ]
        makers = [
            Publisher(url=server.url, key=server.new_key(member), collections=places, seed=n)
            for n, member in enumerate(("alpha", "beta"))
        ]
        makers[0].post(FRESH, *(indicator(modified=recording.VERSIONS[0]) for _ in range(40)))
        recording.all_at_once(*pollers, *makers, rounds=6)
        received, written = recording.received_by(pollers), recording.ledger_of(server.exchange)
        killer = threading.Timer(random.SystemRandom().uniform(0.2, 0.6), _kill, [server.process.pid])
        killer.start()
        recording.until_it_dies(pollers)
        killer.join()
        yield Story(
            exchange=server.exchange, pollers=len(pollers), received=received, written=written,
            received_at_death=recording.received_by(pollers), written_at_death=recording.ledger_of(server.exchange),
        )  # fmt: skip


@contextmanager
def _database(request: pytest.FixtureRequest) -> Iterator[str | None]:
    if request.param == "sqlite":
        yield None
        return
    server, template = request.getfixturevalue("postgresql_server"), request.getfixturevalue("postgresql_template")
    with databases.postgresql(server, template) as url:
        yield url


def _kill(master: int) -> None:
    """The master first, which would start its workers anew."""
    workers = [int(child) for child in Path(f"/proc/{master}/task/{master}/children").read_text().split()]
    for process in (master, *workers):
        os.kill(process, signal.SIGKILL)


def test_the_ledger_has_exactly_the_answers_that_clients_received(story: Story) -> None:
    assert story.written == story.received
    assert len(story.received) > 10
    assert {member for member, _, _ in story.received} == {"alpha", "beta", "gamma"}


def test_after_kill_9_everything_that_a_client_received_has_a_line(story: Story) -> None:
    assert story.received_at_death <= story.written_at_death
    assert story.received < story.received_at_death
    assert (story.written_at_death - story.received_at_death).total() <= story.pollers, "no more than was under way"


def test_who_has_says_who_received_each_version_and_how_often(story: Story) -> None:
    times = Counter[tuple[str, str, str, str]]()
    for (member, uid, versions), count in story.written_at_death.items():
        name = next(name for name, known in PLACES.items() if known == uid)
        for stix_id, version in versions:
            times[stix_id, member, name, version] += count
    found = Counter[tuple[str, str, str, str]]()
    with store.reading(story.exchange.ledger) as lines, store.reading(story.exchange.engine) as conn:
        state = inforce.current(conn)
        assert state
        for stix_id in {stix_id for stix_id, *_ in times}:
            for had in whohas.who_has(conn, lines, state, stix_id) or ():
                assert had.first <= had.last
                found[stix_id, had.member, had.collection, had.version] += had.times
    assert found == times


def test_the_ledger_that_they_left_passes_the_audit(story: Story) -> None:
    with store.reading(story.exchange.ledger) as lines, store.reading(story.exchange.engine) as conn:
        assert ledgeraudit.audit(conn, lines) == []


# One answer -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """The application over a database of either kind, in this process."""

    exchange: Exchange
    client: FlaskClient
    keys: dict[str, str]

    def ask(self, member: str, path: str, method: str = "GET", **options: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {self.keys[member]}", "Content-Type": MEDIA_TYPE}
        return self.client.open(f"/exchange/collections/fresh00/{path}", method=method, headers=headers, **options)

    def post(self, member: str, *objects: dict[str, Any]) -> None:
        assert self.ask(member, "objects/", "POST", json={"objects": objects}).status_code == 202

    def lines(self) -> list[Any]:
        with store.reading(self.exchange.ledger) as conn:
            return list(conn.execute(select(served).order_by(served.c.number)))


@pytest.fixture
def site(database: str, tmp_path: Path) -> Iterator[Site]:
    exchange = app.open_exchange(write(tmp_path, HOME), database)
    inforce.put(exchange.engine, config.read_home(tmp_path), exchange.clock)
    with store.writing(exchange.engine) as conn:
        numbers = store.members(conn)
        keys = {
            name: credentials.new(conn, member=numbers[name], scope=("read", "write"), now=0, token=app.random_bytes)
            for name in ("alpha", "gamma")
        }
    yield Site(exchange=exchange, client=app.create_app(exchange).test_client(), keys=keys)
    exchange.close()


def test_a_line_says_to_whom_when_by_which_key_under_which_config(site: Site) -> None:
    before = site.exchange.clock.host()
    site.post("alpha", indicator(), indicator())
    site.ask("gamma", "objects/?limit=1")
    inforce.put(
        site.exchange.engine,
        HOME | {"config/exchange.yaml": MAIN.replace("name: Beta", "name: B")},
        site.exchange.clock,
    )
    site.ask("gamma", "objects/")
    with store.reading(site.exchange.engine) as conn:
        gamma = store.members(conn)["gamma"]
    first, second = site.lines()
    assert (first.member, first.key, first.config) == (gamma, site.keys["gamma"].split("_")[1], 1)
    assert before <= first.at <= second.at <= site.exchange.clock.host() + 1_000_000
    assert second.config == 2
    assert (first.low, first.high) == (first.low, first.low)
    assert second.low < second.high


def test_answers_without_objects_leave_no_line(site: Site) -> None:
    one = indicator()
    site.post("alpha", one)
    for path, method in (
        ("manifest/", "GET"), ("objects/", "HEAD"), (f"objects/{one['id']}/", "HEAD"), ("", "GET"),
        (f"objects/{one['id']}/versions/", "GET"), (f"objects/{indicator()['id']}/", "GET"),
        ("objects/?added_after=2999-01-01T00:00:00Z", "GET"), ("objects/?match[type]=tool", "GET"),
        ("../policy/objects/", "GET"),
    ):  # fmt: skip
        site.ask("gamma", path, method)
    assert site.lines() == []
    site.ask("gamma", f"objects/{one['id']}/")
    assert len(site.lines()) == 1


def test_no_answer_leaves_before_its_line_is_committed(site: Site) -> None:
    site.post("alpha", indicator())
    go, reached = threading.Event(), threading.Event()

    @event.listens_for(site.exchange.ledger, "commit")
    def _wait(_conn: object) -> None:
        reached.set()
        assert go.wait(30)

    with ThreadPoolExecutor(1) as threads:
        answer = threads.submit(site.ask, "gamma", "objects/")
        assert reached.wait(30)
        time.sleep(0.1)
        early = answer.done()
        go.set()
        carried = orjson.loads(answer.result().data)["objects"]
    assert (early, len(carried)) == (False, 1)


FAULTS = [
    ("sqlite", "PRAGMA max_page_count = 1"),  # the disk is full: no page more than it has
    ("sqlite", "PRAGMA query_only = ON"),
    ("sqlite", "ALTER TABLE served RENAME TO elsewhere"),
    pytest.param("postgresql", "ALTER TABLE served RENAME TO elsewhere", marks=pytest.mark.postgresql),
]


@pytest.mark.parametrize(("database", "fault"), FAULTS, indirect=["database"])
def test_where_no_line_can_be_written_no_object_leaves(
    site: Site, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    one = indicator()
    site.post("alpha", *(indicator() for _ in range(300)), one)
    with site.exchange.ledger.connect() as conn, conn.begin():
        conn.execute(text(fault))
    answers = [site.ask("gamma", "objects/")]
    while answers[-1].status_code == 200:
        answers.append(site.ask("gamma", "objects/"))
    answers += [
        site.ask("gamma", path) for path in (f"objects/{one['id']}/", "objects/?limit=300") if "RENAME" in fault
    ]
    refused = [a for a in answers if a.status_code == 503]
    assert all(a.headers["Retry-After"] == "5" and b"indicator" not in a.data for a in refused)
    if "RENAME" not in fault:
        assert len(site.lines()) == len(answers) - len(refused)
    assert "the ledger cannot be written" in caplog.text
    assert one["id"] not in caplog.text
    assert site.ask("gamma", "manifest/").status_code == 200
    assert site.ask("gamma", "objects/?added_after=2999-01-01T00:00:00Z").status_code == 200


def test_what_a_key_polled_is_stored_with_the_line_of_its_answer(site: Site) -> None:
    site.post("alpha", indicator(), indicator())
    answer = site.ask("gamma", "objects/")
    with store.reading(site.exchange.engine) as conn:
        gamma, place = store.members(conn)["gamma"], store.collections(conn)[FRESH].number
    [found] = app.service(site.exchange).polls.of(gamma)  # another process, whose memory is empty
    assert (found.key, found.collection, found.at) == (site.keys["gamma"].split("_")[1], place, site.lines()[0].at)
    assert found.reached is not None
    assert stix.format_timestamp(found.reached) == answer.headers["X-TAXII-Date-Added-Last"]
