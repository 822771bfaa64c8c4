// SPDX-License-Identifier: GPL-2.0
/*
 * One counter for the whole run: tail calls that are made from subprograms,
 * which come back to their caller, and the caller then makes more.
 *
 * With a counter in each frame the shapes below make about 2^33 tail calls.
 */
#include "graph.h"
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
	bool callee_regs;
};

/* Small frames: on a kernel without a limit many of them stay on the stack. */
static const struct hierarchy_param hierarchy_params[] = {
	{ TWO_CALL_SITES, TC_DIRECT, 0, false },
	{ TWO_CALL_SITES, TC_DIRECT, 0, true },
	{ TWO_CALL_SITES, TC_DIRECT, 24, false },
	{ TWO_CALL_SITES, TC_DIRECT, 24, true },
	{ TWO_CALL_SITES, TC_INDIRECT, 0, false },
	{ TWO_CALL_SITES, TC_INDIRECT, 0, true },
	{ TWO_CALL_SITES, TC_INDIRECT, 24, false },
	{ TWO_CALL_SITES, TC_INDIRECT, 24, true },
	{ THREE_LEVELS, TC_DIRECT, 0, false },
	{ THREE_LEVELS, TC_DIRECT, 0, true },
	{ THREE_LEVELS, TC_DIRECT, 24, false },
	{ THREE_LEVELS, TC_DIRECT, 24, true },
	{ THREE_LEVELS, TC_INDIRECT, 0, false },
	{ THREE_LEVELS, TC_INDIRECT, 0, true },
	{ THREE_LEVELS, TC_INDIRECT, 24, false },
	{ THREE_LEVELS, TC_INDIRECT, 24, true },
	{ SUBPROGRAM_THEN_MAIN, TC_DIRECT, 0, false },
	{ SUBPROGRAM_THEN_MAIN, TC_DIRECT, 0, true },
	{ SUBPROGRAM_THEN_MAIN, TC_DIRECT, 24, false },
	{ SUBPROGRAM_THEN_MAIN, TC_DIRECT, 24, true },
	{ SUBPROGRAM_THEN_MAIN, TC_INDIRECT, 0, false },
	{ SUBPROGRAM_THEN_MAIN, TC_INDIRECT, 0, true },
	{ SUBPROGRAM_THEN_MAIN, TC_INDIRECT, 24, false },
	{ SUBPROGRAM_THEN_MAIN, TC_INDIRECT, 24, true },
	{ TWO_PROGRAMS, TC_DIRECT, 0, false },
	{ TWO_PROGRAMS, TC_DIRECT, 0, true },
	{ TWO_PROGRAMS, TC_DIRECT, 24, false },
	{ TWO_PROGRAMS, TC_DIRECT, 24, true },
	{ TWO_PROGRAMS, TC_INDIRECT, 0, false },
	{ TWO_PROGRAMS, TC_INDIRECT, 0, true },
	{ TWO_PROGRAMS, TC_INDIRECT, 24, false },
	{ TWO_PROGRAMS, TC_INDIRECT, 24, true },
};

static void hierarchy_param_desc(const struct hierarchy_param *param,
				 char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s %s stack %u%s",
		 shape_names[param->shape], tc_form_name(param->form),
		 param->stack, param->callee_regs ? " R6-R9" : "");
}

KUNIT_ARRAY_PARAM(hierarchy, hierarchy_params, hierarchy_param_desc);

/* Functions of the programs: the one with the tail call is always number 1. */
enum { MAIN, SUB, OUTER };

/* Add a program of the shape whose tail calls go to @slot. */
static void hierarchy_prog(struct tc_graph *g, const char *name, u32 slot,
			   const struct hierarchy_param *param)
{
	u32 prog = tc_graph_prog(g, name, param->stack, param->callee_regs);
	u32 callee = tc_graph_sub(g, prog);

	tc_graph_step(g, prog, SUB, TC_TAIL, slot, param->form);
	if (param->shape == THREE_LEVELS) {
		callee = tc_graph_sub(g, prog);
		tc_graph_step(g, prog, OUTER, TC_CALL, SUB, 0);
		tc_graph_step(g, prog, OUTER, TC_CALL, SUB, 0);
	}
	tc_graph_step(g, prog, MAIN, TC_CALL, callee, 0);
	if (param->shape == SUBPROGRAM_THEN_MAIN)
		tc_graph_step(g, prog, MAIN, TC_TAIL, slot, param->form);
	else
		tc_graph_step(g, prog, MAIN, TC_CALL, callee, 0);
}

/* Make the programs of a shape; number 0 is the one to run. */
static struct tc_graph *hierarchy_setup(struct kunit *test)
{
	const struct hierarchy_param *param = tc_param(test);
	const bool two = param->shape == TWO_PROGRAMS;
	struct tc_graph *g = tc_graph_new(test);

	hierarchy_prog(g, "main", two, param);
	if (two)
		hierarchy_prog(g, "other", 0, param);
	tc_graph_load(test, g);
	return g;
}

static void hierarchy_expect(struct kunit *test, const struct tc_graph *g)
{
	char what[KUNIT_PARAM_DESC_SIZE];

	hierarchy_param_desc(tc_param(test), what);
	tc_graph_expect(test, g, 0, what);
}

static void one_counter_for_all_frames(struct kunit *test)
{
	hierarchy_expect(test, hierarchy_setup(test));
}

static void one_counter_with_fentry_on_the_subprogram(struct kunit *test)
{
	struct tc_graph *g = hierarchy_setup(test);

	tc_tracer(test, BPF_TRACE_FENTRY, g->fd[0], SUB);
	hierarchy_expect(test, g);
}

