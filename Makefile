# One door for people and for CI; `make` lists the targets.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CHAT := examples/chat
SOURCES := composegen tests benchmarks examples
DCLINT := dclint@3.1.0

.DEFAULT_GOAL := help
.PHONY: help setup test check e2e demo golden format mutants bench clean

help: ## List the targets
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## */\t/' | expand -t 12

setup: $(VENV)/.made ## Make .venv with everything that the targets need

$(VENV)/.made: pyproject.toml $(wildcard $(CHAT)/*/pyproject.toml)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
	  -e '.[redis,lint,test]' -e '$(CHAT)/router[test]' -e '$(CHAT)/backend[test]' \
	  -e '$(CHAT)/frontend[test]'
	touch $@

test: setup ## Run the fast tests: no engine, no browser, no network
	DCLINT=$(DCLINT) $(BIN)/python -m pytest -n 2 -q

check: setup ## Format, lint and types
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/mypy

e2e: setup ## Run the tests that need a browser, Redis or a Docker engine
	$(BIN)/python -m pytest -q -m "engine or browser" --override-ini testpaths="tests $(CHAT)"

demo: setup ## Render the chat stack with Redis and without
	$(BIN)/composegen plan -f $(CHAT)/stack.yaml
	$(BIN)/composegen render -f $(CHAT)/stack.yaml -o $(CHAT)/compose.yaml
	$(BIN)/composegen plan -f $(CHAT)/stack.yaml --without redis
	$(BIN)/composegen render -f $(CHAT)/stack.yaml --without redis \
	  -o $(CHAT)/compose.without-redis.yaml

golden: setup ## Write the expected output of the examples anew
	GOLDEN=1 $(BIN)/python -m pytest -q tests/test_examples.py

format: setup ## Format the sources
	$(BIN)/ruff format $(SOURCES)
	$(BIN)/ruff check --fix $(SOURCES)

mutants: setup ## Seed faults one by one; the tests must catch every one
	$(BIN)/python tests/mutants/run.py

bench: setup ## Run every benchmark and write benchmarks/RESULTS.md
	$(BIN)/python benchmarks/run.py

clean: ## Remove what the targets made
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
