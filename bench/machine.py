"""The machine and the software that figures were measured on, because without them a figure says nothing."""

from __future__ import annotations

import os
import platform
import sqlite3
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

GIB = 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What is stated beside every table."""

    cpu: str
    cores: int
    memory: int  # bytes
    system: str
    python: str
    sqlite: str
    granian: str
    flask: str
    load: float  # of the last minute, when the run began

    @property
    def lines(self) -> tuple[str, ...]:
        """For people."""
        return (
            f"{self.cpu}, {self.cores} cores, {self.memory / GIB:.0f} GiB of memory, {self.system}",
            f"Python {self.python}, SQLite {self.sqlite}, granian {self.granian}, Flask {self.flask}",
            f"load average when the run began: {self.load:.2f}" + (" (not quiet)" if self.load > QUIET else ""),
        )


QUIET = 0.5


def this() -> Machine:
    """The machine that runs this."""
    return Machine(
        cpu=_cpu(), cores=os.cpu_count() or 1, memory=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        system=f"{platform.system()} {platform.release()}", python=platform.python_version(),
        sqlite=sqlite3.sqlite_version, granian=version("granian"), flask=version("flask"), load=os.getloadavg()[0],
    )  # fmt: skip


def _cpu() -> str:
    """Linux tells the model in a file, others by a call; where neither does, the architecture has to do."""
    file = Path("/proc/cpuinfo")
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())
