// SPDX-License-Identifier: GPL-2.0
/* Tail calls of every context, of the tracer's own listeners, and under lockdown. */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/perf_event.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "insn.h"
#include "trace_test.h"
#include "lockdown.skel.h"
#include "trace.skel.h"

#define LO_IFINDEX	1
#define PORT		9
#define PACKETS		50

static int events_with(const char *context, const char *prog)
{
	char word[64];
	const char *text = content("trace");
	int count = 0;

	snprintf(word, sizeof(word), "] %s ", context);
	for (; *text; text += strcspn(text, "\n"), text += !!*text) {
		char line[512];

		snprintf(line, sizeof(line), "%.*s", (int)strcspn(text, "\n"), text);
		count += strstr(line, word) && strstr(line, prog);
	}
	return count;
}

static void expect_arrived(const char *context, const char *prog, long long least)
{
	long long arrived = skel->bss->arrived;
	int seen = events_with(context, prog);

	expect(arrived >= least, "only %lld tail calls were made", arrived);
	expect(seen == arrived, "%d events in context '%s', but %lld tail callees ran",
	       seen, context, arrived);
	expect(sum_of(content("stats"), prog, " hit=") == arrived,
	       "the statistics have not %lld hits", arrived);
}

static void in_a_softirq(void)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons(PORT),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = LO_IFINDEX,
		    .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = prog_fd("entry"), .handle = 1,
		    .priority = 1);
	int udp = keep(socket(AF_INET, SOCK_DGRAM, 0)), err, i, seen;

	expect(!ioctl(udp, SIOCSIFFLAGS, &ifr), "cannot set lo up: %s",
	       strerror(errno));
	/* to itself, so that nobody answers that the port is unreachable */
	expect(!bind(udp, (struct sockaddr *)&to, sizeof(to)), "cannot bind: %s",
	       strerror(errno));
	err = bpf_tc_hook_create(&hook);
	expect(!err || err == -EEXIST, "no ingress hook on lo: %s", strerror(-err));
	err = bpf_tc_attach(&hook, &opts);
	expect(!err, "cannot attach to lo: %s", strerror(-err));
	must_put("tracing_on", "1");
	for (i = 0; i < PACKETS; i++)
		sendto(udp, "", 1, 0, (struct sockaddr *)&to, sizeof(to));
	for (i = 0; i < 100 && cpu_sum("entries: ") < PACKETS; i++)
		usleep(10000);
	must_put("tracing_on", "0");
	opts.prog_fd = 0;
	opts.prog_id = 0;
	bpf_tc_detach(&hook, &opts);
	seen = events_with("s", ":entry+");
	expect(seen == PACKETS, "%d events in softirqs for %d packets: %.300s", seen,
	       PACKETS, content("trace"));
}

static void in_an_interrupt(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_period = 200000,
		.disabled = 1,
	};
	double until;
	int fd;

	fd = keep(syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC));
	expect(!ioctl(fd, PERF_EVENT_IOC_SET_BPF, prog_fd("irq_entry")),
	       "cannot attach to a timer: %s", strerror(errno));
	skel->bss->arrived = 0;
	must_put("tracing_on", "1");
	ioctl(fd, PERF_EVENT_IOC_ENABLE, 0);
	for (until = seconds() + 0.5; seconds() < until;)
		;
	ioctl(fd, PERF_EVENT_IOC_DISABLE, 0);
	must_put("tracing_on", "0");
	expect_arrived("h", ":irq_entry+", 10);
}

