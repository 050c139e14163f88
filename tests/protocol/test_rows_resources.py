"""The resources of TAXII 2.1 as they stand on the wire: names, types, forms (sections 2, 3, 4, 5)."""

from __future__ import annotations

import json
import re
import uuid
from typing import Any

import pytest
import requests

from tests.protocol.served import MEDIA_TYPE, Member, Served, address, collection_id, indicator

C = "/exchange/collections"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)
DATES = ("X-TAXII-Date-Added-First", "X-TAXII-Date-Added-Last")


@pytest.fixture
def paths(alpha: Member, fresh: str) -> dict[str, str]:
    """A path of every resource, all of them with something in it."""
    one = indicator()
    status = alpha.post(fresh, one, indicator(valid_from="soon")).json()["id"]
    return {
        "discovery": "/taxii2/",
        "api-root": "/exchange/",
        "status": f"/exchange/status/{status}/",
        "collections": f"{C}/",
        "collection": f"{C}/{fresh}/",
        "manifest": f"{C}/{fresh}/manifest/",
        "objects": f"{C}/{fresh}/objects/",
        "object": f"{C}/{fresh}/objects/{one['id']}/",
        "versions": f"{C}/{fresh}/objects/{one['id']}/versions/",
    }


STATUS = {"id", "status", "total_count", "success_count", "failure_count", "pending_count"}
PROPERTIES = {  # of each resource: what it must have, and what it may have besides
    "discovery": ({"title"}, {"description", "contact", "default", "api_roots"}),
    "api-root": ({"title", "versions", "max_content_length"}, {"description"}),
    "status": (STATUS, {"request_timestamp", "successes", "failures", "pendings"}),
    "collections": ({"collections"}, set()),
    "collection": ({"id", "title", "can_read", "can_write"}, {"description", "alias", "media_types"}),
    "manifest": ({"objects"}, {"more", "next"}),
    "objects": ({"objects"}, {"more", "next"}),
    "object": ({"objects"}, {"more", "next"}),
    "versions": ({"versions"}, {"more", "next"}),
}


def _strict(text: str) -> Any:
    """The JSON value; an error for what I-JSON forbids (RFC 7493)."""

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        assert len({name for name, _ in found}) == len(found), "a repeated key"
        return dict(found)

    def constant(name: str) -> None:
        raise AssertionError(name)

    return json.loads(text, object_pairs_hook=pairs, parse_constant=constant)


@pytest.mark.row(
    "T-8.1-01", "T-3.1-02", "T-3.1-04", "T-3.8-01", "T-1.6-01", "T-7.1-01", "T-4.1-01", "T-4.2-01", "T-4.3-01",
    "T-5.1-01", "T-5.2-01", "T-5.3-01", "T-5.4-01", "T-5.6-01", "T-5.8-01", "I-3.15",
)  # fmt: skip
def test_every_endpoint_answers_with_its_resource_and_names_nothing_else(alpha: Member, paths: dict[str, str]) -> None:
    for name, path in paths.items():
        found = alpha.ask(path)
        assert (found.status_code, found.headers["Content-Type"]) == (200, MEDIA_TYPE), name
        required, optional = PROPERTIES[name]
        body = _strict(found.content.decode("utf-8"))
        assert required <= body.keys() <= required | optional, name


@pytest.mark.row("T-8.1-01", "T-5.5-01", "T-5.7-02")
def test_the_two_endpoints_that_write_answer_too(alpha: Member, fresh: str) -> None:
    one = indicator()
    assert alpha.post(fresh, one).status_code == 202
    assert alpha.ask(f"{C}/{fresh}/objects/{one['id']}/", "DELETE").status_code == 200


@pytest.mark.row("T-2-04")
def test_no_resource_has_an_empty_list(alpha: Member, paths: dict[str, str], fresh: str, unused: Any) -> None:
    bodies = [alpha.ask(path).json() for path in paths.values()]
    empty = next(unused)
    bodies += [alpha.ask(f"{C}/{empty}/{path}/").json() for path in ("objects", "manifest")]
    bodies += [alpha.ask(f"{paths[name]}?added_after=2999-01-01T00:00:00Z").json() for name in ("object", "versions")]
    bodies += [alpha.post(fresh, one).json() for one in (indicator(), indicator(name=1))]
    assert [body for body in bodies if [] in body.values()] == []


@pytest.mark.row("T-2-05", "T-4.3-01")
def test_numbers_and_booleans_are_such_in_json(alpha: Member, paths: dict[str, str]) -> None:
    status = alpha.ask(paths["status"]).json()
    assert {type(status[name]) for name in status if name.endswith("_count")} == {int}
    assert type(alpha.ask(paths["api-root"]).json()["max_content_length"]) is int
    collection = alpha.ask(paths["collection"]).json()
    assert {type(collection["can_read"]), type(collection["can_write"])} == {bool}
    assert alpha.ask(paths["objects"]).json()["more"] is False


