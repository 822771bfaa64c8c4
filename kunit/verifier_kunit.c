// SPDX-License-Identifier: GPL-2.0
/*
 * What the verifier makes of a tail call in a subprogram, which may return from
 * it, and of functions that change packet data. Most programs are only loaded.
 * Those that are run do no harm, whatever the verifier has made of them.
 */
#include "prog.h"
#include "suites.h"

#define SKB(field)	((s16)offsetof(struct __sk_buff, field))

/* What the tail callee returns, and what a program adds to mark if it sees it. */
#define CALLEE_RESULT	5
#define SEEN		100

enum { MAIN, SUB, INNER };

/* A jump that is sent on its way by land(). */
static u32 emit_jump_if(struct tcall_prog *p, u8 op, u8 reg, s32 value)
{
	tcall_emit(p, BPF_JMP_IMM(op, reg, value, 0));
	return p->insn_cnt - 1;
}

static void land(struct tcall_prog *p, u32 jump)
{
	p->insn[jump].off = p->insn_cnt - jump - 1;
}

static void begin_main(struct tcall_prog *p)
{
	tcall_func_begin(p, "main", TCALL_GLOBAL);
	tcall_emit_main_entry(p);
}

static void begin_sub(struct tcall_prog *p, const char *name,
		      enum tcall_linkage linkage)
{
	tcall_func_begin(p, name, linkage);
	tcall_emit_sub_entry(p);
}

/* sub -slot 0-> whatever is there */
static void emit_tail_calling_sub(struct tcall_prog *p, int array)
{
	begin_sub(p, "sub", TCALL_STATIC);
	tcall_emit_tail_call(p, array, 0, TCALL_DIRECT);
	tcall_emit_return(p, 0);
}

/* R7 points to a byte of the packet that may be read. */
static void emit_packet_pointer(struct tcall_prog *p)
{
	u32 jump;

	tcall_emit(p, BPF_LDX_MEM(BPF_W, BPF_REG_7, BPF_REG_6, SKB(data)));
	tcall_emit(p, BPF_LDX_MEM(BPF_W, BPF_REG_2, BPF_REG_6, SKB(data_end)));
	tcall_emit(p, BPF_MOV64_REG(BPF_REG_3, BPF_REG_7));
	tcall_emit(p, BPF_ALU64_IMM(BPF_ADD, BPF_REG_3, 1));
	jump = p->insn_cnt;
	tcall_emit(p, BPF_JMP_REG(BPF_JLE, BPF_REG_3, BPF_REG_2, 0));
	tcall_emit_return(p, 0);
	land(p, jump);
}

static void emit_packet_read(struct tcall_prog *p)
{
	tcall_emit(p, BPF_LDX_MEM(BPF_B, BPF_REG_0, BPF_REG_7, 0));
	tcall_emit_return(p, 0);
}

static void emit_pull_data(struct tcall_prog *p)
{
	tcall_emit(p, BPF_MOV64_REG(BPF_REG_1, BPF_REG_6));
	tcall_emit(p, BPF_MOV64_IMM(BPF_REG_2, 0));
	tcall_emit_helper(p, BPF_FUNC_skb_pull_data);
}

/* R7 is a socket that must be released, or the function has returned 0. */
static void emit_socket(struct tcall_prog *p)
{
	u32 jump;

	tcall_emit(p, BPF_ST_MEM(BPF_DW, BPF_REG_10, -16, 0));
	tcall_emit(p, BPF_ST_MEM(BPF_DW, BPF_REG_10, -8, 0));
	tcall_emit(p, BPF_MOV64_REG(BPF_REG_1, BPF_REG_6));
	tcall_emit(p, BPF_MOV64_REG(BPF_REG_2, BPF_REG_10));
	tcall_emit(p, BPF_ALU64_IMM(BPF_ADD, BPF_REG_2, -16));
	tcall_emit(p, BPF_MOV64_IMM(BPF_REG_3, 12));
	tcall_emit(p, BPF_MOV64_IMM(BPF_REG_4, BPF_F_CURRENT_NETNS));
	tcall_emit(p, BPF_MOV64_IMM(BPF_REG_5, 0));
	tcall_emit_helper(p, BPF_FUNC_sk_lookup_udp);
	jump = emit_jump_if(p, BPF_JNE, BPF_REG_0, 0);
	tcall_emit_return(p, 0);
	land(p, jump);
	tcall_emit(p, BPF_MOV64_REG(BPF_REG_7, BPF_REG_0));
}

