"""What a commit leaves in the store, to the letter: what the audit cannot ask, for it does not know what was sent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event, text

from exchange import entries, inforce, log, pages, sequencer, store
from exchange.entries import Deposit
from exchange.label import ANY, NOBODY, Audience, any_of, atom
from exchange.log import Writer
from exchange.sequencer import LEAD
from tests.property import world as w
from tests.property.world import World, campaign, note

A, B = w.uid(1), w.uid(2)
ALICE = "identity--00000000-0000-4000-8000-00000000000a"


def files(groups: list[str]) -> dict[str, str]:
    members = {"alice": {"name": "Alice", "in": [], "identity": ALICE}, "bob": {"name": "Bob", "in": groups}}
    both = {"read": "everyone", "write": "everyone", "accept": ["clear", "red"], "unmarked": "clear"}
    return w.home({"g1": "One", "g2": "Two"}, members, {"a": {"id": A, **both}, "b": {"id": B, **both}})


@pytest.fixture
def exchange(tmp_path: Path) -> Iterator[World]:
    made = World(url=f"sqlite:///{tmp_path}/exchange.db")
    made.apply(files(["g1"]))
    yield made
    assert made.audit() == []
    made.close()


def rows(world: World, query: str) -> list[dict[str, Any]]:
    with store.reading(world.engine) as conn:
        return [dict(row) for row in conn.execute(text(query)).mappings()]


VERSIONS = """
    SELECT o.id, o.type, v.ver_text, v.said, v.creator, v.received, v.deleted, v.refs, b.json, v.object, v.number
      FROM version v JOIN object o ON o.number = v.object JOIN body b ON b.number = v.body ORDER BY v.number"""


def test_a_version_is_stored_as_it_was_sent(exchange: World) -> None:
    words = exchange.words("alice")
    sent = [
        campaign(1, text="x", marks=[w.TLP["amber"], words["group:g1"]], created_by_ref=ALICE),
        note(1, [w.campaign_id(1), w.campaign_id(9), w.note_id(1)], text="y"),
    ]
    at = exchange.now()
    exchange.post("alice", A, sent)
    first, second = rows(exchange, VERSIONS)
    assert [json.loads(row["json"]) for row in (first, second)] == sent
    assert (first["id"], first["type"], first["ver_text"]) == (w.campaign_id(1), "campaign", w.version_text(1))
    assert (first["said"], second["said"]) == ("amber group:g1", "clear assumed")
    assert (bool(first["creator"]), bool(second["creator"])) == (True, False)
    assert (first["received"], first["deleted"]) == (at, None)
    assert (first["refs"], second["refs"]) == ("", str(first["object"])), "neither itself nor what is not known"


def test_a_deletion_keeps_the_instant_and_the_other_versions(exchange: World) -> None:
    for place in (A, B):
        exchange.post("alice", place, [campaign(1, v, text=f"v{v}") for v in (1, 2, 3)])
    exchange.pass_time(w.SECOND)
    at = exchange.now()
    exchange.delete("alice", A, w.campaign_id(1), pages.Filters(last=False, exact=(_ver(2),)))
    assert [row["deleted"] for row in rows(exchange, VERSIONS)] == [None, at, None, None, None, None]
    assert exchange.view("bob", A) == ["v1", "v3"]
    assert exchange.view("bob", B) == ["v1", "v2", "v3"]


def _ver(version: int) -> int:
    return w.START - 151 * 86_400 * w.SECOND + version * w.SECOND  # 2026-01-01 and so many seconds


def test_labels_end_where_their_rows_do_and_collections_with_their_last_entry(exchange: World) -> None:
    words = exchange.words("alice")
    exchange.post("alice", A, [campaign(n, text=str(n), marks=[words[f"group:g{n % 2 + 1}"]]) for n in range(5)])
    exchange.post("alice", A, [campaign(9, text="named", marks=[w.TLP["red"], words["member:bob"]])])
    tops = "SELECT x.top, (SELECT max(n) FROM log WHERE label = x.number) AS n FROM label x WHERE x.parent = 0"
    assert all(row["top"] == row["n"] for row in rows(exchange, tops))
    ends = (
        "SELECT c.last, (SELECT max(at) FROM log WHERE collection = c.number) AS at FROM collection c WHERE uid = '%s'"
    )
    (here,) = rows(exchange, ends % A)
    assert here["last"] == here["at"]
    (there,) = rows(exchange, ends % B)
    assert there["at"] is None


def test_entries_of_one_audience_stand_in_the_order_in_which_they_were_sent(exchange: World) -> None:
    at = exchange.now()
    exchange.post("alice", A, [campaign(n, text=str(n)) for n in (3, 1, 2)])
    answer = exchange.poll("bob", A)
    assert answer is not None
    times = [seen.date_added for seen in answer.items]
    end = sequencer.ceil_millisecond(at + LEAD + 2)
    assert times == [end - 2, end - 1, end]


def test_runs_of_one_commit_end_on_one_millisecond_after_the_other(exchange: World) -> None:
    words = exchange.words("alice")
    marks: list[list[str]] = [[], [words["group:g1"]], [words["group:g2"]]]
    at = exchange.now()
    exchange.post("alice", A, [campaign(n, text=str(n), marks=marks[n % 3]) for n in range(6)])
    end = sequencer.ceil_millisecond(at + LEAD + 1)
    ends = [end + k * sequencer.MILLISECOND for k in range(3)]
    assert [seen.date_added for seen in _whole(exchange)] == [at for one in ends for at in (one - 1, one)]


# The statements themselves ------------------------------------------------------------------------------------


def deposit(n: int, *, base: Audience, refs: frozenset[str] = frozenset()) -> Deposit:
    return Deposit(
        id=w.campaign_id(n), type="campaign", ver=1, ver_text="t", raw=b"{}", base=base, said="", refs=refs,
        creator=False,
    )  # fmt: skip


def writer(world: World, conn: Connection, lead: int = LEAD) -> tuple[Writer, int]:
    state = inforce.current(conn)
    assert state is not None
    return Writer(publisher=state.numbers["alice"], readers=state.readers, clock=world.clock, lead=lead), state.places[
        A
    ]


def test_an_addition_tells_its_versions_the_known_ids_and_the_clock(exchange: World) -> None:
    with store.writing(exchange.engine) as conn:
        who, place = writer(exchange, conn)
        everybody = Audience.make(atom(f"read:{A}"), {who.publisher: ANY})
        log.add(conn, who, place, [deposit(1, base=everybody)], 5)
        exchange.pass_time(w.SECOND)
        refs = frozenset({w.campaign_id(1), w.campaign_id(8)})
        added = log.add(conn, who, place, [deposit(3, base=everybody, refs=refs), deposit(2, base=everybody)], 6)
        assert added.known == {w.campaign_id(1), w.campaign_id(2), w.campaign_id(3)}
        assert added.stamped == exchange.clock.now(conn)
        names = {number: i for i, number in store.object_numbers(conn, [w.campaign_id(n) for n in (2, 3)]).items()}
        assert [names[v.object] for v in added.versions] == [w.campaign_id(3), w.campaign_id(2)]
        assert all(v.shown == v.whole == everybody for v in added.versions)


def test_a_longer_lead_puts_the_instants_further_ahead(exchange: World) -> None:
    with store.writing(exchange.engine) as conn:
        who, place = writer(exchange, conn, 7 * LEAD)
        everybody = Audience.make(atom(f"read:{A}"), {who.publisher: ANY})
        added = log.add(conn, who, place, [deposit(1, base=everybody)], 5)
        (at,) = conn.execute(text("SELECT DISTINCT at FROM log")).scalars()
        assert at == sequencer.ceil_millisecond(added.stamped + 7 * LEAD)


@pytest.mark.parametrize(("nodes", "taken"), [(log.MAX_NODES, True), (log.MAX_NODES + 1, False)])
def test_an_audience_may_be_so_deep_and_no_deeper(exchange: World, nodes: int, taken: bool) -> None:
    deep = Audience.make(any_of(atom(f"group:{n}") for n in range(nodes)), {})
    with store.writing(exchange.engine) as conn:
        who, place = writer(exchange, conn)
        flat = Audience.make(atom(f"read:{A}"), {})
        if taken:
            assert len(log.add(conn, who, place, [deposit(1, base=deep)], 5).versions) == 1
        else:
            with pytest.raises(log.TooDeep) as error:
                log.add(conn, who, place, [deposit(1, base=deep), deposit(2, base=flat)], 5)
            assert error.value.ids == {w.campaign_id(1)}
            assert error.value.args == (frozenset({w.campaign_id(1)}),)
        conn.rollback()


def test_a_deletion_tells_the_clock(exchange: World) -> None:
    exchange.post("alice", A, [campaign(1, v, text=str(v)) for v in (1, 2)])
    exchange.pass_time(w.SECOND)
    with store.writing(exchange.engine) as conn:
        who, place = writer(exchange, conn)
        (number,) = store.object_numbers(conn, [w.campaign_id(1)]).values()
        assert log.remove(conn, who, place, number, frozenset({_ver(2)}), 7) == exchange.clock.now(conn)
        assert {v.ver: (v.live, v.shown == NOBODY) for v in entries.own_versions(conn, who.publisher, [number])} == {
            _ver(1): (True, False),
            _ver(2): (False, True),
        }


def test_what_lies_behind_a_version_that_others_read_does_not_enter_again(exchange: World) -> None:
    """Version 1 is nobody's last one, before or after."""
    red = [w.TLP["red"], exchange.words("alice")["member:alice"]]
    exchange.post("alice", A, [campaign(1, 1, text="v1"), campaign(1, 2, text="v2")])
    exchange.post("alice", A, [campaign(1, 3, text="v3", marks=red), campaign(1, 4, text="v4")])
    before = {s.text: s.date_added for s in _whole(exchange)}
    exchange.pass_time(w.SECOND)
    exchange.delete("alice", A, w.campaign_id(1), w.LAST)
    after = {s.text: s.date_added for s in _whole(exchange)}
    assert after["v1"] == before["v1"]
    assert after["v2"] > before["v4"], "for bob it is the last one now"
    assert after["v3"] > before["v4"], "for alice"


