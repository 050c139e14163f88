"""Audience preview: the very answer of the POST, in words that tell of nobody but the publisher, and nothing kept."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, event, text

from exchange import intake, preview, stix, store
from exchange.stixtypes import TLP_OBJECTS
from tests.property import casesketch
from tests.property import world as w
from tests.property.casefaces import Core
from tests.property.cases import Case, Reads, load
from tests.property.casesketch import Sketcher
from tests.property.casestage import Stage
from tests.unit.previewing import Previewed, asked, outcome, rows, told

LONG = settings.get_current_profile_name() == "long"
CASES = load()
A, DROP, STRICT = w.uid(1), w.uid(2), w.uid(3)
AMBER_STRICT, RED, GREEN = w.TLP["amber+strict"], w.TLP["red"], w.TLP["green"]
EVERYONE = "everyone whom the collection lets read"
READ = "2 collection: only members that the collection lets read."
ADDRESSED = "6 addressed: only whom its markings address."


def files(**members: Mapping[str, Any]) -> dict[str, str]:
    """Mia publishes, who is in no group; `members` replaces stanzas."""
    people: dict[str, Mapping[str, Any]] = {
        "mia": {"name": "Mia"},
        "bob": {"name": "Bob", "in": ["g1"]},
        "carol": {"name": "Carol", "in": ["g2"]},
        "relay": {"name": "Relay", "in": ["g1"], "relays": True},
        "mallory": {"name": "Mallory", "in": ["g2"], "identity": MALLORY},
    }
    open_ = {"read": "everyone", "write": "everyone", "accept": ["clear", "red"], "unmarked": "green"}
    return w.home(
        {"g1": "One", "g2": "Two"},
        people | members,
        {
            "a": {"id": A, **open_},
            "drop": {"id": DROP, **open_, "own": "hidden"},
            "strict": {"id": STRICT, **open_, "unmarked": "amber+strict"},
        },
    )


MALLORY = "identity--00000000-0000-4000-8000-00000000000a"


@pytest.fixture
def world(database: str) -> Iterator[w.World]:
    """On both databases."""
    made = Previewed(url=database)
    made.apply(files())
    yield made
    assert made.audit() == []
    made.close()


@pytest.fixture
def light(ready: Path, tmp_path: Path) -> Iterator[w.World]:
    """On SQLite alone, where the database does not matter."""
    made = Previewed(url=w.copied(ready, tmp_path, "light"), migrated=True)
    yield made
    assert made.audit() == []
    made.close()


# The same answer as the POST's, and no trace ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def example(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the example home in force."""
    folder = tmp_path_factory.mktemp("example")
    world = w.World(url=w.copied(template, folder, "example"))
    world.apply(casesketch.files(casesketch.example()))
    world.close()
    return folder / "example.db"


@pytest.mark.parametrize("topic", sorted({case.topic for case in CASES}))
def test_before_every_post_of_the_decision_cases_its_preview_says_the_same(
    topic: str, example: Path, tmp_path: Path
) -> None:
    engines: list[Engine] = []
    for case in (case for case in CASES if case.topic == topic):
        world = Previewed(url=w.copied(example, tmp_path, "case"), migrated=True, engines=engines)
        try:
            _play(case, world)
        finally:
            world.close()


def _play(case: Case, world: w.World) -> None:
    stage = Stage(Sketcher(case), world, Core(world))
    for step in case.steps:
        if not isinstance(step, Reads):
            stage.do(step)


@dataclass(frozen=True, slots=True)
class Said:
    """An object of mia's: a campaign, or a note that refers to others."""

    n: int
    version: int
    to: tuple[str, ...]
    refs: tuple[int, ...]

    def object(self, words: Mapping[str, str]) -> dict[str, Any]:
        marks = [w.TLP.get(word) or words[word] for word in self.to]
        if self.refs:
            return w.note(self.n, [REFERABLE[n] for n in self.refs], self.version, text=f"{self}", marks=marks)
        return w.campaign(self.n, self.version, text=f"{self}", marks=marks)


