"""The figures as tables, on the terminal and as `docs/performance.md`, which is written by nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench import changing, sample
from bench.machine import Machine
from bench.publishing import Publishing
from bench.reading import Reading
from bench.timing import Core

Rows = Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One whole run."""

    date: str
    machine: Machine
    reading: Sequence[Reading]
    publishing: Sequence[Publishing]
    core: Sequence[Core]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One table with its heading and what to know before reading it."""

    heading: str
    text: str
    columns: Sequence[str]
    rows: Rows


READING = ("request", "objects", "labels", "answer", "median ms", "p95 ms", "requests/s", "limit ms", "limit/s",
           "of the limit", "client")  # fmt: skip
PUBLISHING = ("objects there", "median ms", "objects/s", "limit objects/s", "of the limit")
CORE = ("database", "objects", "member", "labels", "question", "median ms", "p95 ms")


def tables(figures: Figures) -> list[Table]:
    """Everything measured, in the order of the page."""
    counts = sorted({one.connections for one in figures.reading})
    return [
        *(_reading([r for r in figures.reading if r.connections == n], n) for n in counts),
        Table(
            heading="Publishing over HTTP",
            text=f"Envelopes of {_objects(figures.publishing)} valid objects by one member, one after the other: "
            "validated, under the policy, synced; the answer is read to its end. The limit parses the same bytes, "
            "checks them against the schemas and inserts them into a bare SQLite table, one synced commit an "
            "envelope, no HTTP.",
            columns=PUBLISHING,
            rows=[_published(one) for one in figures.publishing],
        ),
        Table(
            heading="Without HTTP, on both databases",
            text="`feed.objects` with a limit of 100 from random places, and an idle poll, within one open snapshot. "
            f"`{sample.WIDE}` reads nearly all, `{sample.PUBLISHERS[0]}` wrote a fifth of everything itself (a large "
            f"inbox), `{sample.SPARSE}` reads {sample.SPARSE_OBJECTS} objects. PostgreSQL has the same rows, copied. "
            "Last, on copies, a line in the config that opens nearly everything to the sparse member.",
            columns=CORE,
            rows=[
                (
                    c.database,
                    f"{c.size:,}",
                    c.member,
                    f"{c.labels:,}",
                    c.what,
                    f"{c.took.median:.2f}",
                    f"{c.took.p95:.2f}",
                )
                for c in sorted(
                    figures.core, key=lambda c: (c.what in changing.KINDS, c.what, c.member, c.database, c.size)
                )
            ],
        ),
    ]


def _reading(rows: Sequence[Reading], connections: int) -> Table:
    kept = "one kept connection" if connections == 1 else f"{connections} kept connections"
    return Table(
        heading=f"Reading over HTTP, {kept}",
        text="One worker on SQLite. `labels`: that the member reads; a page and a poll cost in proportion to them "
        "(docs/design.md), not to the objects. `limit` is the same server and framework answering constant bytes of "
        "the same size with the same headers; `of the limit` compares requests/s; `client` is the part of the time "
        "in which the client's own process was computing, here and at the limit.",
        columns=READING,
        rows=[_read(one) for one in sorted(rows, key=lambda r: (r.what, r.size))],
    )


def _read(one: Reading) -> tuple[str, ...]:
    ours, limit = one.ours, one.limit
    return (
        one.what, f"{one.size:,}", f"{one.labels:,}", f"{one.bytes / 1000:.1f} kB", f"{ours.median:.2f}",
        f"{ours.p95:.2f}", f"{ours.rate:,.0f}", f"{limit.median:.2f}", f"{limit.rate:,.0f}", f"{one.of_limit:.2f}",
        f"{ours.client:.0%}, {limit.client:.0%}",
    )  # fmt: skip


def _published(one: Publishing) -> tuple[str, ...]:
    middle = sorted(one.ours)[len(one.ours) // 2] * 1000
    return (
        f"{one.size:,}", f"{middle:.0f}", f"{one.rate:,.0f}", f"{one.limit_rate:,.0f}",
        f"{one.rate / one.limit_rate:.2f}",
    )  # fmt: skip


def _objects(publishing: Sequence[Publishing]) -> int:
    return publishing[0].objects if publishing else sample.BATCH


def ratios(figures: Figures) -> list[str]:
    """What grows with the size of the collection, as sentences."""
    found = []
    for connections in sorted({one.connections for one in figures.reading}):
        for what in sorted({one.what for one in figures.reading}):
            same = sorted(
                (r for r in figures.reading if r.what == what and r.connections == connections), key=lambda r: r.size
            )
            small, large = same[0], same[-1]
            if large.size > small.size:
                ratio = large.ours.median / small.ours.median
                found.append(
                    f"{what}, {connections} connection{'s' * (connections > 1)}: at {large.size:,} objects "
                    f"{ratio:.2f} × the median at {small.size:,} ({large.labels:,} labels, {small.labels:,} there)"
                )
    return found


def page(figures: Figures) -> str:
    """`docs/performance.md`."""
    parts = [_HEAD.format(date=figures.date, machine="\n".join(f"- {line}" for line in figures.machine.lines))]
    if found := ratios(figures):
        parts.append("## From small to large\n\n" + "\n".join(f"- {line}" for line in found))
    parts += [f"## {one.heading}\n\n{one.text}\n\n{_markdown(one)}" for one in tables(figures)]
    return "\n\n".join(parts) + "\n"


def _markdown(one: Table) -> str:
    lines = [one.columns, ["---" for _ in one.columns], *one.rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


_HEAD = f"""# Performance

Figures as measured, written on {{date}} by `python -m bench --write` (`--long` for a million objects); nothing \
here is edited by hand. `make bench` runs the short form.

{{machine}}

**The sample** ({sample.COLLECTION[:8]}…, seeded): one collection, forty members in twelve working groups and two \
more. {sample.RELATIONSHIPS:.0%} of the objects are relationships between two earlier objects of their publisher, \
{sample.NAMED:.0%} name one to four recipients, {sample.REVISED:.0%} come in two to five versions, \
{sample.RELABELLED:.0%} of the new versions change their TLP. Sizes count object versions. \
The store is filled through the log in real commits of {sample.BATCH}; the same kind of objects is published over HTTP.

**How to read it.** Server, limit and client share the machine, and take turns in bursts (A B, B A), so a busy moment \
meets all alike. Caches are warm: each place in the log has been asked once before. Medians and 95th percentiles are \
of single requests. Compare ratios, not times, between machines."""
