"""Objects, one object, its versions, and the manifest (TAXII 2.1 sections 5.3, 5.4, 5.6, 5.8), with their filters."""

from __future__ import annotations

import json
import re

import pytest

from tests.protocol.served import MEDIA_TYPE, Member, address, indicator

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)
DATES = ("X-TAXII-Date-Added-First", "X-TAXII-Date-Added-Last")


def _versions(first: str = "2024-01-01T00:00:00.000Z", *later: str) -> list[dict[str, object]]:
    one = indicator()
    return [one | {"modified": text} for text in (first, *later)]


@pytest.mark.row("T-5.3-01", "T-5.4-01", "T-5.6-01", "T-5.8-01", "T-3.7-01", "I-3.6", "I-3.8", "I-3.9")
def test_a_stock_client_reads_what_was_published(alpha: Member, beta: Member, fresh: str) -> None:
    one = indicator()
    alpha.collection(fresh).add_objects({"objects": [one]})
    collection = beta.collection(fresh)
    assert collection.get_objects() == {"more": False, "objects": [one]}
    assert collection.get_object(one["id"]) == {"more": False, "objects": [one]}
    assert collection.object_versions(one["id"]) == {"more": False, "versions": [one["modified"]]}
    [record] = collection.get_manifest()["objects"]
    assert TIME.fullmatch(record.pop("date_added"))
    assert record == {
        "id": one["id"],
        "version": one["modified"],
        "media_type": "application/stix+json;version=2.1",
    }


def test_an_object_comes_back_byte_for_byte(alpha: Member, beta: Member, fresh: str) -> None:
    raw = json.dumps(indicator(x_acme=1.50, name="café"), indent=3)
    alpha.post(fresh, data=f'{{"objects": [ {raw} ]}}'.encode())
    assert raw.encode() in beta.ask(f"/exchange/collections/{fresh}/objects/").content


@pytest.mark.row("T-2-04", "T-3.2-03", "T-3.7-03", "A-01", "I-3.7")
def test_an_empty_page_has_no_objects_and_no_dates(alpha: Member, fresh: str) -> None:
    for path in ("objects/", "manifest/"):
        found = alpha.ask(f"/exchange/collections/{fresh}/{path}")
        assert found.content == b'{"more":false}'
        assert not [name for name in DATES if name in found.headers]


@pytest.mark.row("T-3.2-01", "T-3.2-02", "T-3.3-01", "I-3.7")
def test_dates_in_the_headers_are_those_of_the_first_and_last_record(alpha: Member, fresh: str) -> None:
    alpha.post(fresh, indicator(), indicator(), indicator())
    records = alpha.ask(f"/exchange/collections/{fresh}/manifest/").json()["objects"]
    assert [r["date_added"] for r in records] == sorted({r["date_added"] for r in records})
    for path in ("objects/", "manifest/"):
        headers = alpha.ask(f"/exchange/collections/{fresh}/{path}?limit=2").headers
        assert [headers[name] for name in DATES] == [records[0]["date_added"], records[1]["date_added"]]


@pytest.mark.row("T-3.2-01", "T-5.6-01", "T-5.8-01")
@pytest.mark.parametrize("path", ["", "versions/"])
def test_one_object_has_dates_too(alpha: Member, fresh: str, path: str) -> None:
    one = indicator()
    alpha.post(fresh, one)
    headers = alpha.ask(f"/exchange/collections/{fresh}/objects/{one['id']}/{path}").headers
    assert TIME.fullmatch(headers[DATES[0]])
    assert headers[DATES[0]] == headers[DATES[1]]


@pytest.mark.row("T-3.4-25")
def test_an_sco_without_times_has_the_one_version_that_all_scos_have(alpha: Member, fresh: str) -> None:
    one = address("198.51.100.77")
    alpha.post(fresh, one)
    versions = alpha.ask(f"/exchange/collections/{fresh}/objects/{one['id']}/versions/").json()["versions"]
    assert versions == ["1970-01-01T00:00:00.000Z"]
    [record] = alpha.ask(f"/exchange/collections/{fresh}/manifest/").json()["objects"]
    assert record["version"] == "1970-01-01T00:00:00.000Z"


def _ids(member: Member, collection: str, query: str) -> list[str]:
    found = [
        member.ask(f"/exchange/collections/{collection}/{path}/?{query}").json() for path in ("objects", "manifest")
    ]
    ids = [[o["id"] for o in page.get("objects", [])] for page in found]
    assert ids[0] == ids[1], "objects and manifest differ"
    return ids[0]


