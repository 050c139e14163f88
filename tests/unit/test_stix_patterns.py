"""STIX patterns: the quick way accepts nothing that the parser refuses, and the parser is not led astray."""

import inspect
import itertools
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stix2patterns.v20.pattern import Pattern as Pattern20
from stix2patterns.v21.pattern import Pattern as Pattern21

from exchange.stixpattern import is_plain, pattern_error

NAMES = st.sampled_from(["value", "name", "hashes", "x_own", "true", "false", "trueish", "extensions"])
STEPS = st.one_of(
    NAMES.map(lambda name: f".{name}"),
    st.sampled_from([".'SHA-256'", ".'a b'", ".''", ".MD5", ".'x-own-ext'", "[0]", "[*]", "[01]", "[-1]"]),
)
TYPES = st.sampled_from(["file", "ipv4-addr", "network-traffic", "x-own", "true", "windows-registry-key"])
QUOTED = st.one_of(
    st.text(max_size=8).map(lambda text: f"'{text}'"),
    st.sampled_from(["''", r"'\\'", r"'\''", r"'\n'", r"'a\\\'b'", "'\n'"]),
)
CONSTANTS = QUOTED | st.sampled_from(["5", "-5", "0", "-0", "05", "5.5", "true", "false", "truefalse", "5x"])
COMPARISONS = st.builds(
    "{}:{}{}{}{}".format,
    TYPES,
    NAMES,
    st.lists(STEPS, max_size=3).map("".join),
    st.sampled_from(["=", "!=", " = ", "==", "<", " >= ", "<>", " LIKE "]),
    CONSTANTS,
)
OBSERVATIONS = st.builds(
    "[{}{}{}]".format,
    st.sampled_from(["", " "]),
    st.lists(COMPARISONS, min_size=1, max_size=3).flatmap(
        lambda some: st.sampled_from([" AND ", " OR ", " or ", "AND"]).map(lambda joint: joint.join(some))
    ),
    st.sampled_from(["", " ", "x"]),
)
PATTERNS = st.lists(OBSERVATIONS, min_size=1, max_size=3).flatmap(
    lambda some: st.sampled_from([" AND ", " OR ", " FOLLOWEDBY ", " "]).map(lambda joint: joint.join(some))
)


OPERATORS = ["=", "!=", " = ", " != ", "<", " < ", ">", "<=", " >= ", "==", "<>", "!", " LIKE "]
LITERALS = [
    "'a'", "''", r"'\\'", r"'\''", "'\n'", "'\x00'", "5", "-5", "0", "-0", "05", "+5", "5.5", "5x", "true", "false",
    "truefalse", "t''", "h'ab'", "",
]  # fmt: skip
PATHS = [
    "file:name", "file:x_own", "file:true", "file:trueish", "file:name.true", "true:name", "x-own:name", "file:AND",
    "file:hashes.MD5", "file:hashes.'SHA-256'", "file:hashes.SHA-256", "file:extensions.'a b'.c", "file:a.''",
    "file:a[0]", "file:a[*].b[12][0]", "file:a[01]", "file:a[-1]", "file:a.[0]", "file:MD5", "file:a.b_", "file:_a",
    "file:a__b", "file:", "file:name.",
]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_each_form_of_one_comparison_that_the_quick_way_accepts_parses(path: str) -> None:
    for operator, literal in itertools.product(OPERATORS, LITERALS):
        pattern = f"[{path}{operator}{literal}]"
        if is_plain(pattern):
            Pattern21(pattern)
            Pattern20(pattern)


