# The daily commands; CONTRIBUTING.md explains each.
.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
SUDO := $(if $(filter-out 0,$(shell id -u)),sudo)
STAMP := $(VENV)/.installed

.PHONY: help packages venv demo lab check format test
# `packages` comes before `venv` where both are needed.
.NOTPARALLEL:
help:  ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 16

packages:  ## install the Debian packages the lab needs, with sudo unless root
	@missing="$$(python3 src/stbernard/lab/host.py)"; \
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

check: venv  ## ruff, mypy --strict, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: venv  ## let ruff put the code in order
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

test: check  ## everything
	$(BIN)/pytest
