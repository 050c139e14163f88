"""Named recipients who have not answered by the time that the finder asks for are reminded, before it and then."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from exchange.findings.extension import KEY
from tests.protocol import answersite
from tests.protocol.answersite import flaw, note, objects, taken
from tests.protocol.apisite import Asker, Stage, staged

DAY = 86_400_000_000
on_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def stage(tmp_path: Path, database: str) -> Iterator[Stage]:
    with staged(tmp_path, database, answersite.files()) as found:
        yield found


def due(days: float, asker: Asker, *named: str, **more: Any) -> dict[str, Any]:
    at = datetime.now(UTC) + timedelta(days=days)
    asked = {
        "extension_type": "property-extension", "kind": "software-vulnerability", "due": f"{at:%Y-%m-%dT%H:%M:%SZ}",
        "found_by": [{"kind": "ai-system", "name": "Finder"}], "verification": {"state": "unverified"},
    }  # fmt: skip
    return flaw(asker, *named, **more) | {"extensions": {KEY: asked}}


def reminders(asker: Asker) -> list[list[str]]:
    return [o["object_refs"] for o in objects(asker) if o["type"] == "note" and o.get("labels") == ["reminder", "due"]]


def test_who_was_named_and_has_not_answered_is_reminded_before_and_then(stage: Stage) -> None:
    lab, maker, rival, coord = (stage.here.asker(name) for name in ("lab", "maker", "rival", "coord"))
    found = due(10, lab, "maker", "rival")
    taken(lab, "findings", found)
    assert stage.round() == 0
    taken(rival, "findings", note(found["id"], "status:received"))
    assert [stage.round(6 * DAY), reminders(maker)] == [0, []]
    assert stage.round(2 * DAY) == 1
    assert stage.round() == 0
    assert stage.round(3 * DAY) == 1
    assert reminders(maker) == [[found["id"]]] * 2
    assert [reminders(x) for x in (lab, rival, coord)] == [[], [], []]


@on_sqlite
def test_whoever_answered_between_is_not_reminded_again(stage: Stage) -> None:
    lab, maker = stage.here.asker("lab"), stage.here.asker("maker")
    found = due(2, lab, "maker")
    taken(lab, "findings", found)
    taken(maker, "findings", note(found["id"], "status:affected"))
    assert stage.round(4 * DAY) == 0


@on_sqlite
def test_a_newer_version_or_a_deletion_takes_the_deadline_away(stage: Stage) -> None:
    lab, maker = stage.here.asker("lab"), stage.here.asker("maker")
    one, two = due(2, lab, "maker"), due(2, lab, "maker")
    taken(lab, "findings", one, two)
    newer = {key: value for key, value in one.items() if key != "extensions"}
    taken(lab, "findings", newer | {"modified": "2024-02-01T00:00:00.000Z"})
    lab.ask(f"/exchange/collections/findings/objects/{two['id']}/", "DELETE")
    assert stage.round(4 * DAY) == 0
    assert reminders(maker) == []
