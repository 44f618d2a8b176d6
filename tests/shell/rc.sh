# SPDX-License-Identifier: GPL-2.0-or-later
# What an init script finds around it on a router, reduced to what ours use: /etc/rc.common with procd.
# Usage: rc.sh INIT_SCRIPT ACTION. What procd would be told goes to the file $PROCD_LOG.

initscript=$1
action=${2:-help}

note() { echo "$*" >>"$PROCD_LOG"; }
procd_open_instance() { note instance; }
procd_set_param() { note "param $*"; }
procd_close_instance() { :; }
procd_add_reload_trigger() { note "trigger $*"; }
procd_kill() { note kill; }
stop_service() { return 0; }
service_triggers() { return 0; }

. "$initscript"

start() {
	note start
	start_service
	service_triggers
}
stop() {
	stop_service
	procd_kill
}
restart() {
	stop
	start
}
boot() { start; }
shutdown() { stop; }
reload() {
	if type reload_service >/dev/null 2>&1; then
		reload_service
	else
		start
	fi
}

"$action"
