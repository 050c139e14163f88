"""Discovery, API root and collections (TAXII 2.1 sections 4.1, 4.2, 5.1, 5.2)."""

from __future__ import annotations

import json
import re

import pytest

from tests.protocol.served import MEDIA_TYPE, Member, Served, collection_id


@pytest.mark.row("T-4.1-01", "T-4.2-01", "T-5.1-01", "I-3.2")
def test_a_stock_client_finds_its_way_from_discovery_to_a_collection(alpha: Member) -> None:
    server = alpha.server()
    assert server.title == "Protocol Exchange"
    assert [root.url for root in server.api_roots] == [f"{alpha.url}/exchange/"]
    assert server.default.versions == [MEDIA_TYPE]
    assert server.default.max_content_length == 2**20
    assert "notice" in {c.alias for c in server.default.collections}


@pytest.mark.row("T-4.1-02")
def test_the_default_api_root_is_absolute_and_the_first_one(alpha: Member) -> None:
    found = alpha.ask("/taxii2/").json()
    assert found["default"] == found["api_roots"][0] == f"{alpha.url}/exchange/"


@pytest.mark.row("T-3.3-02", "I-3.4")
def test_collections_are_listed_by_id(alpha: Member) -> None:
    ids = [c["id"] for c in alpha.ask("/exchange/collections/").json()["collections"]]
    assert ids == sorted(ids)


@pytest.mark.row("T-5.2-01", "T-5.2-04")
def test_a_collection_resource_has_every_property(alpha: Member) -> None:
    assert alpha.ask("/exchange/collections/notice/").json() == {
        "id": collection_id(3),
        "title": "Collection notice",
        "description": "Objects without a TLP marking count as TLP:GREEN.",
        "alias": "notice",
        "can_read": True,
        "can_write": False,
        "media_types": ["application/stix+json;version=2.1"],
    }


@pytest.mark.row("T-5.2-02", "I-3.5.1")
@pytest.mark.parametrize(
    ("name", "can_read", "can_write"),
    [("notice", True, False), ("drop", False, True), ("post", True, True), ("fresh00", True, True)],
)
def test_rights_are_those_of_the_policy(alpha: Member, name: str, can_read: bool, can_write: bool) -> None:
    found = alpha.ask(f"/exchange/collections/{name}/").json()
    assert (found["can_read"], found["can_write"]) == (can_read, can_write)


@pytest.mark.row("T-5.2-02", "A-07")
def test_a_collection_that_the_member_may_neither_read_nor_write_is_not_listed(alpha: Member) -> None:
    assert "closed" not in {c["alias"] for c in alpha.ask("/exchange/collections/").json()["collections"]}


@pytest.mark.row("T-B-01", "T-5.2-01", "A-07", "I-3.5.3")
@pytest.mark.parametrize(
    "rest", ["", "objects/", "manifest/", "objects/indicator--x/", "objects/indicator--x/versions/"]
)
def test_a_hidden_collection_answers_as_an_unknown_one(alpha: Member, rest: str) -> None:
    hidden = alpha.ask(f"/exchange/collections/{collection_id(0)}/{rest}")
    unknown = alpha.ask(f"/exchange/collections/{collection_id(999)}/{rest}")
    assert hidden.status_code == unknown.status_code == 404
    assert _without_error_id(hidden.text) == _without_error_id(unknown.text)
    ignored = {"date"}
    assert {k: v for k, v in hidden.headers.items() if k not in ignored} == {
        k: v for k, v in unknown.headers.items() if k not in ignored
    }


def _without_error_id(text: str) -> str:
    return re.sub(r'"error_id":"[0-9a-f-]{36}"', "", text)


@pytest.mark.row("T-3.1-16")
def test_a_hidden_collection_does_not_say_that_a_post_was_malformed(alpha: Member) -> None:
    assert alpha.post("closed", headers={"Accept": "text/html", "Content-Type": "text/plain"}).status_code == 404


@pytest.mark.row("T-3.1-01")
@pytest.mark.parametrize(
    "path", ["/taxii2", "/exchange", "/exchange/collections", "/exchange/collections/notice/objects"]
)
def test_a_path_without_its_last_slash_gives_the_same_answer(alpha: Member, path: str) -> None:
    bare, slashed = alpha.ask(path, allow_redirects=False), alpha.ask(f"{path}/", allow_redirects=False)
    assert (bare.status_code, bare.content) == (200, slashed.content)


@pytest.mark.row("T-5.2-03")
def test_an_id_and_an_alias_name_the_same_collection(alpha: Member) -> None:
    by_id = alpha.ask(f"/exchange/collections/{collection_id(3)}/")
    assert by_id.content == alpha.ask("/exchange/collections/notice/").content


@pytest.mark.row("T-4.2-01", "T-8.2-01", "I-3.3")
@pytest.mark.parametrize("path", ["/other/", "/other/collections/", "/exchange/nothing/", "/", "/a/b/c/d/e/f/"])
def test_an_unknown_path_is_not_found(alpha: Member, path: str) -> None:
    assert alpha.ask(path).status_code == 404


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health_is_open_and_says_nothing_of_the_content(served: Served, path: str) -> None:
    anonymous = Member(url=served.url, key="")
    found = anonymous.ask(path, headers={"Authorization": ""})
    assert found.status_code == 200
    assert found.json().keys() == {"status"}


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("/schemas/ai-finding-1.0.json", "application/schema+json"),
        ("/schemas/ai-finding-1.0.stix.json", "application/stix+json;version=2.1"),
    ],
)
def test_the_extension_of_findings_is_open_to_whoever_meets_it(served: Served, path: str, media_type: str) -> None:
    found = Member(url=served.url, key="").ask(path, headers={"Authorization": ""})
    assert (found.status_code, found.headers["Content-Type"]) == (200, media_type)
    schema = found.json() if path.endswith("0.json") else json.loads(found.json()["objects"][1]["schema"])
    assert schema["title"] == "AI finding"


def test_nothing_else_is_open_below_schemas(served: Served) -> None:
    anonymous = Member(url=served.url, key="")
    for path in ("/schemas/", "/schemas/ai-finding-2.0.json", "/schemas/../taxii2/"):
        assert anonymous.ask(path, headers={"Authorization": ""}).status_code == 401
