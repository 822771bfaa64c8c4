// SPDX-License-Identifier: GPL-2.0
/* What the verifier makes of tail calls and of functions that change packets. */
#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "bound.h"
#include "check.h"
#include "qdisc.skel.h"
#include "verifier_region.skel.h"
#include "verifier_ext.skel.h"
#include "verifier.skel.h"

/* Open verifier.bpf.c and load only the named programs of it. */
static struct verifier_bpf *load_only(const char *first, const char *second)
{
	struct verifier_bpf *skel = verifier_bpf__open();
	int err;

	if (!skel)
		return NULL;
	choose_programs(skel->obj, first, second);
	err = verifier_bpf__load(skel);
	if (err) {
		verifier_bpf__destroy(skel);
		errno = -err;
		return NULL;
	}
	return skel;
}

static int try_verifier(const char *name)
{
	size_t size;
	const void *elf = verifier_bpf__elf_bytes(&size);

	return try_load(elf, size, name);
}

/* @bad must be refused, while @good, which is like it but sound, loads. */
static struct verdict probe_pair(const char *bad, const char *good)
{
	int err = try_verifier(good);

	if (err)
		return verdict(CANNOT_TELL, "loading %s, which is sound: %s",
			       good, strerror(-err));
	return from_load(try_verifier(bad), "program");
}

static struct verdict probe_stale_after_tail_call(void)
{
	return probe_pair("stale_after_tail_call", "fresh_after_tail_call");
}

static struct verdict probe_leaked_reference(void)
{
	return probe_pair("leaked_reference", "released_reference");
}

static struct verdict probe_stale_after_function(void)
{
	return probe_pair("stale_after_function", "fresh_after_function");
}

static struct verdict probe_stale_in_function(void)
{
	int err = try_verifier("fresh_in_function");

	/* Before 5.12 a global function takes no memory. */
	if (err == -EINVAL)
		return verdict(NOT_APPLICABLE,
			       "no pointers to memory as arguments here");
	return probe_pair("stale_in_function", "fresh_in_function");
}

static struct verdict probe_unknown_result(void)
{
	struct verifier_bpf *skel = load_only("unknown_result", "callee");
	struct verdict v;
	__u32 slot = 0;
	int caller, callee;

	if (!skel)
		return verdict(CANNOT_TELL, "loading unknown_result: %s",
			       strerror(errno));
	caller = bpf_program__fd(skel->progs.unknown_result);
	callee = bpf_program__fd(skel->progs.callee);
	if (run_once(caller) || skel->bss->result_seen) {
		v = verdict(CANNOT_TELL, "a run without a tail callee fails");
		goto out;
	}
	if (bpf_map_update_elem(bpf_map__fd(skel->maps.jump), &slot, &callee,
				BPF_ANY)) {
		v = verdict(CANNOT_TELL, "filling the prog_array: %s",
			    strerror(errno));
		goto out;
	}
	if (run_once(caller) || skel->bss->callee_entries != 1)
		v = verdict(CANNOT_TELL, "the tail callee is entered %u times",
			    skel->bss->callee_entries);
	else if (skel->bss->result_seen)
		v = verdict(FIXED, "the callee's %d arrives in the caller",
			    CALLEE_RESULT);
	else
		v = verdict(OPEN, "the callee returns %d, the caller acts on 0",
			    CALLEE_RESULT);
out:
	verifier_bpf__destroy(skel);
	return v;
}

