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
	enum tcall_form form;
	u32 stack;
	bool callee_regs;
};

/* Small frames: on a kernel without a limit many of them stay on the stack. */
static const struct hierarchy_param hierarchy_params[] = {
	{ TWO_CALL_SITES, TCALL_DIRECT, 0, false },
	{ TWO_CALL_SITES, TCALL_DIRECT, 0, true },
	{ TWO_CALL_SITES, TCALL_DIRECT, 24, false },
	{ TWO_CALL_SITES, TCALL_DIRECT, 24, true },
	{ TWO_CALL_SITES, TCALL_INDIRECT, 0, false },
	{ TWO_CALL_SITES, TCALL_INDIRECT, 0, true },
	{ TWO_CALL_SITES, TCALL_INDIRECT, 24, false },
	{ TWO_CALL_SITES, TCALL_INDIRECT, 24, true },
	{ THREE_LEVELS, TCALL_DIRECT, 0, false },
	{ THREE_LEVELS, TCALL_DIRECT, 0, true },
	{ THREE_LEVELS, TCALL_DIRECT, 24, false },
	{ THREE_LEVELS, TCALL_DIRECT, 24, true },
	{ THREE_LEVELS, TCALL_INDIRECT, 0, false },
	{ THREE_LEVELS, TCALL_INDIRECT, 0, true },
	{ THREE_LEVELS, TCALL_INDIRECT, 24, false },
	{ THREE_LEVELS, TCALL_INDIRECT, 24, true },
	{ SUBPROGRAM_THEN_MAIN, TCALL_DIRECT, 0, false },
	{ SUBPROGRAM_THEN_MAIN, TCALL_DIRECT, 0, true },
	{ SUBPROGRAM_THEN_MAIN, TCALL_DIRECT, 24, false },
	{ SUBPROGRAM_THEN_MAIN, TCALL_DIRECT, 24, true },
	{ SUBPROGRAM_THEN_MAIN, TCALL_INDIRECT, 0, false },
	{ SUBPROGRAM_THEN_MAIN, TCALL_INDIRECT, 0, true },
	{ SUBPROGRAM_THEN_MAIN, TCALL_INDIRECT, 24, false },
	{ SUBPROGRAM_THEN_MAIN, TCALL_INDIRECT, 24, true },
	{ TWO_PROGRAMS, TCALL_DIRECT, 0, false },
	{ TWO_PROGRAMS, TCALL_DIRECT, 0, true },
	{ TWO_PROGRAMS, TCALL_DIRECT, 24, false },
	{ TWO_PROGRAMS, TCALL_DIRECT, 24, true },
	{ TWO_PROGRAMS, TCALL_INDIRECT, 0, false },
	{ TWO_PROGRAMS, TCALL_INDIRECT, 0, true },
	{ TWO_PROGRAMS, TCALL_INDIRECT, 24, false },
	{ TWO_PROGRAMS, TCALL_INDIRECT, 24, true },
};

static void hierarchy_param_desc(const struct hierarchy_param *param,
				 char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s %s stack %u%s",
		 shape_names[param->shape], tcall_form_name(param->form),
		 param->stack, param->callee_regs ? " R6-R9" : "");
}

KUNIT_ARRAY_PARAM(hierarchy, hierarchy_params, hierarchy_param_desc);

/* Functions of the programs: the one with the tail call is always number 1. */
enum { MAIN, SUB, OUTER };

/* Add a program of the shape whose tail calls go to @slot. */
static void hierarchy_prog(struct tcall_graph *g, const char *name, u32 slot,
			   const struct hierarchy_param *param)
{
	u32 prog = tcall_graph_prog(g, name, param->stack, param->callee_regs);
	u32 callee = tcall_graph_sub(g, prog);

	tcall_graph_step(g, prog, SUB, TCALL_TAIL, slot, param->form);
	if (param->shape == THREE_LEVELS) {
		callee = tcall_graph_sub(g, prog);
		tcall_graph_step(g, prog, OUTER, TCALL_CALL, SUB, 0);
		tcall_graph_step(g, prog, OUTER, TCALL_CALL, SUB, 0);
	}
	tcall_graph_step(g, prog, MAIN, TCALL_CALL, callee, 0);
	if (param->shape == SUBPROGRAM_THEN_MAIN)
		tcall_graph_step(g, prog, MAIN, TCALL_TAIL, slot, param->form);
	else
		tcall_graph_step(g, prog, MAIN, TCALL_CALL, callee, 0);
}

/* Make the programs of a shape; number 0 is the one to run. */
static struct tcall_graph *hierarchy_setup(struct kunit *test)
{
	const struct hierarchy_param *param = tcall_param(test);
	const bool two = param->shape == TWO_PROGRAMS;
	struct tcall_graph *g = tcall_graph_new(test);

	hierarchy_prog(g, "main", two, param);
	if (two)
		hierarchy_prog(g, "other", 0, param);
	tcall_graph_load(test, g);
	return g;
}

static void hierarchy_expect(struct kunit *test, const struct tcall_graph *g)
{
	char what[KUNIT_PARAM_DESC_SIZE];

	hierarchy_param_desc(tcall_param(test), what);
	tcall_graph_expect(test, g, 0, what);
}

