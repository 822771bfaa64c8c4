// SPDX-License-Identifier: GPL-2.0
/*
 * What a run must do: the model walks the description with one counter and compares
 * each event that it expects with the one that was logged.
 *
 * It takes one thing from the log: how much stack a function has found used. That is
 * for the kernel to say; but a call must cost the same each time, a tail call nothing,
 * and what follows from it (a function stops itself, a tail call has no room) must
 * follow.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <linux/bpf.h>

#include "fuzz.h"

/* The callers of a run's first program, and of what replaces a function. */
#define NOBODY		(-1)
#define EXTENDED	(-2)
/* A callee without tail calls has no slots, and its R10 is there. */
#define SLOTS_SIZE	16
/* What no frame of these programs takes, with its trampolines. */
#define FRAME_MAX	4096

struct kernel kernel;
__u32 model_tail_calls, model_stack_misses, model_thrown;
__u32 model_traced;
bool model_mixed;

static const struct set *set;
static int round_now;
static bool dry;
static __u32 fuel, count, pos;
/* Which of the two a slot that changes had. */
static __u32 raced;
/* Events of the tracer that comes and goes. */
static __u32 raced_tracer;
/* An exception is on its way to the main function, with what the program returns. */
static bool thrown;
static __u32 thrown_value;
/* The stack that was used where the counter is. */
static __u32 origin;
static struct difference *diff;
static jmp_buf differs;

/* What a call costs: by program, caller, and callee; 0 where nobody knows yet. */
static __u16 cost[MAX_PROGS][MAX_FUNCS][MAX_FUNCS];

void model_new_round(void)
{
	memset(cost, 0, sizeof(cost));
}

void describe_event(__u64 event, char *text, size_t size)
{
	static const char *const names[] = {
		[ENTER] = "is entered, stack used:",
		[BACK] = "is back from a call, value:",
		[KEPT] = "has kept what it had at entry:",
		[BROKEN] = "has lost what it kept, number",
		[MISS] = "did not make a tail call",
		[FENTRY] = "fentry",
		[FEXIT] = "fexit, value:",
		[THROWN] = "throws",
		[ARGS] = "was handed arguments, in all:",
	};
	__u8 what = event >> 56, prog = event >> 48, func = event >> 40, step = event >> 32;

	if (what < ENTER || what > ARGS) {
		snprintf(text, size, "nothing (%#llx)", event);
		return;
	}
	if (what == BACK || what == KEPT || what == MISS || what == THROWN)
		snprintf(text, size, "p%u f%u step %u %s", prog, func, step, names[what]);
	else
		snprintf(text, size, "p%u f%u %s", prog, func, names[what]);
	if (what != MISS && what != FENTRY && what != THROWN)
		snprintf(text + strlen(text), size - strlen(text), " %u", (__u32)event);
}

static void __attribute__((noreturn, format(printf, 3, 4)))
difference(__u64 want, __u64 got, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(diff->what, sizeof(diff->what), fmt, ap);
	va_end(ap);
	diff->found = true;
	diff->at = pos;
	diff->want = want;
	diff->got = got;
	longjmp(differs, 1);
}

static __u64 logged(void)
{
	return pos < shared->used && pos < EVENTS ? shared->event[pos] : 0;
}

/* What emit_hash() makes of the arguments behind the context. */
static __u32 hash_args(const struct func *f, const struct step *s, __u64 events)
{
	__u64 hash = 0;
	int i;

	for (i = 2; i <= f->args; i++)
		hash = hash * 3 + arg_value(s, i, events);
	return hash ^ hash >> 32;
}

/* Says in words what is looked for. */
static void __attribute__((noreturn)) wrong_event(__u64 want, __u64 got, const char *after)
{
	__u8 want_what = want >> 56, got_what = got >> 56;

	if (got_what == BROKEN || (want_what == KEPT && got_what == KEPT))
		difference(want, got, "a value that was kept is lost");
	if (want_what == ARGS && got_what == ARGS)
		difference(want, got, "a function has other arguments than it was handed");
	if (want_what == MISS && got_what == ENTER)
		difference(want, got, "a tail call was made that must not be, after %u", count);
	if (want_what == ENTER && got_what == MISS)
		difference(want, got, "%s was not made, after %u", after, count);
	if (want >> 32 == got >> 32 && (want_what == BACK || want_what == FEXIT))
		difference(want, got, "another value is returned");
	difference(want, got, "another event, after %s", after);
}

static void expect(__u64 want)
{
	if (!dry && logged() != want)
		wrong_event(want, logged(), "the last one");
	pos++;
}

/* The stack that a function has found used. */
static __u32 expect_enter(int prog, int func, const char *how)
{
	__u64 want = EVENT(ENTER, prog, func, 0, 0), got;
	__u32 used;

	got = dry ? want : logged();
	used = (__u32)got;
	if (got >> 32 != want >> 32)
		wrong_event(want, got, how);
	pos++;
	return used;
}

