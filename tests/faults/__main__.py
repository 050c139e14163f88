"""`make faults`: every seeded fault, in a copy of the repository, against the test that must fail for it."""

import sys
import tempfile
from pathlib import Path

import click

from tests.faults import seeding, tree


def main(wanted: list[str]) -> int:
    """All faults, or those whose names contain one of the words. 0: each was noticed."""
    faults = [f for f in seeding.load() if f.killed_by and any(w in f.fault for w in wanted or [""])]
    survived = []
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        copy = tree.copied(Path(folder) / "tree")
        if not seeding.passes(copy, sorted({f.killed_by for f in faults})):
            click.echo("the tests fail without any fault: run them first", err=True)
            return 1
        for fault in faults:
            survived += [fault] if seeding.survives(fault, copy) else []
            click.echo(f"{'SURVIVED' if fault in survived[-1:] else 'noticed '} {fault.fault}")
    click.echo(f"{len(faults) - len(survived)} of {len(faults)} faults were noticed")
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
