// SPDX-License-Identifier: GPL-2.0
/*
 * From a description to programs: instructions, BTF, and loading.
 *
 * Every function logs that it is entered, what each of its calls returned, and each
 * tail call that was not made. What it keeps in registers and on its stack comes from
 * one number that no other entry of the run has, and that the verifier does not know,
 * so that it leaves the comparisons in.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <linux/bpf.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "fuzz_code.h"

/* The headers of Debian 12 are those of 6.1. */
#define MAP_TYPE_ARENA		33
#define ADDR_SPACE_CAST		1
#ifndef BPF_LOAD_ACQ
#define BPF_LOAD_ACQ		0x100
#define BPF_STORE_REL		0x110
#endif
#ifndef BPF_JCOND
#define BPF_JCOND		0xe0
#endif
/* The register that names arguments beyond the fifth. */
#define REG_ARGS		11


struct shared *shared;
static int shared_fd;
static int arena_fd = -1;
/* Where it would be in user space; programs have the lower half of it. */
static __u32 *arena;
/* Of the kernel's function bpf_throw(). */
static int throw_id;

/* ---- BTF ----------------------------------------------------------------------- */

int btf_fd;
__u32 timer_key_id, timer_value_id;
/* Functions are int (struct CTX *ctx), a callback is int (unsigned int, void *). */
static __u32 func_id[8][2][MAX_FUNCS];
static __u32 callback_id[MAX_FUNCS];
/* With this many arguments. */
static __u32 taker_id[8][MAX_ARGS + 1][MAX_FUNCS];

static __u32 must_add(int id)
{
	if (id < 0)
		stop(4, "cannot make BTF: %s", strerror(-id));
	return id;
}

static void add_takers(struct btf *btf, size_t type, int ret, __u32 ctx, int wide)
{
	char name[32];
	int args, i;

	for (args = 6; args <= MAX_ARGS; args++) {
		__u32 proto = must_add(btf__add_func_proto(btf, ret));

		btf__add_func_param(btf, "ctx", ctx);
		for (i = 2; i <= args; i++) {
			snprintf(name, sizeof(name), "arg%d", i);
			btf__add_func_param(btf, name, wide);
		}
		for (i = 0; i < MAX_FUNCS; i++) {
			snprintf(name, sizeof(name), "t%zu_%d_%d", type, args, i);
			taker_id[type][args][i] =
				must_add(btf__add_func(btf, name, BTF_FUNC_STATIC, proto));
		}
	}
}

static void add_funcs(struct btf *btf, size_t type, int ret, int wide)
{
	__u32 ctx = 0, proto;
	int i, global;

	if (types[type].ctx) {
		ctx = must_add(btf__add_struct(btf, types[type].ctx, 4));
		btf__add_field(btf, "field", ret, 0, 0);
	}
	ctx = must_add(btf__add_ptr(btf, ctx));
	proto = must_add(btf__add_func_proto(btf, ret));
	btf__add_func_param(btf, "ctx", ctx);
	for (global = 0; global < 2; global++) {
		for (i = 0; i < MAX_FUNCS; i++) {
			char name[32];

			snprintf(name, sizeof(name), "%c%zu_%d", global ? 'g' : 's',
				 type, i);
			func_id[type][global][i] =
				must_add(btf__add_func(btf, name, global ? BTF_FUNC_GLOBAL :
						       BTF_FUNC_STATIC, proto));
		}
	}
	add_takers(btf, type, ret, ctx, wide);
}

static __u32 btf_id(const struct set *set, int prog, int func)
{
	const struct func *f = &set->prog[prog].func[func];
	__u8 type = set->prog[prog].type;

	if (f->callback)
		return callback_id[func];
	return f->args ? taker_id[type][f->args][func] : func_id[type][f->global][func];
}

/* The last type's context has no name. */
__u32 plain_id(int func)
{
	return func_id[type_count - 1][0][func];
}

static void add_timer(struct btf *btf, int num, int wide)
{
	int timer = must_add(btf__add_struct(btf, "bpf_timer", 16));

	btf__add_field(btf, "one", wide, 0, 0);
	btf__add_field(btf, "two", wide, 64, 0);
	timer_key_id = num;
	timer_value_id = must_add(btf__add_struct(btf, "fuzz_timer", 16));
	btf__add_field(btf, "timer", timer, 0, 0);
}

