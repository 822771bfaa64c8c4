// SPDX-License-Identifier: GPL-2.0
/*
 * tailcall_fuzz - random sets of programs that tail call each other, against a model
 *
 * A seed makes sets of programs: functions that call each other, keep values in
 * registers and on their stack, and tail call slots that are filled, empty or not
 * there. They run, they log what they do, and what they log must be what the model
 * says, event by event. A set that differs is made smaller as long as it differs, and
 * printed.
 *
 * Safe on kernels that have the bugs: a program stops itself where the run has entered
 * more functions than the model, or has used too much of the stack.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include <linux/bpf.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "fuzz.h"

/* Different kinds of difference that are shrunk and printed. */
#define MAX_PRINTED	6
#define MAX_REASONS	32
/* Events that are printed before the one that differs. */
#define CONTEXT		12

void __attribute__((noreturn, format(printf, 2, 3))) stop(int status, const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fputs("tailcall_fuzz: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(status);
}

static struct {
	__u64 seed;
	__u32 sets;
	__s64 only;
	bool verbose;
	bool shrink;
	bool verdicts;
	bool first;
} options = { .sets = 1000, .only = -1, .shrink = true };

static struct {
	char why[160];
	__u32 count;
} reasons[MAX_REASONS];

static void count_reason(const char *why)
{
	int i;

	for (i = 0; i < MAX_REASONS - 1; i++)
		if (!reasons[i].count || !strcmp(reasons[i].why, why))
			break;
	snprintf(reasons[i].why, sizeof(reasons[i].why), "%s", why);
	reasons[i].count++;
}

static void print_difference(const struct set *set, const struct difference *diff)
{
	__u32 i = diff->at > CONTEXT ? diff->at - CONTEXT : 0;
	char text[160];

	print_set(set);
	printf("# round %u, run of p%u, event %u: %s\n", diff->round, diff->prog, diff->at,
	       diff->what);
	for (; i < diff->at; i++) {
		describe_event(shared->event[i], text, sizeof(text));
		printf("#   %5u  %s\n", i, text);
	}
	if (diff->want >> 56) {
		describe_event(diff->want, text, sizeof(text));
		/* How much stack it must find used nobody knows. */
		if (diff->want >> 56 == ENTER)
			*strchr(text, ',') = 0;
		printf("#   must:  %s\n", text);
	}
	describe_event(diff->at < shared->used ? shared->event[diff->at] : 0, text, sizeof(text));
	printf("#   is:    %s\n", text);
	print_kunit(set, diff);
}

/* Whether there was none of its kind; a tracer or an extension may be another reason. */
static bool is_new_kind(const struct set *set, const struct difference *diff)
{
	static struct {
		bool traced, extended;
		struct difference diff;
	} seen[MAX_PRINTED];
	static int count;
	int i;

	for (i = 0; i < count; i++)
		if (same_kind(&seen[i].diff, diff) && seen[i].traced == !!set->tracer_count &&
		    seen[i].extended == set->extended)
			return false;
	if (count == MAX_PRINTED)
		return false;
	seen[count].traced = set->tracer_count;
	seen[count].extended = set->extended;
	seen[count++].diff = *diff;
	return true;
}

static __u32 differences, refused, smaller;

static void try_set(__u32 number)
{
	struct difference diff;
	struct totals before;
	enum outcome outcome;
	static struct set set;

	make_set(&set, options.seed, number);
	if (options.verbose) {
		printf("# set %u:\n", number);
		print_set(&set);
		fflush(stdout);
	}
	outcome = run_set(&set, &diff);
	if (options.verdicts)
		printf("%u\t%s\n", number, outcome == REFUSED ? refusal() : "taken");
	if (outcome == REFUSED) {
		count_reason(refusal());
		fit_stack(&set);
		outcome = run_set(&set, &diff);
		if (options.verdicts)
			printf("%u made smaller\t%s\n", number,
			       outcome == REFUSED ? refusal() : "taken");
		smaller += outcome != REFUSED;
		refused += outcome == REFUSED;
	}
	if (outcome != DIFFERS)
		return;
	differences++;
	if (!is_new_kind(&set, &diff) && options.only < 0)
		return;
	printf("# set %u differs: --seed=%llu --only=%u\n", number,
	       options.seed, number);
	before = totals;
	if (options.shrink)
		shrink(&set, &diff);
	totals = before;
	print_difference(&set, &diff);
	fflush(stdout);
}

static void print_usage(FILE *f)
{
	fputs("Usage: tailcall_fuzz [--seed=N] [--sets=N] [--only=N] [--no-shrink] [--verdicts]\n"
	      "                     [--first] [--verbose]\n"
	      "\n"
	      "  --seed=N     the sets to make (default: a random seed, which is printed)\n"
	      "  --sets=N     how many of them (default: 1000)\n"
	      "  --only=N     only set N of this seed\n"
	      "  --no-shrink  print a set that differs as it is\n"
	      "  --first      end with the first set that differs\n"
	      "  --verdicts   run nothing: say of each set what the kernel says to loading its\n"
	      "               programs, filling its slots and attaching, one line each\n"
	      "  --verbose    print each set before it runs\n"
	      "\n"
	      "Exit status: 0 no difference, 1 a set differs from the model, 2 wrong option,\n"
	      "4 cannot run.\n", f);
}

/* A number without a sign, and nothing behind it. */
static __u64 parse_number(const char *text, const char *option)
{
	char *end;
	__u64 value;

	errno = 0;
	value = strtoull(text, &end, 0);
	if (errno || *end || *text < '0' || *text > '9')
		stop(2, "%s takes a number, not '%s'", option, text);
	return value;
}

static void parse_options(int argc, char **argv)
{
	bool seeded = false;
	int i;

	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--help")) {
			print_usage(stdout);
			exit(0);
		} else if (!strncmp(argv[i], "--seed=", 7)) {
			options.seed = parse_number(argv[i] + 7, "--seed");
			seeded = true;
		} else if (!strncmp(argv[i], "--sets=", 7)) {
			__u64 sets = parse_number(argv[i] + 7, "--sets");

			if (!sets || sets > UINT32_MAX)
				stop(2, "--sets takes a number from 1 on, not '%s'", argv[i] + 7);
			options.sets = sets;
		} else if (!strncmp(argv[i], "--only=", 7)) {
			options.only = (__u32)parse_number(argv[i] + 7, "--only");
		} else if (!strcmp(argv[i], "--no-shrink")) {
			options.shrink = false;
		} else if (!strcmp(argv[i], "--first")) {
			options.first = true;
		} else if (!strcmp(argv[i], "--verdicts")) {
			options.verdicts = true;
			load_only = true;
		} else if (!strcmp(argv[i], "--verbose")) {
			options.verbose = true;
		} else {
			stop(2, "no option '%s': --help says what there is", argv[i]);
		}
	}
	if (!seeded && getrandom(&options.seed, 4, 0) != 4)
		options.seed = time(NULL);
}

