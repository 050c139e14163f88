"""The leak channels of policy.md section 2, each by its number: what mia may not read changes nothing that she gets.

Where others' deposits are concerned, two exchanges that differ in them alone answer every request of mia's with the
same bytes (alike.py), and the hidden thing is looked at first, by somebody who may. docs/security.md has the list, with
the channels that do not exist here and those whose tests stand elsewhere.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.commands.command import run
from tests.property import world as w
from tests.property.alike import Turn, compare_few, play, twins
from tests.property.allasked import IDS, JSON, OPEN, ROOT, Asking, Record
from tests.property.twins import (
    MALLORY,
    PLACES,
    Answer,
    Ask,
    Delete,
    Post,
    Rights,
    Site,
    Step,
    Template,
    Together,
    do,
    envelope,
    fresh_id,
)

FEW = ("red", "member:bob")
TIME = "2026-01-01T00:00:01.000Z"
ADDRESS = "ipv4-addr--" + str(uuid.uuid5(uuid.UUID("00abedb4-aa42-466c-9c01-fed23315a9b7"), '{"value":"198.51.100.7"}'))
ALL = Ask(path=f"{OPEN}/objects/", query="match[version]=all")
VIEW = [
    ALL,
    Ask(path=f"{OPEN}/objects/", query="limit=1"),
    Ask(path=f"{OPEN}/objects/", query="match[version]=first"),
    Ask(path=f"{OPEN}/objects/", query="match[version]=last"),
    Ask(path=f"{OPEN}/manifest/", query="match[version]=all"),
    Ask(path=f"{OPEN}/manifest/", query="limit=1"),
    *(Ask(path=f"{OPEN}/objects/{i}/{rest}") for i in IDS for rest in ("", "versions/")),
]
DOORS = [
    Ask(path=f"{ROOT}/{name}/")
    for name in ("closed", PLACES["closed"], "nowhere", "20000000-0000-4000-8000-000000000000")
]
API = [Ask(path=f"/api/v1/{name}", headers=JSON) for name in ("access", "feed")]
SHOWN = [Post("alice", "open", "campaign", 0, 1, ("clear",)), Post("mia", "open", "campaign", 10, 1, ())]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    return Template.make(tmp_path_factory.mktemp("channels"), Rights(frozenset(), "everyone"))


@pytest.fixture(scope="module")
def names() -> Iterator[int]:
    return iter(range(1_000_000_000))


class Channel:
    """Plays steps on both exchanges and hidden ones on the first, and compares what mia gets."""

    def __init__(self, template: Template, names: Iterator[int]) -> None:
        self._template, self._names = template, names

    def closed(
        self,
        hidden: Sequence[Step | Callable[[Site], Answer]],
        shown: Sequence[Step] = SHOWN,
        asks: Sequence[Ask] = (),
        *,
        seen: bool = True,
    ) -> Record:
        """What mia was told by both, of `VIEW` and of `asks`; bob sees more at the first, if `seen`."""
        with twins(self._template, self._names) as sites:
            play(sites, [Turn(step) for step in shown])
            turn = len(shown)
            for step in hidden:
                turn += 1
                sites[0].take(turn)
                answer = step(sites[0]) if callable(step) else do(sites[0], step, hidden=True)
                assert answer is None or answer.status in (200, 202), answer
            for site in sites:
                site.take(turn + 1)
            first, second = (site.ask(Ask(path=ALL.path, query=ALL.query, key="bob")).body for site in sites)
            assert first != second or not seen, "nothing was hidden"
            return compare_few(sites, turn + 2, [*VIEW, *asks])


@pytest.fixture
def channel(template: Template, names: Iterator[int]) -> Channel:
    return Channel(template, names)


def raw(by: str, place: str, *objects: Mapping[str, Any]) -> Callable[[Site], Answer]:
    """A post of objects as they are; words stand for the markings of their names."""

    def post(site: Site) -> Answer:
        def marked(obj: Mapping[str, Any]) -> dict[str, Any]:
            marks = [
                str(w.TLP.get(word) or site.words[by].get(word, word)) for word in obj.get("object_marking_refs", ())
            ]
            return {**obj, **({"object_marking_refs": marks} if marks else {})}

        path = f"{ROOT}/{PLACES[place]}/objects/"
        body = envelope(*(marked(obj) for obj in objects))
        answer = site.ask(Ask(path=path, method="POST", key=by, body=body))
        assert answer.json()["failure_count"] == 0, answer.json()
        return answer

    return post


def sdo(kind: str, n: int, to: Sequence[str] = (), **more: Any) -> dict[str, Any]:
    return {
        "type": kind, "spec_version": "2.1", "id": f"{kind}--{uuid.UUID(int=n, version=4)}", "created": TIME,
        "modified": TIME, **({"object_marking_refs": list(to)} if to else {}), **more,
    }  # fmt: skip


def own(*objects: Mapping[str, Any], place: str = "open", query: str = "") -> Ask:
    """A post of mia's."""
    path = f"{ROOT}/{PLACES[place]}/objects/"
    return Ask(path=path, query=query, method="POST", body=envelope(*objects))