static void load_btf(void)
{
	struct btf *btf = btf__new_empty();
	__u32 num, wide, ptr, proto;
	size_t type;
	int i;

	if (libbpf_get_error(btf))
		stop(4, "no memory for BTF");
	num = must_add(btf__add_int(btf, "int", 4, BTF_INT_SIGNED));
	wide = must_add(btf__add_int(btf, "long", 8, BTF_INT_SIGNED));
	for (type = 0; type < type_count; type++)
		add_funcs(btf, type, num, wide);
	add_timer(btf, num, wide);
	ptr = must_add(btf__add_ptr(btf, 0));
	proto = must_add(btf__add_func_proto(btf, num));
	btf__add_func_param(btf, "i", num);
	btf__add_func_param(btf, "data", ptr);
	for (i = 0; i < MAX_FUNCS; i++) {
		char name[32];

		snprintf(name, sizeof(name), "c%d", i);
		callback_id[i] = must_add(btf__add_func(btf, name, BTF_FUNC_STATIC, proto));
	}
	if (btf__load_into_kernel(btf))
		stop(4, "cannot load BTF: %s", strerror(errno));
	/* It stays open until the end. */
	btf_fd = btf__fd(btf);
}

int emit_init(void)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);

	shared_fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "shared", 4, sizeof(*shared), 1, &opts);
	if (shared_fd < 0)
		return -errno;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED, shared_fd, 0);
	if (shared == MAP_FAILED)
		return -errno;
	load_btf();
	return 0;
}

/* ---- instructions -------------------------------------------------------------- */

static bool may_sleep(const struct type *type)
{
	return type->prog_type == BPF_PROG_TYPE_SYSCALL;
}

void emit(struct code *c, struct bpf_insn insn)
{
	if (c->count == MAX_INSNS) {
		c->too_large = true;
		return;
	}
	c->insn[c->count++] = insn;
}

void to_label(struct code *c, int label)
{
	if (c->fixups == MAX_FIXUPS) {
		c->too_large = true;
		return;
	}
	c->fixup[c->fixups].at = c->count - 1;
	c->fixup[c->fixups++].label = label;
}

void place(struct code *c, int label)
{
	int i, left = 0;

	for (i = 0; i < c->fixups; i++) {
		struct bpf_insn *insn = &c->insn[c->fixup[i].at];
		int distance = c->count - c->fixup[i].at - 1;

		if (c->fixup[i].label != label)
			c->fixup[left++] = c->fixup[i];
		else if (label < FUNC_LABEL)
			insn->off = distance;
		else
			insn->imm = distance;
	}
	c->fixups = left;
}

void emit_imm64(struct code *c, int reg, int kind, __u64 value)
{
	emit(c, INSN(BPF_LD | BPF_IMM | BPF_DW, reg, kind, 0, (__u32)value));
	emit(c, IMM64_END(value >> 32));
}

void emit_shared(struct code *c, int reg)
{
	emit_imm64(c, reg, BPF_PSEUDO_MAP_VALUE, (__u32)shared_fd);
}

/*
 * Log an event with 32 bits of R3. R1 has the address of struct shared; R4 and R5 are
 * lost. The array is larger than all that a run can log. For the verifier the position
 * is cut to size and not compared: it need not look at what would follow.
 */
static void emit_log(struct code *c, enum what event, int func, int step)
{
	__u32 upper = EVENT(event, c->prog, func, step, 0) >> 32;

	emit(c, LOAD(BPF_REG_4, BPF_REG_1, OFF(used)));
	emit(c, MOV_REG(BPF_REG_5, BPF_REG_4));
	emit(c, ALU_IMM(BPF_AND, BPF_REG_5, EVENTS - 1));
	emit(c, ALU_IMM(BPF_LSH, BPF_REG_5, 3));
	emit(c, ALU_REG(BPF_ADD, BPF_REG_5, BPF_REG_1));
	emit(c, INSN(BPF_STX | BPF_MEM | BPF_W, BPF_REG_5, BPF_REG_3, OFF(event), 0));
	emit(c, INSN(BPF_ST | BPF_MEM | BPF_W, BPF_REG_5, 0, OFF(event) + 4, upper));
	emit(c, ALU_IMM(BPF_ADD, BPF_REG_4, 1));
	emit(c, STORE_REG(BPF_REG_1, BPF_REG_4, OFF(used)));
}

/* Where a function has its homes: the kept ones at the end of the frame. */
struct places {
	int ctx, sum, key, round;
	int kept[MAX_KEPT];
};

static struct places find_places(const struct func *f)
{
	struct places at = {};
	int i, top = 0, bottom = -f->stack;

	if (f->ctx_home == ON_STACK)
		at.ctx = top -= 8;
	if (f->sum_home == ON_STACK)
		at.sum = top -= 8;
	if (function_has(f, HELPER))
		at.key = top -= 8;
	if (function_repeats(f))
		at.round = top -= 8;
	for (i = 0; i < f->kept_count; i++) {
		if (f->kept[i].home != ON_STACK)
			continue;
		at.kept[i] = bottom;
		bottom += 8;
	}
	return at;
}

/* R0 = where on the stack, through a copy of R10. */
static void emit_address(struct code *c, int offset)
{
	emit(c, MOV_REG(BPF_REG_0, BPF_REG_10));
	emit(c, ALU_IMM(BPF_ADD, BPF_REG_0, offset));
}

