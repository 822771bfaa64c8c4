/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of tailcall_fuzz share: the description of a set of programs, which
 * a seed makes (fuzz_make.c), which becomes programs (fuzz_emit.c), and of which the
 * model knows what a run must do (fuzz_model.c).
 *
 * A set has no pointers, so a copy of it can be tried with less in it.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/types.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* Tail calls that a run may make, as the kernel has it. */
#define LIMIT		33

#define MAX_PROGS	8
#define MAX_FUNCS	8	/* also how deep the verifier lets them nest */
#define MAX_STEPS	4
#define MAX_KEPT	4
#define MAX_ARRAYS	4
#define MAX_SLOTS	12	/* of all prog_arrays together */
#define MAX_ROUNDS	4
/* Arguments of a function, of which more than five lie on the stack. */
#define MAX_ARGS	12
#define MAX_TRACERS	4
/* How often each program runs while a slot changes. */
#define RACE_RUNS	10
/* Or until a tracer has come so often. */
#define RACE_TRACERS	3
#define MAX_RACE_RUNS	1000

/* How often each program runs until so many interruptions came. */
#define MAX_INTERRUPTED	200
#define INTERRUPTS	16

#define NOTHING		(-1)
/* How a function keeps something: in one of these registers, or on its stack. */
#define NOWHERE		0
#define ON_STACK	1
#define FIRST_KEEPER	6
#define LAST_KEEPER	9

enum kind {
	CALL,		/* function .to of the same program */
	TAIL,		/* tail call index_value(.to) of .array; a miss goes on */
	LOOP,		/* bpf_loop() of function .to, which is a callback */
	HELPER,		/* that is given a key on the stack */
	ARENA,		/* a value is read from an arena, which takes a register */
	THROW,		/* an exception, in one case of four, see throws_now() */
	PASS,		/* a call of function .to, which takes more arguments */
};

enum form {
	DIRECT,		/* the index is a constant; a loop is not a call of a helper */
	INDIRECT,	/* the index is read from memory; a loop is one */
};

struct step {
	__u8 kind;
	__u8 form;
	__u8 to;
	__u8 array;
	__u8 times;	/* of a LOOP; or how often may_goto comes back to it, 0: once */
};

/* The ways to write a value to the stack. */
enum how {
	STORE,
	STORE_COPY,	/* through a register that R10 was copied to */
	STORE_SPILLED,	/* through R10 as it comes back from the stack */
	STORE_HALVES,	/* as two words */
	STORE_ADD,	/* a part, and the rest is added by an atomic insn */
	STORE_EXCHANGE,	/* by an atomic insn; where there is none, as STORE_ADD */
	STORE_RELEASE,	/* and it is read by a load-acquire; or as STORE */
	HOWS,
};

/* A value that must be there, whatever the functions that are called do. */
struct kept {
	__u8 home;
	__u8 how;
	bool wide;	/* the key has 64 bits */
	__u64 key;
};

struct func {
	bool global;
	bool callback;
	__u8 ctx_home;
	__u8 sum_home;	/* of what the calls return; it is returned, too */
	__u8 kept_count;
	__u8 step_count;
	__u8 args;		/* with the context; 0: nothing else */
	__u16 stack;		/* bytes, of which the homes have a part */
	__u16 value;		/* that is returned, added to the sum */
	struct kept kept[MAX_KEPT];
	struct step step[MAX_STEPS];
};

struct prog {
	__u8 type;		/* an index of types[] */
	__u8 func_count;
	struct func func[MAX_FUNCS];
};

/* An fentry or fexit program, attached in some of the rounds. */
struct tracer {
	__u8 prog;
	__u8 func;
	bool exit;
	__u8 first_round;
	__u8 end_round;
};

/* A program that replaces a global function of another one in some of the rounds. */
struct ext {
	__u8 prog;
	__u8 func;
	__u8 body;
	__u8 first_round;
	__u8 end_round;
};

