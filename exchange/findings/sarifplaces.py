"""Where a SARIF result is: product, file and function for the finding, the lines and the code as evidence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from exchange.findings.careful import at, items, line, name, part, purl, text, url
from exchange.findings.finding import Affected, Evidence

MAX_PLACES = 100
MAX_SNIPPET = 2_000


@dataclass(frozen=True, slots=True)
class Place:
    """One location: its file, function, line and column, and the code there."""

    path: str | None
    function: str | None
    spot: str
    snippet: str | None


def product_of(run: dict[str, Any], tool: str) -> Affected:
    """The repository that was scanned, where the log says which; else the category of its run (section 3.17.3: what
    stands before the last slash; the rest is of this run alone), else only that it was scanned."""
    for one in items(run, "versionControlProvenance")[:10]:
        address = url(part(one, "repositoryUri"))
        if address and len(address) <= 250:
            return Affected(purl=_purl(address), product=address, version=name(part(one, "revisionId")))
    named = (name(part(run, "automationDetails", "id")) or "").rpartition("/")[0]
    return Affected(product=name(named) or name(f"code scanned by {tool}"))


def _purl(address: str) -> str | None:
    """`pkg:github/owner/repository`, the one kind of repository that purl-spec names by its host alone."""
    try:
        split = urlsplit(address)
    except ValueError:
        return None
    steps = [step for step in split.path.removesuffix("/").removesuffix(".git").split("/") if step]
    if split.netloc.lower() != "github.com" or len(steps) != 2:
        return None
    return purl(f"pkg:github/{steps[0].lower()}/{steps[1].lower()}")


def where(result: dict[str, Any], artifacts: list[Any]) -> list[Place]:
    """The locations of a result."""
    return [_place(one, artifacts) for one in items(result, "locations")[:MAX_PLACES]]


def _place(location: Any, artifacts: list[Any]) -> Place:
    physical = part(location, "physicalLocation")
    artifact = part(physical, "artifactLocation")
    uri = part(artifact, "uri")
    if not isinstance(uri, str):
        uri = part(at(artifacts, part(artifact, "index")), "location", "uri")
    logical = next(iter(items(location, "logicalLocations")), None)
    region = part(physical, "region")
    numbers = [part(region, "startLine"), part(region, "startColumn")]
    spot = ":".join(str(one) for one in numbers if isinstance(one, int) and 0 < one < 10**9)
    return Place(
        path=line(uri, 2_000),
        function=name(part(logical, "fullyQualifiedName")) or name(part(logical, "name")),
        spot=spot,
        snippet=text(part(region, "snippet", "text"), MAX_SNIPPET),
    )


def affected(places: list[Place], product: Affected) -> Iterator[Affected]:
    """The product at each file and function; the product alone where the log says no place."""
    for place in places or [Place(None, None, "", None)]:
        yield Affected(
            purl=product.purl,
            product=product.product,
            version=product.version,
            path=place.path,
            function=place.function,
        )


def evidence(result: dict[str, Any], places: list[Place], artifacts: list[Any]) -> Iterator[Evidence | None]:
    """The lines, the code there, and the steps from the entry of what is tainted to its use."""
    said = [_shown(place) for place in places if place.path or place.spot or place.snippet]
    yield Evidence(text=found) if (found := text("\n".join(said))) else None
    steps = [_shown(place) for place in _flow(result, artifacts)]
    yield Evidence(text=found) if (found := text("\n".join(["Steps:", *steps]))) and steps else None


def _flow(result: dict[str, Any], artifacts: list[Any]) -> Iterator[Place]:
    for flow in items(result, "codeFlows")[:10]:
        for thread in items(flow, "threadFlows")[:10]:
            for step in items(thread, "locations")[:MAX_PLACES]:
                yield _place(part(step, "location"), artifacts)


def _shown(place: Place) -> str:
    spot = f":{place.spot}" if place.spot else ""
    inside = f" in {place.function}" if place.function else ""
    code = f"\n{place.snippet}" if place.snippet else ""
    return f"{place.path or 'a file without a name'}{spot}{inside}{code}"
