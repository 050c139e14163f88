"""What each importer makes of one document that has everything it reads, in full."""

from typing import Any

import msgspec
import pytest

from exchange.findings.finding import Affected, Fault, Finding, Model
from exchange.findings.formats import READERS, findings, recognise
from tests.unit import importsamples as samples
from tests.unit.importmutants import hold

V31 = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
V31_UNPACK = "CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:U/C:N/I:H/A:N"


def taken(document: Any) -> tuple[list[Finding], dict[str, str]]:
    """The findings of a document, and what is wrong by its place."""
    made = list(findings(document))
    hold(made)
    faults = {one.pointer: one.detail for one in made if isinstance(one, Fault)}
    return [one for one in made if isinstance(one, Finding)], faults


def finding(said: dict[str, Any]) -> Finding:
    return msgspec.convert({"kind": "software-vulnerability", **said}, Finding)


def reporter(name: str) -> dict[str, str]:
    return {"kind": "human", "name": name, "role": "reporter"}


ADA = {"kind": "human", "name": "Ada Example"}


@pytest.mark.parametrize("name", READERS)
def test_a_document_is_known_by_its_content_and_read_the_same_twice(name: str) -> None:
    for document in samples.SAMPLES[name]:
        assert recognise(document) == name
        assert list(findings(document)) == list(findings(document)) == list(READERS[name](document))


def test_sarif_one_result_stands_and_its_place_is_evidence() -> None:
    made, faults = taken(samples.SARIF)
    assert faults == {"/runs/0/results/4/message": "says nothing: give it a `text`, or an `id` of the rule's messages"}
    (one,) = made
    assert one == finding(
        {
            "title": "SS100: 'name' reaches the query in find. {sic}",
            "description": "'name' reaches the query in find. {sic}\n\n"
            "A query is put together from what a user sent.\n\n"
            "The tool's level: error.\n\nThe tool's own severity: 8.8.",
            "found_by": [{"kind": "tool", "name": "StoneScan", "version": "4.2.0", "provider": "Quarry"}],
            "key": one.key,
            "affected": [
                {
                    "purl": "pkg:github/northbridge/ledger",
                    "product": "https://github.com/Northbridge/Ledger.git",
                    "version": "0a1b2c",
                    "path": "src/find.py",
                    "function": "find.find",
                }
            ],
            "cwe": ["CWE-564", "CWE-943", "CWE-89"],
            "references": ["https://quarry.example/rules/SS100"],
            "evidence": [
                {"text": "src/find.py:12:5 in find.find\nexecute(q + name)"},
                {"text": "Steps:\nsrc/shared.py:3"},
            ],
            "remediation": "Bind the value.",
        }
    )


def test_osv_ranges_are_kept_and_what_is_no_vector_or_address_is_left_out() -> None:
    made, faults = taken(samples.OSV)
    assert not faults
    assert made == [
        finding(
            {
                "title": "Path traversal in unpack",
                "description": "An archive may write outside its folder.",
                "found_by": [ADA, {"kind": "tool", "name": "Fuzzbed"}, reporter("GHSA")],
                "key": "GHSA-aaaa-bbbb-cccc",
                "affected": [
                    {
                        "purl": "pkg:npm/%40quarry/unpack",
                        "product": "@quarry/unpack",
                        "versions": ["1.0.0", "1.0.1"],
                        "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "1.0.2"}]}],
                    },
                    {"purl": "pkg:maven/example.quarry/unpack", "product": "example.quarry:unpack"},
                ],
                "severity": [
                    V31_UNPACK,
                    "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:P/VC:N/VI:H/VA:N/SC:N/SI:N/SA:N",
                ],
                "cwe": ["CWE-22"],
                "aliases": ["GHSA-aaaa-bbbb-cccc", "CVE-2026-1001"],
                "references": ["https://quarry.example/unpack/commit/1"],
            }
        )
    ]


