"""By when an owner is asked to answer a finding: reminders are noted as it comes, and sent when they fall due.

Whom they concern is worked out then (`notices`): the named recipients who read it and have not answered.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection

from exchange import answers, noticerows, stix
from exchange.entries import Version
from exchange.findings.extension import KEY
from exchange.yamlread import DAY

BEFORE = 3 * DAY


def keep(conn: Connection, made: Iterable[tuple[Mapping[str, Any], Version]], now: int) -> None:
    """Note the reminders of findings that came now: object, and the version of it that others read."""
    for obj, v in made:
        if obj["type"] in answers.FINDINGS and (due := _due(obj)) is not None and due > now:
            asked = f"{stix.format_timestamp(due)[:19]}Z"
            noticerows.add(conn, noticerows.DUE, asked, [v.number], now, due)
            if due - BEFORE > now:
                noticerows.add(conn, noticerows.DUE_SOON, asked, [v.number], now, due - BEFORE)


def _due(obj: Mapping[str, Any]) -> int | None:
    said = obj.get("extensions", {}).get(KEY, {}).get("due")
    try:
        return stix.parse_timestamp(said) if isinstance(said, str) else None
    except ValueError:  # whether that is an error is said where the extension is checked
        return None
