"""A copy of the repository to break things in: faults and mutants never touch the working tree."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

ROOT = Path(__file__).parents[2]
NOT_COPIED = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "build", "dist", "data", "mutants")


def copied(into: Path) -> Path:
    """The files of the repository under `into`, which must not exist; without environment, caches and history."""
    shutil.copytree(ROOT, into, ignore=NOT_COPIED)
    return into


def environment(**more: str) -> dict[str, str]:
    """For a process that looks for counter-examples only, with the plugin `tests.faults.quick`."""
    return {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "HYPOTHESIS_PROFILE": "quick", **more}
