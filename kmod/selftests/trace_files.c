// SPDX-License-Identifier: GPL-2.0
/* The files: who may use them, what they take and what they refuse. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "trace_test.h"
#include "trace.skel.h"

static const struct {
	const char *name;
	mode_t mode;
} files[] = {
	{ "tracing_on", 0640 },
	{ "events_on", 0640 },
	{ "stats_on", 0640 },
	{ "trace", 0600 },
	{ "trace_pipe", 0400 },
	{ "set_prog_id", 0640 },
	{ "set_map_id", 0640 },
	{ "set_prog_name", 0640 },
	{ "set_map_name", 0640 },
	{ "set_event_pid", 0640 },
	{ "set_outcome", 0640 },
	{ "stats", 0440 },
	{ "budget", 0440 },
	{ "slots", 0600 },
	{ "refusals", 0600 },
	{ "buffer_size_kb", 0640 },
	{ "reset", 0200 },
	{ "per_cpu/cpu0/stats", 0440 },
	{ "per_cpu/cpu1/stats", 0440 },
};

static void modes(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(files); i++) {
		char path[128];
		struct stat st;

		snprintf(path, sizeof(path), FILES "%s", files[i].name);
		expect(!stat(path, &st), "there is no %s", files[i].name);
		expect((st.st_mode & 07777) == files[i].mode, "%s has mode %o, not %o",
		       files[i].name, st.st_mode & 07777, files[i].mode);
	}
}

/* ---- filters ---------------------------------------------------------------- */

static void expect_content(const char *name, const char *want)
{
	const char *got = content(name);

	expect(!strcmp(got, want), "%s is '%s', expected '%s'", name, got, want);
}

static void ftraces_habits(void)
{
	expect_content("set_map_id", "");
	must_put("set_map_id", "5\n");
	expect_content("set_map_id", "5\n");
	must_put("set_map_id", "6 7");
	expect_content("set_map_id", "6\n7\n");
	expect(!append("set_map_id", "5\n"), "cannot append");
	expect_content("set_map_id", "6\n7\n5\n");
	expect(!append("set_map_id", "!7\n"), "cannot remove");
	expect_content("set_map_id", "6\n5\n");
	expect(!put("set_map_id", "!6\n"), "cannot remove");
	expect_content("set_map_id", "5\n");
	must_put("set_map_id", "\n");
	expect_content("set_map_id", "");
	must_put("set_map_id", "5");
	must_put("set_map_id", "");
	expect_content("set_map_id", "");
	must_put("set_outcome", "limit empty");
	expect_content("set_outcome", "empty\nlimit\n");
	expect(!append("set_outcome", "!empty"), "cannot remove");
	expect_content("set_outcome", "limit\n");
	must_put("set_outcome", "miss");
	expect_content("set_outcome", "empty\nrange\nlimit\nstack\n");
}

static int seen(const char *word)
{
	return lines_with(content("trace"), word);
}

static void scene(void)
{
	must_put("reset", "1");
	must_put("tracing_on", "1");
	run("entry", 2);
	run("misses", 3);
	run("chain", 1);
	must_put("tracing_on", "0");
}

static void by_outcome(void)
{
	must_put("set_outcome", "empty");
	scene();
	expect(seen("caller=") == 3 && seen("reason=empty") == 3, "not 3 misses: %s",
	       content("trace"));
	expect(sum_of(content("stats"), "caller=", " hit=") == 0,
	       "hits in the statistics");
	must_put("set_outcome", "hit");
	scene();
	expect(seen("caller=") == 2 + 3 + LIMIT && seen(": hit") == seen("caller="),
	       "not all hits and only them");
	must_put("set_outcome", "miss");
	scene();
	expect(seen("caller=") == 3 + 3 + 1, "not all misses and only them");
}

static void by_program(void)
{
	char text[64];

	snprintf(text, sizeof(text), "%u\n", prog_id("chain"));
	must_put("set_prog_id", text);
	scene();
	expect(seen("caller=") == LIMIT + 1, "not all of one caller");
	/* as a callee */
	snprintf(text, sizeof(text), "%u\n", prog_id("parse"));
	must_put("set_prog_id", text);
	scene();
	expect(seen("caller=") == 2 + 3 && seen(": hit") == 5, "not all of one callee");
	snprintf(text, sizeof(text), "%u\n", prog_id("chain"));
	expect(!append("set_prog_id", text), "cannot append");
	scene();
	expect(seen("caller=") == 2 + 3 + LIMIT + 1, "not all of two");
}

