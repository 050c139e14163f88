"""A finding as a lab states it: the request model of the JSON API, and what every importer makes.

The field table is findings.md section 1; docs/findings.md is its page for people, and the schema in the OpenAPI
description is generated from these types. Texts and lists are bounded, so one finding makes a bounded number of
objects of bounded size.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

MAX_ARTIFACT = 1 << 20  # bytes, decoded

Line = Annotated[str, Meta(min_length=1, max_length=500)]
Text = Annotated[str, Meta(min_length=1, max_length=100_000)]
Name = Annotated[str, Meta(min_length=1, max_length=250)]
Key = Annotated[str, Meta(min_length=1, max_length=250, description="The submitter's own id of the finding.")]
Url = Annotated[str, Meta(min_length=1, max_length=2_000, pattern=r"^[A-Za-z][A-Za-z0-9+.-]*:\S+$")]
Instant = Annotated[
    str, Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$", description="RFC 3339, in UTC with `Z`.")
]
Cwe = Annotated[str, Meta(pattern=r"^CWE-[1-9]\d{0,5}$", examples=["CWE-79"])]
Tlp = Literal["clear", "green", "amber", "amber+strict", "red"]

Kind = Literal["software-vulnerability", "network-weakness", "model-weakness", "malicious-use", "indicator"]


class _Part(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is not known is an error with its place: a mistyped `recipient` must not publish to everybody."""


class FoundBy(_Part, frozen=True, kw_only=True):
    """Who or what found it. `autonomy` is for AI systems."""

    kind: Literal["ai-system", "human", "tool"]
    name: Name
    version: Name | None = None
    provider: Name | None = None
    harness: Name | None = None
    autonomy: Literal["human-led", "assisted", "supervised", "autonomous"] | None = None
    role: Literal["finder", "verifier", "reporter"] = "finder"


class Event(_Part, frozen=True, kw_only=True):
    """One event of a range, as OSV has it; exactly one of the four."""

    introduced: Name | None = None
    fixed: Name | None = None
    last_affected: Name | None = None
    limit: Name | None = None


class Range(_Part, frozen=True, kw_only=True):
    """Versions from one event to the next, kept as they are (OSV 1.7, `affected[].ranges[]`)."""

    type: Literal["SEMVER", "ECOSYSTEM", "GIT"]
    events: Annotated[tuple[Event, ...], Meta(min_length=1, max_length=500)]
    repo: Url | None = None


class Asset(_Part, frozen=True, kw_only=True):
    """A host or a network of one owner. `name` is for the owner's own word for it."""

    host: Annotated[str, Meta(min_length=1, max_length=255, description="A domain name or an IP address.")] | None = (
        None
    )
    network: Annotated[str, Meta(max_length=50, description="CIDR.")] | None = None
    name: Name | None = None


class Model(_Part, frozen=True, kw_only=True):
    """An AI model."""

    name: Name
    version: Name | None = None
    provider: Name | None = None


class Affected(_Part, frozen=True, kw_only=True):
    """One product, asset or model. A product is a `purl`, a `cpe` (2.3), or `product` with or without its `vendor`."""

    purl: Annotated[str, Meta(min_length=1, max_length=1_000, pattern="^pkg:")] | None = None
    cpe: Annotated[str, Meta(min_length=1, max_length=1_000, pattern=r"^cpe:2\.3:")] | None = None
    vendor: Name | None = None
    product: Name | None = None
    version: Name | None = None
    versions: Annotated[tuple[Name, ...], Meta(max_length=5_000)] = ()
    ranges: Annotated[tuple[Range, ...], Meta(max_length=200)] = ()
    path: (
        Annotated[str, Meta(min_length=1, max_length=2_000, description="The file in it that is at fault.")] | None
    ) = None
    function: Name | None = None
    asset: Asset | None = None
    model: Model | None = None
    status: Literal["affected", "not-affected", "fixed", "under-investigation", "recommended"] | None = (
        None  # what a VEX statement says of it
    )
    justification: Line | None = None


class Verification(_Part, frozen=True, kw_only=True):
    """How sure it is, who says so, and since when."""

    state: Literal["unverified", "triaged", "reproduced", "confirmed-by-owner", "rejected", "fix-verified"] = (
        "unverified"
    )
    by: Name | None = None
    at: Instant | None = None


