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
#include <unistd.h>

#include <linux/bpf.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "fuzz.h"

#define MAX_INSNS	8192
#define MAX_FIXUPS	1024

#define INSN(c, d, s, o, i) \
	((struct bpf_insn) { .code = (c), .dst_reg = (d), .src_reg = (s), \
			     .off = (o), .imm = (i) })
#define MOV_IMM(dst, i)		INSN(BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, i)
#define MOV_REG(dst, s)		INSN(BPF_ALU64 | BPF_MOV | BPF_X, dst, s, 0, 0)
#define MOV32_REG(dst, s)	INSN(BPF_ALU | BPF_MOV | BPF_X, dst, s, 0, 0)
#define ALU_IMM(op, dst, i)	INSN(BPF_ALU64 | (op) | BPF_K, dst, 0, 0, i)
#define ALU_REG(op, dst, s)	INSN(BPF_ALU64 | (op) | BPF_X, dst, s, 0, 0)
#define ALU32_IMM(op, dst, i)	INSN(BPF_ALU | (op) | BPF_K, dst, 0, 0, i)
#define ALU32_REG(op, dst, s)	INSN(BPF_ALU | (op) | BPF_X, dst, s, 0, 0)
#define LOAD(dst, s, o)		INSN(BPF_LDX | BPF_MEM | BPF_DW, dst, s, o, 0)
#define STORE_REG(dst, s, o)	INSN(BPF_STX | BPF_MEM | BPF_DW, dst, s, o, 0)
#define STORE_IMM(dst, o, i)	INSN(BPF_ST | BPF_MEM | BPF_DW, dst, 0, o, i)
#define ATOMIC(dst, s, o, op)	INSN(BPF_STX | BPF_ATOMIC | BPF_DW, dst, s, o, op)
#define JUMP_IMM(op, dst, i, o)	INSN(BPF_JMP | (op) | BPF_K, dst, 0, o, i)
#define JUMP_REG(op, dst, s, o)	INSN(BPF_JMP | (op) | BPF_X, dst, s, o, 0)
#define CALL_INSN(s, i)		INSN(BPF_JMP | BPF_CALL, 0, s, 0, i)
#define EXIT()			INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)

#define OFF(field)		((int)offsetof(struct shared, field))

struct shared *shared;
static int shared_fd;

/* ---- BTF ----------------------------------------------------------------------- */

static int btf_fd;
/* Functions are int (struct CTX *ctx), a callback is int (unsigned int, void *). */
static __u32 func_id[8][2][MAX_FUNCS];
static __u32 callback_id[MAX_FUNCS];

static __u32 must_add(int id)
{
	if (id < 0)
		stop(4, "cannot make BTF: %s", strerror(-id));
	return id;
}

static void add_funcs(struct btf *btf, size_t type, int ret)
{
	__u32 ctx, proto;
	int i, global;

	ctx = must_add(btf__add_struct(btf, types[type].ctx, 4));
	btf__add_field(btf, "field", ret, 0, 0);
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
}

