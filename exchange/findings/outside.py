"""What STIX refers to outside STIX: ids of CVE, CWE and other lists, pages, and techniques of MITRE's two lists."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from exchange.findings.finding import Finding
from exchange.findings.identifiers import is_url

_CVE = re.compile(r"CVE-[0-9]{4}-(?:0[0-9]{3}|[1-9][0-9]{3,})", re.ASCII)
_CAPEC = re.compile(r"CAPEC-[0-9]+", re.ASCII)
_LISTED = re.compile(r"([A-Z][A-Za-z]{1,30})-[A-Za-z0-9:._-]+", re.ASCII)
_RESERVED: Final = ("cve", "capec")  # with these, STIX asks for the form of the id

Reference = dict[str, Any]


def references(finding: Finding) -> list[Reference]:
    """The external references of a finding, each once, in the order of its fields."""
    return list({repr(one): one for one in _references(finding)}.values())


def _references(finding: Finding) -> Iterator[Reference]:
    for alias in finding.aliases:
        yield of_alias(alias)
    for cwe in finding.cwe:
        yield {"source_name": "cwe", "external_id": cwe}
    for url in finding.references:
        # What is no URI by the letter is kept as it came, where anything may stand.
        yield {"source_name": "reference", "url" if is_url(url) else "description": url}


def of_alias(alias: str) -> Reference:
    """``GHSA-…`` is of the list `ghsa`; what has no such form is an `alias`."""
    if _CVE.fullmatch(alias) or _CAPEC.fullmatch(alias):
        source = alias.partition("-")[0].lower()
    else:
        listed = _LISTED.fullmatch(alias)
        source = listed[1].lower() if listed and listed[1].lower() not in _RESERVED else "alias"
    return {"source_name": source, "external_id": alias}


def of_technique(technique: str) -> Reference:
    """By its public id: of MITRE ATLAS if it starts with AML, else of MITRE ATT&CK."""
    if technique.startswith("AML."):
        source, url = "mitre-atlas", f"https://atlas.mitre.org/techniques/{technique}"
    else:
        source, url = "mitre-attack", f"https://attack.mitre.org/techniques/{technique.replace('.', '/')}"
    return {"source_name": source, "external_id": technique, "url": url}