struct set {
	__u64 seed;
	__u32 number;
	bool harden;
	bool watched;		/* the tracepoints of tail calls are on, where they are */
	bool early;		/* a slot is filled as soon as its first program is loaded */
	bool throws;		/* some functions do, so none is traced or replaced */
	/* A function that finds more used than this returns at once. */
	__u32 stack_limit;
	__u8 prog_count;
	/* What interrupts the runs, see fuzz_interrupt.c. */
	bool timer;
	bool nested;
	__u16 timer_stack;
	/* A prog_array has the slots from the one until that of the next one. */
	__u8 array_count;
	__u8 first_slot[MAX_ARRAYS + 1];
	__u8 array_type[MAX_ARRAYS];
	__u8 round_count;
	__u8 tracer_count;
	__s8 slot[MAX_ROUNDS][MAX_SLOTS];
	struct tracer tracer[MAX_TRACERS];
	bool extended;
	struct ext ext;
	/* While programs run, one slot is written again and again: with one, then the other. */
	bool race;
	__u8 race_slot;
	__s8 race_to[2];
	/* And one function is traced and not traced. */
	bool race_traced;
	struct tracer race_tracer;
	struct prog prog[MAX_PROGS];
};

struct type {
	const char *name;
	int prog_type;
	int attach_type;
	const char *ctx;	/* the structure, as BTF must have it; NULL: no name for it */
	__u32 mask;		/* what a program may return */
};

extern const struct type types[];
extern const size_t type_count;

/*
 * What programs and the tool have in common: one array with one element that is
 * mapped here. Where a run has got to stands in .used events.
 */
#define STOPPED		0x5707
#define EVENTS		16384	/* a power of two */
#define INDEXES		32

struct shared {
	__u64 used;
	__u64 fuel;		/* functions that may still be entered */
	__u64 base;		/* the values that are kept begin here */
	__u64 stopped;	/* what a function returns that stops itself */
	__u64 top;		/* R10 of the first function */
	__u64 r10;
	__u64 args;		/* what a function was handed, see hash_args() */
	/* Of what interrupts: does it begin anew, how often was it there, and was it wrong. */
	__u64 ticking;
	__u64 ticks, wrong_ticks;
	__u64 nested_entries;
	__u64 nested, wrong_nested;
	__u64 seen_entries;	/* of a wrong one */
	__u64 index[INDEXES];
	__u64 event[EVENTS];
};

/* An event: what, where, and 32 bits of a value. */
enum what {
	ENTER = 1,	/* a function begins; the stack that it finds used */
	BACK,		/* a call has returned; the value */
	KEPT,		/* what the first kept value was made of */
	BROKEN,		/* another kept value does not fit; which */
	MISS,		/* a tail call was not made */
	FENTRY,
	FEXIT,		/* the value that the function returned */
	THROWN,		/* an exception: the program that runs is left */
	ARGS,		/* what the function was handed; step 1: as a tracer sees it */
};

#define EVENT(what, prog, func, step, value) \
	((__u64)(what) << 56 | (__u64)(prog) << 48 | (__u64)(func) << 40 | \
	 (__u64)(step) << 32 | (__u32)(value))

/* What stands at the beginning of the arena. */
#define ARENA_VALUE	0x5eedu

/* A run stops itself after so many entries, if the model has not fewer. */
#define MAX_ENTRIES	400
/* What it may enter beyond those of the model. */
#define SPARE_ENTRIES	16
/*
 * Each entry is an event, has its arguments in another one, and two for each step, as
 * often as may_goto comes back to it; a tracer writes three.
 */
#define MAX_REPEATS	4
#define MAX_EVENTS	((MAX_ENTRIES + SPARE_ENTRIES) * (5 + 2 * MAX_STEPS * MAX_REPEATS))
#if MAX_EVENTS > EVENTS
#error a run may log more than there is room for
#endif

/*
 * With the series a run may have used 10240 bytes at a subprogram's tail call, of a
 * stack of 16384. One set does not get there; another does, and stays within what a
 * kernel without that rule has.
 */
#define STACK_SHALLOW	9216
#define STACK_DEEP	11264

/* fuzz_make.c */
void make_set(struct set *set, __u64 seed, __u32 number);
__u64 index_value(__u8 to);
/* Slots of a prog_array, and the one of a step; NOTHING if it is beyond the array. */
__u32 array_size(const struct set *set, int array);
int slot_of(const struct set *set, const struct step *s);
/* All slots. */
__u32 slot_count(const struct set *set);
/* Argument @i, from 2 on, where so many events were logged. */
__u64 arg_value(const struct step *s, int i, __u64 events);
/* Functions of a program that are reached from its main function. */
__u32 reached(const struct prog *p);
bool function_has(const struct func *f, enum kind kind);
bool program_has(const struct prog *p, enum kind kind);
/* It has a function with arguments on the stack. */
bool program_takes(const struct prog *p);
/* A may_goto, which keeps its count, or a time too, on the stack. */
bool function_repeats(const struct func *f);
/* Frames that the verifier must take. */
void fit_stack(struct set *set);
/* Without the steps that this kernel has not. */
void leave_out_loops(struct set *set);
/* Bytes of the frame that the homes take. */
__u32 homes(const struct func *f);
/* Callee-saved registers that a function writes, as a mask. */
__u32 keepers(const struct func *f);