/* Run one of the programs that say which way they went. 0: @v says why there is none. */
static __u32 go(const char *name, __u32 flags, struct verdict *v)
{
	struct verifier_bpf *skel = verifier_bpf__open();
	struct bpf_program *prog;
	__u32 way = 0;
	int err;

	if (!skel) {
		*v = verdict(CANNOT_TELL, "opening %s: %s", name, strerror(errno));
		return 0;
	}
	choose_programs(skel->obj, name, NULL);
	prog = bpf_object__find_program_by_name(skel->obj, name);
	bpf_program__set_flags(prog, flags);
	err = verifier_bpf__load(skel);
	if (err)
		*v = verdict(CANNOT_TELL, "loading %s: %s", name, strerror(-err));
	else if (run_once(bpf_program__fd(prog)))
		*v = verdict(CANNOT_TELL, "%s does not run", name);
	else if (!skel->bss->way)
		*v = verdict(CANNOT_TELL, "%s went neither way", name);
	else
		way = skel->bss->way;
	verifier_bpf__destroy(skel);
	return way;
}

static struct verdict probe_failed_load(void)
{
	struct verdict v;
	__u32 way = go("failed_load", 0, &v);

	if (!way)
		return v;
	if (way == RIGHT_WAY)
		return verdict(FIXED, "the 0 of the load arrives in the caller");
	return verdict(OPEN, "the load returns 0, the caller acts on %d",
		       CALLEE_RESULT);
}

static struct verdict probe_forgotten_register(void)
{
	struct verdict v;
	__u32 way = go("failed_load", 0, &v);

	if (!way)
		return v;
	if (way == WRONG_WAY)
		return verdict(NOT_APPLICABLE,
			       "what a failed load returns to is not looked at here");
	/* States are compared wherever they can be. */
	way = go("forgotten_register", BPF_F_TEST_STATE_FREQ, &v);
	if (!way)
		return v;
	if (way == RIGHT_WAY)
		return verdict(FIXED, "the caller acts on the value that it has");
	return verdict(OPEN, "the caller has 0 and acts on 1");
}

/* Load one of the extensions for @target: 0 or an error. */
static int try_extension(int target, const char *name)
{
	struct verifier_ext_bpf *ext = verifier_ext_bpf__open();
	struct bpf_program *prog;
	int err;

	if (!ext)
		return -errno;
	choose_programs(ext->obj, name, NULL);
	prog = bpf_object__find_program_by_name(ext->obj, name);
	err = bpf_program__set_attach_target(prog, target, "keep");
	if (!err)
		err = verifier_ext_bpf__load(ext);
	verifier_ext_bpf__destroy(ext);
	return err;
}

static struct verdict probe_extension(const char *name)
{
	struct verifier_bpf *skel = load_only("held_over_function", NULL);
	struct verdict v;
	int err, target;

	if (!skel)
		return verdict(CANNOT_TELL, "loading the target: %s",
			       strerror(errno));
	target = bpf_program__fd(skel->progs.held_over_function);
	err = try_extension(target, "keeping_ext");
	if (err)
		v = verdict(CANNOT_TELL, "loading an extension that is sound: %s",
			    strerror(-err));
	else
		v = from_load(try_extension(target, name), "extension");
	verifier_bpf__destroy(skel);
	return v;
}

static struct verdict probe_pulling_extension(void)
{
	return probe_extension("pulling_ext");
}

static struct verdict probe_writing_extension(void)
{
	return probe_extension("writing_ext");
}

static int try_region(const char *name)
{
	size_t size;
	const void *elf = verifier_region_bpf__elf_bytes(&size);

	return try_load(elf, size, name);
}

static struct verdict probe_sleepable_region(void)
{
	int err;

	if (try_region("sleeper_outside"))
		return verdict(NOT_APPLICABLE,
			       "what may sleep has no prog_array here");
	err = try_region("awake_in_region");
	if (err)
		return verdict(CANNOT_TELL,
			       "loading awake_in_region, which is sound: %s",
			       strerror(-err));
	return from_load(try_region("sleeper_in_region"), "program");
}

static int try_qdisc(const char *name)
{
	size_t size;
	const void *elf = qdisc_bpf__elf_bytes(&size);

	return try_load(elf, size, name);
}

static struct verdict probe_lost_reference(void)
{
	if (try_qdisc("from_main"))
		return verdict(NOT_APPLICABLE, "no qdisc makes a tail call here");
	return from_load(try_qdisc("from_subprogram"), "program");
}

