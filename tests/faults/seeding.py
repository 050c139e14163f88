"""Seeded faults: one rule, filter or safeguard taken away at a time, and the test by name that fails for it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.faults.tree import ROOT, environment

FAULTS = Path(__file__).with_name("faults.yaml")
SECONDS = 600  # a fault may make a test go round for ever


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """In `file`, `find` (exactly once there) becomes `replace`; then `killed_by`, a pytest node id, fails.

    `unseen` says why no test can fail for it; one of the two is set. `why` is what the code is there for.
    """

    fault: str
    file: str
    find: str
    replace: str
    why: str
    killed_by: str = ""
    unseen: str = ""

    @property
    def test_file(self) -> str:
        return self.killed_by.partition("::")[0]

    @property
    def test_name(self) -> str:
        return self.killed_by.partition("::")[2].partition("[")[0]


def load() -> list[Fault]:
    return [Fault(**entry) for entry in yaml.load(FAULTS.read_text(), Loader=yaml.CSafeLoader)]


@contextmanager
def seeded(fault: Fault, tree: Path) -> Iterator[None]:
    """The fault stands in the copy `tree`. Raises `ValueError` where its text is not there exactly once."""
    path = tree / fault.file
    source = path.read_text()
    if source.count(fault.find) != 1:
        raise ValueError(f"{fault.file} has {source.count(fault.find)} times {fault.find!r}: mend faults.yaml")
    path.write_text(source.replace(fault.find, fault.replace))
    try:
        yield
    finally:
        path.write_text(source)


def passes(tree: Path, tests: Sequence[str]) -> bool:
    """Whether these tests pass on the copy. Raises `LookupError` if one of them is not there."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-x",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "tests.faults.quick",
        "-m",
        "",
    ]
    try:
        done = subprocess.run(
            [*command, *tests], cwd=tree, env=environment(PYTHONPATH=str(tree)), capture_output=True, text=True,
            timeout=SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return False
    if done.returncode not in (0, 1):
        raise LookupError(f"{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.returncode == 0


def survives(fault: Fault, tree: Path) -> bool:
    """Whether the test by name passes all the same."""
    with seeded(fault, tree):
        return passes(tree, [fault.killed_by])


def misplaced(faults: Sequence[Fault]) -> list[str]:
    """Faults whose text is not in the source exactly once, or whose test is not where it is said to be."""
    found = []
    for fault in faults:
        times = (ROOT / fault.file).read_text().count(fault.find)
        if times != 1:
            found.append(f"{fault.fault}: {fault.file} has its text {times} times")
        if bool(fault.killed_by) == bool(fault.unseen):
            found.append(f"{fault.fault}: either killed_by or unseen")
        elif fault.killed_by and f"def {fault.test_name}(" not in (ROOT / fault.test_file).read_text():
            found.append(f"{fault.fault}: {fault.test_file} has no {fault.test_name}")
    return found
