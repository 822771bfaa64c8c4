// SPDX-License-Identifier: GPL-2.0
/*
 * tailcall_native - how long the code of a kernel's BPF JIT takes here
 *
 * Takes dumps of tailcall_bench --dump, one for each kernel, and runs the very
 * bytes that the kernels emitted on this machine's processor, in this process.
 *
 * Every function gets the place that it had in the kernel, relative to the
 * others: jumps and calls between them need no change. Only the address of the
 * prog_array does, for which there is a stand-in: max_entries and ptrs[] are
 * where the kernel's BTF has them, and so is bpf_func in the programs that ptrs[]
 * points to. The context is zeroes.
 *
 * Before anything is timed a run is single-stepped: it must stay within the
 * dumped functions, return what it returns in the kernel, and make the tail calls
 * it should. What does not is left out, with the reason. The number of steps is
 * printed, for it must be the number that QEMU counted.
 *
 * Where in a cache line code begins can make it half as fast again, and the
 * kernel picks that at random. So all functions are there in PLACES copies, at
 * every alignment that the kernel's allocator gives, and rounds take them in turn.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include <linux/types.h>

#include "bench.h"
#include "floor.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define MAX_KERNELS	16
#define MAX_FUNCS	64
#define MAX_STEPS	100000

/* Copies, each further into a cache line by the kernel's alignment of 4. */
#define PLACES	16
#define SHIFT	4

/* Rounds of all variants in turn, and runs that a round times as one. */
#define ROUNDS	(200 * PLACES)
#define BATCH	64

/* Two kernel images or module areas cannot be further apart than that. */
#define MAX_SPAN	0x40000000ULL

#define ABOVE_USER	0xffff800000000000ULL
#define INT3		0xcc

typedef __u32 (*bpf_func_t)(const void *ctx, const void *insns);

struct func {
	char prog[32];
	unsigned int index;	/* 0: the main program, others: subprograms */
	__u64 kernel;	/* address in the kernel */
	unsigned char *dump;
	size_t len;
	unsigned char *code[PLACES];
};

struct kernel {
	const char *name;
	struct func funcs[MAX_FUNCS];
	size_t nr;
	long max_entries, map, ptrs, bpf_func;
	unsigned char *array[PLACES];	/* stand-ins for the prog_array */
};

struct program {
	const char *name;
	unsigned int tail_calls;
	__u32 ret;
};

static const struct program programs[] = {
	{ "empty", 0, 0 },
	{ "direct", LIMIT, 0 },
	{ "indirect", LIMIT, 0 },
	{ "subtail", LIMIT, 0 },
	{ "stk", LIMIT, 0 },
	{ "regs", LIMIT, 0 },
	{ "leafcall", 1, REACHED },
	{ "miss", 0, 0 },
};

static struct kernel kernels[MAX_KERNELS];
static size_t nr_kernels;

__u64 floor_array[2 + SLOTS];

/* All that a BPF program reads of a packet is in here. */
static unsigned char context[4096];

static void __attribute__((noreturn, format(printf, 1, 2)))
die(const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "tailcall_native: ");
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\n");
	exit(1);
}

/* ---- reading and relocating -------------------------------------------------- */

static size_t from_hex(const char *hex, unsigned char *bytes, size_t max)
{
	unsigned int byte;
	size_t n = 0;

	while (n < max && sscanf(hex + 2 * n, "%2x", &byte) == 1)
		bytes[n++] = byte;
	return n;
}

static void set_offset(struct kernel *k, const char *name, long offset)
{
	if (!strcmp(name, "bpf_map.max_entries"))
		k->max_entries = offset;
	else if (!strcmp(name, "bpf_array.map"))
		k->map = offset;
	else if (!strcmp(name, "bpf_array.ptrs"))
		k->ptrs = offset;
	else if (!strcmp(name, "bpf_prog.bpf_func"))
		k->bpf_func = offset;
}

