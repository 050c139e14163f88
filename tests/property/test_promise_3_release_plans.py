"""Promise 3 under release plans (policy.md 3.7): random histories with stages that fall due, beside the naive model.

Requests never release anything: what a stage gives comes when the releaser has gone round, and then to everybody whom
the model says, once. Plans are named by collections and by markings; newer versions put older ones off; the clocks go
wrong in between.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from exchange.release import Releaser, Steady
from tests.property import world as w
from tests.property.histories import Histories, run
from tests.property.model import Collection, Member, Stage
from tests.property.shapes import Shape

LONG = settings.get_current_profile_name() == "long"
G1, G2 = frozenset({"g1"}), frozenset({"g2"})
EVERYONE, NAMED = frozenset({"everyone"}), frozenset({"named"})
HOUR = 3_600 * w.SECOND
QUICK: tuple[Stage, ...] = ((0, NAMED | G1), (2 * w.SECOND, G2), (HOUR, EVERYONE))
SLOW: tuple[Stage, ...] = ((2 * w.SECOND, G1), (3 * HOUR, EVERYONE))
MEMBERS = {
    "alice": Member(groups=G1),
    "bob": Member(groups=G2),
    "carol": Member(relays=True),
    "dora": Member(groups=G1),
}
SHAPES = {
    "two versions under one plan": Shape(
        members=MEMBERS,
        collections={"a": Collection(plan="quick")},
        groups=("g1", "g2"),
        plans={"quick": QUICK},
        campaigns=1,
        changes=("group", "relays", "read"),
    ),
    "plans that versions change": Shape(
        members=MEMBERS,
        collections={"a": Collection()},
        groups=("g1", "g2"),
        plans={"quick": QUICK, "slow": SLOW},
        campaigns=1,
        versions=3,
        tlps=("clear", "red"),
        named_only=True,
        changes=("group", "read"),
    ),
    "notes that refer to what is under embargo": Shape(
        members=MEMBERS,
        collections={"a": Collection(plan="quick"), "b": Collection()},
        groups=("g1", "g2"),
        plans={"quick": QUICK, "slow": SLOW},
        campaigns=1,
        notes=2,
        tlps=("clear", "amber+strict"),
        envelope=2,
        changes=("group", "relays", "read", "own", "file"),
    ),
}


class Released(Histories):
    def __init__(self) -> None:
        super().__init__()
        self.new_releaser()

    def new_releaser(self) -> None:
        machine = self.world.machine
        steady = Steady(seen=lambda: machine.host, elapsed=lambda: machine.elapsed)
        self.releaser = Releaser(engine=self.world.engine, clock=self.world.clock, steady=steady, size=2)

    @precondition(lambda self: any(d.stages for d in self.model.past.live))
    @rule(passes=st.sampled_from([0, 1 * w.SECOND, 2 * w.SECOND, HOUR, 3 * HOUR]), restarts=st.booleans())
    def release(self, passes: int, restarts: bool) -> None:
        """Time passes, and a releaser goes round; a new one where the process was restarted."""
        self.world.pass_time(passes)
        if restarts or self.releaser.engine is not self.world.engine:
            self.world.restart()
            self.watch.set_own_clocks()
            self.new_releaser()
        clock = self.begin("release")
        self.releaser.round()
        self.model.release(self.releaser.steady.now())
        self.watch.settle(clock)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())
def test_what_a_stage_gives_comes_when_it_is_due_and_once(shape: Shape, template: Path, tmp_path: Path) -> None:
    run(Released, shape, template, tmp_path, 500 if LONG else 6, 25)
