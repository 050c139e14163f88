"""Release plans (policy.md 3.7): who is let in when, in the deciding column alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from exchange import config, policy
from exchange.audiences import put_off
from exchange.config import Collection, Config, ConfigError
from exchange.entries import Version
from exchange.label import ANY, EVERYBODY, NOBODY, Audience, Step, Tlp, atom
from exchange.markings import Said
from exchange.stix import parse_timestamp
from tests.property import world as w

DAY = 86_400 * w.SECOND
NUMBERS = {"maker": 1, "vendor": 2, "other": 3}
MAKER = NUMBERS["maker"]
PLANS = {
    "cvd": [
        {"at": "0d", "to": ["named", "federal"]},
        {"at": "14d", "to": "vendors"},
        {"at": "30d", "to": "everyone"},
    ],
    "slow": [{"at": "10d", "to": "federal"}, {"at": "60d", "to": "everyone"}],
    "fixed": [{"at": "2026-07-01T00:00:00Z", "to": "everyone"}],
}


def files(plans: Any = PLANS, **place: Any) -> dict[str, str]:
    found = w.home(
        {"federal": "Federal", "vendors": "Vendors"},
        {name: {"name": name.title()} for name in NUMBERS},
        {"a": {"id": w.uid(1), "read": "everyone", "write": "everyone", "accept": ["clear", "red"], **place}},
    )
    main = json.loads(found["config/exchange.yaml"]) | {"releases": plans}
    return found | {"config/exchange.yaml": json.dumps(main)}


def place_of(parsed: Config) -> Collection:
    return parsed.collections["a"]


def released(said: Said, **place: Any) -> list[tuple[int, Audience]]:
    """(days from the start, who) of a deposit whose clock started with June 2026."""
    parsed = config.parse(files(**place))
    taken = policy.taken(parsed, place_of(parsed), said)
    steps = policy.release(parsed, place_of(parsed), [taken], MAKER, NUMBERS, w.START)
    return [((step.due - w.START) // DAY if step.due else 0, step.audience) for step in steps]


def lets_in(audience: Audience, *groups: str, member: int = 9) -> bool:
    """Whether somebody in these groups who may read the collection and relays nothing is let in."""
    true = {
        f"read:{w.uid(1)}",
        f"own:{w.uid(1)}",
        *(f"group:{g}" for g in groups),
        *(f"tlp:{t.value}" for t in Tlp if t is not Tlp.RED),
    }
    return audience.of(member).holds(lambda name: name in true)


# Stages -----------------------------------------------------------------------------------------------------------


def test_each_stage_lets_in_its_groups_and_nobody_goes_again() -> None:
    found = released(Said(tlp=Tlp.AMBER), release="cvd")

    assert [day for day, _ in found] == [0, 14, 30]
    assert [lets_in(a, "federal") for _, a in found] == [True, True, True]
    assert [lets_in(a, "vendors") for _, a in found] == [False, True, True]
    assert [lets_in(a) for _, a in found] == [False, False, True]


def test_without_a_plan_there_is_one_step_for_everybody() -> None:
    assert released(Said(tlp=Tlp.GREEN)) == released(Said(tlp=Tlp.GREEN))
    [(day, audience)] = released(Said(tlp=Tlp.GREEN))
    assert day == 0
    assert lets_in(audience)


def test_the_named_fill_the_stage_for_the_named_and_narrow_nothing_else() -> None:
    said = Said(tlp=Tlp.AMBER, members=frozenset({"vendor"}), groups=frozenset({"vendors"}))
    found = released(said, release="cvd")

    assert lets_in(found[0][1], member=NUMBERS["vendor"])
    assert lets_in(found[0][1], "vendors")  # an addressed group fills it too
    assert not lets_in(found[0][1])
    assert lets_in(found[-1][1])


def test_with_named_only_the_named_are_the_audience_at_every_stage() -> None:
    said = Said(tlp=Tlp.AMBER, members=frozenset({"vendor"}), named_only=True)
    found = released(said, release="cvd")

    assert all(lets_in(a, member=NUMBERS["vendor"]) for _, a in found)
    assert not any(lets_in(a, "federal") for _, a in found)


def test_without_a_stage_for_the_named_they_wait_for_a_stage_that_includes_them() -> None:
    said = Said(tlp=Tlp.AMBER, members=frozenset({"vendor"}))
    found = released(said, release="slow")

    assert [(day, lets_in(a, member=NUMBERS["vendor"])) for day, a in found] == [(0, False), (10, False), (60, True)]
    assert lets_in(found[1][1], "federal", member=NUMBERS["vendor"])


def test_a_marking_names_another_plan_than_the_collection_s() -> None:
    found = released(Said(tlp=Tlp.AMBER, releases=frozenset({"slow"})), release="cvd")
    assert [day for day, _ in found] == [0, 10, 60]


def test_of_two_plans_a_member_s_time_is_the_later() -> None:
    found = released(Said(tlp=Tlp.AMBER, releases=frozenset({"slow", "cvd"})))
    assert [(day, lets_in(a, "federal")) for day, a in found if day <= 10] == [(0, False), (10, True)]
    assert [(day, lets_in(a)) for day, a in found][-1] == (60, True)


def test_nothing_is_earlier_than_release_at_least() -> None:
    found = released(Said(tlp=Tlp.AMBER, releases=frozenset({"cvd"})), **{"release-at-least": "slow"})
    assert [(day, lets_in(a, "federal")) for day, a in found if day <= 14] == [(0, False), (10, True)]
    assert [(day, lets_in(a, "vendors")) for day, a in found][-1] == (60, True)


def test_the_publisher_reads_its_own_from_the_beginning() -> None:
    assert lets_in(released(Said(tlp=Tlp.AMBER), release="slow")[0][1], member=MAKER)


def test_red_is_for_the_named_alone_at_every_stage() -> None:
    found = released(Said(tlp=Tlp.RED, members=frozenset({"vendor"})), release="cvd")
    assert all(lets_in(a, member=NUMBERS["vendor"]) for _, a in found)
    assert not any(lets_in(a, "federal", "vendors") for _, a in found)


def test_an_instant_is_the_same_for_every_deposit() -> None:
    parsed = config.parse(files(release="fixed"))
    said = policy.taken(parsed, place_of(parsed), Said(tlp=Tlp.CLEAR))
    for started in (w.START, w.START + 5 * DAY):
        steps = policy.release(parsed, place_of(parsed), [said], MAKER, NUMBERS, started)
        assert [step.due for step in steps] == [0, parse_timestamp("2026-07-01T00:00:00Z")]


# A newer version puts off an older one ----------------------------------------------------------------------------


def version(ver: int, base: Audience, *steps: tuple[int, Audience]) -> Version:
    made = tuple(Step(due, audience) for due, audience in steps)
    ever = made[-1].audience if made else base
    return Version(
        number=ver, collection=1, publisher=MAKER, object=1, ver=ver, refs=frozenset(), creator=False, live=True,
        base=base, whole=NOBODY, shown=NOBODY, ever=ever, eventual=NOBODY, started=0, steps=made,
    )  # fmt: skip


OWN = NOBODY.but(MAKER, ANY)
FEDERAL = Audience(atom("group:federal")).but(MAKER, ANY)


def after(*versions: Version) -> Sequence[tuple[int, Audience]]:
    """The steps of the oldest, beside the newer ones."""
    found = put_off(versions, 1).get(1, versions[0])
    assert found.ever == (found.steps[-1].audience if found.steps else found.base)
    return [(step.due, step.audience) for step in found.steps]


def test_an_embargo_is_extended_by_a_newer_version() -> None:
    older, newer = version(1, OWN, (14, EVERYBODY)), version(2, OWN, (30, EVERYBODY))
    assert after(older, newer) == [(30, EVERYBODY)]


def test_a_newer_version_never_brings_an_older_one_forward() -> None:
    older = version(1, OWN, (14, EVERYBODY))
    assert after(older, version(2, EVERYBODY)) == [(14, EVERYBODY)]
    assert after(older, version(2, OWN, (5, EVERYBODY))) == [(14, EVERYBODY)]


def test_the_same_plan_again_changes_nothing() -> None:
    steps = (10, FEDERAL), (14, EVERYBODY)
    assert after(version(1, OWN, *steps), version(2, OWN, *steps)) == list(steps)


def test_what_an_older_version_has_given_it_keeps() -> None:
    older, newer = version(1, FEDERAL, (14, EVERYBODY)), version(2, OWN, (20, FEDERAL), (30, EVERYBODY))
    assert after(older, newer) == [(30, EVERYBODY)]


def test_a_newer_version_for_its_publisher_alone_puts_nothing_off() -> None:
    assert after(version(1, OWN, (14, EVERYBODY)), version(2, OWN)) == [(14, EVERYBODY)]


# In the files -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("plans", "place", "says"),
    [
        ({"p": []}, {}, "releases.p: needs a list of stages"),
        ({"p": ["everyone"]}, {}, "releases.p: needs a list of stages"),
        ({"p": [{"to": "everyone"}]}, {}, "releases.p.at: is missing; write it like 14d"),
        ({"p": [{"at": "0d"}]}, {}, "releases.p.to: is missing; write a group, `named` or `everyone`"),
        ({"p": [{"at": "soon", "to": "everyone"}]}, {}, 'releases.p.at: "soon" is neither a duration nor an instant'),
        ({"p": [{"at": "2026-02-30T00:00:00Z", "to": "everyone"}]}, {}, "is no instant"),
        ({"p": [{"at": "0d", "to": "vendorz"}]}, {}, 'no group "vendorz" (did you mean "vendors"?)'),
        ({"p": [{"at": "0d", "to": ["everyone", "named"]}]}, {}, "`everyone` includes all others"),
        ({"p": [{"at": "0d", "to": "named", "for": "x"}]}, {}, "releases.p.for: unknown key"),
        (PLANS, {"release": "cvdd"}, 'release: no release plan "cvdd" (did you mean "cvd"?)'),
        (PLANS, {"release-at-least": "x"}, 'release-at-least: no release plan "x"'),
    ],
)
def test_what_is_wrong_with_a_plan_is_told_with_its_line_and_the_mend(plans: Any, place: Any, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config.parse(files(plans, **place))
    assert says in str(caught.value)
    assert all(problem.place.line >= 1 for problem in caught.value.problems)


def test_check_doubts_a_plan_that_never_reaches_everyone_and_one_that_no_collection_has() -> None:
    plans = {"p": [{"at": "0d", "to": "named"}]}
    told = [str(one) for one in config.suspicions(config.parse(files(plans)))]
    assert any("releases.p: no stage is `everyone`" in line for line in told)
    assert any("releases.p: no collection has it" in line for line in told)
    told = [str(one) for one in config.suspicions(config.parse(files(release="cvd", **{"release-at-least": "slow"})))]
    assert not any("releases.cvd" in line or "releases.slow" in line for line in told)


# What holds all together ------------------------------------------------------------------------------------------


def test_several_sets_of_markings_are_met_at_every_stage() -> None:
    """An unmarked definition takes those of all objects that use it (3.4, channel 8)."""
    parsed = config.parse(files(release="cvd"))
    what = [
        policy.taken(parsed, place_of(parsed), Said(tlp=Tlp.AMBER)),
        policy.taken(parsed, place_of(parsed), Said(tlp=Tlp.RED, members=frozenset({"vendor"}))),
    ]
    steps = policy.release(parsed, place_of(parsed), what, MAKER, NUMBERS, w.START)

    assert not any(lets_in(step.audience, "federal") for step in steps)
    assert [lets_in(step.audience, "vendors", member=NUMBERS["vendor"]) for step in steps] == [False, True, True]


def test_a_group_that_is_addressed_waits_for_the_stage_for_the_named() -> None:
    plan = {"p": [{"at": "0d", "to": "federal"}, {"at": "5d", "to": "named"}]}
    parsed = config.parse(files(plan, release="p"))
    said = policy.taken(parsed, place_of(parsed), Said(tlp=Tlp.AMBER, groups=frozenset({"vendors"})))
    steps = policy.release(parsed, place_of(parsed), [said], MAKER, NUMBERS, w.START)
    assert [lets_in(step.audience, "vendors") for step in steps] == [False, True]


def test_what_a_plan_delays_is_taken_in_a_collection_that_takes_its_level() -> None:
    parsed = config.parse(files(release="cvd"))
    assert policy.refusal(parsed, place_of(parsed), Said(tlp=Tlp.AMBER)) is None
