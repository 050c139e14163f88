"""The sample data is what a stranger sees first: it must be valid STIX and within its publishers' rights.

Addressing markings have ids that differ per exchange and publisher, so the files hold their names instead
(`group:finance`, `member:skyline`, `named-only`); `exchange seed` puts the publisher's own ids there.
"""

from __future__ import annotations

import ipaddress
import itertools
import json
import re
import uuid
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import stix2
import yaml
from stix2.registry import STIX2_OBJ_MAPS

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "collections" / "seed").glob("*.json"))
NAME = re.compile(r"(?P<order>\d\d)-(?P<posting>[a-z0-9-]+)\.json")
ADDRESS = re.compile(r"group:[a-z0-9-]+|member:[a-z0-9-]+|named-only")
LEVELS = ("clear", "green", "amber", "amber+strict", "red")
# TLP 2.0 as STIX markings; ids of the OASIS common object repository.
TLP = {
    "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487": "clear",
    "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb": "green",
    "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421": "amber",
    "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003": "amber+strict",
    "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1": "red",
}
OBSERVABLES = STIX2_OBJ_MAPS["2.1"]["observables"]
COMPUTED = set(OBSERVABLES) - {"process"}  # a process has nothing to compute an id from
DOCUMENTATION = [
    ipaddress.ip_network(text)
    for text in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")  # RFC 5737, RFC 3849
]
RESERVED_NAME = re.compile(r"([a-z0-9-]+\.)*(example\.(com|net|org)|[a-z0-9-]+\.example)")  # RFC 2606


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """One file: what one member publishes to one collection in one go."""

    name: str
    collection: str
    member: str
    text: str
    objects: list[dict[str, Any]]


@cache
def exchange() -> dict[str, Any]:
    parsed: dict[str, Any] = yaml.safe_load((ROOT / "config" / "exchange.yaml").read_text("utf-8"))
    return parsed


@cache
def collections() -> dict[str, dict[str, Any]]:
    """Rights by collection name, the exchange's defaults filled in."""
    defaults: dict[str, Any] = exchange().get("defaults", {})
    return {
        path.stem: defaults | yaml.safe_load(path.read_text("utf-8"))
        for path in sorted((ROOT / "collections").glob("*.yaml"))
    }


@cache
def postings() -> tuple[Posting, ...]:
    return tuple(read(path) for path in FILES)


def read(path: Path) -> Posting:
    match = NAME.fullmatch(path.name)
    assert match, f"{path.name}: name it NN-COLLECTION-MEMBER.json"
    pairs = itertools.product(collections(), exchange()["members"])
    found = [pair for pair in pairs if "-".join(pair) == match["posting"]]
    assert len(found) == 1, f"{path.name}: no such collection and member"
    text = path.read_text("utf-8")
    collection, member = found[0]
    objects = json.loads(text)["objects"]
    return Posting(name=path.name, collection=collection, member=member, text=text, objects=objects)


def everything() -> Iterator[tuple[Posting, dict[str, Any]]]:
    """Each object with its posting, in publishing order."""
    return ((posting, obj) for posting in postings() for obj in posting.objects)


def groups_of(member: str) -> set[str]:
    """The groups that the member is in, through `of:` too."""
    groups = set(exchange()["members"][member]["in"])
    unions = {name: set(g["of"]) for name, g in exchange()["groups"].items() if isinstance(g, dict)}
    for _ in unions:
        groups |= {name for name, of in unions.items() if groups & of}
    return groups


def allowed(right: str | list[str], member: str) -> bool:
    wanted = {right} if isinstance(right, str) else set(right)
    return "everyone" in wanted or bool(wanted & groups_of(member))


def addresses(obj: Mapping[str, Any]) -> list[str]:
    return [ref for ref in obj.get("object_marking_refs", []) if not ref.startswith("marking-definition--")]


def level(obj: Mapping[str, Any], unmarked: str) -> str:
    """The strictest TLP of the object; a granular mark counts for the whole of it (policy 3.4)."""
    refs = list(obj.get("object_marking_refs", []))
    refs += [granular["marking_ref"] for granular in obj.get("granular_markings", [])]
    return max((TLP[ref] for ref in refs if ref in TLP), key=LEVELS.index, default=unmarked)


