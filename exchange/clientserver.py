"""The client side's way to a server: ask, wait and ask again, and say plainly what went wrong.

Works with any TAXII 2.1 server. Requests follow no redirect and carry the key to no other host than the one that the
person named, and over no network in the clear: a key is worth more than a convenience.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.client import HTTPException
from ipaddress import ip_address
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests

MEDIA_TYPE = "application/taxii+json;version=2.1"
TRIES = 6
WORTH_A_RETRY = frozenset({429, 502, 503, 504})
LONGEST_WAIT = 60.0  # seconds, whatever Retry-After says
_TIMEOUT = (10, 300)  # seconds to connect, and between two bytes
_FLEETING = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)


class Trouble(Exception):
    """What a person must know and can mend; one sentence."""


class Unavailable(Trouble):
    """No answer, or one that says later, after `TRIES` tries. Asking again does no harm.

    `retry_after`: what the server asked for last, in seconds, which may be longer than anybody waits here.
    """

    retry_after: float | None = None


Query = Mapping[str, str | list[str]]
Extra = Mapping[str, str]  # headers, which win over those of TAXII
_NONE: Extra = {}


@dataclass(slots=True)
class Server:
    """A server and the key to it. `wait` sleeps for some seconds; `note` tells a person why it takes longer."""

    key: str = field(repr=False)
    wait: Callable[[float], None]
    note: Callable[[str], None]
    _session: requests.Session = field(default_factory=requests.Session, repr=False)

    def get(self, url: str, query: Query | None = None, extra: Extra = _NONE) -> requests.Response:
        """The answer, whatever its status. `Unavailable` if there is none after `TRIES` tries."""
        return self._ask("GET", url, query=query, extra=extra)

    def post(self, url: str, body: bytes, extra: Extra = _NONE) -> requests.Response:
        """The same; asked again it does no harm, because what is there already counts as a success."""
        return self._ask("POST", url, body=body, extra=extra)

    def json(self, url: str, query: Query | None = None) -> dict[str, Any]:
        """The JSON object of a 200. `Trouble` for anything else."""
        return content(self.get(url, query))

    def _ask(
        self, method: str, url: str, query: Query | None = None, body: bytes | None = None, extra: Extra = _NONE
    ) -> requests.Response:
        reason, asked = "", None
        for attempt in range(1, TRIES + 1):
            pause = float(2 ** (attempt - 1))
            try:
                answer = self._once(method, url, query, body, extra)
            except _FLEETING as error:
                reason = f"{origin(url)} cannot be reached: {_root_cause(error)}"
            else:
                if answer.status_code not in WORTH_A_RETRY:
                    return answer
                reason = f"{origin(url)} answers {answer.status_code} {answer.reason}"
                asked = _asked_pause(answer)
                pause = pause if asked is None else min(asked, LONGEST_WAIT)
            if attempt < TRIES:
                self.note(f"{reason}; trying again in {pause:g} s")
                self.wait(pause)
        trouble = Unavailable(
            f"{reason}; tried {TRIES} times. What was done so far is safe: run the same command again"
        )
        trouble.retry_after = asked
        raise trouble

    def _once(self, method: str, url: str, query: Query | None, body: bytes | None, extra: Extra) -> requests.Response:
        headers = {"Accept": MEDIA_TYPE, **({"Content-Type": MEDIA_TYPE} if body is not None else {}), **extra}
        try:
            answer = self._session.request(
                method, url, params=query, data=body, headers=headers, timeout=_TIMEOUT,
                allow_redirects=False, auth=("key", self.key),
            )  # fmt: skip
        except requests.exceptions.SSLError as error:
            raise Trouble(
                f"{origin(url)}: its certificate cannot be trusted: {_root_cause(error)}; "
                "if you know it, name a file with it in REQUESTS_CA_BUNDLE"
            ) from error
        except _FLEETING:
            raise
        except (requests.RequestException, UnicodeError) as error:
            raise Trouble(f"{url}: cannot be asked: {_root_cause(error)}; give a URL like https://HOST/") from error
        if answer.is_redirect:
            there = urljoin(url, answer.headers["Location"])
            raise Trouble(f"{url}: redirects to {there}; if that is the right place, give it as --url")
        return answer


def _asked_pause(answer: requests.Response) -> float | None:
    """What Retry-After asks for in seconds; its other form, a date, would need the server's clock."""
    asked = answer.headers.get("Retry-After", "")
    return float(asked) if asked.isascii() and asked.isdigit() else None


def _root_cause(error: BaseException) -> str:
    """requests wraps urllib3 wraps the operating system: the innermost says what happened."""
    inner: BaseException | None = error
    while inner is not None:
        error = inner
        inner = error.__cause__ or error.__context__
    if isinstance(error, HTTPException):
        return "what answers there does not speak HTTP; is it https?"
    return str(getattr(error, "strerror", None) or error).strip()


def origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def content(answer: requests.Response) -> dict[str, Any]:
    """The JSON object of a 200 or 202; `Trouble` that says what the server says otherwise."""
    if answer.status_code not in (200, 202):
        raise Trouble(refusal(answer))
    try:
        found = answer.json()
    except requests.JSONDecodeError as error:
        raise Trouble(f"{answer.url}: answers, but not in JSON; is it a TAXII 2.1 server?") from error
    if not isinstance(found, dict):
        raise Trouble(f"{answer.url}: answers, but not in TAXII; is it a TAXII 2.1 server?")
    return found


def refusal(answer: requests.Response) -> str:
    """A status that is no success, as a sentence: a TAXII error object's own words where there are some."""
    if answer.status_code == 401:
        return f"{answer.url}: the key in EXCHANGE_KEY is not accepted: it is unknown, revoked or expired"
    try:
        said = answer.json()
    except requests.JSONDecodeError:
        said = None
    words = [said[key] for key in ("title", "description") if isinstance(said.get(key), str)] if isinstance(
        said, dict) else []  # fmt: skip
    return f"{answer.url}: {answer.status_code} {': '.join(words) or answer.reason}"


def checked(url: str) -> str:
    """The URL with `/` at its end; `Trouble` if no server can be meant by it, or the key would travel in the clear."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.query and not parts.fragment
    except ValueError:
        good = False
    if not good:
        raise Trouble(f'"{url}" is no URL of a server; write it like https://HOST/')
    if _in_clear(url):
        raise Trouble(f"{origin(url)}: no TLS, so whoever is on the way could read the key; use https")
    return url.rstrip("/") + "/"


def _in_clear(url: str) -> bool:
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        near = ip_address(host).is_loopback
    except ValueError:
        near = host == "localhost"
    return parts.scheme == "http" and not near
