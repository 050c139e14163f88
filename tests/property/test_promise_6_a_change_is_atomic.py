"""Promise 6: a config change falls between two requests or does not happen; a bad file leaves the old one in force.

Two processes answer while a third applies one of two configs again and again, in which titles, collections, rights and
groups all differ: each answer is wholly of one of them. SIGHUP, and which line of a bad file is told, are held in
tests/protocol/test_serving.py and tests/unit/test_config.py; a death in the middle of an apply is a step of the
histories of promise 3; that rights move nobody else's times, in test_smallest_examples.py.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exchange import app, config, credentials, inforce, ledger, store
from exchange.app import Exchange
from tests.property import world as w

LONG = settings.get_current_profile_name() == "long"
APPLIES = 100 if LONG else 12
PLACES = {"a": w.uid(1), "b": w.uid(2), "c": w.uid(3)}
PATHS = ("/exchange/", "/exchange/collections/", *(f"/exchange/collections/{uid}/objects/" for uid in PLACES.values()))


def files(which: int) -> dict[str, str]:
    """Bob is in g1, or in g2; so are titles, a description, and which of the collections there is besides `a`."""
    group, other = [("g1", "b"), ("g2", "c")][which]
    members = {"alice": {"name": "A", "in": []}, "bob": {"name": "B", "in": [group]}}
    rights = {"read": "everyone", "write": "everyone", "accept": ["clear", "red"]}
    made = w.home(
        {"g1": "One", "g2": "Two"},
        members,
        {n: {"id": PLACES[n], "title": f"{n} of {group}", **rights} for n in ("a", other)},
    )
    main = {**json.loads(made["config/exchange.yaml"]), "exchange": f"Exchange of {group}"}
    return made | {"config/exchange.yaml": json.dumps(main)}


@dataclass(slots=True)
class Process:
    """One process of the exchange, and Bob's requests to it."""

    exchange: Exchange
    key: str
    client: FlaskClient = field(init=False)

    def __post_init__(self) -> None:
        self.client = app.create_app(self.exchange).test_client()

    def answers(self) -> list[str]:
        return [self.ask(path) for path in PATHS]

    def ask(self, path: str) -> str:
        """The status and, in no order, what an answer holds: a right that is given again gives in another order."""
        headers = {"Authorization": f"Bearer {self.key}", "Accept": "application/taxii+json;version=2.1"}
        answer = self.client.get(path, headers=headers)
        body = json.loads(answer.data)
        body.pop("error_id", None)
        for name in ("objects", "collections"):
            if name in body:
                body[name] = sorted(body[name], key=json.dumps)
        return f"{answer.status_code} {json.dumps(body, sort_keys=True)}"


def _opened(url: str, home: Path) -> Exchange:
    engine = store.connect(url, 6)
    store.migrate(engine)
    ledger.migrate(engine)
    return Exchange(engine=engine, ledger=engine, clock=app.new_clock(), home=home, new_id=app.new_id)


@pytest.fixture
def administrator(database: str, tmp_path: Path) -> Iterator[Exchange]:
    """The process that applies; Alice has published for each group, in `a`."""
    made = _opened(database, tmp_path)
    inforce.put(made.engine, files(0), made.clock)
    world = w.World(url=database, migrated=True)
    world.clock = made.clock
    words = world.words("alice")
    for n, to in enumerate(["group:g1", "group:g2", "group:g1", "group:g2"]):
        status = world.post("alice", PLACES["a"], [w.campaign(n, text=to, marks=[w.TLP["amber"], words[to]])])
        assert status["success_count"] == 1
    world.close()
    yield made
    made.close()


@pytest.fixture
def processes(administrator: Exchange, database: str, tmp_path: Path) -> Iterator[list[Process]]:
    with store.writing(administrator.engine) as conn:
        number = store.members(conn)["bob"]
        key = credentials.new(conn, member=number, scope=credentials.SCOPES, now=0, token=app.random_bytes)
    opened = [_opened(database, tmp_path) for _ in range(2)]
    yield [Process(exchange, key) for exchange in opened]
    for exchange in opened:
        exchange.close()


def test_each_answer_is_wholly_of_one_version_and_the_next_of_the_new_one(
    administrator: Exchange, processes: list[Process]
) -> None:
    wanted: dict[int, list[str]] = {}
    for which in (0, 1):
        inforce.put(administrator.engine, files(which), administrator.clock)
        wanted[which] = processes[0].answers()
    assert all(one != other for one, other in zip(*wanted.values(), strict=True)), "the two cannot be told apart"
    stop, found = threading.Event(), []
    with ThreadPoolExecutor(len(processes)) as pool:
        # Of its own process each: the test's thread asks the same ones between two applies.
        running = [pool.submit(_poll, Process(p.exchange, p.key), stop) for p in processes]
        for n in range(APPLIES):
            inforce.put(administrator.engine, files(n % 2), administrator.clock)
            for process in processes:
                assert process.answers() == wanted[n % 2], "the next request is not answered under the new version"
        stop.set()
        found = [answer for future in running for answer in future.result()]
    both = [{wanted[0][place], wanted[1][place]} for place in range(len(PATHS))]
    assert [answer for place, answer in found if answer not in both[place]] == []
    assert {answer for place, answer in found if place == 0} == both[0], "the polls met one version only"


def _poll(process: Process, stop: threading.Event) -> list[tuple[int, str]]:
    found = []
    while not stop.is_set():
        found += [(place, process.ask(path)) for place, path in enumerate(PATHS)]
    return found


@settings(max_examples=300 if LONG else 12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_is_wrong_with_a_file_the_old_version_stays_in_force(
    administrator: Exchange, processes: list[Process], data: st.DataObject
) -> None:
    inforce.put(administrator.engine, files(0), administrator.clock)
    before = _version(administrator), processes[0].answers()
    broken = _broken(data, files(1))
    problems = _applied(administrator, broken)
    if problems:
        assert all(problem.startswith(tuple(broken)) for problem in problems), problems
        assert (_version(administrator), processes[1].answers()) == before
    else:
        assert processes[1].answers() != before[1], "half of it was taken"


def _applied(administrator: Exchange, wanted: Mapping[str, str]) -> list[str]:
    """What is wrong with the files, if anything is."""
    try:
        inforce.put(administrator.engine, wanted, administrator.clock)
    except config.ConfigError as error:
        return [str(problem) for problem in error.problems]
    return []


def _broken(data: st.DataObject, right: Mapping[str, str]) -> dict[str, str]:
    """One file cut short, or with some letters of it changed."""
    name = data.draw(st.sampled_from(sorted(right)))
    text = right[name]
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    return {**right, name: text[:start] + data.draw(st.sampled_from(["", "x", "[", "\t", "ä: 1"])) + text[end:]}


def _version(exchange: Exchange) -> int:
    with store.reading(exchange.engine) as conn:
        state = inforce.current(conn)
    assert state
    return state.version
