"""Responses over TAXII: an owner's note reaches the finder and coordinators, and others once the finding is public."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from exchange import answers, explaining, inforce, store
from tests.protocol import answersite, served
from tests.protocol.answersite import MAIN, flaw, ids, note, objects, opinion, release, sighting, taken
from tests.protocol.apisite import Asker, Stage, staged

on_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
FIRST_WORDS = "for the publisher of"


@pytest.fixture
def stage(tmp_path: Path, database: str) -> Iterator[Stage]:
    with staged(tmp_path, database, answersite.files()) as found:
        yield found


def everyone(stage: Stage) -> tuple[Asker, ...]:
    return tuple(stage.here.asker(name) for name in ("lab", "maker", "rival", "coord", "bank"))


def published(stage: Stage, stix_id: str) -> None:
    """The embargo ends."""
    done = stage.run("release", stix_id)
    assert done.exit_code == 0, done.stderr
    stage.round()


def test_a_status_note_is_read_by_the_finder_and_the_coordinators_alone_until_the_finding_is_public(
    stage: Stage,
) -> None:
    lab, maker, rival, coord, bank = everyone(stage)
    found = flaw(lab, "maker", "rival")
    taken(lab, "findings", found)
    answer = note(found["id"], "status:fix-planned")

    [said] = taken(maker, "findings", answer)

    assert said.startswith(f"for the publisher of {found['id']} and the coordinators")
    assert "not deposited by you" not in said
    assert answer in objects(lab)
    assert ids(coord) == [answer["id"]]
    assert set(ids(maker)) == {found["id"], answer["id"]}
    assert ids(rival) == [found["id"]]
    assert ids(bank) == []
    cursor = rival.poll("findings").headers["X-TAXII-Date-Added-Last"]

    published(stage, found["id"])

    assert set(ids(bank)) == {found["id"], answer["id"]}
    late = json.loads(rival.poll("findings", f"?added_after={cursor}&match[type]=note").data)["objects"]
    assert answer["id"] in [o["id"] for o in late]


@on_sqlite
def test_a_response_to_what_is_public_is_public(stage: Stage) -> None:
    lab, maker, rival, _, bank = everyone(stage)
    found = flaw(lab, "maker")
    taken(lab, "findings", found)
    published(stage, found["id"])
    answer = note(found["id"], "status:fixed")
    taken(rival, "findings", answer)
    assert {answer["id"], found["id"]} <= set(ids(bank)) & set(ids(maker))


@on_sqlite
def test_what_is_closed_again_closes_its_responses(stage: Stage) -> None:
    lab, maker, _, coord, bank = everyone(stage)
    found = flaw(lab, "maker")
    taken(lab, "findings", found)
    published(stage, found["id"])
    answer = note(found["id"], "status:fixed")
    taken(maker, "findings", answer)
    stage.round()
    assert answer["id"] in ids(bank)
    only = answersite.words(lab)["named-only"]
    newer = found | {"modified": "2024-02-01T00:00:00.000Z"}
    newer["object_marking_refs"] = [*found["object_marking_refs"], only]
    taken(lab, "findings", newer)
    stage.round()
    assert {found["id"], answer["id"]} & set(ids(bank)) == set()
    assert answer["id"] in ids(maker)
    assert answer["id"] in ids(lab)
    assert answer["id"] in ids(coord)


def test_an_anonymous_finder_reads_the_response_to_its_copy_and_nobody_can_tell_whose_it_is(stage: Stage) -> None:
    quiet, maker, rival, coord = (stage.here.asker(name) for name in ("quiet", "maker", "rival", "coord"))
    mine = flaw(quiet, "maker", "rival")
    taken(quiet, "findings", mine)
    release(stage)
    [copy] = [o for o in objects(maker) if o["type"] == "vulnerability"]
    assert copy["id"] != mine["id"]
    answer = note(copy["id"], "status:affected")

    [said] = taken(maker, "findings", answer)

    assert "quiet" not in said.lower()
    assert answer in objects(quiet)
    assert answer in objects(coord)
    assert answer["id"] not in ids(rival)
    assert copy["id"] not in ids(quiet)


@on_sqlite
def test_an_anonymous_owner_answers_with_a_copy(stage: Stage) -> None:
    quiet, lab, rival = (stage.here.asker(name) for name in ("quiet", "lab", "rival"))
    found = flaw(lab, "quiet", "rival")
    taken(lab, "findings", found)
    answer = note(found["id"], "status:affected")
    taken(quiet, "findings", answer)
    assert [o for o in objects(lab) if o["type"] == "note"] == []
    release(stage)
    [copy] = [o for o in objects(lab) if o["type"] == "note"]
    assert copy["id"] != answer["id"]
    assert copy["object_refs"] == [found["id"]]
    assert [o for o in objects(rival) if o["type"] == "note"] == []
    published(stage, found["id"])
    release(stage)
    assert copy["id"] in ids(rival)


def test_a_response_box_takes_what_the_collection_does_not(stage: Stage) -> None:
    lab, maker, rival, coord, bank = everyone(stage)
    found = flaw(lab, "maker", "rival")
    taken(lab, "watched", found)
    assert maker.ask("/exchange/collections/watched/objects/", "POST").status_code in (403, 415)
    answer = note(found["id"], "status:received")
    taken(maker, "replies", answer)
    assert ids(lab, "replies") == ids(coord, "replies") == ids(maker, "replies") == [answer["id"]]
    assert ids(rival, "replies") == ids(bank, "replies") == []


def test_a_response_to_what_is_hidden_is_answered_like_one_to_what_nobody_has(stage: Stage) -> None:
    lab, maker, rival, *_ = everyone(stage)
    hidden = flaw(lab, "maker")
    taken(lab, "findings", hidden)
    unknown = f"vulnerability--{uuid.uuid4()}"
    for made in (lambda i: note(i, "status:fixed"), opinion, lambda i: opinion(i, "useful"), sighting):
        said = [taken(rival, "findings", made(i))[0].replace(i, "ID") for i in (hidden["id"], unknown)]
        assert said[0] == said[1]
        assert "not deposited by you: whoever reads this reads that id" in said[0]
    assert [o["type"] for o in objects(lab) if o["type"] != "vulnerability"] == [
        o["type"] for o in objects(maker) if o["type"] != "vulnerability"
    ]


@on_sqlite
def test_what_is_said_elsewhere_is_no_response(stage: Stage) -> None:
    lab, maker, *_ = everyone(stage)
    found = flaw(lab, "maker")
    taken(lab, "findings", found)
    [said] = taken(maker, "elsewhere", note(found["id"], "status:fixed"))
    assert not said.startswith(FIRST_WORDS)


@on_sqlite
def test_one_s_own_finding_is_answered_under_its_own_rules(stage: Stage) -> None:
    lab, maker, rival, coord, bank = everyone(stage)
    found = flaw(lab, "maker")
    taken(lab, "findings", found)
    taken(lab, "findings", own := note(found["id"], "status:fixed"))
    assert own["id"] in ids(maker) or own["id"] not in ids(bank)
    assert own["id"] not in ids(rival)
    assert own["id"] not in ids(coord)


@on_sqlite
@pytest.mark.parametrize("level", ["red", "amber+strict"])
def test_the_tlp_of_a_response_is_kept(stage: Stage, level: str) -> None:
    stage.apply(answersite.files(MAIN.replace("roles: [coordinator]", "roles: [coordinator], relays: true")))
    lab, maker, rival, coord, bank = everyone(stage)
    found = flaw(lab, "maker", "rival")
    taken(lab, "findings", found)
    marks = {"red": "e828b379-4e03-4974-9ac4-e53a884c97c1", "amber+strict": "939a9414-2ddd-4d32-a0cd-375ea402b003"}
    answer = note(found["id"], "status:fixed", object_marking_refs=[f"marking-definition--{marks[level]}"])
    taken(maker, "findings", answer)
    assert answer["id"] in ids(lab)
    assert [answer["id"] in ids(x) for x in (rival, coord, bank)] == [False, False, False]


def test_sightings_and_opinions_of_a_finding_are_for_the_finder_and_the_coordinators(stage: Stage) -> None:
    lab, maker, rival, coord, bank = everyone(stage)
    found = flaw(lab, "maker", "rival")
    taken(lab, "findings", found)
    seen, thought = sighting(found["id"]), opinion(found["id"], value="strongly-disagree")
    taken(maker, "findings", seen, thought)
    assert {seen["id"], thought["id"]} <= set(ids(lab)) & set(ids(coord))
    assert ids(rival) == [found["id"]]
    assert ids(bank) == []


def test_what_a_finding_was_good_for_is_counted_and_read_by_its_author_alone(stage: Stage) -> None:
    lab, maker, rival, coord, bank = everyone(stage)
    found = flaw(lab, "maker", "rival")
    taken(lab, "findings", found)
    published(stage, found["id"])
    useful = opinion(found["id"], "acted-on")
    [said] = taken(maker, "findings", useful)
    assert said.startswith("counted for the publisher of")
    assert useful["id"] in ids(maker)
    assert [useful["id"] in ids(x) for x in (lab, rival, coord, bank)] == [False] * 4


def test_a_sighting_of_what_is_under_an_embargo_is_told_to_the_coordinators_at_once(stage: Stage) -> None:
    lab, maker, rival, coord, bank = everyone(stage)
    found = flaw(lab, "maker", "rival")
    taken(lab, "findings", found)
    taken(maker, "findings", seen := sighting(found["id"]))
    taken(maker, "findings", public := sighting(found["id"]) | {"labels": ["exploit-public"]})
    assert stage.round() == 2
    told = {tuple(o["labels"]): o["object_refs"] for o in objects(coord) if o["type"] == "note"}
    assert told == {("alarm", "attacks-seen"): [seen["id"]], ("alarm", "exploit-public"): [public["id"]]}
    assert [o for x in (lab, maker, rival, bank) for o in objects(x) if o["type"] == "note"] == []
    published(stage, found["id"])
    taken(rival, "findings", sighting(found["id"]))
    assert stage.round(3_600_000_000) == 0


@on_sqlite
def test_an_unknown_status_is_refused_with_the_list(stage: Stage) -> None:
    lab, maker, *_ = everyone(stage)
    found = flaw(lab, "maker")
    taken(lab, "findings", found)
    other = flaw(lab, "maker")
    made = [
        note(found["id"], "status:done"),
        note(found["id"], "status:fixed", "status:received"),
        note(found["id"], "status:fixed") | {"object_refs": [found["id"], other["id"]]},
        opinion(found["id"], "useful", "acted-on"),
    ]
    listed = ", ".join(answers.STATUSES)
    failures = {one["id"]: one["message"] for one in maker.post("findings", *made)["failures"]}
    assert failures[made[0]["id"]] == f'"status:done" is no status: write status: and one of {listed}.'
    assert [failures[o["id"]] for o in made[1:3]] == [
        "a status note says one status of one finding: send a note for each."
    ] * 2
    assert "send an opinion for each" in failures[made[3]["id"]]


@on_sqlite
def test_who_becomes_a_coordinator_reads_the_responses_that_there_are(stage: Stage) -> None:
    lab, maker, _, coord, bank = everyone(stage)
    found = flaw(lab, "maker")
    taken(lab, "findings", found)
    taken(maker, "findings", answer := note(found["id"], "status:fixed"))
    assert ids(bank) == []
    stage.apply(answersite.files(MAIN.replace("in: [banks]", "in: [banks], roles: [coordinator]").replace(
        ", roles: [coordinator] }\n  bank", " }\n  bank"
    )))  # fmt: skip
    assert ids(bank) == [answer["id"]]
    assert ids(coord) == []


@on_sqlite
def test_explain_says_why_a_response_is_read_or_not(stage: Stage) -> None:
    lab, maker, *_ = everyone(stage)
    found = flaw(lab, "maker", "rival")
    taken(lab, "findings", found)
    taken(maker, "findings", answer := note(found["id"], "status:fixed"))
    with store.reading(stage.here.exchange.engine) as conn:
        state = inforce.current(conn)
        assert state
        now = stage.here.exchange.clock.now(conn)
        told = {who: explaining.explain(conn, state, who, answer["id"], now) for who in ("lab", "rival", "coord")}
    assert [block.readable for (block,) in told.values()] == [True, False, True]
    [rival] = told["rival"]
    assert (rival.steps[-1].rule, rival.steps[-1].because) == (
        "6 addressed", "to lab, whose deposit it answers, the coordinators"
    )  # fmt: skip


@on_sqlite
def test_the_preview_says_whom_a_response_is_for(stage: Stage) -> None:
    lab, maker, *_ = everyone(stage)
    found = flaw(lab, "maker")
    taken(lab, "findings", found)
    body = json.dumps({"objects": [note(found["id"], "status:fixed"), opinion(found["id"], "useful")]})
    path, headers = "/exchange/collections/findings/objects/?dry_run=true", {"Content-Type": served.MEDIA_TYPE}
    status: dict[str, Any] = json.loads(maker.ask(path, "POST", headers, data=body).data)
    assert [one["x_audience"]["now"] for one in status["successes"]] == [
        ["the publisher of what it answers", "the coordinators", "you"],
        ["you"],
    ]


@on_sqlite
def test_a_successor_gets_the_responses(stage: Stage) -> None:
    lab, maker, rival, *_ = everyone(stage)
    found = flaw(lab, "maker")
    taken(lab, "findings", found)
    taken(maker, "findings", answer := note(found["id"], "status:fixed"))
    gone = MAIN.replace("name: The Lab, ", "name: The Lab, suspended: true, ")
    stage.apply(answersite.files(gone))
    done = stage.run("hand-over", "lab", "rival")
    assert done.exit_code == 0, done.stderr
    stage.round()
    assert answer["id"] in ids(rival)
