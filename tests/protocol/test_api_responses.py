"""`/api/v1/findings/ID/responses`: an answer as a few facts, and how far a finding is, for who may know."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from exchange import answers
from tests.protocol import answersite
from tests.protocol.answersite import MAIN, flaw, ids, objects, opinion, release, sighting, taken
from tests.protocol.apisite import Asker, Stage, faults, staged

on_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def stage(tmp_path: Path, database: str) -> Iterator[Stage]:
    with staged(tmp_path, database, answersite.files()) as found:
        yield found


def ask(asker: Asker, stix_id: str, body: Any) -> tuple[int, dict[str, Any]]:
    path, headers = f"/api/v1/findings/{stix_id}/responses", {"Content-Type": "application/json"}
    found = asker.ask(path, "POST", headers, data=json.dumps(body))
    answer: dict[str, Any] = json.loads(found.data)
    assert faults("Responded" if found.status_code == 200 else "Problem", answer) == []
    return found.status_code, answer


def say(asker: Asker, stix_id: str, **body: Any) -> dict[str, Any]:
    status, answer = ask(asker, stix_id, body)
    assert status == 200, answer
    return answer


def told(asker: Asker, stix_id: str) -> dict[str, Any]:
    answer = asker.told(f"findings/{stix_id}/responses")
    assert faults("Responses", answer) == []
    return answer


def parties(asker: Asker, stix_id: str) -> dict[str, tuple[str | None, str | None]]:
    return {one["party"]: (one["status"], one["state"]) for one in told(asker, stix_id)["parties"]}


def published(stage: Stage, stix_id: str) -> None:
    done = stage.run("release", stix_id)
    assert done.exit_code == 0, done.stderr
    stage.round()


def test_a_status_is_the_note_that_a_client_would_have_posted_and_said_again_it_is_nothing_new(stage: Stage) -> None:
    lab, maker, rival, coord = (stage.here.asker(name) for name in ("lab", "maker", "rival", "coord"))
    found = flaw(lab, "maker", "rival")
    taken(lab, "findings", found)

    given = say(maker, found["id"], status="fixed", text="In 2.1.", products=["pkg:npm/a@2.1"])

    assert (given["collection"], given["status"], given["useful"], given["changed"]) == (
        "findings",
        "fixed",
        None,
        True,
    )
    [note] = [o for o in objects(lab) if o["type"] == "note"]
    assert (note["id"], note["labels"], note["object_refs"]) == (given["response"], ["status:fixed"], [found["id"]])
    assert note["content"] == "In 2.1.\nProducts: pkg:npm/a@2.1"
    before = maker.told("submissions")["submissions"]
    again = say(maker, found["id"], status="fixed", text="In 2.1.", products=["pkg:npm/a@2.1"])
    assert again == given | {"changed": False}
    assert maker.told("submissions")["submissions"] == before
    assert note["id"] not in ids(rival)
    assert note["id"] in ids(coord)


@on_sqlite
def test_the_last_word_counts_and_each_status_keeps_its_note(stage: Stage) -> None:
    lab, maker = stage.here.asker("lab"), stage.here.asker("maker")
    found = flaw(lab, "maker")
    taken(lab, "findings", found)
    first = say(maker, found["id"], status="affected", at="2026-01-02T03:04:05Z")
    say(maker, found["id"], status="not-affected")
    assert parties(lab, found["id"]) == {"maker": ("not-affected", "invalid")}
    assert say(maker, found["id"], status="affected") == first
    assert parties(lab, found["id"]) == {"maker": ("affected", "valid")}
    assert parties(maker, found["id"]) == {"you": ("affected", "valid")}
    [note] = [o for o in objects(lab) if o["id"] == first["response"]]
    assert note["created"] == "2026-01-02T03:04:05.000Z"


def test_who_sees_whose_answers(stage: Stage) -> None:
    lab, maker, rival, coord, bank = (stage.here.asker(n) for n in ("lab", "maker", "rival", "coord", "bank"))
    found = flaw(lab, "maker", "rival", "coord")
    taken(lab, "findings", found)
    say(maker, found["id"], status="fix-planned")
    say(rival, found["id"], status="wont-fix")
    everything = {"maker": ("fix-planned", "accepted"), "rival": ("wont-fix", "deferred")}

    assert parties(lab, found["id"]) == parties(coord, found["id"]) == everything
    assert parties(maker, found["id"]) == {"you": ("fix-planned", "accepted")}
    assert parties(rival, found["id"]) == {"you": ("wont-fix", "deferred")}
    assert bank.ask(f"/api/v1/findings/{found['id']}/responses").status_code == 404
    assert told(lab, found["id"])["case"]["embargo"] == "active"

    published(stage, found["id"])

    assert parties(bank, found["id"]) == everything
    case = told(bank, found["id"])["case"]
    assert (case["embargo"], case["public"], case["vendor_aware"]) == ("exited", True, True)


def test_what_one_may_not_read_is_answered_like_what_nobody_has(stage: Stage) -> None:
    lab, rival = stage.here.asker("lab"), stage.here.asker("rival")
    hidden = flaw(lab, "maker")
    taken(lab, "findings", hidden)
    unknown = [f"vulnerability--{uuid.uuid4()}", f"malware--{uuid.uuid4()}", "x"]
    for body in ({"status": "fixed"}, {"useful": "useful"}, {"status": "nothing"}, {}):
        (status, first), *others = (ask(rival, i, body) for i in (hidden["id"], *unknown))
        assert status == 404
        assert [(s, {**a, "error_id": ""}) for s, a in others] == [(404, {**first, "error_id": ""})] * 3
    assert [o for o in objects(lab) if o["type"] != "vulnerability"] == []


def test_an_anonymous_finder_is_told_what_was_answered_to_its_copy(stage: Stage) -> None:
    quiet, maker = stage.here.asker("quiet"), stage.here.asker("maker")
    mine = flaw(quiet, "maker")
    taken(quiet, "findings", mine)
    release(stage)
    [copy] = [o for o in objects(maker) if o["type"] == "vulnerability"]
    say(maker, copy["id"], status="affected")
    say(maker, copy["id"], useful="acted-on")
    answer = told(quiet, mine["id"])
    assert answer["known_as"] == copy["id"]
    assert [(p["party"], p["status"]) for p in answer["parties"]] == [("maker", "affected")]
    assert answer["usefulness"]["acted-on"] == 1
    assert quiet.ask(f"/api/v1/findings/{copy['id']}/responses").status_code == 404
    assert told(maker, copy["id"])["known_as"] is None


@on_sqlite
def test_an_anonymous_owner_stays_so_and_two_of_its_answers_are_not_put_together(stage: Stage) -> None:
    lab, quiet = stage.here.asker("lab"), stage.here.asker("quiet")
    found = flaw(lab, "quiet")
    taken(lab, "findings", found)
    say(quiet, found["id"], status="affected")
    say(quiet, found["id"], status="fixed")
    assert told(lab, found["id"])["parties"] == []
    release(stage)
    assert sorted((p["party"], p["status"]) for p in told(lab, found["id"])["parties"]) == [
        ("an anonymous member", "affected"),
        ("an anonymous member", "fixed"),
    ]
    assert parties(quiet, found["id"]) == {"you": ("fixed", "accepted")}


@on_sqlite
def test_a_member_that_is_not_listed_is_not_named(stage: Stage) -> None:
    stage.apply(answersite.files(MAIN.replace("name: The Maker,", "name: The Maker, listed: false,")))
    lab, maker = stage.here.asker("lab"), stage.here.asker("maker")
    found = flaw(lab, "rival") | {"object_marking_refs": [answersite.words(lab)["group:vendors"]]}
    taken(lab, "findings", found)
    say(maker, found["id"], status="affected")
    assert parties(lab, found["id"]) == {"another member": ("affected", "valid")}


def test_usefulness_is_a_sum_of_last_words_for_the_publisher_alone(stage: Stage) -> None:
    lab, maker, rival, coord = (stage.here.asker(n) for n in ("lab", "maker", "rival", "coord"))
    found = flaw(lab, "maker", "rival", "coord")
    taken(lab, "findings", found)
    say(maker, found["id"], useful="useful")
    say(maker, found["id"], useful="acted-on")
    taken(rival, "findings", opinion(found["id"], "acted-on"), opinion(found["id"], "acted-on"))
    assert told(lab, found["id"])["usefulness"] == {
        "useful": 0, "already-known": 0, "false-positive": 0, "acted-on": 2
    }  # fmt: skip
    assert [told(x, found["id"])["usefulness"] for x in (maker, rival, coord)] == [None] * 3
    assert [p["party"] for p in told(lab, found["id"])["parties"]] == []
    assert [p["party"] for p in told(maker, found["id"])["parties"]] == ["you"]


@on_sqlite
def test_attacks_that_were_seen_end_an_embargo_by_the_coordinator_s_word(stage: Stage) -> None:
    lab, maker, coord = (stage.here.asker(n) for n in ("lab", "maker", "coord"))
    found = flaw(lab, "maker", "coord")
    taken(lab, "findings", found)
    taken(maker, "findings", sighting(found["id"]))
    taken(maker, "findings", sighting(found["id"]) | {"labels": ["exploit-public"]})
    case = told(coord, found["id"])["case"]
    assert (case["attacks_seen"], case["exploit_public"], case["must_end"]) == (
        True, True, ["exploit-public", "attacks-seen"]
    )  # fmt: skip
    published(stage, found["id"])
    assert told(coord, found["id"])["case"]["must_end"] == []


@on_sqlite
def test_where_one_may_not_write_the_box_takes_it_or_the_mend_is_told(stage: Stage) -> None:
    lab, maker = stage.here.asker("lab"), stage.here.asker("maker")
    found = flaw(lab, "maker")
    taken(lab, "watched", found)
    assert say(maker, found["id"], status="received")["collection"] == "replies"
    files = answersite.files()
    files["collections/watched.yaml"] = files["collections/watched.yaml"].replace("responses: replies\n", "")
    stage.apply(files)
    status, answer = ask(maker, found["id"], {"status": "fixed"})
    assert (status, "`responses:`" in answer["detail"]) == (403, True)


def openvex(*statements: tuple[str, str, str]) -> dict[str, Any]:
    """(vulnerability, status, product) each."""
    return {
        "@context": "https://openvex.dev/ns/v0.2.0", "@id": "https://maker.example/vex/1", "author": "The Maker",
        "timestamp": "2026-01-01T00:00:00Z", "version": 1,
        "statements": [
            {"vulnerability": {"name": name}, "status": status, "products": [{"@id": product}],
             "justification": "component_not_present"}
            for name, status, product in statements
        ],
    }  # fmt: skip


@on_sqlite
def test_a_vex_document_says_it_too(stage: Stage) -> None:
    lab, maker = stage.here.asker("lab"), stage.here.asker("maker")
    named = [{"source_name": "cve", "external_id": "CVE-2026-1000"}]
    found = flaw(lab, "maker", external_references=named)
    taken(lab, "findings", found)
    whole = openvex(
        ("CVE-2026-1000", "fixed", "pkg:npm/a@2"),
        ("CVE-2026-1000", "affected", "pkg:npm/a@1"),
        ("CVE-2026-1001", "not_affected", "pkg:npm/b@1"),
    )
    status, answer = ask(maker, found["id"], whole)
    assert (status, answer["status"]) == (200, "affected"), answer
    [note] = [o for o in objects(lab) if o["type"] == "note"]
    assert note["content"] == "Affected.\nProducts: pkg:npm/a@1"
    one = openvex(("what we call it", "not_affected", "pkg:npm/b@1"))
    assert ask(maker, found["id"], one)[1]["status"] == "not-affected"
    several = openvex(("x", "fixed", "pkg:npm/a@1"), ("y", "fixed", "pkg:npm/a@1"))
    assert "none is called like the finding" in ask(maker, found["id"], several)[1]["detail"]
    assert ask(maker, found["id"], openvex(("x", "unknown", "pkg:npm/a@1")))[0] == 422


WRONG: list[tuple[Any, int, str]] = [
    ({}, 422, 'Say one of "status" and "useful".'),
    ({"status": "fixed", "useful": "useful"}, 422, 'Say one of "status" and "useful".'),
    ({"status": "done"}, 422, f'"status" is none of: {", ".join(answers.STATUSES)}.'),
    ({"useful": "yes"}, 422, '"useful" is none of: useful, already-known, false-positive, acted-on.'),
    ({"status": "fixed", "at": "yesterday"}, 422, '"at" is not an instant'),
    ({"status": "fixed", "at": "2999-01-01T00:00:00Z"}, 422, '"at" is still to come.'),
    ({"status": "fixed", "text": "x" * 10_001}, 422, '"text" is longer'),
    ({"status": "fixed", "products": "all"}, 422, '"products" is not a list'),
    ({"state": "fixed"}, 422, '"state" is no property of this'),
]


@on_sqlite
def test_what_is_wrong_with_a_body_is_told(stage: Stage) -> None:
    lab, maker = stage.here.asker("lab"), stage.here.asker("maker")
    found = flaw(lab, "maker")
    taken(lab, "findings", found)
    for body, status, said in WRONG:
        got, answer = ask(maker, found["id"], body)
        assert (got, said in answer["detail"]) == (status, True), answer
    assert ask(lab, found["id"], {"status": "fixed"})[0] == 422
    for scope in ("read", "write"):
        assert ask(stage.here.asker("maker", scope=(scope,)), found["id"], {"status": "fixed"})[0] == 403
