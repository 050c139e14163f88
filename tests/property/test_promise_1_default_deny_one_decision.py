"""Promise 1: one pure function of (config, label, profile) says who may read, every route asks it, and failing denies.

`decide` by itself is held in tests/unit/test_policy.py (a rule that raises or is missing denies, the order of the
rules does not matter, nothing but the label and the profile counts); that every way to ask gives the same answer, in
test_decision_cases.py. Here: random worlds, each compared with the naive model, first the decision alone and then all
that a member is served; every route of the application under rules that fail; and no rule that nothing would miss.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from exchange import app, config, credentials, inforce, ledger, policy, store
from exchange.label import Tlp
from exchange.markings import Said
from exchange.policy import RULES, Profile, Rule
from tests.property import world as w
from tests.property.casefaces import Core
from tests.property.casereading import Asks, play
from tests.property.cases import load
from tests.property.casesketch import example
from tests.property.casesketch import files as example_files
from tests.property.drawing import Dice, Drawing, Drawn, Rolled
from tests.property.model import Collection, Deposit, Member, Model
from tests.property.shapes import CHANGES, Shape
from tests.property.watching import Watch

LONG = settings.get_current_profile_name() == "long"
G1, G2 = frozenset({"g1"}), frozenset({"g2"})
SHAPE = Shape(
    members={"alice": Member(groups=G1), "bob": Member(groups=G2), "carol": Member(relays=True)},
    late={"dave": Member(groups=G1)},
    collections={"a": Collection(), "b": Collection(read=G1)},
    groups=("g1", "g2"),
    publishers=("alice", "bob"),
    campaigns=1,
    notes=1,
    observables=1,
    versions=2,
    tlps=("", "clear", "amber+strict", "red"),
    envelope=3,
    named_only=True,
    changes=CHANGES,
)


class Worlds:
    """A config some changes away from the shape's own, and one or two envelopes."""

    def __init__(self, draw: Dice) -> None:
        self.model = Model(dict(SHAPE.members), dict(SHAPE.collections), SHAPE.groups)
        self.drawing = Drawing(SHAPE, self.model)
        for _ in range(draw.number(0, 4, "changes")):
            self.drawing.change(draw)

    @property
    def files(self) -> dict[str, str]:
        return SHAPE.files(self.model, self.drawing.absent)

    def envelopes(self, draw: Dice) -> Iterator[list[Deposit]]:
        """The model takes each of them when the next is asked for."""
        for _ in range(draw.number(1, 2, "envelopes")):
            may = [(p, c) for p in SHAPE.publishers for c in self.model.collections if self._writes(p, c)]
            if may:
                deposits = self.drawing.envelope(draw, *draw.one(may, "where"))
                yield deposits
                self.model.post(deposits)

    def _writes(self, member: str, collection: str) -> bool:
        writes = self.model.collections[collection].writes
        return self.model.opens(member, collection) and self.model.has(member, writes)


def test_the_decision_on_a_deposit_is_the_models_by_rules_2_to_6() -> None:
    """No database: files, label and profile are all that there is. The long form looks at worlds of its own."""
    first = random.SystemRandom().randrange(10**9) if LONG else 0
    for seed in range(first, first + (20_000 if LONG else 2_500)):
        _decided_as_by_the_model(seed)


def _decided_as_by_the_model(seed: int) -> None:
    draw = Rolled(random.Random(seed))  # noqa: S311 - the same worlds on every run
    worlds = Worlds(draw)
    for _ in worlds.envelopes(draw):
        pass
    parsed = config.parse(worlds.files)
    numbers = {name: n for n, name in enumerate(sorted(worlds.model.members), start=1)}
    for d in worlds.model.past.live:
        collection = parsed.collection_by_id(SHAPE.uid(d.collection))
        assert collection
        said = policy.taken(parsed, collection, _said(d))
        audience = policy.audience(collection, said, numbers[d.publisher], numbers)
        let_in = {
            m for m in parsed.members if policy.decide(audience.of(numbers[m]), policy.profile_of(parsed, m)).allowed
        }
        assert let_in == worlds.model.rules_2_to_7(d, 0) & parsed.members.keys(), f"world {seed}: {d}"


def _said(d: Deposit) -> Said:
    words = [word.partition(":") for word in d.to]
    return Said(
        tlp=Tlp(d.tlp) if d.tlp else None,
        groups=frozenset(value for kind, _, value in words if kind == "group"),
        members=frozenset(value for kind, _, value in words if kind == "member"),
        named_only="named-only" in d.to,
    )


@pytest.fixture(scope="module")
def engines() -> list[Engine]:
    return []


