"""Reading a finding: what is right is taken, and of what is wrong a person learns everything at once."""

import base64
import json
import time
from typing import Any

import cvss
import pytest
from hypothesis import given
from hypothesis import strategies as st
from packageurl import PackageURL

from exchange import stix
from exchange.findings import identifiers, scoring
from exchange.findings.finding import MAX_ARTIFACT, Fault, Finding
from exchange.findings.reading import MAX_FAULTS, convert, read
from tests.unit.findingdrawing import CPES, PURLS, STATED, URLS, VECTORS, Stated, finding

GOOD: Stated = {
    "kind": "software-vulnerability",
    "title": "Path traversal",
    "description": "A file name with dots leaves the folder.",
    "found_by": [{"kind": "tool", "name": "scanner"}],
    "affected": [{"purl": "pkg:npm/portal@2.3.1"}],
}
INDICATOR: Stated = {name: GOOD[name] for name in ("title", "description", "found_by")} | {"kind": "indicator"}


def said(stated: Any) -> dict[str, str]:
    """Pointer → what is wrong there."""
    found = read(json.dumps(stated).encode())
    assert isinstance(found, tuple), found
    return {fault.pointer: fault.detail for fault in found}


@given(STATED)
def test_what_a_lab_may_send_is_taken(stated: Stated) -> None:
    assert read(json.dumps(stated).encode()) == finding(stated)


def test_null_says_the_same_as_nothing() -> None:
    assert convert(GOOD | {"cwe": [], "key": None, "tlp": None}) == convert(GOOD)


@pytest.mark.parametrize(
    ("raw", "detail"),
    [
        (b"", "is not JSON"),
        (b"[]", "must be an object with kind, title, description and found_by, not a list"),
        (b'{"kind": 1, "kind": 2}', "repeats a key: keep one of the two"),
        (b'{"title": "\\ud800"}', "holds half a surrogate pair"),
        (b'{"title": "\xff"}', "is not UTF-8"),
        (b'{"due": NaN}', "is not JSON, or says NaN"),
        (b"[" * 100_000, "nests too deep"),
    ],
)
def test_what_is_no_json_of_an_object_is_told_as_a_whole(raw: bytes, detail: str) -> None:
    (fault,) = [found] if isinstance(found := read(raw), Finding) else found
    assert isinstance(fault, Fault)
    assert fault.pointer == ""
    assert detail in fault.detail


def test_every_fault_of_the_form_is_told_at_once() -> None:
    broken = GOOD | {
        "kind": "bug", "titel": GOOD["title"], "cwe": ["79", "CWE-79"], "severity": "9.8", "due": "tomorrow",
        "affected": [{"purl": "npm/x", "ranges": [{"type": "SEMVER", "events": [{"fxied": "1"}]}]}],
        "disclosure": {"paln": "x"}, "evidence": [{"url": "nowhere", "sha256": "x"}], "tlp": "blue",
    }  # fmt: skip
    del broken["title"]
    assert said(broken) == {
        "/title": "is missing: add it",
        "/titel": 'is not known here (did you mean "title"?): leave it out or mend its name',
        "/kind": "must be one of indicator, malicious-use, model-weakness, network-weakness, software-vulnerability",
        "/cwe/0": "is no CWE id: write it like CWE-79",
        "/severity": "must be a list, not text",
        "/due": "is no time in UTC: write it like 2026-01-31T12:00:00Z",
        "/affected/0/purl": "is no package URL: write it like pkg:pypi/django@4.2.1",
        "/affected/0/ranges/0/events/0/fxied": (
            'is not known here (did you mean "fixed"?): leave it out or mend its name'
        ),
        "/disclosure/paln": 'is not known here (did you mean "plan"?): leave it out or mend its name',
        "/evidence/0/url": "is no URL: write it like https://example.com/report",
        "/evidence/0/sha256": "is no SHA-256: write its 64 hexadecimal digits in lower case",
        "/tlp": "must be one of amber, amber+strict, clear, green, red",
    }
    assert said(GOOD | {"disclosure": 7}) == {"/disclosure": "must be text or an object, not a number"}
    assert said(GOOD | {"title": ""}) == {"/title": "is too short: it has at least 1 character"}
    assert said(GOOD | {"found_by": []}) == {"/found_by": "is too short: it has at least 1 entry"}


