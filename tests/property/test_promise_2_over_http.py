"""Promise 2, byte for byte: what a member may not read changes no status, header or byte that it is answered.

Two exchanges behind their web applications get the same steps of alice, mia and the administrator; the first also gets
hidden ones: of mallory and bob, who take any id, and of alice under ids of her own, for others alone or in collections
that mia may not read. Then mia asks both everything that there is to ask (`allasked`), and writes. Her own steps are
compared too. Left out is the promise's exception, a publisher that takes back what mia had of that same publisher's
object. On SQLite alone: on PostgreSQL the clock is the database's, which no test can hold still.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map

from tests.property.alike import Turn, compare, play, twins
from tests.property.allasked import PARTS, Asking
from tests.property.twins import MALLORY, PLACES, Ask, Delete, Poll, Post, Rights, Step, Template, Together, do

LONG = settings.get_current_profile_name() == "long"
START = Rights(frozenset(), "everyone")


KINDS = st.sampled_from(["campaign", "note"])
VERSIONS = st.integers(1, 3)
READ = ["open", "notice", "named"]  # what mia reads, if a deposit lets her
OPEN = [(), ("group:g1",), ("group:g2",), ("clear",), ("red", "member:bob"), ("red", "member:mia")]
SECRET = [("group:g2",), ("red", "member:bob"), ("red", "member:alice"), ("group:g2", "member:bob")]
BROKEN = [b"{", b'{"objects":[]}', b'{"objects":[{"type":"campaign"}]}', b"[]"]

SHARED = st.one_of(
    st.builds(Post, st.just("alice"), st.sampled_from(READ), KINDS, st.integers(0, 1), VERSIONS, st.sampled_from(OPEN)),
    st.builds(
        Post, st.just("mia"), st.sampled_from(sorted(PLACES)), KINDS, st.sampled_from([0, 1, 10, 11]), VERSIONS,
        st.sampled_from(OPEN), st.just((10, 11)),
    ),
    st.builds(Delete, st.just("alice"), st.sampled_from(READ), KINDS, st.integers(0, 1), st.booleans()),
    st.builds(Delete, st.just("mia"), st.sampled_from(sorted(PLACES)), KINDS, st.sampled_from([0, 10]), st.booleans()),
    st.builds(Poll, st.just("mia"), st.sampled_from(sorted(PLACES)), st.sampled_from([b"", *BROKEN])),
    st.builds(Rights, st.sampled_from([frozenset(), frozenset({"g1"})]), st.sampled_from(["everyone", "g1"])),
)  # fmt: skip


# Alice says two things to mia and, in the same envelope, one to others: no gap and no count of it between the two.
SHARED |= st.builds(
    lambda place, to, secret, kind: Together(
        Post("alice", place, "campaign", 0, 1, to),
        Post("alice", place, kind, 10, 1, secret, (0, 1)),
        Post("alice", place, "campaign", 1, 1, to),
    ),
    st.sampled_from(READ), st.sampled_from(OPEN), st.sampled_from(SECRET), KINDS,
)  # fmt: skip


def _hidden(by: str, n: st.SearchStrategy[int], creator: str | None) -> st.SearchStrategy[Step]:
    """A post that mia may not read: for others, or where she does not read others' deposits."""
    here, anywhere = st.sampled_from(READ), st.sampled_from(sorted(PLACES.keys() - {*READ}))
    refs = st.sampled_from([(), (0,), (0, 1, 11)])
    return st.one_of(
        st.builds(Post, st.just(by), here, KINDS, n, VERSIONS, st.sampled_from(SECRET), refs, st.just(creator)),
        st.builds(Post, st.just(by), anywhere, KINDS, n, VERSIONS, st.sampled_from(OPEN), refs, st.just(creator)),
        st.builds(Delete, st.just(by), st.sampled_from(sorted(PLACES)), KINDS, n, st.booleans()),
        st.builds(Poll, st.just(by), st.sampled_from(sorted(PLACES)), st.sampled_from([b"", *BROKEN])),
    )


ANY = st.sampled_from([0, 1, 10, 11])
# An older version that others read closes no newer one, so it is hidden like anything else.
OLDER = st.builds(
    Post, st.just("alice"), st.sampled_from(READ), KINDS, st.integers(0, 1), st.just(0), st.sampled_from(SECRET)
)
HIDDEN = st.one_of(
    _hidden("mallory", ANY, MALLORY), _hidden("bob", ANY, None), _hidden("alice", st.integers(10, 11), None), OLDER
)
TURNS = st.lists(st.one_of(st.builds(Turn, SHARED), st.builds(Turn, HIDDEN, st.just(True))), min_size=2, max_size=10)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    return Template.make(tmp_path_factory.mktemp("twins"), START)


