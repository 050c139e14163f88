"""The rows on STIX 2.1 (S-…) over HTTP: what each lets in is served again byte for byte, what it refuses is told why.

The objects themselves are tests/unit/stixbroken.py, stixbrokentypes.py and stixcarried.py, where they are judged
without a server.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from itertools import chain
from typing import Any

import pytest

from exchange.stix import parse_timestamp
from tests.protocol.served import Member
from tests.unit.stixbroken import BROKEN
from tests.unit.stixbrokentypes import BROKEN as BROKEN_TYPES
from tests.unit.stixcarried import ACCEPTED
from tests.unit.test_stix_samples import NOW

NAMESPACE = uuid.UUID("6f1d1c0e-0d53-4b8f-8d1e-6a8f4f0f7c11")
REFUSED = {row: cases for row, cases in chain(BROKEN.items(), BROKEN_TYPES.items())}
# The judge's own clock stands in NOW; the server's does not, so what is ahead of NOW is tested apart.
AHEAD = NOW + 1


def rows(named: Any) -> list[Any]:
    return [pytest.param(row, marks=pytest.mark.row(row), id=row) for row in named]


@pytest.fixture(scope="module")
def kept(unused: Iterator[str]) -> str:
    """A collection for all that this module lets in."""
    return next(unused)


def renewed(obj: dict[str, Any], name: str) -> bytes:
    """The object's text under an id of its own, the UUID in the case and version that it came in."""
    prefix, _, old = obj["id"].rpartition("--")
    fresh = str(uuid.uuid5(NAMESPACE, name))
    fresh = old[:9] + fresh[9:14] + old[14] + fresh[15:]
    text = json.dumps(obj, ensure_ascii=False, indent=1)
    return text.replace(obj["id"], f"{prefix}--{fresh.upper() if old.isupper() else fresh}").encode()


def envelope(*objects: bytes) -> bytes:
    return b'{"objects": [' + b" ,\n".join(objects) + b"]}"


def served_again(member: Member, collection: str, ids: list[str]) -> bytes:
    """The page of these objects, every version, as it came."""
    query = {"match[id]": ",".join(ids), "match[version]": "all", "limit": "1000"}
    answer = member.ask(f"/exchange/collections/{collection}/objects/", params=query)
    assert answer.status_code == 200
    assert len(answer.json()["objects"]) == len(ids)
    return answer.content


def ahead(obj: dict[str, Any]) -> bool:
    try:
        return parse_timestamp(obj.get("modified", obj.get("created", ""))) >= AHEAD
    except (TypeError, ValueError):
        return False


def sendable(obj: dict[str, Any]) -> bool:
    try:
        json.dumps(obj, allow_nan=False, ensure_ascii=False).encode()
    except ValueError:
        return False
    return not ahead(obj)


@pytest.mark.parametrize("row", rows(ACCEPTED))
def test_what_a_row_lets_in_is_served_again_byte_for_byte(alpha: Member, beta: Member, kept: str, row: str) -> None:
    raws = [renewed(obj, f"{row} {name}") for name, obj in ACCEPTED[row].items() if not ahead(obj)]
    status = alpha.post(kept, data=envelope(*raws)).json()
    assert (status["failure_count"], status["success_count"]) == (0, len(raws)), status.get("failures")
    page = served_again(beta, kept, [json.loads(raw)["id"] for raw in raws])
    assert [raw for raw in raws if raw not in page] == []


@pytest.mark.parametrize("row", rows(REFUSED))
def test_what_a_row_refuses_is_told_by_its_place_and_the_mend(alpha: Member, row: str) -> None:
    cases = [case for case in REFUSED[row] if sendable(case[0])]
    status = alpha.post("fresh00", data=envelope(*(json.dumps(obj).encode() for obj, _, _ in cases))).json()
    assert (status["success_count"], status["failure_count"]) == (0, len(cases)), status.get("successes")
    for (obj, path, words), failure in zip(cases, status["failures"], strict=True):
        assert failure["message"].startswith(f"{path or '/'}: ")
        assert words in failure["message"]
        assert failure["id"] == (obj["id"] if isinstance(obj.get("id"), str) else "unidentified")
