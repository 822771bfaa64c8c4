// SPDX-License-Identifier: GPL-2.0
/*
 * tailcall_check - which bugs of the BPF tail call family does this kernel have?
 *
 * Asks the kernel by behaviour and is safe on every kernel: programs that are
 * run count their own entries and stop at BOUND; what could crash a kernel is
 * only loaded, or only offered to a map, and never run. All that it makes is
 * held by file descriptors, so nothing is left behind, however it ends.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "check.h"

/* kselftest's exit status for a test that could not run. */
#define EXIT_SKIP 4

static const char *const state_name[] = {
	[FIXED] = "fixed",
	[OPEN] = "open",
	[NOT_APPLICABLE] = "not applicable",
	[CANNOT_TELL] = "cannot tell",
};

/* ---- for the probes ------------------------------------------------------ */

struct verdict verdict(enum state state, const char *fmt, ...)
{
	struct verdict v = { .state = state };
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(v.why, sizeof(v.why), fmt, ap);
	va_end(ap);
	return v;
}

int run_once(int prog_fd)
{
	char packet[64] = "";
	LIBBPF_OPTS(bpf_test_run_opts, opts,
		    .data_in = packet,
		    .data_size_in = sizeof(packet),
		    .repeat = 1);

	return bpf_prog_test_run_opts(prog_fd, &opts);
}

int offer(int map_fd, int prog_fd)
{
	__u32 slot = 0;

	if (bpf_map_update_elem(map_fd, &slot, &prog_fd, BPF_ANY))
		return -errno;
	bpf_map_delete_elem(map_fd, &slot);
	return 0;
}

/* ---- the family ---------------------------------------------------------- */

static const struct bug **bugs;
static size_t bug_count;

void add_bugs(const struct bug *records, size_t count)
{
	size_t i;

	bugs = realloc(bugs, (bug_count + count) * sizeof(*bugs));
	if (!bugs) {
		fprintf(stderr, "tailcall_check: out of memory\n");
		exit(2);
	}
	for (i = 0; i < count; i++)
		bugs[bug_count++] = &records[i];
}

/* 1 before A1 before N1, N2 before N16. */
static int by_id(const void *a, const void *b)
{
	return strverscmp((*(const struct bug *const *)a)->id,
			  (*(const struct bug *const *)b)->id);
}

/* ---- output -------------------------------------------------------------- */

enum format { TABLE, TAP, JSON };

static void print_json_string(const char *s)
{
	putchar('"');
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			putchar('\\');
		if ((unsigned char)*s < 0x20)
			printf("\\u%04x", *s);
		else
			putchar(*s);
	}
	putchar('"');
}

static void print_begin(enum format format, int count)
{
	struct utsname u;

	uname(&u);
	if (format == TAP) {
		printf("TAP version 13\n1..%d\n", count);
	} else if (format == JSON) {
		printf("{\"release\": ");
		print_json_string(u.release);
		printf(", \"host\": ");
		print_json_string(u.nodename);
		printf(", \"bugs\": [");
	} else {
		printf("Tail call bugs of Linux %s:\n\n", u.release);
	}
}

static void print_one(enum format format, const struct bug *b,
		      const struct verdict *v, int number)
{
	static const char *const color[] = {
		[FIXED] = "\033[32m",
		[OPEN] = "\033[31m",
		[NOT_APPLICABLE] = "",
		[CANNOT_TELL] = "\033[33m",
	};
	bool tty = isatty(STDOUT_FILENO);

	switch (format) {
	case TAP:
		printf("%sok %d - %s %s", v->state == OPEN ? "not " : "", number,
		       b->id, b->title);
		if (v->state == NOT_APPLICABLE || v->state == CANNOT_TELL)
			printf(" # SKIP %s: %s", state_name[v->state], v->why);
		printf("\n# %s: %s: %s\n", b->id, state_name[v->state], v->why);
		break;
	case JSON:
		printf("%s{\"id\": ", number == 1 ? "" : ", ");
		print_json_string(b->id);
		printf(", \"title\": ");
		print_json_string(b->title);
		printf(", \"state\": ");
		print_json_string(state_name[v->state]);
		printf(", \"why\": ");
		print_json_string(v->why);
		printf(", \"upstream\": ");
		print_json_string(b->upstream);
		printf("}");
		break;
	case TABLE:
		printf("%-4s %s%-15s%s %s\n", b->id,
		       tty ? color[v->state] : "", state_name[v->state],
		       tty ? "\033[0m" : "", b->title);
		printf("     %-15s %s\n", "", v->why);
		if (v->state == OPEN)
			printf("     %-15s %s; upstream fix: %s\n", "",
			       b->effect, b->upstream);
		break;
	}
	fflush(stdout);
}

