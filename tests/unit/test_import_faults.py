"""What is refused, with its place, and what is cut to fit: a person who reads it knows what to mend."""

from typing import Any

import pytest

from exchange.findings.finding import Affected, Event, Fault, Finding
from exchange.findings.formats import READERS
from tests.unit import importsamples as samples
from tests.unit.importmutants import hold

RUN = {"tool": {"driver": {"name": "S"}}}
RESULT = {"message": {"text": "m"}}
HEAD = {"csaf_version": "2.0", "tracking": {"id": "A"}}
AVID_HEAD = {"data_type": "AVID", "metadata": {"vuln_id": "V"}}
SAID = {"description": {"value": "d"}}
CVE_HEAD = {"cveMetadata": {"cveId": "CVE-2026-1"}}

REFUSED: list[tuple[str, Any, str]] = [
    ("sarif", {"version": "1.0.0", "runs": []}, "/version"),
    ("sarif", {"runs": 42}, "/runs"),
    ("sarif", {"runs": [7]}, "/runs/0"),
    ("sarif", {"runs": [{**RUN, "results": 42}]}, "/runs/0/results"),
    ("sarif", {"runs": [{**RUN, "results": [None]}]}, "/runs/0/results/0"),
    ("sarif", {"runs": [{"tool": {"driver": {"name": None}}, "results": [RESULT]}]}, "/runs/0/tool/driver/name"),
    ("sarif", {"runs": [{**RUN, "results": [{"message": {"id": "m"}}]}]}, "/runs/0/results/0/message"),
    ("osv", {"id": None}, "/id"),
    ("osv", {"id": "O-1"}, "/details"),
    ("osv", {"id": "O-1", "details": "d", "affected": [{"package": {}}]}, "/affected"),
    ("cve", {"cveMetadata": {}}, "/cveMetadata/cveId"),
    ("cve", CVE_HEAD, "/containers/cna/descriptions"),
    ("cve", {"cveMetadata": {"cveId": "C", "state": "REJECTED"}}, "/containers/cna/rejectedReasons"),
    ("cve", {**CVE_HEAD, "containers": {"cna": {"descriptions": [{"value": "d"}]}}}, "/containers"),
    ("csaf", {"document": {"csaf_version": "2.1"}}, "/document/csaf_version"),
    ("csaf", {"document": {"csaf_version": "2.0"}}, "/document/tracking/id"),
    ("csaf", {"document": HEAD}, "/vulnerabilities"),
    ("csaf", {"document": HEAD, "vulnerabilities": [{}]}, "/vulnerabilities/0"),
    ("csaf", {"document": HEAD, "vulnerabilities": [{"cve": "C"}]}, "/vulnerabilities/0"),
    ("openvex", {"statements": []}, "/statements"),
    ("openvex", {"statements": [{"status": "fixed"}]}, "/statements/0/vulnerability/name"),
    ("cyclonedx", {"bomFormat": "CycloneDX", "components": []}, "/vulnerabilities"),
    ("cyclonedx", {"vulnerabilities": [{"id": "C"}]}, "/vulnerabilities/0"),
    ("avid", {"data_type": "AVID"}, "/metadata"),
    ("avid", AVID_HEAD, "/description/value"),
    ("avid", {**AVID_HEAD, **SAID, "affects": {"artifacts": [{"type": "Model", "name": ""}]}}, "/affects/artifacts"),
    ("garak", [{"entry_type": "eval", "probe": "p", "detector": "d", "passed": 0, "total": 1}], "/0"),
    ("garak", [{"probe": None, "detector": "d", "generator": "g m"}], "/0"),
    ("inspect", {"status": "success", "eval": {"model": "m"}}, "/eval/task"),
    ("inspect", {"status": "success", "eval": {"task": "t"}}, "/eval/model"),
    ("inspect", {"status": "success", "eval": {"task": "t", "model": "m"}}, "/results/scores"),
    ("kev", {"vulnerabilities": {}}, "/vulnerabilities"),
    ("kev", {"vulnerabilities": [{"product": "p"}]}, "/vulnerabilities/0/cveID"),
]


@pytest.mark.parametrize(
    ("name", "document", "pointer"), REFUSED, ids=[f"{number} {one[0]} {one[2]}" for number, one in enumerate(REFUSED)]
)
def test_what_cannot_be_taken_is_told_with_its_place(name: str, document: Any, pointer: str) -> None:
    (fault,) = READERS[name](document)
    assert isinstance(fault, Fault)
    assert fault.pointer == pointer
    assert len(fault.detail) > 20


def only(name: str, document: Any) -> Finding:
    (made,) = READERS[name](document)
    assert isinstance(made, Finding)
    hold([made])
    return made


def test_of_six_hundred_products_five_hundred_are_kept_and_the_description_says_so() -> None:
    packages = [{"package": {"name": f"p{number}"}} for number in range(600)]
    made = only("osv", {"id": "O-1", "details": "d", "affected": packages})
    assert len(made.affected) == 500
    assert made.description == "d\n\n100 more affected products are left out here."


def test_a_shortened_name_is_no_package_url() -> None:
    made = only(
        "osv", {"id": "O-1", "summary": "s", "affected": [{"package": {"name": "x" * 300, "ecosystem": "npm"}}]}
    )
    assert made.affected == (Affected(product="x" * 249 + "…"),)


