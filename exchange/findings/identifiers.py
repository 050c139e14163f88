"""The names that findings use for things, each read in one way: purl, CPE, URL, host, network, and what was observed.

Each reader answers with what it found, or None where the text is no such name. Most purls are plain, which one
regular expression proves; the others go to `packageurl-python`, twenty times slower.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final

from packageurl import PackageURL

# Of these types, nothing in lower case without `_` and `%` is changed by the rules for its type.
_PLAIN_PURL = re.compile(
    r"pkg:(?:cargo|deb|gem|generic|github|golang|maven|npm|nuget|pypi|rpm)/"
    r"(?P<namespace>[a-z0-9.-]++(?:/[a-z0-9.-]++)*+(?=/)/)?(?P<name>[a-z0-9.-]++)(?:@(?P<version>[a-z0-9.+-]++))?",
    re.ASCII,
)
_PATH = r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*+"
_QUERY = r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*+"
_URL = re.compile(
    rf"[A-Za-z][A-Za-z0-9+.-]*+:(?://(?:[A-Za-z0-9._~!$&'()*+,;=:-]|%[0-9A-Fa-f]{{2}})*+@?"
    rf"(?:\[[0-9A-Fa-f:.]{{2,45}}\]|[A-Za-z0-9._~-]*+)(?::[0-9]{{0,5}})?(?:/{_PATH})?|(?!//){_PATH})"
    rf"(?:\?{_QUERY})?(?:\#{_QUERY})?",
    re.ASCII,
)
# As NIST's schema of CPE 2.3 has it, without the way back into what was read.
_CPE_WORD = r"(?:(?:\?++|\*)?(?:[A-Za-z0-9._-]|\\[\\*?!\"#$%&'()+,/:;<=>@\[\]^`{|}~])++(?:\?++|\*)?|[*-])"
_CPE = re.compile(
    rf"cpe:2\.3:[aho*-]:(?P<vendor>{_CPE_WORD}):(?P<product>{_CPE_WORD}):(?P<version>{_CPE_WORD})"
    rf"(?::{_CPE_WORD}){{2}}:(?:[A-Za-z]{{2,3}}(?:-(?:[A-Za-z]{{2}}|[0-9]{{3}}))?|[*-])(?::{_CPE_WORD}){{4}}",
    re.ASCII,
)
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DOMAIN = re.compile(rf"(?=.{{1,253}}\Z)(?:{_LABEL}\.)*{_LABEL}", re.ASCII)
_NUMBERS = re.compile(r"[0-9.]+", re.ASCII)
_EMAIL = re.compile(rf"[A-Za-z0-9.!#$%&'*+/=?^_`{{|}}~-]{{1,64}}@{_DOMAIN.pattern}", re.ASCII)
_HASHES: Final = {32: "MD5", 40: "SHA-1", 64: "SHA-256", 128: "SHA-512"}
_HEX = re.compile(r"[0-9A-Fa-f]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Product:
    """What a purl or a CPE says; None where it leaves it open."""

    name: str
    vendor: str | None
    version: str | None


def purl(text: str) -> Product | None:
    """A package URL: its name is with its namespace, as in ``@angular/core``."""
    if (plain := _PLAIN_PURL.fullmatch(text)) is not None:
        return Product((plain["namespace"] or "") + plain["name"], None, plain["version"])
    try:
        found = PackageURL.from_string(text)
    except ValueError:
        return None
    name = f"{found.namespace}/{found.name}" if found.namespace else found.name
    return Product(name, None, found.version)


def cpe(text: str) -> Product | None:
    """A CPE 2.3 name, as a formatted string."""
    found = _CPE.fullmatch(text)
    if found is None:
        return None
    vendor, product, version = (_unquoted(found[part]) for part in ("vendor", "product", "version"))
    return Product(product or text, vendor, version)


def _unquoted(word: str) -> str | None:
    """None for ANY and NA."""
    return None if word in ("*", "-") else re.sub(r"\\(.)", r"\1", word)


def is_url(text: str) -> bool:
    """Whether it is a URI of RFC 3986, as STIX asks."""
    return _URL.fullmatch(text) is not None


def network(text: str) -> IPv4Network | IPv6Network | None:
    """An address, or a network in CIDR notation whose host bits are zero."""
    try:
        return None if "%" in text else ip_network(text)
    except ValueError:
        return None


def is_domain(text: str) -> bool:
    """Whether it is a domain name in letters, digits and hyphens; other alphabets come as `xn--…`."""
    return _DOMAIN.fullmatch(text) is not None and _NUMBERS.fullmatch(text) is None


@dataclass(frozen=True, slots=True)
class Observable:
    """The STIX type that a text is a value of; of a file, the algorithm of its hash."""

    type: str
    value: str
    algorithm: str = ""


def host(text: str) -> Observable | None:
    """An address, a network or a domain name."""
    if (found := network(text)) is not None:
        single = found.num_addresses == 1 and "/" not in text
        return Observable(f"ipv{found.version}-addr", str(found.network_address) if single else str(found))
    return Observable("domain-name", text.lower()) if is_domain(text) else None


def observable(text: str) -> Observable | None:
    """What was seen, by its form: a hash, an address, a URL, an e-mail address or a domain name."""
    if (algorithm := _HASHES.get(len(text))) is not None and _HEX.fullmatch(text):
        return Observable("file", text.lower(), algorithm)
    if "://" in text:
        return Observable("url", text) if is_url(text) else None
    if "@" in text:
        return Observable("email-addr", text) if _EMAIL.fullmatch(text) else None
    found = host(text)
    # A single word is no domain name that anybody could look for.
    return found if found is not None and (found.type != "domain-name" or "." in text) else None
