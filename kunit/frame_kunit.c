// SPDX-License-Identifier: GPL-2.0
/*
 * The frame of a program that can reach a tail call: what the program keeps on its
 * stack is where R10 says and nowhere else, next to what the JIT keeps there.
 */
#include "prog.h"
#include "suites.h"

enum { SLOT_SELF, SLOT_CALLEE, SLOT_EMPTY, SLOTS };

/* What a run leaves in skb->mark when nothing was wrong. */
#define ALL_RIGHT	1000

static int frame_array(struct kunit *test)
{
	return tcall_prog_array(test, SLOTS);
}

static void emit_miss(struct tcall_prog *p, int array, enum tcall_form form)
{
	/* The slot's number, as cb[] has it. */
	tcall_emit_tail_call(p, array, SLOT_EMPTY, form);
}

/*
 * R10. Each check compares R1 with R2; the first that fails leaves its number
 * in skb->mark. R7 holds a number that the verifier does not know, so that it
 * removes no check.
 */

/* Which function of the run has the checks. */
enum place {
	MAIN,
	SUB,
	CALLEE,
	CALLEE_OF_SUB,
};

static const char *const place_names[] = {
	[MAIN] = "main", [SUB] = "sub", [CALLEE] = "callee",
	[CALLEE_OF_SUB] = "callee of sub",
};

struct checks {
	struct tcall_prog *p;
	u32 jump[48];
	u32 cnt;
};

static void checks_begin(struct checks *c, struct tcall_prog *p)
{
	*c = (struct checks){ .p = p };
	/* 0x1234 or so: cb[1] is 1. */
	tcall_emit(p, BPF_LDX_MEM(BPF_W, BPF_REG_7, BPF_REG_6,
				  offsetof(struct __sk_buff, cb[1])));
	tcall_emit(p, BPF_ALU64_IMM(BPF_ADD, BPF_REG_7, 0x1233));
}

static void check_jump(struct checks *c, struct bpf_insn jump)
{
	KUNIT_ASSERT_LT(c->p->test, c->cnt, (u32)ARRAY_SIZE(c->jump));
	tcall_emit(c->p, BPF_MOV64_IMM(BPF_REG_9, c->cnt + 1));
	c->jump[c->cnt++] = c->p->insn_cnt;
	tcall_emit(c->p, jump);
}

static void check_equal(struct checks *c, u8 a, u8 b)
{
	check_jump(c, BPF_JMP_REG(BPF_JNE, a, b, 0));
}

/* Where a check that fails goes on. */
static void checks_land(struct checks *c)
{
	struct tcall_prog *p = c->p;
	u32 i;

	for (i = 0; i < c->cnt; i++)
		p->insn[c->jump[i]].off = p->insn_cnt - c->jump[i] - 1;
	tcall_emit(p, BPF_STX_MEM(BPF_W, BPF_REG_6, BPF_REG_9,
				  offsetof(struct __sk_buff, mark)));
}

static void checks_end(struct checks *c)
{
	tcall_emit(c->p, BPF_MOV64_IMM(BPF_REG_9, ALL_RIGHT));
	checks_land(c);
}

/* R10 + @off into @reg, and R10 is not the source of a mov. */
static void emit_fp_sum(struct tcall_prog *p, u8 reg, s32 off)
{
	tcall_emit(p, BPF_MOV64_IMM(reg, off));
	tcall_emit(p, BPF_ALU64_REG(BPF_ADD, reg, BPF_REG_10));
}

static void emit_fp_mov(struct tcall_prog *p, u8 reg, s32 off)
{
	tcall_emit(p, BPF_MOV64_REG(reg, BPF_REG_10));
	tcall_emit(p, BPF_ALU64_IMM(BPF_ADD, reg, off));
}

