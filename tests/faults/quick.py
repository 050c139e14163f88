"""A pytest plugin for runs that only ask whether something fails: the quick first, and no counter-example made smaller.

Shrinking is most of the time of a failing property test, and nobody reads what a fault or a mutant broke.
"""

import pytest
from hypothesis import HealthCheck, Phase, is_hypothesis_test, settings

settings.register_profile(
    "quick",
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Single examples before properties, and those before histories."""
    items.sort(key=_slowness)


def _slowness(item: pytest.Item) -> int:
    if item.path.name.startswith("test_promise"):
        return 2
    return int(is_hypothesis_test(getattr(item, "obj", None)))
