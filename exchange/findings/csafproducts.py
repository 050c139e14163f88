"""The products of a CSAF 2.0 document (section 3.2.2): what each product id stands for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from exchange.findings.careful import items, members, name, part, purl
from exchange.findings.cpes import cpe
from exchange.findings.finding import Affected

_NAMES = {
    "vendor": "vendor",
    "product_name": "product",
    "product_version": "version",
    "product_version_range": "version",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Branch:
    """The names on the way down to a branch."""

    vendor: str | None = None
    product: str | None = None
    version: str | None = None
    family: str | None = None


def products(tree: Any) -> dict[str, Affected]:
    """Product id to product. An id that is given twice is the first."""
    found: dict[str, Affected] = {}
    left: list[tuple[Any, _Branch]] = [(one, _Branch()) for one in items(tree, "branches")]
    while left:
        branch, above = left.pop()
        here = _step(branch, above)
        _put(found, part(branch, "product"), here)
        left += [(one, here) for one in reversed(items(branch, "branches"))]
    for one in items(tree, "full_product_names"):
        _put(found, one, _Branch())
    for one in items(tree, "relationships"):
        base = found.get(_id(part(one, "product_reference")) or "")
        _put(found, part(one, "full_product_name"), _Branch(vendor=base.vendor if base else None))
    return found


def _id(value: Any) -> str | None:
    return value if isinstance(value, str) and len(value) <= 2_000 else None


def _step(branch: Any, above: _Branch) -> _Branch:
    category, named = part(branch, "category"), name(part(branch, "name"))
    word = _NAMES.get(category) if isinstance(category, str) else None
    return _Branch(
        vendor=named if word == "vendor" else above.vendor,
        product=named if word == "product" else above.product,
        version=named if word == "version" else above.version,
        family=named if word is None else above.family,
    )


def _put(found: dict[str, Affected], product: Any, branch: _Branch) -> None:
    """Products are matched by names: of 51 real documents none has a purl. So those of the branches come first, and
    the full name, which has the version in it, only where they name no product."""
    identifier = _id(part(product, "product_id"))
    named = branch.product or name(part(product, "name")) or branch.family
    if identifier is None or named is None:
        return
    helper = members(product, "product_identification_helper")
    made = Affected(
        purl=purl(helper.get("purl")),
        cpe=cpe(helper.get("cpe")),
        vendor=branch.vendor,
        product=named,
        version=branch.version,
    )
    found.setdefault(identifier, made)
