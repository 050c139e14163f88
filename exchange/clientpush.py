"""Publishing files: taken apart, put in order, sent in requests that the server takes, and what became of each object.

What an object refers to goes first or along with it: a server that learns of the target later would take the
reference for one to somebody else's object, and leave it open (policy.md 3.4.9). Running it again is how it is
resumed: what is there already counts as a success.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from exchange import stix
from exchange.clientfiles import Unreadable, enveloped
from exchange.clientserver import Server, Trouble, content, refusal
from exchange.clienttarget import Target

REQUEST_BYTES = 4 << 20  # a server answers such a request within seconds, and the progress bar moves
POLLS = 600
_AROUND = len(b'{"objects":[]}')


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One object of a file: its bytes as they stand there, and what it refers to."""

    file: str
    id: str
    raw: bytes
    refs: frozenset[str]
    marks: frozenset[str]

    @property
    def is_bare_definition(self) -> bool:
        """A marking-definition that is marked by nothing: a server can read its audience off its users alone."""
        return self.id.startswith("marking-definition--") and not self.marks


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """One object that was not taken: where it came from, its id or an empty text, why."""

    file: str
    id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Of all files together. `notes` are the server's remarks on objects that it took: (id, remark)."""

    taken: int
    refused: tuple[Refused, ...]
    notes: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Previewed:
    """One object that would be taken: whom it would be for, the rules that narrow it, the server's remark."""

    file: str
    id: str
    version: str
    now: tuple[str, ...]
    rules: tuple[str, ...]
    note: str


# Reading files ----------------------------------------------------------------------------------------------------


