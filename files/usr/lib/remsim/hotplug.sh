#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# For the hotplug scripts: one event to the daemon. Never waits longer than 2 s, never fails.

# Usage: remsim_hotplug SUBSYSTEM ACTION NAME [DEVPATH]
remsim_hotplug() {
	# Kernel and netifd names are made of these characters; anything else could break out of the JSON.
	case "$1$2$3$4" in
		*[!A-Za-z0-9_./:@,+-]*) return 0 ;;
	esac
	ubus -t 2 call remsim hotplug \
		"{\"subsystem\":\"$1\",\"action\":\"$2\",\"name\":\"$3\",\"path\":\"$4\"}" >/dev/null 2>&1
	return 0
}
