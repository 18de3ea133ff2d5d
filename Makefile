# Every target sets up what it needs, in .venv and .cache of this checkout; a second run is quick.
# Needs Linux, Python 3.10 or later (PYTHON=... names another one), git and make.
PYTHON ?= python3
# WORKERS=0 runs tests one after another in one process, as a debugger needs it.
WORKERS ?= auto
PYTEST_ARGS ?=
BENCH_ARGS ?=
SOAK_ARGS ?=
FUZZ_ARGS ?=
COVERED := tests/unit tests/contract tests/proxy tests/snapstart
NIGHTLY_SOAK ?= --minutes=30
NIGHTLY_FUZZ ?= --seconds 120
ARCH ?= $(if $(filter aarch64 arm64,$(shell uname -m)),arm64,x86_64)

# Without it every process compiles anew what it imports: twelve seconds for each worker of the tests.
unexport PYTHONDONTWRITEBYTECODE

VENV := .venv
BIN := $(VENV)/bin
# Tests of a group run in one worker: those that measure time, or share an engine. A worker that ends
# ends the run: with groups, pytest-xdist 3.8 can wait for ever for the one that takes its place.
XDIST = -n $(WORKERS) --dist loadgroup --max-worker-restart 0
PYTEST = $(BIN)/python -m pytest $(XDIST)
TOOLS := $(VENV)/.tools
READY := $(VENV)/.ready
DEV := $(VENV)/.dev
SITE := $(BIN)/python -m sphinx --fail-on-warning --keep-going --doctree-dir build/doctrees docs build/site
SAM := .venv-sam
FUZZ := .venv-fuzz
SHELL_SCRIPTS := build.sh wrapper/faultlayer-wrapper .ci/run .ci/bare examples/shop/run \
	$(wildcard cli/faultlayer_cli/data/*.sh cli/faultlayer_cli/data/bootstrap*) \
	$(wildcard tests/runtimes/bootstraps/* tests/clients/functions/*/bootstrap tests/rie/functions/probe/*-wrapper)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test test-all test-pythons nightly bare coverage check bench soak fuzz build shim dist docs sam clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1:/p' Makefile | while IFS=: read -r target what; do \
		printf '  make %-8s %s\n' "$$target" "$$what"; done

demo: $(READY) ## a real function under the real emulator: untouched, late, 503, exception
	@$(BIN)/faultlayer demo

test: $(DEV) build ## the tests, in minutes; PYTEST_ARGS="-k latency" runs some, WORKERS=0 serially
	$(PYTEST) -m "not whole and not nightly" $(PYTEST_ARGS)

test-all: $(DEV) build ## these, and those with real runtimes, images, SAM and a browser
	$(PYTEST) -m "not nightly" $(PYTEST_ARGS)

test-pythons: $(DEV) build ## unit, contract and command tests on the oldest and the newest Python here
	@$(BIN)/python tests/pythons.py others | while read -r version python; do \
		{ $(MAKE) --no-print-directory .venv-$$version/.ready PYTHON=$$python && \
		echo "Python $$version" && .venv-$$version/bin/python -m pytest -q $(XDIST) \
			-m "not whole and not nightly" tests/unit tests/contract tests/cli $(PYTEST_ARGS); \
		} </dev/null || exit 1; \
	done

nightly: $(DEV) build bare coverage ## every test, a bare machine, coverage, long soak and fuzzing
	STOPPED_SECONDS=60 $(PYTEST) $(PYTEST_ARGS)
	$(MAKE) soak SOAK_ARGS="$(NIGHTLY_SOAK)"
	$(MAKE) soak SOAK_ARGS=--relay
	$(MAKE) fuzz FUZZ_ARGS="$(NIGHTLY_FUZZ)"

coverage: $(DEV) ## how many lines of each room the quick tests reach; the data path: at least 95 %
	rm -rf build/coverage && mkdir -p build/coverage
	$(BIN)/python -m coverage run -m pytest $(XDIST) -q $(COVERED)
	$(BIN)/python -m coverage combine -q
	$(BIN)/python tests/coverage_of_rooms.py

bare: ## make demo and make test in a root file system with python3, git and make alone
	.ci/bare

check: $(DEV) ## ruff, mypy --strict, import rules, shellcheck, the pages and their links
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/shellcheck $(SHELL_SCRIPTS)
	$(BIN)/python -m faultlayer_cli.reference --check
	$(BIN)/python tests/mirror.py
	$(BIN)/python tests/docs/pages.py --check
	$(BIN)/python -m bench.pages --check
	$(SITE) --quiet

bench: $(DEV) build ## speed, into the README, docs/ and bench/results.json; BENCH_ARGS=--quick
	$(BIN)/python -m bench $(BENCH_ARGS)

soak: $(DEV) build ## a million invocations, each judged; SOAK_ARGS=--minutes=10, --relay: connections
	$(BIN)/python -m soak $(SOAK_ARGS)

fuzz: $(FUZZ)/.ready ## coverage-guided fuzzing; FUZZ_ARGS="--seconds 60" for each target
	$(FUZZ)/bin/python -m tests.fuzz $(FUZZ_ARGS)

build: $(READY) ## the layer: dist/<arch>/ and its zip; ARCH=arm64 or ARCH=all for others
	PYTHON=$(BIN)/python ./build.sh $(ARCH)

shim: $(READY) ## compile shim/*.c for both architectures into shim/built, after a change of it
	PYTHONPATH=. $(BIN)/python -m layer.shim

dist: $(DEV) ## the wheel and the sdist with both layers, lists of contents and sums, in dist/
	PYTHON=$(BIN)/python ./build.sh all
	$(BIN)/python -m release

docs: $(DEV) ## write the generated parts of the pages, and build them as a site: build/site
	$(BIN)/python -m faultlayer_cli.reference --write
	$(BIN)/python tests/docs/pages.py --write
	$(SITE)

sam: $(SAM)/.ready ## the SAM command line: .venv-sam/bin/sam

clean: ## remove what these targets made, the caches too
	rm -rf $(VENV) .venv-3.* $(SAM) $(FUZZ) .aws-sam build dist .cache .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	rm -rf bench/bin *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(TOOLS): requirements/run.txt
	@command -v $(PYTHON) >/dev/null || { \
		echo "$(PYTHON) is missing: install Python 3.10 or later (Debian: apt-get install python3)"; \
		exit 1; } >&2
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { \
		echo "$(PYTHON) is older than 3.10: name a newer one, as in make PYTHON=python3.12"; \
		exit 1; } >&2
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
		echo "$(PYTHON) cannot make virtual environments: apt-get install python3-venv"; \
		exit 1; } >&2
	@echo "setting up $(VENV) (once; pip downloads about 30 MB)"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip --disable-pip-version-check install --quiet --require-hashes -r requirements/run.txt
	@touch $@

$(READY): $(TOOLS) pyproject.toml
	$(BIN)/python -m pip --disable-pip-version-check install --no-build-isolation --no-deps -e .
	@touch $@

$(DEV): $(READY) requirements/dev.txt
	@echo "adding what tests and checks need to $(VENV) (once; pip downloads about 70 MB)"
	$(BIN)/python -m pip --disable-pip-version-check install --quiet --require-hashes -r requirements/dev.txt
	@touch $@

.venv-3.%/.ready: requirements/pythons.txt pyproject.toml
	$(PYTHON) -m venv --clear $(@D)
	$(@D)/bin/python -m pip --disable-pip-version-check install --quiet --no-compile \
		--require-hashes -r requirements/pythons.txt
	$(@D)/bin/python -m pip --disable-pip-version-check install --quiet --no-build-isolation --no-deps -e .
	@touch $@

# sam.txt is complete; without --no-deps older versions of pip refuse it over extras.
$(SAM)/.ready: requirements/sam.txt
	@echo "setting up $(SAM) (once; about a minute and 340 MB)"
	$(PYTHON) -m venv --clear $(SAM)
	$(SAM)/bin/python -m pip --disable-pip-version-check install --quiet --no-deps --no-compile \
		--require-hashes -r requirements/sam.txt
	@touch $@

$(FUZZ)/.ready: requirements/fuzz.txt
	@echo "setting up $(FUZZ) (once; pip downloads about 35 MB)"
	$(PYTHON) -m venv --clear $(FUZZ)
	$(FUZZ)/bin/python -m pip --disable-pip-version-check install --quiet --require-hashes \
		--only-binary :all: -r requirements/fuzz.txt
	@touch $@