static void emit_release(struct tcall_prog *p)
{
	tcall_emit(p, BPF_MOV64_REG(BPF_REG_1, BPF_REG_7));
	tcall_emit_helper(p, BPF_FUNC_sk_release);
}

/* Write the byte of an 8-byte map value that R8 is the index of. */
static void emit_indexed_write(struct tcall_prog *p, int map)
{
	struct bpf_insn ld_map[2] = { BPF_LD_MAP_FD(BPF_REG_1, map) };
	u32 jump;

	tcall_emit(p, BPF_ST_MEM(BPF_W, BPF_REG_10, -4, 0));
	tcall_emit(p, ld_map[0]);
	tcall_emit(p, ld_map[1]);
	tcall_emit(p, BPF_MOV64_REG(BPF_REG_2, BPF_REG_10));
	tcall_emit(p, BPF_ALU64_IMM(BPF_ADD, BPF_REG_2, -4));
	tcall_emit_helper(p, BPF_FUNC_map_lookup_elem);
	jump = emit_jump_if(p, BPF_JEQ, BPF_REG_0, 0);
	tcall_emit(p, BPF_ALU64_REG(BPF_ADD, BPF_REG_0, BPF_REG_8));
	tcall_emit(p, BPF_ST_MEM(BPF_B, BPF_REG_0, 0, 0));
	land(p, jump);
}

/* Add SEEN to mark where R0 is @value. */
static void emit_seen_if(struct tcall_prog *p, s32 value)
{
	u32 jump = emit_jump_if(p, BPF_JNE, BPF_REG_0, value);

	tcall_emit(p, BPF_LDX_MEM(BPF_W, BPF_REG_2, BPF_REG_6, SKB(mark)));
	tcall_emit(p, BPF_ALU64_IMM(BPF_ADD, BPF_REG_2, SEEN));
	tcall_emit(p, BPF_STX_MEM(BPF_W, BPF_REG_6, BPF_REG_2, SKB(mark)));
	land(p, jump);
}

static int load_callee(struct kunit *test)
{
	struct tcall_prog *p = tcall_prog_new(test, "callee",
					      BPF_PROG_TYPE_SCHED_CLS);

	begin_main(p);
	tcall_emit_return(p, CALLEE_RESULT);
	return tcall_load_ok(p);
}

static void expect_refused(struct tcall_prog *p)
{
	int err = tcall_load(p);

	/* -EINVAL or -EACCES: nothing but the verifier's own. */
	if (err != -EACCES)
		KUNIT_EXPECT_EQ(p->test, min(err, 0), -EINVAL);
}

/* ---- the way back ------------------------------------------------------- */

/*
 *   main -call-> sub -slot 0-> callee
 *   main sees what the callee returns, not the 0 of sub.
 */
static void a_callees_result_arrives(struct kunit *test)
{
	struct tcall_prog *p = tcall_prog_new(test, "main", BPF_PROG_TYPE_SCHED_CLS);
	int array = tcall_prog_array(test, 1);
	int main_fd;

	begin_main(p);
	tcall_emit_call(p, SUB);
	emit_seen_if(p, CALLEE_RESULT);
	tcall_emit_return(p, 0);
	emit_tail_calling_sub(p, array);

	main_fd = tcall_load_ok(p);
	KUNIT_EXPECT_EQ(test, tcall_run(test, main_fd), 1u);
	KUNIT_ASSERT_EQ(test, tcall_set_slot(array, 0, load_callee(test)), 0);
	KUNIT_EXPECT_EQ(test, tcall_run(test, main_fd), 2u + SEEN);
}

/*
 *   main -call-> sub, which loads from far behind the packet and is left by that
 *   main sees the 0 of it, not the 5 that sub returns behind the load.
 */
static void a_failed_loads_result_arrives(struct kunit *test)
{
	struct tcall_prog *p = tcall_prog_new(test, "main", BPF_PROG_TYPE_SCHED_CLS);

	begin_main(p);
	tcall_emit_call(p, SUB);
	emit_seen_if(p, 0);
	tcall_emit_return(p, 0);
	begin_sub(p, "sub", TCALL_STATIC);
	tcall_emit(p, BPF_LD_ABS(BPF_B, U16_MAX));
	tcall_emit_return(p, CALLEE_RESULT);
	KUNIT_EXPECT_EQ(test, tcall_run(test, tcall_load_ok(p)), 1u + SEEN);
}

