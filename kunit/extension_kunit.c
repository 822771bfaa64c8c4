// SPDX-License-Identifier: GPL-2.0
/*
 * Extensions (freplace) and prog_arrays keep apart: an extension starts a
 * counter of its own, so a program that is extended must not be a tail callee,
 * nor a tail callee be extended. And an extension has the arguments of what it
 * replaces.
 */
#include <linux/ftrace.h>
#include <linux/kprobes.h>

#include "prog.h"
#include "suites.h"

/*
 *   main -call-> first, global      (an extension can replace it)
 *        -call-> second, global     (and another one this)
 */
enum { MAIN, FIRST, SECOND };

/*
 * Since 6.12 an extension may change packet data, as a tail call might, only
 * where the function that it replaces does.
 */
static void emit_pull_data(struct tcall_prog *p)
{
	tcall_emit(p, BPF_MOV64_IMM(BPF_REG_2, 0));
	tcall_emit_helper(p, BPF_FUNC_skb_pull_data);
}

static int load_target(struct kunit *test)
{
	struct tcall_prog *p = tcall_prog_new(test, "target",
					      BPF_PROG_TYPE_SCHED_CLS);

	tcall_func_begin(p, "target", TCALL_GLOBAL);
	tcall_emit_main_entry(p);
	tcall_emit_call(p, FIRST);
	tcall_emit_call(p, SECOND);
	tcall_emit_return(p, 0);
	tcall_func_begin(p, "first", TCALL_GLOBAL);
	emit_pull_data(p);
	tcall_emit_return(p, 0);
	tcall_func_begin(p, "second", TCALL_GLOBAL);
	emit_pull_data(p);
	tcall_emit_return(p, 0);
	return tcall_load_ok(p);
}

/* Load an extension of function @func, which tail-calls slot 0 of @array, or nothing. */
static int load_extension_as(struct kunit *test, int target, int func, int array,
			     enum tcall_form form)
{
	struct tcall_prog *p = tcall_prog_new(test, "extension", BPF_PROG_TYPE_EXT);

	p->target_fd = target;
	p->target_btf_id = tcall_func_btf_id(func);
	tcall_func_begin(p, "extension", TCALL_GLOBAL);
	tcall_emit_sub_entry(p);
	if (array >= 0)
		tcall_emit_tail_call(p, array, 0, form);
	tcall_emit_return(p, 0);
	return tcall_load_ok(p);
}

static int load_extension(struct kunit *test, int target, int func, int array)
{
	return load_extension_as(test, target, func, array, TCALL_DIRECT);
}

static int attach_ok(struct kunit *test, int extension)
{
	int link = tcall_attach(test, extension);

	KUNIT_ASSERT_GE(test, link, 0);
	return link;
}

static void a_prog_array_refuses_an_extension(struct kunit *test)
{
	int array = tcall_prog_array(test, 1);
	int target = load_target(test);
	int ext = load_extension(test, target, FIRST, array);

	KUNIT_EXPECT_EQ(test, tcall_set_slot(array, 0, ext), -EINVAL);
	attach_ok(test, ext);
	KUNIT_EXPECT_EQ(test, tcall_set_slot(array, 0, ext), -EINVAL);
}

/* An extension owns its prog_array as its target would. */
static void an_extension_counts_as_its_target(struct kunit *test)
{
	struct tcall_prog *xdp = tcall_prog_new(test, "xdp", BPF_PROG_TYPE_XDP);
	int array = tcall_prog_array(test, 1);

	load_extension(test, load_target(test), FIRST, array);
	tcall_func_begin(xdp, "xdp", TCALL_GLOBAL);
	tcall_emit_return(xdp, 0);
	KUNIT_EXPECT_EQ(test, tcall_set_slot(array, 0, tcall_load_ok(xdp)), -EINVAL);
	KUNIT_EXPECT_EQ(test, tcall_set_slot(array, 0, load_target(test)), 0);
}