/* R10 as a value, without any memory: also in a frame that has no stack. */
static void check_values(struct checks *c)
{
	struct tcall_prog *p = c->p;

	/* 1-4: compared, on either side */
	emit_fp_mov(p, BPF_REG_1, 0);
	check_equal(c, BPF_REG_1, BPF_REG_10);
	check_equal(c, BPF_REG_10, BPF_REG_1);
	emit_fp_sum(p, BPF_REG_2, 0);
	check_equal(c, BPF_REG_1, BPF_REG_2);
	emit_fp_mov(p, BPF_REG_1, -8);
	check_jump(c, BPF_JMP_REG(BPF_JGE, BPF_REG_1, BPF_REG_10, 0));
	/* 5: subtracted; the difference is unknown to the verifier */
	emit_fp_mov(p, BPF_REG_2, 0);
	tcall_emit(p, BPF_ALU64_REG(BPF_SUB, BPF_REG_2, BPF_REG_10));
	tcall_emit(p, BPF_MOV64_IMM(BPF_REG_1, 0));
	check_equal(c, BPF_REG_1, BPF_REG_2);
	/* 6: the lower half */
	emit_fp_mov(p, BPF_REG_1, 0);
	tcall_emit(p, BPF_MOV32_REG(BPF_REG_1, BPF_REG_1));
	tcall_emit(p, BPF_MOV32_REG(BPF_REG_2, BPF_REG_10));
	check_equal(c, BPF_REG_1, BPF_REG_2);
	/* 7: the program's stack is not above its own frame pointer's frame */
	tcall_emit(p, BPF_MOV32_REG(BPF_REG_1, BPF_REG_10));
	tcall_emit(p, BPF_ALU64_IMM(BPF_AND, BPF_REG_1, 7));
	tcall_emit(p, BPF_MOV64_IMM(BPF_REG_2, 0));
	check_equal(c, BPF_REG_1, BPF_REG_2);
}

/* Memory through R10 and through copies of it, at both ends of the stack. */
static void check_memory(struct checks *c, s32 off)
{
	static const u8 sizes[] = { BPF_B, BPF_H, BPF_W, BPF_DW };
	static const s64 masks[] = { 0xff, 0xffff, 0xffffffff, -1 };
	struct tcall_prog *p = c->p;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		/* written through R10, read through a copy */
		tcall_emit(p, BPF_ST_MEM(BPF_DW, BPF_REG_10, off, 0));
		tcall_emit(p, BPF_STX_MEM(sizes[i], BPF_REG_10, BPF_REG_7, off));
		emit_fp_mov(p, BPF_REG_3, off);
		tcall_emit(p, BPF_LDX_MEM(BPF_DW, BPF_REG_1, BPF_REG_3, 0));
		tcall_emit(p, BPF_MOV64_REG(BPF_REG_2, BPF_REG_7));
		if (masks[i] != -1)
			tcall_emit(p, BPF_ALU64_IMM(BPF_AND, BPF_REG_2,
						    masks[i] & 0x7fffffff));
		check_equal(c, BPF_REG_1, BPF_REG_2);
		/* an immediate through R10, the other way round */
		emit_fp_sum(p, BPF_REG_3, off);
		tcall_emit(p, BPF_STX_MEM(BPF_DW, BPF_REG_3, BPF_REG_7, 0));
		tcall_emit(p, BPF_ST_MEM(sizes[i], BPF_REG_10, off, 0x55));
		tcall_emit(p, BPF_LDX_MEM(sizes[i], BPF_REG_1, BPF_REG_3, 0));
		tcall_emit(p, BPF_MOV64_IMM(BPF_REG_2, 0x55));
		check_equal(c, BPF_REG_1, BPF_REG_2);
	}
	/* an immediate that is a number of an atomic operation elsewhere */
	tcall_emit(p, BPF_ST_MEM(BPF_DW, BPF_REG_10, off, 0x100));
	emit_fp_mov(p, BPF_REG_3, off);
	tcall_emit(p, BPF_LDX_MEM(BPF_DW, BPF_REG_1, BPF_REG_3, 0));
	tcall_emit(p, BPF_MOV64_IMM(BPF_REG_2, 0x100));
	check_equal(c, BPF_REG_1, BPF_REG_2);
	/* R10 itself, stored and loaded: what was stored is R10 */
	tcall_emit(p, BPF_STX_MEM(BPF_DW, BPF_REG_10, BPF_REG_10, off));
	tcall_emit(p, BPF_LDX_MEM(BPF_DW, BPF_REG_1, BPF_REG_10, off));
	check_equal(c, BPF_REG_1, BPF_REG_10);
	/* a helper writes there: the first bytes of the packet, which are 0 */
	tcall_emit(p, BPF_STX_MEM(BPF_DW, BPF_REG_10, BPF_REG_7, off));
	tcall_emit(p, BPF_MOV64_REG(BPF_REG_1, BPF_REG_6));
	tcall_emit(p, BPF_MOV64_IMM(BPF_REG_2, 0));
	emit_fp_mov(p, BPF_REG_3, off);
	tcall_emit(p, BPF_MOV64_IMM(BPF_REG_4, 8));
	tcall_emit_helper(p, BPF_FUNC_skb_load_bytes);
	tcall_emit(p, BPF_LDX_MEM(BPF_DW, BPF_REG_1, BPF_REG_10, off));
	tcall_emit(p, BPF_MOV64_IMM(BPF_REG_2, 0));
	check_equal(c, BPF_REG_1, BPF_REG_2);
}

