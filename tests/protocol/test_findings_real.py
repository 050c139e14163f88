"""Real files of every format, pushed as they are: taken, or refused in words; the second time nothing is stored."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import func, select

from exchange import stix, store, tables
from tests.protocol.apisite import MAIN, Site, site
from tests.protocol.test_findings import push
from tests.second_opinion_corpus import FOLDER

DATA = FOLDER
FORMATS = ("avid", "csaf", "kev", "osv", "sarif", "vex")
FILES = sorted(path.relative_to(DATA).as_posix() for name in FORMATS for path in DATA.glob(f"{name}/*"))
HERE = pytest.mark.skipif(not DATA.exists(), reason="the folder shared/data is not there")


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site(tmp_path_factory.mktemp("real")) as found:
        found.apply(MAIN)
        yield found


def versions(here: Site) -> int:
    with store.reading(here.exchange.engine) as conn:
        return conn.scalar(select(func.count()).select_from(tables.version)) or 0


@HERE
@pytest.mark.parametrize("name", FILES)
def test_a_real_file_is_taken_or_refused_in_words_and_the_second_time_nothing_is_stored(here: Site, name: str) -> None:
    maker = here.asker("maker")
    body = (DATA / name).read_bytes()
    first = push(maker, body)
    assert first.status_code in (202, 422), first.text
    told: dict[str, Any] = json.loads(first.data)
    details = [e["detail"] for f in told.get("failures", []) for e in f["errors"]]
    details += [e["detail"] for e in told.get("errors", [])]
    assert all(len(detail) > 15 for detail in details)
    if first.status_code == 422:
        assert details, told
    before = versions(here)
    again = push(maker, body)
    assert (again.status_code, versions(here)) == (first.status_code, before)
    if first.status_code == 202:
        assert again.data == first.data


@HERE
def test_every_object_made_of_them_is_stix_without_a_fault(here: Site) -> None:
    reader = here.asker("reader")
    more, after, count = True, "", 0
    while more:
        page = json.loads(reader.poll("open", f"?limit=1000{after}").data)
        objects = page.get("objects", [])
        assert [found for o in objects if (found := stix.faults(o, now=2**60))] == []
        count += len(objects)
        more = page.get("more", False)
        after = f"&next={page['next']}" if more else ""
    assert count > 5_000