class Artifact(_Part, frozen=True, kw_only=True):
    """A file: base64, at most 1 MiB once decoded."""

    payload: Annotated[str, Meta(min_length=1, max_length=(MAX_ARTIFACT + 2) // 3 * 4)]
    mime_type: Annotated[str, Meta(pattern=r"^[\w.+-]+/[\w.+-]+$", max_length=100)] | None = None
    name: Name | None = None


class Evidence(_Part, frozen=True, kw_only=True):
    """Detail for those who have to act: exactly one of `text`, `url` (with its `sha256`) and `artifact`."""

    text: Text | None = None
    url: Url | None = None
    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")] | None = None
    artifact: Artifact | None = None
    sensitivity: Tlp | None = None


class Programme(_Part, frozen=True, kw_only=True):
    """The voluntary test programme that it belongs to."""

    id: Name
    test_plan: Name | None = None
    phase: Name | None = None


class Disclosure(_Part, frozen=True, kw_only=True):
    """When others may read it: by a release `plan` of the exchange, or from `embargo_until` on."""

    plan: Name | None = None
    embargo_until: Instant | None = None


class AiContent(_Part, frozen=True, kw_only=True):
    """What a model wrote of the finding's text (GCVE BCP-05-X-01)."""

    ai_level: Literal["none", "assisted", "generated"]
    review_status: Literal["unreviewed", "human-reviewed", "human-approved"] | None = None
    models: Annotated[tuple[Model, ...], Meta(max_length=20)] = ()


class Finding(_Part, frozen=True, kw_only=True):
    """One finding. `kind`, `title`, `description` and `found_by` are what it needs; what else, depends on its kind."""

    kind: Kind
    title: Line
    description: Annotated[str, Meta(min_length=1, max_length=100_000, description="No exploit detail: `evidence`.")]
    found_by: Annotated[tuple[FoundBy, ...], Meta(min_length=1, max_length=50)]
    key: Key | None = None
    affected: Annotated[tuple[Affected, ...], Meta(max_length=500)] = ()
    severity: Annotated[
        tuple[Annotated[str, Meta(max_length=300, pattern=r"^CVSS:(3\.[01]|4\.0)/")], ...],
        Meta(max_length=10, description="CVSS 3.1 or 4.0 vectors. The score is computed here."),
    ] = ()
    cwe: Annotated[tuple[Cwe, ...], Meta(max_length=50)] = ()
    aliases: Annotated[tuple[Name, ...], Meta(max_length=100, description="CVE, GHSA and other ids.")] = ()
    references: Annotated[tuple[Url, ...], Meta(max_length=200)] = ()
    atlas: Annotated[
        tuple[Annotated[str, Meta(pattern=r"^AML\.T\d{4}(\.\d{3})?$")], ...],
        Meta(max_length=50, description="Techniques of MITRE ATLAS."),
    ] = ()
    attack: Annotated[
        tuple[Annotated[str, Meta(pattern=r"^T\d{4}(\.\d{3})?$")], ...],
        Meta(max_length=50, description="Techniques of MITRE ATT&CK."),
    ] = ()
    pattern: Text | None = None
    pattern_type: Annotated[str, Meta(pattern=r"^[a-z0-9-]{2,50}$")] | None = None
    observed: Annotated[
        tuple[Annotated[str, Meta(min_length=1, max_length=2_000)], ...],
        Meta(max_length=200, description="Addresses, domain names, URLs and file hashes seen in `malicious-use`."),
    ] = ()
    verification: Verification = Verification()
    evidence: Annotated[tuple[Evidence, ...], Meta(max_length=50)] = ()
    remediation: Text | None = None
    workaround: Text | None = None
    ai_content: AiContent | None = None
    programme: Programme | None = None
    disclosure: Name | Disclosure | None = None  # a text is the name of a plan
    tlp: Tlp | None = None
    recipients: Annotated[tuple[Name, ...], Meta(max_length=500)] = ()
    due: (
        Annotated[
            str,
            Meta(
                pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$",
                description="By when an owner is asked to answer or to fix it.",
            ),
        ]
        | None
    ) = None
    revoked: bool = False


class Fault(Struct, frozen=True):
    """What is wrong with one thing that was pushed: where (RFC 6901, from the finding or the file), what, the mend."""

    pointer: str
    detail: str
