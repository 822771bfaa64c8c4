// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel stack: a tail call leaves the frames of its callers there. What the
 * verifier's own rule allows loads and can be traced, and a run that has used its
 * part of the stack makes no more tail calls.
 */
#include <linux/string.h>

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

/* The verifier allows less than 256 bytes for all callers. */
static const struct stack_param stack_params[] = {
	{ 2, 8, true, true },
	{ 2, 224, true, true },
	{ 3, 96, true, true },
	{ 3, 256, true, false },
	/* What is not under a tail call may use all there is. */
	{ 8, 32, false, true },
	{ 2, 256, false, true },
	/* The JIT takes more than the program does. */
	{ 8, 8, true, true },
};

static void stack_desc(const struct stack_param *param, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%u callers with %u bytes, %s",
		 param->functions - 1, param->bytes,
		 param->tail_call ? "tail call" : "no tail call");
}

KUNIT_ARRAY_PARAM(stack, stack_params, stack_desc);

static const char * const stack_names[TCALL_MAX_FUNCS] = {
	"main", "sub1", "sub2", "sub3", "sub4", "sub5", "sub6", "sub7",
};

/*
 *   main -call-> sub1 ... -call-> the last -slot 0->, if @array_fd
 *   with @bytes of stack for each but the last, and all registers saved.
 */
static struct tcall_prog *stack_chain(struct kunit *test, int array_fd, u32 callers,
				      u32 bytes, enum tcall_form form)
{
	struct tcall_prog *p = tcall_prog_new(test, "main", BPF_PROG_TYPE_SCHED_CLS);
	u32 i;

	for (i = 0; i <= callers; i++) {
		tcall_func_begin(p, stack_names[i], i ? TCALL_STATIC : TCALL_GLOBAL);
		if (i)
			tcall_emit_sub_entry(p);
		else
			tcall_emit_main_entry(p);
		tcall_emit_callee_regs(p);
		if (i < callers) {
			tcall_emit_stack(p, bytes);
			tcall_emit_call(p, i + 1);
		} else if (array_fd >= 0) {
			tcall_emit_tail_call(p, array_fd, 0, form);
		}
		tcall_emit_return(p, 0);
	}
	return p;
}

static void callers_have_their_share(struct kunit *test)
{
	const struct stack_param *param = tcall_param(test);
	int array = param->tail_call ? tcall_prog_array(test, 1) : -1;
	int fd = tcall_load(stack_chain(test, array, param->functions - 1,
					param->bytes, TCALL_DIRECT));

	if (param->loads)
		KUNIT_EXPECT_GE(test, fd, 0);
	else
		KUNIT_EXPECT_EQ(test, fd, -EACCES);
}

struct depth_param {
	u32 callers;
	u32 bytes;
	enum tcall_form form;
	/* How often the first function may be entered. */
	u32 least;
	u32 most;
};

/*
 * A frame has a return address, rbp, four registers and two slots: 64 bytes; and
 * what the program uses. A run may use 10240 bytes before a tail call. Without a
 * limit these end after 33 tail calls, and still within a stack of 16384.
 */
static const struct depth_param depth_params[] = {
	/* one caller makes all of them, whatever its stack */
	{ 1, 8, TCALL_DIRECT, TCALL_ENTRIES, TCALL_ENTRIES },
	{ 1, 224, TCALL_DIRECT, TCALL_ENTRIES, TCALL_ENTRIES },
	{ 1, 224, TCALL_INDIRECT, TCALL_ENTRIES, TCALL_ENTRIES },
	{ 2, 64, TCALL_DIRECT, TCALL_ENTRIES, TCALL_ENTRIES },
	/* 384 bytes for a level */
	{ 3, 64, TCALL_DIRECT, 24, 31 },
	{ 3, 64, TCALL_INDIRECT, 24, 31 },
	/* 360 bytes for a level */
	{ 5, 8, TCALL_DIRECT, 24, 31 },
	{ 5, 8, TCALL_INDIRECT, 24, 31 },
};

static void depth_desc(const struct depth_param *param, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%u callers with %u bytes, %s",
		 param->callers, param->bytes, tcall_form_name(param->form));
}

KUNIT_ARRAY_PARAM(depth, depth_params, depth_desc);

static void a_run_stays_within_the_stack(struct kunit *test)
{
	const struct depth_param *param = tcall_param(test);
	int array = tcall_prog_array(test, 1);
	int fd = tcall_load_ok(stack_chain(test, array, param->callers,
					   param->bytes, param->form));
	u32 entries;

	KUNIT_ASSERT_EQ(test, tcall_set_slot(array, 0, fd), 0);
	entries = tcall_run(test, fd);
	KUNIT_EXPECT_GE(test, entries, param->least);
	/* KASAN's stacks are larger */
	KUNIT_EXPECT_LE(test, entries, THREAD_SIZE > 16384 ? TCALL_ENTRIES : param->most);
	/* the next run begins with nothing used */
	KUNIT_EXPECT_EQ(test, tcall_run(test, fd), entries);
}

/* main -> sub1 -> sub2 -> tail call, with 64 bytes each, and fexit on all of them */
static void its_functions_can_be_traced(struct kunit *test)
{
	int array = tcall_prog_array(test, 1);
	int fd = tcall_load_ok(stack_chain(test, array, 2, 64, TCALL_DIRECT));
	int i;

	for (i = 0; i <= 2; i++)
		tcall_tracer(test, BPF_TRACE_FEXIT, fd, i);
}

static struct kunit_case stack_cases[] = {
	KUNIT_CASE_PARAM(callers_have_their_share, stack_gen_params),
	KUNIT_CASE_PARAM(a_run_stays_within_the_stack, depth_gen_params),
	KUNIT_CASE(its_functions_can_be_traced),
	{}
};

struct kunit_suite tailcall_stack_suite = {
	.name = "tailcall_stack",
	.init = tcall_init,
	.exit = tcall_exit,
	.test_cases = stack_cases,
};