/* fuzz_emit.c */
int emit_init(void);
/* What this kernel has of what not all have; a prog_array's descriptor is lent. */
void find_features(int array_fd, bool run);
/* The descriptor of a program, or a negative error. */
int load_prog(const struct set *set, int number, const int *array_fd, const int *prog_fd);
/* The link of a tracer or an extension that is attached, or a negative error. */
int attach(int fd, const char *what);
int load_tracer(const struct set *set, const struct tracer *t, int target_fd);
/* Why the last program, slot or link was refused. */
const char *refusal(void);
void __attribute__((format(printf, 1, 2))) refuse(const char *fmt, ...);
extern struct shared *shared;

/* fuzz_model.c */
struct kernel {
	__u32 budget;	/* 0 for none */
	bool has_loop;		/* 5.17; atomic insns came in 5.12 */
	bool has_arena;		/* 6.9 */
	__u8 throws;		/* a bit for each of types[]: 6.7 and later */
	bool sleepers;		/* a program that may sleep makes tail calls: 7.0 */
	bool has_acquire;	/* 6.15 */
	bool has_args;		/* more than five: 7.2 */
	__u32 repeat_stack;	/* what may_goto needs, 0: there is none; 6.9 */
	bool has_timer;		/* 5.15 */
	bool has_nested;	/* a program on the clock's interrupt, with perf events */
};

extern struct kernel kernel;

struct difference {
	bool found;
	__u8 round, prog;	/* which run */
	__u32 at;		/* the event */
	__u64 want, got;
	char what[160];
};

/* Forget what frames took: tracers have come or gone. */
void model_new_round(void);
/* A THROW throws where so many events were logged before. */
bool throws_now(__u32 events);
/* How many functions a run enters, as far as can be said without one. */
__u32 model_entries(const struct set *set, int round, int prog);
/* Compare a run with what it must do. */
void model_compare(const struct set *set, int round, int prog, __u32 fuel,
		   __u32 retval, struct difference *diff);
void describe_event(__u64 event, char *text, size_t size);
/* Of the last run that was compared. */
extern __u32 model_tail_calls, model_stack_misses, model_thrown;
extern __u32 model_traced;
extern bool model_mixed;

/* fuzz_interrupt.c */
void find_interrupts(void);
/* From now on; false if refused. */
bool interrupt(const struct set *set);
/* What has come so far was right. */
bool interrupts_fit(struct difference *diff);
void leave_alone(void);

/* fuzz_run.c */
enum outcome {
	SAME,
	DIFFERS,
	REFUSED,
};

/* What the time goes to. */
enum phase {
	LOAD,
	FILL,
	ATTACH,
	RUN,
	RACE,
	LET_GO,
	PHASES,
};

struct totals {
	__u64 runs, entries, tail_calls, events, stack_misses, full;
	__u64 writes;		/* of a slot, while programs run */
	__u64 watched;		/* sets */
	__u64 thrown;
	__u64 tracers;		/* that came and went while programs ran, */
	__u64 traced;		/* and what they saw */
	__u64 ticks, nested;	/* interruptions */
	__u64 mixed;		/* runs that have seen both of what it had */
	__u64 ns[PHASES];	/* what each took */
};

extern struct totals totals;
/* As it was before the first set. */
void restore_settings(void);
enum outcome run_set(const struct set *set, struct difference *diff);
/* All of it but the runs. */
extern bool load_only;

/* fuzz_shrink.c */
/* The same words, whatever the numbers. */
bool same_kind(const struct difference *a, const struct difference *b);
void shrink(struct set *set, struct difference *diff);
void print_set(const struct set *set);
void print_kunit(const struct set *set, const struct difference *diff);

void __attribute__((noreturn, format(printf, 2, 3))) stop(int status, const char *fmt, ...);

#endif /* FUZZ_H */
