"""One fault of one STIX object: where it is, what is wrong, and the mend. A publisher reads it in the
status.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

MAX_NAME: Final = 250
"""S-3.1-01: the longest name of a property."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A broken MUST of STIX 2.1 in one object.

    `path` is a JSON pointer (RFC 6901) into the object, "" for the object itself; a missing property is
    named by the path that it would have. `message` is one sentence: what is wrong, and the mend.
    """

    path: str
    message: str


def pointer(parts: Iterable[str | int]) -> str:
    """The JSON pointer of a way into an object, "" for no parts; a name that is longer than STIX allows is cut."""
    return "".join("/" + _cut(str(part)).replace("~", "~0").replace("/", "~1") for part in parts)


def _cut(name: str) -> str:
    return name if len(name) <= MAX_NAME else name[:MAX_NAME] + "…"
