// SPDX-License-Identifier: GPL-2.0
/*
 * tailcall_bench - what tail calls cost on this kernel
 *
 * Runs in a guest whose clock advances 1 ns an instruction (QEMU -icount
 * shift=0, one CPU), so the durations of BPF_PROG_TEST_RUN are numbers of
 * instructions. Prints a line for each: "insns NAME N", over an empty program,
 * and "bytes NAME N". Programs of known length are measured in the same run, and
 * nothing else is printed if those come out wrong.
 *
 * With --watched it measures only some, with SITES tail calls in all that is loaded:
 * as they are, and if the tail call tracer is there while it is off, counts, has events
 * as well, and has a filter that lets none of these pass ("mode NAME" before each).
 *
 * With --dump it prints the code that the kernel emitted instead, for
 * tailcall_native, which times it on a real processor.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "bench.h"
#include "cost.skel.h"
#include "tracer.skel.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Runs that are averaged, as one BPF_PROG_TEST_RUN. */
#define REPEAT	2000

/*
 * A timer tick in between makes a measurement longer, nothing makes it shorter:
 * the least of some is without. It has to be seen more than once to count.
 */
#define TRIES	12
#define AGREE	3

#define MAX_FUNCS 32

/* Who writes events now and then turns a page: the least of the tries counts. */
static __u32 agree = AGREE;

static struct cost_bpf *skel;

/* The prog_array of what is measured. */
static struct bpf_map *jump;

static void __attribute__((noreturn, format(printf, 1, 2)))
die(const char *fmt, ...)
{
	va_list ap;

	printf("fail ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	exit(1);
}

static struct bpf_program *find(const char *name)
{
	struct bpf_program *prog;

	prog = bpf_object__find_program_by_name(skel->obj, name);
	if (!prog)
		die("there is no program %s", name);
	return prog;
}

static int fd_of(const char *name)
{
	return bpf_program__fd(find(name));
}

static void set_slot(struct bpf_map *map, __u32 slot, int fd)
{
	if (bpf_map_update_elem(bpf_map__fd(map), &slot, &fd, BPF_ANY))
		die("cannot fill a slot: %s", strerror(errno));
}

/* Duration of one run, and what the program returned. */
static __u32 run_prog(const char *name, int fd, int repeat, __u32 *ret)
{
	char packet[64] = "";
	LIBBPF_OPTS(bpf_test_run_opts, opts,
		    .data_in = packet,
		    .data_size_in = sizeof(packet),
		    .repeat = repeat);

	if (bpf_prog_test_run_opts(fd, &opts))
		die("cannot run %s: %s", name, strerror(errno));
	*ret = opts.retval;
	return opts.duration;
}

static __u32 measure(const char *name, __u32 want)
{
	__u32 least = UINT32_MAX, seen = 0, i;
	int fd = fd_of(name);

	set_slot(jump, SELF, fd);
	for (i = 0; i < TRIES; i++) {
		__u32 got, now = run_prog(name, fd, REPEAT, &got);

		if (got != want)
			die("%s returned %u, expected %u", name, got, want);
		if (now < least) {
			least = now;
			seen = 0;
		}
		if (now == least)
			seen++;
	}
	if (seen < agree)
		die("%s took %u instructions in %u of %d runs only: the clock is not exact",
		    name, least, seen, TRIES);
	return least;
}

static __u32 base;

static void report(const char *as, const char *name, __u32 ret)
{
	printf("insns %s %d\n", as, (int)(measure(name, ret) - base));
}

static void expect(const char *name, __u32 length)
{
	__u32 got = measure(name, 0) - base;

	if (got != length)
		die("calibration: %u instructions read as %u: is this QEMU with -icount?",
		    length, got);
}

static void calibrate(void)
{
	base = measure("empty", 0);
	expect("alu_100", 100);
	expect("alu_200", 200);
	/* With the kernel's loop around it: it is compared, and says no more. */
	printf("insns empty %u\n", base);
}

/* A program that counts must end by the kernel's limit. */
static void expect_limit(const char *name)
{
	int fd = fd_of(name);
	__u32 ret;

	set_slot(skel->maps.jump, SELF, fd);
	skel->bss->entries = 0;
	run_prog(name, fd, 1, &ret);
	if (skel->bss->entries != 1 + LIMIT)
		die("%s was entered %u times, expected %d",
		    name, skel->bss->entries, 1 + LIMIT);
}

/* ---- with fentry ------------------------------------------------------------ */

static void measure_traced(void)
{
	struct tracer_bpf *tracer;
	struct bpf_link *link;
	__u32 ret;

	report("traced_off", "traced", REACHED);

	tracer = tracer_bpf__open();
	if (!tracer)
		die("cannot open the tracer: %s", strerror(errno));
	if (bpf_program__set_attach_target(tracer->progs.tracer,
					   fd_of("traced"), "traced_sub") ||
	    tracer_bpf__load(tracer))
		die("cannot load the tracer: %s", strerror(errno));
	link = bpf_program__attach(tracer->progs.tracer);
	if (!link)
		die("cannot attach the tracer: %s", strerror(errno));
	/* Where the trampoline loses the counter there may be no tail call. */
	run_prog("traced", fd_of("traced"), 1, &ret);
	if (ret == REACHED)
		report("traced_on", "traced", REACHED);
	bpf_link__destroy(link);
	tracer_bpf__destroy(tracer);
}

/* ---- emitted code ------------------------------------------------------------ */

struct image {
	unsigned char code[65536];
	__u32 len[MAX_FUNCS];
	__u64 addr[MAX_FUNCS];
	__u32 nr;
};

static void get_image(const char *name, struct image *image)
{
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);

	memset(image, 0, sizeof(*image));
	info.jited_prog_insns = (uintptr_t)image->code;
	info.jited_prog_len = sizeof(image->code);
	info.jited_func_lens = (uintptr_t)image->len;
	info.nr_jited_func_lens = MAX_FUNCS;
	info.jited_ksyms = (uintptr_t)image->addr;
	info.nr_jited_ksyms = MAX_FUNCS;
	if (bpf_obj_get_info_by_fd(fd_of(name), &info, &len))
		die("cannot read the code of %s: %s", name, strerror(errno));
	if (!info.jited_prog_insns || !info.nr_jited_ksyms ||
	    info.nr_jited_ksyms != info.nr_jited_func_lens ||
	    info.nr_jited_ksyms > MAX_FUNCS || !image->addr[0])
		die("the kernel does not show the code of %s", name);
	image->nr = info.nr_jited_ksyms;
}