static void a_prog_array_refuses_an_extended_program(struct kunit *test)
{
	int array = tcall_prog_array(test, 1);
	int target = load_target(test);
	int link = attach_ok(test, load_extension(test, target, FIRST, array));

	KUNIT_EXPECT_EQ(test, tcall_set_slot(array, 0, target), -EBUSY);
	tcall_close(test, link);
	KUNIT_EXPECT_EQ(test, tcall_set_slot(array, 0, target), 0);
}

static void a_tail_callee_cannot_be_extended(struct kunit *test)
{
	int array = tcall_prog_array(test, 2);
	int target = load_target(test);
	int ext = load_extension(test, target, FIRST, array);

	KUNIT_ASSERT_EQ(test, tcall_set_slot(array, 0, target), 0);
	KUNIT_ASSERT_EQ(test, tcall_set_slot(array, 1, target), 0);
	KUNIT_EXPECT_EQ(test, tcall_attach(test, ext), -EBUSY);
	KUNIT_ASSERT_EQ(test, tcall_clear_slot(array, 0), 0);
	KUNIT_EXPECT_EQ(test, tcall_attach(test, ext), -EBUSY);
	KUNIT_ASSERT_EQ(test, tcall_clear_slot(array, 1), 0);
	KUNIT_EXPECT_GE(test, tcall_attach(test, ext), 0);
}

/* Its jump is not a direct one: older kernels wait when that is taken out of the code. */
static int load_extension_of_callee(struct kunit *test)
{
	int array = tcall_prog_array(test, 1);
	int target = load_target(test);

	KUNIT_ASSERT_EQ(test, tcall_set_slot(array, 0, target), 0);
	KUNIT_ASSERT_EQ(test, tcall_clear_slot(array, 0), 0);
	return load_extension_as(test, target, FIRST, array, TCALL_INDIRECT);
}

/*
 * A run of the target goes on that has come through the slot, and may have made its
 * 33 tail calls; an extension would count from zero.
 */
static void a_running_callee_is_not_extended(struct kunit *test)
{
	KUNIT_EXPECT_TRUE_MSG(test,
			      tcall_attach_waits(test, load_extension_of_callee),
			      "the target was extended while it ran");
}

static int load_extension_without(struct kunit *test)
{
	return load_extension(test, load_target(test), FIRST, -1);
}

/* Nobody waits for an extension that makes no tail calls. */
static void who_makes_no_tail_calls_extends_at_once(struct kunit *test)
{
	KUNIT_EXPECT_FALSE_MSG(test,
			       tcall_attach_waits(test, load_extension_without),
			       "the attach waited for a run");
}

/* The order of the two detaches does not matter. */
static void one_of_two_extensions_is_detached(struct kunit *test)
{
	int array = tcall_prog_array(test, 1);
	int target = load_target(test);
	int first = load_extension(test, target, FIRST, array);
	int second = load_extension(test, target, SECOND, array);
	int first_link = attach_ok(test, first);
	int second_link = attach_ok(test, second);

	KUNIT_EXPECT_EQ(test, tcall_set_slot(array, 0, target), -EBUSY);
	tcall_close(test, second_link);
	KUNIT_EXPECT_EQ(test, tcall_set_slot(array, 0, target), -EBUSY);

	second_link = tcall_attach_to(test, second, target,
				      tcall_func_btf_id(SECOND));
	KUNIT_ASSERT_GE(test, second_link, 0);
	tcall_close(test, first_link);
	KUNIT_EXPECT_EQ(test, tcall_set_slot(array, 0, target), -EBUSY);

	tcall_close(test, second_link);
	KUNIT_EXPECT_EQ(test, tcall_set_slot(array, 0, target), 0);
}

#ifdef CONFIG_KPROBES
/*
 * Makes the next bpf_arch_text_poke() return -EBUSY without doing anything,
 * as when the insn at the function's entry is not the expected one.
 */
static bool fail_next_poke;

static noinline notrace int poke_that_fails(void)
{
	return -EBUSY;
}

static int poke_pre_handler(struct kprobe *kp, struct pt_regs *regs)
{
	if (!READ_ONCE(fail_next_poke))
		return 0;
	WRITE_ONCE(fail_next_poke, false);
	/* Run this in the place of the function that was just entered. */
	regs->ip = (unsigned long)poke_that_fails;
	return 1;
}

