// SPDX-License-Identifier: GPL-2.0
/*
 * Take from a set whatever the difference does not need, and print what is left.
 */
#include <stdio.h>
#include <string.h>

#include "fuzz.h"

/* A shrunk set is a help and not a proof. */
#define MAX_TRIES	1500

static struct set best, try;
static struct difference *best_diff;
static int tries;

bool same_kind(const struct difference *a, const struct difference *b)
{
	const char *digits = "0123456789", *s = a->what, *t = b->what;

	for (; *s || *t; s++, t++) {
		s += strspn(s, digits);
		t += strspn(t, digits);
		if (*s != *t)
			return false;
		if (!*s)
			break;
	}
	return true;
}

/* Is what is left in @try enough? Another kind may be another bug. */
static bool enough(void)
{
	struct difference diff;

	if (tries++ >= MAX_TRIES || !memcmp(&try, &best, sizeof(try)) ||
	    run_set(&try, &diff) != DIFFERS || !same_kind(&diff, best_diff))
		return false;
	best = try;
	*best_diff = diff;
	return true;
}

static void drop_prog(struct set *s, int prog)
{
	int round, i, left = 0;

	memmove(&s->prog[prog], &s->prog[prog + 1],
		(s->prog_count - prog - 1) * sizeof(s->prog[0]));
	s->prog_count--;
	for (round = 0; round < MAX_ROUNDS; round++) {
		for (i = 0; i < (int)slot_count(s); i++) {
			if (s->slot[round][i] == prog)
				s->slot[round][i] = NOTHING;
			else if (s->slot[round][i] > prog)
				s->slot[round][i]--;
		}
	}
	for (i = 0; i < s->tracer_count; i++) {
		if (s->tracer[i].prog == prog)
			continue;
		s->tracer[left] = s->tracer[i];
		if (s->tracer[left].prog > prog)
			s->tracer[left].prog--;
		left++;
	}
	s->tracer_count = left;
	for (i = 0; i < 2; i++) {
		if (s->race_to[i] == prog)
			s->race_to[i] = NOTHING;
		else if (s->race_to[i] > prog)
			s->race_to[i]--;
	}
	s->race_traced &= s->race_tracer.prog != prog;
	s->race_tracer.prog -= s->race_tracer.prog > prog;
	if (!s->extended)
		return;
	s->extended = prog != s->ext.prog && prog != s->ext.body;
	s->ext.prog -= s->ext.prog > prog;
	s->ext.body -= s->ext.body > prog;
}

static bool less_progs(void)
{
	bool less = false;
	int i;

	for (i = best.prog_count - 1; i >= 0 && best.prog_count > 1; i--) {
		try = best;
		drop_prog(&try, i);
		less |= enough();
	}
	return less;
}

/* Does each tail call have its prog_array? */
static bool fits_arrays(const struct set *s)
{
	int i, j, k;

	for (i = 0; i < s->prog_count; i++)
		for (j = 0; j < s->prog[i].func_count; j++)
			for (k = 0; k < s->prog[i].func[j].step_count; k++)
				if (s->prog[i].func[j].step[k].array >= s->array_count)
					return false;
	return s->array_count;
}

static bool less_rounds(void)
{
	bool less = false;
	int i, round;

	while (best.round_count > 1) {
		try = best;
		try.round_count--;
		if (enough()) {
			less = true;
			continue;
		}
		try = best;
		try.round_count--;
		memmove(try.slot[0], try.slot[1], sizeof(try.slot[0]) * (MAX_ROUNDS - 1));
		for (i = 0; i < try.tracer_count; i++) {
			try.tracer[i].first_round -= !!try.tracer[i].first_round;
			try.tracer[i].end_round -= !!try.tracer[i].end_round;
		}
		try.ext.first_round -= !!try.ext.first_round;
		try.ext.end_round -= !!try.ext.end_round;
		if (!enough())
			break;
		less = true;
	}
	for (round = 0; round < best.round_count; round++) {
		for (i = 0; i < (int)slot_count(&best); i++) {
			try = best;
			try.slot[round][i] = NOTHING;
			less |= enough();
		}
	}
	for (i = best.tracer_count - 1; i >= 0; i--) {
		try = best;
		try.tracer[i] = try.tracer[--try.tracer_count];
		less |= enough();
	}
	try = best;
	/* The last slot of the last prog_array, or that array. */
	if (try.first_slot[try.array_count] - 1 == try.first_slot[try.array_count - 1])
		try.array_count--;
	else
		try.first_slot[try.array_count]--;
	if (fits_arrays(&try) && slot_count(&try) > try.race * try.race_slot)
		less |= enough();
	return less;
}