/*
 *   main -call-> sub, which loads from far behind the packet and is left by that
 *   What main asks of R7 then is asked of its own, not of sub's: both values that it
 *   may have are followed. Main asks nothing where the load succeeds, for sub swaps
 *   the pointers then that main compares.
 */
static void a_constant_is_followed_over_a_failed_load(struct kunit *test)
{
	struct tcall_prog *p = tcall_prog_new(test, "main", BPF_PROG_TYPE_SCHED_CLS);
	u32 jump;

	/* States are compared wherever they can be. */
	p->flags = BPF_F_TEST_STATE_FREQ;
	begin_main(p);
	tcall_emit(p, BPF_LDX_MEM(BPF_W, BPF_REG_1, BPF_REG_6, SKB(data)));
	tcall_emit(p, BPF_LDX_MEM(BPF_W, BPF_REG_2, BPF_REG_6, SKB(data_end)));
	tcall_emit(p, BPF_ALU64_IMM(BPF_ADD, BPF_REG_1, S16_MAX));
	jump = p->insn_cnt;
	tcall_emit(p, BPF_JMP_REG(BPF_JGT, BPF_REG_1, BPF_REG_2, 0));
	tcall_emit_return(p, 0);
	land(p, jump);
	tcall_emit(p, BPF_STX_MEM(BPF_DW, BPF_REG_10, BPF_REG_1, -16));
	tcall_emit(p, BPF_STX_MEM(BPF_DW, BPF_REG_10, BPF_REG_2, -8));
	tcall_emit(p, BPF_MOV64_IMM(BPF_REG_7, 0));
	tcall_emit(p, BPF_LDX_MEM(BPF_W, BPF_REG_0, BPF_REG_6, SKB(mark)));
	jump = emit_jump_if(p, BPF_JEQ, BPF_REG_0, 1);
	tcall_emit(p, BPF_MOV64_IMM(BPF_REG_7, CALLEE_RESULT));
	land(p, jump);
	tcall_emit(p, BPF_MOV64_REG(BPF_REG_2, BPF_REG_10));
	tcall_emit(p, BPF_ALU64_IMM(BPF_ADD, BPF_REG_2, -16));
	tcall_emit_call(p, SUB);
	tcall_emit(p, BPF_LDX_MEM(BPF_DW, BPF_REG_1, BPF_REG_10, -16));
	tcall_emit(p, BPF_LDX_MEM(BPF_DW, BPF_REG_2, BPF_REG_10, -8));
	jump = p->insn_cnt;
	tcall_emit(p, BPF_JMP_REG(BPF_JGT, BPF_REG_1, BPF_REG_2, 0));
	tcall_emit_return(p, 0);
	land(p, jump);
	jump = emit_jump_if(p, BPF_JEQ, BPF_REG_7, CALLEE_RESULT);
	tcall_emit_return(p, 0);
	land(p, jump);
	tcall_emit(p, BPF_MOV64_IMM(BPF_REG_0, 0));
	emit_seen_if(p, 0);
	tcall_emit_return(p, 0);

	begin_sub(p, "sub", TCALL_STATIC);
	tcall_emit(p, BPF_MOV64_REG(BPF_REG_8, BPF_REG_2));
	tcall_emit(p, BPF_MOV64_IMM(BPF_REG_7, 0));
	tcall_emit(p, BPF_LD_ABS(BPF_B, U16_MAX));
	tcall_emit(p, BPF_LDX_MEM(BPF_DW, BPF_REG_1, BPF_REG_8, 0));
	tcall_emit(p, BPF_LDX_MEM(BPF_DW, BPF_REG_2, BPF_REG_8, 8));
	tcall_emit(p, BPF_STX_MEM(BPF_DW, BPF_REG_8, BPF_REG_2, 0));
	tcall_emit(p, BPF_STX_MEM(BPF_DW, BPF_REG_8, BPF_REG_1, 8));
	tcall_emit_return(p, 0);
	KUNIT_EXPECT_EQ(test, tcall_run(test, tcall_load_ok(p)), 1u);
}

/*
 *   main -call-> sub -slot 0-> callee
 *   sub would write to main's stack after the tail call.
 */
