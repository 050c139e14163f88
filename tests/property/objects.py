"""Objects and files as the tests write them: small, valid, and with ids and times that are told apart at a glance."""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy.engine import URL

TLP = {
    "clear": "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487",
    "green": "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb",
    "amber": "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421",
    "amber+strict": "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003",
    "red": "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1",
}


def campaign_id(n: int) -> str:
    return f"campaign--00000000-0000-4000-8000-{n:012d}"


def note_id(n: int) -> str:
    return f"note--00000000-0000-4000-8000-{n:012d}"


def version_text(version: int) -> str:
    return f"2026-01-01T00:00:{version:02d}.000Z"


def campaign(n: int, version: int = 1, *, text: str, marks: Sequence[str] = (), **more: Any) -> dict[str, Any]:
    return _sdo(campaign_id(n), version, marks, name=text, **more)


def note(
    n: int, refs: Sequence[str], version: int = 1, *, text: str, marks: Sequence[str] = (), **more: Any
) -> dict[str, Any]:
    return _sdo(note_id(n), version, marks, abstract=text, content="x", object_refs=list(refs), **more)


def address(value: str, *, text: str, marks: Sequence[str] = ()) -> dict[str, Any]:
    """An observable; its id follows from its value (STIX 2.1 section 2.9)."""
    found = uuid.uuid5(uuid.UUID("00abedb4-aa42-466c-9c01-fed23315a9b7"), f'{{"value":"{value}"}}')
    made = {"type": "ipv4-addr", "spec_version": "2.1", "id": f"ipv4-addr--{found}", "value": value, "x_text": text}
    return made | ({"object_marking_refs": list(marks)} if marks else {})


def _sdo(object_id: str, version: int, marks: Sequence[str], **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = {
        "type": object_id.split("--")[0],
        "spec_version": "2.1",
        "id": object_id,
        "created": version_text(0),
        "modified": version_text(version),
        **more,
    }
    return made | ({"object_marking_refs": list(marks)} if marks else {})


# Files --------------------------------------------------------------------------------------------------------


def uid(n: int) -> str:
    """A collection's id."""
    return f"10000000-0000-4000-8000-{n:012d}"


def home(
    groups: Mapping[str, Any], members: Mapping[str, Mapping[str, Any]], collections: Mapping[str, Mapping[str, Any]]
) -> dict[str, str]:
    """The files of a home; JSON is YAML. Collections need no title."""
    main = {"exchange": "Test", "operator": "Tester", "groups": groups, "members": members}
    files = {"config/exchange.yaml": json.dumps(main)}
    for name, keys in collections.items():
        files[f"collections/{name}.yaml"] = json.dumps({"title": name, **keys})
    return files


def copied(template: Path, folder: Path, name: str) -> str:
    """URL of a copy of a migrated SQLite file: a migration for each history would take most of the time."""
    target = folder / f"{name}.db"
    shutil.copyfile(template, target)
    return URL.create("sqlite", database=str(target)).render_as_string()
