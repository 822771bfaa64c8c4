// SPDX-License-Identifier: GPL-2.0
/*
 * tailcall_shapes base|patched - programs of the shapes that are shipped keep working
 *
 * Each shape is one that a product has. It is loaded, put into a prog_array, attached
 * and run step by step, and what the kernel says to each step is compared with the
 * table below: for the kernel as it is shipped (base) and for one with the series
 * (patched). TAP on stdout, one line a step; exit status 1 if a step is not as the
 * table has it.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/perf_event.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "qdisc.skel.h"
#include "shapes.skel.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define KPROBE_MULTI	42	/* BPF_TRACE_KPROBE_MULTI */
#define UPROBE_MULTI	48	/* BPF_TRACE_UPROBE_MULTI */
#define XDP_HAS_FRAGS	0x20	/* BPF_F_XDP_HAS_FRAGS */

/*
 * What each step gives on each line, from the oldest:
 *
 *	t	it is taken, and where something runs, it has the effect
 *	r	it is refused, or has not the effect
 *	.	not tried: a step before was refused
 *	-	skipped: this line has not what the shape needs
 *
 * Where base and patched differ, the last column says why: the bug that the series
 * closes, or the shape that the base gets wrong.
 */
static const char *const lines[] = { "5.10", "6.1", "6.12", "7.2", "7.3" };

struct row {
	const char *shape, *step, *base, *patched, *differs;
};

#define SAME(shape, step, both)	{ shape, step, both, NULL, NULL }
#define DIFFERS(shape, step, base, patched, why) { shape, step, base, patched, why }

static const struct row rows[] = {
	/* Tracepoint programs whose handlers read more than their dispatcher. */
	SAME("A", "a handler enters",				"ttttt"),
	SAME("A", "the dispatcher attaches",			"ttttt"),
	SAME("A", "the handler sees the return value",		"ttttt"),
	SAME("A", "another one enters meanwhile",		"ttttt"),
	SAME("A", "and sees it, too",				"ttttt"),
	SAME("A", "a handler of sys_enter enters",		"ttttt"),
	SAME("A", "and sees the last argument",			"ttttt"),

	SAME("A2", "a raw handler enters",			"ttttt"),
	SAME("A2", "the dispatcher attaches",			"ttttt"),
	SAME("A2", "the handler sees the return value",		"ttttt"),
	SAME("A2", "one that reads twelve words enters",	"ttttt"),
	DIFFERS("A2", "and sees zeroes after the arguments",	"rrrrr", "ttttt", "N6"),

	SAME("A3", "a callee that reads nothing enters",	"ttttt"),
	SAME("A3", "the one that sends enters",			"ttttt"),
	SAME("A3", "one that reads more enters",		"ttttt"),
	SAME("A3", "the entry attaches",			"ttttt"),
	SAME("A3", "the one that sends runs",			"ttttt"),

	/* One array for all, each callee a caller. */
	SAME("B", "the last program enters",			"ttttt"),
	SAME("B", "fillers enter one by one",			"ttttt"),
	SAME("B", "dispatchers attach last",			"ttttt"),
	SAME("B", "each filler runs",				"ttttt"),
	SAME("B", "dispatchers attach first",			"ttttt"),
	SAME("B", "then fillers enter",				"ttttt"),
	SAME("B", "and run",					"ttttt"),

	/* Extensions of an XDP dispatcher. */
	SAME("C", "the extension loads",			"ttttt"),
	DIFFERS("C", "a plain XDP program enters",		"rrrrr", "ttttt", "N20"),
	DIFFERS("C", "the extension attaches",			".....", "ttttt", "N20"),
	DIFFERS("C", "the callee runs",				".....", "ttttt", "N20"),
	DIFFERS("C", "a plain one enters a devmap extension's",	"rtttt", "rrrrr", "N20"),
	/* Fragments are a matter of the dispatcher: libbpf has no flag for extensions. */
	SAME("C", "a dispatcher that knows fragments loads",	"rtttt"),
	DIFFERS("C", "one that knows them enters",		".rrrr", ".tttt", "N32"),
	DIFFERS("C", "a plain one enters there",		".tttt", ".rrrr", "N32"),
	SAME("C", "the extension goes to a plain dispatcher",	".tttt"),
	DIFFERS("C", "that of a plain one goes to fragments",	".tttt", ".rrrr", "N32"),
	SAME("C", "one without tail calls does",		".tttt"),

	DIFFERS("D", "type 0 enters XDP's array",		"trrrr", "ttttt", "shape D"),
	DIFFERS("D", "XDP enters type 0's array",		"trrrr", "ttttt", "shape D"),
	DIFFERS("D", "both run",				"t....", "ttttt", "shape D"),
	DIFFERS("D", "a devmap program enters XDP's array",	"trrrr", "rrrrr", "A3"),
	DIFFERS("D", "a cpumap program enters type 0's array",	"trrrr", "rrrrr", "A3"),

	/* Callbacks. 7.3 goes by call insns, on whatever path they are. */
	SAME("E", "an argument that forbids it",		"-tttr"),
	SAME("E", "and main jumps",				"-ttt."),
	SAME("E", "a flag in .rodata that forbids it",		"-tttr"),
	SAME("E", "and main runs",				"-ttt."),
	DIFFERS("E", "the callback jumps",			"-ttrr", "-rrrr", "N2"),
	DIFFERS("E", "the callback's function jumps",		"-tttr", "-rrrr", "N2b"),

	SAME("F", "the functions load",				"ttttt"),
	SAME("F", "fexit on each of them",			"ttttt"),
	SAME("F", "each exit is seen",				"ttttt"),

	/* Hooks that differ. */
	DIFFERS("G", "connect6 enters connect4's array",	"trrrr", "rrrrr", "A3"),
	DIFFERS("G", "a caller of connect6 loads",		"trrrr", "rrrrr", "A3"),
	DIFFERS("G", "and the verifier's log says why",		".rrrr", "ttttt", "shape G"),
	DIFFERS("G", "another LSM hook enters",			"trrrr", "rrrrr", "A2"),
	/* What overrides a function's return value is nowhere tail called. */
	SAME("G", "a kprobe that overrides enters",		"rrrrr"),
	DIFFERS("G", "and the map says why",			"rrrrr", "ttttt", "shape G"),
	SAME("G", "a caller that overrides loads",		"rrrrr"),
	DIFFERS("G", "and its log says why",			"rrrrr", "ttttt", "shape G"),

	/* Limits of programs that are gone. */
	SAME("H", "a callee that reads was there",		"ttttt"),
	SAME("H", "a caller that reads nothing attaches",	"ttttt"),
	DIFFERS("H", "a caller shows what its callee needs",	"rrrrr", "ttttt", "N4"),
	SAME("I", "a caller that read nothing is closed",	"ttttt"),
	SAME("I", "the next one's callee enters",		"ttttt"),
	SAME("I", "and sees the return value",			"ttttt"),
	SAME("I", "a callee that writes a buffer enters",	"ttttt"),
	SAME("J", "the second array refuses its program",	"ttttt"),
	SAME("J", "the first one takes a callee that reads",	"ttttt"),
	SAME("J", "and it sees the return value",		"ttttt"),
	SAME("J", "and one that writes a buffer, likewise",	"ttttt"),

	/* The cure stands beside what is refused. */
	DIFFERS("K", "an index as it is returned",		"tttrr", "rrrrr", "A5"),
	SAME("K", "an index that is masked",			"ttttt"),
	DIFFERS("K", "a struct as it is filled",		"ttttt", "rtttt", "A5"),
	SAME("K", "a struct that is initialised",		"ttttt"),
	SAME("K", "an LSM hook's result as it is decided",	"tttrr"),

	/* Uprobes and kprobes. */
	DIFFERS("L", "a callee that writes registers enters",	"---tt", "---rr", "N7"),
	SAME("L", "the entry attaches to a uprobe",		"---tt"),
	DIFFERS("L", "the callee runs",				"---tt", "---rr", "N7"),
	SAME("L", "one of uprobe.multi, whose entry does not",	"---tt"),
	SAME("M", "a kprobe enters kprobe.multi's array",	"-rrrr"),

	/* A qdisc that gets its packets by a tail call. */
	SAME("N", "a tail call in the main function loads",	"---tt"),
	SAME("N", "a packet comes through",			"---tt"),
	DIFFERS("N", "one in a subprogram loads",		"---tt", "---rr", "N44"),
	DIFFERS("N", "and no packet is lost",			"---rr", "---..", "N44"),
};

