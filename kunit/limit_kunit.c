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
	enum tcall_form form;
	u32 stack;
	bool callee_regs;
};

/* Every size of frame, with and without saved registers. */
static const struct limit_param limit_params[] = {
	{ ITSELF, TCALL_DIRECT, 0, false },
	{ ITSELF, TCALL_DIRECT, 0, true },
	{ ITSELF, TCALL_DIRECT, 8, false },
	{ ITSELF, TCALL_DIRECT, 8, true },
	{ ITSELF, TCALL_DIRECT, 64, false },
	{ ITSELF, TCALL_DIRECT, 64, true },
	{ ITSELF, TCALL_DIRECT, 248, false },
	{ ITSELF, TCALL_DIRECT, 248, true },
	{ ITSELF, TCALL_DIRECT, 512, false },
	{ ITSELF, TCALL_DIRECT, 512, true },
	{ ITSELF, TCALL_INDIRECT, 0, false },
	{ ITSELF, TCALL_INDIRECT, 0, true },
	{ ITSELF, TCALL_INDIRECT, 8, false },
	{ ITSELF, TCALL_INDIRECT, 8, true },
	{ ITSELF, TCALL_INDIRECT, 64, false },
	{ ITSELF, TCALL_INDIRECT, 64, true },
	{ ITSELF, TCALL_INDIRECT, 248, false },
	{ ITSELF, TCALL_INDIRECT, 248, true },
	{ ITSELF, TCALL_INDIRECT, 512, false },
	{ ITSELF, TCALL_INDIRECT, 512, true },
	{ EACH_OTHER, TCALL_DIRECT, 0, false },
	{ EACH_OTHER, TCALL_DIRECT, 0, true },
	{ EACH_OTHER, TCALL_DIRECT, 8, false },
	{ EACH_OTHER, TCALL_DIRECT, 8, true },
	{ EACH_OTHER, TCALL_DIRECT, 64, false },
	{ EACH_OTHER, TCALL_DIRECT, 64, true },
	{ EACH_OTHER, TCALL_DIRECT, 248, false },
	{ EACH_OTHER, TCALL_DIRECT, 248, true },
	{ EACH_OTHER, TCALL_DIRECT, 512, false },
	{ EACH_OTHER, TCALL_DIRECT, 512, true },
	{ EACH_OTHER, TCALL_INDIRECT, 0, false },
	{ EACH_OTHER, TCALL_INDIRECT, 0, true },
	{ EACH_OTHER, TCALL_INDIRECT, 8, false },
	{ EACH_OTHER, TCALL_INDIRECT, 8, true },
	{ EACH_OTHER, TCALL_INDIRECT, 64, false },
	{ EACH_OTHER, TCALL_INDIRECT, 64, true },
	{ EACH_OTHER, TCALL_INDIRECT, 248, false },
	{ EACH_OTHER, TCALL_INDIRECT, 248, true },
	{ EACH_OTHER, TCALL_INDIRECT, 512, false },
	{ EACH_OTHER, TCALL_INDIRECT, 512, true },
	{ LEAF, TCALL_DIRECT, 0, false },
	{ LEAF, TCALL_DIRECT, 0, true },
	{ LEAF, TCALL_DIRECT, 8, false },
	{ LEAF, TCALL_DIRECT, 8, true },
	{ LEAF, TCALL_DIRECT, 64, false },
	{ LEAF, TCALL_DIRECT, 64, true },
	{ LEAF, TCALL_DIRECT, 248, false },
	{ LEAF, TCALL_DIRECT, 248, true },
	{ LEAF, TCALL_DIRECT, 512, false },
	{ LEAF, TCALL_DIRECT, 512, true },
	{ LEAF, TCALL_INDIRECT, 0, false },
	{ LEAF, TCALL_INDIRECT, 0, true },
	{ LEAF, TCALL_INDIRECT, 8, false },
	{ LEAF, TCALL_INDIRECT, 8, true },
	{ LEAF, TCALL_INDIRECT, 64, false },
	{ LEAF, TCALL_INDIRECT, 64, true },
	{ LEAF, TCALL_INDIRECT, 248, false },
	{ LEAF, TCALL_INDIRECT, 248, true },
	{ LEAF, TCALL_INDIRECT, 512, false },
	{ LEAF, TCALL_INDIRECT, 512, true },
};

