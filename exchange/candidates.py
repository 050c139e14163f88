"""The objects of one POST as intake looks at them, and what they say of one another. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from exchange import entries, schemes, stix
from exchange.schemes import Terms
from exchange.status import Result
from exchange.stix import Item, Parsed

NO_ID = "unidentified"  # in the place of an id that the object does not have (T-4.3-04)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An object without faults, with what intake reads off it.

    `words` say of it what markings of its publisher's vocabulary would, without being in it (``member:NAME``,
    ``release:NAME``). Those of one `group` are taken together or not at all; None: by itself.
    """

    index: int
    parsed: Parsed
    ver: int
    ver_text: str
    refs: frozenset[str]
    markings: frozenset[str]
    words: frozenset[str] = frozenset()
    group: int | None = None

    @classmethod
    def make(
        cls, index: int, item: Item, now: int, words: frozenset[str] = frozenset(), group: int | None = None
    ) -> Candidate | Result:
        """The candidate, or the refusal with every fault, each with its path and the mend."""
        found = stix.checked(item, now=now)
        if not isinstance(found, Parsed):
            return _refusal(item.obj, "; ".join(f"{f.path or '/'}: {f.message}" for f in found))
        ver, text = stix.version_of(found.obj)
        return cls(
            index=index, parsed=found, ver=ver, ver_text=text,
            refs=stix.references(found.obj), markings=stix.marking_refs(found.obj), words=words, group=group,
        )  # fmt: skip

    def result(self, *, ok: bool, message: str = "") -> Result:
        return Result(id=self.parsed.id, version=self.ver_text, ok=ok, message=message)


def _refusal(obj: Mapping[str, Any] | None, message: str) -> Result:
    """For an object that may have no id or version of its own."""
    said = obj or {}
    version = next((v for key in ("modified", "created") if isinstance(v := said.get(key), str)), stix.NO_VERSION)
    stix_id = said.get("id")
    return Result(id=stix_id if isinstance(stix_id, str) else NO_ID, version=version, ok=False, message=message)


@dataclass(frozen=True, slots=True)
class Envelope:
    """What the objects of one POST say of one another, worked out once: it holds for each chunk of them.

    `submission` is the number of the POST, None for a preview; `key` the id of the key that it came with. `ids` are
    those of the objects, `creators` whom they name as such. `anonymous`: it goes without its publisher's name;
    `mixed`: a part of it does (`crediting.survey`).
    """

    submission: int | None
    definitions: Mapping[str, Terms]  # what its own ones say, of those that are understood
    users: Mapping[str, Sequence[Candidate]]  # marking id → the objects that name it
    ids: frozenset[str] = frozenset()
    creators: frozenset[str] = frozenset()
    anonymous: bool = False
    mixed: bool = False
    key: str = ""

    @classmethod
    def of(cls, candidates: Sequence[Candidate], status_id: str | None = None, key: str = "") -> Envelope:
        users: dict[str, list[Candidate]] = defaultdict(list)
        for c in candidates:
            for marking in c.markings:
                users[marking].append(c)
        definitions = {c.parsed.id: c.parsed.obj for c in candidates if c.parsed.type == "marking-definition"}
        return cls(
            submission=entries.submission_of(status_id) if status_id else None,
            definitions=schemes.understood(definitions),
            users=users,
            ids=frozenset(c.parsed.id for c in candidates),
            creators=frozenset(c.parsed.obj["created_by_ref"] for c in candidates if "created_by_ref" in c.parsed.obj),
            key=key,
        )