def _whole(world: World) -> tuple[w.Seen, ...]:
    answer = world.poll("alice", A, filters=w.ALL)
    assert answer is not None
    return answer.items


def test_a_version_that_says_the_same_as_the_one_before_touches_nothing_else(exchange: World) -> None:
    """What has no reason to change is not even written again."""
    exchange.post("alice", A, [campaign(1, 1, text="v1"), note(1, [w.campaign_id(1)], text="note")])
    sent: list[str] = []

    def note_statement(_conn: object, _cursor: object, statement: str, *_rest: object) -> None:
        sent.append(statement.split("SET")[0].split("(")[0].strip())

    event.listen(exchange.engine, "before_cursor_execute", note_statement)
    exchange.post("alice", A, [campaign(1, 2, text="v2")])
    changes = [s for s in sent if s.startswith(("UPDATE version", "DELETE"))]
    assert changes == []


def test_whoever_writes_locks_its_publisher_first_and_then_the_collections(exchange: World) -> None:
    """SQLite has one lock for all, but the statements are those that PostgreSQL locks by."""
    exchange.post("bob", B, [campaign(7, text="so that places and members have other numbers")])
    locks: list[tuple[str, tuple[int, ...]]] = []

    def see(_conn: object, _cursor: object, statement: str, values: Any, *_rest: object) -> None:
        for table, columns in (("member", "member.number"), ("collection", "collection.number, collection.last")):
            if statement.startswith(f"SELECT {columns} \nFROM {table} "):
                locks.append((table, tuple(values)))

    with store.writing(exchange.engine) as conn:
        who, place = writer(exchange, conn)
        event.listen(exchange.engine, "before_cursor_execute", see)
        everybody = Audience.make(atom(f"read:{A}"), {who.publisher: ANY})
        log.add(conn, who, place, [deposit(1, base=everybody)], 5)
        added = list(locks)
        (number,) = store.object_numbers(conn, [w.campaign_id(1)]).values()
        log.remove(conn, who, place, number, frozenset({1}), 7)
    assert added[0] == ("member", (who.publisher,))
    assert set(added[1:]) == {("collection", (place,))}
    assert locks[len(added)] == ("member", (who.publisher,))
    assert set(locks[len(added) + 1 :]) == {("collection", (place,))}


