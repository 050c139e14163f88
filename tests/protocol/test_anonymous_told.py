"""Of an anonymous deposit: withdrawal, hand-over, who is told whose it is, and recipients that are added later."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from exchange import app
from tests.protocol.apisite import MAIN, Asker, Stage, files, staged
from tests.protocol.served import BUILT_IN_AMBER, indicator

UNNAMED = "defaults: { anonymous-tick: 1s }\n" + MAIN.replace(
    "relays: true }", "credit: { shown-to: readers } }"
).replace("in: [makers] }", "in: [makers], credit: anonymous }", 1)
AWAY = UNNAMED.replace("credit: { shown-to: readers } }", "credit: anonymous, suspended: true }")


@pytest.fixture
def stage(tmp_path: Path, database: str) -> Iterator[Stage]:
    with staged(tmp_path, database, files(UNNAMED)) as found:
        yield found


def tick(stage: Stage) -> int:
    """What a server does, once the next tick has come; how many notes were sent."""
    time.sleep(1.05)
    releaser = app.releaser(stage.here.exchange)
    releaser.round()
    releaser.engine.dispose()
    return stage.round()


on_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


def objects(asker: Asker, collection: str = "open") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(asker.poll(collection, "?match[version]=all").data).get("objects", [])
    return found


def notes(asker: Asker) -> list[dict[str, Any]]:
    return [o for o in objects(asker) if o["type"] == "note"]


def test_of_an_anonymous_deposit_that_is_withdrawn_everybody_is_told_by_the_id_that_it_knows(stage: Stage) -> None:
    other, maker, reader = (stage.here.asker(name) for name in ("other", "maker", "reader"))
    one, two = indicator(), indicator()
    other.post("open", one, two)
    assert tick(stage) == 3  # one to each of the group that is shown whose they are
    copies = {o["id"] for o in objects(reader) if o["type"] == "indicator"}
    assert {o["id"] for o in objects(maker)} == copies
    [shown] = notes(reader)
    assert (shown["labels"], set(shown["object_refs"])) == (["attribution"], copies)
    assert "Another Maker" in shown["content"]
    assert len(objects(other)) == 2

    done = stage.run("withdraw", one["id"], "--reason", "error")

    assert done.exit_code == 0, done.stderr
    assert stage.round() == 3
    assert [len([o for o in objects(a) if o["type"] == "indicator"]) for a in (other, maker, reader)] == [1, 1, 1]
    [own] = notes(other)
    assert (own["labels"], own["object_refs"]) == (["recall", "error"], [one["id"]])
    [told] = notes(maker)
    assert told["object_refs"][0] in copies
    assert [n["labels"] for n in notes(reader)] == [["attribution"], ["recall", "error"]]
    everything = maker.poll("open", "?match[version]=all").data.decode()
    assert not [x for x in (one["id"], two["id"], "Another", "other") if x in everything]
    left = (copies - set(told["object_refs"])).pop()
    assert stage.run("withdraw", left, "--reason", "error").exit_code == 0, "by the id of the copy"
    assert [o for o in objects(other) if o["type"] == "indicator"] == []


@on_sqlite
def test_a_successor_goes_on_with_the_same_copies(stage: Stage) -> None:
    stage.apply(files(UNNAMED.replace("credit: { shown-to: readers }", "credit: anonymous")))
    other, maker, reader = (stage.here.asker(name) for name in ("other", "maker", "reader"))
    one = indicator()
    other.post("open", one)
    tick(stage)
    [copy] = objects(reader)
    assert objects(maker) == [copy]
    stage.apply(files(AWAY))

    assert stage.run("hand-over", "other", "maker").stdout == "handed over: 1 version of 1 object\n"

    assert objects(reader) == [copy]
    assert objects(maker) == [one]
    assert maker.post("open", {**one, "modified": "2024-02-01T00:00:00.000Z", "name": "Newer"})["success_count"] == 1
    tick(stage)
    assert [(o["id"], o["name"]) for o in objects(reader)] == [(copy["id"], one["name"]), (copy["id"], "Newer")]


@on_sqlite
def test_recipients_that_are_added_get_the_copy_at_the_next_tick(stage: Stage) -> None:
    maker, reader, shy = (stage.here.asker(name) for name in ("maker", "reader", "shy"))
    words = {o["name"]: o["id"] for o in objects(maker, "policy")}
    one = indicator(object_marking_refs=[BUILT_IN_AMBER, words["member:other"]])
    assert maker.post("open", one)["success_count"] == 1
    tick(stage)
    asked = maker.ask(
        f"/api/v1/findings/{one['id']}/recipients", "POST", {"Content-Type": "application/json"},
        data=json.dumps({"members": ["reader"]}),
    )  # fmt: skip
    assert [one["changed"] for one in json.loads(asked.data)["versions"]] == [True], asked.data
    assert objects(reader) == []
    tick(stage)
    [copy] = objects(reader)
    assert copy["id"] != one["id"]
    assert objects(maker) == [one]
    assert objects(shy) == []
