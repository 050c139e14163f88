"""Findings pushed as JSON: what becomes of one, of many and of a stream, and what of one that is pushed again."""

from __future__ import annotations

import gzip
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from exchange import app, stix
from tests.protocol.apisite import MAIN, Asker, Site, site

PLANS = (
    MAIN
    + """
releases:
  staged:
    - { at: 0d, to: named }
    - { at: 30d, to: everyone }
"""
)


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Site]:
    with site(tmp_path) as found:
        found.apply(PLANS)
        yield found


def finding(**more: Any) -> dict[str, Any]:
    """The least that a finding says, and more."""
    return {
        "kind": "software-vulnerability",
        "title": "Heap overflow in the PNG decoder",
        "description": "A crafted image overwrites the heap.",
        "affected": [{"purl": "pkg:pypi/pillow@10.1.0"}],
        "found_by": [{"kind": "ai-system", "name": "Bughound", "autonomy": "supervised"}],
        **more,
    }


def push(who: Asker, body: Any, query: str = "", collection: str = "open", **headers: str) -> TestResponse:
    data = body if isinstance(body, bytes) else json.dumps(body)
    return who.ask(
        f"/api/v1/collections/{collection}/findings{query}", "POST",
        {"Content-Type": "application/json", **headers}, data=data,
    )  # fmt: skip


def lines(who: Asker, *findings: Any, raw: bytes = b"", **headers: str) -> list[dict[str, Any]]:
    """The answer to a stream, line by line."""
    data = raw or b"\n".join(json.dumps(one).encode() for one in findings)
    found = push(who, data, **{"Content-Type": "application/x-ndjson", **headers})
    assert found.status_code == 202, found.text
    return [json.loads(line) for line in found.data.splitlines()]


def taken(response: TestResponse) -> dict[str, Any]:
    assert response.status_code == 202, response.text
    found: dict[str, Any] = json.loads(response.data)
    return found


def refused(response: TestResponse, status: int = 422) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.content_type == "application/problem+json"
    found: dict[str, Any] = json.loads(response.data)
    return found


def read(who: Asker, collection: str = "open") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(who.poll(collection, "?match[version]=all").data).get("objects", [])
    return found


def test_one_finding_becomes_stix_that_any_member_polls(here: Site) -> None:
    told = taken(push(here.asker("maker"), finding(key="our-1")))
    objects = {o["id"]: o for o in read(here.asker("reader"))}
    assert list(told) == ["finding", "key", "status", "objects", "audience"]
    assert told["key"] == "our-1"
    assert told["finding"] == told["objects"][0]
    assert objects.keys() == set(told["objects"])
    assert sorted(o["type"] for o in objects.values()) == ["relationship", "software", "vulnerability"]
    assert objects[told["finding"]]["name"] == "Heap overflow in the PNG decoder"
    assert told["audience"] == {"now": ["you", "everyone that the collection lets read"]} or told["audience"]["now"]


def test_its_status_is_a_taxii_status(here: Site) -> None:
    maker = here.asker("maker")
    told = taken(push(maker, finding()))
    path = told["status"].partition("//")[2].partition("/")[2]
    status = json.loads(maker.ask(f"/{path}").data)
    assert status["success_count"] == 3
    assert {line["id"] for line in status["successes"]} == set(told["objects"])


def test_sent_again_unchanged_it_is_answered_alike_and_nothing_is_stored(here: Site) -> None:
    maker = here.asker("maker")
    first = push(maker, finding(key="our-1"))
    before = read(maker)
    again = push(maker, finding(key="our-1"))
    assert again.data == first.data
    assert read(maker) == before


def test_without_a_key_the_same_flaw_is_the_same_finding(here: Site) -> None:
    maker = here.asker("maker")
    first = taken(push(maker, finding()))
    again = taken(push(maker, finding(description="Seen again by the next run.")))
    assert again["finding"] == first["finding"]


