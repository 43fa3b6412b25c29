# Everything a checkout needs, at whatever path it lies. `make` alone lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := $(CURDIR)/.venv
WORK := $(CURDIR)/.work
BIN := $(VENV)/bin
COLLECTIONS := $(WORK)/collections
COLLECTION := $(COLLECTIONS)/ansible_collections/fleetops/container_hosts

export PATH := $(BIN):$(PATH)
export ANSIBLE_COLLECTIONS_PATH := $(COLLECTIONS)
export ANSIBLE_HOME := $(WORK)/ansible
export ANSIBLE_NOCOWS := 1
export PYTHONPATH := $(COLLECTIONS)
export PYTHONDONTWRITEBYTECODE := 1

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/.stamp: requirements-dev.txt
	@echo "== environment: $(VENV)"
	@tests/stage/ensure-python "$(PYTHON)" "$(VENV)"
	@"$(BIN)/pip" install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

.PHONY: env
env: $(VENV)/.stamp ## make the virtual environment and the collection's import path
	@mkdir -p "$(dir $(COLLECTION))"
	@ln -sfn "$(CURDIR)" "$(COLLECTION)"

.PHONY: lint
lint: env ## ruff, mypy, yamllint, ansible-lint (production), changelog fragments
	ruff check .
	ruff format --check .
	cd "$(COLLECTIONS)" && mypy --config-file "$(CURDIR)/pyproject.toml" --cache-dir "$(CURDIR)/.mypy_cache" \
	  -p ansible_collections.fleetops.container_hosts.plugins.module_utils
	yamllint --strict .
	antsibull-changelog lint
	ansible-lint

.PHONY: unit
unit: env ## pure logic and modules, without a fleet
	pytest -q tests/unit

.PHONY: conformance
conformance: env ## what we write, the real readers read back
	pytest -q tests/conformance
