// SPDX-License-Identifier: GPL-2.0
/* On and off, while all that can be patched comes and goes. */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

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

/* What was counted in one way was counted in the other. */
static void expect_agreement(int at)
{
	const char *stats = content("stats");
	long long counted = number_of(stats, "without_row=");
	long long events;

	counted += sum_of(stats, "caller=", " hit=") +
		   sum_of(stats, "caller=", " empty=") +
		   sum_of(stats, "caller=", " range=") +
		   sum_of(stats, "caller=", " limit=") +
		   sum_of(stats, "caller=", " stack=");
	events = cpu_sum("entries: ") + cpu_sum("overrun: ") +
		 cpu_sum("dropped events: ") - cpu_sum("of these by the hook: ") +
		 cpu_sum("read events: ");
	expect(counted == events,
	       "%lld were counted, but there were %lld events (on and off: %d)",
	       counted, events, at);
}

enum { READER = 5 };

static void storm(void)
{
	pid_t pids[] = {
		start(load_on_0), start(load_on_1), start(programs_come_and_go),
		start(slots_change), start(fentry_comes_and_goes),
		[READER] = start(reader),
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
		/* The numbers are read one after the other. */
		kill(pids[READER], SIGSTOP);
		usleep(50000);
		expect_agreement(i);
		kill(pids[READER], SIGCONT);
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

const struct trace_case stress_cases[] = {
	{ "module_comes_and_goes", module_comes_and_goes },
	{ "storm", storm },
	{}
};
