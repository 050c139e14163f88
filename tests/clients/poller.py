"""What every client of the table is here: a line to the server, a poll, and what it took in."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar

import requests

Obj = dict[str, Any]

MOST = 60  # requests in one poll; whoever asks more often goes round in circles
HISTORY_HOURS = 24  # how far back the first poll of a client with a first interval looks


class Hang(RuntimeError):
    """A poll that does not end."""


def now() -> datetime:
    """The client's own clock, in step with the server's."""
    return datetime.fromtimestamp(time.time(), tz=UTC)


def utc(moment: datetime, form: str = "%Y-%m-%dT%H:%M:%S.%fZ") -> str:
    return moment.strftime(form)


def milliseconds(text: str) -> str:
    """As JavaScript's toISOString prints it: cut to milliseconds."""
    moment = datetime.fromisoformat(text)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"


@dataclass(slots=True, kw_only=True)
class Line:
    """A client's way to the server. Each answer passes `heard`, where the story can hold the client up.

    `when_read` is called once, after the first page of objects that comes.
    """

    url: str
    key: str
    collection: str
    title: str
    root: str = "exchange"
    asked: int = 0
    hung: bool = False
    when_read: Callable[[], None] | None = None

    @property
    def discovery(self) -> str:
        return f"{self.url}/taxii2/"

    @property
    def api_root(self) -> str:
        return f"{self.url}/{self.root}/"

    @property
    def objects(self) -> str:
        return f"{self.api_root}collections/{self.collection}/objects/"

    def session(self) -> requests.Session:
        session = requests.Session()
        self.listen(session)
        return session

    def listen(self, session: requests.Session) -> None:
        """Hear every answer that comes by this session."""
        session.hooks["response"].append(lambda response, **_given: self.heard(response.url, response.status_code))

    def heard(self, url: str, status: int) -> None:
        """Raises `Hang` in a client that asks without end."""
        self.asked += 1
        if self.asked > MOST:
            self.hung = True
            raise Hang(f"more than {MOST} requests in one poll")
        if self.when_read is not None and "/objects" in url and status == 200:
            held, self.when_read = self.when_read, None
            held()


class Poller(ABC):
    """A client between two polls: what it keeps is in its fields.

    `types` is what it asks for by match[type], None where it cannot; `takes` what it picks from the answers, all
    types if empty.
    """

    types: tuple[str, ...] | None = None
    takes: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, line: Line) -> None:
        self.line = line
        self.taken: list[Obj] = []
        self.fault = ""

    def poll(self) -> list[Obj]:
        """What this poll took in, also where it then failed; `fault` says how. The next poll comes either way."""
        self.taken, self.fault, self.line.asked = [], "", 0
        try:
            self.ask()
        except Exception as error:  # a client's scheduler writes it into a log
            self.fault = f"{type(error).__name__}: {error}"
        return self.taken

    @abstractmethod
    def ask(self) -> None:
        """One run of the client, which gives what it takes in to `take`."""

    def take(self, objects: Iterable[Obj]) -> None:
        self.taken.extend(objects)

    def wants(self, obj: Obj) -> bool:
        wanted = self.types or self.takes
        return not wanted or obj["type"] in wanted