static void one_counter_for_all_frames(struct kunit *test)
{
	hierarchy_expect(test, hierarchy_setup(test));
}

static void one_counter_with_fentry_on_the_subprogram(struct kunit *test)
{
	struct tcall_graph *g = hierarchy_setup(test);

	tcall_tracer(test, BPF_TRACE_FENTRY, g->fd[0], SUB);
	hierarchy_expect(test, g);
}

static void one_counter_with_fexit_on_the_subprogram(struct kunit *test)
{
	struct tcall_graph *g = hierarchy_setup(test);

	tcall_tracer(test, BPF_TRACE_FEXIT, g->fd[0], SUB);
	hierarchy_expect(test, g);
}

static void one_counter_with_both_on_main_and_subprogram(struct kunit *test)
{
	struct tcall_graph *g = hierarchy_setup(test);

	tcall_tracer(test, BPF_TRACE_FENTRY, g->fd[0], MAIN);
	tcall_tracer(test, BPF_TRACE_FEXIT, g->fd[0], MAIN);
	tcall_tracer(test, BPF_TRACE_FENTRY, g->fd[0], SUB);
	tcall_tracer(test, BPF_TRACE_FEXIT, g->fd[0], SUB);
	hierarchy_expect(test, g);
}

/*
 * One call site and nothing after it: a counter in each frame gets this right
 * as long as whatever stands between the frames hands it on.
 *
 *   main -call-> sub -slot 0-> main
 */
static struct tcall_graph *single_call_site(struct kunit *test, enum tcall_form form)
{
	struct tcall_graph *g = tcall_graph_new(test);

	tcall_graph_prog(g, "main", 0, false);
	tcall_graph_sub(g, 0);
	tcall_graph_step(g, 0, MAIN, TCALL_CALL, SUB, 0);
	tcall_graph_step(g, 0, SUB, TCALL_TAIL, 0, form);
	tcall_graph_load(test, g);
	return g;
}

static void a_single_call_site(struct kunit *test)
{
	tcall_graph_expect(test, single_call_site(test, TCALL_DIRECT), 0, "direct");
	tcall_graph_expect(test, single_call_site(test, TCALL_INDIRECT), 0,
			   "indirect");
}

static void the_counter_passes_an_fentry_trampoline(struct kunit *test)
{
	struct tcall_graph *g = single_call_site(test, TCALL_DIRECT);

	tcall_tracer(test, BPF_TRACE_FENTRY, g->fd[0], SUB);
	tcall_graph_expect(test, g, 0, "fentry");
}

static void the_counter_passes_an_fexit_trampoline(struct kunit *test)
{
	struct tcall_graph *g = single_call_site(test, TCALL_DIRECT);

	tcall_tracer(test, BPF_TRACE_FEXIT, g->fd[0], SUB);
	tcall_graph_expect(test, g, 0, "fexit");
}

/*
 * A call that is the first insn of its program stands right behind the prologue,
 * where the JIT starts to count.
 *
 *   main -call-> sub -slot 0-> leaf
 */
static void the_first_insn_is_a_call(struct kunit *test)
{
	struct tcall_prog *p = tcall_prog_new(test, "main", BPF_PROG_TYPE_SCHED_CLS);
	struct tcall_prog *leaf = tcall_prog_new(test, "leaf",
						 BPF_PROG_TYPE_SCHED_CLS);
	int array = tcall_prog_array(test, 1);

	tcall_func_begin(leaf, "leaf", TCALL_GLOBAL);
	tcall_emit_main_entry(leaf);
	tcall_emit_return(leaf, 0);

	tcall_func_begin(p, "main", TCALL_GLOBAL);
	tcall_emit(p, BPF_RAW_INSN(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0, SUB));
	tcall_emit(p, BPF_EXIT_INSN());
	tcall_func_begin(p, "sub", TCALL_STATIC);
	tcall_emit_main_entry(p);
	tcall_emit_tail_call(p, array, 0, TCALL_DIRECT);
	tcall_emit_return(p, 0);

	KUNIT_ASSERT_EQ(test, tcall_set_slot(array, 0, tcall_load_ok(leaf)), 0);
	/* sub counts itself, and leaf does. */
	KUNIT_EXPECT_EQ(test, tcall_run(test, tcall_load_ok(p)), 2U);
}

/* Several programs on the same function, added and taken away one by one. */
static void the_counter_passes_several_tracers(struct kunit *test)
{
	struct tcall_graph *g = single_call_site(test, TCALL_DIRECT);
	int link[4];
	u32 i;

	for (i = 0; i < ARRAY_SIZE(link); i++) {
		link[i] = tcall_tracer(test, i % 2 ? BPF_TRACE_FEXIT :
						  BPF_TRACE_FENTRY,
				       g->fd[0], SUB);
		tcall_graph_expect(test, g, 0, "one more tracer");
	}
	for (i = 0; i < ARRAY_SIZE(link); i++) {
		tcall_close(test, link[i]);
		tcall_graph_expect(test, g, 0, "one tracer less");
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
	.init = tcall_init,
	.exit = tcall_exit,
	.test_cases = hierarchy_cases,
};
