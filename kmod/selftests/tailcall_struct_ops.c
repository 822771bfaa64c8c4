// SPDX-License-Identifier: GPL-2.0
/*
 * tailcall_struct_ops - load an extension of a struct_ops program's function
 *
 * The verifier takes it for a struct_ops program, and looks up what that may return,
 * in a BTF that an extension does not have. Where that is so this takes the kernel
 * down, and wants to be asked twice. Nothing is attached or registered.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "struct_ops.skel.h"
#include "struct_ops_ext.skel.h"

/* kselftest's exit status for a test that could not run. */
#define EXIT_SKIP	4

static const char usage[] =
	"usage: tailcall_struct_ops --i-know\n"
	"\n"
	"Loads an extension of a function of a struct_ops program. A kernel with bug N40\n"
	"does not survive it: run this in a virtual machine.\n"
	"\n"
	"Exit status: 0 it survived and the extension is loaded, 1 it is refused, 2 usage,\n"
	"4 the target cannot be loaded.\n";

int main(int argc, char **argv)
{
	struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
	struct struct_ops_ext_bpf *ext = NULL;
	struct struct_ops_bpf *target;
	int err, status = 1;

	if (argc == 2 && !strcmp(argv[1], "--help")) {
		fputs(usage, stdout);
		return 0;
	}
	if (argc != 2 || strcmp(argv[1], "--i-know")) {
		fputs(usage, stderr);
		return 2;
	}

	/* Before 5.11 BPF memory counts against this. */
	setrlimit(RLIMIT_MEMLOCK, &unlimited);
	target = struct_ops_bpf__open_and_load();
	if (!target) {
		fprintf(stderr, "loading the target: %s\n", strerror(errno));
		return EXIT_SKIP;
	}
	ext = struct_ops_ext_bpf__open();
	err = ext ? bpf_program__set_attach_target(ext->progs.larger_window,
						   bpf_program__fd(target->progs.ssthresh),
						   "window") : -errno;
	if (!err)
		err = struct_ops_ext_bpf__load(ext);
	if (err)
		fprintf(stderr, "loading the extension: %s\n", strerror(-err));
	else
		status = puts("survived, and the extension is loaded") < 0;
	struct_ops_ext_bpf__destroy(ext);
	struct_ops_bpf__destroy(target);
	return status;
}
