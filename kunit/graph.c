// SPDX-License-Identifier: GPL-2.0
/*
 * Programs as a call graph, and the reference model, see graph.h.
 */
#include "graph.h"

/* The most frames that the model keeps: each tail call may leave some. */
#define TC_MODEL_FRAMES	((TC_ENTRIES + 1) * TC_GRAPH_FUNCS)

struct tc_graph *tc_graph_new(struct kunit *test)
{
	struct tc_graph *g = kunit_kzalloc(test, sizeof(*g), GFP_KERNEL);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, g);
	return g;
}

u32 tc_graph_prog(struct tc_graph *g, const char *name, u32 stack,
		  bool callee_regs)
{
	struct tc_node *main_func = &g->prog[g->progs].func[0];

	main_func->name = name;
	main_func->stack = stack;
	main_func->callee_regs = callee_regs;
	return g->progs++;
}

u32 tc_graph_sub(struct tc_graph *g, u32 prog)
{
	struct tc_node *func = g->prog[prog].func;
	u32 i = 1;

	while (func[i].name)
		i++;
	func[i] = (struct tc_node) {
		.name = i == 1 ? "sub" : "outer",
		.stack = func[0].stack,
		.callee_regs = func[0].callee_regs,
	};
	return i;
}

void tc_graph_step(struct tc_graph *g, u32 prog, u32 func,
		   enum tc_step_kind kind, u32 to, enum tc_form form)
{
	struct tc_step *step = g->prog[prog].func[func].step;

	while (step->kind != TC_DONE)
		step++;
	*step = (struct tc_step) { .kind = kind, .to = to, .form = form };
}

static int tc_graph_load_prog(struct kunit *test, const struct tc_graph *g,
			      const struct tc_graph_prog *gp)
{
	struct tc_prog *p = tc_prog_new(test, gp->func[0].name,
					BPF_PROG_TYPE_SCHED_CLS);
	u32 i, j;

	for (i = 0; i < TC_GRAPH_FUNCS && gp->func[i].name; i++) {
		const struct tc_node *f = &gp->func[i];

		tc_func_begin(p, f->name, i ? TC_STATIC : TC_GLOBAL);
		if (i)
			tc_emit_sub_entry(p);
		else
			tc_emit_main_entry(p);
		tc_emit_stack(p, f->stack);
		if (f->callee_regs)
			tc_emit_callee_regs(p);
		for (j = 0; j < TC_GRAPH_STEPS; j++) {
			const struct tc_step *s = &f->step[j];

			if (s->kind == TC_DONE)
				break;
			if (s->kind == TC_CALL)
				tc_emit_call(p, s->to);
			else
				tc_emit_tail_call(p, g->array, s->to, s->form);
		}
		tc_emit_return(p, 0);
	}
	return tc_load_ok(p);
}

void tc_graph_load(struct kunit *test, struct tc_graph *g)
{
	u32 i;

	g->array = tc_prog_array(test, g->progs + 1);
	for (i = 0; i < g->progs; i++)
		g->fd[i] = tc_graph_load_prog(test, g, &g->prog[i]);
	for (i = 0; i < g->progs; i++)
		KUNIT_ASSERT_EQ(test, tc_set_slot(g->array, i, g->fd[i]), 0);
}

/* A function that has not returned yet, and its next step. */
struct tc_model_frame {
	u32 prog;
	u32 func;
	u32 step;
};

u32 tc_graph_entries(struct kunit *test, const struct tc_graph *g, u32 first)
{
	struct tc_model_frame *frames, *f;
	u32 depth = 1, entries = 1, count = 0;

	frames = kunit_kcalloc(test, TC_MODEL_FRAMES, sizeof(*frames),
			       GFP_KERNEL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, frames);
	frames[0] = (struct tc_model_frame) { .prog = first };

	while (depth) {
		const struct tc_step *s;

		f = &frames[depth - 1];
		s = &g->prog[f->prog].func[f->func].step[f->step++];
		if (f->step > TC_GRAPH_STEPS || s->kind == TC_DONE) {
			depth--;
		} else if (s->kind == TC_CALL) {
			KUNIT_ASSERT_LT(test, depth, (u32)TC_MODEL_FRAMES);
			frames[depth++] = (struct tc_model_frame) {
				.prog = f->prog,
				.func = s->to,
			};
		} else if (s->to < g->progs && count < TC_LIMIT) {
			/* The callee takes the place of this frame. */
			count++;
			entries++;
			*f = (struct tc_model_frame) { .prog = s->to };
		}
	}
	return entries;
}

void tc_graph_expect(struct kunit *test, const struct tc_graph *g, u32 first,
		     const char *what)
{
	u32 want = tc_graph_entries(test, g, first);

	KUNIT_EXPECT_EQ_MSG(test, tc_run(test, g->fd[first]), want,
			    "%s, from %s", what, g->prog[first].func[0].name);
	/* A run starts from zero, whatever the last one used. */
	KUNIT_EXPECT_EQ_MSG(test, tc_run(test, g->fd[first]), want,
			    "%s, from %s, second run", what,
			    g->prog[first].func[0].name);
}