/* Each NMI has the kernel call its handlers, and that is a tracepoint. */
static void in_an_nmi(void)
{
	double until;
	int fd, seen;

	if (!getenv("NMI"))
		skip("nobody sends NMIs: set NMI=1 and have them sent");
	skel->bss->arrived = 0;
	must_put("buffer_size_kb", "16384");
	must_put("tracing_on", "1");
	fd = bpf_raw_tracepoint_open("nmi_handler", prog_fd("probe_entry"));
	expect(fd >= 0, "cannot attach to nmi_handler: %s", strerror(errno));
	keep(fd);
	/* They hit what makes tail calls and writes events, too. */
	for (until = seconds() + 20; seconds() < until && skel->bss->arrived < 20;) {
		run("chain", 1);
		usleep(200);
	}
	drop(fd);
	must_put("tracing_on", "0");
	expect(skel->bss->arrived >= 10, "only %lld tail calls in NMIs",
	       (long long)skel->bss->arrived);
	expect(sum_of(content("stats"), ":probe_entry+", " hit=") ==
	       (long long)skel->bss->arrived, "%lld hits in NMIs are counted, of %lld",
	       sum_of(content("stats"), ":probe_entry+", " hit="),
	       (long long)skel->bss->arrived);
	/* Those that came while an event was being written are events, too. */
	seen = events_with("z", ":probe_entry+");
	expect(seen + cpu_sum("overrun: ") >= (long long)skel->bss->arrived,
	       "%d events in NMIs, %lld overwritten, of %lld", seen,
	       cpu_sum("overrun: "), (long long)skel->bss->arrived);
	printf("# %lld tail calls in NMIs, %d events of them\n",
	       (long long)skel->bss->arrived, seen);
	expect(cpu_sum("entries: ") + cpu_sum("overrun: ") + cpu_sum("dropped events: ") ==
	       sum_of(content("stats"), "caller=", " hit=") +
	       sum_of(content("stats"), "caller=", " limit="),
	       "events and statistics differ");
}

/* ---- a program that may sleep ---------------------------------------------------- */

static int load_sleepable(int map)
{
	struct bpf_insn caller[] = {
		MAP_FD(BPF_REG_2, map),
		IMM64_END(0),
		MOV_IMM(BPF_REG_3, 0),
		CALL_INSN(0, BPF_FUNC_tail_call),
		MOV_IMM(BPF_REG_0, 0),
		EXIT(),
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .prog_flags = BPF_F_SLEEPABLE);
	int skip_to = map < 0 ? 4 : 0;

	return bpf_prog_load(BPF_PROG_TYPE_SYSCALL, map < 0 ? "callee" : "sleepable",
			     "GPL", caller + skip_to, ARRAY_SIZE(caller) - skip_to,
			     &opts);
}

static void in_a_program_that_may_sleep(void)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	int map, caller, callee, i;
	__u32 zero = 0;

	map = keep(bpf_map_create(BPF_MAP_TYPE_PROG_ARRAY, "slots", 4, 4, 1, NULL));
	caller = load_sleepable(map);
	callee = load_sleepable(-1);
	if (caller < 0 || callee < 0 || bpf_map_update_elem(map, &zero, &callee, 0))
		skip("sleepable programs make no tail calls here: %s",
		     strerror(errno));
	keep(caller);
	keep(callee);
	must_put("tracing_on", "1");
	for (i = 0; i < 20; i++)
		expect(!bpf_prog_test_run_opts(caller, &opts), "cannot run: %s",
		       strerror(errno));
	must_put("tracing_on", "0");
	expect(events_with(".", ":sleepable+") == 20, "%d events of 20",
	       events_with(".", ":sleepable+"));
	/* The kernel copies their context: one that is not there, and none. */
	expect(!bpf_prog_test_run_opts(callee, &opts), "cannot run the callee: %s",
	       strerror(errno));
	opts.ctx_in = (void *)8;
	opts.ctx_size_in = 8;
	expect(bpf_prog_test_run_opts(caller, &opts) && errno == EFAULT,
	       "a context at address 8 was copied");
}

/* ---- recursion -------------------------------------------------------------------- */

