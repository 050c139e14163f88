"""POST objects, status, DELETE (TAXII 2.1 sections 5.5, 4.3, 5.7), and bodies that are no good."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator

import pytest

from tests.protocol.served import MEDIA_TYPE, Member, indicator

LIMIT = 2**20


def _envelope(*objects: object) -> bytes:
    return json.dumps({"objects": objects}).encode()


@pytest.mark.row("T-5.5-01", "T-5.5-05", "T-4.3-01", "T-4.3-02", "I-3.10", "I-3.11")
def test_a_stock_client_publishes_and_finds_its_status(alpha: Member, fresh: str) -> None:
    good, bad = indicator(), indicator(valid_from="yesterday")
    status = alpha.collection(fresh).add_objects({"objects": [good, bad]})
    assert (status.status, status.success_count, status.failure_count) == ("complete", 1, 1)
    assert status.failures[0]["id"] == bad["id"]
    again = alpha.server().default.get_status(status.id)
    assert (again.successes, again.failures) == (status.successes, status.failures)
    assert alpha.collection(fresh).get_objects()["objects"] == [good]


@pytest.mark.row("T-4.3-05", "T-4.3-06", "T-B-01")
def test_a_status_is_for_its_poster_alone(alpha: Member, beta: Member, fresh: str) -> None:
    status = alpha.post(fresh, indicator()).json()["id"]
    assert [m.ask(f"/exchange/status/{status}/").status_code for m in (alpha, beta)] == [200, 404]
    assert alpha.ask("/exchange/status/no%00id/").status_code == 404


def test_a_duplicate_is_a_success(alpha: Member, fresh: str) -> None:
    one = indicator()
    assert [alpha.post(fresh, one).json()["success_count"] for _ in range(2)] == [1, 1]
    assert len(alpha.ask(f"/exchange/collections/{fresh}/objects/").json()["objects"]) == 1


@pytest.mark.row("T-3.1-14", "T-5.5-01", "T-5.5-02")
@pytest.mark.parametrize(
    "content_type",
    [
        "application/taxii+json", "application/taxii+json;version=2.1", 'application/TAXII+json ; Version="2.1"',
        "application/stix+json;version=2.1", "application/stix+json; version=2.1", "application/stix+json",
        "application/taxii+json;version=2.1; charset=utf-8",
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["envelope", "bundle"])
def test_envelopes_and_bundles_are_taken_under_either_media_type(alpha: Member, content_type: str, kind: str) -> None:
    objects = [indicator()]
    bundle = {"type": "bundle", "id": "bundle--00000000-0000-4000-8000-000000000001", "objects": objects}
    body = json.dumps(bundle if kind == "bundle" else {"objects": objects})
    found = alpha.post("fresh00", data=body, headers={"Content-Type": content_type})
    assert (found.status_code, found.json()["success_count"]) == (202, 1)


@pytest.mark.row("T-3.1-15", "T-5.5-04")
@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "application/taxii+json;version=2.0", ""])
def test_other_media_types_are_refused(alpha: Member, content_type: str) -> None:
    found = alpha.post("fresh00", data=_envelope(indicator()), headers={"Content-Type": content_type})
    assert found.status_code == 415


@pytest.mark.row("T-H-01")
def test_a_gzip_body_is_inflated(alpha: Member, fresh: str) -> None:
    body = gzip.compress(_envelope(indicator())) + gzip.compress(b" ")
    found = alpha.post(fresh, data=body, headers={"Content-Encoding": "gzip"})
    assert (found.status_code, found.json()["success_count"]) == (202, 1)


@pytest.mark.row("T-H-01")
def test_a_chunked_body_is_taken(alpha: Member, fresh: str) -> None:
    def pieces() -> Iterator[bytes]:
        body = _envelope(indicator())
        yield body[:50]
        yield body[50:]

    found = alpha.post(fresh, data=pieces())
    assert (found.status_code, found.json()["success_count"]) == (202, 1)


def _padded(size: int) -> bytes:
    body = _envelope(indicator())
    return body + b" " * (size - len(body))


@pytest.mark.row("T-4.2-03", "T-5.5-04")
def test_a_body_of_the_largest_size_is_taken_and_one_byte_more_is_not(alpha: Member, fresh: str) -> None:
    for size, status in ((LIMIT, 202), (LIMIT + 1, 413)):
        body = _padded(size)
        assert alpha.post(fresh, data=body).status_code == status
        assert alpha.post(fresh, data=iter([body[:1000], body[1000:]])).status_code == status
        assert alpha.post(fresh, data=gzip.compress(body), headers={"Content-Encoding": "gzip"}).status_code == status


@pytest.mark.row("T-5.5-04")
def test_a_body_of_60_megabytes_is_refused_clearly_and_the_server_goes_on(alpha: Member, fresh: str) -> None:
    big = b" " * 60_000_000
    for body in (big, iter([big[:1_000_000]] * 60)):
        found = alpha.post(fresh, data=body)
        assert (found.status_code, found.json()["http_status"]) == (413, "413")
    bomb = gzip.compress(big)
    assert alpha.post(fresh, data=bomb, headers={"Content-Encoding": "gzip"}).status_code == 413
    assert alpha.post(fresh, indicator()).status_code == 202


BAD = {
    "nothing": (b"", 400),
    "no JSON": (b'{"objects": [', 400),
    "nested 10,000 deep": (b'{"objects": [' + b"[" * 10_000 + b"]" * 10_000 + b"]}", 400),
    "no objects": (b"{}", 422),
    "an empty list": (b'{"objects": []}', 422),
    "a bare list": (b"[]", 422),
    "a repeated key": (b'{"objects": [1], "objects": [2]}', 422),
}


@pytest.mark.row("T-1.6-01", "T-5.5-02", "T-5.5-04", "T-5.5-06")
@pytest.mark.parametrize("case", BAD)
def test_a_bad_body_is_refused_as_a_whole_with_the_mend(alpha: Member, fresh: str, case: str) -> None:
    body, status = BAD[case]
    found = alpha.post(fresh, data=body)
    assert (found.status_code, found.json()["http_status"]) == (status, str(status))
    assert found.json()["description"].endswith(".")
    assert alpha.ask(f"/exchange/collections/{fresh}/objects/").json() == {"more": False}


@pytest.mark.row("T-1.6-01")
def test_an_object_that_is_not_utf_8_is_refused(alpha: Member, fresh: str) -> None:
    found = alpha.post(fresh, data=b'{"objects": [{"type": "\xff"}]}')
    assert (found.status_code, found.json()["failure_count"]) == (202, 1)


def test_one_object_that_nests_too_deep_leaves_the_others_in(alpha: Member, fresh: str) -> None:
    deep = indicator(x_deep=1)
    text = json.dumps(deep).replace('"x_deep": 1', '"x_deep": ' + "[" * 400 + "]" * 400)
    found = alpha.post(fresh, data=f'{{"objects": [{text}, {json.dumps(indicator())}]}}'.encode())
    assert (found.status_code, found.json()["success_count"]) == (202, 1)


@pytest.mark.parametrize(("encoding", "body"), [("br", b"x"), ("deflate", zlib.compress(b"{}"))])
def test_an_unknown_encoding_is_refused(alpha: Member, encoding: str, body: bytes) -> None:
    found = alpha.post("fresh00", data=body, headers={"Content-Encoding": encoding})
    assert (found.status_code, found.headers["Accept-Encoding"]) == (415, "gzip")


@pytest.mark.parametrize("body", [b"{}", gzip.compress(b"{}", mtime=0)[:-9], gzip.compress(b"{}", mtime=0) + b"more"])
def test_a_broken_gzip_body_is_refused(alpha: Member, body: bytes) -> None:
    assert alpha.post("fresh00", data=body, headers={"Content-Encoding": "gzip"}).status_code == 400


@pytest.mark.row("T-5.5-04", "I-3.5.2")
def test_a_member_that_may_only_read_cannot_publish(alpha: Member) -> None:
    assert alpha.post("notice", indicator()).status_code == 403


# Deleting ---------------------------------------------------------------------------------------------------------


@pytest.mark.row("T-5.7-04", "I-3.12")
def test_a_stock_client_deletes_its_own_object(alpha: Member, beta: Member, fresh: str) -> None:
    one = indicator()
    alpha.post(fresh, one)
    path = f"/exchange/collections/{fresh}/objects/{one['id']}/"
    assert beta.ask(path).status_code == 200
    alpha.collection(fresh).delete_object(one["id"])
    assert [m.ask(path).status_code for m in (alpha, beta)] == [404, 404]
    assert beta.ask(f"/exchange/collections/{fresh}/manifest/").json() == {"more": False}


@pytest.mark.row("T-5.7-02", "T-3.1-04", "I-3.12")
def test_a_delete_has_no_body_and_the_media_type(alpha: Member, fresh: str) -> None:
    one = indicator()
    alpha.post(fresh, one)
    found = alpha.ask(f"/exchange/collections/{fresh}/objects/{one['id']}/", "DELETE")
    assert (found.status_code, found.content, found.headers["Content-Type"]) == (200, b"", MEDIA_TYPE)


@pytest.mark.row("T-5.7-02", "T-5.7-03", "A-04")
def test_a_delete_may_name_versions(alpha: Member, fresh: str) -> None:
    one = indicator()
    texts = [f"2024-0{n}-01T00:00:00.000Z" for n in (1, 2, 3, 4)]
    for text in texts:
        alpha.post(fresh, one | {"modified": text})
    path = f"/exchange/collections/{fresh}/objects/{one['id']}/"
    assert alpha.ask(f"{path}?match[version]=last", "DELETE").status_code == 200
    assert alpha.ask(f"{path}?match[version]={texts[1]}", "DELETE").status_code == 200
    assert sorted(alpha.ask(f"{path}versions/").json()["versions"]) == [texts[0], texts[2]]
    assert alpha.ask(f"{path}?match[version]={texts[1]}", "DELETE").status_code == 404
    assert alpha.ask(f"{path}?match[spec_version]=2.0", "DELETE").status_code == 404
    assert alpha.ask(f"{path}?match[version]=all", "DELETE").status_code == 200
    assert alpha.ask(path).status_code == 404


@pytest.mark.parametrize("query", ["match[version]=", "match[spec_version]=", "match[version]=newest"])
def test_a_delete_that_names_versions_wrongly_deletes_nothing(alpha: Member, fresh: str, query: str) -> None:
    one = indicator()
    alpha.post(fresh, one)
    path = f"/exchange/collections/{fresh}/objects/{one['id']}/"
    assert alpha.ask(f"{path}?{query}", "DELETE").status_code == 400
    assert alpha.ask(path).status_code == 200


@pytest.mark.row("T-5.7-05")
def test_deleting_what_is_another_members_is_forbidden_where_it_is_seen_and_not_found_where_not(
    alpha: Member, beta: Member, fresh: str
) -> None:
    one = indicator()
    alpha.post(fresh, one)
    alpha.post("post", one)
    assert beta.ask(f"/exchange/collections/{fresh}/objects/{one['id']}/", "DELETE").status_code == 403
    assert beta.ask(f"/exchange/collections/post/objects/{one['id']}/", "DELETE").status_code == 404


@pytest.mark.row("T-5.7-01", "I-3.5.2")
def test_the_rights_decide_over_a_delete_as_the_table_of_taxii_says(served_rights: dict[str, Member]) -> None:
    found = {
        who: member.ask("/exchange/collections/fresh00/objects/indicator--x/", "DELETE").status_code
        for who, member in served_rights.items()
    }
    assert found == {"neither": 404, "read": 403, "write": 403, "both": 404}
