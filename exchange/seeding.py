"""The bundles of `collections/seed/`, published in the order of their names through the same path as any member's.

A file is called `NN-COLLECTION-MEMBER.json`: where it goes, and who publishes it. A file cannot know the ids of its
publisher's `policy` collection, which are keyed by the exchange's secret; so it addresses by the words themselves
(`group:finance`, `member:cyberdef`, `named-only`) where a marking id would stand, and they are replaced here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exchange import inforce, intake, store
from exchange.config import Config

FOLDER = "collections/seed"


class SeedError(Exception):
    """A file of the folder cannot be published; the text says which and the mend, one line for each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seed:
    """One file, relative to the home, with the names that its own name says."""

    file: str
    collection: str
    member: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """One object that was not taken, and why."""

    id: str
    version: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one file. `taken` counts what is there now, new or from before."""

    seed: Seed
    taken: int
    refused: tuple[Refused, ...]


def find(home: Path, config: Config) -> list[Seed]:
    """The files in the order of their names. SeedError with every name that does not say where and who."""
    seeds: list[Seed] = []
    wrong: list[str] = []
    for path in sorted((home / FOLDER).glob("*.json")):
        file = f"{FOLDER}/{path.name}"
        found = [Seed(file=file, collection=c, member=m) for c, m in _readings(path.name, config)]
        seeds += found[:1]
        if not found:
            wrong.append(f"{file}: is not called NN-COLLECTION-MEMBER.json with a collection and a member in force")
    if wrong:
        raise SeedError("\n".join(wrong))
    return seeds


def _readings(name: str, config: Config) -> Iterator[tuple[str, str]]:
    """Names may contain `-`, so every place to cut is tried."""
    shape = re.fullmatch(r"[0-9]+-(.+)\.json", name)
    words = shape[1].split("-") if shape else []
    for cut in range(1, len(words)):
        collection, member = "-".join(words[:cut]), "-".join(words[cut:])
        if collection in config.collections and member in config.members:
            yield collection, member


def publish(
    poster: intake.Poster, state: inforce.InForce, home: Path, seed: Seed, new_id: Callable[[], str]
) -> Outcome:
    """Publish one file. SeedError where it cannot be taken as a whole."""
    with store.reading(poster.engine) as conn:
        ids = {word: uid for uid, word in inforce.words(conn, state, seed.member).items()}
    try:
        body = addressed(json.loads((home / seed.file).read_bytes()), ids)
        uid = state.config.collections[seed.collection].id
        status = intake.publish(poster, uid, body, new_id())
    except (OSError, ValueError) as error:
        raise SeedError(f"{seed.file}: cannot be read: {error}") from error
    except intake.Refused as error:
        raise SeedError(f"{seed.file}: {seed.member} may not write to {seed.collection}") from error
    except intake.Busy as error:
        raise SeedError(f"{seed.file}: the store was too busy; run it again, nothing is stored twice") from error
    refused = tuple(
        Refused(id=one["id"], version=one["version"], reason=one.get("message", ""))
        for one in status.get("failures", ())
    )
    return Outcome(seed=seed, taken=status["success_count"], refused=refused)


def addressed(bundle: Any, ids: Mapping[str, str]) -> bytes:
    """The bundle with words replaced by the publisher's marking ids. ValueError for a word that it has not."""
    if not isinstance(bundle, dict) or not all(isinstance(obj, dict) for obj in bundle.get("objects", [])):
        raise ValueError("it is no bundle of STIX objects")
    for obj in bundle.get("objects", []):
        if refs := obj.get("object_marking_refs"):
            obj["object_marking_refs"] = [_marking(ref, ids) for ref in refs]
        for marking in obj.get("granular_markings", []):
            if "marking_ref" in marking:
                marking["marking_ref"] = _marking(marking["marking_ref"], ids)
    return json.dumps(bundle, ensure_ascii=False, separators=(",", ":")).encode()


def _marking(ref: str, ids: Mapping[str, str]) -> str:
    if ref.startswith("marking-definition--"):
        return ref
    if ref not in ids:
        raise ValueError(f'it addresses "{ref}", which its publisher cannot; there are {", ".join(sorted(ids))}')
    return ids[ref]
