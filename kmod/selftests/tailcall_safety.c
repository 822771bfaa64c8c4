// SPDX-License-Identifier: GPL-2.0
/*
 * tailcall_safety - does the checker leave anything behind?
 *
 * Runs tailcall_check many times, two at a time, and then kills as many runs as
 * it is told at random points. After each part the kernel must have no program,
 * map, link or BTF object, and no JIT image, that it did not have before. The
 * kernel's log is for others to look at: scripts/step/vm does.
 *
 * What somebody else loads meanwhile counts as left behind, so this is for a
 * quiet machine.
 */
#define _GNU_SOURCE	/* pipe2() */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/bpf.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>

/* kselftest's exit status for a test that could not run. */
#define EXIT_SKIP	4

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define RUNS		100
#define KILLS		60
#define AT_A_TIME	2

/* Objects are freed after a grace period, or by a worker. */
#define SETTLE_SECONDS	10

#define MAX_OBJECTS	4096
#define MAX_OUTPUT	16384

static char checker[PATH_MAX];

static void __attribute__((noreturn)) cannot(const char *what)
{
	int err = errno;

	fprintf(stderr, "tailcall_safety: cannot %s: %s\n", what,
		strerror(err));
	printf("Bail out! cannot %s: %s\n", what, strerror(err));
	exit(EXIT_SKIP);
}

/* ---- what the kernel holds ---------------------------------------------- */

struct kind {
	const char *name;
	int (*next)(__u32 start, __u32 *next);
};

static const struct kind kinds[] = {
	{ "program", bpf_prog_get_next_id },
	{ "map", bpf_map_get_next_id },
	{ "link", bpf_link_get_next_id },
	{ "BTF object", bpf_btf_get_next_id },
};

struct objects {
	int count[ARRAY_SIZE(kinds)];
	__u32 id[ARRAY_SIZE(kinds)][MAX_OBJECTS];
	int images;
};

/* JIT images and trampolines are in kallsyms; these have no ids. */
static int count_images(void)
{
	FILE *f = fopen("/proc/kallsyms", "r");
	char line[512];
	int count = 0;

	if (!f)
		cannot("read /proc/kallsyms");
	while (fgets(line, sizeof(line), f))
		if (strstr(line, "\t[bpf]"))
			count++;
	fclose(f);
	return count;
}

static void take(struct objects *o)
{
	size_t k;

	for (k = 0; k < ARRAY_SIZE(kinds); k++) {
		__u32 id = 0;

		o->count[k] = 0;
		while (!kinds[k].next(id, &id)) {
			if (o->count[k] == MAX_OBJECTS) {
				errno = E2BIG;
				cannot("count the objects of this machine");
			}
			o->id[k][o->count[k]++] = id;
		}
		if (errno != ENOENT)
			cannot("walk the kernel's BPF objects (run as root)");
	}
	o->images = count_images();
}

static bool had(const struct objects *o, size_t kind, __u32 id)
{
	int i;

	for (i = 0; i < o->count[kind]; i++)
		if (o->id[kind][i] == id)
			return true;
	return false;
}

/* What there is now and was not there before, in words; "" if nothing. */
static const char *compare(const struct objects *before)
{
	static struct objects now;
	static char what[256];
	size_t k, len = 0;
	int i;

	take(&now);
	what[0] = 0;
	for (k = 0; k < ARRAY_SIZE(kinds); k++) {
		int more = 0;

		for (i = 0; i < now.count[k]; i++)
			more += !had(before, k, now.id[k][i]);
		if (more)
			len += snprintf(what + len, sizeof(what) - len,
					"%s%d %s%s", len ? ", " : "", more,
					kinds[k].name, more > 1 ? "s" : "");
	}
	if (now.images > before->images)
		snprintf(what + len, sizeof(what) - len, "%s%d JIT images",
			 len ? ", " : "", now.images - before->images);
	return what;
}

static const char *left_behind(const struct objects *before)
{
	struct timespec tick = { .tv_nsec = 100 * 1000 * 1000 };
	time_t end = time(NULL) + SETTLE_SECONDS;
	const char *what;

	while (*(what = compare(before)) && time(NULL) < end)
		nanosleep(&tick, NULL);
	return what;
}

/* A check that sees nothing must not pass: does it see what is there? */
static const char *see_something(void)
{
	struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	static struct objects before;
	struct btf *btf;
	int map, prog;
	const char *what;

	take(&before);
	map = bpf_map_create(BPF_MAP_TYPE_ARRAY, NULL, 4, 4, 1, NULL);
	prog = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, NULL, "GPL", insns,
			     ARRAY_SIZE(insns), NULL);
	btf = btf__new_empty();
	if (map < 0 || prog < 0 || !btf || btf__add_int(btf, "int", 4, 0) < 0 ||
	    btf__load_into_kernel(btf))
		cannot("make a map, a program and BTF");
	what = compare(&before);
	btf__free(btf);
	close(prog);
	close(map);
	if (!strcmp(what, "1 program, 1 map, 1 BTF object, 1 JIT images"))
		return "";
	return *what ? what : "nothing was seen";
}

/* ---- runs of the checker ------------------------------------------------- */

struct run {
	pid_t pid;
	int out;
};

static struct run start(void)
{
	struct run r;
	int fd[2];

