"""Which clients take part, how each was made, and what is known of it beforehand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from tests.clients import library, opencti, shell, siem
from tests.clients.house import House
from tests.clients.poller import Poller
from tests.clients.story import BUSY, STEPS, Seat

REAL = "real code"
PORT = "port"
DOCS = "from documentation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrant:
    """A client, the profile of its key, and the steps in which it does not get everything once.

    `known` says `repeats` or `loses`, and `why` the reason, which lies in the client.
    """

    name: str
    make: type[Poller]
    how: str
    profile: str | None = None
    known: Mapping[str, str] = field(default_factory=dict)
    why: str = ""

    def seat(self, house: House) -> Seat:
        line = house.line(self.profile)
        return Seat(name=self.name, poller=self.make(line), line=line)


def _all_but(word: str, *steps: str) -> Mapping[str, str]:
    return MappingProxyType({step: word for step in STEPS if step not in (BUSY, *steps)})


ENTRANTS = (
    Entrant(name="taxii2-client, own clock", make=library.OwnClock, how=REAL),
    Entrant(name="taxii2-client, own clock, pages of 100", make=library.OwnClockPages, how=REAL),
    Entrant(name="taxii2-client, own clock, whole seconds", make=library.OwnClockSeconds, how=REAL),
    Entrant(name="taxii2-client, date of the manifest", make=library.Manifest, how=REAL),
    Entrant(
        name="taxii2-client, greatest modified",
        make=library.MaxModified,
        how=REAL,
        known=_all_but("repeats"),
        why="`modified` is older than the time when the exchange took an object: the newest batch always comes again.",
    ),
    Entrant(name="stix2 TAXIICollectionSource", make=library.Stix2Source, how=REAL),
    Entrant(name="cytaxii2", make=library.Cyware, how=REAL),
    Entrant(name="curl, header", make=shell.Curl, how=REAL),
    Entrant(name="OpenCTI ingester", make=opencti.Ingester, how=PORT),
    Entrant(name="OpenCTI connector", make=opencti.Connector, how=PORT, profile="opencti-connector"),
    Entrant(
        name="OpenCTI connector, plain key",
        make=opencti.Connector,
        how=PORT,
        known={step: "loses" for step in STEPS[2:9]},
        why="it takes an object without spec_version for TAXII 2.0, and then throws the whole poll away where a list "
        "is missing; and it moves its clock on after an HTTP error. Give its key the profile: "
        "`--client opencti-connector`.",
    ),
    Entrant(
        name="Cortex XSOAR, types set",
        make=siem.Xsoar,
        how=PORT,
        known={"deletions": "loses", "503": "repeats"},
        why="it drops a version that is older than one it fetched before, also when the newer one was deleted; what "
        "it kept of a poll that failed comes again.",
    ),
    Entrant(
        name="Cortex XSOAR, no types set",
        make=siem.XsoarUntyped,
        how=PORT,
        known={step: "loses" for step in STEPS[2:9]} | {"restart": "repeats"},
        why="it breaks at an object without `modified` that comes again, and stands still from then on: set the types.",
    ),
    Entrant(
        name="minemeld",
        make=siem.Minemeld,
        how=PORT,
        known={"503": "repeats"},
        why="what it kept of a poll that failed comes again.",
    ),
    Entrant(name="Elastic 1.6", make=siem.Elastic, how=PORT, profile="elastic"),
    Entrant(name="Elastic 1.8.2", make=siem.Elastic182, how=PORT, profile="elastic"),
    Entrant(
        name="Elastic 1.8.2, plain key",
        make=siem.Elastic182,
        how=PORT,
        known=_all_but("repeats", "250 objects"),
        why="an empty page has no date, and it begins at its first interval again. Give its key the profile: "
        "`--client elastic`.",
    ),
    Entrant(name="Elastic Cybersixgill", make=siem.Sixgill, how=PORT),
    Entrant(
        name="Google SecOps, window of two runs",
        make=siem.SecOps,
        how=PORT,
        known=_all_but("repeats", "nothing new", "restart", "503"),
        why="it keeps nothing; with a window of one run only, it would lose what a failed run should have brought.",
    ),
    Entrant(
        name="MISP browse",
        make=siem.Misp,
        how=PORT,
        known=_all_but("repeats"),
        why="somebody looks at all pages each time; it is no feed.",
    ),
    Entrant(name="cc-taxii2-client", make=siem.Cc, how=PORT),
    Entrant(name="Microsoft Sentinel", make=siem.Sentinel, how=DOCS),
)