@pytest.fixture(scope="module")
def names() -> Iterator[int]:
    return iter(range(1_000_000_000))


@settings(max_examples=300 if LONG else 6)
@given(turns=TURNS, parts=st.just(PARTS) if LONG else st.sampled_from([(part,) for part in PARTS]))
def test_a_member_gets_the_same_bytes_whatever_is_hidden_from_it(
    template: Template, names: Iterator[int], turns: list[Turn], parts: Sequence[str]
) -> None:
    with twins(template, names) as sites:
        play(sites, turns)
        compare(sites, len(turns) + 1, parts)


# Two publishers of one id that mia has too, in each collection; references to her objects; refusals; deletions.
MANY = [
    Turn(Post("alice", "open", "campaign", 0, 1, ("group:g1", "member:mia"))),
    Turn(Post("mia", "open", "campaign", 10, 1, ())),
    Turn(Post("alice", "open", "note", 0, 1, ("red", "member:mia"))),
    Turn(Post("alice", "notice", "campaign", 1, 2, ("clear",))),
    Turn(
        Together(
            Post("alice", "open", "campaign", 3, 1, ()),
            Post("alice", "open", "note", 11, 1, SECRET[0], (0,)),
            Post("alice", "open", "note", 3, 1, ()),
        )
    ),
    *(Turn(Post("mallory", place, "campaign", n, 3, SECRET[0], (), MALLORY), hidden=True)
      for place in PLACES for n in (0, 1, 10)),
    *(Turn(Post("bob", place, "note", 10, 2, SECRET[1], (0, 1)), hidden=True) for place in PLACES),
    *(Turn(Post("alice", place, "campaign", 11, n, SECRET[1]), hidden=True) for place in PLACES for n in (1, 2)),
    Turn(Post("alice", "open", "campaign", 3, 0, SECRET[0]), hidden=True),
    Turn(Post("alice", "notice", "campaign", 1, 0, SECRET[0]), hidden=True),
    Turn(Post("alice", "notice", "campaign", 1, 9, ("red", "member:alice")), hidden=True),  # a draft: closes nothing
    Turn(Delete("alice", "open", "campaign", 11, newest=True), hidden=True),
    Turn(Delete("mallory", "open", "campaign", 10), hidden=True),
    *(Turn(Poll("bob", "open", body), hidden=True) for body in (b"", *BROKEN)),
    Turn(Rights(frozenset({"g1"}), "everyone")),
    Turn(Post("alice", "open", "campaign", 0, 2, ("group:g1",))),
    Turn(Poll("mia", "open")),
]  # fmt: skip


def test_every_route_and_method_is_asked_and_answers_alike(template: Template, names: Iterator[int]) -> None:
    with twins(template, names) as sites:
        play(sites, MANY)
        record = compare(sites, len(MANY) + 1, PARTS)
        routes = sites[0].application.url_map
        assert reached(routes, (ask for ask, _ in record)) == {
            (rule.rule, method) for rule in routes.iter_rules() for method in rule.methods or ()
        }
        said = {answer.status for _, answer in record}
        assert said >= {200, 202, 400, 401, 403, 404, 405, 406, 413, 415, 422}
        assert not any(status >= 500 for status in said)


def reached(routes: Map, asks: Iterable[Ask]) -> set[tuple[str, str]]:
    """The routes that these requests come to, with the method."""
    found = set()
    for ask in asks:
        with suppress(HTTPException):
            rule, _ = routes.bind("localhost").match(ask.path, method=ask.method, return_rule=True)
            found.add((rule.rule, ask.method))
    return found


@pytest.mark.parametrize(
    "seen",
    [
        Post("alice", "open", "campaign", 1, 1, ("clear",)),
        Post("alice", "named", "note", 1, 1, ("red", "member:mia")),
        Post("alice", "open", "campaign", 0, 2, ("red", "member:bob")),  # the promise's exception
        Delete("alice", "open", "campaign", 0),
    ],
)
def test_what_a_member_may_know_shows(template: Template, names: Iterator[int], seen: Step) -> None:
    """So that the comparison can fail: the same two sites, and one of them has something that mia may notice."""
    with twins(template, names) as sites:
        play(sites, [Turn(Post("alice", "open", "campaign", 0, 1, ("clear",)))])
        sites[0].take(2)
        do(sites[0], seen, hidden=True)
        first, second = (Asking(site, 3).parts(["pages"]) for site in sites)
        assert first != second
