# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced by every script here: where things live, how progress and errors are
# printed, and the one reader of patches/trees.

[ -n "${BASH_VERSION:-}" ] || { echo "$0: run it by its name, or with bash" >&2; exit 1; }
set -euo pipefail
export LC_ALL=C

# shellcheck disable=SC2034 # for those who source this
TOP=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck disable=SC2034
SCRIPTS=$TOP/scripts
ME=${0##*/}
# A part of make check is named as one.
case $0 in */check.d/*) ME=check-$ME ;; esac

# O is the cache folder: sources, build trees, ccache, logs. Nothing below it
# is precious; everything below it can be made again.
if [ -z "${O:-}${XDG_CACHE_HOME:-}${HOME:-}" ]; then
	echo "$ME: no HOME is set: set HOME, or O= to the cache folder" >&2
	exit 1
fi
O=${O:-${XDG_CACHE_HOME:-${HOME:-}/.cache}/bpf-tailcall}
# Only bash expands the ~ in "make O=~/cache"; other shells hand it on.
# shellcheck disable=SC2088 # a literal ~ is what is looked for
case $O in '~/'*) O=${HOME:?}/${O#??} ;; esac
case $O in /*) ;; *) O=$PWD/$O ;; esac
case $O in
*[[:space:]:]*)
	echo "$ME: the cache folder '$O' has a space or a colon in its name, which make cannot take: set O= to another" >&2
	exit 1 ;;
esac
case ${1:-} in
-h|--help)
	# It reads only the script.
	;;
*)
	mkdir -p -- "$O"/{tmp,log,results} 2>/dev/null ||
		{ echo "$ME: cannot make the cache folder $O: set O= to a folder you can write to" >&2; exit 1; }
	O=$(cd -- "$O" && pwd)
	;;
esac

JOBS=${JOBS:-$(nproc)}
export TOP O JOBS

# Elapsed time counts from the first script of a run, so children inherit it.
: "${STARTED:=$(date +%s)}"
export STARTED

# die SENTENCE: what was wrong and what to do, on stderr.
die() {
	echo "$ME: $*" >&2
	exit 1
}

# A command that fails where no failure was expected is a fault of ours: name
# the place, never stop without a word. Our own scripts explain themselves.
unexpected() {
	# shellcheck disable=SC2016 # the text of the command, as it is written
	case $BASH_COMMAND in
	*'$SCRIPTS/'*|exit*|return*) ;;
	*) echo "$ME: line $1: unexpected failure of: $BASH_COMMAND" >&2 ;;
	esac
}
trap 'unexpected $LINENO' ERR

# note SENTENCE: something the user should know, but that stops nothing.
note() {
	echo "$ME: note: $*" >&2
}

case $JOBS in
''|0*|*[!0-9]*) die "JOBS=$JOBS is no number of jobs: leave it out, or give one from 1 on" ;;
esac

# step SENTENCE: one line of progress with the elapsed time, on stderr: stdout
# is for what a script was asked for.
step() {
	local t=$(($(date +%s) - STARTED)) bold='' plain=''

	if [ -t 2 ] && [ -z "${CI:-}" ]; then
		bold=$'\033[1m' plain=$'\033[0m'
	fi
	printf '%s[%3d:%02d]%s %s\n' "$bold" $((t / 60)) $((t % 60)) "$plain" "$*" >&2
}

# usage_if_asked "$@": line 3 of a script, up to the first empty line, is its --help. Asked
# below for all that source this.
usage_if_asked() {
	case ${1:-} in
	-h|--help)
		sed -n '3,/^$/s/^# \{0,1\}//p' "$0"
		exit 0
		;;
	esac
}

# folder PATH: its full name, also with a ~ that the shell has left there.
folder() {
	local dir=$1

	# shellcheck disable=SC2088
	case $dir in '~/'*) dir=${HOME:?}/${dir#??} ;; esac
	(cd -- "$dir" 2>/dev/null && pwd) || die "$1 is no folder (seen from $PWD)"
}

# no_options "$@": a word that begins with a dash is no name of anything.
no_options() {
	local word

	for word; do
		case $word in
		-*) die "no option '$word': $ME --help says what there is" ;;
		esac
	done
}

# trees: the names of all kernel lines, oldest first.
trees() {
	awk '!/^#/ && NF { print $1 }' "$TOP/patches/trees"
}

# tree_field TREE COLUMN: one field of the tree's row (package, suites, since,
# version, sha256, also).
tree_field() {
	awk -v t="$1" -v want="$2" '
		BEGIN { n = split("tree package suites since version sha256 also", name)
			for (i = 1; i <= n; i++) col[name[i]] = i }
		!/^#/ && $1 == t { print $col[want] }' "$TOP/patches/trees"
}

# need_tree TREE: stops unless it is one of ours; sets tree to it.
need_tree() {
	tree=${1:-}
	[ -n "$tree" ] || die "no line named: give one of $(trees | xargs)"
	trees | grep -qxF -- "$tree" ||
		die "no kernel line '$tree': patches/trees has $(trees | xargs)"
}

# need_trees TREE...: the same of one or more.
need_trees() {
	[ $# -gt 0 ] || die "no line named: give some of $(trees | xargs)"
	for tree; do need_tree "$tree"; done
}

# need_variant VARIANT: sets variant. base is Debian's source as it is, patched has the whole
# series, hardened, debug and coverage are patched with scripts/config/VARIANT.frag on top,
# probe has only the patches that KUnit needs, prefix has the first PREFIX patches, gates is
# where check-patches compiles one patch after the other, and mutant where
# scripts/mutants breaks what is patched.
need_variant() {
	variant=${1:-}
	case $variant in
	base|patched|hardened|debug|coverage|gates|mutant) ;;
	probe) export ONLY=kunit ;;
	prefix) [ "${PREFIX:-0}" -gt 0 ] || die "the variant prefix needs PREFIX=number of patches" ;;
	*) die "no variant '$variant': it is base (as Debian ships it), patched, hardened, debug, coverage, probe or prefix" ;;
	esac
}

# need_space DIR MIB WHAT: a full disk is one sentence now, not a broken tree
# later.
need_space() {
	local free

	free=$(df -Pm -- "$1" | awk 'NR == 2 { print $4 }')
	[ "$free" -ge "$2" ] ||
		die "$3 needs $2 MiB, $1 has $free MiB free: make room, or set O= to a larger disk"
}

# scratch: makes the folder $work, which goes with the script.
scratch() {
	work=$(mktemp -d -- "$O/tmp/$ME.XXXXXX")
	trap 'rm -rf -- "$work"' EXIT
}

# lock NAME: one script at a time works on NAME; the next one says so and
# waits. The lock ends with the process, however that ends.
lock() {
	local fd

	mkdir -p -- "$O/locks"
	exec {fd}>"$O/locks/$1"
	if ! flock -n "$fd"; then
		step "another run is busy with $1: waiting for it to end"
		flock "$fd"
	fi
}

# patches_of TREE: the folder with its series; with OWN_SERIES, the one that make port
# has written for a tree like it.
patches_of() {
	echo "${OWN_SERIES:-$TOP/patches/$1}"
}

# series_name TREE: how it is called in what a user reads.
series_name() {
	echo "${OWN_SERIES:-patches/$1}"
}

# entries SERIES: its lines without comments.
entries() { sed -e '/^#/d' -e '/^[[:space:]]*$/d' -- "$1" 2>/dev/null || true; }

# series_of TREE: the patches of a tree in order; with PREFIX=n the first n, with
# ONLY=word those with that word behind their name.
series_of() {
	entries "$(patches_of "$1")/series" |
		awk -v n="${PREFIX:-0}" -v only="${ONLY:-}" '
			(!n || NR <= n) && (only == "" || $0 ~ ("# .*" only)) { print $1 }'
}

# older TREE: the folders below patches/TREE that have what older point releases
# need, newest first.
older() {
	(cd -- "$(patches_of "$1")" && ls -d before-*/ 2>/dev/null) | sort -rV || true
}