def test_a_purl_is_made_of_an_ecosystem_and_a_name() -> None:
    def purl(ecosystem: str, name: str) -> str | None:
        package = {"package": {"ecosystem": ecosystem, "name": name}}
        return only("osv", {"id": "O-1", "summary": "s", "affected": [package]}).affected[0].purl

    assert purl("PyPI", "My_Package") == "pkg:pypi/my-package"
    assert purl("Go", "example.org/a/b") == "pkg:golang/example.org/a/b"
    assert purl("Debian:12", "a") is None


def test_a_range_of_a_repository_alone_names_the_repository() -> None:
    repository = "https://git.example/ledger"
    git = {"type": "GIT", "repo": repository, "events": [{"introduced": "0"}, {"limit": "abc"}]}
    (affected,) = only("osv", {"id": "O-1", "summary": "s", "affected": [{"ranges": [git]}]}).affected
    assert affected.product == repository
    assert affected.ranges[0].events == (Event(introduced="0"), Event(limit="abc"))


def test_who_mended_or_paid_found_nothing_and_an_analyst_verified() -> None:
    credits_ = [
        {"name": "A", "type": "ANALYST"},
        {"name": "B", "type": "REPORTER"},
        {"name": "C", "type": "SPONSOR"},
        {"name": None},
    ]
    made = only("osv", {**samples.OSV, "credits": credits_})
    assert [(one.name, one.role) for one in made.found_by] == [
        ("A", "verifier"),
        ("B", "reporter"),
        ("GHSA", "reporter"),
    ]


def test_a_document_that_names_nobody_says_so() -> None:
    statement = {"vulnerability": "C", "status": "fixed", "products": ["pkg:a/b"]}
    made = only("openvex", {"statements": [statement]})
    assert [(one.name, one.role) for one in made.found_by] == [("not stated", "reporter")]


@pytest.mark.parametrize(
    ("provenance", "purl"),
    [
        ("https://github.com/Acme/Portal", "pkg:github/acme/portal"),
        ("https://github.com/acme/portal/tree/main", None),
        ("https://git.example/acme/portal", None),
        ("https://[::1", None),
    ],
)
def test_the_repository_of_a_scan_is_its_product(provenance: str, purl: str | None) -> None:
    run = {**RUN, "versionControlProvenance": [{"repositoryUri": provenance}], "results": [RESULT]}
    assert only("sarif", {"runs": [run]}).affected == (Affected(purl=purl, product=provenance),)


def test_without_a_repository_the_category_of_the_run_is_its_product() -> None:
    run = {**RUN, "automationDetails": {"id": "nightly/portal/2026-03-01"}, "results": [RESULT]}
    assert only("sarif", {"runs": [run]}).affected == (Affected(product="nightly/portal"),)


def test_a_rule_of_an_extension_is_found_by_its_index_and_a_sub_rule_by_its_parent() -> None:
    rules = {"rules": [{"id": "E1", "helpUri": "https://e.example/1"}]}
    tool = {"driver": {"name": "S", "rules": [{"id": "D1", "helpUri": "https://d.example/1"}]}, "extensions": [rules]}
    by_index = {**RESULT, "rule": {"index": 0, "toolComponent": {"index": 0}}}
    by_parent = {"message": {"text": "n"}, "ruleId": "D1/a"}
    made = list(READERS["sarif"]({"runs": [{"tool": tool, "results": [by_index, by_parent]}]}))
    assert [one.references for one in made if isinstance(one, Finding)] == [
        ("https://e.example/1",),
        ("https://d.example/1",),
    ]


@pytest.mark.parametrize(
    ("label", "level"),
    [("WHITE", "clear"), ("TLP:CLEAR", "clear"), ("green", "green"), ("AMBER+STRICT", "amber+strict"), ("RED", "red")],
)
def test_the_level_that_an_advisory_states_is_kept(label: str, level: str) -> None:
    head = {**samples.CSAF["document"], "distribution": {"tlp": {"label": label}}}
    made = list(READERS["csaf"]({**samples.CSAF, "document": head}))
    assert {one.tlp for one in made if isinstance(one, Finding)} == {level}


def test_a_withdrawn_record_is_revoked_and_needs_no_product() -> None:
    made = only("osv", {"id": "O-1", "details": "d", "affected": [], "withdrawn": "2026-01-01T00:00:00Z"})
    assert made.revoked
    assert made.affected == ()


def test_avid_keeps_software_apart_and_a_nameless_system_is_known_by_its_maker() -> None:
    artifacts = {"developer": ["Acme"], "artifacts": [{"type": "System", "name": ""}]}
    entry = {**AVID_HEAD, **SAID, "affects": artifacts}
    assert only("avid", entry).affected[0].model is not None
    software = only("avid", {**entry, "problemtype": {"classof": "CVE Entry"}})
    assert (software.kind, software.affected) == (
        "software-vulnerability",
        (Affected(vendor="Acme", product="system of Acme"),),
    )


def test_hits_of_two_models_in_one_log_are_two_findings() -> None:
    rows = [{**row, "generator": f"rest {name}"} for row, name in zip(samples.HITLOG, ("a", "b"), strict=True)]
    made = [one for one in READERS["garak"](rows) if isinstance(one, Finding)]
    assert [one.affected[0].model.name for one in made if one.affected[0].model] == ["a", "b"]
    assert len({one.key for one in made}) == 2