/* Offset of "mov eax, MARK" in the function @func of the image. */
static int find_mark(const char *name, const struct image *image, __u32 func,
		     __u32 mark)
{
	const unsigned char *code = image->code;
	unsigned char insn[5] = { 0xb8 };
	__u32 i;

	memcpy(insn + 1, &mark, 4);
	for (i = 0; i < func; i++)
		code += image->len[i];
	for (i = 0; i + sizeof(insn) <= image->len[func]; i++)
		if (!memcmp(code + i, insn, sizeof(insn)))
			return i;
	die("there is no mark %x in the code of %s", mark, name);
}

/* Bytes before the body of a function, and between two marks. */
static void report_bytes(const char *name, __u32 func, const char *prologue,
			 const char *site)
{
	struct image image;

	get_image(name, &image);
	if (func >= image.nr)
		die("%s has only %u functions", name, image.nr);
	if (prologue)
		printf("bytes %s %d\n", prologue,
		       find_mark(name, &image, func, MARK_BODY));
	if (site)
		printf("bytes %s %d\n", site,
		       find_mark(name, &image, func, MARK_AFTER) -
		       find_mark(name, &image, func, MARK_BEFORE) - 5);
}

/*
 * The body of a program that cannot reach a tail call, which starts with MARK_BODY;
 * whether the kernel has IBT; and whether its tail calls can be traced: they end
 * with a nop then, or with a comparison that nobody asks for, which is as good.
 */
static void report_code(void)
{
	static const unsigned char endbr64[] = { 0xf3, 0x0f, 0x1e, 0xfa };
	/* The second is 5.10's, on processors that like it better. */
	static const unsigned char nops[][5] = {
		{ 0x0f, 0x1f, 0x44, 0x00, 0x00 }, { 0x66, 0x66, 0x66, 0x66, 0x90 },
	};
	const unsigned char *end;
	const char *name = "bytes_plain";
	struct image image;
	__u32 i;

	get_image(name, &image);
	printf("code body ");
	for (i = find_mark(name, &image, 0, MARK_BODY); i < image.len[0]; i++)
		printf("%02x", image.code[i]);
	printf("\nkernel ibt %d\n", !memcmp(image.code, endbr64, sizeof(endbr64)));

	name = "bytes_indirect";
	get_image(name, &image);
	end = image.code + find_mark(name, &image, 0, MARK_AFTER) - 5;
	printf("kernel trace %d\n", *end == 0x3d || !memcmp(end, nops[0], 5) ||
	       !memcmp(end, nops[1], 5));
}

/* ---- the two duties ------------------------------------------------------------ */

