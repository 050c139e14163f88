"""The extension "AI finding" (findings.md 2): what of a finding STIX has no place for. docs/ai-finding.md is its page.

Of what only some may read, like assets and evidence, nothing is in it: whoever reads the object reads it whole.
"""

from __future__ import annotations

from typing import Any

import msgspec

from exchange.findings import scoring
from exchange.findings.finding import Affected, Finding
from exchange.stix import AI_FINDING as KEY

__all__ = ["KEY", "content"]


def content(finding: Finding) -> dict[str, Any]:
    """What stands under `KEY` in the object of a finding. Cost: mostly that of the scores."""
    made: dict[str, Any] = {"extension_type": "property-extension", "kind": finding.kind}
    if finding.severity:
        made["cvss"] = [_cvss(vector) for vector in finding.severity]
    if products := [_product(one) for one in finding.affected if one.asset is None]:
        made["affected"] = products
    made["found_by"] = _plain(finding.found_by)
    made["verification"] = {"state": finding.verification.state, **_plain(finding.verification)}
    if finding.programme is not None:
        made["programme"] = _plain(finding.programme)
    if finding.due is not None:
        made["due"] = finding.due
    if finding.ai_content is not None:
        made["ai_content"] = _plain(finding.ai_content)
    return made


def _cvss(vector: str) -> dict[str, Any]:
    found = scoring.score(vector)
    return {"version": found.version, "vector": vector, "score": found.score, "severity": found.severity}


def _product(one: Affected) -> dict[str, Any]:
    made: dict[str, Any] = _plain(one)
    return made


def _plain(value: Any) -> Any:
    """As JSON has it, without what was left out."""
    return msgspec.json.decode(msgspec.json.encode(value))