/* A kprobe with a post handler is never turned into a jump. */
static void poke_post_handler(struct kprobe *kp, struct pt_regs *regs,
			      unsigned long flags)
{
}

static void a_failed_attach_leaves_no_trace(struct kunit *test)
{
	/*
	 * Behind the endbr64 and the call that ftrace patches: a probe on an
	 * ftrace site works by ftrace, which has rules of its own for changing
	 * where execution goes on.
	 */
	const u32 offset = IS_ENABLED(CONFIG_DYNAMIC_FTRACE) ?
			   MCOUNT_INSN_SIZE +
			   (IS_ENABLED(CONFIG_X86_KERNEL_IBT) ? 4 : 0) : 0;
	struct kprobe kp = {
		.symbol_name = "bpf_arch_text_poke",
		.offset = offset,
		.pre_handler = poke_pre_handler,
		.post_handler = poke_post_handler,
	};
	int array = tcall_prog_array(test, 1);
	int target = load_target(test);
	int ext = load_extension(test, target, FIRST, array);
	int err;

	err = register_kprobe(&kp);
	if (err)
		kunit_skip(test, "Test requires: a kprobe on %s, got error %d",
			   kp.symbol_name, err);
	WRITE_ONCE(fail_next_poke, true);
	err = tcall_attach(test, ext);
	unregister_kprobe(&kp);

	KUNIT_ASSERT_FALSE_MSG(test, fail_next_poke, "nothing was poked");
	KUNIT_EXPECT_EQ(test, err, -EBUSY);
	/* Neither the program nor its function counts as extended now. */
	KUNIT_EXPECT_EQ(test, tcall_set_slot(array, 0, target), 0);
	tcall_clear_slot(array, 0);
	KUNIT_EXPECT_GE(test, tcall_attach(test, ext), 0);
}
#else
static void a_failed_attach_leaves_no_trace(struct kunit *test)
{
	kunit_skip(test, "Test requires: CONFIG_KPROBES");
}
#endif

/* ---- the arguments of an extension that writes to the packet ---------------- */

struct arguments {
	u8 cnt;
	u8 ctx;		/* which one is the context, from 1 on */
};

static const struct arguments arguments[] = {
	{ 2, 1 }, { 3, 1 }, { 4, 1 }, { 5, 1 },
	{ 2, 2 }, { 3, 2 }, { 5, 3 }, { 5, 5 },
};

static void arguments_desc(const struct arguments *args, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "argument %u of %u is the context",
		 args->ctx, args->cnt);
}

KUNIT_ARRAY_PARAM(arguments, arguments, arguments_desc);

/* Where the first argument is no context, a kernel that has the bug takes it for one,
 * and looks whether it is shared: it is not.
 */
static u8 no_packet[sizeof(struct sk_buff)];

static u64 argument(u32 arg)
{
	return arg == 1 ? (unsigned long)no_packet : arg * 0x111;
}

/*
 *   main -call-> first(context and numbers), global: what it returns is the mark
 */
static int load_target_with(struct kunit *test, const struct arguments *args)
{
	struct tcall_prog *p = tcall_prog_new(test, "target", BPF_PROG_TYPE_SCHED_CLS);
	const struct bpf_insn number[] = { BPF_LD_IMM64(BPF_REG_0, 0) };
	u32 arg;

	p->args = args->cnt;
	p->ctx_arg = args->ctx;
	tcall_func_begin(p, "target", TCALL_GLOBAL);
	tcall_emit_sub_entry(p);
	for (arg = 1; arg <= args->cnt; arg++) {
		struct bpf_insn low = number[0], high = number[1];

		if (arg == args->ctx) {
			tcall_emit(p, BPF_MOV64_REG(arg, BPF_REG_6));
			continue;
		}
		low.dst_reg = arg;
		low.imm = argument(arg);
		high.imm = argument(arg) >> 32;
		tcall_emit(p, low);
		tcall_emit(p, high);
	}
	tcall_emit(p, BPF_RAW_INSN(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0, FIRST));
	tcall_emit(p, BPF_STX_MEM(BPF_W, BPF_REG_6, BPF_REG_0,
				  offsetof(struct __sk_buff, mark)));
	tcall_emit_return(p, 0);
	tcall_func_begin(p, "first", TCALL_GLOBAL);
	if (args->ctx != BPF_REG_1)
		tcall_emit(p, BPF_MOV64_REG(BPF_REG_1, args->ctx));
	emit_pull_data(p);
	tcall_emit_return(p, 0);
	return tcall_load_ok(p);
}

