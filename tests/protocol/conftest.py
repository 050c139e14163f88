"""One server for all protocol tests of a process; each test that writes has a collection to itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from exchange import audit, inforce, ledgeraudit, store
from tests import conformance
from tests.protocol.served import FRESH, Member, Served, collection_id, files, running, write

CARRIED = pytest.StashKey[conformance.Held]()
COLLECTED = pytest.StashKey[frozenset[Path]]()


@pytest.hookimpl(tryfirst=True)  # before `long` tests are left out
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep which tests carry which rows, for test_conformance.py."""
    config.stash[CARRIED] = conformance.carried(items)
    config.stash[COLLECTED] = frozenset(item.path for item in items)


@pytest.fixture
def held(pytestconfig: pytest.Config) -> conformance.Held:
    """What the tests of this run carry; only of a run of all of them."""
    collected = pytestconfig.stash[COLLECTED]
    if missing := conformance.files() - collected:
        pytest.skip(f"rows are looked at where every test is collected, and {len(missing)} files are not")
    return pytestconfig.stash[CARRIED]


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Two workers, so that what one is told the other has to know; the whole log is audited at the end."""
    with running(write(tmp_path_factory.mktemp("protocol"), files()), workers=2) as server:
        yield server
        with store.reading(server.exchange.engine) as conn:
            state = inforce.current(conn)
            assert state
            assert audit.audit(conn, state.readers) == []
            with store.reading(server.exchange.ledger) as lines:
                assert ledgeraudit.audit(conn, lines) == []


@pytest.fixture(scope="session")
def alpha(served: Served) -> Member:
    return served.member("alpha")


@pytest.fixture(scope="session")
def beta(served: Served) -> Member:
    return served.member("beta")


@pytest.fixture(scope="session")
def gamma(served: Served) -> Member:
    return served.member("gamma")


@pytest.fixture(scope="session")
def unused() -> Iterator[str]:
    return iter([f"fresh{n:02}" for n in range(1, FRESH)])


@pytest.fixture
def fresh(unused: Iterator[str]) -> str:
    """The name of a collection that no other test uses; everybody may read and write it."""
    return next(unused)


@pytest.fixture
def served_rights(served: Served) -> dict[str, Member]:
    """One member by keys of every scope; `neither` is a key for another collection."""
    return {
        "neither": served.member("alpha", collections=[collection_id(3)]),
        "read": served.member("alpha", scope=("read",)),
        "write": served.member("alpha", scope=("write",)),
        "both": served.member("alpha"),
    }