# brought TREE: the patches for what older point releases lack; those for the
# oldest come first.
brought() {
	local dir

	older "$1" | tac | while read -r dir; do
		entries "$(patches_of "$1")/$dir/series"
	done | awk '!seen[$1]++ { print $1 }'
}

# closes TREE PATCH: the bugs that a patch closes; they stand behind its name in
# the series (and "kunit" behind those that KUnit needs).
closes() {
	awk -v p="$2" '$1 == p { sub(/^[^#]*#?/, ""); print }' "$(patches_of "$1")/series"
}

# copy_files FROM TO [OPTION]: the files on stdin, those that are there, with their times.
copy_files() {
	rsync -rLpt --chmod=u+w --files-from=- --ignore-missing-args "${@:3}" "$1/" "$2/"
}

# write_page FILE [--check]: $work/page becomes that file of the checkout; with --check it
# has to be the same already.
write_page() {
	if [ "${2:-}" = --check ]; then
		diff -u --label "$1" --label "as it should be" "$TOP/$1" "${work:?}/page" ||
			die "$1 is not up to date: run scripts/$ME"
	else
		cp -- "${work:?}/page" "$TOP/$1"
		step "wrote $1"
	fi
}

# series_files TREE: every file the series of a tree touches, created ones too.
series_files() {
	local p

	series_of "$1" | while read -r p; do
		sed -n 's#^+++ b/\([^[:space:]]*\).*#\1#p' "$(patches_of "$1")/$p"
	done | sort -u
}

