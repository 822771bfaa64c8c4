// SPDX-License-Identifier: GPL-2.0
/*
 * tailcall_trace - does the tail call tracer tell the truth, and do no harm?
 *
 * Loads the module, runs programs whose tail calls are known, and compares what
 * the files say. Prints TAP. With --scene it only makes some tail calls, for
 * somebody who wants to see lines.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "trace_test.h"
#include "trace.skel.h"

/* kselftest's exit status for a test that could not run. */
#define EXIT_SKIP	4

#define MODULE		"bpf_tail_call_trace"

struct trace_bpf *skel;

static const char *module_path;
static jmp_buf case_end;
static enum { PASS, FAIL, SKIP } result;
static char reason[512];

/* ---- how a case ends ------------------------------------------------------ */

static void __attribute__((noreturn)) end_case(int how, const char *why, va_list ap)
{
	vsnprintf(reason, sizeof(reason), why, ap);
	result = how;
	longjmp(case_end, 1);
}

void expect(bool that, const char *why, ...)
{
	va_list ap;

	if (that)
		return;
	va_start(ap, why);
	end_case(FAIL, why, ap);
}

void skip(const char *why, ...)
{
	va_list ap;

	va_start(ap, why);
	end_case(SKIP, why, ap);
}

/* ---- files ---------------------------------------------------------------- */

char *content(const char *name)
{
	static char *texts[4];
	static unsigned int turn;
	char path[128];
	size_t len = 0, size = 1 << 16;
	ssize_t got;
	char *text;
	int fd;

	snprintf(path, sizeof(path), FILES "%s", name);
	fd = open(path, O_RDONLY);
	expect(fd >= 0, "cannot open %s: %s", name, strerror(errno));
	turn = (turn + 1) % ARRAY_SIZE(texts);
	text = malloc(size);
	while (text && (got = read(fd, text + len, size - 1 - len)) > 0) {
		len += got;
		if (len == size - 1)
			text = realloc(text, size *= 2);
	}
	close(fd);
	expect(text && !got, "cannot read %s: %s", name, strerror(errno));
	text[len] = 0;
	free(texts[turn]);
	texts[turn] = text;
	return text;
}

static int put_flags(const char *name, const void *bytes, size_t count, int flags)
{
	char path[128];
	ssize_t put;
	int fd, err;

	snprintf(path, sizeof(path), FILES "%s", name);
	fd = open(path, O_WRONLY | flags);
	if (fd < 0)
		return -errno;
	put = count ? write(fd, bytes, count) : 0;
	err = put < 0 ? -errno : 0;
	close(fd);
	if (!err && put != (ssize_t)count)
		err = -EIO;
	return err;
}

int put_bytes(const char *name, const void *bytes, size_t count)
{
	return put_flags(name, bytes, count, O_TRUNC);
}

int put(const char *name, const char *text)
{
	return put_flags(name, text, strlen(text), O_TRUNC);
}

int append(const char *name, const char *text)
{
	return put_flags(name, text, strlen(text), O_APPEND);
}

void must_put(const char *name, const char *text)
{
	int err = put(name, text);

	expect(!err, "cannot write '%s' to %s: %s", text, name, strerror(-err));
}

long long number_of(const char *line, const char *key)
{
	const char *end = strchrnul(line, '\n');
	const char *at = strstr(line, key);

	return at && at < end ? strtoll(at + strlen(key), NULL, 10) : -1;
}

int lines_with(const char *text, const char *word)
{
	int count = 0;

	for (; *text; text = strchrnul(text, '\n'), text += !!*text) {
		const char *at = strstr(text, word);

		count += at && at < strchrnul(text, '\n');
	}
	return count;
}

long long sum_of(const char *text, const char *word, const char *key)
{
	long long sum = 0;

	for (; *text; text = strchrnul(text, '\n'), text += !!*text) {
		const char *at = strstr(text, word);

		if (at && at < strchrnul(text, '\n') && number_of(text, key) > 0)
			sum += number_of(text, key);
	}
	return sum;
}

long long cpu_sum(const char *key)
{
	int cpu, cpus = sysconf(_SC_NPROCESSORS_CONF);
	long long sum = 0;
	char name[64];

	for (cpu = 0; cpu < cpus; cpu++) {
		snprintf(name, sizeof(name), "per_cpu/cpu%d/stats", cpu);
		sum += sum_of(content(name), key, key);
	}
	return sum;
}

