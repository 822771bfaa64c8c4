# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What two patches of one name have in common: sourced after common.sh.

# patch_names: all that are in more than one line, once.
patch_names() {
	for tree in $(trees); do series_of "$tree"; done | sort | uniq -d
}

# lines_with PATCH: the lines that have it, oldest first.
lines_with() {
	local tree

	for tree in $(trees); do
		[ ! -f "$TOP/patches/$tree/$1" ] || echo "$tree"
	done
}

# code_of PATCH: the lines that it adds, below the name of their file.
code_of() {
	awk '/^--- [^ ]/ { on = 1 } !on { next }
	     /^\+\+\+ / { print; next } /^\+/ { print substr($0, 2) }' "$1"
}

# tags_of PATCH: Fixes and Upstream.
tags_of() {
	sed '/^---/,$d' "$1" | grep -E '^(Fixes|Upstream): ' || true
}

# text_of PATCH: its message without the tags, a paragraph a line. What was tested is
# left out, and what begins with "Linux VERSION": that is about one line.
text_of() {
	sed '/^---/,$d' "$1" | grep -vE '^(Fixes|Upstream): ' |
		awk 'BEGIN { RS = "" } !/^(Tested|Measured|Linux [0-9])/ { gsub(/[ \t\n]+/, " "); print }'
}

# created PATCH FILE: what a new file of the patch is.
created() {
	awk -v file="b/$2" '
		/^--- / { new = $2 == "/dev/null"; on = 0; next }
		/^\+\+\+ / { on = new && $2 == file; next }
		on && /^\+/ { print substr($0, 2) }' "$1"
}

# created_files PATCH
created_files() {
	grep -A 1 '^--- /dev/null' "$1" | sed -n 's#^+++ b/\([^[:space:]]*\).*#\1#p' || true
}

# apart A B: how many lines are in one of two files only.
apart() {
	diff "$1" "$2" | grep -c '^[<>]' || true
}
