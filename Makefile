# What can be done here: `make help`. Everything is installed into .venv; each target sets up what it needs.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules
# What Python has compiled is kept: otherwise each process of a run would compile it anew.
unexport PYTHONDONTWRITEBYTECODE

BIN := .venv/bin
READY := .venv/.ready

# make demo IMAGE=NAME; make test TESTS="tests/unit/rootfs -x"; make test-packages INSTALL=no
IMAGE :=
TESTS := tests
MANDIR := $(HOME)/.local/share/man/man1
# They take whole files in the order of tests/conftest.py. One more than processors: tests of the server wait for other processes half the time.
BESIDE := -n 3 --dist loadfile --no-loadscope-reorder

.PHONY: help setup console-assets demo test test-slow test-all prove-properties prove-sboms prove-fairness prove-policy prove-places prove-landing prove-console prove-minimize prove-inventory prove-admission lint lint-types lint-style lint-rooms lint-reached format man bench truth relations conformance corpus corpus-quick ecosystems test-packages test-clients corpus-packages clean

help: ## list what can be done
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' Makefile

setup: $(READY) ## make .venv with everything that the lock names; .venv/bin/hullmark is the program

$(READY): requirements.lock pyproject.toml tools/setup.sh tools/console_assets.py tools/console/package-lock.json $(wildcard tools/console/modules/*.js)
	@tools/setup.sh

console-assets: ## fetch and build what the console's pages load (part of setup)
	@$(BIN)/python -m tools.console_assets

demo: $(READY) ## show the main job on a real image (IMAGE=NAME: on yours)
	@$(BIN)/python -m tools.demo $(if $(IMAGE),--image '$(IMAGE)')

test: $(READY) test-packages test-clients corpus-quick ## run all tests but the slow ones (TESTS=… some of them)
	$(BIN)/pytest $(BESIDE) -rs -m "not slow" $(TESTS)

test-slow: $(READY) test-packages corpus-quick ## run the tests that are long by nature: kills, chroots, gigabytes
	$(BIN)/pytest $(BESIDE) -rs -m slow $(TESTS)

prove-properties: $(READY) ## try the properties of tests/unit on ten times as many examples as they say, new ones each time
	env -u CI HULLMARK_EXAMPLES=10 $(BIN)/pytest $(BESIDE) -m "not slow" tests/unit tests/contract

prove-sboms: $(READY) corpus ## validate the bills of materials of all test images and read them back, into bench/sboms.md
	$(BIN)/python -m bench.sboms

prove-fairness: $(READY) ## measure that no account holds up another (20 minutes), into bench/notify.md
	$(BIN)/python -m bench.fairness

prove-policy: $(READY) ## measure a threshold that changes at a million images (over an hour, 20 GB), into bench/notify.md
	$(BIN)/python -m bench.policy_million

prove-places: $(READY) ## measure lists of a million places (10 minutes, 5 GB), into bench/places.md
	$(BIN)/python -m bench.running

prove-landing: $(READY) test-packages ## time from an advisory to the notice that names all places (as root; 2 minutes), into bench/places.md
	$(BIN)/python -m bench.landing

prove-console: $(READY) test-packages corpus-quick ## measure pages of the console over a million images (over an hour, 20 GB), into bench/console.md
	$(BIN)/python -m bench.console

prove-minimize: $(READY) test-packages corpus-quick ## run services and what minimize leaves of them, under podman (as root; 20 minutes), into bench/minimize.md
	@tools/install.sh strace
	$(BIN)/python -m bench.services.main

prove-inventory: $(READY) test-packages ## follow a cluster of 5,000 pods through 12,000 changes, cuts and 410 (3 minutes), into bench/places.md
	$(BIN)/python -m bench.inventory

prove-admission: $(READY) ## ask a cluster's gate 500 times a second through restarts and new certificates (3 minutes), into bench/admission.md
	$(BIN)/python -m bench.admission

test-all: test test-slow ## run all tests

# Beside each other, each with all that it says in one piece; mypy takes as long as all others together, on two processors half as long.
lint: $(READY) ## check style, types, the rooms' borders, and that nothing is reached from nowhere
	@$(MAKE) --no-print-directory --keep-going --jobs 2 --output-sync=target lint-types lint-style lint-rooms lint-reached

lint-types:
	$(BIN)/mypy --num-workers 2

lint-style:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

lint-rooms:
	$(BIN)/lint-imports

lint-reached:
	$(BIN)/python -m tools.unreached

format: $(READY) ## write the code in the one style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

man: $(READY) ## write the manual pages into MANDIR (default: ~/.local/share/man/man1)
	@$(BIN)/hullmark man --into '$(MANDIR)'

bench: $(READY) corpus ## measure speed beside a peer and the floor, into bench/results.md
	$(BIN)/python -m bench.speed
	$(BIN)/python -m bench.policy
	$(BIN)/python -m bench.secrets

truth: $(READY) corpus ## compare packages with the native tools' answers, into bench/truth.md
	$(BIN)/python -m bench.truth

relations: $(READY) corpus ## count the packages that no other one needs, into bench/relations.md
	$(BIN)/python -m bench.relations

conformance: $(READY) ## run the package cases that lie beside the repository
	$(BIN)/pytest -n 2 -rs tests/conformance

corpus: $(READY) corpus-packages ## build every test image into var/corpus (about 20 minutes, 10 GB)
	@tools/corpus.sh all

corpus-quick: $(READY) ## build the small test images into var/corpus (about 4 minutes; where they can be built)
	@tools/corpus.sh quick

ecosystems: $(READY) ## build an image of eighteen more ecosystems with their package managers, for the test that compares it with their lists (as root; 4 minutes)
	@tools/packages.sh ecosystems
	@$(BIN)/python -m tests.support.ecosystems

test-packages: ## install the Debian packages that tests use (as root)
	@tools/packages.sh test

test-clients: $(READY) ## install the foreign clients that tests use into var, as Anchore's (where they can be had)
	@$(BIN)/python -m tests.support.clients

corpus-packages: ## install the Debian packages that build test images (as root)
	@tools/packages.sh corpus

clean: ## remove what make made, but not the test images
	rm -rf .venv tools/console/node_modules src/hullmark/server/console/static/vendor .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build dist var/demo
	find . -name __pycache__ -type d -prune -not -path './var/*' -exec rm -rf {} +
