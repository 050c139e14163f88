"""The worked examples of policy.md 3.9 in which somebody is anonymous, over HTTP: B, C and I, in the example home."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from exchange import ledger, store
from exchange.release import Releaser, Steady
from tests.property import casesketch
from tests.property import world as w
from tests.property.casefaces import Http, View

DAY = 86_400 * w.SECOND
VULNERABILITY = "vulnerability--00000000-0000-4000-8000-000000000001"
INDICATOR = "indicator--00000000-0000-4000-8000-000000000002"
RELATIONSHIP = "relationship--00000000-0000-4000-8000-000000000003"
MEMBERS = ("modelworks", "cyberdef", "evalcenter", "buckeye-soc", "care-isac", "skyline", "firstriver")
AT_ONCE = {"skyline", "cyberdef", "evalcenter"}
CHANGES: Mapping[str, Any] = {
    "members": {"modelworks": {"credit": "anonymous"}},
    "releases": {
        "cvd": [
            {"at": "0d", "to": ["named", "federal"]},
            {"at": "14d", "to": "vendors"},
            {"at": "30d", "to": ["owners", "state"]},
            {"at": "45d", "to": "everyone"},
        ]
    },
    "collections": {"vulnerabilities": {"release": "cvd"}},
}


@dataclass(slots=True)
class Home:
    """The example home, where ModelWorks is anonymous, and vulnerabilities are disclosed in stages."""

    face: Http
    releaser: Releaser
    tree: Mapping[str, Any]

    def post(self, where: str, *objects: Mapping[str, Any]) -> dict[str, str]:
        answer = self.face.post("modelworks", self.tree["collections"][where]["id"], objects)
        assert not isinstance(answer, int)
        assert "failures" not in answer, answer["failures"]
        return {line["id"]: line.get("message", "") for line in answer["successes"]}

    def read(self, member: str, where: str) -> list[Mapping[str, Any]]:
        view = self.face.look(member, self.tree["collections"][where]["id"], [])
        assert isinstance(view, View)
        return view.objects["all"]

    def readers(self, where: str, kind: str) -> set[str]:
        """Who, besides ModelWorks, reads an object of a type."""
        return {m for m in MEMBERS if m != "modelworks" and any(o["type"] == kind for o in self.read(m, where))}

    def passes(self, microseconds: int) -> None:
        self.face.world.pass_time(microseconds)
        self.releaser.round()

    def tick(self) -> None:
        self.passes(60 * w.SECOND)

    def marks(self, tlp: str, *words: str) -> dict[str, Any]:
        known = self.face.world.words("modelworks")
        return {"object_marking_refs": [w.TLP[tlp], *(known[word] for word in words)]}


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    tree = casesketch.merged(casesketch.example(), CHANGES)
    world = w.World(url=f"sqlite:///{tmp_path}/exchange.db")
    world.apply(casesketch.files(tree))
    lines = store.connect(f"sqlite:///{tmp_path}/ledger.db", 2)
    ledger.migrate(lines)
    steady = Steady(seen=world.now, elapsed=lambda: world.machine.elapsed)
    releaser = Releaser(engine=world.engine, clock=world.clock, steady=steady)
    releaser.round()
    yield Home(Http.of(world, lines), releaser, tree)
    assert world.audit() == []
    lines.dispose()
    world.close()


def sdo(stix_id: str, version: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "type": stix_id.partition("--")[0], "spec_version": "2.1", "id": stix_id, "created": w.version_text(0),
        "modified": w.version_text(version), **more,
    }  # fmt: skip


def test_b_a_vulnerability_reaches_each_stage_as_an_anonymous_copy_and_never_a_relay(home: Home) -> None:
    mine = sdo(VULNERABILITY, name="A weakness", **home.marks("amber+strict", "member:skyline"))
    home.post("vulnerabilities", mine)
    assert home.readers("vulnerabilities", "vulnerability") == set()
    home.tick()
    assert home.readers("vulnerabilities", "vulnerability") == AT_ONCE
    assert home.read("modelworks", "vulnerabilities") == [mine]
    (copy,) = home.read("skyline", "vulnerabilities")
    assert copy["id"] != VULNERABILITY
    assert copy["object_marking_refs"] == [w.TLP["amber+strict"]]
    home.passes(14 * DAY)
    assert home.readers("vulnerabilities", "vulnerability") == AT_ONCE
    home.passes(16 * DAY)
    assert home.readers("vulnerabilities", "vulnerability") == AT_ONCE | {"firstriver", "buckeye-soc"}
    home.passes(30 * DAY)
    assert "care-isac" not in home.readers("vulnerabilities", "vulnerability")


def test_c_a_relationship_leads_to_the_copy_and_is_read_exactly_by_its_readers(home: Home) -> None:
    home.post("vulnerabilities", sdo(VULNERABILITY, name="A weakness", **home.marks("amber+strict", "member:skyline")))
    pattern: dict[str, Any] = {"pattern": "[file:size = 1]", "pattern_type": "stix", "valid_from": w.version_text(0)}
    ends: dict[str, Any] = {"relationship_type": "indicates", "source_ref": INDICATOR, "target_ref": VULNERABILITY}
    relationship = sdo(RELATIONSHIP, **ends, **home.marks("clear"))
    told = home.post("indicators", sdo(INDICATOR, **pattern, **home.marks("clear")), relationship)
    assert f"no wider than your {INDICATOR}, {VULNERABILITY}, which it refers to." in told[RELATIONSHIP]
    home.tick()
    assert home.readers("indicators", "relationship") == AT_ONCE
    (copy,) = home.read("skyline", "vulnerabilities")
    (related,) = [o for o in home.read("skyline", "indicators") if o["type"] == "relationship"]
    assert related["target_ref"] == copy["id"]
    assert relationship in home.read("modelworks", "indicators")
    home.passes(60 * DAY)
    uid = home.tree["collections"]["vulnerabilities"]["id"]
    assert home.face.delete("modelworks", uid, VULNERABILITY, "all") == 200
    assert "care-isac" not in home.readers("indicators", "relationship")


def test_i_a_newer_version_for_one_closes_the_older_one_for_the_others_at_the_tick(home: Home) -> None:
    home.post("vulnerabilities", sdo(VULNERABILITY, name="A weakness", **home.marks("amber+strict", "member:skyline")))
    home.tick()
    narrow = home.marks("amber+strict", "member:skyline", "named-only")
    home.post("vulnerabilities", sdo(VULNERABILITY, 2, name="A weakness, mended", **narrow))
    assert home.readers("vulnerabilities", "vulnerability") == AT_ONCE
    home.tick()
    assert home.readers("vulnerabilities", "vulnerability") == {"skyline"}
    assert [o["name"] for o in home.read("skyline", "vulnerabilities")] == ["A weakness", "A weakness, mended"]