def test_changed_it_is_a_new_version_of_what_changed_and_of_nothing_else(here: Site) -> None:
    maker = here.asker("maker")
    first = taken(push(maker, finding(key="our-1")))
    before = {o["id"]: o for o in read(maker)}
    taken(push(maker, finding(key="our-1", description="It overwrites 16 bytes of the heap.")))
    after = read(maker)
    assert len(after) == len(before) + 1
    (newer,) = [o for o in after if o not in before.values()]
    assert newer["id"] == first["finding"]
    assert newer["created"] == before[first["finding"]]["created"]
    assert newer["modified"] > before[first["finding"]]["modified"]


def test_what_it_no_longer_says_is_revoked(here: Site) -> None:
    maker = here.asker("maker")
    taken(push(maker, finding(key="our-1", workaround="Turn PNG off.")))
    taken(push(maker, finding(key="our-1")))
    newest = {o["id"]: o for o in sorted(read(maker), key=lambda o: o.get("modified", ""))}
    gone = {o["type"] for o in newest.values() if o.get("revoked")}
    assert gone == {"course-of-action", "relationship"}


def test_two_members_with_one_key_and_one_flaw_share_no_id(here: Site) -> None:
    first = taken(push(here.asker("maker"), finding(key="1", aliases=["CVE-2026-1234"])))
    second = taken(push(here.asker("other"), finding(key="1", aliases=["CVE-2026-1234"])))
    assert not set(first["objects"]) & set(second["objects"])


def test_recipients_are_held_by_the_exchange_and_stand_in_no_object(here: Site) -> None:
    maker, reader, other = here.asker("maker"), here.asker("reader"), here.asker("other")
    told = taken(push(maker, finding(recipients=["reader"], disclosure="staged")))
    assert {o["id"] for o in read(reader)} == set(told["objects"])
    assert read(other) == []
    assert all("member" not in json.dumps(o) and "reader" not in json.dumps(o) for o in read(reader))
    assert {m for o in read(reader) for m in o["object_marking_refs"]} == {
        "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"
    }


def test_an_embargo_of_its_own_lets_everyone_in_at_its_end(here: Site) -> None:
    maker = here.asker("maker")
    told = taken(push(maker, finding(recipients=["reader"], disclosure={"embargo_until": "2126-01-31T12:00:00Z"})))
    assert told["audience"]["later"] == [
        {"from": "2126-01-31T12:00:00Z", "to": ["everyone whom the collection lets read"]}
    ]
    assert read(here.asker("other")) == []
    assert read(here.asker("reader")) != []


@pytest.mark.parametrize("name", ["nobody", "shy", "asleep-x", "group:readers"])
def test_a_name_that_one_may_not_use_is_refused_whoever_it_is(here: Site, name: str) -> None:
    told = refused(push(here.asker("maker"), finding(recipients=[name])))
    (error,) = told["errors"]
    assert error["pointer"] == "/recipients/0"
    assert error["detail"].replace(f'"{name}"', '"NAME"').startswith('you cannot name "NAME" here;')


def test_every_fault_is_told_at_once_with_its_place_and_nothing_is_stored(here: Site) -> None:
    maker = here.asker("maker")
    bad = finding(kind="software", tlp="red", severity=["CVSS:3.1/AV:N"], cwe=["79"], recipent=["reader"])
    told = refused(push(maker, bad))
    assert {error["pointer"] for error in told["errors"]} >= {"/kind", "/cwe/0", "/recipent"}
    assert read(maker) == []


def test_of_several_the_good_ones_are_taken_and_the_others_listed_by_index(here: Site) -> None:
    maker = here.asker("maker")
    told = taken(push(maker, [finding(key="a"), {"kind": "x"}, finding(key="b"), finding(key="c", tlp="red")]))
    assert (told["taken"], told["refused"]) == (2, 2)
    assert [one["index"] for one in told["findings"]] == [0, 2]
    assert [one["index"] for one in told["failures"]] == [1, 3]
    assert told["failures"][1]["errors"][0]["pointer"] == "/tlp"
    assert len([o for o in read(maker) if o["type"] == "vulnerability"]) == 2


