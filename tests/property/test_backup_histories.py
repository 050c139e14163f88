"""Random histories in which the exchange goes back to a backup, or moves into another database, and pollers go on.

What came after the backup is lost; what pollers saw of it, as far as their cursors, is not forgotten. All that the
machine of promise 3 checks must hold on: nothing missed, nothing twice, times that rise.
"""

from __future__ import annotations

import itertools
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from sqlalchemy import Engine
from sqlalchemy.engine import URL

from exchange import backup, restoring, store
from exchange import ledger as exchange_ledger
from tests import databases
from tests.property import world as w
from tests.property.drawing import Drawn
from tests.property.histories import Histories, run
from tests.property.model import Collection, Member
from tests.property.shapes import CHANGES, Shape

LONG = settings.get_current_profile_name() == "long"
G1 = frozenset({"g1"})
SHAPE = Shape(
    members={"alice": Member(groups=G1), "bob": Member(), "carol": Member(relays=True)},
    collections={"a": Collection(), "b": Collection(read=G1)},
    publishers=("alice", "bob"),
    notes=1,
    changes=CHANGES,
)


def quietly(_what: str, _total: int | None) -> nullcontext[Any]:
    return nullcontext(lambda _steps: None)


def stores(engine: Engine) -> backup.Stores:
    """The two databases of a world; its ledger is empty."""
    url = engine.url
    if url.get_backend_name() == "sqlite":
        url = url.set(database=f"{url.database}-ledger")
    ledger = store.connect(url.render_as_string(hide_password=False), 2)
    exchange_ledger.migrate(ledger)
    return backup.Stores(main=engine, ledger=ledger)


class Restoring(Histories):
    """Goes back to where it was after things that the model never hears of."""

    numbers = itertools.count()

    def fresh(self) -> w.World:
        return w.World(url=w.copied(self.template, self.folder, f"history{next(self.numbers)}"), migrated=True)

    def file(self) -> Path:
        return self.folder / f"backup{next(self.numbers)}.db"

    def write(self, file: Path) -> None:
        found = stores(self.world.engine)
        backup.write(found, file, clock=self.world.clock, release="1", progress=quietly)
        found.ledger.dispose()

    def restore(self, file: Path, target: Engine) -> restoring.Restored:
        restoring.check(file)
        found = stores(target)
        with restoring.opened(file, self.folder) as source:
            done = restoring.load(source, found, clock=self.world.clock, replace=True, progress=quietly)
        found.ledger.dispose()
        file.unlink()
        return done

    @precondition(lambda self: not self.world.others and self.writers())
    @rule(draw=st.data(), changes=st.booleans())
    def go_back(self, draw: st.DataObject, changes: bool) -> None:
        self.begin("restart")
        for place in filter(lambda place: self.model.opens(*place), self.watch.places()):
            for kind in self.watch.pollers[place]:
                self.watch.poll_to_the_end(place, kind)
        file = self.file()
        self.write(file)
        self.lose(draw, changes)
        assert self.restore(file, self.world.engine).same
        self.world.restart()
        assert self.world.audit() == []
        if self.writers():
            self.publish(draw)

    def lose(self, draw: st.DataObject, changes: bool) -> None:
        """Publish and change rights, let every poller see it, and forget it all but where the pollers stand."""
        publisher, collection = draw.draw(st.sampled_from(self.writers()), "where")
        before = self.model.config(), set(self.drawing.absent)
        if changes:
            self.drawing.change(Drawn(draw))
            self.apply()
        doomed = [w.campaign(900 + n, text="doomed") for n in range(draw.draw(st.integers(1, 5), "lost objects"))]
        if self.writes(publisher, collection):
            self.world.post(publisher, self.shape.uid(collection), doomed)
        opened = [place for place in self.watch.places() if self.model.opens(*place)]
        self.model.set_config(before[0])
        self.drawing.absent = before[1]
        for member, name in opened:
            if not self.model.opens(member, name):
                continue
            for poller in self.watch.pollers[member, name].values():
                answer = self.world.poll(
                    member, self.shape.uid(name), after=poller.after, filters=poller.filters, limit=1000
                )
                assert answer is not None
                poller.after = max([poller.after, *(seen.date_added for seen in answer.items)])


class Moving(Restoring):
    """Goes on in another database, too."""

    moved = False

    @precondition(lambda self: not self.world.others and not self.moved)
    @rule()
    def move(self) -> None:
        self.begin("restart")
        self.moved = True
        file, old = self.file(), self.world.engine
        self.write(file)
        self.world.url = w.copied(self.template, self.folder, f"history{next(self.numbers)}")
        self.world.engines = [store.connect(self.world.url, 4)]
        self.world.engine = self.world.engines[0]
        self.restore(file, self.world.engine)
        old.dispose()
        self.world.restart()
        self.watch.set_own_clocks()
        assert self.world.audit() == []


def test_pollers_go_on_after_a_restore_and_after_a_move(template: Path, tmp_path: Path) -> None:
    run(Moving, SHAPE, template, tmp_path, 300 if LONG else 2, 15)


@pytest.mark.long  # tests/property/test_backup.py has the short form
@pytest.mark.postgresql
def test_pollers_go_on_after_a_restore_on_postgresql(
    postgresql_server: URL, postgresql_template: str, tmp_path: Path
) -> None:
    class OnPostgres(Restoring):
        def fresh(self) -> w.World:
            self.stack = ExitStack()
            url = self.stack.enter_context(databases.postgresql(postgresql_server, postgresql_template))
            return w.World(url=url, migrated=True)

        def teardown(self) -> None:
            with self.stack:
                super().teardown()

    run(OnPostgres, SHAPE, Path(), tmp_path, 50 if LONG else 5, 15)