static bool less_steps(int prog, int func)
{
	struct func *f = &best.prog[prog].func[func];
	bool less = false;
	int i, slot, slots;

	for (i = f->step_count - 1; i >= 0; i--) {
		struct func *t = &try.prog[prog].func[func];

		try = best;
		t->step_count--;
		memmove(&t->step[i], &t->step[i + 1], (t->step_count - i) * sizeof(t->step[0]));
		less |= enough();
		if (i < f->step_count && f->step[i].times > 1) {
			try = best;
			t->step[i].times--;
			less |= enough();
		}
		if (i >= f->step_count || f->step[i].kind != TAIL)
			continue;
		try = best;
		t->step[i].form = DIRECT;
		less |= enough();
		/* The first slot that does it, so that there may be fewer. */
		slots = array_size(&best, f->step[i].array);
		for (slot = 0; slot < slots && slot < f->step[i].to; slot++) {
			try = best;
			t->step[i].to = slot;
			if (!enough())
				continue;
			less = true;
			break;
		}
	}
	return less;
}

static bool less_in_func(int prog, int func)
{
	struct func *t = &try.prog[prog].func[func];
	bool less = false;

	try = best;
	t->stack = homes(t);
	less |= enough();
	while (best.prog[prog].func[func].kept_count) {
		try = best;
		t->stack -= t->kept[--t->kept_count].home == ON_STACK ? 8 : 0;
		if (!enough())
			break;
		less = true;
	}
	try = best;
	t->stack -= t->sum_home == ON_STACK ? 8 : 0;
	t->sum_home = NOWHERE;
	less |= enough();
	try = best;
	t->value = 0;
	less |= enough();
	try = best;
	if (func && !t->callback && !best.extended)
		t->global = false;
	less |= enough();
	return less;
}

static bool less_of_all(void)
{
	bool less = false;
	int i;

	try = best;
	try.harden = false;
	less |= enough();
	try = best;
	try.watched = false;
	less |= enough();
	try = best;
	try.early = false;
	less |= enough();
	try = best;
	try.stack_limit = STACK_SHALLOW;
	less |= enough();
	try = best;
	try.extended = false;
	less |= enough();
	try = best;
	try.timer = false;
	less |= enough();
	try = best;
	try.nested = false;
	less |= enough();
	try = best;
	for (i = 0; i < try.prog_count; i++)
		try.prog[i].type = 0;
	memset(try.array_type, 0, sizeof(try.array_type));
	less |= enough();
	return less;
}

/* Of a race another run tells another story: then the log of the first one stays. */
static bool comes_again(void)
{
	static struct shared log;

	if (!best.race)
		return true;
	log = *shared;
	try = best;
	try.race = false;
	try.race_traced = false;
	if (enough())
		return true;
	*shared = log;
	return false;
}

void shrink(struct set *set, struct difference *diff)
{
	bool less;
	int i, j;

	best = *set;
	best_diff = diff;
	tries = 0;
	if (!comes_again())
		return;
	do {
		less = less_progs();
		less |= less_rounds();
		for (i = 0; i < best.prog_count; i++)
			for (j = 0; j < best.prog[i].func_count; j++)
				if (reached(&best.prog[i]) & 1U << j)
					less |= less_steps(i, j);
		for (i = 0; i < best.prog_count; i++)
			for (j = 0; j < best.prog[i].func_count; j++)
				if (reached(&best.prog[i]) & 1U << j)
					less |= less_in_func(i, j);
		less |= less_of_all();
	} while (less && tries < MAX_TRIES);
	/* The log must be that of what is printed. */
	try = best;
	if (run_set(&try, diff) != DIFFERS)
		printf("# the difference does not come each time\n");
	*set = best;
}

