"""Filters, pages and times, row by row (TAXII 2.1 sections 3.2 to 3.5, 5.3, 5.4, 5.6, 5.8)."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from exchange import app
from tests.protocol.served import Member, address, files, indicator, running, write

C = "/exchange/collections"
DATES = ("X-TAXII-Date-Added-First", "X-TAXII-Date-Added-Last")
OLD = "2000-01-01T00:00:00.000000Z"
TYPES = (
    "attack-pattern", "campaign", "course-of-action", "grouping", "identity", "incident", "indicator", "infrastructure",
    "intrusion-set", "location", "malware", "malware-analysis", "note", "observed-data", "opinion", "report",
    "threat-actor", "tool", "vulnerability", "relationship", "sighting", "artifact", "autonomous-system", "directory",
    "domain-name", "email-addr", "email-message", "file", "ipv4-addr", "ipv6-addr", "mac-addr", "mutex",
    "network-traffic", "process", "software", "url", "user-account", "windows-registry-key", "x509-certificate",
    "extension-definition", "language-content", "marking-definition",
)  # fmt: skip


def _objects(member: Member, collection: str, **query: Any) -> list[dict[str, Any]]:
    found = member.ask(f"{C}/{collection}/objects/", params=query)
    assert found.status_code == 200
    listed: list[dict[str, Any]] = found.json().get("objects", [])
    return listed


def _ids(member: Member, collection: str, **query: Any) -> list[str]:
    return [one["id"] for one in _objects(member, collection, **query)]


def _mark(member: Member, name: str) -> str:
    """The id of a marking of the member's own, from the collection `policy`."""
    return next(str(one["id"]) for one in _objects(member, "policy") if one["name"] == name)


def _three(member: Member, collection: str) -> list[dict[str, Any]]:
    """An object of three versions, published one by one, oldest first."""
    one = indicator()
    found = [one | {"modified": f"2024-0{n}-01T00:00:00.000Z"} for n in (1, 2, 3)]
    for version in found:
        member.post(collection, version)
    return found


# Filters ----------------------------------------------------------------------------------------------------------


@pytest.mark.row("T-3.4-02", "T-3.4-19", "T-3.3-01", "I-3.7")
def test_without_parameters_a_member_gets_the_last_version_of_everything_oldest_first(
    alpha: Member, beta: Member, fresh: str
) -> None:
    first = indicator()
    alpha.post(fresh, first)
    *_, last = _three(alpha, fresh)
    alpha.post(fresh, address("198.51.100.82"))
    assert _objects(beta, fresh) == [first, last, address("198.51.100.82")]


@pytest.mark.row("T-3.4-03", "T-3.4-06", "A-11", "I-3.13")
def test_added_after_asks_when_a_version_came_and_not_how_old_it_is(alpha: Member, fresh: str) -> None:
    one, two = indicator(), indicator()  # created and modified in 2024
    alpha.post(fresh, one)
    alpha.post(fresh, two)
    first, last = (r["date_added"] for r in alpha.ask(f"{C}/{fresh}/manifest/").json()["objects"])
    assert _ids(alpha, fresh, added_after="2026-01-01T00:00:00Z") == [one["id"], two["id"]]
    assert _ids(alpha, fresh, added_after=first) == [two["id"]]
    assert _ids(alpha, fresh, added_after=last) == []


@pytest.mark.row("T-3.4-05", "A-19")
@pytest.mark.parametrize("digits", range(10))
def test_added_after_may_have_up_to_nine_digits(alpha: Member, fresh: str, digits: int) -> None:
    alpha.post(fresh, indicator())
    fraction = f".{'123456789'[:digits]}" if digits else ""
    assert len(_ids(alpha, fresh, added_after=f"2024-01-01T00:00:00{fraction}Z")) == 1


@pytest.mark.row("T-3.4-05")
def test_added_after_is_compared_to_the_microsecond(alpha: Member, fresh: str) -> None:
    alpha.post(fresh, indicator(), indicator(), indicator())
    dates = [r["date_added"] for r in alpha.ask(f"{C}/{fresh}/manifest/").json()["objects"]]
    left = [len(_ids(alpha, fresh, added_after=date.replace("Z", "999Z"))) for date in dates]
    assert left == [2, 1, 0]


@pytest.mark.row("T-3.4-18", "I-3.13")
def test_every_type_of_stix_may_be_asked_for_and_no_other_is_answered(alpha: Member, fresh: str) -> None:
    one, two = indicator(), address("198.51.100.83")
    alpha.post(fresh, one, two)
    wanted = {"indicator": [one["id"]], "ipv4-addr": [two["id"]]}
    for name in (*TYPES, "x-acme-thing"):
        assert _ids(alpha, fresh, **{"match[type]": name}) == wanted.get(name, [])
    assert set(_ids(alpha, fresh, **{"match[type]": ",".join(TYPES)})) == {one["id"], two["id"]}