static void by_map(void)
{
	char text[64];

	must_put("set_map_id", "4294967295");
	scene();
	expect(seen("caller=") == 0, "events of another map");
	snprintf(text, sizeof(text), "%u", map_id("jump"));
	must_put("set_map_id", text);
	scene();
	expect(seen("caller=") == 2 + 9 + LIMIT + 1, "not all of the map");
}

/* Load it all once more, and run a program of that. */
static void run_anew(const char *name)
{
	struct trace_bpf *again = trace_bpf__open_and_load();
	char packet[64] = "";
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet,
		    .data_size_in = sizeof(packet));
	struct bpf_program *prog;
	int err;

	expect(again, "cannot load");
	prog = bpf_object__find_program_by_name(again->obj, name);
	err = bpf_prog_test_run_opts(bpf_program__fd(prog), &opts);
	trace_bpf__destroy(again);
	expect(!err, "cannot run %s", name);
}

/* A name stands for what is loaded anew, too. */
static void by_name(void)
{
	must_put("set_map_name", "other* ?umpy");
	scene();
	expect(seen("caller=") == 0, "events of another map");
	must_put("set_map_name", "j?mp");
	scene();
	expect(seen("caller=") == 2 + 9 + LIMIT + 1, "not all of the map");
	must_put("tracing_on", "1");
	run_anew("misses");
	must_put("tracing_on", "0");
	expect(seen("caller=") == 2 + 9 + LIMIT + 1 + 3, "not those of a new map");
	must_put("set_map_name", "*");
	must_put("set_prog_name", "ch*n");
	scene();
	expect(seen("caller=") == LIMIT + 1, "not all of one caller");
	expect(lines_with(content("stats"), "caller=") == 1, "rows of others: %s",
	       content("stats"));
	must_put("tracing_on", "1");
	run_anew("chain");
	run_anew("misses");
	must_put("tracing_on", "0");
	expect(seen("caller=") == LIMIT + 1 + 1, "not those of a new program");
	/* as a callee */
	must_put("set_prog_name", "par*");
	scene();
	expect(seen("caller=") == 2 + 3 && seen(": hit") == 5, "not all of one callee");
	expect(!append("set_prog_name", "chain"), "cannot append");
	expect_content("set_prog_name", "par*\nchain\n");
	expect(!append("set_prog_name", "!par*"), "cannot remove");
	expect_content("set_prog_name", "chain\n");
}

static void by_pid(void)
{
	char text[64];

	must_put("set_event_pid", "1");
	scene();
	expect(seen("caller=") == 0, "events of another task");
	snprintf(text, sizeof(text), "1 %d", getpid());
	must_put("set_event_pid", text);
	scene();
	expect(seen("caller=") == 2 + 9 + LIMIT + 1, "not all of this task");
}

/* ---- junk ------------------------------------------------------------------- */

static const char *const junk[] = {
	"2", "-1", "+1", "on", "yes", "0x1", "1 1", "1x", " ", "\xff\xfe", "!", "!!1",
	"99999999999999999999", "1.0", "hit,", "*", "!4000000000", "../1", "%s%n",
};

/* A word that is junk for one file may be fine for another. */
static bool is_fine(const char *file, const char *word)
{
	static const char *const names[] = {
		"2", "on", "yes", "0x1", "1 1", "1x", "99999999999999999999", "1.0", "*",
	};
	bool set = !strncmp(file, "set_", 4);
	size_t i;

	if (set && !strcmp(word, " "))
		return true;
	if (!strcmp(file, "set_outcome"))
		return false;
	for (i = 0; strstr(file, "_name") && i < ARRAY_SIZE(names); i++)
		if (!strcmp(word, names[i]))
			return true;
	if (strstr(file, "_name"))
		return false;
	return set && (!strcmp(word, "2") || !strcmp(word, "1 1"));
}

