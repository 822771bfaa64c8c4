// SPDX-License-Identifier: GPL-2.0
/*
 * tailcall_check - which bugs of the BPF tail call family does this kernel have?
 *
 * Asks the kernel by behaviour and is safe on every kernel: programs that are
 * run count their own entries and stop at BOUND; what could crash a kernel is
 * only loaded, or only offered to a map, and never run. All that it makes is
 * held by file descriptors, so nothing is left behind, however it ends.
 */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "bound.h"
#include "callback.skel.h"
#include "count.skel.h"
#include "extension.skel.h"
#include "target.skel.h"
#include "tracer.skel.h"

/* kselftest's exit status for a test that could not run. */
#define EXIT_SKIP 4

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* enum tail call program slots, as in progs/count.bpf.c */
enum { SELF, EMPTY };

enum state {
	FIXED,
	OPEN,
	NOT_APPLICABLE,
	CANNOT_TELL,
};

static const char *const state_name[] = {
	[FIXED] = "fixed",
	[OPEN] = "open",
	[NOT_APPLICABLE] = "not applicable",
	[CANNOT_TELL] = "cannot tell",
};

/* A verdict and what it rests on. */
struct verdict {
	enum state state;
	char why[160];
};

static struct verdict __attribute__((format(printf, 2, 3)))
verdict(enum state state, const char *fmt, ...)
{
	struct verdict v = { .state = state };
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(v.why, sizeof(v.why), fmt, ap);
	va_end(ap);
	return v;
}

/* ---- runs that count themselves ---------------------------------------- */

static int run_once(int prog_fd)
{
	char packet[64] = "";
	LIBBPF_OPTS(bpf_test_run_opts, opts,
		    .data_in = packet,
		    .data_size_in = sizeof(packet),
		    .repeat = 1);

	return bpf_prog_test_run_opts(prog_fd, &opts);
}

/* Open the counting programs, load only @name, and make it its own callee. */
static struct count_bpf *load_counter(const char *name, int *prog_fd,
				      struct verdict *why)
{
	struct bpf_program *prog, *wanted = NULL;
	struct count_bpf *skel;
	__u32 self = SELF;
	int err;

	skel = count_bpf__open();
	if (!skel) {
		*why = verdict(CANNOT_TELL, "opening the programs: %s",
			       strerror(errno));
		return NULL;
	}
	bpf_object__for_each_program(prog, skel->obj) {
		bool match = !strcmp(bpf_program__name(prog), name);

		bpf_program__set_autoload(prog, match);
		if (match)
			wanted = prog;
	}
	err = count_bpf__load(skel);
	if (err) {
		*why = verdict(CANNOT_TELL, "loading %s: %s", name,
			       strerror(-err));
		goto out;
	}
	*prog_fd = bpf_program__fd(wanted);
	if (bpf_map_update_elem(bpf_map__fd(skel->maps.jump), &self, prog_fd,
				BPF_ANY)) {
		*why = verdict(CANNOT_TELL, "filling the prog_array: %s",
			       strerror(errno));
		goto out;
	}
	return skel;
out:
	count_bpf__destroy(skel);
	return NULL;
}

/* Run the counting program @name once: how often was it entered? */
static bool count_entries(const char *name, __u32 *entries,
			  struct verdict *why)
{
	struct count_bpf *skel;
	bool ok;
	int fd;

	skel = load_counter(name, &fd, why);
	if (!skel)
		return false;
	ok = !run_once(fd);
	if (ok)
		*entries = skel->bss->entries;
	else
		*why = verdict(CANNOT_TELL, "running %s: %s", name,
			       strerror(errno));
	count_bpf__destroy(skel);
	return ok;
}

static struct verdict probe_hierarchy(void)
{
	struct verdict v;
	__u32 entries;

	if (!count_entries("hierarchy", &entries, &v))
		return v;
	if (entries == 1 + LIMIT)
		return verdict(FIXED, "%d tail calls from two call sites",
			       LIMIT);
	if (entries > 1 + LIMIT)
		return verdict(OPEN, "more than %d tail calls, stopped at %u",
			       LIMIT, entries - 1);
	return verdict(CANNOT_TELL, "only %u tail calls", entries - 1);
}

static struct verdict probe_miss(void)
{
	struct verdict v;
	__u32 entries;

	if (!count_entries("miss", &entries, &v))
		return v;
	return verdict(entries == 1 + LIMIT ? FIXED : OPEN,
		       "%u tail calls after %d misses", entries - 1, LIMIT + 2);
}

static struct verdict probe_trampoline(void)
{
	struct tracer_bpf *tracer = NULL;
	struct bpf_link *link = NULL;
	struct count_bpf *skel;
	struct verdict v;
	int fd, err;

