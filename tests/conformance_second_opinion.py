"""docs/second-opinion.md: how `stix2` and `stix2-validator` judge the objects that the exchange judges.

10,000 objects, real ones and mutations of valid ones, are judged three times. Where two judges differ, each reason is
one of the classes of tests/second_opinion.yaml, each with its explanation; a reason without a class is a mistake of
ours or of theirs, and fails the test. `make second-opinion` writes the page.
"""

from __future__ import annotations

import copy
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import stix2
import yaml
from stix2.base import _STIXBase

from exchange.stix import faults
from tests.second_opinion_corpus import GENERATED, REAL, SHORT, Object, corpus
from tests.unit.test_stix_samples import NOW

ROOT = Path(__file__).parents[1]
CLASSES = ROOT / "tests" / "second_opinion.yaml"
PAGE = ROOT / "docs" / "second-opinion.md"
JUDGES = ("stix2", "validator")

# Judging -----------------------------------------------------------------------------------------------------------

UNREAD = "unread"


def ours(obj: Object) -> list[str]:
    return [f"{fault.path}: {fault.message}" for fault in faults(obj, now=NOW)]


def by_stix2(obj: Object) -> list[str]:
    """Why `stix2` refuses an object: nothing, `UNREAD` where it hands the object back as it is, or its one reason."""
    try:
        found = stix2.parse(copy.deepcopy(obj), allow_custom=True)
    except Exception as error:  # whatever it raises is its answer
        return [f"{type(error).__name__}: {error}"]
    return [] if isinstance(found, _STIXBase) else [UNREAD]


@cache
def _validator() -> Callable[[Object], Any]:
    import stix2validator  # seconds of grammars; every process that collects the tests would wait for them

    options = stix2validator.ValidationOptions(version="2.1", disabled="all")
    return lambda obj: stix2validator.validate_instance(obj, options)


def by_validator(obj: Object) -> list[str]:
    """Why `stix2-validator` refuses an object, its MUSTs alone."""
    validate = _validator()
    try:
        found = validate(copy.deepcopy(obj))
    except Exception as error:  # whatever it raises is its answer
        return [f"{type(error).__name__}: {error}"]
    return [error.message for error in found.errors]


# Comparing ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reason:
    """A class of reasons for refusing an object: who gives them, how they read, and why the others let it pass."""

    by: str
    says: re.Pattern[str]
    tells: str
    row: str
    why: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One reason that one judge gives for refusing an object which another lets pass."""

    by: str
    against: str
    says: str
    obj: Object

    def reason(self) -> Reason | None:
        """The class that explains it, the first that fits."""
        for reason in reasons():
            if reason.by == self.by and self.against in reason.why and reason.says.search(self.says):
                return reason
        return None


@cache
def reasons() -> tuple[Reason, ...]:
    """The classes of the file, in their order."""
    return tuple(
        Reason(
            by=entry["by"],
            says=re.compile(entry["says"], re.DOTALL),
            tells=entry["tells"],
            row=entry["row"],
            why={judge: entry[judge] for judge in ("exchange", *JUDGES) if judge in entry},
        )
        for entry in yaml.safe_load(CLASSES.read_text(encoding="utf-8"))
    )


def differences(obj: Object, mine: list[str], judge: str, theirs: list[str]) -> Iterator[Difference]:
    """Every reason for which the exchange and another judge differ about an object."""
    if theirs == [UNREAD]:
        if mine:
            yield Difference(by="exchange", against=judge, says=UNREAD, obj=obj)
    elif mine and not theirs:
        yield from (Difference(by="exchange", against=judge, says=text, obj=obj) for text in mine)
    elif theirs and not mine:
        yield from (Difference(by=judge, against="exchange", says=text, obj=obj) for text in theirs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What a run found: verdicts (exchange, judge, whether each accepts), reasons by class, what has no class."""

    objects: Counter[str]
    verdicts: Counter[tuple[str, bool, bool]]
    classes: Counter[tuple[Reason, str]]
    unexplained: list[Difference]


def tally(objects: Iterable[Object]) -> Tally:
    """Judges every object three times: some 7 ms of processor time each."""
    found = Tally(objects=Counter(), verdicts=Counter(), classes=Counter(), unexplained=[])
    for obj in objects:
        mine = ours(obj)
        found.objects["accepted" if not mine else "refused"] += 1
        for judge, theirs in (("stix2", by_stix2(obj)), ("validator", by_validator(obj))):
            found.verdicts[judge, not mine, not theirs or theirs == [UNREAD]] += 1
            for difference in differences(obj, mine, judge, theirs):
                reason = difference.reason()
                if reason is None:
                    found.unexplained.append(difference)
                else:
                    found.classes[reason, difference.against] += 1
    return found


# The page ----------------------------------------------------------------------------------------------------------

NAMES = {"exchange": "the exchange", "stix2": "`stix2`", "validator": "`stix2-validator`"}
INTRODUCTION = """\
# A second opinion

{total:,} objects judged three times: by the exchange, by `stix2.parse(allow_custom=True)` and by `stix2-validator`
(its MUSTs; warnings do not count). {real:,} are real ones (ATT&CK, CAPEC, ATLAS, OASIS examples, Unit 42),
{generated:,} are mutations of valid ones: a property dropped, altered or added, at any depth. Written by
`make second-opinion`; do not edit it by hand. The classes are those of `tests/second_opinion.yaml`, and a disagreement
that none of them explains fails a test. The rows are those of [conformance.md](conformance.md).
"""


def page(found: Tally) -> str:
    """The text of docs/second-opinion.md."""
    head = INTRODUCTION.format(total=found.objects.total(), real=REAL, generated=SHORT + GENERATED)
    return "\n".join([head, *_verdicts(found), *_tables(found)]) + "\n"


def _verdicts(found: Tally) -> Iterator[str]:
    yield "| | both accept | both refuse | only the exchange refuses | only the other refuses |\n|---|---|---|---|---|"
    for judge in JUDGES:
        agreed, refused = found.verdicts[judge, True, True], found.verdicts[judge, False, False]
        alone, other_alone = found.verdicts[judge, False, True], found.verdicts[judge, True, False]
        yield f"| {NAMES[judge]} | {agreed} | {refused} | {alone} | {other_alone} |"


def _tables(found: Tally) -> Iterator[str]:
    yield "\nAn object with several faults counts in several lines below.\n"
    yield "## What the exchange refuses and another lets pass"
    yield "\n| row | what we say | let pass by | times | why it does |\n|---|---|---|---|---|"
    yield from _lines(found, lambda reason, against: reason.by == "exchange")
    yield "\n## What another refuses and the exchange lets pass"
    yield "\n| row | what it says | said by | times | why we do not |\n|---|---|---|---|---|"
    yield from _lines(found, lambda reason, against: reason.by != "exchange")


def _lines(found: Tally, wanted: Callable[[Reason, str], bool]) -> Iterator[str]:
    for reason in reasons():
        for judge, why in reason.why.items():
            if wanted(reason, judge):
                other = judge if reason.by == "exchange" else reason.by
                yield f"| {reason.row} | {reason.tells} | {NAMES[other]} | {found.classes[reason, judge]} | {why} |"


def main() -> int:
    found = tally(corpus())
    PAGE.write_text(page(found), encoding="utf-8")
    for reason in reasons():
        for judge in reason.why:
            if not found.classes[reason, judge]:
                sys.stderr.write(f"explains nothing: {reason.tells} ({judge})\n")
    for difference in found.unexplained:
        sys.stderr.write(f"{difference.by} against {difference.against}: {difference.says[:300]}\n")
    return 1 if found.unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