static void emit_xor(struct code *c, int reg, const struct kept *k)
{
	if (k->wide) {
		emit_imm64(c, BPF_REG_5, 0, k->key);
		emit(c, ALU_REG(BPF_XOR, reg, BPF_REG_5));
	} else {
		emit(c, ALU_IMM(BPF_XOR, reg, (__s32)k->key));
	}
}

/* Keep R2, with a key. */
static void emit_keep(struct code *c, const struct kept *k, int offset)
{
	enum how how = k->how;

	if (how == STORE_EXCHANGE && !kernel.has_loop)
		how = STORE_ADD;
	if (how == STORE_RELEASE && !kernel.has_acquire)
		how = STORE;

	emit(c, MOV_REG(BPF_REG_4, BPF_REG_2));
	emit_xor(c, BPF_REG_4, k);
	if (k->home != ON_STACK) {
		emit(c, MOV_REG(k->home, BPF_REG_4));
		return;
	}
	switch (how) {
	case STORE:
		emit(c, STORE_REG(BPF_REG_10, BPF_REG_4, offset));
		break;
	case STORE_COPY:
		emit_address(c, offset);
		emit(c, STORE_REG(BPF_REG_0, BPF_REG_4, 0));
		break;
	case STORE_SPILLED:
		emit(c, STORE_REG(BPF_REG_10, BPF_REG_10, offset));
		emit(c, LOAD(BPF_REG_0, BPF_REG_10, offset));
		/* Each of the two comes first in some. */
		if (k->key & 1)
			emit(c, JUMP_REG(BPF_JNE, BPF_REG_10, BPF_REG_0, 0));
		else
			emit(c, JUMP_REG(BPF_JNE, BPF_REG_0, BPF_REG_10, 0));
		to_label(c, STOP_LABEL);
		emit(c, STORE_REG(BPF_REG_0, BPF_REG_4, offset));
		break;
	case STORE_HALVES:
		emit(c, INSN(BPF_STX | BPF_MEM | BPF_W, BPF_REG_10, BPF_REG_4, offset, 0));
		emit(c, ALU_IMM(BPF_RSH, BPF_REG_4, 32));
		emit(c, INSN(BPF_STX | BPF_MEM | BPF_W, BPF_REG_10, BPF_REG_4, offset + 4, 0));
		break;
	case STORE_EXCHANGE:
		emit(c, STORE_IMM(BPF_REG_10, offset, 1));
		emit(c, ATOMIC(BPF_REG_10, BPF_REG_4, offset, BPF_XCHG));
		break;
	case STORE_RELEASE:
		emit(c, ATOMIC(BPF_REG_10, BPF_REG_4, offset, BPF_STORE_REL));
		break;
	default:
		emit(c, ALU_IMM(BPF_SUB, BPF_REG_4, 12345));
		emit(c, STORE_REG(BPF_REG_10, BPF_REG_4, offset));
		emit(c, MOV_IMM(BPF_REG_4, 12345));
		emit(c, ATOMIC(BPF_REG_10, BPF_REG_4, offset, BPF_ADD));
		break;
	}
}

/* @reg = what was kept, without the key. */
static void emit_kept(struct code *c, const struct kept *k, int offset, int reg)
{
	if (k->home != ON_STACK) {
		emit(c, MOV_REG(reg, k->home));
	} else if (k->how == STORE_COPY) {
		emit_address(c, offset);
		emit(c, LOAD(reg, BPF_REG_0, 0));
	} else if (k->how == STORE_RELEASE && kernel.has_acquire) {
		emit(c, ATOMIC(reg, BPF_REG_10, offset, BPF_LOAD_ACQ));
	} else {
		emit(c, LOAD(reg, BPF_REG_10, offset));
	}
	emit_xor(c, reg, k);
}

/* All that is kept must be there, and of this entry. R1 is as in emit_log(). */
static void emit_check(struct code *c, const struct func *f, const struct places *at,
		       int func, int step)
{
	int i;

	if (!f->kept_count)
		return;
	emit_kept(c, &f->kept[0], at->kept[0], BPF_REG_2);
	emit(c, MOV_REG(BPF_REG_3, BPF_REG_2));
	emit_log(c, KEPT, func, step);
	for (i = 1; i < f->kept_count; i++) {
		emit_kept(c, &f->kept[i], at->kept[i], BPF_REG_3);
		emit(c, MOV_IMM(BPF_REG_0, i));
		emit(c, JUMP_REG(BPF_JNE, BPF_REG_3, BPF_REG_2, 0));
		to_label(c, BROKEN_LABEL);
	}
}

/* R3 = the stack that is used, as R10 tells it. R1 is as in emit_log(). */
static void emit_measure(struct code *c)
{
	if (!c->measures) {
		emit(c, MOV_IMM(BPF_REG_3, 0));
		return;
	}
	/* Once it was in memory it is a number for the verifier. */
	emit(c, STORE_REG(BPF_REG_1, BPF_REG_10, OFF(r10)));
	emit(c, LOAD(BPF_REG_2, BPF_REG_1, OFF(r10)));
	emit(c, LOAD(BPF_REG_3, BPF_REG_1, OFF(top)));
	emit(c, JUMP_IMM(BPF_JNE, BPF_REG_3, 0, 2));
	emit(c, STORE_REG(BPF_REG_1, BPF_REG_2, OFF(top)));
	emit(c, MOV_REG(BPF_REG_3, BPF_REG_2));
	emit(c, ALU_REG(BPF_SUB, BPF_REG_3, BPF_REG_2));
}

