"""Page queries, for both databases: one member's rows of one collection after an instant.

Their shape is what makes a page cost O(page + labels): the labels that a member reads drive, and
each one's rows are walked in order by the log's key. SQLite does that with a CROSS JOIN, which pins the order of loops,
and leaves each loop as soon as it holds enough smaller rows; PostgreSQL needs the bound spelled out. A member with a
row in its own lane never uses the common row of that entry.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, TextClause, bindparam, text

# Whether the member uses this row: not the common one where it has one of its own at the same instant.
_MINE = """NOT ({row}.lane = 0 AND {row}.apart AND EXISTS (
        SELECT 1 FROM log o WHERE o.collection = :c AND o.lane = :m AND o.lane <> 0 AND o.at = {row}.at
         LIMIT 1 OFFSET 0))"""  # the offset keeps PostgreSQL from hashing the member's whole inbox for one page

# Whether the member reads another version of the same object, newer or older.
_OTHER = (
    """EXISTS (
        SELECT 1 FROM log x CROSS JOIN reach rx
         WHERE rx.member = :m AND rx.collection = :c AND rx.label = x.label AND x.collection = :c
           AND x.object = l.object AND x.publisher = l.publisher AND x.ver {sign} l.ver
           AND """
    + _MINE.format(row="x")
    + ")"
)

_LAST = "(NOT l.superseded AND NOT " + _OTHER.format(sign=">") + ")"
_FIRST = "(NOT " + _OTHER.format(sign="<") + ")"

_MINE_L = _MINE.format(row="l")
_COLUMNS = "l.at, l.label, l.n, l.version"

# The first candidates by cheap conditions alone, each then judged: what takes a look-up a row is asked of no more rows
# than the page may hold, and no label is walked further than they reach.
_LOG = {
    "sqlite": """
    SELECT {columns}, CASE WHEN {judged} THEN 1 ELSE 0 END AS kept FROM (
        SELECT e.* FROM reach r CROSS JOIN log e
         WHERE r.member = :m AND r.collection = :c AND r.g <= :g
           AND e.label = r.label AND e.at > :after AND e.at <= :upto
           AND {quick}
         ORDER BY e.at LIMIT :limit) l""",
    "postgresql": """
    WITH f AS MATERIALIZED (
        SELECT r.label, e.at FROM reach r CROSS JOIN LATERAL (
            SELECT e.at FROM log e WHERE e.label = r.label AND e.at > :after AND e.at <= :upto
               AND {quick} ORDER BY e.at LIMIT 1) e
         WHERE r.member = :m AND r.collection = :c AND r.g <= :g),
    b AS MATERIALIZED (
        SELECT CASE WHEN count(*) < :limit THEN :upto ELSE max(at) END AS bound
          FROM (SELECT at FROM f ORDER BY at LIMIT :limit) q)
    SELECT {columns}, CASE WHEN {judged} THEN 1 ELSE 0 END AS kept FROM (
        SELECT e.* FROM f CROSS JOIN LATERAL (
            SELECT e.* FROM log e
             WHERE e.label = f.label AND e.at >= f.at AND e.at <= (SELECT bound FROM b)
               AND {quick} ORDER BY e.at LIMIT :limit) e
         WHERE f.at <= (SELECT bound FROM b) ORDER BY e.at LIMIT :limit) l""",
}

_RUNS = """
    SELECT DISTINCT r.base, r.upto FROM reach r
     WHERE r.member = :m AND r.collection = :c AND r.g = :g AND r.base + r.upto > :after
     ORDER BY r.base"""

_RUN = {
    "sqlite": """
    SELECT {columns} FROM reach r CROSS JOIN log l
     WHERE r.member = :m AND r.collection = :c AND r.g = :g AND r.base = :base
       AND l.label = r.label AND l.n > :after - :base AND l.n <= :upto
       AND {where}
     ORDER BY l.n LIMIT :limit""",
    "postgresql": """
    SELECT {columns} FROM reach r CROSS JOIN LATERAL (
        SELECT {columns} FROM log l
         WHERE l.label = r.label AND l.n > :after - :base AND l.n <= :upto
           AND {where} ORDER BY l.n LIMIT :limit) l
     WHERE r.member = :m AND r.collection = :c AND r.g = :g AND r.base = :base
     ORDER BY l.n LIMIT :limit""",
}

_OBJECTS = """
    SELECT l.at, l.n, l.version, r.g, r.base, r.upto FROM log l CROSS JOIN reach r
     WHERE l.collection = :c AND l.object IN (SELECT number FROM object WHERE id IN :ids)
       AND r.member = :m AND r.collection = :c AND r.label = l.label
       AND {where}"""

_BODIES = """
    SELECT v.number, o.id, o.type, v.ver_text, b.json FROM version v
      JOIN object o ON o.number = v.object JOIN body b ON b.number = v.body
     WHERE v.number {listed}"""

_HEADS = """
    SELECT v.number, o.id, o.type, v.ver_text FROM version v JOIN object o ON o.number = v.object
     WHERE v.number {listed}"""

# A list in one bound value: the statement stays the same whatever its length.
_LISTED = {"sqlite": "IN (SELECT value FROM json_each(:versions))", "postgresql": "= ANY(:versions)"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What a query may narrow by, beyond the view: TAXII 2.1 section 3.4. `first` … `exact` are joined by OR."""

    types: tuple[str, ...] = ()
    first: bool = False
    last: bool = True
    every: bool = False
    exact: tuple[int, ...] = ()
    ids: tuple[str, ...] = ()

    def quick(self) -> str:
        """What of the condition the row itself, or one key, decides; bound as `types` and `exact`."""
        parts = []
        if self.types:
            parts.append("EXISTS (SELECT 1 FROM object q WHERE q.number = {row}.object AND q.type IN :types)")
        if not self.every and self.last and not self.first and not self.exact:
            parts.append("NOT {row}.superseded")  # word for word, so that the partial index serves
        return " AND ".join(parts) or "1 = 1"

    def judged(self) -> str:
        """The rest of the condition: it looks at other rows of the log."""
        parts = [_MINE_L]
        if not self.every:
            ways = [_LAST] * self.last + [_FIRST] * self.first + ["l.ver IN :exact"] * bool(self.exact)
            parts.append("(" + " OR ".join(ways) + ")")
        return " AND ".join(parts)

    def values(self) -> dict[str, Any]:
        bound: dict[str, Any] = {}
        if self.types:
            bound["types"] = self.types
        if self.exact and not self.every:
            bound["exact"] = self.exact
        return bound


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One member in one collection, with what its query narrows by."""

    member: int
    collection: int
    filters: Filters = field(default_factory=Filters)

    def values(self, **more: Any) -> dict[str, Any]:
        return {"m": self.member, "c": self.collection, **self.filters.values(), **more}


def statement(template: str | Mapping[str, str], dialect: str, filters: Filters) -> TextClause:
    """The SQL text of a page query; lists are expanded."""
    sql = template if isinstance(template, str) else template[dialect]
    return _statement(sql, filters.quick(), filters.judged())


@lru_cache(maxsize=256)
def _statement(sql: str, quick: str, judged: str) -> TextClause:
    # Built once: a poll that finds nothing costs little more than building its statement would.
    where = f"{quick.format(row='l')} AND {judged}"
    clause = text(sql.format(columns=_COLUMNS, quick=quick.format(row="e"), judged=judged, where=where))
    names = {"types", "exact", "ids"} & set(clause._bindparams)
    return clause.bindparams(*(bindparam(name, expanding=True) for name in sorted(names)))


class Stretch(NamedTuple):
    """Rows (at, label, n, version) of the log, in order, and the instant up to which they are complete."""

    rows: Sequence[Any]
    bound: int


def log_page(conn: Connection, view: View, *, g: int, after: int, upto: int, limit: int) -> Stretch:
    """What counts of the first `limit` candidates between two instants, of labels that came with grant `g` or before.

    A bound before `upto`: there may be more after it. `limit` is three or more: a member has at most two rows at an
    instant, and the last instant of a full answer is left to the next. Cost: O(limit + labels) by the log's key,
    whatever the collection's size.
    """
    sql = statement(_LOG, conn.dialect.name, view.filters)
    found = conn.execute(sql, view.values(g=g, after=after, upto=upto, limit=limit)).all()
    found = sorted(found, key=lambda row: row.at)  # a query around an ordered one promises no order
    bound = found[-1].at - 1 if len(found) == limit else upto
    return Stretch([row for row in found if row.kept and row.at <= bound], bound)


def grant_runs(conn: Connection, view: View, *, g: int, after: int) -> Sequence[Any]:
    """(base, upto) of the runs of a grant beyond a place in its block. Cost: O(labels) by reach_by_grant."""
    return conn.execute(_GRANT_RUNS, {"m": view.member, "c": view.collection, "g": g, "after": after}).all()


def run_page(conn: Connection, view: View, *, g: int, base: int, upto: int, after: int, limit: int) -> Sequence[Any]:
    """Rows (at, label, n, version) of one run of a grant; each stands at base + n in its block.

    Cost: O(limit) by log_by_n.
    """
    sql = statement(_RUN, conn.dialect.name, view.filters)
    return conn.execute(sql, view.values(g=g, base=base, upto=upto, after=after, limit=limit)).all()


def object_rows(conn: Connection, view: View) -> Sequence[Any]:
    """Rows (at, n, version, g, base, upto) of the objects in `filters.ids`. Cost: O(their rows) by log_by_object."""
    sql = statement(_OBJECTS, conn.dialect.name, view.filters)
    return conn.execute(sql, view.values(ids=view.filters.ids)).all()


_GRANT_RUNS = text(_RUNS)
_BY_VERSIONS = {
    (sql, dialect): text(sql.format(listed=listed)) for sql in (_BODIES, _HEADS) for dialect, listed in _LISTED.items()
}


def _by_versions(conn: Connection, sql: str, versions: Sequence[int]) -> dict[int, Any]:
    if not versions:
        return {}
    dialect = conn.dialect.name
    bound = json.dumps(versions) if dialect == "sqlite" else list(versions)
    return {row.number: row for row in conn.execute(_BY_VERSIONS[sql, dialect], {"versions": bound})}


def bodies(conn: Connection, versions: Sequence[int]) -> dict[int, Any]:
    """version → (number, id, type, ver_text, json). Cost: O(versions) by their keys."""
    return _by_versions(conn, _BODIES, versions)


def heads(conn: Connection, versions: Sequence[int]) -> dict[int, Any]:
    """version → (number, id, type, ver_text), for the manifest. Cost: O(versions) by their keys."""
    return _by_versions(conn, _HEADS, versions)