/* A key on the stack: the map has 7 at index 2, 0 elsewhere. */
static void check_map(struct checks *c, s32 off, int map)
{
	struct bpf_insn ld_map[2] = { BPF_LD_MAP_FD(BPF_REG_1, map) };
	struct tcall_prog *p = c->p;

	tcall_emit(p, BPF_LDX_MEM(BPF_W, BPF_REG_1, BPF_REG_6,
				  offsetof(struct __sk_buff, cb[2])));
	tcall_emit(p, BPF_STX_MEM(BPF_W, BPF_REG_10, BPF_REG_1, off));
	emit_fp_mov(p, BPF_REG_2, off);
	tcall_emit(p, ld_map[0]);
	tcall_emit(p, ld_map[1]);
	tcall_emit_helper(p, BPF_FUNC_map_lookup_elem);
	tcall_emit(p, BPF_MOV64_IMM(BPF_REG_1, 0));
	tcall_emit(p, BPF_JMP_IMM(BPF_JEQ, BPF_REG_0, 0, 1));
	tcall_emit(p, BPF_LDX_MEM(BPF_DW, BPF_REG_1, BPF_REG_0, 0));
	tcall_emit(p, BPF_MOV64_IMM(BPF_REG_2, 7));
	check_equal(c, BPF_REG_1, BPF_REG_2);
}

static void check_atomics(struct checks *c, s32 off)
{
	struct tcall_prog *p = c->p;

	/* 0x1234 + 0x1234, without and with the old value */
	tcall_emit(p, BPF_STX_MEM(BPF_DW, BPF_REG_10, BPF_REG_7, off));
	tcall_emit(p, BPF_STX_XADD(BPF_DW, BPF_REG_10, BPF_REG_7, off));
	tcall_emit(p, BPF_LDX_MEM(BPF_DW, BPF_REG_1, BPF_REG_10, off));
	tcall_emit(p, BPF_MOV64_IMM(BPF_REG_2, 0x2468));
	check_equal(c, BPF_REG_1, BPF_REG_2);
	/* R10 as what is added to zero */
	tcall_emit(p, BPF_ST_MEM(BPF_DW, BPF_REG_10, off, 0));
	tcall_emit(p, BPF_STX_XADD(BPF_DW, BPF_REG_10, BPF_REG_10, off));
	tcall_emit(p, BPF_LDX_MEM(BPF_W, BPF_REG_1, BPF_REG_10, off));
	tcall_emit(p, BPF_MOV32_REG(BPF_REG_2, BPF_REG_10));
	check_equal(c, BPF_REG_1, BPF_REG_2);
#ifdef BPF_FETCH
	tcall_emit(p, BPF_STX_MEM(BPF_DW, BPF_REG_10, BPF_REG_7, off));
	tcall_emit(p, BPF_MOV64_IMM(BPF_REG_2, 0xff));
	tcall_emit(p, BPF_ATOMIC_OP(BPF_DW, BPF_AND | BPF_FETCH, BPF_REG_10,
				    BPF_REG_2, off));
	check_equal(c, BPF_REG_2, BPF_REG_7);
	tcall_emit(p, BPF_LDX_MEM(BPF_DW, BPF_REG_1, BPF_REG_10, off));
	tcall_emit(p, BPF_MOV64_IMM(BPF_REG_2, 0x34));
	check_equal(c, BPF_REG_1, BPF_REG_2);
	/* as the base of a loop that the JIT makes in rax */
	tcall_emit(p, BPF_MOV64_IMM(BPF_REG_0, 0x200));
	tcall_emit(p, BPF_ATOMIC_OP(BPF_DW, BPF_OR | BPF_FETCH, BPF_REG_10,
				    BPF_REG_0, off));
	tcall_emit(p, BPF_LDX_MEM(BPF_DW, BPF_REG_1, BPF_REG_10, off));
	tcall_emit(p, BPF_MOV64_IMM(BPF_REG_2, 0x234));
	check_equal(c, BPF_REG_1, BPF_REG_2);
	/* swapped for 0x1234 if R0 has what is there */
	tcall_emit(p, BPF_MOV64_REG(BPF_REG_0, BPF_REG_1));
	tcall_emit(p, BPF_ATOMIC_OP(BPF_DW, BPF_CMPXCHG, BPF_REG_10, BPF_REG_7,
				    off));
	tcall_emit(p, BPF_LDX_MEM(BPF_DW, BPF_REG_1, BPF_REG_10, off));
	check_equal(c, BPF_REG_1, BPF_REG_7);
#endif
#ifdef BPF_LOAD_ACQ
	tcall_emit(p, BPF_ST_MEM(BPF_DW, BPF_REG_10, off, 0));
	tcall_emit(p, BPF_ATOMIC_OP(BPF_DW, BPF_STORE_REL, BPF_REG_10, BPF_REG_7,
				    off));
	tcall_emit(p, BPF_ATOMIC_OP(BPF_DW, BPF_LOAD_ACQ, BPF_REG_1, BPF_REG_10,
				    off));
	check_equal(c, BPF_REG_1, BPF_REG_7);
	tcall_emit(p, BPF_ATOMIC_OP(BPF_DW, BPF_STORE_REL, BPF_REG_10, BPF_REG_10,
				    off));
	tcall_emit(p, BPF_ATOMIC_OP(BPF_DW, BPF_LOAD_ACQ, BPF_REG_1, BPF_REG_10,
				    off));
	check_equal(c, BPF_REG_1, BPF_REG_10);
#endif
}

