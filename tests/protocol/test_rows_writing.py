"""Publishing, statuses and deleting, row by row (TAXII 2.1 sections 4.3, 5.5, 5.7)."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from sqlalchemy import text

from exchange import store
from tests.protocol.served import BUILT_IN_AMBER, Member, Served, address, indicator

C = "/exchange/collections"
TWO_DAYS = 2 * 86_400_000_000  # microseconds


def _served(member: Member, collection: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = member.ask(f"{C}/{collection}/objects/").json().get("objects", [])
    return found


# What is posted ---------------------------------------------------------------------------------------------------


@pytest.mark.row("T-5.5-01", "I-3.10")
def test_a_post_is_accepted_with_its_status_whatever_becomes_of_the_objects(alpha: Member, fresh: str) -> None:
    for objects in ([indicator()], [indicator(name=1)], [indicator(), indicator(name=1)]):
        found = alpha.post(fresh, *objects)
        assert (found.status_code, found.json()["status"]) == (202, "complete")
        assert alpha.ask(f"/exchange/status/{found.json()['id']}/").json() == found.json()


@pytest.mark.row("T-5.5-02", "T-5.5-04", "T-5.5-06", "T-1.6-01")
@pytest.mark.parametrize(
    "body", [indicator(), [indicator()], {"more": False}, {"objects": {}}, {"objects": None}, "text", 7]
)
def test_what_is_neither_envelope_nor_bundle_is_refused_as_a_whole(alpha: Member, body: object) -> None:
    found = alpha.post("fresh00", data=json.dumps(body).encode())
    assert (found.status_code, found.json()["http_status"]) == (422, "422")


@pytest.mark.row("T-5.5-02")
def test_of_a_bundle_the_objects_are_taken_and_the_bundle_is_not(alpha: Member, fresh: str) -> None:
    one = indicator()
    bundle = {"type": "bundle", "id": f"bundle--{uuid.uuid4()}", "objects": [one]}
    found = alpha.post(fresh, data=json.dumps(bundle).encode())
    assert (found.status_code, found.json()["total_count"]) == (202, 1)
    assert _served(alpha, fresh) == [one]


@pytest.mark.row("T-5.5-06", "T-7.1-02", "I-3.15")
def test_other_names_in_an_envelope_are_ignored(alpha: Member, fresh: str) -> None:
    one = indicator()
    body = {"more": True, "next": "x", "x_acme_tag": 1, "objects": [one]}
    assert alpha.post(fresh, data=json.dumps(body).encode()).json()["success_count"] == 1
    assert _served(alpha, fresh) == [one]


@pytest.mark.row("T-5.5-03", "A-05")
def test_an_exact_duplicate_is_a_success_and_keeps_its_date(alpha: Member, fresh: str) -> None:
    one = indicator()
    alpha.post(fresh, one)
    manifest = alpha.ask(f"{C}/{fresh}/manifest/").content
    for again in ([one], [one, one]):
        status = alpha.post(fresh, *again).json()
        assert (status["success_count"], status["failure_count"]) == (len(again), 0)
        assert {entry["id"] for entry in status["successes"]} == {one["id"]}
    assert alpha.ask(f"{C}/{fresh}/manifest/").content == manifest


@pytest.mark.row("T-5.5-05", "T-4.3-03", "T-4.3-04")
def test_good_objects_are_kept_and_each_bad_one_says_why(alpha: Member, fresh: str) -> None:
    one, bad, nameless = indicator(), indicator(valid_from="soon"), {"type": "indicator"}
    status = alpha.post(fresh, bad, one, nameless).json()
    assert (status["total_count"], status["success_count"], status["failure_count"]) == (3, 1, 2)
    assert status["pending_count"] == 0
    assert [entry["id"] for entry in status["successes"]] == [one["id"]]
    assert [entry["id"] for entry in status["failures"]] == [bad["id"], "unidentified"]
    assert all(entry["version"] and entry["message"] for entry in status["failures"])
    assert _served(alpha, fresh) == [one]


@pytest.mark.row("T-5.5-07", "T-1.6-04")
def test_a_late_older_version_is_a_record_of_its_own_and_not_the_last(alpha: Member, fresh: str) -> None:
    one = indicator()
    newer = one | {"modified": "2024-02-01T00:00:00.000Z"}
    alpha.post(fresh, newer)
    alpha.post(fresh, one)
    records = alpha.ask(f"{C}/{fresh}/manifest/?match[version]=all").json()["objects"]
    assert [record["version"] for record in records] == [newer["modified"], one["modified"]]
    assert records[0]["date_added"] < records[1]["date_added"]
    assert _served(alpha, fresh) == [newer]


@pytest.mark.row("A-12")
def test_an_sco_posted_again_with_other_properties_stays_as_it_was_and_its_poster_is_told(
    alpha: Member, fresh: str
) -> None:
    one = address("198.51.100.87")
    alpha.post(fresh, one)
    status = alpha.post(fresh, one | {"x_acme_seen": 3}).json()
    assert (status["success_count"], status["failure_count"]) == (1, 0)
    assert "which stay" in status["successes"][0]["message"]
    assert _served(alpha, fresh) == [one]


@pytest.mark.row("A-13", "T-1.6-03")
def test_an_object_of_which_one_part_is_marked_stricter_is_withheld_whole(
    served: Served, alpha: Member, beta: Member, fresh: str
) -> None:
    [mark] = [one["id"] for one in _served(alpha, "policy") if one["name"] == "member:gamma"]
    one = indicator(granular_markings=[{"marking_ref": mark, "selectors": ["name"]}])
    other = indicator(granular_markings=[{"marking_ref": BUILT_IN_AMBER, "selectors": ["name"]}])
    assert alpha.post(fresh, one, other).json()["success_count"] == 2
    assert _served(beta, fresh) == [other]
    assert _served(served.member("gamma"), fresh) == [one, other]


# Statuses ---------------------------------------------------------------------------------------------------------


@pytest.mark.row("T-4.3-01", "T-4.3-03", "T-2-05", "I-3.11")
def test_a_status_has_every_property_and_its_sum_holds(alpha: Member, fresh: str) -> None:
    status = alpha.post(fresh, indicator(), indicator(), indicator(name=1)).json()
    assert status.keys() == {
        "id", "status", "request_timestamp", "total_count", "success_count", "failure_count", "pending_count",
        "successes", "failures",
    }  # fmt: skip
    counts = [status[f"{name}_count"] for name in ("total", "success", "failure", "pending")]
    assert counts == [3, 2, 1, 0]
    assert (len(status["successes"]), len(status["failures"])) == (2, 1)


@pytest.mark.row("T-4.3-02")
def test_a_complete_status_never_changes_again(alpha: Member, fresh: str) -> None:
    one = indicator()
    status = alpha.post(fresh, one, indicator(name=1)).json()
    path = f"/exchange/status/{status['id']}/"
    before = alpha.ask(path).content
    alpha.post(fresh, one | {"modified": "2024-02-01T00:00:00.000Z"})
    alpha.ask(f"{C}/{fresh}/objects/{one['id']}/", "DELETE")
    assert alpha.ask(path).content == before
    assert json.loads(before)["status"] == "complete"


@pytest.mark.row("T-4.3-05", "I-3.11")
def test_a_status_is_kept_for_longer_than_a_day(served: Served, alpha: Member, fresh: str) -> None:
    status = alpha.post(fresh, indicator()).json()["id"]
    with store.writing(served.exchange.engine) as conn:
        conn.execute(text("UPDATE status SET at = at - :age WHERE id = :id"), {"age": TWO_DAYS, "id": status})
    alpha.post(fresh, indicator())
    assert alpha.ask(f"/exchange/status/{status}/").status_code == 200


@pytest.mark.row("T-4.3-05", "T-4.3-06", "T-B-01")
def test_a_status_of_another_member_answers_as_an_unknown_one(alpha: Member, beta: Member, fresh: str) -> None:
    status = alpha.post(fresh, indicator()).json()["id"]
    found = [beta.ask(f"/exchange/status/{name}/") for name in (status, str(uuid.uuid4()), "no-uuid")]
    assert [answer.status_code for answer in found] == [404] * 3
    assert len({json.dumps({**answer.json(), "error_id": ""}) for answer in found}) == 1


# Deleting ---------------------------------------------------------------------------------------------------------


@pytest.mark.row("T-5.7-03", "A-04")
def test_a_delete_without_version_takes_every_version(alpha: Member, fresh: str) -> None:
    one = indicator()
    for month in ("1", "2", "3"):
        alpha.post(fresh, one | {"modified": f"2024-0{month}-01T00:00:00.000Z"})
    path = f"{C}/{fresh}/objects/{one['id']}/"
    assert alpha.ask(path, "DELETE").status_code == 200
    assert [alpha.ask(f"{path}{rest}").status_code for rest in ("", "versions/", "?match[version]=all")] == [404] * 3


@pytest.mark.row("T-5.7-03", "T-5.7-04")
def test_a_deleted_version_is_gone_and_the_others_stay(alpha: Member, beta: Member, fresh: str) -> None:
    one = indicator()
    newer = one | {"modified": "2024-02-01T00:00:00.000Z"}
    alpha.post(fresh, one)
    alpha.post(fresh, newer)
    path = f"{C}/{fresh}/objects/{one['id']}/"
    assert alpha.ask(f"{path}?match[version]=last&match[spec_version]=2.1", "DELETE").status_code == 200
    assert beta.ask(f"{path}versions/").json()["versions"] == [one["modified"]]
    assert beta.ask(f"{path}?match[version]={newer['modified']}").json() == {"more": False}
    assert _served(beta, fresh) == [one]


@pytest.mark.row("T-5.7-04", "A-09")
def test_a_deleted_object_is_nowhere_in_its_collection_and_stays_in_others(
    alpha: Member, beta: Member, fresh: str, unused: Any
) -> None:
    one, other = indicator(), next(unused)
    alpha.post(fresh, one)
    alpha.post(other, one)
    assert alpha.ask(f"{C}/{fresh}/objects/{one['id']}/", "DELETE").status_code == 200
    for member in (alpha, beta):
        assert member.ask(f"{C}/{fresh}/objects/{one['id']}/").status_code == 404
        assert member.ask(f"{C}/{fresh}/objects/?match[id]={one['id']}").json() == {"more": False}
        assert member.ask(f"{C}/{fresh}/manifest/").json() == {"more": False}
        assert _served(member, other) == [one]
    assert alpha.ask(f"{C}/{fresh}/objects/{one['id']}/", "DELETE").status_code == 404


@pytest.mark.row("T-5.7-01", "A-07", "I-3.5.2")
def test_without_the_right_to_delete_nothing_is_deleted(served_rights: dict[str, Member], fresh: str) -> None:
    one = indicator()
    served_rights["both"].post(fresh, one)
    path = f"{C}/{fresh}/objects/{one['id']}/"
    found = {name: member.ask(path, "DELETE").status_code for name, member in served_rights.items() if name != "both"}
    assert found == {"neither": 404, "read": 403, "write": 403}
    assert served_rights["both"].ask(path).status_code == 200
