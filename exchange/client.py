"""The client side's way to a server: find the collection, ask, wait and ask again, and say plainly what went wrong.

Works with any TAXII 2.1 server. Requests follow no redirect and carry the key to no other host than the one that the
person named: a key is worth more than a convenience.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One collection of one API root, as the server describes it to this key."""

    url: str  # of the collection, with `/` at its end
    root: str  # of its API root, likewise
    id: str
    title: str
    can_read: bool
    can_write: bool
    max_bytes: int  # of one POST


@dataclass(slots=True)
class Server:
    """A server and the key to it. `wait` sleeps for some seconds; `note` tells a person why it takes longer."""

    key: str = field(repr=False)
    wait: Callable[[float], None]
    note: Callable[[str], None]
    _session: requests.Session = field(default_factory=requests.Session, repr=False)

    def get(self, url: str, query: Mapping[str, str] | None = None) -> requests.Response:
        """The answer, whatever its status. `Trouble` if there is none after `TRIES` tries."""
        return self._ask("GET", url, query=query)

    def post(self, url: str, body: bytes) -> requests.Response:
        """The same; asked again it does no harm, because what is there already counts as a success."""
        return self._ask("POST", url, body=body)

    def json(self, url: str, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        """The JSON object of a 200. `Trouble` for anything else."""
        return content(self.get(url, query))

    def _ask(
        self, method: str, url: str, query: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> requests.Response:
        reason = ""
        for attempt in range(1, TRIES + 1):
            pause = float(2 ** (attempt - 1))
            try:
                answer = self._once(method, url, query, body)
            except _FLEETING as error:
                reason = f"{_origin(url)} cannot be reached: {_root_cause(error)}"
            else:
                if answer.status_code not in WORTH_A_RETRY:
                    return answer
                reason = f"{_origin(url)} answers {answer.status_code} {answer.reason}"
                pause = _asked_pause(answer, pause)
            if attempt < TRIES:
                self.note(f"{reason}; trying again in {pause:g} s")
                self.wait(pause)
        raise Trouble(f"{reason}; tried {TRIES} times. What was done so far is safe: run the same command again")

    def _once(self, method: str, url: str, query: Mapping[str, str] | None, body: bytes | None) -> requests.Response:
        headers = {"Accept": MEDIA_TYPE} | ({"Content-Type": MEDIA_TYPE} if body is not None else {})
        try:
            answer = self._session.request(
                method, url, params=query, data=body, headers=headers, timeout=_TIMEOUT,
                allow_redirects=False, auth=("key", self.key),
            )  # fmt: skip
        except requests.exceptions.SSLError as error:
            raise Trouble(
                f"{_origin(url)}: its certificate cannot be trusted: {_root_cause(error)}; "
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


def _asked_pause(answer: requests.Response, otherwise: float) -> float:
    """What Retry-After asks for in seconds; its other form, a date, would need the server's clock."""
    asked = answer.headers.get("Retry-After", "")
    return min(float(asked), LONGEST_WAIT) if asked.isascii() and asked.isdigit() else otherwise


def _root_cause(error: BaseException) -> str:
    """requests wraps urllib3 wraps the operating system: the innermost says what happened."""
    inner: BaseException | None = error
    while inner is not None:
        error = inner
        inner = error.__cause__ or error.__context__
    if isinstance(error, HTTPException):
        return "what answers there does not speak HTTP; is it https?"
    return str(getattr(error, "strerror", None) or error).strip()


def _origin(url: str) -> str:
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


# Finding the collection -------------------------------------------------------------------------------------------


def find(server: Server, url: str, wanted: str) -> Target:
    """The collection that a person means by its id, alias or title, under the URL of a server, its `/taxii2/`, or an
    API root. `Trouble` if it is not there for this key, or several are.
    """
    url = _checked(url)
    if _in_clear(url):
        server.note(f"{_origin(url)}: no TLS, so whoever is on the way can read the key")
    listed = [(root, one) for root in _api_roots(server, url) for one in _collections(server, root)]
    for key in ("id", "alias", "title"):
        found = [(root, one) for root, one in listed if str(one.get(key)).casefold() == wanted.casefold()]
        if len(found) > 1:
            ids = ", ".join(f"{root.url}collections/{one['id']}/" for root, one in found)
            raise Trouble(f'"{wanted}" is the {key} of several collections: {ids}; give the id and the API root')
        if found:
            return _target(*found[0])
    names = ", ".join(sorted(str(one.get("alias") or one.get("title")) for _, one in listed))
    raise Trouble(f'{url}: no collection "{wanted}" for this key; there are {names or "none"}')


@dataclass(frozen=True, slots=True, kw_only=True)
class _Root:
    url: str
    max_bytes: int


def _target(root: _Root, one: Mapping[str, Any]) -> Target:
    return Target(
        url=f"{root.url}collections/{one['id']}/", root=root.url, id=one["id"], title=str(one.get("title", "")),
        can_read=one.get("can_read") is True, can_write=one.get("can_write") is True, max_bytes=root.max_bytes,
    )  # fmt: skip


def _checked(url: str) -> str:
    """The URL with `/` at its end; `Trouble` if no server can be meant by it."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.query and not parts.fragment
    except ValueError:
        good = False
    if not good:
        raise Trouble(f'"{url}" is no URL of a server; write it like https://HOST/')
    return url.rstrip("/") + "/"


def _in_clear(url: str) -> bool:
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        near = ip_address(host).is_loopback
    except ValueError:
        near = host == "localhost"
    return parts.scheme == "http" and not near


def _api_roots(server: Server, url: str) -> Iterator[_Root]:
    """The API roots that a URL stands for: its own, or those that discovery lists (TAXII 2.1 sections 4.1, 4.2)."""
    answer = server.get(url) if urlsplit(url).path.strip("/") else None
    if answer is None or answer.status_code == 404:
        url, answer = urljoin(url, "taxii2/"), server.get(urljoin(url, "taxii2/"))
    found = content(answer)
    if "api_roots" not in found and "max_content_length" not in found:
        raise Trouble(f"{url}: is neither TAXII discovery nor an API root; give the server's URL, like https://HOST/")
    if "max_content_length" in found:
        yield _Root(url=url, max_bytes=_max_bytes(found))
        return
    roots = found["api_roots"]
    if not isinstance(roots, list) or not all(isinstance(one, str) for one in roots):
        raise Trouble(f"{url}: lists its API roots in a form that TAXII does not know")
    for listed in roots:
        root = urljoin(url, listed).rstrip("/") + "/"
        if _origin(root) != _origin(url):
            raise Trouble(f"{url}: says that its API root is {root}, another host; give that as --url if you trust it")
        yield _Root(url=root, max_bytes=_max_bytes(server.json(root)))


def _max_bytes(root: Mapping[str, Any]) -> int:
    """What a POST may be long; a megabyte where the server does not say it as TAXII has it (T-4.2-03)."""
    said = root.get("max_content_length")
    return said if isinstance(said, int) and said > 0 else 1 << 20


def _collections(server: Server, root: _Root) -> list[dict[str, Any]]:
    found = server.json(f"{root.url}collections/").get("collections", [])
    return [one for one in found if isinstance(one, dict) and isinstance(one.get("id"), str)]
