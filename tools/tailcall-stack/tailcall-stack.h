/* SPDX-License-Identifier: GPL-2.0 */
/*
 * tailcall-stack: which function of a BPF object uses how much stack, and what
 * for, held against the verifier's rule for tail calls.
 *
 *   object.c   reads functions, calls, source lines and maps from the object
 *   loaded.c   reads them from a program in the kernel
 *   frame.c    follows pointers to the stack through each function
 *   report.c   adds frames up along call chains, and tells
 */
#ifndef TAILCALL_STACK_H
#define TAILCALL_STACK_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/bpf.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

struct line {
	const char *file;
	unsigned int nr;	/* 0: the object does not say */
	const char *text;	/* the line itself, as the compiler saw it */
};

struct map {
	const char *name;
	unsigned int key_size;	/* 0: not known */
	unsigned int value_size;
};

/* What an insn refers to, once its relocation is resolved. */
struct target {
	struct func *func;	/* a call, or the address of a callback */
	const struct map *map;
};

/* A stretch of stack that an insn writes, reads or hands on. */
struct access {
	int arg;		/* 0: own frame, 1 to 5: what argument points to */
	int off;		/* from the frame pointer, or from the argument */
	unsigned int size;	/* 0: not known */
	bool write;
	const struct line *line;
	const struct func *via;	/* the callee that does it */
	int helper;		/* the helper it is handed to, or 0 */
	const char *role;	/* what it is for the helper's map, or NULL */
};

/*
 * What a frame is used for: all accesses of one source line that touch each
 * other. One that lies in a larger one is part of that: a member of a struct.
 */
struct range {
	int off;
	unsigned int size;
	const struct line *line;
	const struct func *via;
	int helper;
	const char *role;
	bool format;		/* the format string of bpf_trace_printk() */
	const struct range *within;
	unsigned int frees;	/* how much smaller the frame is without it */
};

struct func {
	const char *name;
	const char *section;
	bool program;		/* an entry, not a subprogram */
	const struct bpf_insn *insns;
	size_t nr_insns;
	struct target *targets;	/* one for each insn */
	const struct line **lines;

	bool analysed;
	bool busy;		/* being analysed: the object has recursion */
	signed char *always;	/* see on_all_paths() */
	unsigned int stack;	/* bytes, as the verifier counts them */
	const struct line *tail_call;	/* the first one, or NULL */
	bool loops;		/* calls bpf_loop() */
	struct access *accesses;
	size_t nr_accesses;
	struct range *ranges;	/* largest first */
	size_t nr_ranges;
};

struct object {
	const char *path;
	struct func *funcs;
	size_t nr_funcs;
};

void __attribute__((noreturn, format(printf, 1, 2))) die(const char *fmt, ...);
void *zalloc(size_t size);
/* Room for one more in an array that grows by doubling. */
void *grow(void *array, size_t nr, size_t size);

void read_object(struct object *obj, const char *path);
void read_loaded(struct object *obj, const char *id);
void analyse(struct func *func);
/* Does each way through the function lead over this insn? */
bool on_all_paths(struct func *func, size_t idx);
bool is_tail_call(const struct bpf_insn *insn);
const char *helper_name(int id);
/* 0: no helper has this name. */
int helper_by_name(const char *name);

/* The function that has this insn, and the insn's index in it. */
struct func *func_at(const struct object *obj, const void *insn, size_t *idx);
struct btf;
const struct line *make_line(const struct btf *btf, const struct bpf_line_info *info);
/* A line holds for its insn and those behind it, up to the next one's. */
void spread_lines(struct object *obj);

/* Return whether any kernel line refuses a chain. */
bool report_text(const struct object *obj, const struct func *only);
bool report_json(const struct object *obj, const struct func *only);

#endif /* TAILCALL_STACK_H */
