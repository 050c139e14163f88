"""Collection files and `defaults:` read into collections: rights, the TLP range, and their faults."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from exchange.configcredit import read_credit
from exchange.confignames import NAME, NAME_RULE, NOT_YET, UUID, Names, tlp_level
from exchange.configtypes import NAMED, Collection, Credit, Plan, Rights
from exchange.label import Tlp
from exchange.yamlfile import Listing, Place, Problem
from exchange.yamlread import Reader, choice, flag, line, prose

_UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_RULE_KEYS = frozenset(
    {"read", "write", "accept", "unmarked", "own", "audience", "unknown-markings", "release", "release-at-least"}
    | {"credit", "pseudonym", "moderate", "personal-data", "responses"}
)
_COLLECTION_KEYS = _RULE_KEYS | {"id", "title", "description"}
_GENERAL = {"anonymous-tick": "is one for all collections; write it under `defaults`"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What one file says of a collection's rules; None where it says nothing, or nothing right."""

    read: Rights | None
    write: Rights | None
    accept: tuple[Tlp, Tlp] | None
    unmarked: Tlp | str | None
    own: str | None
    audience: str | None
    unknown_markings: str | None
    moderate: frozenset[str] | None
    personal_data: str | None
    release: Plan | None
    at_least: Plan | None
    credit: Credit | None
    pseudonym: bool | None
    responses: str | None
    places: Mapping[str, Place]


def read_defaults(main: Reader, names: Names) -> Rules:
    reader = main.below("defaults")
    own_keys = {key: "cannot have a default; write it in each collection" for key in ("id", "title", "description")}
    reader.only(_RULE_KEYS | {"anonymous-tick"}, NOT_YET | own_keys)
    return _rules(reader, names)


def _rules(reader: Reader, names: Names) -> Rules:
    return Rules(
        read=_rights(reader, "read", names),
        write=_rights(reader, "write", names),
        accept=_accept(reader),
        unmarked=reader.value("unmarked", _tlp_or_refuse, None),
        own=reader.value("own", choice("hidden", "readable"), None),
        audience=reader.value("audience", choice("named", "open"), None),
        unknown_markings=reader.value("unknown-markings", choice("reject", "quarantine"), None),
        moderate=_moderate(reader, names),
        personal_data=reader.value("personal-data", choice("reject", "quarantine", "allow"), None),
        release=reader.value("release", names.plan, None),
        at_least=reader.value("release-at-least", names.plan, None),
        credit=read_credit(reader, names),
        pseudonym=reader.value("pseudonym", flag, None),
        responses=reader.value("responses", names.collection, None),
        places=reader.table.places,
    )


def _rights(reader: Reader, key: str, names: Names) -> Rights | None:
    if key not in reader.table.places:
        return None
    holders = reader.each(key, names.holder)
    if "everyone" in holders and len(holders) > 1:
        reader.note(key, "`everyone` includes every group; write it alone, or only the groups")
    return Rights(everyone="everyone" in holders, groups=frozenset(holders) - {"everyone"})


def _moderate(reader: Reader, names: Names) -> frozenset[str] | None:
    return frozenset(reader.each("moderate", names.moderator)) if "moderate" in reader.table.places else None


def _accept(reader: Reader) -> tuple[Tlp, Tlp] | None:
    node = reader.table.fields.get("accept")
    if node is None:
        return None
    if not isinstance(node, Listing) or len(node.items) != 2:
        reader.note("accept", "needs the lowest and the highest TLP, like `[clear, amber+strict]`")
        return None
    ends = reader.each("accept", tlp_level)
    if len(ends) < 2:
        return None
    low, high = ends
    if high < low:
        reader.note("accept", f"the lowest comes first; write [{high.value}, {low.value}]")
        return None
    return low, high


def is_collection(file: str, problems: list[Problem]) -> bool:
    """Whether a file is named as a collection's; if not, a problem is noted."""
    match = re.fullmatch(r"collections/([^/]+)\.yaml", file)
    if match is None:
        message = "is not a file of a home; write config/exchange.yaml or collections/NAME.yaml"
    elif match[1] == "policy":
        message = "`policy` is the exchange's own collection; choose another file name"
    elif UUID.fullmatch(match[1]) or not NAME.fullmatch(match[1]):
        message = f"the file's name is the collection's: {NAME_RULE}, and no UUID"
    else:
        return True
    problems.append(Problem(place=Place(file=file, line=1), key="", message=message))
    return match is not None


