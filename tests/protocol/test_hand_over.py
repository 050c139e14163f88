"""`exchange hand-over`: a successor has a member's deposits as if it had made them, and nobody else notices."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.protocol.apisite import MAIN, Asker, Stage, files, staged
from tests.protocol.served import BUILT_IN_GREEN, address, indicator

AWAY = MAIN.replace("relays: true }", "relays: true, suspended: true }")


@pytest.fixture
def stage(tmp_path: Path, database: str) -> Iterator[Stage]:
    with staged(tmp_path, database) as found:
        yield found


on_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


def envelope(asker: Asker, collection: str = "open", query: str = "?match[version]=all") -> dict[str, Any]:
    found: dict[str, Any] = json.loads(asker.poll(collection, query).data)
    return found


def ids(asker: Asker, collection: str = "open", query: str = "?match[version]=all") -> list[str]:
    return [o["id"] for o in envelope(asker, collection, query).get("objects", [])]


def test_a_successor_reads_versions_and_deletes_and_nobody_else_notices(stage: Stage) -> None:
    other, maker, reader = (stage.here.asker(name) for name in ("other", "maker", "reader"))
    words = {o["name"]: o["id"] for o in envelope(other, "policy")["objects"]}
    secret = indicator(object_marking_refs=[words["named-only"]])
    one = indicator(object_marking_refs=[words["member:reader"]])
    other.post("open", secret, one, address("198.51.100.7"))
    before, cursor = reader.poll("open").data, reader.poll("open").headers["X-TAXII-Date-Added-Last"]
    assert len(ids(maker)) == 1
    stage.apply(files(AWAY))

    done = stage.run("hand-over", "other", "maker")

    assert (done.exit_code, done.stdout) == (0, "handed over: 3 versions of 3 objects\n"), done.stderr
    assert reader.poll("open").data == before
    assert ids(reader, query=f"?added_after={cursor}") == []
    assert sorted(ids(maker)) == sorted([secret["id"], one["id"], address("198.51.100.7")["id"]])
    newer = {**one, "modified": "2024-02-01T00:00:00.000Z", "object_marking_refs": [BUILT_IN_GREEN]}
    assert maker.post("open", newer)["success_count"] == 1
    assert [o["modified"] for o in envelope(reader, query="")["objects"] if o["id"] == one["id"]] == [newer["modified"]]
    assert maker.ask(f"/exchange/collections/open/objects/{secret['id']}/", "DELETE").status_code == 200
    stage.apply(files(MAIN))
    assert ids(other) == ids(reader, query=""), "who comes back is like everybody"


def test_references_close_as_before_and_those_to_what_was_deleted_too(stage: Stage) -> None:
    other, reader = stage.here.asker("other"), stage.here.asker("reader")
    words = {o["name"]: o["id"] for o in envelope(other, "policy")["objects"]}
    hidden, gone = (
        indicator(object_marking_refs=[words["named-only"]]),
        indicator(object_marking_refs=[words["named-only"]]),
    )
    notes = [_note(hidden["id"]), _note(gone["id"])]
    other.post("open", hidden, gone)
    other.post("open", *notes)
    other.ask(f"/exchange/collections/open/objects/{gone['id']}/", "DELETE")
    stage.apply(files(AWAY))

    assert stage.run("hand-over", "other", "maker").exit_code == 0

    assert ids(reader) == []
    maker = stage.here.asker("maker")
    assert sorted(ids(maker)) == sorted([hidden["id"], *(n["id"] for n in notes)])
    maker.post("open", {**hidden, "modified": "2024-02-01T00:00:00.000Z", "object_marking_refs": [BUILT_IN_GREEN]})
    assert sorted(ids(reader)) == sorted([hidden["id"], notes[0]["id"]])


def _note(ref: str) -> dict[str, Any]:
    made = indicator()
    return {
        "type": "note", "spec_version": "2.1", "id": made["id"].replace("indicator", "note"), "content": "x",
        "created": made["created"], "modified": made["modified"], "object_refs": [ref],
    }  # fmt: skip


@on_sqlite
def test_an_id_of_three_publishers_keeps_its_order(stage: Stage) -> None:
    """Rule 10: the successor comes where its predecessor stood."""
    other, reader, closed = (stage.here.asker(name) for name in ("other", "reader", "shy"))
    one = indicator()
    other.post("open", {**one, "name": "first"})
    reader.post("open", {**one, "name": "second"})
    stage.apply(files(AWAY))
    assert [o["name"] for o in envelope(closed)["objects"]] == ["first"]

    assert stage.run("hand-over", "other", "maker").exit_code == 0

    assert [o["name"] for o in envelope(closed)["objects"]] == ["first"]
    assert [o["name"] for o in envelope(stage.here.asker("maker"))["objects"]] == ["first"]
    assert [o["name"] for o in envelope(reader)["objects"]] == ["second"]


@on_sqlite
def test_what_was_withdrawn_stays_so_and_what_was_deleted_may_come_again(stage: Stage) -> None:
    other, maker = stage.here.asker("other"), stage.here.asker("maker")
    taken, gone, mine = indicator(), indicator(), indicator()
    other.post("open", taken, gone, mine)
    maker.post("open", mine)
    maker.ask(f"/exchange/collections/open/objects/{mine['id']}/", "DELETE")
    other.ask(f"/exchange/collections/open/objects/{gone['id']}/", "DELETE")
    stage.run("withdraw", taken["id"], "--reason", "error")
    stage.apply(files(AWAY))

    assert stage.run("hand-over", "other", "maker").exit_code == 0

    assert maker.post("open", taken)["failure_count"] == 1
    assert maker.post("open", gone)["success_count"] == 1
    assert sorted(ids(maker)) == sorted([gone["id"], mine["id"]])


WRONG = [
    (("other", "maker"), "other is active: suspend it"),
    (("nobody", "maker"), 'no member "nobody" ever was'),
    (("asleep", "nobody"), '"nobody" is no other member'),
    (("asleep", "asleep"), '"asleep" is no other member'),
]


@on_sqlite
def test_who_is_active_or_unknown_is_refused(stage: Stage) -> None:
    for words, said in WRONG:
        done = stage.run("hand-over", *words)
        assert done.exit_code == 1
        assert said in done.stderr


@on_sqlite
def test_what_both_have_is_listed_and_nothing_is_handed_over(stage: Stage) -> None:
    other, maker = stage.here.asker("other"), stage.here.asker("maker")
    one, two = indicator(), indicator()
    other.post("open", one, two)
    maker.post("open", one)
    stage.apply(files(AWAY))

    done = stage.run("hand-over", "other", "maker")

    assert done.exit_code == 1
    assert f"open: {one['id']}, version {one['modified']}" in done.stderr
    assert two["id"] not in done.stderr
    maker.ask(f"/exchange/collections/open/objects/{one['id']}/", "DELETE")
    assert stage.run("hand-over", "other", "maker").exit_code == 0
    assert stage.run("hand-over", "other", "maker", "--json").stdout.split() == [
        "{", '"from":', '"other",', '"to":', '"maker",', '"versions":', "0,", '"objects":', "0", "}"
    ]  # fmt: skip
