"""A backup and what is restored from it, example by example: nothing lost of that moment, nothing given out twice."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, MetaData, func, insert, select, text
from sqlalchemy.engine import URL, make_url

from exchange import backup, credentials, inforce, ledger, ledgeraudit, ledgertables, restoring, store, tables, whohas
from exchange.ledger import Line
from tests.property import world as w
from tests.property.world import Seen, World, campaign, campaign_id, note, uid

A, B, LATE = uid(1), uid(2), uid(3)
MEMBERS = {"alice": ["g1"], "bob": [], "carol": ["g1"]}


def files(late: Sequence[str] = (), **groups: Sequence[str]) -> dict[str, str]:
    """alice and bob publish to all; carol reads. `groups`: who is in which beyond `MEMBERS`; `late`: collections."""
    members = {name: {"name": name, "in": [*known, *groups.get(name, ())]} for name, known in MEMBERS.items()}
    members |= {name: {"name": name, "in": list(of)} for name, of in groups.items() if name not in MEMBERS}
    rights = {"read": "everyone", "write": "everyone", "accept": ["clear", "red"]}
    ids = {"a": A, "b": B, **dict.fromkeys(late, LATE)}
    return w.home({"g1": "one", "g2": "two"}, members, {name: {"id": found, **rights} for name, found in ids.items()})


def quietly(_what: str, _total: int | None) -> nullcontext[Any]:
    return nullcontext(lambda _steps: None)


class House:
    """A world with its ledger, and what is done with backups of it."""

    def __init__(self, url: str, folder: Path) -> None:
        self.world, self.folder = World(url=url), folder
        found = make_url(url)
        if found.get_backend_name() == "sqlite":
            found = found.set(database=f"{found.database}-ledger")
        self.ledger = store.connect(found.render_as_string(hide_password=False), 2)
        ledger.migrate(self.ledger)

    @property
    def stores(self) -> backup.Stores:
        return backup.Stores(main=self.world.engine, ledger=self.ledger)

    def backup(self, name: str = "backup.db") -> Path:
        file = self.folder / name
        backup.write(self.stores, file, clock=self.world.clock, release="1", progress=quietly)
        return file

    def restore(self, file: Path, *, replace: bool = True) -> restoring.Restored:
        restoring.check(file)
        with restoring.opened(file, self.folder) as source:
            return restoring.load(source, self.stores, clock=self.world.clock, replace=replace, progress=quietly)

    def serve(self, member: str, where: str = A, at: int = 0) -> list[Seen]:
        """Everything that a member may read in a collection, with its line; `at` is now if it is not said."""
        answer = self.world.poll(member, where, filters=w.ALL)
        assert answer is not None
        with store.reading(self.world.engine) as conn:
            state = inforce.current(conn)
            assert state is not None
            numbers = tuple(
                conn.scalars(
                    select(tables.version.c.number)
                    .join(tables.object_, tables.object_.c.number == tables.version.c.object)
                    .where(
                        tables.object_.c.id.in_([seen.id for seen in answer.items]), tables.version.c.deleted.is_(None)
                    )
                )
            )
            line = Line(
                at=at or self.world.clock.now(conn),
                member=state.numbers[member],
                collection=state.places[where],
                key="",
                config=state.version,
                versions=numbers,
            )
        ledger.Ledger(self.ledger).write(line)
        return list(answer.items)

    def who_has(self, n: int) -> set[tuple[str, int]] | None:
        """(member, config version of the first time) of a campaign."""
        with store.reading(self.world.engine) as conn, store.reading(self.ledger) as lines:
            state = inforce.current(conn)
            assert state is not None
            found = whohas.who_has(conn, lines, state, campaign_id(n))
        return None if found is None else {(had.member, had.first_config) for had in found}

    def audit(self) -> list[str]:
        with store.reading(self.ledger) as lines, store.reading(self.world.engine) as conn:
            return self.world.audit() + ledgeraudit.audit(conn, lines)

    def everything(self) -> dict[str, object]:
        """Every row of every table."""
        found: dict[str, object] = {}
        for engine, listed in ((self.world.engine, backup.MAIN), (self.ledger, backup.LEDGER)):
            with store.reading(engine) as conn:
                found |= {x.name: sorted(map(repr, conn.execute(select(x)))) for x in listed}
        return found

    def close(self) -> None:
        self.ledger.dispose()
        self.world.close()


@pytest.fixture
def house(database: str, tmp_path: Path) -> Iterator[House]:
    """With what is hard to carry: a deletion, a narrowed version, two publishers of one id, references, a grant."""
    made = House(database, tmp_path)
    world = made.world
    world.apply(files())
    to_g1 = [world.words("alice")["group:g1"]]
    world.post("alice", A, [campaign(1, text="one"), campaign(2, text="two", marks=to_g1), campaign(3, text="gone")])
    world.post("alice", A, [note(1, [campaign_id(1), campaign_id(2)], text="both")])
    world.post("bob", A, [campaign(1, 2, text="bob's one")])
    world.post("alice", A, [campaign(1, 3, text="narrow", marks=to_g1)])
    world.delete("alice", A, campaign_id(3))
    world.apply(files(bob=["g1"]))
    yield made
    assert made.audit() == []
    made.close()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def elsewhere(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    """An empty exchange on either database."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    if request.param == "sqlite":
        made = House(URL.create("sqlite", database=str(folder / "x.db")).render_as_string(), folder)
        yield made
        made.close()
        return
    server: URL = request.getfixturevalue("postgresql_server")
    name = f"exchange_elsewhere_{abs(hash(str(tmp_path)))}"
    admin = store.connect(server.render_as_string(hide_password=False), 1).execution_options(
        isolation_level="AUTOCOMMIT"
    )
    with admin.connect() as conn:
        conn.execute(text(f"CREATE DATABASE {name}"))
    made = House(server.set(database=name).render_as_string(hide_password=False), folder)
    yield made
    made.close()
    with admin.connect() as conn:
        conn.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


