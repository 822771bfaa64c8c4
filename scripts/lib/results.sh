# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# shellcheck disable=SC2154 # common.sh sets O, and scratch work
#
# What the parts of make check have in common: the list of their results, and tests of
# commands. Sourced by common.sh.

# results_begin NAME: one run of it at a time. What the last one has left in $results,
# $O/results/NAME with dashes for blanks, goes; there is a folder $work, which goes with the
# script, and in it the list of results, pass|fail <tab> NAME: test <tab> detail.
results_begin() {
	results_name=$1
	results=$O/results/${1// /-}
	lock "results-${1// /-}"
	rm -f -- "$results" "$results.log"
	scratch
	: >"$work/results"
}

# result pass|fail TEST [DETAIL]: a failure is also said at once.
result() {
	printf '%s\t%s\t%s\n' "$1" "$results_name: $2" "${3:-}" >>"$work/results"
	[ "$1" != fail ] || printf '%s: %s: %s\n' "$results_name" "$2" "${3:-}" >&2
}

# results_from: the same of lines on stdin, pass|fail <tab> TEST <tab> DETAIL.
results_from() {
	local verdict test detail

	while IFS=$'\t' read -r verdict test detail; do
		result "$verdict" "$test" "$detail"
	done
}

# results_end: the list becomes $results, whole or not at all; with a failure, or
# with nothing in it, the script ends here.
results_end() {
	[ -s "$work/results" ] || die "no test has left a result"
	mv -- "$work/results" "$results"
	! grep -q '^fail' "$results" || die "$(grep -c '^fail' "$results") of $(wc -l <"$results") have failed: see above, or $results"
	step "$results_name: $(grep -c '^pass' "$results") tests, all passed"
}

# passes TEST [FAULT]: unless there is a fault.
passes() {
	if [ -z "${2:-}" ]; then result pass "$1"; else result fail "$1" "$2"; fi
}

# run COMMAND...: leaves its status in $status, and what it printed in $work/out and $work/err.
run() {
	status=0
	"$@" >"$work/out" 2>"$work/err" </dev/null || status=$?
}

# printed: the line of it that a report has room for.
printed() {
	grep -hm 1 . "$work/err" || tail -n 1 -- "$work/out"
}

# works TEST COMMAND...
works() {
	run "${@:2}"
	passes "$1" "$([ "$status" -eq 0 ] || echo "status $status: $(printed)")"
}

# refuses TEST WORDS COMMAND...: it fails, says so on stderr, and leaves the folder
# $untouched as it was. With refusal=STATUS it fails with that; with terse=LINES it says no
# more than so many, and nothing on stdout.
refuses() {
	local before fault=

	before=$(state)
	run "${@:3}"
	if [ "$status" -eq 0 ]; then
		fault="it was accepted"
	elif [ "$status" != "${refusal:-$status}" ]; then
		fault="status $status, expected $refusal"
	elif ! grep -qF -- "$2" "$work/err"; then
		fault="it does not say '$2': $(printed)"
	elif grep -q 'unexpected failure' "$work/err"; then
		fault=$(grep 'unexpected failure' "$work/err")
	elif [ -n "${terse:-}" ] && { [ -s "$work/out" ] || [ "$(wc -l <"$work/err")" -gt "$terse" ]; }; then
		fault="it says more than that: $(tail -n 1 "$work/err")"
	elif [ "$(state)" != "$before" ]; then
		fault="$untouched was changed"
	fi
	passes "$1" "$fault"
}

# state: of all in that folder.
state() {
	[ -z "${untouched:-}" ] || find "$untouched" -printf '%p %y %s\n' -type f -exec sha256sum -- {} + 2>&1 | sort
}

# holds TEST COMMAND...: one that looks at what others have left. What it prints is the
# reason, and all of it is in $results.log.
holds() {
	local said

	if said=$("${@:2}" 2>&1); then
		result pass "$1"
	else
		printf '%s\n%s\n' "$1" "$said" >>"$results.log"
		result fail "$1" "$(head -n 1 <<<"${said:-not so: ${*:2}}")$(
			[ "$(wc -l <<<"$said")" -lt 2 ] || echo " (see $results.log)")"
	fi
}

not() { ! "$@"; }

# empty FILE: or prints it.
empty() {
	[ ! -s "$1" ] || { xargs -d '\n' <"$1" | cut -c 1-300; return 1; }
}

# says TEST WORDS [FILE...]: they stand in the files, or in what the last command printed.
says() { finds -F "$@"; }

# shows TEST PATTERN [FILE...]
shows() { finds -E "$@"; }

finds() {
	local how=$1 test=$2 what=$3

	shift 3
	[ $# -gt 0 ] || set -- "$work/out" "$work/err"
	passes "$test" "$(grep -q "$how" -- "$what" "$@" || echo "no '$what' in $(tail -q -n 2 -- "$@" 2>&1 | xargs -d '\n' | cut -c 1-200)")"
}

# is TEST TEXT [WANTED]: the two are the same; what is wanted comes from stdin, otherwise.
is() {
	local wanted=${3-$(cat)}

	passes "$1" "$([ "$2" = "$wanted" ] || diff <(echo "$wanted") <(echo "$2") |
		sed -n 's/^</expected:/p; s/^>/it is:/p' | head -n 4 | xargs -d '\n')"
}

# program FILE: a script on stdin becomes one that can be run.
program() {
	mkdir -p -- "${1%/*}"
	cat >"$1"
	chmod +x -- "$1"
}

# there FILE...: all of them are; names those that are not.
there() { ls -d -- "$@" >/dev/null; }
