"""What `stix2` and `stix2-validator` say of the objects that the exchange judges: every disagreement has its class."""

from __future__ import annotations

from itertools import chain

import pytest

from tests import conformance_second_opinion as opinion
from tests import second_opinion_corpus as corpus
from tests.conformance import rows


def unexplained(found: opinion.Tally) -> list[tuple[str, str, str]]:
    return [(d.by, d.against, d.says[:200]) for d in found.unexplained]


def test_every_disagreement_over_500_generated_objects_has_its_class() -> None:
    found = opinion.tally(corpus.short())
    assert found.objects.total() == 500
    assert min(found.objects["accepted"], found.objects["refused"]) > 50
    assert unexplained(found) == []


def test_a_disagreement_without_a_class_is_found() -> None:
    difference = opinion.Difference(by="stix2", against="exchange", says="no such reason", obj={})
    assert difference.reason() is None


def test_the_classes_name_rows_that_there_are() -> None:
    assert {reason.row for reason in opinion.reasons()} <= rows().keys()


def test_the_page_tells_every_class() -> None:
    text = opinion.PAGE.read_text(encoding="utf-8")
    told = chain.from_iterable((reason.tells, *reason.why.values()) for reason in opinion.reasons())
    assert [words for words in told if words not in text] == []


@pytest.mark.long
@pytest.mark.skipif(not corpus.FOLDER.is_dir(), reason="the folder ../shared/data is not here")
def test_every_disagreement_over_10_000_objects_has_its_class_and_the_page_is_fresh() -> None:
    found = opinion.tally(corpus.corpus())
    assert found.objects.total() == 10_000
    assert unexplained(found) == []
    idle = [
        (reason.tells, judge)
        for reason in opinion.reasons()
        for judge in reason.why
        if not found.classes[reason, judge]
    ]
    assert idle == []
    assert opinion.PAGE.read_text(encoding="utf-8") == opinion.page(found)
