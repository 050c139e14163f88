"""docs/conformance.md, from the rows in tests/protocol/rows*.yaml and the tests that carry their ids.

`python -m tests.conformance` writes the page. A row is held when tests carry its id (`@pytest.mark.row("T-3.4-07")`):
either they pass or `make test` fails. test_conformance.py asks the same of the tests that are running, so that the
check costs no second collection.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
ROWS = ROOT / "tests" / "protocol"
PAGE = ROOT / "docs" / "conformance.md"
CARRIERS = ("tests/protocol", "tests/unit")  # where tests carry rows
FIELDS = frozenset({"level", "asks", "ours", "unmet", "outside"})

Held = Mapping[str, Sequence[str]]  # row → `path::test` of what carries it
PARTS = {
    "T": ("TAXII 2.1", "Requirements on a server; the number is the section of the standard."),
    "S": ("STIX 2.1", "What may enter and how it is served again; the number is the section of the standard."),
    "A": ("Where the text has several readings", "Which one we chose, and why."),
    "I": (
        "OASIS interoperability checks",
        "TAXII 2.1 Interoperability Test Document 1.0; the number is the test's.",
    ),
}
INTRODUCTION = """\
# Conformance

How the exchange stands to every requirement of TAXII 2.1 and STIX 2.1. Written by `make conformance` from
`tests/protocol/rows*.yaml` and the tests that carry a row's id; do not edit it by hand. *Held* means that these tests
pass, over real HTTP but for the ones in `tests/unit` and in `test_failing.py`, which breaks the database below the
application. TAXII 2.0 is not served: [design.md](design.md) says why.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One requirement. `unmet` and `outside` are reasons why no test holds it, or empty."""

    id: str
    level: str
    asks: str
    ours: str
    unmet: str = ""
    outside: str = ""

    @property
    def reason(self) -> str:
        return self.unmet or self.outside


def rows(folder: Path = ROWS) -> dict[str, Row]:
    """Every row of the files, in their order. ValueError for one that is not of the form that rows.yaml describes."""
    found: dict[str, Row] = {}
    for path in sorted(folder.glob("rows*.yaml")):
        for name, fields in (yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader) or {}).items():
            wrong = not isinstance(fields, dict) or not {"level", "asks", "ours"} <= fields.keys() <= FIELDS
            if wrong or name in found or name[0] not in PARTS or any("|" in text for text in fields.values()):
                raise ValueError(f"{path.name}: {name} is no row as rows.yaml describes them")
            found[name] = Row(id=name, **fields)
    return found


def carried(items: Iterable[pytest.Item]) -> dict[str, tuple[str, ...]]:
    """What the collected tests carry, sorted and each once, in whatever order they run."""
    found: dict[str, set[str]] = {}
    for item in items:
        name = item.nodeid.partition("[")[0]
        if name.startswith(CARRIERS):
            for row in (row for marker in item.iter_markers("row") for row in marker.args):
                found.setdefault(row, set()).add(name)
    return {row: tuple(sorted(names)) for row, names in found.items()}


def files() -> set[Path]:
    """Every file with tests that may carry rows."""
    return {path for folder in CARRIERS for path in (ROOT / folder).glob("test_*.py")}


class _Collector:
    """A pytest plug-in that keeps what was collected."""

    held: Held

    @pytest.hookimpl(tryfirst=True)  # before `long` tests are left out
    def pytest_collection_modifyitems(self, items: Sequence[pytest.Item]) -> None:
        self.held = carried(items)


def collect() -> Held:
    """What the tests on disk carry. RuntimeError where they cannot be collected."""
    collector, said = _Collector(), StringIO()
    with redirect_stdout(said):
        code = pytest.main(["--collect-only", "-q", "-p", "no:cacheprovider", *CARRIERS], plugins=[collector])
    if code != pytest.ExitCode.OK:
        raise RuntimeError(said.getvalue())
    return collector.held


def faults(known: Mapping[str, Row], held: Held) -> list[str]:
    """What is wrong with the rows and the tests; nothing if all is well."""
    found = [f"{name}: a test carries it, but no rows*.yaml has it" for name in sorted(held.keys() - known.keys())]
    for row in known.values():
        if row.reason and row.id in held:
            found.append(f"{row.id}: it has tests, and a reason for having none")
        elif not row.reason and row.id not in held:
            found.append(f"{row.id}: it has neither a test nor a reason")
    return found


def page(known: Mapping[str, Row], held: Held) -> str:
    """The text of docs/conformance.md."""
    return "\n".join([INTRODUCTION, *_summary(known), *_parts(known, held)])


def _of_part(known: Mapping[str, Row], prefix: str) -> list[Row]:
    return [row for row in known.values() if row.id.startswith(prefix)]


def _summary(known: Mapping[str, Row]) -> Iterator[str]:
    yield "| | rows | held | not a server's part | not held |\n|---|---|---|---|---|"
    for prefix, (title, _) in PARTS.items():
        if part := _of_part(known, prefix):
            unmet, outside = ([row.id for row in part if text(row)] for text in (_unmet, _outside))
            held = len(part) - len(unmet) - len(outside)
            yield f"| {title} | {len(part)} | {held} | {_named(outside)} | {_named(unmet)} |"
    yield ""
    if (PAGE.parent / "second-opinion.md").exists():
        yield "Where `stix2` and `stix2-validator` judge an object otherwise: [second opinion](second-opinion.md).\n"


def _unmet(row: Row) -> str:
    return row.unmet


def _outside(row: Row) -> str:
    return row.outside


def _named(ids: Sequence[str]) -> str:
    links = ", ".join(f"[{name}](#{name})" for name in ids)
    return f"{len(ids)}: {links}" if ids else "0"


def _parts(known: Mapping[str, Row], held: Held) -> Iterator[str]:
    for prefix, (title, sentence) in PARTS.items():
        if part := _of_part(known, prefix):
            yield f"## {title}\n\n{sentence}\n"
            yield "| row | level | asks | what we do | held by |\n|---|---|---|---|---|"
            yield from (_line(row, held.get(row.id, ())) for row in part)
            yield ""


def _line(row: Row, names: Sequence[str]) -> str:
    holders = "<br>".join(map(_link, names))
    if row.reason:
        holders = f"**not held**: {row.unmet}" if row.unmet else f"not a server's part: {row.outside}"
    texts = (" ".join(text.split()) for text in (row.asks, row.ours, holders))
    return f"| <a id='{row.id}'></a>{row.id} | {row.level} | {' | '.join(texts)} |"


def _link(name: str) -> str:
    path, _, test = name.rpartition("::")
    return f"[{test.removeprefix('test_').replace('_', ' ')}](../{path})"


def main() -> int:
    known, held = rows(), collect()
    wrong = faults(known, held)
    PAGE.write_text(page(known, held), encoding="utf-8")
    sys.stderr.writelines(f"{line}\n" for line in wrong)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
