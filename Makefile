# The bench. `make help` lists what it does. Nothing here needs an activated environment or root.

PYTHON ?=
WORKERS ?= 2
VENV := .venv
BIN := $(VENV)/bin
PIP_INSTALL := $(BIN)/python -m pip install -qq --disable-pip-version-check --no-input --require-hashes
FAST_TESTS := $(wildcard tests/domain tests/scheduling tests/feeds tests/house)
# These walk the whole demo clinic, in a browser or with every hostile value: part of `make test` only.
SLOW_HOUSE := every_page words queries hostile_requests opened_records

# The lock is compiled with this version of uv, so that two people get the same file.
UV := uv==0.13.9
COMPILE := $(BIN)/python -m uv pip compile --quiet --upgrade --universal --python-version 3.11 \
	--generate-hashes --no-header --no-annotate --no-emit-index-url

LINT_IMPORTS := from importlinter.cli import lint_imports_command; lint_imports_command()

MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.PHONY: help run test check bench lock clean lint browser

help:  ## list these targets
	@echo 'usage: make <target>'
	@sed -n 's/^\([a-z]*\):.*## \(.*\)$$/  \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 12

run: $(VENV)/.app-installed  ## start the planner with a demo clinic; PORT=8100 chooses the port, CLINIC=empty leaves it to you
	@exec $(BIN)/python -m planner.cli.run

test: lint browser  ## everything: check, then all tests on SQLite, PostgreSQL and a browser
	@$(BIN)/python -m pytest -n $(WORKERS)

check: lint  ## in under a minute: lint, import contract, types, fast tests
	@$(BIN)/python -m pytest -q -n $(WORKERS) $(FAST_TESTS) $(SLOW_HOUSE:%=--ignore=tests/house/test_%.py)

bench: $(VENV)/.dev-installed  ## print the benchmark figures
	@$(BIN)/python -m tests.benchmarks

lint: $(VENV)/.dev-installed
	@echo 'lint'
	@$(BIN)/python -m ruff check --quiet --output-format=concise .
	@$(BIN)/python -m ruff format --quiet --check . || { echo 'not formatted; run: .venv/bin/ruff format .'; exit 1; }
	@echo 'import contract'
	@said=$$($(BIN)/python -c '$(LINT_IMPORTS)' --no-logo 2>&1) || { echo "$$said"; exit 1; }
	@echo 'types'
	@$(BIN)/python -m mypy --no-error-summary

browser: $(VENV)/.dev-installed
	@$(BIN)/python -m tests.support.chromium

lock: $(VENV)/.created  ## compile requirements/*.in into exact, hashed lock files
	@$(BIN)/python -m uv --version 2>/dev/null | grep -q '$(UV:uv==%=uv %)' \
		|| $(BIN)/python -m pip install -qq --disable-pip-version-check '$(UV)'
	@$(COMPILE) requirements/dev.in -o requirements/dev.txt
	@# What runs is what was tested: the app lock takes its versions from the other one.
	@$(COMPILE) requirements/app.in -c requirements/dev.txt -o requirements/app.txt

clean:  ## remove the environment and caches; databases in instance/ stay
	@rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis test-results
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A lock that changes is installed again; one that does not costs nothing.
$(VENV)/.app-installed: requirements/app.txt | $(VENV)/.created
	@echo 'Installing what the planner needs (once, into $(VENV)) ...'
	@$(PIP_INSTALL) -r $<
	@touch $@

$(VENV)/.dev-installed: requirements/dev.txt | $(VENV)/.created
	@echo 'Installing the planner and its test tools (once, into $(VENV)) ...'
	@$(PIP_INSTALL) -r $<
	@touch $@

# The first Python new enough wins, so an old `python3` does no harm where a newer one is installed too.
$(VENV)/.created:
	@new_enough='import sys; sys.exit(sys.version_info < (3, 11))'; \
	for python in $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11); do \
		"$$python" -c "$$new_enough" 2>/dev/null || continue; \
		"$$python" -m venv $(VENV) && touch $@ && exit 0; \
		rm -rf $(VENV); \
		echo "$$python cannot make a virtual environment here; on Debian and Ubuntu install python3-venv." >&2; \
		exit 1; \
	done; \
	echo 'The planner needs Python 3.11 or newer; with one installed, say: make PYTHON=/path/to/python3' >&2; \
	exit 1
