"""How the properties of one type go together (S-3.2, S-4-02, S-6-02, S-9): one function per type, in one
table.
"""

from collections.abc import Mapping, Sequence
from ipaddress import IPv6Interface
from typing import Final

from exchange.stixfault import Fault, pointer
from exchange.stixmarks import marking_definition
from exchange.stixpattern import pattern_error
from exchange.stixread import Object, items, members, text
from exchange.stixrules import Rule, fault, is_language
from exchange.stixtypes import KNOWN, SCO


def exactly_one(obj: Object, first: str, second: str, path: str = "") -> list[Fault]:
    """A fault unless exactly one of two properties is present."""
    if (first in obj) != (second in obj):
        return []
    both = first in obj
    mend = "keep one of them" if both else "add one of them"
    return [fault(path, f"{'has both' if both else 'has neither'} {first} and {second}: {mend}")]


def indicator(obj: Object) -> Sequence[Fault]:
    """S-9-01, S-9-02: a STIX pattern parses; other languages are carried unread."""
    pattern = text(obj, "pattern")
    if pattern is None or obj.get("pattern_type") != "stix":
        return []
    error = pattern_error(pattern, text(obj, "pattern_version") or "2.1")
    return [] if error is None else [fault("/pattern", f"the pattern {error}: mend it, or name its pattern_type")]


def malware(obj: Object) -> Sequence[Fault]:
    """S-4-02: a family has a name."""
    if obj.get("is_family") is True and "name" not in obj:
        return [fault("/name", "a malware family needs a name: add it")]
    return []


def location(obj: Object) -> Sequence[Fault]:
    """S-4-02: latitude and longitude come together, and precision with them."""
    found = []
    for name, other in (("latitude", "longitude"), ("longitude", "latitude")):
        if other in obj and name not in obj:
            found.append(fault(f"/{name}", f"{other} stands without {name}: add it"))
    if "precision" in obj and not ("latitude" in obj and "longitude" in obj):
        found.append(fault("/precision", "stands without latitude and longitude: add them or leave it out"))
    return found


def observed_data(obj: Object) -> Sequence[Fault]:
    """S-4-02: either objects or object_refs; an SCO among the references."""
    found = exactly_one(obj, "objects", "object_refs")
    refs = [ref for ref in items(obj, "object_refs") if isinstance(ref, str)]
    types = {ref.partition("--")[0] for ref in refs}
    if refs and not any(stix_type in SCO or stix_type not in KNOWN for stix_type in types):
        found.append(fault("/object_refs", "names no SCO: add what was observed"))
    return found


def extension_definition(obj: Object) -> Sequence[Fault]:
    """S-3.2-03: an author; extension_properties with toplevel-property-extension only."""
    found = []
    if "created_by_ref" not in obj:
        found.append(fault("/created_by_ref", "an extension definition needs its author: add the id of an identity"))
    if "extension_properties" in obj and "toplevel-property-extension" not in items(obj, "extension_types"):
        message = "only a toplevel-property-extension has extension_properties: leave it out or add that type"
        found.append(fault("/extension_properties", message))
    return found


def language_content(obj: Object) -> Sequence[Fault]:
    """S-3.2-04: contents is a dictionary of dictionaries, by language code."""
    found = []
    for code, translated in members(obj, "contents").items():
        if not is_language(code):
            found.append(fault("/contents", "a key is no language code of RFC 5646: write it like de or zh-Hans"))
        elif not isinstance(translated, dict):
            found.append(fault(pointer(["contents", code]), "must be a dictionary of translated properties: send one"))
    return found


def artifact(obj: Object) -> Sequence[Fault]:
    """S-6-02: payload or URL, hashes beside a URL, an algorithm beside a key."""
    found = exactly_one(obj, "payload_bin", "url")
    if "url" in obj and "hashes" not in obj:
        found.append(fault("/hashes", "a url needs the hashes of what it leads to: add them"))
    if "decryption_key" in obj and "encryption_algorithm" not in obj:
        found.append(fault("/encryption_algorithm", "a decryption_key needs its encryption_algorithm: add it"))
    return found


def email_message(obj: Object) -> Sequence[Fault]:
    """S-6-02: body if not multipart, body_multipart if so; each part has one body."""
    found = []
    if obj.get("is_multipart") is True and "body" in obj:
        found.append(fault("/body", "a multipart message has body_multipart instead: move it there"))
    if obj.get("is_multipart") is False and "body_multipart" in obj:
        found.append(fault("/body_multipart", "the message is not multipart: send body, or set is_multipart"))
    for index, part in enumerate(items(obj, "body_multipart")):
        if isinstance(part, dict):
            found.extend(exactly_one(part, "body", "body_raw_ref", f"/body_multipart/{index}"))
    return found


def network_traffic(obj: Object) -> Sequence[Fault]:
    """S-6-02: what has ended is not active."""
    if obj.get("is_active") is True and "end" in obj:
        return [fault("/is_active", "traffic that has an end is not active: set it to false")]
    return []


def ipv6_addr(obj: Object) -> Sequence[Fault]:
    """S-6-01: the value is an IPv6 address or a network in CIDR notation."""
    value = text(obj, "value")
    if value is None:
        return []
    try:
        IPv6Interface(value)
    except ValueError:
        return [fault("/value", "is no IPv6 address: write it like 2001:db8::1 or 2001:db8::/32")]
    return []


KINDS: Final[Mapping[str, Rule]] = {
    "artifact": artifact,
    "email-message": email_message,
    "extension-definition": extension_definition,
    "indicator": indicator,
    "ipv6-addr": ipv6_addr,
    "language-content": language_content,
    "location": location,
    "malware": malware,
    "marking-definition": marking_definition,
    "network-traffic": network_traffic,
    "observed-data": observed_data,
}
