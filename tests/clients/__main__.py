"""`make test-clients`: every client through the whole story, and the table at the end."""

import sys

import pytest

from tests.clients.table import Printer

if __name__ == "__main__":
    sys.exit(pytest.main(["-m", "clients", "tests/clients", *sys.argv[1:]], plugins=[Printer()]))
