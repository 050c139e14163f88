"""`exchange init` and `exchange check`."""

import socket
from pathlib import Path

from tests.commands.command import edit, run, told


def test_init_writes_a_home_that_is_valid_and_says_what_to_do_next(tmp_path: Path) -> None:
    result = run("init", tmp_path / "new")

    assert result.exit_code == 0
    assert "exchange apply" in result.stdout
    assert run("check", "--home", tmp_path / "new").exit_code == 0


def test_init_keeps_what_the_exchange_writes_out_of_version_control(tmp_path: Path) -> None:
    run("init", tmp_path / "new")

    assert "/data/" in (tmp_path / "new" / ".gitignore").read_text()


def test_init_overwrites_nothing(home: Path) -> None:
    (home / "collections" / "indicators.yaml").write_text("mine")

    result = run("init", home)

    assert result.exit_code == 1
    assert "is there already" in result.stderr
    assert (home / "collections" / "indicators.yaml").read_text() == "mine"


def test_init_into_what_is_no_folder_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    result = run("init", tmp_path / "file" / "home")

    assert result.exit_code == 1
    assert "cannot be written" in result.stderr


def test_check_counts_what_there_is_and_points_at_what_looks_like_a_mistake(home: Path) -> None:
    edit(home, "config/exchange.yaml", "state:   State", "spare:   Nobody\n  state:   State")

    result = run("check", "--home", home)

    assert result.exit_code == 0
    assert "config/exchange.yaml:" in result.stdout
    assert "groups.spare: is used nowhere" in result.stdout
    assert "valid: 7 members, 9 groups, 5 collections" in result.stdout


def test_check_says_every_error_on_a_line_of_its_own_with_file_line_and_mend(home: Path) -> None:
    edit(home, "config/exchange.yaml", "in: [finance]", "in: [finence]")
    edit(home, "collections/indicators.yaml", "read: everyone", "reed: everyone")

    result = run("check", "--home", home)

    assert result.exit_code == 1
    lines = result.stderr.splitlines()
    assert [line.split(":")[0] for line in lines] == ["config/exchange.yaml", "collections/indicators.yaml"]
    assert all(line.split(":")[1].isdigit() and "did you mean" in line for line in lines)


def test_check_prints_a_fresh_id_to_paste_where_one_is_missing(home: Path) -> None:
    edit(home, "collections/indicators.yaml", "id: ", "# id: ")

    result = run("check", "--home", home)

    assert result.exit_code == 1
    uid = result.stderr.split("id: ")[-1].split()[0].strip("`,.;")
    edit(home, "collections/indicators.yaml", "# id: ", f"id: {uid}\n# was: ")
    assert run("check", "--home", home).exit_code == 0


def test_check_changes_nothing(home: Path) -> None:
    run("check", "--home", home)

    assert not (home / "data").exists()


def test_check_of_broken_yaml_names_the_line(home: Path) -> None:
    edit(home, "config/exchange.yaml", "groups:", "groups: [")

    result = run("check", "--home", home)

    assert result.exit_code == 1
    assert "config/exchange.yaml:" in result.stderr
    assert "broken YAML" in result.stderr


def test_check_as_json_has_file_line_key_and_message(home: Path) -> None:
    edit(home, "config/exchange.yaml", "in: [finance]", "in: [finence]")

    answer = told("check", "--home", home)

    assert answer["valid"] is False
    assert answer["errors"][0]["file"] == "config/exchange.yaml"
    assert answer["errors"][0]["key"] == "members.firstriver.in"


def test_the_home_may_be_named_before_or_after_the_command_or_by_the_environment(home: Path) -> None:
    ways = [
        run("--home", home, "check"),
        run("check", "--home", home),
        run("check", env={"EXCHANGE_HOME": str(home)}),
        run("check", "--home", home, env={"EXCHANGE_HOME": "/nowhere"}),
    ]

    assert [way.exit_code for way in ways] == [0] * 4


def test_a_folder_that_is_no_home_is_said_and_nothing_is_made_in_it(tmp_path: Path) -> None:
    for command in ("check", "diff", "apply", "versions", "audit", "seed"):
        result = run(command, "--home", tmp_path)

        assert result.exit_code == 1, command
        assert "`exchange init DIR` writes an example" in result.stderr, command
    assert list(tmp_path.iterdir()) == []


def test_a_word_that_is_no_command_is_wrong_usage(home: Path) -> None:
    result = run("publish", "--home", home)

    assert result.exit_code == 2
    assert "No such command" in result.stderr


def test_serve_refuses_what_it_cannot_do(applied: Path) -> None:
    empty = applied / "empty.pem"
    empty.write_text("")

    alone = run("serve", "--tls-cert", empty, "--home", applied)
    metrics = run("serve", "--metrics-port", "9100", "--home", applied)
    no_key = run("serve", "--tls-cert", empty, "--tls-key", empty, "--home", applied)

    assert (alone.exit_code, metrics.exit_code, no_key.exit_code) == (2, 2, 1)
    assert "--tls-cert and --tls-key go together" in alone.stderr
    assert "not supported yet" in metrics.stderr
    assert "is no PKCS#8 key in PEM" in no_key.stderr


def test_serve_on_a_port_that_is_taken_says_so(applied: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        result = run("serve", "--port", str(other.getsockname()[1]), "--home", applied)

    assert result.exit_code == 1
    assert "cannot be listened on: Address already in use; choose another" in result.stderr


def test_every_command_explains_itself() -> None:
    for command in ("init", "check", "diff", "versions", "apply", "serve", "seed", "explain", "who-can", "view",
                    "audit", "push", "pull"):  # fmt: skip
        assert run(command, "--help").exit_code == 0
        assert f"\n  {command}" in run("--help").stdout