	if (pipe2(fd, O_CLOEXEC))
		cannot("make a pipe");
	r.pid = fork();
	if (r.pid < 0)
		cannot("fork");
	if (!r.pid) {
		dup2(fd[1], STDOUT_FILENO);
		execl(checker, checker, "--json", NULL);
		_exit(127);
	}
	close(fd[1]);
	r.out = fd[0];
	return r;
}

/* Its wait status, and all that it printed. */
static int finish(struct run *r, char *output, size_t size)
{
	size_t len = 0;
	ssize_t got;
	int status;

	while ((got = read(r->out, output + len, size - 1 - len)) > 0)
		len += got;
	output[len] = 0;
	close(r->out);
	if (waitpid(r->pid, &status, 0) != r->pid)
		cannot("wait for the checker");
	return status;
}

/* The verdict in which two outputs differ first; each has its id at its head. */
static void show_difference(const char *want, const char *got)
{
	size_t i = 0, begin = 0;

	while (want[i] && want[i] == got[i])
		if (got[i++] == '{')
			begin = i;
	printf("# said first: %.250s\n", want + begin);
	printf("# said now:   %.250s\n", *got ? got + begin : "nothing");
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void sleep_for(double s)
{
	struct timespec t = { .tv_sec = s, .tv_nsec = (s - (long)s) * 1e9 };

	nanosleep(&t, NULL);
}

/* ---- TAP ------------------------------------------------------------------ */

static int number, failed;

static void report(const char *name, const char *wrong)
{
	printf("%sok %d - %s%s%s\n", *wrong ? "not " : "", ++number, name,
	       *wrong ? ": " : "", wrong);
	fflush(stdout);
	failed += !!*wrong;
}

int main(int argc, char **argv)
{
	int runs = RUNS, kills = KILLS, i, j, odd = 0, killed = 0, status;
	double begin, one, shortest = 1e9;
	static char first[MAX_OUTPUT], output[MAX_OUTPUT];
	static struct objects before;
	unsigned int seed = time(NULL);
	struct run r[AT_A_TIME];
	char wrong[128] = "", self[PATH_MAX] = "";

	for (i = 1; i < argc; i++) {
		if (sscanf(argv[i], "--runs=%d", &runs) == 1 && runs > 0)
			continue;
		if (sscanf(argv[i], "--kills=%d", &kills) == 1 && kills > 0)
			continue;
		if (sscanf(argv[i], "--seed=%u", &seed) == 1)
			continue;
		status = strcmp(argv[i], "--help") ? 2 : 0;
		fprintf(status ? stderr : stdout,
			"Usage: tailcall_safety [--runs=N] [--kills=N] [--seed=N]\n"
			"\n"
			"Runs the tailcall_check beside it N times, two at a time, and kills it N times\n"
			"at random points: does it leave anything in the kernel? For a quiet machine.\n"
			"Exit status: 0 nothing, 1 something, 2 wrong option, 4 cannot tell.\n");
		return status;
	}
	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		cannot("find the folder of this program");
	snprintf(checker, sizeof(checker), "%.4000s/tailcall_check",
		 dirname(self));
	if (access(checker, X_OK))
		cannot("run the tailcall_check beside this program");

	/* The first run brings what a kernel makes once and keeps. */
	printf("TAP version 13\n1..5\n# seed %u\n", seed);
	srandom(seed);
	r[0] = start();
	status = finish(&r[0], first, sizeof(first));
	if (!WIFEXITED(status) || WEXITSTATUS(status) > 1) {
		printf("Bail out! the checker cannot run all probes here\n");
		fputs("tailcall_safety: the checker cannot run all probes here\n",
		      stderr);
		return EXIT_SKIP;
	}
	/* Give what the first run left time to go. */
	sleep_for(1);
	report("what stays is seen", see_something());
	sleep_for(1);
	take(&before);

	for (i = 0; i < runs; i += AT_A_TIME) {
		begin = seconds();
		for (j = 0; j < AT_A_TIME; j++)
			r[j] = start();
		for (j = 0; j < AT_A_TIME; j++)
			if (finish(&r[j], output, sizeof(output)) != status ||
			    strcmp(output, first)) {
				if (!odd++)
					show_difference(first, output);
			}
		one = seconds() - begin;
		if (one < shortest)
			shortest = one;
	}
	printf("# %d runs, %.2f s or more for %d at a time\n", i, shortest,
	       AT_A_TIME);
	if (odd)
		snprintf(wrong, sizeof(wrong), "%d runs said something else",
			 odd);
	report("all runs say the same", wrong);
	report("they leave nothing behind", left_behind(&before));

	/* Some end before they are killed, more so if the machine got faster. */
	for (i = 0; killed < kills && i < 4 * kills; i += AT_A_TIME) {
		double wait = shortest * random() / RAND_MAX;
		bool ended = false;

		for (j = 0; j < AT_A_TIME; j++)
			r[j] = start();
		sleep_for(wait);
		for (j = 0; j < AT_A_TIME; j++)
			kill(r[j].pid, SIGKILL);
		for (j = 0; j < AT_A_TIME; j++) {
			if (WIFSIGNALED(finish(&r[j], output, sizeof(output))))
				killed++;
			else
				ended = true;
		}
		if (ended)
			shortest = wait;
	}
	printf("# %d of %d runs were killed before their end\n", killed, i);
	report("runs get killed in the middle",
	       killed >= kills ? "" : "too few to tell anything");
	report("killed runs leave nothing behind", left_behind(&before));
	return !!failed;
}
