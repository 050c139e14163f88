"""How long an answer takes does not tell a hidden id from an unknown one (policy.md channel 22, `exchange.taxiipace`).

In short on a clock that counts the instructions of SQLite's machine, so that work is a number that every run repeats:
hidden ids cost more of it than unknown ones, and answers leave at the same instant all the same. At length by 10,000
requests to a real server, which a test of statistics must not tell apart; with a server that does not wait, and with
20 microseconds more of work for some ids, the same test shows how much it sees. By its own p, each of the two runs in
which it must see nothing fails once in a thousand.
"""

from __future__ import annotations

import http.client
import math
import random
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist

import pytest
from sqlalchemy import event

from exchange import app, credentials, intake, store
from exchange.taxiipace import BEAT
from tests.property.allasked import NOWHERE, OPEN, ROOT
from tests.property.timingserver import MARK
from tests.property.twins import Ask, Post, Rights, Site, Template, do, envelope, fresh_id, object_id
from tests.protocol.served import MEDIA_TYPE, collection_id, files, indicator, start, wait_until_ready, write

# In short: a clock of instructions ------------------------------------------------------------------------------------

VERSIONS = 8  # of each hidden object: the more, the more work


@dataclass(frozen=True, slots=True)
class Took:
    """What one request came to: instructions, and microseconds by the exchange's clock, waiting included."""

    status: int
    work: int
    time: int


@dataclass(frozen=True, slots=True)
class Counting:
    """A site whose clock goes on by a microsecond with each instruction of the database's, and by what is waited."""

    site: Site
    count: list[int]

    def took(self, ask: Ask) -> Took:
        work, at = self.count[0], self.site.machine.elapsed
        answer = self.site.ask(ask)
        return Took(answer.status, self.count[0] - work, self.site.machine.elapsed - at)


@pytest.fixture(scope="module")
def counting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counting]:
    """Campaigns 0 to 3 are alice's and hidden from mia, so are a status and a collection; campaign 5 is mia's."""
    site = Template.make(tmp_path_factory.mktemp("timing"), Rights(frozenset(), "everyone")).site("site")
    posts = [Post("alice", "open", "campaign", n, v, ("group:g2",)) for n in range(4) for v in range(1, VERSIONS + 1)]
    posts += [Post("mia", "open", "campaign", 5, v, ()) for v in (1, 2)]
    for turn, post in enumerate(posts, start=1):
        site.take(turn)
        answer = do(site, post, hidden=True)
        assert answer
        assert answer.json()["success_count"] == 1
    count = [0]

    def tick() -> int:
        count[0] += 1
        site.machine.tick(1)
        return 0

    site.exchange.engine.dispose()
    event.listen(site.exchange.engine, "connect", lambda dbapi, _record: dbapi.set_progress_handler(tick, 1))
    yield Counting(site, count)
    assert site.close() == []


def _by_id(form: str, method: str = "GET") -> Callable[[int], tuple[Ask, Ask]]:
    """Requests for a hidden campaign and for one that nobody ever used."""

    def both(n: int) -> tuple[Ask, Ask]:
        hidden, never = (_ask(form.format(object_id("campaign", m)), method) for m in (n, n + 90))
        return hidden, never

    return both


def _ask(address: str, method: str) -> Ask:
    path, _, query = address.partition("?")
    return Ask(path=path, query=query, method=method)


NAMED = {
    "object": _by_id(OPEN + "/objects/{}/"),
    "all versions": _by_id(OPEN + "/objects/{}/?match[version]=all"),
    "versions": _by_id(OPEN + "/objects/{}/versions/"),
    "match in objects": _by_id(OPEN + "/objects/?match[id]={}"),
    "match in manifest": _by_id(OPEN + "/manifest/?match[id]={}"),
    "a wrong query": _by_id(OPEN + "/objects/?match[id]={}&limit=0"),
    "a head": _by_id(OPEN + "/objects/{}/", "HEAD"),
    "a deletion": _by_id(OPEN + "/objects/{}/", "DELETE"),
}