def seeded(obj: Mapping[str, Any]) -> dict[str, Any]:
    """The object as `exchange seed` would send it: every placeholder a marking-definition id."""
    copy = dict(obj)
    if "object_marking_refs" in copy:
        copy["object_marking_refs"] = [
            f"marking-definition--{uuid.uuid5(uuid.NAMESPACE_URL, ref)}" if ADDRESS.fullmatch(ref) else ref
            for ref in copy["object_marking_refs"]
        ]
    return copy


def references(value: object) -> Iterator[str]:
    """Every id under a `_ref` or `_refs` property, at any depth, markings and creator left out."""
    if isinstance(value, list):
        for item in value:
            yield from references(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key in {"created_by_ref", "object_marking_refs", "granular_markings"}:
                continue
            if key.endswith(("_ref", "_refs")):
                yield from item if isinstance(item, list) else [item]
            else:
                yield from references(item)


def test_there_are_at_least_150_objects_of_15_types_or_more() -> None:
    types = [obj["type"] for _, obj in everything()]
    assert len(types) >= 150
    assert len(set(types)) >= 15


def test_every_sample_member_publishes_and_every_collection_gets_something() -> None:
    assert {posting.member for posting in postings()} == set(exchange()["members"])
    assert {posting.collection for posting in postings()} == set(collections())


def test_the_order_number_of_a_file_is_its_own() -> None:
    assert len({path.name[:2] for path in FILES}) == len(FILES)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_file_is_a_bundle_in_readable_json(path: Path) -> None:
    text = path.read_text("utf-8")
    bundle = json.loads(text)
    assert text == json.dumps(bundle, indent=2, ensure_ascii=False) + "\n"
    assert set(bundle) == {"type", "id", "objects"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_object_is_strict_stix_2_1(path: Path) -> None:
    for obj in read(path).objects:
        stix2.parse(seeded(obj), allow_custom=False, version="2.1")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_oasis_validator_finds_no_error(path: Path) -> None:
    bundle = json.loads(path.read_text("utf-8"))
    bundle["objects"] = [seeded(obj) for obj in bundle["objects"]]
    import stix2validator  # seconds of grammars; every process that collects the tests would wait for them

    results = stix2validator.validate_instance(bundle, stix2validator.ValidationOptions(version="2.1"))
    assert [str(error) for error in results.errors] == []


def test_an_observable_has_the_uuid5_of_its_value() -> None:
    """STIX 2.1 section 2.9 (S-2.9-03)."""
    for posting, obj in everything():
        if obj["type"] in COMPUTED:
            rest = {key: value for key, value in seeded(obj).items() if key != "id"}
            assert OBSERVABLES[obj["type"]](**rest).id == obj["id"], posting.name


def test_every_other_object_has_a_uuid4() -> None:
    ids = [obj["id"] for _, obj in everything() if obj["type"] not in COMPUTED]
    assert {uuid.UUID(stix_id.split("--")[1]).version for stix_id in ids} == {4}


def test_only_documented_names_stand_in_for_markings() -> None:
    named = {address for _, obj in everything() for address in addresses(obj)}
    assert [name for name in named if not ADDRESS.fullmatch(name)] == []
    assert {name.split(":")[0] for name in named} == {"group", "member", "named-only"}


def test_addressed_groups_exist_and_addressed_members_may_read_there() -> None:
    for posting, obj in everything():
        for kind, _, name in (address.partition(":") for address in addresses(obj)):
            if kind == "group":
                assert name in exchange()["groups"], posting.name
            elif kind == "member":
                assert name in exchange()["members"], posting.name
                assert allowed(collections()[posting.collection]["read"], name), posting.name


def test_a_publisher_may_write_to_the_collection() -> None:
    assert [p.name for p in postings() if not allowed(collections()[p.collection]["write"], p.member)] == []


def test_the_tlp_of_every_object_is_accepted_by_its_collection() -> None:
    for posting, obj in everything():
        rules = collections()[posting.collection]
        lowest, highest = (LEVELS.index(name) for name in rules["accept"])
        assert lowest <= LEVELS.index(level(obj, rules["unmarked"])) <= highest, (posting.name, obj["id"])


def test_every_tlp_level_and_an_unmarked_object_occur() -> None:
    assert {level(obj, "none") for _, obj in everything()} == {*LEVELS, "none"}


def test_red_and_the_collection_of_named_recipients_name_a_member() -> None:
    for posting, obj in everything():
        rules = collections()[posting.collection]
        if level(obj, rules["unmarked"]) == "red" or rules.get("audience") == "named":
            assert any(name.startswith("member:") for name in addresses(obj)), (posting.name, obj["id"])


def test_every_marking_is_tlp_2_or_deposited_by_the_same_publisher() -> None:
    known: dict[str, set[str]] = defaultdict(lambda: set(TLP))
    for posting, obj in everything():
        known[posting.member].add(obj["id"])
        refs = [r for r in obj.get("object_marking_refs", []) if r.startswith("marking-definition--")]
        assert set(refs) <= known[posting.member], (posting.name, obj["id"])


def test_a_member_signs_everything_with_its_one_identity_and_deposits_it_where_it_gives_its_name() -> None:
    signed: dict[str, set[str]] = defaultdict(set)
    identities: dict[str, set[str]] = defaultdict(set)
    for posting, obj in everything():
        if obj["type"] == "identity":
            identities[posting.member].add(obj["id"])
        if "created_by_ref" in obj:
            signed[posting.member].add(obj["created_by_ref"])
    assert set(signed) == set(exchange()["members"])
    unnamed = {name for name, stanza in exchange()["members"].items() if stanza.get("credit", "named") != "named"}
    assert all(len(ids) == 1 for ids in signed.values())
    assert {member for member, ids in signed.items() if ids <= identities[member]} == signed.keys() - unnamed


def test_versions_of_an_object_rise_and_keep_created() -> None:
    versions: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for posting, obj in everything():
        versions[posting.member, obj["id"]].append(obj)
    several = {key: objs for key, objs in versions.items() if len(objs) > 1}
    assert len(several) >= 3
    for (_, stix_id), objs in several.items():
        modified = [obj["modified"] for obj in objs]
        assert modified == sorted(set(modified)), stix_id
        assert {obj["created"] for obj in objs} == {modified[0]}, stix_id


def test_timestamps_have_milliseconds_and_lie_in_the_story() -> None:
    times = [obj[key] for _, obj in everything() for key in ("created", "modified") if key in obj]
    assert [text for text in times if not re.fullmatch(r"[\d-]{10}T[\d:]{8}\.\d{3}Z", text)] == []
    assert min(times) >= "2026-10-01"
    assert max(times) <= "2026-11-20"


def test_some_references_point_at_what_their_publisher_never_deposited() -> None:
    own: dict[str, set[str]] = defaultdict(set)
    for posting, obj in everything():
        own[posting.member].add(obj["id"])
    everywhere = set().union(*own.values())
    open_ends = {ref for p, obj in everything() for ref in references(obj) if ref not in own[p.member]}
    assert open_ends & everywhere  # another member's object
    assert open_ends - everywhere  # nobody's here, such as ATT&CK


def test_one_address_is_red_with_one_member_and_open_with_another() -> None:
    """Example K of the policy: the same computed id, two publishers, two audiences."""
    levels: dict[str, dict[str, str]] = defaultdict(dict)
    for posting, obj in everything():
        if obj["type"] == "ipv4-addr":
            levels[obj["id"]][posting.member] = level(obj, "none")
    assert {"modelworks": "red", "care-isac": "green"} in levels.values()


def test_addresses_and_names_are_reserved_for_documentation() -> None:
    for posting, obj in everything():
        if obj["type"] in {"ipv4-addr", "ipv6-addr"}:
            assert any(ipaddress.ip_address(obj["value"]) in net for net in DOCUMENTATION), posting.name
    for posting in postings():
        hosts = re.findall(r"(?:https?://|[\w.-]+@)([\w.-]+)", posting.text)
        hosts += [obj["value"] for obj in posting.objects if obj["type"] == "domain-name"]
        assert [host for host in hosts if not RESERVED_NAME.fullmatch(host)] == [], posting.name