/*
 * .args = what the arguments are, in one number. Those on the stack can only be read
 * before anything else is called or handed over.
 */
static void emit_hash(struct code *c, const struct func *f)
{
	int i;

	emit(c, MOV_REG(BPF_REG_0, BPF_REG_2));
	for (i = 3; i <= f->args; i++) {
		emit(c, ALU_IMM(BPF_MUL, BPF_REG_0, 3));
		if (i > 5)
			emit(c, LOAD(BPF_REG_2, REG_ARGS, 8 * (i - 5)));
		emit(c, ALU_REG(BPF_ADD, BPF_REG_0, i > 5 ? BPF_REG_2 : i));
	}
	emit(c, MOV_REG(BPF_REG_2, BPF_REG_0));
	emit(c, ALU_IMM(BPF_RSH, BPF_REG_2, 32));
	emit(c, ALU_REG(BPF_XOR, BPF_REG_0, BPF_REG_2));
	emit_shared(c, BPF_REG_1);
	emit(c, STORE_REG(BPF_REG_1, BPF_REG_0, OFF(args)));
}

static void emit_entry(struct code *c, const struct func *f, const struct places *at, int func)
{
	int i;

	if (f->ctx_home >= FIRST_KEEPER)
		emit(c, MOV_REG(f->ctx_home, BPF_REG_1));
	else if (f->ctx_home == ON_STACK)
		emit(c, STORE_REG(BPF_REG_10, BPF_REG_1, at->ctx));
	if (f->stack > homes(f))
		emit(c, STORE_IMM(BPF_REG_10, -f->stack, 0));
	if (f->args)
		emit_hash(c, f);
	emit_shared(c, BPF_REG_1);
	emit_measure(c);
	emit(c, LOAD(BPF_REG_2, BPF_REG_1, OFF(fuel)));
	emit(c, JUMP_IMM(BPF_JEQ, BPF_REG_2, 0, 0));
	to_label(c, STOP_LABEL);
	emit(c, ALU_IMM(BPF_SUB, BPF_REG_2, 1));
	emit(c, STORE_REG(BPF_REG_1, BPF_REG_2, OFF(fuel)));
	emit(c, LOAD(BPF_REG_4, BPF_REG_1, OFF(base)));
	emit(c, ALU_REG(BPF_ADD, BPF_REG_2, BPF_REG_4));
	emit_log(c, ENTER, func, 0);
	/* A difference that is negative is far too much. */
	emit(c, JUMP_IMM(BPF_JGT, BPF_REG_3, c->stack_limit, 0));
	to_label(c, STOP_LABEL);
	if (f->args) {
		emit(c, LOAD(BPF_REG_3, BPF_REG_1, OFF(args)));
		emit_log(c, ARGS, func, 0);
	}
	for (i = 0; i < f->kept_count; i++)
		emit_keep(c, &f->kept[i], at->kept[i]);
	if (f->sum_home >= FIRST_KEEPER)
		emit(c, MOV_IMM(f->sum_home, 0));
	else if (f->sum_home == ON_STACK)
		emit(c, STORE_IMM(BPF_REG_10, at->sum, 0));
}

static void emit_ctx(struct code *c, const struct func *f, const struct places *at)
{
	if (f->ctx_home >= FIRST_KEEPER)
		emit(c, MOV_REG(BPF_REG_1, f->ctx_home));
	else
		emit(c, LOAD(BPF_REG_1, BPF_REG_10, at->ctx));
}

/* sum = sum * 3 + R0, of which the lower half counts; R3 = R0. */
static void emit_sum(struct code *c, const struct func *f, const struct places *at)
{
	int reg = f->sum_home >= FIRST_KEEPER ? f->sum_home : BPF_REG_2;

	emit(c, MOV_REG(BPF_REG_3, BPF_REG_0));
	if (!f->sum_home)
		return;
	if (f->sum_home == ON_STACK)
		emit(c, LOAD(reg, BPF_REG_10, at->sum));
	emit(c, ALU32_IMM(BPF_MUL, reg, 3));
	emit(c, ALU32_REG(BPF_ADD, reg, BPF_REG_0));
	if (f->sum_home == ON_STACK)
		emit(c, STORE_REG(BPF_REG_10, reg, at->sum));
}

