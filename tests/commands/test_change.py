"""`exchange diff`, `versions` and `apply`."""

import subprocess
import sys
from pathlib import Path
from subprocess import PIPE

from tests.commands.command import AMBER, BARE, edit, note, publish, run, told


def join_finance(home: Path) -> None:
    """Buckeye SOC becomes a member of the group finance, too."""
    edit(home, "config/exchange.yaml", "in: [state]", "in: [state, finance]")


def test_apply_puts_the_files_in_force_and_a_second_one_has_nothing_to_do(home: Path) -> None:
    first = run("apply", "--yes", "--home", home)
    second = run("apply", "--yes", "--home", home)

    assert first.exit_code == 0
    assert "version 1 is in force" in first.stdout
    assert second.exit_code == 0
    assert "nothing to change" in second.stdout


def test_apply_asks_and_a_no_changes_nothing(home: Path) -> None:
    result = run("apply", "--home", home, input="n\n")

    assert result.exit_code == 1
    assert "Put this in force?" in result.stderr
    assert run("versions", "--home", home).exit_code == 1


def test_apply_takes_a_yes(home: Path) -> None:
    assert run("apply", "--home", home, input="y\n").exit_code == 0
    assert told("versions", "--home", home)[0]["in_force"] is True


def test_apply_where_nobody_can_answer_changes_nothing(home: Path) -> None:
    assert run("apply", "--home", home, input="").exit_code == 1
    assert run("versions", "--home", home).exit_code == 1


def test_apply_of_broken_files_leaves_the_old_ones_in_force(applied: Path) -> None:
    edit(applied, "config/exchange.yaml", "in: [finance]", "in: [finence]")

    result = run("apply", "--yes", "--home", applied)

    assert result.exit_code == 1
    assert 'no group "finence" (did you mean "finance"?)' in result.stderr
    assert len(told("versions", "--home", applied)) == 1


def test_diff_counts_the_objects_that_a_member_gains_and_then_loses(applied: Path) -> None:
    answer = told("diff", "--home", applied)
    assert answer["changed"] is False

    publish(applied, "cyberdef", "indicators", note(1, AMBER, "group:finance"), note(2, AMBER, "group:finance"))
    join_finance(applied)
    gained = told("diff", "--home", applied)
    run("apply", "--yes", "--home", applied)
    edit(applied, "config/exchange.yaml", "in: [state, finance]", "in: [state]")
    lost = told("diff", "--home", applied)

    assert gained["changes"] == [{"member": "buckeye-soc", "collection": "indicators", "gained": 2, "lost": 0}]
    assert lost["changes"] == [{"member": "buckeye-soc", "collection": "indicators", "gained": 0, "lost": 2}]


def test_diff_shows_the_setting_that_changes(applied: Path) -> None:
    join_finance(applied)

    result = run("diff", "--home", applied)

    assert result.exit_code == 0
    assert "~ member buckeye-soc: in: state → finance, state" in result.stdout


def test_diff_shows_rights_gained_and_lost_by_member_and_collection(applied: Path) -> None:
    edit(applied, "collections/model-tests.yaml", "write: [testers, ai-labs]", "write: [testers, vendors]")

    answer = told("diff", "--home", applied)

    rights = {(c["member"], c["collection"]): (c["rights_gained"], c["rights_lost"]) for c in answer["changes"]}
    assert rights == {("skyline", "model-tests"): (["write"], [])}


def test_diff_shows_what_a_member_loses_that_is_taken_out_of_the_file(applied: Path) -> None:
    edit(applied, "config/exchange.yaml", "  skyline:", "  # skyline:")

    answer = told("diff", "--home", applied)

    lost = {c["collection"]: c["rights_lost"] for c in answer["changes"] if c["member"] == "skyline"}
    assert lost["vulnerabilities"] == ["read", "write"]
    assert {"subject": "member skyline", "key": "", "after": None}.items() <= answer["settings"][0].items()


def test_diff_changes_nothing(applied: Path) -> None:
    join_finance(applied)

    run("diff", "--home", applied)

    assert len(told("versions", "--home", applied)) == 1


def test_diff_of_a_version_compares_it_with_what_is_in_force(applied: Path) -> None:
    join_finance(applied)
    run("apply", "--yes", "--home", applied)

    result = run("diff", "1", "--home", applied)

    assert "~ member buckeye-soc: in: state → finance, state" in result.stdout
    assert "--- 1/config/exchange.yaml" in result.stdout
    assert "+++ 2/config/exchange.yaml" in result.stdout


def test_diff_of_two_versions_goes_in_the_order_they_are_named(applied: Path) -> None:
    join_finance(applied)
    run("apply", "--yes", "--home", applied)

    back = told("diff", "2", "1", "--home", applied)

    assert back["settings"] == [
        {"subject": "member buckeye-soc", "key": "in", "before": "finance, state", "after": "state"}
    ]
    assert "-  buckeye-soc: { name: Buckeye State SOC,      in: [state, finance]" in back["text"]


def test_diff_of_a_version_that_never_was_says_so(applied: Path) -> None:
    result = run("diff", "7", "--home", applied)

    assert result.exit_code == 1
    assert "there is no version 7" in result.stderr


def test_diff_of_three_versions_is_wrong_usage(applied: Path) -> None:
    assert run("diff", "1", "1", "1", "--home", applied).exit_code == 2


def test_versions_lists_them_with_their_times_and_marks_the_one_in_force(applied: Path) -> None:
    join_finance(applied)
    run("apply", "--yes", "--home", applied)

    lines = run("versions", "--home", applied).stdout.splitlines()

    assert [line.split()[0] for line in lines] == ["version", "1", "2"]
    assert [line.endswith("in force") for line in lines] == [False, False, True]


def test_a_member_that_an_apply_let_in_is_served_what_it_gained(applied: Path) -> None:
    publish(applied, "cyberdef", "indicators", note(1, AMBER, "group:finance"))
    before = told("view", "buckeye-soc", "--home", applied)
    join_finance(applied)

    run("apply", "--yes", "--home", applied)

    assert before == []
    assert [one["id"] for one in told("view", "buckeye-soc", "--home", applied)] == [note(1)["id"]]


def test_an_apply_that_another_one_overtook_changes_nothing(applied: Path) -> None:
    join_finance(applied)
    command = [sys.executable, "-m", "exchange.cli", "--home", str(applied), "apply"]
    with subprocess.Popen(command, stdin=PIPE, stdout=PIPE, stderr=PIPE, env=BARE) as first:
        assert first.stderr is not None
        asked = first.stderr.read(len("Put this in force?"))
        edit(applied, "config/exchange.yaml", "in: [state, finance]", "in: [state, health]")
        run("apply", "--yes", "--home", applied)
        said = asked + first.communicate(b"y\n")[1]

    assert first.returncode == 1
    assert b"version 2 came in force meanwhile" in said
    assert len(told("versions", "--home", applied)) == 2