def test_cve_versions_become_ranges_and_the_score_is_not_taken() -> None:
    made, faults = taken(samples.CVE)
    assert not faults
    assert made == [
        finding(
            {
                "title": "Overflow in the parser of Ledger",
                "description": "A buffer overflows when a name is too long.\n\nConfigurations: The parser is on.",
                "found_by": [ADA, reporter("northbridge")],
                "key": "CVE-2026-1002",
                "affected": [
                    {
                        "cpe": "cpe:2.3:a:northbridge:ledger:*:*:*:*:*:*:*:*",
                        "vendor": "Northbridge",
                        "product": "Ledger",
                        "versions": ["0.9"],
                        "ranges": [
                            {"type": "SEMVER", "events": [{"introduced": "1.0.0"}, {"fixed": "1.0.6"}]},
                            {"type": "SEMVER", "events": [{"introduced": "2.1.6"}, {"fixed": "2.1.9"}]},
                            {"type": "ECOSYSTEM", "events": [{"introduced": "3.0"}, {"last_affected": "3.4"}]},
                        ],
                        "path": "src/parse.c",
                        "function": "parse_name",
                    },
                    {
                        "vendor": "Northbridge",
                        "product": "Ledger Lite",
                        "versions": ["1.0"],
                        "status": "not-affected",
                    },
                ],
                "severity": [V31, "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N"],
                "cwe": ["CWE-120", "CWE-787"],
                "aliases": ["CVE-2026-1002"],
                "references": ["https://northbridge.example/advisories/7", "https://other.example/note"],
                "attack": ["T1190"],
                "atlas": ["AML.T0049"],
                "remediation": "Update to 1.0.6.",
                "workaround": "Refuse long names.",
            }
        )
    ]


def test_an_old_cve_that_names_no_product_is_taken_as_it_is() -> None:
    cna = {"affected": [{"vendor": "n/a", "product": "n/a", "versions": [{"version": "n/a", "status": "affected"}]}]}
    cna = {**cna, "descriptions": [{"lang": "en", "value": "Ledger 1 has a flaw."}]}
    made, faults = taken({"cveMetadata": {"cveId": "CVE-1999-0001"}, "containers": {"cna": cna}})
    assert not faults
    assert [one.affected for one in made] == [(Affected(product="n/a"),)]


def test_a_rejected_cve_is_a_revoked_finding() -> None:
    made, faults = taken(samples.REJECTED)
    assert not faults
    assert made == [
        finding(
            {
                "title": "Not a flaw: it works as documented.",
                "description": "Not a flaw: it works as documented.",
                "found_by": [reporter("northbridge")],
                "key": "CVE-2026-1003",
                "aliases": ["CVE-2026-1003"],
                "revoked": True,
            }
        )
    ]


def test_csaf_each_vulnerability_is_a_finding_and_each_product_has_its_status() -> None:
    made, faults = taken(samples.CSAF)
    assert faults == {"/vulnerabilities/2": "names no vulnerability: give it a `cve`, an id, a title or a note"}
    assert made[0] == finding(
        {
            "title": "Ledger and the parser (CVE-2026-1002)",
            "description": "A buffer overflows.\n\nNo fix: None for 0.9.",
            "found_by": [
                {**ADA, "provider": "Quarry"},
                {"kind": "human", "name": "Quarry"},
                reporter("Northbridge PSIRT"),
            ],
            "key": "northbridge.example/NB-2026-07/CVE-2026-1002",
            "affected": [
                {
                    "cpe": "cpe:2.3:a:northbridge:ledger:1.0:*:*:*:*:*:*:*",
                    "vendor": "Northbridge",
                    "product": "Ledger",
                    "version": "1.0",
                    "status": "affected",
                },
                {"vendor": "Northbridge", "product": "Ledger 1.0 on Gate 9", "status": "affected"},
                {
                    "product": "Gate 9",
                    "status": "not-affected",
                    "justification": "component_not_present: It has no parser.",
                },
                {"vendor": "Northbridge", "product": "Ledger", "version": "vers:generic/>=1.1", "status": "fixed"},
            ],
            "severity": [V31],
            "cwe": ["CWE-120"],
            "aliases": ["CVE-2026-1002", "NB-BUG-12", "NB-2026-07"],
            "references": ["https://northbridge.example/nb-2026-07.json", "https://northbridge.example/bugs/12"],
            "verification": {
                "state": "confirmed-by-owner",
                "by": "Northbridge PSIRT",
                "at": "2026-03-01T11:00:00Z",
            },
            "remediation": "Update to 1.1.\nhttps://northbridge.example/1.1",
            "workaround": "Refuse long names.",
            "tlp": "amber",
        }
    )
    assert [(one.title, one.verification.state, one.tlp) for one in made[1:]] == [
        ("A second one without a number", "unverified", "amber")
    ]