static void print_tracer(const struct tracer *t)
{
	printf("# %s at p%u f%u", t->exit ? "fexit" : "fentry", t->prog, t->func);
}

static void print_home(const char *what, int home)
{
	if (home >= FIRST_KEEPER)
		printf(", %s in r%d", what, home);
	else if (home == ON_STACK)
		printf(", %s on the stack", what);
}

static void print_times(const struct step *s)
{
	if (s->times)
		printf(", %u times, by may_goto", s->times);
	putchar('\n');
}

static void print_step(const struct step *s)
{
	__u64 index = index_value(s->to);

	switch (s->kind) {
	case PASS:
	case CALL:
		printf("#     call f%u%s", s->to, s->kind == PASS ? ", with more arguments" : "");
		print_times(s);
		break;
	case TAIL:
		printf("#     tail call %#llx of array %u, %s", index, s->array,
		       s->form == DIRECT ? "a constant" : "read from memory");
		print_times(s);
		break;
	case LOOP:
		printf("#     bpf_loop f%u, %u times, %s\n", s->to, s->times,
		       s->form == DIRECT ? "a loop" : "a helper");
		break;
	case HELPER:
		printf("#     a helper, with a key on the stack\n");
		break;
	case ARENA:
		printf("#     read from the arena\n");
		break;
	case THROW:
		printf("#     throw %u, in one case of four\n", s->to);
		break;
	}
}

static void print_func(const struct func *f, int number)
{
	int i;

	printf("#   f%d: %s%s, stack %u", number, f->global ? "global" : "static",
	       f->callback ? " callback" : "", f->stack);
	if (f->args)
		printf(", %u arguments", f->args);
	print_home("context", f->ctx_home);
	print_home("sum", f->sum_home);
	for (i = 0; i < f->kept_count; i++)
		print_home("keeps", f->kept[i].home);
	putchar('\n');
	for (i = 0; i < f->step_count; i++)
		print_step(&f->step[i]);
	printf("#     return %u%s\n", f->value, f->sum_home ? " + sum" : "");
}

void print_set(const struct set *set)
{
	int i, j;

	for (i = 0; i < set->array_count; i++)
		printf("# array %d of %s, with %u slots\n", i, types[set->array_type[i]].name,
		       array_size(set, i));
	printf("# one set%s%s%s%s%s%s\n", set->harden ? ", constants blinded" : "",
	       set->watched ? ", tracepoints on" : "",
	       set->early ? ", slots filled early" : "",
	       set->stack_limit == STACK_DEEP ? ", deep" : "",
	       set->timer ? ", a timer" : "", set->nested ? ", nested runs" : "");
	for (i = 0; i < set->round_count; i++) {
		printf("# round %d:", i);
		for (j = 0; j < (int)slot_count(set); j++) {
			if (set->slot[i][j] == NOTHING)
				printf(" -");
			else
				printf(" p%d", set->slot[i][j]);
		}
		putchar('\n');
	}
	for (i = 0; i < set->tracer_count; i++) {
		const struct tracer *t = &set->tracer[i];

		print_tracer(t);
		printf(", from round %u until %u\n", t->first_round, t->end_round);
	}
	if (set->race_traced) {
		print_tracer(&set->race_tracer);
		printf(", which comes and goes meanwhile\n");
	}
	if (set->race)
		printf("# meanwhile slot %u becomes p%d and p%d, %d is empty\n", set->race_slot,
		       set->race_to[0], set->race_to[1], NOTHING);
	if (set->extended)
		printf("# p%u replaces p%u f%u, from round %u until %u\n", set->ext.body,
		       set->ext.prog, set->ext.func, set->ext.first_round,
		       set->ext.end_round);
	for (i = 0; i < set->prog_count; i++) {
		printf("# p%d, %s:\n", i, types[set->prog[i].type].name);
		for (j = 0; j < set->prog[i].func_count; j++)
			if (reached(&set->prog[i]) & 1U << j)
				print_func(&set->prog[i].func[j], j);
	}
}

