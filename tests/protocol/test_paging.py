"""Paging by `next` and by `added_after` (TAXII 2.1 section 3.5; clients.md rules 3, 4, 7)."""

from __future__ import annotations

from typing import Any

import pytest
from taxii2client.v21 import as_pages

from tests.protocol.served import Member, indicator

Pages = list[dict[str, Any]]


def _publish(member: Member, collection: str, count: int) -> list[str]:
    ids = []
    for _ in range(count // 5):
        objects = [indicator() for _ in range(5)]
        member.post(collection, *objects)
        ids += [one["id"] for one in objects]
    return ids


def _all_by_next(member: Member, path: str, query: str, name: str = "objects") -> tuple[list[Any], Pages]:
    pages = [member.ask(f"{path}?{query}").json()]
    while pages[-1]["more"]:
        pages.append(member.ask(f"{path}?{query}", params={"next": pages[-1]["next"]}).json())
    return [item for page in pages for item in page[name]], pages


@pytest.mark.row("T-3.5-02", "T-3.5-03", "T-3.3-01", "A-02")
@pytest.mark.parametrize("size", [1, 4, 5, 20, 100, 0])
def test_a_stock_client_pages_through_everything_once(alpha: Member, beta: Member, fresh: str, size: int) -> None:
    ids = _publish(alpha, fresh, 20)
    collection = beta.collection(fresh)
    for call in (collection.get_objects, collection.get_manifest):
        pages = list(as_pages(call, per_request=size))
        assert [one["id"] for page in pages for one in page["objects"]] == ids


@pytest.mark.row("T-3.4-08", "T-3.4-09", "T-3.5-01", "T-3.5-02", "T-3.5-05", "A-02")
def test_pages_are_full_until_the_last_which_alone_has_no_next(alpha: Member, fresh: str) -> None:
    _publish(alpha, fresh, 10)
    for path in ("objects", "manifest"):
        _, pages = _all_by_next(alpha, f"/exchange/collections/{fresh}/{path}/", "limit=5")
        assert [(len(p["objects"]), p["more"], "next" in p) for p in pages] == [(5, True, True), (5, False, False)]


@pytest.mark.row("T-3.5-01", "T-3.5-02", "T-3.5-04", "T-5.8-01", "A-02", "A-18", "I-3.14")
def test_versions_are_paged_by_next_and_by_the_last_date(alpha: Member, fresh: str) -> None:
    one = indicator()
    texts = [f"2024-0{n}-01T00:00:00.000Z" for n in range(1, 6)]
    for text in texts:
        alpha.post(fresh, one | {"modified": text})
    path = f"/exchange/collections/{fresh}/objects/{one['id']}/versions/"
    assert _all_by_next(alpha, path, "limit=2", "versions")[0] == texts
    first = alpha.ask(f"{path}?limit=2")
    rest = alpha.ask(path, params={"added_after": first.headers["X-TAXII-Date-Added-Last"]})
    assert first.json()["versions"] + rest.json()["versions"] == texts


@pytest.mark.row("T-3.5-04", "A-10")
def test_the_last_date_goes_on_where_next_would(alpha: Member, fresh: str) -> None:
    ids = _publish(alpha, fresh, 10)
    found: list[str] = []
    after = "2000-01-01T00:00:00Z"
    while True:
        page = alpha.ask(f"/exchange/collections/{fresh}/objects/", params={"added_after": after, "limit": 3})
        found += [one["id"] for one in page.json().get("objects", [])]
        if not page.json()["more"]:
            break
        after = page.headers["X-TAXII-Date-Added-Last"]
    assert found == ids


@pytest.mark.row("T-3.4-03")
def test_a_poll_after_the_last_date_gets_what_came_since_and_nothing_else(alpha: Member, fresh: str) -> None:
    _publish(alpha, fresh, 5)
    path = f"/exchange/collections/{fresh}/objects/"
    after = {"added_after": alpha.ask(path).headers["X-TAXII-Date-Added-Last"]}
    assert alpha.ask(path, params=after).json() == {"more": False}
    new = indicator()
    alpha.post(fresh, new)
    assert alpha.ask(path, params=after).json()["objects"] == [new]


@pytest.mark.row("A-19")
def test_a_client_that_cuts_dates_to_milliseconds_reads_nothing_twice(alpha: Member, fresh: str) -> None:
    _publish(alpha, fresh, 5)
    path = f"/exchange/collections/{fresh}/objects/"
    cut = alpha.ask(path).headers["X-TAXII-Date-Added-Last"][:23] + "Z"
    assert alpha.ask(path, params={"added_after": cut}).json() == {"more": False}


@pytest.mark.row("T-3.4-05", "A-19")
@pytest.mark.parametrize("form", ["{}Z", "{}+00:00", "{} 00:00", "{}z"])
def test_every_form_of_a_time_zone_is_understood(alpha: Member, fresh: str, form: str) -> None:
    ids = _publish(alpha, fresh, 5)
    path = f"/exchange/collections/{fresh}/objects/"
    first = alpha.ask(f"{path}?limit=1").headers["X-TAXII-Date-Added-Last"].removesuffix("Z")
    found = alpha.ask(path, params={"added_after": form.format(first)}).json()
    assert [one["id"] for one in found["objects"]] == ids[1:]


# What a `next` means ----------------------------------------------------------------------------------------------


@pytest.mark.row("T-3.5-03", "A-22")
def test_next_alone_remembers_the_filters(alpha: Member, fresh: str) -> None:
    ids = _publish(alpha, fresh, 10)
    path = f"/exchange/collections/{fresh}/objects/"
    token = alpha.ask(f"{path}?limit=2&match[id]={','.join(ids[:4])}").json()["next"]
    found = alpha.ask(path, params={"next": token}).json()
    assert [one["id"] for one in found["objects"]] == ids[2:4]


@pytest.mark.row("T-3.5-08")
def test_next_may_be_used_twice_and_with_another_limit(alpha: Member, fresh: str) -> None:
    ids = _publish(alpha, fresh, 10)
    path = f"/exchange/collections/{fresh}/objects/"
    token = alpha.ask(f"{path}?limit=2").json()["next"]
    for limit in (3, 3, 5):
        found = alpha.ask(path, params={"next": token, "limit": limit}).json()
        assert [one["id"] for one in found["objects"]] == ids[2 : 2 + limit]


@pytest.mark.row("T-3.5-07", "T-3.5-08")
def test_the_filters_of_the_request_win_over_those_of_next(alpha: Member, fresh: str) -> None:
    ids = _publish(alpha, fresh, 10)
    path = f"/exchange/collections/{fresh}/objects/"
    token = alpha.ask(f"{path}?limit=2&match[type]=indicator").json()["next"]
    found = alpha.ask(path, params={"next": token, "match[id]": f"{ids[0]},{ids[9]}"}).json()
    assert [one["id"] for one in found["objects"]] == [ids[9]]


@pytest.mark.row("T-3.5-09")
def test_next_with_the_added_after_it_came_from_goes_on(alpha: Member, fresh: str) -> None:
    ids = _publish(alpha, fresh, 10)
    path = f"/exchange/collections/{fresh}/objects/"
    token = alpha.ask(f"{path}?limit=2&added_after=2000-01-01T00:00:00Z").json()["next"]
    for same in ("2000-01-01T00:00:00Z", "2000-01-01T01:00:00.000+01:00"):
        found = alpha.ask(path, params={"next": token, "added_after": same}).json()
        assert [one["id"] for one in found["objects"]] == ids[2:]


@pytest.mark.row("T-3.5-08", "A-22")
@pytest.mark.parametrize("first", ["", "&added_after=2000-01-01T00:00:00Z"])
def test_another_added_after_wins_over_next(alpha: Member, fresh: str, first: str) -> None:
    ids = _publish(alpha, fresh, 10)
    path = f"/exchange/collections/{fresh}/objects/"
    token = alpha.ask(f"{path}?limit=8{first}").json()["next"]
    found = alpha.ask(path, params={"next": token, "added_after": "2001-01-01T00:00:00Z"}).json()
    assert [one["id"] for one in found["objects"]] == ids


@pytest.mark.row("T-3.5-07")
def test_the_next_of_another_member_or_collection_counts_as_absent(
    alpha: Member, beta: Member, fresh: str, unused: Any
) -> None:
    ids = _publish(alpha, fresh, 10)
    other = next(unused)
    _publish(alpha, other, 10)
    path = f"/exchange/collections/{fresh}/objects/"
    for token in (
        beta.ask(f"{path}?limit=2&match[type]=x,indicator").json()["next"],
        alpha.ask(f"/exchange/collections/{other}/objects/?limit=2").json()["next"],
    ):
        found = alpha.ask(path, params={"next": token}).json()
        assert [one["id"] for one in found["objects"]] == ids


@pytest.mark.row("T-3.5-07", "T-3.5-08")
def test_a_next_that_was_changed_is_refused(alpha: Member, fresh: str) -> None:
    _publish(alpha, fresh, 5)
    path = f"/exchange/collections/{fresh}/objects/"
    token = alpha.ask(f"{path}?limit=2").json()["next"]
    assert alpha.ask(path, params={"next": token[:-2]}).status_code == 400


def test_what_two_members_page_through_gives_them_nothing_in_common(alpha: Member, beta: Member, fresh: str) -> None:
    _publish(alpha, fresh, 5)
    path = f"/exchange/collections/{fresh}/objects/?limit=2"
    assert alpha.ask(path).json()["next"] != beta.ask(path).json()["next"]


@pytest.mark.row("T-3.4-08", "T-3.4-10")
def test_without_a_limit_a_page_has_a_thousand_and_a_limit_is_capped_at_ten(alpha: Member, fresh: str) -> None:
    for start in range(0, 1001, 143):
        alpha.post(fresh, *[indicator() for _ in range(min(143, 1001 - start))])
    path = f"/exchange/collections/{fresh}/manifest/"
    page = alpha.ask(path).json()
    assert (len(page["objects"]), page["more"]) == (1000, True)
    assert len(alpha.ask(f"{path}?limit={10**30}").json()["objects"]) == 1001
