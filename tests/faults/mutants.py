"""`make mutants`: how many small changes to the modules that decide and deliver go unnoticed by the fast tests.

mutmut makes the changes and runs, for each, the tests that touch the changed function. Two things of it are worked
around here, in a copy of the repository: it leaves decorated functions alone, so each decorator but `staticmethod` and
`classmethod` becomes a call after the function; and it mutates one set of modules with one set of tests, so each
module is a run of its own. What survives, and why, stands in docs/mutation.md.
"""

from __future__ import annotations

import ast
import configparser
import json
import re
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path

import click

from tests.faults.tree import ROOT, copied, environment

PAGE = ROOT / "docs" / "mutation.md"
KEPT = ("staticmethod", "classmethod")
MEMORY = 6 << 30  # bytes of address space: a mutant may loop and never stop growing
KILLED = (1, 3, -11)  # pytest's exit codes for a failure and for an error of its own; a crash
OUT_OF_TIME = (24, -24, 36, 152, 255, -9)
LISTED = re.compile(r"^- `(?P<place>[\w.]+)`: ``(?P<was>.+?)`` → ``(?P<now>.*?)``: .", re.MULTILINE)
ENOUGH = 95  # percent of a module's mutants


@dataclass(frozen=True, slots=True, order=True)
class Survivor:
    """`place` is ``module.function`` or ``module.Class.method``; `was` and `now` the lines that differ, as one."""

    place: str
    was: str
    now: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """How the mutants of one module ended. `slow` died of a time limit: look whether the machine was only busy."""

    module: str
    died: int
    slow: tuple[str, ...]
    survivors: tuple[Survivor, ...]

    @property
    def percent(self) -> float:
        return 100 * self.died / (self.died + len(self.survivors))

    def __str__(self) -> str:
        total = self.died + len(self.survivors)
        return f"{self.module}: {self.died} of {total} died ({len(self.slow)} by time), {self.percent:.1f} %"


def listed(page: str) -> list[Survivor]:
    """The survivors that docs/mutation.md gives a reason for."""
    return [Survivor(**found.groupdict()) for found in LISTED.finditer(page)]


def undecorated(source: str) -> str:
    """The same module with each decorated function wrapped afterwards: ``f = lru_cache(maxsize=1)(f)``."""
    lines = source.splitlines()
    for place in sorted(_decorated(ast.parse(source)), key=lambda f: f.lineno, reverse=True):
        outer = place.name
        for decorator in reversed(place.decorator_list):
            outer = f"{ast.unparse(decorator)}({outer})"
        lines.insert(place.end_lineno or 0, f"{' ' * place.col_offset}{place.name} = {outer}")
        del lines[place.decorator_list[0].lineno - 1 : place.lineno - 1]
    return "\n".join(lines) + "\n"


def _decorated(module: ast.Module) -> Iterator[ast.FunctionDef]:
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef) and node.decorator_list:
            names = [d.id for d in node.decorator_list if isinstance(d, ast.Name)]
            if not set(names) & set(KEPT):
                yield node


def settings_of(module: str) -> tuple[dict[str, str], list[str]]:
    """mutmut's settings for one module, and its tests: sections `mutmut` and `mutants` of setup.cfg."""
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    return dict(parser["mutmut"]), parser["mutants"][module].split()


def modules() -> list[str]:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    return list(parser["mutants"])


def run(module: str, folder: Path) -> Score:
    """Every mutant of one module. Takes minutes."""
    tree = copied(folder / module)
    path = f"exchange/{module}.py"
    source = tree / path
    source.write_text(undecorated(source.read_text()))
    options, tests = settings_of(module)
    parser = configparser.ConfigParser()
    parser.read(tree / "setup.cfg")
    parser["mutmut"] = {**options, "only_mutate": path, "pytest_add_cli_args_test_selection": "\n".join(["", *tests])}
    with (tree / "setup.cfg").open("w") as file:
        parser.write(file)
    _mutmut(tree, "run", "--max-children", "1")
    return _score(module, tree, path)


def _mutmut(tree: Path, *arguments: str) -> None:
    command = [str(Path(sys.executable).with_name("mutmut")), *arguments]
    done = subprocess.run(
        command, cwd=tree, env=environment(), capture_output=True, text=True, check=False,
        preexec_fn=_limited,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"mutmut {' '.join(arguments)} failed:\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}")


def _limited() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def _score(module: str, tree: Path, path: str) -> Score:
    ended: dict[str, int | None] = json.loads((tree / "mutants" / f"{path}.meta").read_text())["exit_code_by_key"]
    alive = [name for name, code in ended.items() if code not in (*KILLED, *OUT_OF_TIME)]
    return Score(
        module=module,
        died=len(ended) - len(alive),
        slow=tuple(name for name, code in ended.items() if code in OUT_OF_TIME),
        survivors=tuple(sorted(survivor(name, _difference(tree, path, name)) for name in alive)),
    )


def _difference(tree: Path, path: str, name: str) -> str:
    """What mutmut shows of a mutant."""
    from mutmut.mutation.diff_apply import get_diff_for_mutant  # slow to import, and only wanted here

    with chdir(tree):
        return get_diff_for_mutant(name, path=path)


def survivor(name: str, shown: str) -> Survivor:
    """From mutmut's name, ``exchange.label.xǁExprǁwords__mutmut_1``, and the difference that it shows."""
    module, _, function = name.removeprefix("exchange.").rpartition("__mutmut_")[0].partition(".")
    function = function.removeprefix("x").removeprefix("ǁ" if "ǁ" in function else "_").replace("ǁ", ".")
    lines = [line for line in shown.splitlines() if not line.startswith(("---", "+++"))]
    was, now = (" ".join(line[1:].strip() for line in lines if line.startswith(sign)).strip() for sign in "-+")
    return Survivor(f"{module}.{function}", was, now)


def main(wanted: Sequence[str]) -> int:
    """0 where enough died in each module and every survivor has its reason."""
    reasons = set(listed(PAGE.read_text()))
    good = True
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        for module in wanted or modules():
            score = run(module, Path(folder))
            click.echo(score)
            for name in score.slow:
                click.echo(f"    out of time: {name}")
            for left in score.survivors:
                click.echo(f"{'    ' if left in reasons else 'NEW '}- `{left.place}`: ``{left.was}`` → ``{left.now}``")
            good = good and score.percent >= ENOUGH and reasons.issuperset(score.survivors)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
