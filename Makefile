# Nabe. `make demo` and `make test` do all set-up by themselves. `make help` lists the rest.
SHELL := /bin/bash
PYTHON ?= python3
UV := $(shell command -v uv 2>/dev/null || echo .uv/bin/uv)
BIN := .venv/bin
WORKSPACE ?= musterstadt
PORT ?= 8080

.PHONY: help setup demo test check format bench wheel clean

help: ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

setup: .venv/.ready ## virtual environment and front-end assets

.uv/bin/uv:
	@echo "→ installing uv into .uv"
	@$(PYTHON) -m venv .uv && .uv/bin/pip install --quiet "uv>=0.7"

.venv/.ready: pyproject.toml uv.lock package-lock.json scripts/assets.py
	@command -v uv >/dev/null 2>&1 || [ -x .uv/bin/uv ] || $(MAKE) --no-print-directory .uv/bin/uv
	@echo "→ Python packages"
	@$(UV) sync --locked --quiet
	@echo "→ front-end assets"
	@$(BIN)/python scripts/assets.py
	@touch $@

demo: setup ## start the model city (PORT=8080, WORKSPACE=musterstadt)
	@$(BIN)/nabe demo --port $(PORT) $(WORKSPACE)

test: setup check ## everything that CI runs
	@$(BIN)/pytest -n 2

check: setup ## lint, types, import contracts, licences
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports --config importlinter.ini
	@$(BIN)/mypy src/nabe
	@$(BIN)/reuse --suppress-deprecation lint --quiet || $(BIN)/reuse lint

format: setup ## format the code
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format --quiet .

bench: setup ## benchmarks; figures go to docs/benchmarks.md by hand
	@for script in $(filter-out benchmarks/city.py,$(wildcard benchmarks/*.py)); do echo "== $$script"; $(BIN)/python $$script; done

wheel: setup ## build the wheel
	@$(UV) build --wheel

clean: ## remove what set-up and the demo made
	rm -rf .venv .uv node_modules src/nabe/portal/static/vendor $(WORKSPACE) dist
