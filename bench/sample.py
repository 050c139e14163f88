"""The sample that everything is measured on: seeded, honest about what makes an exchange slow, and valid STIX 2.1.

Of the objects 60 % are relationships between two earlier objects of their publisher, 5 % name one to four recipients,
30 % come in two to five versions, and labels run over TLP × the publishers' working groups. One version is 600 to
900 bytes. One member, `wide`, may read nearly everything, and one, `sparse`, its own thirty objects.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import orjson

from exchange import markings, stix
from exchange.label import Tlp
from exchange.markings import Said

COLLECTION = "5d3f4b8e-6f0a-4c57-9b1e-2a7d90c1e486"
PUBLISHERS = tuple(f"publisher-{n:02}" for n in range(1, 13))
READERS = tuple(f"reader-{n:02}" for n in range(1, 27))
WIDE, SPARSE = "wide", "sparse"
GROUPS = tuple(f"group-{n:02}" for n in range(1, 13))

BATCH = 500  # object versions of one publisher in one commit or envelope
ROUNDS = 48  # batches at least
SPARSE_OBJECTS = 30
RELATIONSHIPS, NAMED, REVISED, RELABELLED = 0.6, 0.05, 0.3, 0.02
START = 1_704_067_200_000_000  # 2024-01-01
STEP = 2_000_000  # between two versions
MEMORY = 5_000  # objects of its own that a publisher refers to
SOON = 400  # a version comes at most so many deposits of its publisher after the one before

_TLP = (None, Tlp.CLEAR, Tlp.GREEN, Tlp.AMBER, Tlp.AMBER_STRICT)
_TLP_WEIGHTS = (40, 15, 15, 20, 10)
_TLP_IDS = {level: marking for marking, level in markings.TLP_IDS.items()}  # the last one of each level: TLP 2
_TYPES = ("indicator", "indicator", "indicator", "vulnerability", "malware", "attack-pattern")
_SENTENCES = (
    "Seen against mail gateways of three hospitals since the beginning of the month.",
    "The loader waits for a second stage that is fetched over DNS from a short-lived domain.",
    "A crafted document makes the model call a tool with arguments that its user never saw.",
    "Mitigated by the vendor's update; older appliances stay reachable from the Internet.",
    "The address belongs to a hosting company that answers abuse reports within a day.",
    "Two analysts confirmed this by hand; the sandbox run alone does not show it.",
    "Blocking it had no side effects in a week of traffic at a mid-sized bank.",
    "The same certificate was used in an earlier campaign against regional governments.",
    "A proof of concept is public; no use against members has been reported so far.",
    "Part of a series of prompts that were found to survive rewriting by a second model.",
)


def home_files(*, open_to_sparse: bool = False) -> dict[str, str]:
    """An exchange with forty members in twelve working groups and one collection, as an administrator writes it.

    With `open_to_sparse` one line differs: it puts the sparse member into every group.
    """
    lines = ["exchange: Benchmark", "operator: Benchmark", "groups:", "  community: All who read", "  reporters: Write"]
    lines += [f"  {group}: Working group" for group in GROUPS]
    lines.append("members:")
    for n, name in enumerate((*PUBLISHERS, *READERS)):
        lines.append(f"  {name}: {{ name: {name.title()}, in: [{', '.join(('community', *working_groups(n)))}] }}")
    lines.append(f"  {WIDE}: {{ name: Wide, in: [{', '.join(('community', *GROUPS))}] }}")
    groups = ("reporters", "community", *GROUPS) if open_to_sparse else ("reporters",)
    lines.append(f"  {SPARSE}: {{ name: Sparse, in: [{', '.join(groups)}] }}")
    lines.append("defaults: { unmarked: green, unknown-markings: reject }")
    collection = (
        f"id: {COLLECTION}\ntitle: Benchmark\nwrite: [community, reporters]\nread: [community]\naccept: [clear, red]\n"
    )
    return {"config/exchange.yaml": "\n".join(lines) + "\n", "collections/feed.yaml": collection}


def working_groups(n: int) -> tuple[str, str]:
    """The two groups of the n-th member."""
    return GROUPS[n % len(GROUPS)], GROUPS[(n * 5 + 1) % len(GROUPS)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """One object version, as its bytes and as what intake reads off them. `ver` in microseconds."""

    id: str
    type: str
    ver: int
    ver_text: str
    raw: bytes
    said: Said
    refs: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Object:
    """What stays the same from version to version, but for now and then its TLP."""

    id: str
    type: str
    created: str
    said: Said
    ends: tuple[str, ...]
    left: int  # versions still to come


@dataclass(slots=True)
class _Publisher:
    name: str
    groups: tuple[str, str]
    deposits: int = 0
    recent: list[str] = field(default_factory=list)
    due: list[tuple[int, str, _Object]] = field(default_factory=list)  # a heap


class Stream:
    """Object versions without end, in batches of one publisher each. The same seed gives the same ones.

    `vocabulary`: for each publisher, word → marking id, as its `policy` collection has it.
    """

    def __init__(self, seed: str, vocabulary: Mapping[str, Mapping[str, str]]) -> None:
        self._random = random.Random(seed)
        self._vocabulary = vocabulary
        self._made = 0
        self._publishers = [_Publisher(name, working_groups(n)) for n, name in enumerate(PUBLISHERS)]
        self._weights = [1 / (n + 3) for n in range(len(PUBLISHERS))]

    def batches(self, count: int) -> Iterator[tuple[str, list[Made]]]:
        """(publisher, versions) with `count` versions in all, `sparse`'s thirty among them where there is room.

        A small sample comes in smaller batches, so that it has as many publishers, and nearly as many labels.
        """
        sparse = min(SPARSE_OBJECTS, count // 10)
        rest = count - sparse
        size = min(BATCH, -(-rest // ROUNDS))
        rounds = -(-rest // size)
        for n in range(rounds):
            share = sparse * (n + 1) // rounds - sparse * n // rounds
            if share:
                yield SPARSE, [self._fresh(_Publisher(SPARSE, working_groups(0))) for _ in range(share)]
            yield self.batch(min(size, rest - n * size))

    def batch(self, size: int = BATCH, publisher: str | None = None) -> tuple[str, list[Made]]:
        """The next versions of a publisher, by default of a random one."""
        who = self._random.choices(self._publishers, self._weights)[0]
        if publisher:
            who = next(p for p in self._publishers if p.name == publisher)
        return who.name, [self._next(who) for _ in range(size)]

    def _next(self, who: _Publisher) -> Made:
        who.deposits += 1
        if who.due and who.due[0][0] <= who.deposits:
            return self._revised(who, heapq.heappop(who.due)[2])
        return self._fresh(who)

    def _fresh(self, who: _Publisher) -> Made:
        kind = self._random.choice(_TYPES)
        ends: tuple[str, ...] = ()
        if len(who.recent) > 1 and self._random.random() < RELATIONSHIPS:
            kind, ends = "relationship", tuple(self._random.sample(who.recent, 2))
        left = self._random.randint(1, 4) if self._random.random() < REVISED else 0
        made = _Object(
            id=f"{kind}--{self._uuid()}", type=kind, created=stix.format_timestamp(START + self._made * STEP),
            said=self._said(who), ends=ends, left=left,
        )  # fmt: skip
        if not ends:
            who.recent.append(made.id)
            del who.recent[: -2 * MEMORY if len(who.recent) > 3 * MEMORY else 0]
        return self._version(who, made)

    def _revised(self, who: _Publisher, known: _Object) -> Made:
        said = known.said
        if self._random.random() < RELABELLED and not said.members:
            said = replace(said, tlp=self._random.choice(_TLP))
        return self._version(who, replace(known, said=said, left=known.left - 1))

    def _version(self, who: _Publisher, what: _Object) -> Made:
        ver = START + self._made * STEP
        self._made += 1
        if what.left:
            heapq.heappush(who.due, (who.deposits + self._random.randint(1, SOON), what.id, what))
        text = stix.format_timestamp(ver)
        said = {"object_marking_refs": refs} if (refs := self._markings(who.name, what.said)) else {}
        obj = {
            "type": what.type, "spec_version": "2.1", "id": what.id, "created": what.created, "modified": text,
            **self._content(what), **said,
        }  # fmt: skip
        return Made(
            id=what.id, type=what.type, ver=ver, ver_text=text, raw=orjson.dumps(obj), said=what.said,
            refs=frozenset(what.ends),
        )  # fmt: skip

    def _content(self, what: _Object) -> dict[str, object]:
        description = " ".join(self._random.sample(_SENTENCES, 4 if what.ends else 3))
        number = self._random.getrandbits(32)
        if what.ends:
            return {"relationship_type": "related-to", "description": description, "source_ref": what.ends[0],
                    "target_ref": what.ends[1]}  # fmt: skip
        named: dict[str, object] = {"name": f"Sample {number:08x}", "description": description}
        match what.type:
            case "indicator":
                address = f"198.51.{number >> 8 & 255}.{number & 255}"
                return named | {"pattern": f"[ipv4-addr:value = '{address}']", "pattern_type": "stix",
                                "valid_from": what.created, "indicator_types": ["malicious-activity"]}  # fmt: skip
            case "vulnerability":
                cve = {"source_name": "cve", "external_id": f"CVE-2024-{number % 90000 + 10000}"}
                return named | {"external_references": [cve]}
            case "malware":
                return named | {"is_family": False, "malware_types": ["trojan"]}
        return named

    def _said(self, who: _Publisher) -> Said:
        if who.name == SPARSE:
            return Said(tlp=Tlp.AMBER)
        if self._random.random() < NAMED:
            others = [name for name in (*PUBLISHERS, *READERS) if name != who.name]
            named = frozenset(self._random.sample(others, self._random.randint(1, 4)))
            return Said(tlp=self._random.choice((Tlp.AMBER, Tlp.RED)), members=named)
        tlp = self._random.choices(_TLP, _TLP_WEIGHTS)[0]
        groups = self._random.choices(((), who.groups[:1], who.groups), (65, 25, 10))[0]
        return Said(tlp=tlp, groups=frozenset(groups))

    def _markings(self, publisher: str, said: Said) -> list[str]:
        words = [f"group:{g}" for g in sorted(said.groups)] + [f"member:{m}" for m in sorted(said.members)]
        level = [_TLP_IDS[said.tlp]] if said.tlp else []
        return level + [self._vocabulary[publisher][word] for word in words]

    def _uuid(self) -> str:
        raw = f"{self._random.getrandbits(128):032x}"
        return f"{raw[:8]}-{raw[8:12]}-4{raw[13:16]}-9{raw[17:20]}-{raw[20:]}"


def envelope(objects: Sequence[Made]) -> bytes:
    """The TAXII envelope of these versions."""
    return b'{"objects":[' + b",".join(made.raw for made in objects) + b"]}"
