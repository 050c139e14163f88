"""Whatever a file says, an importer makes findings within their bounds or says what is wrong: no exception, no hang."""

import subprocess
import sys
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange.findings.formats import READERS, findings, recognise
from tests.unit.importmutants import bases, hold, tried

BASES = bases()
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=10), inner, max_size=5),
    max_leaves=20,
)


@pytest.mark.parametrize("name", READERS)
@settings(max_examples=100)
@given(seed=st.integers(0, 2**32))
def test_a_broken_document_gives_findings_within_their_bounds_or_faults(name: str, seed: int) -> None:
    tried(name, BASES[name][seed % len(BASES[name])], seed)


@settings(max_examples=25)
@given(document=JSON)
def test_any_json_gives_findings_or_faults_from_every_importer(document: object) -> None:
    recognise(document)
    hold(list(findings(document)))
    for read in READERS.values():
        hold(list(read(document)))


@pytest.mark.long
def test_two_hundred_thousand_broken_documents_of_each_format_break_nothing() -> None:
    command = [sys.executable, "-m", "tests.unit.importmutants", "200000"]
    subprocess.run(command, check=True, timeout=7_200)


def test_cost_grows_with_the_document_and_no_faster() -> None:
    """Each of these would take minutes if a result looked at the others, or at a text they share, as a whole."""
    begun = time.perf_counter()
    shared = "x" * 1_000_000
    rule = {"id": "R", "fullDescription": {"text": shared}, "messageStrings": {"m": {"text": "{0}" * 300_000}}}
    results = [{"ruleId": "R", "message": {"id": "m", "arguments": [shared]}} for _ in range(200)]
    driver = {"name": "S", "rules": [rule] + [{"id": str(n)} for n in range(20_000)]}
    results += [{"ruleId": str(n), "message": {"text": "x"}} for n in range(1_000)]
    hold(list(READERS["sarif"]({"version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": results}]})))

    branch: dict[str, object] = {"category": "vendor", "name": "v"}
    for _ in range(5_000):
        branch = {
            "category": "product_name",
            "name": "p",
            "branches": [branch],
            "product": {"product_id": "P", "name": "n"},
        }
    head = {"csaf_version": "2.0", "tracking": {"id": "A"}, "notes": [{"category": "summary", "text": shared}]}
    ids = [str(n) for n in range(10_000)]
    flaws = [{"cve": f"CVE-2026-{n}", "product_status": {"fixed": ids[:600]}} for n in range(20)]
    flaws.append({"cve": "CVE-2026-0001", "product_status": {"known_affected": ids, "fixed": ids}})
    hold(list(READERS["csaf"]({"document": head, "product_tree": {"branches": [branch]}, "vulnerabilities": flaws})))

    rows = [{"entry_type": "eval", "probe": f"p{n}", "detector": "d", "passed": 0, "total": 1} for n in range(1_000)]
    hold(list(READERS["garak"]([{"entry_type": "start_run setup", "plugins.target_name": "m"}, *rows, *rows])))

    versions = [f"{n}" for n in range(50_000)]
    package = {"name": "p", "ecosystem": "PyPI"}
    hold(
        list(READERS["osv"]({"id": "O-1", "details": shared, "affected": [{"package": package, "versions": versions}]}))
    )
    assert time.perf_counter() - begun < 10