@settings(max_examples=20_000 if LONG else 60)
@given(draw=st.data())
def test_every_member_is_served_what_the_model_grants_it(
    template: Path, tmp_path_factory: pytest.TempPathFactory, engines: list[Engine], draw: st.DataObject
) -> None:
    """Objects and manifest, with every version, the newest and the oldest (watching.py)."""
    drawn = Drawn(draw)
    worlds = Worlds(drawn)
    url = w.copied(template, template.parent, "world")
    world = w.World(url=url, migrated=True, engines=engines)
    try:
        watch = Watch(world, worlds.model, SHAPE)
        world.apply(worlds.files)
        watch.settle(0)
        for deposits in worlds.envelopes(drawn):
            words = world.words(deposits[0].publisher)
            objects = [SHAPE.body(d, words) for d in deposits]
            status = world.post(deposits[0].publisher, SHAPE.uid(deposits[0].collection), objects)
            assert status["failure_count"] == 0, status
        watch.took(worlds.model.past.live)
        watch.settle(0)
        watch.look()
        assert world.audit() == []
    finally:
        world.close()


# Rules that fail ----------------------------------------------------------------------------------------------


def _raises(_kind: str, _value: str, _who: Profile) -> bool | None:
    raise RuntimeError("a rule has a bug")


def _in_force(patch: pytest.MonkeyPatch, rules: tuple[Rule, ...]) -> None:
    """As if `RULES` had been written so."""
    patch.setattr(policy.decide, "__defaults__", (rules,))
    patch.setattr(policy.holds, "__defaults__", (rules,))
    inforce._cache.clear()


A = w.uid(1)
SECRET = "What nobody may see"
FILES = w.home(
    {"g1": "One"},
    {"alice": {"name": "Alice", "in": []}, "bob": {"name": "Bob", "in": ["g1"]}},
    {"a": {"id": A, "read": "everyone", "write": "everyone", "accept": ["clear", "red"]}},
)


@pytest.fixture
def exchange(template: Path, tmp_path: Path) -> Iterator[w.World]:
    """Bob may read an object of Alice's by each kind of rule there is."""
    world = w.World(url=w.copied(template, tmp_path, "exchange"), migrated=True)
    ledger.migrate(world.engine)  # in the same database, as on PostgreSQL
    world.apply(FILES)
    words = world.words("alice")
    marks = [w.TLP["green"], words["group:g1"]]
    status = world.post("alice", A, [w.campaign(n, text=SECRET, marks=marks) for n in (1, 2)])
    assert status["success_count"] == 2
    yield world
    world.close()


def _answers(world: w.World, member: str) -> dict[str, tuple[int, str]]:
    """What every route of the application that can be read says to a member."""
    opened = app.Exchange(engine=world.engine, ledger=world.engine, clock=world.clock, home=Path(), new_id=app.new_id)
    site = app.create_app(opened)
    key = _key(world, member)
    words = {
        "api_root": "exchange", "collection_id": A, "object_id": w.campaign_id(1),
        "status_id": "00000000-0000-4000-8000-000000000001", "case_id": "00000000-0000-4000-8000-000000000002",
    }  # fmt: skip
    found = {}
    with site.app_context():
        routes = [rule for rule in site.url_map.iter_rules() if "GET" in (rule.methods or ())]
    for rule in routes:
        path = rule.rule
        for name in rule.arguments:
            path = path.replace(f"<string:{name}>", words[name]).replace(f"<{name}>", words[name])
        found[rule.rule] = _ask(site.test_client(), key, path)
    return found


def _ask(client: FlaskClient, key: str, path: str) -> tuple[int, str]:
    """Every version, where that can be said."""
    answer = client.get(
        path, query_string={"match[version]": "all"} if "/objects/" in path else {},
        headers={"Authorization": f"Bearer {key}", "Accept": "*/*"},
    )  # fmt: skip
    return answer.status_code, answer.text


def _key(world: w.World, member: str) -> str:
    with store.writing(world.engine) as conn:
        number = store.members(conn)[member]
        return credentials.new(conn, member=number, scope=credentials.SCOPES, now=0, token=app.random_bytes)


def _shows(answer: tuple[int, str]) -> bool:
    return SECRET in answer[1] or w.campaign_id(1) in answer[1] or w.campaign_id(2) in answer[1]