/* ---- as a case of the KUnit suites, see kunit/graph.h ---------------------------- */

#define KUNIT_FUNCS	3

/* What kunit/graph.c knows: a slot for each program, and an empty one behind them. */
static bool fits_kunit(const struct set *set)
{
	int i, j, k;

	if (set->round_count > 1 || set->extended || set->race || set->harden ||
	    set->early || set->array_count > 1 ||
	    strcmp(types[set->array_type[0]].name, "sched_cls"))
		return false;
	for (i = 0; i < set->prog_count; i++) {
		if (__builtin_popcount(reached(&set->prog[i])) > KUNIT_FUNCS)
			return false;
		for (j = 0; j < set->prog[i].func_count; j++)
			for (k = 0; k < set->prog[i].func[j].step_count; k++)
				if (set->prog[i].func[j].step[k].kind > TAIL ||
				    set->prog[i].func[j].step[k].times)
					return false;
	}
	return true;
}

/* The number of a function among those that are reached. */
static int kunit_func(const struct prog *p, int func)
{
	return __builtin_popcount(reached(p) & ((1U << func) - 1));
}

static void print_kunit_step(const struct set *set, int prog, int func, const struct step *s)
{
	const struct prog *p = &set->prog[prog];
	int to = set->prog_count + 1, slot = slot_of(set, s);

	if (s->kind == CALL) {
		printf("#   tcall_graph_step(g, %d, %d, TCALL_CALL, %d, 0);\n", prog,
		       kunit_func(p, func), kunit_func(p, s->to));
		return;
	}
	if (slot != NOTHING)
		to = set->slot[0][slot] == NOTHING ? set->prog_count : set->slot[0][slot];
	printf("#   tcall_graph_step(g, %d, %d, TCALL_TAIL, %d, %s);\n", prog,
	       kunit_func(p, func), to, s->form == DIRECT ? "TCALL_DIRECT" : "TCALL_INDIRECT");
}

void print_kunit(const struct set *set, const struct difference *diff)
{
	int i, j, k;

	if (!fits_kunit(set))
		return;
	printf("# for KUnit, if it is not about the values:\n");
	printf("#   struct tcall_graph *g = tcall_graph_new(test);\n#\n");
	for (i = 0; i < set->prog_count; i++) {
		const struct prog *p = &set->prog[i];

		printf("#   tcall_graph_prog(g, \"p%d\", %u, %s);\n", i, p->func[0].stack,
		       p->func[0].kept_count ? "true" : "false");
		for (j = 1; j < p->func_count; j++)
			if (reached(p) & 1U << j)
				printf("#   tcall_graph_sub(g, %d);\n", i);
		for (j = 0; j < p->func_count; j++)
			for (k = 0; reached(p) & 1U << j && k < p->func[j].step_count; k++)
				print_kunit_step(set, i, j, &p->func[j].step[k]);
	}
	printf("#   tcall_graph_load(test, g);\n");
	for (i = 0; i < set->tracer_count; i++)
		printf("#   tcall_tracer(test, %s, g->fd[%u], %d);\n",
		       set->tracer[i].exit ? "BPF_TRACE_FEXIT" : "BPF_TRACE_FENTRY",
		       set->tracer[i].prog,
		       kunit_func(&set->prog[set->tracer[i].prog], set->tracer[i].func));
	printf("#   tcall_graph_expect(test, g, %u, \"seed %llu, set %u\");\n", diff->prog,
	       set->seed, set->number);
}
