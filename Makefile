# The daily commands; CONTRIBUTING.md explains each.
.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
DIST := dist
SUDO := $(if $(filter-out 0,$(shell id -u)),sudo)
STAMP := $(VENV)/.installed

.PHONY: help packages test-packages venv demo lab lab-down check format test test-fast test-sdk test-boot test-openstack test-chain openstack test-interop crash docs dist bench bench-api bench-heartbeat bench-leaving bench-rescue bench-rolling-restart
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

test test-packages crash bench bench-heartbeat bench-rolling-restart: ALSO := postgresql faketime ipmitool openipmi
test-packages: packages  ## … and those the tests need besides

test: packages check  ## the checks and all tests
	$(BIN)/pytest --numprocesses 2 --dist loadscope --no-loadscope-reorder

test-fast: check  ## the checks, and the tests that boot nothing
	$(BIN)/pytest -m 'not machine' --ignore tests/crash

test-sdk: venv  ## openstacksdk's own tests of baremetal, against the service
	$(BIN)/pytest tests/client/test_sdk_suite.py

test-boot: ALSO := qemu-efi-aarch64 qemu-system-arm nftables ipmitool libvirt-clients libvirt-daemon libvirt-daemon-driver-qemu python3-libvirt
test-boot: packages venv  ## every other way for a lab machine to boot the ramdisk
	$(SUDO) $(BIN)/pytest tests/boot

CHAIN := tests/openstack/test_whole_chain.py tests/openstack/test_operator_page.py
test-openstack: packages venv  ## against the real OpenStack services (PyPI), private and on loopback
	$(SUDO) $(BIN)/pytest --timeout 600 tests/openstack $(CHAIN:%=--ignore %)

test-chain: packages venv  ## a server built and rescued through Compute; the operator's page, step by step
	$(SUDO) $(BIN)/pytest --timeout 3600 $(CHAIN)

openstack: packages venv  ## the private OpenStack with a server that is rescued through Compute
	$(SUDO) $(BIN)/python -m tools.openstack

test-interop: packages venv  ## the real ironic-python-agent here, our ramdisk under the real Ironic
	$(SUDO) $(BIN)/pytest tests/agents

crash: test-packages venv  ## 1,000 operations and 200 kill -9, and one at each save, on each database
	$(BIN)/python -m tests.crash.chaos --database sqlite
	$(BIN)/python -m tests.crash.chaos --database postgresql
	$(BIN)/python -m tests.crash.chaos --database postgresql --workers 3
	$(BIN)/python -m tests.crash.each_step --database sqlite
	$(BIN)/python -m tests.crash.each_step --database postgresql
	$(BIN)/python -m tests.crash.each_step --database postgresql --workers 3

bench-rescue: packages venv  ## where the seconds of a rescue go, on a lab machine
	$(SUDO) $(BIN)/python -m bench.rescue

bench-leaving: packages venv  ## from a reset of a rescued lab machine to the API's word of it
	$(SUDO) $(BIN)/python -m bench.leaving

bench-rolling-restart: test-packages venv  ## how soon SIGTERM hands work over
	$(BIN)/python -m bench.rolling_restart

bench-heartbeat: test-packages venv  ## from an agent's heartbeat to the next step of its rescue
	$(BIN)/python -m bench.heartbeat

bench: $(if $(FULL),test-packages) venv  ## St. Bernard and the real Ironic side by side, without hardware; FULL=1: all of it
	$(BIN)/python -m bench.compare $(if $(FULL),--full)

bench-api: venv  ## server CPU of each resource's list and show
	$(BIN)/python -m bench.api