/* Bytes between the counter and the end of the frame that makes a tail call. */
static __u32 used_at_tail_call(const struct prog *p, const struct func *f, __u32 used)
{
	__u32 bytes = used - origin + 8 + f->stack, regs = keepers(f);
	int i;

	/* All functions of the program have the arena's address in a register. */
	bytes += 8 * program_has(p, ARENA);

	/* Where the verifier makes a loop of bpf_loop(), it takes R6, R7 and R8 for it. */
	for (i = 0; i < f->step_count; i++) {
		if (f->step[i].kind == LOOP && f->step[i].form == DIRECT) {
			bytes += 24;
			regs |= 7U << FIRST_KEEPER;
			break;
		}
	}
	if (function_repeats(f))
		bytes += kernel.repeat_stack;
	return bytes + 8 * __builtin_popcount(regs);
}

/* An event of the tracer that comes and goes may be there or not. */
static void may_expect(int prog, int func, bool exit, __u64 event)
{
	const struct tracer *t = &set->race_tracer;

	if (set->race_traced && t->prog == prog && t->func == func && t->exit == exit &&
	    logged() == event) {
		raced_tracer++;
		pos++;
	}
}

static bool traced(int prog, int func, bool exit)
{
	int i;

	for (i = 0; i < set->tracer_count; i++) {
		const struct tracer *t = &set->tracer[i];

		if (t->prog == prog && t->func == func && t->exit == exit &&
		    t->first_round <= round_now && round_now < t->end_round)
			return true;
	}
	return false;
}

static bool extended(int prog, int func)
{
	const struct ext *e = &set->ext;

	return set->extended && e->prog == prog && e->func == func &&
	       e->first_round <= round_now && round_now < e->end_round;
}

static bool measures(int prog)
{
	return types[set->prog[prog].type].prog_type != BPF_PROG_TYPE_RAW_TRACEPOINT ||
	       program_has(&set->prog[prog], TAIL);
}

/* Of a slot that changes the run says what it had; it must be one of the two. */
static int racing_target(void)
{
	__u64 got = logged();
	int i;

	for (i = 0; !dry && i < 2; i++) {
		int to = set->race_to[i];

		if (to == NOTHING ? got >> 56 != MISS :
				  got >> 32 != EVENT(ENTER, to, 0, 0, 0) >> 32)
			continue;
		/* A miss may have another reason. */
		if (count < LIMIT)
			raced |= 1U << i;
		return to;
	}
	return set->race_to[0];
}

/* The program in the slot that a tail call names, or NOTHING. */
static int target(const struct step *s)
{
	int slot = slot_of(set, s);

	if (slot == NOTHING)
		return NOTHING;
	if (set->race && slot == set->race_slot)
		return racing_target();
	return set->slot[round_now][slot];
}

bool throws_now(__u32 events)
{
	return !(events & 3);
}

static __u32 walk_call(int prog, int caller, int func, __u32 shift, __u32 used, __u32 args);

/*
 * A call must take the same each time, whatever was tail called before. @shift is what
 * lies between R10 and the caller's frame.
 */
static void check_cost(int prog, int caller, int func, __u32 shift, __u32 before,
		       __u32 used)
{
	__u16 *known = &cost[prog][caller < 0 ? 0 : caller][func];
	__u32 took = used - before - shift;

	if (took < 16 || took > FRAME_MAX)
		difference(0, took, "a call of p%d f%d from f%d takes %d bytes of stack", prog,
			   func, caller, (int)took);
	/* bpf_loop() may be a function or not, and there may be a trampoline or none. */
	if (set->prog[prog].func[func].callback || caller == EXTENDED || set->race_traced)
		return;
	if (*known && *known != took)
		difference(*known, took,
			   "a call of p%d f%d from f%d takes %u bytes of stack, and took %u", prog,
			   func, caller, took, *known);
	*known = took;
}