static size_t line_of_kernel;
static const char *shape;
static int pid, parent;

/* What came of each row; why it was so, and whether the shape is not there. */
static struct {
	char seen;
	char why[256];
} results[ARRAY_SIZE(rows)];

static char last_log[1 << 16];
static char last_why[256];

/* ---- steps ------------------------------------------------------------------ */

static void __attribute__((format(printf, 1, 2))) because(const char *why, ...)
{
	va_list args;

	va_start(args, why);
	vsnprintf(last_why, sizeof(last_why), why, args);
	va_end(args);
}

/* Does the kernel show a line that begins with @key for a descriptor? */
static bool fdinfo_has(int fd, const char *key)
{
	char path[64], line[160];
	bool has = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "r");
	while (f && !has && fgets(line, sizeof(line), f))
		has = !strncmp(line, key, strlen(key));
	if (f)
		fclose(f);
	return has;
}

/* The reason as the kernel has it in the fdinfo of @map. */
static void because_of(int map, int err)
{
	char path[64], line[160], why[200] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", map);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, "owner_", 6))
			snprintf(why + strlen(why), sizeof(why) - strlen(why), "; %.*s",
				 (int)strcspn(line, "\n"), line);
	if (f)
		fclose(f);
	because("%s%s", strerror(-err), why);
}

/* The line of the verifier's log before its statistics, which end it. */
static const char *last_words(const char *log)
{
	const char *line = log, *end;

	while ((end = strchr(line, '\n')) && end[1] && strncmp(end + 1, "processed ", 10))
		line = end + 1;
	return strncmp(line, "processed ", 10) ? line : "";
}

/* What the kernel said to @step: that counts, and whether to go on. */
static bool step(const char *step, bool taken)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		if (strcmp(rows[i].shape, shape) || strcmp(rows[i].step, step))
			continue;
		results[i].seen = taken ? 't' : 'r';
		if (!taken)
			snprintf(results[i].why, sizeof(results[i].why), "%s", last_why);
		last_why[0] = 0;
		return taken;
	}
	fprintf(stderr, "tailcall_shapes: no row '%s: %s'\n", shape, step);
	exit(2);
}

static void skip(const char *why)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		if (strcmp(rows[i].shape, shape))
			continue;
		results[i].seen = '-';
		snprintf(results[i].why, sizeof(results[i].why), "%s", why);
	}
}

/* Without this nothing more can be said of the shape. */
static jmp_buf no_more;

static int must(int fd, const char *what)
{
	if (fd >= 0)
		return fd;
	printf("# %s: %s: %s; %s\n", shape, what, strerror(-fd), last_why);
	longjmp(no_more, 1);
}

/* What a system call returned, as a descriptor or a negative error. */
static int sys(int ret)
{
	return ret < 0 ? -errno : ret;
}

/* ---- programs ----------------------------------------------------------------- */

struct ask {
	enum bpf_prog_type type;
	enum bpf_attach_type attach;
	const char *func;	/* an LSM hook */
	int ret;
	int read;		/* bytes of the context; the last word is reported */
	int from;		/* or that and all words from here on, or-ed */
	bool mine;		/* in this process only */
	int nr;			/* a tracepoint of syscalls: this one only */
	bool write;		/* writes the context */
	bool buffer;		/* writes eight bytes of the buffer that it points to */
	bool frags;		/* an XDP program that knows packets in fragments */
	bool override;		/* overrides the return value of a function */
	int report;		/* array with struct report */
	int jump, slot;		/* a prog_array, where to */
	int jump2;		/* and another one */
};

struct report {
	__u64 count, last;
};

struct code {
	struct bpf_insn insn[96];
	size_t count;
};

static void emit(struct code *c, __u8 code, __u8 dst, __u8 src, __s16 off, __s32 imm)
{
	c->insn[c->count++] = (struct bpf_insn){
		.code = code, .dst_reg = dst, .src_reg = src, .off = off, .imm = imm,
	};
}

static void emit_jump(struct code *c, int map, int slot)
{
	emit(c, BPF_ALU64 | BPF_MOV | BPF_X, 1, 6, 0, 0);
	emit(c, BPF_LD | BPF_DW | BPF_IMM, 2, BPF_PSEUDO_MAP_FD, 0, map);
	emit(c, 0, 0, 0, 0, 0);
	emit(c, BPF_ALU64 | BPF_MOV | BPF_K, 3, 0, 0, slot);
	emit(c, BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_tail_call);
}