static void check_signed(struct checks *c, s32 off)
{
#ifdef BPF_LDX_MEMSX
	struct tcall_prog *p = c->p;

	tcall_emit(p, BPF_STX_MEM(BPF_DW, BPF_REG_10, BPF_REG_7, off));
	tcall_emit(p, BPF_LDX_MEMSX(BPF_H, BPF_REG_1, BPF_REG_10, off));
	check_equal(c, BPF_REG_1, BPF_REG_7);
	/* The lower 32 bits, once with the sign and once without. */
	tcall_emit(p, BPF_MOVSX64_REG(BPF_REG_1, BPF_REG_10, 32));
	tcall_emit(p, BPF_MOV32_REG(BPF_REG_1, BPF_REG_1));
	tcall_emit(p, BPF_MOV32_REG(BPF_REG_2, BPF_REG_10));
	check_equal(c, BPF_REG_1, BPF_REG_2);
#endif
}

struct r10_param {
	enum place place;
	enum tcall_form form;
	u32 stack;
};

static const struct r10_param r10_params[] = {
	{ MAIN, TCALL_DIRECT, 0 }, { MAIN, TCALL_DIRECT, 8 },
	{ MAIN, TCALL_INDIRECT, 64 }, { MAIN, TCALL_DIRECT, 128 },
	{ MAIN, TCALL_INDIRECT, 512 },
	{ SUB, TCALL_DIRECT, 0 }, { SUB, TCALL_DIRECT, 8 },
	{ SUB, TCALL_INDIRECT, 64 }, { SUB, TCALL_INDIRECT, 224 },
	{ CALLEE, TCALL_DIRECT, 0 }, { CALLEE, TCALL_DIRECT, 8 },
	{ CALLEE, TCALL_INDIRECT, 64 }, { CALLEE, TCALL_INDIRECT, 512 },
	{ CALLEE_OF_SUB, TCALL_DIRECT, 0 }, { CALLEE_OF_SUB, TCALL_DIRECT, 8 },
	{ CALLEE_OF_SUB, TCALL_INDIRECT, 64 }, { CALLEE_OF_SUB, TCALL_INDIRECT, 248 },
};

static void r10_param_desc(const struct r10_param *param, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s %s stack %u",
		 place_names[param->place], tcall_form_name(param->form),
		 param->stack);
}

KUNIT_ARRAY_PARAM(r10, r10_params, r10_param_desc);

