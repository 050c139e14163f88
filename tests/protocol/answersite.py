"""An exchange where labs publish findings, owners answer and a coordinator looks on, for the tests of responses."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

from exchange import app
from tests.protocol.apisite import Asker, Stage
from tests.protocol.served import collection_id

MAIN = """
exchange: Findings
operator: Operations
defaults: { anonymous-tick: 1s }
groups: { labs: Labs, vendors: Vendors, federal: Agencies, banks: Banks }
members:
  lab:   { name: The Lab, in: [labs] }
  quiet: { name: The Quiet Lab, in: [labs], credit: anonymous }
  maker: { name: The Maker, in: [vendors] }
  rival: { name: The Rival, in: [vendors] }
  coord: { name: The Coordinator, in: [federal], roles: [coordinator] }
  bank:  { name: The Bank, in: [banks] }
releases:
  cvd:
    - { at: 0d, to: named }
    - { at: 400d, to: everyone }
"""
COLLECTIONS = {
    "findings": "write: [labs, vendors, federal]\nread: everyone\nrelease: cvd\nresponses: replies",
    "watched": "write: labs\nread: everyone\nrelease: cvd\nresponses: replies",
    "replies": "write: everyone\nread: federal",
    "elsewhere": "write: everyone\nread: everyone",
}


def files(main: str = MAIN) -> dict[str, str]:
    found = {"config/exchange.yaml": main}
    for number, (name, rules) in enumerate(COLLECTIONS.items()):
        head = f"id: {collection_id(900 + number)}\ntitle: Collection {name}\naccept: [clear, red]\nunmarked: amber\n"
        found[f"collections/{name}.yaml"] = f"{head}{rules}\n"
    return found


def objects(asker: Asker, collection: str = "findings") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(asker.poll(collection).data).get("objects", [])
    return found


def ids(asker: Asker, collection: str = "findings") -> list[str]:
    return [o["id"] for o in objects(asker, collection)]


def words(asker: Asker) -> dict[str, str]:
    return {o["name"]: o["id"] for o in objects(asker, "policy")}


def flaw(asker: Asker, *named: str, **more: Any) -> dict[str, Any]:
    """A vulnerability of a member's that names these."""
    known = words(asker)
    marks = [known[f"member:{name}"] for name in named]
    return _made("vulnerability", name="A flaw", **({"object_marking_refs": marks} if marks else {}), **more)


def note(target: str, *labels: str, **more: Any) -> dict[str, Any]:
    return _made("note", content="What we say.", object_refs=[target], labels=list(labels), **more)


def opinion(target: str, *labels: str, value: str = "agree") -> dict[str, Any]:
    return _made("opinion", opinion=value, object_refs=[target], **({"labels": list(labels)} if labels else {}))


def sighting(target: str) -> dict[str, Any]:
    return _made("sighting", sighting_of_ref=target)


def _made(kind: str, **more: Any) -> dict[str, Any]:
    at = "2024-01-01T00:00:00.000Z"
    return {"type": kind, "spec_version": "2.1", "id": f"{kind}--{uuid.uuid4()}", "created": at, "modified": at, **more}


def taken(asker: Asker, collection: str, *made: dict[str, Any]) -> list[str]:
    """What is said of each object, all of them taken."""
    status = asker.post(collection, *made)
    assert status["failure_count"] == 0, status
    return [one.get("message", "") for one in status["successes"]]


def release(stage: Stage) -> int:
    """What a server does, once the next tick for anonymous copies has come; how many notes were sent."""
    time.sleep(1.05)
    releaser = app.releaser(stage.here.exchange)
    releaser.round()
    releaser.engine.dispose()
    return stage.round()
