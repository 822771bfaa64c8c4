/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Programs as a call graph, and the reference model: what the kernel must do
 * with them.
 *
 * A case describes programs, their functions and what these do one after the
 * other. tcall_graph_load() makes real programs of that; tcall_graph_entries() walks
 * the same graph with one counter and says how often main programs must be
 * entered. No case has a number typed in.
 */
#ifndef TAILCALL_KUNIT_GRAPH_H
#define TAILCALL_KUNIT_GRAPH_H

#include "prog.h"

#define TCALL_GRAPH_PROGS	36
#define TCALL_GRAPH_FUNCS	3
#define TCALL_GRAPH_STEPS	4

enum tcall_step_kind {
	TCALL_DONE,	/* return */
	TCALL_CALL,	/* call function .to of the same program */
	TCALL_TAIL,	/* tail-call slot .to; after a miss comes the next step */
};

struct tcall_step {
	enum tcall_step_kind kind;
	u32 to;
	enum tcall_form form;
};

struct tcall_node {
	const char *name;
	u32 stack;
	bool callee_regs;
	struct tcall_step step[TCALL_GRAPH_STEPS];
};

struct tcall_graph_prog {
	struct tcall_node func[TCALL_GRAPH_FUNCS];	/* 0 is main; unused: no name */
};

/*
 * Slot i of the one prog_array has program i, slot .progs is there and empty,
 * and the next one is out of range.
 */
struct tcall_graph {
	struct tcall_graph_prog prog[TCALL_GRAPH_PROGS];
	u32 progs;
	/* Set by tcall_graph_load() */
	int array;
	int fd[TCALL_GRAPH_PROGS];
};

struct tcall_graph *tcall_graph_new(struct kunit *test);
/* Add a program that has only a main function so far: its number. */
u32 tcall_graph_prog(struct tcall_graph *g, const char *name, u32 stack,
		     bool callee_regs);
/* Add a subprogram, with main's name, stack and registers: its number. */
u32 tcall_graph_sub(struct tcall_graph *g, u32 prog);
void tcall_graph_step(struct tcall_graph *g, u32 prog, u32 func,
		      enum tcall_step_kind kind, u32 to, enum tcall_form form);

/* Load all programs, and fill the slots. */
void tcall_graph_load(struct kunit *test, struct tcall_graph *g);
/* How often a run that starts in program @first must enter main programs. */
u32 tcall_graph_entries(struct kunit *test, const struct tcall_graph *g, u32 first);
/* Run program @first and expect that. @what describes the case. */
void tcall_graph_expect(struct kunit *test, const struct tcall_graph *g, u32 first,
			const char *what);

#endif /* TAILCALL_KUNIT_GRAPH_H */