REFERABLE = [*(w.campaign_id(n) for n in range(3)), *(w.note_id(n) for n in range(3)), w.campaign_id(9)]
WORDS = ["group:g1", "group:g2", "member:bob", "member:carol", "named-only", "amber+strict", "red"]
SAID = st.builds(
    Said,
    st.integers(0, 2),
    st.integers(1, 3),
    st.lists(st.sampled_from(WORDS), max_size=2, unique=True).map(tuple),
    st.one_of(st.just(()), st.lists(st.integers(0, 6), min_size=1, max_size=2, unique=True).map(tuple)),
)
STEPS = st.tuples(st.sampled_from([A, A, DROP]), st.one_of(st.lists(SAID, min_size=1, max_size=4), st.integers(0, 5)))


@settings(max_examples=1000 if LONG else 10)
@given(steps=st.lists(STEPS, min_size=2, max_size=8), size=st.sampled_from([1, 2, intake.COMMIT]))
def test_before_every_post_of_a_random_history_its_preview_says_the_same(
    ready: Path, engines: list[Engine], steps: list[tuple[str, list[Said] | int]], size: int
) -> None:
    """Envelopes with versions, circles and what is refused; deletions between them; in commits of any size."""
    world = Previewed(url=w.copied(ready, ready.parent, "history"), migrated=True, engines=engines)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(intake, "COMMIT", size)
            words = world.words("mia")
            for uid, what in steps:
                if isinstance(what, int):
                    world.delete("mia", uid, REFERABLE[what])
                else:
                    world.post("mia", uid, [said.object(words) for said in what])
        assert world.audit() == []
    finally:
        world.close()


@pytest.fixture(scope="module")
def engines() -> list[Engine]:
    """For worlds that come one after the other."""
    return []


