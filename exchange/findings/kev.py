"""CISA's catalogue of known exploited vulnerabilities: each entry is one finding."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from exchange.findings.careful import cwe, instant, items, line, name, part, pointer, text, url
from exchange.findings.finding import Affected, Fault, Finding
from exchange.findings.fitting import Place, fitted, issuer, settled
from exchange.findings.keys import named

_SEPARATOR = re.compile(r"[\s;]+")


def read(document: Any) -> Iterator[Finding | Fault]:
    """The findings of a catalogue. The key is `KEV/` and the CVE id: the CVE record itself is another document."""
    entries = part(document, "vulnerabilities")
    if not isinstance(entries, list):
        yield Fault("/vulnerabilities", "is no list: the catalogue has its entries there")
        return
    places: list[Place] = [("vulnerabilities", index) for index in range(len(entries))]
    yield from settled((place, _entry(entry, place)) for place, entry in zip(places, entries, strict=True))


def _entry(entry: Any, place: Place) -> Finding | Fault:
    cve, product = name(part(entry, "cveID"), 100), name(part(entry, "product"))
    if cve is None:
        return Fault(pointer(*place, "cveID"), "is no text: an entry is known by its CVE id; give it one")
    if product is None:
        return Fault(pointer(*place, "product"), "is no text: the product that is exploited must be named")
    due = instant(part(entry, "dueDate"))
    notes = text(part(entry, "notes"), 5_000) or ""
    return fitted(
        kind="software-vulnerability",
        title=line(part(entry, "vulnerabilityName")) or cve,
        description=[text(part(entry, "shortDescription")), _exploited(entry)],
        found_by=[issuer("CISA")],
        key=named("KEV", cve),
        affected=[Affected(vendor=name(part(entry, "vendorProject")), product=product)],
        cwe=[cwe(one) for one in items(entry, "cwes")],
        aliases=[cve],
        references=[url(one) for one in _SEPARATOR.split(notes)],
        remediation=[text(part(entry, "requiredAction"))],
        due=f"{due[:10]}T23:59:59Z" if due else None,
    )


def _exploited(entry: Any) -> str:
    since = instant(part(entry, "dateAdded"))
    said = "CISA knows it to be exploited" + (f" since {since[:10]}" if since else "")
    ransom = part(entry, "knownRansomwareCampaignUse") == "Known"
    return said + (", also in ransomware campaigns." if ransom else ".")