WRITES = [
    own(w.campaign(0, 3, text="mine"), w.campaign(10, 2, text="mine, and perhaps another's"), query="dry_run=true"),
    own(w.campaign(0, 3, text="mine"), w.campaign(10, 2, text="mine, and perhaps another's")),
    own(w.note(10, IDS[:5], text="about what may be hidden"), {"type": "campaign", "id": IDS[3]}),
    own(w.campaign(11, text="in another place"), place="notice"),
    *(Ask(path=f"{OPEN}/objects/{i}/", method="DELETE") for i in IDS),
    ALL,
]


def told(record: Record) -> str:
    """All bodies as one text."""
    return "\n".join(answer.body.decode("utf-8", "replace") for _, answer in record)


def anonymous(answer: Answer) -> dict[str, Any]:
    """An error without the id that finds it in the log."""
    return {key: value for key, value in answer.json().items() if key != "error_id"}


def headers(record: Record) -> list[dict[str, str]]:
    return [dict(answer.headers) for _, answer in record]


def test_channel_01_a_relationship_or_sighting_tells_nothing_of_a_hidden_end(channel: Channel) -> None:
    hidden = sdo("campaign", 900, FEW, name="hidden end")
    record = channel.closed([
        raw("alice", "open", hidden),
        raw("alice", "open", sdo("relationship", 901, ["clear"], relationship_type="related-to",
                                 source_ref=hidden["id"], target_ref=IDS[0])),
        raw("alice", "open", sdo("sighting", 902, ["clear"], sighting_of_ref=hidden["id"])),
    ])  # fmt: skip
    assert hidden["id"] not in told(record)


def test_channel_02_the_id_of_an_observable_gives_its_value_away_to_nobody(channel: Channel) -> None:
    address = {"type": "ipv4-addr", "spec_version": "2.1", "id": ADDRESS, "value": "198.51.100.7"}
    record = channel.closed([
        raw("alice", "open", {**address, "object_marking_refs": list(FEW)}),
        raw("alice", "open", sdo("note", 903, ["clear"], content="on it", object_refs=[ADDRESS])),
        raw("alice", "open", sdo("observed-data", 904, ["clear"], first_observed=TIME, last_observed=TIME,
                                 number_observed=1, object_refs=[ADDRESS])),
    ])  # fmt: skip
    assert ADDRESS not in told(record)


NAMELESS = ("credit:anonymous", "clear")
TICKED = 4_000  # a turn after the tick on which anonymous copies enter


@pytest.fixture
def copies(template: Template, names: Iterator[int]) -> Iterator[tuple[list[dict[str, Any]], str]]:
    """What mia reads of two objects and a relationship between them that alice and bob published anonymously, and
    every byte that she gets."""
    with twins(template, names) as sites:
        site = sites[0]
        for turn, who in ((1, "alice"), (2, "bob")):
            ends = [sdo("campaign", 400 + 10 * turn + n, NAMELESS, name=f"flaw {turn}{n}") for n in range(2)]
            between = sdo("relationship", 409 + 10 * turn, NAMELESS, relationship_type="related-to",
                          source_ref=ends[0]["id"], target_ref=ends[1]["id"])  # fmt: skip
            site.take(turn)
            raw(who, "open", *ends, between)(site)
        site.take(TICKED)
        site.release()
        record = Asking(site, TICKED + 1).few([*VIEW, *API])
        yield record[0][1].json()["objects"], told(record)
        sites[1].take(1)