static void one_counter_with_fexit_on_the_subprogram(struct kunit *test)
{
	struct tc_graph *g = hierarchy_setup(test);

	tc_tracer(test, BPF_TRACE_FEXIT, g->fd[0], SUB);
	hierarchy_expect(test, g);
}

static void one_counter_with_both_on_main_and_subprogram(struct kunit *test)
{
	struct tc_graph *g = hierarchy_setup(test);

	tc_tracer(test, BPF_TRACE_FENTRY, g->fd[0], MAIN);
	tc_tracer(test, BPF_TRACE_FEXIT, g->fd[0], MAIN);
	tc_tracer(test, BPF_TRACE_FENTRY, g->fd[0], SUB);
	tc_tracer(test, BPF_TRACE_FEXIT, g->fd[0], SUB);
	hierarchy_expect(test, g);
}

/*
 * One call site and nothing after it: a counter in each frame gets this right
 * as long as whatever stands between the frames hands it on.
 *
 *   main -call-> sub -slot 0-> main
 */
static struct tc_graph *single_call_site(struct kunit *test, enum tc_form form)
{
	struct tc_graph *g = tc_graph_new(test);

	tc_graph_prog(g, "main", 0, false);
	tc_graph_sub(g, 0);
	tc_graph_step(g, 0, MAIN, TC_CALL, SUB, 0);
	tc_graph_step(g, 0, SUB, TC_TAIL, 0, form);
	tc_graph_load(test, g);
	return g;
}

static void a_single_call_site(struct kunit *test)
{
	tc_graph_expect(test, single_call_site(test, TC_DIRECT), 0, "direct");
	tc_graph_expect(test, single_call_site(test, TC_INDIRECT), 0,
			"indirect");
}

static void the_counter_passes_an_fentry_trampoline(struct kunit *test)
{
	struct tc_graph *g = single_call_site(test, TC_DIRECT);

	tc_tracer(test, BPF_TRACE_FENTRY, g->fd[0], SUB);
	tc_graph_expect(test, g, 0, "fentry");
}

static void the_counter_passes_an_fexit_trampoline(struct kunit *test)
{
	struct tc_graph *g = single_call_site(test, TC_DIRECT);

	tc_tracer(test, BPF_TRACE_FEXIT, g->fd[0], SUB);
	tc_graph_expect(test, g, 0, "fexit");
}

/*
 * A call that is the first insn of its program stands right behind the prologue,
 * where the JIT starts to count.
 *
 *   main -call-> sub -slot 0-> leaf
 */
static void the_first_insn_is_a_call(struct kunit *test)
{
	struct tc_prog *p = tc_prog_new(test, "main", BPF_PROG_TYPE_SCHED_CLS);
	struct tc_prog *leaf = tc_prog_new(test, "leaf",
					   BPF_PROG_TYPE_SCHED_CLS);
	int array = tc_prog_array(test, 1);

	tc_func_begin(leaf, "leaf", TC_GLOBAL);
	tc_emit_main_entry(leaf);
	tc_emit_return(leaf, 0);

	tc_func_begin(p, "main", TC_GLOBAL);
	tc_emit(p, BPF_RAW_INSN(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0, SUB));
	tc_emit(p, BPF_EXIT_INSN());
	tc_func_begin(p, "sub", TC_STATIC);
	tc_emit_main_entry(p);
	tc_emit_tail_call(p, array, 0, TC_DIRECT);
	tc_emit_return(p, 0);

	KUNIT_ASSERT_EQ(test, tc_set_slot(array, 0, tc_load_ok(leaf)), 0);
	/* sub counts itself, and leaf does. */
	KUNIT_EXPECT_EQ(test, tc_run(test, tc_load_ok(p)), 2U);
}

/* Several programs on the same function, added and taken away one by one. */
static void the_counter_passes_several_tracers(struct kunit *test)
{
	struct tc_graph *g = single_call_site(test, TC_DIRECT);
	int link[4];
	u32 i;

	for (i = 0; i < ARRAY_SIZE(link); i++) {
		link[i] = tc_tracer(test, i % 2 ? BPF_TRACE_FEXIT :
						  BPF_TRACE_FENTRY,
				    g->fd[0], SUB);
		tc_graph_expect(test, g, 0, "one more tracer");
	}
	for (i = 0; i < ARRAY_SIZE(link); i++) {
		tc_close(test, link[i]);
		tc_graph_expect(test, g, 0, "one tracer less");
	}
}

static struct kunit_case hierarchy_cases[] = {
	KUNIT_CASE(a_single_call_site),
	KUNIT_CASE(the_first_insn_is_a_call),
	KUNIT_CASE(the_counter_passes_an_fentry_trampoline),
	KUNIT_CASE(the_counter_passes_an_fexit_trampoline),
	KUNIT_CASE(the_counter_passes_several_tracers),
	KUNIT_CASE_PARAM(one_counter_for_all_frames, hierarchy_gen_params),
	KUNIT_CASE_PARAM(one_counter_with_fentry_on_the_subprogram,
			 hierarchy_gen_params),
	KUNIT_CASE_PARAM(one_counter_with_fexit_on_the_subprogram,
			 hierarchy_gen_params),
	KUNIT_CASE_PARAM(one_counter_with_both_on_main_and_subprogram,
			 hierarchy_gen_params),
	{}
};

struct kunit_suite tailcall_hierarchy_suite = {
	.name = "tailcall_hierarchy",
	.init = tc_init,
	.exit = tc_exit,
	.test_cases = hierarchy_cases,
};
