"""Random histories of an exchange beside the naive model: posts, deletions, changes of the config, clocks, restarts,
a second process that writes, and deaths between two statements.

After each step every open view, from scratch, must equal the model's (`all`, `last`, `first`, objects and manifest),
and be one rising order whose times move for a reason only. Pollers with rhythms of their own must end with exactly what
the model grants. watching.py has the checks, drawing.py what comes next.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Engine

from exchange import intake
from tests.property import world as w
from tests.property.drawing import Drawing, Drawn
from tests.property.model import Deposit, Model
from tests.property.shapes import Shape
from tests.property.watching import Watch, pollers

PAUSES = [1, 700, 5_000, 250_000, 3_600 * w.SECOND]
CLOCK_STEPS = [-3_600 * w.SECOND, -5 * w.SECOND, -50_000, 5 * w.SECOND, 3_600 * w.SECOND]
FILTERS = {"every": w.ALL, "last": w.LAST, "first": w.FIRST}
DEATHS = st.integers(0, 60)  # statements that a process still comes through: a post of one object has about forty


@dataclass(slots=True)
class Tally:
    """How many worlds a run made, and how many steps they took."""

    worlds: int = 0
    steps: int = 0
    deaths: int = 0


class Histories(RuleBasedStateMachine):
    """Set `shape`, and `template` and `folder` for SQLite, in a subclass."""

    shape: ClassVar[Shape]
    template: ClassVar[Path]
    folder: ClassVar[Path]
    tally: ClassVar[Tally]
    engines: ClassVar[list[Engine]]

    def __init__(self) -> None:
        super().__init__()
        self.tally.worlds += 1
        self.world = self.fresh()
        self.model = Model(
            dict(self.shape.members), dict(self.shape.collections), self.shape.groups, plans=self.shape.plans
        )
        self.drawing = Drawing(self.shape, self.model)
        self.watch = Watch(self.world, self.model, self.shape)
        self.looked = -1
        self.apply()
        self.watch.settle(0)

    def fresh(self) -> w.World:
        url = w.copied(self.template, self.folder, "history")
        return w.World(url=url, migrated=True, engines=self.engines)

    def apply(self) -> None:
        self.world.apply(self.shape.files(self.model, self.drawing.absent))

    def begin(self, kind: str) -> int:
        """A step begins; the exchange clock before it."""
        self.tally.steps += 1
        self.watch.step += 1
        self.watch.kind = kind
        return self.world.now()

    def teardown(self) -> None:
        try:
            for place in self.watch.places():
                if self.model.opens(*place):
                    for kind in self.watch.pollers[place]:
                        self.watch.poll_to_the_end(place, kind)
            assert self.world.audit() == []
        finally:
            self.world.close()
            if not self.world.real_time:
                for end in ("", "-wal", "-shm"):
                    Path(f"{self.world.engine.url.database}{end}").unlink(missing_ok=True)

    @precondition(lambda self: self.looked < self.watch.step)
    @invariant()
    def every_view_is_the_model_s(self) -> None:
        self.looked = self.watch.step
        self.watch.look()
        if self.watch.step % 7 == 3:
            found = self.world.audit()
            assert found == [], found

    # Publishing ---------------------------------------------------------------------------------------------

    def writers(self) -> list[tuple[str, str]]:
        """Who may publish where now."""
        return [(p, name) for p in self.shape.publishers for name in self.model.collections if self.writes(p, name)]

    def writes(self, member: str, collection: str) -> bool:
        write = self.model.collections[collection].writes
        return self.model.opens(member, collection) and self.model.has(member, write)

    def deletable(self) -> list[tuple[str, str, str]]:
        writers = self.writers()
        return sorted({d.object for d in self.model.past.live if d.object[:2] in writers})

    @precondition(lambda self: self.writers())
    @rule(draw=st.data())
    def post(self, draw: st.DataObject) -> None:
        self.publish(draw)

    @precondition(lambda self: self.writers())
    @rule(draw=st.data())
    def post_again(self, draw: st.DataObject) -> None:
        """A second rule for it: most steps of a history should publish."""
        self.publish(draw)

    def publish(self, draw: st.DataObject) -> None:
        deposits = self.envelope(draw)
        clock = self.begin("post")
        self.send(deposits)
        self.took(deposits, clock)

    def envelope(self, draw: st.DataObject) -> list[Deposit]:
        return self.drawing.envelope(Drawn(draw), *draw.draw(st.sampled_from(self.writers()), "where"))

    def send(self, deposits: list[Deposit]) -> None:
        publisher, uid = deposits[0].publisher, self.shape.uid(deposits[0].collection)
        words = self.world.words(publisher)
        objects = [self.shape.body(d, words) for d in deposits]
        status = self.world.post(publisher, uid, objects)
        assert status["success_count"] == len(objects), status

    def took(self, deposits: list[Deposit], clock: int) -> None:
        self.model.post(deposits, clock)
        self.watch.took(deposits)
        self.watch.settle(clock)

    @precondition(lambda self: self.deletable())
    @rule(draw=st.data(), which=st.sampled_from(sorted(FILTERS)))
    def delete(self, draw: st.DataObject, which: str) -> None:
        found = draw.draw(st.sampled_from(self.deletable()), "object")
        clock = self.begin("delete")
        self.remove(found, which)
        self.removed(found, which, clock)

    def remove(self, found: tuple[str, str, str], which: str) -> None:
        publisher, collection, object_id = found
        done = self.world.delete(publisher, self.shape.uid(collection), object_id, FILTERS[which])
        assert done is intake.Deletion.DONE

    def removed(self, found: tuple[str, str, str], which: str, clock: int) -> None:
        own = [d.version for d in self.model.own(*found)]
        self.model.delete(*found, {"every": own, "last": own[-1:], "first": own[:1]}[which])
        self.watch.settle(clock)

    @precondition(lambda self: self.model.past.live)
    @rule(draw=st.data())
    def delete_what_is_not_one_s_own(self, draw: st.DataObject) -> None:
        """403 where the member may see it, else 404 (TAXII 2.1 section 5.7)."""
        place = draw.draw(st.sampled_from(self.watch.places()), "who")
        object_id = draw.draw(st.sampled_from(self.shape.ids()), "id")
        if not self.writes(*place) or self.model.own(*place, object_id):
            return
        seen = any(d.id == object_id for d in self.watch.views[place])
        wanted = intake.Deletion.FOREIGN if seen else intake.Deletion.HIDDEN
        assert self.world.delete(place[0], self.shape.uid(place[1]), object_id) is wanted

    # Administration, time, clients --------------------------------------------------------------------------

    @rule(draw=st.data(), applies=st.lists(st.integers(1, 2), min_size=1, max_size=2))
    def change_the_config(self, draw: st.DataObject, applies: list[int]) -> None:
        """So many changes in each apply, one apply right after the other."""
        for changes in applies:
            clock = self.begin("config")
            for _ in range(changes):
                self.drawing.change(Drawn(draw))
            self.apply()
            self.watch.settle(clock)

    @rule(what=st.sampled_from(["pass", "set", "restart", "switch"]), draw=st.data())
    def meanwhile(self, what: str, draw: st.DataObject) -> None:
        """Time passes, the host's clock is set, the process restarts, or another process takes the next requests."""
        if what == "restart":
            self.restart()
        elif what == "switch" and self.world.others:
            self.world.switch()
        elif what == "switch":
            self.world.start_another(draw.draw(st.sampled_from(CLOCK_STEPS), "microseconds"))
            self.watch.set_own_clocks()
        elif what == "set":
            self.world.machine.host += draw.draw(st.sampled_from(CLOCK_STEPS), "microseconds")
        else:
            passed = draw.draw(st.sampled_from(PAUSES), "microseconds")
            self.world.pass_time(min(passed, 5_000) if self.world.real_time else passed)

    def restart(self) -> None:
        self.begin("restart")
        self.world.restart()
        self.watch.set_own_clocks()

    # Deaths: all of a step is there or nothing, what was answered is there, and another process takes over ---------

    def took_over(self) -> None:
        self.tally.deaths += 1
        self.restart()
        found = self.world.audit()
        assert found == [], found

    @precondition(lambda self: self.writers())
    @rule(draw=st.data(), after=DEATHS)
    def die_while_publishing(self, draw: st.DataObject, after: int) -> None:
        """Then the client posts again, as it does without an answer."""
        # Where real time passes an envelope may be split, and half of it kept.
        deposits = self.envelope(draw)[: 1 if self.world.real_time else None]
        clock = self.begin("post")
        with self.world.dying(after) as kept:
            self.send(deposits)
        if kept:  # the objects come first, the status after them
            self.took(deposits, clock)
        self.took_over()
        clock = self.begin("post")
        self.send(deposits)
        self.took(deposits, clock)

    @precondition(lambda self: self.deletable())
    @rule(draw=st.data(), which=st.sampled_from(sorted(FILTERS)), after=DEATHS)
    def die_while_deleting(self, draw: st.DataObject, which: str, after: int) -> None:
        found = draw.draw(st.sampled_from(self.deletable()), "object")
        clock = self.begin("delete")
        with self.world.dying(after) as kept:
            self.remove(found, which)
        if kept:
            self.removed(found, which, clock)
        self.took_over()

    @rule(draw=st.data(), after=DEATHS)
    def die_while_changing_the_config(self, draw: st.DataObject, after: int) -> None:
        before = self.model.config(), set(self.drawing.absent)
        clock = self.begin("config")
        self.drawing.change(Drawn(draw))
        with self.world.dying(after) as kept:
            self.apply()
        if not kept:
            self.model.set_config(before[0])
            self.drawing.absent = before[1]
        self.watch.settle(clock)
        self.took_over()

    @rule(draw=st.data(), kind=st.sampled_from(sorted(pollers())), count=st.integers(1, 3))
    def poll(self, draw: st.DataObject, kind: str, count: int) -> None:
        place = draw.draw(st.sampled_from(self.watch.places()), "who")
        if not self.model.opens(*place):
            assert self.world.poll(place[0], self.shape.uid(place[1])) is None
        elif kind == "clocked":
            self.watch.poll_to_the_end(place, kind)
        else:
            for _ in range(count):
                self.watch.page(place, self.watch.pollers[place][kind])


def run(machine: type[Histories], shape: Shape, template: Path, folder: Path, worlds: int, steps: int) -> Tally:
    """So many worlds of at most so many steps; most end earlier, where Hypothesis says so."""

    class Machine(machine):  # type: ignore[misc, valid-type]
        pass

    tally = Tally()
    Machine.shape, Machine.template, Machine.folder = shape, template, folder
    Machine.tally, Machine.engines = tally, []
    run_state_machine_as_test(Machine, settings=settings(max_examples=worlds, stateful_step_count=steps))
    return tally
