"""Random histories in which the exchange withdraws: for everybody it is as if each publisher had deleted its own."""

from __future__ import annotations

from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from exchange import withdrawing
from tests.property.histories import DEATHS, Histories, run
from tests.property.model import Collection, Member
from tests.property.shapes import Shape

LONG = settings.get_current_profile_name() == "long"
G1 = frozenset({"g1"})
SHAPE = Shape(
    members={"alice": Member(groups=G1), "bob": Member(), "carol": Member(relays=True)},
    collections={"a": Collection(), "b": Collection(read=G1)},
    groups=("g1", "g2"),
    publishers=("alice", "bob"),
    campaigns=2,
    notes=1,
    changes=("group", "read", "own"),
)


class Withdrawing(Histories):
    @precondition(lambda self: self.model.past.live)
    @rule(draw=st.data(), after=DEATHS)
    def withdraw(self, draw: st.DataObject, after: int) -> None:
        """The process dies in it, and it is done again; then the operator lifts it, so that publishers may go on."""
        stix_id = draw.draw(st.sampled_from(sorted({d.id for d in self.model.past.live})), "id")
        gone = sorted({d.object for d in self.model.past.live if d.id == stix_id})
        clock = self.begin("delete")
        with self.world.dying(after):
            self.take(stix_id)
        self.restart()
        self.take(stix_id)
        withdrawing.lift(self.world.engine, [stix_id])
        for found in gone:
            self.model.delete(*found, [d.version for d in self.model.own(*found)])
        self.watch.settle(clock)

    def take(self, stix_id: str) -> None:
        withdrawing.withdraw(self.world.engine, self.world.clock, withdrawing.by_ids([stix_id]), "error")


def test_what_is_withdrawn_is_gone_for_everybody_and_what_it_hid_comes_again(template: Path, tmp_path: Path) -> None:
    run(Withdrawing, SHAPE, template, tmp_path, 300 if LONG else 4, 25)
