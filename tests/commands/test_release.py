"""`exchange release` and `exchange apply --replan`: an embargo broken, and running plans changed."""

from pathlib import Path

import pytest

from tests.commands.command import AMBER, edit, note, publish, run, told

ID = note(1)["id"]
PLAN = """
releases:
  slow:
    - { at: 0d, to: named }
    - { at: 400d, to: everyone }

members:"""


@pytest.fixture
def waiting(home: Path) -> Path:
    """The example home, with an object under a plan that lets in everyone in 400 days."""
    edit(home, "config/exchange.yaml", "\nmembers:", PLAN)
    edit(home, "collections/indicators.yaml", "title:", "release: slow\ntitle:")
    run("apply", "--yes", "--home", home)
    publish(home, "skyline", "indicators", note(1, AMBER))
    return home


def readers(home: Path) -> list[str]:
    return [m for found in told("who-can", ID, "--home", home) for m in found["members"]]


def test_before_its_stage_only_the_publisher_reads_and_explain_says_from_when_others_do(waiting: Path) -> None:
    assert readers(waiting) == ["skyline"]
    result = run("explain", "cyberdef", ID, "--home", waiting)
    assert "7 stage" in result.stdout
    assert "plan slow: it reads this from 20" in result.stdout
    assert "collections/indicators.yaml:" in result.stdout


def test_release_breaks_the_embargo(waiting: Path) -> None:
    result = run("release", ID, "--home", waiting)

    assert result.exit_code == 0
    assert result.stdout == "released: no stage is left to come for 1 version\n"
    assert len(readers(waiting)) == 7
    assert run("audit", "--home", waiting).exit_code == 0


def test_what_has_no_stage_to_come_is_refused(waiting: Path) -> None:
    run("release", ID, "--home", waiting)
    result = run("release", ID, "--home", waiting)

    assert result.exit_code == 1
    assert "nothing to release" in result.stderr
    assert told("release", "indicator--00000000-0000-4000-8000-000000000099", "--home", waiting)["released"] == 0


def test_a_plan_that_is_edited_acts_on_running_deposits_only_with_replan(waiting: Path) -> None:
    before = run("explain", "cyberdef", ID, "--home", waiting).stdout
    edit(waiting, "config/exchange.yaml", "400d", "800d")
    run("apply", "--yes", "--home", waiting)
    assert run("explain", "cyberdef", ID, "--home", waiting).stdout == before

    result = run("apply", "--yes", "--replan", "--home", waiting)

    assert "1 running deposit now follows another plan" in result.stdout
    assert run("explain", "cyberdef", ID, "--home", waiting).stdout != before
    assert "0 running deposits" in run("apply", "--yes", "--replan", "--home", waiting).stdout


def test_diff_tells_the_stages_of_a_plan_that_change(waiting: Path) -> None:
    edit(waiting, "config/exchange.yaml", "400d", "800d")
    result = run("diff", "--home", waiting).stdout
    assert "- release slow: 400d: everyone" in result
    assert "+ release slow: 800d: everyone" in result
