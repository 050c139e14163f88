"""`exchange key new`, `list` and `revoke`."""

from pathlib import Path

import pytest

from tests.commands.command import run, told


def test_a_new_key_is_printed_alone_on_standard_output(applied: Path) -> None:
    result = run("key", "new", "skyline", "--home", applied)

    assert result.exit_code == 0
    assert result.stdout.startswith("exk_")
    assert len(result.stdout.splitlines()) == 1
    assert result.stderr == ""


def test_the_list_shows_every_key_and_no_secret(applied: Path) -> None:
    key = run("key", "new", "skyline", "--note", "for the feed", "--home", applied).stdout.strip()
    _, key_id, secret = key.split("_", 2)

    shown = run("key", "list", "--home", applied).stdout

    assert key_id in shown
    assert "for the feed" in shown
    assert secret not in shown
    assert secret not in run("key", "list", "--json", "--home", applied).stdout


def test_scope_expiry_and_collections_are_kept(applied: Path) -> None:
    run("key", "new", "skyline", "--scope", "read", "--expires", "90d", "--collection", "indicators",
        "--collection", "red-room", "--home", applied)  # fmt: skip

    (key,) = told("key", "list", "--home", applied)

    assert key["scope"] == "read"
    assert key["collections"] == ["indicators", "red-room"]
    assert key["expires"] > key["made"]
    assert key["state"] == "usable"


def test_a_key_of_no_time_at_all_is_expired(applied: Path) -> None:
    run("key", "new", "skyline", "--expires", "0s", "--home", applied)

    assert told("key", "list", "--home", applied)[0]["state"] == "expired"


def test_a_revoked_key_stays_in_the_list_as_revoked(applied: Path) -> None:
    key_id = told("key", "new", "skyline", "--home", applied)["id"]

    assert run("key", "revoke", key_id, "--home", applied).exit_code == 0
    assert told("key", "list", "--home", applied)[0]["state"] == "revoked"


def test_revoking_an_unknown_id_is_a_no(applied: Path) -> None:
    result = run("key", "revoke", "aaaaaaaaaaaa", "--home", applied)

    assert result.exit_code == 1
    assert "exchange key list" in result.stderr


def test_a_whole_key_is_not_taken_on_the_command_line(applied: Path) -> None:
    key = run("key", "new", "skyline", "--home", applied).stdout.strip()

    assert run("key", "revoke", key, "--home", applied).exit_code == 2


@pytest.mark.parametrize(
    ("words", "mend"),
    [
        (["skylin"], 'did you mean "skyline"?'),
        (["skyline", "--scope", "admin"], "write read, write, or read,write"),
        (["skyline", "--scope", ""], "write read, write, or read,write"),
        (["skyline", "--expires", "soon"], "write it like 90s, 15m, 36h or 14d"),
        (["skyline", "--collection", "indicator"], 'did you mean "indicators"?'),
        (["skyline", "--client", "nosuch"], 'no client profile "nosuch"'),
    ],
)
def test_wrong_usage_says_the_mend_and_makes_no_key(applied: Path, words: list[str], mend: str) -> None:
    result = run("key", "new", *words, "--home", applied)

    assert result.exit_code == 2
    assert mend in result.stderr
    assert told("key", "list", "--home", applied) == []


def test_a_key_needs_a_config_in_force(home: Path) -> None:
    result = run("key", "new", "skyline", "--home", home)

    assert result.exit_code == 1
    assert "exchange apply" in result.stderr