@pytest.mark.row("T-2-01", "A-19")
def test_every_timestamp_of_taxii_has_six_digits_and_z(alpha: Member, paths: dict[str, str]) -> None:
    times = [
        alpha.ask(paths[name]).headers[date] for name in ("manifest", "objects", "object", "versions") for date in DATES
    ]
    times += [record["date_added"] for record in alpha.ask(paths["manifest"]).json()["objects"]]
    times += [alpha.ask(paths["status"]).json()["request_timestamp"]]
    assert [text for text in times if not TIME.fullmatch(text)] == []


@pytest.mark.row("T-2-02", "T-4.3-04")
@pytest.mark.parametrize(
    "text", ["2016-11-03T12:30:59.000Z", "2016-11-03T12:30:59.1234567Z", "2016-11-03T12:30:59.5000Z"]
)
def test_a_version_is_the_objects_own_text_everywhere(alpha: Member, fresh: str, text: str) -> None:
    one = indicator(created="2016-11-03T12:30:59.000Z", modified=text)
    status = alpha.post(fresh, one).json()
    assert status["successes"][0]["version"] == text
    assert alpha.ask(f"{C}/{fresh}/manifest/").json()["objects"][0]["version"] == text
    assert alpha.ask(f"{C}/{fresh}/objects/{one['id']}/versions/").json()["versions"] == [text]


@pytest.mark.row("T-2-03")
def test_collections_and_statuses_have_a_uuid_of_version_4(alpha: Member, paths: dict[str, str]) -> None:
    ids = [c["id"] for c in alpha.ask(paths["collections"]).json()["collections"]]
    ids.append(alpha.ask(paths["status"]).json()["id"])
    assert {uuid.UUID(text).version for text in ids} == {4}
    assert [text for text in ids if str(uuid.UUID(text)) != text] == []


# Discovery and API root -------------------------------------------------------------------------------------------


@pytest.mark.row("T-8.2-01")
def test_discovery_stands_at_the_root_of_the_server_alone(alpha: Member) -> None:
    assert alpha.ask("/taxii2/").status_code == 200
    assert [alpha.ask(path).status_code for path in ("/x/taxii2/", "/exchange/taxii2/")] == [404, 404]


@pytest.mark.row("T-4.1-03", "T-4.1-02", "T-4.1-04")
def test_every_member_is_told_of_the_one_api_root(alpha: Member, gamma: Member) -> None:
    found = [member.ask("/taxii2/").json() for member in (alpha, gamma)]
    assert found[0] == found[1]
    assert found[0]["api_roots"] == [found[0]["default"]] == [f"{alpha.url}/exchange/"]
    assert alpha.ask("/exchange/").status_code == 200


@pytest.mark.row("T-4.2-02")
def test_the_api_root_names_its_version_by_media_type(alpha: Member) -> None:
    assert alpha.ask("/exchange/").json()["versions"] == ["application/taxii+json;version=2.1"]


@pytest.mark.row("T-3.3-02")
def test_collections_come_in_the_same_order_each_time(alpha: Member) -> None:
    assert alpha.ask(f"{C}/").content == alpha.ask(f"{C}/").content


@pytest.mark.row("T-5.1-01")
def test_the_list_of_collections_has_no_filters_and_no_pages(alpha: Member) -> None:
    assert alpha.ask(f"{C}/?limit=1&next=x&match[id]=y").content == alpha.ask(f"{C}/").content


@pytest.mark.row("T-5.2-03")
def test_an_alias_is_one_collections_alone_and_serves_at_every_path(alpha: Member, paths: dict[str, str]) -> None:
    listed = alpha.ask(f"{C}/").json()["collections"]
    names = [c["alias"] for c in listed] + [c["id"] for c in listed]
    assert len(set(names)) == len(names)
    alias = paths["collection"].split("/")[3]
    uid = next(c["id"] for c in listed if c["alias"] == alias)
    for name in ("collection", "manifest", "objects", "object", "versions"):
        assert alpha.ask(paths[name].replace(alias, uid)).content == alpha.ask(paths[name]).content


@pytest.mark.row("T-5.2-04", "T-5.3-01")
def test_the_media_type_of_a_record_is_one_of_its_collection(alpha: Member, paths: dict[str, str]) -> None:
    types = alpha.ask(paths["collection"]).json()["media_types"]
    assert {record["media_type"] for record in alpha.ask(paths["manifest"]).json()["objects"]} == set(types)


# Envelopes --------------------------------------------------------------------------------------------------------


@pytest.mark.row("T-3.7-01", "T-3.7-02")
def test_stix_comes_in_an_envelope_of_objects_and_never_as_a_bundle(alpha: Member, fresh: str) -> None:
    bundle = {"type": "bundle", "id": f"bundle--{uuid.uuid4()}", "objects": [indicator()]}
    alpha.post(fresh, address("198.51.100.81"), data=None)
    status = alpha.post(fresh, bundle, indicator()).json()
    assert [failure["id"] for failure in status["failures"]] == [bundle["id"]]
    body = alpha.ask(f"{C}/{fresh}/objects/").json()
    assert not {"type", "id"} & body.keys()
    assert {one["type"] for one in body["objects"]} == {"ipv4-addr", "indicator"}
    assert all(one["id"].startswith(f"{one['type']}--") for one in body["objects"])


