// SPDX-License-Identifier: GPL-2.0
/* What stays on the stack under a tail call: programs that are only loaded. */
#include <errno.h>
#include <string.h>

#include <bpf/libbpf.h>

#include "check.h"
#include "stack.skel.h"

static int try_stack(const char *name)
{
	size_t size;
	const void *elf = stack_bpf__elf_bytes(&size);

	return try_load(elf, size, name);
}

static struct verdict probe_stack(void)
{
	int err = try_stack("two_callers");

	if (err == -EINVAL)
		return verdict(NOT_APPLICABLE,
			       "no tail calls in subprograms here");
	if (err)
		return verdict(CANNOT_TELL,
			       "two callers with 224 bytes do not load: %s",
			       strerror(-err));
	err = try_stack("seven_callers");
	if (!err)
		return verdict(OPEN,
			       "the verifier accepts seven callers under a tail call");
	if (err == -EACCES)
		return verdict(FIXED,
			       "the verifier refuses seven callers under a tail call");
	return verdict(CANNOT_TELL, "loading seven_callers: %s",
		       strerror(-err));
}

static const struct bug bugs[] = {
	{
		.id = "N3",
		.title = "33 tail calls may need more stack than there is",
		.effect = "the kernel panics",
		.upstream = "none yet",
		.how =
			"Loads a program with seven callers above a tail call, which by what the JIT adds to each need more than the kernel stack. It is never run.",
		.probe = probe_stack,
	},
};

static void __probes add(void)
{
	add_bugs(bugs, ARRAY_SIZE(bugs));
}