@pytest.mark.row("T-3.4-11", "T-3.4-12", "T-3.4-17", "T-3.7-03", "I-3.13")
def test_fields_are_joined_by_and_their_values_by_or(alpha: Member, fresh: str) -> None:
    one, two, three = indicator(), address("198.51.100.84"), indicator()
    alpha.post(fresh, one, two, three)
    some = f"{one['id']},{two['id']}"
    assert set(_ids(alpha, fresh, **{"match[id]": some})) == {one["id"], two["id"]}
    assert _ids(alpha, fresh, **{"match[id]": some, "match[type]": "indicator,malware"}) == [one["id"]]
    assert _ids(alpha, fresh, **{"match[id]": three["id"], "match[type]": "malware"}) == []
    assert _ids(alpha, fresh, **{"match[id]": one["id"][:-1]}) == []


@pytest.mark.row("T-3.4-20", "T-3.4-23", "T-3.4-22")
def test_a_list_of_versions_is_their_union_with_each_record_once(alpha: Member, fresh: str) -> None:
    versions = _three(alpha, fresh)
    last = versions[2]["modified"]
    assert _objects(alpha, fresh, **{"match[version]": f"last,{last}"}) == versions[2:]
    assert _objects(alpha, fresh, **{"match[version]": "first,last"}) == [versions[0], versions[2]]
    assert _objects(alpha, fresh, **{"match[version]": f"first,{versions[1]['modified']},last"}) == versions


@pytest.mark.row("T-3.4-25", "T-4.3-04")
def test_what_has_no_modified_has_created_as_its_version_or_the_constant_everywhere(alpha: Member, fresh: str) -> None:
    created = "2024-05-05T00:00:00.000Z"
    statement: dict[str, Any] = {
        "type": "marking-definition", "spec_version": "2.1", "created": created, "definition_type": "statement",
        "id": f"marking-definition--{indicator()['id'][11:]}", "definition": {"statement": "Copyright Acme"},
    }  # fmt: skip
    for one, version in ((statement, created), (address("198.51.100.85"), "1970-01-01T00:00:00.000Z")):
        assert alpha.post(fresh, one).json()["successes"][0]["version"] == version
        [record] = alpha.ask(f"{C}/{fresh}/manifest/?match[id]={one['id']}").json()["objects"]
        assert record["version"] == version
        assert alpha.ask(f"{C}/{fresh}/objects/{one['id']}/versions/").json()["versions"] == [version]
        assert _ids(alpha, fresh, **{"match[version]": version}) == [one["id"]]


@pytest.mark.row("T-3.4-27", "A-14")
def test_first_and_last_are_picked_among_what_the_member_may_read(
    alpha: Member, beta: Member, gamma: Member, fresh: str
) -> None:
    one = indicator()
    newer = one | {"modified": "2024-02-01T00:00:00.000Z"}
    alpha.post(fresh, one | {"object_marking_refs": [_mark(alpha, "member:gamma")]})
    alpha.post(fresh, newer)
    path = f"{C}/{fresh}/objects/{one['id']}/"
    assert gamma.ask(f"{path}versions/").json()["versions"] == [one["modified"], newer["modified"]]
    assert beta.ask(f"{path}versions/").json() == {"more": False, "versions": [newer["modified"]]}
    assert beta.ask(f"{path}?match[version]=first").json()["objects"] == [newer]


@pytest.mark.row("A-15")
def test_an_older_version_that_comes_late_is_not_the_last_one_of_a_poll(alpha: Member, fresh: str) -> None:
    one = indicator()
    newer = one | {"modified": "2024-02-01T00:00:00.000Z"}
    after = alpha.post(fresh, newer).json() and alpha.ask(f"{C}/{fresh}/objects/").headers[DATES[1]]
    alpha.post(fresh, one)
    assert _objects(alpha, fresh, added_after=after) == []
    assert _objects(alpha, fresh, added_after=after, **{"match[version]": "all"}) == [one]


