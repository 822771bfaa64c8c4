// SPDX-License-Identifier: GPL-2.0
/*
 * Programs as a call graph, and the reference model, see graph.h.
 */
#include "graph.h"

/* The most frames that the model keeps: each tail call may leave some. */
#define TCALL_MODEL_FRAMES	((TCALL_ENTRIES + 1) * TCALL_GRAPH_FUNCS)

struct tcall_graph *tcall_graph_new(struct kunit *test)
{
	struct tcall_graph *g = kunit_kzalloc(test, sizeof(*g), GFP_KERNEL);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, g);
	return g;
}

u32 tcall_graph_prog(struct tcall_graph *g, const char *name, u32 stack,
		     bool callee_regs)
{
	struct tcall_node *main_func = &g->prog[g->progs].func[0];

	main_func->name = name;
	main_func->stack = stack;
	main_func->callee_regs = callee_regs;
	return g->progs++;
}

u32 tcall_graph_sub(struct tcall_graph *g, u32 prog)
{
	struct tcall_node *func = g->prog[prog].func;
	u32 i = 1;

	while (func[i].name)
		i++;
	func[i] = (struct tcall_node) {
		.name = i == 1 ? "sub" : "outer",
		.stack = func[0].stack,
		.callee_regs = func[0].callee_regs,
	};
	return i;
}

void tcall_graph_step(struct tcall_graph *g, u32 prog, u32 func,
		      enum tcall_step_kind kind, u32 to, enum tcall_form form)
{
	struct tcall_step *step = g->prog[prog].func[func].step;

	while (step->kind != TCALL_DONE)
		step++;
	*step = (struct tcall_step) { .kind = kind, .to = to, .form = form };
}

static int tcall_graph_load_prog(struct kunit *test, const struct tcall_graph *g,
				 const struct tcall_graph_prog *gp)
{
	struct tcall_prog *p = tcall_prog_new(test, gp->func[0].name,
					      BPF_PROG_TYPE_SCHED_CLS);
	u32 i, j;

	for (i = 0; i < TCALL_GRAPH_FUNCS && gp->func[i].name; i++) {
		const struct tcall_node *f = &gp->func[i];

		tcall_func_begin(p, f->name, i ? TCALL_STATIC : TCALL_GLOBAL);
		if (i)
			tcall_emit_sub_entry(p);
		else
			tcall_emit_main_entry(p);
		tcall_emit_stack(p, f->stack);
		if (f->callee_regs)
			tcall_emit_callee_regs(p);
		for (j = 0; j < TCALL_GRAPH_STEPS; j++) {
			const struct tcall_step *s = &f->step[j];

			if (s->kind == TCALL_DONE)
				break;
			if (s->kind == TCALL_CALL)
				tcall_emit_call(p, s->to);
			else
				tcall_emit_tail_call(p, g->array, s->to, s->form);
		}
		tcall_emit_return(p, 0);
	}
	return tcall_load_ok(p);
}

void tcall_graph_load(struct kunit *test, struct tcall_graph *g)
{
	u32 i;

	g->array = tcall_prog_array(test, g->progs + 1);
	for (i = 0; i < g->progs; i++)
		g->fd[i] = tcall_graph_load_prog(test, g, &g->prog[i]);
	for (i = 0; i < g->progs; i++)
		KUNIT_ASSERT_EQ(test, tcall_set_slot(g->array, i, g->fd[i]), 0);
}

/* A function that has not returned yet, and its next step. */
struct tcall_model_frame {
	u32 prog;
	u32 func;
	u32 step;
};

u32 tcall_graph_entries(struct kunit *test, const struct tcall_graph *g, u32 first)
{
	struct tcall_model_frame *frames, *f;
	u32 depth = 1, entries = 1, count = 0;

	frames = kunit_kcalloc(test, TCALL_MODEL_FRAMES, sizeof(*frames),
			       GFP_KERNEL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, frames);
	frames[0] = (struct tcall_model_frame) { .prog = first };

	while (depth) {
		const struct tcall_step *s;

		f = &frames[depth - 1];
		s = &g->prog[f->prog].func[f->func].step[f->step++];
		if (f->step > TCALL_GRAPH_STEPS || s->kind == TCALL_DONE) {
			depth--;
		} else if (s->kind == TCALL_CALL) {
			KUNIT_ASSERT_LT(test, depth, (u32)TCALL_MODEL_FRAMES);
			frames[depth++] = (struct tcall_model_frame) {
				.prog = f->prog,
				.func = s->to,
			};
		} else if (s->to < g->progs && count < TCALL_LIMIT) {
			/* The callee takes the place of this frame. */
			count++;
			entries++;
			*f = (struct tcall_model_frame) { .prog = s->to };
		}
	}
	return entries;
}

void tcall_graph_expect(struct kunit *test, const struct tcall_graph *g, u32 first,
			const char *what)
{
	u32 want = tcall_graph_entries(test, g, first);

	KUNIT_EXPECT_EQ_MSG(test, tcall_run(test, g->fd[first]), want,
			    "%s, from %s", what, g->prog[first].func[0].name);
	/* A run starts from zero, whatever the last one used. */
	KUNIT_EXPECT_EQ_MSG(test, tcall_run(test, g->fd[first]), want,
			    "%s, from %s, second run", what,
			    g->prog[first].func[0].name);
}
