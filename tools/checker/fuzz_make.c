// SPDX-License-Identifier: GPL-2.0
/*
 * From a seed to a set of programs. Each set has a seed of its own, so it can be made
 * again without those before it.
 */
#include <string.h>

#include <linux/bpf.h>

#include "fuzz.h"

/* The verifier's rules for the stack, as all lines have them. */
#define STACK_ALL	512
#define STACK_CALLERS	256
/* A call tree is verified call by call, unless a function is global. */
#define MAX_INSTANCES	40

const struct type types[] = {
	{ "sched_cls", BPF_PROG_TYPE_SCHED_CLS, 0, "__sk_buff", 0xffff },
	{ "xdp", BPF_PROG_TYPE_XDP, BPF_XDP, "xdp_md", 0xffff },
	{ "cgroup_skb", BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_INGRESS, "__sk_buff", 1 },
	{ "raw_tracepoint", BPF_PROG_TYPE_RAW_TRACEPOINT, 0, "bpf_raw_tracepoint_args",
	  0xffff },
};

const size_t type_count = ARRAY_SIZE(types);

/* ---- random numbers ------------------------------------------------------------ */

static __u64 state;

/* splitmix64: every seed is a good one. */
static __u64 any(void)
{
	__u64 z = state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static __u32 below(__u32 end)
{
	return any() % end;
}

/* Once in so many times. */
static bool once_in(__u32 times)
{
	return !below(times);
}

/* From 1 to @most, small ones more often. */
static __u32 few(__u32 most)
{
	return 1 + below(1 + below(most));
}

/* ---- what is in a set ---------------------------------------------------------- */

/*
 * The number of a slot as a program has it: itself, or one that is beyond the array,
 * or one whose upper half the kernel must not look at.
 */
__u64 index_value(__u8 to)
{
	if (to < 16)
		return to;
	if (to < 28)
		return (__u64)(to + 1) << 32 | (to - 16);
	return to == 28 ? 0xffffffff : to == 29 ? 0x80000000 : UINT64_MAX;
}

/* A step that enters a function of the same program. */
static bool calls(const struct step *s)
{
	return s->kind == CALL || s->kind == LOOP;
}

__u32 reached(const struct prog *p)
{
	__u32 mask = 1;
	int i, j;

	/* Calls go to functions with higher numbers only. */
	for (i = 0; i < p->func_count; i++)
		for (j = 0; mask & 1U << i && j < p->func[i].step_count; j++)
			if (calls(&p->func[i].step[j]))
				mask |= 1U << p->func[i].step[j].to;
	return mask;
}

bool function_has(const struct func *f, enum kind kind)
{
	int i;

	for (i = 0; i < f->step_count; i++)
		if (f->step[i].kind == kind)
			return true;
	return false;
}

bool program_tail_calls(const struct prog *p)
{
	__u32 mask = reached(p);
	int i;

	for (i = 0; i < p->func_count; i++)
		if (mask & 1U << i && function_has(&p->func[i], TAIL))
			return true;
	return false;
}

__u32 homes(const struct func *f)
{
	__u32 bytes = 8 * (f->ctx_home == ON_STACK) + 8 * (f->sum_home == ON_STACK) +
		      8 * function_has(f, HELPER);
	int i;

	for (i = 0; i < f->kept_count; i++)
		bytes += 8 * (f->kept[i].home == ON_STACK);
	return bytes;
}

__u32 keepers(const struct func *f)
{
	__u32 mask = 0;
	int i;

	if (f->ctx_home >= FIRST_KEEPER)
		mask |= 1U << f->ctx_home;
	if (f->sum_home >= FIRST_KEEPER)
		mask |= 1U << f->sum_home;
	for (i = 0; i < f->kept_count; i++)
		if (f->kept[i].home >= FIRST_KEEPER)
			mask |= 1U << f->kept[i].home;
	return mask;
}

/* A register that is free, or the stack. */
static __u8 take_home(__u32 *taken)
{
	__u8 reg = FIRST_KEEPER + below(LAST_KEEPER - FIRST_KEEPER + 1);

	if (once_in(3) || *taken & 1U << reg)
		return ON_STACK;
	*taken |= 1U << reg;
	return reg;
}

static void make_func(const struct set *set, struct func *f, int number, bool callback)
{
	__u32 taken = 0;
	int i;

	f->callback = callback;
	f->global = !number || (!callback && once_in(3));
	f->ctx_home = callback ? NOWHERE : take_home(&taken);
	f->sum_home = once_in(3) ? NOWHERE : take_home(&taken);
	f->kept_count = below(MAX_KEPT + 1);
	for (i = 0; i < f->kept_count; i++) {
		struct kept *k = &f->kept[i];

		k->home = take_home(&taken);
		k->how = below(HOWS);
		k->wide = once_in(3);
		k->key = any();
		if (!k->wide)
			k->key = (__s64)(__s32)k->key;
	}
	/* A callback goes on with zero. */
	f->value = callback ? 0 : below(256);
	/* What is not for the homes, which are not all known yet. */
	if (set->stack_limit == STACK_DEEP)
		f->stack = 8 * (4 + below(24));
	else if (once_in(2))
		f->stack = 8 * below(once_in(4) ? 48 : 8);
}

static void add_step(struct func *f, enum kind what, __u8 to)
{
	struct step *s = &f->step[f->step_count];

	if (f->step_count == MAX_STEPS)
		return;
	*s = (struct step){
		.kind = what,
		.to = to,
		.form = once_in(2) ? DIRECT : INDIRECT,
		.times = what == LOOP ? 1 + below(4) : 0,
	};
	f->step_count++;
}

/* Put the last step somewhere else. */
static void shuffle(struct func *f)
{
	int i = below(f->step_count), last = f->step_count - 1;
	struct step s = f->step[last];

	memmove(&f->step[i + 1], &f->step[i], (last - i) * sizeof(s));
	f->step[i] = s;
}

static __u8 make_index(const struct set *set)
{
	/* Most of them are there. */
	if (!once_in(12))
		return below(set->slot_count);
	return below(INDEXES);
}

/* Functions that a call of @func runs, itself included. */
static __u32 instances(const struct prog *p, int func)
{
	__u32 count = 1;
	int i;

	for (i = 0; i < p->func[func].step_count && count <= MAX_INSTANCES; i++)
		if (calls(&p->func[func].step[i]))
			count += instances(p, p->func[func].step[i].to);
	return count;
}

/* It has no context, so it calls nothing, and no tail call is below it. */
static void make_callback(const struct set *set, struct prog *p)
{
	int from = below(p->func_count), number = p->func_count;
	struct func *f = &p->func[number];

	if (p->func[from].step_count == MAX_STEPS)
		return;
	make_func(set, f, number, true);
	if (once_in(2))
		add_step(f, HELPER, 0);
	add_step(&p->func[from], LOOP, number);
	shuffle(&p->func[from]);
	p->func_count++;
}

static void make_prog(const struct set *set, struct prog *p)
{
	bool deep = set->stack_limit == STACK_DEEP;
	int i, more;

	p->func_count = deep ? 2 + below(MAX_FUNCS - 2) : few(once_in(4) ? MAX_FUNCS : 4);
	for (i = 0; i < p->func_count; i++)
		make_func(set, &p->func[i], i, false);
	/* Each is called by one before it, often the last one: a deep chain. */
	for (i = 1; i < p->func_count; i++) {
		int from = deep || once_in(2) ? i - 1 : (int)below(i);

		while (p->func[from].step_count == MAX_STEPS)
			from--;
		if (from < 0) {
			p->func_count = i;
			break;
		}
		add_step(&p->func[from], CALL, i);
		shuffle(&p->func[from]);
	}
	/* Callers pile up on the stack only where a subprogram makes the tail call. */
	if (deep)
		add_step(&p->func[p->func_count - 1], TAIL, make_index(set));
	for (more = few(4); more; more--) {
		int from = below(p->func_count);
		struct func before = p->func[from];

		if (before.step_count == MAX_STEPS)
			continue;
		if (once_in(8))
			add_step(&p->func[from], HELPER, 0);
		else if (from < p->func_count - 1 && once_in(2))
			add_step(&p->func[from], CALL,
				 from + 1 + below(p->func_count - from - 1));
		else
			add_step(&p->func[from], TAIL, make_index(set));
		shuffle(&p->func[from]);
		if (instances(p, 0) > MAX_INSTANCES)
			p->func[from] = before;
	}
	if (once_in(6) && p->func_count < MAX_FUNCS)
		make_callback(set, p);
	for (i = 0; i < p->func_count; i++)
		p->func[i].stack += homes(&p->func[i]);
}

static __u32 rounded(__u32 bytes)
{
	return ((bytes ?: 1) + 31) / 32 * 32;
}

/* What the verifier counts, from @func on; false if it is too much. */
static bool stack_fits(const struct prog *p, int func, __u32 callers)
{
	const struct func *f = &p->func[func];
	__u32 all = callers + rounded(f->stack);
	int i;

	if (all > STACK_ALL)
		return false;
	if (func && callers >= STACK_CALLERS && function_has(f, TAIL))
		return false;
	for (i = 0; i < f->step_count; i++)
		if (calls(&f->step[i]) && !stack_fits(p, f->step[i].to, all))
			return false;
	return true;
}

/* Halve what is more than homes, then empty these. */
static void fit_prog(struct prog *p)
{
	int i, tries;

	for (tries = 0; !stack_fits(p, 0, 0); tries++) {
		for (i = 0; i < p->func_count; i++) {
			struct func *f = &p->func[i];
			__u32 least = homes(f);

			if (tries > 8)
				f->kept_count = 0;
			if (tries > 9 && f->sum_home == ON_STACK)
				f->sum_home = NOWHERE;
			if (tries > 8)
				least = homes(f);
			f->stack = least + (f->stack - least) / 16 * 8;
		}
		if (tries > 10) {
			p->func_count = 1;
			p->func[0].step_count = 0;
		}
	}
}

void fit_stack(struct set *set)
{
	int i;

	for (i = 0; i < set->prog_count; i++)
		fit_prog(&set->prog[i]);
}

void leave_out_loops(struct set *set)
{
	int i, j, k, left;

	for (i = 0; i < set->prog_count; i++) {
		for (j = 0; j < set->prog[i].func_count; j++) {
			struct func *f = &set->prog[i].func[j];

			for (k = left = 0; k < f->step_count; k++)
				if (f->step[k].kind != LOOP)
					f->step[left++] = f->step[k];
			f->step_count = left;
		}
	}
}

static void make_tracers(struct set *set)
{
	int i, tries;

	for (tries = few(MAX_TRACERS); tries; tries--) {
		struct tracer *t = &set->tracer[set->tracer_count];
		const struct prog *p;

		t->prog = below(set->prog_count);
		p = &set->prog[t->prog];
		t->func = below(p->func_count);
		t->exit = once_in(2);
		t->first_round = below(set->round_count);
		t->end_round = t->first_round + few(MAX_ROUNDS);
		if (!(reached(p) & 1U << t->func) || p->func[t->func].callback)
			continue;
		/* What is replaced cannot be traced, and the other way round. */
		if (set->extended && (t->prog == set->ext.prog || t->prog == set->ext.body))
			continue;
		/* The model knows one of a kind at a function. */
		for (i = 0; i < set->tracer_count; i++)
			if (set->tracer[i].prog == t->prog && set->tracer[i].func == t->func &&
			    set->tracer[i].exit == t->exit)
				break;
		if (i == set->tracer_count)
			set->tracer_count++;
	}
}

/* Of the last program but one, by the last one: no slot has either. */
static void make_extension(struct set *set)
{
	const struct prog *p = &set->prog[set->prog_count - 2];
	struct ext *e = &set->ext;

	if (set->prog_count < 3)
		return;
	e->prog = set->prog_count - 2;
	e->body = set->prog_count - 1;
	e->func = below(p->func_count);
	e->first_round = below(set->round_count);
	e->end_round = e->first_round + few(MAX_ROUNDS);
	set->extended = p->func[e->func].global && reached(p) & 1U << e->func;
	/*
	 * What has no tail calls may have a stack of its own there, and then there is
	 * no telling how much of the kernel's is used.
	 */
	if (set->extended && types[set->type].prog_type == BPF_PROG_TYPE_RAW_TRACEPOINT)
		set->type = 0;
}

/* A program that may stand in a slot. */
static int make_callee(const struct set *set)
{
	return below(set->extended ? set->prog_count - 2 : set->prog_count);
}

static void make_slots(struct set *set)
{
	int i, round;

	for (i = 0; i < set->slot_count; i++)
		set->slot[0][i] = once_in(5) ? NOTHING : make_callee(set);
	for (round = 1; round < MAX_ROUNDS; round++) {
		memcpy(set->slot[round], set->slot[round - 1], sizeof(set->slot[0]));
		for (i = few(2); i; i--)
			set->slot[round][below(set->slot_count)] =
				once_in(3) ? NOTHING : make_callee(set);
	}
}

static void make_race(struct set *set)
{
	set->race = true;
	set->race_slot = below(set->slot_count);
	set->race_to[0] = make_callee(set);
	set->race_to[1] = once_in(2) ? NOTHING : make_callee(set);
	/* Before and after it has the last one. */
	set->slot[0][set->race_slot] = set->race_to[1];
}

static void make_once(struct set *set, __u64 seed, __u32 number, __u32 attempt)
{
	int i;

	memset(set, 0, sizeof(*set));
	set->seed = seed;
	set->number = number;
	state = seed ^ (__u64)number << 32 ^ attempt;
	state = any();

	set->type = below(type_count);
	set->stack_limit = once_in(8) ? STACK_DEEP : STACK_SHALLOW;
	set->prog_count = few(once_in(4) ? MAX_PROGS : 4);
	set->slot_count = few(once_in(4) ? MAX_SLOTS : 4);
	set->round_count = once_in(6) ? MAX_ROUNDS : 1;
	for (i = 0; i < set->prog_count; i++)
		make_prog(set, &set->prog[i]);
	/* The verifier is asked, too. */
	if (!once_in(20))
		fit_stack(set);
	if (once_in(8))
		make_extension(set);
	make_slots(set);
	if (set->round_count == 1 && once_in(10))
		make_race(set);
	set->harden = once_in(8);
	set->watched = once_in(10) || (set->race && once_in(3));
	if (once_in(8))
		make_tracers(set);
	if (!kernel.has_loop)
		leave_out_loops(set);
}

void make_set(struct set *set, __u64 seed, __u32 number)
{
	__u32 attempt, entries;
	int i, round;

	/* A run that ends before it is stopped says more. */
	for (attempt = 0; attempt < 8; attempt++) {
		make_once(set, seed, number, attempt);
		entries = 0;
		for (round = 0; round < set->round_count; round++) {
			for (i = 0; i < set->prog_count; i++) {
				__u32 n = model_entries(set, round, i);

				entries = n > entries ? n : entries;
			}
		}
		if (entries < MAX_ENTRIES)
			return;
	}
}