	skel = load_counter("trampoline", &fd, &v);
	if (!skel)
		return v;
	tracer = tracer_bpf__open();
	if (!tracer) {
		v = verdict(CANNOT_TELL, "opening the tracer: %s",
			    strerror(errno));
		goto out;
	}
	err = bpf_program__set_attach_target(tracer->progs.tracer, fd, "sub");
	if (!err)
		err = tracer_bpf__load(tracer);
	if (err) {
		v = verdict(CANNOT_TELL, "loading the tracer: %s",
			    strerror(-err));
		goto out;
	}
	link = bpf_program__attach(tracer->progs.tracer);
	if (!link) {
		v = verdict(CANNOT_TELL, "attaching the tracer: %s",
			    strerror(errno));
		goto out;
	}
	if (run_once(fd))
		v = verdict(CANNOT_TELL, "running the program: %s",
			    strerror(errno));
	else if (skel->bss->entries == 1 + LIMIT)
		v = verdict(FIXED, "%d tail calls through an fentry trampoline",
			    LIMIT);
	else
		v = verdict(OPEN, "%u tail calls through an fentry trampoline",
			    skel->bss->entries - 1);
out:
	bpf_link__destroy(link);
	tracer_bpf__destroy(tracer);
	count_bpf__destroy(skel);
	return v;
}

/* ---- programs that are only loaded ------------------------------------- */

/* Load one program of callback.bpf.c and drop it again: 0 or an error. */
static int try_callback(const char *name)
{
	struct callback_bpf *skel = callback_bpf__open();
	struct bpf_program *prog;
	int err;

	if (!skel)
		return -errno;
	bpf_object__for_each_program(prog, skel->obj)
		bpf_program__set_autoload(prog, !strcmp(bpf_program__name(prog),
							name));
	err = callback_bpf__load(skel);
	callback_bpf__destroy(skel);
	return err;
}

static struct verdict probe_callback(const char *name)
{
	int err = try_callback("callback_control");

	if (err)
		return verdict(NOT_APPLICABLE,
			       "no callbacks beside tail calls here: %s",
			       strerror(-err));
	err = try_callback(name);
	if (!err)
		return verdict(OPEN, "the verifier accepts the program");
	if (err == -EINVAL || err == -EACCES)
		return verdict(FIXED, "the verifier refuses the program");
	return verdict(CANNOT_TELL, "loading %s: %s", name, strerror(-err));
}

static struct verdict probe_callback_direct(void)
{
	return probe_callback("callback_direct");
}

static struct verdict probe_callback_subprog(void)
{
	return probe_callback("callback_subprog");
}

/* ---- programs that are only offered to a prog_array --------------------- */

struct extended {
	struct target_bpf *target;
	struct extension_bpf *ext;
	struct bpf_link *first;
	struct bpf_link *second;
};

static void extended_put(struct extended *e)
{
	bpf_link__destroy(e->first);
	bpf_link__destroy(e->second);
	extension_bpf__destroy(e->ext);
	target_bpf__destroy(e->target);
}

/* Load the target and its two extensions; attach none of them. */
static bool extended_get(struct extended *e, struct verdict *why)
{
	int fd, err;

	memset(e, 0, sizeof(*e));
	e->target = target_bpf__open_and_load();
	if (!e->target) {
		*why = verdict(CANNOT_TELL, "loading the target: %s",
			       strerror(errno));
		return false;
	}
	fd = bpf_program__fd(e->target->progs.target);
	e->ext = extension_bpf__open();
	if (!e->ext) {
		*why = verdict(CANNOT_TELL, "opening the extensions: %s",
			       strerror(errno));
		return false;
	}
	err = bpf_program__set_attach_target(e->ext->progs.first_ext, fd,
					     "first");
	if (!err)
		err = bpf_program__set_attach_target(e->ext->progs.second_ext,
						     fd, "second");
	if (!err)
		err = extension_bpf__load(e->ext);
	if (err) {
		*why = verdict(CANNOT_TELL, "loading the extensions: %s",
			       strerror(-err));
		return false;
	}
	return true;
}

/* Offer a program to the extension's prog_array: 0 or an error; 0 is undone. */
static int offer(struct extended *e, struct bpf_program *prog)
{
	int map = bpf_map__fd(e->ext->maps.jump);
	int fd = bpf_program__fd(prog);
	__u32 slot = 0;

	if (bpf_map_update_elem(map, &slot, &fd, BPF_ANY))
		return -errno;
	bpf_map_delete_elem(map, &slot);
	return 0;
}

static struct verdict probe_extension_in_array(void)
{
	struct extended e;
	struct verdict v;
	int err;

	if (!extended_get(&e, &v))
		goto out;
	/*
	 * Not attached, since offering an attached one is what bug 5 panics
	 * on. An extension's saved type makes no difference here.
	 */
	err = offer(&e, e.ext->progs.first_ext);
	if (!err)
		v = verdict(OPEN, "a prog_array takes an extension");
	else if (err == -EINVAL)
		v = verdict(FIXED, "a prog_array refuses an extension");
	else
		v = verdict(CANNOT_TELL, "offering an extension: %s",
			    strerror(-err));
out:
	extended_put(&e);
	return v;
}