/* A descriptor or a negative error; last_why and last_log then have the reason. */
static int load(struct ask ask)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = ask.attach,
		    .prog_flags = ask.frags ? XDP_HAS_FRAGS : 0);
	struct code c = {};
	size_t unless[2], jumps = 0;
	int fd, i, id;

	if (ask.func) {
		id = libbpf_find_vmlinux_btf_id(ask.func, ask.attach);
		if (id < 0)
			return id;
		opts.attach_btf_id = id;
	}
	emit(&c, BPF_ALU64 | BPF_MOV | BPF_X, 6, 1, 0, 0);
	emit(&c, BPF_ALU64 | BPF_MOV | BPF_K, 7, 0, 0, 0);
	if (ask.mine) {
		emit(&c, BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_get_current_pid_tgid);
		emit(&c, BPF_ALU64 | BPF_RSH | BPF_K, 0, 0, 0, 32);
		unless[jumps++] = c.count;
		emit(&c, BPF_JMP | BPF_JNE | BPF_K, 0, 0, 0, pid);
	}
	if (ask.nr) {
		emit(&c, BPF_LDX | BPF_MEM | BPF_DW, 0, 6, 8, 0);
		unless[jumps++] = c.count;
		emit(&c, BPF_JMP | BPF_JNE | BPF_K, 0, 0, 0, ask.nr);
	}
	if (ask.read % 8)
		emit(&c, BPF_LDX | BPF_MEM | BPF_W, 7, 6, ask.read - 4, 0);
	else
		for (i = ask.from ?: ask.read - 8; i >= 0 && i < ask.read; i += 8) {
			emit(&c, BPF_LDX | BPF_MEM | BPF_DW, 0, 6, i, 0);
			emit(&c, BPF_ALU64 | BPF_OR | BPF_X, 7, 0, 0, 0);
		}
	if (ask.write) {
		emit(&c, BPF_LDX | BPF_MEM | BPF_DW, 0, 6, 0, 0);
		emit(&c, BPF_STX | BPF_MEM | BPF_DW, 6, 0, 0, 0);
	}
	if (ask.buffer) {
		emit(&c, BPF_LDX | BPF_MEM | BPF_DW, 0, 6, 0, 0);
		emit(&c, BPF_ST | BPF_MEM | BPF_DW, 0, 0, 0, 0);
	}
	if (ask.report) {
		emit(&c, BPF_LD | BPF_DW | BPF_IMM, 1, BPF_PSEUDO_MAP_VALUE, 0, ask.report);
		emit(&c, 0, 0, 0, 0, 0);
		emit(&c, BPF_STX | BPF_MEM | BPF_DW, 1, 7, 8, 0);
		emit(&c, BPF_ALU64 | BPF_MOV | BPF_K, 2, 0, 0, 1);
		emit(&c, BPF_STX | BPF_XADD | BPF_DW, 1, 2, 0, 0);
	}
	if (ask.override) {
		emit(&c, BPF_ALU64 | BPF_MOV | BPF_X, 1, 6, 0, 0);
		emit(&c, BPF_ALU64 | BPF_MOV | BPF_K, 2, 0, 0, 0);
		emit(&c, BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_override_return);
	}
	if (ask.jump)
		emit_jump(&c, ask.jump, ask.slot);
	if (ask.jump2)
		emit_jump(&c, ask.jump2, 0);
	while (jumps--)
		c.insn[unless[jumps]].off = c.count - unless[jumps] - 1;
	emit(&c, BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, ask.ret);
	emit(&c, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	last_log[0] = 0;
	opts.log_buf = last_log;
	opts.log_size = sizeof(last_log);
	opts.log_level = 1;
	fd = bpf_prog_load(ask.type, NULL, "GPL", c.insn, c.count, &opts);
	if (fd >= 0)
		return fd;
	fd = -errno;
	because_of(ask.jump, fd);
	snprintf(last_why + strlen(last_why), sizeof(last_why) - strlen(last_why), "; %.150s",
		 last_words(last_log));
	return fd;
}

static int prog_array(void)
{
	return must(bpf_map_create(BPF_MAP_TYPE_PROG_ARRAY, NULL, 4, 4, 8, NULL),
		    "no array of programs");
}

static int report_map(void)
{
	return must(bpf_map_create(BPF_MAP_TYPE_ARRAY, NULL, 4, sizeof(struct report), 1,
				   NULL), "no array");
}

static struct report reported(int map)
{
	struct report r = {};
	__u32 zero = 0;

	bpf_map_lookup_elem(map, &zero, &r);
	return r;
}

/* Load it and put it in: the prog_array keeps it. */
static bool enters(int map, __u32 slot, struct ask ask)
{
	int fd = load(ask), err;

	if (fd < 0)
		return false;
	err = bpf_map_update_elem(map, &slot, &fd, 0) ? -errno : 0;
	close(fd);
	if (err)
		because_of(map, err);
	return !err;
}

/* A descriptor that keeps @prog attached to a tracepoint, or a negative error. */
static int attach_tracepoint(const char *name, int prog)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_TRACEPOINT, .size = sizeof(attr),
		.sample_period = 1, .wakeup_events = 1,
	};
	char path[128];
	unsigned long long id;
	int fd, err;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/kernel/tracing/events/%s/id", name);
	f = fopen(path, "r");
	if (!f || fscanf(f, "%llu", &id) != 1) {
		because("no %s", path);
		return -ENOENT;
	}
	fclose(f);
	attr.config = id;
	fd = syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	if (fd < 0 || ioctl(fd, PERF_EVENT_IOC_SET_BPF, prog) ||
	    ioctl(fd, PERF_EVENT_IOC_ENABLE, 0)) {
		err = -errno;
		because("%s", strerror(errno));
		if (fd >= 0)
			close(fd);
		return err;
	}
	return fd;
}

static int attach_raw(const char *name, int prog)
{
	int fd = bpf_raw_tracepoint_open(name, prog);

	if (fd < 0)
		because("%s", strerror(errno));
	return fd < 0 ? -errno : fd;
}

/* What @prog returns for a packet, or a negative error. */
static int run(int prog)
{
	char packet[64] = {};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet,
		    .data_size_in = sizeof(packet), .repeat = 1);

	if (bpf_prog_test_run_opts(prog, &opts)) {
		because("cannot start it: %s", strerror(errno));
		return -errno;
	}
	because("it returned %d", (int)opts.retval);
	return opts.retval;
}

static bool saw(int map, __u64 last)
{
	struct report r = reported(map);

	because("it ran %llu times, the last value was %#llx", r.count, r.last);
	return r.count && r.last == last;
}

static bool ran(int map)
{
	because("it did not run");
	return reported(map).count;
}

/* ---- A: tracepoint programs ----------------------------------------------------- */

static const struct ask tracepoint = { .type = BPF_PROG_TYPE_TRACEPOINT, .mine = true };
static const struct ask raw = { .type = BPF_PROG_TYPE_RAW_TRACEPOINT, .mine = true };

static struct ask reads(struct ask ask, int bytes, int report)
{
	ask.read = bytes;
	ask.report = report;
	return ask;
}

