"""`/api/v1/queue` and `/api/v1/submissions`: who may speak on what is held, and what became of one's own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from exchange import app, audit, inforce, store
from tests.protocol import apisite
from tests.protocol.apisite import MAIN, Asker, Site, faults, site
from tests.protocol.served import indicator, write

RULES = {"post": "\nmoderate: reader", "drop": "\nmoderate: [reader]", "open": "\nmoderate: shy"}
ROLES = MAIN.replace("in: [readers] }", "in: [readers], roles: [coordinator] }").replace(
    "in: [readers], listed: false }", "in: [readers], listed: false, roles: [coordinator] }"
)
PAIR = ROLES.replace("in: [makers] }", "in: [makers], approve-own: 2 }")
RED = "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1"
GREEN = "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"


def apply(here: Site, main: str = ROLES) -> None:
    files = apisite.files(main)
    for name, rules in RULES.items():
        files[f"collections/{name}.yaml"] += rules
    write(here.exchange.home, files)
    inforce.put(here.exchange.engine, files, here.exchange.clock)


@pytest.fixture
def here(tmp_path: Path, database: str) -> Iterator[Site]:
    with site(tmp_path, database) as found:
        apply(found)
        yield found
        with store.reading(found.exchange.engine) as conn:
            state = inforce.current(conn)
            assert state
            assert audit.audit(conn, state.readers) == []


def say(asker: Asker, path: str, **body: Any) -> tuple[int, dict[str, Any]]:
    headers = {"Content-Type": "application/json"}
    found = asker.ask(f"/api/v1/{path}", "POST", headers, data=json.dumps(body))
    answer: dict[str, Any] = json.loads(found.data)
    if found.status_code == 200:
        assert faults("Words" if path.startswith("queue") else "Submission", answer) == []
    return found.status_code, answer


def queue(asker: Asker) -> list[dict[str, Any]]:
    answer = asker.told("queue")
    assert faults("Queue", answer) == []
    assert not answer["more"]
    found: list[dict[str, Any]] = answer["waiting"]
    return found


def fates(asker: Asker, status: dict[str, Any]) -> list[tuple[str, list[str], str | None]]:
    answer = asker.told(f"submissions/{status['id']}")
    assert faults("Submission", answer) == []
    return [(one["fate"], one["reasons"], one["code"]) for one in answer["objects"]]


def ids(asker: Asker, collection: str) -> list[str]:
    return [o["id"] for o in json.loads(asker.poll(collection).data or b"{}").get("objects", [])]


def test_a_coordinator_sees_what_waits_in_its_own_collections_alone_and_approves_it(here: Site) -> None:
    maker, reader, shy, other = (here.asker(who) for who in ("maker", "reader", "shy", "other"))
    one, two = indicator(object_marking_refs=[GREEN]), indicator(object_marking_refs=[GREEN])
    status = maker.post("post", one)
    maker.post("open", two)
    assert [(x["id"], x["collection"], x["publisher"], x["reasons"]) for x in queue(reader)] == [
        (one["id"], "post", "maker", ["review"])
    ]
    assert [x["id"] for x in queue(shy)] == [two["id"]]
    assert (ids(reader, "post"), ids(shy, "post")) == ([one["id"]], [])
    (theirs,) = queue(reader)
    assert say(shy, "queue/approve", tickets=[theirs["ticket"]])[1]["results"][0]["result"] == "over"
    assert fates(maker, status) == [("held", ["review"], None)]
    assert other.ask("/api/v1/queue").status_code == 403

    code, answer = say(reader, "queue/approve", tickets=[theirs["ticket"], "nonsense"])

    assert (code, [x["result"] for x in answer["results"]]) == (200, ["published", "over"])
    assert ids(shy, "post") == [one["id"]]
    assert queue(reader) == []
    assert fates(maker, status) == [("published", [], None)]


def test_who_reports_to_a_drop_box_follows_the_fate_of_each_report(here: Site) -> None:
    maker, reader, other = (here.asker(who) for who in ("maker", "reader", "other"))
    status = maker.post("drop", indicator(), indicator(), {"type": "indicator"})
    first, second = (x["ticket"] for x in queue(reader))
    say(reader, "queue/reject", tickets=[first], reason="duplicate")
    assert ids(maker, "drop") == []
    assert fates(maker, status) == [
        ("refused", [], "duplicate"), ("held", ["review"], None), ("not taken", [], None),
    ]  # fmt: skip
    say(reader, "queue/approve", tickets=[second])
    assert [fate for fate, _, _ in fates(maker, status)] == ["refused", "published", "not taken"]
    assert other.ask(f"/api/v1/submissions/{status['id']}").status_code == 404
    (mine,) = maker.told("submissions")["submissions"]
    assert (mine["id"], mine["collection"], mine["key"], mine["taken"], mine["refused"]) == (
        status["id"], "drop", maker.id, 2, 1,
    )  # fmt: skip
    assert other.told("submissions") == {"submissions": [], "next": None}
    assert faults("Submissions", maker.told("submissions")) == []


def test_what_is_red_passes_with_the_word_of_another_key_of_its_publisher(here: Site) -> None:
    apply(here, PAIR)
    maker, second, reader = here.asker("maker"), here.asker("maker"), here.asker("reader")
    words = {o["name"]: o["id"] for o in json.loads(maker.poll("policy").data)["objects"]}
    one = indicator(object_marking_refs=[RED, words["member:reader"]])
    status = maker.post("named", one)
    assert fates(maker, status) == [("held", ["second-person"], None)]
    path = f"submissions/{status['id']}/approve"
    assert say(maker, path)[0] == 403
    assert say(here.asker("maker", scope=("read",)), path)[0] == 403
    assert say(here.asker("other"), path)[0] == 404
    assert ids(reader, "named") == []
    assert say(second, path)[0] == 200
    assert ids(reader, "named") == [one["id"]]
    assert fates(maker, status) == [("published", [], None)]


def test_of_an_anonymous_deposit_the_queue_has_the_copy_and_no_name(here: Site) -> None:
    apply(here, ROLES.replace("name: The Maker,", "name: The Maker, credit: anonymous,"))
    maker, reader = here.asker("maker"), here.asker("reader")
    one = indicator(object_marking_refs=[GREEN])
    status = maker.post("post", one)
    (waiting,) = queue(reader)
    assert waiting["publisher"] is None
    assert waiting["id"] != one["id"]
    assert "maker" not in reader.ask("/api/v1/queue").text
    assert fates(maker, status) == [("held", ["review"], None)]
    say(reader, "queue/reject", tickets=[waiting["ticket"]], reason="other")
    assert fates(maker, status) == [("refused", [], "other")]


def test_a_key_s_scope_and_collections_narrow_its_word(here: Site) -> None:
    maker = here.asker("maker")
    maker.post("post", indicator(object_marking_refs=[GREEN]))
    (waiting,) = queue(here.asker("reader"))
    assert say(here.asker("reader", scope=("read",)), "queue/approve", tickets=[waiting["ticket"]])[0] == 403
    assert here.asker("reader", scope=("write",)).ask("/api/v1/queue").status_code == 403
    assert queue(here.asker("reader", collections=[])) == []
    reader = here.asker("reader")
    assert say(reader, "queue/approve")[0] == 422
    assert say(reader, "queue/reject", tickets=[waiting["ticket"]], reason="ugly")[0] == 422
    assert len(queue(reader)) == 1


def test_the_list_of_submissions_goes_on_where_it_ended(here: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    from exchange import apisubmissions

    monkeypatch.setattr(apisubmissions, "PAGE", 2)
    maker = here.asker("maker")
    posted = [maker.post("open", indicator())["id"] for _ in range(3)]
    first = maker.told("submissions")
    second = maker.told(f"submissions?after={first['next']}")
    assert [x["id"] for x in (*first["submissions"], *second["submissions"])] == posted[::-1]
    assert second["next"] is None
    assert maker.ask(f"/api/v1/submissions?after={app.new_id()}").status_code == 404
