# Needs Python 3.11 or newer, git and make. Everything else is installed into .venv from requirements.lock.

PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo "$$p"; break; }; done)
CONFIG ?= config.yaml
SEED ?=
SEEDS ?= 20
STEPS ?=
FIRST ?=
SCRIPT ?=
BUG ?=
KILLS ?= 50
VENUE ?= 0
AT ?= paper
BUG ?=
TESTS ?=
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: update-test api docs docs-serve help setup run packages package install-test container-test test test-panel test-postgres lint fix protos lock simulate bugs bench faults crashes kills standby reloads panel-load reference manual troubles fuzz check-python

help: ## This list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' $(firstword $(MAKEFILE_LIST)) | while IFS='|' read -r name text; do \
		printf '  make %-9s %s\n' "$$name" "$$text"; done

setup: .venv/.ready ## Create .venv from requirements.lock; does nothing when it is current

check-python:
	@if [ -z "$(PYTHON)" ]; then \
		echo "Terrace needs Python 3.11 or newer and found none. Install it, or name it: make PYTHON=/path/to/python3.12" >&2; exit 1; fi
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "Terrace needs Python 3.11 or newer; $(PYTHON) is $$("$(PYTHON)" --version 2>&1)." >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) cannot make virtual environments: install its venv module (Debian, Ubuntu: apt install python3-venv)." >&2; exit 1; }

# Two stamps: a change of the metadata need not touch the installed dependencies.
.venv/.locked: requirements.lock | check-python
	@echo "Setting up .venv from requirements.lock, about a minute ..."
	"$(PYTHON)" -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	@touch $@

.venv/.ready: .venv/.locked setup.cfg pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

run: setup ## Start daemon, webhook forwarder and panel together (CONFIG=config.yaml)
	$(BIN)/terrace up --config $(CONFIG)

packages: setup ## Wheel and source package in dist/, looked into, with the tested versions and check sums
	$(BIN)/python -m tests.install.packages

package: setup ## Executables of terraced and terrace in dist/terrace, and their story told (ARCHIVE=1 packs them)
	$(BIN)/python packaging/pyinstaller/build.py $(if $(ARCHIVE),--archive)
	TERRACE_TEST_EXECUTABLES=dist/terrace $(BIN)/python -m pytest -q -s tests/install/test_executables.py

install-test: setup ## Every way of installing, here and in a fresh Debian, timed (WAYS=pip,pipx; needs the package index)
	$(BIN)/python -m tests.install $(if $(WAYS),--ways $(WAYS))

test: setup ## Run the whole test suite on two cores (TESTS=tests/rules for a part)
	$(BIN)/python -m pytest -n 3 --dist worksteal -m "not browser" $(TESTS)
	$(BIN)/python -m pytest -n 2 --dist loadfile -m browser $(TESTS) || [ $$? -eq 5 ]  # 5: none of them is asked for.

container-test: setup ## The image built and the composition started for real (root, podman, podman-compose, debootstrap)
	TERRACE_TEST_CONTAINER=1 $(BIN)/python -m pytest -q -s tests/install/test_container_runs.py

test-panel: setup ## Every page and button of the panel in a real browser (needs chromium; PICTURES=1 renews docs/images)
	TERRACE_TEST_BROWSER=1 $(if $(PICTURES),TERRACE_TEST_PICTURES=1) $(BIN)/python -m pytest -n 2 --dist loadfile tests/gui/browser

test-postgres: setup ## The tests that use a store, on a PostgreSQL server they start (TESTS=tests/system for a part)
	TERRACE_TEST_STORE=postgres $(BIN)/python -m pytest -n 2 \
		$(or $(TESTS),tests/daemon/store tests/daemon/api tests/daemon/reports tests/actors tests/system tests/processes)

lint: setup ## Style, types, import direction, contract
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m protos.check
	@if command -v buf >/dev/null 2>&1; then echo buf lint; buf lint; else echo "buf is not installed: skipped"; fi

fix: setup ## Mend what ruff can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

protos: setup ## Generate the Python code of protos/terrace/v1
	$(BIN)/python -m protos.build