static struct ask jumps(struct ask ask, int map, int slot)
{
	ask.jump = map;
	ask.slot = slot;
	return ask;
}

/* A syscall whose result and arguments are known; no other one before saw(). */
static void known_syscall(void)
{
	syscall(SYS_getppid, 1, 2, 3, 4, 5, 6);
}

static struct ask of_known_syscall(struct ask ask)
{
	ask.nr = SYS_getppid;
	return ask;
}

static void shape_a(void)
{
	int map = prog_array(), first = report_map(), second = report_map(), fd, link;
	struct ask both = tracepoint;

	fd = must(load(jumps(tracepoint, map, 0)), "no dispatcher");
	if (!step("a handler enters",
		  enters(map, 0, of_known_syscall(reads(tracepoint, 24, first)))))
		return;
	link = attach_tracepoint("raw_syscalls/sys_exit", fd);
	if (!step("the dispatcher attaches", link >= 0))
		return;
	known_syscall();
	step("the handler sees the return value", saw(first, parent));
	if (step("another one enters meanwhile",
		 enters(map, 0, of_known_syscall(reads(tracepoint, 24, second))))) {
		known_syscall();
		step("and sees it, too", saw(second, parent));
	}
	close(link);
	close(fd);
	close(map);

	/* The dispatcher reads the number. */
	map = prog_array();
	both.read = 16;
	fd = must(load(jumps(both, map, 0)), "no dispatcher of sys_enter");
	first = report_map();
	if (!step("a handler of sys_enter enters",
		  enters(map, 0, of_known_syscall(reads(tracepoint, 64, first)))))
		return;
	link = must(attach_tracepoint("raw_syscalls/sys_enter", fd), "sys_enter");
	known_syscall();
	step("and sees the last argument", saw(first, 6));
	close(link);
	close(fd);
}

static void shape_a2(void)
{
	int map = prog_array(), seen = report_map(), fd, link;
	struct ask beyond = raw;

	fd = must(load(jumps(reads(raw, 8, 0), map, 0)), "no dispatcher");
	if (!step("a raw handler enters", enters(map, 0, reads(raw, 16, seen))))
		return;
	link = attach_raw("sys_exit", fd);
	if (!step("the dispatcher attaches", link >= 0))
		return;
	known_syscall();
	step("the handler sees the return value", saw(seen, parent));
	close(link);
	seen = report_map();
	beyond.from = 16;
	if (!step("one that reads twelve words enters",
		  enters(map, 0, reads(beyond, 96, seen))))
		return;
	link = must(attach_raw("sys_exit", fd), "sys_exit");
	known_syscall();
	step("and sees zeroes after the arguments", saw(seen, 0));
	close(link);
	close(fd);
}

/* A process that ends. */
static void child_exits(void)
{
	int child = fork();

	if (!child)
		_exit(0);
	waitpid(child, NULL, 0);
}

static void shape_a3(void)
{
	struct ask any = { .type = BPF_PROG_TYPE_TRACEPOINT };
	int map = prog_array(), seen = report_map(), fd, link;

	fd = must(load(jumps(any, map, 1)), "no entry");
	step("a callee that reads nothing enters", enters(map, 0, jumps(any, map, 1)));
	step("the one that sends enters", enters(map, 1, reads(any, 24, seen)));
	step("one that reads more enters", enters(map, 1, reads(any, 28, seen)));
	link = attach_tracepoint("sched/sched_process_exit", fd);
	if (!step("the entry attaches", link >= 0))
		return;
	child_exits();
	step("the one that sends runs", ran(seen));
	close(link);
	close(fd);
}

/* ---- B: one array, each callee a caller ------------------------------------------- */

#define LAST_SLOT	7

static const struct filler {
	const char *tracepoint;
	int reads;
	bool mine;
} fillers[] = {
	{ "sys_enter", 16, true },
	{ "sys_exit", 16, true },
	{ "sched_switch", 24, true },
	{ "sched_process_exit", 8, false },
};

static struct ask filler(const struct filler *f, int map, int report)
{
	struct ask ask = { .type = BPF_PROG_TYPE_RAW_TRACEPOINT, .mine = f->mine };

	return jumps(reads(ask, f->reads, report), map, LAST_SLOT);
}

static bool fillers_enter(int map, int *seen)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(fillers); i++)
		if (!enters(map, i, filler(&fillers[i], map, seen[i])))
			return false;
	return true;
}

static bool all_enter(int map, int *seen, struct ask last_program)
{
	return enters(map, LAST_SLOT, last_program) && fillers_enter(map, seen);
}

/* Of each tracepoint: reads nothing, jumps to its filler. */
static bool dispatchers_attach(int map, int *links)
{
	size_t i;
	int fd;

	for (i = 0; i < ARRAY_SIZE(fillers); i++) {
		fd = load(jumps((struct ask){ .type = BPF_PROG_TYPE_RAW_TRACEPOINT }, map, i));
		if (fd < 0)
			return false;
		links[i] = attach_raw(fillers[i].tracepoint, fd);
		close(fd);
		if (links[i] < 0)
			return false;
	}
	return true;
}

/* Everything happens; was each filler and the last program there? */
static bool fillers_ran(int *seen, int *links, int last)
{
	bool all = true;
	size_t i;

	known_syscall();
	usleep(20000);
	child_exits();
	for (i = 0; i < ARRAY_SIZE(fillers); i++)
		close(links[i]);
	for (i = 0; i < ARRAY_SIZE(fillers); i++)
		all &= reported(seen[i]).count > 0;
	because("not each of them ran");
	return all && ran(last);
}

static void shape_b(void)
{
	struct ask last_program = { .type = BPF_PROG_TYPE_RAW_TRACEPOINT };
	int links[ARRAY_SIZE(fillers)], seen[ARRAY_SIZE(fillers)], map, last;
	size_t i;

	map = prog_array();
	last = report_map();
	for (i = 0; i < ARRAY_SIZE(fillers); i++)
		seen[i] = report_map();
	last_program.report = last;
	step("the last program enters", enters(map, LAST_SLOT, last_program));
	if (step("fillers enter one by one", fillers_enter(map, seen)) &&
	    step("dispatchers attach last", dispatchers_attach(map, links)))
		step("each filler runs", fillers_ran(seen, links, last));

	map = prog_array();
	last = report_map();
	last_program.report = last;
	for (i = 0; i < ARRAY_SIZE(fillers); i++)
		seen[i] = report_map();
	if (step("dispatchers attach first", dispatchers_attach(map, links)) &&
	    step("then fillers enter", all_enter(map, seen, last_program)))
		step("and run", fillers_ran(seen, links, last));
}

/* ---- C to F, K: objects ------------------------------------------------------------ */

static char object_log[1 << 20];

