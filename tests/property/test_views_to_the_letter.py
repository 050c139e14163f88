"""A view that holds everything a view can hold, read from every place in it, by every way to ask.

The log, the blocks of two grants, what came between and after them, rows of one's own, versions, deletions: each page
must be the next part of the whole, whatever its size, and each object stand at one time however it is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from exchange import feed, pages
from exchange.pages import Filters
from tests.property import world as w
from tests.property.world import Seen, World, campaign, note

A = w.uid(1)
IDS = (*map(w.campaign_id, range(13)), w.note_id(1))
OWN = "bob's own of an id that is alice's"


def files(groups: list[str]) -> dict[str, str]:
    members = {"alice": {"name": "Alice", "in": []}, "bob": {"name": "Bob", "in": groups}}
    collection = {"id": A, "read": "everyone", "write": "everyone", "accept": ["clear", "red"], "unmarked": "clear"}
    return w.home({"g1": "One", "g2": "Two"}, members, {"a": collection})


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Bob gains g1, then g2; something of all kinds lies before, between and after."""
    made = World(url=f"sqlite:///{tmp_path_factory.mktemp('views')}/exchange.db")
    made.apply(files([]))
    words = made.words("alice")
    g1, g2 = [words["group:g1"]], [words["group:g2"]]
    amber = [*g2, w.TLP["amber"]]
    made.post("alice", A, [campaign(n, text=f"g{m} {n}", marks=g) for n, m, g in ((1, 1, g1), (2, 2, g2), (3, 1, g1))])
    made.post("alice", A, [campaign(0, text="before"), campaign(3, 2, text="g1 3.2", marks=g1)])
    made.post("alice", A, [campaign(5, text="g2 5", marks=amber)])
    made.post("alice", A, [campaign(8, text="g2 8", marks=[*g2, w.TLP["green"]])])
    # The last instant before a grant is where the log is divided: it belongs to what stands before.
    made.post("alice", A, [campaign(4, text="named", marks=[w.TLP["red"], words["member:bob"]])])
    made.apply(files(["g1"]))
    made.post("alice", A, [campaign(6, text="between"), note(1, [w.campaign_id(2)], text="on g2 2")])
    made.post("bob", A, [campaign(0, text=OWN)])
    made.pass_time(w.SECOND)
    made.apply(files(["g1", "g2"]))
    made.post("alice", A, [campaign(1, 2, text="g1 1.2", marks=g1), campaign(6, 2, text="between 2")])
    for n in range(9, 13):
        made.post("alice", A, [campaign(n, text=f"after {n}")])
    yield made
    assert made.audit() == []
    made.close()


def whole(exchange: World, member: str, filters: Filters) -> tuple[Seen, ...]:
    answer = exchange.poll(member, A, filters=filters)
    assert answer is not None
    assert not answer.more
    return answer.items


ASKED = {
    "every version": w.ALL,
    "the last versions": w.LAST,
    "the first versions": w.FIRST,
    "one type": Filters(every=True, types=("note",)),
    "some ids": Filters(every=True, ids=IDS[1:4] + IDS[6:9] + IDS[-1:]),
    "the last versions of some ids": Filters(ids=IDS[3:7]),
}


def test_a_view_is_the_log_then_a_block_then_the_log_again(exchange: World) -> None:
    """Bob's own deposit of an id has taken the place of Alice's."""
    texts = [seen.text for seen in whole(exchange, "bob", w.ALL)]
    block_1, block_2 = ["g1 1", "g1 3", "g1 3.2"], ["g2 2", "on g2 2", "g2 5", "g2 8"]
    assert texts == [
        "named",
        *block_1,
        "between",
        OWN,
        *block_2,
        "g1 1.2",
        "between 2",
        *(f"after {n}" for n in range(9, 13)),
    ]