def test_where_none_of_several_is_good_the_answer_is_an_error_that_lists_them(here: Site) -> None:
    told = refused(push(here.asker("maker"), [{"kind": "x"}, finding(tlp="red")]))
    assert [one["index"] for one in told["failures"]] == [0, 1]


def test_a_stream_is_answered_line_by_line_and_its_sums_last(here: Site) -> None:
    maker = here.asker("maker")
    told = lines(maker, finding(key="a"), {"kind": "x"}, finding(key="b"))
    assert [one.get("index") for one in told] == [0, 1, 2, None]
    assert "errors" in told[1]
    assert told[-1] == {"taken": 2, "refused": 1}
    assert len(read(maker)) == 6


def test_a_stream_may_be_packed_and_its_lines_may_end_as_they_like(here: Site) -> None:
    text = b"\n\r\n".join(json.dumps(finding(key=str(n))).encode() for n in range(3)) + b"\r\n"
    told = lines(here.asker("maker"), raw=gzip.compress(text), **{"Content-Encoding": "gzip"})
    assert told[-1] == {"taken": 3, "refused": 0}


def test_what_is_no_json_in_a_stream_is_its_line_s_fault_alone(here: Site) -> None:
    text = b"\n".join([json.dumps(finding(key="a")).encode(), b"{", b'{"kind":1,"kind":2}', b"\xff"])
    told = lines(here.asker("maker"), raw=text)
    assert [("errors" in one) for one in told[:-1]] == [False, True, True, True]


def test_one_key_twice_in_a_push_is_two_states_of_one_finding(here: Site) -> None:
    maker = here.asker("maker")
    told = taken(push(maker, [finding(key="a"), finding(key="a", description="Better understood now.")]))
    assert told["findings"][0]["finding"] == told["findings"][1]["finding"]
    assert len({o["modified"] for o in read(maker) if o["type"] == "vulnerability"}) == 2


def test_a_push_that_says_the_same_otherwise_keeps_the_status_of_the_one_that_brought_it(here: Site) -> None:
    maker = here.asker("maker")
    first = taken(push(maker, finding()))
    named = taken(push(maker, finding(key=first["key"])))  # the key that it had anyway: other words, nothing to store
    again = taken(push(maker, finding(key=first["key"])))
    assert [one["status"] for one in (named, again)] == [first["status"]] * 2
    assert maker.ask(f"/{again['status'].partition('//')[2].partition('/')[2]}").status_code == 200


def _undated(audience: Any) -> str:
    """What an audience says; a stage's instant counts from the push, so it is another one second later."""
    return re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "then", json.dumps(audience))


def test_a_trial_stores_nothing_and_shows_the_objects_and_who_would_read_them(here: Site) -> None:
    maker = here.asker("maker")
    told = taken(push(maker, finding(recipients=["reader"], disclosure="staged"), "?dry_run=true"))
    assert told["dry_run"] is True
    assert len(told["objects"]) == 3
    assert "reader" in json.dumps(told["audience"])
    assert read(maker) == []
    real = taken(push(maker, finding(recipients=["reader"], disclosure="staged")))
    assert real["finding"] == told["finding"]
    assert _undated(real["audience"]) == _undated(told["audience"])


def test_the_query_says_for_all_what_a_finding_does_not_say_itself(here: Site) -> None:
    maker, other = here.asker("maker"), here.asker("other")
    told = taken(push(maker, finding(), "?tlp=amber&plan=staged&recipient=reader"))
    assert read(other) == []
    shown = [o for o in read(here.asker("reader")) if o["id"] == told["finding"]]
    assert shown[0]["object_marking_refs"] == ["marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421"]


@pytest.mark.parametrize(
    "query", ["?dry_run=yes", "?x=1", "?plan=a&plan=b", "?plan=staged&embargo_until=2126-01-01T00:00:00Z"]
)
def test_a_query_that_is_not_understood_is_an_error(here: Site, query: str) -> None:
    refused(push(here.asker("maker"), finding(), query), 400)