static void emit_tail_call(struct code *c, const struct step *s)
{
	emit_imm64(c, BPF_REG_2, BPF_PSEUDO_MAP_FD, (__u32)c->array_fd[s->array]);
	if (s->form == DIRECT) {
		emit(c, MOV_IMM(BPF_REG_3, (__s32)index_value(s->to)));
	} else {
		emit_shared(c, BPF_REG_4);
		emit(c, LOAD(BPF_REG_3, BPF_REG_4, OFF(index) + 8 * s->to));
	}
	emit(c, CALL_INSN(0, BPF_FUNC_tail_call));
}

/* Arguments behind the context: of the position in the log, or a constant. */
static void emit_args(struct code *c, const struct step *s, int args)
{
	int i;

	emit_shared(c, BPF_REG_1);
	emit(c, LOAD(BPF_REG_0, BPF_REG_1, OFF(used)));
	for (i = 6; i <= args; i++) {
		__s32 value = arg_value(s, i, 0);

		if (s->form == DIRECT && i % 2) {
			emit(c, STORE_IMM(REG_ARGS, -8 * (i - 5), value));
			continue;
		}
		emit(c, MOV_REG(BPF_REG_2, BPF_REG_0));
		emit(c, ALU_IMM(BPF_ADD, BPF_REG_2, value));
		emit(c, STORE_REG(REG_ARGS, BPF_REG_2, -8 * (i - 5)));
	}
	for (i = 2; i <= 5; i++) {
		emit(c, MOV_REG(i, BPF_REG_0));
		emit(c, ALU_IMM(BPF_ADD, i, (__s32)arg_value(s, i, 0)));
	}
}

void emit_func_address(struct code *c, int reg, int func)
{
	emit_imm64(c, reg, BPF_PSEUDO_FUNC, 0);
	c->count--;
	to_label(c, FUNC_LABEL + func);
	c->count++;
}

/* With flags that are a constant the verifier makes a loop of it. */
static void emit_loop(struct code *c, const struct step *s)
{
	if (s->form == DIRECT) {
		emit(c, MOV_IMM(BPF_REG_4, 0));
	} else {
		emit_shared(c, BPF_REG_4);
		emit(c, LOAD(BPF_REG_4, BPF_REG_4, OFF(index)));
	}
	emit(c, MOV_IMM(BPF_REG_1, s->times));
	emit_func_address(c, BPF_REG_2, s->to);
	emit(c, MOV_IMM(BPF_REG_3, 0));
	emit(c, CALL_INSN(0, BPF_FUNC_loop));
}

/* The address of struct shared in R1 as a helper has it, and R3 = 0. */
static void emit_helper(struct code *c, const struct places *at)
{
	emit(c, STORE_IMM(BPF_REG_10, at->key, 0));
	emit_imm64(c, BPF_REG_1, BPF_PSEUDO_MAP_FD, (__u32)shared_fd);
	emit(c, MOV_REG(BPF_REG_2, BPF_REG_10));
	emit(c, ALU_IMM(BPF_ADD, BPF_REG_2, at->key));
	emit(c, CALL_INSN(0, BPF_FUNC_map_lookup_elem));
	emit(c, MOV_REG(BPF_REG_1, BPF_REG_0));
	emit(c, MOV_IMM(BPF_REG_3, 0));
	emit(c, JUMP_IMM(BPF_JNE, BPF_REG_1, 0, 2));
	emit(c, MOV_IMM(BPF_REG_0, 0));
	emit(c, EXIT());
}

/* R0 = what stands there. The verifier wants to see a cast before. */
static void emit_arena(struct code *c)
{
	emit_imm64(c, BPF_REG_1, BPF_PSEUDO_MAP_FD, (__u32)arena_fd);
	emit_imm64(c, BPF_REG_2, 0, (uintptr_t)arena);
	emit(c, INSN(BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_2, BPF_REG_2, ADDR_SPACE_CAST, 1));
	emit(c, INSN(BPF_LDX | BPF_MEM | BPF_W, BPF_REG_0, BPF_REG_2, 0, 0));
}

static void emit_throw(struct code *c, __u32 value)
{
	emit(c, MOV_IMM(BPF_REG_1, value));
	emit(c, CALL_INSN(BPF_PSEUDO_KFUNC_CALL, throw_id));
}

/* Of what throws_now() says; R1 is as in emit_log(). */
static void emit_throw_now(struct code *c, int func, int step, __u32 value)
{
	int jump;

	emit_shared(c, BPF_REG_1);
	emit(c, LOAD(BPF_REG_2, BPF_REG_1, OFF(used)));
	jump = c->count;
	emit(c, INSN(BPF_JMP | BPF_JSET | BPF_K, BPF_REG_2, 0, 0, 3));
	emit(c, MOV_IMM(BPF_REG_3, 0));
	emit_log(c, THROWN, func, step);
	emit_throw(c, value);
	c->insn[jump].off = c->count - jump - 1;
}

