"""Personal data that does not belong into threat intelligence: where it stands in an object, never what it is.

What is looked for, and when it counts (policy.md 3.3.8):

- anywhere in text: US social security numbers as written with dashes, payment card numbers (an issuer's range, its
  length, Luhn's check digit), IBANs (their country's form and check digits);
- beside a word that says so: the same numbers without dashes, dates of birth;
- beside a word for a person: telephone numbers and e-mail addresses. All of them in an `identity` of an individual.

What an observable *is* (its value, name, path, account) is intelligence and is not looked at, nor are patterns, links,
ids, hashes and encoded contents. Each expression is bounded, so that time is linear in the text.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from string import ascii_uppercase
from typing import Any, Final

from stdnum import iban, luhn
from stdnum.us import ssn

from exchange.stixfault import pointer
from exchange.stixread import kind

MAX_DEPTH: Final = 100  # intake refuses deeper objects long before
NEAR: Final = 60  # characters between a word and what it speaks of

# Never text by people, or what indicators are made of.
_UNREAD: Final = frozenset(
    {
        "created", "extension_type", "external_id", "granular_markings", "hashes", "id", "modified", "pattern",
        "payload_bin", "spec_version", "type", "url",
    }
)  # fmt: skip
# Of observables: what they are, as against what somebody writes about them.
_OBSERVED: Final = frozenset(
    {
        "account_login", "command_line", "content_type", "cpe", "cwd", "data", "display_name", "display_path", "issuer",
        "key", "message_id", "name", "path", "serial_number", "subject_public_key_modulus", "swid", "user_id", "value",
    }
)  # fmt: skip

# Typography that people paste: one character for one, so that places stay.
_PLAIN = str.maketrans({0x00A0: " ", 0x202F: " ", 0x2009: " ", 0x2010: "-", 0x2011: "-", 0x2012: "-", 0x2013: "-"})
_AS_DIGITS = str.maketrans({letter: str(ord(letter) - ord("A") + 10) for letter in ascii_uppercase})
_MAY_HOLD = re.compile(r"[0-9@]")
_LINK = re.compile(r"\b(?:https?|hxxps?|ftp)(?=:|\[:)\S*+", re.ASCII | re.IGNORECASE)

_SSN = re.compile(r"(?<![\w./-])[0-9]{3}-[0-9]{2}-[0-9]{4}(?![\w/-])", re.ASCII)
_SSN_TOLD = re.compile(r"(?<![\w./-])[0-9]{3} ?[0-9]{2} ?[0-9]{4}(?![\w/-])", re.ASCII)
_CARD = re.compile(
    r"(?<![\w./#+-])(?:[0-9]{13,19}|[0-9]{4}([ -])[0-9]{4}\1[0-9]{4}\1[0-9]{4}(?:\1[0-9]{1,3})?"
    r"|[0-9]{4}([ -])[0-9]{6}\2[0-9]{4,5})(?![\w/-])",
    re.ASCII,
)
_IBAN = re.compile(
    r"(?<![\w./-])[A-Z]{2}[0-9]{2}(?:[A-Z0-9]{11,30}+|(?: [A-Z0-9]{4}){2,7}+(?: [A-Z0-9]{1,4})?)", re.ASCII
)
_PHONE = re.compile(
    r"(?<![\w./-])(?:\+[1-9][0-9]{0,2}[ .-]?(?:\([0-9]{1,4}\)[ .-]?)?[0-9](?:[ .-]?[0-9]){6,11}"
    r"|\([0-9]{3}\) ?[0-9]{3}[ .-][0-9]{4}|[0-9]{3}([ .-])[0-9]{3}\1[0-9]{4})(?![\w/-])",
    re.ASCII,
)
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}+@[A-Za-z0-9][A-Za-z0-9.-]{0,250}\.[A-Za-z]{2,24}(?![\w-])", re.ASCII)
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{0,6}"
_DATE = re.compile(
    r"(?<![\w./-])(?:[0-9]{4}([./-])[0-9]{1,2}\1[0-9]{1,2}|[0-9]{1,2}([./-])[0-9]{1,2}\2[0-9]{2,4}"
    rf"|[0-9]{{1,2}}\.? {_MONTH} [0-9]{{4}}|{_MONTH} [0-9]{{1,2}},? [0-9]{{4}})(?![\w/-])",
    re.ASCII,
)

_SSN_WORD = re.compile(r"\b(?:ssn|social security)\b", re.ASCII | re.IGNORECASE)
_BIRTH_WORD = re.compile(
    r"\b(?:dob|d\.o\.b|date of birth|birth ?da(?:te|y)|born(?= on\b| in\b|[:,]? [0-9]))", re.ASCII | re.IGNORECASE
)
_PERSON_WORD = re.compile(
    r"\b(?:Mr|Mrs|Ms|Dr|[Pp]atients?|[Vv]ictim's|[Vv]ictim name|[Ee]mployees?|[Rr]esident|[Dd]ate of birth|DOB|SSN"
    r"|[Hh]ome (?:address|phone|number)|[Pp]ersonal (?:phone|mobile|number|e-?mail)|[Hh]is|[Hh]er)\b",
    re.ASCII,
)

# first digits → lengths, of the issuers whose numbers are in use; the longest first digits come first
_ISSUERS: Final[tuple[tuple[range, frozenset[int]], ...]] = (
    (range(2221, 2721), frozenset({16})),  # Mastercard
    (range(5100, 5600), frozenset({16})),
    (range(4000, 5000), frozenset({13, 16, 19})),  # Visa
    (range(3400, 3500), frozenset({15})),  # American Express
    (range(3700, 3800), frozenset({15})),
    (range(3000, 3060), frozenset({14})),  # Diners Club
    (range(3600, 3700), frozenset({14})),
    (range(3800, 4000), frozenset({14})),
    (range(3528, 3590), frozenset({16})),  # JCB
    (range(6011, 6012), frozenset({16, 19})),  # Discover
    (range(6440, 6600), frozenset({16, 19})),
    (range(6200, 6300), frozenset({16, 17, 18, 19})),  # UnionPay
)


def find(obj: Mapping[str, Any]) -> list[str]:
    """JSON pointers of the texts that hold personal data, sorted; their values are nowhere in the answer."""
    shapes = kind(obj) == "sco"
    person = obj.get("type") == "identity" and obj.get("identity_class") == "individual"
    found = [
        pointer(way)
        for way, text in _texts(obj, shapes)
        if _MAY_HOLD.search(text) and _holds(_read(way, text), everywhere=person)
    ]
    return sorted(found)


def _texts(obj: Mapping[str, Any], observable: bool) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Each string that people wrote, with the way to it."""
    todo: list[tuple[tuple[str | int, ...], Any, bool]] = [((), obj, observable)]
    embeds = obj.get("type") == "observed-data"
    while todo:
        way, value, shapes = todo.pop()
        if isinstance(value, str):
            yield way, value
        elif isinstance(value, dict) and len(way) < MAX_DEPTH:
            inside = shapes or (embeds and way == ("objects",))
            todo.extend(((*way, key), below, inside) for key, below in value.items() if not _unread(key, inside))
        elif isinstance(value, list) and len(way) < MAX_DEPTH:
            todo.extend(((*way, index), below, shapes) for index, below in enumerate(value))


