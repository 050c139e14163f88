"""docs/model-tests.md, run as it stands there: each step by a shell, against the example home."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands.command import REPOSITORY, edit, run
from tests.protocol.served import Served, running

PAGE = REPOSITORY / "docs" / "model-tests.md"
FENCED = re.compile(r"```(?P<kind>sh|yaml)\n(?P<text>.*?)```", re.DOTALL)

pytestmark = pytest.mark.skipif(not (shutil.which("curl") and shutil.which("jq")), reason="curl or jq is not here")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The example home with the members of the page."""
    home = tmp_path_factory.mktemp("walk") / "home"
    assert run("init", str(home)).exit_code == 0
    plan, members = (text for kind, text in FENCED.findall(PAGE.read_text(encoding="utf-8")) if kind == "yaml")
    file = "config/exchange.yaml"
    assert plan.splitlines()[1].strip() in (home / file).read_text(encoding="utf-8")
    edit(home, file, "  modelworks:", f"{members}  modelworks:")
    with running(home) as found:
        yield found


def step(server: Served, folder: Path, number: int, keys: dict[str, str]) -> str:
    """What one block of the page prints; FINDING is kept from block to block."""
    blocks = [text for kind, text in FENCED.findall(PAGE.read_text(encoding="utf-8")) if kind == "sh"]
    script = f"[ ! -f kept ] || . ./kept\n{blocks[number]}\ndeclare -p FINDING > kept\n"
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {"PATH": path, "EXCHANGE_URL": server.url, **keys}
    command = ["bash", "-euo", "pipefail", "-c", script]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_page_leads_from_a_finding_to_its_release_and_nobody_else_reads_it_before(
    server: Served, tmp_path: Path
) -> None:
    keys = {"EVALUATOR_KEY": server.new_key("evalcenter"), "LAB_KEY": server.new_key("brightlab")}
    others = {name: server.member(name) for name in ("otherlab", "modelworks", "cyberdef", "skyline")}

    def reading() -> set[str]:
        path = f"/api/v1/findings/{finding}"
        return {name for name, one in others.items() if one.ask(path, headers={"Accept": "*/*"}).ok}

    filed = json.loads(step(server, tmp_path, 0, keys))
    finding = json.loads((tmp_path / "filed.json").read_bytes())["finding"]
    assert filed["now"] == ["brightlab", "you"]
    assert "later" not in filed or not filed["later"]
    assert reading() == set()
    step(server, tmp_path, 1, keys)
    got = [json.loads(line) for line in (tmp_path / "got.jsonl").read_text(encoding="utf-8").splitlines()]
    assert finding in {one["id"] for one in got}
    assert any("spring-2027" in json.dumps(one) for one in got)
    step(server, tmp_path, 2, keys)
    assert step(server, tmp_path, 3, keys) == "brightlab: fixed\n"
    assert json.loads((tmp_path / "verified.json").read_bytes())["finding"] == finding
    assert reading() == set()
    step(server, tmp_path, 4, keys)
    assert reading() == {"cyberdef"}
    polled = others["cyberdef"].collection("model-tests").get_objects()["objects"]
    assert "fix-verified" in json.dumps([o for o in polled if o["id"] == finding])