static void junk_changes_nothing(void)
{
	size_t i, j;

	must_put("set_prog_id", "5");
	must_put("set_map_id", "6");
	must_put("set_event_pid", "7");
	must_put("set_outcome", "empty");
	must_put("buffer_size_kb", "64");
	for (i = 0; i < ARRAY_SIZE(files); i++) {
		const char *name = files[i].name;
		char before[128] = "", large[5000];
		int err;

		/* What is written to the last kind goes nowhere. */
		if (!(files[i].mode & 0200) || files[i].mode == 0600)
			continue;
		if (files[i].mode & 0400)
			snprintf(before, sizeof(before), "%s", content(name));
		for (j = 0; j < ARRAY_SIZE(junk); j++) {
			if (is_fine(name, junk[j]))
				continue;
			err = put(name, junk[j]);
			expect(err == -EINVAL, "'%s' written to %s: %s", junk[j], name,
			       strerror(-err));
			err = append(name, junk[j]);
			expect(err == -EINVAL, "'%s' appended to %s: %s", junk[j],
			       name, strerror(-err));
		}
		memset(large, '1', sizeof(large));
		err = put_bytes(name, large, sizeof(large));
		expect(err == -EINVAL, "5000 digits written to %s: %s", name,
		       strerror(-err));
		err = put_bytes(name, "1\0", 2);
		expect(err == -EINVAL, "a zero byte written to %s: %s", name,
		       strerror(-err));
		if (files[i].mode & 0400)
			expect_content(name, before);
	}
	expect(put("buffer_size_kb", "0") == -EINVAL, "no buffer");
	expect(put("buffer_size_kb", "1000000") == -EINVAL, "1 GB of buffer");
	expect(put("reset", "0") == -EINVAL, "reset takes 0");
	expect(put("set_prog_id", "0") == -EINVAL, "program 0");
	expect(put("set_prog_id", "8 x 9") == -EINVAL, "half of a line is junk");
	expect_content("set_prog_id", "5\n");
}

static void sets_are_bounded(void)
{
	char text[16];
	int i, err = 0;

	for (i = 1; i < 1000 && !err; i++) {
		snprintf(text, sizeof(text), "%d", i);
		err = append("set_map_id", text);
	}
	expect(err == -ENOSPC && i == 66, "%d ids, and then: %s", i - 2, strerror(-err));
	for (i = 1, err = 0; i < 1000 && !err; i++) {
		snprintf(text, sizeof(text), "p%d", i);
		err = append("set_prog_name", text);
	}
	expect(err == -ENOSPC && i == 18, "%d names, and then: %s", i - 2,
	       strerror(-err));
}

/* Random bytes, and words that mean something. */
static void fuzz_for(int times, unsigned int seed)
{
	static const char *const words[] = {
		"0", "1", "!1", "8", "64", "hit", "!hit", "miss", "!miss", "limit",
		" ", "\n", "4294967295", "4294967296", "-", "\0",
	};
	char bytes[6000];

	srandom(seed);
	while (times--) {
		const char *name = files[random() % ARRAY_SIZE(files)].name;
		size_t len = 0;
		int fd, n;

		if (random() % 2) {
			for (n = random() % 6; n > 0; n--)
				len += snprintf(bytes + len, 64, "%s%s",
						words[random() % ARRAY_SIZE(words)],
						random() % 2 ? " " : "");
		} else {
			len = random() % (random() % 50 ? 64 : sizeof(bytes));
			for (n = 0; n < (int)len; n++)
				bytes[n] = random();
		}
		if (random() % 2) {
			put_bytes(name, bytes, len);
			continue;
		}
		/* Not only what a shell does. */
		snprintf(bytes + 5800, 128, FILES "%s", name);
		fd = open(bytes + 5800, O_RDWR | O_NONBLOCK |
			  (random() % 2 ? O_TRUNC : 0));
		if (fd < 0)
			fd = open(bytes + 5800, O_RDONLY | O_NONBLOCK);
		if (fd < 0)
			continue;
		lseek(fd, random() % 3 ? random() % 100 : -random(), random() % 3);
		n = write(fd, bytes, len);
		n += read(fd, bytes, random() % 4096);
		n += pread(fd, bytes, random() % 100, random() % 10000);
		n += pwrite(fd, bytes, random() % 16, random() % 100);
		close(fd);
	}
}

static void fuzzer(void)
{
	fuzz_for(1000000000, getpid());
}

static void random_writes(void)
{
	double until = seconds() + 4;

	start(fuzzer);
	fuzz_for(1000, 1);
	while (seconds() < until)
		run("chain", 100);
	/* and all is well afterwards: see the cases behind this one */
}

/* ---- trace_pipe --------------------------------------------------------------- */

static int open_pipe(int flags)
{
	return keep(open(FILES "trace_pipe", O_RDONLY | flags));
}

static bool readable(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, ms) == 1 && (p.revents & POLLIN);
}

