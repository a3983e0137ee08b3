# `make` lists the targets. Everything is installed into .venv from requirements.lock.
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3
READY := $(VENV)/.ready

.PHONY: help setup demo test pythons lint docs bench performance screenshots clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(READY) ## install everything into .venv

$(READY): requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: $(READY) ## run a whole incident on the built-in rehearsal Google
	@POSTMORTEM_HOME=$${POSTMORTEM_HOME:-$(CURDIR)/.demo} $(BIN)/postmortem rehearse

test: $(READY) ## run the tests
	@sh tests/system-packages
	$(BIN)/pytest -n auto --dist worksteal

pythons: $(READY) ## run what a newer Python could break on each other Python here
	@PYTHONS="$(PYTHONS)" sh tests/other-pythons $(BIN)/python

lint: $(READY) ## ruff, mypy --strict and the contract of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy --platform win32 --cache-dir .mypy_cache/win32 workflow google_rehearsal
	$(BIN)/mypy --platform darwin --cache-dir .mypy_cache/darwin workflow google_rehearsal
	$(BIN)/lint-imports

docs: $(READY) ## build the docs as a site in build/site; a broken link fails
	$(BIN)/python -m bench.command_reference
	$(BIN)/zensical build --clean --strict

bench: $(READY) ## measure: round trips, start-up, chaos
	$(BIN)/python -m bench

performance: $(READY) ## measure beside other tools and make docs/performance.md
	$(BIN)/python -m bench performance

screenshots: $(READY) ## make the README's pictures from the running thing
	@sh tests/system-packages
	$(BIN)/python -m bench.screenshots

clean: ## remove what was installed and generated
	rm -rf $(VENV) .demo .mypy_cache .ruff_cache .pytest_cache .hypothesis dist build