@pytest.mark.parametrize("member", ["alice", "bob"])
@pytest.mark.parametrize("filters", ASKED.values(), ids=ASKED.keys())
def test_from_every_place_a_page_is_the_next_part_of_the_whole(exchange: World, member: str, filters: Filters) -> None:
    seen = whole(exchange, member, filters)
    assert seen
    times = [s.date_added for s in seen]
    assert times == sorted(set(times))
    places = {0, times[-1] + w.SECOND, *times, *(at - 1 for at in times), *(at + 1 for at in times)}
    for after in sorted(places):
        rest = tuple(s for s in seen if s.date_added > after)
        for limit in (1, 2, 3, len(seen), 1000):
            answer = exchange.poll(member, A, after=after, limit=limit, filters=filters)
            assert answer is not None
            assert answer.items == rest[:limit]
            assert answer.more == (len(rest) > limit)


@pytest.mark.parametrize("filters", ASKED.values(), ids=ASKED.keys())
def test_the_manifest_pages_as_the_objects_do(exchange: World, filters: Filters) -> None:
    with exchange.requests() as request:
        view = pages.View(member=request.state.numbers["bob"], collection=request.state.places[A], filters=filters)
        everything = feed.objects(request.conn, view, after=0, limit=1000).items
        for limit in range(1, len(everything) + 1):
            page = feed.manifest(request.conn, view, after=0, limit=limit)
            told = [(i.number, i.date_added, i.id, i.type, i.version, i.raw) for i in page.items]
            assert told == [(i.number, i.date_added, i.id, i.type, i.version, b"") for i in everything[:limit]]
            assert page.more == (limit < len(everything))


def test_one_object_stands_where_the_whole_view_has_it(exchange: World) -> None:
    every = {(s.id, s.version): s.date_added for s in whole(exchange, "bob", w.ALL)}
    for stix_id in IDS:
        found = whole(exchange, "bob", Filters(every=True, ids=(stix_id,)))
        assert {(s.id, s.version): s.date_added for s in found} == {k: at for k, at in every.items() if k[0] == stix_id}


# How far it looks -----------------------------------------------------------------------------------------------


@contextmanager
def looks(exchange: World) -> Iterator[list[tuple[str, int]]]:
    """What is asked of the database: (kind, limit) of each page statement, (kind, 0) of others."""
    found: list[tuple[str, int]] = []

    def see(_conn: object, _cursor: object, statement: str, values: Any, *_rest: object) -> None:
        kinds = {"AS kept": "log", "r.base =": "run", "DISTINCT r.base": "runs", "IN (SELECT number": "ids"}
        kind = next((kind for mark, kind in kinds.items() if mark in statement), "")
        if kind:
            found.append((kind, values[-1] if kind in ("log", "run") else 0))
        elif "grant" in statement:
            found.append(("grants", 0))

    event.listen(exchange.engine, "before_cursor_execute", see)
    try:
        yield found
    finally:
        event.remove(exchange.engine, "before_cursor_execute", see)


def test_a_poll_at_the_end_of_a_view_looks_at_the_last_stretch_alone(exchange: World) -> None:
    end = whole(exchange, "bob", w.ALL)[-1].date_added
    with looks(exchange) as found:
        assert exchange.view("bob", A, after=end) == []
    assert found == [("grants", 0), ("log", 1001 + 500 + 3)]


def test_a_page_in_a_block_asks_each_run_for_what_is_missing(exchange: World) -> None:
    before = next(seen.date_added for seen in whole(exchange, "bob", w.ALL) if seen.text == OWN)
    with looks(exchange) as found:
        exchange.poll("bob", A, filters=w.ALL, after=before, limit=1)
    assert found[-2:] == [("runs", 0), ("run", 2)], "the first run has two"
    with looks(exchange) as found:
        exchange.poll("bob", A, filters=w.ALL, after=before, limit=2)
    assert found[-3:] == [("runs", 0), ("run", 3), ("run", 1)]
    with looks(exchange) as found:
        exchange.poll("bob", A, filters=w.ALL, limit=1)
    assert [limit for kind, limit in found if kind == "run"] == [1], "the log before the block has one"


def test_a_run_that_was_read_to_its_end_is_not_asked_again(exchange: World) -> None:
    end = next(seen.date_added for seen in whole(exchange, "bob", w.ALL) if seen.text == "on g2 2")
    with looks(exchange) as found:
        exchange.poll("bob", A, filters=w.ALL, after=end, limit=1)
    assert [kind for kind, _ in found] == ["grants", "runs", "run", "run"], "two more runs have one each"