def test_a_list_of_a_thousand_mistakes_is_told_in_part() -> None:
    assert len(said(GOOD | {"affected": [{"purl": 1}] * 400})) == MAX_FAULTS


@pytest.mark.parametrize(
    ("changes", "pointer", "detail"),
    [
        ({"affected": []}, "/affected", "affects something: name a product, an asset or a model"),
        ({"affected": [{}]}, "/affected/0", "names nothing: add a purl, a cpe, a product, an asset or a model"),
        ({"affected": [{"vendor": "Acme"}]}, "/affected/0/product", "a vendor alone is no product"),
        ({"affected": [{"purl": "pkg:npm/x", "model": {"name": "m"}}]}, "/affected/0", "has both purl and model"),
        ({"affected": [{"purl": "pkg:npm"}]}, "/affected/0/purl", "is no package URL"),
        ({"affected": [{"cpe": "cpe:2.3:a:x"}]}, "/affected/0/cpe", "is no CPE 2.3 name"),
        ({"affected": [{"asset": {}}]}, "/affected/0/asset", "names nothing: add a host, a network or a name"),
        ({"affected": [{"asset": {"host": "a b"}}]}, "/affected/0/asset/host", "is no domain name and no IP address"),
        ({"affected": [{"asset": {"host": "300.1.1.1"}}]}, "/affected/0/asset/host", "is no domain name"),
        ({"affected": [{"asset": {"network": "192.0.2.1/24"}}]}, "/affected/0/asset/network", "is no network in CIDR"),
        ({"affected": [{"asset": {"name": "x"}, "version": "1"}]}, "/affected/0/version", "says nothing of an asset"),
        ({"affected": [{"model": {"name": "x"}, "version": "1"}]}, "/affected/0/version", "give its version within it"),
        ({"affected": [{"product": "x", "ranges": [{"type": "GIT", "events": [{"introduced": "0", "fixed": "1"}]}]}]},
         "/affected/0/ranges/0/events/0", "needs exactly one of introduced, fixed, last_affected and limit"),
        ({"severity": ["CVSS:3.1/AV:N"]}, "/severity/0", "lacks AC, PR, UI, S, C, I, A: add them"),
        ({"severity": ["CVSS:4.0/AV:Q"]}, "/severity/0", "has no value 'Q' of AV: use one of N, A, L, P"),
        ({"severity": ["CVSS:3.1/XX:N"]}, "/severity/0", "has no metric 'XX'"),
        ({"pattern": "x"}, "/pattern", "belongs to an indicator: leave it out of software-vulnerability"),
        ({"observed": ["192.0.2.1"]}, "/observed", "belongs to malicious-use"),
        ({"found_by": [{"kind": "tool", "name": "x", "autonomy": "assisted"}]}, "/found_by/0/autonomy",
         "is for an ai-system: leave it out of a tool"),
        ({"due": "2026-02-31T00:00:00Z"}, "/due", "is no day or time of day that exists"),
        ({"verification": {"at": "2026-01-01T25:00:00Z"}}, "/verification/at", "is no day or time of day that exists"),
        ({"disclosure": {"embargo_until": "2026-13-01T00:00:00Z"}}, "/disclosure/embargo_until", "is no day"),
        ({"disclosure": {}}, "/disclosure", "needs exactly one of plan and embargo_until: keep one"),
        ({"disclosure": {"plan": "p", "embargo_until": "2026-12-01T00:00:00Z"}}, "/disclosure", "needs exactly one"),
        ({"evidence": [{}]}, "/evidence/0", "needs exactly one of text, url and artifact"),
        ({"evidence": [{"url": "https://example.com"}]}, "/evidence/0/sha256", "a url needs the SHA-256"),
        ({"evidence": [{"text": "x", "sha256": "a" * 64}]}, "/evidence/0/sha256", "belongs to a url"),
        ({"evidence": [{"url": "https://example.com/ä", "sha256": "a" * 64}]}, "/evidence/0/url", "RFC 3986"),
        ({"evidence": [{"artifact": {"payload": "a$=="}}]}, "/evidence/0/artifact/payload", "is not base64"),
        ({"evidence": [{"artifact": {"payload": "aa==", "mime_type": "x/y"}}]}, "/evidence/0/artifact/mime_type",
         "is no registered media type"),
        ({"evidence": [{"artifact": {"payload": "aaaa"}}] * 2}, "/evidence/1/artifact", "same file as evidence 0"),
        ({"cwe": ["CWE-79\n"]}, "/cwe/0", "ends with a line end"),
        ({"key": "a\u0000b"}, "/key", "has a control character"),
    ],
)  # fmt: skip
def test_what_does_not_go_together_is_told_with_its_place_and_the_mend(
    changes: Stated, pointer: str, detail: str
) -> None:
    found = said(GOOD | changes)
    assert found.keys() == {pointer}
    assert detail in found[pointer]