def test_a_bundle_is_taken_as_it_is(here: Site) -> None:
    bundle = {
        "type": "bundle", "id": "bundle--5d0092c5-5f74-4287-9642-33f4c354e56d",
        "objects": [{
            "type": "vulnerability", "spec_version": "2.1", "id": "vulnerability--5d0092c5-5f74-4287-9642-33f4c354e56d",
            "created": "2026-01-01T00:00:00.000Z", "modified": "2026-01-01T00:00:00.000Z", "name": "CVE-2026-1",
        }],
    }  # fmt: skip
    told = taken(push(here.asker("maker"), bundle))
    assert (told["taken"], told["refused"]) == (1, 0)
    assert read(here.asker("reader")) == bundle["objects"]


def test_who_may_not_write_there_learns_nothing_of_its_body(here: Site) -> None:
    refused(push(here.asker("reader", scope=("read",)), b"{", collection="open"), 403)
    refused(push(here.asker("maker"), b"{", collection="closed"), 404)
    refused(push(here.asker("maker"), b"{", collection="no-such"), 404)


def test_every_object_made_is_stix_without_a_fault(here: Site) -> None:
    maker = here.asker("maker")
    taken(push(maker, finding(
        severity=["CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"], cwe=["CWE-122"], aliases=["CVE-2026-1234"],
        remediation="Update.", evidence=[{"text": "PoC"}], atlas=["AML.T0043"], attack=["T1190"],
    )))  # fmt: skip
    objects = read(maker)
    assert len(objects) > 8
    assert [stix.faults(o, now=2**60) for o in objects] == [()] * len(objects)


def test_a_quota_refuses_what_is_too_much_says_when_and_loses_nothing(here: Site) -> None:
    here.apply(PLANS.replace("maker:  { name: The Maker,", "maker:  { name: The Maker, quota: 2,") + "quota: 1\n")
    maker = here.asker("maker")
    told = lines(maker, *(finding(key=str(n)) for n in range(3)))
    assert [("errors" in one) for one in told[:-1]] == [False, False, True]
    over = push(maker, finding(key="2"))
    assert over.status_code == 429
    assert 40_000 < int(over.headers["Retry-After"]) <= 43_200
    assert taken(push(maker, finding(key="1")))["key"] == "1", "what is there already costs nothing"


def test_what_its_publisher_deleted_comes_again_when_it_is_pushed_again(here: Site) -> None:
    maker = here.asker("maker")
    told = taken(push(maker, finding(key="a")))
    for one in told["objects"]:
        assert maker.ask(f"/exchange/collections/open/objects/{one}/", "DELETE").status_code == 200
    assert read(maker) == []
    assert taken(push(maker, finding(key="a")))["finding"] == told["finding"]
    assert len(read(maker)) == 3


def test_a_finding_tells_its_publisher_how_it_stands_and_who_of_the_named_was_served_it(here: Site) -> None:
    maker, reader = here.asker("maker"), here.asker("reader")
    told = taken(push(maker, finding(key="our-1", recipients=["reader"], disclosure="staged")))
    before = maker.told(f"findings/{told['finding']}")
    read(reader)
    after = maker.told(f"findings/{told['finding']}")
    (place,) = after["collections"]
    assert (place["collection"], place["mine"], place["key"]) == ("open", True, "our-1")
    assert (place["status"], place["objects"]) == (told["status"], told["objects"])
    assert before["collections"][0]["served"] == []
    assert [one["member"] for one in place["served"]] == ["reader"]


