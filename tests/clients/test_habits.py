"""What single clients send when they push, and what the profiles of keys change in the answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests
import taxii2client.v21 as t2c
from requests.auth import HTTPBasicAuth

from tests.clients.house import COLLECTION_ID, House, opened
from tests.clients.story import fresh
from tests.protocol.served import MEDIA_TYPE, Member

OBJECTS = "/exchange/collections/feed/objects/"


# The connection ends before the answer or in it, as the system has it: never with a status.
BROKEN = (requests.exceptions.ChunkedEncodingError, requests.exceptions.ConnectionError)


@pytest.fixture(scope="module")
def house(folder: Path) -> Iterator[House]:
    with opened(folder) as found:
        yield found


@pytest.fixture(scope="module")
def maker(house: House) -> Member:
    return house.member("maker")


@pytest.fixture(scope="module")
def reader(house: House) -> Member:
    return house.member("reader")


def _posting(house: House, maker: Member) -> t2c.Collection:
    url = f"{house.url}/exchange/collections/{COLLECTION_ID}/"
    return t2c.Collection(url, auth=HTTPBasicAuth("maker", maker.key))


def _bundle(*objects: dict[str, Any]) -> dict[str, Any]:
    return {"type": "bundle", "id": f"bundle--{uuid4()}", "objects": list(objects)}


def _is_there(reader: Member, obj: dict[str, Any]) -> bool:
    found: list[dict[str, Any]] = reader.ask(f"{OBJECTS}{obj['id']}/").json().get("objects")
    return found == [obj]


# Pushing ----------------------------------------------------------------------------------------------------------


def test_misp_pushes_envelopes_cut_just_under_the_largest_body(house: House, maker: Member, reader: Member) -> None:
    root = t2c.Server(f"{house.url}/taxii2/", user="maker", password=maker.key).default
    padding = root.max_content_length - len(json.dumps({"objects": fresh(1)})) - 1000
    [obj] = fresh(1)
    obj["description"] = "x" * padding
    status = _posting(house, maker).add_objects({"objects": [obj]}, wait_for_completion=False)
    assert (status.status, status.success_count) == ("complete", 1)
    assert _is_there(reader, obj)


def test_splunk_pushes_the_text_of_a_bundle_and_asks_for_the_status(
    house: House, maker: Member, reader: Member
) -> None:
    objects = fresh(3)
    status = _posting(house, maker).add_objects(json.dumps(_bundle(*objects)), wait_for_completion=False)
    status.refresh()
    assert (status.status, status.success_count, status.failures) == ("complete", 3, [])
    assert all(_is_there(reader, o) for o in objects)


def test_opencti_pushes_a_bundle_of_one_as_stix_json(maker: Member, reader: Member) -> None:
    [obj] = fresh(1)
    headers = {
        "Accept": "application/taxii+json; version=2.1", "Content-Type": "application/stix+json; version=2.1",
    }  # fmt: skip
    found = maker.ask(OBJECTS, "POST", headers=headers, data=json.dumps(_bundle(obj)))
    assert (found.status_code, found.json()["success_count"]) == (202, 1)
    assert _is_there(reader, obj)


# Profiles ---------------------------------------------------------------------------------------------------------


def test_a_key_for_the_opencti_connector_begins_anew_when_it_names_a_date(house: House, maker: Member) -> None:
    """Its poll broke off after a page, whose objects it dropped; the `next` stayed with the date it came from."""
    maker.post("feed", *fresh(6))
    query = {"added_after": "2000-01-01T00:00:00Z", "limit": "3"}
    for profile, again in (("opencti-connector", True), (None, False)):
        member = house.member("reader", profile)
        first = member.ask(OBJECTS, params=query).json()
        second = member.ask(OBJECTS, params={**query, "next": first["next"]}).json()
        assert (second["objects"] == first["objects"]) is again
        assert member.ask(OBJECTS, params={"next": first["next"]}).json()["objects"] != first["objects"]


def test_a_key_for_the_opencti_connector_gets_a_broken_connection_instead_of_a_503(house: House, maker: Member) -> None:
    maker.post("feed", *fresh(1))
    connector, plain = house.member("reader", "opencti-connector"), house.member("reader")
    with house.broken():
        with pytest.raises(BROKEN):
            connector.ask(OBJECTS)
        found = plain.ask(OBJECTS)
        assert (found.status_code, found.headers["Retry-After"], found.headers["Content-Type"]) == (
            503,
            "5",
            MEDIA_TYPE,
        )
    assert connector.ask(OBJECTS).status_code == 200


def test_a_key_for_elastic_gets_the_date_where_it_stands_also_with_next_alone(house: House, maker: Member) -> None:
    """A page of `next` is empty when what it would have held was deleted meanwhile."""
    elastic, objects = house.member("reader", "elastic"), fresh(2)
    before = maker.ask(OBJECTS).headers["X-TAXII-Date-Added-Last"]
    maker.post("feed", *objects)
    first = elastic.ask(OBJECTS, params={"added_after": before, "limit": "1"})
    maker.ask(f"{OBJECTS}{objects[1]['id']}/", "DELETE")
    last = elastic.ask(OBJECTS, params={"next": first.json()["next"]})
    assert last.json() == {"more": False, "objects": []}
    assert last.headers["X-TAXII-Date-Added-Last"] == first.headers["X-TAXII-Date-Added-Last"]
