"""A lab without any of the exchange's code: one curl, and what the named vendor's stock client then has.

And that nobody else has anything of it.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest
import taxii2client.v21 as t2c

from tests.protocol.served import Served, collection_id, running, write

MAIN = """
exchange: First Finding
operator: First Finding Operations
groups: { labs: Laboratories, vendors: Makers of products }
members:
  lab:     { name: Quiet Laboratory, in: [labs], credit: anonymous }
  rival:   { name: Rival Laboratory, in: [labs] }
  skyline: { name: Skyline, in: [vendors] }
  harbour: { name: Harbour, in: [vendors] }
releases:
  cvd:
    - { at: 0d, to: named }
    - { at: 30d, to: everyone }
defaults: { anonymous-tick: 2s }
"""
COLLECTION = f"""
id: {collection_id(0)}
title: Vulnerabilities
write: labs
read: everyone
accept: [green, amber+strict]
unmarked: amber
release: cvd
"""
FINDING = """{
  "kind": "software-vulnerability",
  "title": "Heap overflow in the image parser",
  "description": "A crafted PNG overwrites the heap.",
  "affected": [{"purl": "pkg:pypi/skyview", "versions": ["3.2.0"]}],
  "severity": ["CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"],
  "cwe": ["CWE-787"],
  "found_by": [{"kind": "ai-system", "name": "Bughound", "autonomy": "supervised"}],
  "evidence": [{"text": "Open the crafted file with skyview 3.2.0."}],
  "recipients": ["skyline"],
  "tlp": "amber"
}
"""

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not here")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    home = write(
        tmp_path_factory.mktemp("first"), {"config/exchange.yaml": MAIN, "collections/vulnerabilities.yaml": COLLECTION}
    )
    with running(home, workers=2) as found:
        yield found


def test_one_curl_brings_a_finding_to_the_named_vendor_after_the_tick_and_to_nobody_else(server: Served) -> None:
    assert len(FINDING.splitlines()) <= 12
    members = {name: server.member(name) for name in ("lab", "rival", "skyline", "harbour")}
    told = _curl(server, members["lab"].key)
    collection = members["skyline"].collection("vulnerabilities")
    deadline = time.monotonic() + 30
    while not (got := _polled(collection)):
        assert time.monotonic() < deadline, "nothing came after the anonymous tick"
        time.sleep(0.2)
    assert sorted(o["type"] for o in got) == ["note", "relationship", "software", "vulnerability"]
    (flaw,) = [o for o in got if o["type"] == "vulnerability"]
    assert flaw["name"] == "Heap overflow in the image parser"
    for trace in ("Quiet", "lab-", told["finding"], *told["objects"]):
        assert trace not in json.dumps(got)
    for name in ("rival", "harbour"):
        assert _polled(members[name].collection("vulnerabilities")) == []
        for one in (flaw["id"], told["finding"]):
            assert members[name].ask(f"/api/v1/findings/{one}", headers={"Accept": "*/*"}).status_code == 404
    assert {o["id"] for o in _polled(members["lab"].collection("vulnerabilities"))} == set(told["objects"])


def _curl(server: Served, key: str) -> dict[str, Any]:
    url = f"{server.url}/api/v1/collections/vulnerabilities/findings"
    command = ["curl", "--silent", "--show-error", "--fail-with-body", url, "--header", f"Authorization: Bearer {key}"]
    command += ["--header", "Content-Type: application/json", "--data-binary", "@-"]
    done = subprocess.run(command, input=FINDING.encode(), capture_output=True, timeout=60)
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _polled(collection: t2c.Collection) -> list[dict[str, Any]]:
    return [o for page in t2c.as_pages(collection.get_objects, per_request=100) for o in page.get("objects", [])]
