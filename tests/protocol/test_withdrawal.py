"""What is withdrawn or closed by a newer version is told to those who have it, once, and to nobody else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select

from exchange import inforce, noticerows, store
from exchange.ledgertables import served
from exchange.notices import Notifier
from tests.protocol.apisite import MAIN, Asker, Stage, files, staged
from tests.protocol.served import BUILT_IN_GREEN, indicator

MINUTE = 60_000_000
PLAN = "releases:\n  slow:\n    - { at: 0d, to: named }\n    - { at: 400d, to: everyone }\n"


on_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def stage(tmp_path: Path, database: str) -> Iterator[Stage]:
    with staged(tmp_path, database) as found:
        yield found


def objects(asker: Asker, collection: str = "open") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(asker.poll(collection).data).get("objects", [])
    return found


def told(asker: Asker, collection: str = "open") -> list[tuple[list[str], list[str]]]:
    """(labels, ids) of each note of the exchange."""
    found = [o for o in objects(asker, collection) if o["type"] == "note" and "created_by_ref" in o]
    return [(o["labels"], o["object_refs"]) for o in found]


def test_what_is_withdrawn_leaves_every_view_and_those_who_were_served_it_are_told_once(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    maker, reader, shy = (stage.here.asker(name) for name in ("maker", "reader", "shy"))
    one, two = indicator(), indicator()
    maker.post("open", one, two)
    assert len(objects(reader)) == 2

    done = stage.run("withdraw", one["id"], "--reason", "error")

    assert done.exit_code == 0, done.stderr
    assert [o["id"] for o in objects(maker)] == [o["id"] for o in objects(shy)] == [two["id"]]
    assert reader.ask(f"/exchange/collections/open/objects/{one['id']}/").status_code == 404
    assert stage.round() == 1
    assert [stage.round(), stage.round(MINUTE), stage.round(60 * MINUTE)] == [0, 0, 0]
    assert told(reader) == [(["recall", "error"], [one["id"]])]
    assert told(maker) == told(shy) == []
    assert [record for record in caplog.records if record.name == "exchange.notices"] == []


@on_sqlite
def test_one_note_tells_of_all_that_were_withdrawn_together_and_names_only_what_its_reader_has(stage: Stage) -> None:
    maker, reader, shy = (stage.here.asker(name) for name in ("maker", "reader", "shy"))
    one, two = indicator(), indicator()
    maker.post("open", one)
    assert len(objects(shy)) == 1
    maker.post("open", two)
    assert len(objects(reader)) == 2

    stage.run("withdraw", one["id"], two["id"], "--reason", "legal")
    stage.round()

    assert told(reader) == [(["recall", "legal"], sorted([one["id"], two["id"]]))]
    assert told(shy) == [(["recall", "legal"], [one["id"]])]


@on_sqlite
def test_an_answer_that_was_under_way_is_told_of_at_a_later_look(stage: Stage) -> None:
    """Its line comes after the withdrawal, as if the reader's request had begun before it."""
    maker, reader, other = (stage.here.asker(name) for name in ("maker", "reader", "other"))
    one = indicator()
    maker.post("open", one)
    objects(other)
    stage.run("withdraw", one["id"], "--reason", "error")
    assert stage.round() == 1
    _serve_late(stage, reader)

    assert [stage.round(MINUTE // 2), stage.round(MINUTE), stage.round(60 * MINUTE)] == [0, 1, 0]
    assert told(reader) == [(["recall", "error"], [one["id"]])]


def _serve_late(stage: Stage, reader: Asker) -> None:
    """A line for the reader, like the other's."""
    exchange = stage.here.exchange
    with store.reading(exchange.engine) as conn:
        number = store.members(conn)["reader"]
    with store.writing(exchange.ledger) as conn:
        row = dict(conn.execute(select(served)).mappings().first() or {})
        conn.execute(insert(served), [{**row, "number": row["number"] + 1000, "member": number, "key": ""}])


def test_its_publisher_cannot_bring_it_back_until_the_withdrawal_is_lifted(stage: Stage) -> None:
    maker, other = stage.here.asker("maker"), stage.here.asker("other")
    one = indicator()
    newer = {**one, "modified": "2024-02-01T00:00:00.000Z"}
    maker.post("open", one)
    stage.run("withdraw", one["id"], "--reason", "error")

    for again, where in ((one, "open"), (newer, "open"), (one, "post")):
        [failure] = maker.post(where, again)["failures"]
        assert failure["message"] == "withdrawn by the exchange: ask its operator, or use a new id."
    assert other.post("open", indicator(id=one["id"]))["success_count"] == 1, "that it was withdrawn is no one else's"

    assert stage.run("withdraw", one["id"], "--lift").exit_code == 0
    assert maker.post("open", one)["success_count"] == 1
    assert [o["id"] for o in objects(maker)] == [one["id"]]
    assert stage.run("withdraw", one["id"], "--lift").exit_code == 1


def test_every_publisher_s_deposits_of_the_id_are_withdrawn_in_every_collection(stage: Stage) -> None:
    maker, other, reader = (stage.here.asker(name) for name in ("maker", "other", "reader"))
    one = indicator(object_marking_refs=[BUILT_IN_GREEN])
    for asker, where in ((maker, "open"), (maker, "post"), (other, "open")):
        assert asker.post(where, one)["success_count"] == 1
    objects(reader), objects(reader, "post")

    gone = json.loads(stage.run("withdraw", one["id"], "--reason", "other", "--json").stdout)

    assert sorted((x["collection"], x["publisher"]) for x in gone["withdrawn"]) == [
        ("open", "maker"), ("open", "other"), ("post", "maker")
    ]  # fmt: skip
    assert stage.round() == 2
    assert told(reader) == told(reader, "post") == [(["recall", "other"], [one["id"]])]


@on_sqlite
def test_a_submission_is_withdrawn_by_its_status_as_far_as_it_is_there(stage: Stage) -> None:
    maker, reader = stage.here.asker("maker"), stage.here.asker("reader")
    one, two, three = indicator(), indicator(), indicator()
    status = maker.post("open", one, two)
    maker.post("open", three)
    objects(reader)
    maker.ask(f"/exchange/collections/open/objects/{two['id']}/", "DELETE")

    done = stage.run("withdraw", "--status", status["id"], "--reason", "wrong-marking")
    stage.round()

    assert done.exit_code == 0, done.stderr
    assert told(reader) == [(["recall", "wrong-marking"], [one["id"]])]
    assert three["id"] in [o["id"] for o in objects(reader)]
    assert stage.run("withdraw", "--status", status["id"], "--reason", "other").exit_code == 1


def test_who_gets_a_newer_version_is_not_told_and_whom_it_leaves_out_is(stage: Stage) -> None:
    maker, reader, shy = (stage.here.asker(name) for name in ("maker", "reader", "shy"))
    one = indicator()
    newer = {**one, "modified": "2024-02-01T00:00:00.000Z"}
    words = _words(maker)
    maker.post("open", one)
    objects(reader), objects(shy)

    assert maker.post("open", {**newer, "object_marking_refs": [words["member:reader"]]})["success_count"] == 1
    assert stage.round() == 1

    assert told(shy) == [(["recall", "superseded"], [one["id"]])]
    assert told(reader) == told(maker) == []
    assert objects(reader)[0]["modified"] == newer["modified"]


@on_sqlite
def test_who_reads_a_newer_version_is_not_told_that_an_older_one_was_withdrawn(stage: Stage) -> None:
    maker, reader = stage.here.asker("maker"), stage.here.asker("reader")
    one = indicator()
    status = maker.post("open", one)
    objects(reader)
    maker.post("open", {**one, "modified": "2024-02-01T00:00:00.000Z"})

    assert stage.run("withdraw", "--status", status["id"], "--reason", "error").exit_code == 0
    assert stage.round() == 0
    assert [o["modified"] for o in objects(reader)] == ["2024-02-01T00:00:00.000Z"]


def test_who_has_says_who_has_fetched_the_note_and_who_has_not_polled_since(stage: Stage) -> None:
    maker, reader, shy = (stage.here.asker(name) for name in ("maker", "reader", "shy"))
    one = indicator()
    maker.post("open", one)
    objects(reader), objects(shy)
    stage.run("withdraw", one["id"], "--reason", "error")
    stage.round()
    objects(reader)

    found = {x["member"]: x["recall"] for x in json.loads(stage.run("who-has", one["id"], "--json").stdout)}
    assert found["reader"]["reason"] == found["shy"]["reason"] == "error"
    assert found["reader"]["fetched"] == found["reader"]["last_poll"] > found["reader"]["told"]
    assert found["shy"]["fetched"] is None
    assert found["shy"]["last_poll"] < found["shy"]["told"]
    lines = stage.run("who-has", one["id"]).stdout.splitlines()
    assert [line.split("  ")[-1] for line in lines] == ["recall", "error: fetched", "error: told, not polled since"]


@on_sqlite
def test_what_a_deletion_takes_is_told_to_nobody(stage: Stage) -> None:
    maker, reader = stage.here.asker("maker"), stage.here.asker("reader")
    one = indicator()
    maker.post("open", one)
    objects(reader)
    maker.ask(f"/exchange/collections/open/objects/{one['id']}/", "DELETE")
    assert stage.round() == 0
    assert objects(reader) == []


def test_those_who_had_an_object_under_embargo_are_told_when_it_is_broken(stage: Stage) -> None:
    inforce.put(stage.here.exchange.engine, files(MAIN + PLAN), stage.here.exchange.clock)
    maker, reader, shy = (stage.here.asker(name) for name in ("maker", "reader", "shy"))
    words = _words(maker)
    one = indicator(object_marking_refs=[words["member:reader"], words["release:slow"]])
    maker.post("open", one)
    assert (len(objects(reader)), len(objects(shy))) == (1, 0)

    assert stage.run("release", one["id"]).exit_code == 0
    assert len(objects(shy)) == 1
    assert stage.round() == 2
    assert stage.round(MINUTE) == 0

    assert told(reader) == told(maker) == [(["embargo-ended"], [one["id"]])]
    assert told(shy) == []


def _words(asker: Asker) -> dict[str, str]:
    return {o["name"]: o["id"] for o in objects(asker, "policy")}


WRONG = [
    (("indicator--x", "--reason", "error"), "is not a STIX id"),
    ((indicator()["id"], "--reason", "mood"), "is no reason; there are error, false-positive"),
    ((indicator()["id"],), "exchange withdraw STIX-ID... --reason CODE"),
    (("--status", "x", "--lift"), "exchange withdraw STIX-ID... --reason CODE"),
]


@on_sqlite
def test_wrong_usage_is_told_as_such(stage: Stage) -> None:
    for words, said in WRONG:
        done = stage.run("withdraw", *words)
        assert done.exit_code == 2
        assert said in done.stderr


@on_sqlite
def test_where_one_of_the_ids_is_not_there_nothing_is_withdrawn(stage: Stage) -> None:
    maker = stage.here.asker("maker")
    one = indicator()
    maker.post("open", one)
    done = stage.run("withdraw", one["id"], indicator()["id"], "--reason", "error")
    assert done.exit_code == 1
    assert "nothing was withdrawn" in done.stderr
    assert len(objects(maker)) == 1


@on_sqlite
def test_what_fails_is_tried_again_after_a_minute(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    maker, reader = stage.here.asker("maker"), stage.here.asker("reader")
    one = indicator()
    maker.post("open", one)
    objects(reader)
    stage.run("withdraw", one["id"], "--reason", "error")
    exchange = stage.here.exchange
    broken = Notifier(
        engine=exchange.engine, ledger=store.connect(f"sqlite:///{exchange.home / 'empty.db'}", 1), clock=exchange.clock
    )

    assert broken.round() == 0
    assert "could not be given yet" in caplog.text
    assert stage.round() == 0
    assert stage.round(MINUTE + 1) == 1


@on_sqlite
def test_a_note_and_the_word_that_it_was_sent_are_one_commit(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process ends after any of the commits: what was told is not told again, and the rest is."""
    maker = stage.here.asker("maker")
    readers = [stage.here.asker(name) for name in ("reader", "shy", "other")]
    one = indicator()
    maker.post("open", one)
    for reader in readers:
        objects(reader)
    stage.run("withdraw", one["id"], "--reason", "error")
    real = noticerows.set_due

    def ended(*_given: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(noticerows, "set_due", ended)
    with pytest.raises(KeyboardInterrupt):
        stage.round()
    monkeypatch.setattr(noticerows, "set_due", real)

    assert stage.round() == 0
    assert [len(told(reader)) for reader in readers] == [1, 1, 1]