def views(house: House) -> dict[tuple[str, str], object]:
    return {(member, name): house.world.poll(member, A, filters=filters)
            for member in MEMBERS for name, filters in (("all", w.ALL), ("last", w.LAST))}  # fmt: skip


def test_every_row_arrives_in_either_database(house: House, elsewhere: House) -> None:
    house.serve("bob")
    before = house.everything()

    elsewhere.restore(house.backup(), replace=False)

    after = elsewhere.everything()
    assert {name for name in before if before[name] != after[name]} == {"collection"}  # whose logs go on from today
    assert before["served"]
    assert views(elsewhere) == views(house)
    assert elsewhere.audit() == []


def test_the_moved_exchange_goes_on_with_fresh_numbers_and_times(house: House, elsewhere: House) -> None:
    cursors = {member: max(seen.date_added for seen in house.serve(member)) for member in MEMBERS}
    elsewhere.restore(house.backup())
    elsewhere.world.posts = 100

    elsewhere.world.post("alice", A, [campaign(7, text="new")])

    for member, cursor in cursors.items():
        answer = elsewhere.world.poll(member, A, after=cursor)
        assert answer is not None
        assert [seen.text for seen in answer.items] == ["new"]
    assert elsewhere.audit() == []


def test_what_comes_after_a_restore_comes_after_all_that_was_lost(house: House) -> None:
    file = house.backup()
    house.world.post("alice", A, [campaign(n, text="lost") for n in range(10, 60)])
    cursors = {member: max(seen.date_added for seen in house.serve(member)) for member in MEMBERS}
    house.restore(file)

    house.world.post("alice", A, [campaign(7, text="new")])

    for member, cursor in cursors.items():
        answer = house.world.poll(member, A, after=cursor)
        assert answer is not None
        assert [seen.text for seen in answer.items] == ["new"]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_lost_grant_had_moved_its_member_s_times_which_go_on_beyond_it(house: House) -> None:
    only_g2 = [house.world.words("alice")["group:g2"]]
    house.world.post("alice", A, [campaign(n, text="to g2", marks=only_g2) for n in range(20, 40)])
    file = house.backup()
    house.world.apply(files(carol=["g2"]))
    house.world.post("alice", A, [campaign(60, text="lost")])
    seen = house.world.poll("carol", A, after=0, filters=w.ALL)
    assert seen is not None
    house.restore(file)

    house.world.post("alice", A, [campaign(7, text="new")])

    answer = house.world.poll("carol", A, after=seen.items[-1].date_added)
    assert answer is not None
    assert [x.text for x in answer.items] == ["new"]