/* The size of a kernel stack: KASAN's are larger. */
static __u32 stack_size(void)
{
	unsigned int kib = 0, tasks = 0;
	char line[128];
	FILE *f;

	f = fopen("/proc/meminfo", "r");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "KernelStack: %u", &kib) == 1)
			break;
	if (f)
		fclose(f);
	f = fopen("/proc/loadavg", "r");
	if (f && fscanf(f, "%*s %*s %*s %*u/%u", &tasks) != 1)
		tasks = 0;
	if (f)
		fclose(f);
	if (!kib || !tasks)
		stop(4, "cannot tell how large a kernel stack is: no /proc?");
	return kib / tasks < 24 ? 16384 : 32768;
}

/* What is not the same on all kernels. */
static void find_kernel(void)
{
	struct utsname name;
	int array_fd;

	uname(&name);
	if (strstr(name.release, "-tailcall"))
		kernel.budget = stack_size() / 8 * 5;
	kernel.has_loop =
		libbpf_probe_bpf_helper(BPF_PROG_TYPE_SCHED_CLS, BPF_FUNC_loop, NULL) == 1;
	array_fd = bpf_map_create(BPF_MAP_TYPE_PROG_ARRAY, "feature", 4, 4, 1, NULL);
	if (array_fd < 0)
		stop(4, "cannot make a prog_array: %s", strerror(errno));
	find_features(array_fd, !options.verdicts);
	find_interrupts();
	close(array_fd);
}

int main(int argc, char **argv)
{
	struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
	static const char *const phases[PHASES] = {
		"load", "fill", "attach", "run", "race", "let go",
	};
	struct timespec begin, end;
	__u32 i;
	int err;

	parse_options(argc, argv);
	/* Before 5.11 BPF memory counts against this. */
	setrlimit(RLIMIT_MEMLOCK, &unlimited);
	libbpf_set_print(NULL);
	err = emit_init();
	if (err)
		stop(4, "bpf(2) does not work here: %s", strerror(-err));
	find_kernel();

	atexit(restore_settings);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	if (options.only >= 0) {
		options.sets = 1;
		try_set(options.only);
	} else {
		for (i = 0; i < options.sets && !(options.first && differences); i++)
			try_set(i);
		options.sets = i;
	}
	clock_gettime(CLOCK_MONOTONIC, &end);

	printf("# seconds:");
	for (i = 0; i < PHASES; i++)
		printf(" %.1f %s%s", totals.ns[i] / 1e9, phases[i],
		       i < PHASES - 1 ? "," : "\n");
	for (i = 0; i < MAX_REASONS && reasons[i].count; i++)
		printf("# %u not loaded at first: %s\n", reasons[i].count, reasons[i].why);
	printf("# %llu events, %llu tail calls, %llu misses for stack, %llu runs stopped, %ld s\n",
	       totals.events, totals.tail_calls, totals.stack_misses, totals.full,
	       (long)(end.tv_sec - begin.tv_sec));
	printf("# %llu writes to slots while programs ran, %llu runs saw both of what a slot had\n",
	       totals.writes, totals.mixed);
	printf("# %llu times a tracer came while programs ran, and saw %llu events\n",
	       totals.tracers, totals.traced);
	printf("# a timer came %llu times, the clock %llu\n", totals.ticks, totals.nested);
	printf("# %llu sets with the tracepoints of tail calls\n", totals.watched);
	printf("# %llu exceptions; here are%s loops,%s arenas,%s exceptions,%s may_goto,",
	       totals.thrown, kernel.has_loop ? "" : " no", kernel.has_arena ? "" : " no",
	       kernel.throws ? "" : " no", kernel.repeat_stack ? "" : " no");
	printf("%s timers,%s runs in an interrupt,%s arguments on the stack,",
	       kernel.has_timer ? "" : " no", kernel.has_nested ? "" : " no",
	       kernel.has_args ? "" : " no");
	printf("%s tail calls of who may sleep\n", kernel.sleepers ? "" : " no");
	printf("seed %llu: %u sets, %u made smaller, %u not loaded, %llu runs, %llu entries, ",
	       options.seed, options.sets, smaller, refused, totals.runs, totals.entries);
	printf("%u differences\n", differences);
	return differences ? 1 : 0;
}