def test_its_reader_learns_when_others_come_to_read_it_and_nothing_of_who_else_does(here: Site) -> None:
    told = taken(push(here.asker("maker"), finding(recipients=["reader", "other"], disclosure="staged")))
    (place,) = here.asker("reader").told(f"findings/{told['finding']}")["collections"]
    assert set(place) == {"collection", "version", "date_added", "mine", "state", "stages"}
    assert [(stage["plan"], stage["to"]) for stage in place["stages"]] == [
        ("staged", ["named"]),
        ("staged", ["everyone"]),
    ]
    assert place["stages"][0]["from"] is None
    assert place["stages"][1]["from"].endswith("Z")


def test_a_hidden_finding_is_the_same_404_as_one_that_never_was(here: Site) -> None:
    told = taken(push(here.asker("maker"), finding(recipients=["reader"], disclosure="staged")))
    other = here.asker("other")
    hidden = other.ask(f"/api/v1/findings/{told['finding']}")
    unknown = other.ask("/api/v1/findings/vulnerability--5d0092c5-5f74-4287-9642-33f4c354e56d")
    said = [{k: v for k, v in json.loads(one.data).items() if k != "error_id"} for one in (hidden, unknown)]
    assert hidden.status_code == 404
    assert said[0] == said[1]


def test_a_request_with_the_same_idempotency_key_is_answered_as_before(here: Site) -> None:
    maker = here.asker("maker")
    first = push(maker, finding(key="a"), **{"Idempotency-Key": "one"})
    taken(push(maker, finding(key="a", description="Changed meanwhile.")))
    before = read(maker)
    assert push(maker, finding(key="a"), **{"Idempotency-Key": "one"}).data == first.data
    assert read(maker) == before, "the old state does not come back"


def test_an_idempotency_key_belongs_to_one_request_of_one_member(here: Site) -> None:
    maker, other = here.asker("maker"), here.asker("other")
    taken(push(maker, finding(key="a"), **{"Idempotency-Key": "one"}))
    refused(push(maker, finding(key="b"), **{"Idempotency-Key": "one"}))
    taken(push(other, finding(key="b"), **{"Idempotency-Key": "one"}))
    refused(push(maker, finding(key="b"), **{"Idempotency-Key": "x" * 256}), 400)


def test_an_anonymous_finding_tells_nobody_who_found_it(here: Site) -> None:
    anonymous = PLANS.replace("{ name: The Maker,", "{ name: The Maker, credit: anonymous,")
    here.apply(anonymous + "defaults: { anonymous-tick: 1s }\n")
    maker, reader = here.asker("maker"), here.asker("reader")
    told = taken(push(maker, finding(
        found_by=[{"kind": "ai-system", "name": "Bughound", "provider": "The Maker", "autonomy": "autonomous"}],
        verification={"state": "reproduced", "by": "The Maker"}, recipients=["reader"], disclosure="staged",
    )))  # fmt: skip
    assert read(reader) == []
    releaser = app.releaser(here.exchange)
    deadline = time.monotonic() + 10
    while not (copies := read(reader)) and time.monotonic() < deadline:
        releaser.round()
        time.sleep(0.1)
    assert len(copies) == 3
    kept = {o["id"] for o in copies} & set(told["objects"])
    assert all(one.startswith("software--") for one in kept), "an observable belongs to nobody"
    text = json.dumps(copies)
    assert "Maker" not in text
    assert "Bughound" not in text
    assert '"autonomous"' in text
    assert read(here.asker("other")) == []


def test_what_a_finding_no_longer_says_is_taken_back_from_those_who_had_it_and_told_to_nobody_else(here: Site) -> None:
    maker = here.asker("maker")
    owned = [{"product": "Pump"}, {"asset": {"host": "pump.example"}}]
    taken(push(maker, finding(key="k", recipients=["other"], affected=owned, evidence=[{"text": "The exploit."}])))
    taken(push(maker, finding(key="k", affected=owned[:1])))

    told = json.dumps(read(here.asker("reader")))
    assert "Heap overflow" in told
    assert "pump.example" not in told
    assert "The exploit." not in told
    ended = [o for o in read(here.asker("other")) if o.get("revoked")]
    assert {o["type"] for o in ended} >= {"infrastructure", "note"}