Copies = tuple[list[dict[str, Any]], str]


def test_channel_04_a_copy_is_signed_by_the_exchange(copies: Copies) -> None:
    read, _ = copies
    assert len(read) == 6
    assert len({one["created_by_ref"] for one in read}) == 1


def test_channel_05_a_copy_has_no_trace_of_its_publisher(
    copies: Copies, template: Template, names: Iterator[int]
) -> None:
    for one in copies[0]:
        assert list(one) == sorted(one)
        assert one["created"] == one["modified"] == "2026-06-01T00:00:00.000Z"
        assert one.get("object_marking_refs") == [w.TLP["clear"]]
    traces: list[dict[str, Any]] = [{"name": "found by Alice"}, {"x_tool": "ours"}, {"labels": ["alice"]},
              {"external_references": [{"source_name": "ours", "url": "https://alice/1"}]}]  # fmt: skip
    with twins(template, names) as (site, other):
        site.take(1)
        marks = [site.words["alice"]["credit:anonymous"], w.TLP["clear"]]
        objects = [{**sdo("campaign", 440 + n, name="flaw"), **trace, "object_marking_refs": marks}
                   for n, trace in enumerate(traces)]  # fmt: skip
        path = f"{ROOT}/{PLACES['open']}/objects/"
        status = site.ask(Ask(path=path, method="POST", key="alice", body=envelope(*objects))).json()
        assert status["failure_count"] == len(traces), status
        other.take(1)


def test_channel_07_nothing_links_a_copy_to_what_it_stands_for(copies: Copies) -> None:
    read, everything = copies
    own = [f"{kind}--{uuid.UUID(int=n, version=4)}" for n in range(400, 440) for kind in ("campaign", "relationship")]
    assert not any(i in everything or i.partition("--")[2] in everything for i in own)
    between = [(one["source_ref"], one["target_ref"]) for one in read if one["type"] == "relationship"]
    assert {i for ends in between for i in ends} == {one["id"] for one in read if one["type"] == "campaign"}


@pytest.mark.parametrize(
    "container",
    [
        {"kind": "report", "name": "r", "published": TIME},
        {"kind": "grouping", "context": "suspicious-activity"},
        {"kind": "note", "content": "n"},
        {"kind": "opinion", "opinion": "agree"},
    ],
    ids=lambda c: c["kind"],
)
def test_channel_03_a_container_lists_no_hidden_id(channel: Channel, container: dict[str, str]) -> None:
    hidden = sdo("campaign", 905, FEW, name="hidden member")
    rest = {key: value for key, value in container.items() if key != "kind"}
    record = channel.closed([
        raw("alice", "open", hidden),
        raw("alice", "open", sdo(container["kind"], 906, ["clear"], object_refs=[IDS[0], hidden["id"]], **rest)),
    ])  # fmt: skip
    assert hidden["id"] not in told(record)


def test_channel_06_a_granular_marking_hides_the_whole_object(channel: Channel) -> None:
    def post(site: Site) -> Answer:
        marking = {"marking_ref": w.TLP["red"], "selectors": ["description"]}
        obj = sdo("campaign", 907, ["clear", "member:bob"], name="half", description="the secret half")
        return raw("alice", "open", {**obj, "granular_markings": [marking]})(site)

    assert "half" not in told(channel.closed([post]))


def test_channel_08_a_marking_definition_is_read_by_those_who_read_what_it_marks(channel: Channel) -> None:
    definition = {
        "type": "marking-definition", "spec_version": "2.1", "created": TIME, "definition_type": "statement",
        "id": f"marking-definition--{uuid.UUID(int=908, version=4)}", "definition": {"statement": "Operation Hidden"},
    }  # fmt: skip
    marked = sdo("campaign", 909, [*FEW, str(definition["id"])], name="marked")
    assert "Operation Hidden" not in told(channel.closed([raw("alice", "open", definition, marked)]))


def test_channel_09_the_manifest_lists_what_the_objects_resource_serves(channel: Channel) -> None:
    record = channel.closed([Post("alice", "open", "campaign", 11, 1, FEW)])
    found = {(a.path, a.query): [o["id"] for o in b.json().get("objects", [])] for a, b in record if b.status == 200}
    for query in ("match[version]=all", "limit=1"):
        assert found[f"{OPEN}/manifest/", query] == found[f"{OPEN}/objects/", query]


