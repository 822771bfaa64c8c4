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
	/* It may sleep. What its context is called BTF does not say: void. */
	{ "syscall", BPF_PROG_TYPE_SYSCALL, 0, NULL, 0xffff },
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

__u32 array_size(const struct set *set, int array)
{
	return set->first_slot[array + 1] - set->first_slot[array];
}

__u32 slot_count(const struct set *set)
{
	return set->first_slot[set->array_count];
}

int slot_of(const struct set *set, const struct step *s)
{
	__u32 index = (__u32)index_value(s->to);

	return index < array_size(set, s->array) ? set->first_slot[s->array] + (int)index :
						   NOTHING;
}

/* Half of those on the stack are constants, in one form of the step. */
__u64 arg_value(const struct step *s, int i, __u64 events)
{
	__u64 value = (__s64)(__s32)(0x2b3c4d5fu * i);

	return s->form == DIRECT && i > 5 && i % 2 ? value : value + events;
}

/* A step that enters a function of the same program. */
static bool calls(const struct step *s)
{
	return s->kind == CALL || s->kind == LOOP || s->kind == PASS;
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

bool program_has(const struct prog *p, enum kind kind)
{
	__u32 mask = reached(p);
	int i;

	for (i = 0; i < p->func_count; i++)
		if (mask & 1U << i && function_has(&p->func[i], kind))
			return true;
	return false;
}

bool program_takes(const struct prog *p)
{
	return p->func[p->func_count - 1].args;
}

bool function_repeats(const struct func *f)
{
	int i;

	for (i = 0; i < f->step_count; i++)
		if (f->step[i].times && f->step[i].kind != LOOP)
			return true;
	return false;
}

__u32 homes(const struct func *f)
{
	__u32 bytes = 8 * (f->ctx_home == ON_STACK) + 8 * (f->sum_home == ON_STACK) +
		      8 * function_has(f, HELPER) + 8 * function_repeats(f);
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

static void make_func(const struct set *set, const struct prog *p, struct func *f, int number,
		      bool callback)
{
	__u32 taken = 0;
	int i;

	f->callback = callback;
	f->global = !number || (!callback && types[p->type].ctx && once_in(3));
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

static struct step *add_step(struct func *f, enum kind what, __u8 to)
{
	struct step *s = &f->step[f->step_count];

	if (f->step_count == MAX_STEPS)
		return NULL;
	*s = (struct step){
		.kind = what,
		.to = to,
		.form = once_in(2) ? DIRECT : INDIRECT,
		.times = what == LOOP ? 1 + below(4) : 0,
	};
	f->step_count++;
	return s;
}

/* Put the last step somewhere else. */
static void shuffle(struct func *f)
{
	int i = below(f->step_count), last = f->step_count - 1;
	struct step s = f->step[last];

	memmove(&f->step[i + 1], &f->step[i], (last - i) * sizeof(s));
	f->step[i] = s;
}

static __u8 make_index(const struct set *set, int array)
{
	/* Most of them are there. */
	if (!once_in(12))
		return below(array_size(set, array));
	return below(INDEXES);
}

/* A prog_array that takes programs of this type. */
static int make_array(const struct set *set, const struct prog *p)
{
	int array;

	do {
		array = below(set->array_count);
	} while (set->array_type[array] != p->type);
	return array;
}

static void add_tail(const struct set *set, const struct prog *p, struct func *f)
{
	int array = make_array(set, p);
	struct step *s = add_step(f, TAIL, make_index(set, array));

	if (s)
		s->array = array;
}

/* Functions that a call of @func runs, itself included. */
static __u32 instances(const struct prog *p, int func)
{
	__u32 count = 1;
	int i;

	for (i = 0; i < p->func[func].step_count && count <= MAX_INSTANCES; i++)
		if (calls(&p->func[func].step[i]))
			count += (p->func[func].step[i].kind == LOOP ? 1 :
				  p->func[func].step[i].times ?: 1) *
				 instances(p, p->func[func].step[i].to);
	return count;
}

/* It has no context, so it calls nothing, and no tail call is below it. */
static void make_callback(const struct set *set, struct prog *p)
{
	int from = below(p->func_count), number = p->func_count;
	struct func *f = &p->func[number];

	if (p->func[from].step_count == MAX_STEPS)
		return;
	make_func(set, p, f, number, true);
	if (once_in(2))
		add_step(f, HELPER, 0);
	add_step(&p->func[from], LOOP, number);
	shuffle(&p->func[from]);
	p->func_count++;
}

/*
 * A function with arguments on the stack, and one that hands them over. The verifier
 * takes them where no tail call is below.
 */
static void make_taker(const struct set *set, struct prog *p)
{
	int from = below(p->func_count), number = p->func_count;
	struct func *f = &p->func[number];

	/* Without a name of the context BTF is none that a tracer could go by. */
	if (p->func[from].step_count == MAX_STEPS || p->func[from].callback ||
	    !types[p->type].ctx)
		return;
	make_func(set, p, &f[0], number, false);
	make_func(set, p, &f[1], number + 1, false);
	f[1].global = false;
	f[1].args = 6 + below(MAX_ARGS - 5);
	add_step(&f[0], PASS, number + 1);
	if (once_in(2))
		add_step(&f[0], HELPER, 0);
	if (once_in(3))
		add_step(&f[0], PASS, number + 1);
	if (once_in(2))
		add_step(&f[1], HELPER, 0);
	add_step(&p->func[from], CALL, number);
	shuffle(&p->func[from]);
	p->func_count += 2;
}

/* Calls and tail calls that may_goto comes back to. */
static void make_repeats(struct prog *p)
{
	int tries, from, step;

	for (tries = few(3); tries; tries--) {
		struct step *s;

		from = below(p->func_count);
		if (!p->func[from].step_count)
			continue;
		step = below(p->func[from].step_count);
		s = &p->func[from].step[step];
		if (s->kind != CALL && s->kind != TAIL && s->kind != PASS)
			continue;
		s->times = 2 + below(MAX_REPEATS - 1);
		if (instances(p, 0) > MAX_INSTANCES)
			s->times = 0;
	}
}

static void make_prog(const struct set *set, struct prog *p)
{
	bool deep = set->stack_limit == STACK_DEEP;
	bool arena = kernel.has_arena && once_in(6);
	int i, more;

	p->func_count = deep ? 2 + below(MAX_FUNCS - 2) : few(once_in(4) ? MAX_FUNCS : 4);
	for (i = 0; i < p->func_count; i++)
		make_func(set, p, &p->func[i], i, false);
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
		add_tail(set, p, &p->func[p->func_count - 1]);
	for (more = few(4); more; more--) {
		int from = below(p->func_count);
		struct func before = p->func[from];

		if (before.step_count == MAX_STEPS)
			continue;
		if (once_in(8))
			add_step(&p->func[from], HELPER, 0);
		else if (arena && once_in(3))
			add_step(&p->func[from], ARENA, 0);
		else if (set->throws && once_in(3))
			add_step(&p->func[from], THROW, below(256));
		else if (from < p->func_count - 1 && once_in(2))
			add_step(&p->func[from], CALL,
				 from + 1 + below(p->func_count - from - 1));
		else
			add_tail(set, p, &p->func[from]);
		shuffle(&p->func[from]);
		if (instances(p, 0) > MAX_INSTANCES)
			p->func[from] = before;
	}
	if (once_in(6) && p->func_count < MAX_FUNCS)
		make_callback(set, p);
	if (kernel.has_args && once_in(8) && p->func_count < MAX_FUNCS - 1)
		make_taker(set, p);
	if (kernel.repeat_stack && once_in(8))
		make_repeats(p);
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

/* A function that may be traced, or none after all. */
static bool make_tracer(const struct set *set, struct tracer *t)
{
	const struct prog *p;
	int i;

	t->prog = below(set->prog_count);
	/* Few take more arguments: they and their function are chosen more often. */
	for (i = 0; i < set->prog_count && !program_takes(&set->prog[t->prog]); i++)
		t->prog = (t->prog + 1) % set->prog_count;
	p = &set->prog[t->prog];
	t->func = below(p->func_count);
	if (program_takes(p) && once_in(2))
		t->func = p->func_count - 1;
	/* The verifier lets nobody read the value behind so many arguments. */
	t->exit = once_in(2) && p->func[t->func].args < MAX_ARGS;
	t->first_round = below(set->round_count);
	t->end_round = t->first_round + few(MAX_ROUNDS);
	if (!(reached(p) & 1U << t->func) || p->func[t->func].callback)
		return false;
	/* What is replaced cannot be traced, and the other way round. */
	if (set->extended && (t->prog == set->ext.prog || t->prog == set->ext.body))
		return false;
	/* The model knows one of a kind at a function. */
	for (i = 0; i < set->tracer_count; i++)
		if (set->tracer[i].prog == t->prog && set->tracer[i].func == t->func &&
		    set->tracer[i].exit == t->exit)
			return false;
	return true;
}

static void make_tracers(struct set *set)
{
	int tries, i;

	for (i = 0; i < set->prog_count && !program_takes(&set->prog[i]); i++)
		;
	if (!once_in(i < set->prog_count ? 2 : 8))
		return;
	for (tries = few(MAX_TRACERS); tries; tries--)
		if (make_tracer(set, &set->tracer[set->tracer_count]))
			set->tracer_count++;
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
	/*
	 * What has no tail calls may have a stack of its own there, and then there is
	 * no telling how much of the kernel's is used.
	 */
	set->extended = p->func[e->func].global && reached(p) & 1U << e->func &&
			types[p->type].ctx && p[1].type == p->type &&
			types[p->type].prog_type != BPF_PROG_TYPE_RAW_TRACEPOINT;
}

/* The extension has a prog_array that nobody else has. */
static void make_its_array(struct set *set)
{
	struct prog *p = &set->prog[set->ext.body];
	int array = set->array_count, i, j;

	if (!set->extended || array == MAX_ARRAYS || slot_count(set) == MAX_SLOTS || once_in(2))
		return;
	set->array_type[array] = p->type;
	set->first_slot[array + 1] = slot_count(set) + 1 + below(MAX_SLOTS - slot_count(set));
	set->array_count++;
	for (i = 0; i < p->func_count; i++) {
		for (j = 0; j < p->func[i].step_count; j++) {
			if (p->func[i].step[j].kind != TAIL)
				continue;
			p->func[i].step[j].array = array;
			p->func[i].step[j].to = make_index(set, array);
		}
	}
}

/* A program that may stand in this slot. */
static int make_callee(const struct set *set, int slot)
{
	int prog = below(set->extended ? set->prog_count - 2 : set->prog_count), array;

	for (array = 0; slot >= set->first_slot[array + 1]; array++)
		;
	/* The first program of a type is always there. */
	while (set->prog[prog].type != set->array_type[array] && prog)
		prog--;
	return set->prog[prog].type == set->array_type[array] ? prog : NOTHING;
}

static void make_slots(struct set *set)
{
	int i, round, slot;

	for (i = 0; i < (int)slot_count(set); i++)
		set->slot[0][i] = once_in(5) ? NOTHING : make_callee(set, i);
	for (round = 1; round < MAX_ROUNDS; round++) {
		memcpy(set->slot[round], set->slot[round - 1], sizeof(set->slot[0]));
		for (i = few(3); i; i--) {
			slot = below(slot_count(set));
			set->slot[round][slot] = once_in(3) ? NOTHING : make_callee(set, slot);
		}
	}
}

static void make_race(struct set *set)
{
	set->race_slot = below(slot_count(set));
	set->race_to[0] = make_callee(set, set->race_slot);
	set->race_to[1] = once_in(2) ? NOTHING : make_callee(set, set->race_slot);
	set->race = set->race_to[0] != NOTHING;
	if (!set->race)
		return;
	/* Before and after it has the last one. */
	set->slot[0][set->race_slot] = set->race_to[1];
}

/* Of one type, or of two, and each with a prog_array or more. */
static void make_arrays(struct set *set)
{
	__u8 type[2];
	int i, slots;

	type[0] = below(type_count - !kernel.sleepers);
	type[1] = once_in(4) ? below(type_count - !kernel.sleepers) : type[0];
	for (i = 0; i < set->prog_count; i++)
		set->prog[i].type = type[i && once_in(2)];
	set->throws = kernel.throws & 1U << type[0] && kernel.throws & 1U << type[1] &&
		      once_in(6);
	set->array_count = 1 + (type[0] != type[1]);
	if (once_in(3))
		set->array_count += below(2);
	slots = few(once_in(4) ? MAX_SLOTS : 4);
	if (slots < set->array_count)
		slots = set->array_count;
	/* One each, and the others anywhere. */
	for (i = 0; i < set->array_count; i++) {
		set->array_type[i] = type[i < 2 ? (__u32)i : below(2)];
		set->first_slot[i + 1] = i + 1;
	}
	for (slots -= set->array_count; slots; slots--)
		for (i = below(set->array_count); i < set->array_count; i++)
			set->first_slot[i + 1]++;
}

/* A timer's callback, and programs that have tail calls of their own. */
static void make_interrupts(struct set *set)
{
	set->timer = kernel.has_timer && once_in(24);
	set->nested = kernel.has_nested && once_in(24);
	set->timer_stack = 8 * below(24);
}

static void make_once(struct set *set, __u64 seed, __u32 number, __u32 attempt)
{
	int i;

	memset(set, 0, sizeof(*set));
	set->seed = seed;
	set->number = number;
	state = seed ^ (__u64)number << 32 ^ attempt;
	state = any();

	set->stack_limit = once_in(8) ? STACK_DEEP : STACK_SHALLOW;
	set->prog_count = few(once_in(4) ? MAX_PROGS : 4);
	set->round_count = once_in(8) ? 1 : 1 + below(MAX_ROUNDS);
	make_arrays(set);
	for (i = 0; i < set->prog_count; i++)
		make_prog(set, &set->prog[i]);
	/* The verifier is asked, too. */
	if (!once_in(20))
		fit_stack(set);
	if (!set->throws && once_in(8))
		make_extension(set);
	make_its_array(set);
	make_slots(set);
	if (set->round_count == 1 && once_in(4))
		make_race(set);
	set->harden = once_in(8);
	set->watched = once_in(10) || (set->race && once_in(3));
	if (!set->throws)
		make_tracers(set);
	if (set->race && !set->throws && once_in(2))
		set->race_traced = make_tracer(set, &set->race_tracer) &&
				   !set->prog[set->race_tracer.prog]
					    .func[set->race_tracer.func].args;
	make_interrupts(set);
	set->early = once_in(2);
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
