// SPDX-License-Identifier: GPL-2.0
/*
 * One counter for the whole run: tail calls that are made from subprograms,
 * which come back to their caller, and the caller then makes more.
 *
 * With a counter in each frame the shapes below make about 2^33 tail calls.
 */
#include "prog.h"
#include "suites.h"

enum hierarchy_shape {
	/*
	 *   main -call-> sub -slot 0-> main
	 *        -call-> sub -slot 0-> main
	 */
	TWO_CALL_SITES,
	/*
	 *   main -call-> outer -call-> sub -slot 0-> main
	 *                      -call-> sub -slot 0-> main
	 */
	THREE_LEVELS,
	/*
	 *   main -call-> sub -slot 0-> main
	 *        -slot 0-> main
	 */
	SUBPROGRAM_THEN_MAIN,
	/*
	 *   main -call-> sub -slot 1-> other -call-> sub -slot 0-> main
	 *        -call-> sub                 -call-> sub
	 */
	TWO_PROGRAMS,
};

static const char *const shape_names[] = {
	[TWO_CALL_SITES] = "two call sites",
	[THREE_LEVELS] = "three levels",
	[SUBPROGRAM_THEN_MAIN] = "subprogram then main",
	[TWO_PROGRAMS] = "two programs",
};

struct hierarchy_param {
	enum hierarchy_shape shape;
	enum tc_form form;
	u32 stack;
};

static const struct hierarchy_param hierarchy_params[] = {
	{ TWO_CALL_SITES, TC_DIRECT, 0 }, { TWO_CALL_SITES, TC_INDIRECT, 0 },
	{ TWO_CALL_SITES, TC_DIRECT, 24 }, { TWO_CALL_SITES, TC_INDIRECT, 24 },
	{ THREE_LEVELS, TC_DIRECT, 0 }, { THREE_LEVELS, TC_INDIRECT, 0 },
	{ THREE_LEVELS, TC_DIRECT, 24 }, { THREE_LEVELS, TC_INDIRECT, 24 },
	{ SUBPROGRAM_THEN_MAIN, TC_DIRECT, 0 },
	{ SUBPROGRAM_THEN_MAIN, TC_INDIRECT, 24 },
	{ TWO_PROGRAMS, TC_DIRECT, 0 }, { TWO_PROGRAMS, TC_INDIRECT, 24 },
};

static void hierarchy_param_desc(const struct hierarchy_param *param,
				 char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s %s stack %u",
		 shape_names[param->shape], tc_form_name(param->form),
		 param->stack);
}

KUNIT_ARRAY_PARAM(hierarchy, hierarchy_params, hierarchy_param_desc);

/* Functions of the programs: the one with the tail call is always number 1. */
enum { MAIN, SUB, OUTER };

/* Load a program of the shape whose tail calls go to @slot. */
static int hierarchy_load(struct kunit *test, const char *name, int array,
			  u32 slot, const struct hierarchy_param *param)
{
	struct tc_prog *p = tc_prog_new(test, name, BPF_PROG_TYPE_SCHED_CLS);
	const int callee = param->shape == THREE_LEVELS ? OUTER : SUB;

	tc_func_begin(p, name, TC_GLOBAL);
	tc_emit_main_entry(p);
	tc_emit_stack(p, param->stack);
	tc_emit_call(p, callee);
	if (param->shape == SUBPROGRAM_THEN_MAIN)
		tc_emit_tail_call(p, array, slot, param->form);
	else
		tc_emit_call(p, callee);
	tc_emit_return(p, 0);

	tc_func_begin(p, "sub", TC_STATIC);
	tc_emit_sub_entry(p);
	tc_emit_stack(p, param->stack);
	tc_emit_tail_call(p, array, slot, param->form);
	tc_emit_return(p, 0);

	if (param->shape == THREE_LEVELS) {
		tc_func_begin(p, "outer", TC_STATIC);
		tc_emit_sub_entry(p);
		tc_emit_stack(p, param->stack);
		tc_emit_call(p, SUB);
		tc_emit_call(p, SUB);
		tc_emit_return(p, 0);
	}
	return tc_load_ok(p);
}

/* Make the programs of a shape and return the fd of the one to run. */
static int hierarchy_setup(struct kunit *test,
			   const struct hierarchy_param *param)
{
	const bool two = param->shape == TWO_PROGRAMS;
	int array = tc_prog_array(test, 2);
	int main_fd = hierarchy_load(test, "main", array, two, param);
	int other_fd;

	KUNIT_ASSERT_EQ(test, tc_set_slot(array, 0, main_fd), 0);
	if (two) {
		other_fd = hierarchy_load(test, "other", array, 0, param);
		KUNIT_ASSERT_EQ(test, tc_set_slot(array, 1, other_fd), 0);
	}
	return main_fd;
}

