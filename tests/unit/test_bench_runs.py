"""The benchmark still runs, and its sample is what its page says. No test asserts a time."""

import subprocess
import sys
from collections import Counter
from itertools import islice
from pathlib import Path

import orjson
import pytest
from sqlalchemy import Engine

from bench import sample, stores
from exchange import app, config, feed, inforce, intake, markings, pages, policy, stix, store

REPOSITORY = Path(__file__).parents[2]
FAR_FUTURE = 4_102_444_800_000_000  # 2100: nothing in the sample is newer
LARGE = 20_000


@pytest.fixture(scope="module")
def vocabulary() -> dict[str, dict[str, str]]:
    """Word → marking id of each publisher, as an exchange with this secret has it."""
    parsed = config.parse(sample.home_files())
    return {
        name: {word: markings.marking_id(b"secret", name, word) for word in policy.vocabulary(parsed, name)}
        for name in (*sample.PUBLISHERS, sample.SPARSE)
    }


@pytest.fixture(scope="module")
def made(vocabulary: dict[str, dict[str, str]]) -> list[sample.Made]:
    """The sample's first object versions."""
    return [one for _, batch in sample.Stream("seed", vocabulary).batches(LARGE) for one in batch]


def test_the_smoke_form_measures_everything_and_writes_its_page(tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    command = [sys.executable, "-m", "bench", "--smoke", "--date", "2026-01-31", "--write", str(page)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    text = page.read_text(encoding="utf-8")
    assert "on 2026-01-31" in text
    for heading in ("Reading over HTTP, 2 kept connections", "Publishing over HTTP", "Without HTTP, on both databases"):
        assert heading in done.stdout
        assert f"## {heading}\n" in text


def test_the_sample_is_valid_stix(made: list[sample.Made]) -> None:
    wrong = [found for one in islice(made, 2000) if (found := stix.faults(orjson.loads(one.raw), now=FAR_FUTURE))]
    assert wrong == []


def test_what_the_sample_says_of_itself_is_what_its_bytes_say(made: list[sample.Made]) -> None:
    for one in islice(made, 2000):
        obj = orjson.loads(one.raw)
        assert (one.id, one.type) == (obj["id"], obj["type"])
        assert (one.ver, one.ver_text) == stix.version_of(obj)
        assert one.refs == stix.references(obj)


def test_the_same_seed_makes_the_same_bytes(made: list[sample.Made], vocabulary: dict[str, dict[str, str]]) -> None:
    again = [one for _, batch in sample.Stream("seed", vocabulary).batches(LARGE) for one in batch]
    assert [one.raw for one in again] == [one.raw for one in made]


def test_the_shares_are_as_the_page_says(made: list[sample.Made]) -> None:
    versions = Counter(one.id for one in made)
    first = {one.id: one for one in reversed(made)}
    related = sum(one.type == "relationship" for one in first.values()) / len(first)
    named = sum(bool(one.said.members) for one in first.values()) / len(first)
    revised = sum(count > 1 for count in versions.values()) / len(first)
    assert related == pytest.approx(sample.RELATIONSHIPS, abs=0.02)
    assert named == pytest.approx(sample.NAMED, abs=0.01)
    assert revised == pytest.approx(sample.REVISED, abs=0.04)
    assert max(versions.values()) == 5


def test_a_version_has_half_a_kilobyte_to_one(made: list[sample.Made]) -> None:
    sizes = sorted(len(one.raw) for one in made)
    assert 600 < sum(sizes) / len(sizes) < 900
    assert sizes[0] > 400
    assert sizes[-1] < 1200


def test_the_sparse_member_has_thirty_objects_in_a_large_sample(vocabulary: dict[str, dict[str, str]]) -> None:
    batches = sample.Stream("seed", vocabulary).batches(LARGE)
    assert sum(len(batch) for name, batch in batches if name == sample.SPARSE) == sample.SPARSE_OBJECTS


def test_a_filled_store_shows_what_publishing_the_same_would_show(tmp_path: Path) -> None:
    filled, posted = (_migrated(tmp_path / name) for name in ("filled", "posted"))
    stores.fill(filled, 300, "seed")
    with store.writing(posted) as conn:
        inforce.apply(conn, sample.home_files(), app.new_clock())
    for publisher, batch in sample.Stream("seed", stores.vocabulary(posted)).batches(300):
        poster = intake.Poster(engine=posted, clock=app.new_clock(), member=publisher)
        status = intake.publish(poster, sample.COLLECTION, sample.envelope(batch), app.new_id())
        assert status["failure_count"] == 0
    for member in (sample.WIDE, sample.SPARSE, sample.PUBLISHERS[0], sample.READERS[0]):
        assert _shown(filled, member) == _shown(posted, member)
    assert len(_shown(filled, sample.WIDE)) > 200


def _migrated(folder: Path) -> Engine:
    engine = store.connect(f"sqlite:///{folder}.db")
    store.migrate(engine)
    return engine


def _shown(engine: Engine, member: str) -> set[tuple[str, str]]:
    """(id, version) of everything that a member reads."""
    with store.reading(engine) as conn:
        who = stores.viewer(conn, member)
        view = pages.View(member=who.member, collection=who.collection, filters=pages.Filters(every=True))
        return {(item.id, item.version) for item in feed.manifest(conn, view, after=0, limit=1000).items}
