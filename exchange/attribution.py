"""Who published an anonymous object is told to one group, where its publisher chose so: the notices of that.

Each time a copy becomes readable to more, a notice is due; whom it concerns is looked up when it is told.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import Connection

from exchange import entries, noticerows

_WORD = "shown-to:"  # of what was said (markings.Said.text)


def entered(conn: Connection, versions: Sequence[int], now: int) -> None:
    """Make a notice of each of these copies whose publisher a group is told; its reason is the group.

    Cost: O(versions).
    """
    groups: dict[str, list[int]] = defaultdict(list)
    for number, (_, said) in entries.told(conn, versions).items():
        if group := _shown_to(said):
            groups[group].append(number)
    for group, numbers in sorted(groups.items()):
        noticerows.add(conn, noticerows.ATTRIBUTION, group, sorted(numbers), now)


def _shown_to(said: str) -> str:
    return next((word.removeprefix(_WORD) for word in said.split() if word.startswith(_WORD)), "")
