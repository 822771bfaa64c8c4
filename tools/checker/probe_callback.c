// SPDX-License-Identifier: GPL-2.0
/* Tail calls reached from a helper's callback: programs that are only loaded. */
#include <errno.h>
#include <string.h>

#include <bpf/libbpf.h>

#include "callback.skel.h"
#include "check.h"

static int try_callback(const char *name)
{
	size_t size;
	const void *elf = callback_bpf__elf_bytes(&size);

	return try_load(elf, size, name);
}

static struct verdict probe_callback(const char *name)
{
	int err = try_callback("callback_control");

	if (err)
		return verdict(NOT_APPLICABLE,
			       "no callbacks beside tail calls here: %s",
			       strerror(-err));
	err = try_callback(name);
	if (!err)
		return verdict(OPEN, "the verifier accepts the program");
	if (err == -EINVAL || err == -EACCES)
		return verdict(FIXED, "the verifier refuses the program");
	return verdict(CANNOT_TELL, "loading %s: %s", name, strerror(-err));
}

static struct verdict probe_callback_direct(void)
{
	return probe_callback("callback_direct");
}

static struct verdict probe_callback_subprog(void)
{
	return probe_callback("callback_subprog");
}

static const struct bug bugs[] = {
	{
		.id = "N2",
		.title = "a helper's callback makes a tail call",
		.effect = "the kernel panics, or the limit is lost",
		.upstream = "Linux 7.2",
		.how =
			"Loads a program whose bpf_for_each_map_elem() callback tail calls. It is never run.",
		.probe = probe_callback_direct,
	}, {
		.id = "N2b",
		.title = "a helper's callback calls a subprogram that makes a tail call",
		.effect = "the kernel panics, or the limit is lost",
		.upstream = "Linux 7.3",
		.how =
			"Loads a program whose callback calls a subprogram that tail calls. It is never run.",
		.probe = probe_callback_subprog,
	},
};

static void __probes add(void)
{
	add_bugs(bugs, ARRAY_SIZE(bugs));
}