def test_an_id_that_is_not_there_is_one_look(exchange: World) -> None:
    with looks(exchange) as found:
        assert exchange.view("bob", A, Filters(every=True, ids=(w.campaign_id(99),))) == []
    assert found == [("ids", 0)]


def test_objects_and_manifest_look_one_further_than_they_show(exchange: World) -> None:
    with exchange.requests() as request:
        view = pages.View(member=request.state.numbers["alice"], collection=request.state.places[A])
        for ask in (feed.objects, feed.manifest):
            with looks(exchange) as found:
                ask(request.conn, view, after=0, limit=3)
            assert found[1] == ("log", 4 + 2 + 3)


# A page of bytes, and where little counts -------------------------------------------------------------------------


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[World]:
    made = World(url=f"sqlite:///{tmp_path}/exchange.db")
    made.apply(files([]))
    yield made
    made.close()


def items(world: World) -> feed.Page:
    with world.requests() as request:
        view = pages.View(member=request.state.numbers["bob"], collection=request.state.places[A])
        return feed.objects(request.conn, view, after=0, limit=1000)


def test_a_page_ends_before_the_object_that_exceeds_its_bytes(fresh: World, monkeypatch: pytest.MonkeyPatch) -> None:
    fresh.post("alice", A, [campaign(n, text="x" * (n + 1)) for n in range(4)])
    sizes = [len(item.raw) for item in items(fresh).items]
    for room, count in [(sum(sizes), 4), (sum(sizes) - 1, 3), (sum(sizes[:2]), 2), (sum(sizes[:2]) - 1, 1), (1, 1)]:
        monkeypatch.setattr(feed, "PAGE_BYTES", room)
        page = items(fresh)
        assert (len(page.items), page.more) == (count, count < 4)


def test_an_item_is_all_that_an_answer_shows(fresh: World) -> None:
    fresh.post("alice", A, [campaign(1, 3, text="x")])
    (item,) = items(fresh).items
    assert (item.id, item.type, item.version) == (w.campaign_id(1), "campaign", w.version_text(3))
    assert item.raw.startswith(b"{")
    assert item.number > 0
    assert item.date_added > w.START


@pytest.mark.parametrize(("most", "looked"), [(20_000, [6, 12, 24, 48]), (20, [6, 12, 20, 20, 20])])
def test_where_little_counts_a_page_looks_further_at_a_time(
    fresh: World, monkeypatch: pytest.MonkeyPatch, most: int, looked: list[int]
) -> None:
    fresh.post("alice", A, [campaign(n, v, text=f"{n} {v}") for v in range(1, 60) for n in (1, 2)])
    monkeypatch.setattr(feed, "MOST_CANDIDATES", most)
    with looks(fresh) as found:
        answer = fresh.poll("bob", A, limit=1, filters=w.FIRST)
    assert answer is not None
    assert len(answer.items) == 1
    assert [limit for kind, limit in found if kind == "log"] == looked


@pytest.mark.parametrize("limit", range(3, 7))
def test_a_walk_from_bound_to_bound_has_each_entry_once(fresh: World, limit: int) -> None:
    """Bob has two rows at each instant, the common one first: his own, which he uses, must not be cut off from it."""
    fresh.apply(files(["g1"]))
    words = fresh.words("alice")
    g1 = words["group:g1"]
    fresh.post("alice", A, [campaign(0, text="so that the common label is there first", marks=[g1])])
    fresh.post("alice", A, [campaign(n, text=str(n), marks=[g1, words["member:bob"]]) for n in range(1, 8)])
    seen = whole(fresh, "bob", w.ALL)
    with fresh.requests() as request:
        view = pages.View(member=request.state.numbers["bob"], collection=request.state.places[A], filters=w.ALL)
        found, bound = [], 0
        while bound < feed.FOREVER:
            rows, bound = pages.log_page(request.conn, view, g=0, after=bound, upto=feed.FOREVER, limit=limit)
            found += [row.at for row in rows]
    assert found == [s.date_added for s in seen]
    assert len(found) == 8
