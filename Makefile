# One door for people and for CI; `make` lists the targets.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CHAT := examples/chat
PYTEST := $(CURDIR)/$(BIN)/python -m pytest
MYPY := $(CURDIR)/$(BIN)/mypy
SERVICES := router backend frontend
SOURCES := composegen tests benchmarks examples scripts docs
CLUSTER := scripts/cluster/cluster.sh
DCLINT := dclint@3.1.0
FUZZ_SECONDS := 600
# The program of a Compose 5, for `make comparison`; left out where it is empty.
COMPOSE5 ?=

TESTS := test-composegen $(SERVICES:%=test-%)
CHECKS := check-format check-lint check-types $(SERVICES:%=check-%)
CHAOS := chaos-composegen chaos-router

# Without cached bytecode, every process that a test starts takes nearly twice as long.
unexport PYTHONDONTWRITEBYTECODE

# Make each of the targets, even after one fails, and name the failed ones at the end.
run_each = failed=; for target in $(1); do \
  $(MAKE) --no-print-directory $$target || failed="$$failed $$target"; done; \
  test -z "$$failed" || { echo "failed:$$failed" >&2; exit 1; }

.DEFAULT_GOAL := help
.PHONY: help setup test check e2e chaos demo dev drill docs pictures golden reference \
  facts templates runtimes findings comparison format mutants bench fuzz fuzz-loader \
  fuzz-templates fuzz-sessions \
  fuzz-projects audit before clean \
  $(TESTS) $(CHECKS) $(CHAOS) e2e-chat e2e-fresh e2e-adopt e2e-kubernetes images cluster

help: ## List the targets
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## */\t/' | expand -t 16

setup: $(VENV)/.made ## Make .venv with everything that the targets need