static void hierarchy_expect_limit(struct kunit *test, int main_fd,
				   const struct hierarchy_param *param)
{
	KUNIT_EXPECT_EQ_MSG(test, tc_run(test, main_fd), (u32)TC_ENTRIES,
			    "%s, %s, stack %u", shape_names[param->shape],
			    tc_form_name(param->form), param->stack);
}

static void one_counter_for_all_frames(struct kunit *test)
{
	const struct hierarchy_param *param = tc_param(test);
	int main_fd = hierarchy_setup(test, param);

	hierarchy_expect_limit(test, main_fd, param);
	hierarchy_expect_limit(test, main_fd, param);
}

static void the_same_with_fentry_on_the_subprogram(struct kunit *test)
{
	const struct hierarchy_param *param = tc_param(test);
	int main_fd = hierarchy_setup(test, param);

	tc_tracer(test, BPF_TRACE_FENTRY, main_fd, SUB);
	hierarchy_expect_limit(test, main_fd, param);
}

static void the_same_with_fexit_on_the_subprogram(struct kunit *test)
{
	const struct hierarchy_param *param = tc_param(test);
	int main_fd = hierarchy_setup(test, param);

	tc_tracer(test, BPF_TRACE_FEXIT, main_fd, SUB);
	hierarchy_expect_limit(test, main_fd, param);
}

static void the_same_with_both_on_main_and_subprogram(struct kunit *test)
{
	const struct hierarchy_param *param = tc_param(test);
	int main_fd = hierarchy_setup(test, param);

	tc_tracer(test, BPF_TRACE_FENTRY, main_fd, MAIN);
	tc_tracer(test, BPF_TRACE_FEXIT, main_fd, MAIN);
	tc_tracer(test, BPF_TRACE_FENTRY, main_fd, SUB);
	tc_tracer(test, BPF_TRACE_FEXIT, main_fd, SUB);
	hierarchy_expect_limit(test, main_fd, param);
}

/*
 * One call site and nothing after it: a counter in each frame gets this right
 * as long as whatever stands between the frames hands it on.
 *
 *   main -call-> sub -slot 0-> main
 */
static int single_call_site(struct kunit *test, enum tc_form form)
{
	struct tc_prog *p = tc_prog_new(test, "main", BPF_PROG_TYPE_SCHED_CLS);
	int array = tc_prog_array(test, 1);
	int main_fd;

	tc_func_begin(p, "main", TC_GLOBAL);
	tc_emit_main_entry(p);
	tc_emit_call(p, SUB);
	tc_emit_return(p, 0);
	tc_func_begin(p, "sub", TC_STATIC);
	tc_emit_sub_entry(p);
	tc_emit_tail_call(p, array, 0, form);
	tc_emit_return(p, 0);
	main_fd = tc_load_ok(p);
	KUNIT_ASSERT_EQ(test, tc_set_slot(array, 0, main_fd), 0);
	return main_fd;
}

static void a_single_call_site(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, tc_run(test, single_call_site(test, TC_DIRECT)),
			(u32)TC_ENTRIES);
	KUNIT_EXPECT_EQ(test, tc_run(test, single_call_site(test, TC_INDIRECT)),
			(u32)TC_ENTRIES);
}

static void the_counter_passes_an_fentry_trampoline(struct kunit *test)
{
	int main_fd = single_call_site(test, TC_DIRECT);

	tc_tracer(test, BPF_TRACE_FENTRY, main_fd, SUB);
	KUNIT_EXPECT_EQ(test, tc_run(test, main_fd), (u32)TC_ENTRIES);
}

static void the_counter_passes_an_fexit_trampoline(struct kunit *test)
{
	int main_fd = single_call_site(test, TC_DIRECT);

	tc_tracer(test, BPF_TRACE_FEXIT, main_fd, SUB);
	KUNIT_EXPECT_EQ(test, tc_run(test, main_fd), (u32)TC_ENTRIES);
}

static struct kunit_case hierarchy_cases[] = {
	KUNIT_CASE(a_single_call_site),
	KUNIT_CASE(the_counter_passes_an_fentry_trampoline),
	KUNIT_CASE(the_counter_passes_an_fexit_trampoline),
	KUNIT_CASE_PARAM(one_counter_for_all_frames, hierarchy_gen_params),
	KUNIT_CASE_PARAM(the_same_with_fentry_on_the_subprogram,
			 hierarchy_gen_params),
	KUNIT_CASE_PARAM(the_same_with_fexit_on_the_subprogram,
			 hierarchy_gen_params),
	KUNIT_CASE_PARAM(the_same_with_both_on_main_and_subprogram,
			 hierarchy_gen_params),
	{}
};

struct kunit_suite tailcall_hierarchy_suite = {
	.name = "tailcall_hierarchy",
	.init = tc_init,
	.exit = tc_exit,
	.test_cases = hierarchy_cases,
};