static void what_follows_a_tail_call_is_not_assumed(struct kunit *test)
{
	struct tcall_prog *p = tcall_prog_new(test, "main", BPF_PROG_TYPE_SCHED_CLS);
	int array = tcall_prog_array(test, 1);
	int main_fd;

	begin_main(p);
	tcall_emit(p, BPF_ST_MEM(BPF_DW, BPF_REG_10, -8, 0));
	tcall_emit(p, BPF_MOV64_REG(BPF_REG_2, BPF_REG_10));
	tcall_emit(p, BPF_ALU64_IMM(BPF_ADD, BPF_REG_2, -8));
	tcall_emit_call(p, SUB);
	tcall_emit(p, BPF_LDX_MEM(BPF_DW, BPF_REG_0, BPF_REG_10, -8));
	emit_seen_if(p, 0);
	tcall_emit_return(p, 0);

	begin_sub(p, "sub", TCALL_STATIC);
	tcall_emit(p, BPF_MOV64_REG(BPF_REG_7, BPF_REG_2));
	tcall_emit_tail_call(p, array, 0, TCALL_DIRECT);
	tcall_emit(p, BPF_MOV64_IMM(BPF_REG_1, 1));
	tcall_emit(p, BPF_STX_MEM(BPF_DW, BPF_REG_7, BPF_REG_1, 0));
	tcall_emit_return(p, 0);

	main_fd = tcall_load_ok(p);
	KUNIT_EXPECT_EQ(test, tcall_run(test, main_fd), 1u);
	KUNIT_ASSERT_EQ(test, tcall_set_slot(array, 0, load_callee(test)), 0);
	KUNIT_EXPECT_EQ(test, tcall_run(test, main_fd), 2u + SEEN);
}

static void a_callees_result_has_no_bounds(struct kunit *test)
{
	struct tcall_prog *p = tcall_prog_new(test, "main", BPF_PROG_TYPE_SCHED_CLS);
	int array = tcall_prog_array(test, 1);

	begin_main(p);
	tcall_emit_call(p, SUB);
	tcall_emit(p, BPF_MOV64_REG(BPF_REG_8, BPF_REG_0));
	emit_indexed_write(p, tcall_array(test, 1));
	tcall_emit_return(p, 0);
	emit_tail_calling_sub(p, array);
	expect_refused(p);
}

/*
 * R8 is 3 on one way to the call and 1000 on the other. That they differ must
 * be remembered across a tail call that is taken.
 */
static void a_constant_is_followed_over_a_tail_call(struct kunit *test)
{
	struct tcall_prog *p = tcall_prog_new(test, "main", BPF_PROG_TYPE_SCHED_CLS);
	int array = tcall_prog_array(test, 1);
	u32 jump;

	begin_main(p);
	p->flags = BPF_F_TEST_STATE_FREQ;
	tcall_emit(p, BPF_LDX_MEM(BPF_W, BPF_REG_2, BPF_REG_6, SKB(priority)));
	tcall_emit(p, BPF_MOV64_IMM(BPF_REG_8, 1000));
	jump = emit_jump_if(p, BPF_JEQ, BPF_REG_2, 7);
	tcall_emit(p, BPF_MOV64_IMM(BPF_REG_8, 3));
	land(p, jump);
	tcall_emit_call(p, SUB);
	emit_indexed_write(p, tcall_array(test, 1));
	tcall_emit_return(p, 0);

	/* The same registers have other values in sub. */
	begin_sub(p, "sub", TCALL_STATIC);
	tcall_emit(p, BPF_MOV64_IMM(BPF_REG_8, 0));
	tcall_emit_tail_call(p, array, 0, TCALL_DIRECT);
	tcall_emit_return(p, 0);
	expect_refused(p);
}

static void a_leaked_reference_is_refused(struct kunit *test)
{
	struct tcall_prog *p = tcall_prog_new(test, "main", BPF_PROG_TYPE_SCHED_CLS);
	int array = tcall_prog_array(test, 1);

	begin_main(p);
	tcall_emit_call(p, SUB);
	tcall_emit_return(p, 0);

	begin_sub(p, "sub", TCALL_STATIC);
	emit_socket(p);
	tcall_emit_tail_call(p, array, 0, TCALL_DIRECT);
	emit_release(p);
	tcall_emit_return(p, 0);
	expect_refused(p);
}

/* ---- packet data -------------------------------------------------------- */