int load_module(void)
{
	int fd = open(module_path, O_RDONLY | O_CLOEXEC), err = 0;

	if (fd < 0 || syscall(SYS_finit_module, fd, "", 0))
		err = -errno;
	close(fd);
	return err;
}

int unload_module(void)
{
	return syscall(SYS_delete_module, MODULE, O_NONBLOCK) ? -errno : 0;
}

/* ---- programs ------------------------------------------------------------- */

int prog_fd(const char *name)
{
	struct bpf_program *prog;

	prog = bpf_object__find_program_by_name(skel->obj, name);
	expect(prog && bpf_program__fd(prog) >= 0, "there is no program %s", name);
	return bpf_program__fd(prog);
}

__u32 prog_id(const char *name)
{
	struct bpf_prog_info info = {};
	__u32 size = sizeof(info);

	expect(!bpf_obj_get_info_by_fd(prog_fd(name), &info, &size),
	       "no information on program %s", name);
	return info.id;
}

int map_fd(const char *name)
{
	int fd = bpf_object__find_map_fd_by_name(skel->obj, name);

	expect(fd >= 0, "there is no map %s", name);
	return fd;
}

__u32 map_id(const char *name)
{
	struct bpf_map_info info = {};
	__u32 size = sizeof(info);

	expect(!bpf_obj_get_info_by_fd(map_fd(name), &info, &size),
	       "no information on map %s", name);
	return info.id;
}

void set_slot(const char *map, __u32 slot, const char *prog)
{
	int fd = prog_fd(prog);

	expect(!bpf_map_update_elem(map_fd(map), &slot, &fd, BPF_ANY),
	       "cannot put %s into slot %u of %s: %s", prog, slot, map,
	       strerror(errno));
}

void clear_slot(const char *map, __u32 slot)
{
	bpf_map_delete_elem(map_fd(map), &slot);
}

int run(const char *name, int times)
{
	char packet[64] = "";
	LIBBPF_OPTS(bpf_test_run_opts, opts,
		    .data_in = packet,
		    .data_size_in = sizeof(packet),
		    .repeat = times);

	expect(!bpf_prog_test_run_opts(prog_fd(name), &opts),
	       "%s: %s", name, strerror(errno));
	return opts.retval;
}

/* ---- order after a case ----------------------------------------------------- */

/* Not 0, which is no number of either here. */
static pid_t children[16];
static int fds[512];

pid_t start(void (*child)(void))
{
	size_t i = 0;
	pid_t pid;

	while (i < ARRAY_SIZE(children) && children[i])
		i++;
	expect(i < ARRAY_SIZE(children), "too many children");
	pid = fork();
	expect(pid >= 0, "cannot fork: %s", strerror(errno));
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (setjmp(case_end)) {
			fprintf(stderr, "# a child: %s\n", reason);
			_exit(1);
		}
		child();
		_exit(0);
	}
	children[i] = pid;
	return pid;
}

void end(pid_t pid)
{
	size_t i;

	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	for (i = 0; i < ARRAY_SIZE(children); i++)
		if (children[i] == pid)
			children[i] = 0;
}

bool ended(pid_t pid)
{
	siginfo_t info = {};

	return !waitid(P_PID, pid, &info, WEXITED | WNOHANG | WNOWAIT) &&
	       info.si_pid == pid;
}

int keep(int fd)
{
	size_t i = 0;

	expect(fd >= 0, "no file descriptor: %s", strerror(errno));
	while (i < ARRAY_SIZE(fds) && fds[i])
		i++;
	expect(i < ARRAY_SIZE(fds), "too many files");
	fds[i] = fd;
	return fd;
}

void drop(int fd)
{
	size_t i;

	close(fd);
	for (i = 0; i < ARRAY_SIZE(fds); i++)
		if (fds[i] == fd)
			fds[i] = 0;
}

double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void put_in_order(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(children); i++)
		if (children[i])
			end(children[i]);
	for (i = 0; i < ARRAY_SIZE(fds); i++)
		if (fds[i])
			drop(fds[i]);
	/* A case may have left without the module. */
	if (access(FILES, F_OK))
		load_module();
	put("tracing_on", "0");
	put("events_on", "1");
	put("stats_on", "1");
	put("set_prog_id", "");
	put("set_map_id", "");
	put("set_event_pid", "");
	put("set_prog_name", "");
	put("set_map_name", "");
	put("set_outcome", "");
	put("buffer_size_kb", "1024");
	set_slot("jump", SLOT_PARSE, "parse");
	set_slot("jump", SLOT_CHAIN, "chain");
	clear_slot("jump", SLOT_EMPTY);
	clear_slot("jump", SLOT_FREE);
	set_slot("irq_jump", 0, "irq_callee");
	set_slot("probe_jump", 0, "probe_callee");
	put("reset", "1");
	put("slots", "");
	put("refusals", "");
}