static void print_end(enum format format)
{
	if (format == JSON)
		printf("]}\n");
}

/* ---- options ------------------------------------------------------------- */

static void print_usage(FILE *f)
{
	fprintf(f,
		"Usage: tailcall_check [--tap | --json] [--only ID] [--verbose]\n"
		"       tailcall_check --list | --explain ID | --help\n"
		"\n"
		"Tells which bugs of the BPF tail call family this kernel has.\n"
		"Exit status: 0 nothing is open, 1 something is, 2 wrong usage, 4 cannot tell.\n");
}

static const struct bug *find_bug(const char *id)
{
	size_t i;

	for (i = 0; i < bug_count; i++)
		if (!strcasecmp(bugs[i]->id, id))
			return bugs[i];
	fprintf(stderr, "tailcall_check: no bug '%s': --list shows all\n", id);
	exit(2);
}

static void list(void)
{
	size_t i;

	for (i = 0; i < bug_count; i++)
		printf("%-4s %s\n", bugs[i]->id, bugs[i]->title);
}

static void explain(const struct bug *b)
{
	printf("%s: %s\n\nEffect: %s.\nUpstream fix: %s\nProbe: %s\n",
	       b->id, b->title, b->effect, b->upstream, b->how);
}

static bool verbose;

static int print_libbpf(enum libbpf_print_level level, const char *fmt,
			va_list ap)
{
	if (!verbose || level == LIBBPF_DEBUG)
		return 0;
	return vfprintf(stderr, fmt, ap);
}

/* Why no probe can work here, or NULL. */
static const char *no_probes(void)
{
	static char why[128];
	char jit[8] = "";
	FILE *f;
	int fd;

#ifndef __x86_64__
	return "this is not an x86-64 machine";
#endif
	fd = bpf_map_create(BPF_MAP_TYPE_PROG_ARRAY, NULL, 4, 4, 1, NULL);
	if (fd < 0) {
		snprintf(why, sizeof(why),
			 errno == EPERM || errno == EACCES ?
			 "bpf(2) is not permitted, run as root: %s" :
			 "bpf(2) does not work here: %s", strerror(errno));
		return why;
	}
	close(fd);
	f = fopen("/proc/sys/net/core/bpf_jit_enable", "r");
	if (f) {
		if (fgets(jit, sizeof(jit), f) && jit[0] == '0') {
			fclose(f);
			return "the BPF JIT is off: sysctl net.core.bpf_jit_enable=1";
		}
		fclose(f);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "tap", no_argument, NULL, 't' },
		{ "json", no_argument, NULL, 'j' },
		{ "list", no_argument, NULL, 'l' },
		{ "only", required_argument, NULL, 'o' },
		{ "explain", required_argument, NULL, 'e' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{}
	};
	struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
	const struct bug *only = NULL;
	enum format format = TABLE;
	const char *blocked;
	int seen[4] = {};
	int opt, number = 0;
	size_t i;

	qsort(bugs, bug_count, sizeof(*bugs), by_id);
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (opt) {
		case 't':
			format = TAP;
			break;
		case 'j':
			format = JSON;
			break;
		case 'l':
			list();
			return 0;
		case 'o':
			only = find_bug(optarg);
			break;
		case 'e':
			explain(find_bug(optarg));
			return 0;
		case 'v':
			verbose = true;
			break;
		case 'h':
			print_usage(stdout);
			return 0;
		default:
			print_usage(stderr);
			return 2;
		}
	}
	if (optind != argc) {
		fprintf(stderr, "tailcall_check: unknown argument '%s'\n",
			argv[optind]);
		print_usage(stderr);
		return 2;
	}

	libbpf_set_print(print_libbpf);
	/* Before 5.11 BPF memory counts against this. */
	setrlimit(RLIMIT_MEMLOCK, &unlimited);

	blocked = no_probes();
	print_begin(format, only ? 1 : bug_count);
	for (i = 0; i < bug_count; i++) {
		const struct bug *b = only ?: bugs[i];
		struct verdict v = blocked ?
			verdict(CANNOT_TELL, "%s", blocked) : b->probe();

		print_one(format, b, &v, ++number);
		seen[v.state]++;
		if (only)
			break;
	}
	print_end(format);

	if (blocked)
		fprintf(stderr, "tailcall_check: %s\n", blocked);
	if (seen[OPEN])
		return 1;
	return seen[CANNOT_TELL] ? EXIT_SKIP : 0;
}