static void emit_once(struct code *c, const struct func *f, const struct places *at, int func,
		      int step)
{
	const struct step *s = &f->step[step];

	switch (s->kind) {
	case PASS:
	case CALL:
		if (s->kind == PASS)
			emit_args(c, s, (f + s->to - func)->args);
		emit_ctx(c, f, at);
		emit(c, CALL_INSN(BPF_PSEUDO_CALL, 0));
		to_label(c, FUNC_LABEL + s->to);
		emit_sum(c, f, at);
		emit_shared(c, BPF_REG_1);
		emit_log(c, BACK, func, step);
		break;
	case TAIL:
		emit_ctx(c, f, at);
		emit_tail_call(c, s);
		emit_shared(c, BPF_REG_1);
		emit(c, MOV_IMM(BPF_REG_3, 0));
		emit_log(c, MISS, func, step);
		break;
	case LOOP:
		emit_loop(c, s);
		emit_sum(c, f, at);
		emit_shared(c, BPF_REG_1);
		emit_log(c, BACK, func, step);
		break;
	case HELPER:
		emit_helper(c, at);
		emit_log(c, BACK, func, step);
		break;
	case ARENA:
		emit_arena(c);
		emit_sum(c, f, at);
		emit_shared(c, BPF_REG_1);
		emit_log(c, BACK, func, step);
		break;
	case THROW:
		emit_throw_now(c, func, step, s->to & c->mask);
		break;
	}
	emit_check(c, f, at, func, step);
}

/* Once, or so often as it says in a loop that may_goto would leave. */
static void emit_step(struct code *c, const struct func *f, const struct places *at, int func,
		      int step)
{
	const struct step *s = &f->step[step];
	int again;

	if (!s->times || s->kind == LOOP) {
		emit_once(c, f, at, func, step);
		return;
	}
	emit(c, STORE_IMM(BPF_REG_10, at->round, 0));
	again = c->count;
	emit(c, INSN(BPF_JMP | BPF_JCOND, 0, 0, 0, 0));
	emit_once(c, f, at, func, step);
	emit(c, LOAD(BPF_REG_2, BPF_REG_10, at->round));
	emit(c, ALU_IMM(BPF_ADD, BPF_REG_2, 1));
	emit(c, STORE_REG(BPF_REG_10, BPF_REG_2, at->round));
	emit(c, JUMP_IMM(BPF_JLT, BPF_REG_2, s->times, again - c->count - 1));
	c->insn[again].off = c->count - again - 1;
}

/* A callback must return zero, and does so to go on. */
static void emit_return(struct code *c, const struct func *f)
{
	emit(c, ALU32_IMM(BPF_AND, BPF_REG_0, f->callback ? 0 : c->mask));
	emit(c, EXIT());
}

static void emit_func(struct code *c, const struct func *f, int func)
{
	struct places at = find_places(f);
	int i;

	place(c, FUNC_LABEL + func);
	emit_entry(c, f, &at, func);
	for (i = 0; i < f->step_count; i++)
		emit_step(c, f, &at, func, i);
	if (f->sum_home >= FIRST_KEEPER)
		emit(c, MOV_REG(BPF_REG_0, f->sum_home));
	else if (f->sum_home == ON_STACK)
		emit(c, LOAD(BPF_REG_0, BPF_REG_10, at.sum));
	else
		emit(c, MOV_IMM(BPF_REG_0, 0));
	emit(c, ALU32_IMM(BPF_ADD, BPF_REG_0, f->value));
	emit_return(c, f);

	for (i = 0; i < c->fixups && c->fixup[i].label != BROKEN_LABEL; i++)
		;
	if (i < c->fixups) {
		place(c, BROKEN_LABEL);
		emit(c, MOV_REG(BPF_REG_3, BPF_REG_0));
		emit_log(c, BROKEN, func, 0);
	}
	/*
	 * No constant: what a call returns is then the same for the verifier whether
	 * the function has stopped or not, and it need not look twice at what follows.
	 */
	place(c, STOP_LABEL);
	emit(c, LOAD(BPF_REG_0, BPF_REG_1, OFF(stopped)));
	emit_return(c, f);
}

/* ---- features ------------------------------------------------------------------ */

static void find_arena(void)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	/* The libbpf of that time checks the kinds of map that it knows. */
	int fd = bpf_map_create(MAP_TYPE_ARENA, "fuzz", 0, 0, 1, &opts);
	void *at;

	if (fd < 0)
		return;
	at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED) {
		close(fd);
		return;
	}
	arena = at;
	*arena = ARENA_VALUE;
	arena_fd = fd;
}