static void pointers_are_stale_after_a_tail_call(struct kunit *test)
{
	struct tcall_prog *p = tcall_prog_new(test, "main", BPF_PROG_TYPE_SCHED_CLS);
	int array = tcall_prog_array(test, 1);

	begin_main(p);
	emit_packet_pointer(p);
	tcall_emit_call(p, SUB);
	emit_packet_read(p);
	emit_tail_calling_sub(p, array);
	expect_refused(p);
}

/* How a global function changes packet data. */
enum change {
	BY_HELPER,
	BY_STATIC_FUNCTION,
	BY_GLOBAL_FUNCTION,
	BY_TAIL_CALL,
	BY_TAIL_CALL_OF_FUNCTION,
};

static const char *const change_names[] = {
	[BY_HELPER] = "by a helper",
	[BY_STATIC_FUNCTION] = "by a static function",
	[BY_GLOBAL_FUNCTION] = "by a global function",
	[BY_TAIL_CALL] = "by a tail call",
	[BY_TAIL_CALL_OF_FUNCTION] = "by a function's tail call",
};

static const enum change changes[] = {
	BY_HELPER, BY_STATIC_FUNCTION, BY_GLOBAL_FUNCTION, BY_TAIL_CALL,
	BY_TAIL_CALL_OF_FUNCTION,
};

static void change_desc(const enum change *change, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s", change_names[*change]);
}

KUNIT_ARRAY_PARAM(change, changes, change_desc);

/*
 *   main -call-> sub, global [-call-> inner], which may change packet data
 */
static void pointers_are_stale_after_a_function(struct kunit *test)
{
	const enum change *change = tcall_param(test);
	struct tcall_prog *p = tcall_prog_new(test, "main", BPF_PROG_TYPE_SCHED_CLS);
	int array = tcall_prog_array(test, 1);

	begin_main(p);
	emit_packet_pointer(p);
	tcall_emit_call(p, SUB);
	emit_packet_read(p);

	begin_sub(p, "sub", TCALL_GLOBAL);
	if (*change == BY_HELPER)
		emit_pull_data(p);
	else if (*change == BY_TAIL_CALL)
		tcall_emit_tail_call(p, array, 0, TCALL_DIRECT);
	else
		tcall_emit_call(p, INNER);
	tcall_emit_return(p, 0);

	if (*change != BY_HELPER && *change != BY_TAIL_CALL) {
		begin_sub(p, "inner", *change == BY_GLOBAL_FUNCTION ?
				      TCALL_GLOBAL : TCALL_STATIC);
		if (*change == BY_TAIL_CALL_OF_FUNCTION)
			tcall_emit_tail_call(p, array, 0, TCALL_DIRECT);
		else
			emit_pull_data(p);
		tcall_emit_return(p, 0);
	}
	expect_refused(p);
}

/*
 *   main -call-> sub, global -call-> inner, global
 *   with a packet pointer held in main, or without one
 */
static int load_target(struct kunit *test, bool hold)
{
	struct tcall_prog *p = tcall_prog_new(test, "target",
					      BPF_PROG_TYPE_SCHED_CLS);

	begin_main(p);
	if (hold)
		emit_packet_pointer(p);
	tcall_emit_call(p, SUB);
	if (hold)
		emit_packet_read(p);
	else
		tcall_emit_return(p, 0);
	begin_sub(p, "sub", TCALL_GLOBAL);
	tcall_emit_call(p, INNER);
	tcall_emit_return(p, 0);
	begin_sub(p, "inner", TCALL_GLOBAL);
	tcall_emit_return(p, 0);
	return tcall_load_ok(p);
}

/* main -call-> sub, global, which changes packet data */
static int load_pulling_target(struct kunit *test)
{
	struct tcall_prog *p = tcall_prog_new(test, "target",
					      BPF_PROG_TYPE_SCHED_CLS);

	begin_main(p);
	tcall_emit_call(p, SUB);
	tcall_emit_return(p, 0);
	begin_sub(p, "sub", TCALL_GLOBAL);
	emit_pull_data(p);
	tcall_emit_return(p, 0);
	return tcall_load_ok(p);
}

/*
 * main -call-> sub, global, which writes to the packet, with a packet pointer held in
 * main; before that main may have shared the packet
 */
