"""STIX of what importers make: every object passes `stix2` strictly, and the validator."""

import os
from collections.abc import Iterator

import pytest
import stix2
from stix2validator import ValidationOptions, validate_instance

from exchange.findings.finding import Fault, Finding
from exchange.findings.formats import findings
from exchange.findings.made import Made
from exchange.findings.making import make
from tests.unit.findingdrawing import how
from tests.unit.importmutants import FOLDER
from tests.unit.importsamples import SAMPLES
from tests.unit.test_import_real import FILES, made

LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"
MOST = 10**9 if LONG else 12
"""Findings of one file that become STIX here."""


def objects(told: list[Finding | Fault]) -> Iterator[Made]:
    some = [one for one in told if isinstance(one, Finding)]
    for one in some[:: max(1, len(some) // MOST)]:
        yield from make(one, how())


def strict(told: list[Finding | Fault]) -> list[Made]:
    found = list(objects(told))
    for one in found:
        assert stix2.parse(one.obj, allow_custom=False)["id"] == one.obj["id"]
    return found


@pytest.mark.skipif(not FOLDER.is_dir(), reason="the folder ../shared/data is not here")
@pytest.mark.parametrize("file", FILES)
def test_every_finding_of_a_real_file_becomes_strict_stix(file: str) -> None:
    strict(made(file))


@pytest.mark.parametrize("name", SAMPLES)
def test_a_document_of_every_format_passes_the_validator(name: str) -> None:
    for document in SAMPLES[name]:
        found = strict(list(findings(document)))
        assert found
        for one in found:
            assert not validate_instance(one.obj, ValidationOptions(version="2.1")).errors, one.obj
