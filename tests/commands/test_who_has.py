"""`exchange who-has`, and the ledger in `exchange audit`."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from exchange import app, store
from tests.commands.command import AMBER, edit, note, publish, run, told


@pytest.fixture
def shared(applied: Path) -> Path:
    """Cyber Defense has published note 1 for finance alone."""
    publish(applied, "cyberdef", "indicators", note(1, AMBER, "group:finance"))
    return applied


def _poll(home: Path, *members: str) -> None:
    """Each member polls the collection with a fresh key."""
    exchange = app.open_exchange(home)
    client = app.create_app(exchange).test_client()
    for member in members:
        key = run("key", "new", member, "--home", home).stdout.strip()
        path = "/exchange/collections/indicators/objects/"
        assert client.get(path, headers={"Authorization": f"Bearer {key}"}).status_code == 200
    exchange.close()


def test_who_has_lists_those_who_were_served_it_with_times_and_configs(shared: Path) -> None:
    _poll(shared, "firstriver", "skyline", "firstriver")

    result = run("who-has", note(1)["id"], "--home", shared)

    header, line, *rest = result.stdout.splitlines()
    assert (result.exit_code, rest) == (0, [])
    assert header.split() == [
        "member",
        "collection",
        "publisher",
        "version",
        *["first", "config", "last", "config"],
        "times",
        "recall",
    ]
    assert line.split()[:3] == ["firstriver", "indicators", "cyberdef"]
    assert line.split()[-1] == "2"


def test_as_json_it_has_the_same_and_the_names_of_its_parts(shared: Path) -> None:
    _poll(shared, "firstriver")

    [found] = told("who-has", note(1)["id"], "--home", shared)

    assert found.pop("first") == found.pop("last")
    assert found == {
        "member": "firstriver", "collection": "indicators", "publisher": "cyberdef", "version": note(1)["modified"],
        "first_config": 1, "last_config": 1, "times": 1, "recall": None,
    }  # fmt: skip


def test_who_may_not_read_it_any_more_still_has_it(shared: Path) -> None:
    _poll(shared, "firstriver")
    edit(shared, "config/exchange.yaml", "in: [finance] }", "in: [finance], suspended: true }")
    run("apply", "--yes", "--home", shared)

    assert "firstriver" not in run("who-can", note(1)["id"], "--home", shared).stdout
    assert "firstriver" in run("who-has", note(1)["id"], "--home", shared).stdout


def test_that_nobody_was_served_it_is_a_no_and_so_is_an_id_that_nobody_deposited(shared: Path) -> None:
    _poll(shared, "skyline")

    for number, said in ((1, "nobody was served it"), (9, "nobody deposited that id")):
        result = run("who-has", note(number)["id"], "--home", shared)
        assert (result.exit_code, result.stdout) == (1, "")
        assert said in result.stderr
        assert run("who-has", note(number)["id"], "--json", "--home", shared).exit_code == 1


def test_audit_reads_the_ledger_too(shared: Path) -> None:
    _poll(shared, "firstriver")
    assert run("audit", "--home", shared).exit_code == 0
    exchange = app.open_exchange(shared)
    with store.writing(exchange.ledger) as conn:
        conn.execute(text("UPDATE served SET member = 999"))
    exchange.close()

    result = run("audit", "--home", shared)

    assert result.exit_code == 1
    assert "ledger: line 1 names member 999, which never was" in result.stderr
