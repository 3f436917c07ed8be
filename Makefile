# The two commands of a newcomer are `make up` and `make test`; `make help` lists the others. Whatever fails, make ends
# with 2: a script that goes by exit statuses asks the command of the target, `.venv/bin/python -m …`.
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: up dev down test lint types format lock test-ollama load load-gate drill-deploy drill-faults bench bench-compare clean help

up: $(VENV)/run.stamp ## start everything; stays in the foreground
	@exec $(BIN)/edge up --with-parent

dev: $(VENV)/run.stamp ## the same (or attach to what runs), and deploy each save of functions/ and core/
	@exec $(BIN)/edge dev --with-parent

down: $(VENV)/run.stamp ## stop what `make up` started, from anywhere
	@exec $(BIN)/edge down

test: $(VENV)/dev.stamp ## every test, on real parts that it starts itself
	@exec $(BIN)/python -m pytest -m "not ollama" $(ARGS)

test-ollama: $(VENV)/dev.stamp ## the protocol tests against a real Ollama, built once (needs Go)
	@exec $(BIN)/python -m ops.ollama test

load: $(VENV)/run.stamp ## load what runs, and judge it (ARGS="--scenario mixed", --help; nine minutes)
	@exec $(BIN)/python -m loadtests $(ARGS)

load-gate: $(VENV)/run.stamp ## the scenarios that gate, cut short, on a fresh instance (5 min)
	@exec $(BIN)/python -m loadtests --gate

drill-deploy: $(VENV)/run.stamp ## prove under traffic that deploys lose nothing (ARGS=--json, --help; 15 min)
	@exec $(BIN)/python -m ops.drill $(ARGS)

bench: $(VENV)/bench.stamp ## what it costs, each figure beside its floor, to docs/benchmarks/ (ARGS=--quick, --help; 14 min)
	@exec $(BIN)/python -m ops.bench $(ARGS)

bench-compare: $(VENV)/bench.stamp ## name what got worse since the last `make bench` on this machine
	@exec $(BIN)/python -m ops.bench --against docs/benchmarks/bench.json $(ARGS)

drill-faults: $(VENV)/dev.stamp ## kill each part by turns under load, and lose nothing (SOAK_S=600: ten minutes)
	@exec env SOAK_S=$(or $(SOAK_S),600) $(BIN)/python -m pytest -n 0 tests/e2e/test_soak.py $(ARGS)

lint: $(VENV)/dev.stamp ## style
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(VENV)/dev.stamp ## static types
	@$(BIN)/mypy

format: $(VENV)/dev.stamp ## rewrite to the style
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

lock: ## pin the requirements again (needs uv)
	@for set in run: dev:dev; do \
	  uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --upgrade \
	    $$(test -z "$${set#*:}" || echo --extra $${set#*:}) pyproject.toml -o requirements/$${set%%:*}.txt || exit 1; \
	done
	@uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --upgrade \
	  --group bench -c requirements/run.txt -o requirements/bench.txt

clean: ## remove the environment and all state
	@$(PYTHON) ops/idle.py "$${EDGE_HOME:-.edge}" .edge
	@rm -rf $(VENV) .edge .pytest_cache

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

# Of the benchmark's rivals alone: not on the path of anything else.
$(VENV)/bench.stamp: requirements/bench.txt $(VENV)/run.stamp
	@rm -rf $(VENV)/bench
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-input --no-deps --no-compile --require-hashes \
	  --only-binary :all: --target $(VENV)/bench -r requirements/bench.txt
	@touch $@

# Every wheel is pinned with its hash; nothing is compiled, nothing is resolved.
$(VENV)/run.stamp: requirements/run.txt pyproject.toml
	@$(PYTHON) ops/bootstrap.py $(VENV) requirements/run.txt
	@touch $@

$(VENV)/dev.stamp: requirements/dev.txt pyproject.toml
	@$(PYTHON) ops/bootstrap.py $(VENV) requirements/dev.txt
	@touch $@ $(VENV)/run.stamp