/* A function, and what it tail calls: what the last of them returns. */
static __u32 walk_func(int prog, int caller, int func, __u32 shift, __u32 before, __u32 args)
{
	__u32 mask = types[set->prog[prog].type].mask;
	const char *how = caller == NOBODY ? "the start" : "a call";
	__u32 used = 0, sum, value, made = 0;
	const struct func *f;
	const struct step *s;
	__u64 base;
	int i, times, to, rounds;
	bool stack_miss;

again:
	f = &set->prog[prog].func[func];
	if (f->callback)
		mask = 0;
	if (!fuel)
		return shared->stopped & mask;
	base = shared->base + --fuel;
	used = expect_enter(prog, func, how);
	if (!dry && measures(prog)) {
		if (caller == NOBODY && !made) {
			if (used)
				difference(0, used, "the first program finds %u bytes used", used);
		} else if (!made) {
			check_cost(prog, caller, func, shift, before, used);
		} else if (used != before && used + SLOTS_SIZE != before) {
			difference(before, used, "a tail call of p%d has moved R10 by %d", prog,
				   (int)(used - before));
		}
	}
	shift = made ? before - used : 0;
	if (caller == EXTENDED && !made)
		origin = used;
	if (used > set->stack_limit)
		return shared->stopped & mask;
	if (f->args)
		expect(EVENT(ARGS, prog, func, 0, args));
	sum = 0;
	rounds = 0;
	for (i = 0; i < f->step_count; i += !rounds) {
		s = &f->step[i];
		if (!rounds && s->kind != LOOP)
			rounds = s->times;
		rounds -= !!rounds;
		switch (s->kind) {
		case CALL:
		case PASS:
			value = walk_call(prog, func, s->to, shift, used,
					  hash_args(&set->prog[prog].func[s->to], s, pos));
			if (thrown)
				goto unwind;
			sum = sum * 3 + value;
			expect(EVENT(BACK, prog, func, i, value));
			break;
		case LOOP:
			for (times = s->times; times; times--)
				walk_func(prog, func, s->to, shift, used, 0);
			sum = sum * 3 + s->times;
			expect(EVENT(BACK, prog, func, i, s->times));
			break;
		case HELPER:
			expect(EVENT(BACK, prog, func, i, 0));
			break;
		case ARENA:
			sum = sum * 3 + ARENA_VALUE;
			expect(EVENT(BACK, prog, func, i, ARENA_VALUE));
			break;
		case THROW:
			if (!throws_now(pos))
				break;
			expect(EVENT(THROWN, prog, func, i, 0));
			thrown = true;
			model_thrown++;
			thrown_value = s->to & mask;
			goto unwind;
		case TAIL:
			to = target(s);
			stack_miss = func && kernel.budget &&
				     used_at_tail_call(&set->prog[prog], f, used) > kernel.budget;
			if (to != NOTHING && count < LIMIT && !stack_miss) {
				count++;
				made++;
				how = "a tail call";
				before = used;
				prog = to;
				func = 0;
				goto again;
			}
			model_stack_misses += to != NOTHING && count < LIMIT;
			expect(EVENT(MISS, prog, func, i, 0));
			break;
		}
		if (f->kept_count)
			expect(EVENT(KEPT, prog, func, i, base));
	}
	return (f->value + (f->sum_home ? sum : 0)) & mask;

unwind:
	/* The main function of the program that threw ends, and its caller goes on. */
	if (!func)
		thrown = false;
	return thrown_value;
}

static __u32 walk_call(int prog, int caller, int func, __u32 shift, __u32 used, __u32 args)
{
	bool handed = set->prog[prog].func[func].args;
	__u32 value, count_before = count, origin_before = origin;

	/* An extension has a counter of its own. */
	if (extended(prog, func)) {
		count = 0;
		value = walk_func(set->ext.body, caller == NOBODY ? NOBODY : EXTENDED, 0, shift,
				  used, 0);
		count = count_before;
		origin = origin_before;
		return value;
	}
	if (traced(prog, func, false) && handed)
		expect(EVENT(ARGS, prog, func, 1, args));
	if (traced(prog, func, false))
		expect(EVENT(FENTRY, prog, func, 0, 0));
	may_expect(prog, func, false, EVENT(FENTRY, prog, func, 0, 0));
	value = walk_func(prog, caller, func, shift, used, args);
	if (traced(prog, func, true) && handed)
		expect(EVENT(ARGS, prog, func, 1, args));
	if (traced(prog, func, true))
		expect(EVENT(FEXIT, prog, func, 0, value));
	may_expect(prog, func, true, EVENT(FEXIT, prog, func, 0, value));
	return value;
}

__u32 model_entries(const struct set *s, int round, int prog)
{
	set = s;
	round_now = round;
	dry = true;
	count = 0;
	pos = 0;
	origin = 0;
	fuel = MAX_ENTRIES;
	walk_call(prog, NOBODY, 0, 0, 0, 0);
	return MAX_ENTRIES - fuel;
}

void model_compare(const struct set *s, int round, int prog, __u32 max, __u32 retval,
		   struct difference *d)
{
	__u32 value;

	set = s;
	round_now = round;
	dry = false;
	count = 0;
	origin = 0;
	pos = 0;
	raced = 0;
	raced_tracer = 0;
	model_mixed = false;
	model_stack_misses = 0;
	model_thrown = 0;
	thrown = false;
	fuel = max;
	diff = d;
	diff->found = false;
	if (setjmp(differs))
		return;
	value = walk_call(prog, NOBODY, 0, 0, 0, 0);
	if (pos != shared->used && logged() >> 56 == BROKEN)
		wrong_event(0, logged(), "the end");
	if (pos != shared->used)
		difference(0, logged(), "more events, after %u tail calls", count);
	if (retval != value)
		difference(value, retval, "the run returns %u, and must %u", retval, value);
	model_tail_calls = count;
	model_mixed = raced == 3;
	model_traced = raced_tracer;
}
