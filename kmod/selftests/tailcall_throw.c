// SPDX-License-Identifier: GPL-2.0
/*
 * tailcall_throw - leave a program with a private stack by an exception
 *
 * Who leaves it restores the registers of the kernel from the main function's frame,
 * where such a program has pushed one word more. A kernel that does not know that goes
 * on with wrong registers.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "insn.h"

/* kselftest's exit status for a test that could not run. */
#define EXIT_SKIP	4
#define THROWN		7

static const char usage[] =
	"usage: tailcall_throw --i-know\n"
	"\n"
	"Runs programs with private stacks that throw an exception. A kernel with bug N46\n"
	"does not survive it: run this in a virtual machine.\n"
	"\n"
	"Exit status: 0 what was thrown is returned, 1 something else is, 2 usage,\n"
	"4 there are no exceptions here.\n";

/* Run a raw tracepoint program with a private stack: true if it returns THROWN. */
static int returns_thrown(const char *what, const struct bpf_insn *insns, size_t count)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	int fd, err;

	fd = bpf_prog_load(BPF_PROG_TYPE_RAW_TRACEPOINT, "throw", "GPL", insns, count, NULL);
	if (fd < 0) {
		fprintf(stderr, "loading a program that throws in %s: %s\n", what,
			strerror(-fd));
		return -1;
	}
	err = bpf_prog_test_run_opts(fd, &opts);
	close(fd);
	printf("thrown in %s: %d, returned: %u\n", what, THROWN, opts.retval);
	return !err && opts.retval == THROWN;
}

int main(int argc, char **argv)
{
	struct bpf_insn in_main[] = {
		STORE_IMM(BPF_REG_10, -64, 0),
		MOV_IMM(BPF_REG_1, THROWN),
		CALL_INSN(BPF_PSEUDO_KFUNC_CALL, 0),
		MOV_IMM(BPF_REG_0, 0),
		EXIT(),
	};
	struct bpf_insn in_subprogram[] = {
		STORE_IMM(BPF_REG_10, -64, 0),
		CALL_INSN(BPF_PSEUDO_CALL, 2),
		MOV_IMM(BPF_REG_0, 0),
		EXIT(),
		MOV_IMM(BPF_REG_1, THROWN),
		CALL_INSN(BPF_PSEUDO_KFUNC_CALL, 0),
		MOV_IMM(BPF_REG_0, 0),
		EXIT(),
	};
	int id, first, second;

	if (argc == 2 && !strcmp(argv[1], "--help")) {
		fputs(usage, stdout);
		return 0;
	}
	if (argc != 2 || strcmp(argv[1], "--i-know")) {
		fputs(usage, stderr);
		return 2;
	}

	id = libbpf_find_vmlinux_btf_id("bpf_throw", 0);
	if (id < 0) {
		fprintf(stderr, "no bpf_throw(): %s\n", strerror(-id));
		return EXIT_SKIP;
	}
	in_main[2].imm = id;
	in_subprogram[5].imm = id;
	first = returns_thrown("the first function", in_main, 5);
	second = returns_thrown("a subprogram", in_subprogram, 8);
	if (first < 0 || second < 0)
		return EXIT_SKIP;
	return first && second ? 0 : 1;
}
