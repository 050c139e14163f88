"""What holds at any depth of an object, custom properties too: nothing empty, numbers that STIX has, and an
end.

Depth and finite numbers come first (`unreadable`): what follows may then recurse, and hand the object to a
schema.
"""

from collections.abc import Iterator
from math import isfinite
from typing import Any, Final

from exchange.stixfault import Fault, pointer
from exchange.stixread import Object

MAX_DEPTH: Final = 64
"""Lists and objects in one another, the STIX object itself being the first."""
MAX_INTEGER: Final = 2**53 - 1

_CONTAINERS: Final = frozenset({list, dict})
_NUMBERS: Final = frozenset({int, float})


def sound(obj: Object) -> bool:
    """Whether the functions below find nothing, for certain; quick, for nearly all objects are."""
    level: list[Any] = [obj]
    for _ in range(MAX_DEPTH):
        below: list[Any] = []
        for value in level:
            if not value:
                return False
            for item in value.values() if type(value) is dict else value:
                item_type = type(item)
                if item_type in _CONTAINERS:
                    below.append(item)
                elif item_type in _NUMBERS and not -MAX_INTEGER <= item <= MAX_INTEGER:
                    return False
        if not below:
            return True
        level = below
    return False


def unreadable(obj: Object) -> Iterator[Fault]:
    """S-2.8-01 and the exchange's bound on depth: what no later check can work on."""
    for parts, value in _walk(obj):
        if isinstance(value, float) and not isfinite(value):
            yield Fault(path=pointer(parts), message="is not a finite number: send one that a double can hold")
        elif len(parts) == MAX_DEPTH and isinstance(value, (list, dict)):
            message = f"nests more than {MAX_DEPTH} levels deep: send it flatter"
            yield Fault(path=pointer(parts[:1]), message=message)


def unsound(obj: Object) -> Iterator[Fault]:
    """S-2.3-01, S-2.8-01: empty lists and dictionaries, and integers beyond 54 bits."""
    for parts, value in _walk(obj):
        if isinstance(value, (list, dict)) and not value:
            what = "list" if isinstance(value, list) else "dictionary"
            yield Fault(path=pointer(parts), message=f"an empty {what} is not allowed: leave the property out")
        elif isinstance(value, int) and not -MAX_INTEGER <= value <= MAX_INTEGER:
            message = "is beyond 2^53-1, the largest integer of STIX: send it as a string"
            yield Fault(path=pointer(parts), message=message)


def _walk(obj: Object) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Every value with the way to it, down to one level below the deepest allowed."""
    todo: list[tuple[tuple[str | int, ...], Any]] = [((), obj)]
    while todo:
        parts, value = todo.pop()
        yield parts, value
        if isinstance(value, (list, dict)) and len(parts) < MAX_DEPTH:
            pairs = value.items() if isinstance(value, dict) else enumerate(value)
            todo.extend(((*parts, name), below) for name, below in pairs)
