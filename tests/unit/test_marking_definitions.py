"""What a member finds in its `policy` collection, to the letter, and what makes a keyed id."""

from __future__ import annotations

import hmac
import uuid
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from exchange.label import Tlp
from exchange.markings import NAMED_ONLY, TLP_IDS, Said, definition, keyed_uuid, read

SECRET = b"a secret of this test"
FOREIGN = "marking-definition--00000000-0000-4000-8000-000000000004"


@dataclass(frozen=True)
class Ignored:
    tlp: Tlp | None = None
    group: str | None = None


def test_a_definition_says_whom_its_word_means() -> None:
    made = definition(SECRET, "skyline", "group:finance", "2026-06-01T00:00:00.000Z")
    assert made == {
        "type": "marking-definition",
        "spec_version": "2.1",
        "id": "marking-definition--4815cd9f-9b15-484e-a53a-a216bbc5b50f",
        "created": "2026-06-01T00:00:00.000Z",
        "name": "group:finance",
        "definition_type": "statement",
        "definition": {"statement": "Share with group:finance, by this exchange."},
    }


def test_named_only_is_said_in_words() -> None:
    made = definition(SECRET, "skyline", NAMED_ONLY, "2026-06-01T00:00:00.000Z")
    said = "Share with only the recipients named on the object, by this exchange."
    assert made["definition"] == {"statement": said}


@given(st.binary(min_size=1, max_size=40), st.text(max_size=20))
def test_a_keyed_id_is_the_hmac_in_the_form_of_a_random_uuid(secret: bytes, name: str) -> None:
    made = uuid.UUID(bytes=hmac.digest(secret, name.encode(), "sha256")[:16], version=4)
    assert keyed_uuid(secret, name) == str(made)


def test_a_keyed_id_stays_what_it_was() -> None:
    """It stands on objects that are out there: another one would close them to everybody."""
    assert keyed_uuid(SECRET, "marking/skyline/group:finance") == "4815cd9f-9b15-484e-a53a-a216bbc5b50f"


def test_a_foreign_marking_that_is_ignored_leaves_the_level_of_another() -> None:
    green = next(marking for marking, level in TLP_IDS.items() if level is Tlp.GREEN)
    assert read([green, FOREIGN], {}, {FOREIGN: Ignored()}, {}) == Said(tlp=Tlp.GREEN)