@pytest.mark.parametrize("kind", NAMED)
def test_an_answer_about_a_hidden_id_leaves_when_one_about_an_unknown_id_does(counting: Counting, kind: str) -> None:
    took = [(counting.took(hidden), counting.took(unknown)) for hidden, unknown in map(NAMED[kind], range(4))]
    assert len({(t.status, t.time) for pair in took for t in pair}) == 1
    assert took[0][0].time % BEAT == 0


@pytest.mark.parametrize("kind", ["object", "versions", "match in objects", "match in manifest"])
def test_to_find_an_id_hidden_is_more_work(counting: Counting, kind: str) -> None:
    """So that the test above has something to see."""
    for hidden, unknown in map(NAMED[kind], range(4)):
        assert counting.took(hidden).work > counting.took(unknown).work


def test_another_members_status_or_collection_takes_as_long_as_none(counting: Counting) -> None:
    paths = [f"/exchange/status/{status}/" for status in (fresh_id(1), NOWHERE)]
    paths += [f"{ROOT}/{name}/{rest}" for name in ("closed", "nowhere", NOWHERE) for rest in ("", "objects/")]
    assert {(t.status, t.time) for t in (counting.took(Ask(path=path)) for path in paths)} == {(404, BEAT)}


def test_what_a_next_remembers_names_ids_too(counting: Counting) -> None:
    """A page of mia's own object comes with a `next` that remembers a hidden id, or an unknown one."""
    times = set()
    for other in (object_id("campaign", n) for n in (0, 1, 90, 91)):
        query = f"match[id]={object_id('campaign', 5)},{other}&match[version]=all&limit=1"
        following = counting.site.ask(Ask(path=f"{OPEN}/objects/", query=query)).json()["next"]
        took = counting.took(Ask(path=f"{OPEN}/objects/", query=f"next={following}"))
        times.add((took.status, took.time))
    assert times == {(200, BEAT)}


@pytest.mark.parametrize("query", ["", "added_after=2030-01-01T00:00:00Z", "match[type]=campaign", "limit=0"])
def test_a_poll_never_waits(counting: Counting, query: str) -> None:
    for rest in ("objects", "manifest"):
        took = counting.took(Ask(path=f"{OPEN}/{rest}/", query=query))
        assert took.time == took.work < BEAT


# At length: a real server ---------------------------------------------------------------------------------------------

REQUESTS = 10_000
SURE = 0.001
HELD = 200  # hidden ids
POST = collection_id(2)  # alpha writes there and reads its own alone


@dataclass(frozen=True, slots=True, order=True)
class Timed:
    """How long one answer took, in nanoseconds, and of which kind the id was."""

    took: int
    of_first: bool


@dataclass(frozen=True, slots=True)
class Home:
    """A home where `beta` has deposited what `alpha`, whose key this is, may not read."""

    folder: Path
    key: str
    hidden: Sequence[str]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    folder = write(tmp_path_factory.mktemp("timed"), files())
    app.apply_files(folder)
    exchange = app.open_exchange(folder)
    objects = [indicator() for _ in range(HELD)]
    poster = intake.Poster(engine=exchange.engine, clock=exchange.clock, member="beta")
    told = intake.publish(poster, POST, envelope(*objects), app.new_id())
    assert told["success_count"] == HELD
    with store.writing(exchange.engine) as conn:
        number = store.members(conn)["alpha"]
        key = credentials.new(conn, member=number, scope=("read", "write"), now=0, token=app.random_bytes)
    exchange.close()
    return Home(folder, key, [obj["id"] for obj in objects])


def unknown(end: str = "") -> list[str]:
    made = (str(uuid.uuid4()) for _ in range(HELD))
    return [f"indicator--{name[: len(name) - len(end)]}{end}" for name in made]