def test_channel_10_the_versions_resource_has_no_hidden_version(channel: Channel) -> None:
    hidden = [
        Post("alice", "open", "campaign", 0, 0, FEW),
        Post("alice", "open", "campaign", 0, 9, ("red", "member:alice")),
    ]
    record = channel.closed(hidden)
    (versions,) = [b.json()["versions"] for a, b in record
                   if a.path == f"{OPEN}/objects/{IDS[0]}/versions/" and not a.query and a.method == "GET"]  # fmt: skip
    assert len(versions) == 1


def test_channel_11_first_and_last_are_those_of_the_members_own_view(channel: Channel) -> None:
    hidden = [
        Post("alice", "open", "campaign", 0, 0, FEW),
        Post("alice", "open", "campaign", 0, 9, ("red", "member:alice")),
    ]
    record = channel.closed(hidden)
    asked = [b for a, b in record if a.query in ("match[version]=first", "match[version]=last") and b.status == 200]
    assert asked


def test_channel_12_no_answer_counts_what_is_hidden(channel: Channel) -> None:
    hidden = [raw("alice", "open", *(sdo("campaign", 1000 + n, FEW, name=f"h{n}") for n in range(40)))]
    record = channel.closed(hidden, asks=API)
    assert {"/api/v1/access", "/api/v1/feed"} <= {ask.path for ask, _ in record}


def test_channel_13_pages_are_filled_after_what_is_hidden_is_left_out(channel: Channel) -> None:
    shown = [Post("alice", "open", "campaign", n, 1, ("clear",)) for n in range(3)]
    hidden = [raw("alice", "open", *(sdo("campaign", 1100 + n, FEW, name=f"h{n}") for n in range(30)))]
    record = channel.closed(hidden, shown)
    pages = [b.json() for a, b in record if a.path == f"{OPEN}/objects/" and a.query.startswith("limit=1")]
    assert {len(page["objects"]) for page in pages} == {1}


def test_channel_14_next_has_nothing_of_a_hidden_entry(channel: Channel) -> None:
    mixed = Together(
        SHOWN[0], Post("alice", "open", "campaign", 11, 1, FEW), Post("alice", "open", "campaign", 1, 1, ("clear",))
    )
    record = channel.closed([Post("alice", "open", "campaign", 12, 1, FEW)], [mixed])
    assert any("next=" in ask.query for ask, _ in record)


def test_channel_15_times_have_no_gap_where_something_is_hidden(channel: Channel) -> None:
    mixed = Together(
        Post("alice", "open", "campaign", 0, 1, ("clear",)), Post("alice", "open", "note", 11, 1, FEW, (0,)),
        Post("alice", "open", "campaign", 1, 1, ("clear",)),
    )  # fmt: skip
    record = channel.closed([Post("alice", "open", "campaign", 12, 1, FEW)], [mixed])
    empty = [b for a, b in record if b.status == 200 and a.path.endswith(("objects/", "manifest/")) and b.body == b"{}"]
    assert not any(name.startswith("X-TAXII-Date") for b in empty for name in dict(b.headers))


def test_channel_16_nothing_is_cached_between_members(channel: Channel) -> None:
    record = channel.closed([Post("alice", "open", "campaign", 11, 1, FEW)], asks=[*API, *WRITES])
    for said in headers([(a, b) for a, b in record if not a.path.startswith(("/healthz", "/readyz"))]):
        assert not {"ETag", "Last-Modified"} & said.keys()
        assert said["Cache-Control"] == "private, no-store"
        assert {"Authorization", "Accept"} <= {word.strip() for word in said["Vary"].split(",")}


def test_channel_17_a_status_is_its_posters_alone(channel: Channel) -> None:
    statuses = [
        Ask(path=f"/exchange/status/{i}/") for i in (fresh_id(1), fresh_id(3), str(uuid.UUID(int=7, version=4)))
    ]
    record = channel.closed([Post("alice", "open", "campaign", 11, 1, FEW)], asks=statuses)
    assert [b.status for a, b in record if a.path.startswith("/exchange/status/")] == [404, 404, 404]


HELD_BY_OTHERS = [
    *(Post("mallory", "open", "campaign", n, 3, FEW, (), MALLORY) for n in (0, 10, 11)),
    *(Post("bob", "open", "note", n, 2, ("red", "member:alice"), (0, 1)) for n in (0, 10)),
]


