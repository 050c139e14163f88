"""A long stream of findings: taken as it comes, in memory that does not grow with it."""

from __future__ import annotations

import json
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.protocol.apisite import files
from tests.protocol.served import Served, running, write

MIB = 1 << 20
EVERY = 500  # findings between two looks at the memory


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Served]:
    with running(write(tmp_path, files())) as found:
        yield found


def resident(server: Served) -> int:
    """Bytes of the server and its workers together, as Linux tells them."""
    found, waiting = 0, [server.process.pid]
    while waiting:
        here = Path(f"/proc/{waiting.pop()}")
        found += int((here / "statm").read_text().split()[1]) * resource.getpagesize()
        waiting += [int(child) for child in (here / "task" / here.name / "children").read_text().split()]
    return found


def streamed(server: Served, count: int, seen: list[int]) -> dict[str, int]:
    """The sums that the answer ends with. `seen` gets the memory, as the findings go out."""

    def lines() -> Iterator[bytes]:
        for n in range(count):
            if n % EVERY == 0:
                seen.append(resident(server))
            finding = {
                "kind": "software-vulnerability", "key": str(n), "title": f"Overflow {n}", "description": "Long. " * 40,
                "affected": [{"purl": f"pkg:pypi/package-{n % 100}@1.0"}], "found_by": [{"kind": "human", "name": "A"}],
            }  # fmt: skip
            yield json.dumps(finding).encode() + b"\n"

    headers = {"Authorization": f"Bearer {server.new_key('maker')}", "Content-Type": "application/x-ndjson"}
    url = f"{server.url}/api/v1/collections/open/findings"
    last = b"{}"
    with requests.post(url, data=lines(), headers=headers, stream=True, timeout=3_600) as answer:
        assert answer.status_code == 202
        for line in answer.iter_lines():
            last = line
    seen.append(resident(server))
    sums: dict[str, int] = json.loads(last)
    return sums


@pytest.mark.parametrize("count", [2_000, pytest.param(100_000, marks=pytest.mark.long)])
def test_memory_is_flat_however_many_findings_come_in_one_stream(server: Served, count: int) -> None:
    seen: list[int] = []
    assert streamed(server, count, seen) == {"taken": count, "refused": 0}
    warm, rest = seen[2], seen[3:]  # the first thousand fills what is kept for good, like compiled schemas
    assert max(rest) - warm < 48 * MIB, [size // MIB for size in seen]
