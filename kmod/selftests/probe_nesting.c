// SPDX-License-Identifier: GPL-2.0
/* What a program takes for its own while it runs: its stack, and RCU's lock. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "borrower.skel.h"
#include "check.h"
#include "nesting.skel.h"
#include "sleeper.skel.h"

static bool kernel_has(const char *function)
{
	struct btf *btf = btf__load_vmlinux_btf();
	bool has = btf &&
		   btf__find_by_name_kind(btf, function, BTF_KIND_FUNC) > 0;

	btf__free(btf);
	return has;
}

static struct verdict probe_shared_stack(void)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	struct nesting_bpf *skel;
	struct verdict v;
	__u32 slot = 0;
	int err, fd;

	if (!kernel_has("bpf_modify_return_test_tp"))
		return verdict(NOT_APPLICABLE,
			       "no private stacks here, and no way to nest");
	skel = nesting_bpf__open_and_load();
	if (!skel)
		return verdict(CANNOT_TELL, "loading the programs: %s",
			       strerror(errno));
	skel->bss->pid = getpid();
	fd = bpf_program__fd(skel->progs.callee);
	err = bpf_map_update_elem(bpf_map__fd(skel->maps.jump), &slot, &fd,
				  BPF_ANY);
	if (!err) {
		skel->links.inner = bpf_program__attach(skel->progs.inner);
		err = skel->links.inner ? 0 : -errno;
	}
	if (!err)
		err = bpf_prog_test_run_opts(bpf_program__fd(skel->progs.outer),
					     &opts);
	if (err)
		v = verdict(CANNOT_TELL, "running the programs: %s",
			    strerror(-err));
	else if (skel->bss->runs != 2)
		v = verdict(CANNOT_TELL, "the tail callee ran %u times, not 2",
			    skel->bss->runs);
	else if (skel->bss->changed)
		v = verdict(OPEN, "the inner run of a tail callee wrote to the outer one's stack");
	else
		v = verdict(FIXED, "each run of a tail callee has its own stack");
	nesting_bpf__destroy(skel);
	return v;
}

static int try_borrower(const char *name)
{
	size_t size;
	const void *elf = borrower_bpf__elf_bytes(&size);

	return try_load(elf, size, name);
}

/* Load the extension for a function, and attach it there: 0 or an error. */
static int try_extend(struct bpf_program *target, const char *function)
{
	struct borrower_bpf *skel = borrower_bpf__open();
	struct bpf_link *link;
	int err;

	if (!skel)
		return -errno;
	choose_programs(skel->obj, "borrower", NULL);
	err = bpf_program__set_attach_target(skel->progs.borrower,
					     bpf_program__fd(target), function);
	if (!err)
		err = borrower_bpf__load(skel);
	if (!err) {
		link = bpf_program__attach_trace(skel->progs.borrower);
		if (!link)
			err = -errno;
		bpf_link__destroy(link);
	}
	borrower_bpf__destroy(skel);
	return err;
}

static struct verdict probe_sleeping_target(void)
{
	struct sleeper_bpf *skel = sleeper_bpf__open_and_load();
	struct verdict v;
	int err;

	if (!skel)
		return verdict(NOT_APPLICABLE, "no program that may sleep: %s",
			       strerror(errno));
	err = try_borrower("known");
	if (err != -EINVAL) {
		v = verdict(CANNOT_TELL, "the map is not refused where a program may sleep: %s",
			    strerror(-err));
		goto out;
	}
	err = try_extend(skel->progs.awake, "stub_awake");
	if (err) {
		v = verdict(CANNOT_TELL, "extending a program that may not sleep: %s",
			    strerror(-err));
		goto out;
	}
	err = try_extend(skel->progs.sleeper, "stub_sleeper");
	if (!err)
		v = verdict(OPEN, "an extension may use a map there that its target may not");
	else if (err == -EINVAL)
		v = verdict(FIXED, "an extension may use no map there that its target may not");
	else
		v = verdict(CANNOT_TELL, "extending a program that may sleep: %s",
			    strerror(-err));
out:
	sleeper_bpf__destroy(skel);
	return v;
}

static const struct bug bugs[] = {
	{
		.id = "N11",
		.title = "two runs of a tail callee share a private stack",
		.effect = "a program's variables change under it, beyond what the verifier checked",
		.upstream = "none",
		.how =
			"Runs a program whose tail callee triggers a tracepoint for tests, where another program has the same callee: does the outer run find its numbers again? It has no pointers.",
		.probe = probe_shared_stack,
	}, {
		.id = "N13",
		.title = "an extension runs where its target may sleep",
		.effect = "with preemptible RCU, use after free",
		.upstream = "none",
		.how =
			"Attaches an extension that uses a map which programs that may sleep may not use to such a program. Neither runs.",
		.probe = probe_sleeping_target,
	},
};

static void __probes add(void)
{
	add_bugs(bugs, ARRAY_SIZE(bugs));
}