typedef void (*emit_checks_t)(struct checks *c, s32 off, int map);

/* Put the function with the checks where @param wants it, and run. */
static u32 run_checks(struct kunit *test, const struct r10_param *param,
		      emit_checks_t emit_checks)
{
	struct tcall_prog *caller = tcall_prog_new(test, "main", BPF_PROG_TYPE_SCHED_CLS);
	struct tcall_prog *callee = tcall_prog_new(test, "callee",
						   BPF_PROG_TYPE_SCHED_CLS);
	const bool in_callee = param->place == CALLEE ||
			       param->place == CALLEE_OF_SUB;
	const bool has_sub = param->place == SUB ||
			     param->place == CALLEE_OF_SUB;
	struct tcall_prog *p = in_callee ? callee : caller;
	int array = frame_array(test);
	int map = tcall_array(test, 4);
	struct checks c;
	u64 seven = 7;
	u32 two = 2;
	union bpf_attr attr = {
		.map_fd = map,
		.key = (unsigned long)&two,
		.value = (unsigned long)&seven,
	};
	int main_fd, callee_fd;

	KUNIT_ASSERT_EQ(test, kern_sys_bpf(BPF_MAP_UPDATE_ELEM, &attr,
					   sizeof(attr)), 0);
	tcall_func_begin(caller, "main", TCALL_GLOBAL);
	tcall_emit_sub_entry(caller);
	if (param->place != MAIN) {
		if (has_sub)
			tcall_emit_call(caller, 1);
		else
			tcall_emit_tail_call(caller, array, SLOT_CALLEE, param->form);
		tcall_emit_return(caller, 0);
	}
	if (has_sub) {
		tcall_func_begin(caller, "sub", TCALL_STATIC);
		tcall_emit_sub_entry(caller);
		if (in_callee) {
			tcall_emit_tail_call(caller, array, SLOT_CALLEE, param->form);
			tcall_emit_return(caller, 0);
		}
	}
	if (in_callee) {
		tcall_func_begin(callee, "callee", TCALL_GLOBAL);
		tcall_emit_sub_entry(callee);
	}

	/* Before and after: a tail call that is not made. */
	emit_miss(p, array, param->form);
	checks_begin(&c, p);
	emit_checks(&c, -(s32)param->stack, map);
	checks_end(&c);
	emit_miss(p, array, param->form);
	tcall_emit_return(p, 0);

	main_fd = tcall_load_ok(caller);
	if (in_callee) {
		callee_fd = tcall_load_ok(callee);
		KUNIT_ASSERT_EQ(test, tcall_set_slot(array, SLOT_CALLEE, callee_fd), 0);
	}
	return tcall_run(test, main_fd);
}

static void emit_value_checks(struct checks *c, s32 off, int map)
{
	tcall_emit_stack(c->p, -off);
	check_values(c);
}

/* Both ends of the stack, if there is one. */
static void emit_memory_checks(struct checks *c, s32 off, int map)
{
	if (!off) {
		check_values(c);
		return;
	}
	check_memory(c, off);
	check_memory(c, -8);
	check_map(c, off, map);
	check_map(c, -8, map);
}

static void emit_atomic_checks(struct checks *c, s32 off, int map)
{
	if (!off) {
		check_values(c);
		return;
	}
	check_atomics(c, off);
	check_atomics(c, -8);
	check_signed(c, off);
	check_signed(c, -8);
}

static void expect_checks(struct kunit *test, emit_checks_t emit_checks)
{
	const struct r10_param *param = tcall_param(test);

	KUNIT_EXPECT_EQ_MSG(test, run_checks(test, param, emit_checks),
			    (u32)ALL_RIGHT,
			    "%s %s stack %u: the number of the check, 0: not reached",
			    place_names[param->place],
			    tcall_form_name(param->form), param->stack);
}

static void r10_is_a_value(struct kunit *test)
{
	expect_checks(test, emit_value_checks);
}

static void r10_is_the_base_of_memory(struct kunit *test)
{
	expect_checks(test, emit_memory_checks);
}

static void r10_is_the_base_of_atomics(struct kunit *test)
{
	expect_checks(test, emit_atomic_checks);
}

/*
 * A frame that is full to both ends: the counter is outside of it, and other
 * frames don't write into it.
 */