/* Mixes its arguments, and writes to the first byte of the packet. */
static int load_writing_extension(struct kunit *test, int target,
				  const struct arguments *args)
{
	struct tcall_prog *p = tcall_prog_new(test, "extension", BPF_PROG_TYPE_EXT);
	u32 arg;

	p->target_fd = target;
	p->target_btf_id = tcall_func_btf_id(FIRST);
	p->args = args->cnt;
	p->ctx_arg = args->ctx;
	tcall_func_begin(p, "extension", TCALL_GLOBAL);
	tcall_emit(p, BPF_MOV64_IMM(BPF_REG_0, 0));
	for (arg = 1; arg <= args->cnt; arg++) {
		if (arg == args->ctx)
			continue;
		tcall_emit(p, BPF_ALU64_IMM(BPF_MUL, BPF_REG_0, 3));
		tcall_emit(p, BPF_ALU64_REG(BPF_ADD, BPF_REG_0, arg));
	}
	tcall_emit(p, BPF_MOV64_REG(BPF_REG_6, args->ctx));
	tcall_emit(p, BPF_LDX_MEM(BPF_W, BPF_REG_7, BPF_REG_6,
				  offsetof(struct __sk_buff, data)));
	tcall_emit(p, BPF_LDX_MEM(BPF_W, BPF_REG_8, BPF_REG_6,
				  offsetof(struct __sk_buff, data_end)));
	tcall_emit(p, BPF_MOV64_REG(BPF_REG_9, BPF_REG_7));
	tcall_emit(p, BPF_ALU64_IMM(BPF_ADD, BPF_REG_9, 1));
	tcall_emit(p, BPF_JMP_REG(BPF_JGT, BPF_REG_9, BPF_REG_8, 1));
	tcall_emit(p, BPF_ST_MEM(BPF_B, BPF_REG_7, 0, 0x5a));
	tcall_emit(p, BPF_EXIT_INSN());
	return tcall_load_ok(p);
}

static void a_writing_extension_has_its_arguments(struct kunit *test)
{
	const struct arguments *args = tcall_param(test);
	int target = load_target_with(test, args);
	int ext = load_writing_extension(test, target, args);
	u64 mix = 0;
	bool kept;
	u32 arg;

	for (arg = 1; arg <= args->cnt; arg++)
		if (arg != args->ctx)
			mix = mix * 3 + argument(arg);
	KUNIT_ASSERT_GE(test, tcall_attach(test, ext), 0);
	KUNIT_EXPECT_EQ(test, tcall_run(test, target), (u32)mix);
	KUNIT_EXPECT_EQ(test, tcall_run_shared(test, target, &kept), (u32)mix);
	KUNIT_EXPECT_TRUE_MSG(test, kept, "a shared packet was written to");
}

static struct kunit_case extension_cases[] = {
	KUNIT_CASE(a_prog_array_refuses_an_extension),
	KUNIT_CASE(an_extension_counts_as_its_target),
	KUNIT_CASE(a_prog_array_refuses_an_extended_program),
	KUNIT_CASE(a_tail_callee_cannot_be_extended),
	KUNIT_CASE(a_running_callee_is_not_extended),
	KUNIT_CASE(who_makes_no_tail_calls_extends_at_once),
	KUNIT_CASE(one_of_two_extensions_is_detached),
	KUNIT_CASE(a_failed_attach_leaves_no_trace),
	KUNIT_CASE_PARAM(a_writing_extension_has_its_arguments,
			 arguments_gen_params),
	{}
};

struct kunit_suite tailcall_extension_suite = {
	.name = "tailcall_extension",
	.init = tcall_init,
	.exit = tcall_exit,
	.test_cases = extension_cases,
};