static void load_btf(void)
{
	struct btf *btf = btf__new_empty();
	__u32 num, ptr, proto;
	size_t type;
	int i;

	if (libbpf_get_error(btf))
		stop(4, "no memory for BTF");
	num = must_add(btf__add_int(btf, "int", 4, BTF_INT_SIGNED));
	for (type = 0; type < type_count; type++)
		add_funcs(btf, type, num);
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

enum label {
	STOP_LABEL,
	BROKEN_LABEL,
	FUNC_LABEL,	/* and the number of a function */
};

struct code {
	struct bpf_insn insn[MAX_INSNS];
	int count;
	struct {
		int at, label;
	} fixup[MAX_FIXUPS];
	int fixups;
	bool too_large;
	int array_fd;
	__u32 mask;
	__u32 stack_limit;
	bool measures;
	int prog;
};

static void emit(struct code *c, struct bpf_insn insn)
{
	if (c->count == MAX_INSNS) {
		c->too_large = true;
		return;
	}
	c->insn[c->count++] = insn;
}

/* The last instruction goes to a label that has no place yet. */
static void to_label(struct code *c, int label)
{
	if (c->fixups == MAX_FIXUPS) {
		c->too_large = true;
		return;
	}
	c->fixup[c->fixups].at = c->count - 1;
	c->fixup[c->fixups++].label = label;
}

static void place(struct code *c, int label)
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

static void emit_imm64(struct code *c, int reg, int kind, __u64 value)
{
	emit(c, INSN(BPF_LD | BPF_IMM | BPF_DW, reg, kind, 0, (__u32)value));
	emit(c, INSN(0, 0, 0, 0, value >> 32));
}

/* @reg = the address of what is shared. */
static void emit_shared(struct code *c, int reg)
{
	emit_imm64(c, reg, BPF_PSEUDO_MAP_VALUE, (__u32)shared_fd);
}

/*
 * Log an event with 32 bits of R3. R1 has the address of struct shared; R0, R4 and R5
 * are lost. The array is larger than all that a run can log, which the verifier does
 * not know.
 */
static void emit_log(struct code *c, enum what event, int func, int step)
{
	emit_imm64(c, BPF_REG_0, 0, EVENT(event, c->prog, func, step, 0));
	emit(c, MOV32_REG(BPF_REG_4, BPF_REG_3));
	emit(c, ALU_REG(BPF_OR, BPF_REG_0, BPF_REG_4));
	emit(c, LOAD(BPF_REG_4, BPF_REG_1, OFF(used)));
	emit(c, JUMP_IMM(BPF_JGT, BPF_REG_4, EVENTS - 1, 0));
	to_label(c, STOP_LABEL);
	emit(c, MOV_REG(BPF_REG_5, BPF_REG_4));
	emit(c, ALU_IMM(BPF_LSH, BPF_REG_5, 3));
	emit(c, ALU_REG(BPF_ADD, BPF_REG_5, BPF_REG_1));
	emit(c, STORE_REG(BPF_REG_5, BPF_REG_0, OFF(event)));
	emit(c, ALU_IMM(BPF_ADD, BPF_REG_4, 1));
	emit(c, STORE_REG(BPF_REG_1, BPF_REG_4, OFF(used)));
}

/* Where a function has its homes: the kept ones at the end of the frame. */
struct places {
	int ctx, sum, key;
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
	bool exchanges = k->how != STORE_EXCHANGE || kernel.has_loop;
	enum how how = exchanges ? k->how : STORE_ADD;

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

static void emit_entry(struct code *c, const struct func *f, const struct places *at, int func)
{
	int i;

	if (f->ctx_home >= FIRST_KEEPER)
		emit(c, MOV_REG(f->ctx_home, BPF_REG_1));
	else if (f->ctx_home == ON_STACK)
		emit(c, STORE_REG(BPF_REG_10, BPF_REG_1, at->ctx));
	if (f->stack > homes(f))
		emit(c, STORE_IMM(BPF_REG_10, -f->stack, 0));
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
	emit_imm64(c, BPF_REG_2, BPF_PSEUDO_MAP_FD, (__u32)c->array_fd);
	if (s->form == DIRECT) {
		emit(c, MOV_IMM(BPF_REG_3, (__s32)index_value(s->to)));
	} else {
		emit_shared(c, BPF_REG_4);
		emit(c, LOAD(BPF_REG_3, BPF_REG_4, OFF(index) + 8 * s->to));
	}
	emit(c, CALL_INSN(0, BPF_FUNC_tail_call));
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
	emit_imm64(c, BPF_REG_2, BPF_PSEUDO_FUNC, 0);
	c->count--;
	to_label(c, FUNC_LABEL + s->to);
	c->count++;
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

static void emit_step(struct code *c, const struct func *f, const struct places *at, int func,
		      int step)
{
	const struct step *s = &f->step[step];

	switch (s->kind) {
	case CALL:
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
	}
	emit_check(c, f, at, func, step);
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

int load_prog(const struct set *set, int number, int array_fd, const int *prog_fd)
{
	static struct code c;
	static struct bpf_func_info info[MAX_FUNCS];
	const struct prog *p = &set->prog[number];
	const struct type *type = &types[set->type];
	enum bpf_prog_type prog_type = type->prog_type;
	__u32 mask = reached(p);
	LIBBPF_OPTS(bpf_prog_load_opts, opts,
		    .expected_attach_type = type->attach_type,
		    .prog_btf_fd = btf_fd,
		    .func_info = info,
		    .func_info_rec_size = sizeof(info[0]));
	int i, fd, err;

	c = (struct code){
		.array_fd = array_fd,
		.mask = type->mask,
		.stack_limit = set->stack_limit,
		/*
		 * From 6.13 on programs without tail calls may have a stack of their
		 * own, and R10 says nothing of the kernel's.
		 */
		.measures = type->prog_type != BPF_PROG_TYPE_RAW_TRACEPOINT ||
			    program_tail_calls(p),
		.prog = number,
	};
	for (i = 0; i < p->func_count; i++) {
		const struct func *f = &p->func[i];

		if (!(mask & 1U << i))
			continue;
		info[opts.func_info_cnt].insn_off = c.count;
		info[opts.func_info_cnt++].type_id =
			f->callback ? callback_id[i] : func_id[set->type][f->global][i];
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
		opts.attach_btf_id = func_id[set->type][1][set->ext.func];
	}
	fd = bpf_prog_load(prog_type, "fuzz", "GPL", c.insn, c.count, &opts);
	if (fd >= 0)
		return fd;
	err = errno;
	last_log[0] = 0;
	opts.log_buf = last_log;
	opts.log_size = sizeof(last_log);
	opts.log_level = 4; /* the reason, without every insn before it */
	fd = bpf_prog_load(prog_type, "fuzz", "GPL", c.insn, c.count, &opts);
	if (fd >= 0)
		return fd;
	note_refusal(prog_type == BPF_PROG_TYPE_EXT ? "an extension: " : "", err);
	return -err;
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

int load_tracer(const struct set *set, const struct tracer *t, int target_fd)
{
	static struct code c;
	LIBBPF_OPTS(bpf_prog_load_opts, opts,
		    .expected_attach_type = t->exit ? BPF_TRACE_FEXIT : BPF_TRACE_FENTRY,
		    .attach_prog_fd = target_fd);
	int fd, link;

	opts.attach_btf_id = func_id[set->type][set->prog[t->prog].func[t->func].global][t->func];
	c.count = 0;
	c.fixups = 0;
	c.prog = t->prog;
	emit(&c, MOV_IMM(BPF_REG_3, 0));
	if (t->exit)
		emit(&c, LOAD(BPF_REG_3, BPF_REG_1, 8));
	emit_shared(&c, BPF_REG_1);
	emit_log(&c, t->exit ? FEXIT : FENTRY, t->func, 0);
	place(&c, STOP_LABEL);
	emit(&c, MOV_IMM(BPF_REG_0, 0));
	emit(&c, EXIT());
	fd = bpf_prog_load(BPF_PROG_TYPE_TRACING, "fuzz_tracer", "GPL", c.insn, c.count, &opts);
	if (fd < 0) {
		refuse("a tracer: %s", strerror(errno));
		return -errno;
	}
	link = attach(fd, "a tracer");
	close(fd);
	return link;
}
