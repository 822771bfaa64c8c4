/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of the tail call tracer share. Documentation/tracer.rst has
 * the files that they make.
 */
#ifndef TCT_TRACER_H
#define TCT_TRACER_H

#include <linux/bpf_tail_call.h>
#include <linux/cache.h>
#include <linux/debugfs.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/types.h>

#include "compat.h"

#undef pr_fmt
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

/* Names can be longer in the kernel; here they are cut. */
#define TCT_NAME_LEN	64

#define TCT_OUTCOMES	BPF_TAIL_CALL_OUTCOMES
#define TCT_MISSES	(BIT(BPF_TAIL_CALL_EMPTY) | BIT(BPF_TAIL_CALL_RANGE) | \
			 BIT(BPF_TAIL_CALL_LIMIT) | BIT(BPF_TAIL_CALL_STACK))
#define TCT_ALL		(BIT(BPF_TAIL_CALL_HIT) | TCT_MISSES)

/* Who made an entry, as at the head of ftrace's lines. */
struct tct_task {
	char comm[TASK_COMM_LEN];
	int pid;
	char context;	/* ftrace's letters: z NMI, h interrupt, s softirq, . task */
};

/* Buffer for tct_format_head(), with the NUL. */
#define TCT_HEAD_LEN	80

/* main.c: the switches. */
extern struct mutex tct_lock;	/* for what is switched, and its readers */
int tct_rearm(void);
bool tct_tracing(void);
int tct_may_look(void);
int tct_open(struct inode *inode, struct file *file);
int tct_read_number(const char __user *from, size_t count, unsigned int *to);
int tct_format_head(char *to, size_t size, const struct tct_task *task, int cpu,
		    u64 ns);
const char *tct_outcome_name(unsigned int outcome);

/* events.c: the ring buffer and its readers. */
int tct_events_init(struct dentry *dir);
void tct_events_exit(void);
void tct_events_reset(void);
void tct_events_wake(void);
void tct_events_begin(void);
void tct_events_end(void);
void tct_probe(void *data, const struct bpf_prog *caller, const struct bpf_map *map,
	       u32 index, const struct bpf_prog *callee, u32 outcome, u32 count,
	       const void *ctx, const struct bpf_tail_call_site *site);

/* stats.c: what the kernel has counted. */
void tct_stats_init(struct dentry *dir);
void tct_stats_reset(void);

/* history.c: who wrote to slots, and what was refused. */
int tct_history_init(struct dentry *dir);
void tct_history_exit(void);

/* filter.c: what to look at. */
struct tct_filter;
extern struct tct_filter __rcu *tct_filter;
void tct_filter_init(struct dentry *dir);
void tct_filter_exit(void);
unsigned int tct_filter_outcomes(void);
bool tct_filter_row(u32 caller_id, const char *caller, u32 callee_id,
		    const char *callee, const struct bpf_map *map);
bool tct_filter_match(const struct tct_filter *filter, const struct bpf_prog *caller,
		      const struct bpf_map *map, const struct bpf_prog *callee, u32 outcome);

/* Note the current task. */
static inline void tct_fill_task(struct tct_task *task)
{
	/* Not get_task_comm(): it takes a lock in older kernels. */
	memcpy(task->comm, current->comm, sizeof(task->comm));
	task->comm[sizeof(task->comm) - 1] = 0;
	task->pid = current->pid;
	task->context = in_nmi() ? 'z' : in_hardirq() ? 'h' :
			in_serving_softirq() ? 's' : '.';
}

#endif /* TCT_TRACER_H */