def read_collection(
    file: str, reader: Reader, defaults: Rules, names: Names, fresh_id: Callable[[], str] | None
) -> Collection:
    reader.only(_COLLECTION_KEYS, NOT_YET | _GENERAL)
    own = _rules(reader, names)
    nobody = Rights(everyone=False, groups=frozenset())
    accept = own.accept or defaults.accept or (Tlp.CLEAR, Tlp.AMBER_STRICT)
    unmarked = own.unmarked or defaults.unmarked or Tlp.AMBER
    places = {**defaults.places, **own.places}
    _check_unmarked(reader, accept, unmarked, own, defaults)
    name = file.removeprefix("collections/").removesuffix(".yaml")
    if own.responses == name:
        reader.note("responses", "is this collection: responses may come here anyway; remove it")
    box = own.responses or defaults.responses
    return Collection(
        name=name,
        id=_id(reader, fresh_id),
        title=reader.required("title", _title, "", "write a title for people"),
        description=reader.value("description", prose, None),
        read=own.read or defaults.read or nobody,
        write=own.write or defaults.write or nobody,
        accept=accept,
        unmarked=unmarked if isinstance(unmarked, Tlp) else None,
        own_hidden=(own.own or defaults.own) == "hidden",
        named=(own.audience or defaults.audience) == "named",
        unknown_markings=own.unknown_markings or defaults.unknown_markings or "reject",
        moderate=own.moderate if own.moderate is not None else defaults.moderate or frozenset(),
        personal_data=own.personal_data or defaults.personal_data or "allow",
        release=own.release or defaults.release,
        at_least=own.at_least or defaults.at_least,
        credit=own.credit or defaults.credit or NAMED,
        pseudonym=bool(own.pseudonym if own.pseudonym is not None else defaults.pseudonym),
        responses=box if box != name else None,
        place=Place(file=file, line=1),
        places=places,
    )


def _check_unmarked(reader: Reader, accept: tuple[Tlp, Tlp], unmarked: Tlp | str, own: Rules, defaults: Rules) -> None:
    """Policy 3.3.6: the TLP of unmarked objects lies within `accept`. Silent where either is wrong itself."""
    for rules in (own, defaults):
        if rules.accept is None and "accept" in rules.places:
            return
        if rules.unmarked is None and "unmarked" in rules.places:
            return
    low, high = accept
    if isinstance(unmarked, Tlp) and not low <= unmarked <= high:
        whence = "" if own.unmarked else " (by default)"
        mend = f"write `unmarked: {max(low, min(high, unmarked)).value}` or `unmarked: refuse`"
        place = own.places.get("unmarked") or own.places.get("accept")
        message = f"{unmarked.value}{whence} is not within accept [{low.value}, {high.value}]; {mend}"
        reader.note("unmarked", message, place)


def _id(reader: Reader, fresh_id: Callable[[], str] | None) -> str:
    mend = f"write `id: {fresh_id()}`" if fresh_id else "write a UUIDv4; `exchange check` prints a fresh one"

    def form(text: str) -> str:
        if not _UUID4.fullmatch(text):
            raise ValueError(f'"{text}" is not a UUIDv4 in lower case; {mend}')
        return text

    return reader.required("id", form, "", mend)


def doubles(collections: list[Collection]) -> Iterator[Problem]:
    """A problem for each id or title that an earlier collection has already."""
    first: dict[tuple[str, str], Place] = {}
    for one in collections:
        for key, text in (("id", one.id), ("title", one.title)):
            place = one.places.get(key, one.place)
            other = first.setdefault((key, text), place)
            if text and other is not place:
                message = f'"{text}" is the {key} in {other.file}:{other.line} already; each collection has its own'
                yield Problem(place=place, key=key, message=message)


def _tlp_or_refuse(text: str) -> Tlp | str:
    return text if text == "refuse" else tlp_level(text)


def _title(text: str) -> str:
    # clients.md rule 10: some clients split their configuration at these.
    if "." in text or "," in text:
        raise ValueError("must have no `.` and no `,`: some clients cannot be configured with them")
    return line(text)
