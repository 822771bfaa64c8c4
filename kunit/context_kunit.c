// SPDX-License-Identifier: GPL-2.0
/*
 * The context of a syscall program is a buffer of the size that whoever runs it
 * says. That is compared with what the program reads, not with what its tail
 * callees do, which change while it runs.
 */
#include "prog.h"
#include "suites.h"

#ifdef TCALL_SLEEPABLE_CALLERS

/* What is handed over, what the tail callee goes for, and what is there. */
#define CTX_SIZE	8
#define CTX_BEHIND	56
#define CTX_READS	200
#define CTX_STEP	16
#define CTX_NEEDED	(CTX_BEHIND + (CTX_READS - 1) * CTX_STEP + sizeof(u64))
#define CTX_BUFFER	4096

#define CTX_FILL	0x5a
#define CTX_WRITTEN	7

struct context_param {
	const char *name;
	bool in_subprogram;
};

static const struct context_param context_params[] = {
	{ "in the main program", false },
	{ "in a subprogram", true },
};

static void context_desc(const struct context_param *param, char *desc)
{
	strscpy(desc, param->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(context, context_params, context_desc);

static struct tcall_prog *context_prog(struct kunit *test, const char *name)
{
	struct tcall_prog *p = tcall_prog_new(test, name, BPF_PROG_TYPE_SYSCALL);

	p->flags = BPF_F_SLEEPABLE;
	tcall_func_begin(p, name, TCALL_GLOBAL);
	tcall_emit_sub_entry(p);
	return p;
}

/* Reads nothing, and tail calls slot 0. */
static int context_caller(struct kunit *test, const struct context_param *param,
			  int array)
{
	struct tcall_prog *p = context_prog(test, "caller");

	if (param->in_subprogram) {
		tcall_emit_call(p, 1);
		tcall_emit_return(p, 0);
		tcall_func_begin(p, "sub", TCALL_STATIC);
		tcall_emit_sub_entry(p);
	}
	tcall_emit_tail_call(p, array, 0, TCALL_DIRECT);
	tcall_emit_return(p, 0);
	return tcall_load_ok(p);
}

/* Writes to the first byte, and to one behind what was handed over: was there
 * anything but zero? What a small allocation has behind it is not all zero, so it
 * looks in many places.
 */
static int context_callee(struct kunit *test)
{
	struct tcall_prog *p = context_prog(test, "callee");
	int i;

	tcall_emit(p, BPF_MOV64_IMM(BPF_REG_7, 0));
	for (i = 0; i < CTX_READS; i++) {
		tcall_emit(p, BPF_LDX_MEM(BPF_DW, BPF_REG_1, BPF_REG_6,
					  CTX_BEHIND + i * CTX_STEP));
		tcall_emit(p, BPF_ALU64_REG(BPF_OR, BPF_REG_7, BPF_REG_1));
	}
	tcall_emit(p, BPF_ST_MEM(BPF_B, BPF_REG_6, CTX_BEHIND, CTX_WRITTEN));
	tcall_emit(p, BPF_ST_MEM(BPF_B, BPF_REG_6, 0, CTX_WRITTEN));
	/* The program that is run says nothing of its own. */
	tcall_emit(p, BPF_MOV64_IMM(BPF_REG_0, 2));
	tcall_emit(p, BPF_JMP_IMM(BPF_JNE, BPF_REG_7, 0, 1));
	tcall_emit(p, BPF_MOV64_IMM(BPF_REG_0, 1));
	tcall_emit(p, BPF_EXIT_INSN());
	return tcall_load_ok(p);
}

static void a_tail_callee_stays_within_the_context(struct kunit *test)
{
	const struct context_param *param = test->param_value;
	int array = tcall_prog_array(test, 1);
	int caller = context_caller(test, param, array);
	union bpf_attr attr = {};
	u8 *ctx;

	KUNIT_ASSERT_EQ_MSG(test, tcall_set_slot(array, 0, context_callee(test)), 0,
			    "a syscall program that reads more is no bad tail callee");

	/* So that no other's memory is written to where the bug is. */
	ctx = kunit_kzalloc(test, CTX_BUFFER, GFP_KERNEL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, ctx);
	memset(ctx, CTX_FILL, CTX_BUFFER);
	attr.test.prog_fd = caller;
	attr.test.ctx_in = (unsigned long)ctx;
	attr.test.ctx_size_in = CTX_SIZE;
	KUNIT_ASSERT_EQ(test, kern_sys_bpf(BPF_PROG_TEST_RUN, &attr,
					   sizeof(attr)), 0);

	if (!param->in_subprogram)
		KUNIT_EXPECT_EQ_MSG(test, attr.test.retval, 1,
				    "the tail callee read behind the context");
	KUNIT_EXPECT_EQ_MSG(test, ctx[CTX_BEHIND], CTX_FILL,
			    "the tail callee wrote behind the context");
	KUNIT_EXPECT_EQ_MSG(test, ctx[0], CTX_WRITTEN,
			    "the tail callee's write did not come back");
	KUNIT_EXPECT_EQ(test, ctx[1], CTX_FILL);
}

/* What the program itself reads must be handed over. */
static void a_context_that_is_too_short_is_refused(struct kunit *test)
{
	union bpf_attr attr = {};
	u8 *ctx;

	ctx = kunit_kzalloc(test, CTX_BUFFER, GFP_KERNEL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, ctx);
	attr.test.prog_fd = context_callee(test);
	attr.test.ctx_in = (unsigned long)ctx;
	attr.test.ctx_size_in = CTX_NEEDED - 1;
	KUNIT_EXPECT_EQ(test, kern_sys_bpf(BPF_PROG_TEST_RUN, &attr,
					   sizeof(attr)), -EINVAL);
	attr.test.ctx_size_in = CTX_NEEDED;
	KUNIT_EXPECT_EQ(test, kern_sys_bpf(BPF_PROG_TEST_RUN, &attr,
					   sizeof(attr)), 0);
	KUNIT_EXPECT_EQ(test, ctx[CTX_BEHIND], CTX_WRITTEN);
}

static struct kunit_case context_cases[] = {
	KUNIT_CASE_PARAM(a_tail_callee_stays_within_the_context,
			 context_gen_params),
	KUNIT_CASE(a_context_that_is_too_short_is_refused),
	{}
};

static struct kunit_suite tailcall_context_suite = {
	.name = "tailcall_context",
	.init = tcall_init,
	.exit = tcall_exit,
	.test_cases = context_cases,
};

/* Only newer kernels have it, so it is not in the list of the others. */
kunit_test_suite(tailcall_context_suite);

#endif /* TCALL_SLEEPABLE_CALLERS */