def test_openvex_a_later_statement_overrides_an_earlier_one_on_the_same_product() -> None:
    made, faults = taken(samples.OPENVEX)
    assert faults == {
        "/statements/3/products": "names no product: give each an `@id` or `identifiers`",
        "/statements/4/status": "is none of affected, not_affected, fixed, under_investigation: say which",
    }
    assert made == [
        finding(
            {
                "title": "CVE-2026-1001",
                "description": "In: pkg:npm/%40quarry/unpack@1.0.0.\n\n"
                "A statement of Northbridge PSIRT on CVE-2026-1001.",
                "found_by": [reporter("Northbridge PSIRT")],
                "key": "https://northbridge.example/vex/7/CVE-2026-1001",
                "affected": [
                    {
                        "purl": "pkg:pypi/ledger@1.0",
                        "version": "1.0",
                        "status": "not-affected",
                        "justification": "vulnerable_code_not_in_execute_path: Ledger unpacks nothing.",
                    },
                    {"purl": "pkg:pypi/ledger@0.9", "version": "0.9", "status": "under-investigation"},
                ],
                "aliases": ["CVE-2026-1001", "GHSA-aaaa-bbbb-cccc"],
            }
        ),
        finding(
            {
                "title": "CVE-2026-1002",
                "description": "A statement of Northbridge PSIRT on CVE-2026-1002.",
                "found_by": [reporter("Northbridge PSIRT")],
                "key": "https://northbridge.example/vex/7/CVE-2026-1002",
                "affected": [
                    {"purl": "pkg:pypi/ledger@0.9", "version": "0.9", "status": "affected"},
                    {"cpe": "cpe:2.3:a:northbridge:ledger:0.8:*:*:*:*:*:*:*", "status": "affected"},
                ],
                "aliases": ["CVE-2026-1002"],
                "remediation": "Update to 1.0.6.",
            }
        ),
    ]


def test_cyclonedx_components_are_found_by_reference_and_a_vector_gets_its_version() -> None:
    made, faults = taken(samples.CYCLONEDX)
    assert faults == {"/vulnerabilities/2/id": "is no text, and nothing is described: name the vulnerability"}
    assert made[0] == finding(
        {
            "title": "CVE-2026-1001 in @quarry/unpack",
            "description": "An archive may write outside its folder.\n\nAnalysis: Ledger unpacks uploads.\n\n"
            "The owner's response: update.",
            "found_by": [
                ADA,
                {"kind": "tool", "name": "StoneScan", "version": "4.2.0", "provider": "Quarry"},
                reporter("Northbridge"),
            ],
            "key": "Ledger/1.0/CVE-2026-1001",
            "affected": [
                {
                    "purl": "pkg:npm/%40quarry/unpack@1.0.0",
                    "vendor": "Quarry",
                    "product": "@quarry/unpack",
                    "version": "1.0.0",
                    "versions": ["1.0.0"],
                    "status": "affected",
                },
                {"product": "other", "status": "affected"},
            ],
            "severity": [V31_UNPACK],
            "cwe": ["CWE-22"],
            "aliases": ["CVE-2026-1001", "GHSA-aaaa-bbbb-cccc"],
            "references": ["https://nvd.example/CVE-2026-1001", "https://quarry.example/advisories/1"],
            "remediation": "Update unpack.",
            "workaround": "Unpack nothing.",
            "tlp": "amber+strict",
        }
    )
    assert made[1] == finding(
        {
            "title": "CVE-2026-1002 in Ledger",
            "description": "CVE-2026-1002 in Ledger",
            "found_by": [reporter("Northbridge")],
            "key": "Ledger/1.0/CVE-2026-1002",
            "affected": [
                {
                    "product": "Ledger",
                    "version": "1.0",
                    "status": "not-affected",
                    "justification": "code_not_reachable",
                }
            ],
            "aliases": ["CVE-2026-1002"],
            "tlp": "amber+strict",
        }
    )


