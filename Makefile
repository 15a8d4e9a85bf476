# The daily commands; CONTRIBUTING.md explains each.
.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
DIST := dist
SUDO := $(if $(filter-out 0,$(shell id -u)),sudo)
STAMP := $(VENV)/.installed

.PHONY: help packages test-packages venv demo lab lab-down check format test test-fast test-sdk docs dist bench bench-api bench-rescue
# `packages` comes before `venv` where both are needed.
.NOTPARALLEL:
help:  ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 16

packages:  ## install the Debian packages the lab needs, with sudo unless root
	@missing="$$(python3 src/stbernard/lab/host.py $(ALSO))"; \
	python3 -c 'import ensurepip' 2>/dev/null || missing="$$missing python3-venv"; \
	[ -z "$$missing" ] || { $(SUDO) apt-get update && \
	$(SUDO) apt-get install --yes --no-install-recommends $$missing; }

venv: $(STAMP)  ## make .venv with everything in it
$(STAMP): pyproject.toml agent/pyproject.toml constraints.txt
	python3 -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable agent --editable '.[lab,dev]'
	touch $@

demo: packages venv  ## rescue a virtual machine, from nothing to the end
	$(SUDO) $(BIN)/stbernard lab demo

lab: packages venv  ## leave the demo's machine and service up, to try by hand
	$(SUDO) $(BIN)/stbernard lab up --service

lab-down: venv  ## end what `make lab` left up
	$(SUDO) $(BIN)/stbernard lab down

check: venv  ## ruff, mypy --strict, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: venv  ## let ruff put the code in order
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: venv  ## write the generated documents anew
	$(BIN)/python -m tools.docs

dist: venv  ## wheels, and all else a host of the service needs, into dist/
	rm -rf $(DIST)
	$(BIN)/python -m build --wheel --no-isolation --outdir $(DIST) agent
	$(BIN)/python -m build --wheel --no-isolation --outdir $(DIST) .
	cp constraints.txt packaging/* $(DIST)/

test test-packages: ALSO := postgresql
test-packages: packages  ## … and those the tests need besides

test: packages check  ## the checks and all tests
	$(BIN)/pytest

test-fast: check  ## the checks, and the tests that boot nothing
	$(BIN)/pytest -m 'not machine' --ignore tests/crash

test-sdk: venv  ## openstacksdk's own tests of baremetal, against the service
	$(BIN)/pytest tests/client/test_sdk_suite.py

bench-rescue: packages venv  ## where the seconds of a rescue go, on a lab machine
	$(SUDO) $(BIN)/python -m bench.rescue

bench: venv  ## St. Bernard and the real Ironic side by side, without hardware
	$(BIN)/python -m bench.compare

bench-api: venv  ## server CPU of each resource's list and show
	$(BIN)/python -m bench.api
