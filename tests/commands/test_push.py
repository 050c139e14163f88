"""`exchange push`, to a running exchange."""

import json
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from exchange.clientpush import Piece, batches, torn
from tests.commands.command import Served, note, run, told

NUMBERS = count(1000)  # the server is shared by the tests, so each publishes objects of its own


@pytest.fixture
def key(served: Served) -> str:
    return served.key("cyberdef")


def push(served: Served, key: str, *words: str | Path, collection: str = "indicators", **options: Any) -> Result:
    env = {"EXCHANGE_KEY": key}
    return run("push", *words, "--url", served.url, "--collection", collection, env=env, **options)


def fresh(**more: Any) -> dict[str, Any]:
    return note(next(NUMBERS), **more)


def write(path: Path, content: Any) -> Path:
    path.write_text(json.dumps(content))
    return path


def ids(served: Served, member: str = "cyberdef") -> set[str]:
    return {one["id"] for one in told("view", member, "--home", served.home)}


@pytest.mark.parametrize(
    "shape",
    [
        lambda o: {"type": "bundle", "id": "bundle--00000000-0000-4000-8000-000000000000", "objects": [o]},
        lambda o: {"objects": [o]},
        lambda o: [o],
        lambda o: o,
    ],
    ids=["bundle", "envelope", "list", "object"],
)
def test_a_file_may_be_a_bundle_an_envelope_a_list_or_one_object(
    served: Served, key: str, tmp_path: Path, shape: Any
) -> None:
    obj = fresh()

    result = push(served, key, write(tmp_path / "one.json", shape(obj)))

    assert result.exit_code == 0, result.stderr
    assert "1 object taken, 0 refused" in result.stdout
    assert obj["id"] in ids(served)


def test_standard_input_and_a_folder_are_taken_too(served: Served, key: str, tmp_path: Path) -> None:
    first, second, third = fresh(), fresh(), fresh()
    write(tmp_path / "a.json", first)
    write(tmp_path / "b.json", second)

    folder = push(served, key, tmp_path)
    stdin = push(served, key, "-", input=json.dumps(third))

    assert (folder.exit_code, stdin.exit_code) == (0, 0)
    assert {first["id"], second["id"], third["id"]} <= ids(served)


def test_pushing_again_stores_nothing_new_and_is_a_success(served: Served, key: str, tmp_path: Path) -> None:
    file = write(tmp_path / "one.json", fresh())

    push(served, key, file)
    again = push(served, key, file)

    assert again.exit_code == 0
    assert "1 object taken, 0 refused" in again.stdout


def test_a_refused_object_is_told_with_file_id_and_reason_and_the_good_ones_are_kept(
    served: Served, key: str, tmp_path: Path
) -> None:
    good, bad = fresh(), fresh(name=7)
    file = write(tmp_path / "two.json", [good, bad])

    result = push(served, key, file)

    assert result.exit_code == 1
    assert result.stderr.startswith(f"{file}: {bad['id']}: /name")
    assert good["id"] in ids(served)


def test_an_object_that_doubles_a_key_is_refused_here_and_the_others_are_sent(
    served: Served, key: str, tmp_path: Path
) -> None:
    good = fresh()
    (tmp_path / "two.json").write_text(f'[{json.dumps(good)}, {{"id": "x", "id": "y"}}]')

    result = push(served, key, tmp_path / "two.json")

    assert result.exit_code == 1
    assert "repeats a key: keep one of the two" in result.stderr
    assert good["id"] in ids(served)


def test_json_has_counts_reasons_and_the_notes_of_the_server(served: Served, key: str, tmp_path: Path) -> None:
    elsewhere = "malware--00000000-0000-4000-8000-000000000001"
    link = {"type": "relationship", "relationship_type": "mitigates", "source_ref": note(next(NUMBERS))["id"],
            "target_ref": elsewhere, "spec_version": "2.1", "created": "2026-10-01T00:00:00.000Z",
            "modified": "2026-10-01T00:00:00.000Z",
            "id": f"relationship--00000000-0000-4000-8000-{next(NUMBERS):012}"}  # fmt: skip
    bad = fresh(name=7)

    answer = json.loads(push(served, key, write(tmp_path / "two.json", [link, bad]), "--json").stdout)

    assert answer["taken"] == 1
    assert [one["id"] for one in answer["refused"]] == [bad["id"]]
    assert elsewhere in answer["notes"][0]["note"]


@pytest.mark.parametrize("path", ["", "/", "/taxii2", "/taxii2/", "/exchange", "/exchange/"])
def test_the_url_may_be_the_server_discovery_or_an_api_root(
    served: Served, key: str, tmp_path: Path, path: str
) -> None:
    file = write(tmp_path / "one.json", fresh())
    env = {"EXCHANGE_KEY": key}

    result = run("push", file, "--url", served.url + path, "--collection", "indicators", env=env)

    assert result.exit_code == 0, result.stderr


@pytest.mark.parametrize("name", ["Shared indicators", "7c9b7d52-0f0e-4a63-9d31-8a54a4f3d6c1", "INDICATORS"])
def test_the_collection_may_be_named_by_title_id_or_in_any_case(
    served: Served, key: str, tmp_path: Path, name: str
) -> None:
    file = write(tmp_path / "one.json", fresh())

    assert push(served, key, file, collection=name).exit_code == 0