/* ---- a scene --------------------------------------------------------------- */

/* A hit, each kind of miss, a slot that changes, a refusal, a map that is let go. */
static void scene(void)
{
	__u32 slot = SLOT_FREE, zero = 0;
	int fd, map;

	set_slot("jump", SLOT_PARSE, "parse");
	set_slot("jump", SLOT_CHAIN, "chain");
	set_slot("jump", SLOT_FREE, "parse");
	set_slot("jump", SLOT_FREE, "drop");
	clear_slot("jump", SLOT_FREE);
	fd = prog_fd("other");
	bpf_map_update_elem(map_fd("jump"), &slot, &fd, BPF_ANY);
	run("entry", 3);
	run("misses", 2);
	run("outer", 1);
	run("chain", 1);
	map = bpf_map_create(BPF_MAP_TYPE_PROG_ARRAY, "gone", 4, 4, 1, NULL);
	fd = prog_fd("parse");
	bpf_map_update_elem(map, &zero, &fd, BPF_ANY);
	close(map);
	usleep(200000);
}

/* ---- main ------------------------------------------------------------------ */

static int number, failed;

static void run_case(const struct trace_case *c)
{
	result = PASS;
	reason[0] = 0;
	if (setjmp(case_end))
		return;
	put_in_order();
	c->run();
}

static void run_cases(const struct trace_case *c, const char *only)
{
	for (; c->name; c++) {
		double begin = seconds();

		if (only && strcmp(only, c->name))
			continue;
		run_case(c);
		printf("%sok %d - %s%s%s\n", result == FAIL ? "not " : "", ++number,
		       c->name, result == PASS ? "" : result == SKIP ? " # SKIP " :
		       " # ", reason);
		printf("# %s: %.1f s\n", c->name, seconds() - begin);
		fflush(stdout);
		failed += result == FAIL;
	}
}

static void __attribute__((noreturn)) stop(int status, const char *what, int err)
{
	fprintf(stderr, "tailcall_trace: %s: %s\n", what, strerror(err));
	exit(status);
}

static void print_usage(FILE *f)
{
	fputs("Usage: tailcall_trace MODULE.ko [CASE]\n"
	      "       tailcall_trace --scene [COMMAND]\n"
	      "\n"
	      "Loads the tail call tracer and checks what it says; --scene makes some tail\n"
	      "calls for a tracer that is there, and runs the command while the programs\n"
	      "are loaded. Exit status: 0 all well, 1 something failed,\n"
	      "2 wrong usage, 4 cannot tell.\n", f);
}

int main(int argc, char **argv)
{
	struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
	const char *only = argc == 3 ? argv[2] : NULL;
	bool only_scene;
	int err;

	if (argc == 2 && !strcmp(argv[1], "--help")) {
		print_usage(stdout);
		return 0;
	}
	if (argc < 2 || argc > 3 || (argv[1][0] == '-' && strcmp(argv[1], "--scene"))) {
		print_usage(stderr);
		return 2;
	}
	only_scene = !strcmp(argv[1], "--scene");
	module_path = argv[1];

	/* Before 5.11 BPF memory counts against this. */
	setrlimit(RLIMIT_MEMLOCK, &unlimited);
	libbpf_set_print(NULL);
	skel = trace_bpf__open_and_load();
	if (!skel)
		stop(EXIT_SKIP, "cannot load the programs", errno);

	if (only_scene) {
		if (setjmp(case_end))
			stop(1, reason, 0);
		scene();
		return only && system(only);
	}
	unload_module();
	err = load_module();
	if (err)
		stop(EXIT_SKIP, "cannot load the module", -err);

	printf("TAP version 13\n");
	run_cases(truth_cases, only);
	run_cases(file_cases, only);
	run_cases(context_cases, only);
	run_cases(stress_cases, only);
	printf("1..%d\n", number);
	if (only && !number) {
		fprintf(stderr, "tailcall_trace: no case '%s'\n", only);
		return 2;
	}
	trace_bpf__destroy(skel);
	unload_module();
	return failed || !number;
}
