"""Evidence: a note for each entry, and the file that came along; stricter than the finding (findings.md 1)."""

from __future__ import annotations

from binascii import a2b_base64
from collections.abc import Iterator
from typing import Any, Final

from exchange.findings import observables
from exchange.findings.finding import Evidence
from exchange.findings.made import How, Made, Whom
from exchange.findings.writing import MARKINGS, Writer
from exchange.label import Tlp

_LEVELS: Final = tuple(Tlp)


def made(found: tuple[Evidence, ...], writer: Writer, main: str) -> Iterator[Made]:
    """Notes on the object with the id `main`, and artifacts."""
    for index, one in enumerate(found):
        part = f"evidence/{index}"
        level, whom = level_of(one, writer.how)
        refs = [main]
        if one.artifact is not None:
            content = a2b_base64(one.artifact.payload)
            file = observables.artifact(writer.how.mint, one.artifact, content, MARKINGS[level])
            yield Made(obj=file, part=f"{part}/artifact", whom=whom)
            refs.append(file["id"])
        said = {**_said(one), "object_refs": refs, "labels": ["evidence"]}
        yield writer.obj("note", part, said, whom=whom, level=level)


def level_of(one: Evidence, how: How) -> tuple[Tlp, Whom]:
    """What it asks for, else one step above the finding; never below the finding, nor above what may be published.

    What that does not leave room for is for the named and the coordinators.
    """
    asked = _LEVELS.index(Tlp(one.sensitivity)) if one.sensitivity else _LEVELS.index(how.tlp) + 1
    highest = _LEVELS.index(how.highest)
    level = max(_LEVELS.index(how.tlp), min(asked, highest))
    return _LEVELS[level], "named and coordinators" if asked > highest else "everyone meant"


def _said(one: Evidence) -> dict[str, Any]:
    if one.text is not None:
        return {"content": one.text}
    if one.url is not None:
        hashes = {"SHA-256": one.sha256}
        return {
            "content": f"Evidence is at {one.url}",
            "external_references": [{"source_name": "evidence", "url": one.url, "hashes": hashes}],
        }
    named = one.artifact.name if one.artifact is not None else None
    return {"content": f"Evidence is in the artifact: {named}" if named else "Evidence is in the artifact."}
