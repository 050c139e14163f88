"""Keys that the same flaw keeps from run to run, and the careful reading of what files say."""

import re

import msgspec
import pytest

from exchange.findings import careful, keys
from exchange.findings.cpes import cpe
from exchange.findings.finding import Affected, Asset, Finding, FoundBy, Model
from exchange.findings.keys import Distinct

PLAIN = Finding(
    kind="software-vulnerability",
    title="T",
    description="D",
    found_by=(FoundBy(kind="tool", name="StoneScan", version="1"),),
    affected=(Affected(purl="pkg:pypi/ledger@1.0", path="a.py"),),
    cwe=("CWE-79", "CWE-20"),
)


def changed(**parts: object) -> Finding:
    return msgspec.structs.replace(PLAIN, **parts)


def test_the_key_that_a_finding_states_is_its_key() -> None:
    assert keys.of(changed(key="mine")) == "mine"


@pytest.mark.parametrize(
    "same",
    [
        changed(description="Other words."),
        changed(affected=(Affected(purl="pkg:pypi/ledger@2.0?x=y#z", path="a.py"),)),
        changed(cwe=("CWE-20", "CWE-79")),
        changed(found_by=(FoundBy(kind="tool", name="StoneScan", version="2"),)),
    ],
)
def test_a_new_version_of_product_or_tool_leaves_the_derived_key_as_it_is(same: Finding) -> None:
    assert keys.of(same) == keys.of(PLAIN)
    assert re.fullmatch("[0-9a-f]{64}", keys.of(same))


@pytest.mark.parametrize(
    "other",
    [
        changed(title="U"),
        changed(affected=(Affected(purl="pkg:pypi/ledger@1.0", path="b.py"),)),
        changed(affected=(Affected(purl="pkg:pypi/other", path="a.py"),)),
        changed(affected=(Affected(vendor="V", product="ledger", path="a.py"),)),
        changed(affected=(Affected(model=Model(name="ledger"), path="a.py"),)),
        changed(affected=(Affected(asset=Asset(host="h"), path="a.py"),)),
        changed(cwe=("CWE-79",)),
        changed(found_by=(FoundBy(kind="tool", name="Other"),)),
        changed(pattern="p"),
        changed(observed=("x",)),
    ],
)
def test_another_rule_product_file_weakness_or_tool_is_another_finding(other: Finding) -> None:
    assert keys.of(other) != keys.of(PLAIN)


@pytest.mark.parametrize(
    ("purl", "bare"),
    [
        ("pkg:pypi/a@1", "pkg:pypi/a"),
        ("pkg:npm/%40s/a@1.0.0?arch=x#sub", "pkg:npm/%40s/a"),
        ("pkg:npm/@s/a", "pkg:npm/@s/a"),
        ("pkg:npm/@s/a@2", "pkg:npm/@s/a"),
        ("pkg:npm/@s", "pkg:npm/@s"),
        ("pkg:a/b", "pkg:a/b"),
    ],
)
def test_a_package_url_without_its_version(purl: str, bare: str) -> None:
    assert keys.versionless(purl) == bare


def test_findings_of_one_file_never_share_a_key() -> None:
    distinct = Distinct()
    told = [
        changed(key="k"),
        changed(key="k-2"),
        changed(key="k", title="U"),
        changed(key="k"),
        changed(key="k", title="V"),
    ]
    assert [one.key if one else None for one in map(distinct.take, told)] == ["k", "k-2", "k-3", None, "k-4"]


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", True),
        ("CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", True),
        ("CVSS:2.0/AV:N/AC:L/Au:N/C:P/I:P/A:P", False),
        ("CVSS:3.1/AV:N", False),
        ("CVSS:3.1/", False),
        ("CVSS:3.1/AV:N/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", False),
        ("é", False),
        (None, False),
        (3, False),
    ],
)
def test_a_vector_is_valid_or_left_out(said: object, meant: bool) -> None:
    assert careful.vector(said) == (said if meant else None)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("external/cwe/cwe-079", "CWE-79"),
        ("CWE-79: XSS", "CWE-79"),
        (79, "CWE-79"),
        ("CWE-0", None),
        ("NVD-CWE-noinfo", None),
        (True, None),
        (-1, None),
        (10**9, None),
    ],
)
def test_a_cwe_is_read_from_what_tools_write(said: object, meant: str | None) -> None:
    assert careful.cwe(said) == meant


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("cpe:2.3:a:v:p:1:*:*:*:*:*:*:*", "cpe:2.3:a:v:p:1:*:*:*:*:*:*:*"),
        ("cpe:/a:v:p:1.0%2b2:-:~~pro~linux~~", r"cpe:2.3:a:v:p:1.0\+2:-:*:*:pro:linux:*:*"),
        ("cpe:/o:v:%02os%01", "cpe:2.3:o:v:*os?:*:*:*:*:*:*:*:*"),
        ("cpe:2.3:a:v:p", None),
        ("cpe:/", None),
        ("x", None),
        (None, None),
    ],
)
def test_the_older_form_of_a_cpe_is_written_in_the_newer_one(said: object, meant: str | None) -> None:
    assert cpe(said) == meant


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("2026-03-01", "2026-03-01T00:00:00Z"),
        ("2026-03-01T12:00:00+01:00", "2026-03-01T11:00:00Z"),
        ("2026-03-01T12:00:00.1239Z", "2026-03-01T12:00:00.123Z"),
        ("2026-03-01T12:00", "2026-03-01T12:00:00Z"),
        ("0001-01-01T00:00:00+14:00", None),
        ("2026-02-30", None),
        ("20260301", None),
        (0, None),
    ],
)
def test_an_instant_is_said_in_utc(said: object, meant: str | None) -> None:
    assert careful.instant(said) == meant


@pytest.mark.parametrize("said", ["javascript:alert(1)", "https://a b", "//x", "https://" + "x" * 2_000, None, 1])
def test_what_nobody_should_follow_is_no_address(said: object) -> None:
    assert careful.url(said) is None


def test_texts_are_cleaned_and_shortened() -> None:
    assert careful.text(" a\x00b\ud800 ") == "ab?"
    assert careful.text("x" * 11, 10) == "x" * 9 + "…"
    assert careful.line("a\n  b\tc") == "a b c"
    assert careful.name(1.5) == "1.5"
    assert careful.name(10**5000) is careful.name(True) is careful.name(float("nan")) is careful.text("  ") is None
