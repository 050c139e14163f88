"""`exchange queue`, `approve` and `reject`: what is held until a person has looked."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.commands.command import AMBER, edit, note, publish, run, told

ID, OTHER = note(1)["id"], note(2)["id"]
GREEN = "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"


@pytest.fixture
def moderated(home: Path) -> Path:
    """The example home, whose indicators are reviewed by Federal Cyber Defense, with two objects that wait."""
    edit(home, "collections/indicators.yaml", "title:", "moderate: [cyberdef]\ntitle:")
    run("apply", "--yes", "--home", home)
    publish(home, "skyline", "indicators", note(1, AMBER), note(2, AMBER))
    return home


def readers(home: Path, stix_id: str = ID) -> list[str]:
    return [m for found in told("who-can", stix_id, "--home", home) for m in found["members"]]


def test_what_is_held_is_read_by_its_publisher_and_who_reviews_alone(moderated: Path) -> None:
    assert readers(moderated) == ["cyberdef", "skyline"]


def test_queue_lists_what_waits_and_why(moderated: Path) -> None:
    result = run("queue", "--home", moderated)
    assert result.exit_code == 0
    assert [line.split()[1:4] for line in result.stdout.splitlines()[1:]] == [
        ["indicators", "skyline", ID], ["indicators", "skyline", OTHER],
    ]  # fmt: skip
    found = told("queue", "--home", moderated)
    assert [(one["id"], one["type"], one["reasons"]) for one in found] == [
        (ID, "course-of-action", ["review"]), (OTHER, "course-of-action", ["review"]),
    ]  # fmt: skip


def test_what_is_approved_is_published_and_waits_no_more(moderated: Path) -> None:
    result = run("approve", ID, "--home", moderated)

    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == f"{ID}, version 2026-10-01T00:00:00.000Z of skyline in indicators: published\n"
    assert len(readers(moderated)) == 7
    assert [one["id"] for one in told("queue", "--home", moderated)] == [OTHER]
    assert run("audit", "--home", moderated).exit_code == 0


def test_what_is_rejected_is_nobody_s_and_its_publisher_gets_a_note(moderated: Path) -> None:
    result = run("reject", ID, OTHER, "--reason", "out-of-scope", "--home", moderated)

    assert result.exit_code == 0
    assert result.stdout.count(": refused\n") == 2
    assert told("who-can", ID, "--home", moderated) == []
    assert run("queue", "--home", moderated).stdout == "nothing waits\n"
    assert {one["type"] for one in told("view", "skyline", "--home", moderated)} == {"note"}
    assert told("view", "cyberdef", "--home", moderated) == []
    assert run("audit", "--home", moderated).exit_code == 0


def test_what_does_not_wait_is_said_and_the_rest_is_done(moderated: Path) -> None:
    result = run("approve", ID, note(3)["id"], "--home", moderated)

    assert result.exit_code == 1
    assert f"{note(3)['id']}: no version of it waits; `exchange queue` lists those that do" in result.stderr
    assert len(readers(moderated)) == 7
    assert run("approve", ID, "--home", moderated).exit_code == 1


def test_a_reason_is_one_of_a_list(moderated: Path) -> None:
    result = run("reject", ID, "--reason", "ugly", "--home", moderated)
    assert result.exit_code == 2
    assert "'not-accepted'" in result.stderr


def test_no_stix_id_is_wrong_usage(moderated: Path) -> None:
    assert run("approve", "indicator", "--home", moderated).exit_code == 2
    assert run("approve", "--home", moderated).exit_code == 2


def test_what_waits_for_a_second_person_is_shown_and_not_the_operator_s_to_approve(home: Path) -> None:
    edit(home, "config/exchange.yaml", "in: [vendors] }", "in: [vendors], approve-own: 2 }")
    edit(home, "collections/vulnerabilities.yaml", "title:", "release: slow\ntitle:")
    edit(home, "config/exchange.yaml", "\nmembers:", "\nreleases:\n  slow: [{ at: 40d, to: everyone }]\n\nmembers:")
    run("apply", "--yes", "--home", home)
    publish(home, "skyline", "vulnerabilities", note(1, AMBER))

    assert readers(home) == ["skyline"]
    assert "held until a second person of" in run("explain", "cyberdef", ID, "--home", home).stdout
    assert [one["reasons"] for one in told("queue", "--home", home)] == [["second-person"]]
    result = run("approve", ID, "--home", home)
    assert result.exit_code == 1
    assert "waits for a second person of its publisher, with another key" in result.stdout
    assert run("reject", ID, "--reason", "other", "--home", home).exit_code == 0


def test_explain_says_what_is_held_and_what_was_refused(moderated: Path) -> None:
    held = run("explain", "firstriver", ID, "--home", moderated).stdout
    assert "3 state" in held
    assert "held for review: its publisher and who reviews the collection read it" in held
    assert "collections/indicators.yaml:" in held
    reviewing = run("explain", "cyberdef", ID, "--home", moderated).stdout
    assert "cyberdef may read it" in reviewing
    assert "held for review, which it does here" in reviewing
    run("reject", ID, "--reason", "other", "--home", moderated)
    assert "refused after review: nobody reads it" in run("explain", "skyline", ID, "--home", moderated).stdout


def test_who_comes_to_review_reads_what_is_held_and_who_goes_does_not(moderated: Path) -> None:
    edit(moderated, "config/exchange.yaml", "in: [federal, testers] }", "in: [federal], roles: [coordinator] }")
    edit(moderated, "collections/indicators.yaml", "[cyberdef]", "[evalcenter]")
    assert run("apply", "--yes", "--home", moderated).exit_code == 0
    assert readers(moderated) == ["evalcenter", "skyline"]
    assert run("audit", "--home", moderated).exit_code == 0