/* A function with six arguments, which returns the last one. */
static void find_args(void)
{
	struct bpf_insn insns[] = {
		MOV_IMM(BPF_REG_2, 0),
		MOV_IMM(BPF_REG_3, 0),
		MOV_IMM(BPF_REG_4, 0),
		MOV_IMM(BPF_REG_5, 0),
		STORE_IMM(REG_ARGS, -8, 0),
		CALL_INSN(BPF_PSEUDO_CALL, 1),
		EXIT(),
		LOAD(BPF_REG_0, REG_ARGS, 8),
		EXIT(),
	};
	struct bpf_func_info info[] = {
		{ 0, func_id[0][1][0] },
		{ 7, taker_id[0][6][1] },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts,
		    .prog_btf_fd = btf_fd,
		    .func_info = info,
		    .func_info_cnt = ARRAY_SIZE(info),
		    .func_info_rec_size = sizeof(info[0]));
	int fd = bpf_prog_load(types[0].prog_type, "feature", "GPL", insns, ARRAY_SIZE(insns),
			       &opts);

	kernel.has_args = fd >= 0;
	if (fd >= 0)
		close(fd);
}

static bool loads(struct code *c, const struct type *type)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts,
		    .expected_attach_type = type->attach_type,
		    .prog_flags = may_sleep(type) ? BPF_F_SLEEPABLE : 0);
	int fd;

	emit(c, MOV_IMM(BPF_REG_0, 0));
	emit(c, EXIT());
	fd = bpf_prog_load(type->prog_type, "feature", "GPL", c->insn, c->count, &opts);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* @run: the sets are not only loaded. */
void find_features(int array_fd, bool run)
{
	const struct step tail = { .kind = TAIL, .form = DIRECT };
	struct btf *vmlinux = btf__load_vmlinux_btf();
	struct utsname name;
	static struct code c;
	int major, minor;
	size_t i;

	if (!libbpf_get_error(vmlinux)) {
		throw_id = btf__find_by_name_kind(vmlinux, "bpf_throw", BTF_KIND_FUNC);
		btf__free(vmlinux);
	}
	for (i = 0; i < type_count; i++) {
		c = (struct code){ .array_fd = &array_fd };
		if (may_sleep(&types[i])) {
			emit_tail_call(&c, &tail);
			kernel.sleepers = loads(&c, &types[i]);
		}
		/* One with a private stack takes a base down by that (N46). */
		if (run && !kernel.budget && types[i].prog_type == BPF_PROG_TYPE_RAW_TRACEPOINT)
			continue;
		c.count = 0;
		emit_throw(&c, 0);
		if (throw_id > 0 && loads(&c, &types[i]))
			kernel.throws |= 1U << i;
	}
	find_arena();
	c.count = 0;
	if (arena)
		emit_arena(&c);
	kernel.has_arena = arena && loads(&c, &types[0]);
	c.count = 0;
	emit(&c, STORE_IMM(BPF_REG_10, -8, 0));
	emit(&c, ATOMIC(BPF_REG_0, BPF_REG_10, -8, BPF_LOAD_ACQ));
	kernel.has_acquire = loads(&c, &types[0]);
	c.count = 0;
	emit(&c, INSN(BPF_JMP | BPF_JCOND, 0, 0, 1, 0));
	emit(&c, MOV_IMM(BPF_REG_0, 0));
	/* A count, and in newer kernels the time that it began. */
	uname(&name);
	if (loads(&c, &types[0]) && sscanf(name.release, "%d.%d", &major, &minor) == 2)
		kernel.repeat_stack = major > 6 || (major == 6 && minor >= 15) ? 16 : 8;
	find_args();
}

/* ---- loading ------------------------------------------------------------------- */

static char last_log[1 << 16];
static char last_refusal[160];

void __attribute__((format(printf, 1, 2))) refuse(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(last_refusal, sizeof(last_refusal), fmt, ap);
	va_end(ap);
}

const char *refusal(void)
{
	return last_refusal;
}

/* The line of the log before its statistics, with its numbers taken out. */
static void note_refusal(const char *what, int err)
{
	char *reason = NULL, *line, *from, *to = last_refusal;

	refuse("%s%s", what, strerror(err));
	for (line = strtok(last_log, "\n"); line; line = strtok(NULL, "\n")) {
		if (!strncmp(line, "verification time ", 18) || !strncmp(line, "processed ", 10))
			break;
		reason = line;
	}
	if (!reason)
		return;
	for (from = reason; *from && to < last_refusal + sizeof(last_refusal) - 1; from++) {
		bool digit = *from >= '0' && *from <= '9';

		if (digit && to > last_refusal && to[-1] == '#')
			continue;
		*to++ = digit ? '#' : *from;
	}
	*to = 0;
}

/* A descriptor, or a negative error: then the reason is what refusal() has. */
static int load_code(enum bpf_prog_type type, const char *name, const struct code *c,
		     struct bpf_prog_load_opts *opts, const char *what)
{
	int fd = bpf_prog_load(type, name, "GPL", c->insn, c->count, opts), err;

	if (fd >= 0)
		return fd;
	err = errno;
	last_log[0] = 0;
	opts->log_buf = last_log;
	opts->log_size = sizeof(last_log);
	opts->log_level = 4; /* the reason, without every insn before it */
	fd = bpf_prog_load(type, name, "GPL", c->insn, c->count, opts);
	if (fd >= 0)
		return fd;
	note_refusal(what, err);
	return -err;
}

