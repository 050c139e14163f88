"""What a coordinator withdraws and releases over HTTP: what it may read where it reviews, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.protocol.apisite import MAIN, Asker, Stage, faults, files, staged
from tests.protocol.served import BUILT_IN_GREEN, indicator

PLAN = "releases:\n  slow:\n    - { at: 0d, to: named }\n    - { at: 400d, to: everyone }\n"


def reviewed() -> dict[str, str]:
    """`other` reviews what comes to `open`."""
    found = files(MAIN.replace("relays: true }", "roles: [coordinator] }") + PLAN)
    return found | {"collections/open.yaml": found["collections/open.yaml"] + "moderate: [other]\n"}


@pytest.fixture
def stage(tmp_path: Path, database: str) -> Iterator[Stage]:
    with staged(tmp_path, database, reviewed()) as found:
        yield found


def publish(stage: Stage, member: str, *objects: dict[str, Any]) -> None:
    """Held, and approved."""
    stage.here.asker(member).post("open", *objects)
    assert stage.run("approve", *(o["id"] for o in objects)).exit_code == 0


on_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


def take(asker: Asker, what: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    found = asker.ask(f"/api/v1/queue/{what}", "POST", {"Content-Type": "application/json"}, data=json.dumps(body))
    answer: dict[str, Any] = json.loads(found.data)
    kind = {"withdraw": "Withdrawn", "release": "Released"}[what] if found.status_code == 200 else "Problem"
    assert faults(kind, answer) == []
    return found.status_code, answer


def objects(asker: Asker, collection: str = "open") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(asker.poll(collection).data).get("objects", [])
    return found


def test_what_a_coordinator_withdraws_leaves_every_view_and_those_who_have_it_are_told(stage: Stage) -> None:
    maker, other, reader = (stage.here.asker(name) for name in ("maker", "other", "reader"))
    one, held = indicator(object_marking_refs=[BUILT_IN_GREEN]), indicator()
    publish(stage, "maker", one)
    maker.post("post", one)
    maker.post("open", held)
    assert [o["id"] for o in objects(reader)] == [one["id"]]

    answer = take(other, "withdraw", {"ids": [one["id"], held["id"]], "reason": "legal"})

    assert answer == (200, {"reason": "legal", "withdrawn": [one["id"], held["id"]]})
    assert objects(maker) == objects(other) == []
    assert stage.round() == 1
    assert [o["labels"] for o in objects(reader)] == [["recall", "legal"]]
    assert [o["id"] for o in objects(reader, "post")] == [one["id"]], "that is another's to review"
    assert stage.run("queue").stdout.count(held["id"]) == 0


@on_sqlite
def test_what_a_coordinator_may_not_read_is_answered_like_an_unknown_id_and_nothing_is_withdrawn(stage: Stage) -> None:
    maker, other, reader = (stage.here.asker(name) for name in ("maker", "other", "reader"))
    words = {o["name"]: o["id"] for o in objects(maker, "policy")}
    secret, one = indicator(object_marking_refs=[words["member:reader"]]), indicator()
    elsewhere = indicator(object_marking_refs=[BUILT_IN_GREEN])
    publish(stage, "maker", secret, one)
    maker.post("post", elsewhere)

    answers = [
        take(other, "withdraw", {"ids": [one["id"], unknown], "reason": "error"})
        for unknown in (secret["id"], elsewhere["id"], indicator()["id"], "x")
    ]

    assert [(status, {**found, "error_id": ""}) for status, found in answers] == [
        (404, {**answers[0][1], "error_id": ""})
    ] * 4
    assert len(objects(reader)) == 2


@on_sqlite
def test_a_coordinator_breaks_an_embargo(stage: Stage) -> None:
    maker, other, reader = (stage.here.asker(name) for name in ("maker", "other", "reader"))
    words = {o["name"]: o["id"] for o in objects(maker, "policy")}
    one, open_ = indicator(object_marking_refs=[words["release:slow"], words["member:other"]]), indicator()
    publish(stage, "maker", one, open_)
    assert [o["id"] for o in objects(reader)] == [open_["id"]]

    assert take(other, "release", {"ids": [one["id"], open_["id"]]}) == (200, {"released": [one["id"]]})
    assert {o["id"] for o in objects(reader)} == {one["id"], open_["id"]}
    stage.round()
    assert [o["labels"] for o in objects(maker) if o["type"] == "note"] == [["embargo-ended"]]


@on_sqlite
def test_who_reviews_nothing_and_a_key_that_may_not_are_refused(stage: Stage) -> None:
    one = indicator()
    publish(stage, "maker", one)
    body = {"ids": [one["id"]], "reason": "error"}
    askers = [
        stage.here.asker("maker"),
        stage.here.asker("other", scope=("read",)),
        stage.here.asker("other", collections=[]),
    ]
    assert [take(asker, "withdraw", body)[0] for asker in askers] == [403] * 3
    assert [take(asker, "release", {"ids": body["ids"]})[0] for asker in askers] == [403] * 3
    other = stage.here.asker("other")
    for wrong in ({"ids": [one["id"]]}, {**body, "reason": "mood"}, {**body, "ids": []}, {**body, "why": 1}):
        assert take(other, "withdraw", wrong)[0] == 422
    assert len(objects(other)) == 1
