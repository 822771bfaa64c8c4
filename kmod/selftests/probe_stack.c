// SPDX-License-Identifier: GPL-2.0
/* What stays on the stack under a tail call: code that is looked at, and never run. */
#include <errno.h>
#include <string.h>

#include <linux/bpf.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "check.h"
#include "stack.skel.h"

/* lea rcx, [rsp + imm32]; cmp rcx, rax; jb: at the tail call of a subprogram. */
static bool looks_at_the_stack(const unsigned char *code, size_t len)
{
	static const unsigned char lea[] = { 0x48, 0x8d, 0x8c, 0x24 };
	static const unsigned char cmp[] = { 0x48, 0x39, 0xc1, 0x72 };
	size_t i;

	for (i = 0; i + 12 <= len; i++)
		if (!memcmp(code + i, lea, sizeof(lea)) &&
		    !memcmp(code + i + 8, cmp, sizeof(cmp)))
			return true;
	return false;
}

static struct verdict judge_code(int prog_fd)
{
	static unsigned char code[16384];
	struct bpf_prog_info info = {
		.jited_prog_insns = (__u64)(unsigned long)code,
		.jited_prog_len = sizeof(code),
	};
	__u32 len = sizeof(info);

	if (bpf_obj_get_info_by_fd(prog_fd, &info, &len))
		return verdict(CANNOT_TELL, "no info of a program: %s",
			       strerror(errno));
	if (!info.jited_prog_insns || !info.jited_prog_len ||
	    info.jited_prog_len > sizeof(code))
		return verdict(CANNOT_TELL,
			       "the kernel does not show the code of a program");
	if (looks_at_the_stack(code, info.jited_prog_len))
		return verdict(FIXED,
			       "a subprogram looks at the stack before its tail call");
	return verdict(OPEN,
		       "seven callers load, and the tail call under them does not look at the stack");
}

static struct verdict probe_stack(void)
{
	size_t size;
	const void *elf = stack_bpf__elf_bytes(&size);
	int err = try_load(elf, size, "two_callers");
	struct bpf_program *prog;
	struct bpf_object *obj;
	struct verdict v;

	if (err == -EINVAL)
		return verdict(NOT_APPLICABLE,
			       "no tail calls in subprograms here");
	if (err)
		return verdict(CANNOT_TELL,
			       "two callers with 224 bytes do not load: %s",
			       strerror(-err));
	obj = bpf_object__open_mem(elf, size, NULL);
	if (!obj)
		return verdict(CANNOT_TELL, "opening seven_callers: %s",
			       strerror(errno));
	choose_programs(obj, "seven_callers", NULL);
	prog = bpf_object__find_program_by_name(obj, "seven_callers");
	err = bpf_object__load(obj);
	if (!err)
		v = judge_code(bpf_program__fd(prog));
	else if (err == -EACCES)
		v = verdict(FIXED,
			    "the verifier refuses seven callers under a tail call");
	else
		v = verdict(CANNOT_TELL, "loading seven_callers: %s",
			    strerror(-err));
	bpf_object__close(obj);
	return v;
}

static const struct bug bugs[] = {
	{
		.id = "N3",
		.title = "33 tail calls may need more stack than there is",
		.effect = "the kernel panics",
		.upstream = "none",
		.how =
			"Loads a program with seven callers above a tail call, which by what the JIT adds to each need more than the kernel stack, and looks in its code for a comparison of the stack pointer. It is never run.",
		.probe = probe_stack,
	},
};

static void __probes add(void)
{
	add_bugs(bugs, ARRAY_SIZE(bugs));
}
