"""An exchange behind its web application, made twice alike, and what members do to one or to both.

Both copies have the same secrets, keys, ids and clocks. Every request begins at an instant of its own, and what an
exchange waits within one is forgotten afterwards: waiting is outside promise 2, and so is a time that others' runs of
the same milliseconds moved.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from flask import Flask

from exchange import app, audit, credentials, inforce, store, withdrawing
from exchange.app import Exchange
from exchange.following import Follower
from exchange.notices import Notifier
from exchange.release import Releaser, Steady
from exchange.sequencer import Clock
from tests.property import world as w

MEDIA_TYPE = "application/taxii+json;version=2.1"
MALLORY = "identity--00000000-0000-4000-8000-00000000000a"
TURN = 20 * w.MILLISECOND
PLACES = {name: w.uid(number) for number, name in enumerate(("open", "drop", "closed", "notice", "post", "named"))}
# name → (member, scope, collections, client profile, expired)
KEYS: Mapping[str, tuple[str, tuple[str, ...], list[str] | None, str | None, bool]] = {
    **{name: (name, ("read", "write"), None, None, False) for name in ("alice", "bob", "mallory", "mia")},
    "reads": ("mia", ("read",), None, None, False),
    "writes": ("mia", ("write",), None, None, False),
    "here": ("mia", ("read", "write"), [PLACES["open"]], None, False),
    "elastic": ("mia", ("read",), None, "elastic", False),
    "opencti": ("mia", ("read",), None, "opencti-connector", False),
    "expired": ("mia", ("read",), None, None, True),
}


@dataclass(frozen=True, slots=True)
class Rights:
    """What of the config changes: mia's groups, and who reads `open`."""

    mia: frozenset[str]
    read: str

    def files(self) -> dict[str, str]:
        members: dict[str, dict[str, Any]] = {
            "alice": {"name": "Alice", "in": ["g1", "g2"]},
            "bob": {"name": "Bob", "in": ["g2"]},
            "mia": {"name": "Mia", "in": sorted(self.mia)},
            "mallory": {"name": "Mallory", "identity": MALLORY, "in": ["g2"]},
        }
        wide: dict[str, Any] = {"write": "everyone", "accept": ["clear", "red"], "unmarked": "amber"}
        rules: dict[str, dict[str, Any]] = {
            "open": {**wide, "read": "everyone" if self.read == "everyone" else [self.read]},
            "drop": {**wide, "read": ["g2"], "own": "hidden"},
            "closed": {**wide, "read": ["g2"], "write": ["g2"]},
            "notice": {**wide, "read": "everyone", "write": ["g2"]},
            "post": {**wide, "read": ["g2"]},
            "named": {**wide, "read": "everyone", "accept": ["red", "red"], "unmarked": "red", "audience": "named"},
        }
        made = w.home({"g1": "One", "g2": "Two"}, members, {n: {"id": PLACES[n], **r} for n, r in rules.items()})
        later = [{"at": "0d", "to": "named"}, {"at": "2026-06-01T00:00:01Z", "to": "g2"}]
        main = {**json.loads(made["config/exchange.yaml"]), "max-body": "64 KiB", "releases": {"later": later}}
        return made | {"config/exchange.yaml": json.dumps(main)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A request: by whose key (None for none), with which headers beside the usual ones."""

    path: str
    query: str = ""
    method: str = "GET"
    key: str | None = "mia"
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Answer:
    """All that comes back but `Date`, which the server adds."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def json(self) -> Any:
        packed = ("Content-Encoding", "gzip") in self.headers
        return json.loads(gzip.decompress(self.body) if packed else self.body)


@dataclass(slots=True, kw_only=True)
class Site:
    """One of the two. Every request takes a turn, which gives it its instant and its fresh ids."""

    exchange: Exchange
    machine: w.Machine
    texts: Mapping[str, str]
    words: Mapping[str, Mapping[str, str]]
    turn: int = 0
    given: int = 0
    application: Flask = field(init=False)

    def __post_init__(self) -> None:
        self.application = app.create_app(replace(self.exchange, clock=self.clock, new_id=self._new_id))

    @property
    def clock(self) -> Clock:
        return self.exchange.clock

    def _new_id(self) -> str:
        self.given += 1
        return fresh_id(self.turn, self.given)

    def take(self, turn: int) -> None:
        """Come to the instant of a turn, wherever the one before ended."""
        assert self.machine.elapsed <= turn * TURN, "what was waited is longer than a turn"
        self.turn, self.given = turn, 0
        self.machine.host, self.machine.elapsed = w.START + turn * TURN, turn * TURN

    def ask(self, ask: Ask) -> Answer:
        headers = {"Accept": MEDIA_TYPE, **({"Content-Type": MEDIA_TYPE} if ask.method == "POST" else {})}
        if ask.key is not None:
            headers["Authorization"] = f"Bearer {self.texts.get(ask.key, ask.key)}"
        got = self.application.test_client().open(
            ask.path, method=ask.method, query_string=ask.query, headers=headers | dict(ask.headers), data=ask.body
        )
        return Answer(got.status_code, tuple(sorted(got.headers.items())), got.data)

    def apply(self, rights: Rights) -> None:
        with store.writing(self.exchange.engine) as conn:
            inforce.apply(conn, rights.files(), self.clock)

    def release(self) -> None:
        """A round of the worker that holds the release lock."""
        machine = self.machine
        steady = Steady(seen=lambda: machine.host, elapsed=lambda: machine.elapsed)
        Releaser(engine=self.exchange.engine, clock=self.clock, steady=steady).round()

    def withdraw(self, stix_id: str) -> None:
        """`exchange withdraw`, and the round that tells who has it."""
        engine = self.exchange.engine
        assert withdrawing.withdraw(engine, self.clock, withdrawing.by_ids([stix_id]), "error")
        Follower(engine=engine, clock=self.clock).round()
        Notifier(engine=engine, ledger=self.exchange.ledger, clock=self.clock).round()

    def close(self) -> list[str]:
        """What the audit says at the end."""
        with store.reading(self.exchange.engine) as conn:
            state = inforce.current(conn)
            assert state
            found = audit.audit(conn, state.readers)
        self.exchange.close()
        return found


def fresh_id(turn: int, given: int = 1) -> str:
    return str(uuid.UUID(int=(turn << 16) + given, version=4))


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A home that has its config and its keys; sites are copies of it."""

    folder: Path
    start: Rights
    texts: Mapping[str, str]
    words: Mapping[str, Mapping[str, str]]

    @classmethod
    def make(cls, folder: Path, start: Rights) -> Template:
        home = folder / "template"
        (home / "data").mkdir(parents=True)
        exchange, _ = _opened(home)
        with store.writing(exchange.engine) as conn:
            state = inforce.apply(conn, start.files(), exchange.clock).after
            texts = {}
            for name, (member, scope, collections, client, expired) in KEYS.items():
                texts[name] = credentials.new(
                    conn, member=state.numbers[member], scope=scope, collections=collections, client=client,
                    now=w.START - 1, expires=w.START if expired else None, token=_token(name),
                )  # fmt: skip
        with store.reading(exchange.engine) as conn:
            words = {name: {word: i for i, word in inforce.words(conn, state, name).items()} for name in state.numbers}
        exchange.close()
        return cls(folder=folder, start=start, texts=texts, words=words)

    def site(self, name: str) -> Site:
        home = self.folder / name
        shutil.copytree(self.folder / "template", home)
        exchange, machine = _opened(home)
        return Site(exchange=exchange, machine=machine, texts=self.texts, words=self.words)

    def drop(self, name: str) -> None:
        shutil.rmtree(self.folder / name)


def _opened(home: Path) -> tuple[Exchange, w.Machine]:
    machine = w.Machine()
    clock = Clock(host=lambda: machine.host, elapsed=lambda: machine.elapsed, wait=machine.tick)
    return replace(app.open_exchange(home, f"sqlite:///{home}/data/exchange.db"), clock=clock), machine


def _token(name: str) -> Callable[[int], bytes]:
    return lambda count: hashlib.shake_256(name.encode()).digest(count)


# What members do ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Post:
    """`to` are words, or a TLP level. A note refers to the object whose number it has, and to `refs`."""

    by: str
    place: str
    kind: str
    n: int
    version: int
    to: tuple[str, ...]
    refs: tuple[int, ...] = ()
    creator: str | None = None


@dataclass(frozen=True, slots=True)
class Delete:
    by: str
    place: str
    kind: str
    n: int
    newest: bool = False


@dataclass(frozen=True, slots=True)
class Poll:
    """A look at a page or, with `body`, a POST that is refused."""

    by: str
    place: str
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Together:
    """One envelope of one publisher's; what is `beside` the first is in it only where hidden things are done."""

    first: Post
    beside: Post
    last: Post


Step = Post | Delete | Poll | Together | Rights


def do(site: Site, step: Step, *, hidden: bool) -> Answer | None:
    """What the one who did it was told; None for a change of the config. `hidden`: here hidden things are done."""
    if isinstance(step, Rights):
        site.apply(step)
        return None
    if isinstance(step, Together):
        posts = [step.first, *([step.beside] if hidden else []), step.last]
        return _post(site, step.first, posts)
    if isinstance(step, Post):
        return _post(site, step, [step])
    path = f"/exchange/collections/{PLACES[step.place]}/objects/"
    if isinstance(step, Delete):
        query = "match[version]=last" if step.newest else ""
        return site.ask(Ask(path=f"{path}{object_id(step.kind, step.n)}/", query=query, method="DELETE", key=step.by))
    return site.ask(Ask(path=path, method="POST" if step.body else "GET", key=step.by, body=step.body))


def _post(site: Site, where: Post, posts: Sequence[Post]) -> Answer:
    path = f"/exchange/collections/{PLACES[where.place]}/objects/"
    body = envelope(*(_made(post, site.words[post.by]) for post in posts))
    return site.ask(Ask(path=path, method="POST", key=where.by, body=body))


def _made(post: Post, words: Mapping[str, str]) -> dict[str, Any]:
    marks = [w.TLP.get(word) or words[word] for word in post.to if word in w.TLP or word in words]
    more = {"created_by_ref": post.creator} if post.creator else {}
    text = f"{post.by} {post.kind} {post.n} {post.version} {post.to}"
    if post.kind == "campaign":
        return w.campaign(post.n, post.version, text=text, marks=marks, **more)
    refs = [w.campaign_id(n) for n in dict.fromkeys((post.n, *post.refs))]
    return w.note(post.n, refs, post.version, text=text, marks=marks, **more)


def envelope(*objects: Mapping[str, Any]) -> bytes:
    return json.dumps({"objects": objects}).encode()


def object_id(kind: str, n: int) -> str:
    return w.note_id(n) if kind == "note" else w.campaign_id(n)
