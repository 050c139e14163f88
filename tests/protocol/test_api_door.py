"""The JSON face behind the shared door: who passes, how it is refused, and that all of it is as described."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from sqlalchemy import text

from exchange import app, store
from exchange.taxiiwire import JSON_RANGES, acceptable
from tests.protocol.apisite import MEMBERS, OPENAPI, Site, faults, site
from tests.protocol.served import indicator

ENDPOINTS = ["/api/v1/access", "/api/v1/feed", "/api/v1/openapi.json", "/api/v1/submissions"]
OTHERS = {
    "/api/v1/cases",
    "/api/v1/cases/{case_id}",
    "/api/v1/findings/{object_id}",
    "/api/v1/findings/{object_id}/responses",
    "/api/v1/queue",
    "/api/v1/submissions/{status_id}",
}
DESCRIBES = {"/api/v1/access": "Access", "/api/v1/feed": "Feed", "/api/v1/submissions": "Submissions"}
PROBLEM = "application/problem+json"
METASCHEMA = Path(__file__).with_name("openapi-3.1.json")  # https://spec.openapis.org/oas/3.1/schema/2022-10-07


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """An exchange where something was published, polled, left lying and refused."""
    with site(tmp_path_factory.mktemp("api")) as found:
        maker, reader = found.asker("maker", note="lab"), found.asker("reader", client="elastic", expires=1 << 52)
        maker.post("open", indicator(), indicator())
        for query in ("?limit=1", "?limit=0"):
            reader.poll("open", query)
        yield found


# The description --------------------------------------------------------------------------------------------------


def test_the_description_is_valid_openapi() -> None:
    jsonschema_rs.Draft202012Validator(json.loads(METASCHEMA.read_bytes())).validate(OPENAPI)
    for schema in OPENAPI["components"]["schemas"].values():
        jsonschema_rs.meta.validate(schema)
    operations = [operation["operationId"] for path in OPENAPI["paths"].values() for operation in path.values()]
    assert len(operations) == len(set(operations))


def test_every_reference_of_the_description_leads_somewhere() -> None:
    found = list(_references(OPENAPI))
    assert len(found) > 20
    for reference in found:
        part: Any = OPENAPI
        for name in reference.removeprefix("#/").split("/"):
            part = part[name]
        assert part


def _references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for value in part.values():
            yield from _references(value)
    elif isinstance(part, list):
        for value in part:
            yield from _references(value)


def test_every_endpoint_is_described_and_nothing_else(here: Site) -> None:
    rules = [rule for rule in here.client.application.url_map.iter_rules() if rule.rule.startswith("/api/")]
    served = {
        (re.sub("<(.*?)>", r"{\1}", rule.rule), method)
        for rule in rules
        for method in (rule.methods or set()) - {"HEAD"}
    }
    described = {(path, method.upper()) for path, item in OPENAPI["paths"].items() for method in item}
    assert served == described
    assert {path for path, method in served if method == "GET"} == {*ENDPOINTS, *OTHERS}


def test_the_description_is_served_to_whoever_has_a_key(here: Site) -> None:
    assert here.asker("reader").told("openapi.json") == OPENAPI
    assert here.client.get("/api/v1/openapi.json").status_code == 401


@pytest.mark.parametrize("path", sorted(DESCRIBES))
@pytest.mark.parametrize("member", [name for name in MEMBERS if name != "asleep"])
def test_an_answer_is_as_described(here: Site, member: str, path: str) -> None:
    kinds: list[dict[str, Any]] = [
        {},
        {"scope": ("read",), "note": "a note"},
        {"collections": []},
        {"expires": 1 << 52},
    ]
    for options in kinds:
        found = here.asker(member, **options).ask(path)
        assert (found.status_code, found.content_type) == (200, "application/json")
        assert faults(DESCRIBES[path], json.loads(found.data)) == []


def test_the_validator_of_answers_takes_no_other(here: Site) -> None:
    told = here.asker("reader").told("feed")
    assert faults("Feed", told | {"more": 1})
    assert faults("Feed", {"member": "reader"})
    told["collections"][0]["keys"][0]["state"] = "asleep"
    assert faults("Feed", told)


# Who passes, and how it is refused --------------------------------------------------------------------------------

ERRORS = [
    ("GET", "/api/v1/access", {"Authorization": "Bearer no"}, 401),
    ("GET", "/api/v1/nothing", {"Authorization": "Bearer no"}, 401),
    ("PUT", "/api/v1/access", {"Authorization": "Bearer no"}, 401),
    ("GET", "/api", {}, 404),
    ("GET", "/api/", {}, 404),
    ("GET", "/api/v1", {}, 404),
    ("GET", "/api/v1/", {}, 404),
    ("GET", "/api/v1/nothing", {}, 404),
    ("POST", "/api/v1/nothing", {}, 404),
    ("GET", "/api/v2/access", {}, 404),
    ("GET", "/api/v1//access", {}, 404),
    ("GET", "/api/v1/access/more", {}, 404),
    ("GET", "/api/collections/open/objects/", {}, 404),
    ("GET", "/api/v1/nothing", {"Accept": "text/html"}, 404),
    ("OPTIONS", "/api/v1/access", {}, 405),
    ("POST", "/api/v1/feed", {}, 405),
    ("DELETE", "/api/v1/openapi.json", {}, 405),
    ("PUT", "/api/v1/access", {"Accept": "text/html"}, 405),
    ("GET", "/api/v1/access", {"Accept": "text/html"}, 406),
    ("GET", "/api/v1/feed", {"Accept": "application/taxii+json;version=2.1"}, 406),
    ("GET", "/api/v1/openapi.json", {"Accept": "application/json;q=0"}, 406),
]


@pytest.mark.parametrize(("method", "path", "headers", "status"), ERRORS)
def test_every_error_is_a_problem(here: Site, method: str, path: str, headers: dict[str, str], status: int) -> None:
    found = here.asker("maker").ask(path, method, headers)
    assert (found.status_code, found.content_type) == (status, PROBLEM)
    body = json.loads(found.data)
    assert faults("Problem", body) == []
    assert (body["type"], body["status"]) == ("about:blank", status)
    assert found.headers["Cache-Control"] == "private, no-store"
    if status == 401:
        assert [one.split()[0] for one in found.headers.getlist("WWW-Authenticate")] == ["Basic", "Bearer"]
    if status == 405:
        assert set(found.headers["Allow"].split(", ")) == {"GET", "HEAD"}


def test_a_refusal_of_the_media_type_says_which_is_served(here: Site) -> None:
    detail = json.loads(here.asker("maker").ask("/api/v1/access", headers={"Accept": "text/html"}).data)["detail"]
    assert "application/json" in detail
    assert "taxii" not in detail


@pytest.mark.parametrize(
    "accept", ["", "*/*", "application/*", "application/json", "text/html, application/json;q=0.1"]
)
def test_whatever_covers_json_is_served(here: Site, accept: str) -> None:
    assert here.asker("maker").ask("/api/v1/access", headers={"Accept": accept}).status_code == 200


def test_taxii_alone_does_not_cover_json() -> None:
    assert acceptable("application/taxii+json")
    assert not acceptable("application/taxii+json", JSON_RANGES)


def test_an_error_outside_stays_a_taxii_error(here: Site) -> None:
    for path in ("/apis/", "/exchange/nothing/", "/nothing/api/v1/access"):
        found = here.asker("maker").ask(path)
        assert (found.status_code, found.content_type) == (404, "application/taxii+json;version=2.1")


@pytest.mark.parametrize("path", ENDPOINTS)
def test_a_sleeper_gets_what_nobody_gets(here: Site, path: str) -> None:
    found, nobody = here.asker("asleep").ask(path), here.client.get(path)
    assert found.status_code == nobody.status_code == 401
    bodies = [json.loads(one.data) for one in (found, nobody)]
    assert len({body.pop("error_id") for body in bodies}) == 2
    assert bodies[0] == bodies[1]


@pytest.mark.parametrize("path", ENDPOINTS)
def test_head_and_a_final_slash_answer_like_get(here: Site, path: str) -> None:
    asker = here.asker("maker")
    found = asker.ask(path)
    head = asker.ask(path, "HEAD")
    assert (head.status_code, head.data) == (200, b"")
    slashed = asker.ask(f"{path}/")
    assert slashed.status_code == 200
    if path != "/api/v1/feed":  # where the time goes on
        assert slashed.data == found.data
        assert head.headers["Content-Length"] == found.headers["Content-Length"]


@pytest.mark.parametrize("path", ENDPOINTS)
def test_no_answer_may_be_kept_or_shared(here: Site, path: str) -> None:
    headers = here.asker("maker").ask(path).headers
    assert headers["Cache-Control"] == "private, no-store"
    assert {"Authorization", "Accept"} <= set(headers["Vary"].split(", "))
    assert not {"ETag", "Last-Modified"} & set(headers.keys())


def test_basic_asks_as_well_as_bearer(here: Site) -> None:
    asker = here.asker("maker")
    basic = here.client.get("/api/v1/access", auth=("anybody", asker.key))
    assert basic.data == asker.ask("/api/v1/access").data


# When the exchange itself is in trouble ---------------------------------------------------------------------------


def test_a_fault_is_a_problem_that_tells_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with site(tmp_path) as broken:
        asker = broken.asker("maker")
        with store.writing(broken.exchange.engine) as conn:
            conn.execute(text("INSERT INTO config SELECT version + 1, at, 'no JSON', departed FROM config"))
        with caplog.at_level(logging.ERROR, logger="exchange.taxii"):
            found = asker.ask("/api/v1/access")
    assert (found.status_code, found.content_type) == (500, PROBLEM)
    body = json.loads(found.data)
    assert faults("Problem", body) == []
    assert body["error_id"] in caplog.text
    assert "JSON" not in found.text


def test_before_the_first_apply_it_says_when_to_come_back(tmp_path: Path) -> None:
    empty = app.open_exchange(tmp_path)
    found = app.create_app(empty).test_client().get("/api/v1/access")
    empty.close()
    assert (found.status_code, found.content_type, found.headers["Retry-After"]) == (503, PROBLEM, "5")


def test_a_get_leaves_no_connection_behind(here: Site) -> None:
    asker = here.asker("maker")
    for path in (*ENDPOINTS, "/api/nothing"):
        asker.ask(path)
    for engine in (here.exchange.engine, here.exchange.ledger):
        assert engine.pool.checkedout() == 0  # type: ignore[attr-defined]  # a QueuePool's