static int load_writing_target(struct kunit *test, bool share)
{
	struct tcall_prog *p = tcall_prog_new(test, "target", BPF_PROG_TYPE_SCHED_CLS);

	begin_main(p);
	if (share) {
		tcall_emit(p, BPF_MOV64_REG(BPF_REG_1, BPF_REG_6));
		tcall_emit(p, BPF_MOV64_IMM(BPF_REG_2, 1));
		tcall_emit(p, BPF_MOV64_IMM(BPF_REG_3, 0));
		tcall_emit_helper(p, BPF_FUNC_clone_redirect);
	}
	emit_packet_pointer(p);
	tcall_emit_call(p, SUB);
	emit_packet_read(p);
	begin_sub(p, "sub", TCALL_GLOBAL);
	emit_packet_pointer(p);
	tcall_emit(p, BPF_ST_MEM(BPF_B, BPF_REG_7, 0, 1));
	tcall_emit_return(p, 0);
	return tcall_load_ok(p);
}

static struct tcall_prog *extension(struct kunit *test, int target, int func,
				    bool pull)
{
	struct tcall_prog *p = tcall_prog_new(test, "extension", BPF_PROG_TYPE_EXT);

	p->target_fd = target;
	p->target_btf_id = tcall_func_btf_id(func);
	begin_sub(p, "extension", TCALL_GLOBAL);
	if (pull)
		emit_pull_data(p);
	tcall_emit_return(p, 0);
	return p;
}

static void an_extension_keeps_the_pointers_of_its_target(struct kunit *test)
{
	int target = load_target(test, true);

	tcall_load_ok(extension(test, target, SUB, false));
	tcall_load_ok(extension(test, target, INNER, false));
	expect_refused(extension(test, target, SUB, true));
	expect_refused(extension(test, target, INNER, true));
}

/* An extension of @func that writes to the packet, and calls no helper for it. */
static struct tcall_prog *writing_extension(struct kunit *test, int target, int func)
{
	struct tcall_prog *p = tcall_prog_new(test, "extension", BPF_PROG_TYPE_EXT);

	p->target_fd = target;
	p->target_btf_id = tcall_func_btf_id(func);
	begin_sub(p, "extension", TCALL_GLOBAL);
	emit_packet_pointer(p);
	tcall_emit(p, BPF_ST_MEM(BPF_B, BPF_REG_7, 0, 1));
	tcall_emit_return(p, 0);
	return p;
}

static void a_writing_extension_keeps_the_pointers_of_its_target(struct kunit *test)
{
	int target = load_target(test, true);
	int free = load_pulling_target(test);
	int ext = tcall_load_ok(writing_extension(test, free, SUB));

	expect_refused(writing_extension(test, target, SUB));
	expect_refused(writing_extension(test, target, INNER));
	/* It was loaded for one target, and is offered to another one. */
	KUNIT_EXPECT_EQ(test, tcall_attach_to(test, ext, target,
					      tcall_func_btf_id(SUB)), -EINVAL);
	KUNIT_EXPECT_GE(test, tcall_attach(test, ext), 0);
#ifdef TCALL_EXTENSION_RULE_BY_HOLDER
	tcall_load_ok(writing_extension(test, load_target(test, false), SUB));
#endif
}

/* The prologue of the target, which writes, too, leaves nothing to do for the other. */
static void a_writing_extension_replaces_a_writing_function(struct kunit *test)
{
	int target = load_writing_target(test, false);
	int ext = tcall_load_ok(writing_extension(test, target, SUB));

	KUNIT_EXPECT_GE(test, tcall_attach(test, ext), 0);
}

/* Unless the packet is shared again, or the next target does not write. */
static void a_writing_extension_meets_a_shared_packet(struct kunit *test)
{
	int ext = tcall_load_ok(writing_extension(test, load_writing_target(test, false), SUB));
	int shared = load_writing_target(test, true);

	expect_refused(writing_extension(test, shared, SUB));
	KUNIT_EXPECT_EQ(test, tcall_attach_to(test, ext, shared,
					      tcall_func_btf_id(SUB)), -EINVAL);
	KUNIT_EXPECT_EQ(test, tcall_attach_to(test, ext, load_target(test, true),
					      tcall_func_btf_id(SUB)), -EINVAL);
}