static const struct bug bugs[] = {
	{
		.id = "A4",
		.title = "packet pointers outlive a subprogram's tail call",
		.effect = "a verified program reads and writes freed packet data",
		.upstream = "commit 1a4607ffba35",
		.how =
			"Loads a program that uses a packet pointer from before the call of a subprogram that tail calls. It is never run.",
		.probe = probe_stale_after_tail_call,
	}, {
		.id = "A5",
		.title = "the verifier assumes that a subprogram's tail call fails",
		.effect = "code is removed that runs, and bounds do not hold",
		.upstream = "commit e3245f899043",
		.how =
			"Runs a program once whose subprogram returns 0 itself and 5 by its tail callee. Both are harmless.",
		.probe = probe_unknown_result,
	}, {
		.id = "A6",
		.title = "a subprogram's tail call leaks a reference",
		.effect = "a socket is never freed",
		.upstream = "commit e3245f899043",
		.how =
			"Loads a program whose subprogram holds a socket during a tail call and releases it after it. It is never run.",
		.probe = probe_leaked_reference,
	}, {
		.id = "A15",
		.title = "packet pointers outlive a function that changes packets",
		.effect = "a verified program reads and writes freed packet data",
		.upstream = "commit 51081a3f25c7",
		.how =
			"Loads a program that uses a packet pointer from before the call of a global function that pulls data. It is never run.",
		.probe = probe_stale_after_function,
	}, {
		.id = "A15b",
		.title = "packet pointers outlive an extension that changes packets",
		.effect = "a verified program reads and writes freed packet data",
		.upstream = "commit 81f6d0530ba0",
		.how =
			"Loads an extension that pulls data for a function that does not. It is never attached.",
		.probe = probe_pulling_extension,
	}, {
		.id = "N38b",
		.title = "an extension's prologue makes packet pointers stale",
		.effect = "a verified program reads and writes freed packet data",
		.upstream = "none",
		.how =
			"Loads an extension that writes to the packet for a function that is called while a packet pointer is held. It is never attached.",
		.probe = probe_writing_extension,
	}, {
		.id = "A15c",
		.title = "a function keeps the packet pointer it was handed, and changes packets",
		.effect = "a verified program reads and writes freed packet data",
		.upstream = "Linux 7.2",
		.how =
			"Loads a program that hands a packet pointer to a global function that pulls data. It is never run.",
		.probe = probe_stale_in_function,
	}, {
		.id = "N24",
		.title = "a subprogram's result is assumed where a packet load fails",
		.effect = "code is removed that runs, and bounds do not hold",
		.upstream = "commit ee861486e377",
		.how =
			"Runs a program once whose subprogram loads from far behind the packet. It writes down which way it went.",
		.probe = probe_failed_load,
	}, {
		.id = "N24b",
		.title = "a caller's register is forgotten where a packet load fails",
		.effect = "code is removed that runs, and bounds do not hold",
		.upstream = "Linux 7.2",
		.how =
			"Runs a program once that compares its own register after such a subprogram. It writes down which way it went.",
		.probe = probe_forgotten_register,
	}, {
		.id = "N25",
		.title = "a tail call in a global function, called where none may sleep",
		.effect = "a tail callee sleeps in atomic context",
		.upstream = "none",
		.how =
			"Loads a sleepable program that calls a global function with a tail call in an RCU section. It is never run.",
		.probe = probe_sleepable_region,
	}, {
		.id = "N44",
		.title = "a subprogram loses the reference that its tail callee returned",
		.effect = "a qdisc loses packets, and a socket the room that they take",
		.upstream = "none",
		.how =
			"Loads a qdisc's program that makes a tail call in a subprogram. It is never run.",
		.probe = probe_lost_reference,
	},
};

static void __probes add(void)
{
	add_bugs(bugs, ARRAY_SIZE(bugs));
}