static void read_dump(struct kernel *k, const char *path)
{
	FILE *f = fopen(path, "r");
	char *line = NULL;
	size_t size = 0;

	if (!f)
		die("cannot read %s: make it with tailcall_bench --dump", path);
	k->max_entries = -1;
	k->map = -1;
	k->ptrs = -1;
	k->bpf_func = -1;
	while (getline(&line, &size, f) > 0) {
		struct func *fn = &k->funcs[k->nr];
		unsigned long long addr;
		char name[64];
		long offset;
		int hex;

		if (sscanf(line, "offset %63s %ld", name, &offset) == 2) {
			set_offset(k, name, offset);
			continue;
		}
		if (sscanf(line, "code %31s %u %llx %n", fn->prog, &fn->index,
			   &addr, &hex) != 3)
			continue;
		if (k->nr == MAX_FUNCS)
			die("%s has too many functions", path);
		fn->kernel = addr;
		fn->dump = malloc(strlen(line + hex));
		if (!fn->dump)
			die("out of memory");
		fn->len = from_hex(line + hex, fn->dump, strlen(line + hex) / 2);
		k->nr++;
	}
	free(line);
	fclose(f);
	if (!k->nr || k->max_entries < 0 || k->map < 0 || k->ptrs < 0 ||
	    k->bpf_func < 0)
		die("%s is no complete dump of tailcall_bench", path);
}

static void *zeroes(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		die("out of memory");
	return p;
}

/*
 * "movabs reg, imm64" with a kernel address: in these programs that can only be
 * the one prog_array. Returns that address, or 0 if there is none.
 */
static __u64 patch_map(const struct func *fn, unsigned char *code,
		       __u64 map, const void *standin)
{
	size_t i;

	for (i = 0; i + 10 <= fn->len; i++) {
		__u64 imm;

		/* Behind the function are the stubs of its tail calls: movabs r11, site. */
		if (code[i] == 0x49 && code[i + 1] == 0xbb)
			break;
		if ((code[i] & 0xfe) != 0x48 || (code[i + 1] & 0xf8) != 0xb8)
			continue;
		memcpy(&imm, code + i + 2, 8);
		if (imm < ABOVE_USER)
			continue;
		if (map && imm != map)
			die("%s has addresses of two objects: %llx and %llx",
			    fn->prog, (unsigned long long)map,
			    (unsigned long long)imm);
		map = imm;
		memcpy(code + i + 2, &standin, 8);
	}
	return map;
}

static __u64 page_of(__u64 addr)
{
	return addr & ~4095ULL;
}

