"""Findings for Hypothesis, as the JSON that a lab may send; those here have no fault."""

import base64
import hmac
from typing import Any

from hypothesis import strategies as st

from exchange.findings.finding import Finding
from exchange.findings.made import How
from exchange.findings.reading import convert
from exchange.label import Tlp

Stated = dict[str, Any]

CREATED, MODIFIED = "2026-11-01T08:00:00.000Z", "2026-11-02T08:00:00.000Z"
CREATOR = "identity--6f1f9f0e-55a5-4e5c-8f0b-1f3a52a0c001"


def how(**other: Any) -> How:
    """How a member's findings become STIX, with ids of a secret that is nobody's."""
    said: dict[str, Any] = {
        "mint": minted, "created": CREATED, "modified": MODIFIED, "creator": CREATOR,
        "tlp": Tlp.GREEN, "highest": Tlp.RED,
    }  # fmt: skip
    return How(**said | other)


def minted(stix_type: str, part: str) -> str:
    """The shape of the exchange's own ids: a UUIDv4 of a keyed hash."""
    digest = bytearray(hmac.digest(b"secret of the tests", f"{stix_type} {part}".encode(), "sha256")[:16])
    digest[6], digest[8] = digest[6] & 0x0F | 0x40, digest[8] & 0x3F | 0x80
    text = digest.hex()
    return f"{stix_type}--{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def hows() -> st.SearchStrategy[How]:
    """Any level that a collection may let in, and one of the finding within it."""
    levels = st.tuples(st.sampled_from(list(Tlp)), st.sampled_from(list(Tlp))).map(sorted)
    return st.builds(
        lambda level, creator: how(tlp=level[0], highest=level[1], creator=creator),
        levels, st.none() | st.just(CREATOR),
    )  # fmt: skip


TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=30)
WORDS = st.text("abcdefghijklmnopqrstuvwxyz0123456789.-", min_size=1, max_size=12)
VERSIONS = st.from_regex(r"[0-9]{1,3}(\.[0-9]{1,3}){0,2}(-rc[0-9])?", fullmatch=True)
TIMES = st.datetimes().map(lambda when: when.strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0") + "Z")
DOMAINS = st.from_regex(r"[a-z][a-z0-9]{0,10}(-[a-z0-9]{1,5})?(\.[a-z][a-z0-9]{1,8}){1,3}", fullmatch=True)
ADDRESSES = st.ip_addresses().map(str)
NETWORKS = st.sampled_from(["192.0.2.0/24", "198.51.100.128/25", "2001:db8::/32", "203.0.113.9/32"])
URLS = st.builds(
    "{}://{}{}{}{}".format,
    st.sampled_from(["https", "http", "ftp"]), DOMAINS, st.sampled_from(["", ":8080"]),
    st.from_regex(r"(/[A-Za-z0-9._~%2F-]{0,9}){0,3}", fullmatch=True).map(lambda path: path.replace("%", "%41")),
    st.sampled_from(["", "?q=1&r=%20", "#top"]),
)  # fmt: skip
HASHES = st.sampled_from([32, 40, 64, 128]).flatmap(lambda n: st.text("0123456789abcdefABCDEF", min_size=n, max_size=n))
PURLS = st.builds(
    "pkg:{}/{}{}{}".format,
    st.sampled_from(["npm", "pypi", "maven", "golang", "generic", "swift", "github"]),
    st.sampled_from(["", "a.b/", "%40scope/"]),
    st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,9}", fullmatch=True),
    st.just("") | VERSIONS.map("@{}".format) | st.just("?arch=x86#sub/path"),
)
CPES = st.builds(
    "cpe:2.3:{}:{}:{}:{}:*:*:*:*:*:*:*".format,
    st.sampled_from("aho"), WORDS, st.sampled_from(["router", "log4j", r"notepad\+\+", "*"]), VERSIONS | st.just("*"),
)  # fmt: skip
VECTORS = st.sampled_from(
    [
        "CVSS:3.0/AV:L/AC:H/PR:L/UI:R/S:C/C:L/I:N/A:N",
        "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
        "CVSS:3.1/AV:P/AC:H/PR:H/UI:R/S:U/C:N/I:N/A:N/E:P/RL:O/RC:C/MAV:N",
        "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N",
        "CVSS:4.0/AV:A/AC:H/AT:P/PR:L/UI:A/VC:L/VI:N/VA:N/SC:N/SI:N/SA:L/E:P/U:Amber",
    ]
)
PATTERNS = st.sampled_from(
    [
        "[ipv4-addr:value = '192.0.2.1']",
        "[file:hashes.'SHA-256' = '" + "ab" * 32 + "'] FOLLOWEDBY [url:value LIKE 'http%'] WITHIN 5 SECONDS",
    ]
)
LEVELS = st.sampled_from([level.value for level in Tlp])


def _some(needed: Stated, optional: Stated) -> st.SearchStrategy[Stated]:
    return st.fixed_dictionaries(needed, optional=optional)


def _few(of: st.SearchStrategy[Any], least: int = 0) -> st.SearchStrategy[list[Any]]:
    return st.lists(of, min_size=least, max_size=3)


