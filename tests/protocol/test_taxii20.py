"""TAXII 2.0 is not served: its clients hear 406 in a TAXII error, and those that can speak 2.1 go on with that.

The two ways of finding out which version a server speaks are those of real clients (Cortex XSOAR: 2.1 first; minemeld:
2.0 first), at the discovery path of either version.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import requests
import taxii2client.v20 as v20
import taxii2client.v21 as v21
from requests import HTTPError

from tests.protocol.served import MEDIA_TYPE, Member, collection_id, indicator

TAXII_20 = "application/vnd.oasis.taxii+json; version=2.0"
STIX_20 = "application/vnd.oasis.stix+json; version=2.0"
DISCOVERY = pytest.mark.parametrize("discovery", ["/taxii2/", "/taxii/"])

NOTICE = collection_id(3)
OLD = {
    "type": "indicator",
    "id": "indicator--4b8a4b0e-3b1e-4b11-9d52-0f5b0a3a3d11",
    "created": "2017-01-01T00:00:00.000Z",
    "modified": "2017-01-01T00:00:00.000Z",
    "labels": ["malicious-activity"],
    "pattern": "[ipv4-addr:value = '198.51.100.3']",
    "valid_from": "2017-01-01T00:00:00Z",
}
BUNDLE = {"type": "bundle", "id": "bundle--5f2a4b0e-3b1e-4b11-9d52-0f5b0a3a3d12", "spec_version": "2.0"}

Call = Callable[[v20.Collection], Any]
CALLS: dict[str, Call] = {
    "collection": lambda c: c.title,
    "objects": lambda c: c.get_objects(),
    "range": lambda c: c.get_objects(start=0, per_request=50),
    "manifest": lambda c: list(v20.as_pages(c.get_manifest, per_request=50)),
    "object": lambda c: c.get_object(OLD["id"]),
    "post": lambda c: c.add_objects(BUNDLE | {"objects": [OLD]}),
}


def _v20(member: Member, path: str) -> dict[str, Any]:
    return {"url": f"{member.url}{path}", "user": "anybody", "password": member.key}


def _is_406(error: HTTPError) -> bool:
    answer = error.response
    assert "application/taxii+json;version=2.1" in answer.json()["description"]
    return (answer.status_code, answer.headers["Content-Type"]) == (406, MEDIA_TYPE)


@DISCOVERY
def test_the_discovery_of_taxii2_client_v20_is_not_acceptable(alpha: Member, discovery: str) -> None:
    with pytest.raises(HTTPError) as caught:
        v20.Server(**_v20(alpha, discovery)).refresh()
    assert _is_406(caught.value)


@pytest.mark.parametrize("path", ["/exchange/", "/exchange/status/one/"])
def test_a_root_and_a_status_are_not_acceptable(alpha: Member, path: str) -> None:
    with pytest.raises(HTTPError) as caught:
        (v20.Status if "status" in path else v20.ApiRoot)(**_v20(alpha, path)).refresh()
    assert _is_406(caught.value)


@pytest.mark.parametrize("name", CALLS)
def test_no_call_of_taxii2_client_v20_to_a_collection_is_acceptable(alpha: Member, name: str) -> None:
    with pytest.raises(HTTPError) as caught:
        CALLS[name](v20.Collection(**_v20(alpha, f"/exchange/collections/{NOTICE}/")))
    assert _is_406(caught.value)


def test_of_a_root_of_taxii_2_0_nothing_is_there(alpha: Member) -> None:
    found = alpha.ask("/api1/collections/one/objects/", headers={"Accept": STIX_20, "Range": "items 0-49"})
    assert (found.status_code, found.headers["Content-Type"]) == (404, MEDIA_TYPE)


# How clients find out ---------------------------------------------------------------------------------------------


def _as_xsoar(member: Member, discovery: str) -> v20.Server | v21.Server:
    """2.1 first; 2.0 only after 406."""
    server = v21.Server(**_v20(member, discovery))
    try:
        server.refresh()
    except HTTPError as error:
        if error.response.status_code != 406:
            raise
        server = v20.Server(**_v20(member, discovery))
        server.refresh()
    return server


@DISCOVERY
def test_who_asks_for_2_1_first_stays_with_it(alpha: Member, discovery: str) -> None:
    server = _as_xsoar(alpha, discovery)
    assert isinstance(server, v21.Server)
    assert [root.url for root in server.api_roots] == [f"{alpha.url}/exchange/"]
    assert "notice" in {c.alias for c in server.default.collections}


def _as_minemeld(member: Member, discovery: str) -> requests.Session:
    """2.0 first; 2.1 only after 406."""
    session = requests.Session()
    session.headers.update({"Authorization": f"Token {member.key}", "Accept": TAXII_20})
    if session.get(f"{member.url}{discovery}", timeout=60).status_code == 406:
        session.headers.update({"Accept": "application/taxii+json; version=2.1"})
    return session


@DISCOVERY
def test_who_asks_for_2_0_first_comes_to_2_1_and_reads(alpha: Member, beta: Member, fresh: str, discovery: str) -> None:
    one = indicator()
    assert alpha.post(fresh, one).status_code == 202
    session = _as_minemeld(beta, discovery)
    [root] = session.get(f"{beta.url}{discovery}", timeout=60).json()["api_roots"]
    listed = session.get(f"{root}collections/", timeout=60).json()["collections"]
    [place] = [c["id"] for c in listed if c["alias"] == fresh]
    found = session.get(f"{root}collections/{place}/objects/", params={"limit": "100"}, timeout=60)
    assert found.json() == {"more": False, "objects": [one]}


def test_the_old_path_of_discovery_is_another_name_of_the_new_one(alpha: Member) -> None:
    old, new = alpha.ask("/taxii/"), alpha.ask("/taxii2/")
    assert (old.status_code, old.content) == (new.status_code, new.content)
    assert alpha.ask("/taxii").content == new.content
    assert requests.get(f"{alpha.url}/taxii/", headers={"Accept": TAXII_20}, timeout=60).status_code == 401
    assert alpha.ask("/taxii/", "POST").status_code == 405


# What 2.0 clients send that 2.1 does not know ---------------------------------------------------------------------


@pytest.mark.parametrize("of_items", ["items 0-0", "items=0-0", "bytes=0-9"])
def test_a_range_is_not_taken(alpha: Member, fresh: str, of_items: str) -> None:
    assert alpha.post(fresh, indicator(), indicator()).status_code == 202
    found = alpha.ask(f"/exchange/collections/{fresh}/objects/", headers={"Range": of_items})
    assert (found.status_code, len(found.json()["objects"])) == (200, 2)
    assert not {"Content-Range", "Accept-Ranges"} & found.headers.keys()


@pytest.mark.parametrize("content_type", [TAXII_20, STIX_20])
def test_a_body_of_taxii_2_0_is_an_unsupported_media_type(alpha: Member, fresh: str, content_type: str) -> None:
    found = alpha.post(fresh, indicator(), headers={"Content-Type": content_type})
    assert (found.status_code, found.headers["Content-Type"]) == (415, MEDIA_TYPE)


def test_an_object_of_stix_2_0_is_refused_with_the_mend(alpha: Member, fresh: str) -> None:
    status = alpha.post(fresh, json=BUNDLE | {"objects": [OLD, indicator()]}).json()
    assert (status["success_count"], status["failure_count"]) == (1, 1)
    [failure] = status["failures"]
    assert failure["id"] == OLD["id"]
    assert re.search(r"/spec_version: is missing, so this is a STIX 2\.0 object: send STIX 2\.1", failure["message"])


def test_the_objects_here_are_of_2_1_and_of_no_other_version(alpha: Member, fresh: str) -> None:
    assert alpha.post(fresh, indicator()).status_code == 202
    path = f"/exchange/collections/{fresh}/manifest/"
    assert alpha.ask(f"{path}?match[spec_version]=2.0").json() == {"more": False}
    assert len(alpha.ask(f"{path}?match[spec_version]=2.0,2.1").json()["objects"]) == 1
