"""A VEX document as an owner's answer to one finding: OpenVEX, CycloneDX VEX, and the VEX profile of CSAF 2.0. Pure."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from typing import Any

from exchange.findings import formats
from exchange.findings.finding import Affected, Fault, Finding

FORMATS = frozenset({"openvex", "cyclonedx", "csaf"})
FIRST = ("affected", "under-investigation", "fixed", "not-affected")
"""Of several products: what holds of one of them is the answer, the worst first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vex:
    """A status of `answers.STATUSES`, why, and the products that the document speaks of."""

    status: str
    text: str
    products: tuple[str, ...]


class NoAnswer(Exception):
    """Why the document answers nothing here, with the mend."""


def is_vex(document: Any) -> bool:
    return formats.recognise(document) in FORMATS


def read(document: Any, names: Set[str]) -> Vex:
    """What it says of the finding with these names (CVE and other ids). Raises `NoAnswer`.

    A document on one vulnerability alone is about the finding, whatever it calls it.
    """
    found = list(formats.READERS[formats.recognise(document) or ""](document))
    if faults := [one for one in found if isinstance(one, Fault)]:
        raise NoAnswer(f"{faults[0].pointer}: {faults[0].detail}.")
    said = [one for one in found if isinstance(one, Finding)]
    meant = [one for one in said if _names(one) & {name.lower() for name in names}] or (said if len(said) == 1 else [])
    if not meant:
        raise NoAnswer(
            "it speaks of several vulnerabilities, and none is called like the finding: send that one alone."
        )
    products = [product for one in meant for product in one.affected]
    stated = {product.status for product in products}
    status = next((word for word in FIRST if word in stated), None)
    if status is None:
        raise NoAnswer("it gives no product a status.")
    same = [product for product in products if product.status == status]
    reasons = dict.fromkeys(product.justification for product in same if product.justification)
    return Vex(status=status, text="; ".join(reasons), products=tuple(dict.fromkeys(_called(p) for p in same)))


def _names(one: Finding) -> set[str]:
    return {name.lower() for name in (one.title, *one.aliases)}


def _called(product: Affected) -> str:
    known = product.purl or product.cpe or " ".join(x for x in (product.vendor, product.product) if x) or "a product"
    return known if product.purl or not product.version else f"{known} {product.version}"