_EVENTS = st.one_of(*(_some({name: VERSIONS}, {}) for name in ("introduced", "fixed", "last_affected", "limit")))
_RANGES = _some({"type": st.sampled_from(["SEMVER", "ECOSYSTEM", "GIT"]), "events": _few(_EVENTS, 1)}, {"repo": URLS})
_SAID = {
    "status": st.sampled_from(["affected", "not-affected", "fixed", "under-investigation", "recommended"]),
    "justification": TEXTS,
}
_OF_PRODUCTS = {
    "version": VERSIONS, "versions": _few(VERSIONS), "ranges": _few(_RANGES), "path": TEXTS, "function": TEXTS,
    "vendor": TEXTS, **_SAID,
}  # fmt: skip
_MODELS = _some({"name": TEXTS}, {"version": VERSIONS, "provider": TEXTS})
_ASSETS = st.one_of(
    _some({"host": ADDRESSES | DOMAINS}, {"name": TEXTS, "network": NETWORKS}),
    _some({"network": NETWORKS}, {"name": TEXTS}),
    _some({"name": TEXTS}, {}),
)
AFFECTED = st.one_of(
    _some({"purl": PURLS}, {**_OF_PRODUCTS, "cpe": CPES}),
    _some({"cpe": CPES}, _OF_PRODUCTS),
    _some({"product": TEXTS}, _OF_PRODUCTS),
    _some({"asset": _ASSETS}, _SAID),
    _some({"model": _MODELS}, {**_SAID, "path": TEXTS}),
)
_FINDER = {"version": VERSIONS, "provider": TEXTS, "harness": TEXTS}
_ROLES = st.sampled_from(["finder", "verifier", "reporter"])
FOUND_BY = st.one_of(
    _some({"kind": st.sampled_from(["human", "tool"]), "name": TEXTS}, {**_FINDER, "role": _ROLES}),
    _some(
        {"kind": st.just("ai-system"), "name": TEXTS},
        {**_FINDER, "autonomy": st.sampled_from(["human-led", "assisted", "supervised", "autonomous"])},
    ),
)
_FILES = _some(
    {"payload": st.binary(min_size=1, max_size=40).map(lambda content: base64.b64encode(content).decode())},
    {"mime_type": st.sampled_from(["text/plain", "application/json"]), "name": TEXTS},
)
EVIDENCE = st.one_of(
    _some({"text": TEXTS}, {"sensitivity": LEVELS}),
    _some({"url": URLS, "sha256": st.text("0123456789abcdef", min_size=64, max_size=64)}, {"sensitivity": LEVELS}),
    _some({"artifact": _FILES}, {"sensitivity": LEVELS}),
)
_STATES = ["unverified", "triaged", "reproduced", "confirmed-by-owner", "rejected", "fix-verified"]
_OPTIONAL = {
    "key": st.text(st.characters(codec="ascii", categories=["L", "N", "P"]), min_size=1, max_size=20),
    "cwe": _few(st.integers(1, 1400).map("CWE-{}".format)),
    "aliases": _few(st.sampled_from(["CVE-2026-12345", "GHSA-aaaa-bbbb-cccc", "CAPEC-163", "cve-1", "CVE-x"]) | TEXTS),
    "references": _few(URLS | URLS.map(lambda url: f"{url}/ä")),
    "atlas": _few(st.sampled_from(["AML.T0051", "AML.T0051.000"])),
    "attack": _few(st.sampled_from(["T1059", "T1059.001"])),
    "verification": _some({}, {"state": st.sampled_from(_STATES), "by": TEXTS, "at": TIMES}),
    "evidence": st.lists(EVIDENCE, max_size=3, unique_by=lambda one: one.get("artifact", {}).get("payload", id(one))),
    "remediation": TEXTS,
    "workaround": TEXTS,
    "ai_content": _some(
        {"ai_level": st.sampled_from(["none", "assisted", "generated"])},
        {
            "review_status": st.sampled_from(["unreviewed", "human-reviewed", "human-approved"]),
            "models": _few(_MODELS),
        },
    ),
    "programme": _some({"id": TEXTS}, {"test_plan": TEXTS, "phase": TEXTS}),
    "disclosure": st.one_of(TEXTS, _some({"plan": TEXTS}, {}), _some({"embargo_until": TIMES}, {})),
    "tlp": LEVELS,
    "recipients": _few(WORDS),
    "due": TIMES,
    "revoked": st.booleans(),
}  # fmt: skip


def _of_kind(kinds: list[str], needed: Stated, optional: Stated) -> st.SearchStrategy[Stated]:
    always = {"kind": st.sampled_from(kinds), "title": TEXTS, "description": TEXTS, "found_by": _few(FOUND_BY, 1)}
    return _some(always | needed, _OPTIONAL | optional)


STATED = st.one_of(
    _of_kind(
        ["software-vulnerability", "network-weakness", "model-weakness"],
        {"affected": _few(AFFECTED, 1)},
        {"severity": _few(VECTORS)},
    ),
    _of_kind(
        ["malicious-use"],
        {},
        {
            "observed": _few(st.one_of(ADDRESSES, NETWORKS, DOMAINS, URLS, HASHES, DOMAINS.map("x@{}".format))),
            "affected": _few(AFFECTED),
        },
    ),
    _of_kind(["indicator"], {"pattern": PATTERNS}, {"pattern_type": st.just("stix"), "affected": _few(AFFECTED)}),
    _of_kind(["indicator"], {"pattern": TEXTS, "pattern_type": st.sampled_from(["sigma", "yara", "snort"])}, {}),
)
"""Findings as JSON states them, of every kind and with any of the fields."""


def finding(stated: Stated) -> Finding:
    """The finding that is stated; an error of the test if it has a fault."""
    found = convert(stated)
    assert isinstance(found, Finding), (found, stated)
    return found
