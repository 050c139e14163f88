"""What definitions of IEP, ACS, PAP and CUI are taken to mean, and how the time of a policy meets everything else."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from functools import reduce
from itertools import pairwise
from time import process_time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange import config, difference, markings, policy, schemes
from exchange.audiences import put_off
from exchange.entries import Version
from exchange.label import ANY, EVERYBODY, NOBODY, NONE, Audience, Step, Tlp, atom, ending, ever
from exchange.markings import Said
from exchange.schemes import Terms
from tests.property.casesketch import SCHEMES
from tests.unit.test_release_plans import DAY, MAKER, NUMBERS, PLANS, files, place_of

ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
    | st.sampled_from(["U", "ALL", "USA", "must", "must-not", "permit", "deny", "DSPLY", "white", "2.0"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip
SCOPE = {"permitted_organizations": ["USA.DHS"], "entity": ["ALL"]}
RULE = {"privilege_action": "DSPLY", "privilege_scope": SCOPE, "rule_effect": "permit"}


def definition(scheme: str, **terms: Any) -> dict[str, Any]:
    extension, asks_nothing = SCHEMES[scheme]
    kept = {k: v for k, v in {**asks_nothing, **terms}.items() if v is not None}
    return {"type": "marking-definition", "extensions": {extension: {"extension_type": "property-extension", **kept}}}


def acs(**terms: Any) -> Terms | None:
    return schemes.read(definition("acs", **terms))


@pytest.mark.parametrize("scheme", sorted(SCHEMES))
@given(st.data())
def test_whatever_stands_in_a_definition_it_is_understood_or_not(scheme: str, data: st.DataObject) -> None:
    """No property at any depth makes it fail, and what is understood asks no more than a label can hold."""
    made = definition(scheme, **({"access_privilege": [RULE]} if scheme == "acs" else {}))
    changed = copy.deepcopy(made)
    place: Any = changed["extensions"]
    while isinstance(place, (dict, list)) and place:
        keys = sorted(place) if isinstance(place, dict) else list(range(len(place)))
        key = data.draw(st.sampled_from(keys))
        if not isinstance(place[key], (dict, list)) or not place[key] or data.draw(st.booleans()):
            place[key] = data.draw(ODD)
            break
        place = place[key]
    found = schemes.read(changed)
    if found is not None:
        said = Said(iep=found.iep, acs=found.acs, carried=found.carried, starts=found.starts, ends=found.ends)
        assert Said.parse(said.text) == said
        assert len(found.acs.nodes()) <= schemes.MAX_NODES


@pytest.mark.parametrize("version", [2, 2.0, "2.0"], ids=repr)
def test_a_policy_of_iep_is_read_term_by_term(version: object) -> None:
    found = schemes.read(definition("iep", tlp="amber", encrypt_in_transit="must", iep_version=version))
    assert found == Terms(tlp=Tlp.AMBER, iep=atom("iep:encrypt-in-transit:must"), starts=1_664_582_400_000_000)


def test_only_must_not_hides_the_provider() -> None:
    found = [schemes.read(definition("iep", provider_attribution=word)) for word in ("may", "must", "must-not")]
    assert [(terms.anonymous, terms.iep is ANY) for terms in found if terms] == [
        (False, True), (False, False), (True, True),
    ]  # fmt: skip


def test_a_promise_keeps_every_policy_that_permits_as_much() -> None:
    assert schemes.kept("permitted-actions", "none") == {f"permitted-actions:{a}" for a in schemes.ACTIONS[:-1]}
    assert schemes.kept("permitted-actions", schemes.ACTIONS[-1]) == frozenset()
    assert schemes.kept("unmodified-resale", "must-not") == {"unmodified-resale:must-not"}


@pytest.mark.parametrize(
    ("reference", "reads", "shares"),
    [
        (None, False, False),
        ("urn:isa:policy:acs:ns:v3.0?privdefault=permit&sharedefault=deny", True, False),
        ("urn:isa:policy:acs:ns:v3.0?privdefault=deny&sharedefault=permit", False, True),
        ("urn:isa:policy:acs:ns:v3.0?privdefault=permit&sharedefault=permit "
         "urn:isa:policy:acs:ns:v3.0?privdefault=deny&sharedefault=permit", False, True),
    ],
)  # fmt: skip
def test_both_defaults_of_acs_have_to_permit(reference: str | None, reads: bool, shares: bool) -> None:
    found = acs(policy_reference=reference)
    assert found
    assert (found.acs is ANY) == (reads and shares)
    assert (found.acs is NONE) == (not (reads and shares))


def test_a_denial_comes_before_a_permit_and_before_the_default() -> None:
    deny = {**RULE, "rule_effect": "deny", "privilege_scope": {"permitted_organizations": ["FIN"]}}
    found = acs(access_privilege=[RULE, deny], policy_reference=None,
                further_sharing=[{"sharing_scope": ["ALL"], "rule_effect": "permit"}])  # fmt: skip
    assert found
    assert found.acs is atom("acs:in:organizations:USA.DHS") - atom("acs:touches:organizations:FIN")


@pytest.mark.parametrize(
    ("terms", "anonymous"),
    [
        ({}, False),
        ({"policy_reference": None}, True),
        ({"access_privilege": [{**RULE, "privilege_action": "IDSRC", "rule_effect": "deny"}]}, True),
        ({"access_privilege": [{**RULE, "privilege_action": "ALL", "rule_effect": "deny"}]}, True),
        ({"access_privilege": [{**RULE, "rule_effect": "deny"}]}, False),
        ({"policy_reference": None,
          "access_privilege": [{**RULE, "privilege_action": "IDSRC", "privilege_scope": {"entity": ["ALL"]}}]}, False),
        ({"policy_reference": None, "access_privilege": [{**RULE, "privilege_action": "IDSRC"}]}, True),
    ],
)  # fmt: skip
def test_the_source_is_named_only_where_acs_lets_everybody_know_it(terms: Mapping[str, Any], anonymous: bool) -> None:
    found = acs(**terms)
    assert found
    assert found.anonymous is anonymous


def test_a_disposition_is_an_end() -> None:
    found = acs(resource_disposition={"disposition_date": "2027-01-01T00:00:00Z", "disposition_process": "destroy"})
    assert found
    assert found.ends == 1_798_761_600_000_000
    assert acs(resource_disposition={"disposition_process": "destroy"}) is None


@pytest.mark.parametrize("control", [{}, {"classification": "C"}, {"classification": ["U"]}, "U"])
def test_what_does_not_say_unclassified_is_classified(control: object) -> None:
    assert acs(control_set=control) == Terms(classified=True)


def test_of_two_schemes_in_one_definition_both_hold_and_one_unknown_spoils_all() -> None:
    iep, pap = definition("iep", tlp="green"), definition("pap")
    both = {"extensions": iep["extensions"] | pap["extensions"]}
    found = schemes.read(both)
    assert found
    assert found == Terms(tlp=Tlp.GREEN, starts=found.starts, carried=frozenset({"pap:amber"}))
    assert schemes.read({"extensions": both["extensions"] | {"extension-definition--x": {}}}) is None
    assert schemes.read({**both, "definition_type": "statement", "definition": {"statement": "x"}}) is None


def test_what_asks_for_more_than_a_label_should_hold_is_not_understood_and_costs_nothing() -> None:
    codes = [f"X.Y{n}" for n in range(1_000)]
    scopes = [
        {"permitted_organizations": [code], "entity": [entity]} for code in codes[:200] for entity in ("GOV", "CTR")
    ]
    rules = [{**RULE, "privilege_scope": scope} for scope in scopes]
    begin = process_time()
    assert acs(control_set={"classification": "U", "permitted_organizations": codes}) is None
    assert acs(access_privilege=rules) is None
    assert acs(access_privilege=[{**rule, "rule_effect": "deny"} for rule in rules]) is None
    assert acs(further_sharing=[{"sharing_scope": [code], "rule_effect": "deny"} for code in codes]) is None
    many = {code: acs(control_set={"classification": "U", "permitted_organizations": [code]}) for code in codes}
    own = {code: terms for code, terms in many.items() if terms}
    found = markings.read(sorted(own), {}, {}, own)
    assert len(found.unknown) == len(own) - schemes.MAX_NODES > 0
    assert process_time() - begin < 2


# The time of a policy -------------------------------------------------------------------------------------------------

TIMES = st.none() | st.integers(1, 40).map(DAY.__mul__)
MOMENTS = st.builds(int.__add__, st.integers(0, 70).map(DAY.__mul__), st.sampled_from([-1, 0, 1])).filter(
    lambda at: at >= 0
)
PARSED = config.parse(files())
PLACE = place_of(PARSED)
TIMED = st.builds(
    Said, tlp=st.just(Tlp.AMBER), groups=st.frozensets(st.sampled_from(["federal"])), starts=TIMES, ends=TIMES,
    releases=st.frozensets(st.sampled_from(sorted(PLANS)), max_size=1),
)  # fmt: skip


@given(st.lists(TIMED, min_size=1, max_size=2), MOMENTS)
def test_at_each_instant_plans_and_times_all_have_to_let_in(said: list[Said], at: int) -> None:
    what = [policy.taken(PARSED, PLACE, s) for s in said]
    steps = policy.release(PARSED, PLACE, what, MAKER, NUMBERS, 0)
    naive = reduce(Audience.__and__, (policy.audience(PLACE, s, MAKER, NUMBERS) for s in what))
    for s in what:
        planned = policy.steps(PARSED, PLACE, s, MAKER, NUMBERS, 0)
        naive = naive & [step.audience for step in planned if step.due <= at][-1]
        if (s.starts or 0) > at or (s.ends is not None and s.ends <= at):
            naive = naive & NOBODY.but(MAKER, ANY)
    assert [step.audience for step in steps if step.due <= at][-1] == naive
    assert [step.due for step in steps] == sorted({step.due for step in steps})
    widening = steps[: -1 if len(steps) > 1 and ending(steps, MAKER) is not None else None]
    assert all(a.audience - b.audience == NOBODY for a, b in pairwise(widening))


ALONE = NOBODY.but(MAKER, ANY)
FEDERAL = Audience(atom("group:federal")).but(MAKER, ANY)


@st.composite
def versions(draw: st.DrawFn, ver: int) -> Version:
    """With some of: a base, a step that widens, an end."""
    audiences = [ALONE, *draw(st.sampled_from([[FEDERAL], [EVERYBODY], [FEDERAL, EVERYBODY]]))]
    first = draw(st.integers(0, 1))
    dues = sorted(draw(st.sets(st.integers(1, 40), min_size=3, max_size=3)))
    steps = [Step(due, a) for due, a in zip(dues, audiences[first + 1 :], strict=False)]
    if draw(st.booleans()) and (steps or audiences[first] != ALONE):
        steps.append(Step(dues[-1] + 1, ALONE))
    base = audiences[first]
    return Version(
        number=ver, collection=1, publisher=MAKER, object=1, ver=ver, refs=frozenset(), creator=False, live=True,
        base=base, whole=NOBODY, shown=NOBODY, ever=ever(base, steps), eventual=NOBODY, started=0, steps=tuple(steps),
    )  # fmt: skip


@given(versions(1), versions(2), st.integers(0, 60))
def test_an_older_version_ends_with_the_newer_one_and_keeps_until_then_what_it_gave(
    older: Version, newer: Version, at: int
) -> None:
    found = put_off([older, newer], 1).get(1, older)
    ends = [end for v in (older, newer) if (end := ending(v.steps, MAKER)) is not None]
    over = bool(ends) and at >= min(ends)
    if not newer.ever.reaches_beyond(MAKER):
        assert found == older
    elif over:
        assert found.at(at) == ALONE
    else:
        assert found.at(at) == older.base | (older.at(at) & newer.at(at))
    assert found.ever == ever(found.base, found.steps)


def test_a_diff_shows_each_term_that_a_member_comes_to_keep_and_what_acs_learns_of_it() -> None:
    said = {"agrees": {"iep": {"unmodified-resale": "must-not"}}, "acs": {"organizations": ["USA.DHS", "FIN"]}}
    made = files()
    main = json.loads(made["config/exchange.yaml"])
    main["members"]["vendor"] |= said
    after = config.parse({**made, "config/exchange.yaml": json.dumps(main)})
    assert [str(change) for change in difference.settings(PARSED, after)] == [
        "+ member vendor: agrees: unmodified-resale:must-not",
        "+ member vendor: acs: organizations:FIN, organizations:USA.DHS",
    ]
