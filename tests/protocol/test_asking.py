"""Who is asking: keys, schemes, scopes (interface.md; T-1.6-02, T-5-01)."""

from __future__ import annotations

from base64 import b64encode

import pytest

from exchange import credentials, store
from tests.protocol.served import Member, Served, collection_id, indicator


def _basic(user: str, key: str) -> str:
    return f"Basic {b64encode(f'{user}:{key}'.encode()).decode()}"


@pytest.mark.row("T-8.2-04")
@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "TOKEN", "Token"])
def test_a_key_may_come_by_any_scheme_in_any_case(alpha: Member, scheme: str) -> None:
    assert alpha.ask("/taxii2/", headers={"Authorization": f"{scheme} {alpha.key}"}).status_code == 200


@pytest.mark.row("T-8.2-04", "A-20")
@pytest.mark.parametrize("user", ["alpha", "", "somebody else", "ünïcode"])
def test_with_basic_the_password_alone_decides(alpha: Member, user: str) -> None:
    header = _basic(user, alpha.key)
    assert alpha.ask("/taxii2/", headers={"Authorization": header}).status_code == 200
    assert alpha.ask("/taxii2/", headers={"Authorization": header.replace("Basic", "basic")}).status_code == 200


WRONG = ["", "Bearer", "Bearer ", "Bearer exk_aaaaaaaaaaaa_b", "Basic ###", "Basic YWxwaGE=", "Digest x", "Bearer ÿ"]


@pytest.mark.row("T-1.6-02", "T-5-01", "I-3.1")
@pytest.mark.parametrize("path", ["/taxii2/", "/exchange/collections/notice/objects/", "/no/such/path", "/"])
@pytest.mark.parametrize("header", WRONG)
def test_nobody_gets_in_without_a_key(served: Served, header: str, path: str) -> None:
    found = Member(url=served.url, key="").ask(path, headers={"Authorization": header.encode("latin-1")})
    assert found.status_code == 401
    assert found.json()["title"] == "Unauthorized"
    assert found.headers["WWW-Authenticate"] == 'Basic realm="exchange", Bearer realm="exchange"'


@pytest.mark.row("T-1.6-02")
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "HEAD"])
def test_every_method_asks_for_a_key(served: Served, method: str) -> None:
    assert Member(url=served.url, key="").ask("/exchange/collections/notice/objects/", method).status_code == 401


def test_a_wrong_secret_is_refused(alpha: Member) -> None:
    wrong = Member(url=alpha.url, key=alpha.key[:-1] + ("a" if alpha.key[-1] != "a" else "b"))
    assert wrong.ask("/taxii2/").status_code == 401


def test_a_revoked_key_is_refused_from_the_next_request_on(served: Served) -> None:
    member = served.member("alpha")
    assert member.ask("/taxii2/").status_code == 200
    with store.writing(served.exchange.engine) as conn:
        credentials.revoke(conn, member.key.split("_")[1], served.exchange.clock.now(conn))
    assert [member.ask("/taxii2/").status_code for _ in range(4)] == [401] * 4


def test_a_stranger_with_a_large_body_still_hears_that_it_needs_a_key(served: Served) -> None:
    stranger = Member(url=served.url, key="exk_x")
    assert [stranger.post("fresh00", data=b" " * 20_000_000).status_code for _ in range(8)] == [401] * 8


def test_an_expired_key_is_refused(served: Served) -> None:
    assert served.member("alpha", expires=1).ask("/taxii2/").status_code == 401


def test_the_key_of_a_suspended_member_is_refused_with_the_same_words(served: Served) -> None:
    asleep = served.member("asleep").ask("/taxii2/")
    unknown = Member(url=served.url, key="exk_x").ask("/taxii2/")
    assert asleep.status_code == unknown.status_code == 401
    assert {**asleep.json(), "error_id": ""} == {**unknown.json(), "error_id": ""}


@pytest.mark.row("T-5.5-04", "I-3.5.2")
def test_a_key_that_may_only_read_cannot_publish(served: Served, fresh: str) -> None:
    reader = served.member("alpha", scope=("read",))
    found = reader.ask(f"/exchange/collections/{fresh}/").json()
    assert (found["can_read"], found["can_write"]) == (True, False)
    assert reader.post(fresh, indicator()).status_code == 403
    assert reader.ask(f"/exchange/collections/{fresh}/objects/").status_code == 200


@pytest.mark.row("T-5.3-03", "I-3.5.2")
def test_a_key_that_may_only_write_cannot_read(served: Served, fresh: str) -> None:
    writer = served.member("alpha", scope=("write",))
    assert writer.post(fresh, indicator()).status_code == 202
    for path in ("objects/", "manifest/", "objects/indicator--x/", "objects/indicator--x/versions/"):
        assert writer.ask(f"/exchange/collections/{fresh}/{path}").status_code == 403


@pytest.mark.row("T-5.2-02")
def test_a_key_for_one_collection_lists_the_others_without_rights(served: Served) -> None:
    member = served.member("alpha", collections=[collection_id(3)])
    found = {
        c["alias"]: (c["can_read"], c["can_write"]) for c in member.ask("/exchange/collections/").json()["collections"]
    }
    assert found["notice"] == (True, False)
    assert found["fresh00"] == (False, False)
    assert member.ask("/exchange/collections/fresh00/objects/").status_code == 403
