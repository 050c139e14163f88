"""`GET /api/v1/findings/ID?as=…`: the finding in others' formats, from what its reader may see, and in the ledger."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from exchange import store
from exchange.ledgertables import served
from tests.protocol.apisite import Asker, Site, site
from tests.protocol.test_findings import PLANS, finding, push, read, taken
from tests.unit.test_exports import faults

FORMATS = ("csaf", "openvex", "osv")
GREEN = "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"
NOWHERE = "vulnerability--5d0092c5-5f74-4287-9642-33f4c354e56d"


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Site]:
    with site(tmp_path) as found:
        found.apply(PLANS)
        yield found


def asked(who: Asker, stix_id: str, form: str, method: str = "GET") -> TestResponse:
    return who.ask(f"/api/v1/findings/{stix_id}?as={form}", method)


def document(who: Asker, stix_id: str, form: str) -> dict[str, Any]:
    response = asked(who, stix_id, form)
    assert response.status_code == 200, response.text
    found: dict[str, Any] = json.loads(response.data)
    return found


def carried(here: Site) -> list[int]:
    """The members of the ledger's lines, in their order."""
    with store.reading(here.exchange.ledger) as conn:
        return [row.member for row in conn.execute(served.select().order_by(served.c.number))]


@pytest.mark.parametrize("form", FORMATS)
def test_a_reader_has_it_in_a_document_that_is_valid_by_its_schema(here: Site, form: str) -> None:
    told = taken(push(here.asker("maker"), finding(aliases=["CVE-2026-12345"])))
    made = document(here.asker("reader"), told["finding"], form)
    assert faults(form, made) == []
    assert "CVE-2026-12345" in json.dumps(made)
    assert "pkg:pypi/pillow" in json.dumps(made)


def test_an_export_counts_as_served(here: Site) -> None:
    maker, reader = here.asker("maker"), here.asker("reader")
    told = taken(push(maker, finding(recipients=["reader"], disclosure="staged")))
    asked(reader, told["finding"], "osv", "HEAD")
    assert carried(here) == []
    document(reader, told["finding"], "osv")
    assert len(carried(here)) == 1
    (place,) = maker.told(f"findings/{told['finding']}")["collections"]
    assert [one["member"] for one in place["served"]] == ["reader"]


@pytest.mark.parametrize("form", FORMATS)
def test_who_may_not_read_it_gets_the_404_of_one_that_never_was_and_no_line(here: Site, form: str) -> None:
    told = taken(push(here.asker("maker"), finding(recipients=["reader"], disclosure="staged")))
    other = here.asker("other")
    answers = [asked(other, stix_id, form) for stix_id in (told["finding"], NOWHERE)]
    said = [{k: v for k, v in json.loads(one.data).items() if k != "error_id"} for one in answers]
    assert [one.status_code for one in answers] == [404, 404]
    assert said[0] == said[1]
    assert carried(here) == []


def test_an_answer_shows_in_the_export_of_those_who_read_the_answer(here: Site) -> None:
    maker, reader, other = (here.asker(name) for name in ("maker", "reader", "other"))
    told = taken(push(maker, finding(recipients=["reader", "other"], disclosure="staged")))
    path, headers = f"/api/v1/findings/{told['finding']}/responses", {"Content-Type": "application/json"}
    given = reader.ask(path, "POST", headers, data=b'{"status":"fixed","text":"Mended in 10.2.0."}')
    assert given.status_code == 200, given.text
    response = json.loads(given.data)["response"]
    stood = {who.key: document(who, told["finding"], "openvex")["statements"] for who in (maker, other)}
    assert response in {o["id"] for o in read(maker)}
    assert response not in {o["id"] for o in read(other)}
    assert [one["status"] for one in stood[maker.key]] == ["fixed"]
    assert [one["status"] for one in stood[other.key]] == ["affected"]


def test_of_two_collections_the_newer_version_is_exported_however_its_time_is_written(here: Site) -> None:
    maker = here.asker("maker")
    older, newer = "2024-01-02T00:00:00.120Z", "2024-01-02T00:00:00.1201Z"
    flaw = {"type": "vulnerability", "spec_version": "2.1", "id": NOWHERE, "created": older, "name": "Overflow"}
    for collection, modified in (("open", older), ("post", newer)):
        marked = {**flaw, "modified": modified, "object_marking_refs": [GREEN]}
        assert maker.post(collection, marked)["success_count"] == 1
    assert document(here.asker("reader"), NOWHERE, "osv")["modified"] == newer


@pytest.mark.parametrize("query", ["as=pdf", "as=", "as=osv&as=csaf"])
def test_another_format_is_refused_with_those_that_there_are(here: Site, query: str) -> None:
    told = taken(push(here.asker("maker"), finding()))
    response = here.asker("reader").ask(f"/api/v1/findings/{told['finding']}?{query}")
    assert response.status_code == 400
    assert "csaf, openvex, osv" in response.text


def test_a_key_that_may_not_read_gets_no_export(here: Site) -> None:
    maker = here.asker("maker")
    told = taken(push(maker, finding()))
    assert asked(here.asker("maker", scope=("write",)), told["finding"], "csaf").status_code == 403