/* The skeleton, with @name and @other to be loaded. */
static struct shapes_bpf *open_object(const char *name, const char *other)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .kernel_log_buf = object_log,
		    .kernel_log_size = sizeof(object_log));
	struct shapes_bpf *skel = shapes_bpf__open_opts(&opts);
	struct bpf_program *prog;
	const char *this;
	bool wanted;

	if (!skel)
		must(-errno, "no object");
	bpf_object__for_each_program(prog, skel->obj) {
		this = bpf_program__name(prog);
		wanted = !strcmp(this, name) || (other && !strcmp(this, other));
		bpf_program__set_autoload(prog, wanted);
	}
	object_log[0] = 0;
	return skel;
}

static bool load_object(struct shapes_bpf *skel)
{
	int err = shapes_bpf__load(skel);

	because("%s; %.200s", strerror(-err), last_words(object_log));
	return !err;
}

static bool object_loads(const char *name)
{
	struct shapes_bpf *skel = open_object(name, NULL);
	bool loads = load_object(skel);

	shapes_bpf__destroy(skel);
	return loads;
}

static const struct ask xdp = {
	.type = BPF_PROG_TYPE_XDP, .attach = BPF_XDP, .ret = XDP_TX,
};
static const struct ask xdp_old = { .type = BPF_PROG_TYPE_XDP, .ret = XDP_TX };
static const struct ask tc = { .type = BPF_PROG_TYPE_SCHED_CLS, .ret = 42 };

static struct shapes_bpf *dispatcher(enum bpf_attach_type attach, __u32 flags)
{
	struct shapes_bpf *skel = open_object("dispatcher", NULL);

	bpf_program__set_expected_attach_type(skel->progs.dispatcher, attach);
	bpf_program__set_flags(skel->progs.dispatcher, flags);
	return skel;
}

/* An extension of a dispatcher: @name is extension or plain_extension. */
static struct shapes_bpf *extension_of(struct shapes_bpf *target, const char *name)
{
	struct shapes_bpf *skel = open_object(name, NULL);
	struct bpf_program *prog = bpf_object__find_program_by_name(skel->obj, name);

	bpf_program__set_attach_target(prog, bpf_program__fd(target->progs.dispatcher),
				       "slot_of_dispatcher");
	return skel;
}

/* An extension of a dispatcher of @attach, and the dispatcher that it is for. */
static struct shapes_bpf *extension(enum bpf_attach_type attach, struct shapes_bpf **target)
{
	*target = dispatcher(attach, 0);
	if (!load_object(*target))
		must(-EINVAL, "no dispatcher");
	return extension_of(*target, "extension");
}

/* As libxdp does when its dispatcher is made anew: the same extension, another target. */
static bool moves(struct bpf_program *prog, struct shapes_bpf *target)
{
	struct bpf_link *link;

	link = bpf_program__attach_freplace(prog, bpf_program__fd(target->progs.dispatcher),
					    "slot_of_dispatcher");
	because("%s", strerror(errno));
	bpf_link__destroy(link);
	return link;
}

static void shape_c_fragments(void)
{
	struct shapes_bpf *plain = dispatcher(BPF_XDP, 0), *skel, *jumps, *other;
	struct shapes_bpf *frags = dispatcher(BPF_XDP, XDP_HAS_FRAGS);
	struct ask knows = xdp;

	knows.frags = true;
	if (!step("a dispatcher that knows fragments loads", load_object(frags)))
		goto out;
	if (!load_object(plain))
		must(-EINVAL, "no dispatcher");
	skel = extension_of(frags, "extension");
	jumps = extension_of(plain, "extension");
	other = extension_of(plain, "plain_extension");
	if (!load_object(skel) || !load_object(jumps) || !load_object(other))
		must(-EINVAL, "no extension");
	step("one that knows them enters",
	     enters(bpf_map__fd(skel->maps.jumps), 0, knows));
	step("a plain one enters there",
	     enters(bpf_map__fd(skel->maps.jumps), 0, xdp_old));
	step("the extension goes to a plain dispatcher",
	     moves(skel->progs.extension, plain));
	step("that of a plain one goes to fragments",
	     moves(jumps->progs.extension, frags));
	step("one without tail calls does", moves(other->progs.plain_extension, frags));
	shapes_bpf__destroy(other);
	shapes_bpf__destroy(jumps);
	shapes_bpf__destroy(skel);
out:
	shapes_bpf__destroy(frags);
	shapes_bpf__destroy(plain);
}

static void shape_c(void)
{
	struct shapes_bpf *target, *skel = extension(BPF_XDP, &target);
	struct bpf_link *link;

	if (step("the extension loads", load_object(skel)) &&
	    step("a plain XDP program enters",
		 enters(bpf_map__fd(skel->maps.jumps), 0, xdp))) {
		link = bpf_program__attach_freplace(skel->progs.extension, 0, NULL);
		because("%s", strerror(errno));
		if (step("the extension attaches", link))
			step("the callee runs",
			     run(bpf_program__fd(target->progs.dispatcher)) == XDP_TX);
		bpf_link__destroy(link);
	}
	shapes_bpf__destroy(skel);
	shapes_bpf__destroy(target);

	/* A devmap program has an egress device to look at. */
	skel = extension(BPF_XDP_DEVMAP, &target);
	if (!load_object(skel))
		must(-EINVAL, "no extension of a devmap program");
	step("a plain one enters a devmap extension's",
	     enters(bpf_map__fd(skel->maps.jumps), 0, xdp_old));
	shapes_bpf__destroy(skel);
	shapes_bpf__destroy(target);

	shape_c_fragments();
}

static void shape_d(void)
{
	int map = prog_array(), old_map = prog_array(), fd, old;
	struct ask devmap = xdp, cpumap = xdp;
	bool both;

	fd = must(load(jumps(xdp, map, 0)), "no caller");
	old = must(load(jumps(xdp_old, old_map, 0)), "no caller of attach type 0");
	both = step("type 0 enters XDP's array", enters(map, 0, xdp_old));
	both &= step("XDP enters type 0's array", enters(old_map, 0, xdp));
	if (both)
		step("both run", run(fd) == XDP_TX && run(old) == XDP_TX);
	devmap.attach = BPF_XDP_DEVMAP;
	cpumap.attach = BPF_XDP_CPUMAP;
	step("a devmap program enters XDP's array", enters(map, 1, devmap));
	step("a cpumap program enters type 0's array", enters(old_map, 1, cpumap));
	close(fd);
	close(old);
}

