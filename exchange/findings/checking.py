"""What the types of a finding cannot say: how its parts go together, and names that have a grammar of their own."""

from __future__ import annotations

import re
from binascii import Error, a2b_base64
from collections.abc import Iterator

from exchange.findings import identifiers, scoring
from exchange.findings.finding import MAX_ARTIFACT, Affected, Artifact, Asset, Disclosure, Evidence, Fault, Finding
from exchange.stix import parse_timestamp, pattern_error

WEAKNESSES = frozenset({"software-vulnerability", "network-weakness", "model-weakness"})

_OF_PRODUCTS = ("purl", "cpe", "vendor", "product")
_NOT_OF_ASSETS = ("version", "versions", "ranges", "path", "function")
_NOT_OF_MODELS = ("version", "versions", "ranges")
_REGISTERED = re.compile(r"(?:application|audio|font|image|message|model|multipart|text|video)/.*", re.ASCII)
_URL_MENDED = "is no URL of RFC 3986: write other characters as %XX"


def faults(finding: Finding) -> tuple[Fault, ...]:
    """Every fault at once, in the order of the fields; empty if STIX can be made of it.

    Cost: some microseconds for each name that is read; a STIX pattern that is not plain takes milliseconds.
    """
    return tuple(
        fault
        for check in (
            _affected, _severity, _short, _pattern, _observed, _found_by, _instants, _evidence, _disclosure
        )
        for fault in check(finding)
    )  # fmt: skip


def _affected(finding: Finding) -> Iterator[Fault]:
    if not finding.affected and finding.kind in WEAKNESSES and not finding.revoked:
        yield Fault("/affected", f"a {finding.kind} affects something: name a product, an asset or a model")
    for index, one in enumerate(finding.affected):
        yield from _one_affected(one, f"/affected/{index}")


def _one_affected(one: Affected, place: str) -> Iterator[Fault]:
    product = [name for name in _OF_PRODUCTS if getattr(one, name) is not None]
    kinds = [*product[:1], *(name for name in ("asset", "model") if getattr(one, name) is not None)]
    if not kinds:
        yield Fault(place, "names nothing: add a purl, a cpe, a product, an asset or a model")
    elif len(kinds) > 1:
        yield Fault(place, f"has both {kinds[0]} and {kinds[1]}: make two entries of it")
    elif product == ["vendor"]:
        yield Fault(f"{place}/product", "a vendor alone is no product: add the product, or a purl or a cpe")
    if one.purl is not None and identifiers.purl(one.purl) is None:
        yield Fault(f"{place}/purl", "is no package URL: write it like pkg:pypi/django@4.2.1")
    if one.cpe is not None and identifiers.cpe(one.cpe) is None:
        yield Fault(f"{place}/cpe", "is no CPE 2.3 name: write it like cpe:2.3:a:vendor:product:1.0:*:*:*:*:*:*:*")
    if one.asset is not None:
        yield from _misplaced(one, _NOT_OF_ASSETS, place, "of an asset: leave it out, or name the product apart")
        yield from _asset(one.asset, f"{place}/asset")
    if one.model is not None:
        yield from _misplaced(one, _NOT_OF_MODELS, place, "beside a model: give its version within it")
    yield from _ranges(one, place)


def _misplaced(one: Affected, names: tuple[str, ...], place: str, why: str) -> Iterator[Fault]:
    for name in names:
        if getattr(one, name):
            yield Fault(f"{place}/{name}", f"says nothing {why}")


def _asset(asset: Asset, place: str) -> Iterator[Fault]:
    if asset.host is None and asset.network is None and asset.name is None:
        yield Fault(place, "names nothing: add a host, a network or a name")
    if asset.host is not None and ("/" in asset.host or identifiers.host(asset.host) is None):
        yield Fault(f"{place}/host", "is no domain name and no IP address: write it like www.example.com or 192.0.2.7")
    if asset.network is not None and identifiers.network(asset.network) is None:
        yield Fault(f"{place}/network", "is no network in CIDR notation: write it like 192.0.2.0/24 or 2001:db8::/32")


def _ranges(one: Affected, place: str) -> Iterator[Fault]:
    for number, found in enumerate(one.ranges):
        for index, event in enumerate(found.events):
            said = (event.introduced, event.fixed, event.last_affected, event.limit)
            if sum(version is not None for version in said) != 1:
                yield Fault(
                    f"{place}/ranges/{number}/events/{index}",
                    "needs exactly one of introduced, fixed, last_affected and limit: make an event of each",
                )


def _severity(finding: Finding) -> Iterator[Fault]:
    if finding.severity and finding.kind not in WEAKNESSES:
        yield Fault("/severity", f"CVSS rates weaknesses: leave it out of {finding.kind}")
        return
    for index, vector in enumerate(finding.severity):
        if (wrong := scoring.wrong(vector)) is not None:
            yield Fault(f"/severity/{index}", wrong)


