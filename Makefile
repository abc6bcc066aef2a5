# Thin aliases; README.md gives the same commands for people without make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile -c requirements.lock

.PHONY: run test unit test-all bench ui lint

run: $(VENV)/installed ## install if need be, then run the retrain flow
	$(BIN)/hourglass run

test: lint unit ## lint, types and tests, with 12 faults drawn at random; `make -j2 test` does both at once

unit: $(VENV)/installed-test
	$(BIN)/python -m pytest -m "not browser and not services and not long" -n 3 --cov --cov-report=term:skip-covered --cov-fail-under=90

test-all: $(VENV)/installed-services lint ## everything that `test` runs, more whole flows, all faults, and the report in a real browser
	$(BIN)/python -m pytest -m "not fault" -n 3 --cov --cov-report=term:skip-covered
	$(BIN)/python -m pytest tests/faults --faults=all -n 3 --dist worksteal

lint: $(VENV)/installed-test
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

PEERS := .venv-peers
bench: $(VENV)/installed ## the benchmarks beside other libraries, which get an environment of their own; then docs/benchmarks.md
	test -x $(PEERS)/bin/python || $(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet torch==2.13.0 pythae==0.1.2 pyod==3.6.7 lightning==2.6.6 scikit-learn bm3d==4.0.3
	cd benchmarks && ../$(BIN)/python training.py --peers ../$(PEERS)/bin/python --out results/training.json
	cd benchmarks && ../$(BIN)/python ensemble.py --out results/ensemble.json
	cd benchmarks && ../$(BIN)/python scoring.py --peers ../$(PEERS)/bin/python --out results/scoring.json
	cd benchmarks && ../$(BIN)/python serving.py --out results/serving.json
	cd benchmarks && ../$(BIN)/python growth.py --out results/growth.json
	cd benchmarks && ../$(BIN)/python ingest.py --out results/ingest.json
	test ! -d ../shared/data/tabular || (cd benchmarks && ../$(BIN)/python anomaly.py ../../shared/data/tabular --peers ../$(PEERS)/bin/python --out results/anomaly.json && ../$(BIN)/python anomaly.py ../../shared/data/tabular --contaminated --peers ../$(PEERS)/bin/python --out results/anomaly_contaminated.json)
	test ! -d ../shared/data/images || (cd benchmarks && ../$(BIN)/python anomaly.py --digits ../../shared/data/images/mnist_10k.npz --peers ../$(PEERS)/bin/python --out results/anomaly_digits.json)
	test ! -d ../shared/data/sensor || (cd benchmarks && ../$(BIN)/python series.py ../../shared/data/sensor --out results/series.json)
	test ! -d ../shared/data || ( cd benchmarks && ../$(BIN)/python restoration.py --peers ../$(PEERS)/bin/python --out results/restoration.json )
	cd benchmarks && ../$(BIN)/python rate_distortion.py --out results/rate_distortion.json
	cd benchmarks && ../$(BIN)/python sprites.py --out results/sprites.json
	$(BIN)/python benchmarks/page.py

ui: $(VENV)/installed ## MLflow's pages on the embedded store
	$(BIN)/mlflow ui --backend-store-uri sqlite:///mlruns/mlflow.db

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Hourglass needs Python 3.11 or later; try: make PYTHON=python3.12 " + "run")'
	$(PYTHON) -m venv $(VENV)

# fills the caches of bytecode (on all cores, as pip doesn't) and compiled code, so that the first run doesn't wait for them
define install
$(PIP) -e '.$(1)'
$(BIN)/python -m compileall -qq -j 0 $(VENV)/lib || true # some packages bring templates that aren't Python
$(BIN)/python -c 'import mlflow, numpy, prefect.server, torch; from hourglass.evaluation import maps; maps.umap(numpy.eye(99), seed=0)'
endef

$(VENV)/installed: requirements.lock pyproject.toml | $(VENV)/bin/python
	@echo "Installing into $(VENV), which takes a few minutes the first time ..."
	$(call install)
	@touch $@

$(VENV)/installed-test: requirements.lock pyproject.toml | $(VENV)/bin/python
	@echo "Installing into $(VENV), with what tests need, which takes a few minutes the first time ..."
	$(call install,[test])
	@touch $(VENV)/installed $@

$(VENV)/installed-services: $(VENV)/installed-test
	@echo "Installing what tests of a whole deployment need ..."
	$(PIP) -e '.[test,services]'
	@touch $@
