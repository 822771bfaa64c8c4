// SPDX-License-Identifier: GPL-2.0
/* On and off, while all that can be patched comes and goes. */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "insn.h"
#include "trace_test.h"
#include "trace.skel.h"
#include "tracer.skel.h"

/* How often, where the environment does not say. */
#define SWITCHES	"1000"
#define LOADS		20

static void stay_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static void load_on(int cpu)
{
	static const char *const progs[] = { "entry", "misses", "outer", "chain" };
	int i;

	stay_on(cpu);
	/*
	 * With pauses: where one thread emulates both CPUs, one that never rests
	 * keeps the other from answering an interrupt for a tenth of a second, and
	 * code is patched with three of them a place.
	 */
	for (i = 0;; i++) {
		run(progs[i % 4], 20);
		usleep(50);
	}
}

static void load_on_0(void)
{
	load_on(0);
}

static void load_on_1(void)
{
	load_on(1);
}

/* Programs with their maps: loaded, filled, run, emptied, gone. */
static void programs_come_and_go(void)
{
	for (;;) {
		struct trace_bpf *other = trace_bpf__open_and_load();
		char packet[64] = "";
		LIBBPF_OPTS(bpf_test_run_opts, opts,
			    .data_in = packet,
			    .data_size_in = sizeof(packet),
			    .repeat = 10);
		__u32 slot = SLOT_PARSE;
		int fd, map;

		expect(other, "cannot load: %s", strerror(errno));
		fd = bpf_program__fd(other->progs.parse);
		map = bpf_map__fd(other->maps.jump);
		bpf_map_update_elem(map, &slot, &fd, BPF_ANY);
		bpf_prog_test_run_opts(bpf_program__fd(other->progs.entry), &opts);
		bpf_map_delete_elem(map, &slot);
		bpf_prog_test_run_opts(bpf_program__fd(other->progs.misses), &opts);
		bpf_map_update_elem(map, &slot, &fd, BPF_ANY);
		trace_bpf__destroy(other);
	}
}

/* A slot of those who run, back and forth. */
static void slots_change(void)
{
	for (;;) {
		set_slot("jump", SLOT_PARSE, "drop");
		clear_slot("jump", SLOT_PARSE);
		set_slot("jump", SLOT_PARSE, "parse");
		usleep(2000);
	}
}

static void fentry_comes_and_goes(void)
{
	for (;;) {
		struct tracer_bpf *tracer = tracer_bpf__open();
		struct bpf_link *link;

		expect(tracer, "cannot open the tracer");
		bpf_program__set_attach_target(tracer->progs.tracer,
					       prog_fd("outer"), "inner");
		expect(!tracer_bpf__load(tracer), "cannot load an fentry program: %s",
		       strerror(errno));
		link = bpf_program__attach(tracer->progs.tracer);
		expect(link, "cannot attach an fentry program: %s", strerror(errno));
		bpf_link__destroy(link);
		tracer_bpf__destroy(tracer);
		usleep(2000);
	}
}

static void reader(void)
{
	char text[4096];
	FILE *f;

	for (;;) {
		f = fopen(FILES "trace_pipe", "r");
		while (f && fgets(text, sizeof(text), f))
			;
		if (f)
			fclose(f);
		content("trace");
		content("stats");
	}
}

static void storm(void)
{
	pid_t pids[] = {
		start(load_on_0), start(load_on_1), start(programs_come_and_go),
		start(slots_change), start(fentry_comes_and_goes),
		start(reader),
	};
	static const char *const outcomes[] = {
		" hit=", " empty=", " range=", " limit=", " stack=",
	};
	const char *times = getenv("SWITCHES") ?: SWITCHES;
	double begin = seconds();
	int switches = atoi(times);
	long long seen = 0;
	size_t j;
	int i;

	expect(switches > 0, "SWITCHES=%s is no number", times);
	usleep(200000);
	for (i = 1; i <= switches; i++) {
		must_put("tracing_on", "1");
		if (i % 10 == 0)
			usleep(1000);
		must_put("tracing_on", "0");
		if (i % 50)
			continue;
		printf("# %d in %.0f s\n", i, seconds() - begin);
		fflush(stdout);
		for (j = 0; j < ARRAY_SIZE(pids); j++)
			expect(!ended(pids[j]), "child %zu has ended", j);
	}
	seen = cpu_sum("overrun: ") + cpu_sum("entries: ") + cpu_sum("read events: ");
	printf("# %d times on and off in %.0f s, %lld events\n", switches,
	       seconds() - begin, seen);
	for (j = 0; j < ARRAY_SIZE(pids); j++)
		end(pids[j]);
	expect(seen > 0, "no event in all that time");

	/* Off is off, and on is all of it, for those who were there all the time. */
	set_slot("jump", SLOT_PARSE, "parse");
	must_put("reset", "1");
	run("chain", 10);
	run("misses", 10);
	expect(!cpu_sum("entries: ") && !lines_with(content("stats"), "caller="),
	       "tail calls are seen while off");
	must_put("tracing_on", "1");
	run("entry", 10);
	run("misses", 10);
	run("outer", 10);
	run("chain", 10);
	must_put("tracing_on", "0");
	expect(cpu_sum("entries: ") == 10 * (1 + 3 + 2 + LIMIT + 1),
	       "%lld events after it, expected %d", cpu_sum("entries: "),
	       10 * (1 + 3 + 2 + LIMIT + 1));
	/* What was counted is the same. */
	seen = 0;
	for (j = 0; j < ARRAY_SIZE(outcomes); j++)
		seen += sum_of(content("stats"), "caller=", outcomes[j]);
	expect(seen == 10 * (1 + 3 + 2 + LIMIT + 1), "%lld were counted, expected %d",
	       seen, 10 * (1 + 3 + 2 + LIMIT + 1));
}