panel-load: setup ## The panel with 200 groups that all change twice a second, in four browsers (SECONDS=600)
	$(BIN)/python -m tests.gui.load --seconds $(or $(SECONDS),600)

reference: setup ## Write docs/configuration.md from the schema
	$(BIN)/python -m daemon.config.reference

manual: setup ## Write docs/cli.md from the commands
	$(BIN)/python -m control.manual

troubles: setup ## Write docs/troubleshooting.md from all the program can say
	$(BIN)/python -m tests.troubles

api: setup ## Write docs/api.md from the contract
	$(BIN)/python -m tests.docs.api_page

docs: setup ## Build the documentation site into build/site; fails at a broken link
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet
	$(BIN)/python -m tests.docs.site build/site

docs-serve: setup ## Show the documentation site while it is written (PORT=8000)
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs serve --dev-addr 127.0.0.1:$(or $(PORT),8000)

lock: setup ## Renew requirements.lock (keeps what still fits; UPGRADE=--upgrade for newer)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip compile setup.cfg --all-extras --universal --python-version 3.11 --generate-hashes --quiet \
		--no-emit-index-url --no-emit-find-links --no-header --no-annotate --no-config $(UPGRADE) -o requirements.lock

simulate: setup ## Seeded runs with faults (SEED=n or SCRIPT=file tells one, SEEDS=count FIRST=n; STEPS=5000)
	PYTHONHASHSEED=0 $(BIN)/python -m tests.simulation $(if $(SCRIPT),--script $(SCRIPT),$(if $(SEED),--seed $(SEED),\
		--seeds $(SEEDS) $(if $(FIRST),--first $(FIRST)))) $(if $(STEPS),--steps $(STEPS))

bugs: setup ## Is every deliberate bug found? (BUG=name tries one, SEEDS=200, STEPS=5000); writes docs/bugs.md
	PYTHONHASHSEED=0 $(BIN)/python -m tests.simulation.bugs $(if $(BUG),--bug $(BUG)) \
		$(if $(filter command line,$(origin SEEDS)),--seeds $(SEEDS)) $(if $(STEPS),--steps $(STEPS))

bench: setup ## Measure, print and write bench.json
	$(BIN)/python -m tests.bench

faults: setup ## Every fault at every step at each simulated venue; writes docs/faults.md
	$(BIN)/python -m tests.wire.fault_table

standby: setup ## The standby takes over under load: leader killed, frozen, cut off (needs a PostgreSQL server)
	TERRACE_TEST_STANDBY=all $(BIN)/python -m pytest -q -s tests/processes/test_standby.py

kills: setup ## kill -9 of real daemons under load (KILLS=500 VENUE=100: so many with the exchange failing; SEED=n AT=paper: one run)
	$(BIN)/python -m tests.processes --kills $(KILLS) $(if $(SEED),--seed $(SEED) --at $(AT) $(if $(BUG),--bug $(BUG)),--venue $(VENUE))

update-test: setup ## Updates and rollbacks of real versions under load: good, bad, killed at every step (takes half an hour)
	TERRACE_TEST_UPDATES=all $(BIN)/python -m pytest -q -s tests/control/update tests/system/test_update.py

reloads: setup ## A thousand reloads of a daemon under load, valid and broken files (RELOADS=n)
	TERRACE_RELOADS=$(or $(RELOADS),1000) $(BIN)/python -m pytest -q -s tests/system/test_reloads.py

fuzz: setup ## Odd requests to every method of a daemon (CALLS=20000) and to the webhook (SECONDS=600), and how memory grows
	TERRACE_TEST_FUZZ_CALLS=$(or $(CALLS),20000) $(BIN)/python -m pytest -q -s tests/daemon/api/test_fuzz.py
	TERRACE_TEST_FUZZ_S=$(or $(SECONDS),600) $(BIN)/python -m pytest -q -s tests/system/test_webhook_fuzz.py

crashes: setup ## The engine's stories, disturbed at every single message (the tests take a share of them)
	TERRACE_TEST_EVERY_PLACE=1 $(BIN)/python -m pytest -n 2 tests/actors/test_story_crashes.py \
		tests/actors/test_reverse_crashes.py tests/actors/test_cut_crashes.py tests/actors/test_risk_crashes.py
