"""The submitter's id of a finding where it states none (findings.md 3): what the same flaw keeps from run to run.

Never a line number, which the next commit moves, and never a version, which the next release moves.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict

import msgspec

from exchange.findings.finding import Affected, Finding

MAX_KEY = 250


def of(finding: Finding) -> str:
    """The key of any finding: its own, or one derived; who found it and the title stand for tool and rule."""
    if finding.key is not None:
        return finding.key
    rule = [finding.title, finding.pattern, sorted(finding.observed)]
    return derived(finding, tool=finding.found_by[0].name, rule=json.dumps(rule))


def derived(finding: Finding, *, tool: str, rule: str, fingerprint: str | None = None) -> str:
    """SHA-256 of the canonical (tool, rule, fingerprint), or without a fingerprint of (tool, rule, products, CWE,
    paths), the products without their versions and the paths with their functions. Sixty-four hexadecimal digits.
    """
    if fingerprint is not None:
        return hashed(tool, rule, fingerprint)
    products = sorted({product(one) for one in finding.affected})
    paths = sorted({f"{one.path or ''}#{one.function or ''}" for one in finding.affected})
    return hashed(tool, rule, products, sorted(finding.cwe), paths)


def hashed(*parts: str | list[str]) -> str:
    """SHA-256 of canonical JSON."""
    return hashlib.sha256(json.dumps(parts, separators=(",", ":")).encode()).hexdigest()


def named(*parts: str) -> str:
    """Ids of a document and of a part of it, put together, or their hash where nobody could read that."""
    key = "/".join(parts)
    return key if len(key) <= MAX_KEY - 10 and key.isprintable() else hashed(*parts)


def product(affected: Affected) -> str:
    """What is affected, without its version: the same text for the same product, whatever its release."""
    if affected.purl:
        return versionless(affected.purl)
    if affected.cpe:
        return ":".join(affected.cpe.split(":")[:5]).lower()
    if affected.asset:
        return f"asset {affected.asset.host or affected.asset.network or affected.asset.name}"
    if affected.model:
        return f"model {affected.model.provider or ''}/{affected.model.name}".lower()
    return f"{affected.vendor or ''}/{affected.product or ''}".lower()


def versionless(purl: str) -> str:
    """A package URL without version, qualifiers and subpath. An `@` of a scope is written %40 or follows a slash."""
    bare = purl.split("#", 1)[0].split("?", 1)[0]
    head, at, version = bare.rpartition("@")
    return head if at and "/" not in version and not head.endswith("/") else bare


class Distinct:
    """The keys of one file: no two findings share one. What is said twice is one finding; what differs gets the key
    with `-2`, `-3` in the order of the file, so that a moved line changes nothing."""

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._said: defaultdict[str, set[bytes]] = defaultdict(set)
        self._number: dict[str, int] = {}

    def take(self, finding: Finding) -> Finding | None:
        """The finding with a key that no other has; None if the file said it before."""
        key = of(finding)
        digest = hashlib.sha256(msgspec.json.encode(finding)).digest()
        if digest in self._said[key]:
            return None
        self._said[key].add(digest)
        free = self._free(key)
        self._taken.add(free)
        return finding if free == finding.key else msgspec.structs.replace(finding, key=free)

    def _free(self, key: str) -> str:
        free, number = key, self._number.get(key, 1)
        while free in self._taken:
            number += 1
            free = f"{key}-{number}"
        self._number[key] = number
        return free