def test_the_record_of_what_was_lost_stays_and_its_numbers_are_never_given_again(house: House) -> None:
    file = house.backup()
    house.world.apply(files(late=["c"], bob=["g1", "g2"], dave=["g1"]))
    house.world.post("alice", A, [campaign(10, text="lost")])
    house.world.post("alice", LATE, [campaign(12, text="lost")])
    house.serve("bob")
    house.serve("dave")
    house.serve("dave", LATE)

    house.restore(file)
    house.world.post("alice", A, [campaign(11, text="new")])
    house.serve("carol")

    assert house.who_has(10) == {("bob", 3), ("dave", 3)}
    assert house.who_has(11) == {("carol", 4)}
    assert house.who_has(12) == {("dave", 3)}


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_second_restore_of_the_same_file_does_no_harm(house: House) -> None:
    file = house.backup()
    house.world.post("alice", A, [campaign(10, text="lost")])
    house.serve("bob")
    house.restore(file)
    house.world.post("alice", A, [campaign(11, text="lost too")])
    house.serve("bob")

    assert house.restore(file).same

    assert house.who_has(10) == {("bob", 2)}
    assert house.who_has(11) == {("bob", 2)}
    assert "lost" not in house.world.view("bob", A)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_the_version_that_was_restored_comes_in_force_under_a_number_of_its_own(house: House) -> None:
    file = house.backup()
    house.world.apply(files(bob=["g1", "g2"]))

    done = house.restore(file)

    with store.reading(house.world.engine) as conn:
        history = store.config_history(conn)
        state = inforce.current(conn)
    assert state is not None
    assert [version for version, _ in history] == [1, 2, 3, 4]
    assert (done.version, state.version) == (4, 4)
    assert state.files == files(bob=["g1"])


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("elsewhere", ["sqlite"], indirect=True)
def test_keys_stay_as_they_are_in_the_same_exchange_and_arrive_in_another(house: House, elsewhere: House) -> None:
    old, closed = (_key(house, "alice") for _ in range(2))
    file = house.backup()
    made = _key(house, "bob")
    with store.writing(house.world.engine) as conn:
        credentials.revoke(conn, closed.split("_")[1], house.world.clock.now(conn))

    house.restore(file)
    elsewhere.restore(file)

    assert [_opens(house, key) for key in (old, closed, made)] == [True, False, True]
    assert [_opens(elsewhere, key) for key in (old, closed, made)] == [True, True, False]


def _key(house: House, member: str) -> str:
    with store.writing(house.world.engine) as conn:
        number, now = store.members(conn)[member], house.world.clock.now(conn)
        return credentials.new(conn, member=number, scope=("read",), now=now, token=secrets.token_bytes)


def _opens(house: House, key: str) -> bool:
    with store.reading(house.world.engine) as conn:
        return credentials.find(conn, key, house.world.clock.now(conn)) is not None


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_an_exchange_is_not_replaced_unless_one_says_so(house: House) -> None:
    file = house.backup()
    before = house.everything()

    with pytest.raises(restoring.HoldsSomething) as found:
        house.restore(file, replace=False)

    assert found.value.held == backup.Held(objects=3, members=3, version=2)
    assert house.everything() == before


@pytest.mark.parametrize("elsewhere", ["sqlite"], indirect=True)
def test_another_exchange_is_replaced_with_its_ledger(house: House, elsewhere: House) -> None:
    elsewhere.world.apply(files())
    elsewhere.world.post("bob", A, [campaign(n, text="other") for n in range(20)])
    elsewhere.serve("carol")
    house.serve("bob")

    done = elsewhere.restore(house.backup())

    assert not done.same
    assert views(elsewhere) == views(house)
    assert elsewhere.who_has(2) == {("bob", 2)}
    assert elsewhere.audit() == []


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("elsewhere", ["sqlite"], indirect=True)
def test_two_that_went_apart_are_not_taken_for_the_same(house: House, elsewhere: House) -> None:
    elsewhere.restore(house.backup())
    elsewhere.world.posts = 100
    house.world.post("alice", A, [campaign(10, text="here")])
    elsewhere.world.pass_time(w.MILLISECOND)
    elsewhere.world.post("alice", A, [campaign(11, text="there")])
    elsewhere.serve("bob")

    assert not house.restore(elsewhere.backup("apart.db")).same
    assert house.who_has(11) == {("bob", 2)}
    assert house.who_has(10) is None