# range_files TREE: the same for the whole range of a line.
range_files() {
	{ cat -- "$(patches_of "$1")"/{before-*,lacks}/*.patch 2>/dev/null || true; } |
		sed -n 's#^+++ b/\([^[:space:]]*\).*#\1#p' |
		cat - <(series_files "$1") | sort -u
}

# sources VARIANT: the variant whose sources it is built from.
sources() {
	case $1 in
	hardened|debug|coverage) echo patched ;;
	*) echo "$1" ;;
	esac
}

# Directories: $O/TREE/VARIANT/linux are source trees (hardened, debug and
# coverage share that of patched), build below them the object tree (kbuild then uses relative
# paths, and ccache hits in all).
source_dir() { echo "$O/$1/$(sources "$2")/linux"; }
build_dir() {
	case $2 in
	hardened|debug|coverage) echo "$(source_dir "$1" "$2")/build-$2" ;;
	*) echo "$(source_dir "$1" "$2")/build" ;;
	esac
}
out_dir() { echo "$O/$1/$2"; }

# instrumented TREE: what the series compiles, by the names of their sources.
instrumented() {
	series_files "$1" | grep '\.c$' | grep -vE '^(tools|Documentation)/' || true
}

# gcov_args TREE: kbuild looks for GCOV_PROFILE_NAME.o = y, and takes the name for
# that of any folder: so each of ours says for which one.
gcov_args() {
	instrumented "$1" | awk '
		{ name = $0; sub(".*/", "", name); sub("[.]c$", "", name)
		  dir = $0; sub("/[^/]*$", "", dir); dirs[name] = dirs[name] " " dir }
		END { for (name in dirs)
			print "GCOV_PROFILE_" name ".o=$(if $(filter" dirs[name] ",$(obj)),y)" }'
}

# kernel_make TREE VARIANT ARGS...: make in a tree of ours. ccache is keyed on
# content and relative paths, so base and patched share what they can. (It could save
# a sixth by compiling what it has preprocessed, CCACHE_NOCPP2; but then gcc warns of
# what macros become, and libbpf in the trees is built with -Werror.)
kernel_make() {
	local tree=$1 variant=$2 gcov=()

	shift 2
	[ "$variant" != coverage ] || mapfile -t gcov < <(gcov_args "$tree")
	CCACHE_DIR=$O/ccache CCACHE_MAXSIZE=8G CCACHE_NOHASHDIR=1 \
	CCACHE_BASEDIR=$(source_dir "$tree" "$variant") \
	CCACHE_COMPILERCHECK=content KBUILD_BUILD_TIMESTAMP='2026-01-01' \
	KBUILD_BUILD_USER=tailcall KBUILD_BUILD_HOST=tailcall \
	make -C "$(source_dir "$tree" "$variant")" \
		O="$(build_dir "$tree" "$variant")" -j"$JOBS" \
		CC="ccache gcc" HOSTCC="ccache gcc" "${gcov[@]}" "$@"
}

# fragment TREE VARIANT FILE...: what the fragments have for a kernel. A line may
# end in "# TREE...": it is then for these trees only; or, as TREE-VARIANT, for
# the one variant of it that has the option; or, as VARIANT, for that of all trees.
fragment() {
	local tree=$1 variant=$2

	shift 2
	awk -v tree="$tree" -v variant="$variant" '
		/^CONFIG_/ && match($0, / # /) {
			trees = " " substr($0, RSTART + 3) " "
			if (index(trees, " " tree " ") == 0 &&
			    index(trees, " " variant " ") == 0 &&
			    index(trees, " " tree "-" variant " ") == 0)
				next
			$0 = substr($0, 1, RSTART - 1)
			sub(/ +$/, "")
		}
		{ print }' "$@"
}

# kernel_version KDIR: the version at the head of a tree's Makefile, such as
# 6.1.192; nothing if there is none.
kernel_version() {
	awk -F' *= *' '
		$1 == "VERSION" { v = $2 } $1 == "PATCHLEVEL" { p = $2 }
		$1 == "SUBLEVEL" { s = $2; exit }
		END { if (v != "" && p != "") print v "." p "." s }' "$1/Makefile"
}