def test_channel_18_status_messages_speak_of_the_posters_own_objects_alone(channel: Channel) -> None:
    record = channel.closed(HELD_BY_OTHERS, asks=WRITES)
    said = "".join(b.body.decode() for a, b in record if a.method == "POST")
    assert not any(word in said for word in ("mallory", "bob", MALLORY))


def test_channel_19_who_deposits_what_another_holds_is_answered_as_the_first(channel: Channel) -> None:
    record = channel.closed(HELD_BY_OTHERS, shown=[], asks=WRITES)
    assert any(a.method == "POST" and b.status == 202 for a, b in record)


def test_channel_20_who_takes_an_id_first_takes_nothing_from_another(channel: Channel) -> None:
    squat = [Post("mallory", place, "campaign", 10, 9, FEW, (), MALLORY) for place in ("open", "notice", "closed")]
    record = channel.closed(squat, shown=[], asks=WRITES)
    said = [b.json() for a, b in record if a.method == "POST" and not a.query and b.status == 202]
    assert said[0]["success_count"] == 2


def test_channel_21_a_collection_that_is_not_listed_does_not_exist(channel: Channel) -> None:
    record = channel.closed([Post("bob", "closed", "campaign", 11, 1, ())], asks=DOORS, seen=False)
    said = [(b.status, anonymous(b)) for a, b in record if a in DOORS]
    assert said == [(404, said[0][1])] * len(DOORS)


def test_channel_23_a_body_is_read_only_where_the_member_may_write(channel: Channel) -> None:
    with twins(channel._template, channel._names) as sites:
        for site in sites:
            site.take(1)
        bodies = [b"{", b"[]", b"", envelope(sdo("campaign", 1, name="a")), b" " * (80 << 10)]
        said = [sites[0].ask(Ask(path=f"{ROOT}/{place}/objects/", method="POST", body=body))
                for place in (PLACES["closed"], "nowhere") for body in bodies]  # fmt: skip
        assert [(a.status, anonymous(a)) for a in said] == [(404, anonymous(said[0]))] * len(said)


def test_channel_24_names_are_told_to_those_who_may_use_them(channel: Channel) -> None:
    record = channel.closed([Post("alice", "open", "campaign", 11, 1, FEW)], asks=API)
    access = next(b.json() for a, b in record if a.path == "/api/v1/access")
    assert {"g1", "g2"} == {one["name"] for one in access["groups"]}
    assert not any({"in", "groups"} & one.keys() for one in access["members"])  # who is in them, nobody is told


def test_channel_25_a_reader_can_count_the_markings_of_recipients_and_resolve_none(
    template: Template, names: Iterator[int]
) -> None:
    words = template.words
    mine = {i for i in words["mia"].values()}
    assert not mine & {i for name in ("alice", "bob", "mallory") for i in words[name].values()}
    with twins(template, names) as (site, _):
        site.take(1)
        for marking in words["alice"].values():
            assert site.ask(Ask(path=f"{ROOT}/policy/objects/{marking}/")).status == 404
        site.take(2)


def test_channel_26_a_recall_reaches_those_who_have_it_and_nobody_else(
    template: Template, names: Iterator[int]
) -> None:
    with twins(template, names) as sites:
        play(sites, [*(Turn(step) for step in SHOWN), Turn(Post("alice", "open", "campaign", 11, 1, FEW), hidden=True)])
        everything = Ask(path=ALL.path, query=ALL.query, key="bob")
        sites[0].take(10)
        assert IDS[3].encode() in sites[0].ask(everything).body
        sites[0].take(11)
        sites[0].withdraw(IDS[3])
        sites[0].take(20)
        had = sites[0].ask(everything).json()["objects"]
        notes = [(o["labels"], o["object_refs"]) for o in had if o["type"] == "note"]
        assert notes == [(["recall", "error"], [IDS[3]])]
        compare_few(sites, 21, [*VIEW, *API])


