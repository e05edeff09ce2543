# Everything a user or contributor types. Needs make and Python 3.11 or newer, nothing else.
#   make demo                    engine on the demo data, then the dashboard
#   make demo ARGS="--no-app --workspace DIR"
#   make test                    lint, types and the whole suite
# On Linux a CPU-only PyTorch saves 5 GB: TORCH_INDEX=https://download.pytorch.org/whl/cpu

PYTHON ?= python3
TORCH_INDEX ?=
ARGS ?=
WORKERS ?= auto

BIN := .venv/bin
RUN := $(BIN)/python

LABEL_STUDIO := build/label-studio-venv
MLFLOW := build/mlflow-venv

.PHONY: demo test lint fix docs pictures bench bench-discovery browser small-demo test-label-studio test-mlflow clean

demo: .venv/.demo
	$(RUN) -m aggressors demo $(ARGS)

test: lint browser
	$(RUN) -m pytest -n $(WORKERS) -m "not bench and not label_studio and not mlflow" $(ARGS)

lint: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(RUN) -m mypy
	$(BIN)/lint-imports
	$(BIN)/codespell app engine docs tests examples data README.md CHANGELOG.md CONTRIBUTING.md
	$(RUN) docs/generate.py --check

fix: .venv/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(RUN) docs/generate.py

docs: .venv/.dev
	$(RUN) docs/generate.py

# The pictures of docs/walkthrough.md, anew, as the test that walks it takes them on the demo.
pictures: .venv/.dev browser
	$(RUN) -m pytest tests/browser/test_walkthrough.py -k test_the_walkthrough $(ARGS)
	cp test-results/walkthrough-*.png docs/pictures/

bench: .venv/.dev
	$(RUN) -m pytest -m bench tests/bench -s $(ARGS)

# Discovery against its peers, on settings made by `tests/bench/discovery/generate.py`; hours.
# How the peers are installed stands in tests/bench/discovery/peers/README.md.
bench-discovery: .venv/.dev
	OMP_NUM_THREADS=1 PYTHONPATH=tests:engine $(RUN) -m bench.discovery.run --split reporting \
	  --methods all --quiet --nulls 2 --peer-nulls 40 --scale \
	  --out tests/bench/results/discovery-report.json --page docs/benchmarks/discovery.md $(ARGS)

# The round trip through the real Label Studio: some minutes, 1.5 GB in build/, localhost only.
test-label-studio: .venv/.dev $(LABEL_STUDIO)/.installed
	$(RUN) -m pytest -m label_studio tests/label_studio -rA --tb=short $(ARGS)

$(LABEL_STUDIO)/.installed:
	$(PYTHON) -m venv $(LABEL_STUDIO)
	$(LABEL_STUDIO)/bin/pip install --quiet "label-studio==1.23.*"
	@touch $@

# The recipe of docs/ci.md against a real MLflow store: a minute, 1.5 GB in build/, no server.
test-mlflow: .venv/.dev $(MLFLOW)/.installed
	$(RUN) -m pytest -m mlflow tests/recipes -rA --tb=short $(ARGS)

$(MLFLOW)/.installed: pyproject.toml
	$(PYTHON) -m venv $(MLFLOW)
	$(MLFLOW)/bin/pip install --quiet -e . "mlflow>=3.1,<4"
	@touch $@

# An installed Chrome or Chromium serves; otherwise Playwright fetches one if it can.
browser: .venv/.dev
	$(RUN) tests/browser/provide.py

.venv/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; '$(PYTHON)' is $$($(PYTHON) -V 2>&1). Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv .venv
	$(if $(TORCH_INDEX),$(RUN) -m pip install torch torchvision --index-url $(TORCH_INDEX))
	@touch $@

.venv/.demo: .venv/.python pyproject.toml
	$(RUN) -m pip install --quiet -e ".[torch]"
	@touch $@

.venv/.dev: .venv/.python pyproject.toml
	$(RUN) -m pip install --quiet -e ".[torch,dev]"
	@touch $@ .venv/.demo

# The small run that travels in the wheel, for `aggressors demo` where torch is missing.
small-demo: .venv/.demo
	rm -rf build/small-demo
	$(RUN) -m aggressors run data/clothes/integration.py --name demo --limit 1200 --workspace build/small-demo
	cp build/small-demo/runs/*.duckdb data/demo.duckdb

clean:
	rm -rf .venv build dist test-results
