"""STIX and TAXII timestamps as integer microseconds since the epoch (UTC), and back.

Time is an int inside and text at the edge: ints sort the same in every database and no naive datetime
exists. The arithmetic is exact (no float), and the three grammars are kept apart: what STIX says of stored
objects, what TAXII says of answers, and the looser one that real clients need in `added_after`.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ONE: Final = timedelta(microseconds=1)
_FIRST: Final = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // _ONE
_LAST: Final = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _ONE

_TIME = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]+)?"
_STIX = re.compile(rf"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}T{_TIME}Z", re.ASCII)
_QUERY = re.compile(
    rf"([0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}})[Tt ]({_TIME})(?:[Zz]|([+\- ])([01][0-9]|2[0-3]):([0-5][0-9]))",
    re.ASCII,
)
# RFC 3339 section 5.7: second 60 only where a leap second can be, at the end of a day in UTC.
_LEAP = re.compile(r"([0-9-]{10}T23:59:)60(\.[0-9]+)?Z", re.ASCII)


def parse_timestamp(text: str) -> int:
    """Microseconds since the epoch of a STIX timestamp, `YYYY-MM-DDTHH:MM:SS[.digits]Z` (S-2.16-01).

    Digits beyond the sixth are cut. ValueError if the text is not one: another form, or a day or time of
    day that does not exist (31 February, 24:00). The leap second 23:59:60 counts as the second after it.
    """
    if _STIX.fullmatch(text) is None:
        leap = _LEAP.fullmatch(text)
        if leap is None:
            raise ValueError("not a STIX timestamp (YYYY-MM-DDTHH:MM:SS.sssZ)")
        return parse_timestamp(f"{leap[1]}59{leap[2] or ''}Z") + SECOND
    return (datetime.fromisoformat(text) - _EPOCH) // _ONE


def format_timestamp(us: int) -> str:
    """The TAXII timestamp (T-2-01) of `us` microseconds since the epoch: six digits and `Z`.

    ValueError for an instant outside the years 1 to 9999.
    """
    try:
        when = _EPOCH + us * _ONE
    except OverflowError as error:
        raise ValueError("an instant outside the years 1 to 9999") from error
    return when.isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def parse_query_timestamp(text: str) -> int:
    """Microseconds since the epoch of a timestamp in a query (clients.md rule 12): any RFC 3339 form.

    Lower-case `t` and `z`, a blank for `T`, offsets, and a `+` that arrived as a blank are understood;
    digits beyond the sixth are cut, which keeps `added_after` exact, for entries stand on whole
    microseconds. ValueError if the text is none, has no zone, or is outside the years 1 to 9999 in UTC.
    """
    found = _QUERY.fullmatch(text)
    if found is None:
        raise ValueError("not an RFC 3339 timestamp (YYYY-MM-DDTHH:MM:SSZ)")
    day, time, sign, hours, minutes = found.groups()
    instant = parse_timestamp(f"{day}T{time}Z")
    if sign is not None:
        offset = int(hours) * HOUR + int(minutes) * MINUTE
        instant += offset if sign == "-" else -offset
    if not _FIRST <= instant <= _LAST:
        raise ValueError("an instant outside the years 1 to 9999")
    return instant
