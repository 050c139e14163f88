# One environment, .venv, made from the locked requirements.txt; every target makes it first where it is missing or old.
# Needs git, make and Python 3.11 or newer with venv. Another Python: make PYTHON=python3.13 run

PYTHON ?= python3
JOBS ?= 3

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input --quiet
SOURCES := $(wildcard exchange tests bench)

# Tests start some hundred commands and servers: to compile every module each time takes a quarter of their time.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test coverage test-clients test-long faults fuzz fuzz-importers mutants lint format conformance second-opinion bench lock clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(READY) ## serve the sample exchange: members, keys and findings ready, three lines to paste
	@$(BIN)/python -m exchange.demo

test: $(READY) ## every test on SQLite and PostgreSQL (JOBS=3)
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal

coverage: $(READY) ## the same with branch coverage: half as slow again
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal --cov --cov-report=term

test-clients: $(READY) ## every client through one story; writes docs/clients-table.md
	$(BIN)/python -m tests.clients

test-long: $(READY) ## the same, with the long tests and many more random cases
	HYPOTHESIS_PROFILE=long $(BIN)/python -m pytest -n $(JOBS) -m ""

fuzz: $(READY) ## 200,000 broken requests to a real server, about ten minutes (SEED=0: from which on)
	EXCHANGE_FUZZ=200000 EXCHANGE_FUZZ_SEED=$(or $(SEED),0) $(BIN)/python -m pytest tests/protocol/test_robust_bytes.py

fuzz-importers: $(READY) ## 200,000 broken documents for the importer of each format, about half an hour (INPUTS=200000)
	$(BIN)/python -m tests.unit.importmutants $(or $(INPUTS),200000)

faults: $(READY) ## take away each rule, filter and safeguard in turn: the test named for it must fail (about ten minutes)
	$(BIN)/python -m tests.faults

mutants: $(READY) ## small changes to the modules that decide and deliver, by score and survivors (about half an hour)
	$(BIN)/python -m tests.faults.mutants

lint: $(READY) ## style, types and the boundaries between modules
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy $(SOURCES)
	$(BIN)/lint-imports

format: $(READY) ## rewrite the code as `make lint` wants it, as far as a tool can
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

conformance: $(READY) ## write docs/conformance.md from the rows and the tests that hold them
	$(BIN)/python -m tests.conformance

second-opinion: $(READY) ## judge 10,000 objects by two other judges too; writes docs/second-opinion.md (minutes)
	$(BIN)/python -m tests.conformance_second_opinion

bench: $(READY) ## measure, beside the limit of the same machine
	$(BIN)/python -m bench

lock: ## choose the newest versions that setup.cfg allows, and write requirements.txt (needs uv)
	uv pip compile setup.cfg --extra dev --universal --python-version 3.11 --generate-hashes --upgrade \
		--quiet --custom-compile-command "make lock" --output-file requirements.txt

clean: ## remove what make and the tools wrote; data/ stays
	rm -rf $(VENV) build dist *.egg-info .coverage .coverage.* .hypothesis .import_linter_cache .mypy_cache \
		.pytest_cache .ruff_cache
	find $(SOURCES) -name __pycache__ -type d -prune -exec rm -rf {} +

# Hashes are checked, and nothing is fetched that is not locked. All packages are wheels but `cpe`, which exists as
# source only (pure Python; stix2-validator asks for it); it and the exchange are built by the locked setuptools,
# which therefore comes first. The lock is complete, so pip resolves nothing (--no-deps): an older pip asks for
# `coverage[toml]` anew, finds a newer release than the locked one, and stops.
$(READY): requirements.txt setup.cfg pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo "Python 3.11 or newer is needed; $(PYTHON) is not. Try: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "$(PYTHON) cannot make an environment. On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@$(BIN)/python -c 'import pip' 2>/dev/null || \
		{ echo "making $(VENV)"; $(PYTHON) -m venv --clear $(VENV); }
	@echo "installing the locked packages (about a minute the first time)"
	@sed -n '/^setuptools==/,/# via/p' requirements.txt | $(PIP) install --no-deps --require-hashes --requirement /dev/stdin
	@$(PIP) install --no-deps --require-hashes --no-build-isolation --use-pep517 --requirement requirements.txt
	@echo "installing the exchange"
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@
