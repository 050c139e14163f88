"""`exchange seed`."""

import json
from pathlib import Path

from tests.commands.command import AMBER, note, publish, run, told


def write(home: Path, name: str, *objects: dict[str, object]) -> None:
    folder = home / "collections" / "seed"
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(json.dumps({"type": "bundle", "objects": objects}))


def test_the_samples_of_the_repository_are_taken_whole(seeded: Path) -> None:
    answer = told("seed", "--home", seeded)

    assert answer["refused"] == []
    assert sum(one["taken"] for one in answer["files"]) >= 150


def test_a_second_run_stores_nothing_new(seeded: Path) -> None:
    before = told("view", "cyberdef", "--home", seeded)

    run("seed", "--home", seeded)

    assert told("view", "cyberdef", "--home", seeded) == before


def test_the_samples_leave_a_sound_log(seeded: Path) -> None:
    assert run("audit", "--home", seeded).exit_code == 0


def test_a_member_that_nobody_named_is_served_nothing_of_the_room_of_the_named(seeded: Path) -> None:
    collections = {one["collection"] for one in told("view", "care-isac", "--home", seeded)}

    assert "indicators" in collections
    assert "red-room" not in collections


def test_words_stand_for_the_publishers_own_markings(applied: Path) -> None:
    publish(applied, "cyberdef", "indicators", note(1, AMBER, "group:finance"))

    (found,) = told("who-can", note(1)["id"], "--home", applied)

    assert found["members"] == ["cyberdef", "firstriver"]


def test_a_word_that_its_publisher_cannot_address_is_refused_with_the_words_it_can(applied: Path) -> None:
    write(applied, "01-indicators-cyberdef.json", note(1, "group:finence"))

    result = run("seed", "--home", applied)

    assert result.exit_code == 1
    assert 'it addresses "group:finence"' in result.stderr
    assert "group:finance" in result.stderr


def test_a_refused_object_is_told_with_file_id_and_reason_and_the_others_are_kept(applied: Path) -> None:
    write(applied, "01-indicators-cyberdef.json", note(1), note(2, name=7))

    result = run("seed", "--home", applied)

    assert result.exit_code == 1
    assert result.stderr.startswith(f"collections/seed/01-indicators-cyberdef.json: {note(2)['id']}: ")
    assert "1 object from 1 file, 1 refused" in result.stdout


def test_names_with_a_hyphen_are_understood(applied: Path) -> None:
    write(applied, "01-red-room-buckeye-soc.json", note(1, "member:skyline"))

    (file,) = told("seed", "--home", applied)["files"]

    assert (file["collection"], file["member"]) == ("red-room", "buckeye-soc")


def test_a_name_that_does_not_say_where_and_who_stops_before_anything_is_published(applied: Path) -> None:
    write(applied, "01-indicators-cyberdef.json", note(1))
    write(applied, "02-indicators-nobody.json", note(2))
    write(applied, "notes.json", note(3))

    result = run("seed", "--home", applied)

    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 2
    assert told("view", "cyberdef", "--home", applied) == []


def test_a_member_that_may_not_write_there_is_told(applied: Path) -> None:
    write(applied, "01-vulnerabilities-firstriver.json", note(1))

    result = run("seed", "--home", applied)

    assert result.exit_code == 1
    assert "firstriver may not write to vulnerabilities" in result.stderr


def test_an_empty_folder_is_a_no(applied: Path) -> None:
    result = run("seed", "--home", applied)

    assert result.exit_code == 1
    assert "has no *.json" in result.stderr