struct fill_param {
	u32 main_stack;
	u32 sub_stack;
	enum tcall_form form;
	/* fexit on sub */
	bool traced;
};

static const struct fill_param fill_params[] = {
	{ 8, 0, TCALL_DIRECT, false }, { 8, 8, TCALL_INDIRECT, false },
	{ 64, 0, TCALL_INDIRECT, false }, { 64, 64, TCALL_DIRECT, false },
	{ 224, 8, TCALL_DIRECT, false }, { 224, 224, TCALL_INDIRECT, false },
	{ 64, 64, TCALL_DIRECT, true }, { 64, 8, TCALL_INDIRECT, true },
};

static void fill_param_desc(const struct fill_param *param, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "main %u sub %u %s%s",
		 param->main_stack, param->sub_stack, tcall_form_name(param->form),
		 param->traced ? " traced" : "");
}

KUNIT_ARRAY_PARAM(fill, fill_params, fill_param_desc);

static void emit_fill(struct tcall_prog *p, u32 stack, u32 seed)
{
	u32 off;

	for (off = 8; off <= stack; off += 8) {
		tcall_emit(p, BPF_MOV64_REG(BPF_REG_1, BPF_REG_7));
		tcall_emit(p, BPF_ALU64_IMM(BPF_ADD, BPF_REG_1, seed + off));
		tcall_emit(p, BPF_STX_MEM(BPF_DW, BPF_REG_10, BPF_REG_1, -(s32)off));
	}
}

static void emit_check_fill(struct checks *c, u32 stack, u32 seed)
{
	struct tcall_prog *p = c->p;
	u32 off;

	for (off = 8; off <= stack; off += 8) {
		tcall_emit(p, BPF_MOV64_REG(BPF_REG_1, BPF_REG_7));
		tcall_emit(p, BPF_ALU64_IMM(BPF_ADD, BPF_REG_1, seed + off));
		tcall_emit(p, BPF_LDX_MEM(BPF_DW, BPF_REG_2, BPF_REG_10, -(s32)off));
		check_equal(c, BPF_REG_1, BPF_REG_2);
	}
}

/*
 *   main: fills its stack, calls sub, looks at its stack, then slot 0 (main)
 *   sub:  fills its stack, then its slot is empty, or leaf takes its place
 *   leaf: fills a stack of its own
 *
 * Returns how often main got as far as its tail call, if nothing was wrong.
 */
static u32 fill_run(struct kunit *test, bool has_leaf)
{
	const struct fill_param *param = tcall_param(test);
	struct tcall_prog *caller = tcall_prog_new(test, "main", BPF_PROG_TYPE_SCHED_CLS);
	struct tcall_prog *leaf = tcall_prog_new(test, "leaf", BPF_PROG_TYPE_SCHED_CLS);
	int array = frame_array(test);
	struct checks c;
	int main_fd;
	u32 jump;

	tcall_func_begin(caller, "main", TCALL_GLOBAL);
	tcall_emit_main_entry(caller);
	checks_begin(&c, caller);
	emit_fill(caller, param->main_stack, 0x100);
	tcall_emit_call(caller, 1);
	emit_check_fill(&c, param->main_stack, 0x100);
	tcall_emit_tail_call(caller, array, SLOT_SELF, param->form);
	/* The mark has the number of entries, unless a check has failed. */
	jump = caller->insn_cnt;
	tcall_emit(caller, BPF_JMP_A(0));
	checks_land(&c);
	caller->insn[jump].off = caller->insn_cnt - jump - 1;
	tcall_emit_return(caller, 0);
	tcall_func_begin(caller, "sub", TCALL_STATIC);
	tcall_emit_sub_entry(caller);
	checks_begin(&c, caller);
	emit_fill(caller, param->sub_stack, 0x200);
	tcall_emit_tail_call(caller, array, SLOT_CALLEE, param->form);
	tcall_emit_return(caller, 0);
	main_fd = tcall_load_ok(caller);
	KUNIT_ASSERT_EQ(test, tcall_set_slot(array, SLOT_SELF, main_fd), 0);

	if (has_leaf) {
		tcall_func_begin(leaf, "leaf", TCALL_GLOBAL);
		tcall_emit_sub_entry(leaf);
		checks_begin(&c, leaf);
		emit_fill(leaf, 64, 0x300);
		tcall_emit_callee_regs(leaf);
		tcall_emit_return(leaf, 0);
		KUNIT_ASSERT_EQ(test, tcall_set_slot(array, SLOT_CALLEE,
						     tcall_load_ok(leaf)), 0);
	}
	if (param->traced)
		tcall_tracer(test, BPF_TRACE_FEXIT, main_fd, 1);
	return tcall_run(test, main_fd);
}

