"""From the sketches of a decision case to STIX objects and an administrator's files.

A short name always means the same STIX id, whoever posts it and wherever it is referred to.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping
from functools import cache
from typing import Any

import yaml

from exchange import config
from tests.property import world as w
from tests.property.cases import PLAIN, Case, Sketch

TLP_1 = {
    "white (TLP 1)": "marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9",
    "green (TLP 1)": "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da",
    "amber (TLP 1)": "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82",
    "red (TLP 1)": "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed",
}
LEVELS = {**w.TLP, **TLP_1}
# Definitions of other schemes: the extension, and the terms of it that a case does not say. These ask nothing.
SCHEMES: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "iep": (
        "extension-definition--762e2e97-ee51-43e5-a9ea-165fbb862c4a",
        {
            "encrypt_in_transit": "may", "permitted_actions": "externally-visible-direct-actions",
            "affected_party_notifications": "may", "tlp": "white", "provider_attribution": "may",
            "unmodified_resale": "may", "iep_id": "0224bfdf-ea3a-49c3-96f6-66d908bb1845", "iep_version": 2.0,
            "description": "x", "start_date": "2022-10-01T00:00:00Z",
        },
    ),
    "acs": (
        "extension-definition--3a65884d-005a-4290-8335-cb2d778a83ce",
        {
            "identifier": "isa:guide.19001.ACS3-6b142579-f21c-4199-865c-207d9df7313c",
            "create_date_time": "2026-01-01T00:00:00Z", "responsible_entity_custodian": "USA.DHS",
            "policy_reference": "urn:isa:policy:acs:ns:v3.0?privdefault=permit&sharedefault=permit",
            "control_set": {"classification": "U"},
        },
    ),
    "pap": ("extension-definition--f8d78575-edfd-406e-8e84-6162a8450f5b", {"pap": "amber"}),
    "cui": (
        "extension-definition--dff17fb3-edcb-4f99-ad1b-4b751c95738a",
        {
            "control": "CUI", "categories": ["SP-A"], "disseminations": ["NOFORN"],
            "designator_ref": "identity--c069bb9f-158a-405d-92b4-858a2536df9a",
        },
    ),
}  # fmt: skip
MAIN = "config/exchange.yaml"


class Sketcher:
    """The objects of one case."""

    def __init__(self, case: Case) -> None:
        self.types: dict[str, str] = {}
        for sketch in case.sketches:
            self.types.setdefault(sketch.name, type_of(sketch))

    def id(self, name: str) -> str:
        """The STIX id of a short name; a name that is posted nowhere is a campaign's."""
        kind = self.types.get(name, "campaign")
        if kind == "ipv4-addr":
            return str(w.address(_address(name), text="")["id"])
        return f"{kind}--{_uuid(name)}"

    def object(self, sketch: Sketch, text: str, words: Mapping[str, str]) -> dict[str, Any]:
        """`text` goes in as its name; `words` gives marking ids for what the publisher may address."""
        kind = self.types[sketch.name]
        if kind == "ipv4-addr":
            made = w.address(_address(sketch.name), text=text)
        else:
            made = {"type": kind, "spec_version": "2.1", "id": self.id(sketch.name), "created": w.version_text(0)}
            made |= {} if kind == "marking-definition" else {"modified": w.version_text(sketch.version)}
            made |= self._own(kind, sketch, text)
        marks = [LEVELS[level] for level in sketch.tlp] + [words[word] for word in sketch.to]
        marks += [marking_id(name) for name in sketch.marked]
        made |= {"object_marking_refs": marks} if marks else {}
        made |= {"created_by_ref": identity_id(sketch.by)} if sketch.by else {}
        if sketch.granular:
            refs = [LEVELS.get(level) or marking_id(level) for level in sketch.granular]
            made["granular_markings"] = [{"marking_ref": ref, "selectors": ["name"]} for ref in refs]
        if sketch.type in SCHEMES:
            extension, terms = SCHEMES[sketch.type]
            kept = {k: v for k, v in {**terms, **sketch.more}.items() if v is not None}
            return made | {"extensions": {extension: {"extension_type": "property-extension", **kept}}}
        return made | dict(sketch.more)

    def _own(self, kind: str, sketch: Sketch, text: str) -> dict[str, Any]:
        """The properties that make one type differ from another."""
        ids = [self.id(name) for name in sketch.refs]
        if kind == "relationship":
            source, target = ids
            return {"relationship_type": "related-to", "source_ref": source, "target_ref": target, "description": text}
        if kind == "note":
            return {"abstract": text, "content": "x", "object_refs": ids}
        if kind == "report":
            return {"name": text, "published": w.version_text(0), "object_refs": ids}
        if kind == "marking-definition" and sketch.type in SCHEMES:
            return {"name": text}
        if kind == "marking-definition":
            return {"name": text, "definition_type": "statement", "definition": {"statement": text}}
        if kind == "indicator":
            pattern = {"pattern": "[ipv4-addr:value = '192.0.2.1']", "pattern_type": "stix"}
            return {"name": text, **pattern, "valid_from": w.version_text(0)}
        if kind == "vulnerability":
            return {"name": text}
        assert kind == "campaign", f"no sketch of a {kind}"
        return {"name": text} | ({"x_seen_with_refs": ids} if ids else {})


