"""The rows on STIX 2.1 that need more than one object: versions, revocation, what a marking does, known ids."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import stix2

from exchange.stix import TLP_OBJECTS, format_timestamp
from exchange.stixtypes import SCO
from tests.protocol.served import BUILT_IN_AMBER, BUILT_IN_GREEN, Member, address, indicator
from tests.unit.stixcarried import GREEN
from tests.unit.test_stix_samples import MD5, SAMPLES

FEBRUARY, MARCH = "2024-02-01T00:00:00.000Z", "2024-03-01T00:00:00.000Z"
AUTHOR, OTHER_AUTHOR = (f"identity--{uuid.uuid5(uuid.NAMESPACE_URL, name)}" for name in ("author", "other"))


@pytest.fixture(scope="module")
def kept(unused: Iterator[str]) -> str:
    """A collection for this module, whose objects each have an id of their own."""
    return next(unused)


def posted(member: Member, collection: str, obj: dict[str, Any]) -> tuple[bool, str]:
    """(whether the object is a success, what the status says of it)."""
    status = member.post(collection, obj).json()
    return bool(status["success_count"]), (status.get("successes") or status["failures"])[0].get("message", "")


def served(member: Member, collection: str, stix_id: str) -> list[dict[str, Any]]:
    """The current version, or nothing."""
    answer = member.ask(f"/exchange/collections/{collection}/objects/", params={"match[id]": stix_id})
    return list(answer.json().get("objects", []))


def versions(member: Member, collection: str, stix_id: str) -> list[str]:
    answer = member.ask(f"/exchange/collections/{collection}/objects/{stix_id}/versions/")
    return list(answer.json().get("versions", []))


def statement(**changes: Any) -> dict[str, Any]:
    marking_id = f"marking-definition--{uuid.uuid4()}"
    return SAMPLES["marking-definition"] | {"id": marking_id, "created": "2024-01-01T00:00:00.000Z"} | changes


@pytest.mark.row("S-3.6-01")
def test_versions_stand_beside_each_other_and_the_highest_is_the_current_one(alpha: Member, kept: str) -> None:
    one = indicator()
    for modified in (MARCH, FEBRUARY):
        assert posted(alpha, kept, one | {"modified": modified}) == (True, "")
    assert served(alpha, kept, one["id"])[0]["modified"] == MARCH
    assert sorted(versions(alpha, kept, one["id"])) == [FEBRUARY, MARCH]


@pytest.mark.row("S-3.6-01")
def test_created_is_constant_over_the_versions(alpha: Member, kept: str) -> None:
    one = indicator()
    alpha.post(kept, one)
    ok, message = posted(alpha, kept, one | {"created": FEBRUARY, "modified": MARCH})
    assert (ok, "it never changes" in message) == (False, True)


@pytest.mark.row("S-3.6-01")
def test_a_version_half_a_minute_ahead_of_the_clock_is_taken_and_one_two_minutes_ahead_is_not(
    alpha: Member, kept: str
) -> None:
    now = time.time_ns() // 1000
    assert posted(alpha, kept, indicator(modified=format_timestamp(now + 30_000_000)))[0]
    ok, message = posted(alpha, kept, indicator(modified=format_timestamp(now + 120_000_000)))
    assert (ok, "in the future" in message) == (False, True)


@pytest.mark.row("S-3.6-02")
@pytest.mark.parametrize("author", [OTHER_AUTHOR, None])
def test_the_author_of_later_versions_is_that_of_the_first(alpha: Member, kept: str, author: str | None) -> None:
    one = indicator(created_by_ref=AUTHOR)
    alpha.post(kept, one)
    later = {k: v for k, v in (one | {"modified": MARCH, "created_by_ref": author}).items() if v is not None}
    ok, message = posted(alpha, kept, later)
    assert (ok, "use a new id" in message) == (False, True)


@pytest.mark.row("S-3.6-02")
def test_what_others_hold_under_an_id_decides_nothing(alpha: Member, beta: Member, kept: str) -> None:
    one = indicator(created_by_ref=AUTHOR)
    alpha.post(kept, one)
    assert posted(beta, kept, one | {"modified": MARCH, "created_by_ref": OTHER_AUTHOR}) == (True, "")


@pytest.mark.row("S-3.6-03")
def test_one_version_has_one_content(alpha: Member, kept: str) -> None:
    one = indicator()
    alpha.post(kept, one)
    ok, message = posted(alpha, kept, one | {"name": "Changed"})
    assert (ok, "another content" in message) == (False, True)
    assert served(alpha, kept, one["id"]) == [one]


@pytest.mark.row("S-3.6-03")
@pytest.mark.parametrize("defaults", [{"revoked": False}, {"lang": "en"}, {"revoked": False, "lang": "en"}])
def test_a_property_at_its_default_is_no_change(alpha: Member, kept: str, defaults: dict[str, Any]) -> None:
    one = indicator()
    alpha.post(kept, one)
    assert posted(alpha, kept, one | defaults) == (True, "already here, unchanged.")
    assert served(alpha, kept, one["id"]) == [one]


@pytest.mark.row("S-3.6-03")
def test_the_order_of_keys_is_no_change(alpha: Member, kept: str) -> None:
    one = indicator()
    alpha.post(kept, one)
    assert posted(alpha, kept, dict(reversed(one.items()))) == (True, "already here, unchanged.")


@pytest.mark.row("S-3.6-04")
def test_nothing_follows_a_revocation_which_is_served_for_ever(alpha: Member, kept: str) -> None:
    one = indicator()
    alpha.post(kept, one)
    revoked = one | {"modified": FEBRUARY, "revoked": True}
    assert posted(alpha, kept, revoked) == (True, "")
    ok, message = posted(alpha, kept, one | {"modified": MARCH})
    assert (ok, "you revoked this id" in message) == (False, True)
    assert served(alpha, kept, one["id"]) == [revoked]


@pytest.mark.row("S-3.6-05", "S-2.9-03")
def test_the_first_body_of_an_sco_stays(alpha: Member, kept: str) -> None:
    one = address("198.51.100.77")
    alpha.post(kept, one)
    ok, message = posted(alpha, kept, one | {"x_own": 5})
    assert (ok, "other properties, which stay" in message) == (True, True)
    assert served(alpha, kept, one["id"]) == [one]


@pytest.mark.row("S-7.2-01")
@pytest.mark.parametrize("change", [{"definition": {"statement": "Changed."}}, {"created": FEBRUARY}])
def test_a_marking_definition_has_one_body(alpha: Member, kept: str, change: dict[str, Any]) -> None:
    marking = statement()
    alpha.post(kept, marking)
    assert not posted(alpha, kept, marking | change)[0]
    assert served(alpha, kept, marking["id"]) == [marking]


@pytest.mark.row("S-7.2-06")
def test_a_change_of_markings_is_a_new_version(alpha: Member, kept: str) -> None:
    one = indicator(object_marking_refs=[BUILT_IN_GREEN])
    alpha.post(kept, one)
    narrower = one | {"object_marking_refs": [BUILT_IN_AMBER]}
    assert not posted(alpha, kept, narrower)[0]
    assert posted(alpha, kept, narrower | {"modified": MARCH}) == (True, "")


@pytest.mark.row("S-7.2-03", "S-7.2-04")
@pytest.mark.parametrize("marking_id", TLP_OBJECTS)
def test_the_tlp_markings_are_known_before_anybody_sends_them(alpha: Member, kept: str, marking_id: str) -> None:
    ok, message = posted(alpha, kept, indicator(object_marking_refs=[marking_id]))
    level = TLP_OBJECTS[marking_id]["name"]
    # These collections take CLEAR to AMBER, so the two closest levels are refused by their name.
    assert ok == (level not in ("TLP:AMBER+STRICT", "TLP:RED"))
    assert ok or level.removeprefix("TLP:") in message


@pytest.mark.row("S-7.2-03", "S-7.2-04")
@pytest.mark.parametrize("marking_id", TLP_OBJECTS)
def test_a_tlp_marking_that_is_sent_is_a_success_and_not_stored(alpha: Member, kept: str, marking_id: str) -> None:
    ok, message = posted(alpha, kept, dict(TLP_OBJECTS[marking_id]))
    assert (ok, "every exchange knows it" in message) == (True, True)
    assert served(alpha, kept, marking_id) == []


@pytest.mark.row("S-7.2-08", "S-3.5-01")
def test_a_granular_marking_closes_the_whole_object_and_nothing_is_cut_out(
    alpha: Member, beta: Member, gamma: Member, kept: str
) -> None:
    words = {o["name"]: o["id"] for o in alpha.ask("/exchange/collections/policy/objects/").json()["objects"]}
    part = {"selectors": ["name"], "marking_ref": words["group:readers"]}
    one = indicator(granular_markings=[part], object_marking_refs=[GREEN])
    assert posted(alpha, kept, one) == (True, "")
    assert served(beta, kept, one["id"]) == []
    assert served(gamma, kept, one["id"]) == [one]


@pytest.mark.row("S-7.2-08")
def test_a_granular_tlp_red_counts_for_the_whole_object(alpha: Member, kept: str) -> None:
    red = "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1"
    ok, message = posted(alpha, kept, indicator(granular_markings=[{"selectors": ["name"], "marking_ref": red}]))
    assert (ok, "RED" in message) == (False, True)


@pytest.mark.row("S-7.2-08")
def test_a_marking_that_nobody_knows_keeps_the_object_out(alpha: Member, kept: str) -> None:
    unknown = f"marking-definition--{uuid.uuid4()}"
    ok, message = posted(alpha, kept, indicator(object_marking_refs=[unknown]))
    assert (ok, unknown in message) == (False, True)


# Ids that are made from values -------------------------------------------------------------------------------------

VECTORS = [
    (stix2.IPv4Address(value="198.51.100.3"), "28bb3599-77cd-5a82-a950-b5bc3caf07c4"),
    (stix2.DomainName(value="example.com"), "bedb4899-d24b-5401-bc86-8f6b4cc18ec7"),
    (stix2.AutonomousSystem(number=15139), "3aa27478-50b5-5ab8-9da9-cdc12b657fff"),
    (stix2.MACAddress(value="d2:fb:49:24:37:18"), "757b1725-9903-54f5-a855-1240691d7659"),
]


@pytest.mark.row("S-2.9-06")
@pytest.mark.parametrize(("made", "known"), VECTORS, ids=lambda value: str(value)[:36])
def test_the_library_of_the_standard_makes_the_known_ids_and_they_are_kept(
    alpha: Member, kept: str, made: Any, known: str
) -> None:
    assert made.id == f"{made.type}--{known}"
    assert posted(alpha, kept, dict(made)) == (True, "")
    assert len(served(alpha, kept, made.id)) == 1


@pytest.mark.row("S-2.9-04")
def test_every_sco_keeps_the_id_that_the_library_makes_of_its_contributing_properties(alpha: Member, kept: str) -> None:
    plain = {"hashes": {"MD5": MD5}}
    made = [
        stix2.parse({k: v for k, v in (obj | plain if kind == "file" else obj).items() if k != "id"}, version="2.1")
        for kind, obj in SAMPLES.items()
        if kind in SCO
    ]
    assert {obj.type: uuid.UUID(obj.id[-36:]).version for obj in made} == dict.fromkeys(SCO, 5) | {"process": 4}
    answer = alpha.post(kept, data=b'{"objects": [' + b",".join(o.serialize().encode() for o in made) + b"]}")
    assert answer.json()["success_count"] == len(made) == 18
    assert [o.id for o in made if not served(alpha, kept, o.id)] == []


@pytest.mark.row("S-2.9-05")
def test_a_file_with_several_hashes_keeps_the_id_that_one_of_them_makes(alpha: Member, kept: str) -> None:
    sha = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    several = stix2.File(hashes={"SHA-256": sha, "MD5": MD5})
    assert several.id == stix2.File(hashes={"MD5": MD5}).id
    assert alpha.post(kept, data=b'{"objects": [' + several.serialize().encode() + b"]}").json()["success_count"] == 1
    assert len(served(alpha, kept, several.id)) == 1


@pytest.mark.row("S-8-01")
def test_a_bundle_is_taken_apart_and_is_never_an_object(alpha: Member, kept: str) -> None:
    one, bundle_id = indicator(), f"bundle--{uuid.uuid4()}"
    bundle = {"type": "bundle", "id": bundle_id, "objects": [one]}
    answer = alpha.post(kept, json=bundle)
    assert (answer.status_code, answer.json()["success_count"]) == (202, 1)
    assert served(alpha, kept, one["id"]) == [one]
    assert served(alpha, kept, bundle_id) == []
    assert not posted(alpha, kept, bundle)[0]