def test_a_deletion_of_nothing_tells_the_clock_and_changes_nothing(exchange: World) -> None:
    exchange.post("alice", A, [campaign(1, text="v1")])
    exchange.pass_time(w.SECOND)
    with store.writing(exchange.engine) as conn:
        who, place = writer(exchange, conn)
        (number,) = store.object_numbers(conn, [w.campaign_id(1)]).values()
        assert log.remove(conn, who, place, number, frozenset({_ver(9)}), 7) == exchange.clock.now(conn)
    assert exchange.view("bob", A) == ["v1"]


def test_with_a_longer_lead_nobody_waits_for_the_shorter_one(exchange: World) -> None:
    with store.writing(exchange.engine) as conn:
        who, place = writer(exchange, conn, 7 * LEAD)
        everybody = Audience.make(atom(f"read:{A}"), {who.publisher: ANY})
        log.add(conn, who, place, [deposit(1, base=everybody)], 5)
        before = exchange.machine.elapsed
        log.add(conn, who, place, [deposit(2, base=everybody)], 5)
        assert exchange.machine.elapsed - before <= 2 * sequencer.MILLISECOND


def test_a_row_of_one_s_own_knows_of_no_other_rows(exchange: World) -> None:
    """Only a common row says whether somebody has one apart."""
    exchange.post("alice", A, [campaign(1, 1, text="v1")])
    red = [w.TLP["red"], exchange.words("alice")["member:bob"]]
    exchange.post("alice", A, [campaign(1, 2, text="v2", marks=red)])
    found = rows(exchange, "SELECT lane <> 0 AS own, apart FROM log")
    assert {(bool(row["own"]), bool(row["apart"])) for row in found} == {(True, False)}
    exchange.post("alice", A, [campaign(2, text="w")])
    found = rows(exchange, "SELECT lane <> 0 AS own, apart FROM log")
    assert {(bool(row["own"]), bool(row["apart"])) for row in found} == {(True, False), (False, True)}
