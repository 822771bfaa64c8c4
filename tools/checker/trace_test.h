/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the cases of tailcall_trace share.
 *
 * A case is a function; the first expectation that does not hold ends it. What it
 * leaves behind (switches, filters, children, attachments) is put in order before
 * the next one.
 */
#ifndef TRACE_TEST_H
#define TRACE_TEST_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <linux/types.h>

#include "trace.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

struct trace_case {
	const char *name;
	void (*run)(void);
};

extern const struct trace_case truth_cases[], file_cases[], context_cases[],
	stress_cases[];

/* Unless @that holds, the case ends here, and this is why. */
void __attribute__((format(printf, 2, 3)))
expect(bool that, const char *why, ...);

void __attribute__((noreturn, format(printf, 1, 2)))
skip(const char *why, ...);

/* ---- files of the tracer -------------------------------------------------- */

#define FILES	"/sys/kernel/debug/bpf_tail_call/"

/* All of a file; the text stays until the next one but three is read. */
char *content(const char *name);

/* Write like a shell: 0 or a negative error. */
int put(const char *name, const char *text);		/* > */
int append(const char *name, const char *text);		/* >> */
int put_bytes(const char *name, const void *bytes, size_t count);

void must_put(const char *name, const char *text);

/* What follows @key in a line, as a number; -1 if it is not there. */
long long number_of(const char *line, const char *key);

/* Lines of @text with @word in them; the sum of numbers over these lines. */
int lines_with(const char *text, const char *word);
long long sum_of(const char *text, const char *word, const char *key);

/* Of all CPUs, from per_cpu/cpuN/stats. */
long long cpu_sum(const char *key);

int load_module(void);		/* 0 or a negative error */
int unload_module(void);

/* ---- programs ------------------------------------------------------------- */

struct trace_bpf;
extern struct trace_bpf *skel;

__u32 prog_id(const char *name);
int prog_fd(const char *name);
__u32 map_id(const char *name);
int map_fd(const char *name);
void set_slot(const char *map, __u32 slot, const char *prog);
void clear_slot(const char *map, __u32 slot);

/* Run a networking program, and what it returned the last time. */
int run(const char *name, int times);

/* ---- what a case must not leave behind ------------------------------------- */

pid_t start(void (*child)(void));	/* a process that runs until it is ended */
void end(pid_t pid);			/* kill it, and wait */
bool ended(pid_t pid);			/* by itself */
int keep(int fd);			/* closed at the end of the case */
void drop(int fd);			/* closed now */

double seconds(void);

#endif /* TRACE_TEST_H */