/* The probe's own tail call arrives, or its slot is empty. */
static void recurse(const char *tracepoint, const char *prog, int times, bool arrives)
{
	long long lost;
	int fd;

	if (!arrives)
		clear_slot("probe_jump", 0);
	skel->bss->arrived = 0;
	must_put("tracing_on", "1");
	fd = bpf_raw_tracepoint_open(tracepoint, prog_fd("probe_entry"));
	expect(fd >= 0, "cannot attach to %s: %s", tracepoint, strerror(errno));
	keep(fd);
	run(prog, times);
	drop(fd);
	must_put("tracing_on", "0");
	expect(skel->bss->arrived == (arrives ? (unsigned long long)times : 0),
	       "%lld tail calls in the probe, expected %d",
	       (long long)skel->bss->arrived, arrives ? times : 0);
	lost = cpu_sum("of these by the hook: ");
	expect(lost == times, "%lld are lost in recursion, expected %d", lost, times);
}

static void recursion_at_hits(void)
{
	recurse("bpf_tail_call_hit", "entry", 300, true);
	expect(events_with(".", "caller=") == 300, "not 300 events");
	expect(cpu_sum("entries: ") + cpu_sum("dropped events: ") == 600,
	       "not all 600 tail calls are accounted for");
}

static void recursion_at_misses(void)
{
	skel->bss->where = SLOT_EMPTY;
	recurse("bpf_tail_call_miss", "anywhere", 300, true);
	expect(events_with(".", "reason=empty") == 300, "not 300 events");
}

static void recursion_that_misses(void)
{
	recurse("bpf_tail_call_hit", "entry", 300, false);
	expect(events_with(".", "caller=") == 300, "not 300 events");
	skel->bss->where = SLOT_EMPTY;
	must_put("reset", "1");
	recurse("bpf_tail_call_miss", "anywhere", 300, false);
	expect(events_with(".", "reason=empty") == 300, "not 300 events");
}

/* ---- lockdown ---------------------------------------------------------------------- */

static void under_lockdown(void)
{
	struct lockdown_bpf *lock = lockdown_bpf__open_and_load();
	struct bpf_link *link;
	int err, opened, slots, before = keep(open(FILES "stats", O_RDONLY));
	char text[16];
	ssize_t leaked;

	if (!lock)
		skip("cannot load an LSM program: %s", strerror(errno));
	lock->bss->task = getpid();
	link = bpf_program__attach(lock->progs.locked_down);
	if (!link) {
		lockdown_bpf__destroy(lock);
		skip("cannot attach an LSM program: %s", strerror(errno));
	}
	err = put("tracing_on", "1");
	opened = open(FILES "trace", O_RDONLY) < 0 ? -errno : 0;
	leaked = read(before, text, sizeof(text));
	drop(before);
	if (!err || unload_module() || load_module()) {
		bpf_link__destroy(link);
		lockdown_bpf__destroy(lock);
		expect(err, "armed under lockdown");
		expect(false, "cannot load the module under lockdown");
	}
	slots = access(FILES "slots", F_OK);
	bpf_link__destroy(link);
	lockdown_bpf__destroy(lock);
	expect(err == -EPERM, "arming under lockdown: %s", strerror(-err));
	expect(slots, "slots are recorded under lockdown");
	expect(opened == -EPERM, "opening trace under lockdown: %s", strerror(-opened));
	expect(leaked < 0, "a file that was open before is read under lockdown");
	expect(!strcmp(content("tracing_on"), "0\n"), "it is on under lockdown");
	must_put("tracing_on", "1");
	run("entry", 1);
	expect(cpu_sum("entries: ") == 1, "not armed after lockdown");
	/* with all files for the cases that come */
	expect(!unload_module() && !load_module(), "cannot load the module again");
}

const struct trace_case context_cases[] = {
	{ "in_a_softirq", in_a_softirq },
	{ "in_an_interrupt", in_an_interrupt },
	{ "in_an_NMI", in_an_nmi },
	{ "in_a_program_that_may_sleep", in_a_program_that_may_sleep },
	{ "recursion_at_hits", recursion_at_hits },
	{ "recursion_at_misses", recursion_at_misses },
	{ "recursion_that_misses", recursion_that_misses },
	{ "under_lockdown", under_lockdown },
	{}
};