@pytest.mark.row("T-3.4-11", "T-3.4-12", "T-3.4-17", "T-5.3-02", "I-3.13")
def test_match_id_and_type_narrow_and_are_joined(alpha: Member, fresh: str) -> None:
    one, two, three = indicator(), indicator(), address("198.51.100.78")
    alpha.post(fresh, one, two, three)
    assert _ids(alpha, fresh, "match[type]=ipv4-addr") == [three["id"]]
    assert _ids(alpha, fresh, "match[type]=ipv4-addr,indicator&limit=9") == _ids(alpha, fresh, "")
    assert _ids(alpha, fresh, f"match[id]={two['id']}") == [two["id"]]
    assert _ids(alpha, fresh, f"match%5Bid%5D={one['id']}%2C{three['id']}&match[type]=ipv4-addr") == [three["id"]]
    assert _ids(alpha, fresh, "match[id]=indicator--x") == []
    assert _ids(alpha, fresh, "match[type]=windows-registry-key") == []


def _times(member: Member, collection: str, query: str) -> list[str]:
    found = member.ask(f"/exchange/collections/{collection}/objects/?{query}").json()
    return [o["modified"] for o in found.get("objects", [])]


@pytest.mark.row(
    "T-3.4-02", "T-3.4-19", "T-3.4-20", "T-3.4-21", "T-3.4-22", "T-3.4-23", "T-5.5-07", "T-1.6-04", "A-18", "I-3.13"
)
def test_match_version_picks_by_the_version_and_not_by_arrival(alpha: Member, fresh: str) -> None:
    first, middle, last = "2024-01-01T00:00:00.000Z", "2024-06-01T00:00:00.123Z", "2025-01-01T00:00:00.000Z"
    for one in _versions(last, first, middle):
        alpha.post(fresh, one | {"created": first})
    one = alpha.ask(f"/exchange/collections/{fresh}/objects/").json()["objects"][0]
    assert _times(alpha, fresh, "") == _times(alpha, fresh, "match[version]=last") == [last]
    assert _times(alpha, fresh, "match[version]=first") == [first]
    assert _times(alpha, fresh, "match[version]=all") == [last, first, middle]
    assert _times(alpha, fresh, "match[version]=2024-06-01T00:00:00.1230Z") == [middle]
    assert _times(alpha, fresh, f"match[version]=first,{middle},last") == [last, first, middle]
    assert _times(alpha, fresh, "match[version]=1999-01-01T00:00:00.000Z") == []
    versions = alpha.ask(f"/exchange/collections/{fresh}/objects/{one['id']}/versions/").json()["versions"]
    assert versions == [last, first, middle]


@pytest.mark.row("T-3.4-26", "T-5.3-02", "A-03", "I-3.13")
@pytest.mark.parametrize(("query", "count"), [("2.1", 2), ("2.0,2.1", 2), ("2.0", 0), ("9.9", 0)])
def test_match_spec_version_knows_that_everything_is_stix_2_1(
    alpha: Member, fresh: str, query: str, count: int
) -> None:
    alpha.post(fresh, indicator(), address("198.51.100.79"))
    assert len(_ids(alpha, fresh, f"match[spec_version]={query}")) == count


@pytest.mark.row("T-5.6-02", "T-5.8-01", "A-08", "I-3.8")
def test_an_unknown_object_is_not_found(alpha: Member, fresh: str) -> None:
    for path in ("", "versions/"):
        assert alpha.ask(f"/exchange/collections/{fresh}/objects/{indicator()['id']}/{path}").status_code == 404
        assert alpha.ask(f"/exchange/collections/{fresh}/objects/no-id%00/{path}").status_code == 404


@pytest.mark.row("T-5.6-02", "A-08", "A-16")
def test_a_known_object_whose_filter_leaves_nothing_is_an_empty_envelope(alpha: Member, fresh: str) -> None:
    one = indicator()
    alpha.post(fresh, one)
    path = f"/exchange/collections/{fresh}/objects/{one['id']}/"
    for query in (
        "match[version]=1999-01-01T00:00:00.000Z",
        "match[spec_version]=2.0",
        "added_after=2999-01-01T00:00:00Z",
    ):
        found = alpha.ask(f"{path}?{query}")
        assert (found.status_code, found.json()) == (200, {"more": False})


