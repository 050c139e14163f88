"""Many files at once: each looked at before anything is sent, then those with findings pushed one after another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from exchange import clientfiles, clientpush
from exchange.client import Client, Defaults, Failed, Refused, Taken
from exchange.clientfiles import Content, Stix, Unreadable


@dataclass(slots=True)
class Gathered:
    """What files hold: STIX objects, and the files of findings by name. What standard input holds can be read once, so
    it is kept."""

    pieces: list[clientpush.Piece] = field(default_factory=list)
    stix: list[str] = field(default_factory=list)  # the files that the pieces are from
    findings: list[tuple[str, Content | None]] = field(default_factory=list)
    refused: list[clientpush.Refused] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault of one finding. `index` counts from 0 and is None where the file as a whole is at fault."""

    file: str
    index: int | None
    pointer: str
    reason: str


@dataclass(slots=True)
class Pushed:
    """What became of the files of findings."""

    taken: int = 0
    refused: int = 0
    faults: list[Fault] = field(default_factory=list)


def gather(names: Sequence[str]) -> Gathered:
    """Look at all files. `Trouble` if one cannot be opened; what is no JSON is refused by name, and keeps nothing else
    from being sent."""
    found = Gathered()
    for name in clientfiles.expand(names):
        try:
            with clientfiles.opened(name) as content:
                if isinstance(content, Stix):
                    _add_stix(found, name, content.text)
                else:
                    found.findings.append((name, content if name == "-" else None))
        except Unreadable as error:
            found.refused.append(clientpush.Refused(file=name, id="", reason=error.reason))
    return found


def _add_stix(found: Gathered, name: str, text: bytes) -> None:
    found.stix.append(name)
    for one in clientpush.read(name, text):
        if isinstance(one, clientpush.Piece):
            found.pieces.append(one)
        else:
            found.refused.append(one)


def push(
    client: Client, collection: str, files: Sequence[tuple[str, Content | None]], defaults: Defaults,
    dry_run: bool, each: Callable[[str, Taken | Failed], None],
) -> Pushed:  # fmt: skip
    """Push files of findings; one that is refused as a whole keeps none of the others from being taken."""
    found = Pushed()
    for name, content in files:

        def told(one: Taken | Failed, name: str = name) -> None:
            if isinstance(one, Failed):
                found.refused += 1
                found.faults += [Fault(file=name, index=one.index, pointer=fault.pointer, reason=fault.detail)
                                 for fault in one.errors]  # fmt: skip
            else:
                found.taken += 1
            each(name, one)

        try:
            if content is None:
                client.push_file(name, collection, defaults=defaults, dry_run=dry_run, each=told)
            else:
                client.push_content(content, collection, defaults=defaults, dry_run=dry_run, each=told)
        except Refused as error:
            found.refused += 1
            found.faults += [Fault(file=name, index=None, pointer=one.pointer, reason=one.detail)
                             for one in error.errors] or [
                Fault(file=name, index=None, pointer="", reason=str(error))]  # fmt: skip
    return found
