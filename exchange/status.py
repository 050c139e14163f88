"""The TAXII status resource of a POST (TAXII 2.1 section 4.3): one result for each object of the envelope."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from exchange import stix


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of one object. `id` and `version` are the object's own, or a placeholder (T-4.3-04)."""

    id: str
    version: str
    ok: bool
    message: str = ""

    @property
    def details(self) -> dict[str, str]:
        return {"id": self.id, "version": self.version, **({"message": self.message} if self.message else {})}


def resource(status_id: str, at: int, results: Sequence[Result]) -> dict[str, Any]:
    """Complete at once: nothing is ever pending (T-4.3-01, T-4.3-03). Empty lists are left out (T-2-04)."""
    successes = [r.details for r in results if r.ok]
    failures = [r.details for r in results if not r.ok]
    lists = {"successes": successes, "failures": failures}
    return {
        "id": status_id,
        "status": "complete",
        "request_timestamp": stix.format_timestamp(at),
        "total_count": len(results),
        "success_count": len(successes),
        "failure_count": len(failures),
        "pending_count": 0,
        **{name: values for name, values in lists.items() if values},
    }


def dump(status: dict[str, Any]) -> str:
    return json.dumps(status, ensure_ascii=False, separators=(",", ":"))