static void shape_e(void)
{
	struct shapes_bpf *skel;

	if (libbpf_probe_bpf_helper(BPF_PROG_TYPE_SCHED_CLS, BPF_FUNC_loop, NULL) != 1) {
		skip("no bpf_loop()");
		return;
	}
	skel = open_object("loop_argument", NULL);
	if (step("an argument that forbids it", load_object(skel)))
		step("and main jumps",
		     enters(bpf_map__fd(skel->maps.jumps), 0, tc) &&
		     run(bpf_program__fd(skel->progs.loop_argument)) == 42);
	shapes_bpf__destroy(skel);
	skel = open_object("loop_rodata", NULL);
	if (step("a flag in .rodata that forbids it", load_object(skel)))
		step("and main runs", run(bpf_program__fd(skel->progs.loop_rodata)) == 1);
	shapes_bpf__destroy(skel);
	step("the callback jumps", object_loads("loop_callback_jumps"));
	step("the callback's function jumps", object_loads("loop_function_jumps"));
}

static void shape_f(void)
{
	struct shapes_bpf *target = open_object("nested", NULL);
	struct shapes_bpf *skel = open_object("exit_nested", "exit_outer");
	struct bpf_link *links[3] = {};
	size_t i;
	int fd;

	bpf_program__set_autoload(skel->progs.exit_inner, true);
	if (!step("the functions load", load_object(target)))
		return;
	if (!enters(bpf_map__fd(target->maps.jumps), 0, tc))
		must(-EINVAL, "no callee");
	fd = bpf_program__fd(target->progs.nested);
	bpf_program__set_attach_target(skel->progs.exit_nested, fd, "nested");
	bpf_program__set_attach_target(skel->progs.exit_outer, fd, "outer");
	bpf_program__set_attach_target(skel->progs.exit_inner, fd, "inner");
	if (load_object(skel)) {
		links[0] = bpf_program__attach_trace(skel->progs.exit_nested);
		links[1] = bpf_program__attach_trace(skel->progs.exit_outer);
		links[2] = bpf_program__attach_trace(skel->progs.exit_inner);
		because("cannot attach: %s", strerror(errno));
	}
	if (step("fexit on each of them", links[0] && links[1] && links[2])) {
		bool all = run(fd) == 42;

		for (i = 0; i < 3; i++)
			all &= skel->bss->exits[i] == 1;
		step("each exit is seen", all);
	}
	for (i = 0; i < 3; i++)
		bpf_link__destroy(links[i]);
	shapes_bpf__destroy(skel);
	shapes_bpf__destroy(target);
}

static void shape_k(void)
{
	step("an index as it is returned", object_loads("index_as_returned"));
	step("an index that is masked", object_loads("index_masked"));
	step("a struct as it is filled", object_loads("struct_as_filled"));
	step("a struct that is initialised", object_loads("struct_initialised"));
	step("an LSM hook's result as it is decided", object_loads("hook_as_decided"));
}

/* ---- G: hooks that differ ------------------------------------------------------------ */

static void shape_g(void)
{
	struct ask connect4 = {
		.type = BPF_PROG_TYPE_CGROUP_SOCK_ADDR,
		.attach = BPF_CGROUP_INET4_CONNECT, .ret = 1,
	};
	struct ask connect6 = connect4, lsm = {
		.type = BPF_PROG_TYPE_LSM, .attach = BPF_LSM_MAC,
		.func = "file_open",
	}, kprobe = { .type = BPF_PROG_TYPE_KPROBE };
	int map = prog_array();
	bool loads;

	connect6.attach = BPF_CGROUP_INET6_CONNECT;
	must(load(jumps(connect4, map, 0)), "no caller of connect4");
	step("connect6 enters connect4's array", enters(map, 0, connect6));
	loads = load(jumps(connect6, map, 0)) >= 0;
	if (!step("a caller of connect6 loads", loads)) {
		because("the log ends '%.100s'", last_log);
		step("and the verifier's log says why", strstr(last_log, "attach"));
	}
	map = prog_array();
	must(load(jumps(lsm, map, 0)), "no LSM program");
	lsm.func = "task_alloc";
	step("another LSM hook enters", enters(map, 0, lsm));

	map = prog_array();
	must(load(jumps(kprobe, map, 0)), "no kprobe program");
	kprobe.override = true;
	if (!step("a kprobe that overrides enters", enters(map, 0, kprobe)))
		step("and the map says why",
		     fdinfo_has(map, "owner_refused:\tkprobe_override"));
	/* Nobody uses this one yet. */
	loads = load(jumps(kprobe, prog_array(), 0)) >= 0;
	if (!step("a caller that overrides loads", loads)) {
		because("the log ends '%.100s'", last_log);
		step("and its log says why", strstr(last_log, "kprobe_override"));
	}
}

/* ---- H, I, J: programs that are gone ---------------------------------------------------- */

static void shape_h(void)
{
	struct ask writable = { .type = BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE };
	int map = prog_array(), fd, link;
	__u32 slot = 0;

	step("a callee that reads was there", enters(map, slot, reads(raw, 24, 0)));
	bpf_map_delete_elem(map, &slot);
	fd = must(load(jumps(raw, map, 0)), "no caller");
	link = attach_raw("sched_process_exit", fd);
	step("a caller that reads nothing attaches", link >= 0);
	close(link);
	close(fd);

	/* What it is attached to has to have such a buffer. */
	map = prog_array();
	writable.buffer = true;
	if (!enters(map, slot, writable))
		must(-EINVAL, "no callee");
	writable.buffer = false;
	fd = must(load(jumps(writable, map, 0)), "no caller");
	step("a caller shows what its callee needs", fdinfo_has(fd, "needs_max_tp_access:"));
	close(fd);
}

/* A caller and a callee that both read: of sys_exit. */
static void meet(int map, int seen, const char *caller_and_callee, const char *effect)
{
	int fd = load(jumps(reads(raw, 16, 0), map, 0)), link;

	if (!step(caller_and_callee, fd >= 0 && enters(map, 0, reads(raw, 16, seen))))
		return;
	link = must(attach_raw("sys_exit", fd), "sys_exit");
	known_syscall();
	step(effect, saw(seen, parent));
	close(link);
	close(fd);
}

static void shape_i(void)
{
	struct ask writable = { .type = BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE };
	int map = prog_array(), seen = report_map(), fd;

	fd = load(jumps(raw, map, 0));
	step("a caller that read nothing is closed", fd >= 0 && !close(fd));
	meet(map, seen, "the next one's callee enters", "and sees the return value");

	/* No tracepoint here has such a buffer, so nothing runs. */
	map = prog_array();
	close(must(load(jumps(writable, map, 0)), "no caller"));
	/* It limits the array until no CPU can run it: a grace period. */
	usleep(500 * 1000);
	writable.buffer = true;
	step("a callee that writes a buffer enters",
	     load(jumps(writable, map, 0)) >= 0 && enters(map, 0, writable));
}

