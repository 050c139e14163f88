"""Keys: what a key looks like, who it is, and when it stops being anybody."""

import re
import secrets
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, select

from exchange import credentials, store
from exchange import tables as t

NOW = 1_800_000_000_000_000
DAY = 86_400_000_000
MODELWORKS, SKYLINE = 1, 2


@pytest.fixture
def conn(database: str) -> Iterator[Connection]:
    engine = store.connect(database)
    store.migrate(engine)
    with store.writing(engine) as conn:
        store.add_members(conn, ["modelworks", "skyline"], NOW)
        yield conn
    engine.dispose()


def make(conn: Connection, member: int = MODELWORKS, expires: int | None = None) -> str:
    scope = credentials.SCOPES
    return credentials.new(conn, member=member, scope=scope, now=NOW, expires=expires, token=secrets.token_bytes)


def test_a_key_reads_exk_then_an_id_then_a_secret_of_160_bits_or_more(conn: Connection) -> None:
    shape = re.fullmatch(r"exk_([a-z2-7]{12})_([A-Za-z0-9_-]+)", make(conn))

    assert shape is not None
    assert len(shape[2]) * 6 >= 160


def test_two_keys_share_neither_id_nor_secret(conn: Connection) -> None:
    first, second = make(conn), make(conn)

    assert not set(first.split("_", 2)[1:]) & set(second.split("_", 2)[1:])


def test_the_store_holds_no_secret(conn: Connection) -> None:
    secret = make(conn).split("_", 2)[2]

    assert all(secret not in str(value) for row in conn.execute(select(t.key)) for value in row)


def test_a_key_finds_its_member_and_what_it_may(conn: Connection) -> None:
    make(conn, SKYLINE)
    text = credentials.new(
        conn, member=MODELWORKS, scope={"write"}, now=NOW, collections=["b", "a"], client="misp",
        note="for the feed", token=secrets.token_bytes,
    )  # fmt: skip

    key = credentials.find(conn, text, NOW)

    assert key == credentials.Key(
        id=text.split("_")[1], member=MODELWORKS, read=False, write=True, collections=frozenset("ab"),
        client="misp", note="for the feed", made=NOW, expires=None, revoked=None,
    )  # fmt: skip


def test_a_key_without_collections_opens_all_of_them_and_one_for_none_opens_none(conn: Connection) -> None:
    every = credentials.find(conn, make(conn), NOW)
    text = credentials.new(conn, member=MODELWORKS, scope={"read"}, now=NOW, collections=(), token=secrets.token_bytes)
    none = credentials.find(conn, text, NOW)

    assert every is not None
    assert every.collections is None
    assert none is not None
    assert none.collections == frozenset()


def test_a_wrong_secret_opens_nothing(conn: Connection) -> None:
    mine, other = make(conn), make(conn)

    assert credentials.find(conn, mine[:17] + other[17:], NOW) is None


def test_what_is_no_key_opens_nothing(conn: Connection) -> None:
    key = make(conn)
    texts = ["", "exk_", "exk__", "exk_aaaaaaaaaaaa_", "password", "\x00", "\ud800", "é" * 60, "exk_" + "a" * 100_000]
    texts += [key + " ", key.upper(), key.replace("exk", "EXK"), key[:-1], key + "a", key.replace("_", "\x00")]

    assert [text for text in texts if credentials.find(conn, text, NOW)] == []


def test_an_unknown_id_costs_the_same_statements_as_a_wrong_secret(conn: Connection) -> None:
    from sqlalchemy import event

    text = make(conn)
    seen: list[str] = []
    event.listen(conn, "before_cursor_execute", lambda *args: seen.append(args[2]))

    credentials.find(conn, text[:-1] + ("a" if text[-1] != "a" else "b"), NOW)
    wrong_secret = list(seen)
    seen.clear()
    credentials.find(conn, "exk_" + "a" * 12 + text[16:], NOW)

    assert seen == wrong_secret
    assert len(seen) == 1


def test_a_key_holds_until_the_instant_it_expires(conn: Connection) -> None:
    text = make(conn, expires=NOW + DAY)

    assert credentials.find(conn, text, NOW + DAY - 1)
    assert credentials.find(conn, text, NOW + DAY) is None


def test_a_revoked_key_opens_nothing_and_stays_in_the_list_with_its_instant(conn: Connection) -> None:
    text = make(conn)
    key_id = text.split("_")[1]

    assert credentials.revoke(conn, key_id, NOW + 5)
    assert credentials.revoke(conn, key_id, NOW + 9)

    assert credentials.find(conn, text, NOW + 5) is None
    assert [k.revoked for k in credentials.listing(conn)] == [NOW + 5]


def test_revoking_one_key_leaves_the_others(conn: Connection) -> None:
    first, second = make(conn), make(conn)

    credentials.revoke(conn, first.split("_")[1], NOW)

    assert credentials.find(conn, second, NOW)


def test_an_unknown_id_cannot_be_revoked(conn: Connection) -> None:
    assert not credentials.revoke(conn, "aaaaaaaaaaaa", NOW)


def test_a_scope_other_than_read_and_write_is_an_error(conn: Connection) -> None:
    for scope in ((), ("admin",), ("read", "everything")):
        with pytest.raises(ValueError, match="is not read, write or both"):
            credentials.new(conn, member=MODELWORKS, scope=scope, now=NOW, token=secrets.token_bytes)
