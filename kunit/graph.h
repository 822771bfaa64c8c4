/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Programs as a call graph, and the reference model: what the kernel must do
 * with them.
 *
 * A case describes programs, their functions and what these do one after the
 * other. tc_graph_load() makes real programs of that; tc_graph_entries() walks
 * the same graph with one counter and says how often main programs must be
 * entered. No case has a number typed in.
 */
#ifndef TAILCALL_KUNIT_GRAPH_H
#define TAILCALL_KUNIT_GRAPH_H

#include "prog.h"

#define TC_GRAPH_PROGS	36
#define TC_GRAPH_FUNCS	3
#define TC_GRAPH_STEPS	4

enum tc_step_kind {
	TC_DONE,	/* return */
	TC_CALL,	/* call function .to of the same program */
	TC_TAIL,	/* tail-call slot .to; after a miss comes the next step */
};

struct tc_step {
	enum tc_step_kind kind;
	u32 to;
	enum tc_form form;
};

struct tc_node {
	const char *name;
	u32 stack;
	bool callee_regs;
	struct tc_step step[TC_GRAPH_STEPS];
};

struct tc_graph_prog {
	struct tc_node func[TC_GRAPH_FUNCS];	/* 0 is main; unused: no name */
};

/*
 * Slot i of the one prog_array has program i, slot .progs is there and empty,
 * and the next one is out of range.
 */
struct tc_graph {
	struct tc_graph_prog prog[TC_GRAPH_PROGS];
	u32 progs;
	/* Set by tc_graph_load() */
	int array;
	int fd[TC_GRAPH_PROGS];
};

struct tc_graph *tc_graph_new(struct kunit *test);
/* Add a program that has only a main function so far: its number. */
u32 tc_graph_prog(struct tc_graph *g, const char *name, u32 stack,
		  bool callee_regs);
/* Add a subprogram, with main's name, stack and registers: its number. */
u32 tc_graph_sub(struct tc_graph *g, u32 prog);
void tc_graph_step(struct tc_graph *g, u32 prog, u32 func,
		   enum tc_step_kind kind, u32 to, enum tc_form form);

/* Load all programs, and fill the slots. */
void tc_graph_load(struct kunit *test, struct tc_graph *g);
/* How often a run that starts in program @first must enter main programs. */
u32 tc_graph_entries(struct kunit *test, const struct tc_graph *g, u32 first);
/* Run program @first and expect that. @what describes the case. */
void tc_graph_expect(struct kunit *test, const struct tc_graph *g, u32 first,
		     const char *what);

#endif /* TAILCALL_KUNIT_GRAPH_H */