@pytest.mark.parametrize(
    ("changes", "pointer", "detail"),
    [
        ({}, "/pattern", "an indicator needs its pattern: add it"),
        ({"pattern": "[x"}, "/pattern", "the pattern does not parse at line 1, column "),
        ({"pattern": "[x", "pattern_type": "stix"}, "/pattern", "mend it, or name its pattern_type"),
        ({"pattern": "x", "pattern_type": "yara", "severity": [next(iter(["CVSS:3.1/AV:N"]))]}, "/severity",
         "CVSS rates weaknesses: leave it out of indicator"),
        ({"kind": "malicious-use", "observed": ["a b"]}, "/observed/0", "is no address, network, domain name"),
    ],
)  # fmt: skip
def test_what_an_indicator_and_malicious_use_need(changes: Stated, pointer: str, detail: str) -> None:
    found = said(INDICATOR | changes)
    assert found.keys() == {pointer}
    assert detail in found[pointer]


def test_an_artifact_has_an_end() -> None:
    def with_bytes(size: int) -> Stated:
        return GOOD | {"evidence": [{"artifact": {"payload": base64.b64encode(bytes(size)).decode()}}]}

    assert isinstance(read(json.dumps(with_bytes(MAX_ARTIFACT)).encode()), Finding)
    assert said(with_bytes(MAX_ARTIFACT + 1)).keys() == {"/evidence/0/artifact/payload"}


PARTS = st.from_regex(r"(AV|AC|PR|UI|S|C|I|A|E|MAV|XX|U|VC|SC|AT|VI|VA|SI|SA)?:?[NALPHUCXR]?", fullmatch=True)


@given(VECTORS, st.lists(st.tuples(st.integers(0, 14), PARTS), max_size=2), st.booleans())
def test_a_vector_is_valid_where_the_library_takes_it(vector: str, changes: list[tuple[int, str]], cut: bool) -> None:
    parts = vector.split("/")
    for index, part in changes:
        parts[1 + index % (len(parts) - 1) :][:1] = [part]
        parts.insert(1 + index % (len(parts) - 1), part)
    changed = "/".join(parts[:-1] if cut else parts)
    try:
        (cvss.CVSS4 if changed.startswith("CVSS:4") else cvss.CVSS3)(changed)
        taken = True
    except cvss.CVSSError:
        taken = False
    assert (scoring.wrong(changed) is None) == taken, changed


