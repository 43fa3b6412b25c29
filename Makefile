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
TESTS := $(BIN)/python -m ansible_collections.fleetops.container_hosts.tests
TIMED := tests/stage/timed
# How many tests run at once; of whole playbooks, each on a fleet of its own: they mostly wait.
WORKERS ?= 2

# Every folder of molecule/ that is a scenario.
SCENARIOS := $(patsubst molecule/%/molecule.yml,%,$(wildcard molecule/*/molecule.yml))

# What one run of `make test` is made of, the cheapest complaint first.
STAGES := lint sanity-sample unit fuzz browser conformance windows awx molecule integration benchmark-sample

export PATH := $(BIN):$(PATH)
export ANSIBLE_COLLECTIONS_PATH := $(COLLECTIONS)
export ANSIBLE_HOME := $(WORK)/ansible
export ANSIBLE_NOCOWS := 1
export PYTHONPATH := $(COLLECTIONS)
export PYTHONDONTWRITEBYTECODE := 1

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/.stamp: requirements-dev.txt
	@echo "== environment: $(VENV)"
	@tests/stage/ensure-python "$(PYTHON)" "$(VENV)"
	@"$(BIN)/pip" install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

.PHONY: env
env: $(VENV)/.stamp ## make the virtual environment and the collection's import path
	@mkdir -p "$(dir $(COLLECTION))"
	@ln -sfn "$(CURDIR)" "$(COLLECTION)"

.PHONY: engine
engine: env ## have a Docker engine answer, and the stage's images in it
	@tests/stage/ensure-engine
	@$(TESTS).stage images

.PHONY: demo
demo: engine ## show the main job on real parts: hosts, Squid, a registry
	@$(TESTS).stage.demo

.PHONY: demo-clean
demo-clean: env ## take the demo's fleet away
	@$(TESTS).stage down demo

.PHONY: lint
lint: env ## ruff, mypy, yamllint, ansible-lint (production), changelog fragments
	ruff check .
	ruff format --check .
	cd "$(COLLECTIONS)" && mypy --config-file "$(CURDIR)/pyproject.toml" --cache-dir "$(CURDIR)/.mypy_cache" \
	  -p ansible_collections.fleetops.container_hosts.plugins \
	  -p ansible_collections.fleetops.container_hosts.tests.stage \
	  -p ansible_collections.fleetops.container_hosts.tests.benchmark \
	  -p ansible_collections.fleetops.container_hosts.tests.release
	yamllint --strict .
	antsibull-changelog lint
	@# It installs the collection for itself, and would go on with the copy of an earlier time.
	@rm -rf "$(WORK)/ansible/collections"
	ansible-lint

.PHONY: unit
unit: env ## pure logic and modules, without a fleet
	pytest -q -n $(WORKERS) tests/unit

.PHONY: fuzz
fuzz: env ## every document editor against thousands of broken documents; 2,000 each, SCALE=50 for 100,000
	FUZZ_SCALE=$(or $(SCALE),$(FUZZ_SCALE),1) pytest -q -n $(WORKERS) tests/fuzz

.PHONY: soak
soak: engine ## two hundred converges of one host: no file, checkpoint or memory more
	pytest -q -s tests/soak

.PHONY: browser
browser: env ## the audit's report in a real browser
	@tests/stage/ensure-packages @tests/browser/packages.txt
	pytest -q tests/browser

.PHONY: picture
picture: env ## make the README's picture of the audit's report anew
	@tests/stage/ensure-packages @tests/browser/packages.txt
	@$(TESTS).browser.picture docs/images/audit-report.png

.PHONY: conformance
conformance: engine ## what we write, the real readers read back
	@tests/stage/ensure-packages @tests/conformance/packages.txt
	pytest -q tests/conformance

.PHONY: molecule
molecule: engine ## the roles' scenarios, or some: make molecule SCENARIOS=moby
	molecule --base-config molecule/base.yml test --no-command-borders $(addprefix --scenario-name ,$(SCENARIOS))

.PHONY: integration
integration: engine ## whole playbooks on real hosts
	@tests/stage/ensure-packages @tests/integration/packages.txt
	pytest -q -n $(WORKERS) --dist loadfile tests/integration

.PHONY: windows
windows: env ## the roles on Windows hosts: Wine's registry, services and files
	@tests/stage/ensure-packages @tests/windows/packages.txt
	@$(TESTS).windows
	pytest -q -n $(WORKERS) --dist loadfile tests/windows

.PHONY: benchmark
benchmark: engine ## what a steady state costs, in pings; WRITE=1 puts the figures into docs/benchmarks.md
	@$(TESTS).benchmark $(if $(WRITE),--write)

.PHONY: benchmark-parts
benchmark-parts: env ## edits of large documents by their parser's own time, and what each module sends; WRITE=1 likewise
	@$(TESTS).benchmark --parts $(if $(WRITE),--write)

.PHONY: benchmark-first
benchmark-first: engine ## what a first converge costs, by a steady state; WRITE=1 likewise
	@$(TESTS).benchmark --first --hosts 8 --rounds 3 $(if $(WRITE),--write)

.PHONY: benchmark-growth
benchmark-growth: engine ## a host's share of the cost, and the controller's memory, over 1 to 200 hosts; WRITE=1 likewise
	@$(TESTS).benchmark --growth --rounds 3 $(if $(WRITE),--write)

.PHONY: benchmark-peer
benchmark-peer: engine ## role moby beside another project's role for the same; WRITE=1 likewise
	@$(TESTS).benchmark --peer --hosts 8 --rounds 4 $(if $(WRITE),--write)

.PHONY: benchmark-sample
benchmark-sample: engine ## the same, small
	@$(TESTS).benchmark --hosts 8 --rounds 5

.PHONY: sanity
sanity: env ## ansible-test sanity with each supported ansible-core, and no ignore file
	@$(TESTS).release sanity

.PHONY: sanity-sample
sanity-sample: env ## the quick ones of these tests with the oldest ansible-core
	@$(TESTS).release sanity --quick

.PHONY: versions
versions: env ## the unit tests with each supported ansible-core
	@$(TESTS).release units

.PHONY: targets
targets: env ## the unit tests of what runs on hosts, with each Python from 3.8 to 3.13
	@$(TESTS).release targets

.PHONY: versions-scenario
versions-scenario: engine ## the scenarios with the oldest and the newest, ansible-core and Python on the hosts
	@$(TESTS).release scenario $(SCENARIOS)

.PHONY: docs
docs: env ## the documentation site, without a warning: .work/release/site/html
	@$(TESTS).release docs

.PHONY: release-check
release-check: env ## build a release, install it into an empty place, use it; Galaxy's importer
	@$(TESTS).release check
	@$(TESTS).release importer

.PHONY: awx
awx: engine ## the AWX project's definitions, and the playbooks in slices by ansible-runner
	@$(TESTS).awx
	pytest -q tests/awx

.PHONY: ee
ee: engine ## build the execution environment of examples/ee with ansible-builder, and run the playbooks in it
	@$(TESTS).release ee
	pytest -q tests/ee

.PHONY: test
test: ## all that must pass; says the name and the time of each stage
	@$(TIMED) test $(MAKE) --no-print-directory stages

.PHONY: stages
stages:
	@for stage in env engine $(STAGES); do $(TIMED) "$$stage" $(MAKE) --no-print-directory "$$stage"; done

.PHONY: nightly
nightly: test ## `make test`, then more of what is random or slow
	@CONFORMANCE_SCALE=20 $(TIMED) conformance $(MAKE) --no-print-directory conformance
	@FAULT_SCALE=2 $(TIMED) integration $(MAKE) --no-print-directory integration
	@FUZZ_SCALE=50 FUZZ_SEED="$$(date +%F)" $(TIMED) fuzz $(MAKE) --no-print-directory fuzz
	@$(TIMED) soak $(MAKE) --no-print-directory soak
	@for part in "" -parts -first -growth -peer; do $(TIMED) "benchmark$$part" $(MAKE) --no-print-directory "benchmark$$part"; done
	@for stage in sanity versions targets versions-scenario docs release-check ee; do $(TIMED) "$$stage" $(MAKE) --no-print-directory "$$stage"; done

.PHONY: clean
clean: ## take away fleets, images, environment and caches
	@if [ -x "$(BIN)/python" ] && docker version >/dev/null 2>&1; then $(TESTS).stage down --all; $(TESTS).stage images --remove; fi
	rm -rf "$(WORK)" "$(VENV)" .ansible .hypothesis .mypy_cache .pytest_cache .ruff_cache
