"""Broken documents without number: real and made-up ones with nodes deleted, replaced and swapped; and what must
hold of whatever an importer makes of one.

`python -m tests.unit.importmutants 200000` tries so many for each importer and prints what it took.
"""

import gc
import json
import random
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jiter
import msgspec

from exchange.findings.checking import faults as faults_of
from exchange.findings.documents import documents
from exchange.findings.finding import Fault, Finding
from exchange.findings.formats import READERS, findings, recognise
from tests.unit.importsamples import SAMPLES

FOLDER = Path(__file__).parents[3] / "shared" / "data"
FOLDERS = ("osv", "sarif", "csaf", "avid", "vex", "kev")
MAX_BASE = 12_000
"""Bytes of a document to be broken: a longer one would take longer to copy than to read."""

VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2, 42, 10**18, 10**400, -(10**5000), 0.5, 1e308),
    *(
        "",
        " ",
        "x",
        "\x00",
        "\ud800",
        "é" * 300,
        "a" * 5_000,
        "\n" * 50,
        "https://",
        "CWE-",
        "CWE-79",
        "79",
        "pkg:",
        "cpe:/",
    ),
    *(
        "cpe:2.3:",
        "CVSS:3.1/",
        "CVSS:4.0/AV:N",
        "AV:N",
        "2026-01-01",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
    ),
    *(
        "pkg:npm/@a@1",
        "pkg:x/%zz",
        "{0}{1}{{",
        "affected",
        "fixed",
        "not_affected",
        "REJECTED",
        "accepted",
        "success",
        "eval",
    ),
    *(
        "vendor",
        "product_name",
        "CWE",
        "P1",
        "-1",
        "../..",
        "javascript:1",
        "AML.T0001",
        "10.0.0.1",
        "[",
        "http://[::1",
    ),
    *(
        [],
        [None],
        [[]],
        ["x"],
        [{}],
        [1, "x", None, {}],
        {},
        {"x": None},
        {"text": 1},
        {"id": "x"},
        {"name": []},
        {"value": {}},
    ),
)


def bases() -> dict[str, list[bytes]]:
    """The documents of each format that are broken: the samples, and real ones where they are."""
    found = {name: [json.dumps(one).encode() for one in some] for name, some in SAMPLES.items()}
    for folder in FOLDERS:
        for path in sorted((FOLDER / folder).glob("*")):
            for document in documents(path.read_bytes()):
                name = recognise(document)
                if name is None:
                    continue
                if name == "kev" and isinstance(document, dict):
                    document["vulnerabilities"] = document["vulnerabilities"][:5]
                raw = json.dumps(document).encode() if name in found else b""
                if 0 < len(raw) <= MAX_BASE and len(found[name]) < 60:
                    found[name].append(raw)
    return found


def mutant(raw: bytes, chance: random.Random) -> Any:
    """A document with up to four nodes changed."""
    held = [jiter.from_json(raw, cache_mode="keys")]
    nodes = list(_nodes(held))
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        holder, key = chance.choice(nodes)
        other, from_ = chance.choice(nodes)
        if not _has(holder, key):
            continue
        match chance.randrange(8):
            case 0 if holder is not held:
                del holder[key]
            case 1 if _has(other, from_) and not _within(other[from_], holder) and not _within(holder[key], other):
                holder[key], other[from_] = other[from_], holder[key]
            case 2 if isinstance(holder, list):
                holder.append(holder[key])
            case 3 if isinstance(holder[key], list) and holder[key]:
                holder[key] = holder[key] * chance.randrange(2, 5)
            case 4:
                holder[key] = [holder[key]]
            case _:
                holder[key] = chance.choice(VALUES)
    return held[0]


def _nodes(value: Any) -> Iterator[tuple[Any, Any]]:
    left = [value]
    while left:
        holder = left.pop()
        for key, inner in list(holder.items() if isinstance(holder, dict) else enumerate(holder)):
            yield holder, key
            if isinstance(inner, dict | list) and inner:
                left.append(inner)


def _has(holder: Any, key: Any) -> bool:
    return key in holder if isinstance(holder, dict) else key < len(holder)


def _within(value: Any, holder: Any) -> bool:
    """Whether a node holds another, or itself: a swap would make a circle, which no JSON is."""
    left = [value]
    while left:
        inner = left.pop()
        if inner is holder:
            return True
        left += inner.values() if isinstance(inner, dict) else inner if isinstance(inner, list) else []
    return False


def hold(made: list[Finding | Fault]) -> None:
    """What must hold of whatever comes of a document: findings within their bounds and with keys of their own."""
    keys = set()
    for one in made:
        if isinstance(one, Fault):
            assert one.detail
            assert one.pointer == "" or one.pointer.startswith("/")
        else:
            assert msgspec.json.decode(msgspec.json.encode(one), type=Finding) == one
            assert one.key is not None
            assert faults_of(one) == ()
            keys.add(one.key)
    assert len(keys) == sum(isinstance(one, Finding) for one in made)


def tried(name: str, raw: bytes, seed: int) -> list[Finding | Fault]:
    """What an importer makes of one broken document, by itself and told by its content."""
    document = mutant(raw, random.Random(seed))  # noqa: S311 - repeatable, not secret
    made = list(READERS[name](document))
    hold(made)
    if recognise(document) != name:
        hold(list(findings(document)))
    return made


def main(number: int) -> None:
    """Tries so many for each importer; prints a line for each: findings, faults, the slowest, the growth of memory."""
    every = bases()
    for name, raws in every.items():
        found, faults, slowest, worst = 0, 0, 0.0, 0
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        gc.collect()
        begun = time.perf_counter()
        for seed in range(number):
            start = time.process_time()
            made = tried(name, raws[seed % len(raws)], seed)
            took = time.process_time() - start
            slowest, worst = max((slowest, worst), (took, seed))
            found += sum(isinstance(one, Finding) for one in made)
            faults += sum(isinstance(one, Fault) for one in made)
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        print(  # noqa: T201 - its figures
            f"{name}: {number:,} inputs of {len(raws)} documents in {time.perf_counter() - begun:.0f} s, "
            f"{found:,} findings, {faults:,} faults, the slowest {slowest * 1000:.0f} ms (seed {worst}), "
            f"memory +{grown:.0f} MiB",
            flush=True,
        )
        assert slowest < 1, "an input took a second"
        assert grown < 256, "memory grew by 256 MiB"


if __name__ == "__main__":
    main(int(sys.argv[1]))
