# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The point releases that the archive has of a line: sourced after common.sh and
# apt.sh.

# in_archive TREE: the versions that the archive has now, newest first, and of each
# point release the newest revision.
in_archive() {
	local log=$O/log/range-$1.log versions

	# The lists are those of the last suites that were asked for.
	versions=$(lock download
		read_lists "$(tree_field "$1" suites)" "$log"
		apt_private apt-cache madison "$(tree_field "$1" package)" 2>>"$log" | awk -F'|' '
			{ gsub(/ /, "", $2); point = $2; sub(/-.*/, "", point)
			  if (!seen[point]++) print $2 }')
	[ -n "$versions" ] ||
		die "the archive has no $(tree_field "$1" package), or cannot be reached: see $log, and check the network"
	echo "$versions"
}

# pieces TREE VERSION [SOURCE]: the folder with the files of that version that the series
# touches, and the folders of those it makes. It is kept: to unpack them takes a
# while. SOURCE is a folder where they are unpacked already. The package is not kept, but
# with KEEP=1.
pieces() {
	local dir=$O/range/$1/$2 deb package work=${work:?}

	{ printf '%s\n' Kbuild Makefile; range_files "$1"; } >"$work/wanted"
	if ! cmp -s -- "$work/wanted" "$dir/wanted"; then
		rm -rf -- "$dir"
		mkdir -p -- "$dir/linux"
	fi
	# Not every file is in every point release.
	if [ -e "$dir/wanted" ]; then
		:
	elif [ -n "${3:-}" ]; then
		rsync -a --files-from="$work/wanted" --ignore-missing-args "$3/" "$dir/linux/" || return 1
	else
		deb=$(POINT=$2 "$SCRIPTS/step/fetch" "$1") || return 1
		package=$(tree_field "$1" package)
		dpkg-deb --fsys-tarfile "$deb" | tar -xO "./usr/src/$package.tar.xz" |
			tar -xJ -C "$dir/linux" --strip-components=1 \
				-T <(sed "s#^#$package/#" "$work/wanted") 2>/dev/null || true
		[ -f "$dir/linux/Makefile" ] || die "cannot unpack ${deb##*/}: check the free space of $O and run again"
		[ "$2" = "$(tree_field "$1" version)" ] || [ -n "${KEEP:-}" ] || rm -f -- "$deb"
	fi
	if [ ! -e "$dir/wanted" ]; then
		# What the series makes is in folders that a whole tree has.
		sed 's#[^/]*$##' "$work/wanted" | sort -u | (cd -- "$dir/linux" && xargs mkdir -p -- kernel/bpf)
		cp -- "$work/wanted" "$dir/wanted"
	fi
	echo "$dir/linux"
}

# lacks TREE: the point releases that brought what patches/TREE/lacks can take out
# again, newest first.
lacks() {
	(cd -- "$(patches_of "$1")" && ls -- lacks/*.patch 2>/dev/null) |
		sed 's#.*/##; s#\.patch$##' | sort -rV || true
}

# take_out TREE VERSION DIR: makes files of the tested version lack what VERSION lacked,
# and bear its number.
take_out() {
	local with

	while read -r with; do
		older_than "$2" "$with" || continue
		patch -d "$3" -p1 -F0 -f -s --no-backup-if-mismatch \
			<"$(patches_of "$1")/lacks/$with.patch" >&2 ||
			die "patches/$1/lacks/$with.patch does not fit the source of $1: see above, and mend it"
	done < <(lacks "$1")
	sed -i "s/^SUBLEVEL = .*/SUBLEVEL = ${2##*.}/" "$3/Makefile"
}
