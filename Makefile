# SPDX-License-Identifier: GPL-2.0-or-later
#
# Two readers: OpenWrt's build system (TOPDIR is set, the repository is cloned to package/remsim) gets the
# feed packages; a developer gets the verbs  run test check generate ipk bench soak clean.

ifeq ($(TOPDIR),)

PYTHON ?= python3
VENV := .venv
PY := PYTHONPATH=python $(VENV)/bin/python
PYTEST := $(VENV)/bin/pytest
VENV_READY := $(VENV)/.ready

.PHONY: help run test check generate ipk bench soak clean \
	check-python check-shell check-js check-generated

help:
	@echo 'make run       the whole system in the lab, in the foreground until Ctrl-C'
	@echo 'make test      all tests'
	@echo 'make check     linters, types, generated files'
	@echo 'make generate  write every generated file again'
	@echo 'make ipk       packages into dist/, without an SDK'
	@echo 'make bench     measure against the budgets, writes bench.json'
	@echo 'make soak      the long form of the seeded tests'
	@echo 'make clean     remove everything that make made'

run: $(VENV_READY) .tools-run
	@exec $(PY) -m remsim_lab.run $(ARGS)

test: $(VENV_READY) .tools-run .tools-test
	$(PYTEST) $(ARGS)

soak: $(VENV_READY) .tools-run
	REMSIM_SOAK=1 $(PYTEST) -m soak $(ARGS)

bench: $(VENV_READY) .tools-run
	$(PY) -m remsim_lab.bench $(ARGS)

generate: $(VENV_READY)
	$(PY) -m remsim.config.generate
	$(PY) -m remsim_lab.reference

ipk: $(VENV_READY)
	$(PY) -m remsim_lab.ipk dist

check: check-python check-shell check-js check-generated

check-python: $(VENV_READY)
	$(VENV)/bin/ruff check python tests
	$(VENV)/bin/ruff format --check python tests
	$(VENV)/bin/mypy

# Router scripts are BusyBox ash. SC3043: ash has `local`. SC1091: rc.common and /lib/functions.sh live on the
# router. SC2034: rc.common reads START, STOP and USE_PROCD.
SHELL_FILES = $(shell grep -rlE '^\#!/bin/sh' files 2>/dev/null | sort)
check-shell: .tools-check
	shellcheck --shell=dash --exclude=SC3043,SC1091,SC2034 $(SHELL_FILES)
	shellcheck .ci/run

JS_FILES = $(shell find htdocs -name '*.js' 2>/dev/null | sort)
check-js: .tools-check
	@for file in $(JS_FILES); do \
		{ printf '(function () {'; cat "$$file"; printf '\n});'; } | node --check - || { echo "$$file"; exit 1; }; \
	done

check-generated: $(VENV_READY)
	$(PY) -m remsim.config.generate --check
	$(PY) -m remsim_lab.reference --check

clean:
	rm -rf $(VENV) .lab build dist bench.json node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find python tests -name __pycache__ -type d -prune -exec rm -rf {} +

# Bootstrap. A fresh Debian has python3, make and git only; what is there already is left alone.
# Each entry is command:package.
TOOLS_RUN := ip:iproute2 nft:nftables tcpdump:tcpdump
TOOLS_TEST := node:nodejs busybox:busybox
TOOLS_CHECK := shellcheck:shellcheck node:nodejs

define install_missing
missing=; for tool in $(1); do \
	PATH="$$PATH:/usr/sbin:/sbin" command -v "$${tool%%:*}" >/dev/null || missing="$$missing $${tool#*:}"; done; \
if [ -n "$$missing" ]; then \
	command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ] || { echo "please install:$$missing" >&2; exit 1; }; \
	echo "installing:$$missing"; \
	apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install $$missing >/dev/null; \
fi
endef

.PHONY: .tools-run .tools-test .tools-check
.tools-run:
	@$(call install_missing,$(TOOLS_RUN))
.tools-test:
	@$(call install_missing,$(TOOLS_TEST))
.tools-check:
	@$(call install_missing,$(TOOLS_CHECK))

# Debian splits venv's ensurepip off into python3-venv; no command tells it, so a name that no command has asks for it.
$(VENV_READY): tests/requirements.txt
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { $(call install_missing,no-ensurepip:python3-venv); }
	@test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip --disable-pip-version-check -q install -r tests/requirements.txt
	@touch $@

endif
