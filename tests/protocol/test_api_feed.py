"""`GET /api/v1/feed`: whether a member's own clients still get everything, and nothing of anybody else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from exchange import apifeed, store
from tests.protocol.apisite import MAIN, Asker, Site, site
from tests.protocol.served import BUILT_IN_AMBER, BUILT_IN_GREEN, collection_id, indicator


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Site]:
    with site(tmp_path) as found:
        yield found


def _keys(asker: Asker, alias: str = "open") -> dict[str, dict[str, Any]]:
    [found] = [one for one in asker.told("feed")["collections"] if one["alias"] == alias]
    return {line["id"]: line for line in found["keys"]}


def _line(asker: Asker, alias: str = "open") -> dict[str, Any]:
    return _keys(asker, alias)[asker.id]


def _objects(asker: Asker, alias: str, after: str) -> int:
    """How many objects a client gets that goes on from there to the end."""
    query, count = f"?limit=2&added_after={after}", 0
    while True:
        found = asker.poll(alias, query)
        page = json.loads(found.data)
        count += len(page.get("objects", []))
        if not page["more"]:
            return count
        query = f"?limit=2&next={page['next']}"


def test_a_key_that_nobody_came_with_has_never_polled_and_all_waits(here: Site) -> None:
    reader = here.asker("reader", note="the SIEM", client="elastic")
    here.asker("maker").post("open", indicator(), indicator())
    first = json.loads(reader.ask("/exchange/collections/open/manifest/").data)["objects"][0]["date_added"]
    another = here.asker("reader")
    assert _keys(another)[another.id] == {
        "id": another.id, "note": None, "client": None, "state": "never polled", "last_poll": None,
        "idle_seconds": None, "reached": None, "waiting": 2, "waiting_is_more": False, "waiting_since": first,
        "error": None,
    }  # fmt: skip
    polled = _keys(another)[reader.id]
    assert (polled["note"], polled["client"], polled["state"]) == ("the SIEM", "elastic", "up to date")


def test_a_client_that_left_off_is_behind_by_what_it_would_get(here: Site) -> None:
    maker, reader = here.asker("maker"), here.asker("reader")
    maker.post("open", *(indicator() for _ in range(5)))
    page = reader.poll("open", "?limit=2")
    line = _line(reader)
    assert line["state"] == "behind"
    assert line["reached"] == page.headers["X-TAXII-Date-Added-Last"]
    assert line["waiting"] == 3
    manifest = json.loads(reader.ask("/exchange/collections/open/manifest/").data)["objects"]
    assert line["waiting_since"] == manifest[2]["date_added"]
    assert _objects(reader, "open", line["reached"]) == line["waiting"]


def test_a_client_that_has_all_is_up_to_date_until_something_comes(here: Site) -> None:
    maker, reader = here.asker("maker"), here.asker("reader")
    maker.post("open", indicator())
    reader.poll("open")
    line = _line(reader)
    assert (line["state"], line["waiting"], line["waiting_since"]) == ("up to date", 0, None)
    maker.post("open", indicator())
    assert (_line(reader)["state"], _line(reader)["waiting"]) == ("behind", 1)


def test_a_poll_in_vain_is_a_poll_and_keeps_its_place(here: Site) -> None:
    maker, reader = here.asker("maker"), here.asker("reader")
    maker.post("open", indicator())
    reached = reader.poll("open").headers["X-TAXII-Date-Added-Last"]
    first = _line(reader)["last_poll"]
    reader.poll("open", f"?added_after={reached}")
    line = _line(reader)
    assert (line["reached"], line["state"]) == (reached, "up to date")
    assert line["last_poll"] > first
    assert line["idle_seconds"] == 0


def test_time_since_the_last_poll_is_told_in_whole_seconds(here: Site) -> None:
    maker, reader = here.asker("maker"), here.asker("reader")
    maker.post("open", indicator())
    reader.poll("open")
    assert _line(reader)["idle_seconds"] in (0, 1)
    with store.writing(here.exchange.ledger) as conn:  # what brought objects is stored already
        conn.execute(text("UPDATE poll SET at = at - 3600900000"))
    assert _line(reader)["idle_seconds"] in (3600, 3601, 3602)


def test_what_a_member_may_not_read_waits_for_nobody(here: Site) -> None:
    maker, reader, other = here.asker("maker"), here.asker("reader"), here.asker("other")
    groups = {g["name"]: g["marking"] for g in maker.told("access")["groups"]}
    reader.poll("open")
    before = reader.told("feed")
    for alias in ("open", "post"):
        marked = [groups["makers"], BUILT_IN_AMBER]
        assert maker.post(alias, indicator(object_marking_refs=marked))["success_count"] == 1
    after = reader.told("feed")
    for feed in (before, after):
        for line in [k for c in feed["collections"] for k in c["keys"]]:
            line.pop("idle_seconds")  # the time goes on
    assert before == after
    assert _line(other)["waiting"] == 1


def test_a_refused_poll_is_failing_until_one_is_answered(here: Site) -> None:
    reader = here.asker("reader")
    reader.poll("open", "?limit=none")
    line = _line(reader)
    assert (line["state"], line["last_poll"]) == ("failing", None)
    assert (line["error"]["status"], line["error"]["title"]) == (400, "Bad Request")
    reader.poll("open")
    line = _line(reader)
    assert line["state"] == "up to date"
    assert line["error"]["status"] == 400
    assert line["last_poll"] > line["error"]["at"]
    reader.poll("open", "?limit=none")
    assert _line(reader)["state"] == "failing"


def test_a_key_that_may_not_read_and_polls_is_seen_failing(here: Site) -> None:
    wrong, reader = here.asker("reader", scope=("write",)), here.asker("reader")
    assert wrong.id not in _keys(reader)
    assert wrong.poll("open").status_code == 403
    assert _keys(reader)[wrong.id]["error"]["status"] == 403


def test_an_expired_key_that_polled_is_told_and_a_revoked_one_is_not(here: Site) -> None:
    reader, expired, revoked, unused = (here.asker("reader") for _ in range(4))
    for asker in (expired, revoked):
        asker.poll("open")
    with store.writing(here.exchange.engine) as conn:
        conn.execute(text("UPDATE key SET expires = 1 WHERE id IN (:a, :b)"), {"a": expired.id, "b": unused.id})
        conn.execute(text("UPDATE key SET revoked = 1 WHERE id = :id"), {"id": revoked.id})
    found = _keys(reader)
    assert found.keys() == {reader.id, expired.id}
    assert found[expired.id]["state"] == "expired"


def test_a_client_that_asks_beyond_the_present_is_ahead(here: Site) -> None:
    reader = here.asker("reader")
    reader.poll("open", "?added_after=2999-01-01T00:00:00Z")
    assert _line(reader)["state"] == "ahead"
    assert _line(reader)["reached"] == "2999-01-01T00:00:00.000000Z"


def test_a_member_hears_of_its_own_keys_alone(here: Site) -> None:
    reader, other = here.asker("reader"), here.asker("other")
    other.poll("open")
    assert _keys(reader).keys() == {reader.id}
    assert other.id not in reader.ask("/api/v1/feed").text


def test_a_key_hears_of_the_collections_that_it_may_read(here: Site) -> None:
    limited = here.asker("reader", collections=[collection_id(3)])
    everything = here.asker("reader")
    assert [c["alias"] for c in limited.told("feed")["collections"]] == ["open"]
    assert _keys(limited).keys() == {limited.id, everything.id}
    assert [c["alias"] for c in everything.told("feed")["collections"]] == ["closed", "drop", "named", "open", "post"]
    assert _keys(everything, "post").keys() == {everything.id}


def test_a_key_to_write_hears_nothing_of_what_waits(here: Site) -> None:
    found = here.asker("reader", scope=("write",)).ask("/api/v1/feed")
    assert (found.status_code, found.content_type) == (403, "application/problem+json")


def test_a_collection_that_is_no_longer_listed_is_no_longer_told_of(here: Site) -> None:
    reader = here.asker("reader")
    reader.poll("post")
    here.apply(MAIN.replace("name: The Reader, in: [readers]", "name: The Reader, in: [club]"))
    found = reader.ask("/api/v1/feed")
    assert [c["alias"] for c in json.loads(found.data)["collections"]] == ["named", "open"]


def test_that_a_change_of_the_files_took_something_is_told_to_who_polled_there_and_no_more(here: Site) -> None:
    reader, shy = here.asker("reader"), here.asker("shy")
    here.asker("maker").post("open", indicator())
    here.asker("reader").post("closed", indicator(object_marking_refs=[BUILT_IN_GREEN]))
    reader.poll("open")
    reader.poll("closed")
    reader.poll("drop")
    assert reader.told("feed")["access_ended"] == []

    here.apply(MAIN.replace("in: [readers] }", "in: [club] }", 1).replace("in: [readers], l", "in: [club], l"))

    [one] = reader.told("feed")["access_ended"]
    assert one["id"] == collection_id(0), "of drop it read nothing, and open is for everyone"
    assert one["at"] > "20"
    assert shy.told("feed")["access_ended"] == [], "it never polled there"
    here.apply(MAIN)
    assert reader.told("feed")["access_ended"] == [one], "that it came back is told by what arrives"


def test_what_a_change_of_rights_gives_waits_too(here: Site) -> None:
    maker, reader = here.asker("maker"), here.asker("reader")
    groups = {g["name"]: g["marking"] for g in maker.told("access")["groups"]}
    maker.post("open", *(indicator(object_marking_refs=[groups["club"]]) for _ in range(3)))
    reader.poll("open")
    here.apply(MAIN.replace("name: The Reader, in: [readers]", "name: The Reader, in: [readers, club]"))
    line = _line(reader)
    assert (line["state"], line["waiting"]) == ("behind", 3)


def test_one_who_may_only_write_has_its_own_waiting(here: Site) -> None:
    maker, other = here.asker("maker"), here.asker("other")
    other.post("post", indicator(object_marking_refs=[BUILT_IN_GREEN]))
    maker.post("post", indicator(object_marking_refs=[BUILT_IN_GREEN]))
    assert _line(maker, "post")["waiting"] == 1


def test_more_than_the_most_is_said_to_be_more(here: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apifeed, "MOST", 2)
    maker, reader = here.asker("maker"), here.asker("reader")
    maker.post("open", indicator(), indicator())
    assert (_line(reader)["waiting"], _line(reader)["waiting_is_more"]) == (2, False)
    maker.post("open", indicator())
    assert (_line(reader)["waiting"], _line(reader)["waiting_is_more"]) == (2, True)


@pytest.mark.long  # ten thousand objects are published
def test_ten_thousand_are_counted_and_more_are_said_to_be_more(here: Site) -> None:
    maker, reader = here.asker("maker"), here.asker("reader")
    maker.post("open", *(indicator() for _ in range(10_000)))
    assert (_line(reader)["waiting"], _line(reader)["waiting_is_more"]) == (10_000, False)
    maker.post("open", indicator())
    assert (_line(reader)["waiting"], _line(reader)["waiting_is_more"]) == (10_000, True)


def test_the_policy_collection_is_no_feed(here: Site) -> None:
    reader = here.asker("reader")
    reader.poll("policy")
    assert "policy" not in [c["alias"] for c in reader.told("feed")["collections"]]


@pytest.mark.parametrize("database", [pytest.param("postgresql", marks=pytest.mark.postgresql)], indirect=True)
def test_postgresql_answers_alike(tmp_path: Path, database: str) -> None:
    with site(tmp_path, database) as here:
        maker, reader, idle = here.asker("maker"), here.asker("reader"), here.asker("reader")
        maker.post("open", indicator(), indicator(), indicator())
        reader.poll("open", "?limit=1")
        reader.poll("open", "?limit=0")
        found = _keys(reader)
        told = [[found[one.id][name] for name in ("state", "waiting")] for one in (reader, idle)]
        assert told == [["failing", 2], ["never polled", 3]]
