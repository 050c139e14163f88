"""What is hidden from a member answers as what does not exist, however the request is bent (policy.md 14-23, 33)."""

from __future__ import annotations

import gzip
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.protocol.hostile import CLOSED, FRESH, POST, Hostile, hostile
from tests.protocol.served import MEDIA_TYPE, indicator


@dataclass(frozen=True, slots=True, kw_only=True)
class Hidden:
    """Names of things that `alpha` may not see, each with one of the same form that nobody ever used."""

    exchange: Hostile
    pairs: dict[str, tuple[str, str]]


@pytest.fixture(scope="module")
def hidden(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hidden]:
    with hostile(tmp_path_factory.mktemp("hidden")) as exchange:
        others = indicator()
        status = json.loads(exchange.post("beta", POST, others, indicator()).body)
        assert status["success_count"] == 2
        assert exchange.post("gamma", CLOSED, indicator()).status == 202
        unknown = str(uuid.uuid4())
        objects = (others["id"], f"indicator--{uuid.uuid4()}")
        yield Hidden(
            exchange=exchange,
            pairs={
                "object": objects,
                "match": objects,
                "status": (status["id"], unknown),
                "collection": (CLOSED, unknown),
                "alias": ("closed", "clsoed"),
            },
        )


def _request(kind: str, name: str, rest: str, query: str) -> tuple[str, str]:
    match kind:
        case "object":
            return f"/exchange/collections/{POST}/objects/{name}/{rest.removeprefix('objects/')}", query
        case "match":
            return f"/exchange/collections/{POST}/{rest or 'objects/'}", f"match[id]={name}&{query}"
        case "status":
            return f"/exchange/status/{name}/{rest}", query
    return f"/exchange/collections/{name}/{rest}", query


queries = st.lists(
    st.sampled_from([
        "limit=1", "limit=0", "limit=x", "added_after=2020-01-01T00:00:00Z", "added_after=x", "added_after=", "next=x",
        "next=None", "match[version]=all", "match[version]=first", "match[version]=last", "match[version]=all,last",
        "match[version]=2024-01-01T00:00:00.000Z", "match[spec_version]=2.0", "match[spec_version]=2.1",
        "match[type]=indicator", "match[type]=malware", "match[id]=x--y", "nothing=%00",
    ]),
    max_size=3,
).map("&".join)  # fmt: skip
bodies = [b"", b"{", b'{"objects":[]}', b'{"objects":[{}]}', b"x" * 2_000_000, gzip.compress(b"{}")]


@given(
    kind=st.sampled_from(["object", "match", "status", "collection", "alias"]),
    rest=st.sampled_from(["", "objects/", "manifest/", "versions/", "objects/x--y/", "objects/x--y/versions/", "x/"]),
    method=st.sampled_from(["GET", "GET", "HEAD", "DELETE", "POST", "PUT", "OPTIONS"]),
    query=queries,
    more=st.dictionaries(
        st.sampled_from(["Accept", "Content-Type", "Content-Encoding", "Accept-Encoding"]),
        st.sampled_from([MEDIA_TYPE, "*/*", "text/html", "gzip", "", "identity;q=0"]),
    ),
    body=st.sampled_from(bodies),
)
@settings(max_examples=max(300, settings().max_examples))
def test_hidden_and_unknown_answer_alike(
    hidden: Hidden, kind: str, rest: str, method: str, query: str, more: dict[str, str | None], body: bytes
) -> None:
    found = []
    for name in hidden.pairs[kind]:
        path, full = _request(kind, name, rest, query)
        headers = {"Content-Type": MEDIA_TYPE} | more
        answer = hidden.exchange.ask(path.encode(), full.encode(), method, headers=headers, body=body)
        assert name.encode() not in answer.body
        found.append(answer.comparable())
    assert found[0] == found[1]


def test_what_is_hidden_here_is_there_for_its_owner(hidden: Hidden) -> None:
    name = hidden.pairs["object"][0]
    path = f"/exchange/collections/{POST}/objects/{name}/".encode()
    assert hidden.exchange.ask(path, member="beta").status == 200
    assert hidden.exchange.ask(path, member="alpha").status == 404
    status = f"/exchange/status/{hidden.pairs['status'][0]}/".encode()
    assert hidden.exchange.ask(status, member="beta").status == 200
    assert hidden.exchange.ask(f"/exchange/collections/{CLOSED}/".encode(), member="gamma").status == 200


# `next` -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cursor(hidden: Hidden) -> str:
    for member in ("alpha", "gamma"):
        hidden.exchange.post(member, FRESH, indicator(), indicator())
    answer = hidden.exchange.ask(f"/exchange/collections/{FRESH}/objects/".encode(), b"limit=1")
    return str(json.loads(answer.body)["next"])


@given(place=st.integers(min_value=0), letter=st.sampled_from("aZ09-_."))
def test_no_letter_of_a_next_can_be_changed(hidden: Hidden, cursor: str, place: int, letter: str) -> None:
    at = place % len(cursor)
    forged = cursor[:at] + letter + cursor[at + 1 :]
    answer = hidden.exchange.ask(f"/exchange/collections/{FRESH}/objects/".encode(), f"next={forged}".encode())
    # The last letter of a signature has bits that mean nothing: changed, it may be the same signature.
    assert answer.status == 400 or forged == cursor or at == len(cursor) - 1


def test_a_next_of_another_member_or_collection_shows_only_what_the_asker_may_see(hidden: Hidden, cursor: str) -> None:
    for member, collection in (("beta", FRESH), ("alpha", POST)):
        path = f"/exchange/collections/{collection}/objects/".encode()
        with_it = hidden.exchange.ask(path, f"next={cursor}".encode(), member=member)
        assert with_it.comparable() == hidden.exchange.ask(path, member=member).comparable()
