"""Timestamps: text at the edge, exact integers inside."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.stix import format_timestamp, parse_query_timestamp, parse_timestamp

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
INSTANTS = st.datetimes(timezones=st.just(UTC)).map(lambda when: (when - EPOCH) // timedelta(microseconds=1))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:00.000Z", 0),
        ("1970-01-01T00:00:00.000001Z", 1),
        ("1970-01-01T00:00:00.1Z", 100_000),
        ("1970-01-02T00:00:01.5Z", 86_401_500_000),
        ("1969-12-31T23:59:59.999999Z", -1),
        ("2024-02-29T00:00:00Z", 1_709_164_800_000_000),
        ("2016-12-31T23:59:60.25Z", 1_483_228_800_250_000),
    ],
)
def test_a_stix_timestamp_is_read_exactly(text: str, expected: int) -> None:
    assert parse_timestamp(text) == expected


def test_digits_beyond_the_sixth_are_cut_and_not_rounded() -> None:
    assert parse_timestamp("1970-01-01T00:00:00.123456999Z") == 123_456


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-02-31T00:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:60:00Z",
        "2026-01-01T12:00:60Z",
        "2026-13-01T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "2026-01-01t00:00:00Z",
        "2026-01-01T00:00:00z",
        "2026-01-01 00:00:00Z",
        "2026-01-01T00:00:00",
        "2026-01-01T00:00:00.Z",
        "2026-01-01T00:00:00,5Z",
        "2026-01-01T00:00:00+00:00",
        "2026-01-01T00:00:00Z\n",
        "2026-W01-1T00:00:00Z",
        "٢٠٢٦-01-01T00:00:00Z",
    ],
)
def test_what_is_no_stix_timestamp_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"timestamp|day|month|year"):
        parse_timestamp(text)


@given(INSTANTS)
def test_every_instant_comes_back_from_its_text(instant: int) -> None:
    assert parse_timestamp(format_timestamp(instant)) == instant


def test_a_printed_timestamp_has_six_digits_and_z() -> None:
    assert format_timestamp(1_500_000) == "1970-01-01T00:00:01.500000Z"


@pytest.mark.parametrize("instant", [-(10**18), 10**18])
def test_an_instant_outside_the_calendar_is_not_printed(instant: int) -> None:
    with pytest.raises(ValueError, match="years 1 to 9999"):
        format_timestamp(instant)


@pytest.mark.parametrize(
    "text",
    [
        "2026-05-01T12:00:00Z",
        "2026-05-01t12:00:00z",
        "2026-05-01 12:00:00Z",
        "2026-05-01T12:00:00.0Z",
        "2026-05-01T12:00:00.000000000Z",
        "2026-05-01T12:00:00+00:00",
        "2026-05-01T12:00:00-00:00",
        "2026-05-01T12:00:00 00:00",
        "2026-05-01T14:30:00+02:30",
        "2026-05-01T14:30:00 02:30",
        "2026-04-30T23:00:00-13:00",
    ],
)
def test_a_query_may_write_one_instant_in_any_way_of_rfc_3339(text: str) -> None:
    assert parse_query_timestamp(text) == parse_timestamp("2026-05-01T12:00:00Z")


@pytest.mark.parametrize(
    "text",
    ["", "2026-05-01", "2026-05-01T12:00:00", "2026-05-01T12:00:00+24:00", "2026-05-01T12:00:00+0200", "now",
     "2026-02-31T12:00:00Z", "2026-05-01T12:00:00.Z"],
)  # fmt: skip
def test_a_query_without_an_instant_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"timestamp|day"):
        parse_query_timestamp(text)


@given(INSTANTS)
def test_a_query_reads_what_an_answer_prints(instant: int) -> None:
    assert parse_query_timestamp(format_timestamp(instant)) == instant