def type_of(sketch: Sketch) -> str:
    """Unsaid, what refers to others is a note and what does not is a campaign."""
    kinds = dict.fromkeys(("statement", *SCHEMES), "marking-definition") | {"": "note" if sketch.refs else "campaign"}
    return kinds.get(sketch.type, sketch.type)


def _uuid(name: str) -> str:
    return str(uuid.UUID(bytes=hashlib.sha256(name.encode()).digest()[:16], version=4))


def _address(name: str) -> str:
    return f"192.0.2.{hashlib.sha256(name.encode()).digest()[0]}"


def marking_id(name: str) -> str:
    return f"marking-definition--{_uuid(name)}"


def identity_id(name: str) -> str:
    return f"identity--{_uuid(name)}"


def collection_id(name: str) -> str:
    return _uuid(name)


# Files ----------------------------------------------------------------------------------------------------------------


@cache
def example() -> Mapping[str, Any]:
    """The plain home as one tree, its collections under `collections`; every scalar stays text."""
    files = config.read_home(PLAIN)
    tree = _tree(files.pop(MAIN))
    names = {name: name.removeprefix("collections/").removesuffix(".yaml") for name in files}
    tree["collections"] = {names[name]: _tree(text) for name, text in files.items()}
    return tree


def _tree(text: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.load(text, Loader=yaml.CBaseLoader)  # noqa: S506 - it makes text, lists and tables only
    return found


def merged(tree: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The tree with the changes put in, key by key; None takes a key out."""
    made = dict(tree)
    for key, value in changes.items():
        if value is None:
            made.pop(key)
        elif isinstance(value, Mapping) and isinstance(made.get(key), Mapping):
            made[key] = merged(made[key], value)
        else:
            made[key] = value
    return made


def files(tree: Mapping[str, Any]) -> dict[str, str]:
    """The files of a home; JSON is YAML, here with each key in a line of its own.

    Foreign markings, identities and new collections get ids from their names.
    """
    main = {key: value for key, value in tree.items() if key != "collections"}
    main["markings"] = {marking_id(name): word for name, word in main.get("markings", {}).items()}
    main["members"] = {
        name: {k: identity_id(v) if k == "identity" else v for k, v in stanza.items()}
        for name, stanza in main["members"].items()
    }
    found = {MAIN: json.dumps(main, default=str, indent=1)}
    for name, keys in tree["collections"].items():
        said = {"id": collection_id(name), "title": name, **keys}
        found[f"collections/{name}.yaml"] = json.dumps(said, default=str, indent=1)
    return found
