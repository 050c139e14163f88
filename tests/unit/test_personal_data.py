"""Personal data is found where it does not belong, and real intelligence is left alone."""

import gzip
import json
from pathlib import Path
from time import process_time
from typing import Any

import pytest

from exchange.personaldata import find

FOLDER = Path(__file__).parents[3] / "shared" / "data"


def note(text: str, **more: Any) -> dict[str, Any]:
    return {"type": "note", "content": text, **more}


@pytest.mark.parametrize(
    "text",
    [
        "Dropped a list with 219-09-4999 in it.",
        "Non-breaking: 219\u201109\u20114999.",
        "SSN 219094999",
        "social security number: 219 09 4999",
        "card 4111 1111 1111 1111 exp 12/28",
        "5555-5555-5555-4444",
        "378282246310005 was used",
        "3782 822463 10005",
        "paid to DE89 3704 0044 0532 0130 00 YESTERDAY",
        "GB82WEST12345698765432.",
        "Patient called from (555) 010-4477.",
        "reach the employee at +49 30 1234567",
        "Mr. Doe, jdoe@example.org",
        "date of birth: 1970-01-31",
        "born on March 5, 1970",
        "DOB 1/31/70",
    ],
)
def test_personal_data_in_free_text_is_found(text: str) -> None:
    assert find(note(text)) == ["/content"]


@pytest.mark.parametrize(
    "text",
    [
        "000-12-3456, 666-12-3456, 900-12-3456 and 219-00-4999 were never given out.",
        "219-09-4999-7 is a part number, 4.219-09-4999 too.",
        "219094999 bytes",
        "4111 1111 1111 1112 fails its check digit",
        "9111111111111111 has no issuer",
        "id 3bf8264f4111111111111111aa",
        "https://example.org/?id=4111111111111111 and hxxps://example[.]org/219-09-4999",
        "DE88370400440532013000",
        "call the hotline +1 800 555 0100 or psirt@example.org",
        "Born This Way? Retrieved 2019-04-16",
        "CVE-2024-12345, 10.0.0.1, 2024-01-31T00:00:00Z, AS4111, 1.2.3.4.5",
        "The victim's data was sent. " + "x" * 70 + " +49 30 1234567",
    ],
)
def test_what_only_looks_like_it_is_left_alone(text: str) -> None:
    assert find(note(text)) == []


def test_the_answer_is_paths_without_values() -> None:
    found = find(note("ok", x_notes=[{"a/b": "fine"}, {"a/b": "SSN 219-09-4999"}], x_dob="1970-01-31"))
    assert found == ["/x_dob", "/x_notes/1/a~1b"]


def test_a_propertys_name_speaks_of_its_value() -> None:
    assert find(note("ok", x_ssn="219094999", x_count="219094999")) == ["/x_ssn"]


@pytest.mark.parametrize(
    "obj",
    [
        {"type": "email-addr", "value": "jdoe@example.org", "display_name": "Mr Doe +49 30 1234567"},
        {"type": "user-account", "user_id": "4111111111111111", "account_login": "219-09-4999"},
        {"type": "indicator", "pattern": "[user-account:user_id = '4111111111111111']"},
        {"type": "artifact", "payload_bin": "4111111111111111", "hashes": {"MD5": "4111111111111111"}},
        {"type": "observed-data", "objects": {"0": {"type": "user-account", "user_id": "4111111111111111"}}},
        {
            "type": "tool",
            "external_references": [{"source_name": "x", "url": "219-09-4999", "external_id": "219-09-4999"}],
        },
    ],
)
def test_what_an_observable_is_and_what_names_things_is_not_looked_at(obj: dict[str, Any]) -> None:
    assert find(obj) == []


def test_what_somebody_writes_about_an_observable_is() -> None:
    mail = {"type": "email-message", "subject": "ok", "body": "my card is 4111111111111111"}
    assert find(mail) == ["/body"]
    assert find({"type": "observed-data", "objects": {"0": mail}}) == ["/objects/0/body"]


def test_an_individuals_contact_is_personal_and_an_organizations_is_not() -> None:
    contact = {"type": "identity", "name": "x", "contact_information": "x@example.org, +49 30 1234567"}
    assert find({**contact, "identity_class": "individual"}) == ["/contact_information"]
    assert find({**contact, "identity_class": "organization"}) == []


@pytest.mark.parametrize(
    "unit",
    ["1", "1 ", "1-", "12-", "123-45-6789", "4111111111111111 ", "a@", "a.", "a@b.", "AB12 ", "DE89 3704 ", "+1",
     "(1) ", "Mr ", "born 1 ", "Mr +1 ", "Mr a@a.", "http:", "1 January ", "ssn 1 1 "],
)  # fmt: skip
def test_time_is_linear_in_hostile_text(unit: str) -> None:
    begin = process_time()
    find(note(unit * (300_000 // len(unit))))
    assert process_time() - begin < 2


def read(name: str) -> list[dict[str, Any]]:
    body = (FOLDER / name).read_bytes()
    if name.endswith(".jsonl"):
        return [json.loads(line) for line in body.splitlines()]
    found = json.loads(gzip.decompress(body) if name.endswith(".gz") else body)
    return list(found.get("objects") or found.get("vulnerabilities") or [found])


@pytest.mark.skipif(not FOLDER.is_dir(), reason="the folder ../shared/data is not here")
def test_real_intelligence_raises_no_alarm() -> None:
    names = ["stix/mixed-2.1.json.gz", "stix/mobile-attack-17.1.json.gz", "atlas/stix-atlas.json", "osv/pysec.jsonl",
             "kev/known_exploited_vulnerabilities.json"]  # fmt: skip
    names += [f"{p.parent.name}/{p.name}" for folder in ("csaf", "avid") for p in (FOLDER / folder).glob("*.json")]
    objects = [obj for name in names for obj in read(name)]
    assert len(objects) > 11_000
    assert [(obj.get("id"), find(obj)) for obj in objects if find(obj)] == []