def test_a_collection_that_is_not_there_is_told_with_those_that_are(served: Served, key: str, tmp_path: Path) -> None:
    result = push(served, key, write(tmp_path / "one.json", fresh()), collection="indicator")

    assert result.exit_code == 1
    assert 'no collection "indicator" for this key; there are' in result.stderr
    assert "indicators" in result.stderr


def test_a_collection_that_the_key_may_not_write_is_told_before_anything_is_sent(
    served: Served, tmp_path: Path
) -> None:
    key = served.key("cyberdef", "--scope", "read")

    result = push(served, key, write(tmp_path / "one.json", fresh()))

    assert result.exit_code == 1
    assert 'may not write to "Shared indicators"' in result.stderr


def test_a_revoked_key_is_told_as_such(served: Served, tmp_path: Path) -> None:
    key = served.key("cyberdef")
    run("key", "revoke", key.split("_")[1], "--home", served.home)

    result = push(served, key, write(tmp_path / "one.json", fresh()))

    assert result.exit_code == 1
    assert "unknown, revoked or expired" in result.stderr
    assert key not in result.output


def test_no_key_in_the_environment_is_wrong_usage(served: Served, tmp_path: Path) -> None:
    file = write(tmp_path / "one.json", fresh())

    result = run("push", file, "--url", served.url, "--collection", "indicators")

    assert result.exit_code == 2
    assert "EXCHANGE_KEY is not set" in result.stderr


def test_a_key_on_the_command_line_is_not_understood(served: Served, key: str, tmp_path: Path) -> None:
    result = push(served, key, write(tmp_path / "one.json", fresh()), "--key", key)

    assert result.exit_code == 2


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "holds no STIX"),
        (b"{", "holds no STIX"),
        (b"<xml/>", "holds no STIX"),
        (b'"text"', "holds no STIX"),
        (b"\xff\xfe[]", "byte order mark"),
        (b'{"objects": []}', "at least one"),
        (b"[" * 10_000 + b"]" * 10_000, "too deep"),
        (b'{"a": "\xff"}', "not UTF-8"),
    ],
)
def test_a_file_that_is_no_stix_is_told_by_name(
    served: Served, key: str, tmp_path: Path, content: bytes, reason: str
) -> None:
    (tmp_path / "bad.json").write_bytes(content)

    result = push(served, key, tmp_path / "bad.json")

    assert result.exit_code == 1
    assert result.stderr.startswith(f"{tmp_path / 'bad.json'}: ")
    assert reason in result.stderr


def test_a_file_that_is_not_there_is_told_by_name(served: Served, key: str, tmp_path: Path) -> None:
    result = push(served, key, tmp_path / "none.json")

    assert result.exit_code == 1
    assert f"{tmp_path / 'none.json'}: cannot be read" in result.stderr


def test_many_notes_are_cut_short_for_people(served: Served, key: str, tmp_path: Path) -> None:
    about = "malware--00000000-0000-4000-8000-000000000002"
    links = [{"type": "relationship", "relationship_type": "mitigates", "source_ref": about, "target_ref": about,
              "spec_version": "2.1", "created": "2026-10-01T00:00:00.000Z", "modified": "2026-10-01T00:00:00.000Z",
              "id": f"relationship--00000000-0000-4000-8000-{next(NUMBERS):012}"} for _ in range(12)]  # fmt: skip

    result = push(served, key, write(tmp_path / "links.json", links))

    assert "and 2 more notes; --json has them all" in result.stdout


# How objects are put into requests ----------------------------------------------------------------------------------


def piece(name: str, *refs: str, size: int = 10) -> Piece:
    return Piece(file="f", id=name, raw=b"x" * size, refs=frozenset(refs), marks=frozenset())


def test_what_is_referred_to_goes_first_whatever_the_order_of_the_file() -> None:
    sent = [one.id for batch in batches([piece("c", "b"), piece("b", "a"), piece("a")], 1000) for one in batch]

    assert sent == ["a", "b", "c"]


def test_requests_keep_under_the_limit() -> None:
    requests = list(batches([piece(str(n)) for n in range(100)], 100))

    assert sum(map(len, requests)) == 100
    assert all(len(b'{"objects":[]}') + sum(len(one.raw) + 1 for one in batch) <= 100 for batch in requests)


def test_a_circle_and_the_versions_of_one_id_go_together() -> None:
    requests = list(batches([piece("a", "b"), piece("z"), piece("b", "a"), piece("z")], 40))

    assert sorted(sorted(one.id for one in batch) for batch in requests) == [["a", "b"], ["z", "z"]]


def test_an_unmarked_definition_whose_users_do_not_fit_beside_it_is_told() -> None:
    definition = "marking-definition--00000000-0000-4000-8000-000000000000"
    users = [Piece(file="f", id=str(n), raw=b"x" * 60, refs=frozenset([definition]), marks=frozenset([definition]))
             for n in range(3)]  # fmt: skip
    together = list(batches([piece(definition), *users], 1000))
    apart = list(batches([piece(definition), *users], 150))

    assert list(torn(together)) == []
    assert list(torn(apart)) == [definition]


def test_an_object_that_is_larger_than_the_limit_is_a_request_of_its_own() -> None:
    requests = list(batches([piece("a"), piece("b", size=500), piece("c")], 100))

    assert ["b"] in [[one.id for one in batch] for batch in requests]
