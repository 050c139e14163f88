"""What a measurement comes to: medians and 95th percentiles, because means hide what people wait for."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Of one kind of request: latencies in milliseconds, requests a second, and the client's share.

    `client` is the part of the wall time in which the client's own process was computing.
    """

    median: float
    p95: float
    rate: float
    client: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Core:
    """One kind of question without HTTP, on one database at one size; `labels` that the member reads."""

    database: str
    size: int
    member: str
    labels: int
    what: str
    took: Timing


def timing(seconds: Sequence[float], wall: float, client_cpu: float = 0.0) -> Timing:
    """From each request's seconds, the wall time of all, and the client's processor time."""
    ordered = sorted(seconds)
    return Timing(
        median=statistics.median(ordered) * 1000,
        p95=ordered[min(len(ordered) - 1, len(ordered) * 95 // 100)] * 1000,
        rate=len(ordered) / wall,
        client=client_cpu / wall,
    )


def clocked(call: Callable[[], object]) -> float:
    """Seconds that a call takes."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began