static void measure_all(void)
{
	static const struct {
		const char *name;
		__u32 ret;
	} single[] = {
		{ "direct", 0 }, { "indirect", 0 }, { "subtail", 0 },
		{ "stk", 0 }, { "leafcall", REACHED }, { "miss", 0 },
		{ "call0", 0 },
		{ "entry_plain", 0 }, { "entry", 0 },
		{ "calls_1_plain", 0 }, { "calls_2_plain", 0 },
		{ "calls_1", 0 }, { "calls_2", 0 },
		{ "entry_sub_plain", 0 }, { "entry_sub", 0 },
		{ "regs", 0 },
	};
	char name[32], as[32];
	int i;

	calibrate();
	expect_limit("limit");
	expect_limit("sublimit");

	for (i = 0; i < (int)ARRAY_SIZE(single); i++)
		report(single[i].name, single[i].name, single[i].ret);
	for (i = 0; i <= LIMIT; i++) {
		snprintf(as, sizeof(as), "chain_%d", i);
		if (i)
			snprintf(name, sizeof(name), "hop_%d", LIMIT - i);
		else
			snprintf(name, sizeof(name), "callee");
		report(as, name, REACHED);
	}
	for (i = 0; i <= LEVELS; i++) {
		snprintf(name, sizeof(name), "level_%d", i);
		report(name, name, REACHED);
		snprintf(name, sizeof(name), "plain_%d", i);
		report(name, name, 0);
	}

	report_bytes("bytes_plain", 0, "prologue_plain", NULL);
	report_bytes("bytes_direct", 0, "prologue", "site_direct");
	report_bytes("bytes_indirect", 0, NULL, "site_indirect");
	report_bytes("bytes_subplain", 1, "prologue_subprog_plain", NULL);
	report_bytes("bytes_sub", 1, "prologue_subprog", NULL);
	report_bytes("bytes_call_plain", 0, NULL, "site_call_plain");
	report_bytes("bytes_call", 0, NULL, "site_call");

	report_code();
	measure_traced();
}

/* Offset of a member in bytes, looking through unnamed structs and unions. */
static int member(const struct btf *btf, __u32 type, const char *want)
{
	const struct btf_type *t = btf__type_by_id(btf, type);
	const struct btf_member *m = btf_members(t);
	int i, inner;

	for (i = 0; i < btf_vlen(t); i++) {
		const char *name = btf__name_by_offset(btf, m[i].name_off);
		int offset = btf_member_bit_offset(t, i) / 8;

		if (!strcmp(name, want))
			return offset;
		if (*name || !btf_is_composite(btf__type_by_id(btf, m[i].type)))
			continue;
		inner = member(btf, m[i].type, want);
		if (inner >= 0)
			return offset + inner;
	}
	return -1;
}

static void dump_offset(const struct btf *btf, const char *type,
			const char *name)
{
	int id = btf__find_by_name_kind(btf, type, BTF_KIND_STRUCT);
	int offset = id < 0 ? -1 : member(btf, id, name);

	if (offset < 0)
		die("the kernel's BTF has no %s.%s", type, name);
	printf("offset %s.%s %d\n", type, name, offset);
}

static void dump_code(const char *name)
{
	struct image image;
	const unsigned char *code = image.code;
	__u32 func, i;

	/* With its slot filled: a direct tail call is then a jump. */
	set_slot(skel->maps.jump, SELF, fd_of(name));
	get_image(name, &image);
	for (func = 0; func < image.nr; func++) {
		printf("code %s %u %llx ", name, func,
		       (unsigned long long)image.addr[func]);
		for (i = 0; i < image.len[func]; i++)
			printf("%02x", *code++);
		printf("\n");
	}
}

static void dump_all(void)
{
	static const char *const names[] = {
		"empty", "callee", "direct", "indirect", "subtail", "stk",
		"leafcall", "miss", "regs",
	};
	struct btf *btf = btf__load_vmlinux_btf();
	size_t i;

	if (!btf)
		die("the kernel has no BTF: %s", strerror(errno));
	dump_offset(btf, "bpf_map", "max_entries");
	dump_offset(btf, "bpf_array", "map");
	dump_offset(btf, "bpf_array", "ptrs");
	dump_offset(btf, "bpf_prog", "bpf_func");
	for (i = 0; i < ARRAY_SIZE(names); i++)
		dump_code(names[i]);
	btf__free(btf);
}

/* ---- watched --------------------------------------------------------------------- */

#define TEXT(x)		#x
#define NAME(x)		TEXT(x)

static const struct {
	const char *as;
	const char *name;
	bool is_long;
} watched[] = {
	{ "direct_5", NAME(hit_d), false },
	{ "indirect_5", NAME(hit_i), false },
	{ "miss_5", NAME(no_hi), false },
	{ "direct_60", NAME(NAME_60(hit_d)), true },
	{ "indirect_60", NAME(NAME_60(hit_i)), true },
	{ "miss_60", NAME(NAME_60(no_hi)), true },
};

static const char *const gauges[] = { "empty", "alu_100", "alu_200" };

static bool is_watched(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(watched); i++)
		if (!strcmp(name, watched[i].name))
			return true;
	for (i = 0; i < ARRAY_SIZE(gauges); i++)
		if (!strcmp(name, gauges[i]))
			return true;
	return false;
}