#ifdef TCALL_EXTENSION_RULE_BY_HOLDER
/* Nor where another extension may share it: of inner, which is called before. */
static void a_writing_extension_meets_one_that_shares(struct kunit *test)
{
	struct tcall_prog *p = tcall_prog_new(test, "target", BPF_PROG_TYPE_SCHED_CLS);
	int target;

	begin_main(p);
	tcall_emit_call(p, INNER);
	emit_packet_pointer(p);
	tcall_emit_call(p, SUB);
	emit_packet_read(p);
	begin_sub(p, "sub", TCALL_GLOBAL);
	emit_packet_pointer(p);
	tcall_emit(p, BPF_ST_MEM(BPF_B, BPF_REG_7, 0, 1));
	tcall_emit_return(p, 0);
	begin_sub(p, "inner", TCALL_GLOBAL);
	tcall_emit_return(p, 0);
	target = tcall_load_ok(p);

	tcall_load_ok(extension(test, target, INNER, true));
	expect_refused(writing_extension(test, target, SUB));
}

static void an_extension_changes_what_nobody_holds(struct kunit *test)
{
	int target = load_target(test, false);
	int ext = tcall_load_ok(extension(test, target, SUB, true));
	int held = load_target(test, true);

	tcall_load_ok(extension(test, target, INNER, true));
	/* It was loaded for one target, and is offered to another one. */
	KUNIT_EXPECT_EQ(test, tcall_attach_to(test, ext, held,
					      tcall_func_btf_id(SUB)), -EINVAL);
	KUNIT_EXPECT_GE(test, tcall_attach(test, ext), 0);
}
#endif

/* ---- programs that are sound --------------------------------------------- */

struct sound_maps {
	int array, map;
};

static void sound_main_reads_anew(struct tcall_prog *p, const struct sound_maps *maps)
{
	emit_packet_pointer(p);
	tcall_emit_call(p, SUB);
	emit_packet_pointer(p);
	emit_packet_read(p);
}

static void sound_main_reads(struct tcall_prog *p, const struct sound_maps *maps)
{
	emit_packet_pointer(p);
	tcall_emit_call(p, SUB);
	emit_packet_read(p);
}

static void sound_main_masks(struct tcall_prog *p, const struct sound_maps *maps)
{
	tcall_emit_call(p, SUB);
	tcall_emit(p, BPF_MOV64_REG(BPF_REG_8, BPF_REG_0));
	tcall_emit(p, BPF_ALU64_IMM(BPF_AND, BPF_REG_8, 7));
	emit_indexed_write(p, maps->map);
	tcall_emit_return(p, 0);
}

static void sound_main_has_an_index(struct tcall_prog *p, const struct sound_maps *maps)
{
	tcall_emit(p, BPF_MOV64_IMM(BPF_REG_8, 3));
	tcall_emit_call(p, SUB);
	emit_indexed_write(p, maps->map);
	tcall_emit_return(p, 0);
}

static void sound_main_calls(struct tcall_prog *p, const struct sound_maps *maps)
{
	tcall_emit_call(p, SUB);
	tcall_emit_return(p, 0);
}

static void sound_sub_returns(struct tcall_prog *p, const struct sound_maps *maps)
{
	tcall_emit_return(p, 0);
}

static void sound_sub_pulls_data(struct tcall_prog *p, const struct sound_maps *maps)
{
	emit_pull_data(p);
	tcall_emit_return(p, 0);
}

static void sound_sub_tail_calls(struct tcall_prog *p, const struct sound_maps *maps)
{
	tcall_emit_tail_call(p, maps->array, 0, TCALL_DIRECT);
	tcall_emit_return(p, 0);
}

static void sound_sub_releases(struct tcall_prog *p, const struct sound_maps *maps)
{
	emit_socket(p);
	emit_release(p);
	sound_sub_tail_calls(p, maps);
}

#ifdef TCALL_POINTERS_OUTLIVE_A_MISS
static void sound_main_tail_calls(struct tcall_prog *p, const struct sound_maps *maps)
{
	emit_packet_pointer(p);
	tcall_emit_tail_call(p, maps->array, 0, TCALL_DIRECT);
	emit_packet_read(p);
}
#endif

#ifdef TCALL_RESULTS_HAVE_A_RANGE
static void sound_main_returns_it(struct tcall_prog *p, const struct sound_maps *maps)
{
	tcall_emit_call(p, SUB);
	tcall_emit(p, BPF_EXIT_INSN());
}
#endif

#ifdef TCALL_CALLERS_MAY_HOLD_REFERENCES
static void sound_main_releases(struct tcall_prog *p, const struct sound_maps *maps)
{
	emit_socket(p);
	tcall_emit_call(p, SUB);
	emit_release(p);
	tcall_emit_return(p, 0);
}
#endif

