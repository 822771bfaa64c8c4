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

/*
 * Version of what --json prints, see Documentation/checker.rst. It goes up when
 * a reader of the one before could misread it, not for a new member.
 */
#define SCHEMA 1

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

int put(int map_fd, int prog_fd)
{
	__u32 slot = 0;

	return bpf_map_update_elem(map_fd, &slot, &prog_fd, BPF_ANY) ? -errno : 0;
}

/* see keep() */
static int kept[64];
static size_t kept_count;

int keep(int fd)
{
	if (fd < 0)
		return -errno;
	if (kept_count == ARRAY_SIZE(kept)) {
		close(fd);
		return -EMFILE;
	}
	kept[kept_count++] = fd;
	return fd;
}

struct verdict done(struct verdict v)
{
	while (kept_count)
		close(kept[--kept_count]);
	return v;
}

int make_map(enum bpf_map_type type, int key, int value)
{
	int entries = type == BPF_MAP_TYPE_CGROUP_STORAGE ? 0 : 1;

	return keep(bpf_map_create(type, NULL, key, value, entries, NULL));
}

int offer(int map_fd, int prog_fd)
{
	int err = put(map_fd, prog_fd);
	__u32 slot = 0;

	if (!err)
		bpf_map_delete_elem(map_fd, &slot);
	return err;
}

void choose_programs(struct bpf_object *obj, const char *first,
		     const char *second)
{
	struct bpf_program *prog;

	bpf_object__for_each_program(prog, obj) {
		const char *name = bpf_program__name(prog);

		bpf_program__set_autoload(prog, !strcmp(name, first) ||
					  (second && !strcmp(name, second)));
	}
}

int try_load(const void *elf, size_t size, const char *name)
{
	struct bpf_object *obj = bpf_object__open_mem(elf, size, NULL);
	int err;

	if (!obj)
		return -errno;
	choose_programs(obj, name, NULL);
	err = bpf_object__load(obj);
	bpf_object__close(obj);
	return err;
}

struct verdict from_load(int err, const char *what)
{
	if (!err)
		return verdict(OPEN, "the verifier accepts the %s", what);
	if (err == -EINVAL || err == -EACCES)
		return verdict(FIXED, "the verifier refuses the %s", what);
	return verdict(CANNOT_TELL, "loading the %s: %s", what, strerror(-err));
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
		printf("{\"schema\": %d, \"release\": ", SCHEMA);
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

/* Load a program that does nothing: its descriptor or a negative error. */
static int load_nothing(enum bpf_prog_type type)
{
	static const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int fd = bpf_prog_load(type, NULL, "GPL", insns, ARRAY_SIZE(insns),
			       NULL);

	return fd < 0 ? -errno : fd;
}

static bool is_jited(int prog_fd)
{
	struct bpf_prog_info info = {};
	__u32 size = sizeof(info);

	return !bpf_obj_get_info_by_fd(prog_fd, &info, &size) &&
	       info.jited_prog_len;
}

static const char *not_permitted(int err)
{
	/* What a kernel without CONFIG_BPF_SYSCALL says. */
	if (err == -ENOSYS)
		return "this kernel has no bpf(2), or a seccomp filter hides it";
	if (err != -EPERM && err != -EACCES)
		return NULL;
	if (geteuid())
		return "bpf(2) is not permitted to this user: run as root";
	return "bpf(2) is not permitted, though this is root: a container, seccomp or an LSM";
}

/* Why no probe can work here, or NULL. */
static const char *no_probes(void)
{
	/* What CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON are asked for. */
	static const enum bpf_prog_type types[] = {
		BPF_PROG_TYPE_RAW_TRACEPOINT,
		BPF_PROG_TYPE_SCHED_CLS,
	};
	const char *why = NULL;
	int fd = -1;
	size_t i;

#ifndef __x86_64__
	return "this is not an x86-64 machine: the bugs are those of its JIT";
#endif
	for (i = 0; i < ARRAY_SIZE(types) && !why; i++) {
		if (fd >= 0)
			close(fd);
		fd = load_nothing(types[i]);
		why = not_permitted(fd);
	}
	if (fd < 0)
		return why;
	if (!is_jited(fd))
		why = "the BPF JIT is off: sysctl net.core.bpf_jit_enable=1";
	close(fd);
	return why;
}

/* A reason that many verdicts share, and that they cannot know. */
static void add_reason(struct verdict *v)
{
	size_t len = strlen(v->why);

	if (v->state == CANNOT_TELL && access("/sys/kernel/btf/vmlinux", F_OK))
		snprintf(v->why + len, sizeof(v->why) - len,
			 "; the kernel has no BTF (CONFIG_DEBUG_INFO_BTF)");
}

static void __attribute__((noreturn, format(printf, 1, 2)))
wrong_usage(const char *fmt, ...)
{
	va_list ap;

	fputs("tailcall_check: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputs(": see --help\n", stderr);
	exit(2);
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
	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":", options, NULL)) != -1) {
		switch (opt) {
		case 't':
		case 'j':
			if (format != TABLE)
				wrong_usage("more than one of --tap and --json");
			format = opt == 't' ? TAP : JSON;
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
		case ':':
			wrong_usage("%s needs an ID", argv[optind - 1]);
		default:
			wrong_usage("unknown option '%s'", argv[optind - 1]);
		}
	}
	if (optind != argc)
		wrong_usage("unknown argument '%s'", argv[optind]);

	libbpf_set_print(print_libbpf);
	/* Before 5.11 BPF memory counts against this. */
	setrlimit(RLIMIT_MEMLOCK, &unlimited);

	blocked = no_probes();
	print_begin(format, only ? 1 : bug_count);
	for (i = 0; i < bug_count; i++) {
		const struct bug *b = only ?: bugs[i];
		struct verdict v = blocked ?
			verdict(CANNOT_TELL, "%s", blocked) : b->probe();

		if (!blocked)
			add_reason(&v);
		print_one(format, b, &v, ++number);
		seen[v.state]++;
		if (only)
			break;
	}
	print_end(format);

	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "tailcall_check: cannot write the verdicts: %s\n",
			strerror(errno));
		return EXIT_SKIP;
	}
	if (blocked)
		fprintf(stderr, "tailcall_check: %s\n", blocked);
	if (seen[OPEN])
		return 1;
	return seen[CANNOT_TELL] ? EXIT_SKIP : 0;
}
