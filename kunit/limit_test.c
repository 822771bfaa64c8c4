// SPDX-License-Identifier: GPL-2.0
/*
 * A run makes at most 33 tail calls: chains in which no frame stays behind, or
 * only frames that end with the tail call.
 */
#include "graph.h"
#include "suites.h"

enum limit_shape {
	/*
	 *   main -+
	 *    ^    | slot 0
	 *    +----+
	 */
	ITSELF,
	/*   a --slot 1--> b --slot 0--> a ...    frames of different size */
	EACH_OTHER,
	/*
	 *   main --slot 1--> leaf      (which makes no tail call: the chain ends)
	 */
	LEAF,
	/*
	 *   main -empty slot-> -
	 *        -out of range-> -
	 *        -slot 0-> main
	 */
	BEHIND_MISSES,
};

static const char *const shape_names[] = {
	[ITSELF] = "itself",
	[EACH_OTHER] = "each other",
	[LEAF] = "a leaf",
	[BEHIND_MISSES] = "itself behind misses",
};

struct limit_param {
	enum limit_shape shape;
	enum tc_form form;
	u32 stack;
	bool callee_regs;
};

/* Every size of frame, with and without saved registers. */
static const struct limit_param limit_params[] = {
	{ ITSELF, TC_DIRECT, 0, false },
	{ ITSELF, TC_DIRECT, 0, true },
	{ ITSELF, TC_DIRECT, 8, false },
	{ ITSELF, TC_DIRECT, 8, true },
	{ ITSELF, TC_DIRECT, 64, false },
	{ ITSELF, TC_DIRECT, 64, true },
	{ ITSELF, TC_DIRECT, 248, false },
	{ ITSELF, TC_DIRECT, 248, true },
	{ ITSELF, TC_DIRECT, 512, false },
	{ ITSELF, TC_DIRECT, 512, true },
	{ ITSELF, TC_INDIRECT, 0, false },
	{ ITSELF, TC_INDIRECT, 0, true },
	{ ITSELF, TC_INDIRECT, 8, false },
	{ ITSELF, TC_INDIRECT, 8, true },
	{ ITSELF, TC_INDIRECT, 64, false },
	{ ITSELF, TC_INDIRECT, 64, true },
	{ ITSELF, TC_INDIRECT, 248, false },
	{ ITSELF, TC_INDIRECT, 248, true },
	{ ITSELF, TC_INDIRECT, 512, false },
	{ ITSELF, TC_INDIRECT, 512, true },
	{ EACH_OTHER, TC_DIRECT, 0, false },
	{ EACH_OTHER, TC_DIRECT, 0, true },
	{ EACH_OTHER, TC_DIRECT, 8, false },
	{ EACH_OTHER, TC_DIRECT, 8, true },
	{ EACH_OTHER, TC_DIRECT, 64, false },
	{ EACH_OTHER, TC_DIRECT, 64, true },
	{ EACH_OTHER, TC_DIRECT, 248, false },
	{ EACH_OTHER, TC_DIRECT, 248, true },
	{ EACH_OTHER, TC_DIRECT, 512, false },
	{ EACH_OTHER, TC_DIRECT, 512, true },
	{ EACH_OTHER, TC_INDIRECT, 0, false },
	{ EACH_OTHER, TC_INDIRECT, 0, true },
	{ EACH_OTHER, TC_INDIRECT, 8, false },
	{ EACH_OTHER, TC_INDIRECT, 8, true },
	{ EACH_OTHER, TC_INDIRECT, 64, false },
	{ EACH_OTHER, TC_INDIRECT, 64, true },
	{ EACH_OTHER, TC_INDIRECT, 248, false },
	{ EACH_OTHER, TC_INDIRECT, 248, true },
	{ EACH_OTHER, TC_INDIRECT, 512, false },
	{ EACH_OTHER, TC_INDIRECT, 512, true },
	{ LEAF, TC_DIRECT, 0, false },
	{ LEAF, TC_DIRECT, 0, true },
	{ LEAF, TC_DIRECT, 8, false },
	{ LEAF, TC_DIRECT, 8, true },
	{ LEAF, TC_DIRECT, 64, false },
	{ LEAF, TC_DIRECT, 64, true },
	{ LEAF, TC_DIRECT, 248, false },
	{ LEAF, TC_DIRECT, 248, true },
	{ LEAF, TC_DIRECT, 512, false },
	{ LEAF, TC_DIRECT, 512, true },
	{ LEAF, TC_INDIRECT, 0, false },
	{ LEAF, TC_INDIRECT, 0, true },
	{ LEAF, TC_INDIRECT, 8, false },
	{ LEAF, TC_INDIRECT, 8, true },
	{ LEAF, TC_INDIRECT, 64, false },
	{ LEAF, TC_INDIRECT, 64, true },
	{ LEAF, TC_INDIRECT, 248, false },
	{ LEAF, TC_INDIRECT, 248, true },
	{ LEAF, TC_INDIRECT, 512, false },
	{ LEAF, TC_INDIRECT, 512, true },
};

