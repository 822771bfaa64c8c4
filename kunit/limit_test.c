// SPDX-License-Identifier: GPL-2.0
/*
 * A run makes at most 33 tail calls: chains without subprograms.
 */
#include "prog.h"
#include "suites.h"

struct limit_param {
	enum tc_form form;
	u32 stack;
	bool callee_regs;
};

static const struct limit_param limit_params[] = {
	{ TC_DIRECT, 0, false }, { TC_INDIRECT, 0, false },
	{ TC_DIRECT, 0, true }, { TC_INDIRECT, 0, true },
	{ TC_DIRECT, 8, false }, { TC_INDIRECT, 8, false },
	{ TC_DIRECT, 64, true }, { TC_INDIRECT, 64, true },
	{ TC_DIRECT, 248, false }, { TC_INDIRECT, 248, false },
	{ TC_DIRECT, 512, true }, { TC_INDIRECT, 512, true },
};

static void limit_param_desc(const struct limit_param *param, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s stack %u%s",
		 tc_form_name(param->form), param->stack,
		 param->callee_regs ? " R6-R9" : "");
}

KUNIT_ARRAY_PARAM(limit, limit_params, limit_param_desc);

/* Load a program that writes its stack and R6 to R9, then calls @slot. */
static int limit_load(struct kunit *test, const char *name, int array,
		      u32 slot, const struct limit_param *param)
{
	struct tc_prog *p = tc_prog_new(test, name, BPF_PROG_TYPE_SCHED_CLS);

	tc_func_begin(p, name, TC_GLOBAL);
	tc_emit_main_entry(p);
	tc_emit_stack(p, param->stack);
	if (param->callee_regs)
		tc_emit_callee_regs(p);
	tc_emit_tail_call(p, array, slot, param->form);
	tc_emit_return(p, 0);
	return tc_load_ok(p);
}

/*
 *   main -+
 *    ^    | slot 0
 *    +----+
 */
static void a_program_that_calls_itself(struct kunit *test)
{
	const struct limit_param *param = tc_param(test);
	int array = tc_prog_array(test, 1);
	int main_fd = limit_load(test, "main", array, 0, param);

	KUNIT_ASSERT_EQ(test, tc_set_slot(array, 0, main_fd), 0);
	KUNIT_EXPECT_EQ_MSG(test, tc_run(test, main_fd), (u32)TC_ENTRIES,
			    "%s, stack %u, R6-R9 %d", tc_form_name(param->form),
			    param->stack, param->callee_regs);
	/* A run starts from zero, whatever the last one used. */
	KUNIT_EXPECT_EQ(test, tc_run(test, main_fd), (u32)TC_ENTRIES);
}

/*
 *   a --slot 1--> b --slot 0--> a ...    with frames of different size
 */
static void two_programs_that_call_each_other(struct kunit *test)
{
	const struct limit_param *param = tc_param(test);
	struct limit_param other = {
		.form = param->form == TC_DIRECT ? TC_INDIRECT : TC_DIRECT,
		.stack = 16,
		.callee_regs = !param->callee_regs,
	};
	int array = tc_prog_array(test, 2);
	int a = limit_load(test, "a", array, 1, param);
	int b = limit_load(test, "b", array, 0, &other);

	KUNIT_ASSERT_EQ(test, tc_set_slot(array, 0, a), 0);
	KUNIT_ASSERT_EQ(test, tc_set_slot(array, 1, b), 0);
	KUNIT_EXPECT_EQ(test, tc_run(test, a), (u32)TC_ENTRIES);
	KUNIT_EXPECT_EQ(test, tc_run(test, b), (u32)TC_ENTRIES);
}

static struct kunit_case limit_cases[] = {
	KUNIT_CASE_PARAM(a_program_that_calls_itself, limit_gen_params),
	KUNIT_CASE_PARAM(two_programs_that_call_each_other, limit_gen_params),
	{}
};

struct kunit_suite tailcall_limit_suite = {
	.name = "tailcall_limit",
	.init = tc_init,
	.exit = tc_exit,
	.test_cases = limit_cases,
};
