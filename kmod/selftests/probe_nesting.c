// SPDX-License-Identifier: GPL-2.0
/* What a program takes for its own while it runs: its stack, and RCU's lock. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "nesting_ext.skel.h"
#include "check.h"
#include "insn.h"
#include "nesting.skel.h"
#include "nesting_sleepable.skel.h"

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
	const void *elf = nesting_ext_bpf__elf_bytes(&size);

	return try_load(elf, size, name);
}

/* A function that an extension can replace. */
struct place {
	const struct bpf_program *target;
	const char *function;
};

/* Load an extension for one place, and attach it to another: 0 or an error. */
static int try_extend(const char *name, struct place verified_for,
		      struct place attached_to)
{
	struct nesting_ext_bpf *skel = nesting_ext_bpf__open();
	struct bpf_program *ext;
	struct bpf_link *link;
	int err;

	if (!skel)
		return -errno;
	choose_programs(skel->obj, name, NULL);
	ext = bpf_object__find_program_by_name(skel->obj, name);
	err = bpf_program__set_attach_target(ext,
					     bpf_program__fd(verified_for.target),
					     verified_for.function);
	if (!err)
		err = nesting_ext_bpf__load(skel);
	if (!err) {
		link = bpf_program__attach_freplace(ext,
						    bpf_program__fd(attached_to.target),
						    attached_to.function);
		if (!link)
			err = -errno;
		bpf_link__destroy(link);
	}
	nesting_ext_bpf__destroy(skel);
	return err;
}

static struct verdict judge_sleeping_target(const struct nesting_sleepable_bpf *skel)
{
	const struct place sleeper = { skel->progs.sleeper, "stub_sleeper" };
	const struct place awake = { skel->progs.awake, "stub_awake" };
	int err;

	err = try_borrower("known");
	if (err != -EINVAL)
		return verdict(CANNOT_TELL, "the map is not refused where a program may sleep: %s",
			       strerror(-err));
	err = try_extend("borrower", awake, awake);
	if (err)
		return verdict(CANNOT_TELL, "extending a program that may not sleep: %s",
			       strerror(-err));
	err = try_extend("harmless", sleeper, sleeper);
	if (err)
		return verdict(CANNOT_TELL, "extending a program that may sleep, without a map: %s",
			       strerror(-err));

	err = try_extend("borrower", sleeper, sleeper);
	if (!err)
		return verdict(OPEN, "an extension may use a map there that its target may not");
	if (err != -EINVAL)
		return verdict(CANNOT_TELL, "extending a program that may sleep: %s",
			       strerror(-err));
	err = try_extend("borrower", awake, sleeper);
	if (!err)
		return verdict(OPEN, "an extension is taken there from where it may not sleep");
	if (err != -EINVAL)
		return verdict(CANNOT_TELL, "taking an extension to a program that may sleep: %s",
			       strerror(-err));
	return verdict(FIXED, "an extension may use no map there that its target may not");
}

static struct verdict probe_sleeping_target(void)
{
	struct nesting_sleepable_bpf *skel = nesting_sleepable_bpf__open_and_load();
	struct verdict v;

	if (!skel)
		return verdict(NOT_APPLICABLE, "no program that may sleep: %s",
			       strerror(errno));
	v = judge_sleeping_target(skel);
	nesting_sleepable_bpf__destroy(skel);
	return v;
}

/*
 * With 64 bytes of stack and no register that is to be saved, the word below rbp where
 * the time is looked for has R5.
 */
static struct verdict probe_clock(void)
{
	const struct bpf_insn insns[] = {
		STORE_IMM(BPF_REG_10, -64, 0),
		MOV_IMM(BPF_REG_5, 0),
		MAY_GOTO(1),
		JUMP_IMM(BPF_JA, 0, 0, -2),
		MOV_REG(BPF_REG_0, BPF_REG_5),
		EXIT(),
	};
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	int fd, err;

	if (!kernel_has("bpf_check_timed_may_goto"))
		return verdict(NOT_APPLICABLE, "may_goto looks at no clock here");
	fd = keep(bpf_prog_load(BPF_PROG_TYPE_RAW_TRACEPOINT, "clock", "GPL", insns,
				ARRAY_SIZE(insns), NULL));
	err = fd < 0 ? fd : bpf_prog_test_run_opts(fd, &opts);
	if (err)
		return done(verdict(CANNOT_TELL, "running a loop: %s", strerror(-err)));
	if (opts.retval)
		return done(verdict(OPEN, "a register that is 0 becomes something else"));
	return done(verdict(FIXED, "a register keeps its value"));
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
			"Attaches an extension that uses a map which programs that may sleep may not use to such a program: one that was loaded for it, and one for a program that may not sleep. None runs.",
		.probe = probe_sleeping_target,
	}, {
		.id = "N45",
		.title = "with a private stack may_goto writes the time into a register",
		.effect = "a register is not what the verifier knows: bounds do not hold",
		.upstream = "none",
		.how =
			"Runs an endless loop, which the kernel ends after a quarter of a second, and returns a register that was 0. It has no pointers.",
		.probe = probe_clock,
	},
};

static void __probes add(void)
{
	add_bugs(bugs, ARRAY_SIZE(bugs));
}