@pytest.mark.parametrize(
    ("vector", "score", "severity"),
    [
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 9.8, "critical"),
        ("CVSS:3.0/AV:L/AC:H/PR:L/UI:R/S:C/C:L/I:N/A:N", 2.5, "low"),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N", 0.0, "none"),
        ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", 9.3, "critical"),
    ],
)
def test_the_score_is_computed_from_the_vector(vector: str, score: float, severity: str) -> None:
    assert scoring.score(vector) == scoring.Score(vector[5:8], score, severity)


@given(PURLS | st.from_regex(r"pkg:[a-z]{1,7}/[a-z0-9._/@+-]{1,15}", fullmatch=True))
def test_a_plain_purl_is_read_as_the_library_reads_it(text: str) -> None:
    try:
        theirs = PackageURL.from_string(text)
    except ValueError:
        assert identifiers.purl(text) is None
    else:
        name = f"{theirs.namespace}/{theirs.name}" if theirs.namespace else theirs.name
        assert identifiers.purl(text) == identifiers.Product(name, None, theirs.version)


@given(CPES)
def test_every_cpe_that_is_taken_is_one_of_the_standard(text: str) -> None:
    assert identifiers.cpe(text) is not None
    software = {"type": "software", "spec_version": "2.1", "name": "x", "cpe": text}
    software["id"] = "software--7c8f9c1e-26f7-5b5c-b3c1-0f0d2ca1f001"
    assert stix.faults(software, now=0) == ()


@pytest.mark.parametrize(
    "text",
    [
        "cpe:2.3:a:x",
        "cpe:2.3:z:a:b:1:*:*:*:*:*:*:*",
        "cpe:2.3:a:a b:c:1:*:*:*:*:*:*:*",
        "cpe:2.3:a:a:b:1:*:*:*:*:*:*:*:*",
    ],
)
def test_what_is_no_cpe_is_none(text: str) -> None:
    assert identifiers.cpe(text) is None


@given(URLS)
def test_a_url_is_one(text: str) -> None:
    assert identifiers.is_url(text)


@pytest.mark.parametrize(
    "text", ["https://example.com/a b", "https://exa mple", "//x", "https://x/ä", "https://x/%zz", "x"]
)
def test_what_is_no_url_is_none(text: str) -> None:
    assert not identifiers.is_url(text)


@pytest.mark.parametrize(
    ("text", "stix_type", "value"),
    [
        ("192.0.2.1", "ipv4-addr", "192.0.2.1"),
        ("192.0.2.0/24", "ipv4-addr", "192.0.2.0/24"),
        ("2001:DB8::1", "ipv6-addr", "2001:db8::1"),
        ("Example.COM", "domain-name", "example.com"),
        ("mailto@example.com", "email-addr", "mailto@example.com"),
        ("https://example.com/x?y#z", "url", "https://example.com/x?y#z"),
        ("AB" * 16, "file", "ab" * 16),
        ("ab" * 64, "file", "ab" * 64),
    ],
)
def test_what_was_observed_is_told_by_its_form(text: str, stix_type: str, value: str) -> None:
    found = identifiers.observable(text)
    assert found is not None
    assert (found.type, found.value) == (stix_type, value)


@pytest.mark.parametrize(
    "text", ["word", "1.2.3", "fe80::1%eth0", "a@b@c", "http://[::1", "ab" * 15 + "x", "-a.example"]
)
def test_what_is_nothing_of_these_is_none(text: str) -> None:
    assert identifiers.observable(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "cpe:2.3:a:" + "?" * 900 + ":",
        "pkg:npm/" + "a/" * 480,
        "https://" + "a." * 990,
        "a" * 60 + ".",
        "a-" * 900 + "@",
    ],
)
def test_no_name_takes_long_to_refuse(text: str) -> None:
    started = time.perf_counter()
    for reads in (identifiers.cpe, identifiers.purl, identifiers.is_url, identifiers.observable):
        reads(text)
    assert time.perf_counter() - started < 0.2