@pytest.fixture(scope="module")
def ready(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the files in force."""
    folder = tmp_path_factory.mktemp("ready")
    world = w.World(url=w.copied(template, folder, "ready"), migrated=True)
    world.apply(files())
    world.close()
    return folder / "ready.db"


def test_nothing_is_stored_and_no_lock_is_waited_for(world: w.World) -> None:
    """While another transaction holds every lock that a writer takes."""
    world.post("mia", A, [w.campaign(1, text="one")])
    objects = [w.campaign(1, 2, text="two"), w.campaign(2, text="three"), w.note(3, [w.campaign_id(1)], text="four")]
    before = rows(world)
    said: list[str] = []
    event.listen(world.engine, "before_cursor_execute", lambda *given: said.append(given[2]))
    with store.writing(world.engine) as conn:
        _lock_everything(conn)
        said.clear()
        asked(world, "mia", A, objects)
    assert {statement.split()[0] for statement in said} <= {"SELECT", "BEGIN"}
    assert [statement for statement in said if "FOR UPDATE" in statement] == []
    assert rows(world) == before


def _lock_everything(conn: Connection) -> None:
    store.change_config(conn)
    store.lock_collections(conn)
    if conn.dialect.name == "postgresql":
        conn.execute(text("LOCK TABLE version, log, object, audience, label, status IN EXCLUSIVE MODE"))


def test_not_a_byte_of_the_file_changes(light: w.World) -> None:
    folder = Path(str(light.engine.url.database)).parent
    light.post("mia", A, [w.campaign(1, text="one")])

    def bytes_of() -> list[bytes]:
        return [path.read_bytes() for path in sorted(folder.glob("light.db*")) if not path.name.endswith("-shm")]

    before = bytes_of()
    asked(light, "mia", A, [w.campaign(1, 2, text="two"), w.campaign(2, text="three")])
    assert bytes_of() == before


def test_chunks_of_one_envelope_see_what_the_ones_before_them_would_store(
    light: w.World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "COMMIT", 2)
    words = light.words("mia")
    light.post("mia", A, [w.campaign(1, text="one"), w.note(1, [w.campaign_id(1)], text="of one")])
    chain = [w.note(n, [w.note_id(n - 1)], text=f"{n}") for n in range(12, 20)]
    light.post("mia", A, [
        *reversed(chain), w.note(11, [w.campaign_id(2)], text="eleven"), w.note(21, [w.note_id(1)], text="z"),
        w.campaign(2, text="two", marks=[words["group:g1"]]), w.campaign(1, 2, text="one", marks=[words["group:g2"]]),
        w.note(22, [w.note_id(21), w.note_id(19)], text="last"),
    ])  # fmt: skip


def test_what_a_later_chunk_narrows_is_told_of_the_objects_of_earlier_ones(
    light: w.World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The note of the first chunk refers to what is here already, and that to what the second chunk narrows."""
    monkeypatch.setattr(intake, "COMMIT", 1)
    light.post("mia", A, [w.campaign(1, text="one"), w.note(1, [w.campaign_id(1)], text="of one")])
    narrower = w.campaign(1, 2, text="two", marks=[light.words("mia")["group:g1"]])
    closed = f"9 closure: no wider than your {w.note_id(1)}, which it refers to."
    assert told(light, "mia", A, w.note(2, [w.note_id(1)], text="z"), narrower)[0]["rules"] == [READ, closed]


def test_what_is_deposited_again_in_a_circle_closes_the_other_end(world: w.World) -> None:
    words = world.words("mia")
    circle = [w.note(n, [w.note_id(1 - n)], text=f"{n}") for n in (0, 1)]
    for n in (0, 1):
        world.post("mia", A, circle)
        world.delete("mia", A, w.note_id(n))
        world.post("mia", A, [w.note(n, [w.note_id(1 - n)], text=f"{n}", marks=[words["group:g1"]])])
        assert world.view("carol", A) == []
        for m in (0, 1):
            world.delete("mia", A, w.note_id(m))


def test_references_that_are_too_deep_are_refused_in_the_preview_too(
    light: w.World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exchange.log.MAX_NODES", 3)
    words = light.words("mia")
    objects = [
        w.campaign(1, text="one", marks=[words["group:g1"]]), w.campaign(2, text="two", marks=[words["group:g2"]]),
        w.note(1, [w.campaign_id(1), w.campaign_id(2)], text="both"), w.note(2, [w.note_id(1)], text="of it"),
    ]  # fmt: skip
    status = light.post("mia", A, objects)
    assert [one["id"] for one in status["failures"]] == [w.note_id(1), w.note_id(2)]
    assert "too many different audiences" in status["failures"][0]["message"]


def test_a_body_or_a_member_that_is_refused_as_a_whole_is_refused_alike(light: w.World) -> None:
    poster = intake.Poster(engine=light.engine, clock=light.clock, member="mia")
    for collection, body, error in (
        (A, b"{}", stix.EnvelopeError), (A, b"[", stix.EnvelopeError), (w.uid(9), b"{}", intake.Refused),
    ):  # fmt: skip
        with pytest.raises(error):
            preview.preview(poster, collection, body)


# The words ----------------------------------------------------------------------------------------------------------


def test_an_unmarked_object_is_for_everyone_whom_the_collection_lets_read(light: w.World) -> None:
    assert told(light, "mia", A, w.campaign(1, text="x")) == [{"now": [EVERYONE, "you"], "rules": [READ]}]


def test_groups_and_names_are_said_as_they_were_addressed(light: w.World) -> None:
    words = light.words("mia")
    marks = [words["group:g2"], words["group:g1"], words["member:carol"]]
    assert told(light, "mia", A, w.campaign(1, text="x", marks=marks)) == [
        {"now": ["carol", "the group g1", "the group g2", "you"], "rules": [READ, ADDRESSED]}
    ]


def test_amber_strict_says_what_of_relays(light: w.World) -> None:
    rule = "5 TLP: AMBER+STRICT lets in no member that relays, unless you named it."
    taken = rule.replace("STRICT", "STRICT, as this collection takes unmarked objects,")
    assert told(light, "mia", A, w.campaign(1, text="x", marks=[AMBER_STRICT]))[0]["rules"] == [READ, rule]
    assert told(light, "mia", STRICT, w.campaign(1, text="x"))[0]["rules"] == [READ, taken]


def test_red_is_for_the_named_alone_whatever_groups_are_addressed(light: w.World) -> None:
    words = light.words("mia")
    marks = [RED, words["member:bob"], words["group:g2"]]
    assert told(light, "mia", A, w.campaign(1, text="x", marks=marks)) == [
        {
            "now": ["bob", "you"],
            "rules": [READ, "5 TLP: RED lets in only the members that you named; groups do not count."],
        }
    ]


def test_an_object_for_named_recipients_that_names_nobody_is_the_publishers(light: w.World) -> None:
    one = w.campaign(1, text="x", marks=[light.words("mia")["named-only"]])
    assert told(light, "mia", A, one) == [{"now": ["you"], "rules": [ADDRESSED]}]


def test_a_publisher_that_names_itself_is_said_once(light: w.World) -> None:
    words = light.words("mia")
    marks = [words["member:mia"], words["member:carol"]]
    alone, both = w.campaign(1, text="x", marks=marks[:1]), w.campaign(2, text="x", marks=marks)
    assert told(light, "mia", A, alone, both) == [
        {"now": ["you"], "rules": [ADDRESSED]}, {"now": ["carol", "you"], "rules": [READ, ADDRESSED]},
    ]  # fmt: skip


def test_a_drop_box_gives_nothing_back(light: w.World) -> None:
    own = "4 own: you cannot read it back from this collection."
    assert told(light, "mia", DROP, w.campaign(1, text="x")) == [{"now": [EVERYONE], "rules": [READ, own]}]
    alone = w.campaign(1, text="x", marks=[light.words("mia")["named-only"]])
    assert told(light, "mia", DROP, alone) == [{"now": ["nobody"], "rules": [own, ADDRESSED]}]


def test_what_it_refers_to_is_named_and_who_of_the_readers_passes_it_is_not(light: w.World) -> None:
    words = light.words("mia")
    light.post("mia", A, [w.campaign(1, text="x", marks=[words["group:g1"]]), w.campaign(2, text="y")])
    refs = [w.campaign_id(1), w.campaign_id(2)]
    notes = [w.note(n, refs, text="n", marks=[words[f"member:{m}"]]) for n, m in enumerate(("bob", "carol"))]
    closed = f"9 closure: no wider than your {w.campaign_id(1)}, which it refers to."
    assert told(light, "mia", A, *notes) == [
        {"now": [name, "you"], "rules": [READ, ADDRESSED, closed]} for name in ("bob", "carol")
    ]


def test_whom_the_publishers_own_words_shut_out_in_any_case_is_not_said(light: w.World) -> None:
    """Both are the publisher's words: that bob is not named in what the note refers to tells it nothing."""
    words = light.words("mia")
    light.post("mia", A, [w.campaign(1, text="x", marks=[RED, words["member:carol"]])])
    marks = [words["member:bob"], words["member:carol"], words["group:g1"]]
    [found] = told(light, "mia", A, w.note(1, [w.campaign_id(1)], text="n", marks=marks))
    assert found["now"] == ["carol", "you"]
    [found] = told(light, "mia", A, w.note(1, [w.campaign_id(1)], text="n", marks=[words["group:g1"]]))
    assert found["now"] == ["the group g1", "you"]  # carol reads it if she is in g1, which is not for mia to know


def test_what_refers_to_the_publishers_own_alone_is_for_nobody_else(light: w.World) -> None:
    light.post("mia", A, [w.campaign(1, text="x", marks=[light.words("mia")["named-only"]])])
    closed = f"9 closure: no wider than your {w.campaign_id(1)}, which it refers to."
    assert told(light, "mia", A, w.note(1, [w.campaign_id(1)], text="n")) == [{"now": ["you"], "rules": [closed]}]


def test_an_older_version_is_told_apart_from_the_newer_one_that_closes_it(light: w.World) -> None:
    words = light.words("mia")
    both = [w.campaign(1, 1, text="old"), w.campaign(1, 2, text="new", marks=[words["group:g1"]])]
    closed = "8 version: no wider than your newer version of it in this collection."
    assert told(light, "mia", A, *both) == [
        {"now": [EVERYONE, "you"], "rules": [READ, closed]},
        {"now": ["the group g1", "you"], "rules": [READ, ADDRESSED]},
    ]
    light.post("mia", A, both[1:])
    assert told(light, "mia", A, both[0]) == [{"now": [EVERYONE, "you"], "rules": [READ, closed]}]


def test_what_is_here_already_is_told_as_it_stands(light: w.World) -> None:
    one = w.campaign(1, text="x", marks=[light.words("mia")["group:g1"]])
    first = told(light, "mia", A, one)
    light.post("mia", A, [one])
    assert told(light, "mia", A, one, one) == [*first, *first]
    # In another collection it is a deposit of its own, by that one's rules.
    assert told(light, "mia", STRICT, one)[0]["rules"][1].startswith("5 TLP")
    light.post("mia", STRICT, [one])
    assert told(light, "mia", A, one) == first


def test_what_is_here_already_is_told_as_the_envelope_would_leave_it(light: w.World) -> None:
    note = w.note(1, [w.campaign_id(1)], text="n")
    light.post("mia", A, [w.campaign(1, text="x"), note])
    narrower = w.campaign(1, 2, text="y", marks=[light.words("mia")["group:g1"]])
    closed = f"9 closure: no wider than your {w.campaign_id(1)}, which it refers to."
    assert [told(light, "mia", A, *objects)[0]["rules"] for objects in ([note], [note, narrower])] == [
        [READ], [READ, closed],
    ]  # fmt: skip


def test_what_refers_into_a_drop_box_is_closed_by_it_and_by_nothing_else(light: w.World) -> None:
    light.post("mia", DROP, [w.campaign(1, text="x")])
    closed = f"9 closure: no wider than your {w.campaign_id(1)}, which it refers to."
    assert told(light, "mia", A, w.note(1, [w.campaign_id(1)], text="n")) == [
        {"now": [EVERYONE, "you"], "rules": [READ, closed]}
    ]


def test_a_definition_without_markings_is_for_whom_everything_that_uses_it_is(light: w.World) -> None:
    words = light.words("mia")
    mark = "marking-definition--00000000-0000-4000-8000-000000000001"
    definition = {
        "type": "marking-definition", "spec_version": "2.1", "id": mark, "created": w.version_text(0),
        "definition_type": "statement", "definition": {"statement": "x"},
    }  # fmt: skip
    users = [w.campaign(n, text="u", marks=[mark, words[word]]) for n, word in ((1, "group:g1"), (2, "member:carol"))]
    assert told(light, "mia", A, definition, users[0])[0]["now"] == ["the group g1", "you"]
    assert told(light, "mia", A, definition, *users)[0]["now"] == [
        "whom each of these lets in: the group g1; carol", "you",
    ]  # fmt: skip
    light.post("mia", A, [definition, *users])
    wider = [
        w.campaign(n, text="u", marks=[mark, w.TLP[tlp], words["group:g1"]]) for n, tlp in ((4, "clear"), (5, "amber"))
    ]
    assert told(light, "mia", DROP, definition, *wider)[0]["now"] == ["the group g1"], "said once"
    # RED counts names alone, also beside others.
    users[1] = w.campaign(3, text="u", marks=[mark, RED, words["member:carol"], words["group:g2"]])
    assert told(light, "mia", DROP, definition, *users)[0]["now"] == [
        "whom each of these lets in: the group g1; carol",
    ]  # fmt: skip


def test_a_tlp_marking_is_stored_for_nobody(light: w.World) -> None:
    [found] = told(light, "mia", A, TLP_OBJECTS[GREEN])
    assert found == {"now": ["nobody"], "rules": ["3 state: it is not stored."]}


def test_nothing_is_said_of_later_and_no_status_can_be_asked_for(light: w.World) -> None:
    found = asked(light, "mia", A, [w.campaign(1, text="x")])
    assert found["x_dry_run"] is True
    assert (found["id"], found["status"], found["success_count"]) == (preview.NO_STATUS, "complete", 1)
    assert found["successes"][0]["x_audience"].keys() == {"now", "rules"}
    with store.reading(light.engine) as conn:
        assert store.status(conn, found["id"], store.members(conn)["mia"]) is None


# What a thousand previews could tell --------------------------------------------------------------------------------


def _envelopes(world: w.World) -> list[list[dict[str, Any]]]:
    """What mia could try to find out with: every kind of marking, on ids of her own and on others'."""
    words = world.words("mia")
    kinds: list[list[str]] = [
        [], [AMBER_STRICT], [words["group:g1"]], [words["group:g2"], words["member:bob"]],
        [RED, words["member:bob"]], [words["member:relay"]], [AMBER_STRICT, words["group:g1"]], [words["named-only"]],
        [words["member:carol"], words["named-only"]], ["marking-definition--00000000-0000-4000-8000-000000000009"],
    ]  # fmt: skip
    found = []
    for n, marks in enumerate(kinds):
        both = [w.campaign(1, 1 + n % 3, text="x", marks=marks), w.address("192.0.2.1", text="y", marks=marks)]
        refs = [w.campaign_id(1), w.campaign_id(2), w.note_id(5), both[1]["id"]]
        said = [marks, [], [words["group:g1"]]]
        found.append([*both, *(w.note(10 + k, refs, text="z", marks=more) for k, more in enumerate(said))])
    return found


def _previews(world: w.World) -> list[object]:
    """All of them, without the times of the requests."""
    return [
        {k: v for k, v in asked(world, "mia", uid, objects).items() if k != "request_timestamp"}
        for uid, objects in itertools.product((A, DROP), _envelopes(world))
    ]


def test_what_others_deposit_changes_no_byte_of_any_preview(light: w.World) -> None:
    """The same ids, versions, references and creator, for everybody and for nobody; promise 2."""
    light.post("mia", A, [w.campaign(2, text="mine", marks=[light.words("mia")["group:g2"]])])
    before = _previews(light)
    for publisher, named, uid in itertools.product(("mallory", "bob"), (False, True), (A, DROP)):
        marks = [RED, light.words(publisher)["member:bob"]] if named else []
        light.post(publisher, uid, _others(marks))
        assert _previews(light) == before
    light.delete("mallory", A, w.campaign_id(1))
    assert _previews(light) == before


def _others(marks: Sequence[str]) -> list[dict[str, Any]]:
    """The ids that mia tries, and what she refers to."""
    return [
        w.campaign(1, 1, text="theirs", marks=marks), w.campaign(2, 5, text="theirs", marks=marks),
        w.note(5, [w.campaign_id(1)], text="theirs", marks=marks), w.address("192.0.2.1", text="theirs"),
        w.campaign(3, 3, text="theirs", marks=marks, created_by_ref=MALLORY),
    ]  # fmt: skip


def test_who_is_in_a_group_and_who_relays_changes_no_byte_of_any_preview(light: w.World) -> None:
    light.post("mia", A, [w.campaign(2, text="mine", marks=[light.words("mia")["group:g2"]])])
    before = _previews(light)
    for change in (
        {"bob": {"name": "Bob"}}, {"bob": {"name": "Bob", "in": ["g2", "g1"]}},
        {"carol": {"name": "Carol", "in": ["g1", "g2"], "relays": True}},
        {"relay": {"name": "Relay", "in": ["g1"], "suspended": True}}, {"mia": {"name": "Mia", "in": ["g1", "g2"]}},
        {"late": {"name": "Late", "in": ["g1"], "listed": False}}, {"mallory": {"name": "Mallory", "relays": True}},
    ):  # fmt: skip
        light.apply(files(**change))
        assert _previews(light) == before


def test_no_word_holds_a_number(light: w.World) -> None:
    """Two previews with a count in them could be subtracted. What looks like one is a rule's, an id's or a group's."""
    light.post("mia", A, [w.campaign(2, text="mine", marks=[light.words("mia")["group:g2"]])])
    for uid, objects in itertools.product((A, DROP, STRICT), _envelopes(light)):
        for one in asked(light, "mia", uid, objects).get("successes", []):
            for word in itertools.chain(*one["x_audience"].values()):
                bare = re.sub(rf"^[0-9] |g[12]|{w.campaign_id(1)}|{w.campaign_id(2)}|{objects[1]['id']}", "", word)
                assert re.search("[0-9]", bare) is None, word


def test_previews_of_others_are_of_their_own_deposits(light: w.World) -> None:
    """The same note, by two publishers: only the one that deposited what it refers to is held by it."""
    light.post("mia", A, [w.campaign(1, text="x", marks=[light.words("mia")["group:g1"]])])
    note = w.note(1, [w.campaign_id(1)], text="n")
    mine, theirs = asked(light, "mia", A, [note]), asked(light, "bob", A, [note])
    assert "9 closure" in mine["successes"][0]["x_audience"]["rules"][-1]
    assert theirs["successes"][0]["x_audience"] == {"now": [EVERYONE, "you"], "rules": [READ]}
    assert outcome(theirs)["successes"][0]["message"].startswith("refers to")
