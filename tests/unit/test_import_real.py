"""Every real file is taken, or refused in words; how many findings it has is counted here a second time."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from exchange.findings.documents import documents
from exchange.findings.finding import Fault, Finding
from exchange.findings.formats import findings
from tests.unit.importmutants import FOLDER, FOLDERS, hold

FILES = [f"{folder}/{path.name}" for folder in FOLDERS for path in sorted((FOLDER / folder).glob("*"))]

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="the folder ../shared/data is not here")

REFUSED = {
    "csaf/rhsa-2019_1862.json": ("/vulnerabilities", "lists none"),
    "sarif/invalid-sarif.sarif": ("/runs/0/results", "is no list of results"),
}
"""The files that are refused, where, and how the reason begins: an advisory of no vulnerability, and `results: 42`."""


def made(file: str) -> list[Finding | Fault]:
    return list(_made((FOLDER / file).read_bytes()))


def _made(raw: bytes) -> Iterator[Finding | Fault]:
    for document in documents(raw):
        if isinstance(document, Fault):
            yield document
        else:
            yield from findings(document)


@pytest.mark.parametrize("file", FILES)
def test_a_real_file_is_taken_or_refused_in_words_and_read_the_same_twice(file: str) -> None:
    told = made(file)
    hold(told)
    assert told == made(file)
    faults = [(one.pointer, one.detail) for one in told if isinstance(one, Fault)]
    if file in REFUSED:
        ((pointer, detail),) = faults
        assert pointer == REFUSED[file][0]
        assert detail.startswith(REFUSED[file][1])
        assert len(told) == 1
    else:
        assert not faults


def plainly(file: str) -> Any:
    text = (FOLDER / file).read_text(encoding="utf-8-sig")
    return [json.loads(line) for line in text.splitlines()] if file.endswith(".jsonl") else json.loads(text)


def stands(result: dict[str, Any]) -> bool:
    accepted = [one for one in result.get("suppressions", []) if one.get("status", "accepted") == "accepted"]
    return not accepted and result.get("baselineState") != "absent"


def counted(file: str) -> int:
    """How many findings a file has, by a reader of its own for each folder."""
    document = plainly(file)
    match file.partition("/")[0]:
        case "osv":
            return len(document)
        case "sarif":
            runs = [run.get("results") or [] for run in document["runs"]]
            return sum(stands(result) for results in runs if isinstance(results, list) for result in results)
        case "avid":
            return 1
        case _:
            return len(document.get("vulnerabilities", []))


@pytest.mark.parametrize("file", FILES)
def test_a_real_file_has_as_many_findings_as_are_counted_in_it(file: str) -> None:
    assert sum(isinstance(one, Finding) for one in made(file)) == counted(file)


def told(folder: str) -> list[Finding]:
    return [one for file in FILES if file.startswith(f"{folder}/") for one in made(file) if isinstance(one, Finding)]


def test_the_advisories_of_osv_keep_versions_ranges_vectors_and_withdrawal() -> None:
    for record, one in zip(plainly("osv/pysec.jsonl"), told("osv"), strict=True):
        (affected,) = record["affected"]
        (product,) = one.affected
        assert product.purl == affected["package"]["purl"]
        assert list(product.versions) == list(dict.fromkeys(affected.get("versions", [])))
        assert [
            [{k: v for k in event.__struct_fields__ if (v := getattr(event, k))} for event in r.events]
            for r in product.ranges
        ] == [list({json.dumps(event): event for event in r["events"]}.values()) for r in affected["ranges"]]
        assert list(one.severity) == [severity["score"] for severity in record.get("severity", [])]
        assert one.revoked == ("withdrawn" in record)
        assert {record["id"], *record.get("aliases", [])} == set(one.aliases)


def test_the_catalogue_of_exploited_vulnerabilities_is_taken_whole() -> None:
    entries = plainly("kev/known_exploited_vulnerabilities.json")["vulnerabilities"]
    for entry, one in zip(entries, told("kev"), strict=True):
        assert one.key == f"KEV/{entry['cveID']}"
        assert (one.affected[0].vendor, one.affected[0].product) == (
            " ".join(entry["vendorProject"].split()),
            " ".join(entry["product"].split()),
        )
        assert one.due == f"{entry['dueDate']}T23:59:59Z"
        assert list(one.cwe) == entry["cwes"]


def test_the_statements_of_csaf_keep_the_status_of_every_product() -> None:
    words = {"known_affected": "affected", "known_not_affected": "not-affected", "fixed": "fixed"}
    for file in (one for one in FILES if one.startswith("csaf/")):
        stated = [
            Counter(words[word] for word, ids in flaw["product_status"].items() if word in words for _ in ids)
            for flaw in plainly(file).get("vulnerabilities", [])
        ]
        assert stated == [
            Counter(str(product.status) for product in one.affected) for one in made(file) if isinstance(one, Finding)
        ]


def test_keys_of_real_files_are_of_one_finding_each() -> None:
    keys = [one.key for folder in FOLDERS if folder != "sarif" for one in told(folder)]
    assert len(keys) == len(set(keys))


def test_the_folder_is_the_one_that_other_tests_read() -> None:
    assert Path(__file__).parents[3] / "shared" / "data" == FOLDER