$(VENV)/.made: pyproject.toml $(wildcard $(CHAT)/*/pyproject.toml)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
	  -e '.[board,redis,lint,test,e2e,docs]' -e '$(CHAT)/router[test]' -e '$(CHAT)/backend[test]' \
	  -e '$(CHAT)/frontend[test]'
	touch $@

test: setup ## Run the fast tests; parts that are missing here are skipped with a note
	+@$(call run_each,$(TESTS))

test-composegen: setup
	DCLINT=$(DCLINT) $(BIN)/python -m pytest -q -n 2 tests --ignore tests/e2e -m "not chaos"

$(SERVICES:%=test-%): test-%: setup
	cd $(CHAT)/$* && $(PYTEST) -q

check: setup ## Format, lint and types
	+@$(call run_each,$(CHECKS))

check-format: setup
	$(BIN)/ruff format --check $(SOURCES)

check-lint: setup
	$(BIN)/ruff check $(SOURCES)

check-types: setup
	$(BIN)/mypy

$(SERVICES:%=check-%): check-%: setup
	cd $(CHAT)/$* && $(MYPY) --strict $*

# These tests mostly wait, so there are more at a time than a small machine has cores.
e2e: setup ## Run the tests that need a browser, Redis and a Docker engine
	$(BIN)/python -m pytest -q -n 4 --dist loadfile --no-loadscope-reorder \
	  -m "not adopt and not fresh" tests/e2e $(CHAT)/e2e --ignore tests/e2e/kubernetes

e2e-fresh: setup ## Run the fast tests, all of them, on a bare machine (a container)
	$(BIN)/python -m pytest -q tests/e2e/test_fresh_machine.py

e2e-adopt: setup ## Adopt small projects of every kind, and bring each up twice
	$(BIN)/python -m pytest -q tests/e2e/test_adopt.py

e2e-chat: setup ## Run the tests of the chat stack in a browser and behind proxies
	$(BIN)/python -m pytest -q $(CHAT)/e2e

e2e-kubernetes: setup ## Run the tests that need a cluster, on one that is made here
	REQUIRE_PARTS=1 $(CLUSTER) with $(BIN)/python -m pytest -q tests/e2e/kubernetes

images: ## Pull the images that the tests use, or build stand-ins
	$(PYTHON) -m scripts.standins

cluster: ## Start a Kubernetes cluster of one node here; the first time it is built
	$(CLUSTER) start

chaos: setup ## Run what takes minutes: random ends, random schedules on a real Redis
	+@$(call run_each,$(CHAOS))

chaos-composegen: setup
	$(BIN)/python -m pytest -q tests/chaos

chaos-router: setup
	cd $(CHAT)/router && $(PYTEST) -q -m chaos

demo: setup ## Render the chat stack both ways, run it without containers, talk to it
	$(BIN)/composegen render -f $(CHAT)/stack.yaml -o $(CHAT)/compose.yaml
	$(BIN)/composegen render -f $(CHAT)/stack.yaml --without redis \
	  -o $(CHAT)/compose.without-redis.yaml
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/composegen run -f $(CHAT)/stack.yaml frontend \
	  -- python $(CURDIR)/scripts/demo.py

dev: setup ## Run the chat stack without containers until Ctrl-C
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/composegen run -f $(CHAT)/stack.yaml

drill: setup ## Drill the chat stack, on the engine and as processes
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m scripts.drill

docs: setup ## Build the site of docs/ in build/site; a warning is an error
	$(BIN)/python -m sphinx -q -W --keep-going docs build/site
	@echo "open build/site/index.html"

pictures: setup ## Draw the pictures in docs/pictures; one needs an engine
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m scripts.pictures

golden: setup ## Rewrite the expected output of the examples and pages
	GOLDEN=1 $(BIN)/python -m pytest -q tests/test_examples.py tests/test_docs.py \
		tests/places/processes/test_talk.py tests/places/engine/test_talk.py

runtimes: setup ## Try stacks on several Composes and Podman; write docs/runtimes.md
	$(BIN)/python -m scripts.runtimes.run

findings: setup ## Run each program in findings/; it installs packages in a folder of its own
	$(BIN)/python -m scripts.findings

comparison: setup ## Run the same stack with other tools; write the tables of docs/comparison.md
	$(BIN)/python benchmarks/comparison/compare.py --compose5 "$(COMPOSE5)"

reference: setup ## Rewrite the command reference and the causes of trouble in docs/
	$(BIN)/python scripts/write_command_reference.py
	$(BIN)/python -m scripts.write_trouble

facts: setup ## Rewrite the module of what is known about images from templates/
	$(BIN)/python scripts/write_facts.py

templates: setup ## Rewrite the function that fills the template of Compose files
	$(BIN)/python scripts/write_templates.py

format: setup ## Format the sources
	$(BIN)/ruff format $(SOURCES)
	$(BIN)/ruff check --fix $(SOURCES)

mutants: setup ## Seed faults one by one; the tests must catch every one
	$(BIN)/python tests/mutants/run.py

fuzz: fuzz-loader fuzz-templates fuzz-sessions fuzz-projects ## Fuzz all four; FUZZ_SECONDS=600 for each way

fuzz-loader: $(VENV)/.fuzz ## Fuzz the loader with bytes and broken stack files
fuzz-templates: $(VENV)/.fuzz ## Fuzz what is rendered with hostile values
fuzz-sessions: $(VENV)/.fuzz ## Fuzz the router's session store against a reference

fuzz-projects: setup ## Fuzz adopting with Compose projects
	$(BIN)/python tests/fuzz/run.py projects hypothesis $(FUZZ_SECONDS)

fuzz-loader fuzz-templates fuzz-sessions:
	$(BIN)/python tests/fuzz/run.py $(@:fuzz-%=%) hypothesis $(FUZZ_SECONDS)
	$(BIN)/python tests/fuzz/run.py $(@:fuzz-%=%) atheris $(FUZZ_SECONDS)

$(VENV)/.fuzz: $(VENV)/.made
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
	  --only-binary atheris -e '.[fuzz]' || { echo \
	  "no fuzzing here: atheris has no wheel for this Python on this system" >&2; exit 1; }
	touch $@

audit: $(VENV)/.audit ## Risky calls in the sources, known vulnerabilities of what is installed
	$(BIN)/bandit -q -c pyproject.toml -r composegen scripts \
	  $(foreach service,$(SERVICES),$(CHAT)/$(service)/$(service))
	$(BIN)/python scripts/audit.py

$(VENV)/.audit: $(VENV)/.made
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[audit]'
	touch $@

bench: $(VENV)/.bench ## Run every benchmark, or BENCH="bench_up ..", for benchmarks/RESULTS.md
	$(BIN)/python benchmarks/measure_all.py $(BENCH)

$(VENV)/.bench: $(VENV)/.made
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[bench]'
	touch $@

before: setup ## Install the build before, v0.2.0, and print the path of its program
	@$(BIN)/python benchmarks/before.py

clean: ## Remove what the targets made
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