/* Only those: it is enough that these load. */
static struct cost_bpf *load_watched(void)
{
	struct cost_bpf *obj = cost_bpf__open();
	struct bpf_program *prog;

	if (!obj)
		return NULL;
	bpf_object__for_each_program(prog, obj->obj)
		bpf_program__set_autoload(prog, is_watched(bpf_program__name(prog)));
	return cost_bpf__load(obj) ? NULL : obj;
}

#define INSN(c, d, s, i) \
	((struct bpf_insn) { .code = (c), .dst_reg = (d), .src_reg = (s), .imm = (i) })

/* A program cannot have more direct tail calls. */
#define SITES_AT_ONCE	1000

/* A program of @sites direct tail calls that nobody runs; it stays until the end. */
static void load_sites(int map, int sites)
{
	static struct bpf_insn insn[4 * SITES_AT_ONCE + 5];
	int at = 0, i;

	insn[at++] = INSN(BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_6, BPF_REG_1, 0);
	insn[at++] = INSN(BPF_LD | BPF_IMM | BPF_DW, BPF_REG_7, BPF_PSEUDO_MAP_FD, map);
	insn[at++] = INSN(0, 0, 0, 0);
	for (i = 0; i < sites; i++) {
		insn[at++] = INSN(BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_1, BPF_REG_6, 0);
		insn[at++] = INSN(BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_2, BPF_REG_7, 0);
		insn[at++] = INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_3, 0, 0);
		insn[at++] = INSN(BPF_JMP | BPF_CALL, 0, 0, BPF_FUNC_tail_call);
	}
	insn[at++] = INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0);
	insn[at++] = INSN(BPF_JMP | BPF_EXIT, 0, 0, 0);
	if (bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "sites", "GPL", insn, at, NULL) < 0)
		die("cannot load %d tail calls: %s", sites, strerror(errno));
}

#define TRACER	"/sys/kernel/debug/bpf_tail_call/"

static void put(const char *name, const char *text)
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), TRACER "%s", name);
	f = fopen(path, "w");
	if (!f || fputs(text, f) < 0 || fclose(f))
		die("cannot write %s to %s: %s", text, path, strerror(errno));
}

static void measure_mode(const char *mode)
{
	size_t i;

	printf("mode %s\n", mode);
	agree = AGREE;
	jump = skel->maps.jump;
	calibrate();
	agree = 1;
	for (i = 0; i < ARRAY_SIZE(watched); i++) {
		jump = watched[i].is_long ? skel->maps.jump_of_fifteen : skel->maps.jump;
		report(watched[i].as, watched[i].name, 0);
	}
	fflush(stdout);
}

/* What a tail call costs while something looks at it, and at as many others. */
static void measure_watched(int sites)
{
	int map = bpf_map_create(BPF_MAP_TYPE_PROG_ARRAY, "sites", 4, 4, 1, NULL);
	bool there = !access(TRACER, F_OK);

	/* Left on, by one whose tail calls are gone: with these it takes its time. */
	if (there)
		put("tracing_on", "0");
	sites -= ARRAY_SIZE(watched);
	for (; sites > 0; sites -= SITES_AT_ONCE)
		load_sites(map, sites < SITES_AT_ONCE ? sites : SITES_AT_ONCE);
	if (!there) {
		measure_mode("absent");
		return;
	}
	measure_mode("off");
	put("events_on", "0");
	put("tracing_on", "1");
	measure_mode("stats");
	put("events_on", "1");
	measure_mode("events");
	/* There is no such map: what is left is to see that. */
	put("set_map_id", "4294967295");
	measure_mode("filtered");
	put("set_map_id", "");
}

int main(int argc, char **argv)
{
	int sites = argc == 3 && !strcmp(argv[1], "--watched") ? atoi(argv[2]) : 0;
	bool dump = argc == 2 && !strcmp(argv[1], "--dump");
	char name[32];
	int i;

	if (argc != 1 && !dump && sites <= 0) {
		fprintf(stderr, "Usage: tailcall_bench [--dump | --watched SITES]\n");
		return 2;
	}
	skel = sites ? load_watched() : cost_bpf__open_and_load();
	if (!skel)
		die("cannot load the programs: %s", strerror(errno));
	jump = skel->maps.jump;
	if (sites) {
		measure_watched(sites);
		return 0;
	}
	set_slot(skel->maps.jump, CALLEE, fd_of("callee"));
	for (i = 1; i < LIMIT; i++) {
		snprintf(name, sizeof(name), "hop_%d", i);
		set_slot(skel->maps.hops, i, fd_of(name));
	}
	set_slot(skel->maps.hops, LIMIT, fd_of("callee"));
	if (dump)
		dump_all();
	else
		measure_all();
	cost_bpf__destroy(skel);
	return 0;
}
