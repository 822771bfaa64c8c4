// SPDX-License-Identifier: GPL-2.0
/*
 * The stack rule: 33 tail calls may each leave the callers of the function that
 * makes them on the kernel stack, so these can have only so much of it, with
 * what the JIT adds. Programs here are only loaded.
 */
#include "prog.h"
#include "suites.h"

struct stack_param {
	/* Of them the last makes the tail call, and is not on the stack then. */
	u32 functions;
	/* What each caller uses. */
	u32 bytes;
	bool tail_call;
	bool loads;
};

/*
 * Before the JIT's part was counted the verifier allowed 256 bytes of BPF stack
 * for the callers, whatever their number.
 */
static const struct stack_param stack_params[] = {
	{ 2, 8, true, true },
	{ 2, 224, true, true },
	{ 3, 96, true, true },
	{ 3, 256, true, false },
	/* What is not under a tail call may use all there is. */
	{ 8, 32, false, true },
	{ 2, 256, false, true },
	{ 8, 8, true, false },
	{ 8, 24, true, false },
};

static void stack_desc(const struct stack_param *param, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%u callers with %u bytes, %s",
		 param->functions - 1, param->bytes,
		 param->tail_call ? "tail call" : "no tail call");
}

KUNIT_ARRAY_PARAM(stack, stack_params, stack_desc);

static const char * const stack_names[TC_MAX_FUNCS] = {
	"main", "sub1", "sub2", "sub3", "sub4", "sub5", "sub6", "sub7",
};

static void callers_have_their_share(struct kunit *test)
{
	const struct stack_param *param = tc_param(test);
	struct tc_prog *p = tc_prog_new(test, "main", BPF_PROG_TYPE_SCHED_CLS);
	int array = tc_prog_array(test, 1);
	int fd;
	u32 i;

	for (i = 0; i < param->functions; i++) {
		tc_func_begin(p, stack_names[i], i ? TC_STATIC : TC_GLOBAL);
		tc_emit_sub_entry(p);
		if (i + 1 < param->functions) {
			tc_emit_stack(p, param->bytes);
			tc_emit_call(p, i + 1);
		} else if (param->tail_call) {
			tc_emit_tail_call(p, array, 0, TC_DIRECT);
		}
		tc_emit_return(p, 0);
	}
	fd = tc_load(p);
	if (param->loads)
		KUNIT_EXPECT_GE(test, fd, 0);
	else
		KUNIT_EXPECT_EQ(test, fd, -EACCES);
}

static struct kunit_case stack_cases[] = {
	KUNIT_CASE_PARAM(callers_have_their_share, stack_gen_params),
	{}
};

struct kunit_suite tailcall_stack_suite = {
	.name = "tailcall_stack",
	.init = tc_init,
	.exit = tc_exit,
	.test_cases = stack_cases,
};