static void shape_j(void)
{
	int map = prog_array(), other = prog_array(), seen = report_map();
	struct ask two = jumps(raw, map, 0);
	struct ask writable = { .type = BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE };

	/* It belongs to programs of another type. */
	must(load(jumps(xdp, other, 0)), "no owner");
	two.jump2 = other;
	step("the second array refuses its program", load(two) < 0);
	meet(map, seen, "the first one takes a callee that reads",
	     "and it sees the return value");

	map = prog_array();
	two = jumps(writable, map, 0);
	two.jump2 = other;
	if (load(two) >= 0)
		must(-EEXIST, "the second array takes it");
	writable.buffer = true;
	step("and one that writes a buffer, likewise",
	     load(jumps(writable, map, 0)) >= 0 && enters(map, 0, writable));
}

/* ---- L, M: uprobes and kprobes ------------------------------------------------------------ */

static __attribute__((noinline, noclone)) int probed(int value)
{
	asm volatile("" : "+r"(value));
	return value;
}

/* Where a function of this program is in its file. */
static long long offset_in_file(const void *function)
{
	unsigned long long start, end, offset, at = (unsigned long)function;
	char line[256];
	FILE *f = fopen("/proc/self/maps", "r");
	long long found = -1;

	while (f && found < 0 && fgets(line, sizeof(line), f))
		if (sscanf(line, "%llx-%llx %*s %llx", &start, &end, &offset) == 3 &&
		    at >= start && at < end)
			found = at - start + offset;
	if (f)
		fclose(f);
	return found;
}

static int attach_uprobe(int prog)
{
	struct perf_event_attr attr = { .size = sizeof(attr) };
	FILE *f = fopen("/sys/bus/event_source/devices/uprobe/type", "r");
	int fd, err;

	if (!f || fscanf(f, "%u", &attr.type) != 1) {
		because("no uprobes");
		return -ENOENT;
	}
	fclose(f);
	attr.uprobe_path = (unsigned long)"/proc/self/exe";
	attr.probe_offset = offset_in_file(probed);
	fd = syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	if (fd < 0 || ioctl(fd, PERF_EVENT_IOC_SET_BPF, prog) ||
	    ioctl(fd, PERF_EVENT_IOC_ENABLE, 0)) {
		err = -errno;
		because("%s", strerror(errno));
		if (fd >= 0)
			close(fd);
		return err;
	}
	return fd;
}

static void shape_l(void)
{
	struct ask entry = { .type = BPF_PROG_TYPE_KPROBE }, callee = entry;
	int map = prog_array(), seen = report_map(), fd, link;

	callee.write = true;
	callee.report = seen;
	fd = load(callee);
	if (fd < 0) {
		skip("no program of a probe may write registers");
		return;
	}
	close(fd);
	fd = must(load(jumps(entry, map, 0)), "no entry");
	step("a callee that writes registers enters", enters(map, 0, callee));
	link = attach_uprobe(fd);
	if (step("the entry attaches to a uprobe", link >= 0)) {
		probed(1);
		step("the callee runs", ran(seen));
		close(link);
	}
	close(fd);

	/* Such an entry is attached to uprobes only, whatever it uses. */
	entry.attach = UPROBE_MULTI;
	callee.attach = UPROBE_MULTI;
	map = prog_array();
	must(load(jumps(entry, map, 0)), "no entry for uprobe.multi");
	step("one of uprobe.multi, whose entry does not", enters(map, 0, callee));
}

static void shape_m(void)
{
	struct ask entry = { .type = BPF_PROG_TYPE_KPROBE, .attach = KPROBE_MULTI };
	int map = prog_array();

	if (!line_of_kernel) {
		skip("no kprobe.multi");
		return;
	}
	must(load(jumps(entry, map, 0)), "no entry");
	entry.attach = 0;
	step("a kprobe enters kprobe.multi's array", enters(map, 0, entry));
}

/* ---- N: a qdisc --------------------------------------------------------------------- */

/* An array with a reference to a packet. */
static int packet_map(void)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts);
	struct btf *btf = btf__new_empty();
	int number, skb, map;

	if (!btf)
		return -errno;
	number = btf__add_int(btf, "unsigned int", 4, 0);
	skb = btf__add_struct(btf, "sk_buff", 4);
	btf__add_field(btf, "len", number, 0, 0);
	skb = btf__add_ptr(btf, btf__add_type_tag(btf, "kptr", skb));
	opts.btf_key_type_id = number;
	opts.btf_value_type_id = btf__add_struct(btf, "kept", 8);
	btf__add_field(btf, "skb", skb, 0, 0);
	map = btf__load_into_kernel(btf);
	opts.btf_fd = btf__fd(btf);
	if (!map)
		map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "packet", 4, 8, 1, &opts);
	btf__free(btf);
	return map;
}

/* Its programs but this, loaded, with the tail callee in its slot; or NULL. */
static struct qdisc_bpf *load_qdisc(const char *but)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .kernel_log_buf = object_log,
		    .kernel_log_size = sizeof(object_log));
	struct qdisc_bpf *skel = qdisc_bpf__open_opts(&opts);
	__u32 slot = 0, fd;
	int map, err;

	if (!skel)
		must(-errno, "no object");
	map = must(packet_map(), "no map");
	must(bpf_map__reuse_fd(skel->maps.packet, map), "the map is not taken");
	close(map);
	bpf_program__set_autoload(bpf_object__find_program_by_name(skel->obj, but), false);
	object_log[0] = 0;
	err = qdisc_bpf__load(skel);
	because("%s; %.200s", strerror(-err), last_words(object_log));
	if (err) {
		qdisc_bpf__destroy(skel);
		return NULL;
	}
	fd = bpf_program__fd(skel->progs.take);
	must(bpf_map_update_elem(bpf_map__fd(skel->maps.jumps), &slot, &fd, 0),
	     "the callee does not enter");
	return skel;
}

/* Give the loopback device this root qdisc, or none: 0 or a negative error. */
static int set_qdisc(bool add, const char *kind)
{
	struct {
		struct nlmsghdr nlh;
		struct tcmsg tc;
		struct nlattr attr;
		char kind[16];
	} request = {
		.nlh.nlmsg_len = sizeof(request),
		.nlh.nlmsg_type = add ? RTM_NEWQDISC : RTM_DELQDISC,
		.nlh.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | (add ? NLM_F_CREATE : 0),
		.tc.tcm_ifindex = if_nametoindex("lo"),
		.tc.tcm_parent = TC_H_ROOT,
		.attr.nla_len = sizeof(request.attr) + sizeof(request.kind),
		.attr.nla_type = TCA_KIND,
	};
	struct {
		struct nlmsghdr nlh;
		struct nlmsgerr err;
		char more[1024];
	} answer = {};
	int fd = must(sys(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE)), "no netlink"), err;

	snprintf(request.kind, sizeof(request.kind), "%s", kind);
	err = sys(send(fd, &request, sizeof(request), 0));
	if (err >= 0)
		err = sys(recv(fd, &answer, sizeof(answer), 0));
	close(fd);
	return err < 0 ? err : answer.err.error;
}