@given(PATTERNS)
def test_what_the_quick_way_accepts_always_parses(pattern: str) -> None:
    if is_plain(pattern):
        Pattern21(pattern)
        Pattern20(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        "[ipv4-addr:value = '198.51.100.3']",
        "[ipv4-addr:value='198.51.100.3']",
        "[file:hashes.'SHA-256' = 'ab']",
        "[file:hashes.MD5 = 'ab']",
        "[ file:name != 'x' ]",
        "[email-message:to_refs[*].value = 'a@example.com']",
        "[file:name = 'a' AND file:size > 3 OR file:x = true] FOLLOWEDBY [url:value = 'b'] OR [url:value='c']",
        r"[windows-registry-key:key = 'HKEY_CURRENT_USER\\Console\\a\'b']",
    ],
)
def test_what_feeds_mostly_send_needs_no_parser(pattern: str) -> None:
    assert is_plain(pattern)
    assert pattern_error(pattern, "2.1") is None


@pytest.mark.parametrize(
    "pattern",
    [
        "[file:name = 'a' AND (file:size > 3)] FOLLOWEDBY [url:value LIKE 'a%'] WITHIN 5 SECONDS",
        "([file:name IN ('a', 'b')] OR [x-own:y = 5]) REPEATS 2 TIMES WITHIN 5 SECONDS",
        "[EXISTS file:name]",
        "[file:name NOT = h'ab' OR file:mtime > t'2026-01-01T00:00:00Z']",
        "[file:name = 'WITHIN 1 SECONDS WITHIN 2 SECONDS']",
        "[file:name = 'a'] START t'2026-01-01T00:00:00Z' STOP t'2026-02-01T00:00:00Z'",
        "[ipv4-addr:value ISSUBSET '198.51.100.0/24']",
        "(" * 99 + "[file:name = '(((']" + ")" * 99,
        " OR ".join(["[file:name LIKE 'a']"] * 1000),
    ],
)
def test_the_whole_grammar_is_accepted(pattern: str) -> None:
    assert pattern_error(pattern, "2.1") is None


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("", "does not parse"),
        ("file:name = 'a'", "does not parse"),
        ("[file:name = 'a'", "does not parse"),
        ("[file:name = 'a]", "does not end"),
        ("[file:name = 'a'] x", "column 19"),
        ("[file:name\n= ]", "line 2, column 3"),
        ("[file:name = 'a'] WITHIN 1 SECONDS WITHIN 2 SECONDS", "twice"),
        ("(" * 101 + "[file:name = 'a']" + ")" * 101, "nests more than 100"),
        ("[" * 100_000, "nests more than 100"),
        ("[true:value = 'a']", "does not parse"),
    ],
)
def test_what_does_not_parse_is_told_with_its_place(pattern: str, words: str) -> None:
    error = pattern_error(pattern, "2.1")
    assert error is not None
    assert words in error


def test_a_pattern_of_version_2_0_is_read_by_its_own_grammar() -> None:
    pattern = "[EXISTS file:name]"
    assert pattern_error(pattern, "2.1") is None
    assert pattern_error(pattern, "2.0") is not None


@given(st.text(alphabet="[]()' =:.*aAtTRUENOD<>\\", max_size=30))
def test_any_text_gets_an_answer(pattern: str) -> None:
    error = pattern_error(pattern, "2.1")
    assert error is None or error


def test_a_parser_that_runs_out_of_stack_is_an_answer_too() -> None:
    def deeper(frames: int) -> str | None:
        return deeper(frames - 1) if frames else pattern_error("(" * 99 + "[file:name = 5]" + ")" * 99, "2.1")

    used = len(inspect.stack(0))
    assert deeper(sys.getrecursionlimit() - used - 100) == "is too deep for the parser"


@pytest.mark.parametrize("string", ["'" + r"\'" * 200_000, "'" * 400_001, r"'a\n'", "\\"])
def test_a_string_without_end_never_reaches_the_parser(string: str) -> None:
    error = pattern_error(f"[file:name LIKE {string}]", "2.1")
    assert error is not None
    assert error.startswith("has a string that does not end")


def test_a_megabyte_of_plain_comparisons_needs_no_parser() -> None:
    pattern = "[" + " OR ".join(["ipv4-addr:value = '198.51.100.3'"] * 30_000) + "]"
    assert pattern_error(pattern, "2.1") is None
    assert not is_plain(pattern + "x")