static void tail_calls_leave_a_full_stack_alone(struct kunit *test)
{
	const struct fill_param *param = tcall_param(test);

	KUNIT_EXPECT_EQ_MSG(test, fill_run(test, false), (u32)TCALL_ENTRIES,
			    "main %u, sub %u, %s%s", param->main_stack,
			    param->sub_stack, tcall_form_name(param->form),
			    param->traced ? ", traced" : "");
}

/* Of the 33, each entry of main but the last takes two: sub's and its own. */
static void a_leaf_leaves_its_callers_stack_alone(struct kunit *test)
{
	const struct fill_param *param = tcall_param(test);

	KUNIT_EXPECT_EQ_MSG(test, fill_run(test, true), (u32)TCALL_ENTRIES / 2,
			    "main %u, sub %u, %s%s", param->main_stack,
			    param->sub_stack, tcall_form_name(param->form),
			    param->traced ? ", traced" : "");
}

/*
 * A tail callee of a type that may get a stack of its own (7.2), away from the
 * kernel's: it has no tail calls, so its caller's slots are nothing to it.
 */
static void a_leaf_has_all_of_its_stack(struct kunit *test)
{
	struct tcall_prog *caller = tcall_prog_new(test, "main", BPF_PROG_TYPE_KPROBE);
	struct tcall_prog *leaf = tcall_prog_new(test, "leaf", BPF_PROG_TYPE_KPROBE);
	const s16 ax = offsetof(struct pt_regs, ax);
	int array = tcall_prog_array(test, 1);
	struct pt_regs regs = { .ax = 1 };
	struct bpf_prog *prog;
	int main_fd, leaf_fd;
	u32 off, ret;

	tcall_func_begin(leaf, "leaf", TCALL_GLOBAL);
	tcall_emit_sub_entry(leaf);
	tcall_emit(leaf, BPF_LDX_MEM(BPF_DW, BPF_REG_7, BPF_REG_6, ax));
	emit_fill(leaf, 256, 0);
	tcall_emit_helper(leaf, BPF_FUNC_get_prandom_u32);
	tcall_emit(leaf, BPF_MOV64_IMM(BPF_REG_0, 0));
	for (off = 8; off <= 256; off += 8) {
		tcall_emit(leaf, BPF_LDX_MEM(BPF_DW, BPF_REG_1, BPF_REG_10, -(s32)off));
		tcall_emit(leaf, BPF_ALU64_REG(BPF_ADD, BPF_REG_0, BPF_REG_1));
	}
	tcall_emit(leaf, BPF_EXIT_INSN());
	leaf_fd = tcall_load_ok(leaf);

	tcall_func_begin(caller, "main", TCALL_GLOBAL);
	tcall_emit_sub_entry(caller);
	tcall_emit_stack(caller, 64);
	tcall_emit_tail_call(caller, array, 0, TCALL_DIRECT);
	tcall_emit_return(caller, 0);
	main_fd = tcall_load_ok(caller);
	KUNIT_ASSERT_EQ(test, tcall_set_slot(array, 0, leaf_fd), 0);

	prog = bpf_prog_get_type_dev(main_fd, BPF_PROG_TYPE_KPROBE, false);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, prog);
	rcu_read_lock();
	ret = bpf_prog_run_pin_on_cpu(prog, &regs);
	rcu_read_unlock();
	bpf_prog_put(prog);

	/* 32 words, each the number of its offset plus 1 */
	KUNIT_EXPECT_EQ(test, ret, 8u * 32 * 33 / 2 + 32);
}

#ifdef BPF_JCOND
/*
 * may_goto keeps a count, and with newer kernels a time, below the program's
 * stack, and looks at the clock each 65535 rounds.
 */
