# SPDX-License-Identifier: GPL-2.0-or-later
#
# Two readers: OpenWrt's build system (TOPDIR is set, the repository is cloned to package/remsim) builds the
# packages below; a developer gets the verbs  run test check generate ipk bench soak clean  from the second half.
# `make ipk` builds the same package definitions without an SDK.

ifneq ($(TOPDIR),)
include $(TOPDIR)/rules.mk
endif

PKG_NAME := remsim
PKG_VERSION := 0.1.0
PKG_RELEASE := 1
PKG_LICENSE := GPL-2.0-or-later
PKG_LICENSE_FILES := LICENSE
PKG_MAINTAINER := The remsim authors

LANGUAGES := $(sort $(filter-out templates,$(notdir $(wildcard po/*))))

ifneq ($(TOPDIR),)
PKG_BUILD_DEPENDS := $(if $(LANGUAGES),luci-base/host)
include $(INCLUDE_DIR)/package.mk
endif

# --- Packages -----------------------------------------------------------------------------------------------
#
# All Python code is in `remsim`, the remote-SIM client's too: so the client and what it shares with the daemon
# are always of one version. `remsim-client` is what runs it: launcher, init script, event script. The client
# has loaded all its code at start, so replacing the files under it does it no harm.
#
# OpenWrt splits Python's library. python3-codecs: every host name goes through the `idna` codec, which needs
# unicodedata. python3-urllib carries `email` as well (http.client needs it).

define Package/remsim
  SECTION:=net
  CATEGORY:=Network
  TITLE:=Keeps a router on a remote SIM online
  DEPENDS:=+python3-light +python3-codecs +python3-logging +python3-openssl +python3-sqlite3 \
	+python3-urllib +python3-ubus +python3-uci +python3-pyserial +python3-gpiod +python3-requests \
	+python3-jinja2 +ip-full +nftables-json
  PKGARCH:=all
endef

define Package/remsim/description
  Control plane for routers whose primary modem takes its SIM from a remote SIM bank: a second modem carries
  the heartbeat, so that a loss of signal never ends in a dead-lock. Failover, recovery, SIM switch, routing,
  one configuration, ubus and a command line.
endef

define Package/remsim/conffiles
/etc/config/remsim
endef

define Package/remsim/install
	$(INSTALL_DIR) $(1)/usr/lib/remsim $(1)/usr/bin $(1)/usr/sbin $(1)/etc/config $(1)/etc/init.d
	$(INSTALL_DIR) $(1)/etc/uci-defaults $(1)/lib/upgrade/keep.d
	$(INSTALL_DIR) $(addprefix $(1)/etc/hotplug.d/,tty net iface wwan)
	$(CP) python/remsim $(1)/usr/lib/remsim/
	find $(1)/usr/lib/remsim -name __pycache__ -prune -exec rm -rf {} +
	rm -f $(addprefix $(1)/usr/lib/remsim/remsim/,$(DEVELOPERS_MODULES))
	$(PYTHON) python/remsim_lab/slim.py $(1)/usr/lib/remsim/remsim
	echo '$(PKG_VERSION)-r$(PKG_RELEASE) $(or $(PKG_SOURCE_DATE_EPOCH),$(SOURCE_DATE_EPOCH))' \
		> $(1)/usr/lib/remsim/build
	chmod -R u=rwX,go=rX $(1)/usr/lib/remsim
	$(INSTALL_DATA) files/usr/lib/remsim/hotplug.sh $(1)/usr/lib/remsim/
	$(INSTALL_BIN) files/usr/bin/remsim $(1)/usr/bin/
	$(INSTALL_BIN) files/usr/sbin/remsimd $(1)/usr/sbin/
	$(INSTALL_CONF) files/etc/config/remsim $(1)/etc/config/
	$(INSTALL_BIN) files/etc/init.d/remsim $(1)/etc/init.d/
	$(INSTALL_DATA) files/etc/uci-defaults/40-remsim $(1)/etc/uci-defaults/
	$(INSTALL_DATA) files/lib/upgrade/keep.d/remsim $(1)/lib/upgrade/keep.d/
	$(INSTALL_DATA) files/etc/hotplug.d/tty/30-remsim $(1)/etc/hotplug.d/tty/
	$(INSTALL_DATA) files/etc/hotplug.d/net/30-remsim $(1)/etc/hotplug.d/net/
	$(INSTALL_DATA) files/etc/hotplug.d/iface/30-remsim $(1)/etc/hotplug.d/iface/
	$(INSTALL_DATA) files/etc/hotplug.d/wwan/30-remsim $(1)/etc/hotplug.d/wwan/
endef

# The keeper of the GPIO lines outlives every upgrade, but not the package.
define Package/remsim/postrm
#!/bin/sh
[ -n "$${IPKG_INSTROOT}" ] || [ "$${PKG_UPGRADE}" = 1 ] || {
	[ ! -f /var/run/remsim/gpio.pid ] || kill "$$(cat /var/run/remsim/gpio.pid)" 2>/dev/null
	rm -rf /var/run/remsim /var/run/remsim-pycache
}
exit 0
endef

define Package/remsim-client
  SECTION:=net
  CATEGORY:=Network
  TITLE:=Remote SIM client (data plane)
  DEPENDS:=+remsim
  PKGARCH:=all
endef

define Package/remsim-client/description
  Carries the SIM's commands between the bank and the modem's card slot: the native RSPRO client, or an installed
  osmo-remsim-client with parameters from the same configuration. Its own service, because restarting or
  upgrading the control plane must not pull the card out of the modem.
endef

define Package/remsim-client/install
	$(INSTALL_DIR) $(1)/usr/sbin $(1)/usr/lib/remsim $(1)/etc/init.d
	$(INSTALL_BIN) files/usr/sbin/remsim-client $(1)/usr/sbin/
	$(INSTALL_BIN) files/usr/lib/remsim/event-script $(1)/usr/lib/remsim/
	$(INSTALL_BIN) files/etc/init.d/remsim-client $(1)/etc/init.d/
endef

define Package/luci-app-remsim
  SECTION:=luci
  CATEGORY:=LuCI
  SUBMENU:=3. Applications
  TITLE:=Remote SIM: pages for LuCI
  DEPENDS:=+remsim +luci-base
  PKGARCH:=all
endef

define Package/luci-app-remsim/description
  Services -> Remote SIM: state, configuration and control, with one role for seeing and one for acting.
endef

define Package/luci-app-remsim/install
	$(INSTALL_DIR) $(1)/usr/share/luci/menu.d $(1)/usr/share/rpcd/acl.d $(1)/www
	$(INSTALL_DATA) files/usr/share/luci/menu.d/*.json $(1)/usr/share/luci/menu.d/
	$(INSTALL_DATA) files/usr/share/rpcd/acl.d/*.json $(1)/usr/share/rpcd/acl.d/
	$(CP) htdocs/. $(1)/www/
	find $(1)/www -name '.git*' -exec rm -f {} +
	chmod -R u=rwX,go=rX $(1)/www
endef

define LuciReload
#!/bin/sh
[ -n "$${IPKG_INSTROOT}" ] || {
	rm -f /tmp/luci-indexcache.*
	rm -rf /tmp/luci-modulecache/
	/etc/init.d/rpcd reload 2>/dev/null
}
exit 0
endef

Package/luci-app-remsim/postinst = $(LuciReload)
Package/luci-app-remsim/postrm = $(LuciReload)

define Package/luci-app-remsim-compat
  SECTION:=luci
  CATEGORY:=LuCI
  SUBMENU:=3. Applications
  TITLE:=Remote SIM: addresses of the earlier Lua pages
  DEPENDS:=+luci-app-remsim +luci-lua-runtime
  PKGARCH:=all
endef

define Package/luci-app-remsim-compat/description
  Menu paths and JSON actions of the C client's Lua application lead to the new pages and their data.
endef

define Package/luci-app-remsim-compat/install
	$(INSTALL_DIR) $(1)/usr/lib/lua/luci
	$(CP) luasrc/. $(1)/usr/lib/lua/luci/
	chmod -R u=rwX,go=rX $(1)/usr/lib/lua/luci
endef

Package/luci-app-remsim-compat/postinst = $(LuciReload)
Package/luci-app-remsim-compat/postrm = $(LuciReload)

# The names under which LuCI's language menu lists them.
LANGUAGE.de := Deutsch (German)
LANGUAGE.es := Español (Spanish)
LANGUAGE.fr := Français (French)
LANGUAGE.ja := 日本語 (Japanese)
LANGUAGE.ru := Русский (Russian)
LANGUAGE.zh_Hans := 简体中文 (Simplified Chinese)

# What LuCI's packages and catalogues call a language, where that is not the name of its directory.
ALIAS.zh_Hans := zh-cn
language_code = $(or $(ALIAS.$(1)),$(1))

# 1: language code  2: directory below po/
define Translation
define Package/luci-i18n-remsim-$(1)
  SECTION:=luci
  CATEGORY:=LuCI
  SUBMENU:=3. Applications
  TITLE:=Remote SIM: $(1) translation of the pages
  DEPENDS:=+luci-app-remsim
  PKGARCH:=all
endef

define Package/luci-i18n-remsim-$(1)/description
  Translation for luci-app-remsim ($(1)).
endef

define Package/luci-i18n-remsim-$(1)/install
	$$(INSTALL_DIR) $$(1)/usr/lib/lua/luci/i18n $$(1)/etc/uci-defaults
	echo "uci set luci.languages.$(subst -,_,$(1))='$(or $(LANGUAGE.$(2)),$(1))'; uci commit luci" \
		> $$(1)/etc/uci-defaults/luci-i18n-remsim-$(1)
	$$(PO2LMO) po/$(2)/remsim.po $$(1)/usr/lib/lua/luci/i18n/remsim.$(1).lmo
	chmod 0644 $$(1)/etc/uci-defaults/luci-i18n-remsim-$(1) $$(1)/usr/lib/lua/luci/i18n/remsim.$(1).lmo
endef
endef
$(foreach language,$(LANGUAGES),$(eval $(call Translation,$(call language_code,$(language)),$(language))))

# OpenWrt demands one of its build host.
PYTHON ?= python3

# Modules that only this Makefile calls.
DEVELOPERS_MODULES := config/generate.py

PACKAGES := remsim remsim-client luci-app-remsim $(if $(wildcard luasrc/*),luci-app-remsim-compat) \
	$(foreach language,$(LANGUAGES),luci-i18n-remsim-$(call language_code,$(language)))

ifneq ($(TOPDIR),)

PO2LMO := po2lmo

define Build/Prepare
endef
define Build/Configure
endef
define Build/Compile
endef

$(foreach package,$(PACKAGES),$(eval $(call BuildPackage,$(package))))

else

# --- Developer's verbs --------------------------------------------------------------------------------------

VENV := .venv
PY := PYTHONPATH=python $(VENV)/bin/python
PYTEST := $(VENV)/bin/pytest
VENV_READY := $(VENV)/.ready
NODE := build/node
AXE := $(NODE)/node_modules/axe-core/axe.min.js

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
	@exec env $(PY) -m remsim_lab.run $(ARGS)

test: $(VENV_READY) .tools-run .tools-test $(AXE)
	$(PYTEST) -n 2 --dist loadgroup $(ARGS)

soak: $(VENV_READY) .tools-run
	REMSIM_SOAK=10000 $(PYTEST) -m soak $(ARGS)

bench: $(VENV_READY) .tools-run
	$(PY) -m remsim_lab.bench $(ARGS)

generate: $(VENV_READY) .tools-generate
	$(PY) -m remsim.config.generate
	$(PY) -m remsim_lab.reference
	$(PY) -m remsim_lab.pot

# Each package is laid out by its own install recipe, with its control fields beside it; remsim_lab.ipk packs.
# Dates are those of the last commit, so that the same commit gives the same bytes.
export SOURCE_DATE_EPOCH ?= $(or $(shell git log -1 --format=%ct 2>/dev/null),$(shell stat -c %Y CHANGELOG.md))
STAGE := build/ipk
DIST := dist
INSTALL_DIR := install -d -m 0755
INSTALL_BIN := install -m 0755
INSTALL_DATA := install -m 0644
INSTALL_CONF := install -m 0600
CP := cp -fpR
PO2LMO := PYTHONPATH=python $(PYTHON) -m remsim_lab.lmo

ipk: $(PACKAGES:%=.stage-%)
	PYTHONPATH=python $(PYTHON) -m remsim_lab.ipk $(STAGE) $(DIST) $(PACKAGES)

# 1: package  2: part. A part is a definition that the package may have.
write_part = $(if $(Package/$(1)/$(2)),$(file >$(STAGE)/$(1).control/$(2),$(Package/$(1)/$(2))))

define stage
.PHONY: .stage-$(1) .empty-$(1)
.empty-$(1):
	@rm -rf $$(STAGE)/$(1) $$(STAGE)/$(1).control
	@mkdir -p $$(STAGE)/$(1) $$(STAGE)/$(1).control
.stage-$(1): .empty-$(1)
	$$(eval $$(Package/$(1)))
	$$(file >$$(STAGE)/$(1).control/fields,$$(control_fields))
	$$(foreach part,description conffiles postinst prerm postrm,$$(call write_part,$(1),$$(part)))
	$(call Package/$(1)/install,$$(STAGE)/$(1))
endef

define control_fields
Version: $(PKG_VERSION)-r$(PKG_RELEASE)
Depends: $(DEPENDS)
License: $(PKG_LICENSE)
LicenseFiles: $(PKG_LICENSE_FILES)
Section: $(SECTION)
SourceName: $(PKG_NAME)
Maintainer: $(PKG_MAINTAINER)
Architecture: $(PKGARCH)
Title: $(TITLE)
endef

$(foreach package,$(PACKAGES),$(eval $(call stage,$(package))))

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

check-generated: $(VENV_READY) .tools-generate
	$(PY) -m remsim.config.generate --check
	$(PY) -m remsim_lab.reference --check
	$(PY) -m remsim_lab.pot --check

clean:
	rm -rf $(VENV) .lab build dist bench.json node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find python tests -name __pycache__ -type d -prune -exec rm -rf {} +

# Bootstrap. A fresh Debian has python3, make and git only; what is there already is left alone.
# Each entry is command:package.
TOOLS_RUN := ip:iproute2 nft:nftables tcpdump:tcpdump sysctl:procps
TOOLS_TEST := node:nodejs npm:npm busybox:busybox chromium:chromium lua5.1:lua5.1 \
	xgettext:gettext ping:iputils-ping
TOOLS_GENERATE := xgettext:gettext
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

.PHONY: .tools-run .tools-test .tools-check .tools-generate
.tools-run:
	@$(call install_missing,$(TOOLS_RUN))
.tools-test:
	@$(call install_missing,$(TOOLS_TEST))
	@$(PYTHON) -c 'import ctypes; ctypes.CDLL("libatomic.so.1")' 2>/dev/null || { $(call install_missing,no-libatomic:libatomic1); }
.tools-check:
	@$(call install_missing,$(TOOLS_CHECK))
.tools-generate:
	@$(call install_missing,$(TOOLS_GENERATE))

# What the browser tests have from npm; nothing of it runs while it is installed.
$(AXE): tests/luci/package.json tests/luci/package-lock.json | .tools-test
	@mkdir -p $(NODE)
	@cp tests/luci/package.json tests/luci/package-lock.json $(NODE)/
	npm ci --prefix $(NODE) --ignore-scripts --no-audit --no-fund --silent
	@touch $@

# Debian splits venv's ensurepip off into python3-venv; no command tells it, so a name that no command has asks for it.
$(VENV_READY): tests/requirements.txt
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { $(call install_missing,no-ensurepip:python3-venv); }
	@test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip --disable-pip-version-check -q install -r tests/requirements.txt
	@touch $@

endif
