"""Review (policy.md 3.3.8, 3.3.9, 3.4.3, 3.5): what is held, who reads it, and what a person's word makes of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from sqlalchemy import event

from exchange import config, feed, inforce, policy, review, store
from exchange.label import NONE
from exchange.release import Releaser, Steady
from exchange.reviewing import Reviewer, Word, queue
from tests.property import world as w
from tests.property.objects import address, campaign, campaign_id, note, note_id, uid
from tests.unit.previewing import Previewed

UNKNOWN = "marking-definition--f431f809-377b-45e0-aa1c-6a4751cae5ff"
OPEN, BOX, DROP, EMBARGO, RED = (uid(n) for n in range(1, 6))
DAY = 86_400 * w.SECOND
RULES: dict[str, Any] = {"read": "everyone", "write": "everyone", "accept": ["clear", "amber+strict"]}
PLANS = {"slow": [{"at": "10d", "to": "readers"}, {"at": "20d", "to": "everyone"}]}


def files(**changed: Any) -> dict[str, str]:
    places: dict[str, dict[str, Any]] = {
        "open": {"id": OPEN, **RULES, "unknown-markings": "quarantine", "personal-data": "quarantine"},
        "box": {"id": BOX, **RULES, "moderate": ["judge"]},
        "drop": {"id": DROP, **RULES, "read": ["readers"], "moderate": ["judge", "twin"], "own": "hidden"},
        "embargo": {"id": EMBARGO, **RULES, "moderate": ["judge"], "release": "slow"},
        "red": {"id": RED, **RULES, "accept": ["red", "red"], "unmarked": "red"},
    }
    places |= {name: places[name] | more for name, more in changed.items()}
    members: dict[str, dict[str, Any]] = {
        "maker": {"name": "Maker", "in": ["makers"]},
        "judge": {"name": "Judge", "in": ["readers"], "roles": ["coordinator"]},
        "twin": {"name": "Twin", "in": ["readers"], "roles": ["coordinator"]},
        "reader": {"name": "Reader", "in": ["readers"]},
        "pair": {"name": "Pair", "in": ["makers"], "approve-own": 2},
    }
    found = w.home({"makers": "Makers", "readers": "Readers"}, members, places)
    main = json.loads(found["config/exchange.yaml"]) | {"releases": PLANS}
    return found | {"config/exchange.yaml": json.dumps(main)}


@pytest.fixture
def world(database: str) -> Iterator[w.World]:
    found = Previewed(url=database)
    found.apply(files())
    yield found
    assert found.audit() == []
    found.close()


@pytest.fixture
def light(template: Any, tmp_path: Any) -> Iterator[w.World]:
    """On SQLite alone."""
    found = Previewed(url=w.copied(template, tmp_path, "review"), migrated=True)
    found.apply(files())
    yield found
    assert found.audit() == []
    found.close()


@pytest.fixture
def plain(template: Any, tmp_path: Any) -> Iterator[w.World]:
    """Without a preview before each POST."""
    found = w.World(url=w.copied(template, tmp_path, "review"), migrated=True)
    found.apply(files())
    yield found
    assert found.audit() == []
    found.close()


def post(world: w.World, member: str, place: str, *objects: Any, key: str = "") -> list[str]:
    """The messages; everything has to be taken."""
    world.key = key
    status = world.post(member, place, objects)
    assert "failures" not in status, status
    return [one.get("message", "") for one in status["successes"]]


def views(world: w.World, place: str, *members: str) -> list[list[str]]:
    return [world.view(member, place) for member in members]


def waiting(world: w.World) -> list[tuple[str, tuple[str, ...]]]:
    with store.reading(world.engine) as conn:
        state = inforce.current(conn)
        assert state
        return [(one.id, one.reasons) for one in queue(conn, state)]


def numbers(world: w.World, *ids: str) -> list[int]:
    with store.reading(world.engine) as conn:
        return [held.version for held in review.waiting(conn) if not ids or held.id in ids]


def reviewer(world: w.World, key: str = "") -> Reviewer:
    return Reviewer(engine=world.engine, clock=world.clock, key=key)


def approve(world: w.World, *ids: str) -> list[Word]:
    return list(reviewer(world).approve(numbers(world, *ids)).values())


def release(world: w.World) -> None:
    machine = world.machine
    steady = Steady(seen=lambda: machine.host, elapsed=lambda: machine.elapsed)
    Releaser(engine=world.engine, clock=world.clock, steady=steady).round()


ALL = ("maker", "judge", "twin", "reader", "pair")

# What is held, and who reads it ------------------------------------------------------------------------------------


def test_a_held_object_is_read_by_its_publisher_and_the_coordinators_alone(world: w.World) -> None:
    assert post(world, "maker", BOX, campaign(1, text="a")) == ["held for review."]
    assert views(world, BOX, *ALL) == [["a"], ["a"], [], [], []]
    assert waiting(world) == [(campaign_id(1), ("review",))]


def test_where_own_is_hidden_its_publisher_does_not_read_it_either(world: w.World) -> None:
    post(world, "maker", DROP, campaign(1, text="a"))
    post(world, "judge", DROP, campaign(2, text="b"))  # a coordinator's own too
    assert views(world, DROP, *ALL) == [[], ["a"], ["a", "b"], [], []]


def test_a_marking_that_nobody_understands_is_held_where_the_collection_says_so(world: w.World) -> None:
    assert post(world, "maker", OPEN, campaign(1, text="a", marks=[UNKNOWN])) == ["held for review."]
    assert views(world, OPEN, *ALL) == [["a"], [], [], [], []]
    assert waiting(world) == [(campaign_id(1), ("marking",))]
    assert approve(world) == [Word.PUBLISHED]
    assert views(world, OPEN, *ALL) == [["a"]] * 5


def test_personal_data_is_held_refused_or_let_be_as_the_collection_says(light: w.World) -> None:
    one = campaign(1, text="a", description="SSN 536-90-4399")
    assert post(light, "maker", OPEN, one) == ["held for review."]
    assert waiting(light) == [(campaign_id(1), ("personal-data",))]
    light.apply(files(open={"personal-data": "reject"}))
    status = light.post("maker", OPEN, [campaign(2, text="b", description="SSN 536-90-4399"), campaign(3, text="c")])
    (failure,) = status["failures"]
    assert failure["message"] == "it holds personal data at /description: take it out, and send it again."
    assert "536" not in json.dumps(status)
    light.apply(files(open={"personal-data": "allow"}))
    assert post(light, "maker", OPEN, campaign(2, text="b", description="SSN 536-90-4399")) == [""]


def test_what_is_red_or_embargoed_waits_for_a_second_person_of_a_publisher_that_wants_it(light: w.World) -> None:
    light.apply(files(embargo={"moderate": []}))
    red = [w.TLP["red"], light.words("pair")["member:reader"]]
    post(light, "pair", RED, campaign(1, text="red", marks=red), key="one")
    post(light, "pair", EMBARGO, campaign(2, text="late"), key="one")
    post(light, "pair", OPEN, campaign(3, text="plain"), key="one")
    assert waiting(light) == [(campaign_id(n), ("second-person",)) for n in (1, 2)]
    assert [views(light, place, "pair", "reader", "judge") for place in (RED, EMBARGO, OPEN)] == [
        [["red"], [], []], [["late"], [], []], [["plain"]] * 3,
    ]  # fmt: skip
    assert set(approve(light)) == {Word.INSIDE}
    held = numbers(light)
    assert set(reviewer(light, "one").vouch(held).values()) == {Word.SAME_KEY}
    assert set(reviewer(light, "two").vouch(held).values()) == {Word.PUBLISHED}
    assert set(reviewer(light, "two").vouch(held).values()) == {Word.OVER}
    assert views(light, RED, "reader", "judge") == [["red"], []]
    assert views(light, EMBARGO, "reader") == [[]]


def test_who_reviews_reads_it_once_the_publisher_s_second_person_is_done(light: w.World) -> None:
    post(light, "pair", EMBARGO, campaign(1, text="a"), key="one")
    assert waiting(light) == [(campaign_id(1), ("review", "second-person"))]
    assert views(light, EMBARGO, "pair", "judge") == [["a"], []]
    assert list(reviewer(light, "two").vouch(numbers(light)).values()) == [Word.PASSED_ON]
    assert waiting(light) == [(campaign_id(1), ("review",))]
    assert views(light, EMBARGO, "pair", "judge", "reader") == [["a"], ["a"], []]
    assert approve(light) == [Word.PUBLISHED]
    light.pass_time(10 * DAY)
    release(light)
    assert views(light, EMBARGO, "reader", "maker") == [["a"], []]


def test_an_unmarked_definition_is_held_with_what_it_marks(light: w.World) -> None:
    """Its text names what it is about, and its audience is that of its users (channel 8)."""
    own = {
        "type": "marking-definition", "spec_version": "2.1", "id": UNKNOWN, "created": w.version_text(0),
        "name": "mine",
        "extensions": {
            "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e999": {"extension_type": "property-extension"}
        },
    }  # fmt: skip
    post(light, "maker", OPEN, own, campaign(1, text="a", marks=[UNKNOWN]))
    assert [reasons for _, reasons in waiting(light)] == [("marking",), ("marking",)]


# Posting again, newer versions, other publishers -------------------------------------------------------------------


def test_the_same_version_again_is_already_here_and_a_newer_one_is_held_by_itself(world: w.World) -> None:
    post(world, "maker", BOX, campaign(1, text="a"))
    assert post(world, "maker", BOX, campaign(1, text="a")) == ["already here, held for review."]
    assert post(world, "maker", BOX, campaign(1, 2, text="b")) == ["held for review."]
    assert len(waiting(world)) == 2
    assert views(world, BOX, "judge", "reader") == [["a", "b"], []]


def test_a_held_version_leaves_what_was_published_before_as_it_is(world: w.World) -> None:
    """It closes no older one and puts none off (rule 8, 3.7), even where it would name fewer."""
    post(world, "maker", BOX, campaign(1, text="a"))
    approve(world)
    mark = world.words("maker")["member:judge"]
    post(world, "maker", BOX, campaign(1, 2, text="b", marks=[mark]))
    assert views(world, BOX, *ALL) == [["a", "b"], ["a", "b"], ["a"], ["a"], ["a"]]
    approve(world)
    assert views(world, BOX, *ALL) == [["a", "b"], ["a", "b"], [], [], []]


def test_a_held_object_of_another_changes_nothing_for_anybody_else(world: w.World) -> None:
    post(world, "maker", BOX, campaign(1, text="of maker"))
    post(world, "pair", BOX, campaign(1, text="of pair"))
    approve(world, campaign_id(1))
    assert [len(one) for one in views(world, BOX, "twin", "reader")] == [1, 1]
    post(world, "twin", BOX, campaign(1, text="of twin"))
    before = views(world, BOX, "reader", "maker", "pair", "judge")
    assert before == [["of maker"], ["of maker"], ["of pair"], ["of maker"]]


def test_what_refers_to_something_held_waits_with_it(world: w.World) -> None:
    post(world, "maker", BOX, campaign(1, text="a"))
    (message,) = post(world, "maker", OPEN, note(1, [campaign_id(1)], text="n"))
    assert message == f"no wider than your {campaign_id(1)}, which it refers to."
    assert views(world, OPEN, "maker", "judge", "reader") == [["n"], ["n"], []]
    approve(world)
    assert views(world, OPEN, "maker", "judge", "reader") == [["n"], ["n"], ["n"]]


# A person's word ----------------------------------------------------------------------------------------------------


def test_what_is_approved_comes_to_each_reader_once_and_in_its_order(world: w.World) -> None:
    post(world, "maker", BOX, campaign(1, text="a"))
    post(world, "maker", BOX, campaign(2, text="b"))
    seen = world.poll("judge", BOX)
    assert seen
    cursor = seen.items[-1].date_added
    assert approve(world, campaign_id(1)) == [Word.PUBLISHED]
    assert world.view("judge", BOX, after=cursor) == []  # it has it already
    assert views(world, BOX, "reader", "judge") == [["a"], ["a", "b"]]


def test_a_coordinator_whom_the_markings_leave_out_reads_it_only_while_it_is_held(world: w.World) -> None:
    post(world, "maker", BOX, campaign(1, text="a", marks=[world.words("maker")["member:reader"]]))
    assert views(world, BOX, "judge", "reader") == [["a"], []]
    approve(world)
    assert views(world, BOX, "judge", "reader") == [[], ["a"]]


def test_the_clock_of_a_plan_starts_with_the_approval_of_the_first_version(light: w.World) -> None:
    post(light, "maker", EMBARGO, campaign(1, text="a"))
    light.pass_time(5 * DAY)
    approve(light)
    light.pass_time(2 * DAY)
    post(light, "maker", EMBARGO, campaign(1, 2, text="b"))
    approve(light)  # keeps the first one's clock
    light.pass_time(8 * DAY - w.SECOND)
    release(light)
    assert views(light, EMBARGO, "reader", "maker", "twin") == [[], ["a", "b"], []]
    light.pass_time(w.SECOND)
    release(light)
    assert views(light, EMBARGO, "reader", "twin", "pair") == [["a", "b"], ["a", "b"], []]


def test_the_config_in_force_at_approval_decides(light: w.World) -> None:
    post(light, "maker", EMBARGO, campaign(1, text="a"))
    gone = json.loads(files(embargo={"release": "fast"})["config/exchange.yaml"])
    without = files(embargo={"release": "fast"}) | {
        "config/exchange.yaml": json.dumps(gone | {"releases": {"fast": [{"at": "0d", "to": "everyone"}]}})
    }
    light.apply(without)
    assert approve(light) == [Word.NO_PLAN]
    light.apply({name: text for name, text in files().items() if "embargo" not in name})
    assert approve(light) == [Word.NO_COLLECTION]
    light.apply(files())
    assert approve(light) == [Word.PUBLISHED]


def test_what_is_rejected_is_nobody_s_and_may_be_posted_again(world: w.World) -> None:
    post(world, "maker", BOX, campaign(1, text="a"))
    assert list(reviewer(world).reject(numbers(world), "wrong-marking").values()) == [Word.REFUSED]
    assert waiting(world) == []
    assert views(world, BOX, "judge", "reader") == [[], []]
    answer = world.poll("maker", BOX)
    assert answer
    assert [seen.id.partition("--")[0] for seen in answer.items] == ["note"]
    assert post(world, "maker", BOX, campaign(1, text="a")) == ["held for review."]
    assert views(world, BOX, "judge") == [["a"]]


def test_where_own_is_hidden_no_note_tells_of_a_refusal(world: w.World) -> None:
    post(world, "maker", DROP, campaign(1, text="a"))
    reviewer(world).reject(numbers(world), "other")
    with store.reading(world.engine) as conn:
        assert store.object_numbers(conn, [campaign_id(1)])
    assert views(world, DROP, *ALL) == [[], [], [], [], []]


def test_its_publisher_may_take_back_what_is_held(world: w.World) -> None:
    post(world, "maker", BOX, campaign(1, text="a"))
    held = numbers(world)
    world.delete("maker", BOX, campaign_id(1))
    assert waiting(world) == []
    assert list(reviewer(world).approve(held).values()) == [Word.OVER]
    assert views(world, BOX, "maker", "judge") == [[], []]


def test_of_two_words_at_once_the_first_holds(world: w.World) -> None:
    """The second one is said while the first is under way, and looks again under the publisher's lock."""
    post(world, "maker", BOX, campaign(1, text="a"))
    held = numbers(world)
    said = [reviewer(world)]

    def first(conn: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        if said and conn.get_execution_options().get("write") is None and "FROM held" in statement:
            done = said.pop()
            assert list(done.reject(held, "other").values()) == [Word.REFUSED]

    event.listen(world.engine, "after_cursor_execute", first)
    assert list(reviewer(world).approve(held).values()) == [Word.OVER]
    assert said == []
    assert views(world, BOX, "judge", "reader") == [[], []]


def test_a_version_that_is_posted_meanwhile_is_not_meant(world: w.World) -> None:
    post(world, "maker", BOX, campaign(1, text="a"))
    held = numbers(world)
    post(world, "maker", BOX, campaign(1, 2, text="b"))
    assert list(reviewer(world).approve(held).values()) == [Word.PUBLISHED]
    assert views(world, BOX, "reader", "judge") == [["a"], ["a", "b"]]


# Who reviews changes ------------------------------------------------------------------------------------------------


def test_who_comes_to_review_reads_what_is_held_and_who_goes_reads_it_no_more(world: w.World) -> None:
    post(world, "maker", BOX, campaign(1, text="a"))
    effect = world.apply(files(box={"moderate": ["twin"]}))
    assert inforce.widens(effect)
    assert views(world, BOX, "judge", "twin", "maker") == [[], ["a"], ["a"]]
    effect = world.apply(files(box={"moderate": []}))
    assert not inforce.widens(effect)
    assert views(world, BOX, "judge", "twin", "maker") == [[], [], ["a"]]
    assert waiting(world) == [(campaign_id(1), ("review",))]  # it stays held
    assert post(world, "maker", BOX, campaign(2, text="b")) == [""]
    assert approve(world) == [Word.PUBLISHED]


def test_a_coordinator_that_the_collection_does_not_let_read_reads_nothing(light: w.World) -> None:
    light.apply(files(box={"read": ["makers"]}))
    post(light, "maker", BOX, campaign(1, text="a"))
    assert light.poll("reader", BOX) is not None  # it may write
    assert views(light, BOX, "judge", "maker") == [[], ["a"]]


def test_the_audience_of_what_is_held_names_nobody_but_its_publisher_and_who_reviews() -> None:
    box = config.parse(files()).collections["box"]
    numbered: Sequence[str] = ("maker", "judge")
    known = {name: n for n, name in enumerate(numbered, 1)}
    assert policy.waiting(box, 1, known, {policy.REVIEW}).members() == {1, 2}
    assert policy.waiting(box, 1, known, {policy.REVIEW, policy.SECOND_PERSON}).members() == {1}
    assert policy.waiting(box, -1, known, {policy.REVIEW}).members() == {2}
    assert policy.waiting(box, -2, known, {policy.REVIEW}).members() == frozenset()  # its own copy
    assert policy.waiting(box, 1, known, {policy.REVIEW}).common is NONE


def test_a_note_refers_to_what_it_is_about(light: w.World) -> None:
    post(light, "maker", BOX, campaign(1, text="a"), campaign(2, text="b"))
    reviewer(light).reject(numbers(light), "duplicate")
    with light.requests() as request:
        found = request.manifest("maker", BOX, w.ALL)
    assert found
    assert len(found) == 1
    assert found[0][1].startswith("note--")
    assert found[0][1] != note_id(1)


# Anonymous deposits: the copy is held ------------------------------------------------------------------------------


def tick(world: w.World) -> None:
    world.pass_time(60 * w.SECOND)
    release(world)


def test_of_an_anonymous_deposit_the_copy_is_held_and_enters_with_others_once_approved(plain: w.World) -> None:
    plain.apply(files(box={"credit": "anonymous"}))
    (message,) = post(plain, "maker", BOX, campaign(1, text="a"))
    assert message == "held for review. others read an anonymous copy of it."
    assert post(plain, "maker", BOX, campaign(1, text="a")) == ["already here, held for review."]
    tick(plain)
    assert views(plain, BOX, *ALL) == [["a"], ["a"], [], [], []]
    answer = plain.poll("judge", BOX)
    assert answer
    (seen,) = answer.items
    assert seen.id != campaign_id(1)
    with store.reading(plain.engine) as conn:
        state = inforce.current(conn)
        assert state
        (one,) = queue(conn, state)
    assert (one.id, one.own_id, one.anonymous) == (seen.id, campaign_id(1), True)
    assert approve(plain, seen.id) == [Word.PUBLISHED]
    assert views(plain, BOX, *ALL) == [["a"], ["a"], [], [], []]
    tick(plain)
    assert views(plain, BOX, *ALL) == [["a"]] * 5
    assert plain.view("judge", BOX, after=seen.date_added) == []  # it has it already


def test_an_anonymous_deposit_that_is_refused_is_nobody_s_and_the_note_has_the_id_that_its_publisher_knows(
    plain: w.World,
) -> None:
    plain.apply(files(box={"credit": "anonymous"}))
    post(plain, "maker", BOX, campaign(1, text="a"))
    assert list(reviewer(plain).reject(numbers(plain), "other").values()) == [Word.REFUSED]
    assert views(plain, BOX, "judge", "reader") == [[], []]
    with plain.requests() as request:
        page = feed.objects(request.conn, request._view("maker", BOX, w.ALL), after=0, limit=9)
    (told,) = [json.loads(item.raw) for item in page.items]
    assert (told["type"], told["object_refs"]) == ("note", [campaign_id(1)])


def test_the_clock_of_an_anonymous_deposit_s_plan_starts_with_its_approval_too(plain: w.World) -> None:
    plain.apply(files(embargo={"credit": "anonymous"}))
    post(plain, "maker", EMBARGO, campaign(1, text="a"))
    plain.pass_time(5 * DAY)
    approve(plain)
    tick(plain)
    post(plain, "maker", EMBARGO, campaign(1, 2, text="b"))
    approve(plain)
    plain.pass_time(10 * DAY - 30 * w.SECOND)
    release(plain)
    assert views(plain, EMBARGO, "reader") == [[]]
    tick(plain)
    assert views(plain, EMBARGO, "reader", "twin") == [["a", "b"], ["a", "b"]]


def test_an_observable_that_stands_under_its_name_too_stays_when_its_copy_is_refused(plain: w.World) -> None:
    one = {name: value for name, value in address("198.51.100.7", text="").items() if name != "x_text"}
    post(plain, "maker", BOX, one)
    approve(plain)
    plain.apply(files(box={"credit": "anonymous"}))
    post(plain, "maker", BOX, one | {"object_marking_refs": [plain.words("maker")["credit:anonymous"]]})
    assert list(reviewer(plain).reject(numbers(plain), "other").values()) == [Word.REFUSED]
    with plain.requests() as request:
        found = request.manifest("reader", BOX, w.ALL)
    assert found
    assert [i for _, i, _ in found] == [one["id"]]
