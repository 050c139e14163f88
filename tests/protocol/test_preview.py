"""`?dry_run=true` on POST objects: a preview over HTTP, and nothing of it stays."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from tests.protocol.served import BUILT_IN_AMBER, MEDIA_TYPE, Member, indicator

EVERYONE = "everyone whom the collection lets read"


def preview(member: Member, collection: str, *objects: dict[str, Any], **options: Any) -> Any:
    return member.post(collection, *objects, params={"dry_run": "true"}, **options)


def words(member: Member) -> dict[str, str]:
    return {o["name"]: o["id"] for o in member.ask("/exchange/collections/policy/objects/").json()["objects"]}


def test_a_preview_is_a_status_with_an_audience_for_each_success(alpha: Member, fresh: str) -> None:
    good = indicator(object_marking_refs=[BUILT_IN_AMBER, words(alpha)["group:readers"], words(alpha)["member:beta"]])
    bad = indicator(valid_from="yesterday")
    found = preview(alpha, fresh, good, bad)
    assert (found.status_code, found.headers["Content-Type"]) == (200, MEDIA_TYPE)
    body = found.json()
    counts = [body[f"{name}_count"] for name in ("total", "success", "failure", "pending")]
    assert (body["x_dry_run"], body["status"], counts) == (True, "complete", [2, 1, 1, 0])
    assert body["successes"] == [
        {
            "id": good["id"],
            "version": good["modified"],
            "x_audience": {
                "now": ["beta", "the group readers", "you"],
                "rules": [
                    "2 collection: only members that the collection lets read.",
                    "6 addressed: only whom its markings address.",
                ],
            },
        }
    ]
    assert body["failures"][0]["id"] == bad["id"]


def test_a_preview_leaves_nothing_behind_for_anybody(alpha: Member, beta: Member, fresh: str) -> None:
    one = indicator()
    status = preview(alpha, fresh, one).json()["id"]
    path = f"/exchange/collections/{fresh}/objects/"
    assert [m.ask(path).json() for m in (alpha, beta)] == [{"more": False}] * 2
    assert [m.ask(f"/exchange/status/{status}/").status_code for m in (alpha, beta)] == [404, 404]
    assert preview(alpha, fresh, one).json()["id"] == status, "a preview has an id of no status, always the same"


def test_the_post_that_follows_gives_the_same_results(alpha: Member, fresh: str) -> None:
    one = indicator()
    link = {
        "type": "relationship", "spec_version": "2.1", "id": one["id"].replace("indicator", "relationship"),
        "created": one["created"], "modified": one["modified"], "relationship_type": "related-to",
        "source_ref": one["id"], "target_ref": indicator()["id"],
    }  # fmt: skip
    objects = [link, one, indicator(valid_from="yesterday"), one]
    promised, real = preview(alpha, fresh, *objects).json(), alpha.post(fresh, *objects)
    assert real.status_code == 202
    for name in ("successes", "failures"):
        kept = [{k: v for k, v in line.items() if k != "x_audience"} for line in promised[name]]
        assert kept == real.json()[name]
    assert all(line["x_audience"]["now"] == [EVERYONE, "you"] for line in promised["successes"])


@pytest.mark.parametrize("value", ["", "True", "1", "yes", "TRUE", " true", "true,true", "tru\u00e9"])
def test_a_misspelt_dry_run_is_refused_with_the_mend_and_publishes_nothing(
    alpha: Member, fresh: str, value: str
) -> None:
    found = alpha.post(fresh, indicator(), params={"dry_run": value})
    assert (found.status_code, found.json()["http_status"]) == (400, "400")
    assert "dry_run" in found.json()["description"]
    assert "send true for a preview" in found.json()["description"]
    assert alpha.ask(f"/exchange/collections/{fresh}/objects/").json() == {"more": False}


def test_dry_run_twice_is_refused(alpha: Member, fresh: str) -> None:
    for values in (["true", "true"], ["true", "false"], ["", ""]):
        assert alpha.post(fresh, indicator(), params={"dry_run": values}).status_code == 400
    assert alpha.ask(f"/exchange/collections/{fresh}/objects/").json() == {"more": False}


def test_dry_run_false_publishes(alpha: Member, fresh: str) -> None:
    found = alpha.post(fresh, indicator(), params={"dry_run": "false"})
    assert (found.status_code, found.json()["success_count"]) == (202, 1)
    assert "x_dry_run" not in found.json()
    assert len(alpha.ask(f"/exchange/collections/{fresh}/objects/").json()["objects"]) == 1


def test_other_methods_and_endpoints_ignore_it(alpha: Member, fresh: str) -> None:
    one = indicator()
    alpha.post(fresh, one)
    path = f"/exchange/collections/{fresh}"
    for asked in ("objects/", "manifest/", f"objects/{one['id']}/", f"objects/{one['id']}/versions/"):
        assert alpha.ask(f"{path}/{asked}?dry_run=maybe").status_code == 200
    assert alpha.ask(f"{path}/objects/{one['id']}/?dry_run=true", "DELETE").status_code == 200
    assert alpha.ask(f"{path}/objects/{one['id']}/").status_code == 404, "a DELETE is no dry run"


def test_a_preview_needs_the_right_to_publish(
    alpha: Member, gamma: Member, served_rights: dict[str, Member], fresh: str
) -> None:
    assert preview(gamma, "post", indicator()).status_code == 403
    assert preview(alpha, "closed", indicator()).status_code == 404
    assert preview(alpha, "policy", indicator()).status_code == 403
    statuses = [preview(served_rights[name], fresh, indicator()).status_code for name in ("neither", "read", "write")]
    assert statuses == [403, 403, 200]
    # Whoever may not publish there learns nothing from how the parameter was malformed (T-3.1-16).
    assert alpha.post("closed", indicator(), params={"dry_run": "?"}).status_code == 404


def test_a_body_that_is_refused_is_refused_in_a_preview_alike(alpha: Member, fresh: str) -> None:
    for body, status in ((b"", 400), (b"{", 400), (b'{"objects": []}', 422), (b" " * (2**20 + 1), 413)):
        assert preview(alpha, fresh, data=body).status_code == status
    assert preview(alpha, fresh, data=b"{}", headers={"Content-Type": "text/plain"}).status_code == 415
    assert preview(alpha, fresh, indicator(), headers={"Accept": "text/html"}).status_code == 406
    body = gzip.compress(json.dumps({"objects": [indicator()]}).encode())
    found = preview(alpha, fresh, data=body, headers={"Content-Encoding": "gzip"})
    assert (found.status_code, found.json()["success_count"]) == (200, 1)


def test_a_drop_box_is_for_whom_it_lets_read(alpha: Member) -> None:
    [found] = preview(alpha, "drop", indicator()).json()["successes"]
    assert found["x_audience"]["now"] == [EVERYONE]
    assert "4 own: you cannot read it back from this collection." in found["x_audience"]["rules"]
