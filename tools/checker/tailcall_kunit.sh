#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Load the module of KUnit suites, print their KTAP, and fail if a case failed.
# KUnit reports to the kernel log, and its module loads whatever it finds.

module=tailcall_kunit
skip=4
# By its path: the shell of busybox prefers its own one, which cannot try first.
modprobe=/sbin/modprobe
[ -x "$modprobe" ] || modprobe=modprobe

[ "$(id -u)" -eq 0 ] || { echo "run as root # SKIP"; exit "$skip"; }
"$modprobe" -q -n "$module" || { echo "no module $module # SKIP"; exit "$skip"; }

# The log may have the report of an earlier run: ours follows this line.
mark="tailcall_kunit.sh: run $$ at $(cat /proc/uptime)"
echo "$mark" >/dev/kmsg || { echo "cannot write to /dev/kmsg"; exit 1; }
"$modprobe" -q "$module" || { echo "$module does not load"; exit 1; }
"$modprobe" -q -r "$module" || { echo "$module does not unload"; exit 1; }
report=$(dmesg | awk -v mark="$mark" '
	index($0, mark) { seen = 1; next }
	seen { sub(/^(<[0-9]+>)?\[ *[0-9.]+\] /, ""); print }')
echo "$report"
echo "$report" | grep -qE '^ok [0-9]+ ' || echo "$report" | grep -qE '^not ok ' || {
	echo "no suite of $module in the kernel log"
	exit 1
}
if echo "$report" | grep -qE '^ *not ok '; then
	echo "a suite of $module failed"
	exit 1
fi
