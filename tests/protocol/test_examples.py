"""The examples in the documentation do what they say, against a running exchange."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.protocol.apisite import files
from tests.protocol.served import Served, collection_id, running, write

CLIENT = Path(__file__).parents[2] / "docs" / "client.md"
ACTION = Path(__file__).parents[2] / "docs" / "examples" / "push-sarif.yml"
TEXTS = files() | {
    "collections/vulnerabilities.yaml": f"id: {collection_id(90)}\ntitle: Flaws\nwrite: makers\nread: everyone\n"
    "accept: [green, amber]\nunmarked: green\n"
}
SARIF: dict[str, Any] = {
    "version": "2.1.0",
    "runs": [
        {
            "tool": {"driver": {"name": "Bughound", "rules": [{"id": "heap-overflow"}]}},
            "results": [
                {
                    "ruleId": "heap-overflow",
                    "message": {"text": f"A crafted image overwrites the heap in line {line}."},
                    "locations": [
                        {
                            "physicalLocation": {
                                "artifactLocation": {"uri": "src/png.c"},
                                "region": {"startLine": line},
                            }
                        }
                    ],
                }
                for line in (40, 90)
            ],
        }
    ],
}

needs_curl = pytest.mark.skipif(not (shutil.which("curl") and shutil.which("jq")), reason="curl or jq is not here")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with running(write(tmp_path_factory.mktemp("examples"), TEXTS)) as found:
        yield found


def pushed(server: Served, folder: Path, sarif: dict[str, Any], key: str) -> subprocess.CompletedProcess[str]:
    """The step of the action that pushes, as a runner runs it."""
    steps = yaml.safe_load(ACTION.read_text(encoding="utf-8"))["jobs"]["push"]["steps"]
    (step,) = [one for one in steps if one.get("name") == "Push the findings"]
    (folder / "results.sarif").write_text(json.dumps(sarif), encoding="utf-8")
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "QUERY": step["env"]["QUERY"], "COLLECTION": "open"}
    environment |= {"EXCHANGE_URL": server.url, "EXCHANGE_KEY": key}
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60)


@needs_curl
def test_the_action_pushes_a_sarif_file_and_stores_it_once(server: Served, tmp_path: Path) -> None:
    maker = server.member("maker")
    done = [pushed(server, tmp_path, SARIF, maker.key) for _ in range(2)]
    assert [(one.returncode, one.stdout) for one in done] == [(0, "taken: 2, refused: 0\n")] * 2, done
    got = maker.collection("open").get_objects()["objects"]
    assert len([o for o in got if o["type"] == "vulnerability"]) == 2


@needs_curl
def test_the_action_fails_and_says_why_where_something_is_refused(server: Served, tmp_path: Path) -> None:
    maker = server.member("maker")
    broken = {**SARIF, "runs": [*SARIF["runs"], 7]}
    done = [pushed(server, tmp_path, broken, maker.key), pushed(server, tmp_path, SARIF, "exk_nobody_s")]
    assert [one.returncode for one in done] == [1, 1]
    assert "/runs/1" in done[0].stdout
    assert '"status":401' in done[1].stdout


def test_the_page_of_the_client_runs_as_it_stands(server: Served, tmp_path: Path) -> None:
    code = "\n".join(re.findall(r"```python\n(.*?)```", CLIENT.read_text(encoding="utf-8"), re.DOTALL))
    environment = {"EXCHANGE_URL": server.url, "EXCHANGE_KEY": server.new_key("maker")}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    told = done.stdout.splitlines()
    assert told[0].startswith("would be read by {")
    assert told[1].startswith("is vulnerability--")
    assert [line.split(" ")[0] for line in told[2:4]] == ["/severity/0", "/recipient"]
    assert told[4:6] == ["25 taken ()", "1 taken"]
    assert told[6].startswith("vulnerabilities 20")
    assert told[7] == "[]"