# frag_part WORD: the part of Kconfig.frag whose heading begins with it.
frag_part() {
	awk -v word="## $1" '/^## / { on = index($0, word) == 1 } on' "$TOP/Kconfig.frag"
}

# nearest LINE: the line of ours that is closest to it.
nearest() {
	trees | awk -F. -v want="$1" '
		function n(t, a) { split(t, a, "."); return a[1] * 100 + a[2] }
		{ d = n($0) - n(want); if (d < 0) d = -d
		  if (best == "" || d < best) { best = d; name = $0 } }
		END { print name }'
}

# own_sources KDIR: sets kdir, version and line for a source tree of the user's own, or
# stops with a sentence.
own_sources() {
	local part

	[ -n "${1:-}" ] || die "no kernel source tree named: make $ME KDIR=~/linux-6.1.192"
	kdir=$(folder "$1") || exit 1
	if [ ! -e "$kdir/Kbuild" ] && [ -e "$kdir/Makefile" ] && { [ -e "$kdir/.config" ] || [ -e "$kdir/Module.symvers" ]; }; then
		die "$kdir is a folder of built objects, not of sources: give KDIR= the tree it was built from$(
			[ ! -e "$kdir/source" ] || echo ", $(readlink -f -- "$kdir/source")")"
	fi
	for part in Makefile Kbuild kernel/bpf; do
		[ -e "$kdir/$part" ] ||
			die "$kdir is not a kernel source tree, it has no $part: give KDIR= the top of one"
	done
	version=$(kernel_version "$kdir")
	[ -n "$version" ] || die "$kdir/Makefile names no kernel version: is it a whole kernel tree?"
	line=$(cut -d. -f 1,2 <<<"$version")
}

# port_field FOLDER NAME: what make port has written there of a series: the version it
# is for, the tree, the line of ours that it is like, the lines it came from.
port_field() {
	sed -n "s/^$2=//p" "$1/port"
}

# own_tree KDIR: the same, and sets tree to the line of ours. With OWN_SERIES that is
# the one that the tree was like when the series was made.
own_tree() {
	local made

	own_sources "${1:-}"
	if [ -n "${OWN_SERIES:-}" ]; then
		OWN_SERIES=$(folder "$OWN_SERIES") || exit 1
		{ [ -f "$OWN_SERIES/port" ] && [ -f "$OWN_SERIES/series" ]; } ||
			die "$OWN_SERIES has no series that make port has written: give SERIES= the folder that it named"
		[ ! -e "$OWN_SERIES/plan" ] ||
			die "the port in $OWN_SERIES has not ended: make port KDIR=$(port_field "$OWN_SERIES" kdir) DEST=$OWN_SERIES CONTINUE=1 goes on"
		made=$(port_field "$OWN_SERIES" version)
		[ "$(cut -d. -f 1,2 <<<"$made")" = "$line" ] ||
			die "$kdir is Linux $version, and the series in $OWN_SERIES is for $made: make port KDIR=$kdir makes one"
		tree=$(port_field "$OWN_SERIES" like)
		need_tree "$tree"
		export OWN_SERIES
		return
	fi
	tree=$line
	trees | grep -qxF -- "$tree" ||
		die "$kdir is Linux $version, and there is no series for $tree, only for $(trees | xargs): the nearest is $(nearest "$tree"); make port KDIR=$kdir makes one from it"
}

# into DIR FILE: makes the folder $new beside DIR, which into_place makes DIR, whole. There
# may be one of that name if it has FILE, so it is from here.
into() {
	[ ! -e "$1" ] || [ -f "$1/$2" ] || die "$1 is there already, and not from here: move it away"
	new=$(mktemp -d -- "${1%/*}/.${1##*/}.XXXXXX")
	trap 'rm -rf -- "$new"' EXIT
	chmod 755 -- "$new"
}
into_place() {
	rm -rf -- "$1"
	mv -- "$new" "$1"
	trap - EXIT
}

# older_than A B: both are point releases.
older_than() {
	[ "$1" != "$2" ] && printf '%s\n' "$1" "$2" | sort -V -C
}

# bug_ids: all bugs of patches/expect/bugs, in its order.
bug_ids() {
	awk '!/^#/ && NF { print $1 }' "$TOP/patches/expect/bugs"
}

# bug_title ID: what stands behind the states, of which there is one a tree.
bug_title() {
	awk -v id="$1" '
		/^# id / { for (first = 3; $first != "title"; first++) ; first-- }
		!/^#/ && $1 == id { for (i = 1; i < first; i++) $i = ""
				    sub(/^ +/, ""); sub(/ *\[[^]]*\]$/, ""); print }' \
		"$TOP/patches/expect/bugs"
}