static struct verdict probe_extended(bool detach_one)
{
	struct extended e;
	struct verdict v;
	int err;

	if (!extended_get(&e, &v))
		goto out;
	e.first = bpf_program__attach_freplace(e.ext->progs.first_ext, 0, NULL);
	if (e.first && detach_one) {
		e.second = bpf_program__attach_freplace(e.ext->progs.second_ext,
							0, NULL);
		if (!e.second)
			goto no_attach;
		err = bpf_link__destroy(e.second);
		e.second = NULL;
		if (err) {
			v = verdict(CANNOT_TELL, "detaching an extension: %s",
				    strerror(-err));
			goto out;
		}
	}
	if (!e.first) {
no_attach:
		v = verdict(CANNOT_TELL, "attaching an extension: %s",
			    strerror(errno));
		goto out;
	}
	err = offer(&e, e.target->progs.target);
	if (!err)
		v = verdict(OPEN, "a prog_array takes a program that is extended%s",
			    detach_one ? ", once another extension is gone" :
					 "");
	else if (err == -EBUSY)
		v = verdict(FIXED, "a prog_array refuses a program that is extended");
	else if (err == -EINVAL)
		v = verdict(NOT_APPLICABLE,
			    "an extension's prog_array takes no other programs");
	else
		v = verdict(CANNOT_TELL, "offering the program: %s",
			    strerror(-err));
out:
	extended_put(&e);
	return v;
}

static struct verdict probe_extended_one(void)
{
	return probe_extended(false);
}

static struct verdict probe_extended_two(void)
{
	struct verdict one = probe_extended(false);

	/* Where no extended program is refused, this one is no news. */
	if (one.state == OPEN)
		return verdict(NOT_APPLICABLE,
			       "extended programs are not refused at all, see 6");
	if (one.state != FIXED)
		return one;
	return probe_extended(true);
}

/* ---- the family --------------------------------------------------------- */

struct bug {
	const char *id;
	const char *title;
	const char *effect;	/* what it means for the user of the kernel */
	const char *upstream;	/* the commit or release that fixes it */
	const char *how;	/* how the probe works and why it is safe */
	struct verdict (*probe)(void);
};

static const struct bug bugs[] = {
	{
		"1", "prog_array takes an extension",
		"programs of different types can meet: type confusion",
		"commit 1c123c567fb1, d6083f040d5d",
		"Offers an extension that is not attached to its own prog_array, and takes it out again. Nothing runs.",
		probe_extension_in_array,
	}, {
		"3", "fentry or fexit on a subprogram loses the counter",
		"a verified program can loop until the stack overflows",
		"commit 2b5dcb31a19a",
		"A program counts its entries and stops at 50. Its subprogram, traced by fentry, tail calls it.",
		probe_trampoline,
	}, {
		"4", "tail calls from two call sites have a counter each",
		"a verified program can make 2^33 tail calls: the CPU hangs",
		"commit 116e04ba1459",
		"A program counts its entries and stops at 50. It calls a subprogram twice, which tail calls it.",
		probe_hierarchy,
	}, {
		"6", "prog_array takes a program that is extended",
		"an extension and its target can call each other without end",
		"commit d6083f040d5d",
		"Offers a program to a prog_array while one of its functions is replaced. Nothing runs.",
		probe_extended_one,
	}, {
		"N1", "the same, once another extension was detached",
		"an extension and its target can call each other without end",
		"none",
		"Attaches two extensions, detaches one, and offers the target to a prog_array. Nothing runs.",
		probe_extended_two,
	}, {
		"N2", "a helper's callback makes a tail call",
		"the kernel panics, or the limit is lost",
		"Linux 7.2",
		"Loads a program whose bpf_for_each_map_elem() callback tail calls. It is never run.",
		probe_callback_direct,
	}, {
		"N2b", "a subprogram of a helper's callback makes one",
		"the kernel panics, or the limit is lost",
		"Linux 7.3",
		"Loads a program whose callback calls a subprogram that tail calls. It is never run.",
		probe_callback_subprog,
	}, {
		"N17", "a tail call to an empty slot uses up the limit",
		"pipelines with optional stages stop early",
		"commit 116e04ba1459",
		"A program misses an empty slot 35 times, then tail calls itself; it stops at 50 entries.",
		probe_miss,
	},
};

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

	for (i = 0; i < ARRAY_SIZE(bugs); i++)
		if (!strcasecmp(bugs[i].id, id))
			return &bugs[i];
	fprintf(stderr, "tailcall_check: no bug '%s': --list shows all\n", id);
	exit(2);
}

static void list(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bugs); i++)
		printf("%-4s %s\n", bugs[i].id, bugs[i].title);
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
	print_begin(format, only ? 1 : ARRAY_SIZE(bugs));
	for (i = 0; i < ARRAY_SIZE(bugs); i++) {
		const struct bug *b = only ?: &bugs[i];
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