def _short(finding: Finding) -> Iterator[Fault]:
    """Of the ids that are patterns: a line end behind them, which those let pass."""
    for name in ("cwe", "atlas", "attack"):
        for index, value in enumerate(getattr(finding, name)):
            if not value.isprintable():
                yield Fault(f"/{name}/{index}", "ends with a line end: leave that out")
    if finding.key is not None and not finding.key.isprintable():
        yield Fault("/key", "has a control character: leave it out")


def _pattern(finding: Finding) -> Iterator[Fault]:
    if finding.kind != "indicator":
        for name in ("pattern", "pattern_type"):
            if getattr(finding, name) is not None:
                yield Fault(
                    f"/{name}", f"belongs to an indicator: leave it out of {finding.kind}, or send two findings"
                )
    elif finding.pattern is None:
        yield Fault("/pattern", "an indicator needs its pattern: add it")
    elif finding.pattern_type in (None, "stix") and (wrong := pattern_error(finding.pattern, "2.1")) is not None:
        yield Fault("/pattern", f"the pattern {wrong}: mend it, or name its pattern_type")


def _observed(finding: Finding) -> Iterator[Fault]:
    if finding.observed and finding.kind != "malicious-use":
        yield Fault("/observed", f"belongs to malicious-use: leave it out of {finding.kind}, or send two findings")
        return
    for index, text in enumerate(finding.observed):
        if identifiers.observable(text) is None:
            yield Fault(
                f"/observed/{index}",
                "is no address, network, domain name, e-mail address, hash or URL of RFC 3986: write it so",
            )


def _found_by(finding: Finding) -> Iterator[Fault]:
    for index, one in enumerate(finding.found_by):
        if one.autonomy is not None and one.kind != "ai-system":
            yield Fault(f"/found_by/{index}/autonomy", f"is for an ai-system: leave it out of a {one.kind}")


def _instants(finding: Finding) -> Iterator[Fault]:
    disclosure = finding.disclosure
    instants = {
        "/verification/at": finding.verification.at,
        "/due": finding.due,
        "/disclosure/embargo_until": disclosure.embargo_until if isinstance(disclosure, Disclosure) else None,
    }
    for place, instant in instants.items():
        if instant is not None:
            try:
                parse_timestamp(instant)
            except ValueError:
                yield Fault(place, "is no day or time of day that exists: write it like 2026-01-31T12:00:00Z")


def _evidence(finding: Finding) -> Iterator[Fault]:
    files: dict[str, int] = {}
    for index, one in enumerate(finding.evidence):
        yield from _one_evidence(one, f"/evidence/{index}")
        # One artifact has one marking, so the same bytes cannot be of two levels.
        if one.artifact is not None and files.setdefault(one.artifact.payload, index) != index:
            first = files[one.artifact.payload]
            yield Fault(f"/evidence/{index}/artifact", f"is the same file as evidence {first}: send it once")


def _one_evidence(one: Evidence, place: str) -> Iterator[Fault]:
    if sum(kind is not None for kind in (one.text, one.url, one.artifact)) != 1:
        yield Fault(place, "needs exactly one of text, url and artifact: make an entry of each")
    if one.url is not None and one.sha256 is None:
        yield Fault(f"{place}/sha256", "a url needs the SHA-256 of what it leads to: add it")
    if one.sha256 is not None and one.url is None:
        yield Fault(f"{place}/sha256", "belongs to a url: leave it out or add that")
    if one.sha256 is not None and len(one.sha256) != 64:
        yield Fault(f"{place}/sha256", "ends with a line end: leave that out")
    if one.url is not None and not identifiers.is_url(one.url):
        yield Fault(f"{place}/url", _URL_MENDED)
    if one.artifact is not None:
        yield from _artifact(one.artifact, f"{place}/artifact")


def _artifact(artifact: Artifact, place: str) -> Iterator[Fault]:
    try:
        size = len(a2b_base64(artifact.payload, strict_mode=True))
    except (Error, ValueError):
        yield Fault(f"{place}/payload", "is not base64 (RFC 4648): encode it again, without line ends")
    else:
        if not 0 < size <= MAX_ARTIFACT:
            yield Fault(f"{place}/payload", f"holds {size} bytes: send 1 to {MAX_ARTIFACT}, or a url with its sha256")
    mime = artifact.mime_type
    if mime is not None and (_REGISTERED.fullmatch(mime) is None or not mime.isascii()):
        yield Fault(f"{place}/mime_type", "is no registered media type: write it like text/plain or leave it out")


def _disclosure(finding: Finding) -> Iterator[Fault]:
    said = finding.disclosure
    if isinstance(said, Disclosure) and (said.plan is None) == (said.embargo_until is None):
        yield Fault("/disclosure", "needs exactly one of plan and embargo_until: keep one")
