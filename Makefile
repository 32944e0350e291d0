# neko: two commands matter, `make chat` and `make test`. Both start from a machine that has
# python3 (3.11 or newer) and make, and do the rest themselves.

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help chat test ready-run ready-test lint types layers unit soak bench format clean simulate
SHELL := /bin/sh

# What is compiled is kept (`make clean` removes it), also where that is switched off: the tests start the
# program hundreds of times, and would compile it each time.
export PYTHONDONTWRITEBYTECODE :=

# A Python of your choice: make chat PYTHON=python3.12
export PYTHON
# More arguments for the program: make chat ARGS="--profile mio --text"
ARGS ?=
# Worker processes of the test run; many tests wait for a program or a clock, so one more than processors.
JOBS ?= 3
# Seeds of `make simulate`, and the first of them.
SEEDS ?= 20000
FIRST ?= 0

BIN := .venv/bin

help: ## this list
	@sed -n 's/^\([a-z][a-z-]*\):.*## /\1\t/p' Makefile | awk -F '\t' '{ printf "  make %-8s %s\n", $$1, $$2 }'

chat: ## install what is missing and talk to the character
	@sh scripts/install.sh run && sh scripts/system_deps.sh run && exec $(BIN)/neko chat $(ARGS)

test: ready-test ## install what is missing, then lint, types, layers and all tests
	@$(MAKE) --no-print-directory lint types layers unit

ready-run:
	@sh scripts/install.sh run
	@sh scripts/system_deps.sh run

ready-test:
	@sh scripts/install.sh test
	@sh scripts/system_deps.sh test

lint: ready-test ## style and common mistakes (ruff)
	@echo "== lint"
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: ready-test ## types (mypy --strict)
	@echo "== types"
	@$(BIN)/mypy

layers: ready-test ## who may import whom (import-linter)
	@echo "== layers"
	@$(BIN)/lint-imports --no-cache

# Tests that other load would disturb run alone, after the rest. Code 5 means that there were none.
unit: ready-test ## all tests
	@echo "== tests"
	@result=0; \
	$(BIN)/python -m pytest -q -n $(JOBS) --dist worksteal -m "not serial and not soak" || result=$$?; \
	alone=$$(grep -rl --include='test_*.py' 'mark\.serial' tests); \
	$(BIN)/python -m pytest -q -m "serial and not soak" $$alone || { code=$$?; [ $$code -eq 5 ] || result=$$code; }; \
	exit $$result

simulate: ready-test ## whole sessions on virtual time, by seed: make simulate SEEDS=100000
	@$(BIN)/python -m tests.simulation --seeds $(SEEDS) --first $(FIRST) --jobs $(JOBS)

soak: ready-test ## the long tests, tens of minutes
	@echo "== soak"
	@$(BIN)/python -m pytest -q -m soak

bench: ready-test ## measure what was promised about speed, and fail where it is missed
	@set -e; for file in benchmarks/*.py; do name=$${file#benchmarks/}; $(BIN)/python -m benchmarks.$${name%.py} --check; done

format: ready-test ## put the code into the common form
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

clean: ## remove the environments, caches and built files
	rm -rf .venv .venv-sdk .venv-models build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	rm -f snapshot_report.html
	find neko_cli tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
