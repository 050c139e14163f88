"""How many findings a member may push: a quota starts full, and as many as it says flow back in a day, all the time."""

from __future__ import annotations

from sqlalchemy import Connection

from exchange import findingrows

ONE = 1_000_000  # microfindings
DAY_SECONDS = 86_400


def left(conn: Connection, member: int, quota: int, now: int) -> int:
    """Of a member's quota, in microfindings. `quota`: findings a day; `now`: microseconds UTC. Cost: O(1)."""
    full = quota * ONE
    before = findingrows.left(conn, member)
    return full if before is None else min(full, before[0] + max(0, now - before[1]) * quota // DAY_SECONDS)


def wait(rest: int, quota: int) -> int:
    """The seconds until a whole finding has flowed back, at least one."""
    return max(1, -(-(ONE - rest) * DAY_SECONDS // (quota * ONE)))


def spend(conn: Connection, member: int, quota: int | None, count: int, now: int) -> None:
    """Take findings from the quota of a member, if it has one."""
    if quota is not None and count:
        findingrows.set_left(conn, member, left(conn, member, quota, now) - count * ONE, now)
