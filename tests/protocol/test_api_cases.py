"""`/api/v1/cases`: findings under one clock, parties that see themselves alone, and more time that opens nothing."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from exchange import app, explaining, inforce, store
from tests.protocol import answersite
from tests.protocol.answersite import MAIN, flaw, ids, objects, release, taken
from tests.protocol.apisite import Asker, Stage, faults, staged

on_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
LATER, LATEST = "2040-01-01T00:00:00Z", "2041-01-01T00:00:00Z"


@pytest.fixture
def stage(tmp_path: Path, database: str) -> Iterator[Stage]:
    with staged(tmp_path, database, answersite.files()) as found:
        yield found


def ask(asker: Asker, path: str, **body: Any) -> tuple[int, dict[str, Any]]:
    found = asker.ask(f"/api/v1/cases{path}", "POST", {"Content-Type": "application/json"}, data=json.dumps(body))
    answer: dict[str, Any] = json.loads(found.data)
    kind = "PartyAdded" if path.endswith("/parties") else "Case"
    assert faults(kind if found.status_code == 200 else "Problem", answer) == []
    return found.status_code, answer


def done(asker: Asker, path: str, **body: Any) -> dict[str, Any]:
    status, answer = ask(asker, path, **body)
    assert status == 200, answer
    return answer


def seen(asker: Asker) -> list[dict[str, Any]]:
    answer = asker.told("cases")
    assert faults("Cases", answer) == []
    found: list[dict[str, Any]] = answer["cases"]
    return found


def opened(asker: Asker, *named: str) -> tuple[str, list[str]]:
    """A case over two findings, and their ids."""
    found = [flaw(asker, *named), flaw(asker, *named)]
    taken(asker, "findings", *found)
    made = sorted(o["id"] for o in found)
    return done(asker, "", title="Two flaws", findings=made)["id"], made


def published(stage: Stage, *stix_ids: str) -> None:
    for one in stix_ids:
        result = stage.run("release", one)
        assert result.exit_code == 0, result.stderr


def test_parties_are_added_one_by_one_and_see_themselves_alone_until_all_is_public(stage: Stage) -> None:
    lab, maker, rival, coord, bank = (stage.here.asker(n) for n in ("lab", "maker", "rival", "coord", "bank"))
    case, findings = opened(lab, "coord")
    assert ids(maker) == []
    answer = done(lab, f"/{case}/parties", member="maker")
    assert [one["changed"] for one in answer["versions"]] == [True, True]
    assert done(coord, f"/{case}/parties", member="rival")["versions"] == []

    assert sorted(ids(maker)) == sorted(ids(rival)) == findings
    for asker, leads, parties in (
        (lab, True, ["maker", "rival"]), (coord, True, ["maker", "rival"]), (maker, False, ["you"]),
        (rival, False, ["you"]),
    ):  # fmt: skip
        [one] = seen(asker)
        assert (one["leads"], [p["party"] for p in one["parties"]]) == (leads, parties)
        assert (one["findings"], one["public"]) == (findings, False)
        assert one == asker.told(f"cases/{case}")
    assert seen(bank) == []

    published(stage, findings[0])
    assert [len(one["parties"]) for one in seen(maker)] == [1]
    published(stage, findings[1])
    assert [len(one["parties"]) for one in seen(maker)] == [2]
    assert seen(bank) == []


def test_more_time_is_asked_for_and_granted_and_puts_off_what_is_to_come(stage: Stage) -> None:
    lab, maker, rival = (stage.here.asker(name) for name in ("lab", "maker", "rival"))
    case, findings = opened(lab, "maker", "rival")
    for name in ("maker", "rival"):
        done(lab, f"/{case}/parties", member=name)
    before = seen(lab)[0]["embargo_ends"]
    asked = done(maker, f"/{case}/extension", until=LATER, reason="The fix needs a release.")
    assert [(r["request"], r["party"], r["until"], r["answer"]) for r in asked["extensions"]] == [
        (1, "you", LATER, None)
    ]
    assert seen(rival)[0]["extensions"] == []
    embargo = lab.told(f"findings/{findings[0]}/responses")["case"]["embargo"]
    assert embargo == "revise"
    assert ask(maker, f"/{case}/extension", request=1, answer="accept")[0] == 403
    assert seen(lab)[0]["embargo_ends"] == before

    answer = done(lab, f"/{case}/extension", request=1, answer="accept")

    assert (answer["embargo_ends"], answer["extensions"][0]["answer"]) == (LATER, "accepted")
    assert seen(rival)[0]["embargo_ends"] == LATER
    assert ask(lab, f"/{case}/extension", request=1, answer="decline")[0] == 422
    assert ask(maker, f"/{case}/extension", until="2039-01-01T00:00:00Z", reason="x")[0] == 422
    done(maker, f"/{case}/extension", until=LATEST, reason="More.")
    assert done(lab, f"/{case}/extension", request=2, answer="decline")["embargo_ends"] == LATER
    assert sorted(o["id"] for o in objects(rival)) == findings


@on_sqlite
def test_neither_a_newer_version_nor_replanning_takes_granted_time_back(stage: Stage) -> None:
    lab, maker, bank = (stage.here.asker(name) for name in ("lab", "maker", "bank"))
    found = flaw(lab, "maker")
    taken(lab, "findings", found)
    case = done(lab, "", title="One", findings=[found["id"]])["id"]
    done(lab, f"/{case}/parties", member="maker")
    done(maker, f"/{case}/extension", until=LATER, reason="x")
    done(lab, f"/{case}/extension", request=1, answer="accept")
    newer = found | {"modified": "2024-02-01T00:00:00.000Z"}
    taken(lab, "findings", newer)
    assert seen(lab)[0]["embargo_ends"] == LATER
    stage.apply(answersite.files(MAIN.replace("at: 400d", "at: 1d")))
    releaser = app.releaser(stage.here.exchange)
    releaser.replan()
    releaser.engine.dispose()
    assert seen(lab)[0]["embargo_ends"] == LATER
    assert newer in objects(maker)
    assert ids(bank) == []
    with store.reading(stage.here.exchange.engine) as conn:
        state = inforce.current(conn)
        assert state
        told = explaining.explain(conn, state, "bank", found["id"], stage.here.exchange.clock.now(conn))
    assert all("2040-01-01T00:00:00Z" in block.steps[-1].because for block in told)


@on_sqlite
def test_of_anonymous_findings_the_parties_know_the_copies_and_nobody_s_name(stage: Stage) -> None:
    quiet, maker = stage.here.asker("quiet"), stage.here.asker("maker")
    found = flaw(quiet, "rival")
    taken(quiet, "findings", found)
    release(stage)
    case = done(quiet, "", title="One", findings=[found["id"]])["id"]
    done(quiet, f"/{case}/parties", member="maker")
    assert seen(maker) == []
    release(stage)
    [copy] = [o for o in objects(maker) if o["type"] == "vulnerability"]
    [one] = seen(maker)
    assert one["findings"] == [copy["id"]]
    assert found["id"] not in json.dumps(one)
    assert "quiet" not in json.dumps(one).lower()
    done(maker, f"/{case}/extension", until=LATER, reason="x")
    assert done(quiet, f"/{case}/extension", request=1, answer="accept")["embargo_ends"] == LATER
    assert seen(maker)[0]["embargo_ends"] == LATER


def test_a_case_that_does_not_concern_one_is_like_none_and_so_is_another_s_finding(stage: Stage) -> None:
    lab, maker, bank = (stage.here.asker(name) for name in ("lab", "maker", "bank"))
    case, (hidden, _) = opened(lab, "maker")
    for asker in (bank, maker):  # the second reads the findings, and is no party
        for path, body in (("", None), ("/parties", {"member": "maker"}), ("/extension", {"until": LATER})):
            answers = []
            for one in (case, str(uuid.uuid4())):
                if body is None:
                    found = asker.ask(f"/api/v1/cases/{one}")
                    answers.append((found.status_code, json.loads(found.data)))
                else:
                    answers.append(ask(asker, f"/{one}{path}", **body))
            assert [status for status, _ in answers] == [404, 404]
            assert {**answers[0][1], "error_id": ""} == {**answers[1][1], "error_id": ""}
    said = [ask(maker, "", title="x", findings=[i])[1]["detail"] for i in (hidden, f"vulnerability--{uuid.uuid4()}")]
    assert [s.partition(": ")[0] for s in said] == ["No findings of yours"] * 2


WRONG: list[tuple[str, dict[str, Any], int, str]] = [
    ("", {"title": "x", "findings": []}, 422, '"findings" names between one and 200'),
    ("", {"title": "", "findings": ["x"]}, 422, '"title" is no line'),
    ("", {"title": "x", "findings": ["x"], "parties": []}, 422, '"parties" is no property'),
    ("/parties", {"member": "nobody"}, 422, "You cannot name: nobody."),
    ("/extension", {"until": "soon", "reason": "x"}, 422, '"until" is not an instant'),
    ("/extension", {"until": "2001-01-01T00:00:00Z", "reason": "x"}, 422, '"until" has passed'),
    ("/extension", {"until": LATER, "reason": ""}, 422, '"reason" has between'),
    ("/extension", {"request": 7, "answer": "accept"}, 422, '"request" is no open request'),
    ("/extension", {"request": 7, "answer": "yes"}, 422, '"answer" is none of'),
]


@on_sqlite
def test_what_is_wrong_with_a_body_is_told(stage: Stage) -> None:
    lab, maker = stage.here.asker("lab"), stage.here.asker("maker")
    case, findings = opened(lab, "maker")
    for path, body, status, said in WRONG:
        got, answer = ask(lab, f"/{case}{path}" if path else "", **body)
        assert (got, said in answer["detail"]) == (status, True), answer
    done(lab, f"/{case}/parties", member="maker")
    assert ask(maker, f"/{case}/parties", member="rival")[0] == 403
    assert ask(stage.here.asker("lab", scope=("read",)), "", title="x", findings=findings)[0] == 403
    assert stage.here.asker("lab", scope=("write",)).ask("/api/v1/cases").status_code == 403
    published(stage, *findings)
    assert ask(maker, f"/{case}/extension", until=LATER, reason="x")[0] == 422