static void may_goto_keeps_to_its_own(struct kunit *test)
{
	struct tcall_prog *p = tcall_prog_new(test, "main", BPF_PROG_TYPE_SCHED_CLS);
	int array = frame_array(test);
	struct checks c;
	u32 loop;

	tcall_func_begin(p, "main", TCALL_GLOBAL);
	tcall_emit_sub_entry(p);
	checks_begin(&c, p);
	emit_miss(p, array, TCALL_DIRECT);
	emit_fill(p, 64, 0x100);
	tcall_emit(p, BPF_MOV64_REG(BPF_REG_8, BPF_REG_7));
	loop = p->insn_cnt;
	tcall_emit(p, BPF_RAW_INSN(BPF_JMP | BPF_JCOND, 0, BPF_MAY_GOTO, 3, 0));
	tcall_emit(p, BPF_ALU64_IMM(BPF_ADD, BPF_REG_8, 1));
	tcall_emit(p, BPF_JMP_IMM(BPF_JGT, BPF_REG_8, 200000, 1));
	tcall_emit(p, BPF_JMP_A(loop - p->insn_cnt - 1));
	emit_check_fill(&c, 64, 0x100);
	checks_end(&c);
	emit_miss(p, array, TCALL_DIRECT);
	tcall_emit_return(p, 0);
	KUNIT_EXPECT_EQ(test, tcall_run(test, tcall_load_ok(p)), (u32)ALL_RIGHT);
}
#endif

#ifdef TCALL_ARENA
#define R12_OF_CALLER	0x12ca11e5

/* The JIT has the base of an arena in r12, and a tail callee may have none. */
static void an_arena_gives_its_register_back(struct kunit *test)
{
	int arena = tcall_arena(test);
	struct bpf_insn ld_map[2] = {
		BPF_LD_MAP_FD(BPF_REG_1, arena),
	};
	struct tcall_prog *callee = tcall_prog_new(test, "callee",
						   BPF_PROG_TYPE_SCHED_CLS);
	int array = frame_array(test);
	enum tcall_form form;

	tcall_func_begin(callee, "callee", TCALL_GLOBAL);
	tcall_emit_main_entry(callee);
	tcall_emit_return(callee, 0);
	KUNIT_ASSERT_EQ(test, tcall_set_slot(array, SLOT_CALLEE, tcall_load_ok(callee)), 0);

	for (form = TCALL_DIRECT; form <= TCALL_INDIRECT; form++) {
		struct tcall_prog *p = tcall_prog_new(test, "main",
						      BPF_PROG_TYPE_SCHED_CLS);
		struct tcall_runnable *run;
		unsigned long r12;
		u32 entries;

		tcall_func_begin(p, "main", TCALL_GLOBAL);
		tcall_emit_main_entry(p);
		tcall_emit(p, ld_map[0]);
		tcall_emit(p, ld_map[1]);
		tcall_emit_tail_call(p, array, SLOT_CALLEE, form);
		tcall_emit_return(p, 0);

		run = tcall_runnable_get(test, tcall_load_ok(p));
		entries = tcall_runnable_run(run);
		r12 = tcall_runnable_r12(run, R12_OF_CALLER);
		tcall_runnable_put(run);
		KUNIT_EXPECT_EQ(test, entries, 2u);
		KUNIT_EXPECT_EQ_MSG(test, r12, R12_OF_CALLER, "%s",
				    tcall_form_name(form));
	}
}
#endif

static struct kunit_case frame_cases[] = {
	KUNIT_CASE_PARAM(r10_is_a_value, r10_gen_params),
	KUNIT_CASE_PARAM(r10_is_the_base_of_memory, r10_gen_params),
	KUNIT_CASE_PARAM(r10_is_the_base_of_atomics, r10_gen_params),
	KUNIT_CASE_PARAM(tail_calls_leave_a_full_stack_alone, fill_gen_params),
	KUNIT_CASE_PARAM(a_leaf_leaves_its_callers_stack_alone, fill_gen_params),
	KUNIT_CASE(a_leaf_has_all_of_its_stack),
#ifdef BPF_JCOND
	KUNIT_CASE(may_goto_keeps_to_its_own),
#endif
#ifdef TCALL_ARENA
	KUNIT_CASE(an_arena_gives_its_register_back),
#endif
	{}
};

struct kunit_suite tailcall_frame_suite = {
	.name = "tailcall_frame",
	.init = tcall_init,
	.exit = tcall_exit,
	.test_cases = frame_cases,
};