# bug_slug ID: its short name, or nothing.
bug_slug() {
	sed -nE "s/^$1[[:space:]].*\[([a-z0-9-]+)\]\$/\1/p" "$TOP/patches/expect/bugs"
}

# bug_name ID: how a person reads it, such as "N3 stack-overflow".
bug_name() {
	local slug

	slug=$(bug_slug "$1")
	echo "$1${slug:+ $slug}"
}

# bug_state TREE ID: closed, fixed, open or na; the head line has the order of
# the trees. A series of the user's own has a row for each.
bug_state() {
	if [ -n "${OWN_SERIES:-}" ]; then
		awk -v id="$2" '$1 == id { print $2 }' "$OWN_SERIES/bugs"
		return
	fi
	awk -v tree="$1" -v id="$2" '
		/^# id / { for (i = 3; i <= NF; i++) col[$i] = i - 1 }
		!/^#/ && $1 == id { print $col[tree] }' "$TOP/patches/expect/bugs"
}

# expected TREE VARIANT ID: what a test must see there: open, fixed or na.
expected() {
	case $(bug_state "$1" "$3"):$2 in
	closed:base|closed:probe|open:*) echo open ;;
	closed:patched|closed:hardened|closed:debug|closed:coverage|fixed:*) echo fixed ;;
	closed:prefix)
		# Not grep -q: it would leave, and the loop die of a broken pipe.
		if series_of "$1" | while read -r patch; do closes "$1" "$patch"; done |
		   grep -w -- "$3" >/dev/null; then echo fixed; else echo open; fi ;;
	na:*) echo na ;;
	*) die "patches/expect/bugs has no state of bug $3 for $1" ;;
	esac
}

# upstream_of ID: what the patches that close a bug say of upstream: a commit and its
# subject, a version, or none; a line each.
upstream_of() {
	local name patch

	for name in $(trees); do
		awk -v id="$1" '!/^#/ { for (i = 3; i <= NF; i++) if ($i == id) print $1 }' \
			"$TOP/patches/$name/series" | while read -r patch; do
			sed -n '/^---$/q; s/^Upstream: //p' "$TOP/patches/$name/$patch"
		done
	done | awk -v id="$1" '
		match($0, /, for [A-Za-z0-9, ]+$/) {
			ids = substr($0, RSTART + 5) ","
			if (index(ids, " " id ",") == 0)
				next
			$0 = substr($0, 1, RSTART - 1)
		}
		!seen[$0]++'
}

# kunit_bug CASE: the bug that a KUnit case shows, or nothing.
kunit_bug() {
	awk -v name="$1" '
		!/^#/ && NF { id = $1; sub(/^[^ \t]+[ \t]+/, "")
			      if (name ~ ("^(" $0 ")$")) { print id; exit } }' "$TOP/patches/expect/cases"
}

# kunit_cases JSON: each case of a report that kunit.py has read, and its status.
kunit_cases() {
	jq -r 'def cases(p): (.test_cases[]? | [p + "." + .name, .status]),
			     (.sub_groups[]? | . as $g | cases(p + "." + $g.name));
	       .sub_groups[] | . as $g | cases($g.name) | @tsv' "$1"
}

# checker_states JSON: what the checker says of each bug, id <tab> state <tab> why;
# the state is open, fixed, na or "not known".
checker_states() {
	jq -r '.bugs[] | [.id, ({"not applicable": "na", "cannot tell": "not known"}[.state] // .state), .why] | @tsv' "$1"
}

# bug_table TITLE COLUMN...: the table of the rows COLUMN <tab> ID <tab> STATE on stdin.
bug_table() {
	local title=$1 states id

	shift
	states=$(cat)
	printf '%-5s' bug
	printf ' %-14s' "$@"
	printf ' %s\n' "$title"
	for id in $(bug_ids); do
		awk -F'\t' -v id="$id" -v columns="$*" -v title="$(bug_title "$id") [$(bug_slug "$id")]" '
			$2 == id { state[$1] = $3 == "na" ? "n/a" : $3; seen = 1 }
			END { if (!seen) exit
			      printf "%-5s", id
			      n = split(columns, column, " ")
			      for (i = 1; i <= n; i++)
				      printf " %-14s", column[i] in state ? state[column[i]] : "-"
			      print " " title }' <<<"$states"
	done
}

. "$SCRIPTS/lib/results.sh"
. "$SCRIPTS/lib/guest.sh"
usage_if_asked "$@"
