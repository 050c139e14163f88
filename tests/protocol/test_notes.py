"""What the exchange itself says to a member: a note in its inbox, which nobody else reads or can tell of."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from exchange import audit, explaining, inforce, markings, notes, stix, store
from exchange.notes import Note
from tests.protocol.apisite import Asker, Site, site
from tests.protocol.served import collection_id, indicator


@pytest.fixture
def here(tmp_path: Path, database: str) -> Iterator[Site]:
    with site(tmp_path, database) as found:
        yield found


def send(here: Site, uid: str, *wanted: tuple[str, str]) -> None:
    """(member, id that it is told of)."""
    with store.stamping(here.exchange.engine) as conn:
        state = inforce.current(conn)
        assert state
        said = [
            Note(member=state.numbers[m], labels=("recall", "error"), refs=(i,), content="Look.") for m, i in wanted
        ]
        now = here.exchange.clock.now(conn)
        notes.send(conn, state, here.exchange.clock, state.places[uid], said, now)


def objects(asker: Asker, collection: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(asker.poll(collection).data).get("objects", [])
    return found


def readable(here: Site, member: str, stix_id: str) -> bool:
    """What `explain` says."""
    with store.reading(here.exchange.engine) as conn:
        state = inforce.current(conn)
        assert state
        [block] = explaining.explain(conn, state, member, stix_id, here.exchange.clock.now(conn))
    return block.readable


def test_a_note_is_read_by_the_member_that_it_is_for_and_by_nobody_else(here: Site) -> None:
    one = indicator()
    send(here, collection_id(3), ("reader", one["id"]), ("shy", one["id"]))

    reader, shy, maker = (here.asker(name) for name in ("reader", "shy", "maker"))
    [mine], [its] = (objects(asker, "open") for asker in (reader, shy))

    assert mine["object_refs"] == its["object_refs"] == [one["id"]]
    assert mine["id"] != its["id"]
    assert objects(maker, "open") == []
    assert [readable(here, name, mine["id"]) for name in ("reader", "shy", "maker")] == [True, False, False]
    assert maker.ask(f"/exchange/collections/open/objects/{mine['id']}/").status_code == 404
    with store.reading(here.exchange.engine) as conn:
        state = inforce.current(conn)
        assert state
        assert audit.audit(conn, state.readers) == []


def test_a_note_is_valid_signed_by_the_exchange_and_never_wider_than_its_reader(here: Site) -> None:
    one = indicator()
    send(here, collection_id(3), ("reader", one["id"]))

    [found] = objects(here.asker("reader"), "open")

    [item] = stix.read_envelope(json.dumps({"objects": [found]}).encode())
    assert isinstance(stix.checked(item, now=here.exchange.clock.host()), stix.Parsed)
    with store.reading(here.exchange.engine) as conn:
        assert found["created_by_ref"] == markings.exchange_identity(store.secret(conn, "marking"))
    assert found["object_marking_refs"] == ["marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003"]
    assert (found["labels"], found["content"]) == (["recall", "error"], "Look.")
    assert found["created"] == found["modified"]


def test_who_may_only_write_reads_its_note_but_not_in_a_drop_box(here: Site) -> None:
    one = indicator()
    send(here, collection_id(4), ("maker", one["id"]))  # post: makers write, readers read
    send(here, collection_id(1), ("maker", one["id"]), ("reader", one["id"]))  # drop: the same, own: hidden

    [mine] = objects(here.asker("maker"), "post")
    assert [readable(here, name, mine["id"]) for name in ("maker", "reader", "other")] == [True, False, False]
    assert here.asker("maker").poll("drop").status_code == 403
    assert len(objects(here.asker("reader"), "drop")) == 1
