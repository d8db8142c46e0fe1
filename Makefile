# Every target works on a fresh clone with Python >= 3.11 (venv, pip) and make: each installs what it needs first.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
STAMP := $(VENV)/.installed
# uv writes no bytecode by itself, and without it every process would compile torch anew.
export UV_COMPILE_BYTECODE := 1

.DEFAULT_GOAL := help
.PHONY: help install demo demo-restore smoke test test-slow lint format type notebooks bench lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(STAMP) ## set up .venv with the locked versions

$(UV):
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "facequal needs Python >= 3.11, this is " + sys.version)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv

$(STAMP): requirements.lock pyproject.toml | $(UV)
	$(UV) pip sync --quiet --python $(BIN)/python --require-hashes requirements.lock
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

demo: $(STAMP) ## train a recogniser on procedural faces and make it robust to low resolution (CPU, minutes)
	$(BIN)/facequal study experiments/demo/study.yaml --only octuplet --seeds 1 --folder runs/demo --fresh

demo-restore: $(STAMP) ## train NASFE's stages on procedural faces and restore dark, blurred, noisy ones (CPU, minutes)
	$(BIN)/facequal study experiments/demo/nasfe/study.yaml --only searched --seeds 1 --folder runs/demo_restore --fresh

smoke: $(STAMP) ## run every stage of NASFE for 50 steps, to see that all of it works (CPU, minutes)
	$(BIN)/facequal study experiments/nasfe/smoke.yaml --only '6, + identity term' --seeds 1 --folder runs/smoke --fresh

test: $(STAMP) ## run the tests (5 to 6 minutes on two cores)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2

test-slow: $(STAMP) ## run the slow tests too
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 -m 'slow or not slow'

lint: $(STAMP) ## check format, style and docstrings
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

format: $(STAMP) ## format the code and apply the safe fixes
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

type: $(STAMP) ## check the types (mypy, strict)
	$(BIN)/mypy

notebooks: $(STAMP) ## run the notebooks and write them with their outputs
	$(BIN)/python notebooks/execute.py

bench: $(STAMP) ## measure speed and memory, write experiments/benchmarks/RESULTS.md
	$(BIN)/python -m experiments.benchmarks

lock: | $(UV) ## resolve the dependencies anew into requirements.lock
	$(UV) pip compile pyproject.toml --quiet --universal --generate-hashes --extra dev --no-emit-index-url --custom-compile-command 'make lock' -o requirements.lock

clean: ## remove the environment, caches and runs
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache runs
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