@pytest.mark.parametrize("place", range(len(RULES)), ids=[rule.__name__ for rule in RULES])
def test_where_a_rule_raises_no_route_shows_anything_of_anybodys_deposit(
    exchange: w.World, monkeypatch: pytest.MonkeyPatch, place: int
) -> None:
    before = _answers(exchange, "bob")
    named = {route for route in before if "<string:object_id>" in route}
    assert sum(map(_shows, before.values())) == 3, "objects, one object and the manifest show it"
    assert {before[route][0] for route in named} == {200}
    _in_force(monkeypatch, (*RULES[:place], _raises, *RULES[place + 1 :]))
    exchange.apply(FILES)  # a rule of new software counts as a change of rights
    after = _answers(exchange, "bob")
    assert [route for route, answer in after.items() if _shows(answer)] == []
    assert {after[route][0] for route in named} == {404}
    assert max(status for status, _ in after.values()) < 500, "to deny is not to break"
    words = exchange.words("alice")
    exchange.post("alice", A, [w.campaign(3, text="later", marks=[w.TLP["green"], words["group:g1"]])])
    assert exchange.view("bob", A) == exchange.view("alice", A) == []


# No rule that nothing would miss --------------------------------------------------------------------------------


def _always(said: bool, rule: Rule) -> Rule:
    def changed(kind: str, value: str, who: Profile) -> bool | None:
        return None if rule(kind, value, who) is None else said

    return changed


FAULTS: dict[str, Callable[[Rule], tuple[Rule, ...]]] = {
    "removed": lambda _rule: (),
    "lets everybody in": lambda rule: (_always(True, rule),),
    "lets nobody in": lambda rule: (_always(False, rule),),
}
RESPONSE = "responses: a response is for the finder and the coordinators alone while the finding is for some"
# rule, what is wrong with it → the case that says so
TELLS = {
    ("rule_2_read", "removed"): "rights: a reader that is let in later gets the past, and nobody else anything again",
    ("rule_2_read", "lets everybody in"): "addressing: who is named loses with the right to read the collection",
    ("rule_2_read", "lets nobody in"): "rights: a new member reads the past",
    ("rule_2_write", "removed"): "rights: who may write but not read, reads its own there and nothing else",
    (
        "rule_2_write",
        "lets everybody in",
    ): "rights: who may neither read nor write any more does not read its own either",
    ("rule_2_write", "lets nobody in"): "rights: who may write but not read, reads its own there and nothing else",
    ("rule_4_own", "removed"): "tlp: every level is read by its publisher, even AMBER+STRICT by a relay",
    ("rule_4_own", "lets everybody in"): "rights: own: hidden keeps a deposit from its publisher, in read or not",
    ("rule_4_own", "lets nobody in"): "tlp: every level is read by its publisher, even AMBER+STRICT by a relay",
    ("rule_5_tlp", "removed"): "tlp: CLEAR is for every member",
    ("rule_5_tlp", "lets everybody in"): "tlp: AMBER+STRICT is for nobody who relays",
    ("rule_5_tlp", "lets nobody in"): "tlp: CLEAR is for every member",
    ("rule_6_addressed", "removed"): "tlp: CLEAR for a group is for that group alone",
    ("rule_6_addressed", "lets everybody in"): "tlp: CLEAR for a group is for that group alone",
    ("rule_6_addressed", "lets nobody in"): "tlp: AMBER for a group lets its relays in",
    ("rule_6_role", "removed"): RESPONSE,
    ("rule_6_role", "lets everybody in"): RESPONSE,
    ("rule_6_role", "lets nobody in"): RESPONSE,
    ("rule_6_iep", "removed"): "iep: each term that asks something is kept by those who promised it",
    ("rule_6_iep", "lets everybody in"): "iep: who promised nothing reads what asks for nothing, and nothing else",
    ("rule_6_iep", "lets nobody in"): "iep: each term that asks something is kept by those who promised it",
    ("rule_6_acs", "removed"): "acs: permitted organizations are matched with the members' own",
    ("rule_6_acs", "lets everybody in"): "acs: permitted organizations are matched with the members' own",
    ("rule_6_acs", "lets nobody in"): "acs: permitted organizations are matched with the members' own",
}
CASES = {f"{case.topic}: {case.name}": case for case in load()}


def test_every_rule_can_go_wrong_in_every_way_there_is() -> None:
    assert set(TELLS) == {(rule.__name__, fault) for rule in RULES for fault in FAULTS}


@pytest.mark.parametrize(("rule", "fault"), TELLS, ids=[" ".join(key) for key in TELLS])
def test_a_rule_that_goes_wrong_is_told_by_a_case_by_its_name(
    template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rule: str, fault: str
) -> None:
    """That the case passes with the rules as they are is in test_decision_cases.py."""
    changed = [FAULTS[fault](r) if r.__name__ == rule else (r,) for r in RULES]
    _in_force(monkeypatch, tuple(r for each in changed for r in each))
    world = w.World(url=w.copied(template, tmp_path, "case"), migrated=True)
    world.apply(example_files(example()))
    with pytest.raises(AssertionError):
        play(CASES[TELLS[rule, fault]], world, Core(world), Asks())
    world.close()