int load_prog(const struct set *set, int number, const int *array_fd, const int *prog_fd)
{
	static struct code c;
	static struct bpf_func_info info[MAX_FUNCS];
	const struct prog *p = &set->prog[number];
	const struct type *type = &types[p->type];
	enum bpf_prog_type prog_type = type->prog_type;
	__u32 mask = reached(p);
	LIBBPF_OPTS(bpf_prog_load_opts, opts,
		    .expected_attach_type = type->attach_type,
		    .prog_flags = may_sleep(type) ? BPF_F_SLEEPABLE : 0,
		    .prog_btf_fd = btf_fd,
		    .func_info = info,
		    .func_info_rec_size = sizeof(info[0]));
	int i;

	c = (struct code){
		.array_fd = array_fd,
		.mask = type->mask,
		.stack_limit = set->stack_limit,
		/*
		 * From 6.13 on programs without tail calls may have a stack of their
		 * own, and R10 says nothing of the kernel's.
		 */
		.measures = type->prog_type != BPF_PROG_TYPE_RAW_TRACEPOINT ||
			    program_has(p, TAIL),
		.prog = number,
	};
	for (i = 0; i < p->func_count; i++) {
		const struct func *f = &p->func[i];

		if (!(mask & 1U << i))
			continue;
		info[opts.func_info_cnt].insn_off = c.count;
		info[opts.func_info_cnt++].type_id = btf_id(set, number, i);
		emit_func(&c, f, i);
	}
	if (c.too_large) {
		refuse("too many instructions");
		return -E2BIG;
	}
	if (set->extended && number == set->ext.body) {
		prog_type = BPF_PROG_TYPE_EXT;
		opts.expected_attach_type = 0;
		opts.attach_prog_fd = prog_fd[set->ext.prog];
		opts.attach_btf_id = btf_id(set, set->ext.prog, set->ext.func);
	}
	return load_code(prog_type, "fuzz", &c, &opts,
			 prog_type == BPF_PROG_TYPE_EXT ? "an extension: " : "");
}

int attach(int fd, const char *what)
{
	int link = bpf_raw_tracepoint_open(NULL, fd);

	if (link >= 0)
		return link;
	link = -errno;
	refuse("attaching %s: %s", what, strerror(-link));
	return link;
}

/* Log what emit_hash() makes of them. R1 is the context of a tracer, and stays. */
static void emit_traced_args(struct code *c, int func, int args)
{
	int i;

	emit(c, MOV_REG(BPF_REG_6, BPF_REG_1));
	emit(c, LOAD(BPF_REG_3, BPF_REG_6, 8));
	for (i = 3; i <= args; i++) {
		emit(c, ALU_IMM(BPF_MUL, BPF_REG_3, 3));
		emit(c, LOAD(BPF_REG_2, BPF_REG_6, 8 * (i - 1)));
		emit(c, ALU_REG(BPF_ADD, BPF_REG_3, BPF_REG_2));
	}
	emit(c, MOV_REG(BPF_REG_2, BPF_REG_3));
	emit(c, ALU_IMM(BPF_RSH, BPF_REG_2, 32));
	emit(c, ALU_REG(BPF_XOR, BPF_REG_3, BPF_REG_2));
	emit_shared(c, BPF_REG_1);
	emit_log(c, ARGS, func, 1);
	emit(c, MOV_REG(BPF_REG_1, BPF_REG_6));
}

int load_tracer(const struct set *set, const struct tracer *t, int target_fd)
{
	static struct code c;
	LIBBPF_OPTS(bpf_prog_load_opts, opts,
		    .expected_attach_type = t->exit ? BPF_TRACE_FEXIT : BPF_TRACE_FENTRY,
		    .attach_prog_fd = target_fd);
	int args = set->prog[t->prog].func[t->func].args, fd, link;

	opts.attach_btf_id = btf_id(set, t->prog, t->func);
	c.count = 0;
	c.fixups = 0;
	c.prog = t->prog;
	if (args)
		emit_traced_args(&c, t->func, args);
	emit(&c, MOV_IMM(BPF_REG_3, 0));
	/*
	 * The value stands behind the arguments. For the verifier there are five of a
	 * function whose context the BTF does not name.
	 */
	if (t->exit)
		emit(&c, LOAD(BPF_REG_3, BPF_REG_1,
			      8 * (args ?: types[set->prog[t->prog].type].ctx ? 1 : 5)));
	emit_shared(&c, BPF_REG_1);
	emit_log(&c, t->exit ? FEXIT : FENTRY, t->func, 0);
	place(&c, STOP_LABEL);
	emit(&c, MOV_IMM(BPF_REG_0, 0));
	emit(&c, EXIT());
	fd = load_code(BPF_PROG_TYPE_TRACING, "fuzz_tracer", &c, &opts, "a tracer: ");
	if (fd < 0)
		return fd;
	link = attach(fd, "a tracer");
	close(fd);
	return link;
}
