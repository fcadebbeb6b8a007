# Everything runs in .venv; `make` alone lists what there is to make.

PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.ready
SOURCES := cli credentials engine stacks tests bench scripts examples

# Compiled modules make every start of tic several times faster.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help dev demo test test-fast soak check fix bench requirements clean debian engine pebble yaml-host servers

help: ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

dev: $(STAMP) ## set up .venv with tic and everything that works on it

$(STAMP): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "error: tic needs Python 3.11 or newer, and $(PYTHON) is older or missing" >&2; \
	  echo "  next: name a newer one: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	@echo "setting up .venv (once; a minute or two)"
	@$(PYTHON) -m venv --clear .venv || { \
	  echo "error: $(PYTHON) can't make a virtual environment" >&2; \
	  echo "  next: install its venv module (Debian: apt-get install python3-venv), then make $(MAKECMDGOALS)" >&2; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: dev ## issue a certificate from a CA on this machine, and show it
	@scripts/demo.sh

test: servers ## every test but the soak-sized; gets the servers that they need first
	$(BIN)/python -m pytest -m "not soak" -n 2 --dist worksteal

test-fast: dev ## the tests that start no server and take no seconds each: under a minute in all
	$(BIN)/python -m pytest -m "not server and not slow and not soak" -n 2 --dist worksteal

soak: servers ## the long proofs
	$(BIN)/python -m pytest -m soak --timeout 3600

check: dev ## lint, formatting, types, and which package imports which
	$(BIN)/ruff check $(wildcard $(SOURCES))
	$(BIN)/ruff format --check $(wildcard $(SOURCES))
	$(BIN)/mypy
	$(BIN)/lint-imports

fix: dev ## mend what lint and formatting can mend themselves
	$(BIN)/ruff check --fix $(wildcard $(SOURCES))
	$(BIN)/ruff format $(wildcard $(SOURCES))

bench: servers ## measure against raw Pulumi, lego and bare acme
	$(BIN)/python -m bench

# Every extra that a test asks for.
EXTRAS := alicloud aws azure baiducloud cloudflare huaweicloud jdcloud keyring lexicon notify postgres pulumi-alicloud pulumi-tencentcloud ssh tencentcloud volcengine

requirements: dev ## choose newer versions of what tic stands on (needs uv)
	uv pip compile pyproject.toml --group dev $(EXTRAS:%=--extra %) --universal --python-version 3.11 --upgrade --quiet \
	  --generate-hashes --no-emit-index-url --no-header --no-annotate -o requirements.txt

clean: ## end the demo's sandbox and remove what make has made here (tic's cache stays)
	@if [ -d .demo ] && [ -x $(BIN)/tic ]; then TIC_HOME=$(CURDIR)/.demo/home $(BIN)/tic sandbox down; fi
	rm -rf .venv .demo .build

# What the tests need besides Python: each is got once, and is there at once from then on.
servers: debian engine pebble

debian: dev
	@$(BIN)/python -m tests.servers.install

engine: dev
	@$(BIN)/tic engine install

pebble: dev
	@$(BIN)/python -m tests.servers.programs