def test_a_process_that_dies_in_a_restore_leaves_all_as_it_was(house: House) -> None:
    file = house.backup()
    house.world.post("alice", A, [campaign(10, text="later")])
    before = house.everything()
    for after in (1, 5, 20, 40, 60):
        with house.world.dying(after) as kept:
            house.restore(file)
        assert not kept, after
        house.world.restart()
        assert house.everything() == before, after


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_process_that_dies_in_a_backup_leaves_no_file_of_that_name(house: House, tmp_path: Path) -> None:
    for after in (1, 10, 30):
        with house.world.dying(after):
            house.backup()
        assert list(tmp_path.glob("*backup.db*")) == [], after
        house.world.restart()


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("elsewhere", ["sqlite"], indirect=True)
def test_a_backup_of_the_first_release_is_migrated_before_it_is_loaded(house: House, elsewhere: House) -> None:
    elsewhere.restore(_as_the_first_release_had_it(house))

    assert views(elsewhere) == views(house)
    assert elsewhere.audit() == []  # with the tallies, which it did not know


def _as_the_first_release_had_it(house: House) -> Path:
    file = house.folder / "old.db"
    engine = store.connect(backup.url(file), 1)
    settings = Config()
    settings.set_main_option("script_location", "exchange:migrations")
    settings.set_main_option("path_separator", "newline")
    settings.set_main_option("version_locations", "exchange:migrations/versions")
    with store.writing(engine) as conn, store.reading(house.world.engine) as source:
        settings.attributes |= {"connection": conn, "schema": store.MAIN}
        command.upgrade(settings, "0001")
        conn.execute(text("DELETE FROM secret"))
        old = MetaData()
        old.reflect(conn)
        for table in backup.MAIN:
            if table.name in old.tables:
                names = [column.name for column in old.tables[table.name].columns]
                rows = source.execute(select(*(table.c[name] for name in names))).all()
                store.insert_many(conn, table, names, rows)
        backup.about.create(conn)
        conn.execute(insert(backup.about), [{"format": 1, "release": "0.1.0", "taken": house.world.now()}])
        conn.execute(text(f"PRAGMA application_id = {backup.APPLICATION}"))
    engine.dispose()
    return file


# What is no backup ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_backup_of_a_newer_release_is_refused(house: House) -> None:
    file = house.backup()
    _change(file, "UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(restoring.Unusable, match="newer release"):
        house.restore(file)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_backup_in_another_form_is_refused(house: House) -> None:
    file = house.backup()
    _change(file, "UPDATE backup SET format = 2")

    with pytest.raises(restoring.Unusable, match="another release"):
        house.restore(file)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_damaged_backup_is_refused(house: House) -> None:
    file = house.backup()
    with file.open("r+b") as opened:
        opened.seek(file.stat().st_size // 2)
        opened.write(b"\xff" * 8192)

    with pytest.raises(restoring.Unusable, match="is damaged"):
        house.restore(file)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_backup_whose_parts_disagree_is_refused(house: House) -> None:
    """Every statement would still run; an index is gone."""
    file = house.backup()
    _change(file, "PRAGMA writable_schema = ON", "DELETE FROM sqlite_master WHERE name = 'version_by_object'")

    with pytest.raises(restoring.Unusable, match="is damaged"):
        house.restore(file)


def _change(file: Path, *statements: str) -> None:
    engine: Engine = store.connect(backup.url(file), 1)
    with store.writing(engine) as conn:
        for statement in statements:
            conn.execute(text(statement))
    engine.dispose()


@pytest.mark.parametrize("what", ["old objects later", "new objects at once"])
def test_a_line_of_an_answer_that_came_after_the_backup_is_not_in_it(house: House, what: str) -> None:
    """Between the two snapshots, of the store and of the ledger, the exchange goes on."""
    house.serve("bob")
    at = house.world.now()

    def meanwhile(doing: str, _total: int | None) -> nullcontext[Any]:
        if doing == "copying objects" and what == "old objects later":
            house.world.pass_time(w.MILLISECOND)
            house.serve("carol")
        elif doing == "copying objects":
            house.world.post("alice", A, [campaign(10, text="later")])
            house.serve("carol", at=at)
        return nullcontext(lambda _steps: None)

    file = house.folder / "backup.db"
    backup.write(house.stores, file, clock=house.world.clock, release="1", progress=meanwhile)

    engine = store.connect(backup.url(file), 1)
    lines = select(func.count()).select_from(ledgertables.served)
    with store.reading(engine) as conn, store.reading(house.ledger) as written:
        assert ledgeraudit.audit(conn, conn) == []
        assert (conn.scalar(lines), written.scalar(lines)) == (1, 2)
    engine.dispose()


def test_every_table_of_both_schemas_is_in_a_backup() -> None:
    assert {*backup.MAIN} == {*tables.metadata.tables.values()}
    assert {*backup.LEDGER} == {*ledgertables.metadata.tables.values()}
