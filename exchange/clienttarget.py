"""Finding a TAXII collection as a person names it: by the server's URL, and by an id, an alias or a title."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

from exchange.clientserver import Server, Trouble, checked, content, origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One collection of one API root, as the server describes it to this key."""

    url: str  # of the collection, with `/` at its end
    root: str  # of its API root, likewise
    id: str
    name: str  # its alias, or its id where it has none
    title: str
    can_read: bool
    can_write: bool
    max_bytes: int  # of one POST


def find(server: Server, url: str, wanted: str) -> Target:
    """The collection that a person means by its id, alias or title, under the URL of a server, its `/taxii2/`, or an
    API root. `Trouble` if it is not there for this key, or several are.
    """
    url = checked(url)
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
        url=f"{root.url}collections/{one['id']}/", root=root.url, id=one["id"],
        name=str(one.get("alias") or one["id"]), title=str(one.get("title", "")),
        can_read=one.get("can_read") is True, can_write=one.get("can_write") is True, max_bytes=root.max_bytes,
    )  # fmt: skip


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
        if origin(root) != origin(url):
            raise Trouble(f"{url}: says that its API root is {root}, another host; give that as --url if you trust it")
        yield _Root(url=root, max_bytes=_max_bytes(server.json(root)))


def _max_bytes(root: Mapping[str, Any]) -> int:
    """What a POST may be long; a megabyte where the server does not say it as TAXII has it (T-4.2-03)."""
    said = root.get("max_content_length")
    return said if isinstance(said, int) and said > 0 else 1 << 20


def _collections(server: Server, root: _Root) -> list[dict[str, Any]]:
    found = server.json(f"{root.url}collections/").get("collections", [])
    return [one for one in found if isinstance(one, dict) and isinstance(one.get("id"), str)]