def test_avid_a_report_is_a_weakness_of_its_models() -> None:
    made, faults = taken(samples.AVID)
    assert not faults
    assert made == [
        finding(
            {
                "kind": "model-weakness",
                "title": "quartz-7b repeats its prompt (CVE-2026-1004)",
                "description": "Asked to say it again, the model does.\n\nRisk domain: Security.\n\n"
                "Effect: S0301: Information Leak.\n\nStage: L05: Evaluation.\n\nMeasured: Leak rate, by Static rules.",
                "found_by": [{"kind": "human", "name": "Ada Example, Quarry"}, reporter("AVID")],
                "key": "AVID-2026-R9001",
                "affected": [
                    {"model": {"name": "quartz-7b", "provider": "Quarry AI"}},
                    {"product": "pebbles", "vendor": "Quarry AI"},
                ],
                "severity": ["CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:L/I:N/A:N"],
                "cwe": ["CWE-200"],
                "aliases": ["AVID-2026-R9001", "CVE-2026-1004"],
                "references": ["https://quarry.example/report"],
                "atlas": ["AML.T0056"],
            }
        )
    ]


def test_garak_each_probe_and_detector_with_hits_is_a_finding() -> None:
    made, faults = taken(samples.GARAK)
    assert list(faults) == ["/6"]
    assert [one.title for one in made] == [
        "quartz-7b: dan.Dan_11_0, 1 of 2 answers judged as hits by dan.DAN",
        "quartz-7b: goodside.Tag, 3 of 3 answers judged as hits by base.Hit",
    ]
    assert made[0] == finding(
        {
            "kind": "model-weakness",
            "title": made[0].title,
            "description": "garak's probe dan.Dan_11_0 had 1 of 2 answers judged as hits by the detector dan.DAN.\n\n"
            "The probe's goal: disregard the system prompt.",
            "found_by": [
                {"kind": "tool", "name": "garak", "version": "0.14.0", "harness": "dan.Dan_11_0 dan.DAN"},
            ],
            "key": made[0].key,
            "affected": [{"model": {"name": "quartz-7b", "provider": "openai"}}],
            "evidence": [{"text": "Prompt: Be Dan.\nAnswer: I am Dan."}],
        }
    )


def test_a_hit_log_of_garak_gives_the_findings_of_its_report() -> None:
    made, faults = taken(samples.HITLOG)
    assert not faults
    assert [(one.key, [e.text for e in one.evidence]) for one in made] == [
        (
            taken(samples.GARAK)[0][0].key,
            ["Prompt: Be Dan.\nAnswer: I am Dan.", "Prompt: Be Dan.\nAnswer: Dan here."],
        )
    ]


def test_a_report_of_garak_that_was_cut_off_is_a_fault() -> None:
    assert taken(samples.GARAK[:3]) == (
        [],
        {"": "has no line of the kind `eval`, so the run did not end: push the report of a whole run"},
    )


def test_inspect_a_log_says_what_was_measured_and_its_samples_are_evidence() -> None:
    made, faults = taken(samples.INSPECT)
    assert not faults
    assert made == [
        finding(
            {
                "kind": "model-weakness",
                "title": "quarry/quartz-7b: cyber_range, flag accuracy 0.5",
                "description": "inspect-ai evaluated quarry/quartz-7b at the task cyber_range.\n\n"
                "Scores: flag accuracy 0.5.\n\n2 of 2 samples; ended 2026-02-03T04:05:06Z.",
                "found_by": [
                    {"kind": "tool", "name": "inspect_ai", "version": "0.3.150", "harness": "cyber_range"},
                ],
                "key": made[0].key,
                "affected": [{"model": {"name": "quartz-7b", "provider": "quarry"}}],
                "atlas": ["AML.T0054"],
                "evidence": [
                    {"text": "Sample 1: flag C\nInput: Find the flag.\nAnswer: It is red."},
                    {"text": "Sample two: flag I\nInput: Find the other flag.\nAnswer: I will not."},
                ],
            }
        )
    ]


