"""`exchange explain`, `who-can`, `view` and `audit`."""

from pathlib import Path

import pytest
from sqlalchemy import text

from exchange import store
from tests.commands.command import AMBER, edit, note, publish, run, told

RED = "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1"
SECRET = "Measure 1"  # the name of note(1): content


@pytest.fixture
def shared(applied: Path) -> Path:
    """Cyber Defense has published note 1 for finance alone, and note 2 for two members by name."""
    publish(applied, "cyberdef", "indicators", note(1, AMBER, "group:finance"))
    publish(applied, "cyberdef", "red-room", note(2, RED, "member:skyline", "member:firstriver"))
    return applied


def test_explain_shows_every_rule_kept_with_file_and_line(shared: Path) -> None:
    result = run("explain", "firstriver", note(1)["id"], "--home", shared)

    assert result.exit_code == 0
    assert "firstriver may read it" in result.stdout
    assert "6 addressed" in result.stdout
    assert "config/exchange.yaml:" in result.stdout


def test_explain_ends_with_the_first_rule_that_fails(shared: Path) -> None:
    result = run("explain", "skyline", note(1)["id"], "--home", shared)

    assert result.exit_code == 1
    assert "skyline may not read it" in result.stdout
    assert result.stdout.rstrip().splitlines()[-1].startswith("no   6 addressed")


def test_explain_of_an_id_that_nobody_deposited_is_a_no(shared: Path) -> None:
    result = run("explain", "skyline", note(9)["id"], "--home", shared)

    assert result.exit_code == 1
    assert "nobody deposited that id" in result.stderr


def test_explain_as_json_carries_the_steps(shared: Path) -> None:
    (block,) = told("explain", "skyline", note(1)["id"], "--home", shared)

    assert block["readable"] is False
    assert block["publisher"] == "cyberdef"
    assert [step["kept"] for step in block["steps"]][-1] is False


def test_who_can_lists_the_members_by_name(shared: Path) -> None:
    (found,) = told("who-can", note(2)["id"], "--home", shared)

    assert found["members"] == ["cyberdef", "firstriver", "skyline"]
    assert run("who-can", note(2)["id"], "--home", shared).exit_code == 0


def test_who_can_of_an_unknown_id_is_a_no(shared: Path) -> None:
    assert run("who-can", note(9)["id"], "--home", shared).exit_code == 1


def test_view_lists_ids_types_and_times(shared: Path) -> None:
    (found,) = told("view", "skyline", "--home", shared)

    assert found["id"] == note(2)["id"]
    assert found["collection"] == "red-room"
    assert set(found) == {"collection", "date_added", "id", "type", "version"}


def test_view_of_a_member_that_is_served_nothing_says_so(shared: Path) -> None:
    result = run("view", "care-isac", "--home", shared)

    assert result.exit_code == 0
    assert "nothing" in result.stdout


def test_no_answer_shows_contents(shared: Path) -> None:
    questions = (
        ("explain", "firstriver", note(1)["id"]),
        ("view", "firstriver"),
        ("who-can", note(1)["id"]),
        ("audit",),
    )
    answers = [run(*words, "--home", shared) for words in questions]

    assert all(SECRET not in answer.output for answer in answers)


@pytest.mark.parametrize("command", [("explain", "nobody", note(1)["id"]), ("view", "nobody")])
def test_a_member_that_is_none_is_wrong_usage(shared: Path, command: tuple[str, ...]) -> None:
    result = run(*command, "--home", shared)

    assert result.exit_code == 2
    assert 'no member "nobody"' in result.stderr


def test_what_is_no_stix_id_is_wrong_usage(shared: Path) -> None:
    result = run("who-can", "indicator", "--home", shared)

    assert result.exit_code == 2
    assert "write it like indicator--UUID" in result.stderr


def test_audit_of_a_sound_log_says_so(shared: Path) -> None:
    result = run("audit", "--home", shared)

    assert result.exit_code == 0
    assert result.stdout.startswith("sound")


def test_audit_finds_a_decision_that_somebody_changed_behind_its_back(shared: Path) -> None:
    engine = store.connect(f"sqlite:///{shared / 'data' / 'exchange.db'}")
    with store.writing(engine) as conn:
        conn.execute(text("DELETE FROM reach"))
    engine.dispose()

    result = run("audit", "--home", shared)

    assert result.exit_code == 1
    assert "restore a copy" in result.stderr
    assert told("audit", "--home", shared)["sound"] is False


def test_the_same_answers_come_from_either_database(home: Path, database: str) -> None:
    env = {"EXCHANGE_DATABASE": database}
    assert run("apply", "--yes", "--home", home, env=env).exit_code == 0
    (home / "collections" / "seed").mkdir()
    edit_in = home / "collections" / "seed" / "01-indicators-cyberdef.json"
    edit_in.write_text('{"type":"bundle","id":"bundle--00000000-0000-4000-8000-000000000000","objects":[]}')

    empty = run("seed", "--home", home, env=env)

    assert empty.exit_code == 1
    assert "the body has no objects" in empty.stderr
    assert run("audit", "--home", home, env=env).exit_code == 0
    assert run("key", "new", "skyline", "--home", home, env=env).stdout.startswith("exk_")
    assert not (home / "data" / "exchange.db").exists()


def test_a_database_that_cannot_be_reached_is_said_without_a_traceback(home: Path) -> None:
    env = {"EXCHANGE_DATABASE": "postgresql+psycopg://nobody@127.0.0.1:1/none"}

    result = run("versions", "--home", home, env=env)

    assert result.exit_code == 1
    assert "the database cannot be used" in result.stderr


def test_a_suspended_member_may_not_read_and_explain_says_why(shared: Path) -> None:
    edit(shared, "config/exchange.yaml", "in: [finance] }", "in: [finance], suspended: true }")
    run("apply", "--yes", "--home", shared)

    result = run("explain", "firstriver", note(1)["id"], "--home", shared)

    assert result.exit_code == 1
    assert "not active" in result.stdout
