"""Does a STIX pattern parse (S-9-01, S-9-02)? Most are flat comparisons, which one regular expression proves.

Anything else goes to the parser of `stix2-patterns`, a hundred times slower. A pattern is parsed and never
evaluated. The parser recurses, so the depth of a pattern is bounded before it runs.
"""

import re

from exchange.stixtypes import SCO

MAX_NESTING = 100
"""Brackets open at once; the parser takes a few frames of Python's stack for each."""

# Exact on purpose: each name here is one token of the grammar, and no keyword (`true`, `AND`) is among them.
# Nothing gives characters back (`++`, `*+`), so a long pattern costs no more than its length.
_NAME = r"(?!(?:true|false)\b)[a-z]++(?:_[a-z]++)*+"
_KEY = r"'[A-Za-z0-9 _-]+'|MD5|SSDEEP|TLSH"
_PATH = rf"(?:{'|'.join(sorted(SCO))}):{_NAME}(?:\.(?:{_NAME}|{_KEY})|\[(?:\*|0|[1-9][0-9]*)\])*+"
_ORDERED = r"(?:'(?:[^'\\]|\\['\\])*+'|-?(?:0|[1-9][0-9]*+))"
_COMPARISON = rf"{_PATH}(?: ?!?= ?(?:{_ORDERED}|true|false)| ?[<>]=? ?{_ORDERED})"
_OBSERVATION = rf"\[ ?{_COMPARISON}(?: (?:AND|OR) {_COMPARISON})*+ ?\]"
_PLAIN = re.compile(rf"{_OBSERVATION}(?: (?:AND|OR|FOLLOWEDBY) {_OBSERVATION})*+", re.ASCII)
_STRING = re.compile(r"'(?:[^'\\]|\\['\\])*+'")
_CLOSED = re.compile(rf"(?:[^'\\]|{_STRING.pattern})*+")
_QUALIFIER = r"(?:WITHIN\s+[0-9.]+\s+SECONDS|REPEATS\s+[0-9]+\s+TIMES|START\s+t''\s+STOP\s+t'')"
_QUALIFIERS = re.compile(rf"{_QUALIFIER}(?:\s*{_QUALIFIER})+")
_QUALIFIER_NAME = re.compile(r"WITHIN|REPEATS|START")


def pattern_error(pattern: str, version: str) -> str | None:
    """What is wrong with a STIX pattern, to be read after "the pattern", or None if it parses.

    `version` is the indicator's `pattern_version`: "2.0" has a grammar of its own, every other is read as
    2.1.
    """
    if is_plain(pattern):
        return None
    # The parser takes half a minute for four thousand escapes in a string that does not end.
    if _CLOSED.fullmatch(pattern) is None:
        return "has a string that does not end, or a backslash that escapes neither a quote nor a backslash"
    unquoted = _STRING.sub("''", pattern)
    if _nesting(unquoted) > MAX_NESTING:
        return f"nests more than {MAX_NESTING} brackets"
    for run in _QUALIFIERS.findall(unquoted):
        names = _QUALIFIER_NAME.findall(run)
        if len(names) != len(set(names)):
            return "gives one expression the same qualifier twice"
    return _parser_error(pattern, version)


def is_plain(pattern: str) -> bool:
    """Whether the pattern is of comparisons in a row, and so is proved to parse without the parser."""
    return _PLAIN.fullmatch(pattern) is not None


def _nesting(unquoted: str) -> int:
    """The most brackets open at once."""
    open_now = most = 0
    for char in unquoted:
        if char in "([":
            open_now += 1
            most = max(most, open_now)
        elif char in ")]":
            open_now -= 1
    return most


def _parser_error(pattern: str, version: str) -> str | None:
    # Imported where it is used: a tenth of a second and 10 MB that a feed of plain indicators never needs.
    from stix2patterns.exceptions import ParseException
    from stix2patterns.v20.pattern import Pattern as Pattern20
    from stix2patterns.v21.pattern import Pattern as Pattern21

    try:
        (Pattern20 if version == "2.0" else Pattern21)(pattern)
    except ParseException as error:
        place = re.match(r"(\d+):(\d+):", str(error))
        where = f" at line {place[1]}, column {int(place[2]) + 1}" if place else ""
        return f"does not parse{where}"
    except RecursionError:
        return "is too deep for the parser"
    return None
