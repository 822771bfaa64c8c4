# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# shellcheck disable=SC2154 # common.sh sets O, and scratch work
#
# What runs in QEMU: sourced by common.sh.

# guest FILE...: packs $work/initramfs, of the folder $work/guest with these files besides:
# modules and objects are in lib, programs in bin.
guest() {
	local file

	mkdir -p -- "$work/guest"/{bin,lib}
	for file; do
		case $file in
		*.ko|*.o) cp -- "$file" "$work/guest/lib/" ;;
		*) cp -- "$file" "$work/guest/bin/" ;;
		esac
	done
	"$SCRIPTS/step/initramfs" "$work/guest" "$work/initramfs"
}

# boot KERNEL BOOT [TESTS]: runs $work/tests there, and leaves in BOOT what scripts/step/vm
# does. A test that fails is for the caller to judge; a guest that says nothing is the end.
boot() {
	"$SCRIPTS/step/vm" "$1" "$work/initramfs" "$work/tests" "$2" || true
	[ -s "$2/results" ] || die "the guest left no results: see $2"
}

# guest_results BOOT [PREFIX]: each test of it is a result of ours.
guest_results() {
	local name verdict reason

	while IFS=$'\t' read -r name verdict reason; do
		passes "${2:-}$name" "$([ "$verdict" = pass ] || echo "$verdict: $reason: see $1")"
	done <"$1/results"
}