static const struct limit_param behind_misses_params[] = {
	{ BEHIND_MISSES, TCALL_DIRECT, 0, false },
	{ BEHIND_MISSES, TCALL_DIRECT, 0, true },
	{ BEHIND_MISSES, TCALL_DIRECT, 8, false },
	{ BEHIND_MISSES, TCALL_DIRECT, 8, true },
	{ BEHIND_MISSES, TCALL_DIRECT, 64, false },
	{ BEHIND_MISSES, TCALL_DIRECT, 64, true },
	{ BEHIND_MISSES, TCALL_DIRECT, 248, false },
	{ BEHIND_MISSES, TCALL_DIRECT, 248, true },
	{ BEHIND_MISSES, TCALL_DIRECT, 512, false },
	{ BEHIND_MISSES, TCALL_DIRECT, 512, true },
	{ BEHIND_MISSES, TCALL_INDIRECT, 0, false },
	{ BEHIND_MISSES, TCALL_INDIRECT, 0, true },
	{ BEHIND_MISSES, TCALL_INDIRECT, 8, false },
	{ BEHIND_MISSES, TCALL_INDIRECT, 8, true },
	{ BEHIND_MISSES, TCALL_INDIRECT, 64, false },
	{ BEHIND_MISSES, TCALL_INDIRECT, 64, true },
	{ BEHIND_MISSES, TCALL_INDIRECT, 248, false },
	{ BEHIND_MISSES, TCALL_INDIRECT, 248, true },
	{ BEHIND_MISSES, TCALL_INDIRECT, 512, false },
	{ BEHIND_MISSES, TCALL_INDIRECT, 512, true },
};

static void limit_param_desc(const struct limit_param *param, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s %s stack %u%s",
		 shape_names[param->shape], tcall_form_name(param->form),
		 param->stack, param->callee_regs ? " R6-R9" : "");
}

KUNIT_ARRAY_PARAM(limit, limit_params, limit_param_desc);
KUNIT_ARRAY_PARAM(behind_misses, behind_misses_params, limit_param_desc);

static void a_run_makes_33_tail_calls(struct kunit *test)
{
	const struct limit_param *param = tcall_param(test);
	const enum limit_shape shape = param->shape;
	struct tcall_graph *g = tcall_graph_new(test);
	char what[KUNIT_PARAM_DESC_SIZE];
	u32 self, other;

	limit_param_desc(param, what);
	self = tcall_graph_prog(g, "main", param->stack, param->callee_regs);
	other = self;
	if (shape == EACH_OTHER || shape == LEAF)
		other = tcall_graph_prog(g, "other", 16, !param->callee_regs);
	if (shape == BEHIND_MISSES) {
		tcall_graph_step(g, self, 0, TCALL_TAIL, g->progs, param->form);
		tcall_graph_step(g, self, 0, TCALL_TAIL, g->progs + 1, param->form);
	}
	tcall_graph_step(g, self, 0, TCALL_TAIL, other, param->form);
	if (shape == EACH_OTHER)
		tcall_graph_step(g, other, 0, TCALL_TAIL, self,
				 param->form == TCALL_DIRECT ? TCALL_INDIRECT : TCALL_DIRECT);

	tcall_graph_load(test, g);
	tcall_graph_expect(test, g, self, what);
	tcall_graph_expect(test, g, other, what);
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
	{ 1 }, { 2 }, { TCALL_LIMIT - 1 }, { TCALL_LIMIT }, { TCALL_LIMIT + 1 },
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
	const struct chain_param *param = tcall_param(test);
	struct tcall_graph *g = tcall_graph_new(test);
	char what[KUNIT_PARAM_DESC_SIZE];
	u32 i;

	chain_param_desc(param, what);
	for (i = 0; i <= param->length; i++) {
		tcall_graph_prog(g, "link", i * 8, i % 2);
		if (i < param->length)
			tcall_graph_step(g, i, 0, TCALL_TAIL, i + 1, TCALL_DIRECT);
	}
	tcall_graph_load(test, g);
	tcall_graph_expect(test, g, 0, what);
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
	.init = tcall_init,
	.exit = tcall_exit,
	.test_cases = limit_cases,
};
