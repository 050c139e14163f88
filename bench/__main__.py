"""`python -m bench`: measure, print the tables, and with `--write` put them into docs/performance.md.

The short form (1 thousand and 100 thousand objects) takes minutes; `--long` adds a million. `--keep DIR` keeps the
filled stores there and uses them again.
"""

from __future__ import annotations

import datetime
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from bench import core, machine, publishing, reading, report, stores
from bench.report import Figures
from exchange.cliparts import progress, say, table

SEED = "exchange"
PAGE = Path(__file__).parent.parent / "docs" / "performance.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How much is measured: sizes of stores, connections, rounds and requests a burst, envelopes, questions."""

    sizes: tuple[int, ...]
    connections: tuple[int, ...] = (1, 8)
    rounds: int = 10
    burst: int = 48
    envelopes: int = 10
    objects: int = 500
    questions: int = 100


SHORT = Form(sizes=(1_000, 100_000))
LONG = Form(sizes=(1_000, 100_000, 1_000_000), rounds=20, envelopes=20, questions=200)
SMOKE = Form(sizes=(200,), connections=(2,), rounds=1, burst=4, envelopes=1, objects=20, questions=5)


@click.command()
@click.option("--long", "form", flag_value=LONG, type=click.UNPROCESSED, help="With a million objects.")
@click.option("--smoke", "form", flag_value=SMOKE, type=click.UNPROCESSED, help="Seconds: only whether it runs.")
@click.option("--keep", type=click.Path(file_okay=False, path_type=Path), help="Folder for the stores, used again.")
@click.option(
    "--write",
    is_flag=False,
    flag_value=PAGE,
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="[FILE]",
    help=f"Write the page, docs/{PAGE.name} if no file is said.",
)
@click.option("--date", help="The date that the page states; today if not said.")
def main(form: Form | None, keep: Path | None, write: Path | None, date: str | None) -> None:
    """Measure reading and publishing beside the limit of this machine."""
    found = machine.this()
    for line in found.lines:
        say(line)
    with _folder(keep) as folder:
        figures = run(form or SHORT, folder, found, date or datetime.datetime.now(datetime.UTC).date().isoformat())
    for one in report.tables(figures):
        say(f"\n{one.heading}")
        table(one.columns, one.rows)
    say()
    for sentence in report.ratios(figures):
        say(sentence)
    if write:
        write.write_text(report.page(figures), encoding="utf-8")
        say(f"\n{write} is written")


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep
        return
    with tempfile.TemporaryDirectory(prefix="exchange-bench-") as folder:
        yield Path(folder)


def run(form: Form, folder: Path, on: machine.Machine, date: str) -> Figures:
    """Everything once; the filled stores stay as they are."""
    filled = []
    for size in form.sizes:
        with progress(f"filling {size:,}", size) as step:
            filled.append(stores.open_store(folder, size, SEED, step))
    with progress("without HTTP", None):
        inside = list(core.measure(filled, form.questions))
    with progress("reading over HTTP", None):
        read = list(reading.measure(filled, folder, form.connections, form.rounds, form.burst))
    with progress("publishing over HTTP", None):
        ends = filled if len(filled) < 3 else [filled[0], filled[-1]]
        published = publishing.measure(ends, folder, form.envelopes, form.objects)
    return Figures(date=date, machine=on, reading=read, publishing=published, core=inside)


if __name__ == "__main__":
    main(prog_name="python -m bench")
