"""`POST /api/v1/findings/ID/recipients`: more read the same bytes, nobody whom a rule keeps out, and only one's own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from exchange import audit, explaining, inforce, recipients, store
from tests.commands import command
from tests.protocol.apisite import MAIN, Asker, Site, faults, files, site
from tests.protocol.served import BUILT_IN_AMBER, indicator

STRICT = "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003"
PLAN = "releases:\n  slow:\n    - { at: 0d, to: named }\n    - { at: 400d, to: everyone }\n"
on_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def here(tmp_path: Path, database: str) -> Iterator[Site]:
    with site(tmp_path, database) as found:
        yield found
        with store.reading(found.exchange.engine) as conn:
            state = inforce.current(conn)
            assert state
            assert audit.audit(conn, state.readers) == []


def name(asker: Asker, stix_id: str, body: Any, **headers: str) -> tuple[int, dict[str, Any]]:
    found = asker.ask(
        f"/api/v1/findings/{stix_id}/recipients", "POST", {"Content-Type": "application/json"} | headers,
        data=body if isinstance(body, bytes) else json.dumps(body),
    )  # fmt: skip
    answer: dict[str, Any] = json.loads(found.data)
    return found.status_code, answer


def named(asker: Asker, stix_id: str, **names: list[str]) -> list[tuple[str, bool, str]]:
    status, answer = name(asker, stix_id, names)
    assert status == 200, answer
    assert faults("Recipients", answer) == []
    return [(one["collection"], one["changed"], one["message"]) for one in answer["versions"]]


def objects(asker: Asker, collection: str = "open", query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(asker.poll(collection, query).data).get("objects", [])
    return found


def words(asker: Asker) -> dict[str, str]:
    return {o["name"]: o["id"] for o in objects(asker, "policy")}


def test_whoever_is_added_gets_the_same_bytes_and_nobody_else_notices(here: Site) -> None:
    maker, reader, other, shy = (here.asker(who) for who in ("maker", "reader", "other", "shy"))
    one = indicator(object_marking_refs=[BUILT_IN_AMBER, words(maker)["member:other"]])
    maker.post("open", one)
    cursor = other.poll("open").headers["X-TAXII-Date-Added-Last"]
    assert objects(reader) == []

    assert named(maker, one["id"], members=["reader"]) == [("open", True, "")]

    assert objects(reader) == [one] == objects(maker)
    assert objects(other, query=f"?added_after={cursor}") == objects(shy) == []
    assert named(maker, one["id"], members=["reader"]) == [("open", False, recipients.KEPT_OUT)]
    with store.reading(here.exchange.engine) as conn:
        state = inforce.current(conn)
        assert state
        [block] = explaining.explain(conn, state, "reader", one["id"], here.exchange.clock.now(conn))
    assert block.readable
    assert "and it is named" in " ".join(step.because for step in block.steps)


def test_of_a_group_those_come_in_whom_tlp_lets_in_and_who_is_named_does(here: Site) -> None:
    maker, other, reader = (here.asker(who) for who in ("maker", "other", "reader"))
    one = indicator(object_marking_refs=[BUILT_IN_AMBER, words(maker)["group:club"]])
    strict = indicator(object_marking_refs=[STRICT, words(maker)["group:club"]])
    maker.post("open", one)
    maker.post("post", strict)

    assert named(maker, one["id"], groups=["makers"]) == [("open", True, "")]
    assert [objects(other), objects(reader)] == [[one], []]
    assert named(maker, strict["id"], groups=["readers"]) == [("post", True, "")]
    assert objects(reader, "post") == [strict]


@on_sqlite
def test_what_addresses_nobody_in_particular_stays_as_it_is(here: Site) -> None:
    maker, shy = here.asker("maker"), here.asker("shy")
    one = indicator()
    maker.post("open", one)
    assert named(maker, one["id"], members=["reader"]) == [("open", False, recipients.OPEN)]
    assert objects(shy) == [one]


@on_sqlite
def test_under_a_plan_whoever_is_added_fills_the_stage_for_the_named(here: Site) -> None:
    inforce.put(here.exchange.engine, files(MAIN + PLAN), here.exchange.clock)
    maker, reader, shy = (here.asker(who) for who in ("maker", "reader", "shy"))
    one = indicator(object_marking_refs=[words(maker)["release:slow"]])
    maker.post("open", one)
    assert objects(reader) == []
    # What the plan says since then is not for running deposits.
    inforce.put(here.exchange.engine, files(MAIN + PLAN.replace("400d", "0d")), here.exchange.clock)

    assert named(maker, one["id"], members=["reader"]) == [("open", True, "")]
    assert [objects(reader), objects(shy)] == [[one], []]


@on_sqlite
def test_what_it_refers_to_holds_for_whoever_is_added_too(here: Site) -> None:
    maker, reader = here.asker("maker"), here.asker("reader")
    known = words(maker)
    hidden = indicator(object_marking_refs=[known["named-only"]])
    note = {
        "type": "note", "spec_version": "2.1", "id": hidden["id"].replace("indicator", "note"), "content": "x",
        "created": hidden["created"], "modified": hidden["modified"], "object_refs": [hidden["id"]],
        "object_marking_refs": [known["member:other"]],
    }  # fmt: skip
    maker.post("open", hidden, note)

    assert named(maker, note["id"], members=["reader"]) == [("open", False, recipients.KEPT_OUT)]
    assert objects(reader) == []
    assert named(maker, hidden["id"], members=["reader"]) == [("open", True, "")]
    assert sorted(o["type"] for o in objects(reader)) == ["indicator", "note"]


def test_another_s_id_is_answered_like_one_that_nobody_has(here: Site) -> None:
    maker, other = here.asker("maker"), here.asker("other")
    theirs, gone = indicator(), indicator()
    other.post("open", theirs)
    maker.post("open", gone)
    maker.ask(f"/exchange/collections/open/objects/{gone['id']}/", "DELETE")
    answers = [name(maker, i, {"members": ["reader"]}) for i in (theirs["id"], gone["id"], indicator()["id"], "x")]
    for status, answer in answers:
        assert status == 404
        assert {**answer, "error_id": ""} == {**answers[0][1], "error_id": ""}


WRONG: list[tuple[Any, int, str]] = [
    (b"", 400, "send a JSON object"),
    (b"{", 400, "not JSON"),
    (b"[]", 400, "not a JSON object"),
    ({"member": ["reader"]}, 422, '"member" is no property of this: it takes "groups", "members"'),
    ({"members": "reader"}, 422, '"members" is not a list'),
    ({"members": [1]}, 422, '"members" is not a list'),
    ({}, 422, "Nobody is named"),
    ({"members": ["shy", "nobody", "maker"]}, 422, "You cannot name: nobody, shy."),
    ({"groups": ["everyone"]}, 422, "You cannot name: everyone."),
]


@on_sqlite
def test_what_is_wrong_with_a_body_is_told(here: Site) -> None:
    maker = here.asker("maker")
    one = indicator(object_marking_refs=[words(maker)["named-only"]])
    maker.post("open", one)
    for body, status, said in WRONG:
        found, answer = name(maker, one["id"], body)
        assert (found, said in answer["detail"]) == (status, True), answer
        assert faults("Problem", answer) == []


@on_sqlite
def test_who_is_added_to_what_is_held_reads_it_once_it_is_approved(here: Site) -> None:
    made = files(MAIN.replace("relays: true }", "roles: [coordinator] }"))
    made["collections/open.yaml"] += "moderate: [other]\n"
    inforce.put(here.exchange.engine, made, here.exchange.clock)
    maker, reader = here.asker("maker"), here.asker("reader")
    one = indicator(object_marking_refs=[words(maker)["named-only"]])
    maker.post("open", one)

    assert named(maker, one["id"], members=["reader"]) == [("open", False, recipients.WAITS)]
    assert objects(reader) == []
    database = {"EXCHANGE_DATABASE": here.exchange.engine.url.render_as_string()}
    assert command.run("approve", one["id"], "--home", here.exchange.home, env=database).exit_code == 0
    assert objects(reader) == [one]


@on_sqlite
def test_a_key_does_what_it_may(here: Site) -> None:
    maker = here.asker("maker")
    one = indicator(object_marking_refs=[words(maker)["named-only"]])
    maker.post("open", one)
    asked: dict[str, Any] = {"members": ["reader"]}

    assert name(here.asker("maker", scope=("read",)), one["id"], asked)[0] == 403
    assert name(here.asker("maker", collections=[]), one["id"], asked)[0] == 403
    assert name(maker, one["id"], asked, Authorization="Bearer no")[0] == 401
    assert name(maker, one["id"], asked, **{"Content-Type": "application/taxii+json;version=2.1"})[0] == 415
    assert maker.ask(f"/api/v1/findings/{one['id']}/recipients").status_code == 405
    assert objects(here.asker("reader")) == []