static const struct limit_param behind_misses_params[] = {
	{ BEHIND_MISSES, TC_DIRECT, 0, false },
	{ BEHIND_MISSES, TC_DIRECT, 0, true },
	{ BEHIND_MISSES, TC_DIRECT, 8, false },
	{ BEHIND_MISSES, TC_DIRECT, 8, true },
	{ BEHIND_MISSES, TC_DIRECT, 64, false },
	{ BEHIND_MISSES, TC_DIRECT, 64, true },
	{ BEHIND_MISSES, TC_DIRECT, 248, false },
	{ BEHIND_MISSES, TC_DIRECT, 248, true },
	{ BEHIND_MISSES, TC_DIRECT, 512, false },
	{ BEHIND_MISSES, TC_DIRECT, 512, true },
	{ BEHIND_MISSES, TC_INDIRECT, 0, false },
	{ BEHIND_MISSES, TC_INDIRECT, 0, true },
	{ BEHIND_MISSES, TC_INDIRECT, 8, false },
	{ BEHIND_MISSES, TC_INDIRECT, 8, true },
	{ BEHIND_MISSES, TC_INDIRECT, 64, false },
	{ BEHIND_MISSES, TC_INDIRECT, 64, true },
	{ BEHIND_MISSES, TC_INDIRECT, 248, false },
	{ BEHIND_MISSES, TC_INDIRECT, 248, true },
	{ BEHIND_MISSES, TC_INDIRECT, 512, false },
	{ BEHIND_MISSES, TC_INDIRECT, 512, true },
};

static void limit_param_desc(const struct limit_param *param, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s %s stack %u%s",
		 shape_names[param->shape], tc_form_name(param->form),
		 param->stack, param->callee_regs ? " R6-R9" : "");
}

KUNIT_ARRAY_PARAM(limit, limit_params, limit_param_desc);
KUNIT_ARRAY_PARAM(behind_misses, behind_misses_params, limit_param_desc);

static void a_run_makes_33_tail_calls(struct kunit *test)
{
	const struct limit_param *param = tc_param(test);
	const enum limit_shape shape = param->shape;
	struct tc_graph *g = tc_graph_new(test);
	char what[KUNIT_PARAM_DESC_SIZE];
	u32 self, other;

	limit_param_desc(param, what);
	self = tc_graph_prog(g, "main", param->stack, param->callee_regs);
	other = self;
	if (shape == EACH_OTHER || shape == LEAF)
		other = tc_graph_prog(g, "other", 16, !param->callee_regs);
	if (shape == BEHIND_MISSES) {
		tc_graph_step(g, self, 0, TC_TAIL, g->progs, param->form);
		tc_graph_step(g, self, 0, TC_TAIL, g->progs + 1, param->form);
	}
	tc_graph_step(g, self, 0, TC_TAIL, other, param->form);
	if (shape == EACH_OTHER)
		tc_graph_step(g, other, 0, TC_TAIL, self,
			      param->form == TC_DIRECT ? TC_INDIRECT : TC_DIRECT);

	tc_graph_load(test, g);
	tc_graph_expect(test, g, self, what);
	tc_graph_expect(test, g, other, what);
}

/* So that patches/expect/cases can tell them apart: here, a miss must not count. */
static void misses_do_not_shorten_a_chain(struct kunit *test)
{
	a_run_makes_33_tail_calls(test);
}

struct chain_param {
	u32 length;
};

/* Below, at and above the limit. */
static const struct chain_param chain_params[] = {
	{ 1 }, { 2 }, { TC_LIMIT - 1 }, { TC_LIMIT }, { TC_LIMIT + 1 },
};

static void chain_param_desc(const struct chain_param *param, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%u tail calls", param->length);
}

KUNIT_ARRAY_PARAM(chain, chain_params, chain_param_desc);

/*
 *   0 --slot 1--> 1 --slot 2--> 2 ... --> length    (each with another frame)
 */
static void a_chain_of_different_programs(struct kunit *test)
{
	const struct chain_param *param = tc_param(test);
	struct tc_graph *g = tc_graph_new(test);
	char what[KUNIT_PARAM_DESC_SIZE];
	u32 i;

	chain_param_desc(param, what);
	for (i = 0; i <= param->length; i++) {
		tc_graph_prog(g, "link", i * 8, i % 2);
		if (i < param->length)
			tc_graph_step(g, i, 0, TC_TAIL, i + 1, TC_DIRECT);
	}
	tc_graph_load(test, g);
	tc_graph_expect(test, g, 0, what);
}

static struct kunit_case limit_cases[] = {
	KUNIT_CASE_PARAM(a_run_makes_33_tail_calls, limit_gen_params),
	KUNIT_CASE_PARAM(misses_do_not_shorten_a_chain,
			 behind_misses_gen_params),
	KUNIT_CASE_PARAM(a_chain_of_different_programs, chain_gen_params),
	{}
};

struct kunit_suite tailcall_limit_suite = {
	.name = "tailcall_limit",
	.init = tc_init,
	.exit = tc_exit,
	.test_cases = limit_cases,
};