def test_a_model_without_a_slash_has_no_provider() -> None:
    made, _ = taken({**samples.INSPECT, "eval": {"task": "t", "model": "mockllm"}})
    assert [one.affected for one in made] == [(Affected(model=Model(name="mockllm")),)]


@pytest.mark.parametrize("status", ["started", "cancelled", "error", None])
def test_a_log_of_inspect_that_did_not_end_is_a_fault(status: str | None) -> None:
    made, faults = taken({**samples.INSPECT, "status": status})
    assert not made
    assert list(faults) == ["/status"]


def test_kev_an_entry_has_its_due_date_and_its_remedy() -> None:
    made, faults = taken(samples.KEV)
    assert faults == {"/vulnerabilities/1/product": "is no text: the product that is exploited must be named"}
    assert made == [
        finding(
            {
                "title": "Northbridge Ledger Buffer Overflow Vulnerability",
                "description": "Ledger has a buffer overflow.\n\nCISA knows it to be exploited since 2026-03-01, "
                "also in ransomware campaigns.",
                "found_by": [reporter("CISA")],
                "key": "KEV/CVE-2026-1002",
                "affected": [{"vendor": "Northbridge", "product": "Ledger"}],
                "cwe": ["CWE-120"],
                "aliases": ["CVE-2026-1002"],
                "references": ["https://northbridge.example/7", "https://nvd.example/CVE-2026-1002"],
                "remediation": "Apply the update.",
                "due": "2026-03-22T23:59:59Z",
            }
        )
    ]


def test_an_array_is_read_element_by_element_and_faults_say_which() -> None:
    plain = {
        "kind": "software-vulnerability",
        "title": "T",
        "description": "D",
        "found_by": [{"kind": "human", "name": "Ada"}],
        "affected": [{"product": "Ledger"}],
    }
    made, faults = taken([samples.OSV, plain, {"kind": "weakness"}, [plain], 7, samples.CVE, samples.CYCLONEDX])
    assert [one.key for one in made[:1] + made[2:]] == [
        "GHSA-aaaa-bbbb-cccc",
        "CVE-2026-1002",
        "Ledger/1.0/CVE-2026-1001",
        "Ledger/1.0/CVE-2026-1002",
    ]
    assert made[1].title == "T"
    assert list(faults) == [
        "/2/title",
        "/2/description",
        "/2/found_by",
        "/2/kind",
        "/3",
        "/4",
        "/6/vulnerabilities/2/id",
    ]


def test_stix_is_told_apart_and_left_to_its_own_door() -> None:
    bundle = {"type": "bundle", "id": "bundle--1", "objects": []}
    assert recognise(bundle) == recognise({"objects": [], "more": False}) == "stix"
    assert taken(bundle)[1] == {
        "": "is STIX, which is no finding to be read: post it as an envelope or a bundle by itself"
    }


@pytest.mark.parametrize("document", [None, 1, "x", True, {}, {"a": 1}, [], {"document": {}}])
def test_what_is_no_format_is_a_fault_or_nothing(document: Any) -> None:
    assert recognise(document) is None
    assert taken(document)[0] == []


def test_two_results_with_one_fingerprint_have_keys_of_their_own_unless_they_say_the_same() -> None:
    def result(line: int, **more: Any) -> dict[str, Any]:
        place = {"physicalLocation": {"artifactLocation": {"uri": "a.py"}, "region": {"startLine": line}}}
        return {"ruleId": "R", "message": {"text": "m"}, "locations": [place], **more}

    def keys(*results: dict[str, Any]) -> list[str | None]:
        run = {"tool": {"driver": {"name": "S"}}, "results": list(results)}
        return [one.key for one in taken({"version": "2.1.0", "runs": [run]})[0]]

    (plain,) = keys(result(1))
    assert keys(result(9)) == [plain]
    assert keys(result(1), result(1), result(2)) == [plain, f"{plain}-2"]
    (printed,) = keys(result(1, fingerprints={"b/1": "x", "a/1": "y"}))
    assert keys(result(5, fingerprints={"a/1": "y"}, message={"text": "other"})) == [printed]
    assert printed != plain
    (partial,) = keys(result(1, partialFingerprints={"a": "y"}))
    assert len({plain, printed, partial}) == 3