/* The module comes and goes under load, always while it traces. */
static void module_comes_and_goes(void)
{
	int i, err;

	start(load_on_0);
	start(load_on_1);
	for (i = 0; i < LOADS; i++) {
		must_put("tracing_on", "1");
		usleep(1000);
		err = unload_module();
		expect(!err, "cannot unload: %s", strerror(-err));
		err = load_module();
		expect(!err, "cannot load: %s", strerror(-err));
	}
}

/* ---- many sites ------------------------------------------------------------------ */

#define PROGRAMS	300
#define CALLS		50	/* each with two sites */

/* A program of @calls direct tail calls to an empty slot. */
static int load_calls(int map, int calls)
{
	struct bpf_insn insn[5 * CALLS + 3];
	int at = 0, i;

	insn[at++] = MOV_REG(BPF_REG_6, BPF_REG_1);
	for (i = 0; i < calls; i++) {
		insn[at++] = MOV_REG(BPF_REG_1, BPF_REG_6);
		insn[at++] = MAP_FD(BPF_REG_2, map);
		insn[at++] = IMM64_END(0);
		insn[at++] = MOV_IMM(BPF_REG_3, 0);
		insn[at++] = CALL_INSN(0, BPF_FUNC_tail_call);
	}
	insn[at++] = MOV_IMM(BPF_REG_0, 0);
	insn[at++] = EXIT();
	return bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "many", "GPL", insn, at, NULL);
}

static double *longest_load;

static void loader(void)
{
	int map = bpf_map_create(BPF_MAP_TYPE_PROG_ARRAY, "its_own", 4, 4, 1, NULL);

	for (;;) {
		double begin = seconds();

		close(load_calls(map, 1));
		if (seconds() - begin > *longest_load)
			*longest_load = seconds() - begin;
		usleep(1000);
	}
}

static double timed(const char *on)
{
	double begin = seconds();

	must_put("tracing_on", on);
	return seconds() - begin;
}

/* How many times one CPU has interrupted another, as each round of patching does. */
static long long calls_of_cpus(void)
{
	char line[1024];
	long long sum = 0;
	FILE *f = fopen("/proc/interrupts", "r");

	expect(f, "no /proc/interrupts: %s", strerror(errno));
	while (fgets(line, sizeof(line), f)) {
		char *at = strstr(line, "CAL:"), *end;

		for (at = at ? at + 4 : NULL; at; at = end) {
			sum += strtoll(at, &end, 10);
			if (end == at)
				break;
		}
	}
	fclose(f);
	return sum;
}

/* One after the other takes three rounds for each, and loads wait for all that. */
static void many_sites_at_once(void)
{
	char packet[64] = "";
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet,
		    .data_size_in = sizeof(packet));
	double on, off, alone;
	int map, prog = -1, i;
	long long calls;
	pid_t pid;

	map = keep(bpf_map_create(BPF_MAP_TYPE_PROG_ARRAY, "many", 4, 4, 1, NULL));
	for (i = 0; i < PROGRAMS; i++)
		prog = keep(load_calls(map, CALLS));
	longest_load = mmap(NULL, sizeof(*longest_load), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	expect(longest_load != MAP_FAILED, "no memory");
	must_put("events_on", "0");
	calls = calls_of_cpus();
	on = timed("1");
	calls = calls_of_cpus() - calls;
	for (i = 0; i < 3; i++)
		expect(!bpf_prog_test_run_opts(prog, &opts), "cannot run: %s",
		       strerror(errno));
	off = timed("0");
	pid = start(loader);
	usleep(500000);
	alone = *longest_load;
	*longest_load = 0;
	timed("1");
	timed("0");
	end(pid);
	printf("# %d sites on in %.3f s with %lld calls of CPUs, off in %.3f s\n",
	       2 * PROGRAMS * CALLS, on, calls, off);
	printf("# a load took %.3f s meanwhile, and %.3f s alone\n", *longest_load, alone);
	munmap(longest_load, sizeof(*longest_load));
	expect(sum_of(content("stats"), ":many+", " empty=") == 3 * CALLS,
	       "%lld misses, expected %d", sum_of(content("stats"), ":many+", " empty="),
	       3 * CALLS);
	/* A few more than three for each function: others call, too. */
	expect(calls > 0 && calls < PROGRAMS * CALLS / 5, "%lld calls of CPUs for %d sites",
	       calls, 2 * PROGRAMS * CALLS);
}

const struct trace_case stress_cases[] = {
	{ "many_sites_at_once", many_sites_at_once },
	{ "module_comes_and_goes", module_comes_and_goes },
	{ "storm", storm },
	{}
};
