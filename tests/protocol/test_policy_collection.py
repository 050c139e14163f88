"""The `policy` collection: the markings that a member may use (interface.md, policy.md 3.5)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from taxii2client.v21 import as_pages
from werkzeug.test import TestResponse

from tests.protocol.apisite import MAIN, site
from tests.protocol.served import Member, indicator

PATH = "/exchange/collections/policy"


def _words(member: Member) -> dict[str, str]:
    return {o["name"]: o["id"] for o in member.ask(f"{PATH}/objects/").json()["objects"]}


def test_a_stock_client_finds_its_words_by_name(alpha: Member) -> None:
    objects = [o for page in as_pages(alpha.collection("policy").get_objects, per_request=2) for o in page["objects"]]
    assert [o["name"] for o in objects] == [
        "credit:anonymous",
        "group:makers", "group:readers", "member:alpha", "member:asleep", "member:beta", "member:gamma", "named-only",
    ]  # fmt: skip
    assert {o["type"] for o in objects} == {"marking-definition"}


def test_the_ids_of_two_members_have_nothing_in_common(alpha: Member, beta: Member) -> None:
    assert _words(alpha).keys() == _words(beta).keys()
    assert not set(_words(alpha).values()) & set(_words(beta).values())


def test_the_ids_and_times_are_stable(alpha: Member) -> None:
    assert alpha.ask(f"{PATH}/objects/").content == alpha.ask(f"{PATH}/objects/").content


def test_times_are_unique_and_end_on_a_whole_millisecond(alpha: Member) -> None:
    dates = [r["date_added"] for r in alpha.ask(f"{PATH}/manifest/").json()["objects"]]
    assert dates == sorted(set(dates))
    assert dates[-1].endswith("000Z")


def test_it_is_filtered_like_any_other(alpha: Member) -> None:
    words = _words(alpha)
    one = words["group:readers"]

    def names(query: str, path: str = "objects/") -> list[Any]:
        return [o["id"] for o in alpha.ask(f"{PATH}/{path}?{query}").json().get("objects", [])]

    assert names(f"match[id]={one}") == names("", f"objects/{one}/") == [one]
    assert names("match[type]=indicator") == []
    assert names("match[version]=first") == names("match[version]=all") == names("")
    assert names("match[version]=1999-01-01T00:00:00.000Z") == []
    [version] = alpha.ask(f"{PATH}/objects/{one}/versions/").json()["versions"]
    assert one in names(f"match[version]={version}")
    assert names("added_after=2999-01-01T00:00:00Z") == []
    assert alpha.ask(f"{PATH}/objects/{indicator()['id']}/").status_code == 404


def test_the_word_of_another_member_is_not_found(alpha: Member, beta: Member) -> None:
    assert alpha.ask(f"{PATH}/objects/{_words(beta)['group:readers']}/").status_code == 404


def test_nobody_writes_it(alpha: Member) -> None:
    assert alpha.post("policy", indicator()).status_code == 403
    assert alpha.ask(f"{PATH}/objects/{_words(alpha)['named-only']}/", "DELETE").status_code == 403


def test_a_word_addresses_an_object(alpha: Member, beta: Member, gamma: Member, fresh: str) -> None:
    one = indicator(object_marking_refs=[_words(alpha)["group:readers"]])
    assert alpha.post(fresh, one).json()["success_count"] == 1
    path = f"/exchange/collections/{fresh}/objects/{one['id']}/"
    assert [m.ask(path).status_code for m in (alpha, beta, gamma)] == [200, 404, 200]
    assert beta.ask(f"/exchange/collections/{fresh}/objects/").json() == {"more": False}


def _named(answer: TestResponse) -> dict[str, dict[str, Any]]:
    return {o["name"]: o for o in json.loads(answer.data)["objects"]}


def test_a_word_that_a_member_comes_to_be_able_to_use_reaches_a_client_that_polls_by_time(tmp_path: Path) -> None:
    """`shy` was a member from the beginning, and can be named once it is listed."""
    with site(tmp_path) as found:
        reader, listed = found.asker("reader"), MAIN.replace(", listed: false", "")
        before = reader.poll("policy")
        reached = before.headers["X-TAXII-Date-Added-Last"]
        assert "member:shy" not in _named(before)

        found.apply(listed)
        later = _named(reader.poll("policy", f"?added_after={reached}"))
        assert later.keys() == {"member:shy"}

        found.apply(MAIN)
        found.apply(listed)
        again = _named(reader.poll("policy", f"?added_after={reached}"))
        assert again == later  # the same definition, whenever it was lost and regained
