# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# shellcheck disable=SC2154 # the caller's objects
#
# What gcc and sparse say of the files that a series touches: sourced after common.sh.
# The caller sets objects, a list of names, and log; and $work is there.

# touched_objects TREE SRC: the .c files of the series, as objects; a header stands for
# all of BPF's own files, which include it.
touched_objects() {
	{
		# The selftests' programs under tools/ are not the kernel's compiler's, and
		# kbuild compiles asm-offsets.c by itself before all others.
		range_files "$1" | sed -n '/^tools\//d; /\/asm-offsets\.c$/d; s/\.[cS]$/.o/p'
		if range_files "$1" | grep -q '^include/.*\.h$'; then
			(cd -- "$2" && ls kernel/bpf/{core,verifier,syscall,trampoline,arraymap,btf}.c arch/x86/net/bpf_jit_comp.c) |
				sed 's/\.c$/.o/'
		fi
	} | sort -u
}

# warnings TREE VARIANT: compiles the objects that are out of date; what is said, without
# line numbers, and of a header once, however many files include it. The exit status is
# that of the compiler.
warnings() {
	local status=0 now src object

	src=$(source_dir "$1" "$2")
	# What the series brings is not there without it.
	mapfile -t now < <(for object in "${objects[@]}"; do
		if [ -e "$src/${object%.o}.c" ] || [ -e "$src/${object%.o}.S" ]; then echo "$object"; fi
	done)
	kernel_make "$1" "$2" W=1 C=1 "${now[@]}" >"${work:?}/make.log" 2>&1 || status=$?
	cat -- "$work/make.log" >>"${log:?}"
	grep -E '(warning|error):' "$work/make.log" |
		sed -E 's/:[0-9]+(:[0-9]+)?:/:/; s/line [0-9]+/line/' | sort |
		awk '!/^[^ ]*\.h: / || !seen[$0]++' || true
	return "$status"
}

# switch_on TREE VARIANT: what the series brings options for is compiled, too.
switch_on() {
	local build

	build=$(build_dir "$1" "$2")
	fragment "$1" patched "$TOP/Kconfig.frag" >>"$build/.config"
	kernel_make "$1" "$2" olddefconfig
}
