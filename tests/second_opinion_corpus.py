"""What conformance_second_opinion.py judges: real objects, and mutations of valid ones, the same at every run."""

from __future__ import annotations

import copy
import gzip
import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.unit.test_stix_samples import LATER, OTHER, SAMPLES

Object = dict[str, Any]

FOLDER = Path(__file__).parents[2] / "shared" / "data"
FEEDS = (
    "stix/mixed-2.1.json.gz", "stix/mobile-attack-17.1.json.gz", "atlas/stix-atlas.json",
    "atlas/opencti-AMLCS0010.json", "atlas/opencti-AMLCS0011.json", "atlas/opencti-AMLCS0012.json",
    "atlas/opencti-AMLCS0017.json",
)  # fmt: skip
REAL, SHORT, GENERATED = 4_000, 500, 5_500
ODD: tuple[Any, ...] = (
    None, True, 0, -1, 1.5, 2**53, 10**9, "", "x", "EN_us", "2026-02-31T00:00:00Z", "2026-05-01T12:00:00Z",
    "2026-05-01T12:00:00.123456789Z", LATER, "a b", f"identity--{OTHER}", f"url--{OTHER}", f"x-own--{OTHER}",
    f"marking-definition--{OTHER}", f"tool--{OTHER[:14]}8{OTHER[15:]}", [], {}, ["x"], [f"file--{OTHER}"],
    [f"tool--{OTHER}"], {"x": "y"},
)  # fmt: skip
EXTENSION = f"extension-definition--{OTHER}"
CVE, SHORT_CVE = ({"source_name": "cve", "external_id": text} for text in ("CVE-2026-12345", "CVE-2026-1"))
MARKING = f"marking-definition--{OTHER}"
EXTRA: tuple[tuple[str, Any], ...] = (
    ("x_own", 5), ("score", {"a": 1}), ("severity", "high"), ("action", "x"), ("username", "me"),
    ("phone_numbers", ["1"]), ("Capital", 1), ("xy", 1), ("defanged", True), ("revoked", True), ("confidence", 50),
    ("confidence", 101), ("lang", "de-CH-1996"), ("lang", "de_CH"), ("labels", ["a"]), ("labels", []),
    ("created_by_ref", f"identity--{OTHER}"), ("created_by_ref", f"tool--{OTHER}"),
    ("created", "2026-05-01T12:00:00.000Z"), ("modified", "2026-05-01T12:00:00.000Z"), ("spec_version", "2.0"),
    ("object_marking_refs", [MARKING]),
    ("object_marking_refs", ["marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9"]),
    ("external_references", [CVE]), ("external_references", [SHORT_CVE]),
    ("external_references", [{"source_name": "x"}]),
    ("external_references", [{"source_name": "x", "url": "no url", "hashes": {"MD5": "x"}}]),
    ("granular_markings", [{"selectors": ["type"], "lang": "en"}]),
    ("granular_markings", [{"selectors": ["type"], "marking_ref": MARKING}]),
    ("granular_markings", [{"selectors": ["no_such"], "marking_ref": MARKING}]),
    ("extensions", {EXTENSION: {"extension_type": "property-extension", "score": 5}}),
    ("extensions", {EXTENSION: {"extension_type": "toplevel-property-extension"}, "x-own-ext": {"abc": 1}}),
    ("extensions", {EXTENSION: {"score": 5}}), ("extensions", {"x-own-ext": {"score": []}}),
    ("x_own_hex", "AB"), ("x_own_bin", "aGk="), ("x_own_ref", f"tool--{OTHER}"), ("x_own_refs", f"tool--{OTHER}"),
    ("kill_chain_phases", [{"kill_chain_name": "k", "phase_name": "p"}]), ("name", "Name"), ("description", "Words"),
    ("hashes", {"MD5": "d41d8cd98f00b204e9800998ecf8427e"}), ("hashes", {"SHA-9": "x"}),
)  # fmt: skip


def real() -> list[Object]:
    """Every different object of the feeds, in their order."""
    found: dict[str, Object] = {}
    for name in FEEDS:
        body = (FOLDER / name).read_bytes()
        for obj in json.loads(gzip.decompress(body) if name.endswith(".gz") else body)["objects"]:
            found.setdefault(json.dumps(obj, sort_keys=True), obj)
    return list(found.values())


def corpus() -> Iterator[Object]:
    """The 10,000: real objects, and mutations of real ones and of the samples, the same at every run."""
    dice = random.Random(2026)  # noqa: S311  # repeatable, no secret
    known = real()
    yield from dice.sample(known, REAL)
    yield from short()
    # Seven of ten real objects are relationships, which mutate into the same few faults.
    yield from generated(dice, GENERATED, [obj for obj in known if obj["type"] != "relationship"])


def short() -> Iterator[Object]:
    """The 500 that `make test` judges, mutations of the samples alone."""
    return generated(random.Random(500), SHORT)  # noqa: S311  # repeatable, no secret


def generated(dice: random.Random, number: int, more: Sequence[Object] = ()) -> Iterator[Object]:
    """Mutations of the samples and of `more`, half and half."""
    samples = list(SAMPLES.values())
    for _ in range(number):
        yield mutated(dice.choice(more if more and dice.random() < 0.5 else samples), dice)


def mutated(obj: Object, dice: random.Random) -> Object:
    """A copy with one change, at times two: a property dropped, altered or added, at any depth."""
    obj = copy.deepcopy(obj)
    for _ in range(dice.choice((1, 1, 1, 2))):
        every = list(_places(obj))
        box, key = dice.choice([place for place in every if place[0] is obj] if dice.random() < 0.6 else every)
        if box is obj and key in ("type", "id", "spec_version") and dice.random() < 0.7:
            continue
        change = dice.randrange(4)
        if change == 0:
            del box[key]
        elif change == 1:
            box[key] = copy.deepcopy(dice.choice(ODD))
        elif change == 2:
            name, value = dice.choice(EXTRA)
            obj[name] = copy.deepcopy(value)
        else:
            box[key] = _spoiled(box[key], dice)
    return obj


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """(container, key) of every value within a value."""
    for key, below in list(value.items() if isinstance(value, dict) else enumerate(value)):
        yield value, key
        if isinstance(below, (dict, list)):
            yield from _places(below)


def _spoiled(value: Any, dice: random.Random) -> Any:
    """Nearly the same value."""
    options: Sequence[Any] = [value]
    if isinstance(value, str):
        options = (value.upper(), value + "x", value[:-1], value.replace("--", "-", 1), value.replace("-", "_"),
                   value.replace(".000Z", "Z"), " " + value, [value])  # fmt: skip
    elif isinstance(value, bool):
        options = (str(value).lower(), int(value))
    elif isinstance(value, (int, float)):
        options = (-value, value + 0.5, str(value), value * 10**6, 0)
    elif isinstance(value, list):
        options = (value * 2, [], value[0] if value else None, [*value, None], [value])
    elif isinstance(value, dict):
        options = ([value], {}, {**value, "x_own": 1}, {**value, "A b": 1}, str(value))
    return copy.deepcopy(dice.choice(options))