static void pipe_without_waiting(void)
{
	char text[4096];
	ssize_t got;
	int fd;

	fd = open_pipe(O_NONBLOCK);
	got = read(fd, text, sizeof(text));
	expect(got < 0 && errno == EAGAIN, "read %zd of nothing", got);
	expect(!readable(fd, 0), "an empty pipe can be read");
	must_put("tracing_on", "1");
	run("entry", 3);
	expect(readable(fd, 0), "a pipe with events cannot be read");
	got = read(fd, text, sizeof(text) - 1);
	expect(got > 0, "cannot read: %s", strerror(errno));
	text[got] = 0;
	expect(lines_with(text, ": hit ") == 3, "not three hits: %s", text);
	got = read(fd, text, sizeof(text));
	expect(got < 0 && errno == EAGAIN, "read %zd more", got);
	expect(cpu_sum("read events: ") == 3, "not three were read");
	expect(cpu_sum("entries: ") == 0, "events are left");
	must_put("tracing_on", "0");
	got = read(fd, text, sizeof(text));
	expect(!got, "no end when tracing is off, but %zd", got);
}

static void pipe_byte_by_byte(void)
{
	char text[1024], whole[1024];
	size_t len = 0;
	ssize_t got;
	int fd;

	must_put("tracing_on", "1");
	run("entry", 3);
	must_put("tracing_on", "0");
	snprintf(whole, sizeof(whole), "%s", strchr(content("trace"), '\n') + 1);
	fd = open_pipe(O_NONBLOCK);
	while (len < sizeof(text) - 1 && (got = read(fd, text + len, 1)) == 1)
		len++;
	text[len] = 0;
	expect(strstr(whole, text), "'%s' is not in '%s'", text, whole);
	expect(lines_with(text, ": hit ") == 3, "not three hits: %s", text);
}

/* Tail calls after a while, by somebody else. */
static void late_caller(void)
{
	usleep(300000);
	run("entry", 1);
	pause();
}

static void pipe_blocks(void)
{
	char text[1024];
	ssize_t got;
	double begin;
	int fd;

	fd = open_pipe(0);
	must_put("tracing_on", "1");
	start(late_caller);
	begin = seconds();
	got = read(fd, text, sizeof(text) - 1);
	expect(got > 0, "cannot read: %s", strerror(errno));
	expect(seconds() - begin > 0.2, "read before there was something");
	text[got] = 0;
	expect(lines_with(text, ": hit ") == 1, "not one hit: %s", text);
}

static void poll_wakes(void)
{
	int fd = open_pipe(0);
	double begin = seconds();

	must_put("tracing_on", "1");
	start(late_caller);
	expect(readable(fd, 5000), "poll was not woken");
	expect(seconds() - begin > 0.2, "woken before there was something");
}

static long long irq_works(void)
{
	char line[512];
	FILE *f = fopen("/proc/interrupts", "r");
	long long sum = 0;

	expect(f, "cannot open /proc/interrupts");
	while (fgets(line, sizeof(line), f)) {
		char *at = strstr(line, "IWI:"), *end;

		for (at = at ? at + 4 : NULL; at; at = end) {
			long long n = strtoll(at, &end, 10);

			if (end == at)
				break;
			sum += n;
		}
	}
	fclose(f);
	return sum;
}

/* Who waits with epoll, and does not read, is told once. */
static void epoll_is_told_once(void)
{
	struct epoll_event ev = { .events = EPOLLIN };
	int fd = open_pipe(O_NONBLOCK), ep = keep(epoll_create1(0));
	long long before, told;

	expect(!epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev), "cannot wait: %s",
	       strerror(errno));
	expect(epoll_wait(ep, &ev, 1, 0) == 0, "something to read");
	must_put("tracing_on", "1");
	before = irq_works();
	run("entry", 2000);
	told = irq_works() - before;
	expect(epoll_wait(ep, &ev, 1, 1000) == 1, "epoll was not woken");
	expect(told < 200, "%lld interrupts for 2000 tail calls", told);
}

static void blocked_reader(void)
{
	char text[1024];
	int fd = open(FILES "trace_pipe", O_RDONLY);

	while (read(fd, text, sizeof(text)) > 0)
		;
}

static char state_of(pid_t pid)
{
	char path[64], text[256] = "";
	const char *end;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
		text[0] = 0;
	close(fd);
	end = strrchr(text, ')');
	return end ? end[2] : '?';
}

static void wait_for_state(pid_t pid, char state)
{
	int i;

	for (i = 0; i < 200 && state_of(pid) != state; i++)
		usleep(20000);
	usleep(100000);
	expect(state_of(pid) == state, "the reader is %c, expected %c",
	       state_of(pid), state);
}

