# `make demo` and `make test` need python3 (3.11 or newer), python3-venv and make, and nothing else.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest -q
# What needs more than Python: Debian's prometheus and chromium, minutes of two cores, Wine, a Docker engine.
FURTHER := tests/alerts tests/browser tests/peer tests/stack tests/chaos tests/real_mt5 tests/compose
MAIN := tests $(FURTHER:%=--ignore=%)

.PHONY: help demo stack test test-all lint coverage tools readme schema dashboards pictures lock sbom kubernetes clean

help:
	@echo "make demo      three simulated terminals, served on http://127.0.0.1:10685/metrics"
	@echo "make stack     the demo with a real Prometheus and Alertmanager; notifications are printed"
	@echo "make test      the tests that need nothing but Python"
	@echo "make test-all  lint, types, branch coverage, and the tests with promtool, Wine and chaos"
	@echo "make tools     Prometheus, Alertmanager and libfaketime, unpacked into .tools without root"
	@echo "make readme    write the metric table of the README anew"
	@echo "make dashboards  write dashboards/generated anew"
	@echo "make pictures  draw the dashboards for docs/pictures, with Chromium"
	@echo "make schema    write the JSON Schema of the configuration anew"
	@echo "make lock      pin what the image is made of by hash; UPGRADE=--upgrade takes newer versions"
	@echo "make sbom      a CycloneDX bill of what is pinned, in dist/"
	@echo "make kubernetes  write the PrometheusRules anew from alerts/rules"

demo: $(VENV)/.demo
	@exec $(BIN)/mt5-exporter --demo

# PROMETHEUS=2.42 takes the older pair.
stack: $(VENV)/.demo tools
	@exec $(BIN)/python -m tests.stack.local $(PROMETHEUS:%=--prometheus=%)

test: $(VENV)/.dev
	$(PYTEST) $(MAIN)

test-all: $(VENV)/.dev tools lint coverage
	$(PYTEST) -s $(FURTHER)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy --platform win32 exporter/mt5_exporter

coverage: $(VENV)/.dev
	rm -f .coverage .coverage.*
	$(BIN)/coverage run -m pytest -q $(MAIN)
	$(BIN)/coverage combine -q
	$(BIN)/coverage report

tools:
	@.ci/tools

readme: $(VENV)/.demo
	$(BIN)/python .ci/readme.py

dashboards: $(VENV)/.dev
	$(BIN)/python -m dashboards

pictures: $(VENV)/.dev tools
	$(BIN)/python -m tests.stack.pictures

schema: $(VENV)/.demo
	$(BIN)/mt5tool schema > exporter/mt5-exporter.schema.json

COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
  --custom-compile-command 'make lock'

lock: $(VENV)/.dev
	$(COMPILE) $(UPGRADE) --all-extras pyproject.toml -o exporter/requirements.lock
	$(COMPILE) $(UPGRADE) --group build -o exporter/build.lock

sbom: $(VENV)/.dev
	@mkdir -p dist
	$(BIN)/cyclonedx-py requirements --pyproject pyproject.toml --mc-type application --output-reproducible \
	  --validate --of JSON -o dist/mt5-exporter.cdx.json exporter/requirements.lock

kubernetes: $(VENV)/.demo
	$(BIN)/python deploy/kubernetes/generate.py

$(VENV)/.created:
	@command -v $(PYTHON) >/dev/null || { echo "make: $(PYTHON) is missing: install python3" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "make: Python 3.11 or newer is needed; say which with PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
	  || { echo "make: the venv module is missing: install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@# A Debian's own pip knows no --group.
	$(BIN)/python -m pip install -q --upgrade pip
	@touch $@

$(VENV)/.demo: $(VENV)/.created pyproject.toml
	$(BIN)/python -m pip install -q -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.created pyproject.toml
	$(BIN)/python -m pip install -q -e . --group dev
	@touch $@ $(VENV)/.demo

clean:
	rm -rf $(VENV) .tools .coverage .coverage.* .hypothesis .mypy_cache .pytest_cache .ruff_cache
