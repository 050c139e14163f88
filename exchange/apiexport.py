"""`GET /api/v1/findings/ID?as=csaf|osv|openvex`: a finding in the format of others, for whoever may read it.

An export is made of STIX objects as a poll of the collection would bring them, and of nothing else: the finding, what
its publisher says of it, what others answered, and what these refer to. It is an answer that carries objects, so its
caller has to write the ledger's line (promise 9) before it is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson
from sqlalchemy import Connection

from exchange import answerrows, entries, feed, pages, stix
from exchange.feed import Item
from exchange.findings.exports import csaf, openvex, osv
from exchange.findings.exports.advisory import SUBJECTS, Publisher
from exchange.taxiierrors import TaxiiError
from exchange.taxiirights import Caller, Place

FORMATS: Final[Mapping[str, Callable[..., dict[str, Any]]]] = {
    "csaf": csaf.export, "openvex": openvex.export, "osv": osv.export,
}  # fmt: skip
RELATED = 1_000  # objects beside the finding that an export looks at, those that came first


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """The document, and what it was made of: deposits of one collection as its reader has them."""

    document: dict[str, Any]
    place: Place
    items: tuple[Item, ...]


def wanted(stated: list[str]) -> str | None:
    """The format that `as` asks for; None where nothing does. Raises `TaxiiError`."""
    if not stated:
        return None
    if len(stated) > 1 or stated[0] not in FORMATS:
        raise TaxiiError(400, f"as takes one of {', '.join(sorted(FORMATS))}.")
    return stated[0]


def export(
    conn: Connection, caller: Caller, places: Iterable[Place], stix_id: str, form: str, now: int, host: str
) -> Exported:  # fmt: skip
    """Of the newest version that the member reads anywhere. `host`: the exchange's URL. 404 where it reads none."""
    found = [(main, place) for place in places if (main := _main(conn, caller, place, stix_id))]
    if not found:
        raise TaxiiError(404)
    main, place = max(found, key=lambda one: stix.parse_timestamp(one[0].version))
    items = [main, *_related(conn, caller, place, main)]
    publisher = Publisher(name=caller.state.config.title, namespace=host)
    document = FORMATS[form](
        [orjson.loads(item.raw) for item in items], publisher=publisher, document_id=stix_id,
        now=f"{stix.format_timestamp(now)[:19]}Z",
    )  # fmt: skip
    return Exported(document=document, place=place, items=tuple(items))


def _main(conn: Connection, caller: Caller, place: Place, stix_id: str) -> Item | None:
    items = _read(conn, caller, place, [stix_id])
    return items[0] if items and items[0].type in SUBJECTS else None


def _related(conn: Connection, caller: Caller, place: Place, main: Item) -> list[Item]:
    """What refers to it, and what that refers to, as far as the member reads it here."""
    (version,) = entries.by_number(conn, [main.number])
    answered = [row.version for row in answerrows.to(conn, [version.object])[:RELATED]]
    about = entries.referrers(conn, version.publisher, [version.object])
    about |= {v.object for v in entries.by_number(conn, answered)}
    first = _read(conn, caller, place, entries.ids_of(conn, sorted(about)[:RELATED]).values())
    named = {ref for item in [main, *first] for ref in _named(orjson.loads(item.raw))}
    second = _read(conn, caller, place, sorted(named - {item.id for item in [main, *first]})[:RELATED])
    return [*first, *second]


def _named(obj: dict[str, Any]) -> frozenset[str]:
    author = obj.get("created_by_ref")
    return stix.references(obj) | ({author} if isinstance(author, str) else frozenset())


def _read(conn: Connection, caller: Caller, place: Place, ids: Iterable[str]) -> list[Item]:
    """The newest versions of these ids in the member's own view of the collection, in its order."""
    wanted_ids = tuple(ids)
    if not wanted_ids or place.number is None or not place.can_read:
        return []
    view = pages.View(member=caller.number, collection=place.number, filters=pages.Filters(ids=wanted_ids))
    found: list[Item] = []
    more = True
    while more:
        page = feed.objects(conn, view, after=found[-1].date_added if found else 0, limit=RELATED)
        found, more = [*found, *page.items], page.more
    return found