def read(name: str, text: bytes) -> list[Piece | Refused]:
    """The objects of a text: a STIX bundle, a TAXII envelope, a list of objects, or one. `Unreadable` if it is none."""
    try:
        items = stix.read_envelope(enveloped(text), limited=False)
    except (stix.EnvelopeError, msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise Unreadable(name, f"holds no STIX: {error}") from error
    return [_piece(name, item) for item in items]


def _piece(file: str, item: stix.Item) -> Piece | Refused:
    obj = item.obj
    if obj is None:
        return Refused(file=file, id="", reason=item.fault.message if item.fault else "is no object")
    if not isinstance(obj.get("id"), str):
        return Refused(file=file, id="", reason="has no id: every STIX object has one, TYPE--UUID")
    marks = frozenset(stix.marking_refs(obj))
    return Piece(file=file, id=obj["id"], raw=item.raw, refs=frozenset(stix.references(obj)) | marks, marks=marks)


# Sending ----------------------------------------------------------------------------------------------------------


def batches(pieces: Sequence[Piece], limit: int) -> Iterator[list[Piece]]:
    """Requests of at most `limit` bytes, targets first, a circle of references or the versions of one id together.

    What must go together and is larger than `limit` is a request of its own, whatever the server says to it.
    """
    batch: list[Piece] = []
    size = _AROUND
    for group in _ordered(pieces):
        more = sum(len(piece.raw) + 1 for piece in group)
        if batch and size + more > limit:
            yield batch
            batch, size = [], _AROUND
        batch += group
        size += more
    if batch:
        yield batch


def _ordered(pieces: Sequence[Piece]) -> Iterator[list[Piece]]:
    by_id: dict[str, list[Piece]] = {}
    for piece in pieces:
        by_id.setdefault(piece.id, []).append(piece)
    import networkx  # a fifth of a second, which no other command should wait for

    graph: networkx.DiGraph[str] = networkx.DiGraph()
    graph.add_nodes_from(by_id)
    graph.add_edges_from((piece.id, ref) for piece in pieces for ref in sorted(piece.refs) if ref in by_id)
    # Tarjan's algorithm yields a component only after all that it points to.
    for component in networkx.strongly_connected_components(graph):
        yield [piece for uid in sorted(component) for piece in by_id[uid]]


def preview(
    server: Server, target: Target, pieces: Sequence[Piece], advance: Callable[[int], None]
) -> tuple[list[Previewed], list[Refused]]:
    """What `push` would come to, and who would read each object. Nothing is published.

    `Trouble` if the server cannot preview, or where a reference leads into another request: what would be there by
    then is not there now, and the server would tell of a wider audience than the object will have.
    """
    if not _can_preview(server, target):
        raise Trouble(f"{target.url}: this server cannot preview; without --dry-run it would publish")
    requests = list(batches(pieces, target.max_bytes))
    _refuse_to_cross(requests)
    _note_torn(server, list(batches(pieces, min(target.max_bytes, REQUEST_BYTES))))
    found: list[Previewed] = []
    refused: list[Refused] = []
    for batch in requests:
        status = content(server.post(f"{target.url}objects/?dry_run=true", _body(batch)))
        if status.get("x_dry_run") is not True:
            raise Trouble(f"{target.url}: took the objects for publication in spite of dry_run: look what is there now")
        files = {piece.id: piece.file for piece in batch}
        found += [_previewed(files, one) for one in _details(status, "successes")]
        refused += [_refused(files, one) for one in _details(status, "failures")]
        advance(len(batch))
    return found, refused


def _can_preview(server: Server, target: Target) -> bool:
    """Whether the server knows `dry_run`: one that does not would ignore it, and publish.

    Asked with an empty envelope, which publishes nothing anywhere, and a value that whoever knows the parameter
    refuses by its name.
    """
    answer = server.post(f"{target.url}objects/?dry_run=known", b'{"objects":[]}')
    if answer.status_code in (401, 403, 404):
        raise Trouble(refusal(answer))
    return answer.status_code == 400 and "dry_run takes true or false" in refusal(answer)


def _refuse_to_cross(requests: Sequence[Sequence[Piece]]) -> None:
    before: set[str] = set()
    for batch in requests:
        here = {piece.id for piece in batch}
        for piece in batch:
            if missing := sorted((piece.refs & before) - here):
                raise Trouble(
                    f"{piece.file}: {piece.id} refers to {missing[0]}, and both do not fit into one request: publish "
                    "what is referred to first, then preview the rest"
                )
        before |= here


def _previewed(files: Mapping[str, str], one: Mapping[str, Any]) -> Previewed:
    told = one.get("x_audience")
    audience: Mapping[str, Any] = told if isinstance(told, dict) else {}
    now, rules = ([str(word) for word in audience.get(name, ())] for name in ("now", "rules"))
    if isinstance(approved := audience.get("once_approved"), dict):
        rules += [
            f"once approved: for {', '.join(map(str, approved.get('now', ())))}.",
            *map(str, approved.get("rules", ())),
        ]
    return Previewed(
        file=files.get(one["id"], ""), id=one["id"], version=str(one.get("version", "")),
        now=tuple(now), rules=tuple(rules), note=str(one.get("message", "")),
    )  # fmt: skip


def push(server: Server, target: Target, pieces: Sequence[Piece], advance: Callable[[int], None]) -> Outcome:
    """Publish everything. `Trouble` if the server refuses a request as a whole; what was taken before stays."""
    refused: list[Refused] = []
    notes: list[tuple[str, str]] = []
    taken = 0
    requests = list(batches(pieces, min(target.max_bytes, REQUEST_BYTES)))
    _note_torn(server, requests)
    for batch in requests:
        status = _post(server, target, batch)
        taken += int(status.get("success_count", 0))
        files = {piece.id: piece.file for piece in batch}
        refused += [_refused(files, one) for one in _details(status, "failures")]
        notes += [(one["id"], one["message"]) for one in _details(status, "successes") if one.get("message")]
        advance(len(batch))
    return Outcome(taken=taken, refused=tuple(refused), notes=tuple(notes))


def _refused(files: Mapping[str, str], one: Mapping[str, str]) -> Refused:
    return Refused(file=files.get(one["id"], ""), id=one["id"], reason=one.get("message", "no reason given"))


def _note_torn(server: Server, requests: Sequence[Sequence[Piece]]) -> None:
    for uid in torn(requests):
        server.note(f"{uid}: has no marking, so those that use it say who reads it; not all of them fit in its request")


def torn(requests: Sequence[Sequence[Piece]]) -> Iterator[str]:
    """Definitions without a marking that are used in another request than their own (policy.md channel 8)."""
    uses = [frozenset[str]().union(*(piece.marks for piece in batch)) for batch in requests]
    times = Counter(uid for used in uses for uid in used)
    for used, batch in zip(uses, requests, strict=True):
        yield from (one.id for one in batch if one.is_bare_definition and times[one.id] > (one.id in used))


def _post(server: Server, target: Target, batch: Sequence[Piece]) -> dict[str, Any]:
    """The status of one request, once nothing in it is pending."""
    status = content(server.post(f"{target.url}objects/", _body(batch)))
    for _ in range(POLLS):
        if status.get("status") != "pending":
            return status
        server.wait(1)
        status = server.json(f"{target.root}status/{status.get('id')}/")
    raise Trouble(f"{target.url}: is still working on a request after {POLLS} s; run the same command again later")


def _body(batch: Sequence[Piece]) -> bytes:
    return b'{"objects":[' + b",".join(piece.raw for piece in batch) + b"]}"


def _details(status: dict[str, Any], name: str) -> list[dict[str, str]]:
    return [one for one in status.get(name, []) if isinstance(one, dict) and isinstance(one.get("id"), str)]