@pytest.mark.row("T-3.4-14", "T-3.4-28", "A-06")
def test_a_filter_that_an_endpoint_does_not_define_is_ignored(alpha: Member, fresh: str) -> None:
    one = indicator()
    alpha.post(fresh, one)
    path = f"/exchange/collections/{fresh}/objects/{one['id']}/"
    assert len(alpha.ask(f"{path}?match[type]=x&match[type]=y").json()["objects"]) == 1
    assert len(alpha.ask(f"{path}versions/?match[version]=nonsense").json()["versions"]) == 1
    assert len(alpha.ask(f"/exchange/collections/{fresh}/objects/?match[foo]=x&foo=1&foo=2").json()["objects"]) == 1
    assert alpha.ask("/exchange/collections/?limit=nonsense").status_code == 200


MALFORMED = [
    "limit=0", "limit=-1", "limit=1.5", "limit=", "limit=abc", "limit=1&limit=2", "limit=%D9%A3",
    "added_after=yesterday", "added_after=2024-01-01", "added_after=2024-02-31T00:00:00Z",
    "added_after=2024-01-01T00:00:00", "added_after=2024-01-01T00:00:00Z,2025-01-01T00:00:00Z",
    "added_after=2024-01-01T00:00:00Z&added_after=2024-01-01T00:00:00Z",
    "match[type]=a,,b", "match[type]=a, b", "match[type]=a&match[type]=b", "match[id]=,", "match[id]=%00",
    "match[version]=newest", "match[version]=all,first", "match[version]=last,last",
    "match[version]=2024-01-01T00:00:00.1Z,2024-01-01T00:00:00.10Z",
    "match[spec_version]=stix", "next=nonsense", "next=a&next=b",
]  # fmt: skip


@pytest.mark.row("T-3.4-01", "T-3.4-04", "T-3.4-07", "T-3.4-13", "T-3.4-16", "T-3.4-21", "T-3.4-24", "A-06", "I-3.13")
@pytest.mark.parametrize("query", MALFORMED)
@pytest.mark.parametrize("path", ["objects", "manifest"])
def test_a_malformed_parameter_is_named_and_refused(alpha: Member, path: str, query: str) -> None:
    found = alpha.ask(f"/exchange/collections/notice/{path}/?{query}")
    assert found.status_code == 400
    assert query.partition("=")[0] in found.json()["description"]


@pytest.mark.row("T-3.4-16")
@pytest.mark.parametrize(
    "query", ["added_after=", "next=", "next=None", "match[id]=", "match[type]=", "match[version]="]
)
def test_an_empty_parameter_is_absent(alpha: Member, fresh: str, query: str) -> None:
    alpha.post(fresh, indicator())
    assert len(alpha.ask(f"/exchange/collections/{fresh}/objects/?{query}").json()["objects"]) == 1


@pytest.mark.row("T-1.6-03", "A-14")
def test_who_may_write_only_reads_its_own(alpha: Member, beta: Member, gamma: Member) -> None:
    one = indicator()
    alpha.post("post", one)
    path = f"/exchange/collections/post/objects/{one['id']}/"
    assert [m.ask(path).status_code for m in (alpha, beta, gamma)] == [200, 404, 200]


@pytest.mark.row("T-5.3-03", "A-07", "I-3.5.2")
def test_a_drop_box_gives_its_writers_nothing_back(alpha: Member, gamma: Member) -> None:
    one = indicator()
    assert alpha.post("drop", one).status_code == 202
    for path in ("objects/", "manifest/", f"objects/{one['id']}/", f"objects/{one['id']}/versions/"):
        assert alpha.ask(f"/exchange/collections/drop/{path}").status_code == 403
    assert gamma.ask(f"/exchange/collections/drop/objects/{one['id']}/").status_code == 200


def test_head_is_get_without_a_body(alpha: Member, fresh: str) -> None:
    alpha.post(fresh, indicator())
    path = f"/exchange/collections/{fresh}/objects/"
    plain = {"Accept-Encoding": "identity"}
    head, get = alpha.ask(path, "HEAD", headers=plain), alpha.ask(path, headers=plain)
    assert (head.status_code, head.content) == (200, b"")
    assert {**head.headers, "date": ""} == {**get.headers, "date": ""}
    assert get.headers["Content-Type"] == MEDIA_TYPE
