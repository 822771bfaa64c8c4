# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# One patch, merged into a state of some files: sourced after common.sh by the
# scripts that bring a patch to sources that it was not written for.

# files_of PATCH: the files that a patch touches, in its order.
files_of() {
	sed -n 's#^+++ b/\([^[:space:]]*\).*#\1#p' "$1"
}

# bring_in KDIR DIR PATCH: copies the files of a patch to DIR, those that are not
# there yet.
bring_in() {
	files_of "$3" | copy_files "$1" "$2" --ignore-existing
}

# snapshot DIR COPY PATCH: keeps what the files of a patch are now; one that does
# not exist is an empty one there.
snapshot() {
	local file to

	while read -r file; do
		to=$2/$file
		mkdir -p -- "${to%/*}"
		if [ -e "$1/$file" ]; then cp -- "$1/$file" "$2/$file"; else : >"$2/$file"; fi
	done < <(files_of "$3")
}

# push_one KDIR DIR PATCH BEFORE AFTER: applies a patch in DIR, without fuzz, and
# keeps its files before and after.
push_one() {
	bring_in "$1" "$2" "$3"
	snapshot "$2" "$4" "$3"
	patch -d "$2" -p1 -s -F0 --no-backup-if-mismatch <"$3" >&2 || return 1
	snapshot "$2" "$5" "$3"
}

# merge_file FILE BEFORE AFTER: makes in FILE the change from BEFORE to AFTER. Where it
# meets another change, all three are left in FILE, and the status is not 0.
merge_file() {
	git merge-file -q --diff3 -L here -L before -L after "$1" "$2" "$3"
}

# conflicts FILE: how many are in it.
conflicts() {
	grep -c '^<<<<<<< ' "$1" || true
}

# merge_patch BEFORE AFTER DIR PATCH KEEP: makes in DIR the change from BEFORE to
# AFTER to the files of a patch. A file with conflicts is left in KEEP, each with
# its base; once it is solved there, it is taken as long as all three are what
# they were. Names the files and fails if there are conflicts.
merge_patch() {
	local file key kept t bad=0

	t=$(mktemp -d -- "$O/tmp/merge.XXXXXX")
	while read -r file; do
		snapshot "$3" "$t" "$4"
		key=$(cat -- "$t/$file" "$1/$file" "$2/$file" | sha256sum | cut -c 1-12)
		kept=$5/${file//\//%}.$key
		if [ -f "$kept" ] && ! grep -q '^<<<<<<< ' "$kept"; then
			cp -- "$kept" "$t/$file"
		elif ! merge_file "$t/$file" "$1/$file" "$2/$file"; then
			mkdir -p -- "$5"
			cp -- "$t/$file" "$kept"
			echo "  $file: $kept" >&2
			sed -n '/^<<<<<<< /,/^>>>>>>> /p' "$kept" >&2
			bad=1
			continue
		fi
		if [ -s "$t/$file" ]; then install -D -m 644 -- "$t/$file" "$3/$file"; else rm -f -- "$3/$file"; fi
	done < <(files_of "$4")
	rm -rf -- "$t"
	return "$bad"
}

# write_patch BEFORE AFTER HEADER-PATCH: on stdout, as quilt writes it; only the
# header if nothing differs.
write_patch() {
	local file a b

	sed '/^--- /,$d' "$3"
	while read -r file; do
		a=a/$file b=b/$file
		[ -s "$1/$file" ] || a=/dev/null
		[ -s "$2/$file" ] || b=/dev/null
		diff -up --label "$a" --label "$b" "$1/$file" "$2/$file" || [ $? = 1 ]
	done < <(files_of "$3")
}
