"""Query parameters: read once, at the door, into a frozen value (TAXII 2.1 section 3.4).

Each endpoint knows some parameters and ignores all others (T-3.4-14, T-3.4-28). One that it knows and cannot read is
a 400 that names the parameter and the mend.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from werkzeug.datastructures import MultiDict

from exchange import stix
from exchange.cursor import Cursor, Cursors, NotACursor
from exchange.pages import Filters
from exchange.taxiierrors import TaxiiError

DEFAULT_LIMIT = 1_000
MAX_LIMIT = 10_000

ID, TYPE, VERSION, SPEC = "match[id]", "match[type]", "match[version]", "match[spec_version]"
_PAGING = frozenset({"added_after", "limit", "next"})
PAGE = _PAGING | {ID, TYPE, VERSION, SPEC}  # objects, manifest
OBJECT = _PAGING | {VERSION, SPEC}
VERSIONS = _PAGING | {SPEC}
DELETE = frozenset({VERSION, SPEC})
DRY_RUN = "dry_run"

_ITEM = re.compile(r"[^\s,\x00-\x1f\x7f]+")
_SPEC = re.compile(r"[0-9]+\.[0-9]+", re.ASCII)
_LIMIT = re.compile(r"[0-9]{1,4000}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What a request asks for. Times in microseconds of the member's own time.

    `after` is where to go on, from `next` or `added_after`; `said` the match fields as text, for the next `next`;
    `nothing`: no stored object can match, because none but STIX 2.1 ones are stored. `dry_run`: a POST that is to be
    judged and not taken.
    """

    after: int = 0
    added_after: int | None = None
    limit: int = DEFAULT_LIMIT
    said: Mapping[str, str]
    filters: Filters
    nothing: bool = False
    dry_run: bool = False


def read(
    args: MultiDict[str, str], known: frozenset[str], cursors: Cursors, holder: str, *, date_wins: bool = False
) -> Query:
    """The query of a request to an endpoint that knows these parameters. Raises `TaxiiError` 400.

    `next` of another member or collection counts as absent; the request's own match fields and an `added_after`
    other than the query's that it came from win over it (clients.md rule 4); that one too with `date_wins`.
    """
    given = _given(args, known)
    added_after = _added_after(given)
    cursor = _cursor(given.pop("next", ""), cursors, holder)
    own = {name: text for name, text in given.items() if name.startswith("match")}
    said, after = own, max(added_after or 0, 0)
    if cursor is not None:
        said = {name: text for name, text in cursor.said.items() if name in known} | own
        if added_after is None or (added_after == cursor.added_after and not date_wins):
            added_after, after = cursor.added_after, cursor.after
    return Query(
        after=after,
        added_after=added_after,
        limit=_limit(given),
        said=said,
        filters=_filters(said, every=VERSION not in known),
        nothing=SPEC in said and "2.1" not in _spec_versions(said[SPEC]),
    )


def read_delete(args: MultiDict[str, str]) -> Query:
    """Which versions a DELETE names: all of them where it says nothing (policy.md 3.8). Raises `TaxiiError` 400.

    An empty parameter is refused here: what names nothing must not mean everything.
    """
    for name in DELETE:
        if args.get(name) == "":
            raise _bad(name, "is empty: leave it out to delete every version")
    said = _given(args, DELETE)
    return Query(
        said=said,
        filters=_filters(said, every=VERSION not in said),
        nothing=SPEC in said and "2.1" not in _spec_versions(said[SPEC]),
    )


def read_post(args: MultiDict[str, str]) -> Query:
    """Whether a POST is a dry run. Raises `TaxiiError` 400.

    Anything but `true` and `false` is refused, an empty one too: a preview that was misspelt must not publish.
    """
    if args.getlist(DRY_RUN) == [""]:
        raise _bad(DRY_RUN, "is empty: send true for a preview, leave it out to publish")
    said = _given(args, frozenset({DRY_RUN}))
    if said.get(DRY_RUN, "false") not in ("true", "false"):
        raise _bad(DRY_RUN, "takes true or false: send true for a preview, leave it out to publish")
    return Query(said=said, filters=Filters(), dry_run=said.get(DRY_RUN) == "true")


def _bad(name: str, mend: str) -> TaxiiError:
    return TaxiiError(400, f"The parameter {name} {mend}.")


def _given(args: MultiDict[str, str], known: frozenset[str]) -> dict[str, str]:
    """Each known parameter once (T-3.4-04, T-3.4-13); empty ones are absent (rule 12), but for `limit` (T-3.4-07)."""
    found = {}
    for name in sorted(known):
        values = args.getlist(name)
        if len(values) > 1:
            raise _bad(name, "occurs twice: send it once, with its values joined by commas")
        if values and (values[0] or name == "limit"):
            found[name] = values[0]
    return found


def _added_after(given: Mapping[str, str]) -> int | None:
    if "added_after" not in given:
        return None
    try:
        return stix.parse_query_timestamp(given["added_after"])
    except ValueError as error:
        raise _bad("added_after", "is not one timestamp like 2026-01-05T10:00:00.000000Z") from error


def _cursor(text: str, cursors: Cursors, holder: str) -> Cursor | None:
    if text in ("", "None"):  # cc-taxii2-client says `None` where it has none
        return None
    try:
        return cursors.read(holder, text)
    except NotACursor as error:
        raise _bad("next", "is none that this server gave: leave it out to begin again") from error


def _limit(given: Mapping[str, str]) -> int:
    if "limit" not in given:
        return DEFAULT_LIMIT
    if not _LIMIT.fullmatch(given["limit"]) or not int(given["limit"]):
        raise _bad("limit", "is not a whole number above 0")
    return min(int(given["limit"]), MAX_LIMIT)


def _items(name: str, text: str) -> tuple[str, ...]:
    """The values of a match field (T-3.4-12)."""
    items = text.split(",")
    if not all(_ITEM.fullmatch(item) for item in items):
        raise _bad(name, "has an empty value, or one with a blank: join values by a comma alone")
    return tuple(items)


def _filters(said: Mapping[str, str], *, every: bool) -> Filters:
    types = _items(TYPE, said[TYPE]) if TYPE in said else ()
    ids = _items(ID, said[ID]) if ID in said else ()
    if VERSION not in said:
        return Filters(types=types, ids=ids, every=every)
    words = _items(VERSION, said[VERSION])
    exact = tuple(_instant(word) for word in words if word not in ("first", "last", "all"))
    if len({*words}) < len(words) or len({*exact}) < len(exact):
        raise _bad(VERSION, "names a version twice: name it once")  # T-3.4-24
    if "all" in words and len(words) > 1:
        raise _bad(VERSION, "has `all` beside another value: use it alone")  # T-3.4-21
    return Filters(
        types=types, ids=ids, every="all" in words, first="first" in words, last="last" in words, exact=exact
    )


def _instant(word: str) -> int:
    """Versions are compared as instants (T-3.4-22)."""
    try:
        return stix.parse_timestamp(word)
    except ValueError as error:
        raise _bad(VERSION, "takes first, last, all, and timestamps like 2016-01-01T01:01:01.000Z") from error


def _spec_versions(text: str) -> tuple[str, ...]:
    items = _items(SPEC, text)
    if not all(_SPEC.fullmatch(item) for item in items):
        raise _bad(SPEC, "takes versions of STIX like 2.1")
    return items
