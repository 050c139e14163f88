"""Random histories of an exchange beside the naive model: posts, deletions, changes of the config, clocks, restarts.

After each step every open view, from scratch, must equal the model's (`all`, `last`, `first`, objects and manifest),
and be one rising order whose times move for a reason only. Pollers with rhythms of their own must end with exactly what
the model grants. watching.py has the checks, drawing.py what comes next.
"""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from exchange import intake
from tests.property import world as w
from tests.property.drawing import Drawing
from tests.property.model import Model
from tests.property.shapes import Shape
from tests.property.watching import Watch, pollers

PAUSES = [1, 700, 5_000, 250_000, 3_600 * w.SECOND]
CLOCK_STEPS = [-3_600 * w.SECOND, -5 * w.SECOND, -50_000, 5 * w.SECOND, 3_600 * w.SECOND]
FILTERS = {"every": w.ALL, "last": w.LAST, "first": w.FIRST}


class Histories(RuleBasedStateMachine):
    """Set `shape`, and `template` and `folder` for SQLite, in a subclass."""

    shape: ClassVar[Shape]
    template: ClassVar[Path]
    folder: ClassVar[Path]
    made: ClassVar[itertools.count[int]] = itertools.count()

    def __init__(self) -> None:
        super().__init__()
        self.world = w.World(url=self.fresh())
        self.model = Model(dict(self.shape.members), dict(self.shape.collections), self.shape.groups)
        self.drawing = Drawing(self.shape, self.model)
        self.watch = Watch(self.world, self.model, self.shape)
        self.looked = -1
        self.apply()
        self.watch.settle(0)

    def fresh(self) -> str:
        return w.copied(self.template, self.folder, f"history{next(self.made)}")

    def apply(self) -> None:
        self.world.apply(self.shape.files(self.model, self.drawing.absent))

    def begin(self, kind: str) -> int:
        """A step begins; the exchange clock before it."""
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
        write = self.model.collections[collection].write
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
        publisher, collection = draw.draw(st.sampled_from(self.writers()), "where")
        deposits = self.drawing.envelope(draw, publisher, collection)
        clock = self.begin("post")
        words = self.world.words(publisher)
        objects = [self.shape.body(d, words) for d in deposits]
        status = self.world.post(publisher, self.shape.uid(collection), objects)
        assert status["success_count"] == len(objects), status
        self.model.post(deposits)
        self.watch.took(deposits)
        self.watch.settle(clock)

    @precondition(lambda self: self.deletable())
    @rule(draw=st.data(), which=st.sampled_from(sorted(FILTERS)))
    def delete(self, draw: st.DataObject, which: str) -> None:
        publisher, collection, object_id = draw.draw(st.sampled_from(self.deletable()), "object")
        own = [d.version for d in self.model.own(publisher, collection, object_id)]
        clock = self.begin("delete")
        done = self.world.delete(publisher, self.shape.uid(collection), object_id, FILTERS[which])
        assert done is intake.Deletion.DONE
        gone = {"every": own, "last": own[-1:], "first": own[:1]}[which]
        self.model.delete(publisher, collection, object_id, gone)
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
                self.drawing.change(draw)
            self.apply()
            self.watch.settle(clock)

    @rule(what=st.sampled_from(["pass", "set", "restart"]), draw=st.data())
    def meanwhile(self, what: str, draw: st.DataObject) -> None:
        """Time passes, the host's clock is set, or the process restarts."""
        if what == "restart":
            self.begin(what)
            self.world.restart()
            self.watch.set_own_clocks()
        elif what == "set":
            self.world.machine.host += draw.draw(st.sampled_from(CLOCK_STEPS), "microseconds")
        else:
            passed = draw.draw(st.sampled_from(PAUSES), "microseconds")
            self.world.pass_time(min(passed, 5_000) if self.world.real_time else passed)

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