struct sound {
	const char *name;
	void (*emit_main)(struct tcall_prog *p, const struct sound_maps *maps);
	void (*emit_sub)(struct tcall_prog *p, const struct sound_maps *maps);
	enum tcall_linkage linkage;
	enum bpf_prog_type type;	/* 0: SCHED_CLS */
};

static const struct sound sounds[] = {
	{ "packet pointers read anew",
	  sound_main_reads_anew, sound_sub_tail_calls, TCALL_STATIC },
	{ "packet pointers over a static function",
	  sound_main_reads, sound_sub_returns, TCALL_STATIC },
	{ "packet pointers over a global function",
	  sound_main_reads, sound_sub_returns, TCALL_GLOBAL },
	{ "packet pointers read anew after a function",
	  sound_main_reads_anew, sound_sub_pulls_data, TCALL_GLOBAL },
	{ "a result that is masked",
	  sound_main_masks, sound_sub_tail_calls, TCALL_STATIC },
	{ "a constant index from before",
	  sound_main_has_an_index, sound_sub_tail_calls, TCALL_STATIC },
	{ "a reference released before",
	  sound_main_calls, sound_sub_releases, TCALL_STATIC },
#ifdef TCALL_POINTERS_OUTLIVE_A_MISS
	{ "packet pointers over main's tail call", sound_main_tail_calls },
#endif
#ifdef TCALL_RESULTS_HAVE_A_RANGE
	{ "a result that is returned",
	  sound_main_returns_it, sound_sub_tail_calls, TCALL_STATIC,
	  BPF_PROG_TYPE_CGROUP_SKB },
#endif
#ifdef TCALL_CALLERS_MAY_HOLD_REFERENCES
	{ "a reference released by main",
	  sound_main_releases, sound_sub_tail_calls, TCALL_STATIC },
#endif
};

static void sound_desc(const struct sound *sound, char *desc)
{
	strscpy(desc, sound->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(sound, sounds, sound_desc);

static void a_sound_program_loads(struct kunit *test)
{
	const struct sound *sound = tcall_param(test);
	struct tcall_prog *p = tcall_prog_new(test, "main",
					      sound->type ?: BPF_PROG_TYPE_SCHED_CLS);
	struct sound_maps maps = { tcall_prog_array(test, 1), tcall_array(test, 1) };

	p->flags = BPF_F_TEST_STATE_FREQ;
	begin_main(p);
	sound->emit_main(p, &maps);
	if (sound->emit_sub) {
		begin_sub(p, "sub", sound->linkage);
		sound->emit_sub(p, &maps);
	}
	KUNIT_EXPECT_GE_MSG(test, tcall_load(p), 0, "%s", sound->name);
}

static struct kunit_case verifier_cases[] = {
	KUNIT_CASE(a_callees_result_arrives),
	KUNIT_CASE(a_failed_loads_result_arrives),
	KUNIT_CASE(a_constant_is_followed_over_a_failed_load),
	KUNIT_CASE(what_follows_a_tail_call_is_not_assumed),
	KUNIT_CASE(a_callees_result_has_no_bounds),
	KUNIT_CASE(a_constant_is_followed_over_a_tail_call),
	KUNIT_CASE(a_leaked_reference_is_refused),
	KUNIT_CASE(pointers_are_stale_after_a_tail_call),
	KUNIT_CASE_PARAM(pointers_are_stale_after_a_function,
			 change_gen_params),
	KUNIT_CASE(an_extension_keeps_the_pointers_of_its_target),
	KUNIT_CASE(a_writing_extension_keeps_the_pointers_of_its_target),
	KUNIT_CASE(a_writing_extension_replaces_a_writing_function),
	KUNIT_CASE(a_writing_extension_meets_a_shared_packet),
#ifdef TCALL_EXTENSION_RULE_BY_HOLDER
	KUNIT_CASE(a_writing_extension_meets_one_that_shares),
	KUNIT_CASE(an_extension_changes_what_nobody_holds),
#endif
	KUNIT_CASE_PARAM(a_sound_program_loads, sound_gen_params),
	{}
};

struct kunit_suite tailcall_verifier_suite = {
	.name = "tailcall_verifier",
	.init = tcall_init,
	.exit = tcall_exit,
	.test_cases = verifier_cases,
};
