// SPDX-License-Identifier: GPL-2.0
/* What a trampoline provides for the program that is attached, if that asks. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "ask.h"
#include "check.h"

#define TRACE_FSESSION	58	/* BPF_TRACE_FSESSION, which older headers lack */

/* What the probes of a few other checkers may take on a busy machine. */
#define TRACE_ALONE_SECONDS 60

/*
 * Run @entry once on bpf_fentry_test1() and take what it reported. The function
 * is the kernel's own, for tests; it is called by the test run.
 */
static int run_traced(int fd, int report, __u64 *value)
{
	LIBBPF_OPTS(bpf_test_run_opts, run);
	__u64 unset = 1;
	__u32 slot = 0;
	int link, err;

	if (bpf_map_update_elem(report, &slot, &unset, BPF_ANY))
		return -errno;
	link = bpf_raw_tracepoint_open(NULL, fd);
	if (link < 0)
		return -errno;
	err = bpf_prog_test_run_opts(fd, &run) ? -errno : 0;
	close(link);
	if (!err && bpf_map_lookup_elem(report, &slot, value))
		err = -errno;
	if (!err && *value == unset)
		err = -ENODATA;
	return err;
}

/*
 * Where another program on the function asks for the same, the trampoline
 * provides it for all: a second checker would make this one say "fixed". So one
 * traces at a time. The name goes with the process: a socket, or -1.
 */
static int trace_alone(void)
{
	struct sockaddr_un name = {
		.sun_family = AF_UNIX,
		.sun_path = "\0tailcall_check: bpf_fentry_test1",
	};
	struct timespec tick = { .tv_nsec = 20 * 1000 * 1000 };
	time_t end = time(NULL) + TRACE_ALONE_SECONDS;
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	while (fd >= 0 && bind(fd, (struct sockaddr *)&name, sizeof(name))) {
		if (errno != EADDRINUSE || time(NULL) > end) {
			close(fd);
			return -1;
		}
		nanosleep(&tick, NULL);
	}
	return fd;
}

static struct verdict compare_provided(struct ask ask, int report,
				       const char *what);

static struct verdict probe_provided(struct ask ask, int report,
				     const char *what)
{
	struct verdict v;
	int alone = trace_alone();

	if (alone < 0)
		return verdict(CANNOT_TELL, "another checker is running: %s",
			       strerror(errno));
	v = compare_provided(ask, report, what);
	close(alone);
	return v;
}

/*
 * The address is the same, wherever it is asked for. Cookies lie below the
 * context, where depends on what else the trampoline keeps; at the context, or
 * above it, are the arguments of the traced function.
 */
static bool same_provided(const struct ask *ask, __u64 direct, __u64 called)
{
	if (ask->cookie)
		return (__s64)direct < 0 && (__s64)called < 0;
	return called == direct;
}

/* The same program attached, and tail called by one that does nothing. */
static struct verdict compare_provided(struct ask ask, int report,
				       const char *what)
{
	struct ask silent = ask;
	int map = make_prog_array();
	__u64 direct, called;
	__u32 slot = 0;
	int callee, caller, err;

	silent.ip = 0;
	silent.cookie = 0;
	callee = load_asked(ask);
	caller = load_asked(with_jump(silent, map));
	if (callee < 0 || caller < 0)
		return verdict(NOT_APPLICABLE, "no such program here: %s",
			       strerror(callee < 0 ? -callee : -caller));
	err = run_traced(callee, report, &direct);
	if (err)
		return verdict(CANNOT_TELL, "running the program: %s",
			       strerror(-err));
	if (bpf_map_update_elem(map, &slot, &callee, BPF_ANY)) {
		if (errno == EINVAL)
			return verdict(FIXED, "the prog_array refuses the program");
		return verdict(CANNOT_TELL, "offering the program: %s",
			       strerror(errno));
	}
	err = run_traced(caller, report, &called);
	if (err)
		return verdict(CANNOT_TELL, "running the caller: %s",
			       strerror(-err));
	if (!same_provided(&ask, direct, called))
		return verdict(OPEN, "a tail callee gets another %s%s", what,
			       called ? "" : ": 0");
	return verdict(FIXED, "a tail callee gets the same %s", what);
}

static struct verdict probe_func_ip(void)
{
	int report = make_map(BPF_MAP_TYPE_ARRAY, 4, 8);
	const struct ask ask = {
		.type = BPF_PROG_TYPE_TRACING, .attach = BPF_TRACE_FENTRY,
		.func = "bpf_fentry_test1", .ip = report,
	};

	return done(probe_provided(ask, report, "address of the function"));
}

static struct verdict probe_cookie(void)
{
	int report = make_map(BPF_MAP_TYPE_ARRAY, 4, 8);
	const struct ask ask = {
		.type = BPF_PROG_TYPE_TRACING, .attach = TRACE_FSESSION,
		.func = "bpf_fentry_test1", .cookie = report,
	};

	return done(probe_provided(ask, report, "kind of session cookie"));
}

static const struct bug bugs[] = {
	{
		.id = "N8",
		.title = "a tail callee asks for the address of the traced function",
		.effect = "it gets a word of the kernel's stack",
		.upstream = "none",
		.how =
			"Runs a program on bpf_fentry_test1(), attached and as a tail callee, and compares what bpf_get_func_ip() gives: it only reads.",
		.probe = probe_func_ip,
	}, {
		.id = "N9",
		.title = "a tail callee asks for its session cookie",
		.effect = "it gets the traced function's arguments, and can change them",
		.upstream = "none",
		.how =
			"Runs a program on bpf_fentry_test1(), attached and as a tail callee: does bpf_session_cookie() point below the context, and not at it? It is not followed.",
		.probe = probe_cookie,
	},
};

static void __probes add(void)
{
	add_bugs(bugs, ARRAY_SIZE(bugs));
}