# Errors -----------------------------------------------------------------------------------------------------------


@pytest.mark.row("T-3.6-01", "T-3.6-02", "T-3.1-03", "T-3.1-04")
def test_an_error_object_has_its_title_and_texts(alpha: Member) -> None:
    for path in ("/nothing/", f"{C}/notice/objects/?limit=x", f"{C}/drop/objects/"):
        found = alpha.ask(path)
        body = _strict(found.content.decode())
        assert {type(value) for value in body.values()} == {str}
        assert (body["title"] != "", body["http_status"]) == (True, str(found.status_code))


@pytest.mark.row("T-3.1-16")
def test_what_is_wrong_first_is_told_first(served: Served, alpha: Member) -> None:
    stranger = Member(url=served.url, key="exk_x")
    big = {"data": b" " * (2**20 + 1), "headers": {"Accept": "text/html", "Content-Type": "text/plain"}}
    html = {"Accept": "text/html"}
    assert stranger.post("closed", **_copy(big)).status_code == 401
    assert alpha.post("closed", **_copy(big)).status_code == 404
    assert alpha.post("notice", **_copy(big)).status_code == 403
    assert alpha.post("fresh00", **_copy(big)).status_code == 406
    assert alpha.post("fresh00", data=big["data"], headers={"Content-Type": "text/plain"}).status_code == 415
    assert alpha.post("fresh00", data=big["data"]).status_code == 413
    assert alpha.ask(f"{C}/notice/objects/?limit=x", headers=html).status_code == 406


def _copy(options: dict[str, Any]) -> dict[str, Any]:
    return {name: dict(value) if isinstance(value, dict) else value for name, value in options.items()}


SECTION_5 = [
    ("GET", f"{C}/"), ("GET", f"{C}/notice/"), ("GET", f"{C}/notice/manifest/"), ("GET", f"{C}/notice/objects/"),
    ("POST", f"{C}/fresh00/objects/"), ("GET", f"{C}/notice/objects/indicator--x/"),
    ("DELETE", f"{C}/fresh00/objects/indicator--x/"), ("GET", f"{C}/notice/objects/indicator--x/versions/"),
]  # fmt: skip


@pytest.mark.row("T-5-01", "T-1.6-02", "I-3.1")
@pytest.mark.parametrize(("method", "path"), SECTION_5)
def test_a_wrong_password_is_a_401_with_a_challenge_on_every_endpoint(served: Served, method: str, path: str) -> None:
    for password in ("wrong", "exk_aaaaaaaaaaaa_b"):
        found = requests.request(
            method, f"{served.url}{path}", auth=("alpha", password), timeout=60, allow_redirects=False
        )
        assert (found.status_code, found.json()["title"]) == (401, "Unauthorized")
        assert found.headers["WWW-Authenticate"].startswith("Basic ")
        assert found.headers["Content-Type"] == MEDIA_TYPE


@pytest.mark.row("T-3.1-10")
def test_a_request_without_accept_is_served(served: Served, alpha: Member) -> None:
    found = requests.get(
        f"{served.url}/taxii2/", headers={"Authorization": f"Bearer {alpha.key}", "Accept": None}, timeout=60
    )
    assert "Accept" not in found.request.headers
    assert (found.status_code, found.headers["Content-Type"]) == (200, MEDIA_TYPE)


@pytest.mark.row("T-B-01", "T-5.6-02")
@pytest.mark.parametrize("rest", ["", "versions/"])
def test_an_object_that_is_hidden_answers_as_one_that_is_not_there(alpha: Member, beta: Member, rest: str) -> None:
    one = indicator()
    alpha.post("post", one)  # beta may write there, and read its own alone
    found = [beta.ask(f"{C}/post/objects/{stix_id}/{rest}") for stix_id in (one["id"], indicator()["id"])]
    bodies = [{**answer.json(), "error_id": ""} for answer in found]
    heads = [{name: text for name, text in answer.headers.items() if name != "date"} for answer in found]
    assert found[0].status_code == 404
    assert (bodies[0], heads[0]) == (bodies[1], heads[1])


@pytest.mark.row("T-3.1-17", "A-17")
def test_the_paths_of_the_examples_that_were_misprinted_are_not_served(alpha: Member) -> None:
    assert alpha.ask(f"{C}/notice/object/").status_code == 404
    assert alpha.ask(f"{C}/{collection_id(3)}/objects/", "PUT").headers["Allow"]


@pytest.mark.row("T-H-02")
def test_an_answer_says_when_it_was_made(alpha: Member) -> None:
    for path in ("/taxii2/", "/nothing/"):
        assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", alpha.ask(path).headers["Date"])
