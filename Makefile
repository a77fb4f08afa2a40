# One vocabulary for people and CI. `make help` lists it.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
DISTS  := shared services/lead-service services/scoring-service services/content-service \
          services/metrics-service services/gateway deploy/standalone
EDITABLE := $(foreach d,$(DISTS),-e $(d))
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet
DATA   ?= data
PORT   ?= 8080
TOOLS  := .tools
HELM_VERSION := v3.19.2
PYTEST_ARGS ?= -n auto --dist worksteal
OLDEST_POSTGRES ?= /usr/lib/postgresql/15/bin
OLDEST_TESTS ?= shared/tests --ignore=shared/tests/kafka $(wildcard services/*/tests/adapters services/*/tests/http)

.DEFAULT_GOAL := help

help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(VENV)/runtime: deploy/requirements.lock $(addsuffix /pyproject.toml,$(DISTS))
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing from deploy/requirements.lock"
	@$(PIP) install --require-hashes -r deploy/requirements.lock
	@$(PIP) install --no-deps --no-build-isolation $(EDITABLE)
	@touch $@

$(VENV)/dev: deploy/requirements-dev.lock $(VENV)/runtime
	@$(PIP) install --require-hashes -r deploy/requirements-dev.lock
	@touch $@

run: $(VENV)/runtime ## start everything on this machine: database, five services, demo company
	@$(BIN)/onefunnel up --data $(DATA) --port $(PORT)

setup: $(VENV)/dev ## install what the checks and tests need

fmt: $(VENV)/dev ## format the code
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lint: $(VENV)/dev ## format and lint, changing nothing
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .

types: $(VENV)/dev ## mypy --strict
	@$(BIN)/mypy

arch: $(VENV)/dev ## rooms and imports
	@$(BIN)/lint-imports

catalogue: $(VENV)/dev ## write what is generated: event schemas, docs/events, docs/metrics.md, the gateway's OpenAPI
	@$(BIN)/python -m onefunnel.events.publish
	@$(BIN)/python -m onefunnel.metrics_page
	@$(BIN)/python -m standalone.openapi

generated: $(VENV)/dev ## compare what is generated with what is checked in
	@$(BIN)/python -m onefunnel.events.publish --check
	@$(BIN)/python -m onefunnel.metrics_page --check
	@$(BIN)/python -m standalone.openapi --check
	@$(BIN)/python -m tests.faults --check

check: lint types arch generated ## everything that runs no test

test: $(VENV)/dev ## every test, on a PostgreSQL it starts itself
	@$(BIN)/pytest $(PYTEST_ARGS)

test-oldest: $(VENV)/dev ## what asks a database, on the oldest PostgreSQL that is supported
	@$(BIN)/pytest $(PYTEST_ARGS) --postgres-bin $(OLDEST_POSTGRES) $(OLDEST_TESTS)

FAULTS ?= full
faults: $(VENV)/dev ## every fault in full; writes its figures into docs/guarantees.md (FAULTS=short is what `make test` runs)
	@$(BIN)/python -m tests.faults $(FAULTS)

FUZZ_TIMES ?= 50
fuzz: $(VENV)/dev ## FUZZ_TIMES million inputs for whatever reads bytes, from a new seed (FUZZ_SEED=n repeats one)
	@FUZZ_TIMES=$(FUZZ_TIMES) FUZZ_SEED=$${FUZZ_SEED:-$$(date +%s)} $(BIN)/pytest $(PYTEST_ARGS) tests/fuzz

bench: $(VENV)/dev ## the numbers, each beside a yardstick measured in the same run
	@$(BIN)/python -m tests.bench

bench-large: $(VENV)/dev ## CPU for an event up to 10^7 events: an hour, and 30 GB of disk in TMPDIR
	@ONLY=growth BENCH_EVENTS=10000000 $(BIN)/python -m tests.bench

compose-env: ## make the secrets that docker-compose.yml asks for
	@sh deploy/compose/env.sh .env

helm: ## build helm, where there is Go, for `make helm-check`
	@GOBIN=$(CURDIR)/$(TOOLS) go install helm.sh/helm/v3/cmd/helm@$(HELM_VERSION)

helm-check: $(VENV)/dev ## lint and render the chart, and read what comes out
	@PATH=$(CURDIR)/$(TOOLS):$$PATH $(BIN)/pytest -q -n 0 tests/deployment/test_chart.py

lock: $(VENV)/dev ## renew the lock files
	@$(PIP) install uv
	@$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header \
	    deploy/requirements.in -o deploy/requirements.lock
	@$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header \
	    -c deploy/requirements.lock deploy/requirements-dev.in -o deploy/requirements-dev.lock

.PHONY: help run setup fmt lint types arch catalogue generated check test test-oldest faults fuzz bench bench-large compose-env helm helm-check lock
