"""Media types, methods, headers and error objects (TAXII 2.1 sections 3.1, 3.6)."""

from __future__ import annotations

import gzip
import uuid

import pytest
import requests

from exchange.taxiiwire import acceptable, takes
from tests.protocol.served import MEDIA_TYPE, Member, Served, indicator

ACCEPTED = [
    MEDIA_TYPE, "application/taxii+json", 'application/taxii+json; version="2.1"', "APPLICATION/TAXII+JSON;VERSION=2.1",
    "text/html;q=0.9, application/taxii+json;version=2.1;q=0.5", "application/taxii+json;q=0.5;version=2.1",
    "*/*", "application/*", "application/json", "application/json, text/plain", "",
    "application/taxii+json;version=2.1,application/stix+json;version=2.1", "text/html, */*;q=0.1",
    "application/vnd.oasis.taxii+json; version=2.0, application/taxii+json",
]  # fmt: skip
REFUSED = [
    "text/html", "application/taxii+json;version=2.0", "application/taxii+json;version=3.0",
    "application/stix+json;version=2.1", "application/vnd.oasis.taxii+json; version=2.0",
    "application/taxii+json;version=2.1;q=0", "application/taxii+json;version=2.1;q=0, */*", "*/*;q=0",
    "application/taxii+json;q=high", "nonsense", ",",
]  # fmt: skip


@pytest.mark.row("T-3.1-05", "T-3.1-06", "T-3.1-07", "T-3.1-08", "T-3.1-09", "T-3.1-12", "A-21")
@pytest.mark.parametrize("accept", ACCEPTED)
def test_whatever_covers_taxii_2_1_is_served(alpha: Member, accept: str) -> None:
    found = alpha.ask("/exchange/collections/notice/manifest/", headers={"Accept": accept})
    assert (found.status_code, found.headers["Content-Type"]) == (200, MEDIA_TYPE)


@pytest.mark.row("T-3.1-08", "T-3.1-09", "T-3.1-11", "T-3.1-13", "A-21")
@pytest.mark.parametrize("accept", REFUSED)
def test_whatever_does_not_is_not_acceptable(alpha: Member, accept: str) -> None:
    found = alpha.ask("/exchange/collections/notice/manifest/", headers={"Accept": accept})
    assert (found.status_code, found.headers["Content-Type"]) == (406, MEDIA_TYPE)


def test_no_accept_is_every_accept() -> None:
    assert acceptable(None)


def test_no_content_type_is_none_that_is_taken() -> None:
    assert not takes(None)


ERRORS = [
    ("GET", "/nothing/", {}, 404),
    ("GET", "/exchange/collections/notice/objects/?limit=0", {}, 400),
    ("GET", "/taxii2/", {"Authorization": "Bearer no"}, 401),
    ("GET", "/exchange/collections/drop/objects/", {}, 403),
    ("PUT", "/exchange/collections/notice/objects/", {}, 405),
    ("OPTIONS", "/exchange/collections/notice/objects/", {}, 405),
    ("POST", "/taxii2/", {}, 405),
    ("POST", "/healthz", {}, 405),
    ("GET", "/taxii2/", {"Accept": "text/html"}, 406),
    ("POST", "/exchange/collections/fresh00/objects/", {"Content-Type": "text/plain"}, 415),
    ("POST", "/exchange/collections/fresh00/objects/", {"Content-Type": MEDIA_TYPE}, 400),
]


@pytest.mark.row("T-3.1-03", "T-3.1-04", "T-3.6-01", "T-3.6-02")
@pytest.mark.parametrize(("method", "path", "headers", "status"), ERRORS)
def test_every_error_is_a_taxii_error_object(
    alpha: Member, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    found = alpha.ask(path, method, headers=headers)
    assert (found.status_code, found.headers["Content-Type"]) == (status, MEDIA_TYPE)
    body = found.json()
    assert body.keys() == {"title", "description", "error_id", "http_status"}
    assert body["http_status"] == str(status)
    assert uuid.UUID(body["error_id"]).version == 4


@pytest.mark.row("T-3.6-01")
def test_an_error_id_names_one_occurrence(alpha: Member) -> None:
    assert len({alpha.ask("/nothing/").json()["error_id"] for _ in range(3)}) == 3


@pytest.mark.row("T-3.1-17")
def test_a_method_that_is_not_defined_says_which_are(alpha: Member) -> None:
    allowed = alpha.ask("/exchange/collections/notice/objects/", "PUT").headers["Allow"]
    assert set(allowed.split(", ")) == {"GET", "HEAD", "POST"}


@pytest.mark.row("T-H-02")
@pytest.mark.parametrize("path", ["/taxii2/", "/exchange/collections/notice/objects/", "/nothing/", "/healthz"])
def test_no_answer_may_be_cached_or_shared(alpha: Member, path: str) -> None:
    headers = alpha.ask(path).headers
    assert headers["Cache-Control"] == "private, no-store"
    assert {"Authorization", "Accept"} <= set(headers["Vary"].split(", "))
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "ETag" not in headers
    assert "Last-Modified" not in headers


@pytest.mark.row("T-H-01")
def test_a_long_answer_is_compressed_for_whoever_takes_gzip(alpha: Member, fresh: str) -> None:
    alpha.post(fresh, *[indicator() for _ in range(10)])
    path = f"/exchange/collections/{fresh}/objects/"
    plain = alpha.ask(path, headers={"Accept-Encoding": "gzip;q=0, identity"})
    assert "Content-Encoding" not in plain.headers
    packed = alpha.ask(path, headers={"Accept-Encoding": "gzip"}, stream=True)
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.raw.read(decode_content=False)) == plain.content


def test_a_short_answer_is_not_compressed(alpha: Member) -> None:
    assert "Content-Encoding" not in alpha.ask("/exchange/", headers={"Accept-Encoding": "gzip"}).headers


@pytest.mark.row("T-B-01")
def test_an_error_never_repeats_what_was_asked_for(alpha: Member) -> None:
    secret = "indicator--3f1c7a2e-0000-4000-8000-5ec2e75ec2e7"
    for path in (f"/{secret}/", f"/exchange/collections/{secret}/", f"/exchange/collections/notice/objects/{secret}/"):
        assert secret not in alpha.ask(path).text


@pytest.mark.row("T-8.2-02")
def test_a_request_without_a_user_agent_is_served(served: Served, alpha: Member) -> None:
    with requests.Session() as session:
        session.headers.clear()
        headers = {"Authorization": f"Bearer {alpha.key}", "User-Agent": None}
        assert session.get(f"{served.url}/taxii2/", headers=headers, timeout=60).status_code == 200


# Client profiles --------------------------------------------------------------------------------------------------


def test_a_key_for_elastic_gets_an_empty_list_and_its_date_back(served: Served, fresh: str) -> None:
    elastic = served.member("alpha", client="elastic")
    path = f"/exchange/collections/{fresh}"
    found = elastic.ask(f"{path}/objects/?added_after=2024-01-01T00:00:00Z")
    assert found.json() == {"more": False, "objects": []}
    assert found.headers["X-TAXII-Date-Added-Last"] == "2024-01-01T00:00:00.000000Z"
    assert "X-TAXII-Date-Added-Last" not in elastic.ask(f"{path}/manifest/").headers


def test_a_profile_that_this_release_does_not_know_changes_nothing(served: Served, fresh: str) -> None:
    member = served.member("alpha", client="of another release")
    assert member.ask(f"/exchange/collections/{fresh}/objects/").json() == {"more": False}
