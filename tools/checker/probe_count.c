// SPDX-License-Identifier: GPL-2.0
/* Bugs of the counter: programs that count their own entries and stop at BOUND. */
#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "bound.h"
#include "check.h"
#include "count.skel.h"
#include "tracer.skel.h"

/* The slots of the prog_array in progs/count.bpf.c */
enum { SELF, EMPTY };

/* Open the counting programs, load only @name, and make it its own callee. */
static struct count_bpf *load_counter(const char *name, int *prog_fd,
				      struct verdict *why)
{
	struct count_bpf *skel;
	__u32 self = SELF;
	int err;

	skel = count_bpf__open();
	if (!skel) {
		*why = verdict(CANNOT_TELL, "opening the programs: %s",
			       strerror(errno));
		return NULL;
	}
	choose_programs(skel->obj, name, NULL);
	err = count_bpf__load(skel);
	if (err) {
		*why = verdict(CANNOT_TELL, "loading %s: %s", name,
			       strerror(-err));
		goto out;
	}
	*prog_fd = bpf_program__fd(bpf_object__find_program_by_name(skel->obj,
								    name));
	if (bpf_map_update_elem(bpf_map__fd(skel->maps.jump), &self, prog_fd,
				BPF_ANY)) {
		*why = verdict(CANNOT_TELL, "filling the prog_array: %s",
			       strerror(errno));
		goto out;
	}
	return skel;
out:
	count_bpf__destroy(skel);
	return NULL;
}

/* Run the counting program @name once: how often was it entered? */
static bool count_entries(const char *name, __u32 *entries,
			  struct verdict *why)
{
	struct count_bpf *skel;
	bool ok;
	int fd;

	skel = load_counter(name, &fd, why);
	if (!skel)
		return false;
	ok = !run_once(fd);
	if (ok)
		*entries = skel->bss->entries;
	else
		*why = verdict(CANNOT_TELL, "running %s: %s", name,
			       strerror(errno));
	count_bpf__destroy(skel);
	return ok;
}

static struct verdict probe_hierarchy(void)
{
	struct verdict v;
	__u32 entries;

	if (!count_entries("hierarchy", &entries, &v))
		return v;
	if (entries == 1 + LIMIT)
		return verdict(FIXED, "%d tail calls from two call sites",
			       LIMIT);
	if (entries > 1 + LIMIT)
		return verdict(OPEN, "more than %d tail calls, stopped at %u",
			       LIMIT, entries - 1);
	return verdict(CANNOT_TELL, "only %u tail calls", entries - 1);
}

static struct verdict probe_odd_stack(void)
{
	struct verdict v;
	__u32 entries;

	if (!count_entries("odd_stack", &entries, &v))
		return v;
	return verdict(entries == 1 + LIMIT ? FIXED : OPEN,
		       "%u tail calls with a stack of 9 bytes", entries - 1);
}

static struct verdict probe_miss(void)
{
	struct verdict v;
	__u32 entries;

	if (!count_entries("miss", &entries, &v))
		return v;
	return verdict(entries == 1 + LIMIT ? FIXED : OPEN,
		       "%u tail calls after %d misses", entries - 1, LIMIT + 2);
}

static struct verdict probe_trampoline(void)
{
	struct tracer_bpf *tracer = NULL;
	struct bpf_link *link = NULL;
	struct count_bpf *skel;
	struct verdict v;
	int fd, err;

	skel = load_counter("trampoline", &fd, &v);
	if (!skel)
		return v;
	tracer = tracer_bpf__open();
	if (!tracer) {
		v = verdict(CANNOT_TELL, "opening the tracer: %s",
			    strerror(errno));
		goto out;
	}
	err = bpf_program__set_attach_target(tracer->progs.tracer, fd, "sub");
	if (!err)
		err = tracer_bpf__load(tracer);
	if (err) {
		v = verdict(CANNOT_TELL, "loading the tracer: %s",
			    strerror(-err));
		goto out;
	}
	link = bpf_program__attach(tracer->progs.tracer);
	if (!link) {
		v = verdict(CANNOT_TELL, "attaching the tracer: %s",
			    strerror(errno));
		goto out;
	}
	if (run_once(fd))
		v = verdict(CANNOT_TELL, "running the program: %s",
			    strerror(errno));
	else if (skel->bss->entries == 1 + LIMIT)
		v = verdict(FIXED, "%d tail calls through an fentry trampoline",
			    LIMIT);
	else
		v = verdict(OPEN, "%u tail calls through an fentry trampoline",
			    skel->bss->entries - 1);
out:
	bpf_link__destroy(link);
	tracer_bpf__destroy(tracer);
	count_bpf__destroy(skel);
	return v;
}

static const struct bug bugs[] = {
	{
		.id = "2",
		.title = "the JIT reads the counter at the wrong stack offset",
		.effect = "a verified program can loop until the stack overflows",
		.upstream = "commit ff672c67ee76",
		.how =
			"A program with a stack that is no multiple of 8 counts its entries and stops at 48. Its subprogram tail calls it.",
		.probe = probe_odd_stack,
	}, {
		.id = "3",
		.title = "fentry or fexit on a subprogram loses the counter",
		.effect = "a verified program can loop until the stack overflows",
		.upstream = "commit 2b5dcb31a19a",
		.how =
			"A program counts its entries and stops at 48. Its subprogram, traced by fentry, tail calls it.",
		.probe = probe_trampoline,
	}, {
		.id = "4",
		.title = "tail calls from two call sites have a counter each",
		.effect = "a verified program can make 2^33 tail calls: the CPU hangs",
		.upstream = "commit 116e04ba1459",
		.how =
			"A program counts its entries and stops at 48. It calls a subprogram twice, which tail calls it.",
		.probe = probe_hierarchy,
	}, {
		.id = "N17",
		.title = "a tail call to an empty slot uses up the limit",
		.effect = "pipelines with optional stages stop early",
		.upstream = "commit 116e04ba1459",
		.how =
			"A program misses an empty slot 35 times, then tail calls itself; it stops at 48 entries.",
		.probe = probe_miss,
	},
};

static void __probes add(void)
{
	add_bugs(bugs, ARRAY_SIZE(bugs));
}