@pytest.mark.row("T-5.3-02", "T-3.2-01", "T-5.4-01", "I-3.6")
def test_manifest_and_objects_answer_the_same_query_alike(alpha: Member, fresh: str) -> None:
    one, *_ = _three(alpha, fresh)
    alpha.post(fresh, *[indicator() for _ in range(4)])
    manifest, objects = (f"{C}/{fresh}/{path}/" for path in ("manifest", "objects"))
    date = alpha.ask(f"{objects}?limit=1").headers[DATES[1]]
    token = alpha.ask(f"{objects}?limit=1").json()["next"]
    queries: list[dict[str, Any]] = [
        {}, {"added_after": date}, {"limit": 2}, {"next": token}, {"match[id]": one["id"]},
        {"match[type]": "indicator"}, {"match[version]": "all"}, {"match[version]": "first"},
        {"match[spec_version]": "2.1"},
        {"added_after": OLD, "limit": 2, "match[type]": "indicator", "match[version]": "all"},
    ]  # fmt: skip
    for query in queries:
        heads, wholes = (alpha.ask(path, params=query) for path in (manifest, objects))
        records = [(r["id"], r["version"]) for r in heads.json()["objects"]]
        assert records == [(o["id"], o["modified"]) for o in wholes.json()["objects"]] != []
        assert heads.json()["more"] == wholes.json()["more"]
        assert [heads.headers[name] for name in DATES] == [wholes.headers[name] for name in DATES]


@pytest.mark.row("T-5.3-01")
def test_the_manifest_has_a_record_for_each_version(alpha: Member, fresh: str) -> None:
    versions = _three(alpha, fresh)
    records = alpha.ask(f"{C}/{fresh}/manifest/?match[version]=all").json()["objects"]
    assert [(r["id"], r["version"]) for r in records] == [(v["id"], v["modified"]) for v in versions]


@pytest.mark.row("T-5.6-01", "T-5.8-01", "A-16", "A-18", "I-3.9")
def test_one_object_and_its_versions_know_their_own_parameters(alpha: Member, fresh: str) -> None:
    versions = _three(alpha, fresh)
    texts = [v["modified"] for v in versions]
    path = f"{C}/{fresh}/objects/{versions[0]['id']}/"
    dates = [r["date_added"] for r in alpha.ask(f"{C}/{fresh}/manifest/?match[version]=all").json()["objects"]]
    assert alpha.ask(path).json() == {"more": False, "objects": versions[2:]}
    page = alpha.ask(f"{path}?match[version]=all&limit=2&match[spec_version]=2.1")
    assert (page.json()["objects"], page.json()["more"]) == (versions[:2], True)
    rest = {"match[version]": "all", "match[spec_version]": "2.1", "next": page.json()["next"]}
    assert alpha.ask(path, params=rest).json()["objects"] == versions[2:]
    found = alpha.ask(f"{path}versions/?match[spec_version]=2.1")
    assert (found.json()["versions"], [found.headers[name] for name in DATES]) == (texts, [dates[0], dates[2]])
    assert alpha.ask(f"{path}versions/?added_after={dates[0]}").json()["versions"] == texts[1:]
    assert alpha.ask(f"{path}versions/?match[spec_version]=2.0").json() == {"more": False}


# Pages ------------------------------------------------------------------------------------------------------------


@pytest.mark.row("T-3.2-02", "T-3.4-03")
def test_the_dates_of_a_page_are_its_own(alpha: Member, fresh: str) -> None:
    alpha.post(fresh, *[indicator() for _ in range(5)])
    dates = [r["date_added"] for r in alpha.ask(f"{C}/{fresh}/manifest/").json()["objects"]]
    for path in ("objects", "manifest"):
        first = alpha.ask(f"{C}/{fresh}/{path}/?limit=2")
        second = alpha.ask(f"{C}/{fresh}/{path}/", params={"limit": 2, "next": first.json()["next"]})
        third = alpha.ask(f"{C}/{fresh}/{path}/", params={"limit": 2, "next": second.json()["next"]})
        pages = [[page.headers[name] for name in DATES] for page in (first, second, third)]
        assert pages == [[dates[0], dates[1]], [dates[2], dates[3]], [dates[4], dates[4]]]


@pytest.mark.row("T-3.4-09", "T-3.5-05")
def test_hidden_objects_make_no_page_shorter(alpha: Member, beta: Member, fresh: str) -> None:
    mark = _mark(alpha, "member:gamma")
    shown = []
    for _ in range(5):
        one = indicator()
        alpha.post(fresh, indicator(object_marking_refs=[mark]), indicator(object_marking_refs=[mark]))
        alpha.post(fresh, one)
        shown.append(one["id"])
    first = beta.ask(f"{C}/{fresh}/objects/?limit=3").json()
    rest = beta.ask(f"{C}/{fresh}/objects/", params={"limit": 3, "next": first["next"]}).json()
    assert [[one["id"] for one in page["objects"]] for page in (first, rest)] == [shown[:3], shown[3:]]
    assert beta.ask(f"{C}/{fresh}/objects/?limit=5").json().keys() == {"more", "objects"}
    assert rest["more"] is False
    assert "next" not in rest


