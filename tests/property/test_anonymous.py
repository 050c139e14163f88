"""Anonymous publishing (policy.md 3.8): others read a copy that the exchange makes, from the next tick on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from exchange import explaining, intake, noticerows, questions, schemes, store
from tests.property import world as w
from tests.property.unnamed import IDENTITY, A, B, Unnamed, address, audited
from tests.property.world import campaign, note

HIDDEN = {"alice": {"credit": "anonymous"}}
X, Y, N = w.campaign_id(1), w.campaign_id(2), w.note_id(1)


@pytest.fixture
def exchange(database: str) -> Iterator[Unnamed]:
    with audited(database, HIDDEN) as found:
        yield found


@pytest.fixture
def light(tmp_path: Path) -> Iterator[Unnamed]:
    with audited(f"sqlite:///{tmp_path}/exchange.db", HIDDEN) as found:
        yield found


# The life of a copy ---------------------------------------------------------------------------------------------------


def test_the_publisher_reads_its_own_object_and_others_a_copy_from_the_next_tick_on(exchange: Unnamed) -> None:
    mine = campaign(1, text="storm", created_by_ref=IDENTITY)
    about = note(1, [X], text="about it")
    assert exchange.post("alice", mine, about) == {
        X: "others read an anonymous copy of it.",
        N: "others read an anonymous copy of it.",
    }
    assert exchange.texts("bob") == []
    exchange.tick()
    assert sorted(exchange.read("alice"), key=str) == sorted([mine, about], key=str)
    copies = {o["type"]: o for o in exchange.read("bob")}
    assert copies["note"]["object_refs"] == [copies["campaign"]["id"]] != [X]
    assert copies["campaign"]["created"] == copies["campaign"]["modified"]
    assert copies["campaign"]["created"].endswith(":00:00.000Z")
    assert exchange.read("carol") == exchange.read("bob")


def test_versions_deletions_and_revocations_by_the_own_id_act_on_the_copy(exchange: Unnamed) -> None:
    exchange.post("alice", campaign(1, text="one"))
    exchange.tick()
    first = exchange.one("bob")
    exchange.post("alice", campaign(1, 2, text="two"))
    assert exchange.texts("bob") == ["one"]
    exchange.tick()
    second = exchange.read("bob")[1]
    assert (second["id"], second["created"]) == (first["id"], first["created"])
    assert second["modified"] > first["modified"]
    assert exchange.world.delete("alice", A, X, w.LAST) is intake.Deletion.DONE
    assert exchange.texts("bob") == exchange.texts("alice") == ["one"]
    exchange.post("alice", campaign(1, 3, text="three", revoked=True))
    exchange.tick()
    assert [(o["name"], o.get("revoked")) for o in exchange.read("bob")] == [("one", None), ("three", True)]
    exchange.world.delete("alice", A, X)
    assert exchange.texts("bob") == exchange.texts("alice") == []


def test_what_is_deleted_and_published_again_has_the_same_copy_by_a_new_version(light: Unnamed) -> None:
    light.post("alice", campaign(1, text="x"))
    light.tick()
    before = light.one("bob")
    light.world.delete("alice", A, X)
    light.post("alice", campaign(1, text="x"))
    light.tick()
    assert light.one("bob")["id"] == before["id"]
    assert light.one("bob")["modified"] > before["modified"]


def test_a_deletion_before_the_tick_leaves_nothing(light: Unnamed) -> None:
    light.post("alice", campaign(1, text="x"))
    light.world.delete("alice", A, X)
    assert light.tick() == 0
    assert light.read("bob") == []


def test_the_copy_is_nothing_that_its_publisher_reads_or_deletes(light: Unnamed) -> None:
    light.post("alice", campaign(1, text="x"))
    light.tick()
    copy = light.one("bob")["id"]
    assert [o["id"] for o in light.read("alice")] == [X]
    assert light.world.delete("alice", A, copy) is intake.Deletion.HIDDEN
    assert light.world.delete("bob", A, copy) is intake.Deletion.FOREIGN


def test_one_object_in_two_collections_has_one_copy(light: Unnamed) -> None:
    light.post("alice", campaign(1, text="x"))
    light.tick()
    light.world.pass_time(3_600 * w.SECOND)
    light.post("alice", campaign(1, text="x"), where=B)
    light.tick()
    assert light.one("bob", B) == light.one("bob", A)
    light.world.delete("alice", A, X)
    assert light.texts("bob", A) == []
    assert light.texts("bob", B) == ["x"]


def test_posting_again_changes_nothing(light: Unnamed) -> None:
    light.post("alice", campaign(1, text="x"), address("192.0.2.1"))
    light.tick()
    before = light.read("bob")
    assert set(light.post("alice", campaign(1, text="x"), address("192.0.2.1")).values()) == {
        "already here, unchanged."
    }
    assert light.tick() == 0
    assert light.read("bob") == before


def test_an_older_version_cannot_follow_a_newer_one(light: Unnamed) -> None:
    light.post("alice", campaign(1, 2, text="two"))
    assert "send only newer ones" in light.refused("alice", campaign(1, 1, text="one"))[X]
    light.post("alice", campaign(2, 1, text="a"), campaign(2, 3, text="b"), campaign(2, 2, text="c"))
    light.tick()
    versions = [o["name"] for o in light.read("bob") if o["name"] != "two"]
    assert versions == ["a", "c", "b"]


# Who reads it ---------------------------------------------------------------------------------------------------------


def test_addressing_and_tlp_hold_for_the_copy_which_does_not_show_them(light: Unnamed) -> None:
    marks = [light.marking("alice", "member:carol"), light.marking("alice"), w.TLP["amber"]]
    light.post("alice", campaign(1, text="x", marks=marks))
    light.tick()
    assert light.one("carol")["object_marking_refs"] == [w.TLP["amber"]]
    assert light.read("bob") == light.read("dave") == []
    assert light.one("alice")["object_marking_refs"] == marks


def test_a_copy_is_no_wider_than_the_copy_that_it_refers_to(light: Unnamed) -> None:
    red = [w.TLP["red"], light.marking("alice", "member:carol")]
    light.post("alice", campaign(1, text="x", marks=red))
    told = light.post("alice", note(1, [X], text="on x"))
    assert told[N] == f"no wider than your {X}, which it refers to. others read an anonymous copy of it."
    light.tick()
    assert light.texts("carol") == ["on x", "x"]
    assert light.texts("bob") == []
    light.world.delete("alice", A, X)
    assert light.texts("bob") == []


def test_a_newer_version_for_fewer_takes_the_older_one_from_the_others(light: Unnamed) -> None:
    light.post("alice", campaign(1, text="one"))
    light.tick()
    marks = [w.TLP["amber"], light.marking("alice", "member:carol"), light.marking("alice", "named-only")]
    light.post("alice", campaign(1, 2, text="two", marks=marks))
    assert light.texts("bob") == ["one"]
    light.tick()
    assert light.texts("bob") == []
    assert light.texts("carol") == ["one", "two"]


def test_stages_of_a_plan_count_from_the_tick(tmp_path: Path) -> None:
    found = Unnamed.of(f"sqlite:///{tmp_path}/exchange.db", HIDDEN)
    plans = {"slow": [{"at": "0d", "to": "banks"}, {"at": "1h", "to": "everyone"}]}
    home = _with_plans(found, plans)
    found.world.apply(home)
    found.world.pass_time(7 * w.SECOND)
    found.post("alice", campaign(1, text="x"), where=B)
    found.tick()
    assert (found.texts("carol", B), found.texts("bob", B)) == (["x"], [])
    found.world.pass_time(3_600 * w.SECOND - 61 * w.SECOND)
    found.releaser.round()
    assert found.texts("bob", B) == []
    found.tick()
    found.tick()
    assert found.texts("bob", B) == ["x"]
    found.world.close()


def _with_plans(found: Unnamed, plans: Any) -> dict[str, str]:
    import json

    from tests.property.unnamed import files

    home = files(HIDDEN, release="slow")
    main = json.loads(home["config/exchange.yaml"]) | {"releases": plans}
    return {**home, "config/exchange.yaml": json.dumps(main)}


def test_an_embargo_that_the_operator_breaks_ends_at_the_next_tick(tmp_path: Path) -> None:
    found = Unnamed.of(f"sqlite:///{tmp_path}/exchange.db", HIDDEN)
    found.world.apply(_with_plans(found, {"slow": [{"at": "0d", "to": "banks"}, {"at": "9d", "to": "everyone"}]}))
    found.post("alice", campaign(1, text="x"), where=B)
    found.tick()
    assert found.releaser.end_embargo(X) == 1
    found.releaser.round()
    assert found.texts("bob", B) == []
    found.tick()
    assert found.texts("bob", B) == ["x"]
    assert found.world.audit() == []
    found.world.close()


def test_running_plans_are_made_anew_and_a_copy_still_waits_for_its_tick(tmp_path: Path) -> None:
    found = Unnamed.of(f"sqlite:///{tmp_path}/exchange.db", HIDDEN)
    found.world.apply(_with_plans(found, {"slow": [{"at": "0d", "to": "banks"}, {"at": "9d", "to": "everyone"}]}))
    found.post("alice", campaign(1, text="x"), where=B)
    found.world.apply(_with_plans(found, {"slow": [{"at": "0d", "to": "everyone"}]}))
    assert found.releaser.replan() == 1
    found.releaser.round()
    assert found.texts("bob", B) == []
    found.tick()
    assert found.texts("bob", B) == ["x"]
    found.world.close()


# What operators see ---------------------------------------------------------------------------------------------------


def test_an_operator_sees_the_copy_beside_the_object_and_why_each_is_read(light: Unnamed) -> None:
    light.post("alice", campaign(1, text="x"))
    assert _explained(light, "bob")[-1] == ("alice (anonymous)", "7 stage")
    light.tick()
    copy = light.one("bob")["id"]
    assert _explained(light, "bob") == [("alice", "4 own"), ("alice (anonymous)", "")]
    assert _explained(light, "alice") == [("alice", ""), ("alice (anonymous)", "4 own")]
    assert _explained(light, "bob", copy) == [("alice (anonymous)", "")]
    with light.world.requests() as request:
        found = questions.who_can(request.conn, request.state, X, request.now)
    assert {(one.id, one.members) for one in found} == {(X, ("alice",)), (copy, ("bob", "carol", "dave"))}


def _explained(found: Unnamed, member: str, stix_id: str = X) -> list[tuple[str, str]]:
    """Publisher of each deposit, and the rule that closes it to the member."""
    with found.world.requests() as request:
        blocks = explaining.explain(request.conn, request.state, member, stix_id, request.now)
    return [(b.publisher, "" if b.readable else b.steps[-1].rule) for b in blocks]


# Under whose name -----------------------------------------------------------------------------------------------------


def test_a_marking_makes_one_object_anonymous_and_those_of_others_mean_nothing(light: Unnamed) -> None:
    mark = light.marking("bob")
    light.post("bob", campaign(1, text="open", created_by_ref=w.campaign_id(9).replace("campaign", "identity")))
    light.post("bob", campaign(2, text="hidden", marks=[mark]))
    light.tick()
    ids = {o["name"]: o["id"] for o in light.read("carol")}
    assert ids["open"] == X
    assert ids["hidden"] != Y
    assert "not understood" in light.refused("carol", campaign(3, text="x", marks=[mark]))[w.campaign_id(3)]


def test_a_policy_that_forbids_attribution_makes_anonymous_and_stays_with_the_object_itself(light: Unnamed) -> None:
    terms = {
        "encrypt_in_transit": "may", "permitted_actions": "externally-visible-direct-actions",
        "affected_party_notifications": "may", "tlp": "green", "provider_attribution": "must-not",
        "unmodified_resale": "may", "iep_id": "0224bfdf-ea3a-49c3-96f6-66d908bb1845", "iep_version": 2.0,
        "start_date": "2022-10-01T00:00:00Z", "extension_type": "property-extension", "description": "x",
    }  # fmt: skip
    policy: dict[str, Any] = {
        "type": "marking-definition", "spec_version": "2.1", "created": w.version_text(0), "name": "Ours",
        "id": "marking-definition--00000000-0000-4000-8000-000000000077", "extensions": {schemes.IEP: terms},
    }  # fmt: skip
    light.post("bob", policy, campaign(1, text="x", marks=[policy["id"]]))
    light.tick()
    assert "object_marking_refs" not in light.one("carol")
    assert {o["id"] for o in light.read("bob")} == {policy["id"], X}
    light.post("bob", campaign(2, text="y", marks=[policy["id"]]))
    light.tick()
    assert light.texts("carol") == ["x", "y"]


def test_a_collection_may_only_hide_more(light: Unnamed) -> None:
    light.apply({"alice": {"credit": {"shown-to": "federal"}}}, credit="anonymous")
    light.post("alice", campaign(1, text="x"), where=B)
    light.post("bob", campaign(2, text="y"), where=B)
    light.apply({}, credit="named")
    light.post("bob", campaign(3, text="z"), where=B)
    light.tick()
    assert {o["name"]: o["id"] in (X, Y, w.campaign_id(3)) for o in light.read("carol", B)} == {
        "x": False, "y": False, "z": True,
    }  # fmt: skip
    assert _attributions(light) == []


def test_an_id_keeps_the_credit_of_its_first_version(light: Unnamed) -> None:
    light.post("alice", campaign(1, text="hidden"))
    light.post("bob", campaign(2, text="open"))
    light.tick()
    light.apply({"bob": {"credit": "anonymous"}})
    assert "under your name" in light.refused("bob", campaign(2, 2, text="open 2"))[Y]
    light.post("alice", campaign(1, 2, text="hidden 2"))
    light.tick()
    copies = {o["id"] for o in light.read("carol") if o["name"].startswith("hidden")}
    assert len(copies) == 1
    assert X not in copies
    light.world.delete("bob", A, Y)
    assert "under your name" in light.refused("bob", campaign(2, 3, text="open 3"))[Y]


def test_named_and_anonymous_objects_do_not_come_together(light: Unnamed) -> None:
    hidden = campaign(2, text="hidden", marks=[light.marking("bob")])
    refused = light.refused("bob", campaign(1, text="open"), hidden, address("192.0.2.1"))
    assert set(refused) == {X, Y, address("192.0.2.1")["id"]}
    assert all("send them apart" in message for message in refused.values())
    assert light.read("bob") == []


def test_observables_go_as_their_submission_does_and_keep_an_id_that_follows_from_their_value(light: Unnamed) -> None:
    seen = address("192.0.2.1")
    process_id = "process--00000000-0000-4000-8000-000000000001"
    process = {"type": "process", "spec_version": "2.1", "id": process_id, "pid": 7}
    hidden = note(1, [seen["id"], process_id], text="seen", marks=[light.marking("bob")])
    light.post("bob", hidden, seen, process)
    assert light.read("carol") == []
    light.tick()
    found = {o["type"]: o for o in light.read("carol")}
    assert found["ipv4-addr"] == seen
    assert found["process"]["id"] != process_id
    assert found["note"]["object_refs"] == [seen["id"], found["process"]["id"]]


def test_an_observable_may_go_under_the_name_and_without_it(light: Unnamed) -> None:
    seen = address("192.0.2.1")
    light.post("bob", seen)
    about = note(1, [seen["id"]], text="x", marks=[light.marking("bob")])
    assert "send it again in this submission" in light.refused("bob", about)[N]
    light.post("bob", about, seen)
    light.tick()
    assert light.texts("carol") == ["192.0.2.1", "x"]
    light.world.delete("bob", A, seen["id"])
    assert light.texts("carol") == ["x"]


def test_an_observable_that_was_anonymous_there_comes_under_the_name_once_it_was_deleted(light: Unnamed) -> None:
    seen = address("192.0.2.1")
    light.post("bob", seen, note(1, [seen["id"]], text="x", marks=[light.marking("bob")]))
    told = light.post("bob", campaign(1, text="open"), seen)
    assert told[seen["id"]] == "already here, unchanged."
    light.tick()
    light.world.delete("bob", A, seen["id"])
    light.post("bob", campaign(2, text="open 2"), seen)
    light.tick()
    assert light.texts("carol") == ["192.0.2.1", "open", "open 2", "x"]


def test_a_reference_to_what_stands_under_the_name_is_refused(light: Unnamed) -> None:
    light.post("bob", campaign(1, text="open"))
    refused = light.refused("bob", note(1, [X], text="hidden", marks=[light.marking("bob")]))
    assert f"refers to {X}, which you published under your name: leave the reference out" in refused[N]
    light.post("carol", campaign(2, text="another's"))
    assert "not deposited by you" in light.post("bob", note(1, [Y], text="hidden", marks=[light.marking("bob")]))[N]


def test_a_named_object_that_refers_to_an_anonymous_one_is_its_publisher_s_alone(light: Unnamed) -> None:
    light.post("bob", campaign(1, text="hidden", marks=[light.marking("bob")]))
    light.post("bob", note(1, [X], text="open"))
    light.tick()
    assert light.texts("bob") == ["hidden", "open"]
    assert light.texts("carol") == ["hidden"]


def test_a_reference_to_what_was_refused_beside_it_does_not_tell_the_id(light: Unnamed) -> None:
    light.world.post("alice", A, [campaign(1, text="by Alice Robotics"), note(1, [X], text="fine")])
    light.tick()
    (copy,) = light.read("bob")
    assert copy["object_refs"] != [X]
    light.post("alice", campaign(1, text="mended"))
    light.tick()
    assert copy["object_refs"] == [o["id"] for o in light.read("bob") if o["type"] == "campaign"]


@pytest.mark.parametrize(
    "more",
    [
        {"description": "by Alice Robotics"},
        {"description": "see www.alice.example/7"},
        {"description": f"see {X}"},
        {"labels": ["alice"]},
        {"x_own": "y"},
        {"external_references": [{"source_name": "s", "url": "https://alice.example/"}]},
        {"object_marking_refs": ["marking-definition--00000000-0000-4000-8000-000000000077"]},
    ],
)
def test_what_would_show_the_publisher_is_refused(light: Unnamed, more: dict[str, Any]) -> None:
    light.apply({"alice": {}})
    statement = {
        "type": "marking-definition", "spec_version": "2.1", "created": w.version_text(0), "name": "Mine",
        "id": "marking-definition--00000000-0000-4000-8000-000000000077", "definition_type": "statement",
        "definition": {"statement": "© Alice"},
    }  # fmt: skip
    light.post("alice", statement)
    light.apply(HIDDEN)
    light.post("alice", campaign(1, text="x"))
    message = light.refused("alice", campaign(2, text="y", **more))[Y]
    assert message.startswith("this would show who you are: /")
    assert f"/{next(iter(more))}" in message


# What may tell two copies together ------------------------------------------------------------------------------------


def test_with_a_pseudonym_copies_of_one_publisher_for_one_audience_have_one_author(light: Unnamed) -> None:
    light.apply({name: {"credit": "anonymous"} for name in ("alice", "bob")}, pseudonym=True)
    for number, member, tlp in [(1, "alice", "green"), (2, "alice", "green"), (3, "alice", "red"), (4, "bob", "green")]:
        marks = [w.TLP[tlp]] + [light.marking(member, "member:carol")] * (tlp == "red")
        light.post(member, campaign(number, text=str(number), marks=marks), where=B)
    light.post("alice", campaign(5, text="5"), campaign(6, text="6"))
    light.post("alice", campaign(1, 2, text="1 again", marks=[w.TLP["amber+strict"]]), where=B)
    light.tick()
    authors = {o["name"]: o["created_by_ref"] for o in light.read("carol", B)}
    assert authors["1"] == authors["2"] == authors["1 again"]
    assert len({authors[name] for name in "134"}) == 3
    (same,) = {o["created_by_ref"] for o in light.read("carol")}
    assert same not in authors.values()


def test_who_may_be_told_is_noted_each_time_that_a_copy_is_read_by_more(light: Unnamed) -> None:
    light.apply({"alice": {"credit": {"shown-to": "federal"}}})
    light.post("alice", campaign(1, text="x"))
    assert _attributions(light) == []
    light.tick()
    assert _attributions(light) == ["federal"]


def _attributions(found: Unnamed) -> list[str]:
    with store.reading(found.world.engine) as conn:
        return [n.reason for n in noticerows.due(conn, 1 << 62, 100) if n.kind == noticerows.ATTRIBUTION]