/*
 * A packet to oneself over the qdisc of @ops. True if it arrives; *@lost if it is
 * neither there nor anywhere else, once the qdisc and its map are gone.
 */
static bool packet_arrives(struct qdisc_bpf **skel, struct bpf_map *ops, bool *lost)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct timeval second = { .tv_sec = 1 };
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	socklen_t len = sizeof(to);
	struct bpf_link *link;
	int fd, tries, held = 1;
	bool arrived;
	char c;

	must(sys(unshare(CLONE_NEWNET)), "no network of its own");
	fd = must(sys(socket(AF_INET, SOCK_DGRAM, 0)), "no socket");
	must(sys(ioctl(fd, SIOCSIFFLAGS, &lo)), "no loopback device");
	must(sys(bind(fd, (void *)&to, sizeof(to))), "no address");
	must(sys(getsockname(fd, (void *)&to, &len)), "no port");
	must(sys(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof(second))),
	     "no timeout");
	link = bpf_map__attach_struct_ops(ops);
	must(link ? 0 : -errno, "the qdisc cannot be registered");
	must(set_qdisc(true, "tailcall_test"), "the qdisc cannot be added");

	must(sys(sendto(fd, "p", 1, 0, (void *)&to, sizeof(to))), "no packet can be sent");
	arrived = recv(fd, &c, 1, 0) == 1;
	because("%s", strerror(errno));

	must(set_qdisc(false, "tailcall_test"), "the qdisc cannot be removed");
	bpf_link__destroy(link);
	qdisc_bpf__destroy(*skel);
	*skel = NULL;
	/* The map goes, and the packet in it, when nobody looks. */
	for (tries = 0; held && tries < 20; tries++) {
		usleep(100000);
		must(sys(ioctl(fd, SIOCOUTQ, &held)), "no answer what the socket has sent");
	}
	*lost = !arrived && held;
	if (*lost)
		because("the socket still pays for %d bytes", held);
	close(fd);
	return arrived;
}

static void shape_n(void)
{
	struct qdisc_bpf *skel;
	bool lost;

	if (line_of_kernel < 3) {
		skip("no BPF qdiscs");
		return;
	}
	skel = load_qdisc("from_subprogram");
	if (step("a tail call in the main function loads", skel))
		step("a packet comes through",
		     packet_arrives(&skel, skel->maps.main_ops, &lost));
	skel = load_qdisc("from_main");
	if (step("one in a subprogram loads", skel)) {
		packet_arrives(&skel, skel->maps.subprogram_ops, &lost);
		step("and no packet is lost", !lost);
	}
}

/* ---- the verdict ----------------------------------------------------------------------------- */

static const struct {
	const char *name;
	void (*run)(void);
} shapes[] = {
	{ "A", shape_a }, { "A2", shape_a2 }, { "A3", shape_a3 }, { "B", shape_b },
	{ "C", shape_c }, { "D", shape_d }, { "E", shape_e }, { "F", shape_f },
	{ "G", shape_g }, { "H", shape_h }, { "I", shape_i }, { "J", shape_j },
	{ "K", shape_k }, { "L", shape_l }, { "M", shape_m },
	{ "N", shape_n },
};

static void run_shape(size_t i)
{
	shape = shapes[i].name;
	if (!setjmp(no_more))
		shapes[i].run();
}

static const char *in_words(char seen)
{
	switch (seen) {
	case 't': return "taken";
	case 'r': return "refused";
	case '-': return "skipped";
	default: return "not tried";
	}
}

/* One line for @row; true if it is as expected. */
static bool judge(size_t i, bool patched)
{
	const struct row *row = &rows[i];
	char want = (patched && row->patched ? row->patched : row->base)[line_of_kernel];
	char seen = results[i].seen ?: '.';
	char *at;

	for (at = results[i].why; *at; at++)
		if (*at == '\n' || *at == '#')
			*at = ' ';
	printf("%sok %zu - %s: %s", seen == want ? "" : "not ", i + 1, row->shape, row->step);
	if (seen != want)
		printf(" # %s, expected %s: %s", in_words(seen), in_words(want),
		       results[i].why);
	else if (seen == '-')
		printf(" # SKIP %s", results[i].why);
	else if (seen != 't')
		printf(" # %s, as expected%s%s%s%s", in_words(seen),
		       row->differs && patched ? " for " : "",
		       row->differs && patched ? row->differs : "",
		       *results[i].why ? ": " : "", results[i].why);
	printf("\n");
	return seen == want;
}

static int be_quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

/* All lines stand in each row, and one that is said to differ does. */
static void check_table(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++)
		if (strlen(rows[i].base) != ARRAY_SIZE(lines) ||
		    (rows[i].patched && (strlen(rows[i].patched) != ARRAY_SIZE(lines) ||
					 !strcmp(rows[i].base, rows[i].patched)))) {
			printf("Bail out! row '%s: %s' is wrong\n", rows[i].shape, rows[i].step);
			exit(2);
		}
}

int main(int argc, char **argv)
{
	struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
	unsigned int major, minor, line_major, line_minor;
	struct utsname uts;
	bool patched, good = true;
	size_t i;

	if (argc != 2 || (strcmp(argv[1], "base") && strcmp(argv[1], "patched"))) {
		fprintf(stderr, "usage: tailcall_shapes base|patched\n");
		return 2;
	}
	patched = !strcmp(argv[1], "patched");
	check_table();
	/* The newest line that is not newer than this kernel. */
	uname(&uts);
	if (sscanf(uts.release, "%u.%u", &major, &minor) != 2)
		return 2;
	for (i = 0; i < ARRAY_SIZE(lines); i++)
		if (sscanf(lines[i], "%u.%u", &line_major, &line_minor) == 2 &&
		    (line_major < major || (line_major == major && line_minor <= minor)))
			line_of_kernel = i;
	setrlimit(RLIMIT_MEMLOCK, &all);
	libbpf_set_print(be_quiet);
	pid = getpid();
	parent = getppid();
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("TAP version 13\n1..%zu\n# %s, as %s %s\n", ARRAY_SIZE(rows), uts.release,
	       lines[line_of_kernel], argv[1]);
	for (i = 0; i < ARRAY_SIZE(shapes); i++)
		run_shape(i);
	for (i = 0; i < ARRAY_SIZE(rows); i++)
		good &= judge(i, patched);
	return good ? 0 : 1;
}