@pytest.mark.row("T-3.5-06", "T-3.5-05")
def test_a_next_page_may_be_empty_after_a_deletion(alpha: Member, fresh: str) -> None:
    one, two = indicator(), indicator()
    alpha.post(fresh, one)
    alpha.post(fresh, two)
    page = alpha.ask(f"{C}/{fresh}/objects/?limit=1").json()
    assert page["more"] is True
    alpha.ask(f"{C}/{fresh}/objects/{two['id']}/", "DELETE")
    assert alpha.ask(f"{C}/{fresh}/objects/", params={"next": page["next"]}).json() == {"more": False}


@pytest.mark.row("T-3.5-07")
def test_next_shows_what_may_be_read_now_and_not_what_might_be_then(alpha: Member, beta: Member, fresh: str) -> None:
    ids = []
    for _ in range(3):
        ids.append(indicator()["id"])
        alpha.post(fresh, indicator(id=ids[-1]))
    token = beta.ask(f"{C}/{fresh}/objects/?limit=1").json()["next"]
    alpha.post(
        fresh,
        indicator(id=ids[1], modified="2024-03-01T00:00:00.000Z", object_marking_refs=[_mark(alpha, "member:gamma")]),
    )
    assert _ids(beta, fresh, next=token) == [ids[2]]


@pytest.mark.row("T-3.5-03", "T-3.5-09", "A-22")
def test_next_with_the_whole_query_repeated_gives_all_records_once(alpha: Member, fresh: str) -> None:
    ids = [indicator()["id"] for _ in range(7)]
    for stix_id in ids:
        alpha.post(fresh, indicator(id=stix_id), address("198.51.100.86"))
    query: dict[str, Any] = {"added_after": OLD, "limit": 2, "match[type]": "indicator", "match[version]": "all"}
    found = []
    while True:
        page = alpha.ask(f"{C}/{fresh}/objects/", params=query).json()
        found += [one["id"] for one in page["objects"]]
        if not page["more"]:
            break
        query["next"] = page["next"]
    assert found == ids


# Times ------------------------------------------------------------------------------------------------------------


@pytest.mark.row("T-3.5-04", "A-10", "T-3.3-01")
def test_no_two_records_of_one_post_share_a_date(alpha: Member, fresh: str) -> None:
    alpha.post(fresh, *[indicator() for _ in range(300)])
    dates = [r["date_added"] for r in alpha.ask(f"{C}/{fresh}/manifest/").json()["objects"]]
    assert len(set(dates)) == 300
    assert dates == sorted(dates)


@pytest.mark.row("T-3.5-11")
def test_who_polls_while_others_publish_misses_nothing(alpha: Member, beta: Member, gamma: Member, fresh: str) -> None:
    wanted = [[indicator() for _ in range(6)] for _ in range(4)]
    after = OLD
    found: list[str] = []
    with ThreadPoolExecutor(4) as pool:
        posts = [
            pool.submit(_publish_each, member, fresh, part)
            for member, part in zip([alpha, gamma] * 2, wanted, strict=True)
        ]
        deadline = time.monotonic() + 30
        while len(found) < 24 and time.monotonic() < deadline:
            page = beta.ask(f"{C}/{fresh}/objects/", params={"added_after": after, "limit": 5})
            found += [one["id"] for one in page.json().get("objects", [])]
            after = page.headers.get(DATES[1], after)
        assert [post.result() for post in posts] == [[202] * 6] * 4
    assert sorted(found) == sorted(one["id"] for part in wanted for one in part)


def _publish_each(member: Member, collection: str, objects: list[dict[str, Any]]) -> list[int]:
    return [member.post(collection, one).status_code for one in objects]


@pytest.mark.row("T-3.5-10", "A-11")
def test_what_a_member_may_read_only_later_comes_with_a_later_date(tmp_path: Path) -> None:
    texts = {name: text for name, text in files().items() if name in ("config/exchange.yaml", "collections/post.yaml")}
    with running(write(tmp_path, texts)) as server:
        alpha, beta = server.member("alpha"), server.member("beta")
        old, own = indicator(), indicator()
        alpha.post("post", old)
        beta.post("post", own)
        first = beta.ask(f"{C}/post/objects/")
        assert [one["id"] for one in first.json()["objects"]] == [own["id"]]
        path = "collections/post.yaml"
        write(tmp_path, {path: texts[path].replace("read: [readers]", "read: everyone")})
        app.apply_files(tmp_path)
        for kind in ("objects", "manifest"):
            later = beta.ask(f"{C}/post/{kind}/", params={"added_after": first.headers[DATES[1]]})
            assert [one["id"] for one in later.json()["objects"]] == [old["id"]]
            assert later.headers[DATES[0]] > first.headers[DATES[1]]
