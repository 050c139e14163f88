"""When an answer leaves: what could tell a hidden id from an unknown one leaves on a beat (policy.md channel 22).

To find that an id is hidden takes some microseconds longer than to find that it is unknown, and whoever asks often
enough can measure that. So an answer to a request that names an id, whatever it says, and every 404, which may stand
for a collection that is not listed, leaves a whole number of beats after the request came in. Work that ends well
within a beat shows nothing of itself. Polls name no id and never wait here; nor does a 401, which is decided before
anything is looked up.
"""

from __future__ import annotations

from flask import Request

from exchange.sequencer import MILLISECOND, Clock
from exchange.taxiiquery import ID

BEAT = 5 * MILLISECOND  # several times what such a request takes
_NAMED = ("object_id", "status_id", "case_id")  # of a route: what they name may be there and be another's


def names_ids(request: Request) -> bool:
    """Whether a request that the door has not changed yet names an id in its path or in `match[id]`."""
    return any(name in (request.view_args or ()) for name in _NAMED) or ID in request.args


def wait(clock: Clock, entered: int) -> None:
    """Return a whole number of beats after `entered`, as soon as there is one; microseconds of `clock.elapsed`."""
    spent = clock.elapsed() - entered
    if left := -spent % BEAT:
        clock.wait(left)