static void a_killed_reader(void)
{
	int i;

	must_put("tracing_on", "1");
	for (i = 0; i < 10; i++) {
		pid_t pid = start(blocked_reader);

		wait_for_state(pid, 'S');
		end(pid);
		/* in the middle of reading, too */
		pid = start(blocked_reader);
		run("chain", 200);
		end(pid);
	}
	must_put("tracing_on", "0");
	expect(cpu_sum("entries: ") + cpu_sum("overrun: ") + cpu_sum("dropped events: ") +
	       cpu_sum("read events: ") == 10LL * 200 * (LIMIT + 1),
	       "events got lost with a reader");
}

static void unloading(void)
{
	pid_t reader;
	int err, i;

	for (i = 0; i < 20; i++) {
		must_put("tracing_on", "1");
		reader = start(blocked_reader);
		run("chain", 10);
		wait_for_state(reader, 'S');
		/* A reader holds the module: nothing is taken from under it. */
		err = unload_module();
		expect(err == -EAGAIN || err == -EBUSY,
		       "unloaded under a reader: %s", strerror(-err));
		expect(state_of(reader) == 'S', "the reader is gone");
		run("chain", 10);
		/* One that has read sees the end when tracing is off. */
		must_put("tracing_on", "0");
		wait_for_state(reader, 'Z');
		end(reader);
		must_put("tracing_on", "1");
		err = unload_module();
		expect(!err, "cannot unload while tracing: %s", strerror(-err));
		expect(access(FILES, F_OK), "the files are still there");
		run("chain", 10);
		err = load_module();
		expect(!err, "cannot load again: %s", strerror(-err));
		expect_content("tracing_on", "0\n");
	}
}

static char drain_text[1 << 16];

static long long drain_events(int fd)
{
	long long events = 0;
	ssize_t got, i;

	/* A read may end within a line. */
	while ((got = read(fd, drain_text, sizeof(drain_text))) > 0)
		for (i = 0; i < got; i++)
			events += drain_text[i] == '\n';
	return events;
}

static void two_readers(void)
{
	int one = open_pipe(O_NONBLOCK), two = open_pipe(O_NONBLOCK);
	long long events;

	must_put("tracing_on", "1");
	run("chain", 50);
	events = drain_events(one);
	run("chain", 50);
	events += drain_events(two);
	expect(events == 100 * (LIMIT + 1), "two readers saw %lld events", events);
}

static void trace_does_not_consume(void)
{
	int first, second;

	must_put("tracing_on", "1");
	run("chain", 20);
	first = seen("caller=");
	second = seen("caller=");
	expect(first == 20 * (LIMIT + 1) && second == first, "%d events, and then %d",
	       first, second);
}

static void the_size_changes(void)
{
	static const char *const sizes[] = { "8", "4096", "33", "512" };
	size_t i;

	must_put("tracing_on", "1");
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		must_put("buffer_size_kb", sizes[i]);
		expect(atoi(content("buffer_size_kb")) == atoi(sizes[i]),
		       "%s became %s", sizes[i], content("buffer_size_kb"));
		run("chain", 50);
	}
	must_put("tracing_on", "0");
	expect(cpu_sum("entries: ") + cpu_sum("overrun: ") + cpu_sum("dropped events: ") ==
	       4LL * 50 * (LIMIT + 1), "events got lost with a size");
}

const struct trace_case file_cases[] = {
	{ "modes", modes },
	{ "ftraces_habits", ftraces_habits },
	{ "by_outcome", by_outcome },
	{ "by_program", by_program },
	{ "by_map", by_map },
	{ "by_name", by_name },
	{ "by_pid", by_pid },
	{ "sets_are_bounded", sets_are_bounded },
	{ "junk_changes_nothing", junk_changes_nothing },
	{ "trace_does_not_consume", trace_does_not_consume },
	{ "pipe_without_waiting", pipe_without_waiting },
	{ "pipe_byte_by_byte", pipe_byte_by_byte },
	{ "pipe_blocks", pipe_blocks },
	{ "poll_wakes", poll_wakes },
	{ "epoll_is_told_once", epoll_is_told_once },
	{ "two_readers", two_readers },
	{ "a_killed_reader", a_killed_reader },
	{ "the_size_changes", the_size_changes },
	{ "random_writes", random_writes },
	{ "unloading", unloading },
	{}
};