/* One copy of all functions, as far from each other as in the kernel. */
static void relocate(struct kernel *k, int place)
{
	__u64 first = UINT64_MAX, last = 0, map = 0;
	unsigned char *here;
	size_t i, span;

	k->array[place] = zeroes(65536);
	for (i = 0; i < k->nr; i++) {
		const struct func *fn = &k->funcs[i];

		if (fn->kernel < first)
			first = fn->kernel;
		if (fn->kernel + fn->len > last)
			last = fn->kernel + fn->len;
	}
	first = page_of(first);
	if (last - first > MAX_SPAN)
		die("%s: the functions are too far apart", k->name);
	span = page_of(last - first + 4096 + 4095);
	here = mmap(NULL, span, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (here == MAP_FAILED)
		die("out of memory");

	/* What is between the functions stops whoever gets there. */
	for (i = 0; i < k->nr; i++)
		memset(here + page_of(k->funcs[i].kernel - first), INT3, 2 * 4096);
	for (i = 0; i < k->nr; i++) {
		struct func *fn = &k->funcs[i];
		unsigned char *to = here + (fn->kernel - first) + place * SHIFT;

		memcpy(to, fn->dump, fn->len);
		map = patch_map(fn, to, map, k->array[place]);
		fn->code[place] = to;
	}
	if (!map)
		die("%s: there is no address of a prog_array in the code",
		    k->name);
	if (mprotect(here, span, PROT_READ | PROT_EXEC))
		die("no executable memory here: a security policy forbids it, run elsewhere");
}

static struct func *find_func(struct kernel *k, const char *prog,
			      unsigned int index)
{
	size_t i;

	for (i = 0; i < k->nr; i++)
		if (!strcmp(k->funcs[i].prog, prog) &&
		    k->funcs[i].index == index)
			return &k->funcs[i];
	return NULL;
}

/* A stand-in for struct bpf_prog in a slot of the prog_array. */
static void set_slot(struct kernel *k, int place, int slot, struct func *fn)
{
	unsigned char *array = k->array[place];
	unsigned char *prog = array + 4096 * (1 + slot);

	memcpy(prog + k->bpf_func, &fn->code[place], 8);
	memcpy(array + k->ptrs + 8 * slot, &prog, 8);
}

static bpf_func_t prepare(struct kernel *k, int place, const char *prog)
{
	struct func *fn = find_func(k, prog, 0);
	struct func *callee = find_func(k, "callee", 0);
	__u32 slots = SLOTS;

	if (!fn || !callee)
		return NULL;
	memcpy(k->array[place] + k->map + k->max_entries, &slots, 4);
	set_slot(k, place, SELF, fn);
	set_slot(k, place, CALLEE, callee);
	return (bpf_func_t)fn->code[place];
}

/* ---- one run in single steps -------------------------------------------------- */

static struct {
	struct kernel *k;
	int place;
	unsigned int steps, tail_calls;
	unsigned char *prev;
	struct func *prev_fn;
	bool inside;
	const char *fault;
	sigjmp_buf out;
} trace;

static struct func *func_at(const unsigned char *ip)
{
	size_t i;

	for (i = 0; i < trace.k->nr; i++) {
		struct func *fn = &trace.k->funcs[i];

		if (ip >= fn->code[trace.place] &&
		    ip < fn->code[trace.place] + fn->len)
			return fn;
	}
	return NULL;
}

static bool is_jump(const unsigned char *insn)
{
	return *insn == 0xe9 || *insn == 0xeb ||
	       (insn[0] == 0xff && (insn[1] & 0xf8) == 0xe0);
}

/*
 * Called before each insn. A tail call is a jump to a main program, backwards
 * or to another one, behind its first insn.
 */
static void on_step(int sig, siginfo_t *info, void *ucontext)
{
	ucontext_t *uc = ucontext;
	unsigned char *ip = (void *)uc->uc_mcontext.gregs[REG_RIP];
	struct func *fn = func_at(ip);

	(void)sig;
	(void)info;
	if (!fn) {
		/* The harness, before the call and behind it. */
		if (trace.inside && *trace.prev != 0xc3) {
			trace.fault = "it leaves the dumped functions";
			siglongjmp(trace.out, 1);
		}
		trace.inside = false;
		return;
	}
	if (trace.inside && is_jump(trace.prev) && !fn->index &&
	    ip > fn->code[trace.place] && ip < fn->code[trace.place] + 64 &&
	    (fn != trace.prev_fn || ip < trace.prev))
		trace.tail_calls++;
	trace.inside = true;
	trace.prev = ip;
	trace.prev_fn = fn;
	if (++trace.steps > MAX_STEPS) {
		trace.fault = "it does not end";
		siglongjmp(trace.out, 1);
	}
}

static void on_fault(int sig)
{
	trace.fault = sig == SIGSEGV ? "it touches memory that is not there" :
				       "it is no valid code here";
	siglongjmp(trace.out, 1);
}

#define TRAP_FLAG "$0x100"

static __u32 step_through(bpf_func_t run)
{
	__u32 ret;

	asm volatile("pushfq; orq " TRAP_FLAG ", (%%rsp); popfq" ::: "memory", "cc");
	ret = run(context, NULL);
	asm volatile("pushfq; andq $~0x100, (%%rsp); popfq" ::: "memory", "cc");
	return ret;
}

/* Why the program cannot be timed, or NULL. */
static const char *check(struct kernel *k, int place,
			 const struct program *p, bpf_func_t run)
{
	static char why[96];
	__u32 ret;

	memset(&trace, 0, sizeof(trace));
	trace.k = k;
	trace.place = place;
	if (sigsetjmp(trace.out, 1)) {
		asm volatile("pushfq; andq $~0x100, (%%rsp); popfq" ::: "memory", "cc");
		return trace.fault;
	}
	ret = step_through(run);
	if (ret != p->ret)
		snprintf(why, sizeof(why), "it returns %u and not %u", ret,
			 p->ret);
	else if (trace.tail_calls != p->tail_calls)
		snprintf(why, sizeof(why), "it makes %u tail calls and not %u",
			 trace.tail_calls, p->tail_calls);
	else
		return NULL;
	return why;
}

/* ---- time ------------------------------------------------------------------------ */

static __u64 now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

static double round_of(bpf_func_t run)
{
	__u64 start = now();
	int i;

	for (i = 0; i < BATCH; i++)
		run(context, NULL);
	return (double)(now() - start) / BATCH;
}

struct variant {
	const char *name;
	bpf_func_t run[PLACES];
	unsigned int steps, tail_calls;
	double took[ROUNDS];
};

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* Steps of the empty program of each kernel: counts are over that. */
static unsigned int empty_steps[MAX_KERNELS];

/* Ready to be timed? If not, why. */
static const char *get_variant(struct variant *v, struct kernel *k,
			       const struct program *p)
{
	int place;

	v->name = k->name;
	for (place = 0; place < PLACES; place++) {
		const char *why;

		v->run[place] = prepare(k, place, p->name);
		if (!v->run[place])
			return "it was not dumped";
		why = check(k, place, p, v->run[place]);
		if (why)
			return why;
	}
	v->steps = trace.steps;
	v->tail_calls = trace.tail_calls;
	return NULL;
}

/* A copy at the same places as those of what the kernels emitted. */
static bpf_func_t copy_floor(int place, const unsigned char *begin,
			     const unsigned char *end)
{
	unsigned char *page = zeroes(4096);

	memcpy(page + place * SHIFT, begin, end - begin);
	if (mprotect(page, 4096, PROT_READ | PROT_EXEC))
		die("no executable memory here");
	return (bpf_func_t)(page + place * SHIFT);
}

static void get_floor(struct variant *v, const struct program *p)
{
	bool direct = !strcmp(p->name, "direct");
	int place;

	v->name = "floor";
	v->steps = 0;
	v->tail_calls = p->tail_calls;
	for (place = 0; place < PLACES; place++)
		v->run[place] = direct ?
			copy_floor(place, floor_direct, floor_direct_end) :
			copy_floor(place, floor_indirect, floor_indirect_end);
}

static void time_program(const struct program *p)
{
	static struct variant variants[MAX_KERNELS + 1];
	size_t nr = 0, i;
	int round;

	for (i = 0; i < nr_kernels; i++) {
		struct variant *v = &variants[nr];
		const char *why = get_variant(v, &kernels[i], p);

		if (why) {
			printf("left-out %s %s %s\n", p->name, v->name, why);
			continue;
		}
		if (!strcmp(p->name, "empty"))
			empty_steps[i] = v->steps;
		v->steps -= empty_steps[i];
		nr++;
	}
	if (!strcmp(p->name, "empty"))
		return;
	if (!strcmp(p->name, "direct") || !strcmp(p->name, "indirect"))
		get_floor(&variants[nr++], p);

	/* In turn, so that whatever else the machine does hits all alike. */
	for (round = 0; round < ROUNDS; round++) {
		for (i = 0; i < nr; i++) {
			struct variant *v = &variants[i];
			bpf_func_t run = v->run[round % PLACES];

			/* The floor's tail callee is the floor itself. */
			floor_array[1] = (uintptr_t)run;
			v->took[round] = round_of(run);
		}
	}
	for (i = 0; i < nr; i++) {
		struct variant *v = &variants[i];

		qsort(v->took, ROUNDS, sizeof(v->took[0]), compare);
		printf("native %s %s %.2f %.2f %u %u\n", p->name, v->name,
		       v->took[0], v->took[ROUNDS / 2], v->steps,
		       v->tail_calls);
	}
	fflush(stdout);
}

static void catch(int sig, void (*handler)(int sig))
{
	struct sigaction act = { .sa_handler = handler, .sa_flags = SA_ONSTACK };

	sigaction(sig, &act, NULL);
}

static void set_signals(void)
{
	struct sigaction step = {
		.sa_sigaction = on_step,
		.sa_flags = SA_SIGINFO | SA_ONSTACK,
	};
	stack_t stack = { .ss_sp = zeroes(65536), .ss_size = 65536 };

	sigaltstack(&stack, NULL);
	sigaction(SIGTRAP, &step, NULL);
	catch(SIGSEGV, on_fault);
	catch(SIGBUS, on_fault);
	catch(SIGILL, on_fault);
}

int main(int argc, char **argv)
{
	size_t i;
	int place;

	if (argc < 2 || argc > MAX_KERNELS + 1) {
		fprintf(stderr, "Usage: tailcall_native NAME=DUMP...\n"
			"Prints: native PROGRAM NAME MINIMUM MEDIAN (ns a run) INSNS TAILCALLS\n");
		return 2;
	}
	for (i = 1; i < (size_t)argc; i++) {
		struct kernel *k = &kernels[nr_kernels++];
		char *path = strchr(argv[i], '=');

		if (!path)
			die("'%s' is not NAME=DUMP", argv[i]);
		*path++ = 0;
		k->name = argv[i];
		read_dump(k, path);
		for (place = 0; place < PLACES; place++)
			relocate(k, place);
	}
	floor_array[0] = SLOTS;
	/* ptrs[SELF]: bpf_func is at 8 in what it points to. */
	floor_array[2 + SELF] = (uintptr_t)floor_array;

	set_signals();
	for (i = 0; i < ARRAY_SIZE(programs); i++)
		time_program(&programs[i]);
	return 0;
}