def _unread(name: str, observable: bool) -> bool:
    return name in _UNREAD or name.endswith(("_ref", "_refs", "_hex", "_bin")) or (observable and name in _OBSERVED)


def _read(way: tuple[str | int, ...], text: str) -> str:
    """The text as it is looked at: its property's name speaks of it too, links do not."""
    name = next((part for part in reversed(way) if isinstance(part, str)), "")
    return f"{name[:NEAR].replace('_', ' ')}: {_LINK.sub(' ', text)}".translate(_PLAIN)


def _holds(text: str, *, everywhere: bool) -> bool:
    persons = _ends(_PERSON_WORD, text)
    return (
        any(ssn.is_valid(m[0]) for m in _SSN.finditer(text))
        or any(_is_card(m[0]) for m in _CARD.finditer(text))
        or any(_is_iban(m[0]) for m in _IBAN.finditer(text))
        or any(ssn.is_valid(number.replace(" ", "")) for number in _beside(text, _ends(_SSN_WORD, text), _SSN_TOLD))
        or any(True for _ in _beside(text, _ends(_BIRTH_WORD, text), _DATE))
        or any(True for shape in (_PHONE, _EMAIL) for _ in _beside(text, persons, shape))
        or (everywhere and any(shape.search(text) for shape in (_PHONE, _EMAIL)))
    )


def _ends(word: re.Pattern[str], text: str) -> list[int]:
    return [m.end() for m in word.finditer(text)]


def _beside(text: str, ends: Sequence[int], shape: re.Pattern[str]) -> Iterator[str]:
    """What has this shape and begins within `NEAR` characters after one of these ends."""
    for m in shape.finditer(text) if ends else ():
        before = bisect_right(ends, m.start()) - 1
        if before >= 0 and m.start() - ends[before] <= NEAR:
            yield m[0]


def _is_card(written: str) -> bool:
    number = written.replace(" ", "").replace("-", "")
    first = int(number[:4])
    return any(first in issued and len(number) in lengths for issued, lengths in _ISSUERS) and luhn.is_valid(number)


def _is_iban(written: str) -> bool:
    """Whether it is one, or begins with one: words in capitals may follow."""
    ends = [m.start() for m in re.finditer(" |$", written)]
    return any(end >= 15 and _is_checked(written[:end]) and iban.is_valid(written[:end]) for end in ends)


def _is_checked(written: str) -> bool:
    """ISO 7064 MOD 97-10, before anything that takes longer."""
    number = written.replace(" ", "")
    return int((number[4:] + number[:4]).translate(_AS_DIGITS)) % 97 == 1