def test_channel_28_a_stage_for_others_changes_nothing(template: Template, names: Iterator[int]) -> None:
    with twins(template, names) as sites:
        play(sites, [*(Turn(step) for step in SHOWN),
                     Turn(Post("alice", "open", "campaign", 11, 1, ("release:later",)), hidden=True)])  # fmt: skip
        seen = Ask(path=f"{OPEN}/objects/{IDS[3]}/", key="bob")
        found = []
        for turn in (10, 60):  # the stage for bob's group falls due at turn 50
            for site in sites:
                site.take(turn)
                site.release()
            found.append(sites[0].ask(seen).status)
            sites[1].ask(seen)
            compare_few(sites, turn + 1, VIEW[:4])
        assert found == [404, 200]


def test_channel_29_a_publisher_hears_nothing_of_what_others_hold_beside_its_own(channel: Channel) -> None:
    record = channel.closed(HELD_BY_OTHERS, asks=WRITES)
    previews = [b.body for a, b in record if "dry_run" in a.query and b.status == 200]
    assert previews
    assert not any(word in body for body in previews for word in (b"mallory", b"alice"))


def test_channel_30_what_was_received_is_not_published_wider(template: Template, names: Iterator[int]) -> None:
    with twins(template, names) as (site, other):
        site.take(1)
        raw("alice", "open", sdo("campaign", 500, ("credit:anonymous", "amber"), name="flaw"))(site)
        site.take(TICKED)
        site.release()
        site.take(TICKED + 1)
        (received,) = site.ask(ALL).json()["objects"]
        found = []
        for turn, level in ((2, "clear"), (3, "amber")):
            site.take(TICKED + turn)
            again = received | {"object_marking_refs": [w.TLP[level]], "labels": [level]}
            status = site.ask(own(again)).json()
            found.append((status["success_count"], status["failure_count"]))
        assert found == [(0, 1), (1, 0)]
        other.take(1)


def test_channel_31_what_was_deleted_leaves_no_trace_for_those_who_never_saw_it(channel: Channel) -> None:
    hidden: list[Step] = [
        Post("alice", "open", "campaign", 11, 1, FEW), Post("alice", "open", "campaign", 12, 1, FEW),
        Delete("alice", "open", "campaign", 11),
    ]  # fmt: skip
    channel.closed(hidden, asks=WRITES)


def test_channel_33_limits_count_what_is_the_members_own(channel: Channel) -> None:
    big = [sdo("campaign", n, FEW, name="big", description="x" * 40_000) for n in (1200, 1201)]
    record = channel.closed([raw("alice", "open", one) for one in big],
                            asks=[own({"x": "y" * (70 << 10)}), *API])  # fmt: skip
    assert 413 in {b.status for _, b in record}


def test_channel_35_what_operators_ask_prints_no_content(tmp_path: Path) -> None:
    home = tmp_path / "home"
    run("init", home)
    file = home / "collections" / "seed" / "01-indicators-skyline.json"
    file.parent.mkdir(exist_ok=True)
    obj = sdo("campaign", 1300, name="a title that is secret", description="and what it says")
    file.write_text(json.dumps({"type": "bundle", "id": f"bundle--{uuid.uuid4()}", "objects": [obj]}))
    run("apply", "--yes", "--home", home)
    assert run("seed", "--home", home).exit_code == 0
    about = [["explain", "skyline", obj["id"]], ["who-can", obj["id"]], ["who-has", obj["id"]], ["view", "skyline"]]
    for words in (*about, ["diff"], ["audit"], ["versions"]):
        said = run(*words, "--home", home)
        assert "secret" not in said.output
        assert "what it says" not in said.output
    assert obj["id"] in run("view", "skyline", "--home", home).output


def test_channel_37_lost_access_answers_as_what_never_was(template: Template, names: Iterator[int]) -> None:
    with twins(template, names) as sites:
        play(sites, [
            Turn(Rights(frozenset({"g1"}), "g1")), Turn(Post("alice", "open", "campaign", 1, 1, ())),
            Turn(Rights(frozenset({"g1"}), "everyone")), Turn(Post("alice", "open", "note", 1, 1, ("group:g1",))),
            Turn(Rights(frozenset(), "everyone")),
        ])  # fmt: skip
        site = sites[0]
        site.take(6)
        lost, never = (site.ask(Ask(path=f"{OPEN}/objects/{i}/")) for i in (w.note_id(1), w.note_id(99)))
        assert (lost.status, anonymous(lost)) == (never.status, anonymous(never))
        assert lost.status == 404