@contextmanager
def serving(home: Home, kind: str) -> Iterator[int]:
    """The port of a server: `real` as it is, or one of tests/property/timingserver.py."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    log = home.folder / f"{kind}.log"
    with log.open("wb") as out:
        module = "tests.property.timingserver"
        command = [sys.executable, "-m", module, str(home.folder), str(port), kind]
        root = Path(__file__).parents[2]
        process = (
            start(home.folder, port, 1, out)
            if kind == "real"
            else subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, cwd=root)
        )
        with process:
            try:
                wait_until_ready(process, f"http://127.0.0.1:{port}", log)
                yield port
            finally:
                process.terminate()


def timed(port: int, key: str, first: Sequence[str], second: Sequence[str]) -> list[Timed]:
    """`REQUESTS` requests over one connection, half for ids of each kind, in an order by chance."""
    chance = random.SystemRandom()
    order = [number % 2 == 0 for number in range(REQUESTS)]
    chance.shuffle(order)
    found = []
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.connect()
    connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    headers = {"Accept": MEDIA_TYPE, "Authorization": f"Bearer {key}"}
    for of_first in order:
        path = f"/exchange/collections/{POST}/objects/{chance.choice(first if of_first else second)}/"
        begun = time.perf_counter_ns()
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        answer.read()
        found.append(Timed(time.perf_counter_ns() - begun, of_first))
        assert answer.status == 404
    connection.close()
    return found


def one_distribution(found: Sequence[Timed]) -> float:
    """p, two-sided, of "both kinds take as long": how many of the fastest tenth of each hundred are of the first kind.

    Mantel and Haenszel's test over the hundreds. What else a machine does blurs most answers, and from one second to
    the next all of them, but hardly the fastest ones of the same moment: those a shift moves first.
    """
    difference = variance = 0.0
    for start_at in range(0, len(found), 100):
        part = sorted(found[start_at : start_at + 100])
        fastest, whole = len(part) // 10, len(part)
        share = sum(t.of_first for t in part) / whole
        difference += sum(t.of_first for t in part[:fastest]) - fastest * share
        variance += fastest * share * (1 - share) * (whole - fastest) / (whole - 1)
    return math.erfc(abs(difference) / math.sqrt(2 * variance))


def described(found: Sequence[Timed]) -> str:
    """For whom a test fails: the fastest tenth and the half of each kind, in microseconds, and p."""
    kinds = [sorted(t.took for t in found if t.of_first == kind) for kind in (True, False)]
    return f"{[[kind[len(kind) // part] / 1_000 for part in (10, 2)] for kind in kinds]}, p = {one_distribution(found)}"


def test_the_test_tells_a_shift_from_none() -> None:
    drawn = NormalDist(1_000_000, 100_000).samples(REQUESTS, seed=1)
    for shift, told in ((0, False), (20_000, True)):
        found = [Timed(int(took) + shift * (n % 2), n % 2 == 1) for n, took in enumerate(drawn)]
        assert (one_distribution(found) < SURE) == told


@pytest.mark.long
def test_hidden_ids_are_not_told_from_unknown_ones(home: Home) -> None:
    with serving(home, "real") as port:
        found = timed(port, home.key, home.hidden, unknown())
    assert one_distribution(found) > SURE, described(found)
    assert min(found).took >= BEAT * 1_000


@pytest.mark.long
def test_twenty_microseconds_are_not_told_where_answers_wait(home: Home) -> None:
    with serving(home, "paced") as port:
        found = timed(port, home.key, unknown(MARK), unknown())
    assert one_distribution(found) > SURE, described(found)


@pytest.mark.long
def test_both_are_told_where_answers_do_not_wait(home: Home) -> None:
    with serving(home, "unpaced") as port:
        for others in (unknown(MARK), home.hidden):
            found = timed(port, home.key, others, unknown())
            assert one_distribution(found) < SURE, described(found)
