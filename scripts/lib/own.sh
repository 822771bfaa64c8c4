# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# shellcheck disable=SC2154 # own_tree sets kdir, version and tree
#
# A kernel tree of the user's own, copied: sourced after common.sh and own_tree by
# the scripts that build one. The caller sets cache, a cache folder of that tree's own,
# and OWN, the variant that the copy stands for.

# own SCRIPT ARGUMENTS...: in that cache folder, where the copy has the place of
# Debian's source. It shares the compiler's cache.
own() {
	local script=$1

	shift
	O=${cache:?} "$SCRIPTS/$script" "$@"
}

# own_cache: makes the folder.
own_cache() {
	mkdir -p -- "$O/ccache" "${cache:?}/tmp" "$cache/log" "$cache/results"
	ln -sfnT -- "$O/ccache" "$cache/ccache"
}

# own_copy: what differs becomes new, so that make sees it, and patched is copied anew.
own_copy() {
	local dir=${cache:?}/$tree/${OWN:?}/linux source=$cache/$tree/$OWN/source stamp changed

	step "copying $kdir (Linux $version)"
	stamp=$(cat -- "$source" 2>/dev/null || true)
	mkdir -p -- "$dir"
	rm -f -- "$source"
	changed=$(rsync -rlp --chmod=u+w --checksum --delete --out-format='%o %n' \
		--exclude='/.git' --exclude='/build*' --exclude='/.config*' \
		--exclude='*.o' --exclude='*.a' --exclude='*.ko' --exclude='*.cmd' \
		"$kdir/" "$dir/") || die "cannot copy $kdir: see above"
	if [ -n "$changed" ] || [ -z "$stamp" ]; then
		stamp="own_$version of $(date)"
		rm -f -- "$dir/build/Kconfig.frag"
	fi
	# What was built in the tree would be taken for its source; kbuild asks the same.
	if [ -e "$kdir/.config" ] || [ -d "$kdir/include/config" ] ||
	   [ -d "$kdir/arch/x86/include/generated" ]; then
		rm -rf -- "$cache/build"
		[ ! -e "$dir/build" ] || mv -- "$dir/build" "$cache/build"
		env -u MAKEFLAGS make -C "$dir" mrproper >"$cache/log/mrproper.log" 2>&1 ||
			die "cannot clean the copy of $kdir: see $cache/log/mrproper.log"
		[ ! -e "$cache/build" ] || mv -- "$cache/build" "$dir/build"
	fi
	echo "$stamp" >"$source"
}
